"""Mixtures of uniform measures on boxes, among them histograms.

If a side of length s is cut into m equal parts, the quantization error has the mean square
s^2 / (12 m^2). For independent sides the mean squares add up. The length of a side may be zero, so
an atom is a box.
"""

import math
import operator
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import Any

import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.coerce import as_array_if_tensor
from exactflow.exact.numbers import (
    format_short,
    sequence_to_list,
    to_element,
    to_elements,
    to_float,
    to_index,
)
from exactflow.exact.typing import Element
from exactflow.laws.universal.measures import Mixture, as_valid_weights
from exactflow.laws.universal.quantization import (
    Quantization,
    ceil_sqrt_at_least_one,
    check_atom_count,
    mix_products,
    round_points_to_grid,
)

PointPair = tuple[tuple, tuple]  # two opposite corners of a box, or the two ends of a segment


class UniformMixture(Mixture):
    """A mixture of uniform laws, each on a box or a segment.

    `ends` has two opposite corners of each box, or the two ends of each segment.
    """

    ends: tuple[PointPair, ...]

    @abstractmethod
    def factor_box_or_segment_into_sides(
        self, corner_or_end: tuple, opposite: tuple
    ) -> list[PointPair]:
        """Return segments whose product is the box with two given corners, or the segment with two
        given ends.
        """

    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return a quantization by the centers of equal cells of each box, with W2 error at most
        `about_w2_error` before the centers are rounded to multiples of 2^-grid_bits.
        """
        rows = [self.factor_box_or_segment_into_sides(*pair) for pair in self.ends]
        squares = [[_squared_length(*side) for side in row] for row in rows]
        share = (
            about_w2_error * about_w2_error / max(1, *(sum(s > 0 for s in row) for row in squares))
        )
        counts = [[ceil_sqrt_at_least_one(s / (12 * share)) for s in row] for row in squares]
        check_atom_count(sum(map(math.prod, counts)))
        parts = (zip(*pair, strict=True) for pair in zip(rows, counts, strict=True))
        return mix_products(
            self.weights,
            [[_quantize_segment(*side, count, grid_bits) for side, count in row] for row in parts],
        )

    def quantize_coordinate(
        self, coordinate: int, about_w2_error: Element, grid_bits: int
    ) -> Quantization:
        """Quantize one coordinate, whose law is a mixture of uniform laws on intervals."""
        ends = [sorted((a[coordinate], b[coordinate])) for a, b in self.ends]
        return Boxes([([a], [b]) for a, b in ends], self.weights).quantize(
            about_w2_error, grid_bits
        )


@dataclass(frozen=True, init=False, repr=False)
class Boxes(UniformMixture):
    """A mixture of uniform measures on boxes; a box with all sides zero is an atom.

    Parameters
    ----------
    boxes : pairs (lower, upper) of corners, d rationals each, lower <= upper in every coordinate.
    weights : a positive rational for each box, of sum exactly one; by default all equal.

    Examples
    --------
    >>> Boxes([([0, 0], [1, 1]), ([2, 2], [2, 2])], ["1/2", "1/2"])
    <Boxes: 2 in dimension 2>
    """

    ends: tuple[PointPair, ...]
    weights: tuple

    def __init__(self, boxes: Sequence, weights: Sequence | None = None) -> None:
        ends = as_point_pairs("box", "corners", boxes)
        for pair in ends:
            if any(a > b for a, b in zip(*pair, strict=True)):
                raise InvalidInputError(
                    f"expected corners lower <= upper, got {format_short(pair[0])} and "
                    f"{format_short(pair[1])}"
                )
        vars(self).update(
            ends=ends,
            weights=as_valid_weights(weights, len(ends)),
            dimension=len(ends[0][0]),
            is_singular=any(a == b for pair in ends for a, b in zip(*pair, strict=True)),
        )

    def factor_box_or_segment_into_sides(
        self, corner_or_end: tuple, opposite: tuple
    ) -> list[PointPair]:
        """Return, for each coordinate, the side of a box as two points of dimension one."""
        return [((a,), (b,)) for a, b in zip(corner_or_end, opposite, strict=True)]


@dataclass(frozen=True, init=False, repr=False)
class Histogram(Boxes):
    """A law in the plane that is uniform on each bin of a box.

    Parameters
    ----------
    counts : n x m nonnegative rationals, not all zero: row i is the i-th interval of the first
        coordinate, column j the j-th of the second, as in ``numpy.histogram2d``.
    box : the corners (lower, upper) of the box, which is cut into n x m equal bins.

    Raises
    ------
    InvalidInputError
        Negative counts, no positive count, rows of unequal lengths, or a box without area.

    Examples
    --------
    >>> Histogram([[3, 0], [1, 2]], ([0, 0], [1, 1]))
    <Histogram: 3 of 2 x 2 bins>
    """

    shape: tuple[int, int]

    def __init__(self, counts: Sequence | np.ndarray, box: tuple[Sequence, Sequence]) -> None:
        rows = [to_elements(row) for row in sequence_to_list(counts)]
        if len({len(row) for row in rows}) != 1 or not rows[0]:
            raise InvalidInputError(
                f"expected rows of equal length in the counts, got {format_short(counts)}"
            )
        least, total = min(map(min, rows)), sum(map(sum, rows))
        if least < 0 or total == 0:
            raise InvalidInputError(
                "expected counts >= 0, with at least one positive count, got "
                f"{format_short(counts)}"
            )
        corners = [to_elements(corner) for corner in sequence_to_list(box)]
        if [len(x) for x in corners] != [2, 2] or not all(map(operator.lt, *corners)):
            raise InvalidInputError(
                f"expected the corners lower < upper of a box in the plane, got {format_short(box)}"
            )
        shape = len(rows), len(rows[0])
        first, second = (
            [a + (b - a) * QQ(k, count) for k in range(count + 1)]
            for a, b, count in zip(*corners, shape, strict=True)
        )
        bins = product(pairwise(first), pairwise(second))
        found = zip(bins, chain.from_iterable(rows), strict=True)
        kept = [(((a, c), (b, d)), count / total) for ((a, b), (c, d)), count in found if count]
        super().__init__(*zip(*kept, strict=True))
        vars(self).update(shape=shape)

    @classmethod
    def of(cls, samples: Any, *, bins: "int | tuple[int, int]" = 32) -> "Histogram":
        """Return the histogram of samples on the smallest box that contains them.

        A coordinate at the common end of two bins counts in the upper one, without rounding.

        Parameters
        ----------
        samples : an (N, 2) array, or tensor, of finite numbers.
        bins : the number of intervals of each coordinate, or a pair of numbers.

        >>> Histogram.of(np.random.default_rng(0).normal(size=(500, 2)), bins=4)
        <Histogram: 13 of 4 x 4 bins>
        """
        points = _as_real_float64_array(samples)
        if points.ndim != 2 or points.shape[1] != 2:
            raise InvalidInputError(f"expected samples of shape (N, 2), got shape {points.shape}")
        if not np.isfinite(points).all():
            raise InvalidInputError(
                "expected finite samples, got infinity or NaN: remove the rows that contain them"
            )
        pair = bins if isinstance(bins, tuple | list) else (bins, bins)
        if len(pair) != 2:
            raise InvalidInputError(
                f"expected bins to be an integer or a pair of integers, got {bins!r}"
            )
        n, m = (to_index("bins", count, 1) for count in pair)
        check_atom_count(n * m)
        ends = [(min(column), max(column)) for column in points.T.tolist() if column]
        for i, (low, high) in enumerate(ends or [(0, 0)]):
            if low == high:
                raise InvalidInputError(
                    f"expected samples with at least two different values of coordinate {i}, got "
                    f"{'one' if ends else 'none'}: add samples, since the smallest box around "
                    "these has no area"
                )
        lower, upper = zip(*ends, strict=True)
        rows, columns = (
            np.searchsorted(
                _least_floats_of_all_bins_but_the_first(low, high, count), column, "right"
            )
            for (low, high), count, column in zip(ends, (n, m), points.T, strict=True)
        )
        counts = np.bincount(rows * m + columns, minlength=n * m).reshape(n, m)
        return cls(counts, (lower, upper))

    def __repr__(self) -> str:
        n, m = self.shape
        return f"<Histogram: {len(self.weights)} of {n} x {m} bins>"


def _least_floats_of_all_bins_but_the_first(low: float, high: float, count: int) -> list[float]:
    """Return the least float64 in each of `count` equal bins of an interval, except the first bin.

    So floats are compared exactly with the ends of the bins, which may be no floats.
    """
    start, width = to_element(low), (to_element(high) - to_element(low)) / count
    ends = (start + k * width for k in range(1, count))
    near = ((end, to_float(end)) for end in ends)
    return [x if to_element(x) >= end else math.nextafter(x, math.inf) for end, x in near]


def _as_real_float64_array(samples: Any) -> np.ndarray:
    """Return samples as a float64 array; raise `InvalidInputError` unless they are real numbers."""
    found = as_array_if_tensor(samples)
    try:
        if not (np.iscomplexobj(found) or np.ma.is_masked(found)):
            return np.asarray(found, dtype=float)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InvalidInputError(
        f"expected samples to be an (N, 2) array of real numbers, got {format_short(samples)}"
    )


def uniform(lower: Sequence, upper: Sequence) -> Boxes:
    """Return the uniform measure on a box with the given corners."""
    return Boxes([(lower, upper)])


def checkerboard(*, size: int = 4, dimension: int = 2) -> Boxes:
    """Return the uniform measure on every second unit cell of a cube, as on a checkerboard.

    The cube is [-size/2, size/2]^dimension. The cell in its lowest corner has mass.

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


def as_point_pairs(shape_name: str, points_name: str, pairs: Sequence) -> tuple[PointPair, ...]:
    """Return pairs of points as tuples of elements of QQ; raise `InvalidInputError` if there are
    no pairs, or if a coordinate is not finite, or if the points differ in dimension.

    `shape_name` and `points_name` are words for error messages, such as "box" and "corners".
    """
    found = []
    for pair in sequence_to_list(pairs):
        ends = tuple(sequence_to_list(pair))
        if len(ends) != 2:
            raise InvalidInputError(f"expected pairs of {points_name}, got {format_short(pair)}")
        for x in (x for end in ends for x in sequence_to_list(end)):
            if isinstance(x, float) and not math.isfinite(x):
                raise InvalidInputError(
                    f"expected finite {points_name}, got {x}: a measure without second moment has "
                    "an infinite W2 distance from every flow of a Gaussian"
                )
        start, end = map(to_elements, ends)
        if not start or len(start) != len(end):
            raise InvalidInputError(
                f"expected {points_name} with equal numbers of coordinates, got "
                f"{format_short(pair)}"
            )
        found.append((start, end))
    if len({len(start) for start, _ in found}) != 1:
        raise InvalidInputError(
            f"expected at least one {shape_name}, all of equal dimension, got {format_short(pairs)}"
        )
    return tuple(found)


def _squared_length(start: tuple, end: tuple) -> Element:
    """Return the squared length of the segment between two points."""
    return sum(((b - a) ** 2 for a, b in zip(start, end, strict=True)), QQ.zero)


def _quantize_segment(start: tuple, end: tuple, count: int, grid_bits: int) -> Quantization:
    """Return a quantization of the uniform law on a segment, by centers of `count` equal parts."""
    middles = [QQ(2 * j + 1, 2 * count) for j in range(count)]
    places = [[a + t * (b - a) for a, b in zip(start, end, strict=True)] for t in middles]
    error = (ball(_squared_length(start, end)) / 12).sqrt() / count
    return round_points_to_grid([QQ(1, count)] * count, places, error, grid_bits)
