"""The least integer that suffices, by doubling and bisection."""

from collections.abc import Callable


def least_sufficient(suffices: Callable[[int], bool]) -> int:
    """Return a positive integer n that suffices although n - 1 does not: the least one if every
    integer above a sufficient one suffices, too. Integers up to 2 n are tried.
    """
    low, high = 0, 1
    while not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
