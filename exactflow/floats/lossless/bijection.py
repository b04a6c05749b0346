"""A bijection of integer vectors, both ways: layers of integers, certified near a matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import sympy

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_up
from exactflow.exact.typing import HALVES
from exactflow.floats.lossless.integer_coupling import IntegerCoupling
from exactflow.flows.evidence import Evidence
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.result import MapResult

COLUMNS = 1024
"""How many columns are worked on at once: they stay in the cache from layer to layer."""


@dataclass(frozen=True)
class DistanceBound:
    """The certified largest distance of an output to W x, in units of the output grid.

    Attributes
    ----------
    rounding : for each coordinate, the share of the layers' rounding.
    shifts : for each coordinate, the share of shifts and step that are not those of W exactly,
        for inputs up to the limit.
    """

    rounding: tuple[sympy.Rational, ...]
    shifts: tuple[sympy.Rational, ...]

    @property
    def coordinates(self) -> tuple[sympy.Rational, ...]:
        """The bound for each coordinate."""
        return tuple(r + s for r, s in zip(self.rounding, self.shifts, strict=True))

    @property
    def largest(self) -> sympy.Rational:
        """The bound for all coordinates."""
        return max(self.coordinates)

    def __str__(self) -> str:
        bounds = self.largest, max(self.rounding), max(self.shifts)
        return "{} (rounding {}, shifts {})".format(*(format_up(bound, 3) for bound in bounds))


@dataclass(frozen=True, eq=False, repr=False)
class Lossless(MapResult):
    """A bijection of integer vectors that is near a matrix W, to the last bit the same everywhere.

    The output y of `forward` counts steps: ``step * y`` is near W x, within ``step * bound``.

    Attributes
    ----------
    layers : `IntegerCoupling` values in the order in which data meets them.
    step : the grid of the output, in units of the grid of the input, a rational: |det W|^(1/d) or,
        where that is irrational or costly to find, the number of 53 bits nearest to it; but 1
        within 2^-48 of 1, as for a rotation in floats.
    bound : the certified largest distance between y and W x / step, for inputs up to the limit.
    error : the largest absolute entry of W - Q, an exact rational, for the matrix Q of `flow`.
    bits : shifts are multiples of 2^-bits.
    limit : the largest absolute value of an input's entry.
    largest : the certified largest absolute value of an output's entry, of such inputs.
    order, flips : the coordinates in the order of the halves, and those, of the input, that are
        negated before the first layer.
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
        """The layers without rounding, then one scaling of each half by the step: near W."""
        p, q = self.partition
        layers = [FloatCoupling(layer.moves, layer.weight).exact() for layer in self.layers]
        for moves, sizes in zip(HALVES, ((p, q), (q, p)), strict=True):
            scale = [self.step] * sizes[0]
            layers.append(LinearCoupling(self.partition, moves, sympy.zeros(*sizes), scale))
        return CouplingFlow(layers, flips=self.flips, method="lossless", order=self.order)

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of x -> step * y, exactly: d log(step); a bijection of integers
        leaves volumes alone.
        """
        return self.dimension * sympy.log(self.step)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of d integers, or of each column, in the dtype of `x`.

        Raises
        ------
        InvalidInputError
            No array of integers, a wrong shape, an entry beyond `limit`, or an image that the
            dtype does not hold; nothing is ever wrapped.

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
        x = self._columns(x)
        if (beyond := _beyond(x, -self.limit, self.limit)) is not None:
            raise InvalidInputError(
                f"expected inputs within {self.limit}, got {abs(beyond)}: "
                "scale the input down, or give lossless a larger limit"
            )
        return self._mapped(x, self._through)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage of a vector of d integers, or of each column, in the dtype of `y`.

        Exactly the images of inputs up to `limit` have one.

        Raises
        ------
        InvalidInputError
            No array of integers, a wrong shape, an entry of `y` that is not the image of an input
            up to `limit`, or a preimage that the dtype does not hold.
        """
        y = self._columns(y)
        self._check_image(y, self.largest)
        return self._mapped(y, self._back)

    def inverse(self) -> "LosslessInverse":
        """Return the inverse, a map of integers: its `forward` is `backward`."""
        return LosslessInverse(self)

    def _columns(self, x: np.ndarray) -> np.ndarray:
        try:
            x = np.asarray(x)
        except ValueError:
            raise InvalidInputError("expected a matrix of integers, got ragged rows") from None
        if x.dtype.kind not in "iu":
            raise InvalidInputError(
                f"expected integers (int8 to int64), got {x.dtype}: round first, as in "
                "numpy.rint(x / h).astype(numpy.int64), where h is the grid that is wanted"
            )
        if x.ndim not in (1, 2) or len(x) != self.dimension:
            raise InvalidInputError(
                f"expected {self.dimension} rows, one for each coordinate, and a column for each "
                f"vector, got shape {x.shape}"
            )
        return x

    def _mapped(self, x: np.ndarray, run: Callable) -> np.ndarray:
        """Return the image in the dtype of `x`, block of columns by block of columns."""
        columns = x.reshape(len(x), -1)
        image = np.empty_like(columns, order="C", subok=False)
        order, p, held = list(self.order), self.partition[0], np.iinfo(x.dtype)
        for start in range(0, columns.shape[1], COLUMNS):
            block = slice(start, start + COLUMNS)
            values = columns[order, block].astype(float)
            run(values, (values[:p], values[p:]))
            if (beyond := _beyond(values, held.min, held.max)) is not None:
                raise InvalidInputError(
                    f"expected values that {held.dtype} holds, got {beyond}: give the array in a "
                    "longer type, as in x.astype(numpy.int32)"
                )
            image[order, block] = values
        return image.reshape(x.shape)

    def _through(self, values: np.ndarray, halves: tuple[np.ndarray, np.ndarray]) -> None:
        values[[self.order.index(i) for i in self.flips]] *= -1
        for layer in self.layers:
            moved, kept = halves if layer.moves == "first" else halves[::-1]
            moved += layer.shift(kept)

    def _back(self, values: np.ndarray, halves: tuple[np.ndarray, np.ndarray]) -> None:
        for layer in reversed(self.layers):
            moved, kept = halves if layer.moves == "first" else halves[::-1]
            self._check_image(kept, layer.radius)
            moved -= layer.shift(kept)
        self._check_image(values, self.limit)
        values[[self.order.index(i) for i in self.flips]] *= -1

    def _check_image(self, values: np.ndarray, largest: int) -> None:
        if _beyond(values, -largest, largest) is not None:
            raise InvalidInputError(
                f"expected images of inputs within {self.limit}, got others: only what forward "
                "returns has an inverse"
            )

    def __str__(self) -> str:
        return (
            f"{len(self.layers)} layers of integers on halves {self.partition}, shifts in units of "
            f"2^-{self.bits}, step {float(self.step):.6g}: a bijection; for inputs within "
            f"{self.limit}, certified within {self.bound} steps of the matrix"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LosslessInverse(MapResult):
    """The inverse of a lossless map, which takes images back to inputs, to the last bit.

    >>> from exactflow.floats.lossless import lossless
    >>> back = lossless([[0, -2], [2, 0]]).inverse()
    >>> back.forward([-3, 100]), back.backward([100, 3])
    (array([100,   3]), array([ -3, 100]))
    """

    map: Lossless
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def layers(self) -> tuple[IntegerCoupling, ...]:  # type: ignore[override]
        """The layers whose shifts are taken back, in the order in which data meets them."""
        return self.map.layers[::-1]

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.map.partition

    @cached_property
    def flow(self) -> CouplingFlow:
        """The inverse of the layers without rounding."""
        return self.map.flow.inverse()

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage of an image, as `Lossless.backward` does."""
        return self.map.backward(y)

    def backward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of an input, as `Lossless.forward` does."""
        return self.map.forward(x)

    def inverse(self) -> Lossless:
        """Return the map whose inverse this is."""
        return self.map

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of step * y -> x, exactly."""
        return -self.map.log_abs_det()

    def __str__(self) -> str:
        return f"the inverse of {self.map}"


def _beyond(values: np.ndarray, least: int, most: int) -> int | None:
    """Return the largest or the least of some values where it is not in a range."""
    ends = (int(values.max()), int(values.min())) if values.size else ()
    return next((x for x in ends if not least <= x <= most), None)
