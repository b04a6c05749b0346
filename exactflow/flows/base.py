"""The interface of coupling layers, and of flows that compose them.

A flow is its layers in the order in which data meets them; the kinds of flow differ in their layers
only. Vectors are columns. Exact numbers in give exact numbers out, floats give floats of the same
dtype, and mpmath numbers give mpmath numbers: exactness is asked for by giving exact numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from math import prod
from typing import Any, NoReturn, Self

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import ExactMatrix, as_vectors
from exactflow.exact.typing import Half, VectorLike
from exactflow.flows import arithmetic, display
from exactflow.flows.partition import moved_and_kept, run_layers

_PARTS = "partition", "depth", "order", "flips"  # of a flow, beside its layers; some have no flips


class Map(ABC):
    """A bijection of R^d: coupling layers, which act on x[order[0]], x[order[1]], .. in turn.

    A subclass has the attributes `layers`, `partition`, `field` and `order`, which is () for the
    natural order, and says how its layers act on columns of exact numbers.
    """

    layers: Sequence["Coupling"]
    partition: tuple[int, int]
    field: Domain
    order: tuple[int, ...]

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    def __call__(self, x: VectorLike) -> Any:
        """Return `forward` of x."""
        return self.forward(x)

    def forward(self, x: VectorLike) -> Any:
        """Return the image of a vector of d entries, or of each column of a d x N matrix.

        Exact numbers, in any form that `factor` takes but an array of floats, give a SymPy matrix,
        exactly. Floats (an array of shape (d,) or (d, N), or lists with a float among their
        entries) are computed in float64, every weight being rounded once, and give an array of
        their shape and dtype. An mpmath matrix, or lists with an ``mpf`` among their entries, are
        computed at the current precision of mpmath, column by column, and give their like.

        Raises
        ------
        InvalidInputError
            A wrong shape, floats of more than 64 bits, or inexact numbers where the weights are
            not rational.
        """
        if not arithmetic.is_inexact(x):
            return ExactMatrix.of(self._exact(as_vectors(x, self.dimension, self.field)))
        if not self.field.is_QQ:
            raise InvalidInputError(f"expected rational weights, got weights in {self.field}")
        return arithmetic.image(self._run, x, self.dimension)

    def backward(self, y: VectorLike) -> Any:
        """Return the preimage of a vector of d entries, or of each column, as `forward` does.

        >>> from exactflow import LinearCoupling
        >>> LinearCoupling((1, 1), "first", [[2]]).backward([5, 1]).T
        Matrix([[3, 1]])
        """
        return self.inverse().forward(y)

    @abstractmethod
    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        """Return the images of some columns of exact numbers."""

    def _run(self, entries: list, convert: Callable) -> list:
        """Return the entries of the image, in the arithmetic of `convert`."""

        def image(layer: Coupling, moved: list, kept: list) -> list:
            return layer.image(moved, kept, convert)

        halves = [[entries[i] for i in half] for half in self.halves]
        first, second = run_layers(self.layers, halves, image)
        result = [*first, *second]
        return [result[k] for k in self._places()] if self.order else result

    @property
    def halves(self) -> tuple[Sequence[int], Sequence[int]]:
        """The coordinates of the first half, and those of the second."""
        listed, p = self._listed(), self.partition[0]
        return listed[:p], listed[p:]

    def _listed(self) -> Sequence[int]:
        """Return the coordinates in the order in which the layers see them."""
        return self.order or range(self.dimension)

    def _places(self) -> list[int]:
        """Return the place of each coordinate in that order."""
        return sorted(range(self.dimension), key=self._listed().__getitem__)

    @abstractmethod
    def inverse(self) -> Self:
        """Return the inverse."""

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of the Jacobian, exactly: it is the same at every point.

        Over GF(p) there is no absolute value, and `InvalidInputError` is raised.

        >>> from exactflow import factor
        >>> t = sympy.Symbol("t")
        >>> flow = factor([[t, 1], [0, 1]], scales="nonzero")
        >>> flow.log_abs_det(), flow.at({t: 3}).log_abs_det()
        (log(Abs(t)), log(3))
        """
        field = self.field
        if field.characteristic():
            raise InvalidInputError(
                f"expected a flow over a field of real or complex numbers, got {field}, which has "
                "no absolute value: det is the product of the scales"
            )
        scales = (linalg.convert_elements(x.constant_scales(), x.field, field) for x in self.layers)
        det = prod(chain.from_iterable(scales), start=field.one)
        value = field.to_sympy(det)
        return sympy.log(value if linalg.is_positive(det, field) else sympy.Abs(value))

    @abstractmethod
    def _latex(self, printer: Any = None) -> str:
        """LaTeX of the map, for `sympy.latex`; a flow is a product, its last factor first."""

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self._latex()}$"


class Coupling(Map):
    """One layer: it keeps one half of the coordinates and maps the other, affinely."""

    moves: Half
    scale_elements: tuple
    order = ()

    @property
    def layers(self) -> tuple["Coupling"]:  # type: ignore[override]
        """The layer itself: it is a flow of one layer."""
        return (self,)

    @property
    def sizes(self) -> Sequence[int]:
        """The sizes of the half that moves, and of the half that is kept."""
        return moved_and_kept(self.moves, self.partition)

    @cached_property
    def is_additive(self) -> bool:
        """Whether the scale is one everywhere."""
        return self.scale_elements.count(self.field.one) == len(self.scale_elements)

    def scales_at(self, kept: Sequence, convert: Callable) -> Iterable:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        return map(convert, self.scale_elements)

    def constant_scales(self) -> Sequence:
        """Return the scales as elements of the field; raise an error if they depend on a point."""
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
        """Return one line about the layer."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.partition}: {self.summary()}>"

    def _latex(self, printer: Any = None) -> str:
        return display.layer_latex(self)


class LayerSequence:
    """Layers in the order in which data meets them: a flow, or a result that maps as one does."""

    layers: tuple
    __array_ufunc__ = None  # so that NumPy leaves operators to the flow

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        """Refuse to be an array of layers."""
        kind = type(self).__name__
        raise TypeError(
            f"{kind} is no array: flow.matrix() is that of a linear flow, flow(x) maps x"
        )

    def __matmul__(self, other: Any) -> Any:
        """Refuse anything but flows as factors."""
        kinds = " and ".join(type(factor).__name__ for factor in (self, other))
        raise TypeError(f"expected two flows as factors of @, got {kinds}: flow(x) maps x")

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return len(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        """Return a layer; or, for a slice, the tuple of layers."""
        return self.layers[index]


class Flow(LayerSequence, Map):
    """Coupling layers in the order in which data meets them."""

    layers: tuple
    order: tuple[int, ...]

    def _parts(self) -> dict:
        parts = {name: getattr(self, name, ()) for name in _PARTS}
        return parts | {"characteristic": int(self.field.characteristic())}

    def __eq__(self, other: object) -> bool:
        """Whether both flows have equal layers, halves, order, flips and pads, over fields of one
        characteristic.
        """
        if not isinstance(other, Flow):
            return NotImplemented
        return self._parts() == other._parts() and self.layers == other.layers

    def __hash__(self) -> int:
        return hash((self.partition, self.layers))

    def difference(self, other: "Flow") -> str | None:
        """First difference of two flows as values, in words; None if they are equal.

        >>> from exactflow import CouplingFlow, LinearCoupling
        >>> f, g = (CouplingFlow([LinearCoupling((1, 1), "first", [[t]])]) for t in (1, 2))
        >>> print(f.difference(g))
        layer 0: shift at (0, 0): 1, but 2
        """
        others = other._parts()
        for name, part in self._parts().items():
            if part != others[name]:
                return f"{name}: {part}, but {others[name]}"
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
        from exactflow.flows.plot import strip

        return strip(self, ax=ax, target=target, entries=entries)

    def _head(self) -> str:
        """The first line of the text of a flow: type, halves, depth, order."""
        shown = f", order={list(self.order)}" if self.order else ""
        return f"{type(self).__name__} {self.partition}, depth {self.depth}{shown}"

    def _latex_factors(self) -> list[str]:
        """Return the factors of the flow from left to right: the first layer stands last."""
        numbered = reversed([*enumerate(self.layers, 1)])
        return [display.layer_latex(layer, f"_{{{k}}}") for k, layer in numbered]

    def __repr__(self) -> str:
        return display.text(self._head(), self.layers)

    def _latex(self, printer: Any = None) -> str:
        return " ".join(self._latex_factors())

    def _repr_html_(self) -> str:
        return display.html(self._head(), self.layers)


def as_order(order: Iterable[int], dimension: int) -> tuple[int, ...]:
    """Return an order that lists each coordinate once; () for the natural one."""
    order = tuple(order)
    listed = list(range(dimension))
    if order and (any(type(i) is not int for i in order) or sorted(order) != listed):
        raise InvalidInputError(
            f"expected each coordinate from 0 to {dimension - 1} once as order, got {order!r}"
        )
    return () if list(order) == listed else order


def as_layers(
    layers: Iterable, partition: tuple[int, int] | None, kinds: type | tuple[type, ...], remedy: str
) -> tuple[tuple, tuple[int, int]]:
    """Return layers of the admitted kinds and of one partition, and that partition."""
    if not isinstance(layers, Iterable):
        raise InvalidInputError(f"expected {remedy}, got {type(layers).__name__}")
    layers = tuple(layers)
    for i, layer in enumerate(layers):
        if not isinstance(layer, kinds):
            raise InvalidInputError(f"expected {remedy}, got {type(layer).__name__} as layer {i}")
    if partition is None:
        if not layers:
            raise InvalidInputError("expected a partition (p, q), since there are no layers")
        partition = layers[0].partition
    for i, layer in enumerate(layers):
        if layer.partition != partition:
            raise InvalidInputError(
                f"expected layers of partition {partition}, got {layer.partition} in layer {i}"
            )
    return layers, partition
