"""Plain gradient descent on the layers of a product, for comparison with
`exactflow.floats.balancing.balance`.

How it is checked
-----------------
*Numeric*: float64. The tests compare the gradient with differences of the loss.
"""

import numpy as np

from proofs.experiments.layers import layer_matrices, moved_and_kept, partial_products

__all__ = ["adam", "adam_layers", "loss_gradient"]


def adam(
    M: np.ndarray, K: int, steps: int, rate: float, cosine: bool = False, scaled: bool = False
) -> np.ndarray:
    """Return the product of K layers after Adam on |product - M|^2 / |M|^2 (Frobenius norms).

    Source: Kingma and Ba, *Adam*, 2015; Loshchilov and Hutter, *SGDR*, 2017.

    Parameters
    ----------
    M : one matrix, 2n x 2n, or several in an array of shape (.., 2n, 2n), each fitted by itself.
    cosine : whether the rate falls to zero along half a cosine, or stays.
    scaled : whether the layers have scales exp(t), which start at 1, or are shears.

    Examples
    --------
    >>> M = np.array([[0.6, -0.8], [0.8, 0.6]])
    >>> bool(np.abs(adam(M, 6, 500, rate=0.02, cosine=True) - M).max() < 1e-3)
    True
    """
    layers = layer_matrices(*adam_layers(M, K, steps, rate, cosine, scaled))
    return partial_products(layers)[0][0]


def adam_layers(
    M: np.ndarray, K: int, steps: int, rate: float, cosine: bool = False, scaled: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return T of shape (.., K, n, n) and t of shape (.., K, n) of the layers behind `adam`."""
    n = M.shape[-1] // 2
    shape = (*M.shape[:-2], K, n, n)
    T = np.random.default_rng(0).standard_normal(shape) * 0.6 / np.sqrt(n)
    found = [T, np.zeros(shape[:-1])]
    moments = [(np.zeros_like(x), np.zeros_like(x)) for x in found]
    for k in range(1, steps + 1):
        gradients = loss_gradient(*found, M)[: 2 if scaled else 1]
        factor = (1 + np.cos(np.pi * k / steps)) / 2 if cosine else 1
        for j, gradient in enumerate(gradients):
            mean = 0.9 * moments[j][0] + 0.1 * gradient
            square = 0.999 * moments[j][1] + 0.001 * gradient**2
            moments[j] = mean, square
            step = mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-8)
            found[j] = found[j] - rate * factor * step
    return found[0], found[1]


def loss_gradient(T: np.ndarray, t: np.ndarray, M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of |product - M|^2 / |M|^2 in T of shape (.., K, n, n), and in t.

    Products are taken forward, half by half, and the error is pulled back through the layers.
    """
    K, n = t.shape[-2:]
    halves, scales = [moved_and_kept(i, n) for i in range(K)], np.exp(t)[..., None]
    products = [np.broadcast_to(np.eye(2 * n), M.shape)]
    for i, (moved, kept) in enumerate(halves):
        last, product = products[-1], products[-1].copy()
        product[..., moved, :] *= scales[..., i, :, :]
        product[..., moved, :] += T[..., i, :, :] @ last[..., kept, :]
        products.append(product)
    square = (M * M).sum(axis=(-2, -1), keepdims=True)
    error = 2 * (products[-1] - M) / square
    in_T, in_t = np.empty_like(T), np.empty_like(t)
    for i, (moved, kept) in reversed([*enumerate(halves)]):
        before, pulled = products[i], error[..., moved, :].copy()
        in_T[..., i, :, :] = pulled @ before[..., kept, :].swapaxes(-1, -2)
        error[..., kept, :] += T[..., i, :, :].swapaxes(-1, -2) @ pulled
        error[..., moved, :] *= scales[..., i, :, :]
        in_t[..., i, :] = (error[..., moved, :] * before[..., moved, :]).sum(axis=-1)
    return in_T, in_t
