"""The route through a commutator, and its lemma: five layers if the lower left block of the matrix
is invertible, else six.

Main results
------------
Let det M = 1, M = [[A, B], [C, D]] with C invertible, E = B - A C^-1 D and K = -C E, so that
det K = 1. There are invertible P, G with K = G^-1 P^-1 G P (every matrix of determinant 1 is a
commutator, except 2 x 2 matrices over GF(2): Shoda 1936, Thompson 1961), and with Y = G C,
Z = Y^-1 (P - I), V = C^-1 (D - P)

    M = U(X) L(Y) U(Z) L(W) U(V),     X = (B - A V - Z) P^-1     W = P^-1 (C - Y).

Where C is singular, some L(W0) M has an invertible lower-left block: six layers. Sources: Koehler,
Mehta, Risteski (ICML 2021), for the bounded number of layers; Urschel (2024) for six.

*Lemma*, behind this route and `hyperplane`. For every invertible n x n matrix K, over every field
of more than n + 1 elements, there is an invertible R such that R and K R are diagonalizable and,
with mu = det K, the eigenvalues of R and mu are those of K R and 1. If mu = 1, R and K R have the
same eigenvalues, hence are similar, and K is a commutator: P^-1 = R and K P^-1 = G^-1 P^-1 G. A
constructive case of Sourour's theorem on products with prescribed spectra (A factorization theorem
for matrices, Linear and Multilinear Algebra 19, 1986), scalar K included.

How it is checked
-----------------
*Exact* on every call of `factor`; *for all n* as an identity in symbols, given the commutator.

Implementation notes
--------------------
In a Krylov flag of K - I (controller bases, run after run) K = U1 L1: L1 unit lower bidiagonal, U1
upper triangular with diagonal u_1 .. u_m at the m run starts, whose product is mu, and ones
elsewhere. R = L1^-1 diag(r) and K R = U1 diag(r) are triangular. The r at the starts are the
partial products 1, u_1, u_1 u_2, .., so that the u_i r_i are the next ones, and mu the last. If
a stretch of factors multiplies to 1, its r are multiplied by a constant of their own, and so is
each r whose factor is 1: all r are distinct, and none is mu unless mu = 1. The constants
1, 1/2, 1/3, .. make the eigenvectors of L1^-1 diag(r) the Pascal matrix.
"""

from math import prod
from typing import Any, NamedTuple, TypeAlias

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.progress import report_stage
from exactflow.exact.typing import Element
from exactflow.explanation.steps import record_step, rename_matrices
from exactflow.linear.factor.assembly import (
    BlocksOfDet1,
    ShearList,
    Shift,
    Shifts,
    alternate_shears,
    complete_five_shifts,
)

MatrixAndInverse: TypeAlias = tuple[DomainMatrix, DomainMatrix]


def find_five_shifts_by_commutator(blocks: BlocksOfDet1) -> Shifts | None:
    """Return the shifts X, Y, Z, W, V of five shears, M = U(X) L(Y) U(Z) L(W) U(V), or None if the
    lower left block C of M is singular. M has determinant 1.
    """
    A, B, C, D = blocks
    one = linalg.identity(A.shape[0], A.domain)
    C_inverse = linalg.inverse_or_none(C)
    if C_inverse is None:
        return None
    K = C * (A * C_inverse * D - B)
    report_stage("a commutator", 0.05)
    (P, P_inverse), (G, G_inverse) = find_P_and_G_with_commutator(K)
    report_stage("five shears", 0.3)
    Y, Z, V = G * C, C_inverse * G_inverse * (P - one), C_inverse * (D - P)
    shifts = complete_five_shifts(blocks, V, Y, Z, P_inverse)
    record_step(
        "commutator route",
        "`C` is invertible; `K = C (A C^-1 D - B)`, of determinant 1, is a commutator: "
        "`K = G^-1 P^-1 G P` for some invertible `G` and `P`.",
        "K = C (A C^-1 D - B), det(K) = 1, P G K = G P",
        {"K": K, "P": P, "G": G},
        "Shoda 1936, Thompson 1961: every matrix of determinant 1 is a commutator, except 2 x 2 "
        "matrices over GF(2)",
    )
    record_step(
        "commutator route",
        "Five shears follow from `G` and `P`.",
        "Y = G C, P W = C - Y, Y Z = P - I, C V = D - P, "
        "U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        {"Y": Y, "W": shifts[3], "Z": Z, "V": V, "X": shifts[0]},
        "Koehler, Mehta, Risteski, ICML 2021; Urschel 2024",
    )
    return shifts


def six_shears_by_commutator(blocks: BlocksOfDet1) -> ShearList:
    """Return six shears whose product is a matrix of determinant 1 with the given n x n blocks."""
    W0, rest = give_C_full_column_rank(blocks)
    with rename_matrices(C="C'", D="D'"):
        shifts: Any = find_five_shifts_by_commutator(rest)  # never None, since C' is invertible
    return alternate_shears([-W0, *shifts], "second")


def give_C_full_column_rank(blocks: Blocks) -> tuple[Shift, Blocks]:
    """Return a shift W0 with few nonzero entries, and the blocks of L(W0) M, whose lower left block
    C' = C + W0 A has full column rank.

    M is invertible, and C has at least as many rows as columns. Hence A is injective on the kernel
    of C. W0 maps the image of this kernel under A into a complement of the image of C.
    """
    A, B, C, D = blocks
    kernel = linalg.kernel(C)
    missing = kernel.shape[1]
    W0 = linalg.complementary_unit_vectors(C)[:, :missing] * linalg.left_inverse(A * kernel)
    rest = Blocks(A, B, C + W0 * A, D + W0 * B)
    n, rank = C.shape[1], C.shape[1] - missing
    full = "makes it invertible" if C.shape[0] == n else f"gives it the rank {n}"
    record_step(
        "stable range",
        f"`C` has rank {rank}, less than {n}; `A` is injective on the kernel of `C`, so that a "
        f"first layer, with the shift `W0`, {full}.",
        f"rank(C) = {rank}, C' = C + W0 A, D' = D + W0 B, rank(C') = {n}, "
        "L(W0) blocks(A, B, C, D) = blocks(A, B, C', D')",
        {"W0": W0, "C'": rest.C, "D'": rest.D},
    )
    return W0, rest


def find_P_and_G_with_commutator(K: DomainMatrix) -> tuple[MatrixAndInverse, MatrixAndInverse]:
    """Return (P, P^-1) and (G, G^-1) with K = G^-1 P^-1 G P; K must have determinant 1.

    Raises `FieldTooSmallError` over a finite field with too few elements.
    """
    H, H_inverse, L1, lower, r, V_lower, V_upper, places = (
        find_R_sharing_all_but_one_eigenvalue_with_KR(K)
    )
    V_lower = V_lower.extract(list(range(len(r))), places)
    P = linalg.diagonal([K.domain.one / x for x in r], K.domain) * L1

    def conjugate_by_H(X: DomainMatrix) -> DomainMatrix:
        return H * X * H_inverse

    return (conjugate_by_H(P), conjugate_by_H(lower)), (
        conjugate_by_H(V_lower * V_upper.inv()),
        conjugate_by_H(V_upper * V_lower.inv()),
    )


class PairedSpectra(NamedTuple):
    """The matrix R of the lemma in the module docstring: R = H lower H^-1, lower = L1^-1 diag(r).

    The columns of V_lower and of V_upper are eigenvectors of `lower` and of H^-1 K R H; both are
    unit triangular. Column i of V_upper has the eigenvalue r[places[i]], or det K if places[i] is
    n, the size of K. If det K is not 1, exactly one of the places is n.
    """

    H: DomainMatrix
    H_inverse: DomainMatrix
    L1: DomainMatrix
    lower: DomainMatrix
    r: list[Element]
    V_lower: DomainMatrix
    V_upper: DomainMatrix
    places: list[int]


def find_R_sharing_all_but_one_eigenvalue_with_KR(K: DomainMatrix) -> PairedSpectra:
    """Return an invertible R such that the eigenvalues of R, together with the number det K, are
    the eigenvalues of K R, together with the number 1.

    K must be invertible. Raises `FieldTooSmallError` over a finite field with too few elements.
    """
    n, field = K.shape[0], K.domain
    one = linalg.identity(n, field)
    H, H_inverse, runs = krylov.controller_run_basis_inverse_and_lengths(K - one)
    starts = [sum(runs[:k]) for k in range(len(runs))]
    below_diagonal = [(i, i - 1) for i in range(1, n) if i not in starts]
    L1 = one + linalg.matrix_of_ones(below_diagonal, (n, n), field)
    L1_inverse = L1.inv()
    U1 = H_inverse * K * H * L1_inverse
    u = {i: U1[i, i].element for i in starts}
    r = _choose_distinct_units_permuted_up_to_ends(n, u, field)
    det = prod(u.values(), start=field.one)
    upper, lower = U1 * linalg.diagonal(r, field), L1_inverse * linalg.diagonal(r, field)
    # in reverse order of rows and columns, a lower triangular matrix is upper triangular
    reverse = list(range(n - 1, -1, -1))
    V_lower = krylov.upper_triangular_eigenvectors(lower.extract(reverse, reverse))
    V_lower = V_lower.extract(reverse, reverse)
    V_upper = krylov.upper_triangular_eigenvectors(upper)
    places = [[*r, det].index(x * u.get(i, field.one)) for i, x in enumerate(r)]
    return PairedSpectra(H, H_inverse, L1, lower, r, V_lower, V_upper, places)


def _choose_distinct_units_permuted_up_to_ends(
    n: int, factor_by_index: dict[int, Element], field: Domain
) -> list[Element]:
    """Return distinct nonzero r_0, .., r_(n-1) such that r_0, .., r_(n-1), u is a permutation of
    u_0 r_0, .., u_(n-1) r_(n-1), 1. Here u_i is `factor_by_index[i]`, or 1 if i is no key, and u is
    the product of all u_i.

    The r_i are the partial products of the u_i. These would repeat if some
    consecutive factors multiply to 1: such a stretch is cut out, and the r_i of this stretch are
    multiplied by a constant that no other stretch has.
    """
    stretches, open_places, partial = [], [], field.one
    for i, factor in factor_by_index.items():
        open_places.append((i, partial))
        partial *= factor
        start = next((k for k, (_, p) in enumerate(open_places) if p == partial), None)
        if start is not None:
            stretches.append({j: p / partial for j, p in open_places[start:]})
            del open_places[start:]
    r = dict(open_places)
    used = {*r.values(), partial} if r else set()
    for stretch in [*stretches, *({i: field.one} for i in range(n) if i not in factor_by_index)]:
        for c in linalg.distinct_units_or_raise(field):
            values = {i: c * product for i, product in stretch.items()}
            if used.isdisjoint(values.values()):
                break
        r.update(values)
        used.update(values.values())
    return [r[i] for i in range(n)]
