"""Laws seen along the axes of an orthonormal frame: finitely many atoms on each of its lines.

A frame has rational entries: it is the unit matrix, or a reflection that brings the first axis near
a direction. Nothing is rounded but where atoms on a line are too many, and merged.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt, lcm
from typing import NamedTuple

import numpy as np
from flint import arb, ctx, fmpq
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball, lower
from exactflow.exact.numbers import format_above, format_below, to_float
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.lipschitz_regression import Block, LipschitzRegression, StepMap
from exactflow.laws.conditioning.mixture_components import MixtureComponents, quantize_to_components
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.universal.measures import Atoms, TargetMeasure

Axis = tuple[Element, ...]
"""A unit vector with rational entries."""

Distance = Callable[[arb, bool], tuple[arb, arb]]
"""From a positive slope to two enclosures, of squares below and above that of the distance; in a
trial the first is zero.
"""

FEW = 8
TOLD = 2**21  # twice a million: costs are compared as precisely as that


class Gap(NamedTuple):
    """An interval of an axis, from one atom of its line to another, which the nearest maps with
    slopes of at most L cross with the slope L.

    Attributes
    ----------
    axis, start, stop : the interval.
    mass : the weight of the atoms strictly between; zero where they are neighbours. The atoms are
        the law's own if it is atomic, and else those of its cells, see `LawOnAxes`.
    share : at most the part of the squared distance that the maps lose there.
    """

    axis: Axis
    start: Element
    stop: Element
    mass: Element
    share: Element

    def __str__(self) -> str:
        shown = [f"{to_float(x):.3g}" for x in self.axis[:FEW]]
        direction = ", ".join(shown + ["..", f"{len(self.axis)} numbers"] * (len(self.axis) > FEW))
        mass = f", past a mass of {format_above(self.mass)}" if self.mass else ""
        return f"({direction}) from {format_above(self.start)} to {format_below(self.stop)}{mass}"


@dataclass(frozen=True)
class AtomsOnLine:
    """Atoms on a line, in ascending order: integers over `unit`, with integers as weights."""

    places: list[int]
    weights: list[int]
    unit: int

    def steps(self) -> StepMap:
        """Return the increasing map of N(0, 1) to the atoms, at the current precision."""
        return StepMap.of([arb(fmpq(x, self.unit)) for x in self.places], self.weights)

    def gap(self, axis: Axis, block: Block, share: Element) -> Gap:
        """Return the interval that the jumps of a block cross."""
        start, stop = (QQ(self.places[j], self.unit) for j in (block.first, block.last + 1))
        inside = sum(self.weights[block.first + 1 : block.last + 1])
        return Gap(axis, start, stop, QQ(inside, sum(self.weights)), share)


@dataclass(frozen=True)
class LawOnAxes:
    """A law along the axes of a frame: on each line the atoms that stand for the law's projection.

    They are the projection itself where the law is atomic and no more than 256 places are on the
    line, else those of the law's cells, merged where they are many. `error` encloses a bound of the
    root of the sum of squares of the distances W2, axis by axis, of projections from atoms.
    """

    axes: list[Axis]
    lines: list[AtomsOnLine]
    error: arb

    def distance(self) -> Distance:
        """Return the distance from maps of a slope to the atoms, all axes taken together."""
        maps = [(line.steps(), times) for line, times in self._shapes().values()]

        def squares(slope: arb, is_trial: bool) -> tuple[arb, arb]:
            below, above = arb(0), arb(0)
            for steps, times in maps:
                pair = LipschitzRegression(steps, slope).distance(is_trial)
                below, above = below + times * pair[0], above + times * pair[1]
            return below, above

        return squares

    def _shapes(self) -> dict[tuple, tuple[AtomsOnLine, int]]:
        """The different lines up to translation, and how many of each there are."""
        found: dict[tuple, tuple[AtomsOnLine, int]] = {}
        for line in self.lines:
            steps = tuple(b - a for a, b in pairwise(line.places))
            first, times = found.get(key := (steps, tuple(line.weights), line.unit), (line, 0))
            found[key] = first, times + 1
        return found

    def widest(self, slope: Element) -> Gap:
        """Return a gap that costs as much as any at a slope, up to a millionth of all costs.

        Costs are enclosed in as many bits as tell that.
        """
        bits = TUNING.precision
        while bits <= TUNING.most_precision:
            with ctx.workprec(bits):
                costs = list(self._costs(ball(slope)))
                total = sum((cost for cost, *_ in costs), arb(0))
                if all(TOLD * cost.rad() <= total for cost, *_ in costs):
                    cost, axis, line, block = max(costs, key=lambda row: row[0].mid())
                    return line.gap(axis, block, lower(cost / total))
            bits *= 2
        raise PrecisionError(
            f"{TUNING.most_precision} bits do not tell which gap costs most: the target is too "
            "large for this eps, so raise eps"
        )

    def _costs(self, slope: arb) -> Iterator[tuple[arb, Axis, AtomsOnLine, Block]]:
        """Yield the cost of each block of jumps, with its axis and line."""
        for axis, line in zip(self.axes, self.lines, strict=True):
            ramps = LipschitzRegression(line.steps(), slope)
            for block in ramps.blocks():
                yield ramps.cost(block), axis, line, block


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


def frame_of(
    law: TargetMeasure, components: MixtureComponents, axes: list[Axis], eps: Element
) -> LawOnAxes:
    """Return a law along the axes of a frame, in atoms as fine as eps asks.

    What is not atomic is cut: along the coordinate axes one by one, along others in all coordinates
    at once.
    """
    d, tolerance, error = len(axes), eps / TUNING.parts_of_eps, arb(0)
    if axes == unit_frame(d) and not isinstance(law, Atoms):
        cells = [quantize_to_components(law, tolerance, i) for i in range(d)]
        shapes = {(tuple(one.weights), tuple(np.diff(one.centers[:, 0]))) for one in cells}
        found = [_projected(one, (QQ.one,), tolerance, len(shapes)) for one in cells]
        found = [(line, more + one.error) for (line, more), one in zip(found, cells, strict=True)]
    else:
        if components.spreads is not None:
            components = quantize_to_components(law, tolerance)
        error = components.error
        found = [_projected(components, axis, tolerance, d) for axis in axes]
    square = sum((more * more for _, more in found), arb(0))
    return LawOnAxes(axes, [line for line, _ in found], error + square.sqrt())


def _projected(
    components: MixtureComponents, axis: Axis, tolerance: Element, lines: int
) -> tuple[AtomsOnLine, arb]:
    """Return the atoms along an axis, and a bound of the distance W2 that merging them cost.

    Equal ones are merged; and where many are left, those in one cell, of cells of equal widths:
    twice as many until the cost is within the tolerance, or they are as many as can be, which
    are the fewer the more `lines` there are.
    """
    unit = lcm(*(int(x.denominator) for x in axis))
    column = [int(x.numerator) * (unit // int(x.denominator)) for x in axis]
    places = (components.centers @ np.array(column, dtype=object)).tolist()
    most, distinct = max(TUNING.few_atoms, TUNING.most_atoms // lines), len(set(places))
    cells = min(TUNING.least_atoms, most)
    kept = TUNING.least_atoms if components.error == 0 else cells
    while True:
        count = 0 if distinct <= max(kept, cells) else cells
        found, error = _merged(places, components.weights.tolist(), unit * components.unit, count)
        if error <= ball(tolerance) or cells >= most:
            return found, error
        cells *= 2


def _merged(
    places: Sequence[int], weights: Sequence[int], unit: int, cells: int
) -> tuple[AtomsOnLine, arb]:
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
    line = AtomsOnLine([x for x, _ in kept], [w for _, w in kept], unit)
    return line, arb(fmpq(square, sum(weights) * unit * unit)).sqrt()
