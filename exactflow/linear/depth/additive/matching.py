"""Candidates for V: D - C V and a + V c are to get one characteristic polynomial.

Main results
------------
*Matching.* For V = V0 + e t^T both characteristic polynomials are affine in t, and their constant
coefficients agree by themselves: n - 1 linear equations in n unknowns. Where D and a differ in
size, the polynomial of the smaller one has as many factors x - 1 more.

*Peeling* an eigenvalue s with m blocks: choose m columns y, v with (D - s) y = C v and m rows p, q
with p (a - s) = q c and p v = -q y. Then V y = v and p V = -q make s an eigenvalue of D - C V and
of a + V c with m blocks; the rest of V is free, and is the same problem on n - m dimensions, namely
on the quotient by the y and the kernel of the p. (For C = I this is the induction by which Sourour,
1986, factors a matrix into two of given eigenvalues.)

How it is checked
-----------------
*Exact*: both identities hold for whatever is drawn; whether the V found does what it is for, its
user decides.
"""

from itertools import zip_longest
from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.draws import Draws
from exactflow.exact.normalforms import elementary_divisors
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import with_ones
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.word import Pencil


def matched_shift(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Return V = V0 + e t^T or V0 + t e^T such that D - C V and a + V c have one characteristic
    polynomial, for a drawn V0 and e; None where the linear equations for t have no solution.

    det(x I - D + b t^T) = det(x I - D) + t^T adj(x I - D) b, and the coefficients of adj(x I - D) b
    are the columns of the controller basis of D and b; those of (x - 1)^k times both are the
    columns for the polynomial (x - 1)^k det(x I - D).
    """
    q, p = pencil.C.shape
    V0, e = draw.matrix(p, q), draw.matrix(p, 1)
    shifted = pencil.shifted(V0)
    t = _matching_column(shifted, e)
    if t is not None:
        return V0 + e * t.transpose()
    e = e if p == q else draw.matrix(q, 1)
    t = _matching_column(shifted.transposed(), e)
    return None if t is None else V0 + t * e.transpose()


def _matching_column(pencil: Pencil, e: DomainMatrix) -> DomainMatrix | None:
    """Find t such that V = e t^T makes the characteristic polynomials agree, or None."""
    C, D, a, c = pencil
    q, p = C.shape
    f, g = with_ones(D.charpoly_berk(), p - q), with_ones(a.charpoly_berk(), q - p)
    right = linalg.column([y - x for x, y in zip(f[1:], g[1:], strict=True)], D.domain)
    H, K = krylov.controller_basis(D, f, C * e), krylov.controller_basis(a, g, e)
    t, _ = linalg.solve((H + c * K).transpose(), right)
    return t


def peeled_shift(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Return a V, as `matched_shift` does, after peeling eigenvalues of the fixed parts off as long
    as D and a both have one, or more than one block at one; None where an equation has no solution.
    """
    (q, p), field = pencil.C.shape, pencil.D.domain
    if q * p < 2:
        return linalg.zeros(p, q, field)
    parts = FixedParts.of(pencil)
    eigenvalue = _fixed_eigenvalue(parts)
    if eigenvalue is None:
        return matched_shift(pencil, draw)
    found = _eigenvectors(pencil, parts, eigenvalue, draw)
    if found is None:
        return None
    m = eigenvalue.blocks
    y, v, left, other = found
    P_inverse = left.vstack(linalg.complement(left.transpose()).transpose())
    Q = y.hstack(linalg.complement(y))
    P, Q_inverse = P_inverse.inv(), Q.inv()
    fixed = _bordered(P_inverse * v, -(other * Q))
    C, D, a, c = pencil
    turned = Pencil(Q_inverse * C * P, Q_inverse * D * Q, P_inverse * a * P, Q_inverse * c * P)
    rest = peeled_shift(Pencil(*(M[m:, m:] for M in turned.shifted(fixed))), draw)
    if rest is None:
        return None
    return P * (fixed + linalg.direct_sum(linalg.zeros(m, m, field), rest)) * Q_inverse


class _Eigenvalue(NamedTuple):
    """An eigenvalue s of the fixed parts, to become one of both matrices, with a block for each of
    the `blocks` larger sizes of a block of Du and one of aN; so many of these are blocks of Du and
    of aN as they are, while the other blocks of Du and aN grow.
    """

    s: Element
    blocks: int
    first: int
    second: int


def _fixed_eigenvalue(parts: FixedParts) -> _Eigenvalue | None:
    """Return an eigenvalue of the fixed parts in the field, None where there is none to peel.

    It is one that leaves the dimensions of the two parts as equal as can be: parts that differ in
    size lose rank of C, as in D y = s y with y new and p C = 0. Where one part is empty, only an
    eigenvalue with several blocks counts.
    """
    found = []
    for M in (parts.Du, parts.aN):
        divisors = elementary_divisors(M)
        found.append({-f[1]: sizes for f, sizes in divisors.items() if len(f) == 2})
    nonempty = parts.Du.shape[0] and parts.aN.shape[0]
    candidates = []
    for s in {**found[0], **found[1]}:
        pairs = list(zip_longest(*(part.get(s, ()) for part in found), fillvalue=0))
        kept = (sum(x >= y for x, y in pairs), sum(x <= y for x, y in pairs))
        if nonempty or len(pairs) > 1:
            candidates.append(_Eigenvalue(s, len(pairs), *kept))
    excess = parts.Du.shape[0] - parts.aN.shape[0]
    return min(candidates, key=lambda e: abs(excess - e.first + e.second), default=None)


def _eigenvectors(
    pencil: Pencil, parts: FixedParts, eigenvalue: _Eigenvalue, draw: Draws
) -> tuple[DomainMatrix, ...] | None:
    """Return m columns y, v and m rows p, q with (D - s) y = C v, p (a - s) = q c, p v + q y = 0;
    None where the y or the p drawn are dependent.

    A y that extends a block of Du vanishes in the quotient, L y = 0; so does p in that of N.
    """
    C, D, a, c = pencil
    D_s, a_s = (M - linalg.identity(M.shape[0], M.domain) * eigenvalue.s for M in (D, a))
    columns = linalg.kernel(D_s.hstack(-C))
    rows = linalg.kernel(a_s.transpose().hstack(-c.transpose()))
    column = _drawn(columns, parts.L, eigenvalue.first, eigenvalue.blocks, draw)
    y, v = column[: C.shape[0], :], column[C.shape[0] :, :]
    rows = rows * linalg.kernel((rows.transpose() * v.vstack(y)).transpose())
    row = _drawn(rows, parts.N, eigenvalue.second, eigenvalue.blocks, draw).transpose()
    p, q = row[:, : C.shape[1]], row[:, C.shape[1] :]
    return (y, v, p, q) if linalg.rank(y) == linalg.rank(p) == eigenvalue.blocks else None


def _drawn(
    space: DomainMatrix, L: DomainMatrix, free: int, count: int, draw: Draws
) -> DomainMatrix:
    """Return `count` combinations x of columns, all but the first `free` with L x = 0 on the first
    half of x.
    """
    inside = space * linalg.kernel(L * space[: L.shape[1], :]) if L.shape[0] else space
    chosen = [
        part * draw.matrix(part.shape[1], 1) for part in [space] * free + [inside] * (count - free)
    ]
    return linalg.from_columns(chosen)


def _bordered(columns: DomainMatrix, rows: DomainMatrix) -> DomainMatrix:
    """Return the matrix with the given first columns and first rows, and zeros elsewhere."""
    m, zeros = rows.shape[0], linalg.zeros(columns.shape[0], rows.shape[1], rows.domain)
    return rows.vstack(columns[m:, :].hstack(zeros[m:, m:]))
