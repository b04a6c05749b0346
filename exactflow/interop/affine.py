"""Affine maps of coordinates as numbers: a permutation, a diagonal or a matrix, and a bias; and how
they are read off tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import MatrixLike
from exactflow.linear.targets import permutation

__all__ = ["AffineMap", "array", "dense", "matrix_of", "order", "vector"]


LARGEST_PRODUCT = 8192
"""Coordinates of a matrix that is made of its factors: half a gigabyte."""


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

    @property
    def condition_number(self) -> float:
        """The condition number of A, rounded."""
        return float(np.linalg.cond(self.entries)) if self.entries.ndim == 2 else 1.0

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
        is_same = self.is_permutation and not other.is_diagonal
        is_same |= self.is_diagonal and other.is_diagonal
        entries = self._times(other.entries if is_same else other.matrix)
        has_bias = self.bias is not None or other.bias is not None
        return AffineMap(entries, self._times(other.shift) + self.shift if has_bias else None)

    def _times(self, columns: np.ndarray) -> np.ndarray:
        """Return A times a vector, a matrix, or a permutation or diagonal of its own kind."""
        if self.is_permutation:
            return columns[self.entries]
        return (self.entries * columns.T).T if self.is_diagonal else self.entries @ columns

    def simplified(self) -> "AffineMap":
        """Return a matrix as a permutation or a diagonal where it is one, else the map itself."""
        A = self.entries
        if A.ndim == 1:
            return self
        order = A.argmax(1)
        if len(set(order.tolist())) == len(A) and (A == np.eye(len(A))[order]).all():
            return AffineMap(order, self.bias)
        diagonal = np.diag(A).copy()
        return AffineMap(diagonal, self.bias) if (A == np.diag(diagonal)).all() else self


def array(tensor: Any) -> np.ndarray:
    """Return a tensor, or an array, as float64."""
    if hasattr(tensor, "detach"):
        if tensor.is_complex():
            raise InvalidInputError("expected real numbers as weight, got complex ones")
        tensor = tensor.detach().cpu().double().numpy()
    try:
        return np.asarray(tensor, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError("expected numbers in the range of float64 as weight") from None


def dense(tensor: Any, bias: Any = None) -> AffineMap:
    """Return the map of a matrix, or of a 1x1 kernel, and a bias."""
    values, shape = array(tensor), tuple(tensor.shape)
    if len(shape) < 2 or shape[0] != shape[1] or any(size != 1 for size in shape[2:]):
        raise InvalidInputError(
            f"expected a square matrix, or a kernel of shape (d, d, 1, 1), got {shape}"
        )
    return AffineMap(values.reshape(shape[:2]), None if bias is None else array(bias))


def vector(tensor: Any) -> np.ndarray:
    """Return one number per channel of a tensor that is broadcast along the other axes."""
    shape = [size for size in tensor.shape if size != 1]
    if len(shape) > 1:
        raise InvalidInputError(
            f"expected one number per channel, got the shape {tuple(tensor.shape)}"
        )
    return array(tensor).reshape(-1)


def order(indices: Any) -> AffineMap:
    """Return x -> x[indices]."""
    return AffineMap(indices.detach().cpu().numpy())


def matrix_of(images: Callable[[Any], Any], d: int, device: Any, has_bias: bool) -> AffineMap:
    """Return the map of a product of factors, from what it makes of zero and the unit vectors.

    Raises `InvalidInputError` for a matrix that would be far larger than its factors may be.
    """
    import torch

    if d > LARGEST_PRODUCT:
        raise InvalidInputError(f"expected at most {LARGEST_PRODUCT} coordinates, got {d}")
    with torch.no_grad():
        one = torch.eye(d, dtype=torch.float64, device=device)
        origin = images(torch.zeros_like(one[:1]))
        columns = images(one) - origin
    return AffineMap(array(columns).T, array(origin)[0] if has_bias else None)
