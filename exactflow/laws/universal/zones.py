"""Zones of three coupling layers: where they send the data, and their certified bound of KL.

Theorem, notation and the names of the terms are those of `exactflow.laws.universal.three_layers`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi
from typing import NamedTuple

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.laws.universal.densities import DensityRun, common_measure
from exactflow.laws.universal.quantization import power_below
from exactflow.laws.universal.tilings import (
    RAMPS,
    Interval,
    build_layer,
    count_digits_lost_to_size,
    mean_square,
    ramp_bound_constants,
    stacking_shifts,
)

SHAPING = QQ(1766, 10000)  # a little more than log(pi e / 6) / 2
MOST_CELLS = 2**8
BITS = 64  # of the lengths of groups, in units of the length of their column


@dataclass(frozen=True, eq=False)
class Profile:
    """The law of x2 given x1 in a column of the grid: its runs of constant density, from below."""

    runs: tuple[DensityRun, ...]

    @cached_property
    def is_uniform(self) -> bool:
        """Whether the density is constant where it is not zero."""
        return len({run.share / (run.high - run.low) for run in self.runs}) == 1

    @cached_property
    def cell_length(self) -> Element:
        """The length of the cells: all ends of runs are multiples of it above the lowest end."""
        return common_measure([x - self.runs[0].low for run in self.runs for x in run[:2]])

    @cached_property
    def mass_by_cell(self) -> dict[int, Element]:
        """The share of the mass in each cell that has mass; cells are numbered from below."""
        found = {}
        for run in self.runs:
            a, b = (int((x - self.runs[0].low) / self.cell_length) for x in run[:2])
            found.update(dict.fromkeys(range(a, b), run.share / (b - a)))
        return found

    def enclose_kl_from_uniform(self) -> arb:
        """Return KL(law | uniform law on its support)."""
        if self.is_uniform:
            return arb(0)
        total = sum((run.high - run.low for run in self.runs), QQ.zero)
        ratios = [run.share * total / (run.high - run.low) for run in self.runs]
        terms = (ball(run.share) * ball(x).log() for run, x in zip(self.runs, ratios, strict=True))
        return sum(terms, arb(0))

    @cached_property
    def can_slide(self) -> bool:
        """Whether sliding cells lose less than `SHAPING`, and are not too many."""
        span = (self.runs[-1].high - self.runs[0].low) / self.cell_length
        return bool(span <= MOST_CELLS and self.enclose_kl_from_uniform() < ball(SHAPING))


class Column(NamedTuple):
    """An interval of x1 on which x2 has one law, and its mass."""

    ends: Interval
    mass: Element
    profile: Profile


class Cell(NamedTuple):
    """An interval of x2 and its images.

    Attributes
    ----------
    number, low, width : its number, its distance above the lowest point, and its length.
    share : its share of the mass of the column.
    place : the interval of z1 that holds its images.
    scale, center : on the place, b = scale z2 + center, where b is counted from the zone's start.
    """

    number: int
    low: Element
    width: Element
    share: Element
    place: Interval
    scale: Element
    center: Element

    @property
    def place_length(self) -> Element:
        """The length of the place."""
        return self.place[1] - self.place[0]


class GroupBlock(NamedTuple):
    """Groups of x1 of equal length, neighbours in this order.

    The first layer moves x2 in them by `start` plus their `shifts`, in units of the cells.
    """

    start: int
    shifts: Sequence[int]


@dataclass(frozen=True, eq=False)
class Zone:
    """Blocks of a column that share their places in z1.

    If cells of two groups have the same b, the distance of the groups, in units of their length, is
    that of the places, in units of theirs.
    """

    column: Column
    unit: Element
    cells: tuple[Cell, ...]
    blocks: tuple[GroupBlock, ...]

    @cached_property
    def block_second_moments(self) -> list[Element]:
        """E|z|^2 on each block."""
        first = sum((cell.share * mean_square(*cell.place) for cell in self.cells), QQ.zero)
        shifts = {id(block.shifts): block.shifts for block in self.blocks}  # many blocks share one
        moments = {key: _mean_and_mean_square(row) for key, row in shifts.items()}
        return [
            first + self._second_moment(block.start, *moments[id(block.shifts)])
            for block in self.blocks
        ]

    def _second_moment(self, start: int, mean: Element, square: Element) -> Element:
        """Return E z2^2 in a block, from the mean and the mean square of its shifts."""
        unit, found = self.unit, QQ.zero
        for cell in self.cells:
            off = start * unit + cell.low + cell.width / 2 - cell.center
            total = square * unit**2 + 2 * off * mean * unit + off * off + cell.width**2 / 12
            found += cell.share * total / cell.scale**2
        return found

    @cached_property
    def block_weights(self) -> list[float]:
        """The mass of N(0, I) on the images of each block, in geometric means over cells."""
        volume = sum(
            to_float(cell.share) * np.log(to_float(cell.place_length * cell.width / cell.scale))
            for cell in self.cells
        )
        return [
            len(block.shifts) * float(np.exp(volume - to_float(energy) / 2)) / (2 * pi)
            for block, energy in zip(self.blocks, self.block_second_moments, strict=True)
        ]

    @property
    def strips(self) -> int:
        """The approximate number of intervals of b, each of which has one map of x1."""
        return sum(len(block.shifts) for block in self.blocks) + len(self.cells)

    @property
    def height(self) -> Element:
        """The length of the interval of b."""
        block, cell = self.blocks[-1], self.cells[-1]
        return (block.start + max(block.shifts)) * self.unit + cell.low + cell.width


def _mean_and_mean_square(shifts: Sequence[int]) -> tuple[Element, Element]:
    """Return the mean and the mean square of integers."""
    return QQ(sum(shifts), len(shifts)), QQ(sum(k * k for k in shifts), len(shifts))


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The zones of all columns, with the intervals of their groups in x1 and strips in b."""

    columns: list[Column]
    zones: list[Zone]

    @cached_property
    def zone_starts(self) -> list[Element]:
        """The start of the interval of b of each zone."""
        finest = min(cell.width for zone in self.zones for cell in zone.cells)
        return stacking_shifts([(QQ.zero, zone.height) for zone in self.zones], finest)

    @cached_property
    def group_intervals(self) -> list[list[Interval]]:
        """The start in x1 and the length of the groups of each block, for each zone.

        Blocks share the column in the ratio of their weights, which gives the least KL. Lengths are
        rounded to few bits; the heaviest block gets the rest.
        """
        rows: dict[Interval, list[tuple]] = {}
        for k, zone in enumerate(self.zones):
            row = rows.setdefault(zone.column.ends, [])
            row += [(weight, k, i) for i, weight in enumerate(zone.block_weights)]
        found: list[list] = [[None] * len(zone.blocks) for zone in self.zones]
        for (x, end), row in rows.items():
            total, unit = sum(weight for weight, _, _ in row), (end - x) / 2**BITS
            for weight, k, i in sorted(row)[:-1]:
                count = len(self.zones[k].blocks[i].shifts)
                length = max(1, int(weight / total / count * 2.0**BITS)) * unit
                found[k][i] = x, length
                x += length * count
            _, k, i = max(row)
            found[k][i] = x, (end - x) / len(self.zones[k].blocks[i].shifts)
        return found

    @cached_property
    def x1_scale_range(self) -> tuple[Element, Element]:
        """The least and the largest scale from z1 to x1."""
        found = [
            length / cell.place_length
            for zone, row in zip(self.zones, self.group_intervals, strict=True)
            for cell in zone.cells
            for _, length in row
        ]
        return min(found), max(found)

    @cached_property
    def b_scale_range(self) -> tuple[Element, Element]:
        """The least and the largest scale from z2 to b."""
        found = [cell.scale for zone in self.zones for cell in zone.cells]
        return min(found), max(found)

    @cached_property
    def bounding_box(self) -> tuple[Interval, Interval]:
        """Intervals that contain x1, and b, of all points of the box around the law."""
        marks = [
            mark - zone.column.profile.runs[0].low
            for zone, start in zip(self.zones, self.zone_starts, strict=True)
            for mark in (start, start + zone.height)
        ]
        runs = [column.profile.runs for column in self.columns]
        low, high = min(row[0].low for row in runs), max(row[-1].high for row in runs)
        first = self.columns[0].ends[0], self.columns[-1].ends[1]
        return first, (low + min(marks), high + max(marks))

    @cached_property
    def latent_bounds(self) -> tuple[Element, Element]:
        """Upper bounds of |z1| and |z2| for all points of the hull, also on ramps."""
        (a, b), (c, d) = self.bounding_box
        places = [x for zone in self.zones for cell in zone.cells for x in cell.place]
        return max(map(abs, places)) + (b - a) / self.x1_scale_range[0], (
            d - c
        ) / self.b_scale_range[0]

    @property
    def counts(self) -> tuple[int, int, int]:
        """The approximate number of strips, and the numbers of columns and zones."""
        return sum(zone.strips for zone in self.zones), len(self.columns), len(self.zones)

    @property
    def lost_digits(self) -> int:
        """The decimal digits that float64 loses in latents, see `count_digits_lost_to_size`.

        They are the digits of the largest x1 and b in units of their least scales.
        """
        (a, b), (c, d) = self.bounding_box
        first, second = max(abs(a), abs(b)) / self.x1_scale_range[0], max(abs(c), abs(d))
        largest = max(first, second / self.b_scale_range[0], *self.latent_bounds)
        return count_digits_lost_to_size(
            largest, [a, b, c, d, *self.x1_scale_range, *self.b_scale_range]
        )

    def layers(self, margins: tuple[Element, ...], count: int = 3) -> Iterator[PiecewiseCoupling]:
        """Yield the three layers, from latent to data.

        Groups, cells and places have margins at both ends, which are this share of their lengths.
        Outside the margins no point is on a ramp.
        """
        (margin,), places, strips, marks = margins, [], [], []
        for zone, start, row in zip(
            self.zones, self.zone_starts, self.group_intervals, strict=True
        ):
            for place, scale, center in {cell[4:] for cell in zone.cells}:
                places.append((_trim_ends(place, margin), start + center, scale))
            for block, (x, length) in zip(zone.blocks, row, strict=True):
                seen: set = set()
                for k, shift in enumerate(block.shifts):
                    b, low = start + (block.start + shift) * zone.unit, x + k * length
                    mark = zone.column.profile.runs[0].low - b
                    marks.append((_trim_ends((low, low + length), margin), mark))
                    for cell in zone.cells:
                        if shift + cell.number in seen:
                            continue
                        seen.add(shift + cell.number)
                        s = length / cell.place_length
                        ends = b + cell.low, b + cell.low + cell.width
                        strips.append((_trim_ends(ends, margin), low - s * cell.place[0], s))
        yield build_layer("second", sorted(places))
        yield build_layer("first", sorted(strips))
        yield build_layer("second", sorted(marks))

    def margins_and_kl_terms(
        self, entropy: arb, room: Element
    ) -> tuple[tuple[Element, ...], list[arb]]:
        """Return margins, and the terms for cells and ramps of the bound of KL.

        `entropy` encloses E log p; the margins are so narrow that the term for ramps is a small
        share of `room`.
        """
        constant, cells, covered = (2 * arb.pi()).log(), entropy, QQ.zero
        for zone, row in zip(self.zones, self.group_intervals, strict=True):
            (a, b), volume = zone.column.ends, constant
            for cell in zone.cells:
                volume += ball(cell.share) * ball(cell.scale / cell.place_length).log()
            for block, energy, (_, length) in zip(
                zone.blocks, zone.block_second_moments, row, strict=True
            ):
                mass = zone.column.mass * length * len(block.shifts) / (b - a)
                covered += mass
                cells += ball(mass) * (volume + ball(length).log() + ball(energy) / 2)
        least, largest = (
            s * u for s, u in zip(self.x1_scale_range, self.b_scale_range, strict=True)
        )
        _, _, rate = ramp_bound_constants(least, largest, self.latent_bounds)
        margin = min(power_below(lower(ball(room * RAMPS / 4) / rate)), QQ(1, 8))
        return (margin,), [cells, rate * ball(4 * margin + 1 - covered)]


def _trim_ends(interval: Interval, margin: Element) -> Interval:
    """Return the interval without this share of its length at both ends."""
    low, high = interval
    return low + margin * (high - low), high - margin * (high - low)
