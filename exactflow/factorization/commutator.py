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
The lemma is constructive: `paired_spectra` with det K = 1. P^-1 = R and K P^-1 are both
diagonalizable with the same eigenvalues, hence similar: K P^-1 = G^-1 P^-1 G.
"""

from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.progress import stage
from exactflow.explanation.steps import note, renamed
from exactflow.factorization.assembly import Shears, alternating
from exactflow.factorization.spectra import paired_spectra

__all__ = ["commutator", "commutator_shifts", "six_shears", "with_full_rank"]


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
    stage("a commutator", 0.05)
    (P, P_inverse), (G, G_inverse) = commutator(K)
    stage("five shears", 0.3)
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


def six_shears(blocks: Blocks) -> Shears:
    """Return a word of six letters, L(W0) first, for n x n blocks of a matrix of determinant 1."""
    W0, rest = with_full_rank(blocks)
    with renamed(C="C'", D="D'"):
        shifts: Any = commutator_shifts(rest)  # not None: C' is invertible
    return alternating([-W0, *shifts], "second")


def with_full_rank(blocks: Blocks) -> tuple[DomainMatrix, Blocks]:
    """Return W0, of few nonzero entries, such that C' = C + W0 A has full column rank, and the
    blocks of L(W0) M.

    `blocks` are those of an invertible matrix M, C having as many rows as columns or more, so that
    A is injective on the kernel of C; W0 maps its image there into a complement of the image of C.
    """
    A, B, C, D = blocks
    kernel = linalg.kernel(C)
    missing = kernel.shape[1]
    W0 = linalg.complement(C)[:, :missing] * linalg.left_inverse(A * kernel)
    rest = Blocks(A, B, C + W0 * A, D + W0 * B)
    n, rank = C.shape[1], C.shape[1] - missing
    full = "makes it invertible" if C.shape[0] == n else f"gives it the rank {n}"
    note(
        "stable range",
        f"`C` has rank {rank}, less than {n}; `A` is injective on its kernel, so that a first "
        f"layer {full}.",
        f"rank(C) = {rank}, C' = C + W0 A, D' = D + W0 B, rank(C') = {n}, "
        "L(W0) blocks(A, B, C, D) = blocks(A, B, C', D')",
        {"W0": W0, "C'": rest.C, "D'": rest.D},
    )
    return W0, rest


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
    H, H_inverse, L1, lower, r, V_lower, V_upper, places = paired_spectra(K)
    V_lower = V_lower.extract(list(range(len(r))), places)
    P = linalg.diagonal([K.domain.one / x for x in r], K.domain) * L1

    def in_basis(X: DomainMatrix) -> DomainMatrix:
        return H * X * H_inverse

    return (in_basis(P), in_basis(lower)), (
        in_basis(V_lower * V_upper.inv()),
        in_basis(V_upper * V_lower.inv()),
    )
