"""One thread for float linear algebra, where sums in another order would give other bits."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold the pools of NumPy and SciPy, which would wait for each other, to one thread."""
    with _controller("scipy.linalg" in sys.modules).limit(limits=1):
        yield


@cache
def _controller(has_scipy: bool) -> ThreadpoolController:
    """The controller of the loaded thread pools, kept since finding them takes milliseconds."""
    return ThreadpoolController()
