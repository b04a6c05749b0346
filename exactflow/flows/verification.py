"""Check exactly that a flow equals a matrix in every entry."""

from dataclasses import dataclass
from typing import ClassVar

from sympy import QQ
from sympy.polys.matrices import DomainMatrix
from sympy.polys.polyerrors import UnificationFailed

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_square_matrix, convert_to_common_field
from exactflow.exact.numbers import format_field, format_short
from exactflow.exact.typing import MatrixLike
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import FlowResult

__all__ = ["Verification", "verify"]


_LARGE = 40
"""The least number of coordinates of a dense flow for which a faster comparison is tried."""


@dataclass(frozen=True, repr=False)
class Verification(FlowResult):
    """The result of a successful `verify`: the flow equals the matrix exactly."""

    flow: CouplingFlow
    evidence: ClassVar[Evidence] = Evidence.EXACT

    def __str__(self) -> str:
        d, depth = self.flow.dimension, self.flow.depth
        text = f"equal in all {d**2} entries (layers composed: {depth})"
        if roots := self.flow.exceptional_polynomials():
            text += f", except at the roots of {', '.join(map(str, roots))}"
        return text


def verify(flow: CouplingFlow, M: MatrixLike) -> Verification:
    """Check that the matrix of `flow` equals `M` exactly, in every entry.

    The layers are multiplied block by block. For a large flow over QQ, some inverse layers are
    applied to `M` instead.

    Parameters
    ----------
    flow : a linear flow on d coordinates.
    M : a d x d matrix, in any form that `factor` takes; for a flow over GF(p), rational entries are
        taken modulo p.

    Raises
    ------
    VerificationError
        The matrices differ. The message names the first entry that differs (row by row, with
        indices from 0), the expected value and the derived value.
    InvalidInputError
        `M` is not a d x d matrix of exact numbers.

    Examples
    --------
    >>> from exactflow import CouplingFlow, LinearCoupling
    >>> flow = CouplingFlow([LinearCoupling((1, 1), "first", [[2]])])
    >>> print(verify(flow, [[1, 2], [0, 1]]))
    equal in all 4 entries (layers composed: 1)
    """
    if not isinstance(flow, CouplingFlow):
        raise InvalidInputError(
            f"expected a CouplingFlow, such as factor returns, got {type(flow).__name__}"
        )
    expected = as_square_matrix(M)
    if expected.shape[0] != flow.dimension:
        raise InvalidInputError(
            f"expected a {flow.dimension} x {flow.dimension} matrix for this flow, "
            f"got {expected.shape[0]} x {expected.shape[1]}"
        )
    is_long = flow.dimension >= _LARGE and not flow.is_sparse
    is_rational = flow.field == expected.domain == QQ
    if is_long and is_rational and flow._equals_dense_rational_matrix(expected.to_dense()):
        return Verification(flow)
    require_equal(flow.domain_matrix(), expected, "the flow does not equal the matrix")
    return Verification(flow)


def require_equal(derived: DomainMatrix, expected: DomainMatrix, message_end: str) -> None:
    """Raise a `VerificationError` that ends with the text `message_end` if two matrices differ.

    They must have the same shape. Over GF(p), rational entries of `expected` are taken modulo p.
    Raises `InvalidInputError` if no field contains both.
    """
    if derived.domain.is_FiniteField and expected.domain.is_QQ:
        expected = convert_to_common_field(expected, derived.domain)
    try:
        derived, expected = derived.unify(expected, fmt="dense")
    except UnificationFailed:
        fields = [format_field(matrix.domain) for matrix in (derived, expected)]
        raise InvalidInputError(
            f"expected a matrix over {fields[0]}, like the flow, got a matrix over {fields[1]}"
        ) from None
    if (wrong := first_differing_entry(expected, derived)) is not None:
        place, want, got = wrong
        raise VerificationError(f"expected {want} at entry {place}, derived {got}: {message_end}")


def first_differing_entry(
    expected: DomainMatrix, derived: DomainMatrix
) -> tuple[tuple[int, int], str, str] | None:
    """Return (place, expected entry, derived entry) for the first difference, row by row, or None.

    The entries are texts, and the place is (row, column). Both matrices are over one field.
    """
    if derived == expected:
        return None
    field = expected.domain
    place = min(place for place, _ in (derived - expected).iter_items())
    entries = (matrix[place].element for matrix in (expected, derived))
    want, got = (format_short(x if field.is_QQ else field.to_sympy(x)) for x in entries)
    return place, want, got
