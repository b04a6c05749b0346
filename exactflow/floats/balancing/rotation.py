"""Rotations of every dimension as products of six shears of bounded condition number.

Main results
------------
*Theorem 10.* Let M be a rotation of d = n + q coordinates, q = n or n + 1. The CS decomposition
A = U1 c V1^T, C = U2 [0; s] V1^T, .. gives W0 = U2 [0; c / (1 + s)] U1^T such that the columns of
C' = C + W0 A, and those of J = W0^T D - B^T transposed, are orthonormal. For q = n + 1 let the unit
vector u be orthogonal to C', v^T = u^T (D + W0 B); Ch = [C', u], Jh = [J, v] (for q = n: C', J).
Then Theta = Jh^T Ch is a rotation, a direct sum of plane rotations and of ones. Let
H = Theta^(-1/2) turn each plane by half its angle and K reflect each plane. K H K = H^-1, so that

    (P Theta) g = g P    for (P, g) = (H, K), and for (P, g) = (K, H).

The first is used for q = n; the second for q = n + 1, where K fixes the projections of e_q. With
D' = Ch P Jh^T, G = Ch g: D' - I = G (P - I) G^-1 = Y Z, and, as
`exactflow.explanation.symbolic_identities` proves,

    M = L(-W0) U(X) L(Y) U(Z) L(W) U(V),
    Y = G[:, :n],  Z = (P - I)[:n, :n] Y^T,  W = D'^-1 (C' - Y),  V = C'^T (D + W0 B - D'),
    X = (B - A V - Z) D'^-1,

of spectral norms at most 1, 2 + sqrt 2, 1, sqrt 2, 2, 2 for q = n and 1, 4, 1, 2, 2, 2 for
q = n + 1. A shear of norm s has the condition number ((s + sqrt(s^2 + 4)) / 2)^2: at most 13.6 and
18, for every d. The construction has no exceptions: eigenvalues -1 occur in pairs, which span
planes.

How it is checked
-----------------
*For all n*: the identity. *Certified* and *numeric*: ``proofs/rotations.py``.
CS decomposition: Paige and Wei, *History and generality of the CS decomposition*, 1994.
"""

import numpy as np
from scipy import linalg


def six_shifts_of_rotation(M: np.ndarray, smaller_first_half_size: int) -> list[np.ndarray]:
    """Return the shifts -W0, X, Y, Z, W, V of the six shears of Theorem 10. The product L(-W0) U(X)
    L(Y) U(Z) L(W) U(V) of lower shears L and upper shears U is the rotation M, up to rounding.

    The second half has the size of the first half, or one coordinate more.
    """
    n = smaller_first_half_size
    A, B, C, D = M[:n, :n], M[:n, n:], M[n:, :n], M[n:, n:]
    (U1, U2), angles, (V1t, V2t) = linalg.cossin(M, p=n, q=n, separate=True)
    U1, U2, V1t, V2t = map(newton_schulz_step, (U1, U2, V1t, V2t))
    odd = len(D) - n
    W0 = (U2[:, odd:] * (np.cos(angles) / (1 + np.sin(angles)))) @ U1.T
    C_new, D_new = C + W0 @ A, D + W0 @ B
    Ch = np.hstack([U2[:, odd:] @ V1t, U2[:, :odd]])
    Jh = np.hstack([V2t[odd:].T @ U1.T, V2t[:odd].T])
    fixed = np.eye(n + odd)[:, -1] if odd else None
    half, reflection = _inverse_root_and_planewise_reflection(Jh.T @ Ch, fixed)
    P, g = (reflection, half) if odd else (half, reflection)
    inverse, one = Jh @ P.T @ Ch.T, np.eye(n + odd)
    V = Ch[:, :n].T @ (D_new - inverse.T)
    D_last = D_new - C_new @ V
    inverse = inverse + inverse @ (one - D_last @ inverse)
    Y = Ch @ g[:, :n]
    Z = Y.T @ (D_last - one)
    X = (B - A @ V - Z) @ inverse
    return [-W0, X, Y, Z, inverse @ (C_new - Y), V]


def newton_schulz_step(M: np.ndarray) -> np.ndarray:
    """Return M after one step of the Newton-Schulz iteration towards an orthogonal matrix."""
    return 1.5 * M - 0.5 * M @ (M.T @ M)


def _inverse_root_and_planewise_reflection(
    Theta: np.ndarray, fixed_vector: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return two matrices for a rotation Theta: the root H = Theta^(-1/2), and the matrix K that
    reflects each plane that Theta turns.

    In a plane that Theta turns by an angle a in [-pi, pi], H is the rotation by -a / 2. K fixes the
    projection of `fixed_vector` onto the plane, or the first axis of the plane if this projection
    is 0 or `fixed_vector` is None.
    """
    T, Z = linalg.schur(Theta, output="real")
    pairs, angles = rotation_axis_pairs_and_angles(T)
    i, j = pairs.T
    axis = np.zeros(len(T)) if fixed_vector is None else Z.T @ fixed_vector
    x, y = np.where(np.hypot(axis[i], axis[j]) > 0, (axis[i], axis[j]), [[1.0], [0.0]])
    direction = 2 * np.arctan2(y, x)
    half, reflection = np.eye(len(T)), np.eye(len(T))
    half[i, i] = half[j, j] = np.cos(angles / 2)
    half[i, j] = np.sin(angles / 2)
    half[j, i] = -half[i, j]
    reflection[i, i], reflection[j, j] = np.cos(direction), -np.cos(direction)
    reflection[i, j] = reflection[j, i] = np.sin(direction)
    return newton_schulz_step(Z @ half @ Z.T), newton_schulz_step(Z @ reflection @ Z.T)


def rotation_axis_pairs_and_angles(schur_form: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the planes that a rotation turns, as pairs of indices of axes of its Schur basis, and
    the angles of the turns, in [-pi, pi].

    `schur_form` is the real Schur form of the rotation. Two axes with eigenvalue -1 form a plane
    with the angle pi; axes with eigenvalue 1 are omitted.
    """
    below = np.append(np.diag(schur_form, -1) != 0, False)
    single = ~below & ~np.roll(below, 1)
    turned = np.flatnonzero(below)
    reversed_axes = np.flatnonzero(single & (np.diag(schur_form) < 0))
    pairs = np.vstack([np.column_stack([turned, turned + 1]), reversed_axes.reshape(-1, 2)])
    angles = np.arctan2(schur_form[turned + 1, turned], schur_form[turned, turned])
    return pairs, np.append(angles, np.full(len(reversed_axes) // 2, np.pi))
