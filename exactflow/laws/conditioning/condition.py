"""*Certified* enclosures of singular values and condition numbers of matrices and linear flows."""

from flint import arb, ctx
from sympy import QQ_I

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import to_index
from exactflow.exact.singular_values import enclose_singular_values
from exactflow.exact.typing import MatrixLike
from exactflow.flows.base import Bijection
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.result import FlowResult

MOST_DIGITS = 100_000


def singular_values(J: "MatrixLike | Bijection | FlowResult", *, digits: int = 15) -> list[arb]:
    """Return enclosures of the singular values of a matrix or linear flow, in decreasing order.

    Each has at least `digits` correct digits; a singular value 0 is returned exactly. Raises
    `InvalidInputError` for entries of other kinds than those below, and for nonlinear flows.

    Parameters
    ----------
    J : a square matrix of rational or algebraic numbers, in any form that `factor` takes; or a
        linear flow, a linear coupling, or a result that has such a flow.
    digits : relative accuracy, a positive number of digits.

    Examples
    --------
    >>> [float(value.mid()) for value in singular_values([[3, 0], [0, "1/2"]])]
    [3.0, 0.5]
    """
    digits = to_index("digits", digits, 1, MOST_DIGITS)
    found = J.flow if isinstance(J, FlowResult) else J
    if isinstance(found, CouplingFlow | LinearCoupling):
        matrix = found.domain_matrix().to_dense()
    elif isinstance(found, Bijection):
        raise InvalidInputError(
            f"expected a matrix or a linear flow, got {type(found).__name__}, whose derivative "
            "depends on the point x: pass its jacobian(x) for one point"
        )
    else:
        matrix = as_square_matrix(found).to_dense()
    field = matrix.domain
    if not (field.is_QQ or field.is_AlgebraicField or field == QQ_I):
        raise InvalidInputError(
            "expected a matrix of rational or algebraic numbers, or of floats, got entries in "
            f"{field}"
        )
    return enclose_singular_values(matrix, _bits_for_digits_with_reserve(digits))


def condition_number(J: "MatrixLike | Bijection | FlowResult", *, digits: int = 15) -> arb:
    """Return an enclosure of the condition number of a matrix or linear flow, in the spectral norm.

    The arguments are those of `singular_values`. Raises `SingularMatrixError` for a singular
    matrix.

    >>> condition_number([[1, 1], [0, 1]]) > arb("2.618"), condition_number([[2, 0], [0, 2]]) == 1
    (True, True)
    """
    values = singular_values(J, digits=digits)
    if values[-1].contains(0):
        raise SingularMatrixError(
            "expected an invertible matrix, got one with singular value 0, whose condition number "
            "is infinite"
        )
    with ctx.workprec(_bits_for_digits_with_reserve(digits)):
        return values[0] / values[-1]


def _bits_for_digits_with_reserve(digits: int) -> int:
    """Return the number of bits that represents `digits` decimal digits, plus 12 bits."""
    return int(digits * 3.33) + 12
