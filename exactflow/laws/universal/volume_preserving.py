"""Volume-preserving maps in KL: a lower bound, and four additive couplings within any eps of it.

Main results
------------
Let p be a density on R^2, and p* its symmetric decreasing rearrangement: p* depends on |z| only, it
decreases, and {p* > c} has the area of {p > c} for every c. A volume-preserving f has

    KL(P | f#N(0, I)) >= KL(p* | N(0, I)) = E log p + log(2 pi) + integral of |z|^2 p* / 2,

and four additive couplings come as near to that as one likes, under one partition.

Of the densities with these areas p* has the least second moment: where p has the values p_1 > p_2 >
.. on areas whose partial sums are V_1 < V_2 < .., it is sum p_k (V_k^2 - V_(k-1)^2) / (2 pi). Small
equal cells, taken in the order of p to equal cells of the plane in the order of |z|^2, come near
it: tiles of `exactflow.laws.universal.kl_approximation` with all scales one.

How it is checked
-----------------
*Certified*: both bounds in ball arithmetic, with pi rounded to the safe side.
"""

from itertools import pairwise, product
from math import gcd, lcm
from typing import NamedTuple

import numpy as np
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.densities import PiecewiseConstantDensity
from exactflow.laws.universal.quantization import TUNING
from exactflow.laws.universal.tilings import Interval, Tile, Tiling, check_tiles

ROOM = QQ(1, 2**20)  # what a latent cell is wider, relatively, so that there is place for ramps
COARSEST = 64  # sides that are this much longer than a common measure are cut without it
THINNEST = 1e-150  # of a cell's sides in units of the longer one, whose square is a float


def least_kl(density: PiecewiseConstantDensity) -> Rational:
    """Return a number that KL is at least, for every volume-preserving map."""
    below, moment = QQ.zero, QQ.zero
    for value, area in sorted(density.areas().items(), reverse=True):
        moment += value * area * (2 * below + area)
        below += area
    with ctx.workprec(TUNING.precision):
        entropy = density.entropy(1.0) + (2 * arb.pi()).log()
        return QQ.to_sympy(lower(entropy + ball(moment) / (4 * arb.pi())))


def translated(density: PiecewiseConstantDensity, count: int) -> Tiling:
    """Return tiles of nearly one size, `count` to a side of the coarsest, that are only translated.

    Only cells of the grid that have mass are cut. A tile smaller than a cell of the lattice of
    latents has one for itself, too: the more tiles, the less that loses.
    """
    occupied = [(i, j) for i, row in enumerate(density.values) for j, p in enumerate(row) if p]
    first, second = (
        _Side.of([tuple(edges[k : k + 2]) for k in range(len(edges) - 1)], set(used), count)
        for edges, used in zip(density.grid, zip(*occupied, strict=True), strict=True)
    )
    check_tiles(sum(first.counts[i] * second.counts[j] for i, j in occupied))
    columns, rows = first.parts(), second.parts()
    cells = [
        (density.values[i][j], x, y) for i, j in occupied for x, y in product(columns[i], rows[j])
    ]
    cells.sort(key=lambda cell: cell[1:])  # column by column, upwards
    order = sorted(range(len(cells)), key=lambda k: -cells[k][0])
    places = _disc(first.width, second.width, len(cells))
    used = sorted({x for _, x, _ in cells})
    bands = sorted({j for _, j in places})
    column, band = ({x: k for k, x in enumerate(found)} for found in (used, bands))
    tiles: list = [None] * len(cells)
    slots: list = [None] * len(cells)
    for k, (i, j) in zip(order, places, strict=True):
        value, x, (low, high) = cells[k]
        mass = to_float(value * (x[1] - x[0]) * (high - low))
        tiles[k] = Tile(column[x], low, high, band[j], mass)
        slots[k] = _cell(i, first.width)
    return Tiling(used, tiles, [_cell(j, second.width) for j in bands], slots, rigid=True)


class _Side(NamedTuple):
    """Intervals of one coordinate, and into how many parts each is cut, none wider than `width`."""

    intervals: list[Interval]
    counts: dict[int, int]
    width: Element

    @staticmethod
    def of(intervals: list[Interval], used: set[int], count: int) -> "_Side":
        """Return the cut of those that are used: into equal parts, if their lengths have a common
        measure that is not much shorter, else by the longest.
        """
        lengths = {k: intervals[k][1] - intervals[k][0] for k in used}
        longest, common = max(lengths.values()), _common(list(lengths.values()))
        width = (common if longest <= COARSEST * common else longest) / count
        ratios = {k: length / width for k, length in lengths.items()}
        counts = {k: -(-int(x.numerator) // int(x.denominator)) for k, x in ratios.items()}
        return _Side(intervals, counts, width)

    def parts(self) -> dict[int, list[Interval]]:
        """Return the equal parts of each interval that is used."""
        found = {}
        for k, count in self.counts.items():
            a, b = self.intervals[k]
            ends = [a + (b - a) * QQ(n, count) for n in range(count + 1)]
            found[k] = list(pairwise(ends))
        return found


def _common(steps: list[Element]) -> Element:
    """Return the largest number of which all these are multiples."""
    bottom = lcm(*(int(step.denominator) for step in steps))
    return QQ(gcd(*(int(step * bottom) for step in steps)), bottom)


def _disc(width: Element, height: Element, count: int) -> list[tuple[int, int]]:
    """Return the cells of a lattice that are nearest to zero, a corner of cell (0, 0)."""
    sides = [max(to_float(x / max(width, height)), THINNEST) for x in (width, height)]
    radius = np.sqrt(count * sides[0] * sides[1] / np.pi) + sum(sides)
    most = [min(np.ceil(radius / side), count) for side in sides]
    i, j = (x.ravel() for x in np.meshgrid(*(np.arange(-n, n) for n in most)))
    square = ((i + 0.5) * sides[0]) ** 2 + ((j + 0.5) * sides[1]) ** 2
    nearest = np.argsort(square, kind="stable")[:count]
    return list(zip(i[nearest].astype(int).tolist(), j[nearest].astype(int).tolist(), strict=True))


def _cell(i: int, side: Element) -> Interval:
    """Return the interval i of a lattice that is wider than `side` by a little."""
    wide, gap = side * (1 + ROOM), side * ROOM / 4
    return i * wide + gap, (i + 1) * wide - gap
