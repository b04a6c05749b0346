"""Cost of ill-conditioning: singular values and digits of approximations, with fitted laws.

A flow is studied at Gaussian draws, which lie mostly on plateaus, and at the steepest ramp.

How it is checked
-----------------
*Certified*: singular values of Jacobians at the points, which are rational, before they are rounded
for a table. *Numeric*: digits, float64 errors and fitted lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, nextafter

import mpmath
import numpy as np
import sympy
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.exact.numbers import (
    format_short,
    to_element,
    to_elements,
    to_float,
    to_index,
    to_mpf,
)
from exactflow.exact.typing import Element, NumberLike
from exactflow.flows.base import Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.laws.conditioning import condition_number, singular_values
from exactflow.laws.universal import W2Approximation
from proofs.constructions.bisection import least_sufficient
from proofs.constructions.strips import kl_lower_bound
from proofs.constructions.well_conditioned import WellConditioned

__all__ = [
    "digits_to_invert",
    "fit",
    "float_error",
    "gaussian_points",
    "linear_study",
    "study",
    "worst_points",
]

MOST_DIGITS = 100_000


@dataclass(frozen=True)
class PointConditioning:
    """Conditioning of a flow at the worst of several points.

    Attributes are log10 of the least and of the largest singular value of the Jacobian (the latter
    is the local Lipschitz constant) and of the condition number; and the digits of mpmath that
    suffice to invert the flow to 10^-6.
    """

    least: float
    lipschitz: float
    condition: float
    digits: int

    @classmethod
    def of(cls, flow: PiecewiseFlow, points: Sequence) -> "PointConditioning":
        """Measure the conditioning of a flow at rational points."""
        spectra = [singular_values(flow.jacobian(point)) for point in points]
        return cls(
            min(_log10(values[-1]) for values in spectra),
            max(_log10(values[0]) for values in spectra),
            max(_log10(values[0] / values[-1]) for values in spectra),
            digits_to_invert(flow, points),
        )


@dataclass(frozen=True)
class Record:
    """One approximation: number of layers, certified upper bound of W2 and lower bound of the
    divergence of the target from the flow (floats, safely rounded), conditioning at draws and at
    the worst ramp; `float_error` is the error of an inversion in float64 at all these points.
    """

    depth: int
    bound: float
    divergence: float
    draws: PointConditioning
    ramp: PointConditioning
    float_error: float


@dataclass(frozen=True)
class LinearRecord:
    """One linear flow and its layers: log10 condition numbers, and digits to invert."""

    name: str
    depth: int
    condition: float
    layer_conditions: tuple[float, ...]
    digits: int
    layer_digits: tuple[int, ...]
    float_error: float


@dataclass(frozen=True)
class FittedLine:
    """A fitted line digits = slope x + intercept, and its root mean square residual."""

    slope: float
    intercept: float
    residual: float


def _float_below(bound: sympy.Expr) -> float:
    """Return a float below a positive number, or infinity."""
    return inf if bound == sympy.oo else max(nextafter(float(bound), -inf), 0.0)


def study(found: W2Approximation | WellConditioned, draws: int = 8, seed: int = 0) -> Record:
    """Return size, bounds and conditioning of an approximation, and the digits for its inverse.

    The divergence of well-conditioned layers is bounded by zero only.

    Parameters
    ----------
    found : the result of `approximate` or `approximate_well`.
    draws : number of Gaussian draws, besides points on the worst ramp.
    seed : seed of the draws.

    Examples
    --------
    >>> from exactflow.laws.universal import Atoms, approximate
    >>> record = study(approximate(Atoms([[0, 0], [1, 1]]), "1/10"))
    >>> record.draws.condition, record.ramp.condition > 3, record.divergence
    (0.0, True, inf)
    """
    points, worst = gaussian_points(found.flow.dimension, draws, seed), worst_points(found)
    return Record(
        found.flow.depth,
        nextafter(float(found.bound), inf),
        _float_below(kl_lower_bound(found)) if isinstance(found, W2Approximation) else 0.0,
        PointConditioning.of(found.flow, points),
        PointConditioning.of(found.flow, worst),
        float_error(found.flow, [*points, *worst]),
    )


def linear_study(
    flows: Mapping[str, CouplingFlow], draws: int = 4, seed: int = 0
) -> list[LinearRecord]:
    """Return one record for every linear flow over QQ; the tolerance is 10^-6."""
    records = []
    for name, flow in flows.items():
        points = gaussian_points(flow.dimension, draws, seed)
        layers = [CouplingFlow([layer]) for layer in flow]
        records.append(
            LinearRecord(
                name,
                flow.depth,
                _log10(condition_number(flow.matrix())),
                tuple(_log10(condition_number(layer.matrix())) for layer in flow),
                digits_to_invert(flow, points),
                tuple(digits_to_invert(layer, points) for layer in layers),
                float_error(flow, points),
            )
        )
    return records


def digits_to_invert(
    flow: CouplingFlow | PiecewiseFlow,
    sample: Sequence,
    tol: NumberLike = "1/1000000",
    limit: int = MOST_DIGITS,
) -> int:
    """Return the number of decimal digits of mpmath at which f^-1(f(z)) returns z.

    The result p was tried and suffices, and p - 1 was tried and does not (unless p = 1): it is
    found by doubling and bisection. The flow and its inverse are run layer by layer.

    Parameters
    ----------
    flow : a flow over QQ.
    sample : points of d rationals each.
    tol : the largest error, in any coordinate of any point, that is accepted.
    limit : the most digits to try.

    Raises
    ------
    PrecisionError
        `limit` digits do not suffice; the message says what the error was.

    Examples
    --------
    >>> from exactflow import LinearCoupling
    >>> steep = LinearCoupling((1, 1), "second", [[10**20]])
    >>> digits_to_invert(CouplingFlow([steep]), [[1, "1/3"]])
    25
    """
    tol, limit = to_element(tol), to_index("limit", limit, 1)
    points = [to_elements(point) for point in sample]
    if tol <= 0 or not points:
        raise InvalidInputError(
            f"expected tol > 0 and at least one point, got tol = {format_short(tol)}, "
            f"{len(points)} points"
        )
    inverse = flow.inverse()

    def suffices(digits: int) -> bool:
        with mpmath.workdps(digits):
            return all(_error(flow, inverse, point) <= tol for point in points)

    digits = least_sufficient(lambda digits: digits > limit or suffices(digits))
    if digits > limit:
        with mpmath.workdps(limit):
            error = max(_error(flow, inverse, point) for point in points)
        raise PrecisionError(
            f"expected {limit} digits to suffice for an error of {format_short(tol)}, got an "
            f"error of {to_float(error):.1e}: raise the limit by about "
            f"{len(str(int(error / tol)))} digits"
        )
    return digits


def _error(flow: Flow, inverse: Flow, point: Sequence) -> Element:
    """Return the largest error of f^-1(f(point)) at the current precision, as a rational."""
    back = inverse.forward(flow.forward([to_mpf(entry) for entry in point]))
    return max(abs(to_element(b) - entry) for b, entry in zip(back, point, strict=True))


def float_error(flow: CouplingFlow | PiecewiseFlow, sample: Sequence) -> float:
    """Return the largest error of f^-1(f(z)) in float64 over the points of a sample.

    It is infinite if an intermediate number is too large for float64.
    """
    points = np.array([[to_float(x) for x in to_elements(point)] for point in sample]).T
    back = flow.backward(flow.forward(points))
    error = np.max(np.abs(back - points))
    return float(error) if np.isfinite(error) else np.inf


def gaussian_points(dimension: int, count: int, seed: int = 0) -> list[list]:
    """Return Gaussian draws as dyadic rationals of 20 fractional bits: exact in any arithmetic."""
    draws = np.random.default_rng(seed).standard_normal((count, dimension))
    return [[QQ(round(x * 2**20), 2**20) for x in row] for row in draws.tolist()]


def worst_points(found: W2Approximation | WellConditioned) -> list[list]:
    """Return points where the flow is steep: on the ramp nearest to zero of those between atoms
    that are about farthest apart, or on the steepest piece of the transport.

    Near the middle of a ramp of the first layer those after it are on their ramps, too. The points
    are off it by parts of the ramp that are no dyadic numbers, and there are several: rounding
    errors of one may cancel. Raises `InvalidInputError` for a single atom, which has no ramp.
    """
    if isinstance(found, WellConditioned):
        T = found.path.map
        ends = [T.knots[0] - 1, *T.knots, T.knots[-1] + 1]
        steepest = T.slopes.index(max(T.slopes))
        middle, width = (ends[steepest] + ends[steepest + 1]) / 2, QQ.one
        read = 0
    else:
        parameters = found.parameters
        if not parameters.knots:
            raise InvalidInputError("expected at least two atoms, got one, whose flow has no ramp")
        steps = np.diff(parameters.atoms, axis=0)
        squares = (steps * steps).sum(axis=1).tolist()
        pairs = zip(parameters.knots, squares, strict=True)
        middle = min((q for q, square in pairs if 2 * square >= max(squares)), key=abs)
        width = parameters.tau
        read = range(found.flow.dimension)[parameters.first_layer_moved_and_kept[1]][0]
    points = [[QQ(1, k)] * found.flow.dimension for k in (3, 5, 7)]
    for point, part in zip(points, (48, 53, -61), strict=True):
        point[read] = middle + width / part
    return points


def fit(logarithms: Sequence[float], digits: Sequence[int]) -> FittedLine:
    """Return the least-squares line of digits against log10 of condition numbers or norms.

    >>> law = fit([2, 4, 8], [8, 10, 14])
    >>> round(law.slope, 9), round(law.intercept, 9), law.residual < 1e-9
    (1.0, 6.0, True)
    """
    if len(set(logarithms)) < 2 or len(logarithms) != len(digits):
        raise InvalidInputError(
            "expected at least two different logarithms, and as many digits, got "
            f"{len(logarithms)} and {len(digits)}"
        )
    x, y = np.array(logarithms, dtype=float), np.array(digits, dtype=float)
    slope, intercept = np.polynomial.Polynomial.fit(x, y, 1).convert().coef[::-1]
    residual = np.sqrt(np.mean((y - slope * x - intercept) ** 2))
    return FittedLine(float(slope), float(intercept), float(residual))


def _log10(value: arb) -> float:
    return float((value.log() / arb(10).log()).mid())
