"""Candidates for a shift V such that M U(-V) is a product of four layers.

D and C are blocks of M, a and c blocks of M^-1 (`exactflow.linear.depth.pattern.Pencil`). For
M U(-V) and its inverse, D - C V takes the place of D, and a + V c that of a.

Main results
------------
*Equal polynomials.* For V = V0 + e t^T both characteristic polynomials are affine in t, and their
constant coefficients always agree: n - 1 linear equations in n unknowns remain. If D and a differ
in size, the polynomial of the smaller one is multiplied by a power of x - 1.

*Deflation* gives both matrices an eigenvalue s with m blocks: choose m columns y, v with
(D - s) y = C v and m rows p, q with p (a - s) = q c and p v = -q y. Then V y = v and p V = -q make
s an eigenvalue of D - C V and of a + V c with m blocks. The rest of V is free and solves the same
problem on n - m dimensions: on the quotient by the y and on the kernel of the p. (For C = I this is
the induction by which Sourour, 1986, factors a matrix into two with given eigenvalues.)

*Rank one*: let C = b u and c = w z be products of a column and a row. D - b v, v any row, can have
exactly the blocks K whose sizes interlace those of its fixed part Du, K_1 >= lam_1 >= K_2 >= .., at
every irreducible f (R. C. Thompson 1979, E. M. de Sa 1979), and
`subtracted_row_assigning_block_sizes` constructs v. As a module over F[x], D - b v has generators b
and q_j (lifts of those of Du) with relations g b = 0 and h_j q_j = y_j b, h_j = f^lam_j. With

    y_j = f^e_j,  e_j = sum_(i > j) (K_i - lam_i),  g = the product over f of f^(|K| - |lam|)

the minors of the relations have the exponents of K. The same holds for a + V c, transposed. Finally
u V = v and V w = v' have a common solution V iff v w = u v', that is, iff D - C V and a + V c have
the same determinant.

How it is checked
-----------------
*Exact*: the identities hold for all draws. The caller decides by Flanders' theorem whether V
suffices.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from sympy.polys.densearith import dup_mul, dup_pow
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.draws import Draws
from exactflow.exact.normal_forms import (
    conjugate_partition,
    cyclic_chains,
    elementary_divisors,
    orbit,
)
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import with_roots_at_one
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.pattern import Pencil

SizesByFactor = dict[tuple, tuple[int, ...]]


def draw_shift_equating_charpolys(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Draw V for which D - C V and a + V c have equal characteristic polynomials.

    V = V0 + e t^T or V0 + t e^T, where V0 and e are random and t solves linear equations. If D and
    a differ in size, the polynomials are equal up to a power of x - 1. Return None if the equations
    have no solution.

    det(x I - D + b t^T) = det(x I - D) + t^T adj(x I - D) b, and the coefficients of adj(x I - D) b
    are the columns of the controller basis of D and b. Multiplied by (x - 1)^k, they are the
    columns for the polynomial (x - 1)^k det(x I - D).
    """
    q, p = pencil.C.shape
    V0, e = draw.matrix(p, q), draw.matrix(p, 1)
    shifted = pencil.after_subtracting_shift(V0)
    t = _second_factor_equating_charpolys(shifted, e)
    if t is not None:
        return V0 + e * t.transpose()
    e = e if p == q else draw.matrix(q, 1)
    t = _second_factor_equating_charpolys(shifted.transposed_and_exchanged(), e)
    return None if t is None else V0 + t * e.transpose()


def _second_factor_equating_charpolys(pencil: Pencil, first: DomainMatrix) -> DomainMatrix | None:
    """Return a column t such that V = first t^T equates the characteristic polynomials.

    They are those of D - C V and of a + V c. Return None if there is no such t.
    """
    C, D, a, c = pencil
    q, p = C.shape
    f, g = with_roots_at_one(D.charpoly_berk(), p - q), with_roots_at_one(a.charpoly_berk(), q - p)
    right = linalg.column([y - x for x, y in zip(f[1:], g[1:], strict=True)], D.domain)
    H, K = krylov.controller_basis(D, f, C * first), krylov.controller_basis(a, g, first)
    t, _ = linalg.solve((H + c * K).transpose(), right)
    return t


def draw_shift_by_deflation(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Draw a shift V that gives D - C V and a + V c equal eigenvalues, by deflation.

    Eigenvalues of the fixed parts are deflated; `draw_shift_equating_charpolys` equates the others.
    Return V, or None if an equation has no solution. An eigenvalue is deflated as long as both
    fixed parts are nonempty, or one of them has several blocks at it.
    """
    (q, p), field = pencil.C.shape, pencil.D.domain
    if q * p < 2:
        return linalg.zeros(p, q, field)
    parts = FixedParts.from_pencil(pencil)
    eigenvalue = _choose_eigenvalue_to_deflate(parts)
    if eigenvalue is None:
        return draw_shift_equating_charpolys(pencil, draw)
    found = _draw_eigenvectors_and_images(pencil, parts, eigenvalue, draw)
    if found is None:
        return None
    m = eigenvalue.blocks
    y, v, left, other = found
    P_inverse = left.vstack(linalg.complementary_unit_vectors(left.transpose()).transpose())
    Q = y.hstack(linalg.complementary_unit_vectors(y))
    P, Q_inverse = P_inverse.inv(), Q.inv()
    # `fixed` is P_inverse * V * Q in its first m columns and rows, and zero elsewhere.
    columns, rows = P_inverse * v, -(other * Q)
    fixed = rows.vstack(columns[m:, :].hstack(linalg.zeros(p - m, q - m, field)))
    C, D, a, c = pencil
    adapted = Pencil(Q_inverse * C * P, Q_inverse * D * Q, P_inverse * a * P, Q_inverse * c * P)
    rest = draw_shift_by_deflation(
        Pencil(*(M[m:, m:] for M in adapted.after_subtracting_shift(fixed))), draw
    )
    if rest is None:
        return None
    return P * (fixed + linalg.direct_sum(linalg.zeros(m, m, field), rest)) * Q_inverse


class _DeflatedEigenvalue(NamedTuple):
    """An eigenvalue s of a fixed part, and numbers of blocks at s.

    D - C V and a + V c will have `blocks` blocks at s. For each of them a block of Du and one of aN
    are paired, and the new block has the larger of both sizes. `first` blocks of Du and `second`
    blocks of aN have this size already; the others grow.
    """

    s: Element
    blocks: int
    first: int
    second: int


def _choose_eigenvalue_to_deflate(parts: FixedParts) -> _DeflatedEigenvalue | None:
    """Return the eigenvalue of the fixed parts to deflate next, or None if none is left.

    It makes the dimensions of both fixed parts as equal as possible, because parts of unequal size
    reduce the rank of C, as in D y = s y with y new and p C = 0. If one part is empty, only an
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
            candidates.append(_DeflatedEigenvalue(s, len(pairs), *kept))
    excess = parts.Du.shape[0] - parts.aN.shape[0]
    return min(candidates, key=lambda e: abs(excess - e.first + e.second), default=None)


def _draw_eigenvectors_and_images(
    pencil: Pencil, parts: FixedParts, eigenvalue: _DeflatedEigenvalue, draw: Draws
) -> tuple[DomainMatrix, DomainMatrix, DomainMatrix, DomainMatrix] | None:
    """Draw columns y, v and rows p, q: y and p will be eigenvectors if V y = v and p V = -q.

    y are right eigenvectors of D - C V, and p left ones of a + V c, m of each. They satisfy
    (D - s) y = C v, p (a - s) = q c and p v + q y = 0. Return (y, v, p, q), or None if the columns
    y or the rows p are dependent. A column y that extends a block of Du vanishes in the quotient:
    L y = 0. A row p vanishes similarly in the quotient of N.
    """
    C, D, a, c = pencil
    D_s, a_s = (M - linalg.identity(M.shape[0], M.domain) * eigenvalue.s for M in (D, a))
    columns = linalg.kernel(D_s.hstack(-C))
    rows = linalg.kernel(a_s.transpose().hstack(-c.transpose()))
    column = _draw_combinations_mostly_in_kernel(
        columns, parts.L, eigenvalue.first, eigenvalue.blocks, draw
    )
    y, v = column[: C.shape[0], :], column[C.shape[0] :, :]
    rows = rows * linalg.kernel((rows.transpose() * v.vstack(y)).transpose())
    row = _draw_combinations_mostly_in_kernel(
        rows, parts.N, eigenvalue.second, eigenvalue.blocks, draw
    ).transpose()
    p, q = row[:, : C.shape[1]], row[:, C.shape[1] :]
    return (y, v, p, q) if linalg.rank(y) == linalg.rank(p) == eigenvalue.blocks else None


def _draw_combinations_mostly_in_kernel(
    space: DomainMatrix, L: DomainMatrix, free: int, count: int, draw: Draws
) -> DomainMatrix:
    """Draw `count` combinations of the columns of `space`; L annihilates all but `free` of them.

    L acts on the first coordinates of a column.
    """
    inside = space * linalg.kernel(L * space[: L.shape[1], :]) if L.shape[0] else space
    chosen = [
        part * draw.matrix(part.shape[1], 1) for part in [space] * free + [inside] * (count - free)
    ]
    return linalg.from_columns(chosen)


def flanders_shift_for_rank_one(pencil: Pencil, parts: FixedParts) -> DomainMatrix:
    """Return V, for C of rank one, such that D - C V and a + V c fulfil Flanders' conditions.

    The fixed parts must satisfy the inequalities of `exactflow.linear.depth.fixed_parts`.
    """
    of_D, of_a = _choose_shifted_block_sizes(parts)
    C, D, a, c = pencil
    (b, u), (w, z) = _rank_one_factors(C), _rank_one_factors(c)
    v = subtracted_row_assigning_block_sizes(D, b, (parts.L, parts.Du), of_D)
    v_a = -subtracted_row_assigning_block_sizes(
        a.transpose(), z.transpose(), (parts.N, parts.aN), of_a
    ).transpose()
    u_right = linalg.left_inverse(u.transpose()).transpose()
    w_left = linalg.left_inverse(w)
    return u_right * (v - u * v_a * w_left) + v_a * w_left


def _rank_one_factors(C: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return a column b and a row u with C = b u, for C of rank one."""
    n, pivot = C.shape[0], linalg.rref(C)[1][0]
    b = C.extract(list(range(n)), [pivot])
    return b, linalg.left_inverse(b) * C


def _choose_shifted_block_sizes(parts: FixedParts) -> tuple[SizesByFactor, SizesByFactor]:
    """Return the block sizes that V shall give to D - C V and to a + V c, by irreducible factor.

    They are the least possible, except that one block at eigenvalue 1 fills up the dimension.
    """
    one = parts.L.domain.one
    at_one = (one, -one)
    of_D: SizesByFactor = {}
    of_a: SizesByFactor = {}
    for f, sizes in {
        **parts.block_sizes_by_factor,
        at_one: parts.block_sizes_by_factor.get(at_one, ((), ())),
    }.items():
        # The counts are not None, since the fixed parts allow some V.
        counts: Any = parts.least_shifted_block_counts_at_factor(f, *sizes)
        of_D[f], of_a[f] = (conjugate_partition(count) for count in counts)
    rest = parts.n - sum((len(f) - 1) * sum(sizes) for f, sizes in of_D.items())
    for divisors in (of_D, of_a):
        first, *others = divisors[at_one] or (0,)
        divisors[at_one] = (first + rest, *others) if first + rest else ()
    return of_D, of_a


def subtracted_row_assigning_block_sizes(
    D: DomainMatrix,
    b: DomainMatrix,
    fixed_part: tuple[DomainMatrix, DomainMatrix],
    wanted: SizesByFactor,
) -> DomainMatrix:
    """Return a row v for which D - b v has blocks of the wanted sizes at each irreducible factor.

    The sizes must interlace the block sizes of Du. `fixed_part` consists of L and Du,
    u x n and u x u: the largest L with L b = 0 and L D = Du L.
    """
    L, Du = fixed_part
    m, field = D.shape[0] - L.shape[0], D.domain
    H = krylov.controller_basis(D, krylov.minimal_polynomial_of_vector(D, b), b)
    goal, basis = _wanted_row_and_chain_basis(Du, wanted)
    if basis is not None:
        H = H.hstack(linalg.left_inverse(L.transpose()).transpose() * basis)
        H = H * _shear_clearing_block_below_first_row(H.inv() * D * H, m)
    current = (H.inv() * D * H).to_list()[0]
    return linalg.column([x - y for x, y in zip(current, goal, strict=True)], field).transpose() * (
        H.inv()
    )


def _shear_clearing_block_below_first_row(D: DomainMatrix, corner_size: int) -> DomainMatrix:
    """Return a shear S for which the upper right block of S^-1 D S is zero below its first row.

    S = [[I, T], [0, I]]. D is block upper triangular; its first block, which has `corner_size`
    rows, is in controller form.
    """
    n, m, field = D.shape[0], corner_size, D.domain
    upper, lower = D[:m, m:], D[m:, m:]
    rows = [linalg.zeros(1, n - m, field)]
    for i in range(m - 1, 0, -1):
        rows.append(rows[-1] * lower - upper[i, :])
    T = rows[-1].vstack(*reversed(rows[:-1]))
    one, zero = linalg.identity, linalg.zeros
    blocks = linalg.Blocks(one(m, field), T, zero(n - m, m, field), one(n - m, field))
    return linalg.join(blocks)


def _wanted_row_and_chain_basis(
    Du: DomainMatrix, wanted: SizesByFactor
) -> tuple[list, DomainMatrix | None]:
    """Return the first row that D - b v shall have in a basis with chains of Du, and these chains.

    The row is (-g_1, -g_2, .., x) for the polynomial g and numbers x. The chains are the columns of
    a matrix, or None if Du is empty; the basis contains lifts of the chains.
    """
    field = Du.domain
    g, row = [field.one], []
    basis: list[DomainMatrix] = []
    for f, sizes in wanted.items():
        found = cyclic_chains(Du, f) if Du.shape[0] else []
        excess = sum(sizes) - sum(size for _, size in found)
        g = dup_mul(g, dup_pow(list(f), excess, field), field)
        for j, (generator, size) in enumerate(found):
            excess -= (sizes[j] if j < len(sizes) else 0) - size
            h = dup_pow(list(f), size, field)
            y = dup_pow(list(f), excess, field) if excess < size else []
            basis.extend(orbit(Du, generator, len(h) - 1))
            row.extend(_coordinates_in_horner_basis(y, h, field))
    return [*(-x for x in g[1:]), *row], linalg.from_columns(basis) if basis else None


def _coordinates_in_horner_basis(y: Sequence, h: Sequence, field: Domain) -> list:
    """Return the coordinates of a polynomial y in the basis H_i = t^i + h_1 t^(i-1) + .. + h_i.

    The degree d of h is greater than that of y; the coordinate of H_(d-1) comes first. Let x be
    the coordinates in this order: D e_i = e_(i+1) + x_i b and D e_(d-1) = -sum h_i e_i + x_(d-1) b
    imply h(D) e_0 = y(D) b.
    """
    d = len(h) - 1
    rest = [field.zero] * (d - len(y)) + list(y)
    row = []
    for i in range(d):
        x = rest[i]
        row.append(x)
        for k in range(d - i):
            rest[i + k] -= x * h[k]
    return row
