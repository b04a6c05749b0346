"""Five layers where C is invertible, six always: the route through a commutator.

Main results
------------
Let det M = 1, M = [[A, B], [C, D]] with C invertible, E = B - A C^-1 D and K = -C E, so that
det K = 1. There are invertible P, G with K = G^-1 P^-1 G P (every matrix of determinant 1 is a
commutator: Shoda 1936, Thompson 1961), and with Y = G C, Y' = Y^-1, W = P^-1 (C - Y)

    M = U(X) L(Y) U(Z) L(W) U(V),
    X = (A - Y' (C - W)) C^-1       Z = Y' (P - I)       V = C^-1 (D - P).

Where C is singular, some L(W0) M has an invertible lower-left block: six layers. Sources: Koehler,
Mehta, Risteski (ICML 2021), for the bounded number of layers; Urschel (2024) for six.

How it is checked
-----------------
*Exact* on every call of `factor`; *for all n* as an identity in symbols, given the commutator.

Implementation notes
--------------------
The lemma is constructive. In a Krylov flag of K - I (controller bases, run after run) K = U1 L1:
L1 unit lower bidiagonal, U1 upper triangular with diagonal u_1 .. u_m at the m run starts, whose
product is 1, and ones elsewhere. Choose a diagonal R of distinct nonzero entries such that R and
U1 R have the same entries on their diagonals up to order. Then P^-1 = L1^-1 R and K P^-1 = U1 R
are both diagonalizable with the same eigenvalues, hence similar: K P^-1 = G^-1 P^-1 G. The choice
1, 1/2, 1/3, .. makes the eigenvectors of L1^-1 R the Pascal matrix.
"""

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.linalg import Blocks
from exactflow.explanation.steps import note

__all__ = ["commutator", "commutator_shifts", "stable_range_shift"]


def commutator_shifts(blocks: Blocks) -> list[DomainMatrix] | None:
    """Return [X, Y, Z, W, V] with M = U(X) L(Y) U(Z) L(W) U(V), or None where C is singular.

    `blocks` are the n x n blocks of a matrix of determinant 1.
    """
    A, B, C, D = blocks
    one = linalg.identity(A.shape[0], A.domain)
    C_inverse = linalg.inverse_or_none(C)
    if C_inverse is None:
        return None
    K = C * (A * C_inverse * D - B)
    (P, P_inverse), (G, G_inverse) = commutator(K)
    Y, Y_inverse = G * C, C_inverse * G_inverse
    W = P_inverse * (C - Y)
    X, Z, V = (
        (A - Y_inverse * (C - W)) * C_inverse,
        Y_inverse * (P - one),
        C_inverse * (D - P),
    )
    note(
        "commutator route",
        "`C` is invertible; `K` has determinant 1, and so it is a commutator, `G^-1 P^-1 G P`.",
        "K = C (A C^-1 D - B), det(K) = 1, P G K = G P",
        {"K": K, "P": P, "G": G},
        "Shoda 1936, Thompson 1961: every matrix of determinant 1 is a commutator",
    )
    note(
        "commutator route",
        "With that, five shears can be read off.",
        "Y = G C, P W = C - Y, Y Z = P - 1, C V = D - P, "
        "U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        {"Y": Y, "W": W, "Z": Z, "V": V, "X": X},
        "Koehler, Mehta, Risteski, ICML 2021; Urschel 2024",
    )
    return [X, Y, Z, W, V]


def stable_range_shift(blocks: Blocks) -> DomainMatrix:
    """Return W0, of few nonzero entries, such that C + W0 A is invertible.

    `blocks` are those of an invertible matrix, so that A is injective on the kernel of C; W0 maps
    its image there onto a complement of the image of C.
    """
    A, B, C, D = blocks
    kernel = linalg.kernel(C)
    W0 = linalg.complement(C) * linalg.left_inverse(A * kernel)
    n, rank = C.shape[1], C.shape[1] - kernel.shape[1]
    note(
        "stable range",
        f"`C` has rank {rank}, less than {n}; `A` is injective on its kernel, so that a first "
        "layer makes it invertible.",
        f"rank(C) = {rank}, C' = C + W0 A, D' = D + W0 B, rank(C') = {n}, "
        "L(W0) blocks(A, B, C, D) = blocks(A, B, C', D')",
        {"W0": W0, "C'": C + W0 * A, "D'": D + W0 * B},
    )
    return W0


def commutator(
    K: DomainMatrix,
) -> tuple[tuple[DomainMatrix, DomainMatrix], tuple[DomainMatrix, DomainMatrix]]:
    """Return (P, P^-1), (G, G^-1) with K = G^-1 P^-1 G P, for an n x n matrix K of determinant 1.

    Raises `FieldTooSmallError` over a finite field that has not enough elements.

    >>> from sympy import QQ
    >>> K = linalg.diagonal([QQ(2), QQ(1, 2)], QQ)
    >>> (P, P_inverse), (G, G_inverse) = commutator(K)
    >>> (G_inverse * P_inverse * G * P).to_Matrix()
    Matrix([
    [2,   0],
    [0, 1/2]])
    """
    n, field = K.shape[0], K.domain
    H, H_inverse, runs = krylov.krylov_flag(K - linalg.identity(n, field))
    starts = [sum(runs[:r]) for r in range(len(runs))]
    L1 = _unit_bidiagonal(n, starts, field)
    L1_inverse = L1.inv()
    U1 = H_inverse * K * H * L1_inverse
    u = {i: U1[i, i].element for i in starts}
    R = _matched_diagonal(n, u, field)
    upper, lower = U1 * linalg.diagonal(R, field), L1_inverse * linalg.diagonal(R, field)
    V_upper = krylov.triangular_eigenvectors(upper)
    V_lower = _reverse(krylov.triangular_eigenvectors(_reverse(lower)))
    matching = [R.index(r * u.get(i, field.one)) for i, r in enumerate(R)]
    V_lower = V_lower.extract(list(range(n)), matching)
    P = linalg.diagonal([field.one / r for r in R], field) * L1

    def in_basis(X: DomainMatrix) -> DomainMatrix:
        return H * X * H_inverse

    return (in_basis(P), in_basis(lower)), (
        in_basis(V_lower * V_upper.inv()),
        in_basis(V_upper * V_lower.inv()),
    )


def _unit_bidiagonal(n: int, starts: list[int], field: Domain) -> DomainMatrix:
    """Return I with ones below the diagonal, except above the start of each run."""
    ones = {(i, i) for i in range(n)} | {(i, i - 1) for i in range(1, n) if i not in starts}
    rows = [[field.one if (i, j) in ones else field.zero for j in range(n)] for i in range(n)]
    return linalg.from_entries(rows, (n, n), field)


def _reverse(M: DomainMatrix) -> DomainMatrix:
    """Return M with rows and columns in reverse order: lower becomes upper triangular."""
    order = list(range(M.shape[0] - 1, -1, -1))
    return M.extract(order, order)


def _matched_diagonal(n: int, u: dict, field: Domain) -> list:
    """Return distinct nonzero r_0 .. r_(n-1) whose multiset is that of the u_i r_i.

    `u` maps some places to factors of product 1; elsewhere the factor is 1. Along a stretch of
    places whose factors multiply to 1 the r are the partial products, times a constant.
    """
    r: dict[int, object] = {}
    used: set = set()
    for stretch in [*_stretches(u, field), *({i: field.one} for i in range(n) if i not in u)]:
        for c in linalg.distinct_units(field):
            values = {i: c * partial for i, partial in stretch.items()}
            if used.isdisjoint(values.values()):
                break
        r.update(values)
        used.update(values.values())
    return [r[i] for i in range(n)]


def _stretches(u: dict, field: Domain) -> list[dict]:
    """Cut the places into stretches of product 1, each with its distinct partial products."""
    stretches, open_places = [], []
    partial = field.one
    for i, factor in u.items():
        open_places.append((i, partial))
        partial *= factor
        start = next((k for k, (_, p) in enumerate(open_places) if p == partial), None)
        if start is not None:
            stretches.append({j: p / partial for j, p in open_places[start:]})
            del open_places[start:]
    return stretches
