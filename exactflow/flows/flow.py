"""Flows of linear couplings, as exact factored matrices.

`CouplingFlow` folds layers in the order in which data meets them, after a diagonal of signs that is
the identity unless the flow repairs an orientation.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_column, as_expression, as_rectangle, common_field
from exactflow.exact.integral import IntegralMatrix
from exactflow.exact.matrix import ExactMatrix
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element
from exactflow.flows import display
from exactflow.flows.base import Flow, checked_layers
from exactflow.flows.linear import LinearCoupling, checked_partition

if TYPE_CHECKING:
    from exactflow.exact.sparse import SparseArray

__all__ = ["CouplingFlow", "LinearCoupling", "LinearFlow"]


class LinearFlow(Flow):
    """A flow that is a matrix, in factored form: a `CouplingFlow`, or one in another order."""

    layers: tuple[LinearCoupling, ...]
    method: str

    @property
    def is_sparse(self) -> bool:
        """Whether all shifts are sparse; then vectors and compositions are, too."""
        return all(layer.is_sparse for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    @property
    def has_arrays(self) -> bool:
        """Whether `sparse_array` applies: all layers are sparse and additive, over QQ."""
        return self.is_sparse and self.is_additive and self.field.is_QQ

    @abstractmethod
    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the flow as a ``DomainMatrix``."""

    @abstractmethod
    def sparse_array(self) -> "SparseArray":
        """Return the matrix of a flow that `has_arrays`, in time linear in entries that meet."""

    @abstractmethod
    def exceptional(self) -> tuple[sympy.Expr, ...]:
        """Return the polynomials whose roots the parameters of the flow must avoid."""

    @abstractmethod
    def at(self, values: dict) -> "LinearFlow":
        """Return the flow with numbers in the place of its parameters, exactly."""

    def matrix(self) -> ExactMatrix:
        """Return the d x d matrix of the flow, flips included."""
        return ExactMatrix.of(self.domain_matrix())

    def _latex_factors(self) -> list[str]:
        """Return the factors: the signs of the flips last, and around all the permutation that
        lists the coordinates in another order.
        """
        d, factors = self.dimension, super()._latex_factors()
        order = self.order or range(d)
        flips = {order.index(i) for i in self.flips}

        def constant(entry: Callable[[int, int], int], name: str) -> str:
            return display.constant_latex(d, entry, name)

        if flips or not factors:
            factors.append(constant(lambda i, j: (i == j) - 2 * (i == j and i in flips), "F"))
        if self.order:
            factors.append(constant(lambda i, j: int(j == order[i]), "E"))
            factors.insert(0, constant(lambda i, j: int(i == order[j]), "E^{\\mathsf T}"))
        return factors


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CouplingFlow(LinearFlow):
    """Linear coupling layers in the order in which data meets them.

    As a matrix the flow is ``layers[-1] ... layers[1] layers[0] F``, where F is the diagonal that
    negates the coordinates in `flips`; without flips F is the identity. ``f @ g`` applies g first.
    `exactflow.flows.relabelled.Relabelled` is the flow on coordinates in another order.

    Parameters
    ----------
    layers : `LinearCoupling` values of one partition.
    partition : (p, q); needed only where there is no layer.
    flips : distinct coordinates, 0 .. d - 1, that are negated before the first layer. A flow with
        an odd number of flips reverses orientation, which couplings alone cannot.
    method : how the flow was made, for the record; it plays no part in equality.
    field : a field that holds all entries; where it is left out, the least one.

    Raises
    ------
    InvalidInputError
        Layers of different partitions, or flips that are no distinct coordinates.

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
    >>> flow([0, 3]), flow([0.0, 3.0])
    (Matrix([
    [1],
    [3]]), array([1., 3.]))
    >>> (flow.inverse() @ flow).matrix() == sympy.eye(2)
    True
    """

    layers: tuple[LinearCoupling, ...]
    partition: tuple[int, int]
    flips: tuple[int, ...]
    method: str
    field: Domain

    def __init__(
        self,
        layers: Iterable[LinearCoupling] = (),
        partition: tuple[int, int] | None = None,
        flips: Iterable[int] = (),
        method: str = "",
        field: Domain | None = None,
    ) -> None:
        layers, partition = checked_layers(
            layers,
            None if partition is None else checked_partition(partition),
            LinearCoupling,
            "linear couplings (exactflow.nonlinear.PiecewiseFlow folds piecewise-linear ones)",
        )
        d, flips = sum(partition), tuple(flips)
        if any(type(i) is not int or not 0 <= i < d for i in flips) or len(set(flips)) < len(flips):
            raise InvalidInputError(
                f"expected distinct coordinates from 0 to {d - 1} as flips, got {list(flips)}"
            )
        fields = [layer.field for layer in layers] + ([field] if field else [])
        vars(self).update(
            layers=layers,
            partition=partition,
            flips=tuple(sorted(flips)),
            method=method,
            field=common_field(fields),
        )

    def _signs(self) -> list:
        signs = [self.field.one] * self.dimension
        for i in self.flips:
            signs[i] = -signs[i]
        return signs

    def _fold_array(self, columns: "SparseArray") -> "SparseArray":
        from exactflow.exact.sparse import composed

        layers = [(layer.moves, layer.shift_array) for layer in self.layers]
        return composed(layers, self.partition[0], columns.with_rows_negated(self.flips))

    def sparse_array(self) -> "SparseArray":
        """Return the matrix of a flow that `has_arrays`, in time linear in entries that meet."""
        from exactflow.exact.sparse import SparseArray

        return self._fold_array(SparseArray.identity(self.dimension))

    def _fold(self, columns: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
        if self.has_arrays and columns.domain.is_QQ:
            from exactflow.exact.sparse import SparseArray

            image = self._fold_array(SparseArray.from_matrix(columns))
            above, below = image.split(self.partition[0])
            return above.to_matrix(sympy.QQ), below.to_matrix(sympy.QQ)
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

    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        first, second = self._fold(columns)
        return first.vstack(second)

    def blocks(self) -> linalg.Blocks:
        """Return the blocks of the matrix.

        They are composed block by block: every shear costs at most two block products.
        """
        p = self.partition[0]
        first, second = self._fold(DomainMatrix.eye(self.dimension, self.field))
        return linalg.Blocks(first[:, :p], first[:, p:], second[:, :p], second[:, p:])

    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the flow as a ``DomainMatrix``."""
        return linalg.join(self.blocks())

    def inverse(self) -> "CouplingFlow":
        """Return the inverse, a flow with the inverse layers in reverse order."""
        signs = self._signs()
        layers = [layer.inverse().conjugated(signs) for layer in reversed(self.layers)]
        return CouplingFlow(layers, self.partition, self.flips, field=self.field)

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
        """Return the flow with numbers in the place of its parameters, exactly.

        A scale that is negative there leaves its sign in `flips`: at such a point det < 0, or two
        negative scales compensate each other.

        Parameters
        ----------
        values : for each SymPy symbol a number, in any form that `factor` takes for an entry.

        Raises
        ------
        InvalidInputError
            A key that is no symbol, a number that is not exact, or a root of one of the
            `exceptional` polynomials.

        Examples
        --------
        >>> t = sympy.Symbol("t")
        >>> CouplingFlow([LinearCoupling((1, 1), "first", [[1 / t]])]).at({t: 2}).matrix()
        Matrix([
        [1, 1/2],
        [0,   1]])
        """
        values = _exact_values(values)
        for polynomial in self.exceptional():
            if as_expression(polynomial.subs(values, simultaneous=True)) == 0:
                raise InvalidInputError(
                    f"expected parameters off the roots of {polynomial}, got {values}: there a "
                    "layer is not defined; factor the matrix at these parameters instead"
                )
        shifts = [
            as_rectangle(layer.shift.subs(values, simultaneous=True)) for layer in self.layers
        ]
        scales = [
            as_column([s.subs(values, simultaneous=True) for s in layer.scale])
            for layer in self.layers
        ]
        field = common_field([M.domain for M in (*shifts, *scales)])
        signs, layers = [field.one] * self.dimension, []
        p = self.partition[0]
        for layer, shift, scale in zip(self.layers[::-1], shifts[::-1], scales[::-1], strict=True):
            scale = scale.convert_to(field)
            own = [
                -field.one if _is_negative(s, field) else field.one for s in scale.to_list_flat()
            ]
            shift = linalg.scale_rows(own, shift.convert_to(field))
            scale = linalg.scale_rows(own, scale)
            places = range(p) if layer.moves == "first" else range(p, self.dimension)
            for place, sign in zip(places, own, strict=True):
                signs[place] *= sign
            positive = LinearCoupling(self.partition, layer.moves, shift, scale)
            layers.append(positive.conjugated(signs))
        flips = set(self.flips) ^ {k for k, sign in enumerate(signs) if sign != field.one}
        return CouplingFlow(layers[::-1], self.partition, flips, self.method)

    def __matmul__(self, other: "CouplingFlow") -> "CouplingFlow":
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        if self.partition != other.partition:
            raise InvalidInputError(
                f"expected two flows of one partition, got {self.partition} and {other.partition}"
            )
        signs = self._signs()
        layers = [layer.conjugated(signs) for layer in other.layers]
        flips = set(self.flips) ^ set(other.flips)
        field = self.field.unify(other.field)
        return CouplingFlow([*layers, *self.layers], self.partition, flips, field=field)


def _exact_values(values: dict) -> dict[sympy.Symbol, sympy.Expr]:
    """Return parameters with their values, exactly."""
    if not isinstance(values, dict) or not all(isinstance(k, sympy.Symbol) for k in values):
        raise InvalidInputError(
            "expected a dict from SymPy symbols to numbers, as {Symbol('t'): 2}, got "
            f"{format_short(values)}"
        )
    return {symbol: as_expression(value) for symbol, value in values.items()}


def _is_negative(value: Element, field: Domain) -> bool:
    return linalg.is_positive(-value, field) is True
