"""Affine maps in float64, read from tensors."""

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
    bias : d floats, or None for a linear map.
    kind : the form of A that the type of the layer guarantees; "matrix" if it guarantees no form.

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
        if not (np.isfinite(self.matrix).all() and np.isfinite(self.bias_or_zeros).all()):
            raise InvalidInputError("expected finite numbers in a linear layer, got NaN or inf")

    @property
    def bias_or_zeros(self) -> np.ndarray:
        """The bias, or a vector of zeros if the map has no bias."""
        return np.zeros(self.dimension) if self.bias is None else self.bias

    @property
    def dimension(self) -> int:
        """The number of coordinates."""
        return len(self.matrix)

    @property
    def condition_number(self) -> float:
        """The condition number of the matrix in the spectral norm, rounded to float64."""
        return float(np.linalg.cond(self.matrix))

    def after(self, other: "AffineMap") -> "AffineMap":
        """Return the map that applies `other` first, then this map; matrix products are rounded."""
        has_bias = self.bias is not None or other.bias is not None
        shift = self.matrix @ other.bias_or_zeros + self.bias_or_zeros if has_bias else None
        return AffineMap(self.matrix @ other.matrix, shift)


def to_float64(tensor: Any) -> np.ndarray:
    """Convert a real tensor or array to an array of float64."""
    if hasattr(tensor, "detach"):
        if tensor.is_complex():
            raise InvalidInputError("expected a layer with real weights, got complex weights")
        if tensor.is_meta:
            raise InvalidInputError(
                "expected a layer whose weights have values, got weights on the meta device: load "
                "them on the CPU"
            )
        tensor = tensor.detach().cpu().double().numpy()
    try:
        return np.asarray(tensor, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"expected a weight of real numbers, got {type(tensor).__name__}"
        ) from None


def read_affine_map(matrix_or_kernel: Any, bias: Any = None) -> AffineMap:
    """Return the affine map of a layer, from its square matrix or 1x1 kernel, and its bias."""
    values, shape = to_float64(matrix_or_kernel), tuple(matrix_or_kernel.shape)
    if len(shape) < 2 or shape[0] != shape[1] or any(size != 1 for size in shape[2:]):
        raise InvalidInputError(
            "expected a weight that is a square matrix or a kernel of shape (d, d, 1, 1), got a "
            f"weight of shape {shape}"
        )
    return AffineMap(values.reshape(shape[:2]), None if bias is None else to_float64(bias))


def read_channel_values(tensor: Any) -> np.ndarray:
    """Flatten a tensor that has one entry for each channel to a vector in float64."""
    shape = [size for size in tensor.shape if size != 1]
    if len(shape) > 1:
        raise InvalidInputError(
            "expected a tensor with one number for each channel, got a tensor of shape "
            f"{tuple(tensor.shape)}"
        )
    return to_float64(tensor).reshape(-1)


def permutation_map(source_indices: Any) -> AffineMap:
    """Return the permutation of coordinates that maps a vector x to x[source_indices]."""
    is_tensor = hasattr(source_indices, "detach")
    sources = np.asarray(source_indices.detach().cpu() if is_tensor else source_indices)
    return AffineMap(np.eye(len(sources))[sources], kind="permutation")


def diagonal_map(scales: np.ndarray, bias: np.ndarray) -> AffineMap:
    """Return the map that multiplies each coordinate by its scale, and adds its bias."""
    return AffineMap(np.diag(scales), bias, "diagonal")


def probe_affine_map(
    map_rows: Callable[[Any], Any], dimension: int, device: Any, has_bias: bool
) -> AffineMap:
    """Read an affine map from the values of `map_rows` at 0 and at the unit vectors.

    `map_rows` applies the map to row vectors. The value at 0 is the bias; without `has_bias` it is
    left out, since it is known to be zero.
    """
    import torch

    with torch.no_grad():
        one = torch.eye(dimension, dtype=torch.float64, device=device)
        origin = map_rows(torch.zeros_like(one[:1]))
        columns = map_rows(one) - origin
    return AffineMap(to_float64(columns).T, to_float64(origin)[0] if has_bias else None)
