"""Halves of n and n + 1 coordinates: five layers if the lower left or the upper right block of the
matrix has rank n, else six.

Main results
------------
Let M = [[A, B], [C, D]] have n + q coordinates, q = n + 1, and determinant 1; [[a, b], [c, d]] is
its inverse. If rank C = n, there is an n x q matrix V such that T = D - C V is similar to
diag(S, 1), S = a + V c: T G = G diag(S, 1). With Y = G[:, :n] and Z = (S - 1) G^-1[:n, :], so that
T = 1 + Y Z and S = 1 + Z Y, five shears M = U(X) L(Y) U(Z) L(W) U(V) follow as in `assembly`.

If rank B = n, the transpose gives five layers LULUL. Otherwise some L(W0) M has a C of rank n: six
layers. With `commutator`: six in every dimension, over every infinite field. To our knowledge new;
nearest: Urschel (2024) for halves of one size, Sourour (1986) for the spectra, and Jin, Lin and
Xiao (arXiv 2108.00223) for symplectic matrices as five unit triangular factors.

*Proof.* Let u span the rows with u C = 0, and v = u D. Then v c = -u C a = 0, u T = v for every V,
and T c = -C S: T maps the hyperplane im c = ker v onto im C, with the matrix -S in the bases c, C.

- Some x has u x = v x = 1. In the basis [x, C] there is a T = [[1, w], [0, S K]], w = v C, for any
  invertible S; K = -(l c)^-1, where l C = 1 and l x = 0, has determinant 1, so that S K is similar
  to S for some S (`commutator`), and for its multiples, almost all of which lack the eigenvalue 1.
- Otherwise v = mu u with mu not 1, and c = -C K, mu = det K: T C = C R and S = R K, for any
  invertible R. By the lemma of `commutator` the eigenvalues of some R and mu are those of S and 1.
  With any x outside of im C, T may be [C, x] diag(R, mu) [C, x]^-1.

How it is checked
-----------------
*Exact* on every call of `factor`; *for all n* as an identity in symbols, given T G = G diag(S, 1);
*formally proved* over every field of more than n + 1 elements (proofs/rocq/layers.v).

Implementation notes
--------------------
For a generic M the shifts of `five_layers`, for which S - a has rank two, have numbers of half the
length, so they are tried first.
"""

from typing import Any, TypeAlias

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.explanation.steps import record_step, rename_matrices
from exactflow.linear.factor.assembly import (
    BlocksOfDet1,
    ShearList,
    Shift,
    Shifts,
    alternate_shears,
    complete_five_shifts_from_inverse,
    transpose_product_of_shears,
    transposed,
)
from exactflow.linear.factor.commutator import (
    find_P_and_G_with_commutator,
    find_R_sharing_all_but_one_eigenvalue_with_KR,
    give_C_full_column_rank,
)
from exactflow.linear.factor.five_layers import draw_five_shifts_for_q_up_to_2p

VSAndSimilarity: TypeAlias = tuple[Shift, DomainMatrix, DomainMatrix]
"""V, S and G with T G = G diag(S, 1), for T = D - C V and S = a + V c."""


def five_or_six_shears_for_second_half_one_larger(blocks: BlocksOfDet1) -> ShearList:
    """Return the shears whose product is a matrix of determinant 1 with the given blocks and halves
    of n and n + 1 coordinates: five shears if C or B has rank n, otherwise six.

    Raises `FieldTooSmallError` over a finite field with too few elements.
    """
    n = blocks.A.shape[0]
    inverse = linalg.inverse_blocks(blocks)
    if (shifts := five_shifts_for_second_half_one_larger(blocks, inverse)) is not None:
        return alternate_shears(shifts, "first")
    # never None, since the lower left block has rank n in both of the following cases
    found: Any
    if linalg.rank(blocks.B) == n:
        other = transposed(blocks)
        names = {name: f"{name}'" for name in "ABCD"}
        values = {names[name]: block for name, block in other._asdict().items()}
        text = "blocks(A', B', C', D') = blocks(A, B, C, D)^T"
        record_step("hyperplane route", f"`B` has rank {n}: transpose.", text, values)
        with rename_matrices(**names):
            found = five_shifts_for_second_half_one_larger(other, transposed(inverse))
        return transpose_product_of_shears(alternate_shears(found, "first"))
    W0, rest = give_C_full_column_rank(blocks)
    with rename_matrices(C="C'", D="D'"):
        found = five_shifts_for_second_half_one_larger(rest, linalg.inverse_blocks(rest))
    return alternate_shears([-W0, *found], "second")


def five_shifts_for_second_half_one_larger(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1
) -> Shifts | None:
    """Return the shifts X, Y, Z, W, V of five shears, M = U(X) L(Y) U(Z) L(W) U(V); None if the
    rank of the lower left block of M is less than n.

    M has determinant 1 and the given blocks, of n + (n + 1) coordinates; `inverse` are the blocks
    of M^-1. Raises `FieldTooSmallError` over a finite field with too few elements.
    """
    (_, _, C, D), (a, _, c, _) = blocks, inverse
    n, field = C.shape[1], C.domain
    if linalg.rank(C) < n:
        return None
    tries = (draw_five_shifts_for_q_up_to_2p(blocks, inverse, Draws(field, k)) for k in (0, 1))
    shifts = next((found for found in tries if found is not None), None)
    if shifts is None:
        V, S, G = _find_V_S_G_with_T_similar_to_S_and_1(blocks, inverse)
        Z = (S - linalg.identity(n, field)) * G.inv()[:n, :]
        shifts = complete_five_shifts_from_inverse(inverse, V, G[:, :n], Z, S.inv())
    X, Y, Z, W, V = shifts
    record_step(
        "hyperplane route",
        f"`C` has rank {n}. There are a shift `V` and factors `Y` and `Z` for which "
        "`T = D - C V` and `S = a + V c`, made of blocks of the matrix and of its inverse, are "
        "`I + Y Z` and `I + Z Y`: `T` is similar to `diag(S, 1)`.",
        f"blocks(a, b, c, d) blocks(A, B, C, D) = I, rank(C) = {n}, T = D - C V, S = a + V c, "
        "T Y = Y S, Y Z = T - I, Z Y = S - I",
        lambda: (
            dict(zip("abcd", inverse, strict=True))
            | {"V": V, "T": D - C * V, "S": a + V * c, "Y": Y, "Z": Z}
        ),
        "to our knowledge new; Sourour 1986 for products with prescribed spectra",
    )
    record_step(
        "hyperplane route",
        "Five shears follow, with the solutions `X` and `W` of two equations.",
        "S X = -Z - b - V d, W S = -c - Y, U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        {"X": X, "W": W},
        "Koehler, Mehta, Risteski, ICML 2021, for a bounded number of layers",
    )
    return shifts


def _find_V_S_G_with_T_similar_to_S_and_1(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1
) -> VSAndSimilarity:
    """Return a shift V, S = a + V c, and G with T G = G diag(S, 1) for T = D - C V."""
    u, (n, field) = linalg.left_kernel(blocks.C), (inverse.A.shape[0], inverse.A.domain)
    v = u * blocks.D
    x, _ = linalg.solve(u.vstack(v), linalg.column([field.one, field.one], field))
    try:
        if x is None:
            return _V_S_G_assuming_c_is_minus_CK(blocks.C, blocks.D, inverse.C)
        return _V_S_G_by_commutator_if_ux_and_vx_are_1(blocks, inverse.C, x, v * blocks.C)
    except FieldTooSmallError:
        raise FieldTooSmallError(
            f"expected a field of at least {(n + 1) ** 2 // 4 + 2} elements for halves of {n} and "
            f"{n + 1} coordinates, got {field}: use a larger field"
        ) from None


def _V_S_G_by_commutator_if_ux_and_vx_are_1(
    blocks: Blocks, c: DomainMatrix, x: DomainMatrix, vC: DomainMatrix
) -> VSAndSimilarity:
    """Return V, S and G of the proof in the module docstring, in its first case: x is a column with
    u x = v x = 1, for the rows u and v of that proof.

    In this case T is [[1, v C], [0, S K]] in the basis [x, C]; c is the lower left block of M^-1.
    """
    C, D = blocks.C, blocks.D
    n, field = C.shape[1], C.domain
    one, frame = linalg.identity(n, field), x.hstack(C)
    frame_inverse = frame.inv()
    C_left = frame_inverse[1:, :]
    K = -(C_left * c).inv()
    (_, P_inverse), (_, H_inverse) = find_P_and_G_with_commutator(K)
    multiples = (P_inverse * k for k in linalg.distinct_units_or_raise(field))
    inverses = ((S, linalg.inverse_or_none(S - one)) for S in multiples)
    S, without_one = next((S, X) for S, X in inverses if X is not None)
    V = (C_left * (D * x - x)).hstack(C_left * D * C - S * K) * frame_inverse
    basis = P_inverse * H_inverse  # the basis in which S K becomes S: basis^-1 (S K) basis = S
    y = vC * basis * without_one
    return V, S, (C * basis + x * y).hstack(x)


def _V_S_G_assuming_c_is_minus_CK(
    C: DomainMatrix, D: DomainMatrix, c: DomainMatrix
) -> VSAndSimilarity:
    """Return V, S and G in the second case of the proof in the module docstring, where c = -C K and
    det K is not 1.
    """
    C_left, one = linalg.left_inverse(C), linalg.identity(1, C.domain)
    K = -(C_left * c)
    H, H_inverse, _, lower, r, V_lower, V_upper, places = (
        find_R_sharing_all_but_one_eigenvalue_with_KR(K)
    )
    R = H * lower * H_inverse
    of_T, of_S = (C * H * V_lower).hstack(linalg.complementary_unit_vectors(C)), R * H * V_upper
    det, q = K.det(), C.shape[0]
    T = of_T * linalg.diagonal([*r, det], C.domain) * of_T.inv()
    # of the eigenvectors of T, the columns of `of_T`, number `rest` has the eigenvalue 1
    rest = next(i for i in range(q) if i not in places)
    G = of_T.extract(list(range(q)), [*places, rest]) * linalg.direct_sum(of_S, one).inv()
    return C_left * (D - T), R * K, G
