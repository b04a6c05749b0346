"""Base classes of coupling layers, and of flows, which apply one layer after another.

The kinds of flow differ only in their layers, and a layer is a flow of one layer. Vectors are
columns. A flow maps exact numbers to exact numbers, floats to floats of the same dtype, and mpmath
numbers to mpmath numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, wraps
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import ExactMatrix, as_vectors
from exactflow.exact.numbers import format_field, format_short
from exactflow.exact.typing import Half, VectorLike
from exactflow.flows import arithmetic, display
from exactflow.flows.arithmetic import FromRational
from exactflow.flows.partition import (
    apply_layers_to_halves,
    as_partition,
    moved_and_kept,
    to_int_tuple_or_none,
)

Map = TypeVar("Map")
Inverse = TypeVar("Inverse")


def refusing_points(method: Callable[[Map], Inverse]) -> Callable[[Map], Inverse]:
    """Let a method `inverse` raise an error that names `backward` if it is called with a point."""

    @wraps(method)
    def inverse(map_: Map, *points: Any) -> Inverse:
        if points:
            raise InvalidInputError(
                "inverse() takes no point, and returns a map: call backward(y) for the preimage of "
                "a point y, or inverse()(y)"
            )
        return method(map_)

    return inverse


class VectorMap(ABC):
    """A bijection of R^d; the coordinates are divided into two halves, of p and q coordinates."""

    # Some subclasses define `partition` as an attribute, others as a property.
    if TYPE_CHECKING:

        @property
        def partition(self) -> tuple[int, int]:
            """The sizes (p, q) of the halves."""

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    def __call__(self, x: Any) -> Any:
        """Return ``forward(x)``."""
        return self.forward(x)

    def __matmul__(self, other: Any) -> Any:
        """Raise TypeError; subclasses that compose flows override this."""
        kinds = " and ".join(type(factor).__name__ for factor in (self, other))
        raise TypeError(
            f"expected two flows as factors of @, got {kinds}: use flow(x) to map x; to compose a "
            "layer, CouplingFlow([layer]) or PiecewiseFlow([layer]); of a result, result.flow"
        )

    @abstractmethod
    def forward(self, x: Any) -> Any:
        """Return the image of a vector of d entries, or of each column of a matrix."""

    @abstractmethod
    def backward(self, y: Any) -> Any:
        """Return the preimage of a vector of d entries, or of each column of a matrix."""


class Bijection(VectorMap):
    """A composition of coupling layers, which see the coordinates in the order that `order` gives.

    The first coordinate of the layers is x[order[0]], the next x[order[1]], and so on. A subclass
    has the attributes `layers`, `partition`, `field` and `order`, which is () for the natural
    order, and a method that maps columns of exact numbers.
    """

    layers: Sequence["Coupling"]
    partition: tuple[int, int]
    field: Domain
    order: tuple[int, ...]

    def forward(self, x: VectorLike) -> Any:
        """Return the image of a vector of d entries, or of each column of a d x N matrix.

        Exact numbers, in any form that `factor` takes except an array of floats, give an exact
        SymPy matrix. Floats (an array of shape (d,) or (d, N), or lists that contain a float) are
        mapped in float64, where each weight is rounded once, and give an array of their shape and
        dtype. An mpmath matrix, or lists that contain an ``mpf``, are mapped column by column at
        the current precision of mpmath, and give an mpmath matrix or lists.

        Raises
        ------
        InvalidInputError
            A wrong shape, floats of more than 64 bits, or inexact numbers for a flow whose weights
            are not rational.
        """
        arithmetic.refuse_tensor(x)
        if not arithmetic.is_inexact(x):
            return ExactMatrix.from_domain_matrix(
                self._map_exact(as_vectors(x, self.dimension, self.field))
            )
        if not self.field.is_QQ:
            raise InvalidInputError(
                f"expected exact numbers for a flow over {format_field(self.field)}, got floats or "
                "mpmath numbers, which only a flow over QQ maps"
            )
        return arithmetic.map_floats_or_mpfs(self._map_entries, x, self.dimension)

    def backward(self, y: VectorLike) -> Any:
        """Return the preimage of a vector of d entries, or of each column of a d x N matrix.

        The preimage has the form of `y`, as in `forward`.

        >>> from exactflow import LinearCoupling
        >>> LinearCoupling((1, 1), "first", [[2]]).backward([5, 1]).T
        Matrix([[3, 1]])
        """
        return self.inverse().forward(y)

    @abstractmethod
    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        """Return the matrix whose columns are the images of the exact vectors in `columns`."""

    def _map_entries(self, entries: list, from_rational: FromRational) -> list:
        """Return the d entries of the image of a point; `from_rational` converts weights."""
        halves = [[entries[i] for i in half] for half in self.halves]
        first, second = apply_layers_to_halves(
            self.layers,
            halves,
            lambda layer, moved, kept: layer.map_moved_half(moved, kept, from_rational),
        )
        result = [*first, *second]
        return [result[k] for k in self._inverse_permutation_of_order()] if self.order else result

    @property
    def halves(self) -> tuple[Sequence[int], Sequence[int]]:
        """The coordinates in the first half, and the coordinates in the second half."""
        order, p = self._coordinates_first_half_first(), self.partition[0]
        return order[:p], order[p:]

    def _coordinates_first_half_first(self) -> Sequence[int]:
        """Return the coordinates of the first half, and then the coordinates of the second half."""
        return self.order or range(self.dimension)

    def _inverse_permutation_of_order(self) -> list[int]:
        """Return for each coordinate its index in `_coordinates_first_half_first()`."""
        return sorted(range(self.dimension), key=self._coordinates_first_half_first().__getitem__)

    @abstractmethod
    def inverse(self) -> Self:
        """Return the inverse map."""

    def log_abs_det(self) -> sympy.Expr:
        """Return the exact ``log|det|`` of the Jacobian of a flow whose scales are all constant.

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
                f"the elements of {field} have no absolute value, so log|det| is not defined: "
                "multiply the scales of the layers to get the determinant"
            )
        scales = (
            linalg.convert_elements(x.require_constant_scales(), x.field, field)
            for x in self.layers
        )
        det = prod(chain.from_iterable(scales), start=field.one)
        value = field.to_sympy(det)
        return sympy.log(value if linalg.is_positive(det, field) else sympy.Abs(value))

    @abstractmethod
    def _latex(self, printer: Any = None) -> str:
        """Return LaTeX for `sympy.latex`: the product of the layers, the last one at the left."""

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self._latex()}$"


class Coupling(Bijection):
    """One layer, which keeps one half of the coordinates and maps the other half affinely."""

    moves: Half
    scale_elements: tuple
    order = ()

    @property
    def layers(self) -> tuple["Coupling"]:  # type: ignore[override]
        """The layer itself as a tuple, as if it were a flow of one layer."""
        return (self,)

    @property
    def moved_and_kept_sizes(self) -> Sequence[int]:
        """The size of the half that the layer moves, and the size of the half that it keeps."""
        return moved_and_kept(self.moves, self.partition)

    @cached_property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return self.scale_elements.count(self.field.one) == len(self.scale_elements)

    def scales_at(self, kept: Sequence, from_rational: FromRational) -> Iterable:
        """Return the scales for a given kept half; `from_rational` converts the constant scales."""
        return map(from_rational, self.scale_elements)

    def require_constant_scales(self) -> Sequence:
        """Return the scales as elements of the field; raise an error if a scale is a function."""
        return self.scale_elements

    def map_moved_half(self, moved: Sequence, kept: Sequence, from_rational: FromRational) -> list:
        """Return the image of the moved half of a point; `from_rational` converts weights."""
        shifts = self.shift_at(kept, from_rational)
        if self.is_additive:
            return [x + t for x, t in zip(moved, shifts, strict=True)]
        scales = self.scales_at(kept, from_rational)
        return [s * x + t for s, x, t in zip(scales, moved, shifts, strict=True)]

    @abstractmethod
    def shift_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the shift for a given kept half; `from_rational` converts weights."""

    @abstractmethod
    def summary(self) -> str:
        """Return one line that describes the layer."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.partition}: {self.summary()}>"

    def _latex(self, printer: Any = None) -> str:
        return display.layer_matrix_latex(self)


class LayerSequence:
    """A sequence of layers in order of application; flows and some results derive from it."""

    layers: tuple
    # None tells NumPy to leave an operator between an array and a flow to the class of the flow.
    __array_ufunc__ = None

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        """Raise TypeError, so that NumPy does not put the layers into an array."""
        kind = type(self).__name__
        raise TypeError(
            f"{kind} is not an array: use flow.matrix() for the matrix of a linear flow, or "
            "flow(x) to map x"
        )

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

    def _compared_except_layers(self) -> dict[str, Any]:
        """Return, by name, the properties that equal flows share, except the layers."""
        return {
            "partition": self.partition,
            "depth": self.depth,
            "order": self.order,
            "flips": getattr(self, "flips", ()),
            "characteristic": int(self.field.characteristic()),
        }

    def __eq__(self, other: object) -> bool:
        """Whether both flows have equal layers, halves, order and flips, and fields of the same
        characteristic.
        """
        if not isinstance(other, Flow):
            return NotImplemented
        return (
            self._compared_except_layers() == other._compared_except_layers()
            and self.layers == other.layers
        )

    def __hash__(self) -> int:
        return hash((self.partition, self.layers))

    def difference(self, other: "Flow") -> str | None:
        """Describe the first difference of two flows, or return None if they are equal.

        >>> from exactflow import CouplingFlow, LinearCoupling
        >>> f, g = (CouplingFlow([LinearCoupling((1, 1), "first", [[t]])]) for t in (1, 2))
        >>> print(f.difference(g))
        layer 0: shift at (0, 0): 1, but 2
        """
        if not isinstance(other, Flow):
            raise InvalidInputError(
                f"expected a flow to compare with, got {type(other).__name__}: of a result, pass "
                "its attribute flow; verify(flow, M) compares with a matrix"
            )
        expected = other._compared_except_layers()
        for name, value in self._compared_except_layers().items():
            if value != expected[name]:
                return f"{name}: {value}, but {expected[name]}"
        for k, (mine, theirs) in enumerate(zip(self.layers, other.layers, strict=True)):
            if mine != theirs:
                return f"layer {k}: {display.describe_layer_difference(mine, theirs)}"
        return None

    def plot(self, *, ax: Any = None, target: bool = True, entries: bool | None = None) -> Any:
        """Draw a linear flow in matplotlib: its matrix M as the product of the layers.

        As in the written product, the last layer is at the left, and flips are at the right. Red
        is positive, blue is negative, and the number below a matrix is its largest entry. If the
        entries of a matrix differ by a factor above 1,000, its colours are logarithmic.

        Parameters
        ----------
        ax : the Axes to draw into; without it, a figure is made.
        target : whether to draw M itself, at the left of its layers.
        entries : whether to write the entries. By default they are written in matrices of at most
            8 x 8 in which every entry has at most three characters.

        Returns
        -------
        The Axes, of matplotlib (extra ``plot``); ``plot().figure.savefig(path)`` writes a picture.

        Raises
        ------
        InvalidInputError : for a flow that is not linear or has symbols, or an invalid option.
        MissingExtraError : if matplotlib is not installed.

        Examples
        --------
        >>> from exactflow import factor, permutation
        >>> axes = factor(permutation([1, 2, 0, 3])).plot()  # doctest: +SKIP
        >>> axes.figure.savefig("flow.png")  # doctest: +SKIP
        """
        from exactflow.flows.plot import draw_product_of_layers

        return draw_product_of_layers(self, ax=ax, target=target, entries=entries)

    def _heading(self) -> str:
        """Return the first line of the text of a flow: its type, halves, depth and order."""
        shown = f", order={list(self.order)}" if self.order else ""
        return f"{type(self).__name__} {self.partition}, depth {self.depth}{shown}"

    def _latex_factors(self) -> list[str]:
        """Return LaTeX of each factor of the product, from left to right; layer 1 comes last."""
        numbered = reversed([*enumerate(self.layers, 1)])
        return [display.layer_matrix_latex(layer, f"_{{{k}}}") for k, layer in numbered]

    def __repr__(self) -> str:
        return display.format_flow(self._heading(), self.layers)

    def _latex(self, printer: Any = None) -> str:
        return " ".join(self._latex_factors()) or "I"

    def _repr_html_(self) -> str:
        return display.flow_html(self._heading(), self.layers)


def as_order_empty_if_natural(order: Iterable[int], dimension: int) -> tuple[int, ...]:
    """Check that `order` is () or lists each coordinate once; return () for the natural order."""
    found = to_int_tuple_or_none(order)
    natural = tuple(range(dimension))
    if found is None or (found and tuple(sorted(found)) != natural):
        raise InvalidInputError(
            "expected the argument order=.. to list each coordinate from 0 to "
            f"{dimension - 1} once, got {format_short(order)}"
        )
    return () if found == natural else found


def as_layers_and_partition(
    layers: Iterable,
    partition: tuple[int, int] | None,
    allowed: type | tuple[type, ...],
    allowed_in_words: str,
) -> tuple[tuple, tuple[int, int]]:
    """Check that all layers have allowed types and the same partition; return (layers, partition).

    Error messages describe the allowed types by the text `allowed_in_words`.
    """
    if partition is not None:
        partition = as_partition(partition)
    if not isinstance(layers, Iterable):
        raise InvalidInputError(f"expected {allowed_in_words}, got {type(layers).__name__}")
    layers = tuple(layers)
    for i, layer in enumerate(layers):
        if not isinstance(layer, allowed):
            raise InvalidInputError(
                f"expected {allowed_in_words}, got {type(layer).__name__} as layer {i}"
            )
    if partition is None:
        if not layers:
            raise InvalidInputError(
                "a flow without layers needs a partition: pass partition=(p, q)"
            )
        partition = layers[0].partition
    for i, layer in enumerate(layers):
        if layer.partition != partition:
            raise InvalidInputError(
                f"expected layers of partition {partition}, got layer {i} of partition "
                f"{layer.partition}"
            )
    return layers, partition
