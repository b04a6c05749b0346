"""Volume-preserving maps: a lower bound of KL, and four additive couplings within any eps of it.

Main results
------------
Let p be a density on R^2, and p* its symmetric decreasing rearrangement: p* depends on |z| only, it
decreases, and {p* > c} has the area of {p > c} for every c. A volume-preserving f has

    KL(P | f#N(0, I)) >= KL(p* | N(0, I)) = E log p + log(2 pi) + integral of |z|^2 p* / 2,

and for every eps > 0 four additive couplings under one partition have a KL within eps of this
lower bound.

Of all densities with these areas p* has the least second moment. If p has the values p_1 > p_2 > ..
on areas whose partial sums are V_1 < V_2 < .., the second moment of p* is the sum of p_k (V_k^2 -
V_(k-1)^2) / (2 pi). Couplings come near the bound: they translate small equal cells of the normal
plane, sorted by |z|^2, to equal cells of P, sorted by p. These are the tiles of
`exactflow.laws.universal.kl_approximation` with all scales one.

How it is checked
-----------------
*Certified*: both bounds in ball arithmetic, with pi rounded to the safe side.
"""

from itertools import pairwise, product

import numpy as np
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.densities import PiecewiseConstantDensity, greatest_common_measure
from exactflow.laws.universal.quantization import TUNING
from exactflow.laws.universal.tilings import Interval, Tile, Tiling, check_tile_count, round_up

ROOM = QQ(1, 2**20)  # latent cells are longer by this share, which leaves space for ramps
COARSEST = 64  # parts of the common measure are not used if the longest interval has more of them
THINNEST = 1e-150  # replaces smaller ratios of the sides of a cell, whose squares may be 0.0


def lower_bound_volume_preserving_kl(density: PiecewiseConstantDensity) -> Rational:
    """Return a lower bound of KL(P | image of N(0, I) under f) over all volume-preserving maps f,
    where P is the law with the given density.
    """
    below, moment = QQ.zero, QQ.zero
    for value, area in sorted(density.areas_by_positive_density().items(), reverse=True):
        moment += value * area * (2 * below + area)
        below += area
    with ctx.workprec(TUNING.precision):
        entropy = density.enclose_negative_entropy() + (2 * arb.pi()).log()
        return QQ.to_sympy(lower(entropy + ball(moment) / (4 * arb.pi())))


def tile_by_translations(
    density: PiecewiseConstantDensity, least_parts_of_longest_side: int
) -> Tiling:
    """Return tiles of nearly equal size onto which cells of a lattice of latents are translated.

    On each axis the longest grid interval that has mass is cut into `least_parts_of_longest_side`
    or more parts, and the other intervals into parts of about the same width or less. The more
    tiles, the smaller the KL.
    """
    occupied = [(i, j) for i, row in enumerate(density.values) for j, p in enumerate(row) if p]
    (width, columns), (height, rows) = (
        _choose_width_and_cut_used_intervals(edges, set(used), least_parts_of_longest_side)
        for edges, used in zip(density.grid, zip(*occupied, strict=True), strict=True)
    )
    check_tile_count(sum(len(columns[i]) * len(rows[j]) for i, j in occupied))
    cells = [
        (density.values[i][j], x, y) for i, j in occupied for x, y in product(columns[i], rows[j])
    ]
    cells.sort(key=lambda cell: cell[1:])  # column by column, from below
    order = sorted(range(len(cells)), key=lambda k: -cells[k][0])
    places = _indices_of_lattice_cells_nearest_zero(width, height, len(cells))
    used = sorted({x for _, x, _ in cells})
    bands = sorted({j for _, j in places})
    column, band = ({x: k for k, x in enumerate(found)} for found in (used, bands))
    tiles: list = [None] * len(cells)
    slots: list = [None] * len(cells)
    for k, (i, j) in zip(order, places, strict=True):
        value, x, (low, high) = cells[k]
        mass = to_float(value * (x[1] - x[0]) * (high - low))
        tiles[k] = Tile(column[x], low, high, band[j], mass)
        slots[k] = _interval_of_spaced_row(i, width)
    return Tiling(
        used, tiles, [_interval_of_spaced_row(j, height) for j in bands], slots, rigid=True
    )


def _choose_width_and_cut_used_intervals(
    edges: list[Element], used_intervals: set[int], least_parts_of_longest: int
) -> tuple[Element, dict[int, list[Interval]]]:
    """Choose a width, and cut each used interval between `edges` into equal parts of at most this
    width.

    Returns the width and, for the index of each used interval, the parts of the interval. The width
    is the common measure of the intervals, or the length of the longest interval if that is much
    more than the common measure; it is divided by `least_parts_of_longest`.
    """
    lengths = {k: edges[k + 1] - edges[k] for k in used_intervals}
    longest, common = max(lengths.values()), greatest_common_measure(list(lengths.values()))
    width = (common if longest <= COARSEST * common else longest) / least_parts_of_longest
    parts = {}
    for k, length in lengths.items():
        number = int(round_up(length / width, QQ.one))
        parts[k] = list(pairwise(edges[k] + length * QQ(n, number) for n in range(number + 1)))
    return width, parts


def _indices_of_lattice_cells_nearest_zero(
    width: Element, height: Element, count: int
) -> list[tuple[int, int]]:
    """Return the indices of the `count` lattice cells whose centers are nearest to zero.

    Zero is the lower left corner of cell (0, 0).
    """
    sides = [max(to_float(x / max(width, height)), THINNEST) for x in (width, height)]
    radius = np.sqrt(count * sides[0] * sides[1] / np.pi) + sum(sides)
    most = [min(np.ceil(radius / side), count) for side in sides]
    i, j = (x.ravel() for x in np.meshgrid(*(np.arange(-n, n) for n in most)))
    square = ((i + 0.5) * sides[0]) ** 2 + ((j + 0.5) * sides[1]) ** 2
    nearest = np.argsort(square, kind="stable")[:count]
    return list(zip(i[nearest].astype(int).tolist(), j[nearest].astype(int).tolist(), strict=True))


def _interval_of_spaced_row(index: int, least_length: Element) -> Interval:
    """Return the interval with this index in a row of equal intervals with gaps between them.

    Each interval is a little longer than `least_length`.
    """
    wide, gap = least_length * (1 + ROOM), least_length * ROOM / 4
    return index * wide + gap, (index + 1) * wide - gap
