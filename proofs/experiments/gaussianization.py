"""Gaussianization by well-conditioned layers: coordinatewise transports and rotations alternate.

Main results
------------
A sample in n coordinates is rotated, and every coordinate is mapped to N(0, 1) by the monotone map
from its empirical quantiles. These two steps are repeated. For densities this converges to N(0, I)
(Chen and Gopinath, *Gaussianization*, NIPS 2000; Laparra, Camps-Valls and Malo, *Iterative
Gaussianization: from ICA to random rotations*, IEEE Transactions on Neural Networks, 2011; trained
by Meng, Song, Song and Ermon, *Gaussianization flows*, AISTATS 2020). The inverse generates. With n
pads each of its steps is a composition of well-conditioned couplings of halves (data, pads):

- the transports of all coordinates at once, by the layers of
  `proofs.constructions.well_conditioned`, coordinate by coordinate;
- a rotation R of the data, and R^-1 of the pads, by shears (`rotations_by_shears`).

How it is checked
-----------------
*Certified*: condition numbers, of the layers that rescale the pads where these are within four
deviations (no number serves for all pads). *Exact*: flow, inverse and determinant, for one round;
as scales depend on the data, lengths of rational numbers multiply from round to round, and mpmath
is for more. *Numeric*: how near the law of the flow is to that of the sample.

A layer with singular values s1 >= s2 of one coordinate, s1 / s2 <= k, scales by r = s1 s2, and r
and 1/r are at most k: so s1 <= k and s2 >= 1/k, and several coordinates together have a condition
number of at most k^2. Each gets the square root of what is allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from itertools import zip_longest
from typing import ClassVar

import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import upper
from exactflow.exact.numbers import (
    format_short,
    format_up,
    sqrt_to_128_bits,
    to_element,
    to_float,
    to_fraction,
    to_index,
)
from exactflow.exact.typing import Element, NumberLike
from exactflow.flows.base import Coupling
from exactflow.flows.evidence import Evidence
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.result import FlowResult
from exactflow.laws.universal.measures import draw_normal_columns
from proofs.constructions.bisection import least_sufficient
from proofs.constructions.well_conditioned.flow_plan import DataScaling, Rescaling
from proofs.constructions.well_conditioned.path import (
    Path,
    as_bound_above_one,
    graded_path,
    shear_condition,
    shear_norm,
)
from proofs.constructions.well_conditioned.tuning import TUNING
from proofs.experiments.coordinatewise import coordinatewise
from proofs.experiments.rotations_by_shears import RotationByShears, random_rotation_by_shears

__all__ = ["Gaussianization", "gaussianize"]

LEAST_POINTS = 100
MOST_PAIRS = 2**10
_KNOTS = 33
_OUTSIDE = 8
_MOST_REACH = 3.0
_LEAST_SLOPE, _MOST_SLOPE = 1 / 8, 8.0
_TRIALS = 32
_DRAWS = 1000
_DRIFT = 0.02


@dataclass(frozen=True)
class GaussianizationRound:
    """One round: transports of the coordinates, by paths of equally many pairs, and a rotation."""

    paths: tuple[Path, ...]
    scalings: tuple[Rescaling, ...]
    turn: RotationByShears | None

    def layers(self) -> list[Coupling]:
        """Return the layers of the round, in the direction from noise to data."""
        turns = [] if self.turn is None else self.turn.layers()
        return [*_place_side_by_side(self.paths), *_place_side_by_side(self.scalings), *turns]

    @property
    def condition(self) -> arb:
        """Enclosure of an upper bound of the condition numbers of the layers."""
        norms = [path.norm for path in self.paths]
        norms += [] if self.turn is None else [self.turn.norm]
        rescaled = _joint_condition([scaling.condition for scaling in self.scalings])
        return shear_condition(max(norms)).max(rescaled)


@dataclass(frozen=True, eq=False, repr=False)
class Gaussianization(FlowResult):
    """A well-conditioned flow from noise to data: the result of `gaussianize`.

    Attributes
    ----------
    flow : on 2n coordinates, n of the data and n pads.
    rounds : in the direction from noise to data.
    condition : at least the condition number of every layer, as for `approximate_well`: certified.
    """

    rounds: tuple[GaussianizationRound, ...]
    units: tuple[DataScaling, ...]
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @cached_property
    def flow(self) -> PiecewiseFlow:
        """The layers."""
        layers = [layer for one in self.rounds for layer in one.layers()]
        return PiecewiseFlow([*layers, *_place_side_by_side(self.units)])

    @cached_property
    def condition(self) -> sympy.Rational:
        """Rational upper bound of the condition numbers of the layers."""
        with ctx.workprec(TUNING.precision):
            units = _joint_condition([unit.condition for unit in self.units])
            bounds = [units, *(one.condition for one in self.rounds)]
            return QQ.to_sympy(max(map(upper, bounds)))

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Return `count` generated points, in rows: the flow at Gaussian draws, in float64."""
        n = len(self.units)
        return self.flow.forward(draw_normal_columns(2 * n, count, seed))[:n].T

    def __str__(self) -> str:
        return (
            f"{len(self.rounds)} rounds in dimension {len(self.units)}, {self.flow.depth} layers "
            f"of condition numbers <= {format_up(self.condition)}"
        )


def _place_side_by_side(parts: Sequence[Path | Rescaling | DataScaling]) -> list[Coupling]:
    """Return layers of n coordinates and n pads; part i acts on coordinate i and its pad. Parts
    with fewer layers do nothing at the end.
    """
    n, layers = len(parts), []
    for row in zip_longest(*(part.layers() for part in parts)):
        moves = next(layer.moves for layer in row if layer is not None)
        if isinstance(row[0], LinearCoupling):
            matrix = sympy.diag(*(layer.shift for layer in row))
            layers.append(LinearCoupling((n, n), moves, matrix))
        else:
            still = PiecewiseCoupling((1, 1), moves, PiecewiseLinear([0], [0]))
            layers.append(coordinatewise([layer or still for layer in row]))
    return layers


def _joint_condition(conditions: list[arb]) -> arb:
    """Return a bound of the condition number of a layer from those of its coordinates."""
    worst = reduce(arb.max, conditions)
    return worst if len(conditions) == 1 else (worst * worst).upper()


def gaussianize(
    sample: np.ndarray, *, condition: NumberLike, rounds: int = 12, seed: int = 0
) -> Gaussianization:
    """Return well-conditioned layers that generate points distributed like a sample.

    Theorem and references are in the module's docstring. Each rotation is chosen among 32 random
    ones: after it the coordinates are farthest from normal. The number of steps is such that the
    data is carried to the transports within 0.02 in the mean square, which is measured on draws.

    Parameters
    ----------
    sample : an (N, n) array of finite floats, N at least 100.
    condition : a rational above 1.
    rounds : how often to map the coordinates; one is enough for n = 1.
    seed : of the rotations.

    Raises
    ------
    InvalidInputError
        No such array, a coordinate that is constant, condition <= 1 or too near to 1.

    Examples
    --------
    >>> turns = np.random.default_rng(0).random(2000) * 2 * np.pi
    >>> circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)
    >>> found = gaussianize(circle + 0.1 * np.random.default_rng(1).standard_normal((2000, 2)),
    ...     condition=20, rounds=2)
    >>> found.condition <= 20, found.sample(5).shape
    (True, (5, 2))
    """
    points = _as_points(sample)
    condition = as_bound_above_one(condition)
    rounds = to_index("rounds", rounds, 1)
    generator = np.random.default_rng(to_index("seed", seed, 0))
    n = points.shape[1]
    with ctx.workprec(TUNING.precision):
        norm = shear_norm(condition)
        most = condition if n == 1 else to_element(sqrt_to_128_bits(to_fraction(condition)))
        exponents = np.frexp(np.abs(points).max(axis=0))[1].tolist()
        points, scales = np.ldexp(points, [-e for e in exponents]), [QQ(2) ** e for e in exponents]
        units = tuple(DataScaling.of(_raw_transport(points, i, scales[i]), most) for i in range(n))
        for i, (unit, scale) in enumerate(zip(units, scales, strict=True)):
            moved = points[:, i] - to_float(unit.shift / scale)
            points[:, i] = moved / to_float(unit.factor / scale)
        found = []
        for k in range(rounds):
            turn = _choose_rotation(points, norm, generator) if k and n > 1 else None
            if turn is not None:
                points = points @ turn.matrix
            maps = [_fit_transport(points[:, i]) for i in range(n)]
            points = np.stack(
                [_invert_transport(T, points[:, i]) for i, T in enumerate(maps)], axis=1
            )
            scalings = tuple(Rescaling.of(T, most) for T in maps)
            found.append(GaussianizationRound(_choose_paths(maps, norm, condition), scalings, turn))
    return Gaussianization(tuple(reversed(found)), units)


def _as_points(sample: np.ndarray) -> np.ndarray:
    if not isinstance(sample, np.ndarray) or sample.dtype.kind not in "fiu" or sample.ndim != 2:
        shown = getattr(sample, "shape", type(sample).__name__)
        raise InvalidInputError(f"expected an (N, n) array of floats, a point a row, got {shown}")
    points = sample.astype(float)
    if len(points) < LEAST_POINTS or not points.shape[1]:
        raise InvalidInputError(
            f"expected at least {LEAST_POINTS} points of at least one coordinate, got an array of "
            f"shape {sample.shape}"
        )
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0].tolist()
        raise InvalidInputError(
            f"expected finite numbers, got {points[row, column]} at {row, column}"
        )
    for i, (low, high) in enumerate(zip(points.min(axis=0), points.max(axis=0), strict=True)):
        if low == high:
            raise InvalidInputError(
                f"expected coordinates that vary, got {low} throughout coordinate {i}: leave it out"
            )
    return points


def _empirical_quantiles(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels on a dyadic grid, and the empirical quantiles at these labels."""
    from scipy.special import ndtr, ndtri

    reach = min(_MOST_REACH, -float(ndtri(_OUTSIDE / len(values))))
    labels = np.rint(np.linspace(-reach, reach, _KNOTS) * 2**TUNING.bits) / 2**TUNING.bits
    return labels, np.quantile(values, ndtr(labels))


def _raw_transport(points: np.ndarray, i: int, scale: Element) -> PiecewiseLinear:
    """Return the map from labels to empirical quantiles of a coordinate, constant outside."""
    labels, places = _empirical_quantiles(points[:, i])
    if places[0] == places[-1]:
        raise InvalidInputError(
            f"expected coordinates that vary, got one value at most points of coordinate {i}: "
            "leave it out"
        )
    return PiecewiseLinear(labels.tolist(), [to_element(x) * scale for x in places.tolist()])


def _fit_transport(values: np.ndarray) -> PiecewiseLinear:
    """Return a transport near the empirical one whose slopes are between 1/8 and 8."""
    labels, places = _empirical_quantiles(values)
    widths = np.diff(labels)
    slopes = np.clip(np.diff(places) / widths, _LEAST_SLOPE, _MOST_SLOPE)
    steps = np.concatenate([[0], np.cumsum(slopes * widths)])
    steps += np.mean(places - steps)
    knots, images = ([_round_to_dyadic(x) for x in row.tolist()] for row in (labels, steps))
    return PiecewiseLinear(
        knots, images, *(_round_to_dyadic(float(slopes[end])) for end in (0, -1))
    )


def _round_to_dyadic(x: float) -> Element:
    return QQ(round(x * 2**TUNING.bits), 2**TUNING.bits)


def _invert_transport(T: PiecewiseLinear, values: np.ndarray) -> np.ndarray:
    """Return the labels that a transport maps to these values."""
    places = [x for (x,) in T.values]
    left, right = (1 / s for (s,) in (T.slopes[0], T.slopes[-1]))
    return PiecewiseLinear(places, T.knots, left, right)(values)[0]


def _choose_rotation(
    points: np.ndarray, norm: Element, generator: np.random.Generator
) -> RotationByShears:
    """Return, among random rotations, the one after which coordinates are farthest from normal."""
    from scipy.special import ndtri

    n, count = points.shape[1], min(len(points), _DRAWS)
    some = points[generator.choice(len(points), count, replace=False)]
    normal = ndtri((np.arange(count) + 0.5) / count)[:, None]
    turns = [random_rotation_by_shears(n, norm, generator) for _ in range(_TRIALS)]
    return max(turns, key=lambda turn: ((np.sort(some @ turn.matrix, axis=0) - normal) ** 2).sum())


def _choose_paths(
    maps: Sequence[PiecewiseLinear], norm: Element, condition: Element
) -> tuple[Path, ...]:
    """Return paths with enough pairs that draws end near the transports."""
    draws = np.random.default_rng(0).standard_normal((2 * len(maps), _DRAWS))
    aim = np.concatenate([T(row) for T, row in zip(maps, draws, strict=False)])

    @cache
    def paths(pairs: int) -> tuple[Path, ...]:
        found = [graded_path(T, pairs, norm) for T in maps]
        return tuple(path for path in found if path is not None)

    def suffices(pairs: int) -> bool:
        if len(paths(pairs)) < len(maps):
            return False
        image = PiecewiseFlow(_place_side_by_side(paths(pairs))).forward(draws)[: len(maps)]
        return bool(np.sqrt(((image - aim) ** 2).mean(axis=1)).max() <= _DRIFT)

    pairs = least_sufficient(lambda pairs: pairs > MOST_PAIRS or suffices(pairs))
    if pairs > MOST_PAIRS:
        raise InvalidInputError(
            f"expected a condition number that paths of {MOST_PAIRS} pairs of steps reach, got "
            f"{format_short(condition)}: raise condition"
        )
    return paths(pairs)
