"""Singular values and condition numbers, enclosed, of matrices of rational or algebraic numbers.

The singular values of a rational matrix J are roots of charpoly(J^T J), a polynomial with integer
coefficients up to a factor: root isolation encloses them, with their multiplicities. Over a number
field they are the roots of the eigenvalues of J^H J, which Arb encloses; their number is that of
the rank, which is exact. *Certified*.
"""

from typing import Any

from flint import acb_mat, arb, ctx, fmpq_mat
from sympy import QQ_I
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.embeddings import embedding
from exactflow.exact.numbers import flint_rational, to_index
from exactflow.exact.typing import MatrixLike
from exactflow.flows.base import Map
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.result import FlowResult

MOST_DIGITS = 100_000


def singular_values(J: "MatrixLike | Map | FlowResult", *, digits: int = 15) -> list[arb]:
    """Return enclosures of the singular values of a matrix, in decreasing order.

    Each has at least `digits` correct digits, and one that is 0 is exact.

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
    matrix = _matrix(J)
    bits = int(digits * 3.33) + 12
    if not matrix.domain.is_QQ:
        return _algebraic_singular_values(matrix, bits)
    exact = rational_matrix(matrix)
    with ctx.workprec(bits):
        values = [value.sqrt() for value in eigenvalues(exact.transpose() * exact)]
        return sorted(values, key=lambda value: value.mid(), reverse=True)


def _matrix(J: "MatrixLike | Map | FlowResult") -> DomainMatrix:
    """Return a matrix of rational or algebraic numbers, or that of a linear flow."""
    found = J.flow if isinstance(J, FlowResult) else J
    if isinstance(found, CouplingFlow | LinearCoupling):
        matrix = found.domain_matrix().to_dense()
    elif isinstance(found, Map):
        raise InvalidInputError(
            f"expected a matrix or a linear flow, got {type(found).__name__}, whose derivative "
            "depends on the point: give its jacobian(x)"
        )
    else:
        matrix = as_matrix(found).to_dense()
    field = matrix.domain
    if not (field.is_QQ or field.is_AlgebraicField or field == QQ_I):
        raise InvalidInputError(
            f"expected rational or algebraic numbers, or floats, got entries in {field}"
        )
    return matrix


def _algebraic_singular_values(matrix: DomainMatrix, bits: int) -> list[arb]:
    """Return enclosures of the singular values, each of so many correct bits, or 0."""
    rank, precision = linalg.rank(matrix), bits
    while True:
        precision *= 2
        with ctx.workprec(precision):
            balls = acb_mat([[*map(embedding(matrix.domain), row)] for row in matrix.to_list()])
            try:
                found = (balls.conjugate().transpose() * balls).eig(multiple=True)
            except ValueError:  # not isolated at this precision
                continue
            squares = sorted((value.real for value in found), key=arb.mid, reverse=True)[:rank]
            values = [value.sqrt() for value in squares if value > 0]
            if len(values) == rank and all(v.rel_accuracy_bits() >= bits for v in values):
                return [*values, *[arb(0)] * (len(found) - rank)]


def rational_matrix(M: MatrixLike) -> fmpq_mat:
    """Return a matrix in FLINT; raises `InvalidInputError` where its entries are not rational."""
    matrix = as_matrix(M).to_dense()
    if not matrix.domain.is_QQ:
        raise InvalidInputError(
            "expected rational entries, which are rational numbers or floats, got entries in "
            f"{matrix.domain}"
        )
    return fmpq_mat([[flint_rational(entry) for entry in row] for row in matrix.to_list()])


def eigenvalues(matrix: fmpq_mat) -> list[arb]:
    """Return enclosures, in the current precision, of a symmetric matrix's eigenvalues."""
    roots: Any = matrix.charpoly().numer().complex_roots()  # pairs, whatever its types say
    return [root.real for root, times in roots for _ in range(times)]


def condition_number(J: "MatrixLike | Map | FlowResult", *, digits: int = 15) -> arb:
    """Return an enclosure of the condition number, in the spectral norm, of a matrix or of a linear
    flow, as `singular_values` takes them.

    Raises `SingularMatrixError` where there is none.

    >>> condition_number([[1, 1], [0, 1]]) > arb("2.618"), condition_number([[2, 0], [0, 2]]) == 1
    (True, True)
    """
    values = singular_values(J, digits=digits)
    if values[-1].contains(0):
        raise SingularMatrixError("expected an invertible matrix, got one with singular value 0")
    with ctx.workprec(int(digits * 3.33) + 12):
        return values[0] / values[-1]
