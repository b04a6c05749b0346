"""The four layers that map slots and bands of the normal plane onto tiles of the plane.

Theorem and notation are those of `exactflow.laws.universal.kl_approximation`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, starmap
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
from exactflow.laws.universal.quantization import floor_power_of_two

Interval = tuple[Element, Element]  # the lower and the upper end
AffineMap = tuple[Element, Element]  # (s, t) for the map z -> s z + t
MOST_TILES = 2**16
FLOATS = 2**1000  # numbers from 1 / FLOATS to FLOATS are in the range of float64
ALL_DIGITS = 16  # the number of decimal digits of a float64
RAMPS = QQ(1, 64)  # the term `ramps` of the KL bound is at most this share of eps
GAP = 2.0**-20  # the share of a latent interval that is cut off at each end, to separate neighbours
SLACK = QQ(1, 2**24)  # scales are rounded up by at most about this share


def check_tile_count(count: int) -> None:
    """Raise `InvalidInputError` if a tiling would have too many tiles."""
    if count > MOST_TILES:
        raise InvalidInputError(
            f"this law and eps need at least {count} tiles, but at most {MOST_TILES} are built: "
            "raise eps, or take fewer bins"
        )


class Tile(NamedTuple):
    """An interval of x2 in the column with a given index.

    `band` is the index of the band of z2 onto which it is mapped; `mass` is approximate.
    """

    column: int
    low: Element
    high: Element
    band: int
    mass: float


class TileMassAndSecondMoments(NamedTuple):
    """The integrals over a tile of p, p |z|^2 and p |x - center|^2, where p is the density and z is
    the latent of x.

    In the third integral each coordinate is divided by its entry of `Tiling.least_scale_by_axis`.
    """

    mass: arb
    square: arb
    scaled_second_moment_about_tiling_center: arb


@dataclass(frozen=True, eq=False)
class Tiling:
    """Tiles of the plane, with the bands and slots of the normal plane that are mapped onto them.

    Columns are disjoint increasing intervals of x1; bands are disjoint increasing intervals of z2.
    Tiles are sorted by column and by x2. Each tile has a slot, an interval of z1; the slots of one
    band are disjoint. If the tiling is `rigid`, all maps are translations.
    """

    columns: list[Interval]
    tiles: list[Tile]
    bands: list[Interval]
    slots: list[Interval]
    rigid: bool = False

    @classmethod
    def from_tile_masses(
        cls, columns: list[Interval], tiles: list[Tile], band_count: int
    ) -> "Tiling":
        """Return the tiling in which the masses of N(0, I) on bands, and on slots in a band, are
        about proportional to the masses of the tiles that they are mapped onto.
        """
        rows: list[list[int]] = [[] for _ in range(band_count)]
        for k, tile in enumerate(tiles):
            rows[tile.band].append(k)
        masses = np.array([tile.mass for tile in tiles])
        bands = finite_intervals_with_normal_masses([masses[row].sum() for row in rows])
        slots: list = [None] * len(tiles)
        for row in rows:
            for k, slot in zip(row, finite_intervals_with_normal_masses(masses[row]), strict=True):
                slots[k] = slot
        return cls(columns, tiles, bands, slots)

    @cached_property
    def affine_maps_from_latents(self) -> list[tuple[AffineMap, AffineMap]]:
        """The map onto each tile: pairs (s, t), (u, v) with x1 = s z1 + t and x2 = u z2 + v."""
        return [
            (
                _affine_map_covering(self.columns[tile.column], slot, self.rigid),
                _affine_map_covering((tile.low, tile.high), self.bands[tile.band], self.rigid),
            )
            for tile, slot in zip(self.tiles, self.slots, strict=True)
        ]

    @cached_property
    def first_layer_shift_by_band(self) -> list[Element]:
        """The shift of z1 on each band, in the first layer."""
        width = 2 * max(max(abs(a), abs(b)) for a, b in self.slots)
        step, count = 2 * (int(width / 2) + 1), len(self.bands)
        return [QQ(step * (2 * k + 1 - count), 2) for k in range(count)]

    @cached_property
    def inverse_x2_shift_by_column(self) -> list[Element]:
        """The shift of x2 on each column, in the inverse of the last layer."""
        ends: dict[int, list] = {}
        for tile in self.tiles:
            ends.setdefault(tile.column, [tile.low, tile.high])[1] = tile.high
        rows = [tuple(ends[column]) for column in range(len(self.columns))]
        shortest = min(high - low for low, high in rows)
        return shifts_that_stack_around_zero(rows, floor_power_of_two(shortest) / 16)

    @cached_property
    def bounding_box_of_tiles(self) -> tuple[Interval, Interval]:
        """The least box around the tiles."""
        lows, highs = zip(*((tile.low, tile.high) for tile in self.tiles), strict=True)
        return (self.columns[0][0], self.columns[-1][1]), (min(lows), max(highs))

    @property
    def bounding_box_center(self) -> tuple[Element, ...]:
        """The center of the least box around the tiles."""
        return tuple((a + b) / 2 for a, b in self.bounding_box_of_tiles)

    @cached_property
    def least_scale_by_axis(self) -> tuple[Element, ...]:
        """The least scale s of x1, and the least scale u of x2, over all tiles."""
        return tuple(min(pair[i][0] for pair in self.affine_maps_from_latents) for i in (0, 1))

    @property
    def scale_product_bounds(self) -> tuple[Element, Element]:
        """The products of the least scales, and of the largest scales, of x1 and x2."""
        largest = (max(pair[i][0] for pair in self.affine_maps_from_latents) for i in (0, 1))
        return prod(self.least_scale_by_axis), prod(largest)

    @property
    def counts_for_kl_bound(self) -> tuple[int, int, int]:
        """The numbers of tiles, columns and bands."""
        return len(self.tiles), len(self.columns), len(self.bands)

    @property
    def widest_allowed_margin_by_axis(self) -> tuple[Element, ...]:
        """The largest widths of the margins of columns and of tiles: about an eighth of the
        shortest column in x1, and of the shortest tile in x2.
        """
        lengths = [b - a for a, b in self.columns], [tile.high - tile.low for tile in self.tiles]
        return tuple(floor_power_of_two(min(row)) / 8 for row in lengths)

    @cached_property
    def latent_magnitude_bounds_over_bounding_box(self) -> tuple[Element, Element]:
        """Upper bounds of |z1| and |z2| for the latents of all points of the bounding box."""
        (first, (low, high)), shifts = self.bounding_box_of_tiles, self.inverse_x2_shift_by_column
        span, first_most, second_most = (low + min(shifts), high + max(shifts)), QQ.zero, QQ.zero
        for tile, ((s, t), (u, v)) in zip(self.tiles, self.affine_maps_from_latents, strict=True):
            mark = self.first_layer_shift_by_band[tile.band]
            shift = self.inverse_x2_shift_by_column[tile.column] + v
            first_most = max(first_most, *(abs((x - t) / s + mark) for x in first))
            second_most = max(second_most, *(abs(y - shift) / u for y in span))
        return first_most + self.first_layer_shift_by_band[-1], second_most

    @property
    def latent_digits_lost_in_float64(self) -> int:
        """The number of decimal digits that float64 loses in latents.

        It is the number of digits before the decimal point of the largest latent, or of the largest
        shifted coordinate in units of the scale of its tile. See
        `count_integer_digits_or_16_if_out_of_range`.
        """
        lost = max(self.latent_magnitude_bounds_over_bounding_box)
        first, second = self.bounding_box_of_tiles
        numbers = [*self.inverse_x2_shift_by_column, *first, *second]
        for tile, ((s, _), (u, _)) in zip(self.tiles, self.affine_maps_from_latents, strict=True):
            shift = self.inverse_x2_shift_by_column[tile.column]
            places = *(x / s for x in self.columns[tile.column]), tile.low / u, tile.high / u
            lost = max(lost, *map(abs, places), abs(shift) / u)
            numbers += [s, u]
        return count_integer_digits_or_16_if_out_of_range(lost, numbers)

    def layers(self, margin_width_by_axis: tuple[Element, ...]) -> Iterator[PiecewiseCoupling]:
        """Yield the four layers, from latent to data; if there is one band, the first layer is the
        identity.

        `margin_width_by_axis` has the widths, powers of two, of the margins of columns and of
        tiles. No point outside the margins is on a ramp.
        """
        tiles, maps = self.tiles, self.affine_maps_from_latents
        marks, shifts = self.first_layer_shift_by_band, self.inverse_x2_shift_by_column
        yield build_plane_layer_linear_between_intervals(
            "first", zip(self.bands, marks, strict=True)
        )
        order = sorted(range(len(tiles)), key=lambda k: (tiles[k].band, self.slots[k]))
        second, first = [], []
        for k in order:
            (a, b), mark, (s, t) = self.slots[k], marks[tiles[k].band], maps[k][1]
            second.append(((a + mark, b + mark), t + shifts[tiles[k].column], s))
        yield build_plane_layer_linear_between_intervals("second", second)
        for tile, ((s, t), _) in zip(tiles, maps, strict=True):
            shift = shifts[tile.column]
            a, b = _shrink_strictly_to_multiples((tile.low, tile.high), margin_width_by_axis[1])
            first.append(((a + shift, b + shift), t - s * marks[tile.band], s))
        yield build_plane_layer_linear_between_intervals("first", first)
        width = margin_width_by_axis[0]
        cores = [_shrink_strictly_to_multiples(column, width) for column in self.columns]
        yield build_plane_layer_linear_between_intervals(
            "second", zip(cores, (-shift for shift in shifts), strict=True)
        )


def build_plane_layer_linear_between_intervals(
    moves: Half, intervals_shifts_and_scales: Iterable[tuple[Any, ...]]
) -> PiecewiseCoupling:
    """Return the layer of the plane whose shift and scale are constant on given intervals, and
    linear between them.

    `intervals_shifts_and_scales` are triples, or pairs (interval, shift) with scale 1. The layer
    moves the coordinate `moves`.
    """
    knots: list = []
    shifts: list = []
    scales: list = []
    for (a, b), shift, *scale in intervals_shifts_and_scales:
        knots += [a, b]
        shifts += [shift, shift]
        scales += 2 * (scale or [QQ.one])
    return PiecewiseCoupling(
        (1, 1), moves, PiecewiseLinear(knots, shifts), PiecewiseLinear(knots, scales)
    )


def _shrink_strictly_to_multiples(interval: Interval, unit: Element) -> Interval:
    """Return the largest interval, between multiples of `unit`, strictly inside the given one."""
    low, high = interval
    return round_down(low, unit) + unit, round_up(high, unit) - unit


def round_up(x: Element, unit: Element) -> Element:
    """Return the least multiple of `unit` that is at least x."""
    quotient = x / unit
    return -(-int(quotient.numerator) // int(quotient.denominator)) * unit


def round_down(x: Element, unit: Element) -> Element:
    """Return the largest multiple of `unit` that is at most x."""
    return -round_up(-x, unit)


def shifts_that_stack_around_zero(intervals: Sequence[Interval], unit: Element) -> list[Element]:
    """Return a shift for each interval, such that the shifted intervals are disjoint, ascend in the
    given order, and cover about the same length on both sides of zero.

    Shifts are multiples of `unit`.
    """
    top, shifts = -sum((high - low for low, high in intervals), QQ.zero) / 2, []
    for low, high in intervals:
        shifts.append(round_up(top - low, unit) + unit)
        top = high + shifts[-1]
    return shifts


def bound_kl_per_margin_mass(
    scale_product_bounds: tuple[Element, Element], latent_bounds: Iterable[Element]
) -> arb:
    """Return an upper bound of the KL that mass in the margins of tiles costs, per unit of mass.

    In the notation of the theorem the arguments are (s_ u_, s* u*) and (Z1, Z2); the bound is
    max(0, log(2 pi s* u*) + (Z1^2 + Z2^2) / 2) + max(0, -log(2 pi s_ u_)).
    """
    constant, squares = (2 * arb.pi()).log(), ball(sum((x * x for x in latent_bounds), QQ.zero))
    least, largest = (constant + ball(product).log() for product in scale_product_bounds)
    return (largest + squares / 2).max(arb(0)) - least.min(arb(0))


def count_integer_digits_or_16_if_out_of_range(
    largest: Element, float64_numbers: Iterable[Element]
) -> int:
    """Return the number of digits of `largest` before the decimal point, or at least 16 if some of
    `float64_numbers` are not in the range of float64.

    A float64 lacks so many digits after the decimal point. Outside of the range all 16 are lost.
    """
    lost, sizes = len(str(int(largest))), [abs(x) for x in float64_numbers if x]
    is_in_range = 1 <= min(sizes) * FLOATS and max(sizes) <= FLOATS
    return lost if is_in_range else max(lost, ALL_DIGITS)


def mean_square_of_uniform(a: Any, b: Any) -> Any:
    """Return the mean of x^2 for x uniform from `a` to `b`, which are numbers, balls or arrays."""
    return (a * a + a * b + b * b) / 3


def normal_mass(a: Any, b: Any) -> Any:
    """Return the mass of N(0, 1) from `a` to `b`, floats or arrays, accurate in both tails."""
    return np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))


def _affine_map_covering(data: Interval, latent: Interval, rigid: bool) -> AffineMap:
    """Return (s, t), of few bits, such that z -> s z + t maps `latent` onto an interval that
    contains `data` and is hardly longer. If `rigid`, s is 1.
    """
    s, (a, b), (low, high) = QQ.one, data, latent
    if not rigid:
        ratio = (b - a) / (high - low)
        s = round_up(ratio * (1 + SLACK), floor_power_of_two(ratio) * SLACK)
    middle = (a + b - s * (low + high)) / 2
    return s, round_up(middle, floor_power_of_two(s) * floor_power_of_two(high - low) * SLACK / 8)


def finite_intervals_with_normal_masses(
    relative_masses: Sequence[float] | np.ndarray,
) -> list[Interval]:
    """Return disjoint intervals, with small gaps, whose masses under N(0, 1) are about proportional
    to the given masses.

    An infinite interval is replaced by a finite one, which has less mass.
    """
    weights = np.array(relative_masses, dtype=float)
    weights = weights / weights.sum() + GAP / len(weights)
    below = np.cumsum(weights[:-1]) / weights.sum()
    above = np.cumsum(weights[:0:-1])[::-1] / weights.sum()
    knots = np.where(below < above, ndtri(below), -ndtri(above))
    found = []
    for a, b in pairwise([-np.inf, *knots, np.inf]):
        a, b = _replace_infinite_ends_for_least_kl(a, b)
        gap = GAP * (b - a)
        found.append((QQ(*(a + gap).as_integer_ratio()), QQ(*(b - gap).as_integer_ratio())))
    return found


def _replace_infinite_ends_for_least_kl(a: float, b: float) -> tuple[float, float]:
    """Return the ends of a finite interval. Infinite ends are replaced by ends for which the
    uniform law on the interval has the least KL from N(0, 1).
    """
    if np.isinf(a) and np.isinf(b):
        return -np.sqrt(3.0), np.sqrt(3.0)
    if np.isinf(a):
        return b - least_kl_uniform_width_below(b), b
    return (a, a + least_kl_uniform_width_below(-a)) if np.isinf(b) else (a, b)


def least_kl_uniform_width_below(end: float) -> float:
    """Return the width w for which the uniform law on [end - w, end] has least KL from N(0, 1)."""
    return 0.75 * (end + np.sqrt(end * end + 16 / 3))


def uniform_kl_contribution_between_normal_quantiles(low_level: float, high_level: float) -> float:
    """Return the contribution to KL(law | N(0, 1)) of the interval between the quantiles of N(0, 1)
    at two levels.

    The law is uniform on the interval, on which it has the mass `high_level - low_level`.
    """
    low_level, high_level = max(low_level, 0.0), min(high_level, 1.0)
    if low_level >= high_level:
        return 0.0
    mass, ends = high_level - low_level, (ndtri(low_level), ndtri(high_level))
    a, b = _replace_infinite_ends_for_least_kl(*ends)
    if a >= b:  # the quantiles are equal in float64
        return 0.0
    return float(
        mass * (np.log(mass * np.sqrt(2 * np.pi) / (b - a)) + mean_square_of_uniform(a, b) / 2)
    )


def masses_of_fewest_bands(most_kl: float) -> np.ndarray:
    """Return the masses of the fewest bands for which KL(law | N(0, 1)) is at most `most_kl`.

    The law has these masses and is uniform on each band.
    """
    least = int(np.sqrt(1.9 / most_kl))  # for more than 8 bands the KL is at least 1.9 / count^2
    check_tile_count(least)
    count = least if least > 8 else 1
    while True:
        levels = [0.0, *ndtr(nearly_least_kl_inner_ends(count)), 1.0]
        kl = sum(starmap(uniform_kl_contribution_between_normal_quantiles, pairwise(levels)))
        if kl <= most_kl:
            return np.diff(levels)
        count += 1


def nearly_least_kl_inner_ends(cell_count: int) -> np.ndarray:
    """Return the ends between `cell_count` cells of the line, for a nearly least KL(law | N(0, 1)).

    The law is uniform on each cell, with the mass that N(0, 1) gives to the cell.

    A cell of small width dz at z adds about (z dz)^2 / 24 of its mass. So the ends have a density
    proportional to (z^2 phi)^(1/3), where phi is the density of N(0, 1), and z^2 / 6 is Gamma(5/6)
    distributed. The KL is about 2.1 / cell_count^2.
    """
    quantiles = 2 * np.arange(1, cell_count) / cell_count - 1
    return np.sign(quantiles) * np.sqrt(6 * gammaincinv(5 / 6, abs(quantiles)))
