"""The least slope at which a distance that falls is within a tolerance, between two numbers."""

from collections.abc import Callable
from math import floor
from typing import NamedTuple

from flint import arb, ctx
from sympy import QQ

from exactflow.conditioning.tuning import TUNING
from exactflow.exact.balls import PrecisionError, ball
from exactflow.exact.typing import Element

__all__ = ["Distance", "least_slope"]

Distance = Callable[[arb], tuple[arb, arb]]
"""From a positive slope to two enclosures, of squares below and above that of the distance."""

_BITS = 60  # of a float's mantissa, and more


def least_slope(
    problem: Callable[[], Distance], start: arb, tolerance: arb, bits: int = TUNING.precision
) -> tuple[Element, Element]:
    """Return dyadic numbers: at slopes below the first the distance is at least the tolerance, at
    the second it is at most that.

    They differ by a factor of 1 + 2^-24 at most, unless the first is zero.

    Parameters
    ----------
    problem : makes the distance, at the precision of the current ``workprec`` block.
    start : a positive number to begin with.
    tolerance : an enclosure of a positive number.
    bits : the precision to begin with.
    """
    while bits <= TUNING.most_precision:
        with ctx.workprec(bits):
            found = _tried(problem(), _logarithm(start), tolerance * tolerance)
        if found is not None:
            return found
        bits *= 2
    raise PrecisionError(
        f"expected {TUNING.most_precision} bits to tell a distance from a tolerance"
    )


def _tried(distance: Distance, start: float, square: arb) -> tuple[Element, Element] | None:
    """Return the two numbers, or None where the precision does not suffice for them."""
    bracket = _bracket(lambda x: _logarithm(distance(ball(_power(x)))[1] / square), start)
    if bracket is None:
        low, high = QQ.zero, _power(start - TUNING.least_slope)
        return (low, high) if distance(ball(high))[1] <= square else None
    root = bracket.root()
    for width in TUNING.widths:
        low, high = _power(root - width), _power(root + width)
        if distance(ball(low))[0] >= square and distance(ball(high))[1] <= square:
            return low, high
    return None


class _Bracket(NamedTuple):
    """A function that falls, two places, and its values there: above zero and below."""

    f: Callable[[float], float]
    low: float
    high: float
    above: float
    below: float

    def root(self) -> float:
        """Return about where the function is zero: numeric.

        Regula falsi, with the value at an end that stays halved, so that none does for long, and
        bisection where the values are far apart.
        """
        f, low, high, above, below = self
        stays = 0
        for _ in range(TUNING.most_steps):
            share = above / (above - below) if above - below < TUNING.far else 0.5
            middle = low + (high - low) * share
            value = f(middle)
            if abs(value) < TUNING.widths[0] / 4 or not low < middle < high:
                return middle
            if value > 0:
                low, above, below, stays = middle, value, below / (1 + (stays > 0)), 1
            else:
                high, below, above, stays = middle, value, above / (1 + (stays < 0)), -1
        return (low + high) / 2


def _bracket(f: Callable[[float], float], start: float) -> _Bracket | None:
    """Return a bracket, or None where the zero is far before the start."""
    step, low = TUNING.first_step, start
    value = other = f(start)
    if value > 0:
        while (value := f(low + step)) > 0:
            low, other, step = low + step, value, 2 * step
        return _Bracket(f, low, low + step, other, value)
    while (value := f(low - step)) <= 0:
        low, other, step = low - step, value, 2 * step
        if low < start - TUNING.least_slope:
            return None
    return _Bracket(f, low - step, low, value, other)


def _logarithm(x: arb) -> float:
    """Return about the binary logarithm of a number, of at least -2^20."""
    middle = x.mid()
    return float(middle.log().mid()) / 0.6931471805599453 if middle > 0 else -(2.0**20)


def _power(x: float) -> Element:
    """Return about 2^x, a dyadic number."""
    whole = floor(x)
    return QQ(round(2 ** (x - whole + _BITS))) * QQ(2) ** (whole - _BITS)
