"""Coupling layers of float64 numbers, and the exact application of such layers to matrices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import HALVES, Half, check_option
from exactflow.flows.base import refusing_points
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import apply_layers_to_halves, moved_and_kept, opposite


@dataclass(frozen=True, eq=False)
class FloatCoupling:
    """A float64 coupling layer, which replaces ``moved`` by ``scale * moved + shift @ kept``.

    Parameters
    ----------
    moves : "first" or "second", the half that the layer maps.
    shift : p x q if the first half moves, q x p if the second half moves: an array, or a sparse
        array of SciPy.
    scale : a positive number for all coordinates that move, or an array with a number for each.

    Examples
    --------
    >>> layer = FloatCoupling("second", np.array([[3.0]]), scale=2.0)
    >>> layer.forward(np.array([1.0, 1.0])), layer.backward(np.array([1.0, 5.0]))
    (array([1., 5.]), array([1., 1.]))
    """

    moves: Half
    shift: Any
    scale: float | np.ndarray = 1.0

    def __post_init__(self) -> None:
        check_option("moves", self.moves, HALVES)

    @classmethod
    def from_rational(cls, layer: LinearCoupling) -> "FloatCoupling":
        """Return a layer over QQ rounded to float64; entries that overflow become infinite."""
        scale = np.array(list(map(to_float, layer.scale_elements)))
        return cls(layer.moves, layer.float_shift, scale)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        p, q = moved_and_kept(self.moves, self.shift.shape)
        return p, q

    @property
    def scales(self) -> np.ndarray:
        """The scales, one for each coordinate that moves."""
        return np.broadcast_to(self.scale, self.shift.shape[0])

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return bool(np.all(self.scale == 1))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of p + q entries, or of each column, in the dtype of `x`.

        Raises `InvalidInputError` unless `x` is an array of floats with p + q rows.
        """
        return self._map(x, inverse=False)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage of a vector of p + q entries, or of each column, in the dtype of `y`.

        The entries of this layer are used; the entries of `inverse` are rounded once more.
        """
        return self._map(y, inverse=True)

    @refusing_points
    def inverse(self) -> "FloatCoupling":
        """Return the inverse layer with its entries rounded to float64."""
        return FloatCoupling(self.moves, -self.shift / self.scales[:, None], 1 / self.scales)

    def swap_halves(self) -> "FloatCoupling":
        """Return the layer that moves the other half with the same shift and scale."""
        return FloatCoupling(opposite(self.moves), self.shift, self.scale)

    def with_dense_shift(self) -> "FloatCoupling":
        """Return this layer, with its shift as a dense array if it is sparse."""
        if isinstance(self.shift, np.ndarray):
            return self
        return FloatCoupling(self.moves, self.shift.toarray(), self.scale)

    def condition_number(self) -> float:
        """Return the condition number of the layer's matrix in the spectral norm, in float64."""
        one = np.eye(sum(self.partition))
        norms = [np.linalg.norm(image(one), 2) for image in (self.forward, self.backward)]
        return float(norms[0]) * float(norms[1])

    def exact(self) -> LinearCoupling:
        """Return the same layer as a `LinearCoupling` of the fractions that the floats equal."""
        scale = None if self.is_additive else self.scales.tolist()
        return LinearCoupling(self.partition, self.moves, self.with_dense_shift().shift, scale)

    def _map(self, x: np.ndarray, *, inverse: bool) -> np.ndarray:
        p, q = self.partition
        is_array = isinstance(x, np.ndarray) and not np.ma.is_masked(x)
        if not (is_array and x.dtype.kind == "f" and x.shape[:1] == (p + q,)):
            got = f"{x.dtype} of shape {x.shape}" if hasattr(x, "dtype") else type(x).__name__
            raise InvalidInputError(
                f"expected an array of floats with {p + q} rows, got {got}: pass "
                "numpy.array(x, dtype=float), with vectors as columns"
            )
        moved, kept = moved_and_kept(self.moves, (x[:p], x[p:]))
        scale = self.scales.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        translation = self.shift.astype(x.dtype, copy=False) @ kept
        image = (moved - translation) / scale if inverse else scale * moved + translation
        return np.concatenate(moved_and_kept(self.moves, (image, kept)))


def apply_float_layers_exactly(
    layers: Sequence[FloatCoupling], columns: DyadicMatrix | None = None
) -> DyadicMatrix:
    """Apply the layers exactly to `columns`, by default to the unit vectors.

    The first layer is applied first.
    """

    def exact_image_of_moved_half(
        layer: FloatCoupling, moved: DyadicMatrix, kept: DyadicMatrix
    ) -> DyadicMatrix:
        if not layer.is_additive:
            moved = moved.scale_rows(DyadicMatrix.from_floats(np.array(layer.scales)[:, None]))
        return moved.plus_product(DyadicMatrix.from_floats(layer.shift), kept)

    p, q = layers[0].partition
    columns = columns or DyadicMatrix.from_floats(np.eye(p + q))
    first, second = apply_layers_to_halves(
        layers, (columns[:p, :], columns[p:, :]), exact_image_of_moved_half
    )
    return first.vstack(second)
