"""Base classes of coupling layers and of flows, which compose layers in order of application.

The kinds of flow differ only in their layers, and a layer is a flow of one layer. Vectors are
columns. Exact numbers are mapped to exact numbers, floats to floats of the same dtype, and mpmath
numbers to mpmath numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn, Self

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import ExactMatrix, as_vectors
from exactflow.exact.typing import Half, VectorLike
from exactflow.flows import arithmetic, display
from exactflow.flows.partition import moved_and_kept, run_layers

_COMPARED = "partition", "depth", "order", "flips"
"""Attributes in which equal flows agree; a flow without flips has no attribute `flips`."""


class VectorMap(ABC):
    """A bijection of R^d, whose coordinates are two halves of p and q."""

    if TYPE_CHECKING:  # an attribute of some subclasses, and a property of others

        @property
        def partition(self) -> tuple[int, int]:
            """The sizes (p, q) of the halves."""

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    def __call__(self, x: Any) -> Any:
        """Return `forward` of x."""
        return self.forward(x)

    @abstractmethod
    def forward(self, x: Any) -> Any:
        """Return the image of a vector of d entries, or of each column."""

    @abstractmethod
    def backward(self, y: Any) -> Any:
        """Return the preimage of a vector of d entries, or of each column."""


class Bijection(VectorMap):
    """A composition of coupling layers, which act on x[order[0]], x[order[1]], ..

    A subclass has the attributes `layers`, `partition`, `field` and `order`, which is () for the
    natural order, and defines how its layers act on columns of exact numbers.
    """

    layers: Sequence["Coupling"]
    partition: tuple[int, int]
    field: Domain
    order: tuple[int, ...]

    def forward(self, x: VectorLike) -> Any:
        """Return the image of a vector of d entries, or of each column of a d x N matrix.

        Exact numbers, in any form that `factor` takes except an array of floats, give an exact
        SymPy matrix. Floats (an array of shape (d,) or (d, N), or lists that contain a float) are
        mapped in float64, each weight being rounded once, and give an array of their shape and
        dtype. An mpmath matrix, or lists that contain an ``mpf``, are mapped column by column at
        the current precision of mpmath, and give an mpmath matrix or lists.

        Raises
        ------
        InvalidInputError
            A wrong shape, floats of more than 64 bits, or inexact numbers for a flow whose weights
            are not rational.
        """
        if not arithmetic.is_inexact(x):
            return ExactMatrix.of(self._map_exact(as_vectors(x, self.dimension, self.field)))
        if not self.field.is_QQ:
            raise InvalidInputError(
                f"expected exact numbers for weights in {self.field}, got inexact numbers: only "
                "rational weights are rounded"
            )
        return arithmetic.map_inexact(self._map_entries, x, self.dimension)

    def backward(self, y: VectorLike) -> Any:
        """Return the preimage of a vector of d entries, or of each column, in the form of `y`.

        >>> from exactflow import LinearCoupling
        >>> LinearCoupling((1, 1), "first", [[2]]).backward([5, 1]).T
        Matrix([[3, 1]])
        """
        return self.inverse().forward(y)

    @abstractmethod
    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        """Return the images of columns of exact numbers."""

    def _map_entries(self, entries: list, convert: Callable) -> list:
        """Return the entries of the image, in the arithmetic of `convert`."""

        def image(layer: Coupling, moved: list, kept: list) -> list:
            return layer.image(moved, kept, convert)

        halves = [[entries[i] for i in half] for half in self.halves]
        first, second = run_layers(self.layers, halves, image)
        result = [*first, *second]
        return [result[k] for k in self._places()] if self.order else result

    @property
    def halves(self) -> tuple[Sequence[int], Sequence[int]]:
        """The coordinates of the first half, and the coordinates of the second half."""
        order, p = self._order_of_layers(), self.partition[0]
        return order[:p], order[p:]

    def _order_of_layers(self) -> Sequence[int]:
        """Return the coordinates in the order in which the layers see them."""
        return self.order or range(self.dimension)

    def _places(self) -> list[int]:
        """Return the place of each coordinate in the order of the layers."""
        return sorted(range(self.dimension), key=self._order_of_layers().__getitem__)

    @abstractmethod
    def inverse(self) -> Self:
        """Return the inverse."""

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of the Jacobian, exactly; it is the same at every point.

        Raises `InvalidInputError` over GF(p), whose elements have no absolute value.

        >>> from exactflow import factor
        >>> t = sympy.Symbol("t")
        >>> flow = factor([[t, 1], [0, 1]], scales="nonzero")
        >>> flow.log_abs_det(), flow.at({t: 3}).log_abs_det()
        (log(Abs(t)), log(3))
        """
        field = self.field
        if field.characteristic():
            raise InvalidInputError(
                f"the elements of {field} have no absolute value: multiply the scales for the "
                "determinant"
            )
        scales = (linalg.convert_elements(x.constant_scales(), x.field, field) for x in self.layers)
        det = prod(chain.from_iterable(scales), start=field.one)
        value = field.to_sympy(det)
        return sympy.log(value if linalg.is_positive(det, field) else sympy.Abs(value))

    @abstractmethod
    def _latex(self, printer: Any = None) -> str:
        """Return LaTeX, which `sympy.latex` asks for; a flow is a product, the last layer first."""

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self._latex()}$"


class Coupling(Bijection):
    """One layer, which keeps one half of the coordinates and maps the other half affinely."""

    moves: Half
    scale_elements: tuple
    order = ()

    @property
    def layers(self) -> tuple["Coupling"]:  # type: ignore[override]
        """The layer itself, as a flow of one layer."""
        return (self,)

    @property
    def sizes(self) -> Sequence[int]:
        """The size of the half that moves, and the size of the half that is kept."""
        return moved_and_kept(self.moves, self.partition)

    @cached_property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return self.scale_elements.count(self.field.one) == len(self.scale_elements)

    def scales_at(self, kept: Sequence, convert: Callable) -> Iterable:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        return map(convert, self.scale_elements)

    def constant_scales(self) -> Sequence:
        """Return the scales as elements of the field, or raise an error if they are functions."""
        return self.scale_elements

    def image(self, moved: Sequence, kept: Sequence, convert: Callable) -> list:
        """Return the image of the half that moves, in the arithmetic of `convert`."""
        shifts = self.shift_at(kept, convert)
        if self.is_additive:
            return [x + t for x, t in zip(moved, shifts, strict=True)]
        scales = self.scales_at(kept, convert)
        return [s * x + t for s, x, t in zip(scales, moved, shifts, strict=True)]

    @abstractmethod
    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""

    @abstractmethod
    def summary(self) -> str:
        """Return a description of the layer in one line."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.partition}: {self.summary()}>"

    def _latex(self, printer: Any = None) -> str:
        return display.layer_latex(self)


class LayerSequence:
    """Layers in order of application: a flow, or a result that has layers as a flow has."""

    layers: tuple
    __array_ufunc__ = None  # NumPy then leaves operators to the flow

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        """Raise TypeError, so that NumPy makes no array of the layers."""
        kind = type(self).__name__
        raise TypeError(
            f"{kind} is not an array: use flow.matrix() for the matrix of a linear flow, or "
            "flow(x) to map x"
        )

    def __matmul__(self, other: Any) -> Any:
        """Raise TypeError, unless a subclass composes the two."""
        kinds = " and ".join(type(factor).__name__ for factor in (self, other))
        raise TypeError(f"expected two flows as factors of @, got {kinds}: use flow(x) to map x")

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return len(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        """Return a layer, or the tuple of layers of a slice."""
        return self.layers[index]


class Flow(LayerSequence, Bijection):
    """Coupling layers in order of application."""

    layers: tuple

    def _compared(self) -> dict[str, Any]:
        """Return the attributes in which equal flows agree, beside their layers."""
        attributes = {name: getattr(self, name, ()) for name in _COMPARED}
        return attributes | {"characteristic": int(self.field.characteristic())}

    def __eq__(self, other: object) -> bool:
        """Whether both flows have equal layers, halves, order and flips, over fields of one
        characteristic.
        """
        if not isinstance(other, Flow):
            return NotImplemented
        return self._compared() == other._compared() and self.layers == other.layers

    def __hash__(self) -> int:
        return hash((self.partition, self.layers))

    def difference(self, other: "Flow") -> str | None:
        """Describe the first difference of two flows, or return None if they are equal.

        >>> from exactflow import CouplingFlow, LinearCoupling
        >>> f, g = (CouplingFlow([LinearCoupling((1, 1), "first", [[t]])]) for t in (1, 2))
        >>> print(f.difference(g))
        layer 0: shift at (0, 0): 1, but 2
        """
        expected = other._compared()
        for name, value in self._compared().items():
            if value != expected[name]:
                return f"{name}: {value}, but {expected[name]}"
        for k, (mine, theirs) in enumerate(zip(self.layers, other.layers, strict=True)):
            if mine != theirs:
                return f"layer {k}: {display.layer_difference(mine, theirs)}"
        return None

    def plot(self, *, ax: Any = None, target: bool = True, entries: bool | None = None) -> Any:
        """Draw a linear flow in matplotlib: its matrix M, and the layers whose product M is.

        The last layer stands at the left, as the product is written, and flips at the right. Red
        is positive, blue is negative, and the number below is the largest entry of the matrix.
        Colours are logarithmic where the entries of a matrix differ by a factor above 1,000.

        Parameters
        ----------
        ax : the Axes to draw into; without it, a figure is made.
        target : whether M itself stands at the left of its layers.
        entries : whether numbers are written; by default, those of at most three letters, in
            matrices of at most eight coordinates.

        Returns
        -------
        The Axes, of matplotlib (extra ``plot``).

        Raises
        ------
        InvalidInputError : for a flow that is not linear or has symbols, and for other options.
        MissingExtraError : without matplotlib.

        Examples
        --------
        >>> from exactflow import factor, permutation
        >>> axes = factor(permutation([1, 2, 0, 3])).plot()  # doctest: +SKIP
        >>> axes.figure.savefig("flow.png")  # doctest: +SKIP
        """
        from exactflow.flows.plot import draw_strip

        return draw_strip(self, ax=ax, target=target, entries=entries)

    def _heading(self) -> str:
        """Return the first line of the text of a flow: its type, halves, depth and order."""
        shown = f", order={list(self.order)}" if self.order else ""
        return f"{type(self).__name__} {self.partition}, depth {self.depth}{shown}"

    def _latex_factors(self) -> list[str]:
        """Return the factors of the product in LaTeX, the first layer last."""
        numbered = reversed([*enumerate(self.layers, 1)])
        return [display.layer_latex(layer, f"_{{{k}}}") for k, layer in numbered]

    def __repr__(self) -> str:
        return display.format_flow(self._heading(), self.layers)

    def _latex(self, printer: Any = None) -> str:
        return " ".join(self._latex_factors())

    def _repr_html_(self) -> str:
        return display.flow_html(self._heading(), self.layers)


def as_order(order: Iterable[int], dimension: int) -> tuple[int, ...]:
    """Check that an order lists each coordinate once, and return it; () for the natural order."""
    order = tuple(order)
    natural = tuple(range(dimension))
    if order and (any(type(i) is not int for i in order) or tuple(sorted(order)) != natural):
        raise InvalidInputError(
            f"expected as order each coordinate from 0 to {dimension - 1} once, got {order!r}"
        )
    return () if order == natural else order


def as_layers(
    layers: Iterable,
    partition: tuple[int, int] | None,
    kinds: type | tuple[type, ...],
    expected: str,
) -> tuple[tuple, tuple[int, int]]:
    """Check that layers have admitted kinds and one partition; return the layers and the partition.

    `expected` names the kinds in messages.
    """
    if not isinstance(layers, Iterable):
        raise InvalidInputError(f"expected {expected}, got {type(layers).__name__}")
    layers = tuple(layers)
    for i, layer in enumerate(layers):
        if not isinstance(layer, kinds):
            raise InvalidInputError(f"expected {expected}, got {type(layer).__name__} as layer {i}")
    if partition is None:
        if not layers:
            raise InvalidInputError(
                "a flow without layers needs a partition: pass partition=(p, q)"
            )
        partition = layers[0].partition
    for i, layer in enumerate(layers):
        if layer.partition != partition:
            raise InvalidInputError(
                f"expected layers of partition {partition}, got {layer.partition} in layer {i}"
            )
    return layers, partition
