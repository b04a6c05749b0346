"""Lower bound of the Lipschitz constant of maps whose image is near a law.

The covariance gives a bound, and so does every orthonormal frame: theorem 16a of
`exactflow.laws.conditioning.jacobian_bounds`. All of them are *certified*. Which frames are tried
is a choice: the coordinate axes and, for atoms, frames whose first axis is near the difference of
the centers of two clusters. The frame whose distance exceeds the tolerance most is taken first.
"""

from collections.abc import Callable
from functools import cache, partial
from math import floor

from flint import arb, ctx, fmpq_mat
from scipy.optimize import brentq
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball
from exactflow.exact.singular_values import principal_deviations
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.log_det_bound import cluster_center_differences
from exactflow.laws.conditioning.mixture_components import (
    Gaussian,
    Law,
    MixtureComponents,
    is_product,
)
from exactflow.laws.conditioning.projection import (
    Distance,
    ProjectedLaw,
    project,
    reflected_frame,
    unit_frame,
)
from exactflow.laws.conditioning.tuning import TUNING

SMALLEST = 2**64  # the search starts at the deviation divided by this number
_BITS = 60  # more than the 53 bits of a float's mantissa


def bracket_least_lipschitz(
    law: Law, components: MixtureComponents, eps: Element
) -> tuple[Element, "Element | None", "ProjectedLaw | None"]:
    """Enclose the least Lipschitz constant of maps whose image is within `eps` of a law.

    Returns a lower bound; an upper bound, or None if none is known; and the projections that gave
    the lower bound, or None if the covariance did.
    """
    covariance, has_independent_coordinates = components.weight_and_covariance()[1], is_product(law)
    deviation = sum((s * s for s in principal_deviations(covariance)), arb(0)).sqrt()
    if deviation <= _eps_plus_error(eps, -components.error.upper()):
        suffices = has_independent_coordinates or isinstance(law, Gaussian)
        return QQ.zero, QQ.zero if suffices else None, None
    start, tolerance = deviation / SMALLEST, partial(_eps_plus_error, eps, components.error.upper())
    posed = partial(_distance_by_covariance, covariance)
    slope, attained, bits = _enclose_least_slope(posed, start, tolerance, TUNING.precision)
    if isinstance(law, Gaussian):
        return slope, attained, None
    frames = [unit_frame(components.dimension)]
    if not has_independent_coordinates and components.spreads is None:
        frames += map(reflected_frame, cluster_center_differences(components))
    seen = [project(law, components, axes, eps) for axes in frames]
    eps_exponent = int(eps.numerator).bit_length() - int(eps.denominator).bit_length() - 1
    bits = max(bits, TUNING.precision + 4 * max(0, components.log2_size - eps_exponent))
    attained, best, rest = None, None, partial(_eps_plus_error, eps, -seen[0].error.upper())
    if has_independent_coordinates and rest() > 0:
        _, attained, _ = _enclose_least_slope(
            seen[0].squared_distance_function, deviation, rest, bits
        )
    while seen:
        start = ball(slope) if slope else start
        farthest = _farthest(seen, start, eps, bits)
        if farthest is None:
            break
        best = seen.pop(farthest)
        tolerance = partial(_eps_plus_error, eps, best.error.upper())
        slope, _, bits = _enclose_least_slope(
            best.squared_distance_function, start, tolerance, bits
        )
    return slope, attained, best


def _distance_by_covariance(covariance: fmpq_mat) -> Distance:
    """Return the squared distance of the deviations from [0, L], as a function of L."""
    spectrum = principal_deviations(covariance)

    def bound_squared_distance(slope: arb, _: bool) -> tuple[arb, arb]:
        total = sum(((s - slope).max(arb(0)) ** 2 for s in spectrum), arb(0))
        return total, total

    return bound_squared_distance


def _farthest(seen: list[ProjectedLaw], slope: arb, eps: Element, bits: int) -> int | None:
    """Return the index of the projections that are farthest from maps with slopes at most `slope`.

    None if with up to four times `bits` no distance is proved to exceed the tolerance.
    """
    for precision in (bits, 2 * bits, 4 * bits):
        with ctx.workprec(precision):
            excess = [
                frame.squared_distance_function()(slope, False)[0].sqrt()
                - _eps_plus_error(eps, frame.error.upper())
                for frame in seen
            ]
        first = max(range(len(seen)), key=lambda i: excess[i].lower())
        if excess[first] > 0:
            return first
        if all(x < 0 for x in excess):
            return None
    return None


def _eps_plus_error(eps: Element, error: arb) -> arb:
    """Return eps + `error` at the current precision; `error` is an exact ball."""
    return ball(eps) + error


def _enclose_least_slope(
    problem: Callable[[], Distance], start: arb, tolerance: Callable[[], arb], bits: int
) -> tuple[Element, Element, int]:
    """Return a slope, a slightly larger one, and the bits of precision that prove them.

    Below the first slope the distance is at least the tolerance; at the second it is at most the
    tolerance. Both are dyadic, and their ratio is at most 1 + 2^-24 unless the first is zero. The
    search begins at `start`; `problem` and `tolerance` are evaluated anew at each precision.
    """
    while bits <= TUNING.most_precision:
        with ctx.workprec(bits):
            found = _bracket_slope(problem(), _binary_logarithm(start), tolerance() ** 2)
        if found is not None:
            return *found, bits
        bits *= 2
    raise PrecisionError(
        f"{TUNING.most_precision} bits do not suffice to compare a distance with eps: the target "
        "is too large for this eps, or eps is too near the deviation of the target; change eps "
        "slightly, or raise it"
    )


def _bracket_slope(distance: Distance, start: float, square: arb) -> tuple[Element, Element] | None:
    """Return the two slopes of `_enclose_least_slope`, or None if the precision does not suffice.

    `start` is the binary logarithm of a slope, `square` the square of the tolerance.
    """

    @cache
    def log_ratio(x: float) -> float:
        return _binary_logarithm(distance(ball(_power_of_two(x)), True)[1] / square)

    low, high, step = start, start, TUNING.first_step
    while log_ratio(high) > 0:
        low, high, step = high, high + step, 2 * step
    while log_ratio(low) <= 0:
        if low < start - TUNING.least_slope:
            least = _power_of_two(start - TUNING.least_slope)
            return (QQ.zero, least) if distance(ball(least), True)[1] <= square else None
        low, high, step = low - step, low, 2 * step
    root = brentq(log_ratio, low, high, xtol=TUNING.widths[0] / 4)
    for width in TUNING.widths:
        ends = _power_of_two(root - width), _power_of_two(root + width)
        below, above = (distance(ball(end), k > 0)[k] for k, end in enumerate(ends))
        if below >= square and above <= square:
            return ends
    return None


def _binary_logarithm(x: arb) -> float:
    """Return the binary logarithm of the midpoint of a ball, in floats; -2^20 if it is <= 0."""
    middle = x.mid()
    return float(middle.log().mid()) / 0.6931471805599453 if middle > 0 else -(2.0**20)


def _power_of_two(x: float) -> Element:
    """Return a dyadic number near 2^x."""
    whole = floor(x)
    return QQ(round(2 ** (x - whole + _BITS))) * QQ(2) ** (whole - _BITS)
