"""Affine maps of coordinates as numbers: a permutation, a diagonal or a matrix, and a bias."""

from dataclasses import dataclass

import numpy as np

from exactflow.errors import InvalidInputError

__all__ = ["AffineMap"]


@dataclass(frozen=True, eq=False)
class AffineMap:
    """The map x -> A x + bias in float64, where A is kept as what it is.

    Parameters
    ----------
    entries : d integers for ``A x = x[entries]``, d floats for a diagonal, d x d floats else.
    bias : d floats.
    """

    entries: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, entries: np.ndarray, bias: np.ndarray | None = None) -> "AffineMap":
        """Return a map, with bias zero where it is left out.

        Raises `InvalidInputError` where a number is not finite.

        >>> AffineMap.of(np.array([1, 0])).matrix
        array([[0., 1.],
               [1., 0.]])
        """
        bias = np.zeros(len(entries)) if bias is None else bias
        if not (np.isfinite(entries).all() and np.isfinite(bias).all()):
            raise InvalidInputError(
                "expected finite numbers in a linear layer, got NaN or infinity"
            )
        return cls(entries, bias)

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

    def after(self, other: "AffineMap") -> "AffineMap":
        """Return this map applied to what the other returns; products are rounded.

        >>> swap = AffineMap.of(np.array([1, 0]), np.array([1.0, 0.0]))
        >>> both = swap.after(AffineMap.of(np.array([2.0, 3.0]), np.array([0.0, 5.0])))
        >>> both.matrix, both.bias
        (array([[0., 3.],
               [2., 0.]]), array([6., 0.]))
        """
        if self.is_permutation:
            entries = other.matrix if other.is_diagonal else other.entries
            return AffineMap.of(entries[self.entries], other.bias[self.entries] + self.bias)
        if self.is_diagonal:
            scale = self.entries
            entries = scale * other.entries if other.is_diagonal else scale[:, None] * other.matrix
            return AffineMap.of(entries, scale * other.bias + self.bias)
        return AffineMap.of(self.entries @ other.matrix, self.entries @ other.bias + self.bias)

    def as_permutation(self) -> "AffineMap":
        """Return a matrix as a permutation where it is one, else the map itself."""
        A = self.entries
        if A.ndim == 1 or not ((A == 1).sum(1) == 1).all() or np.count_nonzero(A) != len(A):
            return self
        order = A.argmax(1)
        return self if len(set(order.tolist())) < len(A) else AffineMap(order, self.bias)
