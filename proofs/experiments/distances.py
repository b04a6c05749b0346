"""W2 distances of samples of equal size: exact, by assignment, and sliced, by projections."""

import numpy as np

from exactflow.errors import InvalidInputError

__all__ = ["exact_w2", "sliced_w2"]


def exact_w2(a: np.ndarray, b: np.ndarray) -> float:
    """Return W2 of two samples, (N, n) arrays: an optimal assignment, in O(N^3).

    >>> exact_w2(np.array([[0.0, 0], [1, 0]]), np.array([[1.0, 1], [0, 1]]))
    1.0
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    a, b = _check_samples(a, b)
    squares = cdist(a, b, "sqeuclidean")
    return float(np.sqrt(squares[linear_sum_assignment(squares)].mean()))


def sliced_w2(a: np.ndarray, b: np.ndarray, directions: int = 64, seed: int = 0) -> float:
    """Return the root of the mean, over random directions, of the squared W2 of projections.

    >>> sliced_w2(np.zeros((5, 2)), np.zeros((5, 2)))
    0.0
    """
    a, b = _check_samples(a, b)
    lines = np.random.default_rng(seed).standard_normal((a.shape[1], directions))
    lines /= np.linalg.norm(lines, axis=0)
    gaps = np.sort(a @ lines, axis=0) - np.sort(b @ lines, axis=0)
    return float(np.sqrt((gaps * gaps).mean()))


def _check_samples(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(a) != np.shape(b) or np.ndim(a) != 2:
        raise InvalidInputError(
            f"expected two (N, n) arrays of one shape, got {np.shape(a)} and {np.shape(b)}"
        )
    return np.asarray(a, dtype=float), np.asarray(b, dtype=float)
