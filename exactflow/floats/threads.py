"""Linear algebra in floats on one thread. Several threads add in a varying order, which changes the
last bits of results.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit the thread pools of NumPy and SciPy to one thread, inside a with-block.

    So the last bits of results do not vary, and no thread waits for another.
    """
    with _thread_pool_controller("scipy.linalg" in sys.modules).limit(limits=1):
        yield


@cache
def _thread_pool_controller(has_scipy: bool) -> ThreadpoolController:
    """Return a controller of the loaded thread pools.

    It is cached for each value of `has_scipy`, since finding the pools takes milliseconds.
    """
    return ThreadpoolController()
