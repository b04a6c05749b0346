"""The two or three layers for given atoms: the choice of their parameters, and the certified bound.

Theorem, notation and the names of the terms are those of `exactflow.laws.universal.approximation`.
Every term is an enclosure in the precision of the current ``workprec`` block: a low precision gives
a large bound, never a wrong one.

All parameters are dyadic, so their numerators are short. Each is halved until its term of the bound
is within its share of eps; for the knots the precision is doubled. This ends because every term
tends to zero. Quantization has half of eps, as atoms cost most. Five terms have 3/32 of eps each,
and the last 1/32 covers rounding up.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.exact.balls import (
    ball,
    lower,
    nearest_integer,
    normal_cdf,
    normal_density,
    normal_quantile,
    sqrt_upper_bound,
    upper,
)
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal.quantization import TUNING, Quantization, power_below

QUANTIZATION, SHARE = QQ(1, 2), QQ(3, 32)


class W2Bound(NamedTuple):
    """The terms of a bound of W2, each a rational upper bound; the theorem names them."""

    quantization: Rational
    spread: Rational
    weights: Rational
    noise: Rational
    ramps: Rational
    tails: Rational

    @property
    def total(self) -> Rational:
        """The sum of the terms, an upper bound of W2(target, flow)."""
        return sum(self, Rational(0))


@dataclass(frozen=True, eq=False)
class Construction:
    """Atoms, and the parameters of the layers; numbers are elements of QQ.

    Attributes
    ----------
    atoms : N x d integers over 2^bits, sorted so that the coordinate `carrier` increases.
    moved : the distance of that coordinate from the center of its cell, in the same unit.
    weights : the weights of the atoms.
    partition : (p, q), the sizes of the halves.
    depth : the number of layers, 2 or 3.
    knots : N - 1 numbers near Gaussian quantiles. Around them are the ramps, of width `tau`, on
        which the first layer changes from one atom, or label, to the next.
    radius : half the width of the plateaus around the coordinates `carrier` of the atoms.
    delta : the scale of all layers.
    """

    atoms: np.ndarray
    moved: np.ndarray
    bits: int
    weights: list
    partition: tuple[int, int]
    carrier: int
    depth: int
    knots: list
    tau: Element
    radius: Element
    delta: Element

    @property
    def exact_atoms(self) -> list[list]:
        """The atoms as elements of QQ."""
        unit = 2**self.bits
        return [[QQ(x, unit) for x in row] for row in self.atoms.tolist()]

    @property
    def moved_and_kept(self) -> tuple[slice, slice]:
        """The coordinates that the first layer moves, and the coordinates that it keeps.

        With two layers the first one moves the carrier, with three it keeps it.
        """
        before, after = slice(0, self.partition[0]), slice(self.partition[0], None)
        is_first = (self.carrier < self.partition[0]) == (self.depth == 2)
        return (before, after) if is_first else (after, before)

    def build_flow(self) -> PiecewiseFlow:
        """Return the flow."""
        moved, kept = self.moved_and_kept
        points, p = self.exact_atoms, self.partition[0]
        owned, others = [row[moved] for row in points], [row[kept] for row in points]
        places = [row[self.carrier] for row in points]
        read = self.carrier if self.carrier < p else self.carrier - p
        if self.depth == 2:
            labels, later = owned, [(places, self.radius, others, read)]
        else:
            rest = [QQ.zero] * (len(owned[0]) - 1)
            labels = [[QQ(i), *rest] for i in range(1, len(points) + 1)]
            less = [
                [b - self.delta * label for b, label in zip(*pair, strict=True)]
                for pair in zip(owned, labels, strict=True)
            ]
            later = [([row[0] for row in labels], QQ(1, 4), others, 0)]
            later.append((places, self.radius, less, read))
        jumps = list(pairwise(labels)) or [(labels[0], labels[0])]
        shifts = [(_plateaus(self.knots or [QQ.zero], self.tau / 2, jumps), 0)]
        for centers, width, values, reads in later:
            shifts.append((_plateaus(centers, width, zip(values, values, strict=True)), reads))
        halves = HALVES if moved.start == 0 else HALVES[::-1]
        return PiecewiseFlow(
            PiecewiseCoupling(self.partition, halves[k % 2], shift, self.delta, reads)
            for k, (shift, reads) in enumerate(shifts)
        )

    def bound_w2(self, quantization: arb) -> W2Bound:
        """Return the bound of the theorem for the flow, in a time linear in N.

        `quantization` is an upper bound of W2(target, cell centers). Atoms and parameters must
        satisfy the conditions of the theorem.
        """
        ramps = sqrt_upper_bound(ball(self.tau) * self.ramp_factor(self.tau))
        terms = (
            quantization,
            self.spread_error(),
            self.weights_error(),
            self.noise_error(),
            ramps,
            self.tails_error(),
        )
        return W2Bound(*(QQ.to_sympy(upper(term)) for term in terms))

    def spread_error(self) -> arb:
        """Return sqrt(sum_i w_i moved_i^2)."""
        pairs = zip(self.weights, self.moved.tolist(), strict=True)
        square = sum((ball(w) * m * m for w, m in pairs if m), arb(0))
        return sqrt_upper_bound(square) / arb(2) ** self.bits

    def weights_error(self) -> arb:
        """Return diameter sqrt(sum_i |Phi(knot_i) - (w_1 + .. + w_i)|)."""
        total, cumulative = arb(0), QQ.zero
        for knot, weight in zip(self.knots, self.weights, strict=False):
            cumulative += weight
            total += abs(normal_cdf(ball(knot)) - ball(cumulative))
        return self._diameter(slice(None)) * sqrt_upper_bound(total)

    def noise_error(self) -> arb:
        """Return sqrt((d - m) delta^2 + m delta^4), where the first of three layers moves m
        coordinates, and m = 0 for two layers.
        """
        square, (moved, _) = ball(self.delta) ** 2, self.moved_and_kept
        twice = self.atoms[0, moved].size if self.depth == 3 else 0
        return ((self.atoms.shape[1] - twice) * square + twice * square * square).sqrt()

    def ramp_factor(self, width: Element) -> arb:
        """Return an upper bound of sum_i P(ramp i) (|c_(i+1) - c_i| + x)^2 / tau for every
        tau <= width.
        """
        unit, total = arb(2) ** -self.bits, arb(0)
        excess = ball(self.delta) if self.depth == 3 else arb(0)
        steps = np.diff(self.atoms, axis=0)
        squares = (steps * steps).sum(axis=1).tolist()
        for knot, square in zip(self.knots, squares, strict=True):
            inner = max(abs(knot) - width / 2, QQ.zero)
            total += normal_density(ball(inner)) * (arb(square).sqrt() * unit + excess) ** 2
        return total

    def tails_error(self) -> arb:
        """Return V sqrt(P(T)), where T is the event that z leaves a plateau of a later layer."""
        delta, (moved, kept) = ball(self.delta), self.moved_and_kept
        mass, labels = 2 * normal_cdf(-ball(self.radius) / delta), arb(0)
        if self.depth == 3:
            mass += 2 * normal_cdf(-1 / (4 * delta))
            labels = delta * (len(self.atoms) - 1)
        square = self._diameter(kept) ** 2 + (self._diameter(moved) + labels) ** 2
        return square.sqrt() * sqrt_upper_bound(mass)

    def _diameter(self, coordinates: slice) -> arb:
        """Return the diagonal of the box around some coordinates of the atoms."""
        columns = self.atoms[:, coordinates].T.tolist()
        square = sum((max(column) - min(column)) ** 2 for column in columns)
        return arb(square).sqrt() / arb(2) ** self.bits


def _plateaus(places: list, width: Element, values: Iterable) -> PiecewiseLinear:
    """Return the piecewise linear function with two given values for each place: at `width` before
    the place and at `width` after it.
    """
    ends = [x for place in places for x in (place - width, place + width)]
    return PiecewiseLinear(ends, [row for pair in values for row in pair])


def construct(
    cells: Quantization, eps: Element, partition: tuple[int, int], depth: int
) -> tuple[Construction, int]:
    """Return a construction whose terms are within their shares of `eps`, and the precision of its
    balls in bits.
    """
    carrier, share = _coordinate_with_most_values(cells.centers, partition[0], depth), SHARE * eps
    centers, weights = _sort_atoms(cells, carrier)
    moved = _separating_moves(centers[:, carrier], weights, cells.bits, share)
    atoms = centers.copy()
    atoms[:, carrier] += moved
    gap = min((b - a for a, b in pairwise(atoms[:, carrier].tolist())), default=2**cells.bits)
    radius = QQ(3 * gap, 8 * 2**cells.bits)  # three quarters of the line are plateaus
    delta = power_below(min(share, radius))
    draft = Construction(
        atoms, moved, cells.bits, weights, partition, carrier, depth, [], QQ.zero, radius, delta
    )
    draft, precision = _with_knots(draft, share)
    with ctx.workprec(precision):
        while not (draft.noise_error() <= ball(share) and draft.tails_error() <= ball(share)):
            draft = replace(draft, delta=draft.delta / 2)
        return _with_widest_ramps(draft, share), precision


def _coordinate_with_most_values(centers: np.ndarray, p: int, depth: int) -> int:
    """Return the coordinate with the most values: along it atoms are moved least to become
    distinct.

    Among equals a coordinate of the second half is preferred for two layers, of the first for
    three.
    """
    first, second = range(p), range(p, centers.shape[1])
    order = [*second, *first] if depth == 2 else [*first, *second]
    return max(order, key=lambda i: len(set(centers[:, i].tolist())))


def _sort_atoms(cells: Quantization, carrier: int) -> tuple[np.ndarray, list]:
    """Return atoms and weights, sorted by the coordinate `carrier`.

    Atoms that agree there are sorted by the other coordinates, up and down in turn, so that
    neighbours are near each other.
    """
    rows = cells.centers.tolist()
    column = {x: k for k, x in enumerate(sorted({row[carrier] for row in rows}))}

    def key(i: int) -> list[int]:
        place = column[rows[i][carrier]]
        others = rows[i][:carrier] + rows[i][carrier + 1 :]
        return [place, *(-x if place % 2 else x for x in others)]

    order = sorted(range(len(rows)), key=key)
    return cells.centers[order], [cells.weights[i] for i in order]


def _separating_moves(places: np.ndarray, weights: list, bits: int, share: Element) -> np.ndarray:
    """Return moves of sorted places that separate neighbours.

    The gap is the largest power of two for which the root mean square of the moves is within the
    share.
    """
    masses, unit = np.array([to_float(w) for w in weights]), max(1, int(share * 2**bits))
    room = QQ(places[-1] - places[0], 2**bits) + share
    gap = max(int(power_below(2 * room / len(places)) * 2**bits), 1)
    while True:
        moved = _separate(places, gap) - places
        distances = np.array([min(abs(x), unit << 20) / unit for x in moved.tolist()])
        if gap == 1 or (distances.max() < 2**20 and masses @ distances**2 <= 1):
            return moved
        gap //= 2


def _separate(places: np.ndarray, gap: int) -> np.ndarray:
    """Move sorted integers until neighbours differ by at least `gap`.

    The result is the average, rounded down, of the least such sequence >= `places` and the greatest
    one <= `places`.
    """
    ramp = gap * np.arange(len(places)).astype(object)
    above = np.maximum.accumulate(places - ramp)
    below = np.minimum.accumulate((places - ramp)[::-1])[::-1]
    return (above + below) // 2 + ramp


def _with_knots(draft: Construction, share: Element) -> tuple[Construction, int]:
    """Return the draft with dyadic knots near Gaussian quantiles, and the precision in bits."""
    precision = TUNING.precision
    while True:
        with ctx.workprec(precision):
            unit, knots, below = 2 ** (precision // 2), [], QQ.zero
            for weight in draft.weights[:-1]:
                below += weight
                quantile = normal_quantile(ball(below), ball(1 - below))
                knots.append(QQ(nearest_integer(quantile * unit), unit))
            draft = replace(draft, knots=knots)
            apart = all(a < b for a, b in pairwise(knots))
            if apart and draft.weights_error() <= ball(share):
                return draft, precision
        precision *= 2


def _with_widest_ramps(draft: Construction, share: Element) -> Construction:
    """Return the draft with the widest ramps within the share, at most half the distance of two
    knots.
    """
    if not draft.knots:
        return replace(draft, tau=QQ.one)
    widest = power_below(min((b - a for a, b in pairwise(draft.knots)), default=QQ.one) / 2)
    most = ball(share) ** 2 / draft.ramp_factor(widest)
    return replace(draft, tau=min(widest, power_below(lower(most))))
