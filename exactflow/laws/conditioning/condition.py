"""Singular values and condition numbers of rational matrices, enclosed.

The singular values of J are roots of charpoly(J^T J), a polynomial with integer coefficients up to
a factor: root isolation encloses them, with their multiplicities, and with them the condition
number. *Certified*.
"""

from typing import Any

from flint import arb, ctx, fmpq_mat

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import flint_rational, to_index
from exactflow.exact.typing import MatrixLike

MOST_DIGITS = 100_000


def singular_values(J: MatrixLike, *, digits: int = 15) -> list[arb]:
    """Return enclosures of the singular values of a rational matrix, in decreasing order.

    They are the square roots of the roots of the characteristic polynomial of J^T J, which are
    isolated rigorously, with multiplicities. Each enclosure has at least `digits` correct digits.

    Parameters
    ----------
    J : a square rational matrix, in any form that `factor` takes.
    digits : relative accuracy, a positive number of digits.

    Examples
    --------
    >>> [float(value.mid()) for value in singular_values([[3, 0], [0, "1/2"]])]
    [3.0, 0.5]
    """
    digits = to_index("digits", digits, 1, MOST_DIGITS)
    exact = rational_matrix(J)
    with ctx.workprec(int(digits * 3.33) + 12):
        values = [value.sqrt() for value in eigenvalues(exact.transpose() * exact)]
        return sorted(values, key=lambda value: value.mid(), reverse=True)


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


def condition_number(J: MatrixLike, *, digits: int = 15) -> arb:
    """Return an enclosure of the condition number, in the spectral norm, of a rational matrix.

    Raises `SingularMatrixError` where there is none.

    >>> condition_number([[1, 1], [0, 1]]) > arb("2.618"), condition_number([[2, 0], [0, 2]]) == 1
    (True, True)
    """
    values = singular_values(J, digits=digits)
    if values[-1].contains(0):
        raise SingularMatrixError("expected an invertible matrix, got one with singular value 0")
    with ctx.workprec(int(digits * 3.33) + 12):
        return values[0] / values[-1]
