"""Candidates for a shift V such that M U(-V) is a product of four layers.

D and C are blocks of M, a and c blocks of M^-1 (`exactflow.linear.depth.pattern.Pencil`). For
M U(-V) and its inverse, D - C V takes the place of D, and a + V c that of a.

Main results
------------
*Equal polynomials.* Let D and a be n x n. For V = V0 + e t^T, with a fixed matrix V0 and a fixed
column e, the characteristic polynomials of D - C V and a + V c are affine in the column t, and
their constant coefficients always agree. So they are equal if t solves n - 1 linear equations. If D
and a differ in size, the polynomial of the smaller matrix is multiplied by a power of x - 1.

*Deflation* gives D - C V and a + V c an eigenvalue s with m blocks: choose m columns y, v with
(D - s) y = C v and m rows p, q with p (a - s) = q c and p v = -q y. Then V y = v and p V = -q make
s an eigenvalue of D - C V and of a + V c with m blocks. The rest of V is free and solves the same
problem on n - m dimensions: on the quotient by the columns y and on the kernel of the rows p. (For
C = I this is the induction by which Sourour, 1986, factors a matrix into two matrices with given
eigenvalues.)

*Rank one*: let C = b u and c = w z be products of a column and a row. Let K_1 >= K_2 >= .. be the
block sizes of D - b v, for a row v, at an irreducible polynomial f, and lam_1 >= lam_2 >= .. the
block sizes of its fixed part Du. The sizes K_i that occur for some v are those which interlace the
sizes lam_i at every f: K_1 >= lam_1 >= K_2 >= .. (R. C. Thompson 1979, E. M. de Sa 1979), and
`subtracted_row_assigning_block_sizes` constructs v. Over F[x], with F the field, the module of
D - b v has generators b and q_j (lifts of the generators of the module of Du) with relations
g b = 0 and h_j q_j = y_j b, where h_j = f^lam_j. With

    y_j = f^e_j,  e_j = sum_(i > j) (K_i - lam_i),  g = the product over f of f^(|K| - |lam|)

the blocks at f have the sizes K_i. The same holds for a + V c, transposed. Let v be the row for
D - C V, and v' the column for a + V c. Then u V = v and V w = v' have a common solution V iff
v w = u v', that is, iff D - C V and a + V c have the same determinant.

How it is checked
-----------------
*Exact*: the identities above hold for every random draw. The caller decides by Flanders' theorem
whether M U(-V) is a product of four layers.
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
    cyclic_generators_and_exponents,
    elementary_divisors,
    orbit,
)
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import with_roots_at_one
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.pattern import Pencil

SizesByFactor = dict[tuple, tuple[int, ...]]
"""The block sizes at each irreducible factor, given by its coefficients."""


def draw_shift_equating_charpolys(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Draw V for which D - C V and a + V c have equal characteristic polynomials.

    V is V0 + e t^T or V0 + t e^T, where V0 and e are random and the column t solves linear
    equations. If D and a differ in size, the polynomials are equal up to a power of x - 1. Return
    None if the equations have no solution.

    The equations use det(x I - D + b t^T) = det(x I - D) + t^T adj(x I - D) b for a column b. The
    coefficients of the polynomial vector adj(x I - D) b are the columns of the controller basis of
    D and b. The coefficients of (x - 1)^k adj(x I - D) b are the columns of the same basis for the
    polynomial (x - 1)^k det(x I - D).
    """
    q, p = pencil.C.shape
    V0, e = draw.matrix(p, q), draw.matrix(p, 1)
    shifted = pencil.after_subtracting_shift(V0)
    t = _right_factor_of_shift_equating_charpolys(shifted, e)
    if t is not None:
        return V0 + e * t.transpose()
    e = e if p == q else draw.matrix(q, 1)
    t = _right_factor_of_shift_equating_charpolys(shifted.transposed_and_exchanged(), e)
    return None if t is None else V0 + t * e.transpose()


def _right_factor_of_shift_equating_charpolys(
    pencil: Pencil, left_factor_column: DomainMatrix
) -> DomainMatrix | None:
    """Return a column t such that the shift V = e t^T equates the characteristic polynomials.

    The polynomials are those of D - C V and of a + V c; the column e is `left_factor_column`.
    Return None if there is no such t.
    """
    C, D, a, c = pencil
    q, p = C.shape
    f, g = with_roots_at_one(D.charpoly_berk(), p - q), with_roots_at_one(a.charpoly_berk(), q - p)
    right = linalg.column([y - x for x, y in zip(f[1:], g[1:], strict=True)], D.domain)
    H = krylov.controller_basis(D, f, C * left_factor_column)
    K = krylov.controller_basis(a, g, left_factor_column)
    t, _ = linalg.solve((H + c * K).transpose(), right)
    return t


def draw_shift_by_deflation(pencil: Pencil, draw: Draws) -> DomainMatrix | None:
    """Draw a shift V for which D - C V and a + V c have equal eigenvalues, by deflation.

    Eigenvalues of the fixed parts are deflated one after the other, as long as both fixed parts are
    nonempty, or one of them has several blocks at an eigenvalue. `draw_shift_equating_charpolys`
    equates the other eigenvalues. Return V, or None if an equation has no solution.
    """
    (q, p), field = pencil.C.shape, pencil.D.domain
    if q * p < 2:
        return linalg.zeros(p, q, field)
    parts = FixedParts.from_pencil(pencil)
    eigenvalue = _choose_eigenvalue_to_deflate(parts)
    if eigenvalue is None:
        return draw_shift_equating_charpolys(pencil, draw)
    found = _draw_two_sided_eigenvectors_with_images(pencil, parts, eigenvalue, draw)
    if found is None:
        return None
    m = eigenvalue.blocks
    y, v, left, negated_image = found
    P_inverse = left.vstack(linalg.complementary_unit_vectors(left.transpose()).transpose())
    Q = y.hstack(linalg.complementary_unit_vectors(y))
    P, Q_inverse = P_inverse.inv(), Q.inv()
    # `fixed` equals P_inverse * V * Q in its first m rows and first m columns; the rest is zero.
    columns, rows = P_inverse * v, -(negated_image * Q)
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

    D - C V and a + V c will have `blocks` blocks at s. For each of them a block of Du is paired
    with a block of aN, and the new block has the larger of the two sizes. This is already the size
    of `unchanged_in_Du` blocks of Du and of `unchanged_in_aN` blocks of aN; the other blocks grow.
    """

    s: Element
    blocks: int
    unchanged_in_Du: int  # noqa: N815 (Du and aN are the names in the theory)
    unchanged_in_aN: int  # noqa: N815


def _choose_eigenvalue_to_deflate(parts: FixedParts) -> _DeflatedEigenvalue | None:
    """Return the eigenvalue of the fixed parts to deflate next, or None if none is left.

    The eigenvalue is chosen such that, after its deflation, the dimensions of the two fixed parts
    differ as little as possible: a difference reduces the rank of C in the remaining problem. If
    one fixed part is empty, only an eigenvalue with several blocks is chosen.
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
    return min(
        candidates, key=lambda e: abs(excess - e.unchanged_in_Du + e.unchanged_in_aN), default=None
    )


def _draw_two_sided_eigenvectors_with_images(
    pencil: Pencil, parts: FixedParts, eigenvalue: _DeflatedEigenvalue, draw: Draws
) -> tuple[DomainMatrix, DomainMatrix, DomainMatrix, DomainMatrix] | None:
    """Draw right and left eigenvectors for an eigenvalue s, and images that a shift V shall give
    them.

    Return (y, v, p, q): V maps the right eigenvectors, the columns y of D - C V, to the columns v,
    and the left eigenvectors, the rows p of a + V c, to the rows -q. They satisfy (D - s) y = C v,
    p (a - s) = q c and p v + q y = 0. Return None if the columns y or the rows p are dependent. A
    column y that extends a block of Du satisfies L y = 0. A row p that extends a block of aN
    satisfies p N = 0.
    """
    C, D, a, c = pencil
    D_s, a_s = (linalg.subtract_scalar_matrix(M, eigenvalue.s) for M in (D, a))
    columns = linalg.kernel(D_s.hstack(-C))
    rows = linalg.kernel(a_s.transpose().hstack(-c.transpose()))
    column = _draw_arbitrary_and_then_annihilated_combinations(
        columns, parts.L, eigenvalue.unchanged_in_Du, eigenvalue.blocks, draw
    )
    y, v = column[: C.shape[0], :], column[C.shape[0] :, :]
    rows = rows * linalg.kernel((rows.transpose() * v.vstack(y)).transpose())
    row = _draw_arbitrary_and_then_annihilated_combinations(
        rows, parts.N, eigenvalue.unchanged_in_aN, eigenvalue.blocks, draw
    ).transpose()
    p, q = row[:, : C.shape[1]], row[:, C.shape[1] :]
    are_independent = linalg.rank(y) == linalg.rank(p) == eigenvalue.blocks
    return (y, v, p, q) if are_independent else None


def _draw_arbitrary_and_then_annihilated_combinations(
    columns: DomainMatrix,
    map_of_top_part: DomainMatrix,
    arbitrary_count: int,
    total_count: int,
    draw: Draws,
) -> DomainMatrix:
    """Return `total_count` random combinations of the columns, as columns.

    The first `arbitrary_count` combinations are arbitrary; `map_of_top_part` annihilates the top
    parts of the remaining ones. The top part has as many entries as this map has columns.
    """
    L = map_of_top_part
    inside = columns * linalg.kernel(L * columns[: L.shape[1], :]) if L.shape[0] else columns
    spaces = [columns] * arbitrary_count + [inside] * (total_count - arbitrary_count)
    return linalg.from_columns([space * draw.matrix(space.shape[1], 1) for space in spaces])


def flanders_shift_for_rank_one_C(pencil: Pencil, parts: FixedParts) -> DomainMatrix:
    """Return a shift V such that D - C V and a + V c fulfil Flanders' conditions.

    C must have rank one, and the fixed parts must satisfy the inequalities of
    `exactflow.linear.depth.fixed_parts`.
    """
    C, D, a, c = pencil
    # The wanted block sizes of D - C V and of a + V c are the least possible, except that in each
    # matrix one block at eigenvalue 1 is enlarged, so that the sizes add up to the dimension.
    of_D: SizesByFactor = {}
    of_a: SizesByFactor = {}
    at_one, sizes_by_factor = (D.domain.one, -D.domain.one), dict(parts.block_sizes_by_factor)
    sizes_by_factor.setdefault(at_one, ((), ()))
    for f, sizes in sizes_by_factor.items():
        # The counts are not None, since the fixed parts allow some shift V.
        counts: Any = parts.least_shifted_block_counts_at_factor(f, *sizes)
        of_D[f], of_a[f] = map(conjugate_partition, counts)
    rest = parts.n - sum((len(f) - 1) * sum(sizes) for f, sizes in of_D.items())
    for wanted in (of_D, of_a):
        first, *others = wanted[at_one] or (0,)
        wanted[at_one] = (first + rest, *others) if first + rest else ()
    (b, u), (w, z) = _rank_one_factors(C), _rank_one_factors(c)
    v = subtracted_row_assigning_block_sizes(D, b, (parts.L, parts.Du), of_D)
    v_a = -subtracted_row_assigning_block_sizes(
        a.transpose(), z.transpose(), (parts.N, parts.aN), of_a
    ).transpose()
    u_right, w_left = linalg.right_inverse(u), linalg.left_inverse(w)
    return u_right * (v - u * v_a * w_left) + v_a * w_left


def _rank_one_factors(C: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return a column b and a row u with C = b u; C must have rank one."""
    b = linalg.column_basis(C)
    return b, linalg.left_inverse(b) * C


def subtracted_row_assigning_block_sizes(
    D: DomainMatrix,
    b: DomainMatrix,
    fixed_rows_and_quotient: tuple[DomainMatrix, DomainMatrix],
    wanted: SizesByFactor,
) -> DomainMatrix:
    """Return a row v for which D - b v has blocks of the wanted sizes at each irreducible factor.

    `fixed_rows_and_quotient` are L and Du with L b = 0 and L D = Du L, where L has as many
    independent rows as possible. The wanted sizes must interlace the block sizes of Du.
    """
    L, Du = fixed_rows_and_quotient
    m, field = D.shape[0] - L.shape[0], D.domain
    H = krylov.controller_basis(D, krylov.minimal_polynomial_of_vector(D, b), b)
    goal, basis = _wanted_first_row_and_Du_chains(Du, wanted)
    if basis is not None:
        H = H.hstack(linalg.right_inverse(L) * basis)
        H = H * _shear_clearing_upper_right_below_first_row(H.inv() * D * H, m)
    current = (H.inv() * D * H).to_list()[0]
    return linalg.column([x - y for x, y in zip(current, goal, strict=True)], field).transpose() * (
        H.inv()
    )


def _shear_clearing_upper_right_below_first_row(D: DomainMatrix, corner_size: int) -> DomainMatrix:
    """Return a shear S for which the upper right block of S^-1 D S is zero below its first row.

    S is [[I, T], [0, I]] for some T. D is block upper triangular; its first diagonal block has
    `corner_size` rows, and is in controller form.
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


def _wanted_first_row_and_Du_chains(
    Du: DomainMatrix, wanted: SizesByFactor
) -> tuple[list, DomainMatrix | None]:
    """Return the wanted first row of D - b v in a certain basis, and chains of Du.

    The basis is the controller basis, followed by lifts of the chains. The row is (-g_1, -g_2, ..,
    x), where g is the wanted characteristic polynomial on the controller basis, and x are the
    coordinates of the polynomials y_j at the top of this module. The chains are the columns of a
    matrix, or None if Du is empty.
    """
    field = Du.domain
    g, row = [field.one], []
    basis: list[DomainMatrix] = []
    for f, sizes in wanted.items():
        found = cyclic_generators_and_exponents(Du, f) if Du.shape[0] else []
        excess = sum(sizes) - sum(size for _, size in found)
        g = dup_mul(g, dup_pow(list(f), excess, field), field)
        for j, (generator, size) in enumerate(found):
            excess -= (sizes[j] if j < len(sizes) else 0) - size
            h = dup_pow(list(f), size, field)
            y = dup_pow(list(f), excess, field) if excess < size else []
            basis.extend(orbit(Du, generator, len(h) - 1))
            row.extend(_coordinates_in_descending_horner_basis(y, h, field))
    return [*(-x for x in g[1:]), *row], linalg.from_columns(basis) if basis else None


def _coordinates_in_descending_horner_basis(y: Sequence, h: Sequence, field: Domain) -> list:
    """Return the coordinates of a polynomial y in the basis H_i = t^i + h_1 t^(i-1) + .. + h_i.

    The degree d of h is greater than the degree of y. The coordinate of H_(d-1) comes first. If
    x_0, x_1, .. are the coordinates in this order, then the equations D e_i = e_(i+1) + x_i b for i
    < d - 1 and D e_(d-1) = -h_d e_0 - .. - h_1 e_(d-1) + x_(d-1) b imply h(D) e_0 = y(D) b.
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
