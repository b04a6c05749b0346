"""Piecewise constant densities in the plane, and how a density is cut into tiles.

Cuts are chosen in floats: the theorem in `exactflow.laws.universal.kl_approximation` holds for
every cut. Integrals over a tile are enclosed in ball arithmetic.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import pairwise
from math import gcd, lcm
from typing import ClassVar, NamedTuple

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.boxes import Boxes
from exactflow.laws.universal.tilings import (
    MOST_TILES,
    Interval,
    Tile,
    TileIntegrals,
    Tiling,
    kl_between_quantiles,
    mean_square,
)

SNAP = 0.1  # a cut this near an end, in units of the smallest mass of a band, moves to the end
MOST_COVERED = 2**20  # cells of the grid: they take some seconds


class DensityRun(NamedTuple):
    """An interval of x2 in a column of constant density, and its share of the column's mass."""

    low: Element
    high: Element
    share: Element


@dataclass(frozen=True, eq=False)
class PiecewiseConstantDensity:
    """A density that is constant on each cell of a grid.

    Attributes
    ----------
    grid : the ends of the columns, in x1, and of the rows, in x2, ascending.
    values : for each column the densities in its cells, from below.
    share : the share of eps that bands, and columns, may each lose.
    """

    grid: list[list[Element]]
    values: list[list[Element]]
    share: ClassVar[float] = 0.46

    @staticmethod
    def of(law: Boxes) -> "PiecewiseConstantDensity":
        """Return the density of a mixture of uniform laws, on the grid of their ends."""
        ends = zip(*(zip(*pair, strict=True) for pair in law.ends), strict=True)
        grid = [sorted({x for pair in axis for x in pair}) for axis in ends]
        first, second = [{x: k for k, x in enumerate(edges)} for edges in grid]
        covered = sum(
            (first[b] - first[a]) * (second[d] - second[c]) for (a, c), (b, d) in law.ends
        )
        if covered > MOST_COVERED:
            raise InvalidInputError(
                f"expected boxes that cover at most {MOST_COVERED} cells of the grid of their "
                f"ends, counted box by box, got {covered}: take fewer boxes, or a Histogram"
            )
        values = [[QQ.zero] * (len(second) - 1) for _ in range(len(first) - 1)]
        for ((a, c), (b, d)), weight in zip(law.ends, law.weights, strict=True):
            value = weight / ((b - a) * (d - c))
            for row in values[first[a] : first[b]]:
                for j in range(second[c], second[d]):
                    row[j] += value
        return PiecewiseConstantDensity(grid, values)

    def transposed(self) -> "PiecewiseConstantDensity":
        """Return the density with its coordinates exchanged."""
        values = [list(row) for row in zip(*self.values, strict=True)]
        return PiecewiseConstantDensity(self.grid[::-1], values)

    def column_at(self, x: Element) -> int:
        """Return the index of the column of the grid that begins at x, or contains it."""
        return bisect_right(self.grid[0], x) - 1

    @cached_property
    def marginal_density(self) -> list[Element]:
        """The density of x1 on each column of the grid."""
        heights = [d - c for c, d in pairwise(self.grid[1])]
        return [
            sum((value * h for value, h in zip(row, heights, strict=True)), QQ.zero)
            for row in self.values
        ]

    @cached_property
    def runs(self) -> list[tuple[DensityRun, ...]]:
        """The maximal intervals of constant positive density in each column of the grid."""
        found = []
        for row, total in zip(self.values, self.marginal_density, strict=True):
            runs: list[tuple] = []
            for (a, b), value in zip(pairwise(self.grid[1]), row, strict=True):
                if value:
                    is_joined = bool(runs) and runs[-1][1:] == (a, value)
                    runs.append((runs.pop()[0] if is_joined else a, b, value))
            found.append(tuple(DensityRun(a, b, (b - a) * value / total) for a, b, value in runs))
        return found

    def columns(self, most: float) -> list[tuple[Interval, float]]:
        """Return intervals of x1 and their masses: columns, halved until their loss is small."""
        cells, below = [], 0.0
        for (a, b), value in zip(pairwise(self.grid[0]), self.marginal_density, strict=True):
            if value:
                cells.append((below, min(below + to_float(value * (b - a)), 1.0), a, b))
                below = cells[-1][1]

        def halves(cell: tuple) -> list[tuple]:
            low, high, a, b = cell
            level, x = (low + high) / 2, (a + b) / 2
            return [(low, level, a, x), (level, high, x, b)]

        found = sorted(
            refine_cells(cells, most, lambda cell: kl_between_quantiles(*cell[:2]), halves)
        )
        return [((a, b), high - low) for low, high, a, b in found]

    def tiles(self, columns: list, masses: np.ndarray, most: float) -> list[Tile]:
        """Return the runs of each column, cut where bands of these masses end.

        The density is constant on each tile, so nothing is lost, whatever `most` is.
        """
        levels, found = np.cumsum(masses)[:-1], []
        cuts: dict[int, list] = {}
        for k, ((a, _), mass) in enumerate(columns):
            i = self.column_at(a)
            if i not in cuts:
                cuts[i] = _cut_runs_at_quantiles(self.runs[i], levels, SNAP * masses.min())
            found += [Tile(k, low, high, band, share * mass) for low, high, band, share in cuts[i]]
        return found

    def bound_negative_entropy(self, accuracy: float) -> arb:
        """Return E log p, a finite sum; every `accuracy` is reached."""
        return sum(
            (
                ball(area * value) * ball(value).log()
                for value, area in self.areas_by_density().items()
            ),
            arb(0),
        )

    def areas_by_density(self) -> "Counter[Element]":
        """Return for each positive value of the density the area on which it is taken."""
        found: Counter[Element] = Counter()
        for (a, b), row in zip(pairwise(self.grid[0]), self.values, strict=True):
            for (c, d), value in zip(pairwise(self.grid[1]), row, strict=True):
                if value:
                    found[value] += (b - a) * (d - c)
        return found

    def tile_integrals(self, tiling: Tiling) -> Iterator[TileIntegrals]:
        """Yield the integrals over each tile. The second moment is zero, as nothing is outside."""
        for tile, maps, value in zip(
            tiling.tiles, tiling.affine_maps, self._tile_densities(tiling), strict=True
        ):
            square, sides = arb(0), (tiling.columns[tile.column], (tile.low, tile.high))
            for (low, high), (s, t) in zip(sides, maps, strict=True):
                square += mean_square(ball((low - t) / s), ball((high - t) / s))
            (a, b), (c, d) = sides
            mass = ball(value * (b - a) * (d - c))
            yield TileIntegrals(mass, mass * square, arb(0))

    def margin_masses_per_width(self, tiling: Tiling) -> tuple[arb, arb]:
        """Return the masses of the margins of columns, and of tiles, per unit of width."""
        first = second = QQ.zero
        for tile, value in zip(tiling.tiles, self._tile_densities(tiling), strict=True):
            a, b = tiling.columns[tile.column]
            first, second = first + 2 * value * (tile.high - tile.low), second + 2 * value * (b - a)
        return ball(first), ball(second)

    def scaled_second_moment(self, tiling: Tiling) -> arb:
        """Return 0 for E|x - center|^2 in units of `least_scales`, as nothing is outside."""
        return arb(0)

    def _tile_densities(self, tiling: Tiling) -> list[Element]:
        """Return the density on each tile."""
        rows = [self.values[self.column_at(a)] for a, _ in tiling.columns]
        return [
            rows[tile.column][bisect_right(self.grid[1], tile.low) - 1] for tile in tiling.tiles
        ]


def _cut_runs_at_quantiles(
    runs: Sequence[DensityRun], levels: np.ndarray, near: float
) -> list[tuple]:
    """Return cells (low, high, band, share) of a column, cut at the quantiles of `levels`.

    A level within `near` of the end of a run moves to the end.
    """
    below, found = 0.0, []
    for low, high, exact in runs:
        share = to_float(exact)
        inside = levels[(levels > below + near) & (levels < below + share - near)]
        band = int(np.searchsorted(levels, below + near))
        cuts = [QQ(round((x - below) / share * 2**40), 2**40) for x in inside]
        for p, q in pairwise([QQ.zero, *cuts, QQ.one]):
            ends = low + p * (high - low), low + q * (high - low)
            found.append((*ends, band, share * to_float(q - p)))
            band += 1
        below += share
    return found


def common_measure(lengths: Sequence[Element]) -> Element:
    """Return the largest number of which all `lengths` are multiples."""
    denominator = lcm(*(int(x.denominator) for x in lengths))
    return QQ(gcd(*(int(x * denominator) for x in lengths)), denominator)


def refine_cells(cells: list, most: float, loss: Callable, halves: Callable) -> list:
    """Halve the cell with the largest loss until the losses add up to `most`, or cells are too
    many.
    """
    heap = [(-loss(cell), cell) for cell in cells]
    heapify(heap)
    total = -sum(value for value, _ in heap)
    while total > most and len(heap) <= MOST_TILES:
        value, cell = heappop(heap)
        total += value
        for half in halves(cell):
            heappush(heap, (-loss(half), half))
            total += loss(half)
    return [cell for _, cell in heap]
