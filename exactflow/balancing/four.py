"""Four layers in closed form, once scales are known that give two blocks the same eigenvalues.

Main results
------------
M = P S_1 S_2 S_3 S_4 with a positive diagonal P = diag(y, 1 / x) and S_1 = U(X), L(Y), U(Z), L(W)
iff N = P^-1 M has the lower right block D' = I + Y Z, and N^-1 the upper left block a' = I + Z Y.
The scales of `exactflow.balancing.spread` give both the same eigenvalues, up to ones where the
halves are not equal. Where these are simple, D' Y = Y a' holds for combinations Y of products of
eigenvectors, and Z = Y^+ (D' - I); where the second half is the smaller one, a' Z = Z D' for
such Z, and Y = Z^+ (a' - I). Then

    W = D'^-1 (C' - Y),    X = (B' - Z) D'^-1.

The combination is chosen for a small W, or X, and a matrix near to an orthogonal one. Four layers
are typical, not always there; see `exactflow.minimal_depth` for what is proved.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.balancing.account` judges the layers.
"""

from collections.abc import Callable, Iterator

import numpy as np

from exactflow.balancing.spread import near_solutions

__all__ = ["four_shears"]

ROUNDS = 4


def four_shears(
    M: np.ndarray, halves: tuple[int, int], first: int, seed: int
) -> Iterator[tuple[list[np.ndarray], np.ndarray]]:
    """Yield shifts of S_1 .. S_4, of which S_1 moves half `first`, and the diagonal of P, such that
    M is near P S_1 S_2 S_3 S_4; det M = 1.
    """
    p = halves[0]
    sides = slice(0, p), slice(p, len(M))
    one, two = sides[first], sides[1 - first]
    try:
        a = np.linalg.inv(M)[one, one]
    except np.linalg.LinAlgError:
        return
    D = M[two, two]
    n = max(len(D), len(a))
    fixed = [n - 1] * (len(D) < n) + [2 * n - 1] * (len(a) < n)
    left, right = (_minors(block, n) for block in (D, a))
    for near in near_solutions(left, right, fixed=fixed, seed=seed):
        x, y = near.numbers[: len(D)], near.numbers[n : n + len(a)]
        P = np.empty(len(M))
        P[one], P[two] = y, 1 / x
        N = M / P[:, None]
        try:
            yield _shears(N[one, two], N[two, one], N[two, two], a * y), P
        except np.linalg.LinAlgError:
            continue


def _minors(M: np.ndarray, n: int) -> list[float]:
    """Return the 2^n principal minors of diag(M, I), n x n, by the bits of the places."""
    padded = np.eye(n)
    padded[: len(M), : len(M)] = M
    minors = [1.0]
    for S in range(1, 1 << n):
        chosen = [i for i in range(n) if S >> i & 1]
        minors.append(float(np.linalg.det(padded[np.ix_(chosen, chosen)])))
    return minors


def _shears(B: np.ndarray, C: np.ndarray, D: np.ndarray, a: np.ndarray) -> list[np.ndarray]:
    """Return X, Y, Z, W, from blocks of N and the block a of its inverse."""
    inverse = np.linalg.inv(D)
    if len(D) >= len(a):
        Y = _intertwiner(D, a, lambda Y: inverse @ Y, inverse @ C)
        Z = np.linalg.pinv(Y) @ (D - np.eye(len(D)))
    else:
        Z = _intertwiner(a, D, lambda Z: Z @ inverse, B @ inverse)
        Y = np.linalg.pinv(Z) @ (a - np.eye(len(a)))
    return [(B - Z) @ inverse, Y, Z, inverse @ (C - Y)]


def _intertwiner(
    F: np.ndarray, G: np.ndarray, image: Callable[[np.ndarray], np.ndarray], wanted: np.ndarray
) -> np.ndarray:
    """Return T with F T = T G, nearly, such that image(T) is near what is wanted, and T near to an
    orthogonal matrix, of full rank.
    """
    of_F, V = np.linalg.eig(F)
    of_G, W = np.linalg.eig(G)
    rows = np.linalg.inv(W)
    nearest = abs(of_G[:, None] - of_F).argmin(axis=1)
    products = [
        np.outer(V[:, k], row)
        for value, row, k in zip(of_G, rows, nearest, strict=True)
        if value.imag >= 0
    ]
    parts = [part for product in products for part in (product.real, product.imag)]
    basis = [part / np.linalg.norm(part) for part in parts if part.any()]
    columns = np.array([np.concatenate([image(part).ravel(), part.ravel()]) for part in basis]).T
    T = np.sum(basis, axis=0)
    for _ in range(ROUNDS):
        U, _, Vt = np.linalg.svd(T, full_matrices=False)
        goal = np.concatenate([wanted.ravel(), (U @ Vt).ravel()])
        T = np.tensordot(np.linalg.lstsq(columns, goal, rcond=None)[0], basis, 1)
    return T
