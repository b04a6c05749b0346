"""Exact linear algebra over a field: operations that SymPy does not have in this form.

Matrices are dense ``DomainMatrix`` values: public functions convert their arguments once, and each
operation here returns a dense matrix. SymPy multiplies and inverts rational matrices in FLINT if
python-flint is installed; `rref` does so for elimination, too.

Conventions: vectors are columns; a matrix with two halves of p and q coordinates is
``[[A, B], [C, D]]``; a polynomial is its list of coefficients, highest degree first.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import flint
from sympy.external.gmpy import GROUND_TYPES
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.errors import FieldTooSmallError
from exactflow.exact.algebraic import is_positive_if_real_number
from exactflow.exact.assumptions import is_quotient_sign_positive_where_nonzero
from exactflow.exact.exceptional import is_collecting_factors_over, record_nonzero
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import DescendingCoefficients, Element

SolutionOrRefutation = tuple[Any, Any]
"""A solution and None, or None and a proof that there is no solution."""


class Blocks(NamedTuple):
    """The four blocks of a matrix whose coordinates are split into two halves."""

    A: DomainMatrix
    B: DomainMatrix
    C: DomainMatrix
    D: DomainMatrix


def from_entries(rows: Sequence[Sequence], shape: tuple[int, int], field: Domain) -> DomainMatrix:
    """Return the dense matrix with the given rows of elements of `field`."""
    return DomainMatrix([list(row) for row in rows], shape, field)


def identity(n: int, field: Domain) -> DomainMatrix:
    """Return the n x n identity matrix."""
    return DomainMatrix.eye(n, field).to_dense()


def zeros(rows: int, columns: int, field: Domain) -> DomainMatrix:
    """Return the zero matrix."""
    return DomainMatrix.zeros((rows, columns), field).to_dense()


def matrix_of_ones(
    places: Iterable[tuple[int, int]], shape: tuple[int, int], field: Domain
) -> DomainMatrix:
    """Return the matrix with ones at the given places (i, j), and zeros elsewhere."""
    return DomainMatrix.from_dok(dict.fromkeys(places, field.one), shape, field).to_dense()


def subtract_scalar_matrix(M: DomainMatrix, scalar: Element) -> DomainMatrix:
    """Return M - scalar I."""
    return M - identity(M.shape[0], M.domain) * scalar


def diagonal(entries: Sequence, field: Domain) -> DomainMatrix:
    """Return the diagonal matrix with the given elements of `field`."""
    return DomainMatrix.diag(list(entries), field).to_dense()


def column(entries: Sequence, field: Domain) -> DomainMatrix:
    """Return the column with the given elements of `field`."""
    return from_entries([[entry] for entry in entries], (len(entries), 1), field)


def unit_vector(n: int, i: int, field: Domain) -> DomainMatrix:
    """Return the column of length n with a one at place i."""
    return column([field.one if k == i else field.zero for k in range(n)], field)


def from_columns(columns: Sequence[DomainMatrix]) -> DomainMatrix:
    """Return the matrix with the given columns, at least one."""
    return columns[0].hstack(*columns[1:])


def split(M: DomainMatrix, first_half_size: int) -> Blocks:
    """Return the four blocks of `M` for a first half of `first_half_size` coordinates."""
    first, second = slice(first_half_size), slice(first_half_size, None)
    return Blocks(M[first, first], M[first, second], M[second, first], M[second, second])


def join(blocks: Blocks) -> DomainMatrix:
    """Return the matrix with the given blocks."""
    return blocks.A.hstack(blocks.B).vstack(blocks.C.hstack(blocks.D))


def direct_sum(S: DomainMatrix, T: DomainMatrix) -> DomainMatrix:
    """Return diag(S, T)."""
    right = zeros(S.shape[0], T.shape[1], S.domain)
    below = zeros(T.shape[0], S.shape[1], S.domain)
    return join(Blocks(S, right, below, T))


def to_fmpq_matrix(M: DomainMatrix) -> flint.fmpq_mat:
    """Convert a matrix over QQ to FLINT."""
    rows, columns = M.shape
    return flint.fmpq_mat(rows, columns, [*map(to_fmpq, M.to_list_flat())])


def trace(M: DomainMatrix) -> Element:
    """Return the trace, an element of the field."""
    return sum(M.diagonal(), M.domain.zero)


def polynomial_at(f: DescendingCoefficients, M: DomainMatrix) -> DomainMatrix:
    """Return f(M) for a polynomial f.

    SymPy's ``eval_poly`` fails over fields of rational functions.
    """
    one = identity(M.shape[0], M.domain)
    total = one * f[0]
    for coefficient in f[1:]:
        total = total * M + one * coefficient
    return total


def append_swapped_coordinate_pair(M: DomainMatrix, first_half_size: int) -> DomainMatrix:
    """Append one coordinate to each half; the returned matrix swaps these two coordinates, as in
    `exactflow.append_swap`.
    """
    d, p = M.shape[0], first_half_size
    entries = {(i + (i >= p), j + (j >= p)): value for (i, j), value in M.iter_items()}
    entries |= dict.fromkeys([(p, d + 1), (d + 1, p)], M.domain.one)
    result = DomainMatrix.from_dok(entries, (d + 2, d + 2), M.domain)
    return result if M.rep.fmt == "sparse" else result.to_dense()


def inverse_blocks(blocks: Blocks) -> Blocks:
    """Return the blocks of the inverse of the matrix with the given blocks, for the same halves."""
    return split(join(blocks).inv(), blocks.A.shape[0])


def swap_halves(blocks: Blocks) -> Blocks:
    """Return the blocks of the matrix whose rows and columns list the second half first."""
    return Blocks(blocks.D, blocks.C, blocks.B, blocks.A)


def scale_rows(scale: Sequence, M: DomainMatrix) -> DomainMatrix:
    """Return diag(scale) M. If M is dense, no product of matrices is computed."""
    if list(scale).count(1) == len(scale):
        return M
    one = M.domain.one
    if M.rep.fmt == "sparse":
        return DomainMatrix.diag(list(scale), M.domain) * M
    rows = [
        row if s == one else [s * entry for entry in row]
        for s, row in zip(scale, M.to_list(), strict=True)
    ]
    return from_entries(rows, M.shape, M.domain)


def scale_columns(M: DomainMatrix, scale: Sequence) -> DomainMatrix:
    """Return M diag(scale). If M is dense, no product of matrices is computed."""
    return scale_rows(scale, M.transpose()).transpose()


def is_positive(value: Element, field: Domain) -> bool | None:
    """Whether an element of `field` is positive; None if it is not real or its sign is unknown.

    The sign of a quotient of polynomials follows from the assumptions of its symbols and from
    `exactflow.exact.assumptions.assuming`.
    """
    if field.is_FractionField and not field.characteristic():
        return is_quotient_sign_positive_where_nonzero(value, field)
    return is_positive_if_real_number(value, field)


def convert_elements(elements: Iterable, field: Domain, wider_field: Domain) -> list:
    """Return elements of `field` as elements of `wider_field`, which contains `field`.

    Between equal fields they are returned unchanged, since SymPy would guess elements of a number
    field from decimals.
    """
    if field == wider_field:
        return list(elements)
    return [wider_field.convert_from(x, field) for x in elements]


def inverse_or_none(M: DomainMatrix) -> DomainMatrix | None:
    """Return the inverse of a square matrix, or None if it is singular."""
    try:
        return M.inv()
    except DMNonInvertibleMatrixError:
        return None


def rref(M: DomainMatrix) -> tuple[DomainMatrix, tuple[int, ...]]:
    """Return the reduced row echelon form, and the columns of its pivots. While exceptional values
    are collected, the minor in the rows and columns of pivots is recorded as nonzero.
    """
    if GROUND_TYPES == "flint" and M.domain.is_QQ and M.rep.fmt == "dense" and 0 not in M.shape:
        echelon, rank = flint.fmpq_mat(M.to_list()).rref()
        rows = echelon.tolist()
        pivots = tuple(next(j for j, entry in enumerate(row) if entry) for row in rows[:rank])
        return from_entries(rows, M.shape, M.domain), pivots
    echelon, pivots = M.rref()
    if pivots and is_collecting_factors_over(M.domain):
        pivot_rows = M.transpose().rref()[1]
        minor = M.extract(list(pivot_rows), list(pivots)).to_dense().det()
        record_nonzero(minor, M.domain)
    return echelon, pivots


def rank(M: DomainMatrix) -> int:
    """Return the rank."""
    return len(rref(M)[1])


def kernel(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix whose columns are a basis of the kernel of `M`."""
    echelon, pivots = rref(M)
    return echelon.nullspace_from_rref(pivots).transpose()


def left_kernel(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix whose rows are a basis of the rows y with y M = 0."""
    return kernel(M.transpose()).transpose()


def solve(A: DomainMatrix, B: DomainMatrix) -> SolutionOrRefutation:
    """Return (X, None) with A X = B, or (None, y) with a row y such that y A = 0 and y B != 0."""
    columns = A.shape[1]
    echelon, pivots = rref(A.hstack(B))
    if pivots and pivots[-1] >= columns:
        left = left_kernel(A)
        wrong = next(i for i, row in enumerate((left * B).to_list()) if any(row))
        return None, left[wrong, :]
    entries = [[A.domain.zero] * B.shape[1] for _ in range(columns)]
    for pivot, row in zip(pivots, echelon.to_list(), strict=False):
        entries[pivot] = row[columns:]
    return from_entries(entries, (columns, B.shape[1]), A.domain), None


def column_basis(M: DomainMatrix) -> DomainMatrix:
    """Return the columns of `M` that are not combinations of earlier columns: a basis of the column
    space.
    """
    return M.extract(list(range(M.shape[0])), list(rref(M)[1]))


def complementary_unit_vectors(M: DomainMatrix) -> DomainMatrix:
    """Return unit vectors, as columns, that span a complement of the column space of `M`."""
    pivots = set(rref(M.transpose())[1])
    rest = [i for i in range(M.shape[0]) if i not in pivots]
    return identity(M.shape[0], M.domain).extract(list(range(M.shape[0])), rest)


def left_inverse(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix X with X M = I and few nonzero columns; `M` must have full column rank."""
    return right_inverse(M.transpose()).transpose()


def right_inverse(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix X with M X = I and few nonzero rows; `M` must have full row rank."""
    X, _ = solve(M, identity(M.shape[0], M.domain))
    return X


def distinct_units_or_raise(field: Domain) -> Iterator:
    """Yield the distinct elements 1, 1/2, 1/3, .. of a field; over GF(p) raise `FieldTooSmallError`
    after the last one.
    """
    order = field.characteristic()
    i = 1
    while not order or i < order:
        yield field.one / field.convert(i)
        i += 1
    raise FieldTooSmallError(
        f"the construction needs more distinct eigenvalues than {field} has nonzero elements: use "
        "a larger field"
    )
