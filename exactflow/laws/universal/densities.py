"""Densities in the plane that are cut into tiles, those that are constant on cells among them.

Cuts are chosen in floats: the theorem in `exactflow.laws.universal.kl_approximation` holds for
every cut. Integrals over a tile are enclosed in ball arithmetic.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from heapq import heapify, heappop, heappush
from itertools import pairwise

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
    quantile_loss,
)

SNAP = 0.1
MOST_COVERED = 2**20  # cells, which take some seconds


class PiecewiseConstantDensity:
    """A density constant on each cell of a grid; bands, or columns, may lose a `share` of eps."""

    share = 0.46

    def __init__(self, law: Boxes) -> None:
        ends = zip(*(zip(*pair, strict=True) for pair in law.ends), strict=True)
        self.grid = [sorted({x for pair in axis for x in pair}) for axis in ends]
        first, second = [{x: k for k, x in enumerate(edges)} for edges in self.grid]
        covered = sum(
            (first[b] - first[a]) * (second[d] - second[c]) for (a, c), (b, d) in law.ends
        )
        if covered > MOST_COVERED:
            raise InvalidInputError(
                f"expected boxes that cover at most {MOST_COVERED} cells of the grid of their "
                f"ends, counted box by box, got {covered}: take fewer boxes, or a Histogram"
            )
        self.values = [[QQ.zero] * (len(second) - 1) for _ in range(len(first) - 1)]
        for ((a, c), (b, d)), weight in zip(law.ends, law.weights, strict=True):
            value = weight / ((b - a) * (d - c))
            for row in self.values[first[a] : first[b]]:
                for j in range(second[c], second[d]):
                    row[j] += value

    def transposed(self) -> "PiecewiseConstantDensity":
        """Return the density with its coordinates exchanged."""
        found = copy(self)
        found.grid = self.grid[::-1]
        found.values = [list(row) for row in zip(*self.values, strict=True)]
        return found

    def columns(self, most: float) -> list[tuple[Interval, float]]:
        """Return intervals of x1 with their masses: the grid's, halved until the loss is small."""
        heights = [d - c for c, d in pairwise(self.grid[1])]
        cells, below = [], 0.0
        for (a, b), row in zip(pairwise(self.grid[0]), self.values, strict=True):
            share = sum((x * h for x, h in zip(row, heights, strict=True)), QQ.zero) * (b - a)
            if share:
                cells.append((below, min(below + to_float(share), 1.0), a, b))
                below = cells[-1][1]

        def halves(cell: tuple) -> list[tuple]:
            low, high, a, b = cell
            level, x = (low + high) / 2, (a + b) / 2
            return [(low, level, a, x), (level, high, x, b)]

        found = sorted(refined(cells, most, lambda cell: quantile_loss(*cell[:2]), halves))
        return [((a, b), high - low) for low, high, a, b in found]

    def tiles(self, columns: list, masses: np.ndarray, most: float) -> list[Tile]:
        """Return the cells of each column, cut where bands of these masses end; none loses."""
        levels, found = np.cumsum(masses)[:-1], []
        cuts: dict[int, list] = {}
        for k, ((a, _), mass) in enumerate(columns):
            i = bisect_right(self.grid[0], a) - 1
            if i not in cuts:
                cuts[i] = self._cut(self.values[i], levels, SNAP * masses.min())
            found += [Tile(k, low, high, band, share * mass) for low, high, band, share in cuts[i]]
        return found

    def _cut(self, row: list, levels: np.ndarray, near: float) -> list[tuple]:
        """Return cells (low, high, band, share) of a column; levels near an end move there."""
        runs = [(a, b, value) for (a, b), value in zip(pairwise(self.grid[1]), row, strict=True)]
        merged: list[tuple] = []
        for a, b, value in runs:
            if merged and merged[-1][2] == value:
                a = merged.pop()[0]
            merged.append((a, b, value))
        total, below, found = sum((b - a) * value for a, b, value in merged), 0.0, []
        for a, b, value in merged:
            if not value:
                continue
            share = to_float((b - a) * value / total)
            inside = levels[(levels > below + near) & (levels < below + share - near)]
            band = int(np.searchsorted(levels, below + near))
            parts = [QQ(round((x - below) / share * 2**40), 2**40) for x in inside]
            for p, q in pairwise([QQ.zero, *parts, QQ.one]):
                found.append((a + p * (b - a), a + q * (b - a), band, share * to_float(q - p)))
                band += 1
            below += share
        return found

    def entropy(self, accuracy: float) -> arb:
        """Return E log p, a finite sum."""
        return sum(
            (ball(area * value) * ball(value).log() for value, area in self.areas().items()), arb(0)
        )

    def areas(self) -> "Counter[Element]":
        """Return for each positive value of the density the area where it has it."""
        found: Counter[Element] = Counter()
        for (a, b), row in zip(pairwise(self.grid[0]), self.values, strict=True):
            for (c, d), value in zip(pairwise(self.grid[1]), row, strict=True):
                if value:
                    found[value] += (b - a) * (d - c)
        return found

    def terms(self, tiling: Tiling) -> Iterator[TileIntegrals]:
        """Yield the integrals over each tile."""
        for tile, maps, value in zip(tiling.tiles, tiling.maps, self._values(tiling), strict=True):
            square, sides = arb(0), (tiling.columns[tile.column], (tile.low, tile.high))
            for (low, high), (s, t) in zip(sides, maps, strict=True):
                a, b = ball((low - t) / s), ball((high - t) / s)
                square += (a * a + a * b + b * b) / 3
            (a, b), (c, d) = sides
            mass = ball(value * (b - a) * (d - c))
            yield TileIntegrals(mass, mass * square, arb(0))

    def edges(self, tiling: Tiling) -> tuple[arb, arb]:
        """Return the mass of margins of columns, and of tiles, for each unit of their widths."""
        first = second = QQ.zero
        for tile, value in zip(tiling.tiles, self._values(tiling), strict=True):
            a, b = tiling.columns[tile.column]
            first, second = first + 2 * value * (tile.high - tile.low), second + 2 * value * (b - a)
        return ball(first), ball(second)

    def spread(self, tiling: Tiling) -> arb:
        """Return E|x - center|^2 in units of the finest scales; zero, as nothing is outside."""
        return arb(0)

    def _values(self, tiling: Tiling) -> list[Element]:
        """The density on each tile."""
        first, second = self.grid
        return [
            self.values[bisect_right(first, tiling.columns[tile.column][0]) - 1][
                bisect_right(second, tile.low) - 1
            ]
            for tile in tiling.tiles
        ]


def refined(cells: list, most: float, loss: Callable, halves: Callable) -> list:
    """Return cells, the worst halved until losses add up to `most`, or there are too many."""
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
