"""Four layers that take tiles of the plane to tiles of the normal plane, and their certified KL.

Theorem and notation are those of `exactflow.laws.universal.kl_approximation`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from flint import arb
from scipy.special import gammaincinv, ndtr, ndtri
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import Element, Half
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal.parameters import power_below

Interval = tuple[Element, Element]
MOST_TILES = 2**16
FLOATS, ALL_DIGITS = 2**1000, 16  # the range of float64, and its decimal digits
RAMPS = QQ(1, 64)  # the share of eps that ramps may have
GAP, SLACK = 2.0**-20, QQ(1, 2**24)  # what of a latent interval is left free, for ramps


def check_tiles(count: int) -> None:
    """Refuse more tiles than can be built."""
    if count > MOST_TILES:
        raise InvalidInputError(
            f"expected a law that {MOST_TILES} tiles approximate, got one that takes {count}, or "
            "more: raise eps, or take fewer bins"
        )


class Tile(NamedTuple):
    """An interval of x2 in a column, its mass, nearly, and the band of z2 that it goes to."""

    column: int
    low: Element
    high: Element
    band: int
    mass: float


class TileIntegrals(NamedTuple):
    """Integrals over a tile of 1, of |z|^2, and of |x - center|^2 in units of the finest scales."""

    mass: arb
    square: arb
    spread: arb


@dataclass(frozen=True, eq=False)
class Tiling:
    """Tiles, by column and height, and where they go, translated where they are `rigid`.

    Columns are disjoint intervals of x1, and bands of z2, increasing. Each tile has a slot, an
    interval of z1; those of one band are disjoint.
    """

    columns: list[Interval]
    tiles: list[Tile]
    bands: list[Interval]
    slots: list[Interval]
    rigid: bool = False

    @classmethod
    def of(cls, columns: list[Interval], tiles: list[Tile], count: int) -> "Tiling":
        """Return the tiling of which bands and slots have the masses of the tiles."""
        rows: list[list[int]] = [[] for _ in range(count)]
        for k, tile in enumerate(tiles):
            rows[tile.band].append(k)
        masses = np.array([tile.mass for tile in tiles])
        bands = intervals([masses[row].sum() for row in rows])
        slots: list = [None] * len(tiles)
        for row in rows:
            for k, slot in zip(row, intervals(masses[row]), strict=True):
                slots[k] = slot
        return cls(columns, tiles, bands, slots)

    @cached_property
    def maps(self) -> list[tuple[Interval, Interval]]:
        """For each tile (s, t) of x1 = s z1 + t, and of x2 = s z2 + t."""
        return [
            (
                _affine(self.columns[tile.column], slot, self.rigid),
                _affine((tile.low, tile.high), self.bands[tile.band], self.rigid),
            )
            for tile, slot in zip(self.tiles, self.slots, strict=True)
        ]

    @cached_property
    def labels(self) -> list[Element]:
        """For each band the shift of z1 by which the first layer marks it."""
        width = 2 * max(max(abs(a), abs(b)) for a, b in self.slots)
        step, count = 2 * (int(width / 2) + 1), len(self.bands)
        return [QQ(step * (2 * k + 1 - count), 2) for k in range(count)]

    @cached_property
    def shifts(self) -> list[Element]:
        """For each column the shift of x2 by which the last layer marks it."""
        ends: dict[int, list] = {}
        for tile in self.tiles:
            ends.setdefault(tile.column, [tile.low, tile.high])[1] = tile.high
        heights = [high - low for low, high in ends.values()]
        unit = power_below(min(heights)) / 16
        top, found = -sum(heights, QQ.zero) / 2, []
        for column in range(len(self.columns)):
            low, high = ends[column]
            found.append(round_up(top - low, unit) + unit)
            top = high + found[-1]
        return found

    @cached_property
    def hulls(self) -> tuple[Interval, Interval]:
        """The least box around the tiles."""
        lows, highs = zip(*((tile.low, tile.high) for tile in self.tiles), strict=True)
        return (self.columns[0][0], self.columns[-1][1]), (min(lows), max(highs))

    @property
    def center(self) -> tuple[Element, ...]:
        """The center of that box."""
        return tuple((a + b) / 2 for a, b in self.hulls)

    @cached_property
    def finest(self) -> tuple[Element, ...]:
        """The least scales of both coordinates."""
        return tuple(min(pair[i][0] for pair in self.maps) for i in (0, 1))

    @property
    def widest(self) -> tuple[Element, ...]:
        """The widest margins: an eighth of the narrowest column, and of the lowest tile."""
        lengths = [b - a for a, b in self.columns], [tile.high - tile.low for tile in self.tiles]
        return tuple(power_below(min(row)) / 8 for row in lengths)

    @cached_property
    def reach(self) -> tuple[Element, Element]:
        """Bounds of |z1| and |z2| for all points of the hull, on ramps, too."""
        (first, second), first_most, second_most = self.hulls, QQ.zero, QQ.zero
        span = second[0] + min(self.shifts), second[1] + max(self.shifts)
        for tile, ((s, t), (u, v)) in zip(self.tiles, self.maps, strict=True):
            label, shift = self.labels[tile.band], self.shifts[tile.column] + v
            first_most = max(first_most, *(abs((x - t) / s + label) for x in first))
            second_most = max(second_most, *(abs(y - shift) / u for y in span))
        return first_most + self.labels[-1], second_most

    @property
    def digits(self) -> int:
        """About how many decimal digits float64 loses in latents: those of the largest coordinate,
        moved by its mark, in units of the scale there, and those of the marks of latents; and all
        where numbers are beyond float64.
        """
        lost, numbers = max(self.reach), [*self.shifts, *(x for hull in self.hulls for x in hull)]
        for tile, ((s, _), (u, _)) in zip(self.tiles, self.maps, strict=True):
            shift = self.shifts[tile.column]
            places = *(x / s for x in self.columns[tile.column]), tile.low / u, tile.high / u
            lost = max(lost, *map(abs, places), abs(shift) / u)
            numbers += [s, u]
        sizes = [abs(x) for x in numbers if x]
        is_in_range = 1 <= min(sizes) * FLOATS and max(sizes) <= FLOATS
        return len(str(int(lost))) if is_in_range else max(len(str(int(lost))), ALL_DIGITS)

    def layers(self, margins: tuple[Element, ...], count: int = 4) -> Iterator[PiecewiseCoupling]:
        """Yield the layers, from latent to data: three leave out the first, if there is one band.
        Off the margins, powers of two, of columns and of tiles no point is on a ramp.
        """
        tiles, labels, shifts = self.tiles, self.labels, self.shifts
        if count == 4:
            yield build_layer("first", zip(self.bands, labels, strict=True))
        order = sorted(range(len(tiles)), key=lambda k: (tiles[k].band, self.slots[k]))
        second, first = [], []
        for k in order:
            (a, b), label, (s, t) = self.slots[k], labels[tiles[k].band], self.maps[k][1]
            second.append(((a + label, b + label), t + shifts[tiles[k].column], s))
        yield build_layer("second", second)
        for tile, ((s, t), _) in zip(tiles, self.maps, strict=True):
            shift = shifts[tile.column]
            a, b = _core((tile.low, tile.high), margins[1])
            first.append(((a + shift, b + shift), t - s * labels[tile.band], s))
        yield build_layer("first", first)
        cores = [_core(column, margins[0]) for column in self.columns]
        yield build_layer("second", zip(cores, (-shift for shift in shifts), strict=True))


def build_layer(moves: Half, rows: Iterable) -> PiecewiseCoupling:
    """Return the layer with a shift, and a scale, on each interval, linear between."""
    knots: list = []
    shifts: list = []
    scales: list = []
    for (a, b), shift, *scale in rows:
        knots += [a, b]
        shifts += [shift, shift]
        scales += 2 * (scale or [QQ.one])
    return PiecewiseCoupling(
        (1, 1), moves, PiecewiseLinear(knots, shifts), PiecewiseLinear(knots, scales)
    )


def _core(interval: Interval, margin: Element) -> Interval:
    """Return the largest interval of multiples of a number that is inside, ends excluded."""
    low, high = interval
    return -round_up(-low, margin) + margin, round_up(high, margin) - margin


def round_up(x: Element, unit: Element) -> Element:
    """Return the least multiple of `unit` that is at least x."""
    quotient = x / unit
    return -(-int(quotient.numerator) // int(quotient.denominator)) * unit


def _affine(x: Interval, z: Interval, rigid: bool) -> Interval:
    """Return short s, t for which s z + t has the interval x inside."""
    s = QQ.one
    if not rigid:
        ratio = (x[1] - x[0]) / (z[1] - z[0])
        s = round_up(ratio * (1 + SLACK), power_below(ratio) * SLACK)
    middle = (x[0] + x[1] - s * (z[0] + z[1])) / 2
    return s, round_up(middle, power_below(s) * power_below(z[1] - z[0]) * SLACK / 8)


def intervals(masses: Sequence[float] | np.ndarray) -> list[Interval]:
    """Return disjoint intervals of about these masses for N(0, 1), apart by a little."""
    weights = np.array(masses, dtype=float)
    weights = weights / weights.sum() + GAP / len(weights)
    below = np.cumsum(weights[:-1]) / weights.sum()
    above = np.cumsum(weights[:0:-1])[::-1] / weights.sum()
    knots = np.where(below < above, ndtri(below), -ndtri(above))
    found = []
    for a, b in pairwise([-np.inf, *knots, np.inf]):
        a, b = _finite(a, b)
        gap = GAP * (b - a)
        found.append((QQ(*(a + gap).as_integer_ratio()), QQ(*(b - gap).as_integer_ratio())))
    return found


def _finite(a: float, b: float) -> tuple[float, float]:
    """Return the best finite ends, in KL from N(0, 1), of an interval for a uniform law."""
    if np.isinf(a) and np.isinf(b):
        return -np.sqrt(3.0), np.sqrt(3.0)
    if np.isinf(a):
        return b - best_width(b), b
    return (a, a + best_width(-a)) if np.isinf(b) else (a, b)


def best_width(end: float) -> float:
    """Return the width w that minimizes E z^2 / 2 - log w for z uniform on [end - w, end]."""
    return 0.75 * (end + np.sqrt(end * end + 16 / 3))


def quantile_loss(below: float, above: float) -> float:
    """Return the part of KL(U | N(0, 1)) on an interval, U uniform between two levels."""
    below, above = max(below, 0.0), min(above, 1.0)
    if below >= above:
        return 0.0
    mass, ends = above - below, (ndtri(below), ndtri(above))
    a, b = _finite(*ends)
    if a >= b:  # floats do not tell the ends apart
        return 0.0
    square = (a * a + a * b + b * b) / 6
    return float(mass * (np.log(mass * np.sqrt(2 * np.pi) / (b - a)) + square))


def band_masses(most: float) -> np.ndarray:
    """Return masses of the fewest bands on which uniform laws are within `most` of N(0, 1)."""
    least = int(np.sqrt(1.9 / most))  # the loss is 1.9 / count^2 or more, but for few bands
    check_tiles(least)
    count = least if least > 8 else 1
    while True:
        levels = [0.0, *ndtr(companding(count)), 1.0]
        if sum(quantile_loss(*pair) for pair in pairwise(levels)) <= most:
            return np.diff(levels)
        count += 1


def companding(count: int) -> np.ndarray:
    """Return the ends of `count` cells of the line on which N(0, 1) is nearest to uniform laws.

    A narrow cell at z loses about (z dz)^2 / 24, so ends have the density (z^2 phi)^(1/3), and
    |z|^2 / 6 is Gamma(5/6) distributed: 2.1 / count^2 is lost.
    """
    quantiles = 2 * np.arange(1, count) / count - 1
    return np.sign(quantiles) * np.sqrt(6 * gammaincinv(5 / 6, abs(quantiles)))
