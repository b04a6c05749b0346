"""Three coupling layers that lose nothing in KL where x2 given x1 is uniform on a set of cells.

Cut x1 into columns, in each of which x2 has one law, uniform on some of the cells [k d, (k + 1) d)
above its lowest point; S is the set of these k. A *zone* belongs to a column, and has for each k in
S an interval of z1 of length u, its *place*. Places of different zones are disjoint. A zone has
*blocks*, and a block has *groups*, intervals of x1 of one length, one beside the other. From data
to latents the layers are

    x2 -> b = x2 + m(x1)          m moves group j of a block by j d, more than the block's start
    x1 -> z1 = (x1 - t(b)) / s(b)
    b  -> z2 = (b - v(z1)) / w(z1)  one map for each zone

At b in the strip of the l-th cell of a block the x1 of the data are in groups l - k, k in S, at
distances that do not depend on l. So one affine map for each strip, whose scale s is the length of
groups over u, takes group l - k to the place of k, if the places of a zone are a copy of S, or a
mirror image. If S tiles an interval by translates, each strip has one group, and one place is
enough: j runs over the translations. Elsewhere free places between the copies are filled with
smaller copies. A column whose law is not uniform keeps what its law loses against the uniform one
on its cells. If that is more than 0.1766 it has the zone that three layers need for every law: one
group, with a place for each interval of constant density, and uniform on [-sqrt 3, sqrt 3] in z2.

*Claim.* KL(P | f#N(0, I)) is at most the sum of

- cells: E log p + sum over blocks of P(block) (log(2 pi) + E log(s w) + E|z|^2 / 2);
- ramps: P(margins) (log(2 pi s* w*) + (Z1^2 + Z2^2) / 2 + max(0, -log(2 pi s_ w_))), where margins
  are a share of groups and of strips at both ends, s*, w* are the largest scales, s_, w_ the least,
  and Z1, Z2 are bounds of |z1| and |z2|, over all points of the hull and all b.

*Proof.* Off the margins no point is on a ramp, as images of groups without margins are places
without margins, and the flow is affine and diagonal there. Everywhere else the scales are between
the least and the largest, and z1, z2 are convex combinations of values of those affine maps.

Groups of a column share it in the ratio of the masses that N(0, I) gives to their images, which is
best. The first term is then sum over columns of P(column) log(P(column) / G), G the mass of all its
images, and tends to zero as zones and blocks become more: the proof is in the script
universal_in_kl.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from heapq import heappop, heappush
from itertools import pairwise
from math import gcd, lcm, pi
from typing import Any, NamedTuple

import numpy as np
from flint import arb
from scipy.special import ndtr
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, upper
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.laws.universal.densities import PiecewiseConstantDensity
from exactflow.laws.universal.integer_tiling import fill_window, tile_interval
from exactflow.laws.universal.parameters import power_below
from exactflow.laws.universal.tilings import (
    ALL_DIGITS,
    FLOATS,
    RAMPS,
    Interval,
    build_layer,
    intervals,
    round_up,
)

SHAPING = QQ(1766, 10000)  # a little more than log(pi e / 6) / 2
MOST_CELLS, MOST_BLOCKS, MOST_ZONES, MOST_STRIPS = 2**8, 2**12, 2**12, 2**19
COLUMNS, HOLES = 0.1, 0.15  # shares of what is lost; blocks have the rest, as strips are what costs
LEAST_PRICE = 2.0**-60  # of a strip, below which more of them do not help
SHORT = QQ(1, 2**16)  # how far lengths are rounded
ROOT3 = QQ(173205, 100000)  # about; the bound holds for every number
BITS = 64  # of the lengths of groups, in units of that of the column


class DensityRun(NamedTuple):
    """An interval of x2 in a column of constant density, and its share of the mass."""

    low: Element
    high: Element
    share: Element


@dataclass(frozen=True)
class Profile:
    """The law of x2 given x1 in a column of the grid: runs from below."""

    runs: tuple[DensityRun, ...]

    @cached_property
    def is_uniform(self) -> bool:
        """Whether the density is constant where it is not zero."""
        return len({run.share / (run.high - run.low) for run in self.runs}) == 1

    @cached_property
    def unit(self) -> Element:
        """The greatest number of which all ends are multiples, counted from the lowest one."""
        ends = [x - self.runs[0].low for run in self.runs for x in run[:2]]
        bottom = lcm(*(int(x.denominator) for x in ends))
        return QQ(gcd(*(int(x * bottom) for x in ends)), bottom)

    @cached_property
    def cells(self) -> dict[int, Element]:
        """The numbers of the cells of this length that have mass, with their shares."""
        found = {}
        for run in self.runs:
            a, b = (int((x - self.runs[0].low) / self.unit) for x in run[:2])
            found.update(dict.fromkeys(range(a, b), run.share / (b - a)))
        return found

    def enclose_deficit(self) -> arb:
        """Return KL(law | uniform law on its support)."""
        if self.is_uniform:
            return arb(0)
        lengths = [run.high - run.low for run in self.runs]
        total = sum(lengths, QQ.zero)
        return sum(
            (
                ball(run.share) * ball(run.share * total / length).log()
                for run, length in zip(self.runs, lengths, strict=True)
            ),
            arb(0),
        )

    @cached_property
    def slides(self) -> bool:
        """Whether cells lose less than the shaping of one coordinate, and are not too many."""
        span = (self.runs[-1].high - self.runs[0].low) / self.unit
        return bool(span <= MOST_CELLS and self.enclose_deficit() < ball(SHAPING))


class Column(NamedTuple):
    """An interval of x1 in a column of the grid, and its mass."""

    ends: Interval
    mass: Element
    profile: Profile


class Cell(NamedTuple):
    """An interval of x2, `low` above the lowest, with its share of the mass of the column; where
    its images are in z1, and the scale and the center of the map of b from there to z2.

    The center, like all of b in a zone, is counted from where the zone begins.
    """

    number: int
    low: Element
    width: Element
    share: Element
    place: Interval
    scale: Element
    center: Element

    @property
    def room(self) -> Element:
        """The length of the place."""
        return self.place[1] - self.place[0]


class GroupBlock(NamedTuple):
    """Groups of x1 of one length: by how many units their x2 is moved, in the order of x1."""

    start: int
    shifts: Sequence[int]


@dataclass(frozen=True, eq=False)
class Zone:
    """Blocks of a column that share their places in z1. Where cells of two groups have the same b
    the groups are as far apart, in units of their length, as the places in units of theirs.
    """

    column: Column
    unit: Element
    cells: tuple[Cell, ...]
    blocks: tuple[GroupBlock, ...]

    @cached_property
    def energies(self) -> list[Element]:
        """For each block E|z|^2."""
        places = [cell.share * _mean_square(*cell.place) for cell in self.cells]
        first, moments = sum(places, QQ.zero), dict[int, tuple]()
        for key, shifts in {id(block.shifts): block.shifts for block in self.blocks}.items():
            total, squares = sum(shifts), sum(k * k for k in shifts)
            moments[key] = QQ(total, len(shifts)), QQ(squares, len(shifts))
        return [
            first + self._second(block.start, *moments[id(block.shifts)]) for block in self.blocks
        ]

    def _second(self, start: int, mean: Element, square: Element) -> Element:
        """Return E z2^2 in a block, given the moments of its shifts."""
        found, unit = QQ.zero, self.unit
        for cell in self.cells:
            off = start * unit + cell.low + cell.width / 2 - cell.center
            total = square * unit**2 + 2 * off * mean * unit + off * off + cell.width**2 / 12
            found += cell.share * total / cell.scale**2
        return found

    @cached_property
    def weights(self) -> list[float]:
        """For each block the mass of N(0, I) on its images, in geometric means over cells."""
        volume = sum(
            to_float(cell.share) * np.log(to_float(cell.room * cell.width / cell.scale))
            for cell in self.cells
        )
        return [
            len(block.shifts) * float(np.exp(volume - to_float(energy) / 2)) / (2 * pi)
            for block, energy in zip(self.blocks, self.energies, strict=True)
        ]

    @property
    def strips(self) -> int:
        """About how many intervals of b have a map of x1."""
        return sum(len(block.shifts) for block in self.blocks) + len(self.cells)

    @property
    def height(self) -> Element:
        """The length of b."""
        block, cell = self.blocks[-1], self.cells[-1]
        return (block.start + max(block.shifts)) * self.unit + cell.low + cell.width


def _mean_square(a: Any, b: Any) -> Any:
    """Return the mean square of a number between a and b, or of many."""
    return (a * a + a * b + b * b) / 3


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Zones of all columns, with the place of their groups in x1, and of their strips in b."""

    columns: list[Column]
    zones: list[Zone]

    @cached_property
    def starts(self) -> list[Element]:
        """For each zone where its interval of b begins."""
        unit = power_below(min(cell.width for zone in self.zones for cell in zone.cells)) / 16
        top, found = -sum((zone.height for zone in self.zones), QQ.zero) / 2, []
        for zone in self.zones:
            found.append(round_up(top, unit))
            top = found[-1] + zone.height
        return found

    @cached_property
    def groups(self) -> list[list[Interval]]:
        """For each block of each zone where its groups begin in x1, and their length.

        Blocks share the column in the ratio of their weights, which is best for KL, rounded to
        short numbers; the heaviest one has the rest.
        """
        rows: dict[Interval, list[tuple]] = {}
        for k, zone in enumerate(self.zones):
            row = rows.setdefault(zone.column.ends, [])
            row += [(weight, k, i) for i, weight in enumerate(zone.weights)]
        found: list[list] = [[None] * len(zone.blocks) for zone in self.zones]
        for row in rows.values():
            total, (x, end) = sum(weight for weight, _, _ in row), self.zones[row[0][1]].column.ends
            unit = (end - x) / 2**BITS
            for weight, k, i in sorted(row)[:-1]:
                block = self.zones[k].blocks[i]
                part = max(1, int(weight / total / len(block.shifts) * 2.0**BITS))
                found[k][i] = x, part * unit
                x += part * unit * len(block.shifts)
            _, k, i = max(row)
            found[k][i] = x, (end - x) / len(self.zones[k].blocks[i].shifts)
        return found

    @cached_property
    def stretches(self) -> tuple[Element, Element]:
        """The least and the largest scale from z1 to x1."""
        found = [
            length / cell.room
            for zone, row in zip(self.zones, self.groups, strict=True)
            for cell in zone.cells
            for _, length in row
        ]
        return min(found), max(found)

    @cached_property
    def scales(self) -> tuple[Element, Element]:
        """The least and the largest scale from z2 to b."""
        found = [cell.scale for zone in self.zones for cell in zone.cells]
        return min(found), max(found)

    @cached_property
    def hulls(self) -> tuple[Interval, Interval]:
        """Intervals around the x1, and around the b, of all points of the box around the law."""
        marks = [
            mark - zone.column.profile.runs[0].low
            for zone, start in zip(self.zones, self.starts, strict=True)
            for mark in (start, start + zone.height)
        ]
        runs = [column.profile.runs for column in self.columns]
        low, high = min(row[0].low for row in runs), max(row[-1].high for row in runs)
        first = self.columns[0].ends[0], self.columns[-1].ends[1]
        return first, (low + min(marks), high + max(marks))

    @cached_property
    def reach(self) -> tuple[Element, Element]:
        """Bounds of |z1| and |z2| for all points of the hull, on ramps, too."""
        (a, b), (c, d) = self.hulls
        places = [x for zone in self.zones for cell in zone.cells for x in cell.place]
        return max(map(abs, places)) + (b - a) / self.stretches[0], (d - c) / self.scales[0]

    @property
    def strips(self) -> int:
        """About how many intervals of b have a map of x1."""
        return sum(zone.strips for zone in self.zones)

    @property
    def digits(self) -> int:
        """About how many decimal digits float64 loses in latents, as x1 and b are large in units of
        the scales there; and all where numbers are beyond float64.
        """
        (a, b), (c, d) = self.hulls
        first, second = max(abs(a), abs(b)) / self.stretches[0], max(abs(c), abs(d))
        lost = len(str(int(max(first, second / self.scales[0], *self.reach))))
        sizes = [abs(x) for x in (a, b, c, d, *self.stretches, *self.scales) if x]
        is_in_range = 1 <= min(sizes) * FLOATS and max(sizes) <= FLOATS
        return lost if is_in_range else max(lost, ALL_DIGITS)

    def layers(self, margins: tuple[Element, ...], count: int = 3) -> Iterator[PiecewiseCoupling]:
        """Yield the three layers, from latent to data. Off the margins, which are this share of
        groups, of cells and of places at both ends, no point is on a ramp.
        """
        (margin,), places, strips, marks = margins, [], [], []
        for zone, start, row in zip(self.zones, self.starts, self.groups, strict=True):
            for place, scale, center in {cell[4:] for cell in zone.cells}:
                places.append((_core(place, margin), start + center, scale))
            for block, (x, length) in zip(zone.blocks, row, strict=True):
                seen: set = set()
                for k, shift in enumerate(block.shifts):
                    b, low = start + (block.start + shift) * zone.unit, x + k * length
                    mark = zone.column.profile.runs[0].low - b
                    marks.append((_core((low, low + length), margin), mark))
                    for cell in zone.cells:
                        if shift + cell.number in seen:
                            continue
                        seen.add(shift + cell.number)
                        s = length / cell.room
                        ends = b + cell.low, b + cell.low + cell.width
                        strips.append((_core(ends, margin), low - s * cell.place[0], s))
        yield build_layer("second", sorted(places))
        yield build_layer("first", sorted(strips))
        yield build_layer("second", sorted(marks))

    def terms(self, entropy: arb, room: Element) -> tuple[tuple[Element, ...], tuple[arb, arb]]:
        """Return margins, and the two terms of the bound, of which ramps are a small share of
        `room`, for laws with this E log p.
        """
        constant, cells, covered = (2 * arb.pi()).log(), entropy, QQ.zero
        for zone, row in zip(self.zones, self.groups, strict=True):
            (a, b), volume = zone.column.ends, constant
            for cell in zone.cells:
                volume += ball(cell.share) * ball(cell.scale / cell.room).log()
            for block, energy, (_, length) in zip(zone.blocks, zone.energies, row, strict=True):
                mass = zone.column.mass * length * len(block.shifts) / (b - a)
                covered += mass
                cells += ball(mass) * (volume + ball(length).log() + ball(energy) / 2)
        least, most = (
            constant + ball(s * u).log() for s, u in zip(self.stretches, self.scales, strict=True)
        )
        squares = ball(sum((x * x for x in self.reach), QQ.zero))
        rate = (most + squares / 2).max(arb(0)) - least.min(arb(0))
        margin = min(power_below(lower(ball(room * RAMPS / 4) / rate)), QQ(1, 8))
        return (margin,), (cells, rate * ball(4 * margin + 1 - covered))


def _core(interval: Interval, margin: Element) -> Interval:
    """Return the interval without this share of it at both ends."""
    low, high = interval
    return low + margin * (high - low), high - margin * (high - low)


class Option(NamedTuple):
    """Blocks for a zone: their lengths, the length of one unit in z2, strips, and what is lost."""

    lengths: tuple[int, ...]
    scale: float
    strips: int
    loss: float


class Menu(NamedTuple):
    """Options, with arrays of what they lose, and of their strips."""

    options: list[Option]
    losses: np.ndarray
    strips: np.ndarray

    @classmethod
    def of(cls, options: list[Option]) -> "Menu":
        """Return the menu of these options."""
        losses, strips = [option.loss for option in options], [option.strips for option in options]
        return cls(options, np.array(losses), np.array(strips, dtype=float))


@cache
def sliding_menu(cells: tuple[int, ...]) -> Menu:
    """Return blocks in which groups slide by one cell after the other, more and more of them.

    A block of length h at z2 has the mass phi(z2) h, of which it loses (z2 h)^2 / 24 for being
    uniform, and about the length of the span over h at its end. This is least if h^3 is
    proportional to 1 / z2^2, so if ends are proportional to the powers 3/5 of integers.
    """
    span, found, count = cells[-1] + 1, [], 2.0 * (cells[-1] + 1)
    while count <= MOST_STRIPS:
        likely = {round(x * np.cbrt(count / span)) for x in (1.2, 1.35, 1.5, 1.8)}
        tried = [_sliding_option(cells, int(count), 1, 3**0.5)] + [
            _sliding_option(cells, int(count), blocks, radius)
            for blocks in sorted(likely | {x + 1 for x in likely})
            for radius in np.linspace(2.4, 4, 9)
        ]
        found.append(min(tried, key=lambda option: option.loss))
        count *= 1.3
    return Menu.of(found)


def _sliding_option(cells: tuple[int, ...], count: int, blocks: int, radius: float) -> Option:
    steps = 2 * np.arange(blocks + 1) / blocks - 1
    ends = radius * np.sign(steps) * abs(steps) ** 0.6
    lengths = np.maximum(np.round(np.diff(ends) * count / (2 * radius)), cells[-1] + 1)
    total, groups = lengths.sum(), lengths - cells[-1]
    scale = 2 * radius / total
    lows = (np.cumsum(lengths) - lengths - total / 2)[:, None] + np.array(cells)
    squares = _mean_square(lows * scale, (lows + groups[:, None]) * scale).mean(axis=1)
    loss = -np.log((scale * groups * np.exp(-squares / 2)).sum() / np.sqrt(2 * np.pi))
    return Option(tuple(map(int, lengths)), float(scale), int(total), float(loss))


@cache
def tiling_menu(strips: int) -> Menu:
    """Return blocks of one tiling each, of this number of strips, more and more of them."""
    found, count, radii = [], 1, np.linspace(1.5, 6, 46)[:, None]
    while count * strips <= MOST_STRIPS and count < MOST_BLOCKS:
        ends = np.linspace(-1, 1, count + 1)
        squares = _mean_square(ends[:-1], ends[1:]) * radii**2
        masses = np.exp(-squares / 2).sum(axis=1) * 2 * radii[:, 0] / count / np.sqrt(2 * np.pi)
        best = int(masses.argmax())
        scale, loss = 2 * radii[best, 0] / count, -np.log(masses[best])
        found.append(Option((1,) * count, float(scale), count * strips, float(loss)))
        count += 1 + count // 8
    return Menu.of(found)


class Draft(NamedTuple):
    """A zone before its blocks are chosen: the lowest end of its places, their width, the mass of
    all of them, and whether they are a mirror image of the cells. If the cells tile an interval
    (by which translates, how long) there is one place for all of them.
    """

    column: Column
    low: Element
    width: Element
    mass: float
    mirrored: bool = False
    tiling: tuple[tuple[int, ...], int] | None = None

    @property
    def menu(self) -> Menu:
        """What may be chosen."""
        if self.tiling:
            return tiling_menu(self.tiling[1])
        return sliding_menu(tuple(self.column.profile.cells))

    def with_blocks(self, option: Option) -> Zone:
        """Return the zone with these blocks."""
        cells, unit = self.column.profile.cells, self.column.profile.unit
        span, top, blocks = max(cells) + 1, 0, []
        shifts, step = self.tiling or ((), 1)
        places = [0 if self.tiling else span - 1 - k if self.mirrored else k for k in cells]
        for length in option.lengths:
            groups = range(length + 1 - span)
            sliding = groups if self.mirrored else groups[::-1]
            blocks.append(GroupBlock(top * step, shifts or sliding))
            top += length
        scale = _shorten(unit * step / QQ(*option.scale.as_integer_ratio()))
        center, found = unit * step * QQ(top, 2), []
        for (k, share), place in zip(cells.items(), places, strict=True):
            low = self.low + self.width * place
            found.append(Cell(k, k * unit, unit, share, (low, low + self.width), scale, center))
        return Zone(self.column, unit, tuple(found), tuple(blocks))


def arrange(density: PiecewiseConstantDensity, budget: float) -> Arrangement:
    """Return zones that lose about this budget beyond what the columns must lose."""
    columns = cut_columns(density, COLUMNS * budget)
    if len(columns) > MOST_ZONES:
        raise _too_many(MOST_STRIPS)
    masses = [
        [column.mass]
        if column.profile.slides
        else [column.mass * run.share for run in column.profile.runs]
        for column in columns
    ]
    places = map(_within, intervals([to_float(mass) for row in masses for mass in row]))
    zones: list[Zone] = []
    drafts: list[Draft] = []
    holes: list[tuple] = []
    for column in columns:
        if not column.profile.slides:
            zones.append(_shape(column, [next(places) for _ in column.profile.runs]))
        elif tiling := tile_interval(tuple(column.profile.cells)):
            low, high = next(places)
            drafts.append(Draft(column, low, high - low, _mass(low, high), tiling=tiling))
        else:
            _fill(column, *next(places), drafts, holes)
    _fill_holes(drafts, holes, HOLES * budget)
    chosen = _choose(drafts, (1 - COLUMNS - HOLES) * budget)
    zones += [draft.with_blocks(option) for draft, option in zip(drafts, chosen, strict=True)]
    return Arrangement(columns, zones)


def _read_profile(heights: list[Interval], values: list[Element]) -> Profile:
    """Return the law of x2 in a column of these cells and densities."""
    runs: list[tuple] = []
    for (a, b), value in zip(heights, values, strict=True):
        if value:
            joined = bool(runs) and runs[-1][1:] == (a, value)
            runs.append((runs.pop()[0] if joined else a, b, value))
    total = sum(((b - a) * value for a, b, value in runs), QQ.zero)
    return Profile(tuple(DensityRun(a, b, (b - a) * value / total) for a, b, value in runs))


def cut_columns(density: PiecewiseConstantDensity, most: float) -> list[Column]:
    """Return the columns of the grid, halved until zones of their masses lose at most `most`."""
    heights, found = list(pairwise(density.grid[1])), []
    profiles: dict[int, Profile] = {}
    for (a, b), _ in density.columns(most):
        place = bisect_right(density.grid[0], a) - 1
        values = density.values[place]
        if place not in profiles:
            profiles[place] = _read_profile(heights, values)
        total = sum((x * (d - c) for x, (c, d) in zip(values, heights, strict=True)), QQ.zero)
        found.append(Column((a, b), (b - a) * total, profiles[place]))
    return found


def least_loss(density: PiecewiseConstantDensity) -> Element:
    """Return a bound of what three layers lose beyond every eps: column by column the KL of the
    law of x2 from the uniform law on its cells, or the shaping of one coordinate, if that is less.
    """
    found = QQ.zero
    for column in cut_columns(density, np.inf):
        if not column.profile.slides:
            found += column.mass * SHAPING
        elif not column.profile.is_uniform:
            found += column.mass * upper(column.profile.enclose_deficit())
    return found


def _shape(column: Column, places: list[Interval]) -> Zone:
    """Return the zone of one group, of which each run goes to a place of its own, and to the
    uniform law of variance one in z2.
    """
    low = column.profile.runs[0].low
    cells = []
    for k, (run, place) in enumerate(zip(column.profile.runs, places, strict=True)):
        width = run.high - run.low
        center = run.low - low + width / 2
        cells.append(Cell(k, run.low - low, width, run.share, place, width / (2 * ROOT3), center))
    return Zone(column, QQ.one, tuple(cells), (GroupBlock(0, (0,)),))


def _shorten(x: Element) -> Element:
    """Return a number of few bits that is at most a positive x, and nearly x."""
    return -round_up(-x, power_below(x) * SHORT)


def _within(interval: Interval) -> Interval:
    """Return the interval with ends of few bits, a little shorter."""
    low, high = interval
    unit = power_below(high - low) * SHORT
    return round_up(low, unit), -round_up(-high, unit)


def _mass(low: Element, high: Element) -> float:
    """Return the mass that N(0, 1) gives to an interval, nearly."""
    a, b = to_float(low), to_float(high)
    return float(ndtr(b) - ndtr(a) if a < 0 else ndtr(-a) - ndtr(-b))


def _fill(column: Column, low: Element, high: Element, drafts: list, holes: list) -> None:
    """Add the zones of a window in an interval of z1, and what is left free, a heap by mass."""
    cells = tuple(column.profile.cells)
    window = fill_window(cells)
    unit, span = _shorten((high - low) / window.size), cells[-1] + 1
    for offset, mirrored in window.copies:
        start = low + offset * unit
        places = (start + unit * (span - 1 - k if mirrored else k) for k in cells)
        mass = sum(_mass(place, place + unit) for place in places)
        drafts.append(Draft(column, start, unit, mass, mirrored))
    for a, b in window.holes:
        ends = low + a * unit, low + b * unit
        heappush(holes, (-_mass(*ends), len(drafts), a, column, *ends))


def _fill_holes(drafts: list, holes: list, most: float) -> None:
    """Fill the largest holes until those that are left have at most this mass."""
    total = -sum(hole[0] for hole in holes)
    while holes and total > most:
        _, _, _, column, low, high = heappop(holes)
        before = len(drafts)
        _fill(column, low, high, drafts, holes)
        _check_strips(len(drafts))
        total -= sum(draft.mass for draft in drafts[before:])


def _choose(drafts: list[Draft], most: float) -> list[Option]:
    """Return for each zone the blocks that are best at one price of a strip, the highest for which
    the loss is at most `most`.
    """
    menus: dict[int, list[int]] = {}
    for k, draft in enumerate(drafts):
        menus.setdefault(id(draft.menu), []).append(k)
    rows = [(drafts[row[0]].menu, row) for row in menus.values()]
    masses = [np.array([drafts[k].mass for k in row]) for _, row in rows]
    price, chosen = 1.0, dict[int, int]()
    while price > LEAST_PRICE:
        loss, strips = 0.0, 0.0
        for (menu, row), mass in zip(rows, masses, strict=True):
            picks = np.argmin(np.outer(mass, menu.losses) + price * menu.strips, axis=1)
            loss, strips = loss + mass @ menu.losses[picks], strips + menu.strips[picks].sum()
            chosen.update(zip(row, picks.tolist(), strict=True))
        _check_strips(int(strips))
        if loss <= most:
            return [draft.menu.options[chosen[k]] for k, draft in enumerate(drafts)]
        price *= 0.7
    raise _too_many(MOST_STRIPS)


def _check_strips(count: int) -> None:
    if count > MOST_STRIPS:
        raise _too_many(count)


def _too_many(count: int) -> InvalidInputError:
    return InvalidInputError(
        f"expected a law for which three layers take at most {MOST_STRIPS} strips, got one that "
        f"takes {count}, or more: raise eps, take fewer bins, or layers=4"
    )
