"""Target measures of `exactflow.laws.universal.approximate`: their interface, atoms and products.

Their quantization is explained in `exactflow.laws.universal.quantization`.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_rectangular_matrix, is_array, is_torch_tensor
from exactflow.exact.numbers import (
    format_short,
    sequence_to_list,
    sqrt_to_128_bits,
    to_element,
    to_elements,
    to_fraction,
    to_index,
)
from exactflow.exact.typing import Element, MatrixLike
from exactflow.flows.partition import as_partition
from exactflow.laws.universal.quantization import Quantization, mix_products, round_points_to_grid

PointsLike: TypeAlias = MatrixLike
"""The points of a sample, the rows of an (N, d) array."""

MOST_DRAWS = 2**25  # the most random numbers in one call, which take a quarter of a gigabyte
FEW = 8  # the most factors whose dimensions a repr shows


class TargetMeasure(ABC):
    """A measure on R^d with second moments.

    Attributes
    ----------
    dimension : the number d of coordinates.
    is_singular : whether a set of volume zero has positive mass.
    """

    dimension: int
    is_singular: bool = False

    @abstractmethod
    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return atoms at multiples of 2^-grid_bits.

        The W2 distance of the atoms from the measure is about `about_w2_error` or less; the `error`
        of the result is a proved upper bound of this distance.
        """

    def quantize_coordinate(
        self, coordinate: int, about_w2_error: Element, grid_bits: int
    ) -> Quantization:
        """Return a quantization of one coordinate, given by its index.

        The other arguments are those of `quantize`.
        """
        return self.quantize(about_w2_error, grid_bits).marginal(coordinate)


class Mixture(TargetMeasure):
    """A mixture of measures of one kind, with weights."""

    weights: tuple

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.weights)} in dimension {self.dimension}>"


@dataclass(frozen=True, init=False, repr=False)
class Atoms(Mixture):
    """Finitely many atoms: the points and weights of a discrete measure.

    Parameters
    ----------
    points : an N x d matrix in any exact form that `factor` takes, with distinct rows.
    weights : N positive rationals whose sum is exactly one; by default all equal.

    Examples
    --------
    >>> Atoms([[0, 0], [1, "1/3"]], ["1/4", "3/4"])
    <Atoms: 2 in dimension 2>
    """

    points: tuple[tuple, ...]
    weights: tuple
    is_singular = True

    def __init__(self, points: MatrixLike, weights: Sequence | None = None) -> None:
        rows = _as_rational_points(points)
        row, times = Counter(rows).most_common(1)[0]
        if times > 1:
            raise InvalidInputError(
                f"expected distinct atoms, got {tuple(map(format_short, row))} {times} times: "
                "merge them and add their weights (empirical_measure(array) does that for a sample)"
            )
        weights = as_valid_weights(weights, len(rows))
        vars(self).update(points=rows, weights=weights, dimension=len(rows[0]))

    def quantize(self, unused_w2_error: Element, grid_bits: int) -> Quantization:
        """Return the atoms, rounded to multiples of 2^-grid_bits, whatever `unused_w2_error` is."""
        return round_points_to_grid(list(self.weights), self.points, arb(0), grid_bits)


@dataclass(frozen=True, init=False, repr=False)
class Product(TargetMeasure):
    """The law of independent blocks of coordinates.

    Parameters
    ----------
    factors : the laws of the blocks, in order, at least one.

    Examples
    --------
    >>> from exactflow.laws.universal import GaussianMixture
    >>> Product([GaussianMixture([-1, 1], "1/2"), Atoms([[0, 0]])])
    <Product: dimension 3 = 1 + 2>
    """

    factors: tuple[TargetMeasure, ...]

    def __init__(self, factors: Sequence) -> None:
        factors = tuple(sequence_to_list(factors))
        for factor in factors:
            if not isinstance(factor, TargetMeasure):
                raise InvalidInputError(
                    f"expected factors that are measures, got {type(factor).__name__}"
                )
        if not factors:
            raise InvalidInputError("expected at least one factor, got none")
        vars(self).update(
            factors=factors,
            dimension=sum(factor.dimension for factor in factors),
            is_singular=any(factor.is_singular for factor in factors),
        )

    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return the product of quantizations of the factors.

        The factors share the square of `about_w2_error` in the ratio of their dimensions; factors
        that are `Atoms` do not count, because they need no error.
        """
        sizes = [0 if isinstance(factor, Atoms) else factor.dimension for factor in self.factors]
        square, total = to_fraction(about_w2_error * about_w2_error), max(1, sum(sizes))
        shares = [sqrt_to_128_bits(square * max(1, size) / total) for size in sizes]
        parts = zip(self.factors, map(to_element, shares), strict=True)
        return mix_products(
            [QQ.one], [[factor.quantize(share, grid_bits) for factor, share in parts]]
        )

    def quantize_coordinate(
        self, coordinate: int, about_w2_error: Element, grid_bits: int
    ) -> Quantization:
        """Return a quantization of one coordinate, given by its index in the product."""
        owners = [(factor, j) for factor in self.factors for j in range(factor.dimension)]
        factor, place = owners[coordinate]
        return factor.quantize_coordinate(place, about_w2_error, grid_bits)

    def __repr__(self) -> str:
        sizes = [str(factor.dimension) for factor in self.factors[:FEW]]
        rest = [f".. ({len(self.factors)} factors)"] * (len(self.factors) > FEW)
        return f"<Product: dimension {self.dimension} = {' + '.join(sizes + rest)}>"


def as_measure_zero_padded_to_plane(target: "TargetMeasure | PointsLike") -> TargetMeasure:
    """Return a target as a measure; a law on the line gets a second coordinate, which is zero.

    An array, a tensor or nested lists are taken as a sample. Raises `InvalidInputError` for any
    other target that is not a measure.
    """
    if is_array_tensor_or_sequence(target):
        target = empirical_measure(target)
    if not isinstance(target, TargetMeasure):
        raise InvalidInputError(
            "expected a measure with second moments, such as uniform, checkerboard, Boxes, Atoms, "
            "GaussianMixture, a Product of these, or an (N, d) array, tensor or list, got "
            f"{type(target).__name__}"
        )
    return Product([target, Atoms([[0]])]) if target.dimension == 1 else target


def is_array_tensor_or_sequence(target: object) -> bool:
    """Whether a target is an array, a tensor, a list or a tuple, which are read as samples."""
    return is_array(target) or is_torch_tensor(target) or isinstance(target, list | tuple)


def resolve_halves(measure: TargetMeasure, partition: tuple[int, int] | None) -> tuple[int, int]:
    """Return the sizes of the halves, which are by default equal or differ by 1.

    Raises `InvalidInputError` unless the sizes add up to the dimension of the measure.
    """
    d = measure.dimension
    halves = as_partition((d // 2, d - d // 2) if partition is None else partition)
    if sum(halves) != d:
        raise InvalidInputError(f"expected a partition into two sizes with sum {d}, got {halves}")
    return halves


def empirical_measure(sample: PointsLike) -> Atoms:
    """Return the empirical measure of a sample, an (N, d) array, whose floats are taken exactly.

    A row that occurs k times is an atom of weight k/N.

    >>> import numpy as np
    >>> sample = np.array([[0.5, 1.0], [0.0, 0.0], [0.5, 1.0], [2.0, 1.0]])
    >>> empirical_measure(sample).weights == (QQ(1, 2), QQ(1, 4), QQ(1, 4))
    True
    """
    rows = Counter(_as_rational_points(sample))
    total = sum(rows.values())
    return Atoms([list(row) for row in rows], [QQ(count, total) for count in rows.values()])


def _as_rational_points(points: PointsLike) -> tuple[tuple, ...]:
    """Return the rows of a matrix of points; raise `InvalidInputError` if there are none, or if a
    coordinate is not rational.
    """
    matrix = as_rectangular_matrix(points)
    if not matrix.domain.is_QQ or 0 in matrix.shape:
        raise InvalidInputError(
            "expected at least one point, all with rational coordinates, got "
            f"{format_short(points)}"
        )
    return tuple(map(tuple, matrix.to_dense().to_list()))


def draw_normal_columns(dimension: int, count: int, seed: int) -> np.ndarray:
    """Return `count` draws from N(0, I) as the columns of an array."""
    columns, checked = to_index("count", count, 0, MOST_DRAWS // dimension), to_index("seed", seed)
    return np.random.default_rng(checked).standard_normal((dimension, columns))


def as_valid_weights(weights: Sequence | None, count: int) -> tuple:
    """Return weights as elements of QQ, each 1/count if `weights` is None; raise
    `InvalidInputError` unless there are `count` weights, all positive, with sum 1.
    """
    if weights is None:
        return (QQ(1, count),) * count
    checked = to_elements(weights)
    if len(checked) != count:
        raise InvalidInputError(
            f"expected {count} weights, one for each atom or component, got {len(checked)}"
        )
    for i, weight in enumerate(checked):
        if weight <= 0:
            raise InvalidInputError(
                f"expected positive weights, got {format_short(weight)} at index {i}: omit this "
                "weight, and the atom or component that it belongs to"
            )
    total = sum(checked, QQ.zero)
    if total != 1:
        raise InvalidInputError(
            f"expected weights whose sum is exactly 1, got {format_short(total)}: write them as "
            "rationals, such as '1/10' (the float 0.1 is another number), or divide by their sum"
        )
    return checked
