"""The least Lipschitz constant that theorem 16a of `exactflow.laws.conditioning.forced` leaves.

*Certified*: each frame, and the covariance, gives a bound. Which frames are tried is a matter of
taste: the coordinate axes and, for atoms, those that begin with a difference of two centers of a
few clusters; of these the one that is farthest from the tolerance is taken first.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import floor

from flint import arb, ctx
from scipy.optimize import brentq
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.frames import Distance, LawOnAxes, frame_of, reflection, unit_frame
from exactflow.laws.conditioning.pieces import Gaussian, Law, Pieces, is_product
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.conditioning.volume import differences

TINY = 2**64
_BITS = 60  # of a float's mantissa, and more


def least_lipschitz(
    law: Law, pieces: Pieces, eps: Element, spectrum: Sequence[arb]
) -> tuple[Element, "Element | None", "LawOnAxes | None"]:
    """Return the best bound for maps within `eps` of a law, which has these pieces, and the frame
    that gave it, or None.

    The bound is a slope that is forced; beside it stands a slope that suffices, if one is known.
    `spectrum` has the roots of the eigenvalues of the covariance, not all within eps of zero.
    """
    deviation = sum((s * s for s in spectrum), arb(0)).sqrt()
    if deviation <= ball(eps) - pieces.error:
        is_known = isinstance(law, Gaussian) or is_product(law)
        return QQ.zero, QQ.zero if is_known else None, None

    def capped(slope: arb, _: bool) -> tuple[arb, arb]:
        """Return the square of the distance of deviations from those that are at most a slope."""
        total = sum(((s - slope).max(arb(0)) ** 2 for s in spectrum), arb(0))
        return total, total

    start, near = deviation / TINY, ball(eps) + pieces.error
    slope, enough = _least_slope(lambda: capped, start, near, TUNING.precision)
    if isinstance(law, Gaussian):
        return slope, enough, None
    finest = int(eps.numerator).bit_length() - int(eps.denominator).bit_length() - 1
    bits = TUNING.precision + 4 * max(0, pieces.exponent - finest)
    tried = [unit_frame(pieces.dimension)]
    is_free = is_product(law)
    if not is_free and pieces.spreads is None:
        tried += map(reflection, differences(pieces))
    frames = [frame_of(law, pieces, axes, eps) for axes in tried]
    attained, found, rest = None, None, ball(eps) - frames[0].error
    if is_free and rest > 0:
        _, attained = _least_slope(frames[0].distance, deviation, rest, bits)
    while frames:
        start = ball(slope).max(start)
        with ctx.workprec(bits):
            excess = [f.distance()(start, False)[0].sqrt() - ball(eps) - f.error for f in frames]
        first = max(range(len(frames)), key=lambda i: excess[i].lower())
        if not excess[first] > 0:
            break
        found = frames.pop(first)
        slope, _ = _least_slope(found.distance, start, ball(eps) + found.error, bits)
    return slope, attained, found


def _least_slope(
    problem: Callable[[], Distance], start: arb, tolerance: arb, bits: int
) -> tuple[Element, Element]:
    """Return dyadic numbers, a factor of at most 1 + 2^-24 apart unless the first is zero: at
    slopes below the first the distance is at least the tolerance, at the second it is at most that.

    `problem` makes the distance at the current precision, `bits` at first; the search begins at
    `start`.
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

    @cache
    def excess(x: float) -> float:
        return _logarithm(distance(ball(_power(x)), True)[1] / square)

    low, high, step = start, start, TUNING.first_step
    while excess(high) > 0:
        low, high, step = high, high + step, 2 * step
    while excess(low) <= 0:
        if low < start - TUNING.least_slope:
            least = _power(start - TUNING.least_slope)
            return (QQ.zero, least) if distance(ball(least), True)[1] <= square else None
        low, high, step = low - step, low, 2 * step
    root = brentq(excess, low, high, xtol=TUNING.widths[0] / 4)
    for width in TUNING.widths:
        ends = _power(root - width), _power(root + width)
        below, above = (distance(ball(end), k > 0)[k] for k, end in enumerate(ends))
        if below >= square and above <= square:
            return ends
    return None


def _logarithm(x: arb) -> float:
    """Return about the binary logarithm of a number, of at least -2^20."""
    middle = x.mid()
    return float(middle.log().mid()) / 0.6931471805599453 if middle > 0 else -(2.0**20)


def _power(x: float) -> Element:
    """Return about 2^x, a dyadic number."""
    whole = floor(x)
    return QQ(round(2 ** (x - whole + _BITS))) * QQ(2) ** (whole - _BITS)
