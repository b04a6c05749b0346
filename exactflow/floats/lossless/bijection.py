"""A bijection of integer vectors made of integer couplings, certified to be near a matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
import sympy

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_up
from exactflow.exact.typing import HALVES
from exactflow.floats.lossless.integer_coupling import IntegerCoupling
from exactflow.flows.base import refusing_points
from exactflow.flows.evidence import Evidence
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept
from exactflow.flows.result import MapResult

IntegerVectorOrColumns: TypeAlias = np.ndarray
"""An array of any integer dtype: one vector, or a matrix whose columns are vectors."""


COLUMNS = 1024
"""The number of columns that are mapped at once, so that they stay in the cache."""


@dataclass(frozen=True)
class DistanceBound:
    """A certified upper bound of the distance between the output for x and W x, in steps of the
    output grid.

    Attributes
    ----------
    rounding : for each coordinate, the part that the rounding in the layers causes.
    shifts : for each coordinate, the part that the rounding of the shifts and of the step causes,
        for inputs within the limit.
    """

    rounding: tuple[sympy.Rational, ...]
    shifts: tuple[sympy.Rational, ...]

    @property
    def by_coordinate(self) -> tuple[sympy.Rational, ...]:
        """The bound for each coordinate: `rounding` plus `shifts`."""
        return tuple(r + s for r, s in zip(self.rounding, self.shifts, strict=True))

    @property
    def largest(self) -> sympy.Rational:
        """The largest of the bounds of all coordinates."""
        return max(self.by_coordinate)

    def __str__(self) -> str:
        bounds = self.largest, max(self.rounding), max(self.shifts)
        return "{} (rounding {}, shifts {})".format(*(format_up(bound, 3) for bound in bounds))


@dataclass(frozen=True, eq=False, repr=False)
class Lossless(MapResult):
    """A bijection of integer vectors near a matrix W. It gives the same bits on every machine.

    The output y of `forward` is in units of `step`: ``step * y`` is within ``step * bound`` of W x.

    Attributes
    ----------
    layers : `IntegerCoupling` values in order of application.
    step : the rational spacing of the output grid if the spacing of the input grid is 1. It is
        |det W|^(1/d), or the nearest number with 53 bits if the root is irrational or costly to
        find; but 1 if this number is within 2^-48 of 1, as for a rotation in floats.
    bound : a certified bound of the distance between y and W x / step, for inputs up to the limit.
    error : the largest absolute entry of W - Q, an exact rational, for the matrix Q of `flow`.
    bits : shifts are multiples of 2^-bits.
    limit : the largest absolute value that an entry of an input may have.
    largest : a certified bound of the absolute values of an output's entries, for inputs up to the
        limit.
    order : the coordinates in the order of the halves: the first half, then the second.
    flips : the coordinates of the input that are negated before the first layer.
    """

    layers: tuple[IntegerCoupling, ...]
    partition: tuple[int, int]
    step: sympy.Rational
    bound: DistanceBound
    error: sympy.Rational
    bits: int
    limit: int
    largest: int
    order: tuple[int, ...]
    flips: tuple[int, ...] = ()
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @cached_property
    def flow(self) -> CouplingFlow:
        """The linear flow near W: the layers without rounding, then a scaling by the step."""
        p, q = self.partition
        layers = [FloatCoupling(layer.moves, layer.float_shift).exact() for layer in self.layers]
        for moves, sizes in zip(HALVES, ((p, q), (q, p)), strict=True):
            scale = [self.step] * sizes[0]
            layers.append(LinearCoupling(self.partition, moves, sympy.zeros(*sizes), scale))
        return CouplingFlow(layers, flips=self.flips, method="lossless", order=self.order)

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of the map from x to step * y, where y is the image of x.

        It is exactly d log(step), since a bijection of integer vectors preserves volumes.
        """
        return self.dimension * sympy.log(self.step)

    def forward(self, x: IntegerVectorOrColumns) -> IntegerVectorOrColumns:
        """Return the image of `x`, in the dtype of `x`. `x` is a vector of d integers, or a matrix
        whose columns are such vectors.

        Raises
        ------
        InvalidInputError
            `x` is no array of integers, has a wrong shape or an entry beyond `limit`, or its dtype
            cannot represent the image; no value is wrapped around.

        Examples
        --------
        >>> from exactflow.floats.lossless import lossless
        >>> turn = lossless([[0, -2], [2, 0]])
        >>> y = turn.forward(np.array([[100, 0, -7], [0, 100, 3]], dtype=np.int8))
        >>> y, turn.step
        (array([[   0, -100,   -3],
               [ 100,    0,   -7]], dtype=int8), 2)
        >>> turn.backward(y)
        array([[100,   0,  -7],
               [  0, 100,   3]], dtype=int8)
        """
        x = self._require_integer_vector_or_columns(x)
        if (beyond := _extreme_value_out_of_range(x, -self.limit, self.limit)) is not None:
            raise InvalidInputError(
                f"expected inputs |x| <= {self.limit}, got {beyond}: scale the input down, or "
                "pass a larger limit=.. to lossless"
            )
        return self._map_in_float64_blocks(x, self._run_forward_in_place)

    def backward(self, y: IntegerVectorOrColumns) -> IntegerVectorOrColumns:
        """Return the preimage of `y`, in the dtype of `y`. `y` is a vector of d integers, or a
        matrix whose columns are such vectors.

        Each vector must be the image of an input within `limit`.

        Raises
        ------
        InvalidInputError
            `y` is no array of integers, has a wrong shape, or is not the image of an input up to
            `limit`, or its dtype cannot represent the preimage.
        """
        y = self._require_integer_vector_or_columns(y)
        self._check_absolute_values_of_image(y, self.largest)
        return self._map_in_float64_blocks(y, self._run_backward_in_place)

    @refusing_points
    def inverse(self) -> "LosslessInverse":
        """Return the inverse map. Its `forward` is the `backward` of this map."""
        return LosslessInverse(self)

    def _require_integer_vector_or_columns(self, x: Any) -> IntegerVectorOrColumns:
        """Return `x` as an array, in its own dtype and shape; raise `InvalidInputError` unless it
        is a vector of d integers or has d rows of integers.
        """
        rows = x if isinstance(x, list | tuple) else ()
        if np.ma.is_masked(x) or any(map(np.ma.is_masked, rows)):
            raise InvalidInputError(
                "expected a number in each entry, got masked entries: fill them with values"
            )
        try:
            x = np.asarray(x)
        except ValueError:
            raise InvalidInputError(
                "expected a matrix of integers, got rows of different lengths"
            ) from None
        if x.dtype.kind not in "iu":
            raise InvalidInputError(
                f"expected integers (int8 to int64), got {x.dtype}: round first, as in "
                "numpy.rint(x / h).astype(numpy.int64), where h is the spacing of the grid"
            )
        if x.ndim not in (1, 2) or len(x) != self.dimension:
            raise InvalidInputError(
                f"expected {self.dimension} rows, one for each coordinate, and a column for each "
                f"vector, got shape {x.shape}"
            )
        return x

    def _map_in_float64_blocks(self, x: np.ndarray, run_in_place: Callable) -> np.ndarray:
        """Apply `run_in_place` to blocks of columns of `x` in float64, and return their image in
        the dtype of `x`. Raises `InvalidInputError` if this dtype cannot hold the image.
        """
        columns = x.reshape(len(x), -1)
        image = np.empty_like(columns, order="C")
        order, held = list(self.order), np.iinfo(x.dtype)
        for start in range(0, columns.shape[1], COLUMNS):
            block = slice(start, start + COLUMNS)
            values = columns[order, block].astype(float)
            run_in_place(values)
            if (beyond := _extreme_value_out_of_range(values, held.min, held.max)) is not None:
                raise InvalidInputError(
                    f"the result {beyond} does not fit the input's dtype {held.dtype}: convert the "
                    "input to a longer type, as in x.astype(numpy.int32)"
                )
            image[order, block] = values
        return image.reshape(x.shape)

    def _run_forward_in_place(self, columns: np.ndarray) -> None:
        halves = columns[: self.partition[0]], columns[self.partition[0] :]
        columns[[self.order.index(i) for i in self.flips]] *= -1
        for layer in self.layers:
            moved, kept = moved_and_kept(layer.moves, halves)
            moved += layer.rounded_shift(kept)

    def _run_backward_in_place(self, columns: np.ndarray) -> None:
        halves = columns[: self.partition[0]], columns[self.partition[0] :]
        for layer in reversed(self.layers):
            moved, kept = moved_and_kept(layer.moves, halves)
            self._check_absolute_values_of_image(kept, layer.largest_exact_input)
            moved -= layer.rounded_shift(kept)
        self._check_absolute_values_of_image(columns, self.limit)
        columns[[self.order.index(i) for i in self.flips]] *= -1

    def _check_absolute_values_of_image(self, values: np.ndarray, largest: int) -> None:
        """Raise `InvalidInputError` if the absolute value of an entry is above `largest`."""
        if _extreme_value_out_of_range(values, -largest, largest) is not None:
            raise InvalidInputError(
                f"expected the image of an input |x| <= {self.limit}, got a vector that is the "
                "image of no such input: pass values that forward returned"
            )

    def __str__(self) -> str:
        return (
            f"{len(self.layers)} layers of integers on halves {self.partition}, shifts in units of "
            f"2^-{self.bits}, step {float(self.step):.6g}: a bijection; for inputs within "
            f"{self.limit}, certified within {self.bound} steps of the matrix"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LosslessInverse(MapResult):
    """The inverse of a lossless map. It returns the exact input for each image of the map.

    >>> from exactflow.floats.lossless import lossless
    >>> back = lossless([[0, -2], [2, 0]]).inverse()
    >>> back.forward([-3, 100]), back.backward([100, 3])
    (array([100,   3]), array([ -3, 100]))
    """

    map: Lossless
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def layers(self) -> tuple[IntegerCoupling, ...]:  # type: ignore[override]
        """The layers of `map` in reverse order; `forward` subtracts the shifts of these layers."""
        return self.map.layers[::-1]

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.map.partition

    @cached_property
    def flow(self) -> CouplingFlow:
        """The exact inverse of the linear flow of `map`; its matrix is near W^-1."""
        return self.map.flow.inverse()

    def forward(self, y: IntegerVectorOrColumns) -> IntegerVectorOrColumns:
        """Return the preimage of `y` under `map`, as `Lossless.backward` does."""
        return self.map.backward(y)

    def backward(self, x: IntegerVectorOrColumns) -> IntegerVectorOrColumns:
        """Return the image of `x` under `map`, as `Lossless.forward` does."""
        return self.map.forward(x)

    @refusing_points
    def inverse(self) -> Lossless:
        """Return the original map."""
        return self.map

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of the map from step * y to x, exactly."""
        return -self.map.log_abs_det()

    def __str__(self) -> str:
        return f"the inverse of {self.map}"


def _extreme_value_out_of_range(values: np.ndarray, least: int, most: int) -> int | None:
    """Return a value that is not in the range from `least` to `most`: the largest value, or else
    the least. Return None if all values are in the range.
    """
    ends = (int(values.max()), int(values.min())) if values.size else ()
    return next((x for x in ends if not least <= x <= most), None)
