"""Plain gradient descent on the layers of a word, the peer of `exactflow.balancing.balance`.

How it is checked
-----------------
*Numeric*: float64, and an error that is computed in it.
"""

import numpy as np

from exactflow.balancing.newton import Word

__all__ = ["adam", "loss_gradient"]


def adam(W: np.ndarray, layers: int, steps: int, rate: float = 0.02) -> float:
    """Return max |S_1 .. S_K - W| / max |W| after Adam on |S_1 .. S_K - W|_F^2 / 2.

    The shears start where `balance` does; the rate falls to zero along half a cosine (Kingma and
    Ba, *Adam*, 2015; Loshchilov and Hutter, *SGDR*, 2017).

    Parameters
    ----------
    W : 2n x 2n, of determinant 1.

    Examples
    --------
    >>> adam(np.array([[0.6, -0.8], [0.8, 0.6]]), layers=6, steps=500) < 1e-3
    True
    """
    word = Word(layers, len(W) // 2, 0)
    shape = (layers, word.n, word.n)
    X = np.random.default_rng(0).normal(scale=0.6 / word.n**0.5, size=shape)
    mean, square = np.zeros(shape), np.zeros(shape)
    for k in range(1, steps + 1):
        gradient = loss_gradient(word, X, W)
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        step = mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-12)
        X = X - rate * (1 + np.cos(np.pi * k / steps)) / 2 * step
    return float(np.abs(word.product(X) - W).max() / np.abs(W).max())


def loss_gradient(word: Word, X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """Return the gradient of |S_1 .. S_K - W|_F^2 / 2."""
    left, rest, gradient = np.eye(len(W)), word.product(X), np.empty_like(X)
    G = rest - W
    for i, shift in enumerate(X):
        rest[word.moved(i)] -= shift @ rest[word.kept(i)]
        gradient[i] = left[:, word.moved(i)].T @ G @ rest[word.kept(i)].T
        left[:, word.kept(i)] += left[:, word.moved(i)] @ shift
    return gradient
