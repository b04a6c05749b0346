"""Piecewise constant densities in the plane, and their division into tiles.

Cuts are chosen in floats, because the theorem in `exactflow.laws.universal.kl_approximation` holds
for all cuts. Integrals over tiles are enclosed in ball arithmetic.
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
    TileMassAndSecondMoments,
    Tiling,
    mean_square_of_uniform,
    uniform_kl_contribution_between_normal_quantiles,
)

# A run of constant density is not cut where the mass between the cut and an end of the run is below
# this share of the mass of the lightest band.
SNAP = 0.1
MOST_COVERED = 2**20  # the most grid cells that the boxes may cover; more would take minutes


class DensityRun(NamedTuple):
    """An interval of x2 on which the density in a column is constant, with the share of the
    column's mass on it.
    """

    low: Element
    high: Element
    share: Element


@dataclass(frozen=True, eq=False)
class PiecewiseConstantDensity:
    """A density in the plane that is constant on each cell of a grid.

    Attributes
    ----------
    grid : the edges between columns, which are intervals of x1, and between rows, of x2; ascending.
    values : for each column the densities in its cells, in the order of x2.
    share : the share of eps that the choice of bands may add to the KL; the choice of columns may
        add as much.
    """

    grid: list[list[Element]]
    values: list[list[Element]]
    share: ClassVar[float] = 0.46

    @staticmethod
    def from_boxes(law: Boxes) -> "PiecewiseConstantDensity":
        """Return the density of a mixture of uniform laws on boxes, on the grid of their edges."""
        ends = zip(*(zip(*pair, strict=True) for pair in law.ends), strict=True)
        grid = [sorted({x for pair in axis for x in pair}) for axis in ends]
        first, second = [{x: k for k, x in enumerate(edges)} for edges in grid]
        covered = sum(
            (first[b] - first[a]) * (second[d] - second[c]) for (a, c), (b, d) in law.ends
        )
        if covered > MOST_COVERED:
            raise InvalidInputError(
                f"expected boxes that cover at most {MOST_COVERED} cells of the grid of all their "
                f"edges (a cell counts once for each box that covers it), got {covered}: take "
                "fewer boxes, or a Histogram"
            )
        values = [[QQ.zero] * (len(second) - 1) for _ in range(len(first) - 1)]
        for ((a, c), (b, d)), weight in zip(law.ends, law.weights, strict=True):
            value = weight / ((b - a) * (d - c))
            for row in values[first[a] : first[b]]:
                for j in range(second[c], second[d]):
                    row[j] += value
        return PiecewiseConstantDensity(grid, values)

    def transposed(self) -> "PiecewiseConstantDensity":
        """Return the density with x1 and x2 exchanged."""
        values = [list(row) for row in zip(*self.values, strict=True)]
        return PiecewiseConstantDensity(self.grid[::-1], values)

    def column_index_at(self, x1: Element) -> int:
        """Return the index of the column that contains x1; an edge belongs to the column on its
        right.
        """
        return bisect_right(self.grid[0], x1) - 1

    @cached_property
    def x1_density_by_column(self) -> list[Element]:
        """The marginal density of x1 on each column of the grid."""
        heights = [d - c for c, d in pairwise(self.grid[1])]
        return [
            sum((value * h for value, h in zip(row, heights, strict=True)), QQ.zero)
            for row in self.values
        ]

    @cached_property
    def constant_positive_runs_by_column(self) -> list[tuple[DensityRun, ...]]:
        """The maximal intervals of constant positive density in each column of the grid."""
        found = []
        for row, total in zip(self.values, self.x1_density_by_column, strict=True):
            runs: list[tuple] = []
            for (a, b), value in zip(pairwise(self.grid[1]), row, strict=True):
                if value:
                    is_joined = bool(runs) and runs[-1][1:] == (a, value)
                    runs.append((runs.pop()[0] if is_joined else a, b, value))
            found.append(tuple(DensityRun(a, b, (b - a) * value / total) for a, b, value in runs))
        return found

    def split_x1_into_columns_with_masses(
        self, wanted_total_kl_loss: float
    ) -> list[tuple[Interval, float]]:
        """Return intervals of x1 with their masses: columns of the grid, some of them halved
        repeatedly.

        Columns are halved until the affine maps of the intervals onto intervals of z1 lose, in
        total, at most `wanted_total_kl_loss`, or until there are more than `MOST_TILES` intervals.
        """
        cells, below = [], 0.0  # a cell is the masses to the left of its two ends, and the ends
        for (a, b), value in zip(pairwise(self.grid[0]), self.x1_density_by_column, strict=True):
            if value:
                cells.append((below, min(below + to_float(value * (b - a)), 1.0), a, b))
                below = cells[-1][1]

        def halve_levels_and_interval(cell: tuple) -> list[tuple]:
            low, high, a, b = cell
            level, x = (low + high) / 2, (a + b) / 2
            return [(low, level, a, x), (level, high, x, b)]

        found = halve_costliest_cells(
            cells,
            wanted_total_kl_loss,
            lambda cell: uniform_kl_contribution_between_normal_quantiles(*cell[:2]),
            halve_levels_and_interval,
        )
        return [((a, b), high - low) for low, high, a, b in sorted(found)]

    def split_into_tiles(
        self,
        columns_with_masses: list[tuple[Interval, float]],
        band_masses: np.ndarray,
        wanted_total_kl_loss: float,
    ) -> list[Tile]:
        """Return tiles: in each column, the intervals of x2 with constant density, cut where the
        mass below x2 equals the mass of z2 below an end of a band.

        The density is constant on each tile, so nothing is lost, and `wanted_total_kl_loss` does
        not matter.
        """
        levels, found = np.cumsum(band_masses)[:-1], []
        cuts: dict[int, list[tuple[Element, Element, int, float]]] = {}
        for k, ((a, _), mass) in enumerate(columns_with_masses):
            i = self.column_index_at(a)
            if i not in cuts:
                cuts[i] = _cut_runs_at_quantiles(
                    self.constant_positive_runs_by_column[i], levels, SNAP * band_masses.min()
                )
            found += [Tile(k, low, high, band, share * mass) for low, high, band, share in cuts[i]]
        return found

    def enclose_negative_entropy(self) -> arb:
        """Return an enclosure of E log p, where p is the density."""
        areas = self.areas_by_positive_density().items()
        return sum((ball(area * value) * ball(value).log() for value, area in areas), arb(0))

    def areas_by_positive_density(self) -> "Counter[Element]":
        """Return, for each positive value of the density, the area where it has this value."""
        found: Counter[Element] = Counter()
        for (a, b), row in zip(pairwise(self.grid[0]), self.values, strict=True):
            for (c, d), value in zip(pairwise(self.grid[1]), row, strict=True):
                if value:
                    found[value] += (b - a) * (d - c)
        return found

    def tile_masses_and_second_moments(self, tiling: Tiling) -> Iterator[TileMassAndSecondMoments]:
        """Yield, for each tile, its mass and the second moments of the density on it.

        The moment about the center of the tiling serves only to bound the KL outside of all tiles.
        This density has no mass there, so zero is returned for this moment.
        """
        for tile, maps, value in zip(
            tiling.tiles, tiling.affine_maps_from_latents, self._tile_densities(tiling), strict=True
        ):
            square, sides = arb(0), (tiling.columns[tile.column], (tile.low, tile.high))
            for (low, high), (s, t) in zip(sides, maps, strict=True):
                square += mean_square_of_uniform(ball((low - t) / s), ball((high - t) / s))
            (a, b), (c, d) = sides
            mass = ball(value * (b - a) * (d - c))
            yield TileMassAndSecondMoments(mass, mass * square, arb(0))

    def bound_mass_in_tile_margins_per_width(self, tiling: Tiling, axis: int) -> arb:
        """Return the mass in the margins of columns (axis 0), or of tiles within columns (axis 1),
        divided by the width of a margin.
        """
        total = QQ.zero
        for tile, value in zip(tiling.tiles, self._tile_densities(tiling), strict=True):
            a, b = (tile.low, tile.high) if axis == 0 else tiling.columns[tile.column]
            total += 2 * value * (b - a)
        return ball(total)

    def _tile_densities(self, tiling: Tiling) -> list[Element]:
        """Return the density on each tile."""
        rows = [self.values[self.column_index_at(a)] for a, _ in tiling.columns]
        return [
            rows[tile.column][bisect_right(self.grid[1], tile.low) - 1] for tile in tiling.tiles
        ]


def _cut_runs_at_quantiles(
    runs: Sequence[DensityRun], levels: np.ndarray, least_cut_share_of_column: float
) -> list[tuple[Element, Element, int, float]]:
    """Cut the runs of a column at the quantiles of x2 for `levels`, the probabilities at which
    bands end. Return the two ends of each part, the index of the band of z2 onto which the part is
    mapped, and its share of the column's mass.

    A run is not cut at a quantile if the share of the column's mass between the quantile and an end
    of the run is below `least_cut_share_of_column`.
    """
    below, found, least = 0.0, [], least_cut_share_of_column
    for low, high, exact in runs:
        share = to_float(exact)
        inside = levels[(levels > below + least) & (levels < below + share - least)]
        band = int(np.searchsorted(levels, below + least))
        cuts = [QQ(round((x - below) / share * 2**40), 2**40) for x in inside]
        for p, q in pairwise([QQ.zero, *cuts, QQ.one]):
            ends = low + p * (high - low), low + q * (high - low)
            found.append((*ends, band, share * to_float(q - p)))
            band += 1
        below += share
    return found


def greatest_common_measure(lengths: Sequence[Element]) -> Element:
    """Return the largest rational of which all `lengths` are integer multiples."""
    denominator = lcm(*(int(x.denominator) for x in lengths))
    return QQ(gcd(*(int(x * denominator) for x in lengths)), denominator)


def halve_costliest_cells(
    cells: list, wanted_total_loss: float, loss: Callable, halve: Callable
) -> list:
    """Halve the cell with the largest loss repeatedly, and return the resulting cells.

    This ends when the losses add up to at most `wanted_total_loss`, or there are more than
    `MOST_TILES` cells.
    """
    heap = [(-loss(cell), cell) for cell in cells]
    heapify(heap)
    total = -sum(value for value, _ in heap)
    while total > wanted_total_loss and len(heap) <= MOST_TILES:
        value, cell = heappop(heap)
        total += value
        for half in halve(cell):
            lost = loss(half)
            heappush(heap, (-lost, half))
            total += lost
    return [cell for _, cell in heap]
