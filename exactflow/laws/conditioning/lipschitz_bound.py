"""Lower bound of the Lipschitz constant of maps whose image of N(0, I) is near a law.

The covariance gives a bound, and so does every orthonormal frame, by theorem 16a of
`exactflow.laws.conditioning.jacobian_bounds`. All these bounds are *certified*. The frames that are
tried are the coordinate axes and, for atoms, frames whose first axis is parallel, up to rounding,
to the difference of the centers of two clusters. The first frame is the one whose distance exceeds
the tolerance most.
"""

from collections.abc import Callable
from functools import cache, partial
from math import floor

from flint import arb, ctx, fmpq, fmpq_mat
from scipy.optimize import brentq
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.singular_values import enclose_principal_standard_deviations
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.log_det_bound import pairwise_mean_differences_of_few_clusters
from exactflow.laws.conditioning.mixture_components import (
    Gaussian,
    Law,
    MixtureComponents,
    is_known_product,
)
from exactflow.laws.conditioning.projection import (
    ProjectedLaw,
    SquaredDistanceBoundsBySlope,
    coordinate_axes,
    project_onto_each_axis_as_atoms,
    rational_frame_near_up_to_sign,
)
from exactflow.laws.conditioning.tuning import TUNING

SMALLEST = 2**64  # the search for a slope starts at the target's deviation divided by this number
LEAST_LOG2 = -(2.0**20)  # stands for the logarithm of a midpoint that is not positive
_BITS = 60  # significant bits of a dyadic slope, more than the 53 bits of a float


def bracket_least_lipschitz(
    law: Law, components: MixtureComponents, eps: Element
) -> tuple[Element, Element | None, ProjectedLaw | None]:
    """Return a lower and an upper bound of the least Lipschitz constant of a map whose image of
    N(0, I) is within W2 <= `eps` of `law`, and the projected law that gave the lower bound.

    The upper bound is None if none is known; the projected law is None if the covariance gave the
    lower bound. `components` is a mixture that equals or approximates the law.
    """
    exact_eps, error = to_fmpq(eps), components.error.upper().fmpq()
    has_independent_coordinates = is_known_product(law)
    deviation = components.enclose_deviation()
    if deviation <= arb(exact_eps - error):
        suffices = has_independent_coordinates or isinstance(law, Gaussian)
        return QQ.zero, QQ.zero if suffices else None, None
    start = deviation / SMALLEST
    make_squared_distance = partial(
        _squared_covariance_distance_by_slope, components.total_covariance
    )
    slope, attained, bits = _bracket_least_slope_within_distance_tolerance(
        make_squared_distance, start, exact_eps + error, TUNING.precision
    )
    if isinstance(law, Gaussian):
        return slope, attained, None
    frames = [coordinate_axes(components.dimension)]
    if not has_independent_coordinates and components.covariances is None:
        frames += map(
            rational_frame_near_up_to_sign, pairwise_mean_differences_of_few_clusters(components)
        )
    projections = [project_onto_each_axis_as_atoms(law, components, frame, eps) for frame in frames]
    eps_exponent = int(eps.numerator).bit_length() - int(eps.denominator).bit_length() - 1
    exponent = components.rough_log2_largest_coordinate_or_deviation
    bits = max(bits, TUNING.precision + 4 * max(0, exponent - eps_exponent))
    attained, best = None, None
    rest = exact_eps - projections[0].error.upper().fmpq()
    if has_independent_coordinates and rest > 0:
        _, attained, _ = _bracket_least_slope_within_distance_tolerance(
            projections[0].make_squared_distance_bounds_by_slope, deviation, rest, bits
        )
    while projections:
        start = ball(slope) if slope else start
        farthest = _index_of_largest_proved_excess_over_eps(projections, start, eps, bits)
        if farthest is None:
            break
        best = projections.pop(farthest)
        tolerance = exact_eps + best.error.upper().fmpq()
        slope, _, bits = _bracket_least_slope_within_distance_tolerance(
            best.make_squared_distance_bounds_by_slope, start, tolerance, bits
        )
    return slope, attained, best


def _squared_covariance_distance_by_slope(covariance: fmpq_mat) -> SquaredDistanceBoundsBySlope:
    """Return the function of L whose value is sum_i (s_i - L)_+^2, where the s_i^2 are the
    eigenvalues of the covariance. Both bounds are the same ball.
    """
    spectrum = enclose_principal_standard_deviations(covariance)
    return lambda slope, _: sum(((s - slope).max(arb(0)) ** 2 for s in spectrum), arb(0))


def _index_of_largest_proved_excess_over_eps(
    projections: list[ProjectedLaw], slope: arb, eps: Element, first_bits: int
) -> int | None:
    """Return the index of the projected law with the largest excess. The excess is the distance of
    the atoms from the maps with slopes at most `slope`, minus `eps`, minus the `error` of the law.

    Returns None if no excess is proved positive with a precision of up to four times `first_bits`.
    """
    for precision in (first_bits, 2 * first_bits, 4 * first_bits):
        with ctx.workprec(precision):
            excess = [
                projection.make_squared_distance_bounds_by_slope()(slope, False).sqrt()
                - (ball(eps) + projection.error.upper())
                for projection in projections
            ]
        first = max(range(len(projections)), key=lambda i: excess[i].lower())
        if excess[first] > 0:
            return first
        if all(x < 0 for x in excess):
            return None
    return None


def _bracket_least_slope_within_distance_tolerance(
    make_squared_distance: Callable[[], SquaredDistanceBoundsBySlope],
    start_slope: arb,
    distance_tolerance: fmpq,
    bits: int,
) -> tuple[Element, Element, int]:
    """Return a lower and an upper bound of the least slope for which the distance is at most the
    tolerance, and the precision with which they were found.

    Both bounds are dyadic, and their ratio is at most 1 + 2^-23, unless the lower bound is zero.
    The search begins at `start_slope` with a precision of `bits`, which is doubled until it
    suffices. `make_squared_distance` is called again at each precision.
    """
    while bits <= TUNING.most_precision:
        with ctx.workprec(bits):
            found = _bracket_least_slope_if_precision_suffices(
                make_squared_distance(),
                _log2_midpoint_else_hugely_negative(start_slope),
                arb(distance_tolerance) ** 2,
            )
        if found is not None:
            return *found, bits
        bits *= 2
    raise PrecisionError(
        f"{TUNING.most_precision} bits do not suffice to compare a distance with eps: the target "
        "is too large for this eps, or eps is too near the standard deviation of the target; "
        "raise eps, or change it slightly"
    )


def _bracket_least_slope_if_precision_suffices(
    squared_distance: SquaredDistanceBoundsBySlope, log2_start_slope: float, squared_tolerance: arb
) -> tuple[Element, Element] | None:
    """Return the bounds of `_bracket_least_slope_within_distance_tolerance`, or None if the
    precision does not suffice.

    `log2_start_slope` is the binary logarithm of the slope at which the search begins.
    """

    @cache
    def log2_squared_distance_over_squared_tolerance(log2_slope: float) -> float:
        """Estimate log2 of the quotient of squared distance and squared tolerance, for a slope."""
        above = squared_distance(ball(_dyadic_near_exp2(log2_slope)), True)
        return _log2_midpoint_else_hugely_negative(above / squared_tolerance)

    low, high, step = log2_start_slope, log2_start_slope, TUNING.first_step
    while log2_squared_distance_over_squared_tolerance(high) > 0:
        low, high, step = high, high + step, 2 * step
    while log2_squared_distance_over_squared_tolerance(low) <= 0:
        if low < log2_start_slope - TUNING.least_slope:
            least = _dyadic_near_exp2(log2_start_slope - TUNING.least_slope)
            is_enough = squared_distance(ball(least), True) <= squared_tolerance
            return (QQ.zero, least) if is_enough else None
        low, high, step = low - step, low, 2 * step
    root = brentq(
        log2_squared_distance_over_squared_tolerance, low, high, xtol=TUNING.widths[0] / 4
    )
    for width in TUNING.widths:
        least, most = _dyadic_near_exp2(root - width), _dyadic_near_exp2(root + width)
        below, above = squared_distance(ball(least), False), squared_distance(ball(most), True)
        if below >= squared_tolerance and above <= squared_tolerance:
            return least, most
    return None


def _log2_midpoint_else_hugely_negative(x: arb) -> float:
    """Return the binary logarithm of the midpoint of a ball, or -2^20 if the midpoint is <= 0."""
    middle = x.mid()
    return float(middle.log().mid()) / 0.6931471805599453 if middle > 0 else LEAST_LOG2


def _dyadic_near_exp2(x: float) -> Element:
    """Return a dyadic rational near 2^x, with about 60 significant bits."""
    whole = floor(x)
    return QQ(round(2 ** (x - whole + _BITS))) * QQ(2) ** (whole - _BITS)
