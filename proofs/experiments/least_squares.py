"""Least squares over K layers by Levenberg-Marquardt. Needs SciPy.

With the products of the layers after and before layer i, J J^T is a sum of Kronecker products, so
that a step costs little more than solving a system of d^2 equations, d = 2n; for d > 32 it is
solved by conjugate gradients.

How it is checked
-----------------
*Numeric*: float64. The tests compare a step with the one from a Jacobian by differences.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse.linalg import LinearOperator, cg

from proofs.experiments.layers import layer_matrices, moved_and_kept, partial_products

__all__ = ["Fit", "least_squares", "random_start", "step"]

LARGEST_DENSE = 32


@dataclass(frozen=True)
class Fit:
    """Result of a fit: |product - M| / |M|, the shifts T (K, n, n) and log scales t (K, n)."""

    residual: float
    T: np.ndarray
    t: np.ndarray


def random_start(K: int, n: int, seed: int) -> Fit:
    """Return random shears as a start: entries N(0, 0.36 / n)."""
    T = np.random.default_rng(seed).standard_normal((K, n, n)) * 0.6 / np.sqrt(n)
    return Fit(np.inf, T, np.zeros((K, n)))


def least_squares(M: np.ndarray, start: Fit, scaled: bool, steps: int = 500) -> Fit:
    """Return the best layers that Levenberg-Marquardt finds from a start.

    Parameters
    ----------
    M : 2n x 2n.
    start : the K layers to begin with; its residual is ignored.
    scaled : whether the scales exp(t) are fitted, too, or stay as they are.

    Examples
    --------
    >>> M = np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> least_squares(M, random_start(5, 1, seed=0), scaled=False).residual < 1e-12
    True
    """
    norm, damping = np.linalg.norm(M), 1e-2
    T, t = start.T, start.t
    error = partial_products(layer_matrices(T, t))[0][0] - M
    best, history = start, []
    for _ in range(steps):
        size = float(np.linalg.norm(error) / norm)
        history.append(size)
        best = Fit(size, T, t) if size <= min(history) else best
        if size < 1e-13 or (len(history) > 15 and size > 0.98 * history[-15]):
            break
        dT, dt = step(error, T, t, damping, scaled)
        changed = partial_products(layer_matrices(T + dT, t + dt))[0][0] - M
        if np.linalg.norm(changed) < np.linalg.norm(error):
            T, t, error, damping = T + dT, t + dt, changed, max(damping / 4, 1e-10)
        else:
            damping *= 5
    return best


def step(
    error: np.ndarray, T: np.ndarray, t: np.ndarray, damping: float, scaled: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the step -J^T (J J^T + damping I)^-1 error in T and t; in t it is 0 if not `scaled`.

    J is the derivative of the product at T of shape (K, n, n) and t of shape (K, n).
    """
    (_, *after), before = partial_products(layer_matrices(T, t))
    K, n = t.shape
    grams, scale_columns = [], []
    for i in range(K):
        moved, kept = moved_and_kept(i, n)
        left, right = after[i][:, moved], before[i][kept]
        grams.append((left @ left.T, right.T @ right))
        if scaled:
            columns = left[:, None, :] * (np.exp(t[i]) * before[i][moved].T)[None]
            scale_columns.append(columns.reshape(error.size, n))
    y = _solve(error, grams, scale_columns, damping)
    Y = y.reshape(error.shape)
    dT = [
        after[i][:, moved].T @ Y @ before[i][kept].T
        for i, (moved, kept) in enumerate(moved_and_kept(i, n) for i in range(K))
    ]
    dt = np.array([columns.T @ y for columns in scale_columns]) if scaled else np.zeros_like(t)
    return -np.array(dT), -dt


def _solve(error, grams, scale_columns, damping) -> np.ndarray:
    """Solve (J J^T + damping I) y = error: by Cholesky, or conjugate gradients for large shears."""

    def normal(y: np.ndarray) -> np.ndarray:
        Y = y.reshape(error.shape)
        product = sum((left @ Y @ right for left, right in grams), damping * Y).ravel()
        return product + sum(columns @ (columns.T @ y) for columns in scale_columns)

    if len(error) > LARGEST_DENSE:
        operator = LinearOperator((error.size, error.size), normal)
        return cg(operator, error.ravel(), rtol=1e-3, maxiter=1000)[0]
    system = damping * np.eye(error.size)
    for left, right in grams:
        system += np.kron(left, right)
    for columns in scale_columns:
        system += columns @ columns.T
    return cho_solve(cho_factor(system, overwrite_a=True, check_finite=False), error.ravel())
