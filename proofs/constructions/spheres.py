"""Uniform measures on spheres, rings, arcs and sectors, cut into cells with their means.

The sector of half angle h between the radii r and R has a mean of length (2/3) (R^2 + R r + r^2) /
(R + r) sin(h) / h, in its middle; on an arc, R = r.

On the unit sphere S^k, k >= 1, write x = (cos t, u sin t) with u in S^(k-1): the density of t is
proportional to sin^(k-1) t, and u is independent and uniform. A band of t times a cell of S^(k-1)
with mean c has the mean (E cos t, c E sin t), with I_n the integral of sin^n over the band,

    mass = I_(k-1) / B,  E cos t = [sin^k t]/(k I_(k-1)),  E sin t = I_k / I_(k-1),
    n I_n = (n - 1) I_(n-2) - [sin^(n-1) t cos t],

B that of I_(k-1) over [0, pi]. S^0 are two points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.exact.numbers import (
    format_short,
    sqrt_to_128_bits,
    to_element,
    to_elements,
    to_fmpq,
    to_fraction,
)
from exactflow.exact.typing import Element, MatrixLike, NumberLike
from exactflow.laws.universal.measures import TargetMeasure
from exactflow.laws.universal.quantization import (
    Quantization,
    ceil_sqrt_at_least_one,
    check_atom_count,
    grid_bits_far_below_error,
    map_quantization_by_similarity,
    quantize_by_cell_means,
    round_points_to_grid,
)

__all__ = ["Ring", "Sphere"]

_MORE_THAN_PI = QQ(355, 113)


@dataclass(frozen=True, init=False, repr=False)
class Ring(TargetMeasure):
    """The uniform measure on a ring, or on a sector of one, around the origin of the plane.

    Parameters
    ----------
    inner, outer : rational radii, 0 <= inner <= outer and outer > 0; equal radii give an arc.
    start, stop : the sector in turns, start < stop <= start + 1; the whole ring where left out.

    Examples
    --------
    >>> Ring(1, 2, 0, "1/2")
    <Ring: radii 1 to 2, turns 0 to 1/2>
    """

    inner: Element
    outer: Element
    start: Element
    stop: Element
    dimension = 2

    def __init__(
        self, inner: NumberLike, outer: NumberLike, start: NumberLike = 0, stop: NumberLike = 1
    ) -> None:
        inner, outer, start, stop = to_elements([inner, outer, start, stop])
        if not (0 <= inner <= outer and outer > 0 and start < stop <= start + 1):
            raise InvalidInputError(
                "expected 0 <= inner <= outer, outer > 0 and start < stop <= start + 1, got "
                + ", ".join(map(format_short, (inner, outer, start, stop)))
            )
        vars(self).update(inner=inner, outer=outer, start=start, stop=stop)
        vars(self).update(is_singular=inner == outer)

    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return the means of the cells of a polar grid."""
        hollow, share = self.inner / self.outer, (about_w2_error / self.outer) ** 2 / 2
        rings = ceil_sqrt_at_least_one((1 - hollow) ** 2 / (12 * share))
        turns = self.stop - self.start

        def sectors(radius: Element) -> int:
            return ceil_sqrt_at_least_one((turns * radius * 2 * _MORE_THAN_PI) ** 2 / (12 * share))

        check_atom_count(rings * sectors(QQ.one) // 2)
        radii = [hollow + (1 - hollow) * QQ(k, rings) for k in range(rings + 1)]
        counts = [sectors(R) for R in radii[1:]]
        check_atom_count(sum(counts))
        found = []
        with ctx.workprec(2 * grid_bits_far_below_error(share)):
            for r, R, count in zip(radii, radii[1:], counts, strict=False):
                mass = (R * R - r * r) / (1 - hollow * hollow) if r < R else QQ.one
                distance = _length_of_sector_mean(ball(r), ball(R), arb.pi() * ball(turns / count))
                for j in range(count):
                    middle = self.start + turns * QQ(2 * j + 1, 2 * count)
                    sin, cos = arb.sin_cos_pi_fmpq(to_fmpq(2 * middle))
                    found.append((ball(mass / count), [distance * cos, distance * sin]))
            cells = quantize_by_cell_means(
                (1 + ball(hollow * hollow)) / 2, found, grid_bits_far_below_error(share)
            )
        axes = [[self.outer, QQ.zero], [QQ.zero, self.outer]]
        return map_quantization_by_similarity(cells, [QQ.zero, QQ.zero], axes, grid_bits)

    def __repr__(self) -> str:
        ends = map(format_short, (self.inner, self.outer, self.start, self.stop))
        return "<Ring: radii {} to {}, turns {} to {}>".format(*ends)


@dataclass(frozen=True, init=False, repr=False)
class Sphere(TargetMeasure):
    """The uniform measure on a sphere: center + u_1 axes_1 + .. + u_m axes_m, where |u| = 1.

    Parameters
    ----------
    center : d rationals.
    axes : m rows of d rationals, orthogonal and of one length, the radius; the d unit vectors where
        left out.

    Examples
    --------
    >>> Sphere([0, 0, 0]), Sphere([0] * 8, axes=np.eye(8)[:3])
    (<Sphere: dimension 2 in dimension 3>, <Sphere: dimension 2 in dimension 8>)
    """

    center: tuple
    axes: tuple[tuple, ...]
    is_singular = True

    def __init__(self, center: Sequence, axes: "MatrixLike | None" = None) -> None:
        center = to_elements(center)
        d = len(center)
        rows = as_rectangular_matrix(np.eye(d) if axes is None else axes).to_dense()
        gram = (rows * rows.transpose()).to_list() if rows.shape[1] == d else []
        if not gram or not rows.domain.is_QQ or not _is_scalar(gram):
            raise InvalidInputError(
                f"expected a center of d >= 1 rationals, and rows of d rationals that are "
                f"orthogonal and of one length > 0, got {d} coordinates and {format_short(axes)}"
            )
        axes = tuple(map(tuple, rows.to_list()))
        vars(self).update(center=center, axes=axes, dimension=d)

    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return the means of the cells of a grid of bands."""
        k = len(self.axes) - 1
        relative = about_w2_error * about_w2_error / sum((x * x for x in self.axes[0]), QQ.zero)
        check_atom_count(_estimate_cell_count(k, relative))
        with ctx.workprec(2 * grid_bits_far_below_error(relative)):
            cells = quantize_by_cell_means(
                arb(1), _cells_of_sphere(k, relative), grid_bits_far_below_error(relative)
            )
        return map_quantization_by_similarity(cells, self.center, self.axes, grid_bits)

    def quantize_coordinate(
        self, coordinate: int, about_w2_error: Element, grid_bits: int
    ) -> Quantization:
        """Return the means of bands around the direction of one coordinate, given by its index."""
        k, square = len(self.axes) - 1, sum((row[coordinate] ** 2 for row in self.axes), QQ.zero)
        if not square:
            return round_points_to_grid([QQ.one], [[self.center[coordinate]]], arb(0), grid_bits)
        relative = about_w2_error * about_w2_error / square
        with ctx.workprec(2 * grid_bits_far_below_error(relative)):
            bands = (
                [(mass, [cos]) for mass, cos, _ in _bands(k, relative)]
                if k
                else _cells_of_sphere(0)
            )
            bits = grid_bits_far_below_error(relative)
            cells = quantize_by_cell_means(arb(1) / (k + 1), bands, bits)
        length, more = (
            to_element(sqrt_to_128_bits(to_fraction(square), up)) for up in (False, True)
        )
        return map_quantization_by_similarity(
            cells, [self.center[coordinate]], [[length]], grid_bits, more - length
        )

    def __repr__(self) -> str:
        return f"<Sphere: dimension {len(self.axes) - 1} in dimension {self.dimension}>"


def _length_of_sector_mean(r: arb, R: arb, h: arb) -> arb:
    """Return the length of the mean of the sector of half angle h between two radii."""
    return (R * R + R * r + r * r) / (R + r) * 2 / 3 * h.sin() / h


def _cells_of_sphere(k: int, square: Element = QQ.one) -> list[tuple[arb, list[arb]]]:
    """Return masses and means of cells of S^k with about this mean square."""
    if k == 0:
        return [(arb(1) / 2, [arb(1)]), (arb(1) / 2, [arb(-1)])]
    found = []
    for mass, cos, sin in _bands(k, square / k):
        rest = square * (k - 1) / k / to_element(float(sin.mid())) ** 2
        found += [
            (mass * m, [cos, *(sin * x for x in c)]) for m, c in _cells_of_sphere(k - 1, rest)
        ]
    return found


def _bands(k: int, square: Element) -> list[tuple[arb, arb, arb]]:
    """Return mass, mean of cos t and mean of sin t of equal bands of about this mean square."""
    count = ceil_sqrt_at_least_one(_MORE_THAN_PI**2 / (12 * square))
    check_atom_count(count)
    ends = [_integrals(k, QQ(j, count)) for j in range(count + 1)]
    whole = ends[-1][0] - ends[0][0]
    found = []
    for before, after in pairwise(ends):
        mass, cos, sin = (y - x for x, y in zip(before, after, strict=True))
        found.append((mass / whole, cos / mass, sin / mass))
    return found


def _integrals(k: int, t: Element) -> tuple[arb, arb, arb]:
    """Return antiderivatives, at pi t, of sin^(k-1), of sin^(k-1) cos and of sin^k."""
    sin, cos = arb.sin_cos_pi_fmpq(to_fmpq(t))
    powers = [arb.pi() * ball(t), -cos]
    for n in range(2, k + 1):
        powers.append(((n - 1) * powers[n - 2] - sin ** (n - 1) * cos) / n)
    return powers[k - 1], sin**k / k, powers[k]


def _estimate_cell_count(k: int, square: Element) -> int:
    """Return about how many cells of this mean square S^k has: its volume divided by theirs."""
    volume = math.log(2) + (k + 1) / 2 * math.log(math.pi) - math.lgamma((k + 1) / 2)
    side = math.log(int(square.numerator) * 12) - math.log(int(square.denominator) * max(k, 1))
    return round(math.exp(min(volume - k * side / 2, 700)))


def _is_scalar(gram: list[list]) -> bool:
    """Whether a matrix is a positive multiple of the identity."""
    entries = ((i, j, x) for i, row in enumerate(gram) for j, x in enumerate(row))
    return gram[0][0] > 0 and all(x == (gram[0][0] if i == j else 0) for i, j, x in entries)
