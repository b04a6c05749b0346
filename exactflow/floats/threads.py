"""One thread for linear algebra in floats: with more, sums in another order give other bits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit the thread pools of NumPy and SciPy, which would wait for each other, to one thread."""
    with _thread_pool_controller("scipy.linalg" in sys.modules).limit(limits=1):
        yield


@cache
def _thread_pool_controller(has_scipy: bool) -> ThreadpoolController:
    """Return a controller of the loaded thread pools; cached, since finding them takes
    milliseconds.
    """
    return ThreadpoolController()
