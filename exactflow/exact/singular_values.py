"""Enclosures of the singular values of matrices of rational or algebraic numbers.

The singular values of a rational matrix J are the square roots of the eigenvalues of J^T J. The
eigenvalues are the roots of a polynomial with rational coefficients; isolation or bisection
encloses them, with their multiplicities. Over a number field Arb encloses the eigenvalues of J^H J,
and the exact rank is the number of nonzero ones. *Certified*.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb_mat, arb, ctx, fmpq, fmpq_mat, fmpq_poly
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.algebraic import complex_embedding
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.typing import MatrixLike

_APART = 1e-8
"""The least distance at which floats distinguish eigenvalues, relative to the largest entry."""


def enclose_singular_values(matrix: DomainMatrix, bits: int) -> list[arb]:
    """Return enclosures of the singular values in decreasing order, each with `bits` correct bits
    or exactly 0. The field is QQ, QQ(i) or a number field.
    """
    if not matrix.domain.is_QQ:
        return _enclose_algebraic_singular_values(matrix, bits)
    exact = to_square_fmpq_matrix(matrix)
    with ctx.workprec(bits):
        values = [value.sqrt() for value in enclose_psd_eigenvalues(exact.transpose() * exact)]
        return sorted(values, key=lambda value: value.mid(), reverse=True)


def _enclose_algebraic_singular_values(matrix: DomainMatrix, bits: int) -> list[arb]:
    """Return the result of `enclose_singular_values` for a matrix over QQ(i) or a number field."""
    rank, precision = linalg.rank(matrix), bits
    while True:
        precision *= 2
        with ctx.workprec(precision):
            balls = acb_mat(
                [[*map(complex_embedding(matrix.domain), row)] for row in matrix.to_list()]
            )
            try:
                found = (balls.conjugate().transpose() * balls).eig(multiple=True)
            except ValueError:  # Arb does not isolate the eigenvalues at this precision
                continue
            squares = sorted((value.real for value in found), key=arb.mid, reverse=True)[:rank]
            values = [value.sqrt() for value in squares if value > 0]
            if len(values) == rank and all(v.rel_accuracy_bits() >= bits for v in values):
                return [*values, *[arb(0)] * (len(found) - rank)]


def to_square_fmpq_matrix(M: MatrixLike) -> fmpq_mat:
    """Convert a rational matrix to FLINT; raise `InvalidInputError` for other entries."""
    matrix = as_square_matrix(M).to_dense()
    if not matrix.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers or floats as entries, got entries in {matrix.domain}"
        )
    return linalg.to_fmpq_matrix(matrix)


def enclose_psd_eigenvalues(matrix: fmpq_mat) -> list[arb]:
    """Return enclosures of a positive semidefinite matrix's eigenvalues, at the current precision.

    FLINT isolates the roots of the characteristic polynomial. If some roots are near each other,
    that takes far too long; then bisection encloses them, sometimes several in one ball.
    """
    polynomial = matrix.charpoly()
    # FLINT returns pairs of a factor and its multiplicity; its type hints show only the factors
    factors: Any = polynomial.numer().factor_squarefree()[1]
    entries = matrix.entries()
    largest = max(map(abs, entries)) or fmpq(1)
    scaled = np.array([float(x / largest) for x in entries]).reshape(matrix.nrows(), -1)
    # the eigenvalues in float64; those near each other count once
    count = 1 + int((np.diff(np.linalg.eigvalsh(scaled)) > _APART).sum())
    if sum(factor.degree() for factor, _ in factors) > count:
        return _bisect_nonnegative_roots(polynomial)
    roots: Any = polynomial.numer().complex_roots()
    return [root.real for root, times in roots for _ in range(times)]


def _bisect_nonnegative_roots(polynomial_with_only_nonnegative_roots: fmpq_poly) -> list[arb]:
    """Return an enclosure of each root, with multiplicity, of a monic polynomial whose roots are
    all real and nonnegative.

    The number of roots above t is the number of sign changes of the coefficients of p(x + t)
    (Descartes).
    """
    coefficients = polynomial_with_only_nonnegative_roots.coeffs()
    zeros = next(k for k, c in enumerate(coefficients) if c)
    found, rest = [arb(0)] * zeros, fmpq_poly(coefficients[zeros:])
    if rest.degree() == 0:
        return found
    low, high = (_power_of_two_above_roots(c) for c in (rest.coeffs()[::-1], rest.coeffs()))
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
        if more - less == 1:  # the sign of the polynomial at `middle` locates the only root
            here = less + int(rest(middle) * (-1) ** less < 0)
        else:
            signs = [c > 0 for c in rest(fmpq_poly([middle, 1])).numer().coeffs() if c]
            here = sum(one != other for one, other in pairwise(signs))
        tasks += [
            task for task in ((a, middle, more, here), (middle, b, here, less)) if task[2] > task[3]
        ]
    return found


def _power_of_two_above_roots(ascending_coefficients: list[fmpq]) -> fmpq:
    """Return a power of two above the absolute values of all roots of a polynomial."""
    *_, leading = ascending_coefficients
    ratio = max(abs(c / leading) for c in ascending_coefficients)
    return fmpq(2) ** (int(ratio.p).bit_length() - int(ratio.q).bit_length() + 2)


def enclose_principal_standard_deviations(covariance: fmpq_mat) -> list[arb]:
    """Return enclosures, at the current precision, of the square roots of the eigenvalues of a
    covariance matrix.
    """
    return [value.max(arb(0)).sqrt() for value in enclose_psd_eigenvalues(covariance)]
