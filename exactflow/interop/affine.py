"""Affine maps of coordinates as numbers, and how they are read off tensors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from exactflow.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class AffineMap:
    """The map x -> A x + bias in float64.

    Parameters
    ----------
    matrix : A, d x d floats.
    bias : d floats, or None for a map that has none.
    kind : what a layer has by its type; "matrix" for one that may have any.

    Raises
    ------
    InvalidInputError
        A number that is not finite.

    Examples
    --------
    >>> swap = AffineMap(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, 0.0]))
    >>> both = swap.after(AffineMap(np.diag([2.0, 3.0])))
    >>> both.matrix, both.bias
    (array([[0., 3.],
           [2., 0.]]), array([1., 0.]))
    """

    matrix: np.ndarray
    bias: np.ndarray | None = None
    kind: Literal["matrix", "permutation", "diagonal"] = "matrix"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.matrix).all() and np.isfinite(self.shift).all()):
            raise InvalidInputError("expected finite numbers in a linear layer, got NaN or inf")

    @property
    def shift(self) -> np.ndarray:
        """The bias, zeros where there is none."""
        return np.zeros(self.dimension) if self.bias is None else self.bias

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.matrix)

    @property
    def condition_number(self) -> float:
        """The condition number of A, rounded."""
        return float(np.linalg.cond(self.matrix))

    def after(self, other: "AffineMap") -> "AffineMap":
        """Return this map applied to what the other returns; products are rounded."""
        has_bias = self.bias is not None or other.bias is not None
        shift = self.matrix @ other.shift + self.shift if has_bias else None
        return AffineMap(self.matrix @ other.matrix, shift)


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
    indices = np.asarray(indices.detach().cpu() if hasattr(indices, "detach") else indices)
    return AffineMap(np.eye(len(indices))[indices], kind="permutation")


def diagonal(scale: np.ndarray, bias: np.ndarray) -> AffineMap:
    """Return x -> scale x + bias, for each coordinate."""
    return AffineMap(np.diag(scale), bias, "diagonal")


def matrix_of(images: Callable[[Any], Any], d: int, device: Any, has_bias: bool) -> AffineMap:
    """Return the map of a product of factors, from what it makes of zero and the unit vectors."""
    import torch

    with torch.no_grad():
        one = torch.eye(d, dtype=torch.float64, device=device)
        origin = images(torch.zeros_like(one[:1]))
        columns = images(one) - origin
    return AffineMap(array(columns).T, array(origin)[0] if has_bias else None)
