"""Krylov bases, in which a matrix is a companion matrix or block triangular with companion blocks.

Controller bases replace the powers F^k u: their entries are combinations of minors of F, which are
much shorter.

Conventions: vectors are columns; a polynomial is its list of coefficients, highest degree first.
"""

from typing import Any, TypeAlias

from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.exact import linalg
from exactflow.exact.normal_forms import orbit
from exactflow.exact.rational_matrix import (
    to_dense_if_rational_matrix,
    to_rational_matrix_if_large_over_QQ,
)
from exactflow.exact.typing import DescendingCoefficients

BasisAndInverse: TypeAlias = tuple[DomainMatrix, Any]
"""A basis, as columns, and the inverse of this matrix, possibly as a `RationalMatrix`."""


def controller_basis(F: DomainMatrix, f: DescendingCoefficients, u: DomainMatrix) -> DomainMatrix:
    """Return H = [h_0, h_1, ..] with h_0 = u and h_k = F h_(k-1) + f_k u, for the monic polynomial
    f with the coefficients 1, f_1, f_2, ..

    If f(F) u = 0 then ``F H = H K`` where K, the companion matrix of f in controller form, has
    first row -f_1, -f_2, .. and ones below the diagonal.
    """
    return linalg.from_columns(controller_columns(F, f, u))


def controller_columns(F: Any, f: DescendingCoefficients, u: Any) -> list[Any]:
    """Return the columns of `controller_basis`; here F and u can also be matrices of balls."""
    columns = [u]
    for coefficient in f[1:-1]:
        columns.append(F * columns[-1] + u * coefficient)
    return columns


def search_controller_basis(
    F: DomainMatrix, charpoly: DescendingCoefficients
) -> BasisAndInverse | None:
    """Return the controller basis H of a cyclic vector of F, and the inverse of H; None if no
    cyclic vector is found.

    `charpoly` is the characteristic polynomial of F. A few vectors of small integers are tried;
    none is cyclic if F is derogatory.

    Since ``H^-1 F = K H^-1`` with the companion matrix K, the rows of H^-1 are l F^(n-1), .., l F,
    l for the row l with ``l H = (0, .., 0, 1)``: one system to solve instead of n.
    """
    n, field = F.shape[0], F.domain
    last = linalg.unit_vector(n, n - 1, field)
    candidates = [
        linalg.unit_vector(n, 0, field),
        linalg.column([field.one] * n, field),
        linalg.column([field.convert(i + 1) for i in range(n)], field),
    ]
    for u in candidates:
        H = controller_basis(F, charpoly, u)
        try:
            rows = [H.transpose().lu_solve(last).transpose()]
        except DMNonInvertibleMatrixError:
            continue
        step = to_rational_matrix_if_large_over_QQ(F)
        while len(rows) < n:
            rows.append(rows[-1] * step)
        return H, rows[-1].vstack(*rows[-2::-1])
    return None


def controller_run_basis_inverse_and_lengths(
    F: DomainMatrix,
) -> tuple[DomainMatrix, DomainMatrix, list[int]]:
    """Return a basis H in runs of columns, the inverse of H, and the lengths of the runs. H^-1 F H
    is block upper triangular, with companion matrices in controller form on the diagonal; above
    them only the last column of each run is nonzero.

    A run is the controller basis of a vector modulo the previous runs. A scalar matrix has n runs
    of length one; a matrix with a cyclic vector has one run.
    """
    n, field = F.shape[0], F.domain
    cyclic = search_controller_basis(F, F.charpoly_berk())
    if cyclic is not None:
        return cyclic[0], to_dense_if_rational_matrix(cyclic[1]), [n]
    basis, inverse = linalg.identity(n, field), linalg.identity(n, field)
    runs: list[int] = []
    while (done := sum(runs)) < n:
        quotient = (inverse * F * basis)[done:, done:]
        f = minimal_polynomial_of_vector(quotient, linalg.unit_vector(n - done, 0, field))
        runs.append(len(f) - 1)
        run = controller_basis(F, f, basis[:, done : done + 1])
        columns = basis[:, :done].hstack(run)
        basis = columns.hstack(linalg.complementary_unit_vectors(columns))
        inverse = basis.inv()
    return basis, inverse, runs


def minimal_polynomial_of_vector(F: DomainMatrix, u: DomainMatrix) -> DescendingCoefficients:
    """Return the minimal polynomial of u under F: the monic f of least degree with f(F) u = 0."""
    columns = orbit(F, u, F.shape[0] + 1)
    echelon, pivots = linalg.rref(linalg.from_columns(columns))
    degree = len(pivots)
    relation = [echelon[i, degree].element for i in range(degree)]
    return [F.domain.one, *(-value for value in reversed(relation))]


def upper_triangular_eigenvectors(T: DomainMatrix) -> DomainMatrix:
    """Return the unit upper triangular V with T V = V diag(T). The matrix T must be upper
    triangular with distinct diagonal entries.
    """
    n, field = T.shape[0], T.domain
    rows = T.to_list()
    V = [[field.one if i == j else field.zero for j in range(n)] for i in range(n)]
    for j in range(n):
        support = [j]
        for i in range(j - 1, -1, -1):
            total = sum((rows[i][k] * V[k][j] for k in support if rows[i][k]), field.zero)
            if total:
                V[i][j] = total / (rows[j][j] - rows[i][i])
                support.append(i)
    return linalg.from_entries(V, (n, n), field)
