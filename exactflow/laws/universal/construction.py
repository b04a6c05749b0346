"""Construction of two or three layers for given atoms, with a certified bound of W2.

Theorem, notation and the names of the terms are those of `exactflow.laws.universal.approximation`.
Every term is an enclosure in the precision of the current ``workprec`` block: a low precision gives
a large bound, never a wrong one.

All parameters are dyadic, so that their numerators are short. Each parameter is halved until its
term of the bound is within its share of eps; for the knots the precision is doubled. This ends
because every term tends to zero. Quantization may take half of eps, because atoms cost most. Five
terms may take 3/32 of eps each, and the last 1/32 is left for rounding up.
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
    normal_cdf,
    normal_density,
    normal_quantile,
    round_midpoint_to_integer,
    sqrt_upper_bound,
    upper,
)
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal.quantization import TUNING, Quantization, floor_power_of_two

QUANTIZATION = QQ(1, 2)  # the share of eps for the term `quantization` of the W2 bound
SHARE = QQ(3, 32)  # the share of eps for each other term


class W2Bound(NamedTuple):
    """The terms of a bound of W2, defined in `exactflow.laws.universal.approximation`; each is
    rounded up to a rational.
    """

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
    """Atoms with integer coordinates, and parameters of the layers as elements of QQ.

    Attributes
    ----------
    atoms : N x d integers over 2^bits, sorted so that the coordinate `carrier` increases.
    moved : how far the coordinate `carrier` of each atom was moved from the center of the cell of
        the atom, in units of 2^-bits.
    weights : the weights of the atoms.
    partition : (p, q), the sizes of the halves.
    depth : the number of layers, 2 or 3.
    knots : N - 1 numbers near Gaussian quantiles. Around them are the ramps, of width `tau`, on
        which the first layer changes from one atom, or label, to the next.
    radius : half the width of the plateaus of the last layer, around the atoms' values of the
        coordinate `carrier`.
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
    def first_layer_moved_and_kept(self) -> tuple[slice, slice]:
        """The coordinates that the first layer moves, and the coordinates that it keeps.

        The first of two layers moves the coordinate `carrier`; the first of three layers keeps it.
        """
        before, after = slice(0, self.partition[0]), slice(self.partition[0], None)
        is_first = (self.carrier < self.partition[0]) == (self.depth == 2)
        return (before, after) if is_first else (after, before)

    def build_flow(self) -> PiecewiseFlow:
        """Return the flow of the two or three layers, from latent to data."""
        moved, kept = self.first_layer_moved_and_kept
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
        shifts = [
            (_interpolate_at_plus_minus_radius(self.knots or [QQ.zero], self.tau / 2, jumps), 0)
        ]
        for centers, radius, values, reads in later:
            pairs = zip(values, values, strict=True)
            shifts.append((_interpolate_at_plus_minus_radius(centers, radius, pairs), reads))
        halves = HALVES if moved.start == 0 else HALVES[::-1]
        return PiecewiseFlow(
            PiecewiseCoupling(self.partition, halves[k % 2], shift, self.delta, reads)
            for k, (shift, reads) in enumerate(shifts)
        )

    def bound_w2(self, quantization_error: arb) -> W2Bound:
        """Return the terms of the bound of W2(target, flow), each as an upper bound.

        `quantization_error` is an upper bound of W2(target, cell centers). Knots and atoms must be
        as far apart as the theorem requires. The time is linear in the number of atoms.
        """
        ramps = sqrt_upper_bound(
            ball(self.tau) * self.bound_squared_ramps_error_per_width(self.tau)
        )
        terms = (
            quantization_error,
            self.bound_rms_move_from_cell_centers(),
            self.bound_weights_error(),
            self.bound_noise_error(),
            ramps,
            self.bound_tails_error(),
        )
        return W2Bound(*(QQ.to_sympy(upper(term)) for term in terms))

    def bound_rms_move_from_cell_centers(self) -> arb:
        """Return the term `spread`, an upper bound of the root mean square of the moves of atoms
        from cell centers.

        Each move counts with the weight of its atom.
        """
        pairs = zip(self.weights, self.moved.tolist(), strict=True)
        square = sum((ball(w) * m * m for w, m in pairs if m), arb(0))
        return sqrt_upper_bound(square) / arb(2) ** self.bits

    def bound_weights_error(self) -> arb:
        """Return an upper bound of the term `weights`.

        The term is the diameter of the atoms times the square root of a sum over knots, of the
        absolute difference between the Gaussian mass below the knot and the weight of all atoms
        before the knot.
        """
        total, cumulative = arb(0), QQ.zero
        for knot, weight in zip(self.knots, self.weights, strict=False):
            cumulative += weight
            total += abs(normal_cdf(ball(knot)) - ball(cumulative))
        return self._bounding_box_diagonal(slice(None)) * sqrt_upper_bound(total)

    def bound_noise_error(self) -> arb:
        """Return the term `noise`: `delta` times sqrt(d) for two layers in d coordinates.

        For three layers it is sqrt((d - m) delta^2 + m delta^4), where the first layer moves m
        coordinates.
        """
        square, (moved, _) = ball(self.delta) ** 2, self.first_layer_moved_and_kept
        twice = self.atoms[0, moved].size if self.depth == 3 else 0
        return ((self.atoms.shape[1] - twice) * square + twice * square * square).sqrt()

    def bound_squared_ramps_error_per_width(self, largest_ramp_width: Element) -> arb:
        """Return an upper bound of (term `ramps`)^2 / (width of the ramps).

        It holds for ramps of every width up to `largest_ramp_width`.
        """
        unit, total = arb(2) ** -self.bits, arb(0)
        excess = ball(self.delta) if self.depth == 3 else arb(0)
        steps = np.diff(self.atoms, axis=0)
        squares = (steps * steps).sum(axis=1).tolist()
        for knot, square in zip(self.knots, squares, strict=True):
            inner = max(abs(knot) - largest_ramp_width / 2, QQ.zero)
            total += normal_density(ball(inner)) * (arb(square).sqrt() * unit + excess) ** 2
        return total

    def bound_tails_error(self) -> arb:
        """Return an upper bound of the term `tails`.

        The term is the diameter of the images times the square root of the probability that the
        latent is mapped outside of the plateaus of a later layer.
        """
        delta, (moved, kept) = ball(self.delta), self.first_layer_moved_and_kept
        mass, labels = 2 * normal_cdf(-ball(self.radius) / delta), arb(0)
        if self.depth == 3:
            mass += 2 * normal_cdf(-1 / (4 * delta))
            labels = delta * (len(self.atoms) - 1)
        first, second = map(self._bounding_box_diagonal, (kept, moved))
        square = first**2 + (second + labels) ** 2
        return square.sqrt() * sqrt_upper_bound(mass)

    def _bounding_box_diagonal(self, coordinates: slice) -> arb:
        """Return the diagonal of the bounding box of the atoms in the given coordinates."""
        columns = self.atoms[:, coordinates].T.tolist()
        square = sum((max(column) - min(column)) ** 2 for column in columns)
        return arb(square).sqrt() / arb(2) ** self.bits


def _interpolate_at_plus_minus_radius(
    places: list, radius: Element, value_pairs: Iterable
) -> PiecewiseLinear:
    """Return the piecewise linear function that takes the first value of each pair at place -
    radius, and the second value at place + radius.
    """
    ends = [x for place in places for x in (place - radius, place + radius)]
    return PiecewiseLinear(ends, [row for pair in value_pairs for row in pair])


def construct_with_precision(
    quantization: Quantization, eps: Element, partition: tuple[int, int], depth: int
) -> tuple[Construction, int]:
    """Return a construction in which each term of the W2 bound is within its share of `eps`, and
    the number of bits with which ball arithmetic proves this.
    """
    share, bits, (p, q) = SHARE * eps, quantization.bits, partition
    # Short moves separate the atoms in a coordinate with many distinct values. Among equally good
    # coordinates, those with which the first layer moves the second half come first.
    order = [*range(p, p + q), *range(p)] if depth == 2 else range(p + q)
    carrier = max(order, key=lambda i: len(set(quantization.centers[:, i].tolist())))
    centers, weights = _sort_atoms_and_weights(quantization, carrier)
    moved = _moves_separating_sorted_integers(centers[:, carrier], weights, bits, share)
    atoms = centers.copy()
    atoms[:, carrier] += moved
    gap = min((b - a for a, b in pairwise(atoms[:, carrier].tolist())), default=2**bits)
    radius = QQ(3 * gap, 8 * 2**bits)  # plateaus cover three quarters of the least gap
    delta = floor_power_of_two(min(share, radius))
    draft = Construction(
        atoms, moved, bits, weights, partition, carrier, depth, [], QQ.zero, radius, delta
    )
    draft, precision = _with_knots_and_precision(draft, share)
    with ctx.workprec(precision):
        while not (
            draft.bound_noise_error() <= ball(share) and draft.bound_tails_error() <= ball(share)
        ):
            draft = replace(draft, delta=draft.delta / 2)
        if not draft.knots:
            return replace(draft, tau=QQ.one), precision
        # The ramps are as wide as their share of eps permits: an upper bound of their term is used.
        nearest = min((b - a for a, b in pairwise(draft.knots)), default=QQ.one)
        widest = floor_power_of_two(nearest / 2)
        most = ball(share) ** 2 / draft.bound_squared_ramps_error_per_width(widest)
        return replace(draft, tau=min(widest, floor_power_of_two(lower(most)))), precision


def _sort_atoms_and_weights(
    quantization: Quantization, by_coordinate: int
) -> tuple[np.ndarray, list]:
    """Return the atoms and their weights, sorted by one coordinate of the atoms.

    Atoms with equal values of this coordinate are sorted by the other coordinates, upwards for one
    value and downwards for the next, so that neighbours are near each other.
    """
    rows, k = quantization.centers.tolist(), by_coordinate
    column = {x: i for i, x in enumerate(sorted({row[k] for row in rows}))}
    keys = []
    for row in rows:
        place, others = column[row[k]], row[:k] + row[k + 1 :]
        keys.append([place, *(-x if place % 2 else x for x in others)])
    order = sorted(range(len(rows)), key=keys.__getitem__)
    return quantization.centers[order], [quantization.weights[i] for i in order]


def _moves_separating_sorted_integers(
    sorted_places: np.ndarray, weights: list, unit_bits: int, aimed_rms_move: Element
) -> np.ndarray:
    """Return integers that are added to the integers `sorted_places`, so that all neighbours differ
    by at least a common gap.

    The unit of places and moves is 2^-unit_bits; `aimed_rms_move` is in units of 1. The gap is
    halved until the weighted root mean square of the moves is at most `aimed_rms_move`, or until
    the gap is one unit.
    """
    masses, scale = np.array([to_float(w) for w in weights]), 2**unit_bits
    unit, count = max(1, int(aimed_rms_move * scale)), len(sorted_places)
    room = QQ(sorted_places[-1] - sorted_places[0], scale) + aimed_rms_move
    gap = max(int(floor_power_of_two(2 * room / count) * scale), 1)
    while True:
        moved = _separate_sorted_integers(sorted_places, gap) - sorted_places
        distances = np.array([min(abs(x), unit << 20) / unit for x in moved.tolist()])
        if gap == 1 or (distances.max() < 2**20 and masses @ distances**2 <= 1):
            return moved
        gap //= 2


def _separate_sorted_integers(places: np.ndarray, least_gap: int) -> np.ndarray:
    """Return sorted integers moved such that neighbours differ by at least `least_gap`.

    The result is the average, rounded down, of two sequences with these gaps: the least that is
    >= `places`, and the greatest that is <= `places`.
    """
    ramp = least_gap * np.arange(len(places)).astype(object)
    above = np.maximum.accumulate(places - ramp)
    below = np.minimum.accumulate((places - ramp)[::-1])[::-1]
    return (above + below) // 2 + ramp


def _with_knots_and_precision(
    draft: Construction, most_weights_error: Element
) -> tuple[Construction, int]:
    """Return the draft with dyadic knots near Gaussian quantiles, and the number of bits with which
    ball arithmetic proves that its term `weights` is at most `most_weights_error`.
    """
    precision = TUNING.precision
    while True:
        with ctx.workprec(precision):
            unit, knots, below = 2 ** (precision // 2), [], QQ.zero
            for weight in draft.weights[:-1]:
                below += weight
                quantile = normal_quantile(ball(below), ball(1 - below))
                knots.append(QQ(round_midpoint_to_integer(quantile * unit), unit))
            draft = replace(draft, knots=knots)
            apart = all(a < b for a, b in pairwise(knots))
            if apart and draft.bound_weights_error() <= ball(most_weights_error):
                return draft, precision
        precision *= 2
