"""The route through a transvection: six layers, with the shortest numbers of all routes.

Main results
------------
Let det M = 1, M = [[A, B], [C, D]] with A invertible, S = D - C A^-1 B, and let A and S^-1 have
cyclic vectors. Then there is an invertible C' such that C' A C'^-1 S = I + e s^T, a transvection
(s^T e = 0), and with Q = C'^-1, v = Q e and any w with w^T e = 1

    M = L(-W0) U(X) L(Y) U(Z) L(W) U(V),
    W0 = (C' - C) A^-1      Y = C' - W            W = (1/2) e (w^T C')
    X  = (A - I) Q          Z = -2 v s^T          V = Q (S - I) + v s^T + A^-1 B.

W and Z have rank one. Source: Koehler, Mehta, Risteski (ICML 2021) for the bounded number of
layers; six is sharp by Urschel (2024).

How it is checked
-----------------
*Exact* on every call of `factor`; *for all n* as an identity in symbols.

Implementation notes
--------------------
Pole placement in controller bases: H of A from the vector v, K of S^-1 from e. There A and S^-1
are companion matrices that differ in their first rows only, so C' = K H^-1, Q = H K^-1 and
e s^T S^-1 is the difference of the first rows. No Krylov matrix of powers is formed.
"""

from exactflow.exact import krylov, linalg
from exactflow.exact.progress import report_stage
from exactflow.exact.rational_matrix import (
    to_dense_if_rational_matrix,
    to_rational_matrix_if_large_over_QQ,
)
from exactflow.explanation.steps import record_step
from exactflow.linear.factor.assembly import BlocksOfDet1, Shifts


def six_shifts_by_transvection(blocks: BlocksOfDet1) -> Shifts | None:
    """Return the shifts W0', X, Y, Z, W, V of six shears, M = L(W0') U(X) L(Y) U(Z) L(W) U(V); None
    if they were not found.

    M has determinant 1 and the given n x n blocks. The result is None if 2 = 0 in the field, if A
    is singular, or if no cyclic vector of A or of the inverse Schur complement was found.
    """
    A, B, C, D = blocks
    field = A.domain
    one = linalg.identity(A.shape[0], field)
    if field.characteristic() == 2 or (A_inverse := linalg.inverse_or_none(A)) is None:
        return None
    half = field.one / field.convert(2)
    report_stage("the characteristic polynomials", 0.01)
    S = D - C * A_inverse * B
    S_inverse = S.inv()
    f, g = A.charpoly_berk(), S_inverse.charpoly_berk()
    report_stage("controller bases", 0.07)
    of_A = krylov.search_controller_basis(A, f)
    of_S = krylov.search_controller_basis(S_inverse, g)
    if of_A is None or of_S is None:
        return None
    (H, H_inverse), (K, K_inverse) = of_A, of_S
    report_stage("six shears", 0.24)
    v, e, C_new, Q = H[:, :1], K[:, :1], K * H_inverse, H * K_inverse
    A, B, C, S, A_inverse = map(to_rational_matrix_if_large_over_QQ, (A, B, C, S, A_inverse))
    first_row = linalg.column([b - a for a, b in zip(f[1:], g[1:], strict=True)], field).transpose()
    s = first_row * K_inverse * S
    w = linalg.unit_vector(e.shape[0], 0, field).transpose()  # w e = 1, since e[0] is 1
    W = e * (w * C_new) * half
    report_stage("six shears", 0.4)
    W0, X, Z = (C - C_new) * A_inverse, (A - one) * Q, v * s * field.convert(-2)
    report_stage("six shears", 0.55)
    V = Q * (S - one) + v * s + A_inverse * B
    shifts = W0, X, Y, Z, W, V = [*map(to_dense_if_rational_matrix, (W0, X, C_new - W, Z, W, V))]
    record_step(
        "transvection route",
        "`A` is invertible, with the Schur complement `S`. In controller bases `A` and `S^-1` "
        "are companion matrices; a matrix `C'` carries one to the other except for the first row, "
        "so that `C' A C'^-1 S` is a transvection, `I + e s`, for a column `e` and a row `s`; `Q` "
        "is the inverse of `C'`.",
        "S = D - C A^-1 B, C' Q = I, C' A Q S = I + e s, s e = 0",
        {"S": S, "C'": C_new, "Q": Q, "e": e, "s": s},
        "Koehler, Mehta, Risteski, ICML 2021, for a bounded number of layers; Urschel 2024: six",
    )
    record_step(
        "transvection route",
        "A transvection is a commutator in closed form; let `w` be a row with `w e = 1`. Six "
        "shears follow, the first of which, `W0`, carries `C` to `C'`.",
        "W0 A = C - C', w e = 1, W = 1/2 e w C', Y = C' - W, X = (A - I) Q, Z = -2 Q e s, "
        "V = Q (S - I) + Q e s + A^-1 B, "
        "L(W0) U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        {"W0": W0, "w": w, "X": X, "Y": Y, "Z": Z, "W": W, "V": V},
    )
    return shifts
