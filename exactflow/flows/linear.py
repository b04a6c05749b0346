"""Linear affine coupling layers with exact entries.

A coupling keeps one half of the coordinates and maps the other (Dinh, Krueger and Bengio, *NICE*,
2014; Dinh, Sohl-Dickstein and Bengio, *Real NVP*, 2017). Let x = (x1, x2), where x1 has p and x2
has q entries:

- ``moves="second"``: y1 = x1, y2 = s * x2 + T x1, matrix [[I, 0], [T, diag(s)]], T of shape q x p;
- ``moves="first"``: y1 = s * x1 + T x2, y2 = x2, matrix [[diag(s), T], [0, I]], T of shape p x q;

with s > 0 entrywise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import (
    ExactMatrix,
    as_column,
    as_rectangular_matrix,
    as_vectors,
    convert_to_common_field,
    is_equal,
)
from exactflow.exact.numbers import format_short, to_float
from exactflow.exact.typing import HALVES, Half, MatrixLike, VectorLike, check_option
from exactflow.flows.arithmetic import FromRational
from exactflow.flows.base import Coupling, refusing_points
from exactflow.flows.partition import apply_layers_to_halves, as_partition, moved_and_kept, opposite

if TYPE_CHECKING:
    import numpy as np
    from scipy import sparse
    from typing_extensions import TypeIs

    from exactflow.exact.sparse_array import SparseInt64Matrix


@dataclass(frozen=True, init=False, eq=False, repr=False)
class LinearCoupling(Coupling):
    """A linear coupling layer, which replaces ``moved`` by ``scale * moved + shift @ kept``.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves, both at least 1.
    moves : "first" or "second", the half that the layer maps; the other half is kept.
    shift : the matrix T: p x q if the first half moves, q x p if the second half moves.
    scale : one positive number for each coordinate that moves; by default all ones (an *additive*
        layer).

    Raises
    ------
    InvalidInputError
        A wrong shape, an entry that is not exact, or a scale that is not known to be positive; over
        GF(p), where no element has a sign, a scale that is zero.

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
    _shift: "DomainMatrix | SparseInt64Matrix"

    def __init__(
        self,
        partition: tuple[int, int],
        moves: Half,
        shift: MatrixLike,
        scale: "VectorLike | None" = None,
    ) -> None:
        partition = as_partition(partition)
        check_option("moves", moves, HALVES)
        moved, kept = moved_and_kept(moves, partition)
        matrix = as_rectangular_matrix(shift)
        if matrix.shape != (moved, kept):
            raise InvalidInputError(
                f"expected a shift of shape {moved} x {kept} (the {moves} half of {partition} "
                f"moves), got {matrix.shape[0]} x {matrix.shape[1]}"
            )
        if scale is None:
            elements = (matrix.domain.one,) * moved
        else:
            column = as_vectors(as_column(scale), moved, matrix.domain)
            matrix = convert_to_common_field(matrix, column.domain)
            elements = tuple(column.to_list_flat())
            _require_positive_or_nonzero_scales(elements, matrix.domain)
        vars(self).update(partition=partition, moves=moves, scale_elements=elements, _shift=matrix)

    @classmethod
    def trusted(
        cls,
        partition: tuple[int, int],
        moves: Half,
        shift: "DomainMatrix | SparseInt64Matrix",
        scale: Sequence = (),
    ) -> "LinearCoupling":
        """Return a layer of the given parts, without checks or conversion.

        Parameters
        ----------
        partition, moves : as for `LinearCoupling`.
        shift : a matrix over a field, or a `SparseInt64Matrix`.
        scale : nonzero elements of the field, by default all ones. Their signs are not checked.
        """
        layer = object.__new__(cls)
        elements = tuple(scale) or (shift.domain.one,) * shift.shape[0]
        vars(layer).update(partition=partition, moves=moves, scale_elements=elements, _shift=shift)
        return layer

    @cached_property
    def shift_matrix(self) -> DomainMatrix:
        """The shift as a ``DomainMatrix``."""
        return self._shift.to_sparse_matrix() if _is_sparse_array(self._shift) else self._shift

    @cached_property
    def sparse_integer_shift(self) -> "SparseInt64Matrix":
        """The shift, a matrix of integers over QQ, as a `SparseInt64Matrix`.

        Raises `OverflowError` unless all entries are integers below 2^62.
        """
        from exactflow.exact.sparse_array import SparseInt64Matrix

        return (
            self._shift
            if _is_sparse_array(self._shift)
            else SparseInt64Matrix.from_small_integers(self._shift)
        )

    @cached_property
    def float_shift(self) -> "np.ndarray | sparse.csr_array":
        """The shift, over QQ, rounded to float64; entries that overflow are infinite.

        It is an array that cannot be written to, or a sparse array of SciPy with such data if the
        shift is stored sparsely.
        """
        import numpy as np

        matrix = self.shift_matrix
        if not self.is_sparse:
            entries = np.array([to_float(x) for x in matrix.to_list_flat()])
            entries.flags.writeable = False
            return entries.reshape(matrix.shape)
        from scipy import sparse

        items = list(matrix.iter_items())
        rows, columns = np.array([place for place, _ in items], dtype=int).reshape(-1, 2).T
        values = np.array([to_float(value) for _, value in items], dtype=float)
        found = sparse.csr_array((values, (rows, columns)), matrix.shape)
        found.data.flags.writeable = False
        return found

    @property
    def is_sparse(self) -> bool:
        """Whether the shift is stored as a sparse matrix."""
        return _is_sparse_array(self._shift) or self._shift.rep.fmt == "sparse"

    @property
    def field(self) -> Domain:
        """The field of the scales and of the entries of the shift."""
        return self._shift.domain

    @cached_property
    def scale(self) -> tuple[sympy.Expr, ...]:
        """The scales as SymPy numbers, one for each coordinate that moves."""
        return tuple(self.field.to_sympy(s) for s in self.scale_elements)

    @property
    def shift(self) -> sympy.Matrix:
        """The shift as a new SymPy matrix."""
        return self.shift_matrix.to_Matrix()

    @property
    def is_identity(self) -> bool:
        """Whether the layer is the identity map."""
        return self.is_additive and not self.nnz

    @property
    def nnz(self) -> int:
        """The number of nonzero entries of the shift."""
        return self._shift.nnz()

    @cached_property
    def bits(self) -> int | None:
        """The largest bit length of a numerator or denominator; None if the field is not QQ."""
        if not self.field.is_QQ:
            return None
        return max(
            int(part).bit_length()
            for v in self.scales_and_nonzero_shift_entries()
            for part in (v.numerator, v.denominator)
        )

    @cached_property
    def magnitude(self) -> sympy.Rational | None:
        """The largest absolute value of a scale or shift entry; None if the field is not QQ."""
        if not self.field.is_QQ:
            return None
        return self.field.to_sympy(max(map(abs, self.scales_and_nonzero_shift_entries())))

    def scales_and_nonzero_shift_entries(self) -> Iterable:
        """Yield all scales, and all nonzero entries of the shift, as elements of the field."""
        yield from self.scale_elements
        yield from self._shift.iter_values()

    def _exact_image_of_moved_half(self, moved: DomainMatrix, kept: DomainMatrix) -> DomainMatrix:
        """Return the images of moved halves, given the kept halves; a column is one vector."""
        if not self.is_additive:
            scale = linalg.convert_elements(self.scale_elements, self.field, moved.domain)
            moved = linalg.scale_rows(scale, moved)
        return moved + self.shift_matrix * kept

    def shift_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the shift for a given kept half; `from_rational` converts weights."""
        if from_rational is to_float:
            import numpy as np

            return self.float_shift @ np.stack(kept)
        image = [0 * kept[0]] * self.shift_matrix.shape[0]
        for (i, j), entry in self.shift_matrix.iter_items():
            image[i] = image[i] + from_rational(entry) * kept[j]
        return image

    def domain_matrix(self) -> DomainMatrix:
        """Return the d x d matrix of the layer as a ``DomainMatrix``."""
        return self._map_exact(DomainMatrix.eye(sum(self.partition), self.field))

    def matrix(self) -> ExactMatrix:
        """Return the d x d matrix of the layer as an exact SymPy matrix."""
        return ExactMatrix.from_domain_matrix(self.domain_matrix())

    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        return apply_layers_to_columns([self], self.partition[0], columns)

    @refusing_points
    def inverse(self) -> "LinearCoupling":
        """Return the inverse layer, which moves the same half."""
        if self.is_additive:
            return LinearCoupling.trusted(self.partition, self.moves, -self._shift)
        scale = [self.field.one / s for s in self.scale_elements]
        return self._with_shift_and_scale(linalg.scale_rows(scale, -self.shift_matrix), scale)

    def after(self, other: "LinearCoupling") -> "LinearCoupling":
        """Return one layer that equals `other` followed by this layer; both move the same half."""
        scale = [s * t for s, t in zip(self.scale_elements, other.scale_elements, strict=True)]
        shift = linalg.scale_rows(self.scale_elements, other.shift_matrix) + self.shift_matrix
        return self._with_shift_and_scale(shift, scale)

    def conjugated(self, signs: Sequence) -> "LinearCoupling":
        """Return ``S layer S``; the diagonal matrix S has the d `signs`, elements of the field."""
        if signs.count(self.field.one) == len(signs):
            return self
        p = self.partition[0]
        moved, kept = moved_and_kept(self.moves, (signs[:p], signs[p:]))
        shift = linalg.scale_columns(linalg.scale_rows(moved, self.shift_matrix), kept)
        return self._with_shift_and_scale(shift, self.scale_elements)

    def swap_halves(self) -> "LinearCoupling":
        """Return the same layer for vectors with exchanged halves, (x2, x1) instead of (x1, x2)."""
        partition, moves = self.partition[::-1], opposite(self.moves)
        return LinearCoupling.trusted(partition, moves, self._shift, self.scale_elements)

    def convert_to(self, field: Domain) -> "LinearCoupling":
        """Return this layer over `field`, which must contain the field of this layer."""
        scale = [field.convert_from(s, self.field) for s in self.scale_elements]
        return self._with_shift_and_scale(self.shift_matrix.convert_to(field), scale)

    def _with_shift_and_scale(self, shift: DomainMatrix, scale: Sequence) -> "LinearCoupling":
        return LinearCoupling.trusted(self.partition, self.moves, shift, scale)

    def __eq__(self, other: object) -> bool:
        """Whether both layers have the same partition and `moves`, and equal scales and shifts."""
        if not isinstance(other, LinearCoupling):
            return NotImplemented
        if (self.partition, self.moves) != (other.partition, other.moves):
            return False
        scales = (linalg.column(layer.scale_elements, layer.field) for layer in (self, other))
        return is_equal(*scales) and is_equal(self.shift_matrix, other.shift_matrix)

    def __hash__(self) -> int:
        return hash((self.partition, self.moves, self.is_additive, self.nnz))

    def summary(self) -> str:
        """Return one line: the half that moves, "additive" or "scaled", nonzeros and bit length."""
        kind = "additive" if self.is_additive else "scaled"
        size = "" if self.bits is None else f", bits {self.bits}"
        return f"moves {self.moves}, {kind}, nonzeros {self.nnz}{size}"


def apply_layers_to_columns(
    layers: Iterable[LinearCoupling], first_half_size: int, columns: DomainMatrix
) -> DomainMatrix:
    """Apply layers in order to `columns`, whose first `first_half_size` rows are the first half."""
    halves = columns[:first_half_size, :], columns[first_half_size:, :]
    first, second = apply_layers_to_halves(
        layers, halves, LinearCoupling._exact_image_of_moved_half
    )
    return first.vstack(second)


def _is_sparse_array(shift: "DomainMatrix | SparseInt64Matrix") -> "TypeIs[SparseInt64Matrix]":
    """Whether a shift is a `SparseInt64Matrix`; NumPy is not imported for this check."""
    return hasattr(shift, "places")


def _require_positive_or_nonzero_scales(elements: Sequence, field: Domain) -> None:
    """Raise `InvalidInputError` unless all scales are known to be positive or, over GF(p), nonzero.

    In characteristic p no element has a sign.
    """
    for i, element in enumerate(elements):
        positive = bool(element) if field.characteristic() else linalg.is_positive(element, field)
        if positive:
            continue
        shown = format_short(field.to_sympy(element))
        if positive is False or not field.is_FractionField:
            raise InvalidInputError(
                f"expected positive scales, got {shown} at index {i}: for a negative sign, use the "
                "flips of a CouplingFlow"
            )
        raise InvalidInputError(
            f"expected scales that are known to be positive, got {shown} at index {i}: declare the "
            "symbols as positive, as in Symbol('t', positive=True)"
        )
