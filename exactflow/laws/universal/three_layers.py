"""Three coupling layers, with a KL within any eps if x2 given x1 is uniform on a set of cells.

Cut x1 into columns. In a column x2 has one law, uniform on some of the cells [k d, (k + 1) d) above
its lowest point; S is the set of their numbers k. A *zone* belongs to a column, and has for each k
in S an interval of z1 of length u, its *place*. Places of different zones are disjoint. A zone has
*blocks*, and a block has *groups*, neighbouring intervals of x1 of equal length. From data to
latents the layers are

    x2 -> b = x2 + m(x1)            m moves group j of a block by the block's start plus j d
    x1 -> z1 = (x1 - t(b)) / s(b)
    b  -> z2 = (b - v(z1)) / w(z1)  one map for each zone

If b is in the strip of the l-th cell of a block, x1 is in one of the groups l - k, k in S, whose
distances do not depend on l. Let the places of a zone be a copy of S, or a mirror image. Then one
affine map for each strip, whose scale s is the length of groups over u, takes every group l - k to
the place of k. If translates of S tile an interval, each strip has one group, and one place
suffices: j runs over the translations. Otherwise smaller copies fill the gaps between the copies.

If the law of a column is not uniform on its cells, its KL from the uniform law is lost. If that is
more than 0.1766, the column has the zone that serves every law: one group, with a place for each
interval of constant density, and the uniform law on [-sqrt 3, sqrt 3] for z2.

*Claim.* KL(P | f#N(0, I)) is at most the sum of

- cells: E log p + sum over blocks of P(block) (log(2 pi) + E log(s w) + E|z|^2 / 2);
- ramps: P(margins) (log(2 pi s* w*) + (Z1^2 + Z2^2) / 2 + max(0, -log(2 pi s_ w_))), where margins
  are a share of groups and of strips at both ends, s*, w* are the largest scales, s_, w_ the least,
  and Z1, Z2 are bounds of |z1| and |z2| for all points of the hull and all b.

*Proof.* Outside the margins no point is on a ramp, since groups without margins are mapped onto
places without margins; there the flow is affine and diagonal. Everywhere else the scales are
between the least and the largest, and z1, z2 are convex combinations of values of these affine
maps.

The groups of a column share it in the ratio of the masses that N(0, I) gives to their images, which
gives the least KL. Then the first term is the sum over columns of P(column) log(P(column) / G),
where G is the mass of all images of the column. It tends to zero as zones and blocks become more:
the proof is in the script universal_in_kl.
"""

from functools import cache
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import upper
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.densities import PiecewiseConstantDensity
from exactflow.laws.universal.integer_tiling import (
    IntervalTiling,
    find_short_tiling_by_translates,
    pack_mirrorable_copies_leaving_few_holes,
)
from exactflow.laws.universal.quantization import floor_power_of_two
from exactflow.laws.universal.tilings import (
    Interval,
    finite_intervals_with_normal_masses,
    mean_square_of_uniform,
    normal_mass,
    round_down,
    round_up,
)
from exactflow.laws.universal.zones import (
    SHAPING,
    Arrangement,
    Cell,
    Column,
    ColumnProfile,
    GroupBlock,
    Zone,
)

MOST_BLOCKS, MOST_ZONES, MOST_STRIPS = 2**12, 2**12, 2**19
COLUMNS = 0.1  # the share of the allowed loss in KL for the cuts into columns
HOLES = 0.15  # the share of the allowed loss for holes between copies; the rest is for blocks
LEAST_PRICE = 2.0**-60  # the lowest price of a strip, in KL, that the search for blocks tries
SHORT = QQ(1, 2**16)  # lengths and ends of intervals are rounded by at most this share of a length
ROOT3 = QQ(173205, 100000)  # about sqrt(3); the bound of KL is valid for any positive number here


class BlockChoice(NamedTuple):
    """A possible division of a zone into blocks.

    Attributes
    ----------
    lengths : the number of strips, or of tilings, of each block.
    scale : the length in z2 of one strip, or tiling.
    strips : the number of strips of all blocks.
    loss : about the KL that the zone has in excess of its limit for infinitely many blocks.
    """

    lengths: tuple[int, ...]
    scale: float
    strips: int
    loss: float


ChoicesFromFewToManyStrips: TypeAlias = tuple[BlockChoice, ...]


@cache
def list_block_choices_for_untileable_cells(
    strip_index_by_cell: tuple[int, ...],
) -> ChoicesFromFewToManyStrips:
    """Return choices of blocks for a zone whose cells tile no interval.

    `strip_index_by_cell` has the places of the cells within a block, in strips.

    Each choice is the best (of least loss) among several choices with about the same number of
    strips.

    In a block each group is moved by one cell more, or less, than its neighbour. A block of length
    h at z2 has about the mass phi(z2) h, where phi is the density of N(0, 1). Of this mass it loses
    the share (z2 h)^2 / 24 because it is uniform, and about span / h at its ends, where `span` is
    the number of cells with their gaps. The sum of the losses is least if h^3 is proportional to
    1 / z2^2, so that the ends of blocks are proportional to the powers 3/5 of integers.
    """
    span = strip_index_by_cell[-1] + 1
    found, count = [], 2.0 * span
    while count <= MOST_STRIPS:
        likely = {round(x * np.cbrt(count / span)) for x in (1.2, 1.35, 1.5, 1.8)}
        tried = [_divide_z2_interval_into_blocks(strip_index_by_cell, int(count), 1, 3**0.5)] + [
            _divide_z2_interval_into_blocks(strip_index_by_cell, int(count), blocks, radius)
            for blocks in sorted(likely | {x + 1 for x in likely})
            for radius in np.linspace(2.4, 4, 9)
        ]
        found.append(min(tried, key=lambda choice: choice.loss))
        count *= 1.3
    return tuple(found)


def _divide_z2_interval_into_blocks(
    strip_index_by_cell: tuple[int, ...], about_strip_count: int, block_count: int, z2_radius: float
) -> BlockChoice:
    """Return the division of [-z2_radius, z2_radius], an interval of z2, into `block_count` blocks
    with about `about_strip_count` strips in total.
    """
    steps = 2 * np.arange(block_count + 1) / block_count - 1
    ends = z2_radius * np.sign(steps) * abs(steps) ** 0.6
    wanted = np.round(np.diff(ends) * about_strip_count / (2 * z2_radius))
    lengths = np.maximum(wanted, strip_index_by_cell[-1] + 1)
    total, groups = lengths.sum(), lengths - strip_index_by_cell[-1]
    scale = 2 * z2_radius / total
    lows = (np.cumsum(lengths) - lengths - total / 2)[:, None] + np.array(strip_index_by_cell)
    squares = mean_square_of_uniform(lows * scale, (lows + groups[:, None]) * scale).mean(axis=1)
    loss = -np.log((scale * groups * np.exp(-squares / 2)).sum() / np.sqrt(2 * np.pi))
    return BlockChoice(tuple(map(int, lengths)), float(scale), int(total), float(loss))


@cache
def list_block_choices_with_tiling(strips_per_tiling: int) -> ChoicesFromFewToManyStrips:
    """Return choices of blocks for a zone whose cells tile an interval.

    Each block has one tiling, which has `strips_per_tiling` strips.
    """
    found, count, radii = [], 1, np.linspace(1.5, 6, 46)[:, None]
    while count * strips_per_tiling <= MOST_STRIPS and count < MOST_BLOCKS:
        ends = np.linspace(-1, 1, count + 1)
        squares = mean_square_of_uniform(ends[:-1], ends[1:]) * radii**2
        masses = np.exp(-squares / 2).sum(axis=1) * 2 * radii[:, 0] / count / np.sqrt(2 * np.pi)
        best = int(masses.argmax())
        scale, loss = 2 * radii[best, 0] / count, -np.log(masses[best])
        found.append(
            BlockChoice((1,) * count, float(scale), count * strips_per_tiling, float(loss))
        )
        count += 1 + count // 8
    return tuple(found)


class ZoneDraft(NamedTuple):
    """A zone whose blocks are not chosen yet.

    Attributes
    ----------
    low, width : the least point of its places in z1, and the length of each place.
    mass : the mass of N(0, 1) on all places.
    mirrored : whether the places are a mirror image of the cells.
    tiling : the translations by which the cells tile an interval, so that the zone has one place
        for all cells; or None if the cells tile no interval.
    """

    column: Column
    low: Element
    width: Element
    mass: float
    mirrored: bool = False
    tiling: IntervalTiling | None = None

    @property
    def block_choices(self) -> ChoicesFromFewToManyStrips:
        """The choices of blocks; drafts with equal cells share one tuple."""
        if self.tiling:
            return list_block_choices_with_tiling(self.tiling.size)
        return list_block_choices_for_untileable_cells(tuple(self.column.profile.share_by_cell))

    def with_blocks(self, choice: BlockChoice) -> Zone:
        """Return the zone with the given blocks."""
        cells, unit = self.column.profile.share_by_cell, self.column.profile.cell_length
        span, top, blocks = max(cells) + 1, 0, []
        shifts, step = self.tiling or ((), 1)
        places = [0 if self.tiling else span - 1 - k if self.mirrored else k for k in cells]
        for length in choice.lengths:
            groups = range(length + 1 - span)
            sliding = groups if self.mirrored else groups[::-1]
            blocks.append(GroupBlock(top * step, shifts or sliding))
            top += length
        scale = _round_down_to_few_bits(unit * step / QQ(*choice.scale.as_integer_ratio()))
        center, found = unit * step * QQ(top, 2), []
        for (k, share), place in zip(cells.items(), places, strict=True):
            low = self.low + self.width * place
            found.append(Cell(k, k * unit, unit, share, (low, low + self.width), scale, center))
        return Zone(self.column, unit, tuple(found), tuple(blocks))


def arrange_zones(
    density: PiecewiseConstantDensity, approximate_excess_over_bound: float
) -> Arrangement:
    """Return zones whose KL exceeds the result of `upper_bound_least_three_layer_kl` by about
    `approximate_excess_over_bound`.
    """
    columns = halve_grid_columns_to_kl_loss(density, COLUMNS * approximate_excess_over_bound)
    if len(columns) > MOST_ZONES:
        raise _too_many_error(len(columns), MOST_ZONES, "zones")
    masses = [
        [column.mass]
        if column.profile.is_worth_dividing_into_cells
        else [column.mass * run.share for run in column.profile.runs]
        for column in columns
    ]
    places = map(
        _round_inwards_to_few_bits,
        finite_intervals_with_normal_masses([to_float(mass) for row in masses for mass in row]),
    )
    zones: list[Zone] = []
    drafts: list[ZoneDraft] = []
    holes: list[tuple] = []
    for column in columns:
        if not column.profile.is_worth_dividing_into_cells:
            zones.append(
                _build_zone_of_one_group(column, [next(places) for _ in column.profile.runs])
            )
        elif tiling := find_short_tiling_by_translates(tuple(column.profile.share_by_cell)):
            low, high = next(places)
            mass = _normal_mass_in_float64(low, high)
            drafts.append(ZoneDraft(column, low, high - low, mass, tiling=tiling))
        else:
            _append_copies_and_push_holes(column, *next(places), drafts, holes)
    # the hole of the largest mass is filled repeatedly, until the mass of all holes may be lost
    remaining = -sum(hole[0] for hole in holes)
    while holes and remaining > HOLES * approximate_excess_over_bound:
        _, _, _, column, low, high = heappop(holes)
        before = len(drafts)
        _append_copies_and_push_holes(column, low, high, drafts, holes)
        _check_strip_count(len(drafts))
        remaining -= sum(draft.mass for draft in drafts[before:])
    chosen = _choose_blocks_of_each_zone(
        drafts, (1 - COLUMNS - HOLES) * approximate_excess_over_bound
    )
    zones += [draft.with_blocks(choice) for draft, choice in zip(drafts, chosen, strict=True)]
    return Arrangement(columns, zones)


def halve_grid_columns_to_kl_loss(
    density: PiecewiseConstantDensity, wanted_total_kl_loss: float
) -> list[Column]:
    """Return the columns of the grid, halved until their total loss is about
    `wanted_total_kl_loss`.
    """
    profiles = list(map(ColumnProfile, density.constant_positive_runs_by_column))
    found = []
    for (a, b), _ in density.split_x1_into_columns_with_masses(wanted_total_kl_loss):
        place = density.column_index_at(a)
        found.append(Column((a, b), (b - a) * density.x1_density_by_column[place], profiles[place]))
    return found


def upper_bound_least_three_layer_kl(density: PiecewiseConstantDensity) -> Element:
    """Return an upper bound of the infimum of KL over all flows of three layers.

    Each column adds a product to the bound: its mass times the KL of the law of x2 from the uniform
    law on the cells, or its mass times `SHAPING` if that is less or there are too many cells.
    """
    found = QQ.zero
    for column in halve_grid_columns_to_kl_loss(density, np.inf):
        if column.profile.is_worth_dividing_into_cells:
            found += column.mass * upper(column.profile.enclose_kl_from_uniform_on_support())
        else:
            found += column.mass * SHAPING
    return found


def _build_zone_of_one_group(column: Column, place_of_each_run: list[Interval]) -> Zone:
    """Return the zone with one group; each run of constant density has its own place in z1.

    Each run is mapped onto an interval of z2, on which the uniform law has variance one.
    """
    low = column.profile.runs[0].low
    cells = []
    for k, (run, place) in enumerate(zip(column.profile.runs, place_of_each_run, strict=True)):
        width = run.high - run.low
        center = run.low - low + width / 2
        cells.append(Cell(k, run.low - low, width, run.share, place, width / (2 * ROOT3), center))
    return Zone(column, QQ.one, tuple(cells), (GroupBlock(0, (0,)),))


def _round_down_to_few_bits(x: Element) -> Element:
    """Return a positive x, rounded down to 17 significant bits."""
    return round_down(x, floor_power_of_two(x) * SHORT)


def _round_inwards_to_few_bits(interval: Interval) -> Interval:
    """Return a slightly shorter interval inside the given one, whose ends have few bits."""
    low, high = interval
    unit = floor_power_of_two(high - low) * SHORT
    return round_up(low, unit), round_down(high, unit)


def _normal_mass_in_float64(low: Element, high: Element) -> float:
    """Return the mass of N(0, 1) on an interval, in float64."""
    return float(normal_mass(to_float(low), to_float(high)))


def _append_copies_and_push_holes(
    column: Column, z1_low: Element, z1_high: Element, drafts: list[ZoneDraft], hole_heap: list
) -> None:
    """Fill an interval of z1 with copies of the cells of a column.

    Appends the copies to `drafts`, and pushes the intervals between copies onto `hole_heap`, whose
    first entry is the hole of the largest mass.
    """
    cells = tuple(column.profile.share_by_cell)
    window = pack_mirrorable_copies_leaving_few_holes(cells)
    unit, span = _round_down_to_few_bits((z1_high - z1_low) / window.size), cells[-1] + 1
    for offset, mirrored in window.copies:
        start = z1_low + offset * unit
        places = (start + unit * (span - 1 - k if mirrored else k) for k in cells)
        mass = sum(_normal_mass_in_float64(place, place + unit) for place in places)
        drafts.append(ZoneDraft(column, start, unit, mass, mirrored))
    for a, b in window.holes:
        ends = z1_low + a * unit, z1_low + b * unit
        heappush(hole_heap, (-_normal_mass_in_float64(*ends), len(drafts), a, column, *ends))


def _choose_blocks_of_each_zone(
    drafts: list[ZoneDraft], most_total_kl_loss: float
) -> list[BlockChoice]:
    """Return a choice of blocks for each zone; the losses add up to at most `most_total_kl_loss`.

    A strip has the same price, in units of loss, in all zones: about the highest price at which the
    losses are small enough. Each zone takes the choice for which its loss plus the price of its
    strips is least.
    """
    members: dict[int, list[int]] = {}
    for k, draft in enumerate(drafts):
        members.setdefault(id(draft.block_choices), []).append(k)
    tables = []
    for row in members.values():
        choices = drafts[row[0]].block_choices
        losses = np.array([choice.loss for choice in choices])
        strips = np.array([choice.strips for choice in choices])
        tables.append((row, np.outer([drafts[k].mass for k in row], losses), strips))
    price, chosen = 1.0, dict[int, int]()
    while price > LEAST_PRICE:
        loss, count = 0.0, 0
        for row, losses, strips in tables:
            picks = np.argmin(losses + price * strips, axis=1)
            loss += losses[range(len(row)), picks].sum()
            count += int(strips[picks].sum())
            chosen.update(zip(row, picks.tolist(), strict=True))
        _check_strip_count(count)
        if loss <= most_total_kl_loss:
            return [draft.block_choices[chosen[k]] for k, draft in enumerate(drafts)]
        price *= 0.7
    raise _too_many_error(MOST_STRIPS + 1, MOST_STRIPS, "strips")


def _check_strip_count(count: int) -> None:
    """Raise `InvalidInputError` if there are too many strips."""
    if count > MOST_STRIPS:
        raise _too_many_error(count, MOST_STRIPS, "strips")


def _too_many_error(count: int, most: int, plural_noun: str) -> InvalidInputError:
    """Return the error for a law and eps that need at least `count` strips or zones, more than the
    `most` that are built.
    """
    return InvalidInputError(
        f"for this law and eps three layers need at least {count} {plural_noun}, but at most "
        f"{most} are built: raise eps, take fewer bins, or layers=4"
    )
