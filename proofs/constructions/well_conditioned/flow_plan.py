"""Plan of a well-conditioned flow: its transport and its last layers, fixed before its depth.

The last layers rescale the pad and the data. The searches here find the fewest layers for an
accuracy, or the best accuracy for a number of layers.

After the path of a transport T the pad is near z / T'(l) if the data is T(l). The slopes of T jump.
So we choose a continuous function r > 0 of the data, linear between the middles of the pieces, with
r^k near T'; then k layers z <- r(x) z multiply the pad by r^k. Such a layer has the Jacobian
[[1, 0], [u, r]], u = r'(x) z, and the condition number c with c + 1/c = (1 + r^2 + u^2) / r. This
is bounded only for bounded pads, here for pads that end within some radius.

A law whose scale is not about one, or that is far from zero, is standardized first: the path leads
to the transport of the standard law, and layers x <- scale x restore the scale of the data. Their
condition number is that of diag(scale, 1) everywhere.

The error is certified for each number of pairs that is tried, and one pair fewer than the result is
tried, too.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, sqrt_upper_bound
from exactflow.exact.numbers import format_short, to_float
from exactflow.exact.typing import Element
from exactflow.flows.base import Coupling
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.constructions.bisection import least_sufficient
from proofs.constructions.well_conditioned.line_laws import LineLaw
from proofs.constructions.well_conditioned.path import (
    Path,
    cover_by_regions,
    graded_path,
    shear_norm,
)
from proofs.constructions.well_conditioned.transport import Transport, build_transport
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = ["DataScaling", "FlowPlan", "Rescaling", "find_best", "find_fewest"]


@dataclass(frozen=True)
class Rescaling:
    """k layers z <- r(x) z, and a bound of their condition numbers for pads that end within
    `TUNING.radius`.
    """

    function: PiecewiseLinear
    count: int
    condition: arb

    @classmethod
    def of(cls, T: PiecewiseLinear, condition: Element) -> "Rescaling":
        """Return the fewest rescalings with condition numbers at most `condition`.

        Raises `InvalidInputError` if these are more layers than a path may have.
        """

        def found(count: int) -> Rescaling:
            function = _root(T, count)
            return cls(function, count, _condition(function, count))

        most = 4 * TUNING.most_pairs
        count = least_sufficient(lambda n: n > most or bool(found(n).condition <= ball(condition)))
        if count > most:
            raise InvalidInputError(
                f"{most} rescalings of the pad do not suffice for the condition number "
                f"{format_short(condition)}: raise condition, or omit pad"
            )
        return found(count)

    def layers(self) -> list[Coupling]:
        """Return the layers."""
        still = PiecewiseLinear([0], [0])
        return [PiecewiseCoupling((1, 1), "second", still, self.function)] * self.count

    def error(self, window: tuple, slopes: tuple) -> arb:
        """Return a bound of |r(x)^k z' - z| for |z| = 1, if x is between the two numbers of
        `window` (None: infinite) and z' between z / slopes[1] and z / slopes[0].
        """
        r, smallest, largest = self.function, *map(ball, slopes)
        ends = zip(window, (r.knots[0], r.knots[-1]), strict=True)
        low, high = (knot if x is None else x for x, knot in ends)  # r is constant beyond its knots
        inner = (v for x, (v,) in zip(r.knots, r.values, strict=True) if low < x < high)
        values = [r.value_at(low)[0], r.value_at(high)[0], *inner]
        factors = [ball(value) ** self.count for value in (min(values), max(values))]
        return max(abs(factors[0] / largest - 1).upper(), abs(factors[1] / smallest - 1).upper())


def _root(T: PiecewiseLinear, count: int) -> PiecewiseLinear:
    """Return r, whose values in the middles of the pieces of T are near the k-th roots of the
    slopes, k = `count`.
    """
    values = [x for (x,) in T.values]
    lengths = [y - x for x, y in pairwise(values)] or [QQ.one]
    ends = [values[0] - lengths[0], *values, values[-1] + lengths[-1]]
    places = [(x + y) / 2 for x, y in pairwise(ends)]
    roots = [round(to_float(slope) ** (1 / count) * 2**TUNING.bits) for (slope,) in T.slopes]
    return PiecewiseLinear(places, [QQ(max(root, 1), 2**TUNING.bits) for root in roots])


def _condition(r: PiecewiseLinear, count: int) -> arb:
    """Return a bound of the condition numbers of the layers.

    With F = 1 + r^2 + u^2 the squares of the singular values are the roots of s^2 - F s + r^2, so
    the condition number grows with F / r. On a piece |u| is at most its value at the least r. For
    this u, F / r is convex in r, so its maximum is at an end of the piece.
    """
    values = [value for (value,) in r.values]
    worst = arb(1)
    for (u, v), (slope,) in zip(pairwise([values[0], *values, values[-1]]), r.slopes, strict=True):
        smallest = ball(min(u, v))
        before = min((smallest**k).lower() for k in (1, count))
        bend = abs(ball(slope)) * TUNING.radius / before
        for value in map(ball, (u, v)):
            half = (1 + value * value + bend * bend) / 2
            root = half + sqrt_upper_bound(half * half - value * value)
            worst = max(worst, (root / value).upper())
    return worst


@dataclass(frozen=True)
class DataScaling:
    """The affine map x -> scale^count x + shift of the data, by `count` layers."""

    scale: Element
    shift: Element
    count: int

    @classmethod
    def of(cls, T: PiecewiseLinear, condition: Element) -> "DataScaling":
        """Return the scaling that standardizes a transport; without layers if its deviation is
        about 1 and its mean about 0.

        Mean and deviation are computed in floats, after division by a power of two. Raises
        `InvalidInputError` if more than `TUNING.most_units` layers are needed.
        """
        from scipy.special import ndtri

        images = T(ndtri((np.arange(TUNING.grid) + 0.5) / TUNING.grid))[0]
        exponent = int(np.frexp(np.abs(images).max())[1])
        images = np.ldexp(images, -exponent)
        mean = QQ(round(float(images.mean()) * 2**TUNING.bits)) * QQ(2) ** (exponent - TUNING.bits)
        growth = log(float(images.std())) + exponent * log(2)
        if abs(growth) <= log(TUNING.standard):
            if abs(mean) <= TUNING.standard:
                return cls(QQ.one, QQ.zero, 0)
            return cls(QQ.one, mean, 1)
        count = ceil(abs(growth) / log(to_float(condition)) * (1 + 2**-TUNING.bits))
        if count > TUNING.most_units:
            raise InvalidInputError(
                f"{TUNING.most_units} scalings of the data do not suffice for the condition number "
                f"{format_short(condition)}: raise condition, or rescale the law"
            )
        root = exp(growth / count) * 2**TUNING.bits
        return cls(QQ(int(root) if growth > 0 else ceil(root), 2**TUNING.bits), mean, count)

    def layers(self) -> list[Coupling]:
        """Return the layers, the last with the shift."""
        shifts = [QQ.zero] * (self.count - 1) + [self.shift] * bool(self.count)
        functions = [PiecewiseLinear([0], [shift]) for shift in shifts]
        return [PiecewiseCoupling((1, 1), "first", f, self.scale) for f in functions]

    @property
    def factor(self) -> Element:
        """The product of the scales."""
        return self.scale**self.count

    def standardized(self, T: PiecewiseLinear) -> PiecewiseLinear:
        """Return the standardized map S with T = scale^count S + shift."""
        b = self.factor
        left, right = (slope / b for (slope,) in (T.slopes[0], T.slopes[-1]))
        return PiecewiseLinear(T.knots, [(x - self.shift) / b for (x,) in T.values], left, right)

    @property
    def condition(self) -> arb:
        """An enclosure of the condition number of a layer."""
        scale = ball(self.scale)
        return max(scale.upper(), (1 / scale).upper())


@dataclass(frozen=True)
class FlowPlan:
    """Parts of a flow that do not depend on the number of pairs of layers.

    `map` is the transport to the standardized law, `norm` the largest norm of a shift, and
    `scaling` is None if the pad need not be N(0, 1).
    """

    transport: Transport
    data_scaling: DataScaling
    map: PiecewiseLinear
    scaling: Rescaling | None
    norm: Element

    @classmethod
    def of(cls, law: LineLaw, tolerance: Element, condition: Element, pad: bool) -> "FlowPlan":
        """Return the plan of a flow to a law, with a transport within a tolerance."""
        found = build_transport(law, tolerance)
        data_scaling = DataScaling.of(found.map, condition)
        T = data_scaling.standardized(found.map)
        scaling = Rescaling.of(T, condition) if pad else None
        return cls(found, data_scaling, T, scaling, shear_norm(condition))

    def depth(self, pairs: int) -> int:
        """Return the number of layers of the flow with so many pairs."""
        last = 0 if self.scaling is None else 1 + self.scaling.count
        return 4 * pairs + 2 + last + self.data_scaling.count

    def path(self, pairs: int) -> Path | None:
        """Return a path of so many pairs within the norm, or None if these are too few."""
        return graded_path(self.map, pairs, self.norm) if pairs > 0 else None

    def error(self, path: Path) -> arb:
        """Return a bound of the L^2 error of the data along a path."""
        total = arb(0)
        for region in cover_by_regions(path):
            moved = ball(region.slopes[1]) * ball(region.moved)
            total += region.weight * moved * moved
        return sqrt_upper_bound(total) * ball(self.data_scaling.factor)

    def bound(self, path: Path) -> arb:
        """Return a bound of W2 for the data."""
        return self.transport.error + self.error(path)


def find_fewest(
    law: LineLaw, condition: Element, eps: Element, most: int | None, pad: bool
) -> tuple[FlowPlan, Path]:
    """Return the plan and the shortest path within `eps`; raise if it takes over `most` layers."""
    plan = FlowPlan.of(law, eps / TUNING.transport_part, condition, pad)

    def suffices(pairs: int) -> bool:
        path = plan.path(pairs)
        return path is not None and bool(plan.bound(path) <= ball(eps))

    pairs = least_sufficient(lambda pairs: pairs > TUNING.most_pairs or suffices(pairs))
    if pairs > TUNING.most_pairs:
        raise InvalidInputError(
            f"{4 * TUNING.most_pairs} layers do not suffice for eps = {format_short(eps)} and "
            f"condition = {format_short(condition)}: raise one of them"
        )
    needed, path = plan.depth(pairs), plan.path(pairs)
    if path is None or (most is not None and needed > most):
        raise InvalidInputError(
            f"eps = {format_short(eps)} with condition numbers <= {format_short(condition)} takes "
            f"{needed} layers, more than {most}: raise layers, eps or condition"
        )
    return plan, path


def find_best(law: LineLaw, condition: Element, most: int, pad: bool) -> tuple[FlowPlan, Path]:
    """Return a plan and a path of at most `most` layers, such that the error of the transport is at
    most half of the path's error.

    The transport is refined until then, or until it has many knots, or becomes too steep for so few
    layers.
    """
    tolerance, found = law.deviation(), None
    while True:
        plan = FlowPlan.of(law, tolerance, condition, pad)
        path = plan.path(min((most - plan.depth(0)) // 4, TUNING.most_pairs))
        if path is None:
            break
        found = plan, path
        fine = plan.transport.error <= plan.error(path) / 2
        if fine or plan.transport.knots > TUNING.many_knots:
            break
        tolerance /= 4
    if found is None:
        raise InvalidInputError(
            f"{most} layers do not suffice for condition numbers <= {format_short(condition)}: "
            "raise layers or condition"
        )
    return found
