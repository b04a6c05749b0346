"""Transport and last layers from which a well-conditioned flow is built.

The last layers rescale the pad and bring the data to scale. Searches here find the fewest layers
within an accuracy, or the best accuracy of some layers.

After the path of a transport T the pad is near z / T'(l) where the data is T(l). The slopes of T
jump; a continuous function r > 0 of the data, linear between the middles of the pieces, has r^k
near T', and k layers z <- r(x) z multiply the pad by r^k. Such a layer has the Jacobian
[[1, 0], [u, r]], u = r'(x) z, and the condition number c with c + 1/c = (1 + r^2 + u^2) / r. That
is bounded for bounded pads only: here for those that end within some radius.

Before all that, a law of another scale than one, or far from zero, is standardized: the path leads
to the transport of the standard law, and layers x <- scale x bring the data to its own scale. Their
condition numbers are those of diag(scale, 1), everywhere.

A bound of the error is certified for every number of pairs that is tried, so that what is found has
its bound; that one pair less does not do is tried, too.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, upper_root
from exactflow.exact.numbers import format_short, to_float
from exactflow.exact.typing import Element
from exactflow.flows.base import Coupling
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.constructions.bisection import least_sufficient
from proofs.constructions.well_conditioned.line_laws import LineLaw
from proofs.constructions.well_conditioned.path import Path, graded_path, regions, shear_norm
from proofs.constructions.well_conditioned.transport import Transport, transport
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = ["Draft", "Rescaling", "Unit", "best", "fewest"]


@dataclass(frozen=True)
class Rescaling:
    """k layers z <- r(x) z, and an enclosure of a bound of their condition numbers where the pad
    ends within `TUNING.radius`.
    """

    function: PiecewiseLinear
    count: int
    condition: arb

    @classmethod
    def of(cls, T: PiecewiseLinear, condition: Element) -> "Rescaling":
        """Return rescalings whose condition numbers are within the bound, of which one less is not.

        Raises `InvalidInputError` where more are needed than a path may have layers.
        """

        def found(count: int) -> Rescaling:
            function = _root(T, count)
            return cls(function, count, _condition(function, count))

        most = 4 * TUNING.most_pairs
        count = least_sufficient(lambda n: n > most or bool(found(n).condition <= ball(condition)))
        if count > most:
            raise InvalidInputError(
                f"expected a condition number that {most} rescalings of the pad reach, got "
                f"{format_short(condition)}: raise condition, or leave out pad"
            )
        return found(count)

    def layers(self) -> list[Coupling]:
        """Return the layers."""
        still = PiecewiseLinear([0], [0])
        return [PiecewiseCoupling((1, 1), "second", still, self.function)] * self.count

    def error(self, window: tuple, slopes: tuple) -> arb:
        """Return a bound of |r(x)^k z' - z| for |z| = 1, where x is between two numbers (None:
        infinite) and z' between z / slopes[1] and z / slopes[0].
        """
        r, smallest, largest = self.function, *map(ball, slopes)
        ends = zip(window, (r.knots[0], r.knots[-1]), strict=True)
        low, high = (knot if x is None else x for x, knot in ends)  # r is constant beyond its knots
        inner = (v for x, (v,) in zip(r.knots, r.values, strict=True) if low < x < high)
        values = [r.at(low)[0], r.at(high)[0], *inner]
        factors = [ball(value) ** self.count for value in (min(values), max(values))]
        return max(abs(factors[0] / largest - 1).upper(), abs(factors[1] / smallest - 1).upper())


def _root(T: PiecewiseLinear, count: int) -> PiecewiseLinear:
    """Return r, near the roots of the slopes of T in the middles of its pieces."""
    values = [x for (x,) in T.values]
    lengths = [y - x for x, y in pairwise(values)] or [QQ.one]
    ends = [values[0] - lengths[0], *values, values[-1] + lengths[-1]]
    places = [(x + y) / 2 for x, y in pairwise(ends)]
    roots = [round(to_float(slope) ** (1 / count) * 2**TUNING.bits) for (slope,) in T.slopes]
    return PiecewiseLinear(places, [QQ(max(root, 1), 2**TUNING.bits) for root in roots])


def _condition(r: PiecewiseLinear, count: int) -> arb:
    """Return a bound of the condition numbers of the layers.

    With F = 1 + r^2 + u^2 the squares of the singular values are roots of s^2 - F s + r^2, so that
    the condition number grows with F / r. On a piece |u| is at most that of the least r; for such a
    u F / r is convex in r: it is enough to look at the ends.
    """
    values = [value for (value,) in r.values]
    worst = arb(1)
    for (u, v), (slope,) in zip(pairwise([values[0], *values, values[-1]]), r.slopes, strict=True):
        smallest = ball(min(u, v))
        before = min((smallest**k).lower() for k in (1, count))
        bend = abs(ball(slope)) * TUNING.radius / before
        for value in map(ball, (u, v)):
            half = (1 + value * value + bend * bend) / 2
            root = half + upper_root(half * half - value * value)
            worst = max(worst, (root / value).upper())
    return worst


@dataclass(frozen=True)
class Unit:
    """The affine map x -> scale^count x + shift of the data, by `count` layers."""

    scale: Element
    shift: Element
    count: int

    @classmethod
    def of(cls, T: PiecewiseLinear, condition: Element) -> "Unit":
        """Return the scale and the place of a transport: of no layer if they are about 1 and 0.

        Mean and deviation are computed in floats, of values that a power of two brings to about
        one.

        Raises `InvalidInputError` where more than a thousand layers are needed.
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
                f"expected a condition number that {TUNING.most_units} scalings of the data reach, "
                f"got {format_short(condition)}: raise condition, or bring the law to scale"
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
        """Return the map that this one follows to give T."""
        b = self.factor
        left, right = (slope / b for (slope,) in (T.slopes[0], T.slopes[-1]))
        return PiecewiseLinear(T.knots, [(x - self.shift) / b for (x,) in T.values], left, right)

    @property
    def condition(self) -> arb:
        """An enclosure of the condition number of a layer."""
        scale = ball(self.scale)
        return max(scale.upper(), (1 / scale).upper())


@dataclass(frozen=True)
class Draft:
    """Parts of a flow that do not depend on the number of pairs of layers.

    `scaling` is None where no pad is to be N(0, 1).

    `map` is the transport to the law brought to scale, `norm` the largest one of a shear.
    """

    transport: Transport
    unit: Unit
    map: PiecewiseLinear
    scaling: Rescaling | None
    norm: Element

    @classmethod
    def of(cls, law: LineLaw, tolerance: Element, condition: Element, pad: bool) -> "Draft":
        """Return the draft of a law, its transport within a tolerance."""
        found = transport(law, tolerance)
        unit = Unit.of(found.map, condition)
        T = unit.standardized(found.map)
        scaling = Rescaling.of(T, condition) if pad else None
        return cls(found, unit, T, scaling, shear_norm(condition))

    def depth(self, pairs: int) -> int:
        """Return the number of layers: the last of the path is for the pad only."""
        last = 0 if self.scaling is None else 1 + self.scaling.count
        return 4 * pairs + 2 + last + self.unit.count

    def path(self, pairs: int) -> Path | None:
        """Return a path within the norm, or None where the pairs are too few."""
        return graded_path(self.map, pairs, self.norm) if pairs > 0 else None

    def error(self, path: Path) -> arb:
        """Return the bound of the error of the data that a path makes, in L^2."""
        total = arb(0)
        for region in regions(path):
            moved = ball(region.slopes[1]) * ball(region.moved)
            total += region.weight * moved * moved
        return upper_root(total) * ball(self.unit.factor)

    def bound(self, path: Path) -> arb:
        """Return a bound of W2 for the data."""
        return self.transport.error + self.error(path)


def fewest(
    law: LineLaw, condition: Element, eps: Element, most: int | None, pad: bool
) -> tuple[Draft, Path]:
    """Return the shortest path within `eps`, of at most `most` layers in all, and its draft."""
    draft = Draft.of(law, eps / TUNING.transport_part, condition, pad)

    def suffices(pairs: int) -> bool:
        path = draft.path(pairs)
        return path is not None and bool(draft.bound(path) <= ball(eps))

    pairs = least_sufficient(lambda pairs: pairs > TUNING.most_pairs or suffices(pairs))
    if pairs > TUNING.most_pairs:
        raise InvalidInputError(
            f"expected eps and condition in reach of {4 * TUNING.most_pairs} layers, got eps = "
            f"{format_short(eps)} and condition = {format_short(condition)}: raise one of them"
        )
    needed, path = draft.depth(pairs), draft.path(pairs)
    if path is None or (most is not None and needed > most):
        raise InvalidInputError(
            f"expected eps in reach of the layers, got eps = {format_short(eps)} and {most} layers "
            f"of condition numbers <= {format_short(condition)}: it takes {needed}; raise layers, "
            "eps or condition"
        )
    return draft, path


def best(law: LineLaw, condition: Element, most: int, pad: bool) -> tuple[Draft, Path]:
    """Return a path of at most `most` layers to a transport of at most half of the path's error.

    It is refined until then, or until it has many knots; where a finer one is too steep for so few
    layers, it is the last one that is not.
    """
    tolerance, found = law.deviation(), None
    while True:
        draft = Draft.of(law, tolerance, condition, pad)
        path = draft.path(min((most - draft.depth(0)) // 4, TUNING.most_pairs))
        if path is None:
            break
        found = draft, path
        fine = draft.transport.error <= draft.error(path) / 2
        if fine or draft.transport.knots > TUNING.many_knots:
            break
        tolerance /= 4
    if found is None:
        raise InvalidInputError(
            f"expected layers enough for condition numbers <= {format_short(condition)}, got "
            f"{most}: raise layers or condition"
        )
    return found
