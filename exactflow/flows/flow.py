"""Flows of linear couplings: exact matrices in factored form.

A `CouplingFlow` first multiplies by a diagonal matrix of signs, and then applies its layers. All
signs are 1 unless the flow has flips. The layers see the coordinates in the natural order, or in
the order that a mask gives.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import sympy
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import (
    ExactMatrix,
    as_column,
    as_expression,
    as_rectangular_matrix,
    common_field,
)
from exactflow.exact.exceptional import factor_all, sort_factors
from exactflow.exact.numbers import format_short
from exactflow.exact.rational_matrix import (
    compose_dense_over_QQ,
    is_composition_over_QQ,
    is_dense_composition_likely_faster,
)
from exactflow.exact.typing import Half
from exactflow.flows import display
from exactflow.flows.arithmetic import FromRational
from exactflow.flows.base import (
    Flow,
    as_layers_and_partition,
    as_order_empty_if_natural,
    refusing_points,
)
from exactflow.flows.linear import LinearCoupling, apply_layers_to_columns
from exactflow.flows.orientation import signs_from_flips
from exactflow.flows.partition import moved_and_kept, to_int_tuple_or_none


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CouplingFlow(Flow):
    """Linear coupling layers in order of application: a matrix in factored form.

    The matrix of the flow is ``E^T layers[-1] ... layers[1] layers[0] E F``. Here F is the diagonal
    matrix that negates the coordinates in `flips`, and E is the permutation matrix ``eye[order]``,
    so that the layers act on x[order[0]], x[order[1]], .. Without flips F is the identity; in the
    natural order E is the identity. ``f @ g`` applies g first. All arguments and results of methods
    list coordinates in their natural order.

    Parameters
    ----------
    layers : `LinearCoupling` values of one partition.
    partition : (p, q); needed only if there are no layers.
    flips : distinct coordinates, 0 .. d - 1, that are negated before the first layer. A flow with
        an odd number of flips reverses orientation; couplings without flips preserve it.
    order : each of 0 .. d - 1 once, the coordinates of the first half first; () for the natural
        order, which is the default.
    method : the name of the method that made the flow; equality ignores it.
    field : a field that contains all entries; by default the smallest one.
    derivation : the function that `explain` calls with the flow; equality ignores it.

    Raises
    ------
    InvalidInputError
        Layers of different partitions, flips that are not distinct coordinates, or an order that
        does not list each coordinate once.

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
    >>> CouplingFlow([shear], order=[1, 0]).matrix()
    Matrix([
    [1, 3],
    [0, 1]])
    """

    layers: tuple[LinearCoupling, ...]
    partition: tuple[int, int]
    flips: tuple[int, ...]
    order: tuple[int, ...]
    method: str
    field: Domain
    derivation: Callable[["CouplingFlow"], Any] | None

    def __init__(
        self,
        layers: Iterable[LinearCoupling] = (),
        partition: tuple[int, int] | None = None,
        *,
        flips: Iterable[int] = (),
        method: str = "",
        field: Domain | None = None,
        order: Iterable[int] = (),
        derivation: Callable[["CouplingFlow"], Any] | None = None,
    ) -> None:
        layers, partition = as_layers_and_partition(
            layers,
            partition,
            LinearCoupling,
            "linear couplings (PiecewiseFlow composes piecewise-linear ones)",
        )
        d, flipped = sum(partition), to_int_tuple_or_none(flips)
        if flipped is None or len({*flipped} & {*range(d)}) < len(flipped):
            raise InvalidInputError(
                "expected the argument flips=.. to list distinct coordinates from 0 to "
                f"{d - 1}, got {format_short(flips)}"
            )
        if not isinstance(field, Domain | None):
            raise InvalidInputError(
                f"expected a domain of SymPy as field, such as QQ, got {type(field).__name__}"
            )
        fields = [layer.field for layer in layers] + ([field] if field else [])
        vars(self).update(
            layers=layers,
            partition=partition,
            flips=tuple(sorted(flipped)),
            order=as_order_empty_if_natural(order, d),
            method=method,
            field=common_field(fields),
            derivation=derivation,
        )

    @property
    def is_sparse(self) -> bool:
        """Whether the shifts of all layers are sparse; then `domain_matrix` is sparse, too."""
        return all(layer.is_sparse for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    def explain(self) -> Any:
        """Return an `exactflow.explanation.Explanation` of a flow that `factor` returned.

        The construction runs again. Its steps hold the intermediate matrices and the identities
        between them, each checked. The last identity is the product of the layers.

        Raises
        ------
        InvalidInputError
            The flow was made from layers, so there is no construction to explain.

        Examples
        --------
        >>> from exactflow import factor
        >>> print(factor([[1, 2], [0, 1]]).explain())
        M is the product of one coupling. [exact]
        <BLANKLINE>
        1. Split M into halves of 1 and 1 coordinates. A, B, C, D are the blocks that result.
           (blocks)
           M = [1 2]   A = [1]   B = [2]   C = [0]   D = [1]
               [0 1]
           checked: blocks(A, B, C, D) = M
        <BLANKLINE>
        2. These are the layers, in the order in which data meets them. Neighbours that move the
           same half are merged. (product)
           l1 = [1 2]
                [0 1]
           checked: l1 = M
        """
        if self.derivation is None:
            raise InvalidInputError(
                "expected a flow that factor returned, got a flow made from layers: use "
                "exactflow.factor(flow.matrix()).explain()"
            )
        return self.derivation(self)

    def _signs_first_half_first(self, field: Domain) -> list:
        """Return -1 for each flipped coordinate and 1 for the others, the first half first."""
        return signs_from_flips(self.flips, self._coordinates_first_half_first(), field)

    def _conjugate_by_flips(self, layers: Iterable[LinearCoupling]) -> list[LinearCoupling]:
        """Return ``F layer F`` for each layer, where the matrix F negates flipped coordinates."""
        return [layer.conjugated(self._signs_first_half_first(layer.field)) for layer in layers]

    def with_layers(self, layers: Iterable[LinearCoupling], **changed: Any) -> "CouplingFlow":
        """Return the given layers as a flow with the partition, flips, order and field of this one.

        Arguments in `changed` replace the flips, order or field, or are passed to `CouplingFlow`.
        """
        kept = {"flips": self.flips, "order": self.order, "field": self.field}
        return CouplingFlow(layers, self.partition, **(kept | changed))

    def _apply_flips_and_layers(self, columns: DomainMatrix | None = None) -> DomainMatrix:
        """Return the images of columns, by default of the unit vectors, under flips and layers.

        The rows of `columns` and of the images list the first half before the second half.
        """
        if self.flips and columns is not None:
            columns = linalg.scale_rows(self._signs_first_half_first(columns.domain), columns)
        elif self.flips:
            columns = DomainMatrix.diag(self._signs_first_half_first(self.field), self.field)
        is_rational = self.field.is_QQ and (columns is None or columns.domain.is_QQ)
        if is_rational and self.is_sparse and self.is_additive:
            # This fast path fails without NumPy, and for an entry that is not a small integer; then
            # the general code after it runs.
            with suppress(OverflowError, ModuleNotFoundError):
                from exactflow.exact.sparse_array import compose_sparse_integer_shears

                arrays = [(layer.moves, layer.sparse_integer_shift) for layer in self.layers]
                return compose_sparse_integer_shears(arrays, self.partition, columns)
        columns = DomainMatrix.eye(self.dimension, self.field) if columns is None else columns
        columns = columns.to_sparse() if self.is_sparse else columns.to_dense()
        p = self.partition[0]
        if is_rational and not self.is_sparse:
            steps = [_moves_scales_shift(layer) for layer in self.layers]
            if is_dense_composition_likely_faster(steps, columns):
                return compose_dense_over_QQ(steps, p, columns)
        return apply_layers_to_columns(self.layers, p, columns)

    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        width = list(range(columns.shape[1]))
        columns = columns.extract(list(self.order), width) if self.order else columns
        image = self._apply_flips_and_layers(columns)
        return image.extract(self._inverse_permutation_of_order(), width) if self.order else image

    def _map_entries(self, entries: list, from_rational: FromRational) -> list:
        signed = [-x if i in self.flips else x for i, x in enumerate(entries)]
        return super()._map_entries(signed, from_rational)

    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the flow as a ``DomainMatrix``."""
        inner = self._apply_flips_and_layers()
        if not self.order:
            return inner
        places = self._inverse_permutation_of_order()
        return inner.extract(places, places)

    def _equals_dense_rational_matrix(self, M: DomainMatrix) -> bool:
        """Whether the matrix of the flow equals M; both are dense matrices over QQ."""
        order = list(self._coordinates_first_half_first())
        unsigned = linalg.scale_columns(M.extract(order, order), self._signs_first_half_first(QQ))
        steps = [_moves_scales_shift(layer) for layer in self.layers]
        return is_composition_over_QQ(steps, self.partition[0], unsigned)

    def matrix(self) -> ExactMatrix:
        """Return the d x d matrix of the flow as an exact SymPy matrix."""
        return ExactMatrix.from_domain_matrix(self.domain_matrix())

    @refusing_points
    def inverse(self) -> "CouplingFlow":
        """Return the inverse flow, whose layers are the inverse layers in reverse order."""
        inner = [layer.inverse() for layer in reversed(self.layers)]
        return self.with_layers(self._conjugate_by_flips(inner))

    def exceptional_polynomials(self) -> tuple[sympy.Expr, ...]:
        """Return irreducible polynomials in the parameters; the flow is not valid at their roots.

        Over QQ(t) they are the factors of all denominators, and of the numerators of the scales. At
        a root some layer is not defined, or not invertible. At every other t the flow is valid.
        Over a field without parameters there are no such polynomials.

        >>> t = sympy.Symbol("t")
        >>> flow = CouplingFlow([LinearCoupling((1, 1), "first", [[1 / (t**2 - t)]])])
        >>> flow.exceptional_polynomials()
        (t, t - 1)
        """
        if not self.field.is_FractionField:
            return ()
        polynomials = list[Any]()
        for layer in self.layers:
            values = linalg.convert_elements(
                layer.scales_and_nonzero_shift_entries(), layer.field, self.field
            )
            scales = linalg.convert_elements(layer.scale_elements, layer.field, self.field)
            polynomials += [v.denom for v in values] + [s.numer for s in scales]
        return sort_factors(factor_all(polynomials))

    def at(self, values: dict) -> "CouplingFlow":
        """Return the flow with its parameters replaced by exact numbers.

        If a scale becomes negative, its coordinate is added to `flips` and the scale loses its
        sign; two flips of one coordinate cancel. A scale of unknown sign stays in its layer.

        Parameters
        ----------
        values : a dict from SymPy symbols to numbers, in any form that `factor` takes for an entry.

        Raises
        ------
        InvalidInputError
            A key that is not a symbol, or another symbol with the name of a parameter; a number
            that is not exact; or a root of one of the `exceptional_polynomials`.

        Examples
        --------
        >>> t = sympy.Symbol("t")
        >>> CouplingFlow([LinearCoupling((1, 1), "first", [[1 / t]])]).at({t: 2}).matrix()
        Matrix([
        [1, 1/2],
        [0,   1]])
        """
        if not isinstance(values, dict) or not all(isinstance(k, sympy.Symbol) for k in values):
            raise InvalidInputError(
                "expected a dict from SymPy symbols to numbers, such as {Symbol('t'): 2}, got "
                f"{format_short(values)}"
            )
        values = {symbol: as_expression(value) for symbol, value in values.items()}
        parameters = getattr(self.field, "symbols", ())
        own = {x for parameter in parameters for x in parameter.free_symbols}
        for symbol in values.keys() - own:
            if symbol.name in {x.name for x in own}:
                raise InvalidInputError(
                    f"expected the parameters of the flow, got another symbol {symbol}: declare it "
                    "with the same assumptions as in the matrix"
                )
        for polynomial in self.exceptional_polynomials():
            if as_expression(polynomial.subs(values, simultaneous=True)) == 0:
                raise InvalidInputError(
                    f"expected parameters at which {polynomial} is not zero, got {values}, where a "
                    "layer is not valid: factor the matrix at these parameters instead"
                )
        shifts = [
            as_rectangular_matrix(layer.shift.subs(values, simultaneous=True))
            for layer in self.layers
        ]
        scales = [
            as_column([s.subs(values, simultaneous=True) for s in layer.scale])
            for layer in self.layers
        ]
        field = common_field([M.domain for M in (*shifts, *scales)])
        flow = self.with_layers((), field=field)
        for layer, shift, scale in zip(self.layers, shifts, scales, strict=True):
            one, entries = field.one, scale.convert_to(field).to_list_flat()
            signs = [-one if linalg.is_positive(-s, field) else one for s in entries]
            unsigned = [sign * s for sign, s in zip(signs, entries, strict=True)]
            positive = LinearCoupling.trusted(
                self.partition, layer.moves, shift.convert_to(field), unsigned
            )
            moved, _ = moved_and_kept(layer.moves, self.halves)
            flips = [i for i, s in zip(moved, signs, strict=True) if s != field.one]
            flow = self.with_layers([positive], flips=flips, field=field) @ flow
        return flow.with_layers(flow.layers, method=self.method)

    def __matmul__(self, other: Any) -> "CouplingFlow":
        if not isinstance(other, CouplingFlow):
            # a flow of another kind composes itself with this flow, by __rmatmul__
            return NotImplemented if isinstance(other, Flow) else super().__matmul__(other)
        for name, none in (("partition", ""), ("order", "the natural one")):
            mine, theirs = getattr(self, name) or none, getattr(other, name) or none
            if mine != theirs:
                raise InvalidInputError(
                    f"expected two flows with equal {name}, got {mine} and {theirs}"
                )
        field = common_field([self.field, other.field])
        flips = set(self.flips) ^ set(other.flips)
        layers = [*self._conjugate_by_flips(other.layers), *self.layers]
        return self.with_layers(layers, flips=flips, field=field)

    def _heading(self) -> str:
        extras = {"flips": list(self.flips), "method": self.method}
        shown = "".join(f", {name}={value!r}" for name, value in extras.items() if value)
        return super()._heading() + display.field_suffix_unless_rational(self.field) + shown

    def _latex_factors(self) -> list[str]:
        """Return LaTeX of each factor of the matrix of the flow, from left to right.

        The factors are E^T, the layers from the last to the first, E and F, where E is the
        permutation matrix of the order, and F the diagonal matrix of the flips. An identity E or F
        is omitted, unless there is no other factor.
        """
        factors, order = super()._latex_factors(), self._coordinates_first_half_first()
        constant = partial(display.integer_matrix_or_name_latex, self.dimension)
        if self.order:
            factors.insert(0, constant(lambda i, j: int(i == order[j]), "E^{\\mathsf T}"))
            factors.append(constant(lambda i, j: int(j == order[i]), "E"))
        if self.flips or not factors:
            factors.append(constant(lambda i, j: (i == j) - 2 * (i == j in self.flips), "F"))
        return factors


def _moves_scales_shift(layer: LinearCoupling) -> tuple[Half, tuple, DomainMatrix]:
    """Return the half that a layer moves, the scales of the layer, and its shift."""
    return layer.moves, layer.scale_elements, layer.shift_matrix
