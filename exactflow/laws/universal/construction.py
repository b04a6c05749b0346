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
    upper,
    upper_root,
)
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal.quantization import TUNING, Quantization, power_below

QUANTIZATION, SHARE = QQ(1, 2), QQ(3, 32)


class W2Bound(NamedTuple):
    """The terms of the bound, each a rational number that is certainly large enough."""

    quantization: Rational
    spread: Rational
    weights: Rational
    noise: Rational
    ramps: Rational
    tails: Rational

    @property
    def total(self) -> Rational:
        """Their sum: at least W2 between target and flow."""
        return sum(self, Rational(0))


@dataclass(frozen=True, eq=False)
class Construction:
    """Atoms, and the parameters of the layers; numbers are elements of QQ.

    Attributes
    ----------
    atoms : N x d integers over 2^bits whose coordinate `carrier` increases.
    moved : how far that coordinate is from the center of its cell, in the same unit.
    weights : of the atoms.
    partition : (p, q), the sizes of the halves.
    depth : 2 or 3 layers.
    knots : N - 1 places, near Gaussian quantiles, at which the first layer goes from one atom, or
        label, to the next, on ramps of width `tau`.
    radius : the half width of the plateaus around the coordinates `carrier` of the atoms.
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
    def points(self) -> list[list]:
        """The atoms as elements of QQ."""
        unit = 2**self.bits
        return [[QQ(x, unit) for x in row] for row in self.atoms.tolist()]

    @property
    def halves(self) -> tuple[slice, slice]:
        """The coordinates that the first layer moves, and those that it keeps: of two layers the
        carrier is among the former, of three among the latter.
        """
        before, after = slice(0, self.partition[0]), slice(self.partition[0], None)
        is_first = (self.carrier < self.partition[0]) == (self.depth == 2)
        return (before, after) if is_first else (after, before)

    def layers(self) -> PiecewiseFlow:
        """Return the flow."""
        moved, kept = self.halves
        points, p = self.points, self.partition[0]
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
        shifts = [(_steps(self.knots or [QQ.zero], self.tau / 2, jumps), 0)]
        for centers, width, values, reads in later:
            shifts.append((_steps(centers, width, zip(values, values, strict=True)), reads))
        halves = HALVES if moved.start == 0 else HALVES[::-1]
        return PiecewiseFlow(
            PiecewiseCoupling(self.partition, halves[k % 2], shift, self.delta, reads)
            for k, (shift, reads) in enumerate(shifts)
        )

    def bound(self, quantization: arb) -> W2Bound:
        """Return the bound for the flow, in time linear in N, of any atoms and parameters that
        satisfy the conditions of the theorem; `quantization` bounds W2(target, cell centers).
        """
        ramps = upper_root(ball(self.tau) * self.ramp_factor(self.tau))
        terms = quantization, self.spread(), self.weights_error(), self.noise(), ramps, self.tails()
        return W2Bound(*(QQ.to_sympy(upper(term)) for term in terms))

    def spread(self) -> arb:
        """Return sqrt(sum_i w_i moved_i^2)."""
        pairs = zip(self.weights, self.moved.tolist(), strict=True)
        square = sum((ball(w) * m * m for w, m in pairs if m), arb(0))
        return upper_root(square) / arb(2) ** self.bits

    def weights_error(self) -> arb:
        """Return diameter sqrt(sum_i |Phi(knot_i) - (w_1 + .. + w_i)|)."""
        total, cumulative = arb(0), QQ.zero
        for knot, weight in zip(self.knots, self.weights, strict=False):
            cumulative += weight
            total += abs(normal_cdf(ball(knot)) - ball(cumulative))
        return self._diameter(slice(None)) * upper_root(total)

    def noise(self) -> arb:
        """Return delta sqrt(d); of three layers, m coordinates count delta^2 in its place."""
        square, (moved, _) = ball(self.delta) ** 2, self.halves
        twice = self.atoms[0, moved].size if self.depth == 3 else 0
        return ((self.atoms.shape[1] - twice) * square + twice * square * square).sqrt()

    def ramp_factor(self, width: Element) -> arb:
        """Return a bound of sum_i P(ramp i) (|c_(i+1) - c_i| + x)^2 / tau, if tau <= width."""
        unit, total = arb(2) ** -self.bits, arb(0)
        excess = ball(self.delta) if self.depth == 3 else arb(0)
        steps = np.diff(self.atoms, axis=0)
        squares = (steps * steps).sum(axis=1).tolist()
        for knot, square in zip(self.knots, squares, strict=True):
            inner = max(abs(knot) - width / 2, QQ.zero)
            total += normal_density(ball(inner)) * (arb(square).sqrt() * unit + excess) ** 2
        return total

    def tails(self) -> arb:
        """Return V sqrt(P(T)), T the event that z leaves a plateau of a later layer."""
        delta, (moved, kept) = ball(self.delta), self.halves
        mass, labels = 2 * normal_cdf(-ball(self.radius) / delta), arb(0)
        if self.depth == 3:
            mass += 2 * normal_cdf(-1 / (4 * delta))
            labels = delta * (len(self.atoms) - 1)
        square = self._diameter(kept) ** 2 + (self._diameter(moved) + labels) ** 2
        return square.sqrt() * upper_root(mass)

    def _diameter(self, coordinates: slice) -> arb:
        """Return the diagonal of the box around some coordinates of the atoms."""
        columns = self.atoms[:, coordinates].T.tolist()
        square = sum((max(column) - min(column)) ** 2 for column in columns)
        return arb(square).sqrt() / arb(2) ** self.bits


def _steps(places: list, width: Element, values: Iterable) -> PiecewiseLinear:
    """Return the function with two values for each place, at `width` before and after it."""
    ends = [x for place in places for x in (place - width, place + width)]
    return PiecewiseLinear(ends, [row for pair in values for row in pair])


def construct(
    cells: Quantization, eps: Element, partition: tuple[int, int], depth: int
) -> tuple[Construction, int]:
    """Return a construction with its terms within shares of `eps`, and the bits of its balls."""
    carrier, share = _carrier(cells.centers, partition[0], depth), SHARE * eps
    centers, weights = _labelled(cells, carrier)
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
        while not (draft.noise() <= ball(share) and draft.tails() <= ball(share)):
            draft = replace(draft, delta=draft.delta / 2)
        return _with_tau(draft, share), precision


def _carrier(centers: np.ndarray, p: int, depth: int) -> int:
    """Return the coordinate that has most values: there atoms are moved least to be told apart.

    Among equals it is one of the second half for two layers, of the first for three.
    """
    first, second = range(p), range(p, centers.shape[1])
    order = [*second, *first] if depth == 2 else [*first, *second]
    return max(order, key=lambda i: len(set(centers[:, i].tolist())))


def _labelled(cells: Quantization, carrier: int) -> tuple[np.ndarray, list]:
    """Return atoms and weights by increasing coordinate `carrier`.

    Among equal ones the other coordinates increase and decrease in turn, so that neighbours in this
    order are near each other.
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
    """Return moves after which neighbours are as far apart as the share allows: mean square."""
    masses, unit = np.array([to_float(w) for w in weights]), max(1, int(share * 2**bits))
    room = QQ(places[-1] - places[0], 2**bits) + share
    gap = max(int(power_below(2 * room / len(places)) * 2**bits), 1)
    while True:
        moved = _spread(places, gap) - places
        distances = np.array([min(abs(x), unit << 20) / unit for x in moved.tolist()])
        if gap == 1 or (distances.max() < 2**20 and masses @ distances**2 <= 1):
            return moved
        gap //= 2


def _spread(places: np.ndarray, gap: int) -> np.ndarray:
    """Return integers near the sorted `places` whose neighbours differ by at least `gap`: the
    average, rounded down, of the least such sequence above and of the greatest below.
    """
    ramp = gap * np.arange(len(places)).astype(object)
    above = np.maximum.accumulate(places - ramp)
    below = np.minimum.accumulate((places - ramp)[::-1])[::-1]
    return (above + below) // 2 + ramp


def _with_knots(draft: Construction, share: Element) -> tuple[Construction, int]:
    """Return the draft with dyadic knots, of half the precision, near Gaussian quantiles."""
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


def _with_tau(draft: Construction, share: Element) -> Construction:
    """Return the draft with the widest ramps, at most half the distance of two knots."""
    if not draft.knots:
        return replace(draft, tau=QQ.one)
    widest = power_below(min((b - a for a, b in pairwise(draft.knots)), default=QQ.one) / 2)
    most = ball(share) ** 2 / draft.ramp_factor(widest)
    return replace(draft, tau=min(widest, power_below(lower(most))))
