"""The check that a flow equals a matrix, in every entry."""

from dataclasses import dataclass

from exactflow import linalg
from exactflow.coerce import as_matrix, format_short
from exactflow.coupling import CouplingFlow
from exactflow.errors import InvalidInputError, VerificationError

__all__ = ["Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """The result of a successful `verify`: what was compared, exactly."""

    dimension: int
    depth: int

    def __str__(self) -> str:
        return f"equal in all {self.dimension**2} entries (layers composed: {self.depth})"


def verify(flow: CouplingFlow, M) -> Verification:
    """Check that the composition of `flow` equals `M` exactly, in every entry.

    The layers are composed block by block, whatever way they were found.

    Parameters
    ----------
    flow : a `CouplingFlow` on d coordinates.
    M : a d x d matrix, in any form that `factor` takes.

    Raises
    ------
    VerificationError
        They differ: the first differing entry (row by row, counted from 0) is named, with the
        expected and the derived value.
    InvalidInputError
        `M` is no d x d matrix of exact numbers.

    Examples
    --------
    >>> from exactflow import LinearCoupling
    >>> flow = CouplingFlow([LinearCoupling((1, 1), "first", [[2]])])
    >>> print(verify(flow, [[1, 2], [0, 1]]))
    equal in all 4 entries (layers composed: 1)
    """
    expected = as_matrix(M)
    if expected.shape[0] != flow.dimension:
        raise InvalidInputError(
            f"expected a {flow.dimension} x {flow.dimension} matrix for this flow, "
            f"got {expected.shape[0]} x {expected.shape[1]}"
        )
    derived, expected = linalg.join(flow.blocks()).to_dense().unify(expected)
    if derived != expected:
        for i, (row, other) in enumerate(zip(expected.to_list(), derived.to_list(), strict=True)):
            for j, (want, got) in enumerate(zip(row, other, strict=True)):
                if want != got:
                    raise VerificationError(
                        f"expected {format_short(want)} at entry ({i}, {j}), "
                        f"derived {format_short(got)}: the flow does not equal the matrix"
                    )
    return Verification(flow.dimension, flow.depth)
