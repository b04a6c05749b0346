"""Affine maps of coordinates as numbers: a permutation, a diagonal or a matrix, and a bias."""

from dataclasses import dataclass

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import MatrixLike
from exactflow.targets import permutation

__all__ = ["AffineMap"]


@dataclass(frozen=True, eq=False)
class AffineMap:
    """The map x -> A x + bias in float64, where A is kept as what it is.

    Parameters
    ----------
    entries : d integers for ``A x = x[entries]``, d floats for a diagonal, d x d floats else.
    bias : d floats, or None for a map that has none.

    Raises
    ------
    InvalidInputError
        A number that is not finite.

    Examples
    --------
    >>> AffineMap(np.array([1, 0])).matrix
    array([[0., 1.],
           [1., 0.]])
    """

    entries: np.ndarray
    bias: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.entries).all() and np.isfinite(self.shift).all()):
            raise InvalidInputError("expected finite numbers in a linear layer, got NaN or inf")

    @property
    def shift(self) -> np.ndarray:
        """The bias, zeros where there is none."""
        return np.zeros(len(self.entries)) if self.bias is None else self.bias

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.entries)

    @property
    def is_permutation(self) -> bool:
        """Whether A is known as a permutation."""
        return self.entries.dtype.kind in "iu"

    @property
    def is_diagonal(self) -> bool:
        """Whether A is known as a diagonal."""
        return self.entries.ndim == 1 and not self.is_permutation

    @property
    def matrix(self) -> np.ndarray:
        """A as a matrix."""
        if self.is_permutation:
            return np.eye(self.dimension)[self.entries]
        return np.diag(self.entries) if self.is_diagonal else self.entries

    def exact(self) -> MatrixLike:
        """Return A as exact numbers: a sparse permutation matrix, or the floats that it is."""
        return permutation(self.entries.tolist()) if self.is_permutation else self.matrix

    def after(self, other: "AffineMap") -> "AffineMap":
        """Return this map applied to what the other returns; products are rounded.

        >>> swap = AffineMap(np.array([1, 0]), np.array([1.0, 0.0]))
        >>> both = swap.after(AffineMap(np.array([2.0, 3.0])))
        >>> both.matrix, both.bias
        (array([[0., 3.],
               [2., 0.]]), array([1., 0.]))
        """
        A, shift = self.entries, other.shift
        if self.is_permutation:
            entries = (other.matrix if other.is_diagonal else other.entries)[A]
            shift = shift[A]
        elif self.is_diagonal:
            entries = A * other.entries if other.is_diagonal else A[:, None] * other.matrix
            shift = A * shift
        else:
            entries, shift = A @ other.matrix, A @ shift
        has_bias = self.bias is not None or other.bias is not None
        return AffineMap(entries, shift + self.shift if has_bias else None)

    def simplified(self) -> "AffineMap":
        """Return a matrix as a permutation or a diagonal where it is one, else the map itself."""
        A = self.entries
        if A.ndim == 1:
            return self
        order = A.argmax(1)
        ones = np.zeros_like(A)
        ones[np.arange(len(A)), order] = 1
        if (A == ones).all() and len(set(order.tolist())) == len(A):
            return AffineMap(order, self.bias)
        diagonal = np.diag(A).copy()
        return AffineMap(diagonal, self.bias) if (A == np.diag(diagonal)).all() else self
