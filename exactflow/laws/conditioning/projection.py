"""Projections of a law onto the axes of an orthonormal frame, as finitely many atoms on each line.

A frame has rational entries: it is the unit matrix, or a reflection whose first axis is near a
given direction. Projections are exact unless there are too many atoms on a line, which are then
merged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt, lcm
from typing import NamedTuple

import numpy as np
from flint import arb, ctx
from sympy import QQ

from exactflow.exact.balls import PrecisionError, ball, lower
from exactflow.exact.numbers import format_down, format_up, to_float
from exactflow.exact.typing import Element
from exactflow.laws.conditioning.lipschitz_regression import LipschitzRegression, NormalToAtomsMap
from exactflow.laws.conditioning.mixture_components import (
    MixtureComponents,
    quantize_within_tolerance_or_atom_limit,
)
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.universal.measures import Atoms, TargetMeasure

Axis = tuple[Element, ...]
"""A unit vector with rational entries."""

SquaredDistanceBoundsBySlope = Callable[[arb, bool], arb]
"""A function of a slope L > 0 and of a flag. It bounds the squared distance from the maps with
slopes at most L: from above if the flag is true, else from below. Bounds are returned as balls.
"""

FEW = 8  # at most this number of entries of an axis are displayed
# costs are precise if the radius of each ball is at most the sum of all costs, divided by this
RELATIVE = 2**21


class GapBetweenAtoms(NamedTuple):
    """An interval between two atoms on a line. Let T be the increasing map with slopes at most L
    that is nearest to the map of N(0, 1) to the atoms. T crosses the interval with the slope L.

    Attributes
    ----------
    axis, start, stop : the direction of the line, and the two atoms.
    mass : the weight of the atoms strictly between; zero if the two atoms are neighbours. The atoms
        belong to the law or to its quantization, see `ProjectedLaw`.
    share : a lower bound, from 0 to 1, of the fraction of the squared distance that the interval
        causes.
    """

    axis: Axis
    start: Element
    stop: Element
    mass: Element
    share: Element

    def __str__(self) -> str:
        shown = [f"{to_float(x):.3g}" for x in self.axis[:FEW]]
        direction = ", ".join(shown + ["..", f"{len(self.axis)} numbers"] * (len(self.axis) > FEW))
        mass = f", past a mass of {format_up(self.mass)}" if self.mass else ""
        return f"({direction}) from {format_up(self.start)} to {format_down(self.stop)}{mass}"


@dataclass(frozen=True)
class AtomsOnLine:
    """Atoms on a line. They are the ascending integers `places`, divided by the integer `unit`;
    their integer `weights` are proportional to their masses.
    """

    places: list[int]
    weights: list[int]
    unit: int

    def normal_to_atoms_map(self) -> NormalToAtomsMap:
        """Return the increasing map of N(0, 1) to the atoms, at the current precision."""
        return NormalToAtomsMap.from_ascending_atoms(
            [ball(QQ(x, self.unit)) for x in self.places], self.weights
        )


@dataclass(frozen=True)
class ProjectedLaw:
    """A law projected onto the axes of a frame.

    Attributes
    ----------
    axes : the frame.
    lines : for each axis, atoms that approximate the projection. If the law is atomic with at most
        256 different projected atoms, they are the projection itself; else they are the atoms of a
        quantization, merged if there are too many.
    error : an enclosure of an upper bound of sqrt(sum over axes of W2(projection, atoms)^2).
    """

    axes: list[Axis]
    lines: list[AtomsOnLine]
    error: arb

    def make_squared_distance_bounds_by_slope(self) -> SquaredDistanceBoundsBySlope:
        """Return the function that bounds the squared distance of the atoms from the maps with
        slopes at most L, summed over the axes. Its arguments are L, and whether the bound is an
        upper bound.

        The maps to the atoms are computed first, at the current precision.
        """
        # Lines that are translates of each other have the same distance, which is computed once.
        lines_and_times: dict[tuple, tuple[AtomsOnLine, int]] = {}
        for line in self.lines:
            gaps = tuple(b - a for a, b in pairwise(line.places))
            key = gaps, tuple(line.weights), line.unit
            first, times = lines_and_times.get(key, (line, 0))
            lines_and_times[key] = first, times + 1
        maps = [(line.normal_to_atoms_map(), times) for line, times in lines_and_times.values()]

        def bound_squared_distance(slope: arb, is_upper_bound: bool) -> arb:
            bound = (
                LipschitzRegression.upper_bound_squared_distance
                if is_upper_bound
                else LipschitzRegression.lower_bound_squared_distance
            )
            parts = (times * bound(LipschitzRegression(steps, slope)) for steps, times in maps)
            return sum(parts, arb(0))

        return bound_squared_distance

    def costliest_gap(self, slope: Element) -> GapBetweenAtoms:
        """Return the gap with the largest cost. The cost of a gap is its part of the squared
        distance of the atoms from the maps with slopes at most `slope`. A jump is the step of the
        map to the atoms from one atom to the next, and a block is a run of neighbouring jumps. A
        gap reaches from the atom before the first jump of a block to the atom after its last jump.

        Costs that differ by less than a millionth of the sum of all costs count as equal.
        """
        bits = TUNING.precision
        while bits <= TUNING.most_precision:
            with ctx.workprec(bits):
                costs = []
                for axis, line in zip(self.axes, self.lines, strict=True):
                    regression = LipschitzRegression(line.normal_to_atoms_map(), ball(slope))
                    costs += [
                        (regression.block_cost_at_its_value(block), axis, line, block)
                        for block in regression.approximate_best_blocks()
                    ]
                total = sum((cost for cost, *_ in costs), arb(0))
                if all(RELATIVE * cost.rad() <= total for cost, *_ in costs):
                    cost, axis, line, (first, last, _) = max(costs, key=lambda row: row[0].mid())
                    start, stop = (QQ(line.places[j], line.unit) for j in (first, last + 1))
                    mass = QQ(sum(line.weights[first + 1 : last + 1]), sum(line.weights))
                    return GapBetweenAtoms(axis, start, stop, mass, lower(cost / total))
            bits *= 2
        raise PrecisionError(
            f"{TUNING.most_precision} bits do not suffice to find the largest gap between atoms: "
            "the target is too large for this eps; raise eps"
        )


def coordinate_axes(dimension: int) -> list[Axis]:
    """Return the unit vectors of the coordinate axes."""
    return [tuple(QQ(int(i == j)) for j in range(dimension)) for i in range(dimension)]


def rational_frame_near_up_to_sign(direction: Sequence[Element]) -> list[Axis]:
    """Return a rational orthonormal frame whose first axis is parallel to `direction`, up to sign
    and rounding. Its axes are the columns of a Householder matrix.
    """
    scale = QQ(2) ** TUNING.direction_bits / max(map(abs, direction))
    v = [int((x * scale).numerator) // int((x * scale).denominator) for x in direction]
    length = isqrt(sum(x * x for x in v))
    v[0] += length if v[0] >= 0 else -length
    square = sum(x * x for x in v)
    rows = enumerate(v)
    return [
        tuple(QQ(int(i == j)) - QQ(2 * a * b, square) for j, b in enumerate(v)) for i, a in rows
    ]


def project_onto_each_axis_as_atoms(
    law: TargetMeasure,
    components_approximating_law: MixtureComponents,
    axes: list[Axis],
    eps: Element,
) -> ProjectedLaw:
    """Project a law onto each axis of a frame, and approximate each projection by atoms. The
    tolerances are fractions of `eps`.

    A law that is not atomic is quantized: each coordinate by itself if the frame consists of the
    coordinate axes, else the whole law. `components_approximating_law` are its atoms, or the atoms
    of a quantization of the whole law; if they are Gaussians, the law is quantized anew.
    """
    d, tolerance, error = len(axes), eps / TUNING.parts_of_eps, arb(0)
    if axes == coordinate_axes(d) and not isinstance(law, Atoms):
        cells = [quantize_within_tolerance_or_atom_limit(law, tolerance, i) for i in range(d)]
        shapes = {(tuple(one.weights), tuple(np.diff(one.centers[:, 0]))) for one in cells}
        found = [
            _project_atoms_and_merge_bounding_w2(one, (QQ.one,), tolerance, len(shapes))
            for one in cells
        ]
        found = [(line, more + one.error) for (line, more), one in zip(found, cells, strict=True)]
    else:
        components = components_approximating_law
        if components.covariances is not None:
            components = quantize_within_tolerance_or_atom_limit(law, tolerance)
        error = components.error
        found = [
            _project_atoms_and_merge_bounding_w2(components, axis, tolerance, d) for axis in axes
        ]
    square = sum((more * more for _, more in found), arb(0))
    return ProjectedLaw(axes, [line for line, _ in found], error + square.sqrt())


def _project_atoms_and_merge_bounding_w2(
    components: MixtureComponents, axis: Axis, tolerance: Element, lines_sharing_atom_limit: int
) -> tuple[AtomsOnLine, arb]:
    """Project the atoms of a mixture onto an axis, and merge near atoms. Return the merged atoms,
    and an upper bound of their distance W2 from the projected atoms.

    Equal atoms are merged. If many atoms remain, the atoms in each cell of an equidistant grid are
    merged as well. The number of cells is doubled until the distance is within the tolerance, or
    until the atoms reach their limit, which `lines_sharing_atom_limit` lines share equally.
    """
    unit = lcm(*(int(x.denominator) for x in axis))
    column = [int(x.numerator) * (unit // int(x.denominator)) for x in axis]
    places = (components.centers @ np.array(column, dtype=object)).tolist()
    low, width, distinct = min(places), max(places) - min(places) + 1, len(set(places))
    most = max(TUNING.few_atoms, TUNING.most_atoms // lines_sharing_atom_limit)
    cells = min(TUNING.least_atoms, most)
    kept = TUNING.least_atoms if components.error == 0 else cells
    while True:
        are_few = distinct <= max(kept, cells)
        moments_by_cell: dict[int, list[int]] = {}
        for x, w in zip(places, components.weights.tolist(), strict=True):
            cell = x if are_few else (x - low) * cells // width
            sums = moments_by_cell.setdefault(cell, [0, 0, 0])
            for power in range(3):
                sums[power] += w * x**power
        line, square = AtomsOnLine([], [], unit * components.unit), 0
        for _, (w, first, second) in sorted(moments_by_cell.items()):
            x = first // w  # the mean of the cell, rounded down
            line.places.append(x)
            line.weights.append(w)
            square += second - 2 * x * first + x * x * w
        error = ball(QQ(square, components.total_weight * line.unit**2)).sqrt()
        if error <= ball(tolerance) or cells >= most:
            return line, error
        cells *= 2
