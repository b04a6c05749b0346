"""What a route is given: a matrix whose determinant a scale may carry, or a repair of it.

No flow of couplings with positive scales reverses orientation. Where det M < 0 a step that the flow
records negates a coordinate first (flip), or two swapped coordinates are appended (pad).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element, Orientation, Scales

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ORIENTATIONS", "SCALES", "Problem", "posed"]

ORIENTATIONS: tuple[str, ...] = get_args(Orientation)
SCALES: tuple[str, ...] = get_args(Scales)

_NEGATIVE = (
    "expected det > 0, got det < 0: every coupling with positive scales preserves orientation, so "
    "no flow of couplings represents this matrix; orientation='flip' (--orientation flip) negates "
    "coordinate 0 first and records that; orientation='pad' (--orientation pad) appends one "
    "coordinate to each half and swaps these two, so that zeros there stay zeros"
)


@dataclass(frozen=True, eq=False)
class Problem:
    """A matrix to be factored, and all that the routes ask about it, computed once.

    The layers act on the coordinates as `order` lists them, after those in `flips` are negated;
    they compose to `matrix`, whose determinant is `det`.
    """

    target: DomainMatrix
    partition: tuple[int, int]
    order: tuple[int, ...]
    flips: tuple[int, ...]
    det: Element
    scales: Scales

    @cached_property
    def matrix(self) -> DomainMatrix:
        """The target after the flips, in the order of the layers."""
        matrix, one = self.target, self.target.domain.one
        if self.flips:
            signs = [-one if i in self.flips else one for i in range(matrix.shape[0])]
            matrix = linalg.scale_columns(matrix, signs)
        if list(self.order) != sorted(self.order):
            matrix = matrix.extract(list(self.order), list(self.order))
        return matrix

    @cached_property
    def monomial(self) -> "tuple[np.ndarray, np.ndarray] | None":
        """The matrix as a signed permutation, None if it is none."""
        if (signed := _signed(self.target)) is None:
            return None
        from exactflow.factorization.permutation import relabelled_permutation

        return relabelled_permutation(*signed, self.flips, self.order)

    @cached_property
    def blocks(self) -> Blocks:
        """The dense blocks of the matrix."""
        return linalg.split(self.matrix.to_dense(), self.partition[0])


def posed(
    target: DomainMatrix,
    order: tuple[int, ...],
    partition: tuple[int, int],
    orientation: Orientation = "error",
    scales: Scales = "positive",
) -> Problem:
    """Return the problem of factoring `target`, after the repair that `orientation` names.

    Raises
    ------
    SingularMatrixError
        det = 0.
    OrientationError
        det < 0 with orientation="error"; a determinant that is not known to be positive with
        scales="positive".
    InvalidInputError
        orientation="pad" with a mask.
    """
    det = _determinant(target)
    if not _reverses_orientation(det, target, scales):
        return Problem(target, partition, order, (), det, scales)
    if orientation == "error":
        raise OrientationError(_NEGATIVE)
    if orientation == "flip":
        return Problem(target, partition, order, (0,), -det, scales)
    if list(order) != sorted(order):
        raise InvalidInputError(
            "expected a partition (p, q) with orientation='pad', got a mask: list the coordinates "
            "of the first half first, or use orientation='flip'"
        )
    p, q = partition
    padded = linalg.with_pads(target, p)
    return Problem(padded, (p + 1, q + 1), tuple(range(p + q + 2)), (), -det, scales)


def _signed(matrix: DomainMatrix) -> "tuple[np.ndarray, np.ndarray] | None":
    """Return a matrix as a signed permutation; NumPy is imported only if it has d entries.

    Where there is no NumPy, in a browser, a permutation is a matrix as any other.
    """
    if matrix.nnz() != matrix.shape[0]:
        return None
    try:
        from exactflow.factorization.permutation import signed_permutation
    except ModuleNotFoundError:
        return None

    return signed_permutation(matrix)


def _determinant(target: DomainMatrix) -> Element:
    """Return the determinant, of a signed permutation in linear time; refuse zero."""
    if (signed := _signed(target)) is not None:
        from exactflow.factorization.permutation import permutation_sign

        return target.domain.convert(permutation_sign(*signed))
    det = target.to_dense().det()
    if not det:
        raise SingularMatrixError(
            f"expected an invertible matrix, got rank {linalg.rank(target)} of {target.shape[0]}: "
            "a flow is invertible, so no flow represents it"
        )
    return det


def _reverses_orientation(det: Element, target: DomainMatrix, scales: Scales) -> bool:
    """Return whether det < 0; refuse a det that no scale may carry."""
    field = target.domain
    positive = linalg.is_positive(det, field)
    if positive is None and det != field.one and scales == "positive":
        raise OrientationError(
            f"expected determinant 1 over {field}, where no other is known to be positive, got "
            f"{format_short(field.to_sympy(det))}: scales='nonzero' lets one scale carry it"
        )
    return positive is False
