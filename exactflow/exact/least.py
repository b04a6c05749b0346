"""The least number that suffices, by doubling and bisection."""

from collections.abc import Callable


def least(suffices: Callable[[int], bool]) -> int:
    """Return a positive integer that suffices while one less does not, the least one wherever more
    never hurts; numbers up to twice the answer are tried.
    """
    low, high = 0, 1
    while not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
