"""One thread for linear algebra in floats: several threads add in another order, which changes the
last bits of the results.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit NumPy's and SciPy's thread pools to one thread; several would wait for each other."""
    with _thread_pool_controller("scipy.linalg" in sys.modules).limit(limits=1):
        yield


@cache
def _thread_pool_controller(has_scipy: bool) -> ThreadpoolController:
    """Return a controller of the loaded thread pools. It is cached, for each value of `has_scipy`,
    since finding the pools takes milliseconds.
    """
    return ThreadpoolController()
