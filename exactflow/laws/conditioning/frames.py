"""Laws seen along the axes of an orthonormal frame: finitely many atoms on each of its lines.

A frame has rational entries: it is the unit matrix, or a reflection that brings the first axis near
a direction. Nothing is rounded but where atoms on a line are too many, and merged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt, lcm
from typing import NamedTuple

import numpy as np
from flint import arb, fmpq
from sympy import QQ

from exactflow.exact.balls import ball
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.pieces import Pieces, pieces_of_cells
from exactflow.laws.conditioning.ramps import Ramps, Steps
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.universal.measures import Atoms, TargetMeasure

Axis = tuple[Element, ...]
"""A unit vector with rational entries."""

Distance = Callable[[arb, bool], tuple[arb, arb]]
"""From a positive slope to two enclosures, of squares below and above that of the distance; in a
trial the first is zero.
"""

FEW = 8


class Gap(NamedTuple):
    """An interval of an axis without mass, across which a map has to climb."""

    axis: Axis
    start: Element
    stop: Element

    def __str__(self) -> str:
        shown = [f"{to_float(x):.3g}" for x in self.axis[:FEW]]
        direction = ", ".join(shown + ["..", f"{len(self.axis)} numbers"] * (len(self.axis) > FEW))
        return f"({direction}) from {to_float(self.start):.3g} to {to_float(self.stop):.3g}"


@dataclass(frozen=True)
class Line:
    """Atoms on a line, in ascending order: integers over `unit`, with integers as weights."""

    places: list[int]
    weights: list[int]
    unit: int

    def steps(self) -> Steps:
        """Return the increasing map of N(0, 1) to the atoms, at the current precision."""
        return Steps.of([arb(fmpq(x, self.unit)) for x in self.places], self.weights)


@dataclass(frozen=True)
class LawOnAxes:
    """A law along the axes of a frame.

    `error` encloses a bound of the root of the sum of squares of the distances W2, axis by axis,
    of the law's projections from the atoms on the lines.
    """

    axes: list[Axis]
    lines: list[Line]
    error: arb

    def distance(self) -> Distance:
        """Return the distance from maps of a slope to the atoms, all axes taken together."""
        maps = [line.steps() for line in self.lines]

        def squares(slope: arb, is_trial: bool) -> tuple[arb, arb]:
            pairs = [Ramps(steps, slope).distance(is_trial) for steps in maps]
            return sum((p[0] for p in pairs), arb(0)), sum((p[1] for p in pairs), arb(0))

        return squares

    def widest(self, slope: arb) -> Gap:
        """Return the gap that costs most at a slope: numeric."""
        found = []
        for axis, line in zip(self.axes, self.lines, strict=True):
            ramps = Ramps(line.steps(), slope)
            for block in ramps.blocks():
                ends = (QQ(line.places[j], line.unit) for j in (block.first, block.last + 1))
                found.append((ramps.cost(block).mid(), Gap(axis, *ends)))
        return max(found, key=lambda pair: pair[0])[1]


def unit_frame(dimension: int) -> list[Axis]:
    """Return the coordinate axes."""
    return [tuple(QQ(int(i == j)) for j in range(dimension)) for i in range(dimension)]


def reflection(direction: Sequence[Element]) -> list[Axis]:
    """Return an orthonormal frame whose first axis is near a direction, by a reflection."""
    scale = QQ(2) ** TUNING.direction_bits / max(map(abs, direction))
    v = [int((x * scale).numerator) // int((x * scale).denominator) for x in direction]
    length = isqrt(sum(x * x for x in v))
    v[0] += length if v[0] >= 0 else -length
    square = sum(x * x for x in v)
    rows = enumerate(v)
    return [
        tuple(QQ(int(i == j)) - QQ(2 * a * b, square) for j, b in enumerate(v)) for i, a in rows
    ]


def frame_of(law: TargetMeasure, pieces: Pieces, axes: list[Axis], eps: Element) -> LawOnAxes:
    """Return a law along the axes of a frame, in atoms as fine as eps asks.

    What is not atomic is cut: along the coordinate axes one by one, along others in all coordinates
    at once.
    """
    d, tolerance, error = len(axes), eps / TUNING.parts_of_eps, arb(0)
    if axes == unit_frame(d) and not isinstance(law, Atoms):
        cells = [pieces_of_cells(law, tolerance, i) for i in range(d)]
        found = [_projected(one, (QQ.one,), tolerance, d) for one in cells]
        found = [(line, more + one.error) for (line, more), one in zip(found, cells, strict=True)]
    else:
        if pieces.spreads is not None:
            pieces = pieces_of_cells(law, tolerance)
        error = pieces.error
        found = [_projected(pieces, axis, tolerance, d) for axis in axes]
    square = sum((more * more for _, more in found), arb(0))
    return LawOnAxes(axes, [line for line, _ in found], error + square.sqrt())


def _projected(pieces: Pieces, axis: Axis, tolerance: Element, d: int) -> tuple[Line, arb]:
    """Return the atoms along one of d axes, and a bound of the distance W2 that merging them cost.

    Equal ones are merged; and where many are left, those in one cell, of cells of equal widths:
    twice as many until the cost is within the tolerance, or they are as many as can be.
    """
    unit = lcm(*(int(x.denominator) for x in axis))
    column = [int(x.numerator) * (unit // int(x.denominator)) for x in axis]
    places = (pieces.centers @ np.array(column, dtype=object)).tolist()
    most = max(TUNING.least_atoms, TUNING.most_atoms // d)
    cells, distinct = TUNING.least_atoms, len(set(places))
    while True:
        count = 0 if distinct <= cells else cells
        found, error = _merged(places, pieces.weights.tolist(), unit * pieces.unit, count)
        if error <= ball(tolerance) or cells >= most:
            return found, error
        cells *= 2


def _merged(
    places: Sequence[int], weights: Sequence[int], unit: int, cells: int
) -> tuple[Line, arb]:
    """Return the line of atoms merged cell by cell; equal ones only where the number is zero."""
    low, width = min(places), max(places) - min(places) + 1
    groups: dict[int, list[int]] = {}
    for x, w in zip(places, weights, strict=True):
        sums = groups.setdefault((x - low) * cells // width if cells else x, [0, 0, 0])
        for power in range(3):
            sums[power] += w * x**power
    kept, square = [], 0
    for _, (w, first, second) in sorted(groups.items()):
        x = first // w
        kept.append((x, w))
        square += second - 2 * x * first + x * x * w
    line = Line([x for x, _ in kept], [w for _, w in kept], unit)
    return line, arb(fmpq(square, sum(weights) * unit * unit)).sqrt()
