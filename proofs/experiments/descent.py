"""Plain gradient descent on the shears of a product: what `exactflow.balancing.balance` is held to.

How it is checked
-----------------
*Numeric*: float64. The tests compare the gradient with differences of the loss.
"""

import numpy as np

from proofs.experiments.layers import layer_matrices, moved_and_kept, partial_products

__all__ = ["adam", "adam_shears", "loss_gradient"]


def adam(M: np.ndarray, K: int, steps: int, rate: float, cosine: bool = False) -> np.ndarray:
    """Return the product of K shears after Adam on |product - M|^2 / |M|^2 (Frobenius norms).

    Source: Kingma and Ba, *Adam*, 2015; Loshchilov and Hutter, *SGDR*, 2017.

    Parameters
    ----------
    M : one matrix, 2n x 2n, or several in an array of shape (.., 2n, 2n), each fitted by itself.
    cosine : whether the rate falls to zero along half a cosine, or stays.

    Examples
    --------
    >>> M = np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> bool(np.abs(adam(M, 6, 500, rate=0.02, cosine=True) - M).max() < 1e-3)
    True
    """
    return partial_products(_shears(adam_shears(M, K, steps, rate, cosine)))[0][0]


def adam_shears(M: np.ndarray, K: int, steps: int, rate: float, cosine: bool = False) -> np.ndarray:
    """Return the shifts, of shape (.., K, n, n), of the shears whose product `adam` returns."""
    n = M.shape[-1] // 2
    shape = (*M.shape[:-2], K, n, n)
    T = np.random.default_rng(0).standard_normal(shape) * 0.6 / np.sqrt(n)
    mean, square = np.zeros(shape), np.zeros(shape)
    for k in range(1, steps + 1):
        gradient = loss_gradient(T, M)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        factor = (1 + np.cos(np.pi * k / steps)) / 2 if cosine else 1
        step = mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-8)
        T = T - rate * factor * step
    return T


def loss_gradient(T: np.ndarray, M: np.ndarray) -> np.ndarray:
    """Return the gradient of |product - M|^2 / |M|^2 in the shifts T of shape (.., K, n, n)."""
    (product, *after), before = partial_products(_shears(T))
    error = 2 * (product - M) / np.linalg.norm(M, axis=(-2, -1), keepdims=True) ** 2
    gradient = np.empty_like(T)
    for i in range(T.shape[-3]):
        moved, kept = moved_and_kept(i, T.shape[-1])
        left, right = after[i][..., moved], before[i][..., kept, :]
        gradient[..., i, :, :] = left.swapaxes(-1, -2) @ error @ right.swapaxes(-1, -2)
    return gradient


def _shears(T: np.ndarray) -> list[np.ndarray]:
    return layer_matrices(T, np.zeros(T.shape[:-1]))
