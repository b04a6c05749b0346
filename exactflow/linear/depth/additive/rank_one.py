"""Five layers where C has rank one: wanted blocks for D - C V and a + V c.

Main results
------------
Let C = b u and c = w z be products of a column and a row. D - b v, v any row, can have exactly
the blocks K whose sizes interlace those of its fixed part Du, K_1 >= lam_1 >= K_2 >= .., at every
irreducible f (R. C. Thompson 1979, E. M. de Sa 1979), and `assigned_row` constructs the v: as a
module over F[x], D - b v has generators b and q_j (lifts of those of Du) with relations
g b = 0 and h_j q_j = y_j b, h_j = f^lam_j. With

    y_j = f^e_j,  e_j = sum_(i > j) (K_i - lam_i),  g = the product over f of f^(|K| - |lam|)

the minors of the relations have the exponents of K. The same for a + V c, transposed. Finally
u V = v and V w = v' go together iff v w = u v', and that says that D - C V and a + V c have one
determinant.

How it is checked
-----------------
*Exact*: the D - C V found goes through Flanders' theorem.
"""

from collections.abc import Sequence
from typing import Any

from sympy.polys.densearith import dup_mul, dup_pow
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.normalforms import chains, conjugate_partition, orbit
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.word import Pencil

Divisors = dict[tuple, tuple[int, ...]]


def rank_one_shift(pencil: Pencil, parts: FixedParts) -> DomainMatrix:
    """Return V such that Flanders' theorem applies to D - C V and a + V c, of which the fixed parts
    satisfy the inequalities of `exactflow.linear.depth.fixed_parts`; C and c have rank one.
    """
    of_D, of_a = _wanted(parts)
    C, D, a, c = pencil
    (b, u), (w, z) = _outer_factors(C), _outer_factors(c)
    v = assigned_row(D, b, (parts.L, parts.Du), of_D)
    v_a = -assigned_row(a.transpose(), z.transpose(), (parts.N, parts.aN), of_a).transpose()
    u_right = linalg.left_inverse(u.transpose()).transpose()
    w_left = linalg.left_inverse(w)
    return u_right * (v - u * v_a * w_left) + v_a * w_left


def _outer_factors(C: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return a column b and a row u with C = b u."""
    n, pivot = C.shape[0], linalg.rref(C)[1][0]
    b = C.extract(list(range(n)), [pivot])
    return b, linalg.left_inverse(b) * C


def _wanted(parts: FixedParts) -> tuple[Divisors, Divisors]:
    """Return the blocks to give to D' and a'; what is left of n goes to a block at eigenvalue 1."""
    one = parts.L.domain.one
    at_one = (one, -one)
    of_D: Divisors = {}
    of_a: Divisors = {}
    for f, sizes in {**parts.divisors, at_one: parts.divisors.get(at_one, ((), ()))}.items():
        counts: Any = parts.counts(f, *sizes)  # there are some
        of_D[f], of_a[f] = (conjugate_partition(count) for count in counts)
    rest = parts.n - sum((len(f) - 1) * sum(sizes) for f, sizes in of_D.items())
    for divisors in (of_D, of_a):
        first, *others = divisors[at_one] or (0,)
        divisors[at_one] = (first + rest, *others) if first + rest else ()
    return of_D, of_a


def assigned_row(
    D: DomainMatrix, b: DomainMatrix, fixed: tuple[DomainMatrix, DomainMatrix], wanted: Divisors
) -> DomainMatrix:
    """Return v such that D - b v has the wanted blocks, whose sizes interlace those of Du.

    `fixed` has L and Du, u x n and u x u, with L b = 0, L D = Du L, the largest such.
    """
    L, Du = fixed
    m, field = D.shape[0] - L.shape[0], D.domain
    H = krylov.controller_basis(D, krylov.minimal_polynomial(D, b), b)
    g, basis, row = _target(Du, wanted)
    if basis is not None:
        H = H.hstack(linalg.left_inverse(L.transpose()).transpose() * basis)
        H = H * _decoupling(H.inv() * D * H, m)
    current = (H.inv() * D * H).to_list()[0]
    goal = [*(-x for x in g[1:]), *row]
    return linalg.column([x - y for x, y in zip(current, goal, strict=True)], field).transpose() * (
        H.inv()
    )


def _decoupling(D: DomainMatrix, m: int) -> DomainMatrix:
    """Return [[I, T], [0, I]] that clears D's upper right block but for its first row.

    D is block upper triangular, and its leading m x m block in controller form.
    """
    n, field = D.shape[0], D.domain
    upper, lower = D[:m, m:], D[m:, m:]
    rows = [linalg.zeros(1, n - m, field)]
    for i in range(m - 1, 0, -1):
        rows.append(rows[-1] * lower - upper[i, :])
    T = rows[-1].vstack(*reversed(rows[:-1]))
    one, zero = linalg.identity, linalg.zeros
    blocks = linalg.Blocks(one(m, field), T, zero(n - m, m, field), one(n - m, field))
    return linalg.join(blocks)


def _target(Du: DomainMatrix, wanted: Divisors) -> tuple[list, DomainMatrix | None, list]:
    """Return the polynomial g, a basis of chains of Du (None if it is empty), and the row x of the
    first row (-g_1, -g_2, .., x) that gives D - b v the wanted blocks.
    """
    field = Du.domain
    g, row = [field.one], []
    basis: list[DomainMatrix] = []
    for f, sizes in wanted.items():
        found = chains(Du, f) if Du.shape[0] else []
        excess = sum(sizes) - sum(size for _, size in found)
        g = dup_mul(g, dup_pow(list(f), excess, field), field)
        for j, (generator, size) in enumerate(found):
            excess -= (sizes[j] if j < len(sizes) else 0) - size
            h = dup_pow(list(f), size, field)
            y = dup_pow(list(f), excess, field) if excess < size else []
            basis.extend(orbit(Du, generator, len(h) - 1))
            row.extend(_relation_row(h, y, field))
    return g, linalg.from_columns(basis) if basis else None, row


def _relation_row(h: Sequence, y: Sequence, field: Domain) -> list:
    """Return x such that D e_i = e_(i+1) + x_i b, D e_(d-1) = -sum h_i e_i + x_(d-1) b make
    h(D) e_0 = y(D) b.

    In coefficients: y = sum_i x_i (x^(d-1-i) + the leading coefficients of h after it).
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
