"""Linear affine coupling layers and their composition, as exact values.

A coupling keeps one half of the coordinates and maps the other (Dinh, Krueger and Bengio, *NICE*,
2014; Dinh, Sohl-Dickstein and Bengio, *Real NVP*, 2017). With x = (x1, x2), x1 of p and x2 of q
entries:

- ``moves="second"``: y1 = x1, y2 = s * x2 + T x1, matrix [[I, 0], [T, diag(s)]], T of shape q x p;
- ``moves="first"``: y1 = s * x1 + T x2, y2 = x2, matrix [[diag(s), T], [0, I]], T of shape p x q;

with s > 0 entrywise. `CouplingFlow` folds such layers in the order in which data meets them, after
a diagonal of signs that is the identity unless the flow repairs an orientation.
"""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow import linalg
from exactflow.coerce import as_rectangle, as_vectors, format_short
from exactflow.errors import InvalidInputError
from exactflow.integral import IntegralMatrix
from exactflow.linalg import AnyMatrix

__all__ = ["CouplingFlow", "LinearCoupling"]

Half = Literal["first", "second"]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class LinearCoupling:
    """One linear affine coupling layer: ``moved = scale * moved + shift @ kept``.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves, both at least 1.
    moves : "first" or "second", the half that the layer maps; the other half is kept.
    shift : the matrix T: p x q if the first half moves, q x p if the second does.
    scale : one positive number for each coordinate that moves; where it is left out, all ones (an
        *additive* layer).

    Raises
    ------
    InvalidInputError
        A wrong shape, an entry that is not exact, or a scale that is not positive.

    Examples
    --------
    >>> layer = LinearCoupling((1, 2), "second", shift=[["1/2"], [3]])
    >>> layer.forward([2, 0, 0])
    Matrix([
    [2],
    [1],
    [6]])
    """

    partition: tuple[int, int]
    moves: Half
    scale_elements: tuple
    shift_matrix: DomainMatrix

    def __init__(self, partition: tuple[int, int], moves: Half, shift, scale=None):
        partition = checked_partition(partition)
        if moves not in ("first", "second"):
            raise InvalidInputError(f"expected moves='first' or 'second', got {moves!r}")
        moved, kept = partition if moves == "first" else partition[::-1]
        matrix = as_rectangle(shift)
        if matrix.shape != (moved, kept):
            raise InvalidInputError(
                f"expected a shift of shape {moved} x {kept} (the {moves} half of {partition} "
                f"moves), got {matrix.shape[0]} x {matrix.shape[1]}"
            )
        if scale is None:
            elements = (matrix.domain.one,) * moved
        else:
            column = as_vectors(scale if isinstance(scale, DomainMatrix) else list(scale), moved)
            matrix, column = matrix.unify(column)
            elements = tuple(column.to_list_flat())
            _check_scale(elements, matrix.domain)
        object.__setattr__(self, "partition", partition)
        object.__setattr__(self, "moves", moves)
        object.__setattr__(self, "scale_elements", elements)
        object.__setattr__(self, "shift_matrix", matrix)

    @property
    def field(self) -> Domain:
        """The field of the entries."""
        return self.shift_matrix.domain

    @cached_property
    def scale(self) -> tuple[sympy.Expr, ...]:
        """The scale, one number for each coordinate that moves."""
        return tuple(self.field.to_sympy(s) for s in self.scale_elements)

    @property
    def shift(self) -> sympy.Matrix:
        """The shift T as a SymPy matrix, a new one each time."""
        return self.shift_matrix.to_Matrix()

    @property
    def is_additive(self) -> bool:
        """Whether the scale is one everywhere."""
        return self.scale_elements.count(self.field.one) == len(self.scale_elements)

    @property
    def is_identity(self) -> bool:
        """Whether the layer changes nothing."""
        return self.is_additive and self.shift_matrix.is_zero_matrix

    @property
    def nnz(self) -> int:
        """The number of nonzero entries of the shift."""
        return self.shift_matrix.nnz()

    @cached_property
    def bits(self) -> int | None:
        """The largest bit length of a numerator or denominator; None where the field is not QQ."""
        if not self.field.is_QQ:
            return None
        return max(
            int(part).bit_length() for v in self._values() for part in (v.numerator, v.denominator)
        )

    @cached_property
    def magnitude(self) -> sympy.Rational | None:
        """The largest absolute value of an entry; None where the field is not QQ."""
        return self.field.to_sympy(max(map(abs, self._values()))) if self.field.is_QQ else None

    def _values(self) -> Iterable:
        yield from self.scale_elements
        yield from self.shift_matrix.iter_values()

    def act(self, first: AnyMatrix, second: AnyMatrix) -> tuple[AnyMatrix, AnyMatrix]:
        """Return both halves of some columns after the layer, at the cost of one product."""
        moved, kept = (first, second) if self.moves == "first" else (second, first)
        moved = linalg.scale_rows(self.scale_elements, moved) + linalg.product(
            self.shift_matrix, kept
        )
        return (moved, kept) if self.moves == "first" else (kept, moved)

    def forward(self, x) -> sympy.Matrix:
        """Return the image of a vector of d entries, or of each column of a matrix."""
        return CouplingFlow([self]).forward(x)

    def matrix(self) -> sympy.Matrix:
        """Return the d x d matrix."""
        return CouplingFlow([self]).matrix()

    def inverse(self) -> "LinearCoupling":
        """Return the inverse, a layer that moves the same half."""
        if self.is_additive:
            return LinearCoupling(self.partition, self.moves, -self.shift_matrix)
        scale = [self.field.one / s for s in self.scale_elements]
        return self._replaced(linalg.scale_rows(scale, -self.shift_matrix), scale)

    def after(self, other: "LinearCoupling") -> "LinearCoupling":
        """Return the one layer that equals `other` followed by this; both move the same half."""
        scale = [s * t for s, t in zip(self.scale_elements, other.scale_elements, strict=True)]
        shift = linalg.scale_rows(self.scale_elements, other.shift_matrix) + self.shift_matrix
        return self._replaced(shift, scale)

    def conjugated(self, signs: Sequence) -> "LinearCoupling":
        """Return S layer S, where S is the diagonal of d signs (elements of the field)."""
        if signs.count(self.field.one) == len(signs):
            return self
        halves = signs[: self.partition[0]], signs[self.partition[0] :]
        moved, kept = halves if self.moves == "first" else halves[::-1]
        shift = linalg.scale_rows(moved, self.shift_matrix)
        shift = linalg.scale_rows(kept, shift.transpose()).transpose()
        return self._replaced(shift, self.scale_elements)

    def swap_halves(self) -> "LinearCoupling":
        """Return the layer in the coordinates (x2, x1)."""
        other = "second" if self.moves == "first" else "first"
        scale = linalg.column(self.scale_elements, self.field)
        return LinearCoupling(self.partition[::-1], other, self.shift_matrix, scale)

    def _replaced(self, shift: DomainMatrix, scale: Sequence) -> "LinearCoupling":
        return LinearCoupling(self.partition, self.moves, shift, linalg.column(scale, self.field))

    def _key(self) -> tuple:
        return self.partition, self.moves, self.scale, self.shift_matrix.to_sparse()

    def __eq__(self, other) -> bool:
        if not isinstance(other, LinearCoupling):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.partition, self.moves, self.scale, self.nnz))

    def summary(self) -> str:
        """Return one line: which half moves, the kind of scale, nonzeros, bits."""
        kind = "additive" if self.is_additive else "scaled"
        size = "" if self.bits is None else f", bits {self.bits}"
        return f"moves {self.moves}, {kind}, nonzeros {self.nnz}{size}"

    def __repr__(self) -> str:
        return f"<LinearCoupling {self.partition}: {self.summary()}>"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {_latex(self)}$"


@dataclass(frozen=True, init=False, eq=False, repr=False)
class CouplingFlow:
    """Coupling layers in the order in which data meets them.

    As a matrix the flow is ``layers[-1] ... layers[1] layers[0] F``, where F is the diagonal that
    negates the coordinates in `flips`; without flips F is the identity. ``f @ g`` applies g first.

    Parameters
    ----------
    layers : `LinearCoupling` values of one partition.
    partition : (p, q); needed only where there is no layer.
    flips : distinct coordinates, 0 .. d - 1, that are negated before the first layer. A flow with
        an odd number of flips reverses orientation, which couplings alone cannot.
    method : how the flow was made, for the record; it plays no part in equality.

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
    >>> (flow.inverse() @ flow).matrix() == sympy.eye(2)
    True
    """

    layers: tuple[LinearCoupling, ...]
    partition: tuple[int, int]
    flips: tuple[int, ...]
    method: str

    def __init__(
        self,
        layers: Iterable[LinearCoupling] = (),
        partition: tuple[int, int] | None = None,
        flips: Iterable[int] = (),
        method: str = "",
    ):
        layers = tuple(layers)
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
        flips = tuple(sorted(flips))
        if len(set(flips)) < len(flips) or not set(flips) <= set(range(sum(partition))):
            raise InvalidInputError(
                f"expected distinct coordinates from 0 to {sum(partition) - 1} as flips, "
                f"got {list(flips)}"
            )
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "partition", partition)
        object.__setattr__(self, "flips", flips)
        object.__setattr__(self, "method", method)

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return len(self.layers)

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    @cached_property
    def field(self) -> Domain:
        """The least field that holds the entries of all layers; QQ where there are none."""
        field = sympy.QQ
        for i, layer in enumerate(self.layers):
            field = field.unify(layer.field) if i else layer.field
        return field

    @property
    def is_sparse(self) -> bool:
        """Whether all shifts are sparse; then vectors and compositions are, too."""
        return all(layer.shift_matrix.rep.fmt == "sparse" for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    def _signs(self) -> list:
        signs = [self.field.one] * self.dimension
        for i in self.flips:
            signs[i] = -signs[i]
        return signs

    def _fold(self, columns: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
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

    def blocks(self) -> linalg.Blocks:
        """Return the blocks of the flow's matrix; every shear costs at most two block products."""
        p = self.partition[0]
        first, second = self._fold(DomainMatrix.eye(self.dimension, self.field))
        return linalg.Blocks(first[:, :p], first[:, p:], second[:, :p], second[:, p:])

    def matrix(self) -> sympy.Matrix:
        """Return the d x d matrix of the flow, flips included."""
        return linalg.join(self.blocks()).to_Matrix()

    def forward(self, x) -> sympy.Matrix:
        """Return the image of a vector of d entries, or of each column of a matrix.

        The matrix of the flow is not formed: every layer acts on the vector.
        """
        first, second = self._fold(as_vectors(x, self.dimension))
        return first.vstack(second).to_Matrix()

    def inverse(self) -> "CouplingFlow":
        """Return the inverse, a flow with the inverse layers in reverse order."""
        signs = self._signs()
        layers = [layer.inverse().conjugated(signs) for layer in reversed(self.layers)]
        return CouplingFlow(layers, self.partition, self.flips)

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` exactly: the log of the product of the scales."""
        elements = (s for layer in self.layers for s in layer.scale_elements)
        return sympy.log(self.field.to_sympy(prod(elements, start=self.field.one)))

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
        return CouplingFlow([*layers, *self.layers], self.partition, flips)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[LinearCoupling]:
        return iter(self.layers)

    def __eq__(self, other) -> bool:
        if not isinstance(other, CouplingFlow):
            return NotImplemented
        return (self.partition, self.flips, self.layers) == (
            other.partition,
            other.flips,
            other.layers,
        )

    def __hash__(self) -> int:
        return hash((self.partition, self.flips, self.layers))

    def __repr__(self) -> str:
        flips = f", flips={list(self.flips)}" if self.flips else ""
        method = f", method={self.method!r}" if self.method else ""
        head = f"<CouplingFlow {self.partition}, depth {self.depth}{flips}{method}>"
        lines = (f"  {i}. {layer.summary()}" for i, layer in enumerate(self.layers, 1))
        return "\n".join([head, *lines])

    def _repr_latex_(self) -> str:
        factors = [_latex(layer) for layer in reversed(self.layers)]
        if self.flips or not factors:
            signs = sympy.diag(*map(self.field.to_sympy, self._signs()))
            factors.append(sympy.latex(signs) if self.dimension <= _LATEX_DIMENSION else "F")
        return f"$\\displaystyle {' '.join(factors)}$"


_LATEX_DIMENSION = 8
_LATEX_BITS = 40


def _latex(layer: LinearCoupling) -> str:
    """Return the layer's matrix, or its shape alone where the matrix would not fit on a line."""
    if sum(layer.partition) <= _LATEX_DIMENSION and (layer.bits or 0) <= _LATEX_BITS:
        return sympy.latex(layer.matrix())
    shift = f"T_{{{layer.shift_matrix.shape[0]} \\times {layer.shift_matrix.shape[1]}}}"
    scale = "I" if layer.is_additive else "\\operatorname{diag}(s)"
    first, second = f"{scale} & {shift} \\\\ 0 & I", f"I & 0 \\\\ {shift} & {scale}"
    body = first if layer.moves == "first" else second
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def checked_partition(partition) -> tuple[int, int]:
    """Return `partition` as two positive integers, or raise `InvalidInputError`."""
    try:
        p, q = (operator.index(size) for size in partition)
    except (TypeError, ValueError):
        p = q = 0
    if p < 1 or q < 1:
        raise InvalidInputError(
            f"expected a partition (p, q) of two positive integers, got {partition!r}"
        )
    return p, q


def _check_scale(elements: Sequence, field: Domain) -> None:
    for i, element in enumerate(elements):
        if not element or linalg.is_positive(element, field) is False:
            raise InvalidInputError(
                f"expected positive scales, got {format_short(field.to_sympy(element))} at {i}: "
                "a coupling layer preserves orientation; signs go into the flow's flips"
            )
