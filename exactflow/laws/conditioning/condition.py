"""Singular values and condition numbers, enclosed, of matrices of rational or algebraic numbers.

The singular values of a rational matrix J are roots of charpoly(J^T J), a polynomial with integer
coefficients up to a factor: isolation or bisection encloses them, with their multiplicities. Over a
number field they are the roots of the eigenvalues of J^H J, which Arb encloses; the rank, which is
exact, says how many are not 0. *Certified*.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb_mat, arb, ctx, fmpq, fmpq_mat, fmpq_poly
from sympy import QQ_I
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.algebraic import embedding
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import flint_rational, to_index
from exactflow.exact.typing import MatrixLike
from exactflow.flows.base import Map
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.result import FlowResult

MOST_DIGITS = 100_000
APART = 1e-8  # eigenvalues this near, in units of the largest entry, are not apart for floats


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
    """Return enclosures of a positive semidefinite matrix's eigenvalues, in the current precision.

    FLINT isolates roots of the characteristic polynomial in a time that explodes where they are
    near each other: there they are bisected, and need not be told apart.
    """
    polynomial = matrix.charpoly()
    factors: Any = polynomial.numer().factor_squarefree()[1]  # pairs, whatever its types say
    if sum(factor.degree() for factor, _ in factors) > _clusters(matrix):
        return _bisected(polynomial)
    roots: Any = polynomial.numer().complex_roots()
    return [root.real for root, times in roots for _ in range(times)]


def _clusters(matrix: fmpq_mat) -> int:
    """Return how many clusters of eigenvalues floats tell apart."""
    entries = matrix.entries()
    largest = max(map(abs, entries)) or fmpq(1)
    scaled = np.array([float(x / largest) for x in entries]).reshape(matrix.nrows(), -1)
    return 1 + int((np.diff(np.linalg.eigvalsh(scaled)) > APART).sum())


def _bisected(polynomial: fmpq_poly) -> list[arb]:
    """Return enclosures of the roots of a monic polynomial, all of which are real, none negative.

    So many are above t as the coefficients of p(x + t) change their signs (Descartes). Where only
    one can be on either side of t, the sign of p(t) tells on which it is.
    """
    zeros = next(k for k, c in enumerate(polynomial.coeffs()) if c)
    found, rest = [arb(0)] * zeros, fmpq_poly(polynomial.coeffs()[zeros:])

    def above(t: fmpq) -> int:
        signs = [c > 0 for c in rest(fmpq_poly([t, 1])).numer().coeffs() if c]
        return sum(a != b for a, b in pairwise(signs))

    def above_one(t: fmpq, less: int) -> int:
        """Return the same where it is `less` or one more."""
        return less + int(rest(t) * (-1) ** less < 0)

    if rest.degree() == 0:
        return found
    low, high = (_power_above(c) for c in (rest.coeffs()[::-1], rest.coeffs()))
    tasks = [(1 / low, high, rest.degree(), 0)]
    while tasks:
        a, b, more, less = tasks.pop()
        if (b - a) * fmpq(2) ** ctx.prec <= a:
            found += [arb(a).union(arb(b))] * (more - less)
            continue
        octaves = (int(b.p).bit_length() - int(a.p).bit_length()) - (
            int(b.q).bit_length() - int(a.q).bit_length()
        )
        middle = a * fmpq(2) ** (octaves // 2) if octaves > 2 else (a + b) / 2
        here = above_one(middle, less) if more - less == 1 else above(middle)
        tasks += [
            task for task in ((a, middle, more, here), (middle, b, here, less)) if task[2] > task[3]
        ]
    return found


def _power_above(coefficients: list[fmpq]) -> fmpq:
    """Return a power of two above all roots of a polynomial, the leading coefficient last."""
    ratio = max(abs(c / coefficients[-1]) for c in coefficients)
    return fmpq(2) ** (int(ratio.p).bit_length() - int(ratio.q).bit_length() + 2)


def deviations(covariance: fmpq_mat) -> list[arb]:
    """Return enclosures of the roots of a covariance's eigenvalues, in the current precision."""
    return [value.max(arb(0)).sqrt() for value in eigenvalues(covariance)]


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
