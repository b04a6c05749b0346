"""The least number that suffices, by doubling and bisection."""

from collections.abc import Callable
from typing import overload

__all__ = ["least"]


@overload
def least(suffices: Callable[[int], bool]) -> int: ...
@overload
def least(suffices: Callable[[int], bool], limit: int) -> int | None: ...


def least(suffices: Callable[[int], bool], limit: int | None = None) -> int | None:
    """Return a positive integer that suffices while one less does not, or None above `limit`.

    It is the least one wherever more never hurts. Numbers up to twice the answer are tried.

    >>> least(lambda n: n >= 25), least(lambda n: n >= 25, limit=24)
    (25, None)
    """
    low, high = 0, 1
    while not suffices(high):
        if high == limit:
            return None
        low, high = high, 2 * high if limit is None else min(2 * high, limit)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
