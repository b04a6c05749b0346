"""Uniform measures on boxes and segments, and mixtures of them.

A side of length s in m equal parts has the mean square s^2 / (12 m^2), and independent sides add
up; a side may be zero, so an atom is a box.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.numbers import elements, flat, format_short, to_index
from exactflow.exact.typing import Element
from exactflow.universal.cells import Cells, check_count, least_root, mixture, on_grid
from exactflow.universal.measures import TargetMeasure, checked_weights

__all__ = ["Boxes", "Segments", "checkerboard", "uniform"]


@dataclass(frozen=True, init=False, repr=False)
class Boxes(TargetMeasure):
    """A mixture of uniform measures on boxes; a box with all sides zero is an atom.

    Parameters
    ----------
    boxes : pairs (lower, upper) of corners, d rationals each, lower <= upper in every coordinate.
    weights : one positive rational for each box, of sum exactly one; equal where left out.

    Examples
    --------
    >>> Boxes([([0, 0], [1, 1]), ([2, 2], [2, 2])], ["1/2", "1/2"])
    <Boxes: 2 in dimension 2>
    """

    boxes: tuple[tuple[tuple, tuple], ...]
    weights: tuple

    def __init__(self, boxes: Sequence, weights: Sequence | None = None) -> None:
        checked = tuple(_pair("corners", box) for box in flat(boxes))
        for pair in checked:
            if any(a > b for a, b in zip(*pair, strict=True)):
                raise InvalidInputError(
                    f"expected corners lower <= upper, got {format_short(pair[0])} and "
                    f"{format_short(pair[1])}"
                )
        if not checked or len({len(lower) for lower, _ in checked}) > 1:
            raise InvalidInputError(
                f"expected at least one box, all of one dimension, got {format_short(boxes)}"
            )
        vars(self).update(boxes=checked, weights=checked_weights(weights, len(checked)))

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return len(self.boxes[0][0])

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return the centers of a grid in every box, as fine as the tolerance asks."""
        sides = [[b - a for a, b in zip(*box, strict=True)] for box in self.boxes]
        longest = max(sum(side > 0 for side in row) for row in sides)
        share = tolerance * tolerance / max(1, longest)
        counts = [[least_root(s * s / (12 * share)) for s in row] for row in sides]
        check_count(sum(math.prod(row) for row in counts))
        rows = [
            [_interval(a, side, m, bits) for a, side, m in zip(lower, row, ms, strict=True)]
            for (lower, _), row, ms in zip(self.boxes, sides, counts, strict=True)
        ]
        return mixture(self.weights, rows)

    def coordinate(self, i: int, tolerance: Element, bits: int) -> Cells:
        """Return cells of the law of coordinate i, a mixture of uniform laws on intervals."""
        return Boxes([([a[i]], [b[i]]) for a, b in self.boxes], self.weights).cells(tolerance, bits)

    def slab(self, i: int, radius: arb) -> arb:
        """Return the mean of 2 radius / side, where that is less than one."""
        bounds = (2 * radius / ball(b[i] - a[i]) for a, b in self.boxes)
        pairs = zip(self.weights, bounds, strict=True)
        return sum((ball(w) * bound.min(arb(1)) for w, bound in pairs), arb(0))

    @property
    def is_singular(self) -> bool:
        """Whether a side is zero."""
        return any(x == y for lower, upper in self.boxes for x, y in zip(lower, upper, strict=True))

    def __repr__(self) -> str:
        return f"<Boxes: {len(self.boxes)} in dimension {self.dimension}>"


@dataclass(frozen=True, init=False, repr=False)
class Segments(TargetMeasure):
    """A mixture of uniform measures on segments, in d >= 2 coordinates.

    Parameters
    ----------
    segments : pairs of different end points, d rationals each.
    weights : one positive rational for each segment, of sum exactly one; equal where left out.

    Examples
    --------
    >>> Segments([([0, 0, 0, 0], [1, 1, 0, 0]), ([1, 1, 0, 0], [1, 1, 1, 2])])
    <Segments: 2 in dimension 4>
    """

    segments: tuple[tuple[tuple, tuple], ...]
    weights: tuple

    def __init__(self, segments: Sequence, weights: Sequence | None = None) -> None:
        pairs = tuple(_pair("end points", segment) for segment in flat(segments))
        sizes = {len(end) for pair in pairs for end in pair}
        if len(sizes) != 1 or min(sizes) < 2 or any(a == b for a, b in pairs):
            raise InvalidInputError(
                "expected at least one segment, of different end points with as many coordinates, "
                f"two or more, got {format_short(segments)}"
            )
        vars(self).update(segments=pairs, weights=checked_weights(weights, len(pairs)))

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return len(self.segments[0][0])

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return the centers of equal parts of every segment."""
        rows = []
        for start, end in self.segments:
            steps = [y - x for x, y in zip(start, end, strict=True)]
            square = sum((s * s for s in steps), QQ.zero)
            m = least_root(square / (12 * tolerance * tolerance))
            check_count(m)
            middles = [QQ(2 * j + 1, 2 * m) for j in range(m)]
            points = [[x + t * s for x, s in zip(start, steps, strict=True)] for t in middles]
            rows.append([on_grid([QQ(1, m)] * m, points, (ball(square) / 12).sqrt() / m, bits)])
        return mixture(self.weights, rows)

    def coordinate(self, i: int, tolerance: Element, bits: int) -> Cells:
        """Return cells of the law of coordinate i, a mixture of uniform laws on intervals."""
        ends = [sorted((a[i], b[i])) for a, b in self.segments]
        return Boxes([([a], [b]) for a, b in ends], self.weights).cells(tolerance, bits)

    @property
    def is_singular(self) -> bool:
        """Whether some set of volume zero has mass: all of these."""
        return True

    def __repr__(self) -> str:
        return f"<Segments: {len(self.segments)} in dimension {self.dimension}>"


def uniform(lower: Sequence, upper: Sequence) -> Boxes:
    """Return the uniform measure on a box with the given corners."""
    return Boxes([(lower, upper)])


def checkerboard(size: int = 4, dimension: int = 2) -> Boxes:
    """Return the uniform measure on every other unit cell of the cube [-size/2, size/2]^d.

    >>> checkerboard()
    <Boxes: 8 in dimension 2>
    """
    size, dimension = to_index("size", size, 2), to_index("dimension", dimension, 1)
    half = QQ(size, 2)
    return Boxes(
        [
            ([i - half for i in cell], [i + 1 - half for i in cell])
            for cell in product(range(size), repeat=dimension)
            if sum(cell) % 2 == 0
        ]
    )


def _pair(name: str, pair: Sequence) -> tuple[tuple, tuple]:
    """Return two points of finite rational coordinates, as many of each."""
    ends = tuple(flat(pair))
    if len(ends) != 2:
        raise InvalidInputError(f"expected pairs of {name}, got {format_short(pair)}")
    for x in (x for end in ends for x in flat(end)):
        if isinstance(x, float) and not math.isfinite(x):
            raise InvalidInputError(
                f"expected finite {name}, got {x}: a measure without second moment is at infinite "
                "W2 distance from every flow of a Gaussian"
            )
    start, end = map(elements, ends)
    if not start or len(start) != len(end):
        raise InvalidInputError(
            f"expected {name} with as many coordinates each, got {format_short(pair)}"
        )
    return start, end


def _interval(start: Element, side: Element, count: int, bits: int) -> Cells:
    """Return the centers of equal parts of an interval."""
    places = [[start + side * QQ(2 * j + 1, 2 * count)] for j in range(count)]
    error = ball(side) / (arb(12).sqrt() * count) if side else arb(0)
    return on_grid([QQ(1, count)] * count, places, error, bits)
