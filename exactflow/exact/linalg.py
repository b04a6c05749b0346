"""Exact linear algebra over a field: the few operations that SymPy does not ship in this form.

Matrices are dense ``DomainMatrix`` values. With python-flint installed, products, sums, inverses,
determinants and characteristic polynomials of rational matrices run in FLINT; elimination (`rank`
and its kin) does not, so the constructions reach for it only where a block is singular.

Conventions: vectors are columns; a matrix with two halves of p and q coordinates is
``[[A, B], [C, D]]``; a polynomial is its list of coefficients, highest degree first.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.errors import FieldTooSmallError
from exactflow.exact.integral import IntegralMatrix

__all__ = [
    "AnyMatrix",
    "Blocks",
    "column",
    "complement",
    "controller_basis",
    "cyclic_basis",
    "diagonal",
    "distinct_units",
    "from_columns",
    "from_entries",
    "identity",
    "inverse_or_none",
    "is_positive",
    "join",
    "kernel",
    "krylov_flag",
    "left_inverse",
    "product",
    "rank",
    "scale_rows",
    "split",
    "swap_halves",
    "triangular_eigenvectors",
    "unit_vector",
    "zeros",
]


AnyMatrix = TypeVar("AnyMatrix", DomainMatrix, IntegralMatrix)


class Blocks(NamedTuple):
    """The four blocks of a matrix whose coordinates are split into two halves."""

    A: DomainMatrix
    B: DomainMatrix
    C: DomainMatrix
    D: DomainMatrix


def from_entries(rows: Sequence[Sequence], shape: tuple[int, int], field: Domain) -> DomainMatrix:
    """Return the dense matrix with the given rows of elements of `field`."""
    return DomainMatrix([list(row) for row in rows], shape, field).to_dense()


def identity(n: int, field: Domain) -> DomainMatrix:
    """Return the n x n identity matrix."""
    return DomainMatrix.eye(n, field).to_dense()


def zeros(rows: int, columns: int, field: Domain) -> DomainMatrix:
    """Return the zero matrix."""
    return DomainMatrix.zeros((rows, columns), field).to_dense()


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
    """Return the matrix with the given columns, of which there is at least one."""
    return columns[0].hstack(*columns[1:]).to_dense()


def split(M: DomainMatrix, p: int) -> Blocks:
    """Return the blocks of `M`, the first half being the first p coordinates."""
    return Blocks(M[:p, :p], M[:p, p:], M[p:, :p], M[p:, p:])


def join(blocks: Blocks) -> DomainMatrix:
    """Return the matrix with the given blocks."""
    return blocks.A.hstack(blocks.B).vstack(blocks.C.hstack(blocks.D))


def swap_halves(blocks: Blocks) -> Blocks:
    """Return the blocks of the matrix with its halves exchanged in rows and columns."""
    return Blocks(blocks.D, blocks.C, blocks.B, blocks.A)


def product(left: DomainMatrix, right: AnyMatrix) -> AnyMatrix:
    """Return the product, in the form of the right factor."""
    return right.after(left) if isinstance(right, IntegralMatrix) else left * right


def scale_rows(scale: Sequence, M: AnyMatrix) -> AnyMatrix:
    """Return diag(scale) M without a product of matrices."""
    if list(scale).count(1) == len(scale):
        return M
    if isinstance(M, IntegralMatrix):
        return M.scale_rows(scale)
    one = M.domain.one
    if M.rep.fmt == "sparse":
        return DomainMatrix.diag(list(scale), M.domain) * M
    rows = [
        row if s == one else [s * entry for entry in row]
        for s, row in zip(scale, M.to_list(), strict=True)
    ]
    return from_entries(rows, M.shape, M.domain)


def is_positive(value, field: Domain) -> bool | None:
    """Return whether an element of `field` is positive, None where it is no real number or unknown.

    >>> from sympy import GF, QQ
    >>> is_positive(QQ(-1, 2), QQ), is_positive(GF(7)(3), GF(7))
    (False, None)
    """
    if field.is_QQ:
        return value > 0
    number = field.to_sympy(value) if field.is_AlgebraicField else None
    return number.is_positive if number is not None and number.is_real else None


def inverse_or_none(M: DomainMatrix) -> DomainMatrix | None:
    """Return the inverse of a square matrix, or None where it is singular."""
    try:
        return M.inv()
    except DMNonInvertibleMatrixError:
        return None


def rank(M: DomainMatrix) -> int:
    """Return the rank."""
    return len(M.rref()[1])


def kernel(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix whose columns are a basis of the kernel of `M`.

    >>> from sympy import QQ
    >>> kernel(DomainMatrix([[QQ(1), QQ(2)]], (1, 2), QQ)).to_Matrix()
    Matrix([
    [-2],
    [ 1]])
    """
    return M.nullspace().transpose().to_dense()


def complement(M: DomainMatrix) -> DomainMatrix:
    """Return unit vectors, as columns, that span a complement of the column space of `M`.

    >>> from sympy import QQ
    >>> complement(DomainMatrix([[QQ(1)], [QQ(2)]], (2, 1), QQ)).to_Matrix()
    Matrix([
    [0],
    [1]])
    """
    pivots = set(M.transpose().rref()[1])
    rest = [i for i in range(M.shape[0]) if i not in pivots]
    return identity(M.shape[0], M.domain).extract(list(range(M.shape[0])), rest)


def left_inverse(M: DomainMatrix) -> DomainMatrix:
    """Return a matrix X with X M = I, of few nonzero columns; `M` has full column rank.

    >>> from sympy import QQ
    >>> left_inverse(DomainMatrix([[QQ(0)], [QQ(2)]], (2, 1), QQ)).to_Matrix()
    Matrix([[0, 1/2]])
    """
    rows, columns = M.shape
    pivots = M.transpose().rref()[1]
    inverse = M.extract(list(pivots), list(range(columns))).inv().to_list()
    entries = [[M.domain.zero] * rows for _ in range(columns)]
    for i in range(columns):
        for value, pivot in zip(inverse[i], pivots, strict=True):
            entries[i][pivot] = value
    return from_entries(entries, (columns, rows), M.domain)


def distinct_units(field: Domain) -> Iterator:
    """Yield 1, 1/2, 1/3, ..: distinct nonzero elements of the field, to its last one.

    Raises `FieldTooSmallError` when a finite field is exhausted.
    """
    order = field.characteristic()
    i = 1
    while not order or i < order:
        yield field.one / field.convert(i)
        i += 1
    raise FieldTooSmallError(
        f"expected a field with more elements than the {order} of {field}: "
        "the construction needs more distinct eigenvalues; use a larger field"
    )


def controller_basis(F: DomainMatrix, f: Sequence, u: DomainMatrix) -> DomainMatrix:
    """Return H = [h_0, h_1, ..] with h_0 = u and h_k = F h_(k-1) + f_k u, for a monic f.

    If f(F) u = 0 then ``F H = H K`` where K, the companion matrix of f in controller form, has
    first row -f_1, -f_2, .. and ones below the diagonal. Its columns are far shorter than those of
    the Krylov matrix: they are combinations of minors of F rather than of its powers.

    Parameters
    ----------
    F : n x n.
    f : coefficients of a monic polynomial of degree m <= n, highest first.
    u : n x 1.

    >>> from sympy import QQ
    >>> F = DomainMatrix([[QQ(0), QQ(1)], [QQ(3), QQ(5)]], (2, 2), QQ).to_dense()
    >>> controller_basis(F, F.charpoly_berk(), unit_vector(2, 0, QQ)).to_Matrix()
    Matrix([
    [1, -5],
    [0,  3]])
    """
    columns = [u]
    for coefficient in f[1:-1]:
        columns.append(F * columns[-1] + u * coefficient)
    return from_columns(columns)


def cyclic_basis(F: DomainMatrix, f: Sequence) -> tuple[DomainMatrix, DomainMatrix] | None:
    """Return the controller basis H of a cyclic vector of F, and H^-1; f is F's charpoly.

    Tries a few vectors of small integers, and returns None where none of them is cyclic: there is
    none if F is derogatory.

    Since ``H^-1 F = K H^-1`` with the companion matrix K, the rows of H^-1 are l F^(n-1), .., l F,
    l for the row l with ``l H = (0, .., 0, 1)``: one system to solve instead of n.
    """
    n, field = F.shape[0], F.domain
    last = unit_vector(n, n - 1, field)
    candidates = [
        unit_vector(n, 0, field),
        column([field.one] * n, field),
        column([field.convert(i + 1) for i in range(n)], field),
    ]
    for u in candidates:
        H = controller_basis(F, f, u)
        try:
            rows = [H.transpose().lu_solve(last).transpose()]
        except DMNonInvertibleMatrixError:
            continue
        while len(rows) < n:
            rows.append(rows[-1] * F)
        return H, rows[-1].vstack(*rows[-2::-1]).to_dense()
    return None


def krylov_flag(F: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix, list[int]]:
    """Return a basis H, its inverse and the lengths of the runs, such that H^-1 F H is block upper
    triangular with companion matrices in controller form on its diagonal and, above them, nothing
    but the last column of each run.

    A run is the controller basis of a vector modulo the runs before it. Every square matrix has
    such a flag; a scalar matrix has n runs of length one, a matrix with a cyclic vector has one.
    """
    n, field = F.shape[0], F.domain
    cyclic = cyclic_basis(F, F.charpoly_berk())
    if cyclic is not None:
        return *cyclic, [n]
    basis, inverse = identity(n, field), identity(n, field)
    runs: list[int] = []
    while (done := sum(runs)) < n:
        quotient = (inverse * F * basis)[done:, done:]
        f = _minimal_polynomial(quotient, unit_vector(n - done, 0, field))
        runs.append(len(f) - 1)
        run = controller_basis(F, f, basis[:, done : done + 1])
        columns = basis[:, :done].hstack(run).to_dense()
        basis = columns.hstack(complement(columns)).to_dense()
        inverse = basis.inv()
    return basis, inverse, runs


def _minimal_polynomial(F: DomainMatrix, u: DomainMatrix) -> list:
    """Return the monic f of least degree with f(F) u = 0."""
    columns = [u]
    for _ in range(F.shape[0]):
        columns.append(F * columns[-1])
    echelon, pivots = from_columns(columns).rref()
    degree = len(pivots)
    relation = [echelon[i, degree].element for i in range(degree)]
    return [F.domain.one, *(-value for value in reversed(relation))]


def triangular_eigenvectors(T: DomainMatrix) -> DomainMatrix:
    """Return the unit upper triangular V with T V = V diag(T); `T` is upper triangular.

    The diagonal entries of T must be distinct.

    >>> from sympy import QQ
    >>> T = DomainMatrix([[QQ(1), QQ(6)], [QQ(0), QQ(3)]], (2, 2), QQ).to_dense()
    >>> triangular_eigenvectors(T).to_Matrix()
    Matrix([
    [1, 3],
    [0, 1]])
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
    return from_entries(V, (n, n), field)
