"""What ill-conditioning costs: tables of condition numbers and digits, and the law between them.

`study` runs over the approximations of one measure by `exactflow.universal.approximate`,
`linear_study` over linear flows, layer by layer. Condition numbers are *certified* before they are
rounded for the table; digits and errors are *numeric*.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import sympy
from flint import arb
from sympy import QQ

from exactflow.conditioning import (
    condition_number,
    digits_to_invert,
    float_error,
    layer_condition_numbers,
    singular_values,
)
from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_float
from exactflow.flows.flow import CouplingFlow
from exactflow.universal import Approximation, approximate

__all__ = [
    "Law",
    "LinearRecord",
    "Record",
    "fit",
    "gaussian_points",
    "linear_study",
    "study",
    "worst_point",
    "write_csv",
]


@dataclass(frozen=True)
class Record:
    """One approximation: its parameters, its certified bound, and what its inversion takes.

    Condition numbers are log10: the largest along Gaussian draws, and that at the worst ramp, where
    `log_inverse_norm` is log10 of the norm of the inverse Jacobian. `digits` invert the flow at the
    draws and at the worst ramp, `float_error` is that of float64.
    """

    eps: sympy.Rational
    delta: sympy.Rational
    tau: sympy.Rational
    atoms: int
    bound: float
    log_kappa_draws: float
    log_kappa_worst: float
    log_inverse_norm: float
    digits_draws: int
    digits: int
    float_error: float


@dataclass(frozen=True)
class LinearRecord:
    """One linear flow: log10 condition numbers and digits to invert, of the whole and of layers."""

    name: str
    depth: int
    log_kappa: float
    log_kappa_layers: tuple[float, ...]
    digits: int
    digits_layers: tuple[int, ...]
    float_error: float


@dataclass(frozen=True)
class Law:
    """A line digits = slope x + intercept, and its root mean square residual."""

    slope: float
    intercept: float
    residual: float


def study(target, epsilons: Iterable, draws: int = 8, seed: int = 0) -> list[Record]:
    """Return one record for the approximation of `target` to each eps; the tolerance is 10^-6.

    Parameters
    ----------
    target : what `approximate` takes.
    epsilons : positive rationals.
    draws : how many Gaussian draws to look at, beside the worst ramp.
    """
    return [_record(approximate(target, eps), draws, seed) for eps in epsilons]


def _record(found: Approximation, draws: int, seed: int) -> Record:
    points = gaussian_points(found.target.dimension, draws, seed)
    worst = worst_point(found)
    flow, parameters = found.flow, found.parameters
    steepest = flow.jacobian(worst)
    return Record(
        found.eps,
        QQ.to_sympy(parameters.delta),
        QQ.to_sympy(parameters.tau),
        len(parameters.weights),
        float(found.bound),
        max(_log10(condition_number(flow.jacobian(point))) for point in points),
        _log10(condition_number(steepest)),
        -_log10(singular_values(steepest)[-1]),
        digits_to_invert(flow, points),
        digits_to_invert(flow, [*points, worst]),
        float_error(flow, [*points, worst]),
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
                tuple(map(_log10, layer_condition_numbers(flow))),
                digits_to_invert(flow, points),
                tuple(digits_to_invert(layer, points) for layer in layers),
                float_error(flow, points),
            )
        )
    return records


def gaussian_points(dimension: int, count: int, seed: int = 0) -> list[list]:
    """Return Gaussian draws as dyadic rationals of 20 fractional bits: exact in any arithmetic."""
    draws = np.random.default_rng(seed).standard_normal((count, dimension))
    return [[QQ(round(x * 2**20), 2**20) for x in row] for row in draws.tolist()]


def worst_point(found: Approximation) -> list:
    """Return a point on the ramp with the largest product of slopes of the three layers.

    Near the middle of ramp i of t1 the label is near i + 1/2, so that t2 and t3 are on their ramps,
    too. The point is off the middle by 1/48 of the ramp, no dyadic number: a symmetric point may be
    inverted without any error. Raises `InvalidInputError` for a single atom, which has no ramp.
    """
    parameters, n = found.parameters, found.parameters.half
    if not parameters.knots:
        raise InvalidInputError("expected at least two atoms, got one, whose flow has no ramp")
    steps = np.diff(parameters.atoms.astype(float) / 2.0**parameters.bits, axis=0)
    steps[:, n] -= to_float(parameters.delta)
    first, second = np.linalg.norm(steps[:, :n], axis=1), np.linalg.norm(steps[:, n:], axis=1)
    slopes = first * second / (steps[:, 0] - 2 * to_float(parameters.radius))
    knot = parameters.knots[int(np.argmax(slopes))]
    return [knot + parameters.tau / 48] + [QQ(1, 3)] * (2 * n - 1)


def fit(logarithms: Sequence[float], digits: Sequence[int]) -> Law:
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
    return Law(float(slope), float(intercept), float(residual))


def write_csv(records: Sequence[Record | LinearRecord], path: Path) -> None:
    """Write records of one kind to a file, with a header line."""
    rows = [asdict(record) for record in records]
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _log10(value: arb) -> float:
    return float((value.log() / arb(10).log()).mid())
