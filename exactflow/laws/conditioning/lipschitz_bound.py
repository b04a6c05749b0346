"""Lower bound of the Lipschitz constant, by theorem 16a of `..conditioning.jacobian_bounds`.

*Certified*: each frame, and the covariance, gives a bound. Which frames are tried is a matter of
taste: the coordinate axes and, for atoms, those that begin with a difference of two centers of a
few clusters; of these the one that is farthest from the tolerance is taken first.
"""

from collections.abc import Callable
from functools import cache, partial
from math import floor

from flint import arb, ctx
from scipy.optimize import brentq
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.condition import deviations
from exactflow.laws.conditioning.frames import Distance, LawOnAxes, frame_of, reflection, unit_frame
from exactflow.laws.conditioning.log_det_bound import differences
from exactflow.laws.conditioning.mixture_components import (
    Gaussian,
    Law,
    MixtureComponents,
    is_product,
)
from exactflow.laws.conditioning.tuning import TUNING

TINY = 2**64
_BITS = 60  # of a float's mantissa, and more


def bound_lipschitz(
    law: Law, components: MixtureComponents, eps: Element
) -> tuple[Element, "Element | None", "LawOnAxes | None"]:
    """Return the best lower bound of the Lipschitz constant of maps within `eps` of a law.

    The bound is a slope that is forced; beside it stands a slope that suffices, if one is known.
    """
    covariance, is_free = components.covariance()[1], is_product(law)
    deviation = sum((s * s for s in deviations(covariance)), arb(0)).sqrt()
    if deviation <= _tolerance(eps, -components.error.upper()):
        return QQ.zero, QQ.zero if is_free or isinstance(law, Gaussian) else None, None

    def capped() -> Distance:
        spectrum = deviations(covariance)

        def square(slope: arb, _: bool) -> tuple[arb, arb]:
            """Return the square of the distance of deviations from those at most a slope."""
            total = sum(((s - slope).max(arb(0)) ** 2 for s in spectrum), arb(0))
            return total, total

        return square

    start, near = deviation / TINY, partial(_tolerance, eps, components.error.upper())
    slope, enough, told = _least_slope(capped, start, near, TUNING.precision)
    if isinstance(law, Gaussian):
        return slope, enough, None
    finest = int(eps.numerator).bit_length() - int(eps.denominator).bit_length() - 1
    bits = max(told, TUNING.precision + 4 * max(0, components.exponent - finest))
    tried = [unit_frame(components.dimension)]
    if not is_free and components.spreads is None:
        tried += map(reflection, differences(components))
    frames = [frame_of(law, components, axes, eps) for axes in tried]
    attained, found, rest = None, None, partial(_tolerance, eps, -frames[0].error.upper())
    if is_free and rest() > 0:
        _, attained, _ = _least_slope(frames[0].distance, deviation, rest, bits)
    while frames:
        start = ball(slope) if slope else start
        first = _farthest(frames, start, eps, bits)
        if first is None:
            break
        found = frames.pop(first)
        near = partial(_tolerance, eps, found.error.upper())
        slope, _, bits = _least_slope(found.distance, start, near, bits)
    return slope, attained, found


def _farthest(frames: list[LawOnAxes], slope: arb, eps: Element, bits: int) -> int | None:
    """Return the place of the frame that is farthest from maps of a slope; None if none is shown to
    be beyond eps, with at most four times these bits.
    """
    for precision in (bits, 2 * bits, 4 * bits):
        with ctx.workprec(precision):
            excess = [
                frame.distance()(slope, False)[0].sqrt() - _tolerance(eps, frame.error.upper())
                for frame in frames
            ]
        first = max(range(len(frames)), key=lambda i: excess[i].lower())
        if excess[first] > 0:
            return first
        if all(x < 0 for x in excess):
            return None
    return None


def _tolerance(eps: Element, error: arb) -> arb:
    """Return eps plus an error, a number without radius, at the current precision."""
    return ball(eps) + error


def _least_slope(
    problem: Callable[[], Distance], start: arb, tolerance: Callable[[], arb], bits: int
) -> tuple[Element, Element, int]:
    """Return dyadic numbers, a factor of at most 1 + 2^-24 apart unless the first is zero: at
    slopes below the first the distance is at least the tolerance, at the second it is at most that.
    Third, the bits that tell this.

    `problem` and `tolerance` are posed at the current precision, `bits` at first; the search begins
    at `start`.
    """
    while bits <= TUNING.most_precision:
        with ctx.workprec(bits):
            found = _tried(problem(), _logarithm(start), tolerance() ** 2)
        if found is not None:
            return *found, bits
        bits *= 2
    raise PrecisionError(
        f"{TUNING.most_precision} bits do not tell a distance from eps: the target is too large "
        "for this eps, or eps too near to where a slope is forced; change eps a little, or raise it"
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
