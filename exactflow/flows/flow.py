"""Flows: the composition of coupling layers, as an exact value.

`CouplingFlow` folds layers in the order in which data meets them, after a diagonal of signs that is
the identity unless the flow repairs an orientation.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_vectors
from exactflow.exact.integral import IntegralMatrix
from exactflow.flows.linear import LATEX_DIMENSION, LinearCoupling, checked_partition, layer_latex

if TYPE_CHECKING:
    from exactflow.exact.sparse import SparseArray

__all__ = ["CouplingFlow", "LinearCoupling"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CouplingFlow:
    """Coupling layers in the order in which data meets them.

    As a matrix the flow is ``layers[-1] ... layers[1] layers[0] F``, where F is the diagonal that
    negates the coordinates in `flips`; without flips F is the identity. ``f @ g`` applies g first.
    With an `order` of the coordinates, the layers act on x[order[0]], x[order[1]], ..

    Parameters
    ----------
    layers : `LinearCoupling` values of one partition.
    partition : (p, q); needed only where there is no layer.
    flips : distinct coordinates, 0 .. d - 1, that are negated before the first layer. A flow with
        an odd number of flips reverses orientation, which couplings alone cannot.
    method : how the flow was made, for the record; it plays no part in equality.
    order : the coordinates in the order in which the layers see them, those of the first half
        first; the natural order where it is left out.
    field : a field that holds all entries; where it is left out, the least one.

    Raises
    ------
    InvalidInputError
        Layers of different partitions, or flips or an order that are no distinct coordinates.

    Examples
    --------
    >>> shear = LinearCoupling((1, 1), "second", [[3]])
    >>> flow = CouplingFlow([shear, LinearCoupling((1, 1), "first", [["1/3"]], scale=[2])])
    >>> flow.matrix()
    Matrix([
    [3, 1/3],
    [3,   1]])
    >>> flow.log_abs_det()
    log(2)
    >>> (flow.inverse() @ flow).matrix() == sympy.eye(2)
    True
    """

    layers: tuple[LinearCoupling, ...]
    partition: tuple[int, int]
    flips: tuple[int, ...]
    method: str
    order: tuple[int, ...]
    field: Domain

    def __init__(
        self,
        layers: Iterable[LinearCoupling] = (),
        partition: tuple[int, int] | None = None,
        flips: Iterable[int] = (),
        method: str = "",
        order: Iterable[int] = (),
        field: Domain | None = None,
    ):
        layers = tuple(layers)
        for i, layer in enumerate(layers):
            if not isinstance(layer, LinearCoupling):
                raise InvalidInputError(
                    f"expected linear couplings, got {type(layer).__name__} as layer {i}: "
                    "exactflow.nonlinear.PiecewiseFlow folds piecewise-linear ones"
                )
        if partition is None:
            if not layers:
                raise InvalidInputError("expected a partition (p, q), since there are no layers")
            partition = layers[0].partition
        partition = checked_partition(partition)
        for i, layer in enumerate(layers):
            if layer.partition != partition:
                raise InvalidInputError(
                    f"expected layers of partition {partition}, got {layer.partition} in layer {i}"
                )
        d = sum(partition)
        flips, order = tuple(sorted(flips)), tuple(order)
        if len(set(flips)) < len(flips) or not set(flips) <= set(range(d)):
            raise InvalidInputError(
                f"expected distinct coordinates from 0 to {d - 1} as flips, got {list(flips)}"
            )
        if order and sorted(order) != list(range(d)):
            raise InvalidInputError(
                f"expected each coordinate from 0 to {d - 1} once as order, got {list(order)}"
            )
        fields = dict.fromkeys([layer.field for layer in layers] + ([field] if field else []))
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "partition", partition)
        object.__setattr__(self, "flips", flips)
        object.__setattr__(self, "order", () if list(order) == sorted(order) else order)
        object.__setattr__(self, "method", method)
        object.__setattr__(self, "field", reduce(Domain.unify, fields) if fields else sympy.QQ)

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return len(self.layers)

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    @property
    def is_sparse(self) -> bool:
        """Whether all shifts are sparse; then vectors and compositions are, too."""
        return all(layer.is_sparse for layer in self.layers)

    @property
    def has_arrays(self) -> bool:
        """Whether `fold_array` applies: all layers are sparse and additive, over QQ."""
        return self.is_sparse and self.is_additive and self.field.is_QQ

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    def _signs(self) -> list:
        signs = [self.field.one] * self.dimension
        for i in self.flips:
            signs[i] = -signs[i]
        return signs

    def fold_array(self, columns: "SparseArray") -> "SparseArray":
        """Return the image of columns whose rows are listed as `order` lists them.

        It takes time linear in the entries that meet, and a flow that `has_arrays`.
        """
        from exactflow.exact.sparse import composed

        layers = [(layer.moves, layer.shift_array) for layer in self.layers]
        listed = columns.with_rows_negated(self.relabelled.flips)
        return composed(layers, self.partition[0], listed)

    def _fold(self, columns: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
        if self.has_arrays and columns.domain.is_QQ:
            from exactflow.exact.sparse import SparseArray

            first, second = self.fold_array(SparseArray.from_matrix(columns)).split(
                self.partition[0]
            )
            return first.to_matrix(sympy.QQ), second.to_matrix(sympy.QQ)
        columns = columns.to_sparse() if self.is_sparse else columns.to_dense()
        columns = linalg.scale_rows(self._signs(), columns)
        halves = columns[: self.partition[0], :], columns[self.partition[0] :, :]
        if self.field.is_QQ and columns.domain.is_QQ and columns.rep.fmt == "dense":
            first, second = map(IntegralMatrix.of, halves)
            for layer in self.layers:
                first, second = layer.act(first, second)
            return first.to_field(), second.to_field()
        for layer in self.layers:
            halves = layer.act(*halves)
        return halves

    @property
    def relabelled(self) -> "CouplingFlow":
        """The same layers on the coordinates as `order` lists them: a flow of natural order."""
        if not self.order:
            return self
        negated = set(self.flips)
        flips = [k for k, i in enumerate(self.order) if i in negated]
        return CouplingFlow(
            self.layers, self.partition, flips, method=self.method, field=self.field
        )

    def _ordered(self, order: tuple[int, ...]) -> "CouplingFlow":
        """Return the flow whose `relabelled` is this one."""
        flips = [order[k] for k in self.flips] if order else self.flips
        return CouplingFlow(self.layers, self.partition, flips, order=order, field=self.field)

    def blocks(self) -> linalg.Blocks:
        """Return the blocks of the matrix M[order, order] of the relabelled flow.

        They are composed block by block: every shear costs at most two block products.
        """
        p = self.partition[0]
        identity = DomainMatrix.eye(self.dimension, self.field)
        first, second = self.relabelled._fold(identity)
        return linalg.Blocks(first[:, :p], first[:, p:], second[:, :p], second[:, p:])

    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the flow as a ``DomainMatrix``."""
        matrix = linalg.join(self.blocks())
        if self.order:
            places = _inverse_order(self.order)
            matrix = matrix.extract(places, places)
        return matrix

    def matrix(self) -> sympy.Matrix:
        """Return the d x d matrix of the flow, flips included."""
        return self.domain_matrix().to_Matrix()

    def forward(self, x) -> sympy.Matrix:
        """Return the image of a vector of d entries, or of each column of a matrix.

        The matrix of the flow is not formed: every layer acts on the vector.
        """
        columns = as_vectors(x, self.dimension)
        width = list(range(columns.shape[1]))
        if self.order:
            columns = columns.extract(list(self.order), width)
        first, second = self.relabelled._fold(columns)
        image = first.vstack(second)
        if self.order:
            image = image.extract(_inverse_order(self.order), width)
        return image.to_Matrix()

    def inverse(self) -> "CouplingFlow":
        """Return the inverse, a flow with the inverse layers in reverse order."""
        listed = self.relabelled
        signs = listed._signs()
        layers = [layer.inverse().conjugated(signs) for layer in reversed(self.layers)]
        inverse = CouplingFlow(layers, self.partition, listed.flips, field=self.field)
        return inverse._ordered(self.order)

    def exceptional(self) -> tuple[sympy.Expr, ...]:
        """Return the irreducible polynomials whose roots the parameters of the flow must avoid.

        Over QQ(t) they are the factors of all denominators and of the numerators of the scales:
        at their roots a layer is not defined, or not invertible. Elsewhere the flow is one for all
        t. Over a field without parameters there are none.

        >>> t = sympy.Symbol("t")
        >>> CouplingFlow([LinearCoupling((1, 1), "first", [[1 / (t**2 - t)]])]).exceptional()
        (t, t - 1)
        """
        if not self.field.is_FractionField:
            return ()
        factors = set()
        for layer in self.layers:
            values = [self.field.convert_from(v, layer.field) for v in layer.values()]
            scales = [self.field.convert_from(s, layer.field) for s in layer.scale_elements]
            for polynomial in {v.denom for v in values} | {s.numer for s in scales}:
                factors |= {factor.as_expr() for factor, _ in polynomial.factor_list()[1]}
        return tuple(sorted(factors, key=sympy.default_sort_key))

    def at(self, values: dict) -> "CouplingFlow":
        """Return the flow with numbers in the place of its parameters.

        Raises `InvalidInputError` at a root of one of the `exceptional` polynomials.

        >>> t = sympy.Symbol("t")
        >>> CouplingFlow([LinearCoupling((1, 1), "first", [[1 / t]])]).at({t: 2}).matrix()
        Matrix([
        [1, 1/2],
        [0,   1]])
        """
        for polynomial in self.exceptional():
            if polynomial.subs(values) == 0:
                raise InvalidInputError(
                    f"expected parameters off the roots of {polynomial}, got {values}: there a "
                    "layer is not defined; factor the matrix at these parameters instead"
                )
        layers = [
            LinearCoupling(
                layer.partition,
                layer.moves,
                layer.shift.subs(values),
                sympy.Matrix(layer.scale).subs(values).to_DM(field=True, extension=True),
            )
            for layer in self.layers
        ]
        return CouplingFlow(layers, self.partition, self.flips, self.method, self.order)

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` exactly: the log of the product of the scales."""
        elements = (s for layer in self.layers for s in layer.scale_elements)
        return sympy.log(self.field.to_sympy(prod(elements, start=self.field.one)))

    def __matmul__(self, other: "CouplingFlow") -> "CouplingFlow":
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        if (self.partition, self.order) != (other.partition, other.order):
            raise InvalidInputError(
                f"expected two flows of one partition and order, got {self.partition} "
                f"{list(self.order)} and {other.partition} {list(other.order)}"
            )
        left, right = self.relabelled, other.relabelled
        signs = left._signs()
        layers = [layer.conjugated(signs) for layer in right.layers]
        flips = set(left.flips) ^ set(right.flips)
        field = self.field.unify(other.field)
        product = CouplingFlow([*layers, *left.layers], self.partition, flips, field=field)
        return product._ordered(self.order)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LinearCoupling]:
        return iter(self.layers)

    def _key(self) -> tuple:
        return self.partition, self.flips, self.order, self.layers

    def __eq__(self, other) -> bool:
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        flips = f", flips={list(self.flips)}" if self.flips else ""
        method = f", method={self.method!r}" if self.method else ""
        order = f", order={list(self.order)}" if self.order else ""
        head = f"<CouplingFlow {self.partition}, depth {self.depth}{order}{flips}{method}>"
        lines = (f"  {i}. {layer.summary()}" for i, layer in enumerate(self.layers, 1))
        return "\n".join([head, *lines])

    def _repr_latex_(self) -> str:
        factors = [layer_latex(layer) for layer in reversed(self.layers)]
        if self.flips or not factors:
            signs = sympy.diag(*map(self.field.to_sympy, self.relabelled._signs()))
            factors.append(sympy.latex(signs) if self.dimension <= LATEX_DIMENSION else "F")
        return f"$\\displaystyle {' '.join(factors)}$"


def _inverse_order(order: tuple[int, ...]) -> list[int]:
    """Return the place of each coordinate in `order`."""
    places = [0] * len(order)
    for k, i in enumerate(order):
        places[i] = k
    return places
