"""Probability measures that `exactflow.universal.approximate` takes, and their quantization.

A measure is cut into cells of rational mass, and every cell is replaced by one atom. If X has the
law of the measure and c is the atom of its cell then W2(measure, atoms)^2 <= E|X - c|^2, a sum of
variances of cells. A box with sides s_j in a grid of m_j cells along axis j has the mean square
sum_j s_j^2 / (12 m_j^2); a side may be zero, so an atom is a box.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.coerce import as_rectangle
from exactflow.exact.numbers import elements, flat, format_short, to_index
from exactflow.exact.typing import Element, MatrixLike

__all__ = [
    "Atoms",
    "Boxes",
    "Cells",
    "TargetMeasure",
    "check_count",
    "checkerboard",
    "empirical",
    "least_root",
    "uniform",
]

MOST_ATOMS = 2**20


class Cells(NamedTuple):
    """N atoms on the grid of multiples of 2^-bits.

    `weights` are N elements of QQ, `centers` an N x d array of Python integers, the numerators, and
    `error` encloses a bound of the W2 distance from the measure.
    """

    weights: list
    centers: np.ndarray
    bits: int
    error: arb


@runtime_checkable
class TargetMeasure(Protocol):
    """A measure on R^d with second moments."""

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return atoms within about `tolerance` (an element of QQ) of the measure."""


@dataclass(frozen=True, init=False, repr=False)
class Atoms:
    """Finitely many atoms: the points and weights of a discrete measure.

    Parameters
    ----------
    points : N x d, in any exact form that `factor` takes; no two rows equal.
    weights : N positive rationals whose sum is exactly one; all equal where left out.

    Examples
    --------
    >>> Atoms([[0, 0], [1, "1/3"]], ["1/4", "3/4"])
    <Atoms: 2 in dimension 2>
    """

    points: tuple[tuple, ...]
    weights: tuple

    def __init__(self, points: MatrixLike, weights: Sequence | None = None) -> None:
        matrix = as_rectangle(points)
        if not matrix.domain.is_QQ or 0 in matrix.shape:
            raise InvalidInputError(
                f"expected at least one point with rational coordinates, got {format_short(points)}"
            )
        rows = tuple(map(tuple, matrix.to_dense().to_list()))
        row, times = Counter(rows).most_common(1)[0]
        if times > 1:
            raise InvalidInputError(
                f"expected distinct atoms, got {tuple(map(format_short, row))} {times} times: "
                "merge them and add their weights (empirical(array) does that for a sample)"
            )
        vars(self).update(points=rows, weights=checked_weights(weights, len(rows)))

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return len(self.points[0])

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return the atoms themselves, rounded to the grid."""
        check_count(len(self.points))
        columns = [_rounded(column, bits) for column in zip(*self.points, strict=True)]
        centers = np.array([column for column, _ in columns], dtype=object).T
        exact = all(on_grid for _, on_grid in columns)
        return Cells(list(self.weights), centers, bits, _error(QQ.zero, exact, centers, bits))

    def __repr__(self) -> str:
        return f"<Atoms: {len(self.points)} in dimension {self.dimension}>"


@dataclass(frozen=True, init=False, repr=False)
class Boxes:
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
        pairs = [tuple(flat(box)) for box in flat(boxes)]
        if any(len(pair) != 2 for pair in pairs):
            raise InvalidInputError(f"expected pairs of corners, got {format_short(boxes)}")
        checked = tuple(_corners(lower, upper_) for lower, upper_ in pairs)
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
        share = tolerance * tolerance / self.dimension
        sides = [[b - a for a, b in zip(*box, strict=True)] for box in self.boxes]
        counts = [[least_root(s * s / (12 * share)) for s in row] for row in sides]
        check_count(sum(math.prod(row) for row in counts))
        weights: list[Element] = []
        places: list[tuple[int, ...]] = []
        square, exact = QQ.zero, True
        for mass, (lower, _), row, ms in zip(self.weights, self.boxes, sides, counts, strict=True):
            axes = []
            for a, side, m in zip(lower, row, ms, strict=True):
                axis, on_grid = _rounded([a + side * QQ(2 * j + 1, 2 * m) for j in range(m)], bits)
                axes.append(axis)
                exact &= on_grid
                square += mass * side * side / (12 * m * m)
            places.extend(product(*axes))
            weights.extend([mass / math.prod(ms)] * math.prod(ms))
        centers = np.array(places, dtype=object)
        return Cells(weights, centers, bits, _error(square, exact, centers, bits))

    def __repr__(self) -> str:
        return f"<Boxes: {len(self.boxes)} in dimension {self.dimension}>"


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


def empirical(sample: MatrixLike) -> Atoms:
    """Return the empirical measure of a sample, an (N, d) array; floats are exact dyadics.

    A row that occurs k times is one atom of weight k/N.

    >>> sample = np.array([[0.5, 1.0], [0.0, 0.0], [0.5, 1.0], [2.0, 1.0]])
    >>> empirical(sample).weights == (QQ(1, 2), QQ(1, 4), QQ(1, 4))
    True
    """
    rows = Counter(map(tuple, as_rectangle(sample).to_dense().to_list()))
    total = sum(rows.values())
    return Atoms([list(row) for row in rows], [QQ(count, total) for count in rows.values()])


def _corners(lower: Sequence, upper: Sequence) -> tuple[tuple, tuple]:
    for corner in (*flat(lower), *flat(upper)):
        if isinstance(corner, float) and not math.isfinite(corner):
            raise InvalidInputError(
                f"expected finite corners, got {corner}: a measure without second moment is at "
                "infinite W2 distance from every flow of a Gaussian"
            )
    lower, upper = elements(lower), elements(upper)
    if (
        not lower
        or len(lower) != len(upper)
        or any(a > b for a, b in zip(lower, upper, strict=True))
    ):
        raise InvalidInputError(
            "expected corners lower <= upper with as many coordinates each, got "
            f"{format_short(lower)} and {format_short(upper)}"
        )
    return lower, upper


def checked_weights(weights: Sequence | None, count: int) -> tuple:
    if weights is None:
        return (QQ(1, count),) * count
    checked = elements(weights)
    if len(checked) != count:
        raise InvalidInputError(f"expected {count} weights, one for each, got {len(checked)}")
    for i, weight in enumerate(checked):
        if weight <= 0:
            raise InvalidInputError(
                f"expected positive weights, got {format_short(weight)} at {i}: leave it out"
            )
    total = sum(checked, QQ.zero)
    if total != 1:
        raise InvalidInputError(
            f"expected weights whose sum is exactly 1, got {format_short(total)}: write them as "
            "rationals, as '1/10' (the float 0.1 is another number), or divide by their sum"
        )
    return checked


def check_count(count: int) -> None:
    """Refuse more atoms than can be built."""
    if count > MOST_ATOMS:
        raise InvalidInputError(
            f"expected a tolerance that needs at most {MOST_ATOMS} atoms, got one that needs "
            f"{format_short(count)}: raise eps, which in dimension d takes about (side/eps)^d atoms"
        )


def least_root(q: Element) -> int:
    """Return the least positive integer whose square is at least `q`."""
    ceiling = -(-int(q.numerator) // int(q.denominator))
    return math.isqrt(ceiling - 1) + 1 if ceiling > 1 else 1


def _rounded(values: Sequence, bits: int) -> tuple[list[int], bool]:
    """Return the nearest numerators over 2^bits, and whether every value is on that grid."""
    fractions = [(int(v.numerator) << bits, int(v.denominator)) for v in values]
    return [(2 * n + d) // (2 * d) for n, d in fractions], not any(n % d for n, d in fractions)


def _error(square: Element, exact: bool, centers: np.ndarray, bits: int) -> arb:
    """Return the root of the mean square, plus the half grid step that rounding may have moved."""
    rounding = arb(0) if exact else arb(centers.shape[1]).sqrt() / (arb(2) ** (bits + 1))
    return ball(square).sqrt() + rounding
