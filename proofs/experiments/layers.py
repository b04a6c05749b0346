"""Layers in float64, and their partial products, which gradients use.

Layer i of K maps half of 2n coordinates by a shift T[i] and scales exp(t[i]); the second half moves
first, layer 0 acts first.

How it is checked
-----------------
*Numeric*: float64. The tests compare with products of matrices, and derivatives with differences.
"""

import itertools

import numpy as np

__all__ = ["layer_matrices", "moved_and_kept", "partial_products"]


def moved_and_kept(i: int, n: int) -> tuple[slice, slice]:
    """Return the halves for layer i.

    >>> moved_and_kept(0, 2)
    (slice(2, 4, None), slice(0, 2, None))
    """
    halves = slice(0, n), slice(n, 2 * n)
    return halves if i % 2 else halves[::-1]


def layer_matrices(T: np.ndarray, t: np.ndarray) -> list[np.ndarray]:
    """Return the matrices of K layers: T of shape (.., K, n, n), t of shape (.., K, n).

    >>> [layer.tolist() for layer in layer_matrices(np.array([[[2.0]], [[3.0]]]), np.zeros((2, 1)))]
    [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 3.0], [0.0, 1.0]]]
    """
    K, n = t.shape[-2:]
    layers = []
    for i in range(K):
        moved, kept = moved_and_kept(i, n)
        matrix = np.zeros((*t.shape[:-2], 2 * n, 2 * n))
        matrix[..., range(2 * n), range(2 * n)] = 1
        matrix[..., moved, kept] = T[..., i, :, :]
        scaled = range(moved.start, moved.stop)
        matrix[..., scaled, scaled] = np.exp(t[..., i, :])
        layers.append(matrix)
    return layers


def partial_products(layers: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return, for every i, the products of the layers after and before layer i.

    The first list has the product of all layers in front, the second at the end: each is longer by
    one.
    """
    one = np.broadcast_to(np.eye(layers[0].shape[-1]), layers[0].shape)
    after = [*itertools.accumulate([one, *reversed(layers)], np.matmul)][::-1]
    before = [*itertools.accumulate([one, *layers], lambda product, layer: layer @ product)]
    return after, before
