"""The four layers that map slots and bands of the normal plane onto tiles of the plane.

Theorem and notation are those of `exactflow.laws.universal.kl_approximation`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from scipy.special import gammaincinv, ndtr, ndtri
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.typing import Element, Half
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal.quantization import power_below

Interval = tuple[Element, Element]
MOST_TILES = 2**16
FLOATS, ALL_DIGITS = 2**1000, 16  # the range of float64, and its decimal digits
RAMPS = QQ(1, 64)  # the term of the ramps is at most this share of eps
GAP, SLACK = 2.0**-20, QQ(1, 2**24)  # shares of a latent interval that are left free for ramps


def check_tile_count(count: int) -> None:
    """Raise `InvalidInputError` if a law needs too many tiles."""
    if count > MOST_TILES:
        raise InvalidInputError(
            f"this law and eps need at least {count} tiles, and at most {MOST_TILES} are built: "
            "raise eps, or take fewer bins"
        )


class Tile(NamedTuple):
    """An interval of x2 in a column, the index of its band of z2, and its approximate mass."""

    column: int
    low: Element
    high: Element
    band: int
    mass: float


class TileIntegrals(NamedTuple):
    """Integrals over a tile of p, p |z|^2, and p |x - center|^2 in units of `least_scales`."""

    mass: arb
    square: arb
    scaled_second_moment: arb


@dataclass(frozen=True, eq=False)
class Tiling:
    """Tiles of the plane, with the bands and slots of the normal plane that are mapped onto them.

    Columns are disjoint increasing intervals of x1, bands of z2. Tiles are sorted by column and
    height. Each tile has a slot, an interval of z1; the slots of one band are disjoint. The maps
    onto `rigid` tiles are translations.
    """

    columns: list[Interval]
    tiles: list[Tile]
    bands: list[Interval]
    slots: list[Interval]
    rigid: bool = False

    @classmethod
    def of(cls, columns: list[Interval], tiles: list[Tile], count: int) -> "Tiling":
        """Return the tiling whose `count` bands, and their slots, have the masses of the tiles."""
        rows: list[list[int]] = [[] for _ in range(count)]
        for k, tile in enumerate(tiles):
            rows[tile.band].append(k)
        masses = np.array([tile.mass for tile in tiles])
        bands = split_normal([masses[row].sum() for row in rows])
        slots: list = [None] * len(tiles)
        for row in rows:
            for k, slot in zip(row, split_normal(masses[row]), strict=True):
                slots[k] = slot
        return cls(columns, tiles, bands, slots)

    @cached_property
    def affine_maps(self) -> list[tuple[Interval, Interval]]:
        """The map of each tile: pairs (s, t), (u, v) with x1 = s z1 + t and x2 = u z2 + v."""
        return [
            (
                _fit_affine(self.columns[tile.column], slot, self.rigid),
                _fit_affine((tile.low, tile.high), self.bands[tile.band], self.rigid),
            )
            for tile, slot in zip(self.tiles, self.slots, strict=True)
        ]

    @cached_property
    def band_shifts(self) -> list[Element]:
        """The number by which the first layer shifts z1, for each band."""
        width = 2 * max(max(abs(a), abs(b)) for a, b in self.slots)
        step, count = 2 * (int(width / 2) + 1), len(self.bands)
        return [QQ(step * (2 * k + 1 - count), 2) for k in range(count)]

    @cached_property
    def column_shifts(self) -> list[Element]:
        """The number by which the inverse of the last layer shifts x2, for each column."""
        ends: dict[int, list] = {}
        for tile in self.tiles:
            ends.setdefault(tile.column, [tile.low, tile.high])[1] = tile.high
        rows = [tuple(ends[column]) for column in range(len(self.columns))]
        return stacking_shifts(rows, min(high - low for low, high in rows))

    @cached_property
    def bounding_box(self) -> tuple[Interval, Interval]:
        """The least box around the tiles."""
        lows, highs = zip(*((tile.low, tile.high) for tile in self.tiles), strict=True)
        return (self.columns[0][0], self.columns[-1][1]), (min(lows), max(highs))

    @property
    def center(self) -> tuple[Element, ...]:
        """The center of the least box around the tiles."""
        return tuple((a + b) / 2 for a, b in self.bounding_box)

    @cached_property
    def least_scales(self) -> tuple[Element, ...]:
        """The least scales s and u of all tiles."""
        return tuple(min(pair[i][0] for pair in self.affine_maps) for i in (0, 1))

    def ramp_bound_constants(self) -> tuple[arb, arb, arb]:
        """Return `ramp_bound_constants` for the least and the largest scales."""
        coarsest = (max(pair[i][0] for pair in self.affine_maps) for i in (0, 1))
        return ramp_bound_constants(prod(self.least_scales), prod(coarsest), self.latent_bounds)

    @property
    def counts(self) -> tuple[int, int, int]:
        """The numbers of tiles, columns and bands."""
        return len(self.tiles), len(self.columns), len(self.bands)

    @property
    def widest_margins(self) -> tuple[Element, ...]:
        """The widest margins: an eighth of the narrowest column, and of the flattest tile."""
        lengths = [b - a for a, b in self.columns], [tile.high - tile.low for tile in self.tiles]
        return tuple(power_below(min(row)) / 8 for row in lengths)

    @cached_property
    def latent_bounds(self) -> tuple[Element, Element]:
        """Upper bounds of |z1| and |z2| for all points of the hull, also on ramps."""
        (first, second), first_most, second_most = self.bounding_box, QQ.zero, QQ.zero
        span = second[0] + min(self.column_shifts), second[1] + max(self.column_shifts)
        for tile, ((s, t), (u, v)) in zip(self.tiles, self.affine_maps, strict=True):
            label, shift = self.band_shifts[tile.band], self.column_shifts[tile.column] + v
            first_most = max(first_most, *(abs((x - t) / s + label) for x in first))
            second_most = max(second_most, *(abs(y - shift) / u for y in span))
        return first_most + self.band_shifts[-1], second_most

    @property
    def lost_digits(self) -> int:
        """The decimal digits that float64 loses in latents, see `count_digits_lost_to_size`.

        They are the digits of the largest shifted coordinate in units of the scale of its tile, or
        of the largest latent.
        """
        lost, numbers = (
            max(self.latent_bounds),
            [*self.column_shifts, *(x for hull in self.bounding_box for x in hull)],
        )
        for tile, ((s, _), (u, _)) in zip(self.tiles, self.affine_maps, strict=True):
            shift = self.column_shifts[tile.column]
            places = *(x / s for x in self.columns[tile.column]), tile.low / u, tile.high / u
            lost = max(lost, *map(abs, places), abs(shift) / u)
            numbers += [s, u]
        return count_digits_lost_to_size(lost, numbers)

    def layers(self, margins: tuple[Element, ...], count: int = 4) -> Iterator[PiecewiseCoupling]:
        """Yield the layers, from latent to data; three layers, for one band, omit the first.

        Outside the margins of columns and tiles, whose widths are powers of two, no point is on a
        ramp.
        """
        tiles, labels, shifts = self.tiles, self.band_shifts, self.column_shifts
        if count == 4:
            yield build_layer("first", zip(self.bands, labels, strict=True))
        order = sorted(range(len(tiles)), key=lambda k: (tiles[k].band, self.slots[k]))
        second, first = [], []
        for k in order:
            (a, b), label, (s, t) = self.slots[k], labels[tiles[k].band], self.affine_maps[k][1]
            second.append(((a + label, b + label), t + shifts[tiles[k].column], s))
        yield build_layer("second", second)
        for tile, ((s, t), _) in zip(tiles, self.affine_maps, strict=True):
            shift = shifts[tile.column]
            a, b = _shrink_to_multiples((tile.low, tile.high), margins[1])
            first.append(((a + shift, b + shift), t - s * labels[tile.band], s))
        yield build_layer("first", first)
        cores = [_shrink_to_multiples(column, margins[0]) for column in self.columns]
        yield build_layer("second", zip(cores, (-shift for shift in shifts), strict=True))


def build_layer(moves: Half, rows: Iterable) -> PiecewiseCoupling:
    """Return the layer with the given shift and scale on each interval, linear between them.

    `rows` are pairs (interval, shift), with scale 1, or triples (interval, shift, scale).
    """
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


def _shrink_to_multiples(interval: Interval, margin: Element) -> Interval:
    """Return the largest interval with multiples of `margin` as ends, strictly inside another."""
    low, high = interval
    return round_down(low, margin) + margin, round_up(high, margin) - margin


def round_up(x: Element, unit: Element) -> Element:
    """Return the least multiple of `unit` that is at least x."""
    quotient = x / unit
    return -(-int(quotient.numerator) // int(quotient.denominator)) * unit


def round_down(x: Element, unit: Element) -> Element:
    """Return the largest multiple of `unit` that is at most x."""
    return -round_up(-x, unit)


def stacking_shifts(rows: Sequence[Interval], finest: Element) -> list[Element]:
    """Return shifts that place intervals in order above each other, disjoint, around zero.

    Shifts are multiples of a sixteenth of a power of two at most `least_scales`.
    """
    unit = power_below(finest) / 16
    top, shifts = -sum((high - low for low, high in rows), QQ.zero) / 2, []
    for low, high in rows:
        shifts.append(round_up(top - low, unit) + unit)
        top = high + shifts[-1]
    return shifts


def ramp_bound_constants(
    least: Element, largest: Element, reach: Iterable[Element]
) -> tuple[arb, arb, arb]:
    """Return log(2 pi s* u*), Z1^2 + Z2^2, and the factor of P(margins) in the bound of KL.

    `least` and `largest` are s_ u_ and s* u*, `reach` is (Z1, Z2), in the notation of the theorem.
    """
    constant, squares = (2 * arb.pi()).log(), ball(sum((x * x for x in reach), QQ.zero))
    volume = constant + ball(largest).log()
    rate = (volume + squares / 2).max(arb(0)) - (constant + ball(least).log()).min(arb(0))
    return volume, squares, rate


def count_digits_lost_to_size(largest: Element, numbers: Iterable[Element]) -> int:
    """Return how many decimal digits a number as large as `largest` loses; all 16 or more where
    `numbers` leave the range of float64.
    """
    lost, sizes = len(str(int(largest))), [abs(x) for x in numbers if x]
    is_in_range = 1 <= min(sizes) * FLOATS and max(sizes) <= FLOATS
    return lost if is_in_range else max(lost, ALL_DIGITS)


def mean_square(a: Any, b: Any) -> Any:
    """Return the mean of x^2 for x uniform between a and b: numbers, balls or arrays."""
    return (a * a + a * b + b * b) / 3


def normal_mass(a: Any, b: Any) -> Any:
    """Return Phi(b) - Phi(a) in floats, with a small relative error in both tails."""
    return np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))


def _fit_affine(x: Interval, z: Interval, rigid: bool) -> Interval:
    """Return s and t, of few bits, such that s z + t covers the interval x; s = 1 if `rigid`."""
    s = QQ.one
    if not rigid:
        ratio = (x[1] - x[0]) / (z[1] - z[0])
        s = round_up(ratio * (1 + SLACK), power_below(ratio) * SLACK)
    middle = (x[0] + x[1] - s * (z[0] + z[1])) / 2
    return s, round_up(middle, power_below(s) * power_below(z[1] - z[0]) * SLACK / 8)


def split_normal(masses: Sequence[float] | np.ndarray) -> list[Interval]:
    """Return disjoint intervals to which N(0, 1) gives about these masses, with small gaps."""
    weights = np.array(masses, dtype=float)
    weights = weights / weights.sum() + GAP / len(weights)
    below = np.cumsum(weights[:-1]) / weights.sum()
    above = np.cumsum(weights[:0:-1])[::-1] / weights.sum()
    knots = np.where(below < above, ndtri(below), -ndtri(above))
    found = []
    for a, b in pairwise([-np.inf, *knots, np.inf]):
        a, b = _replace_infinite_ends(a, b)
        gap = GAP * (b - a)
        found.append((QQ(*(a + gap).as_integer_ratio()), QQ(*(b - gap).as_integer_ratio())))
    return found


def _replace_infinite_ends(a: float, b: float) -> tuple[float, float]:
    """Replace infinite ends by those for which the uniform law has the least KL from N(0, 1)."""
    if np.isinf(a) and np.isinf(b):
        return -np.sqrt(3.0), np.sqrt(3.0)
    if np.isinf(a):
        return b - width_of_least_kl(b), b
    return (a, a + width_of_least_kl(-a)) if np.isinf(b) else (a, b)


def width_of_least_kl(end: float) -> float:
    """Return the width w that minimizes E z^2 / 2 - log w for z uniform on [end - w, end]."""
    return 0.75 * (end + np.sqrt(end * end + 16 / 3))


def kl_between_quantiles(below: float, above: float) -> float:
    """Return the part of KL(law | N(0, 1)) between the quantiles of two levels, where the law is
    uniform and has the mass `above - below`.
    """
    below, above = max(below, 0.0), min(above, 1.0)
    if below >= above:
        return 0.0
    mass, ends = above - below, (ndtri(below), ndtri(above))
    a, b = _replace_infinite_ends(*ends)
    if a >= b:  # the quantiles are equal in float64
        return 0.0
    return float(mass * (np.log(mass * np.sqrt(2 * np.pi) / (b - a)) + mean_square(a, b) / 2))


def band_masses(most: float) -> np.ndarray:
    """Return the masses of the fewest bands such that the law with these masses, uniform on each
    band, has KL at most `most` from N(0, 1).
    """
    least = int(np.sqrt(1.9 / most))  # except for few bands the KL is at least 1.9 / count^2
    check_tile_count(least)
    count = least if least > 8 else 1
    while True:
        levels = [0.0, *ndtr(companding_ends(count)), 1.0]
        if sum(kl_between_quantiles(*pair) for pair in pairwise(levels)) <= most:
            return np.diff(levels)
        count += 1


def companding_ends(count: int) -> np.ndarray:
    """Return the inner ends of `count` cells such that the law uniform on each cell, with the mass
    of N(0, 1), has about the least KL from N(0, 1).

    A narrow cell at z adds about (z dz)^2 / 24, so the ends have the density (z^2 phi)^(1/3), and
    |z|^2 / 6 is Gamma(5/6) distributed. The KL is about 2.1 / count^2.
    """
    quantiles = 2 * np.arange(1, count) / count - 1
    return np.sign(quantiles) * np.sqrt(6 * gammaincinv(5 / 6, abs(quantiles)))
