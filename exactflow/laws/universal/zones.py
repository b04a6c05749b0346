"""Zones of three coupling layers: the layers that zones define, and a certified bound of KL.

The first layer, from data to latents, shifts x2; b is the shifted x2.

Theorem, notation and the names of the terms are those of `exactflow.laws.universal.three_layers`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import pi
from operator import mul
from typing import NamedTuple

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.laws.universal.densities import DensityRun, greatest_common_measure
from exactflow.laws.universal.quantization import floor_power_of_two
from exactflow.laws.universal.tilings import (
    RAMPS,
    Interval,
    bound_kl_per_margin_mass,
    build_plane_layer_linear_between_intervals,
    count_integer_digits_or_16_if_out_of_range,
    mean_square_of_uniform,
    shifts_that_stack_around_zero,
)

SHAPING = QQ(1766, 10000)  # a little more than log(pi e / 6) / 2, the KL that one band costs
MOST_CELLS = 2**8  # the most cells of a zone, from its lowest to its highest, gaps included
BITS = 64  # lengths of groups are multiples of 2^-BITS times the length of their column
SingleMarginShare = tuple[Element, ...]  # one share of a length, the same for all intervals


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """The law of x2 given x1 in a column of the grid: its runs of constant density, ascending."""

    runs: tuple[DensityRun, ...]

    @cached_property
    def cell_length(self) -> Element:
        """The largest length of which all distances between ends of runs are multiples."""
        return greatest_common_measure([x - self.runs[0].low for run in self.runs for x in run[:2]])

    @cached_property
    def share_by_cell(self) -> dict[int, Element]:
        """The share of the mass in each cell that has mass; cells are numbered upwards from 0."""
        found = {}
        for run in self.runs:
            a, b = (int((x - self.runs[0].low) / self.cell_length) for x in run[:2])
            found.update(dict.fromkeys(range(a, b), run.share / (b - a)))
        return found

    def enclose_kl_from_uniform_on_support(self) -> arb:
        """Return an enclosure of KL(law | uniform law on its support), which is 0 if they agree."""
        densities = [run.share / (run.high - run.low) for run in self.runs]
        if len(set(densities)) == 1:
            return arb(0)
        total = sum((run.high - run.low for run in self.runs), QQ.zero)
        pairs = zip(self.runs, densities, strict=True)
        return sum((ball(run.share) * ball(p * total).log() for run, p in pairs), arb(0))

    @cached_property
    def is_worth_dividing_into_cells(self) -> bool:
        """Whether a zone of cells has at most `MOST_CELLS` cells and loses less KL than `SHAPING`,
        the loss of a zone with one band.
        """
        span = (self.runs[-1].high - self.runs[0].low) / self.cell_length
        return bool(
            span <= MOST_CELLS and self.enclose_kl_from_uniform_on_support() < ball(SHAPING)
        )


class Column(NamedTuple):
    """An interval of x1 on which x2 given x1 has one law, and the mass of the interval."""

    ends: Interval
    mass: Element
    profile: ColumnProfile


class Cell(NamedTuple):
    """An interval of x2 in a column, and how a zone maps it.

    Attributes
    ----------
    number, low, width : the number of the cell, the distance of its lower end above the lowest
        point of the column, and its length.
    share : the share of the column's mass in the cell.
    place : the interval of z1 that contains the images of the cell.
    scale, center : on the place, b = scale z2 + center, where b is measured from the zone's start.
    """

    number: int
    low: Element
    width: Element
    share: Element
    place: Interval
    scale: Element
    center: Element

    @property
    def place_length_in_z1(self) -> Element:
        """The length of the interval of z1 that contains the images of the cell."""
        return self.place[1] - self.place[0]


class GroupBlock(NamedTuple):
    """Neighbouring groups, which are intervals of x1 of equal length, ascending.

    In group j the first layer, from data to latents, moves x2 by `start` + `shifts[j]` cells.
    """

    start: int
    shifts: Sequence[int]


@dataclass(frozen=True, eq=False)
class Zone:
    """Blocks of a column, with the places in z1 that they share.

    If cells of two groups have the same shifted x2, the distance of the groups, in units of their
    length, is the distance of the places of the cells, in units of the length of a place.
    """

    column: Column
    unit: Element
    cells: tuple[Cell, ...]
    blocks: tuple[GroupBlock, ...]

    @cached_property
    def latent_mean_square_by_block(self) -> list[Element]:
        """The mean of z1^2 + z2^2 on each block."""
        # The images of a cell's center have z2 = (unit b + offset) / scale, b being start + shift.
        # So the mean square is linear in the mean of b and in its mean square.
        constant = square = linear = QQ.zero
        for cell in self.cells:
            weight = cell.share / cell.scale**2
            offset = cell.low + cell.width / 2 - cell.center
            square += weight
            linear += 2 * weight * offset
            constant += weight * (offset**2 + cell.width**2 / 12)
            constant += cell.share * mean_square_of_uniform(*cell.place)
        # Many blocks share one list of shifts, whose moments are computed only once.
        shifts = {id(block.shifts): block.shifts for block in self.blocks}
        moments = {
            key: (QQ(sum(row), len(row)), QQ(sum(map(mul, row, row)), len(row)))
            for key, row in shifts.items()
        }
        found = []
        for start, row in self.blocks:
            mean, mean_square = moments[id(row)]
            b_mean, b_mean_square = start + mean, start * (start + 2 * mean) + mean_square
            found.append(
                (square * self.unit * b_mean_square + linear * b_mean) * self.unit + constant
            )
        return found

    @cached_property
    def approximate_normal_mass_by_block(self) -> list[float]:
        """Estimates of the mass of N(0, I) on the image of each block, from mean log-densities."""
        volume = sum(
            to_float(cell.share)
            * np.log(to_float(cell.place_length_in_z1 * cell.width / cell.scale))
            for cell in self.cells
        )
        return [
            len(block.shifts) * float(np.exp(volume - to_float(energy) / 2)) / (2 * pi)
            for block, energy in zip(self.blocks, self.latent_mean_square_by_block, strict=True)
        ]

    @property
    def shifted_x2_length(self) -> Element:
        """The length of the interval of the shifted x2 that the zone occupies."""
        block, cell = self.blocks[-1], self.cells[-1]
        return (block.start + max(block.shifts)) * self.unit + cell.low + cell.width


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The zones of all columns, with the intervals of x1 and of the shifted x2 for each zone."""

    columns: list[Column]
    zones: list[Zone]

    @cached_property
    def zone_starts_in_shifted_x2(self) -> list[Element]:
        """The lower end of each zone's interval of the shifted x2."""
        finest = min(cell.width for zone in self.zones for cell in zone.cells)
        return shifts_that_stack_around_zero(
            [(QQ.zero, zone.shifted_x2_length) for zone in self.zones],
            floor_power_of_two(finest) / 16,
        )

    @cached_property
    def group_start_and_length_by_zone_and_block(self) -> list[list[tuple[Element, Element]]]:
        """For each zone and each block of the zone, the start in x1 of the first group of the
        block, and the length of each group.

        Blocks share the column in the ratio of `approximate_normal_mass_by_block`, which gives the
        least KL. Lengths are rounded to few bits; the block of the largest mass gets the rest.
        """
        rows: dict[Interval, list[tuple]] = {}
        for k, zone in enumerate(self.zones):
            row = rows.setdefault(zone.column.ends, [])
            row += [
                (weight, k, i) for i, weight in enumerate(zone.approximate_normal_mass_by_block)
            ]
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
            length / cell.place_length_in_z1
            for zone, row in zip(
                self.zones, self.group_start_and_length_by_zone_and_block, strict=True
            )
            for cell in zone.cells
            for _, length in row
        ]
        return min(found), max(found)

    @cached_property
    def shifted_x2_scale_range(self) -> tuple[Element, Element]:
        """The least and the largest scale from z2 to the shifted x2."""
        found = [cell.scale for zone in self.zones for cell in zone.cells]
        return min(found), max(found)

    @cached_property
    def x1_and_shifted_x2_bounds(self) -> tuple[Interval, Interval]:
        """Intervals that contain x1 and the shifted x2 for all points of the bounding box of the
        law.
        """
        marks = [
            mark - zone.column.profile.runs[0].low
            for zone, start in zip(self.zones, self.zone_starts_in_shifted_x2, strict=True)
            for mark in (start, start + zone.shifted_x2_length)
        ]
        runs = [column.profile.runs for column in self.columns]
        low, high = min(row[0].low for row in runs), max(row[-1].high for row in runs)
        first = self.columns[0].ends[0], self.columns[-1].ends[1]
        return first, (low + min(marks), high + max(marks))

    @cached_property
    def latent_magnitude_bounds_over_bounding_box(self) -> tuple[Element, Element]:
        """Upper bounds of |z1| and |z2| for the latents of all points of the bounding box."""
        (a, b), (c, d) = self.x1_and_shifted_x2_bounds
        places = [x for zone in self.zones for cell in zone.cells for x in cell.place]
        first_most = max(map(abs, places)) + (b - a) / self.x1_scale_range[0]
        return first_most, (d - c) / self.shifted_x2_scale_range[0]

    @property
    def counts_for_kl_bound(self) -> tuple[int, int, int]:
        """An estimate of the number of strips, and the numbers of columns and zones. A strip is an
        interval of the shifted x2 with one map of x1.
        """
        cells = sum(len(zone.cells) for zone in self.zones)
        groups = sum(len(block.shifts) for zone in self.zones for block in zone.blocks)
        return cells + groups, len(self.columns), len(self.zones)

    @property
    def latent_digits_lost_in_float64(self) -> int:
        """The number of decimal digits that float64 loses in latents.

        It is the number of digits before the decimal point of the largest latent, or of the largest
        x1 or b in units of its least scale (see `count_integer_digits_or_16_if_out_of_range`).
        """
        (a, b), (c, d) = self.x1_and_shifted_x2_bounds
        first, second = max(abs(a), abs(b)) / self.x1_scale_range[0], max(abs(c), abs(d))
        largest = max(
            first,
            second / self.shifted_x2_scale_range[0],
            *self.latent_magnitude_bounds_over_bounding_box,
        )
        return count_integer_digits_or_16_if_out_of_range(
            largest, [a, b, c, d, *self.x1_scale_range, *self.shifted_x2_scale_range]
        )

    def layers(self, single_margin_share: SingleMarginShare) -> Iterator[PiecewiseCoupling]:
        """Yield the three layers, from latent to data.

        Groups, cells and places have margins at both ends. The only entry of `single_margin_share`
        is the width of each margin, divided by the length of its group, cell or place. No point
        outside the margins is on a ramp.
        """
        (margin,), places, strips, marks = single_margin_share, [], [], []
        for zone, start, row in zip(
            self.zones,
            self.zone_starts_in_shifted_x2,
            self.group_start_and_length_by_zone_and_block,
            strict=True,
        ):
            for place, scale, center in {cell[4:] for cell in zone.cells}:
                places.append((_trim_share_at_each_end(place, margin), start + center, scale))
            for block, (x, length) in zip(zone.blocks, row, strict=True):
                seen: set = set()
                for k, shift in enumerate(block.shifts):
                    b, low = start + (block.start + shift) * zone.unit, x + k * length
                    mark = zone.column.profile.runs[0].low - b
                    marks.append((_trim_share_at_each_end((low, low + length), margin), mark))
                    for cell in zone.cells:
                        if shift + cell.number in seen:
                            continue
                        seen.add(shift + cell.number)
                        s = length / cell.place_length_in_z1
                        ends = b + cell.low, b + cell.low + cell.width
                        strips.append(
                            (_trim_share_at_each_end(ends, margin), low - s * cell.place[0], s)
                        )
        yield build_plane_layer_linear_between_intervals("second", sorted(places))
        yield build_plane_layer_linear_between_intervals("first", sorted(strips))
        yield build_plane_layer_linear_between_intervals("second", sorted(marks))

    def choose_margin_share_and_bound_kl_terms(
        self, negative_entropy: arb, subdivision_eps: Element
    ) -> tuple[SingleMarginShare, list[arb]]:
        """Choose the width of margins, as a share of the length of an interval, and return it with
        the terms `cells` and `ramps` of the KL bound. The share is the same for all intervals.

        `negative_entropy` encloses E log p, where p is the density. The margins are so narrow that
        the term `ramps` is a small share of `subdivision_eps`.
        """
        constant, cells, covered = (2 * arb.pi()).log(), negative_entropy, QQ.zero
        for zone, row in zip(
            self.zones, self.group_start_and_length_by_zone_and_block, strict=True
        ):
            (a, b), volume = zone.column.ends, constant
            for cell in zone.cells:
                volume += ball(cell.share) * ball(cell.scale / cell.place_length_in_z1).log()
            for block, energy, (_, length) in zip(
                zone.blocks, zone.latent_mean_square_by_block, row, strict=True
            ):
                mass = zone.column.mass * length * len(block.shifts) / (b - a)
                covered += mass
                cells += ball(mass) * (volume + ball(length).log() + ball(energy) / 2)
        (s, s_most), (u, u_most) = self.x1_scale_range, self.shifted_x2_scale_range
        rate = bound_kl_per_margin_mass(
            (s * u, s_most * u_most), self.latent_magnitude_bounds_over_bounding_box
        )
        margin = min(floor_power_of_two(lower(ball(subdivision_eps * RAMPS / 4) / rate)), QQ(1, 8))
        return (margin,), [cells, rate * ball(4 * margin + 1 - covered)]


def _trim_share_at_each_end(interval: Interval, share: Element) -> Interval:
    """Return the interval after `share` of its length is cut off at each end."""
    low, high = interval
    return low + share * (high - low), high - share * (high - low)
