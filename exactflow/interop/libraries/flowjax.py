"""flowjax, whose bijections lead from data to latent by ``inverse``.

JAX computes in float32 unless ``jax_enable_x64`` is set. Modules are built, and their errors are
bounded, in the dtype in which JAX computes.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flowjax.bijections import AbstractBijection, Chain, Invert, Loc, Permute, Scale
from jax import Array
from paramax import NonTrainable
from torch import Tensor

from exactflow.interop.library import Library
from exactflow.interop.modules import BijectionModule, CouplingModule


class FlowjaxCoupling(AbstractBijection):
    """One layer: ``moved = scale * exp(log_gain) * moved + weight @ kept``.

    If `is_first`, the first `half` coordinates are moved, else the other coordinates. Training
    changes `log_gain` but not `scale`.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    half: int = eqx.field(static=True)
    is_first: bool = eqx.field(static=True)
    weight: Array
    scale: Any
    log_gain: Any

    @classmethod
    def from_layer(cls, layer: CouplingModule, partition: tuple[int, int]) -> "FlowjaxCoupling":
        """Build a layer with the weight and the scale of a PyTorch layer."""
        p, q = partition
        is_first = layer.moves == "first"
        scale, gain = None, None
        if layer.scale is not None:
            scale, gain = NonTrainable(_to_jax(layer.scale)), _to_jax(layer.log_gain)
        return cls((p + q,), None, p, is_first, _to_jax(layer.weight), scale, gain)

    def transform_and_log_det(self, x: Any, condition: Any = None) -> tuple[Array, Array]:
        """Return the image and the log-determinant."""
        return self._map_moved_half_with_log_det(x, True)

    def inverse_and_log_det(self, y: Any, condition: Any = None) -> tuple[Array, Array]:
        """Return the preimage and the log-determinant of the inverse."""
        return self._map_moved_half_with_log_det(y, False)

    def _map_moved_half_with_log_det(self, x: Array, is_forward: bool) -> tuple[Array, Array]:
        """Return the image and its log-determinant if `is_forward`, else those of the inverse."""
        first, second = x[: self.half], x[self.half :]
        moved, kept = (first, second) if self.is_first else (second, first)
        scale = jnp.ones_like(moved) if self.scale is None else self.scale * jnp.exp(self.log_gain)
        shift = jnp.matmul(self.weight, kept, precision=jax.lax.Precision.HIGHEST)
        moved = scale * moved + shift if is_forward else (moved - shift) / scale
        log_det = jnp.log(scale).sum()
        whole = jnp.concatenate((moved, kept) if self.is_first else (kept, moved))
        return whole, log_det if is_forward else -log_det


def _make_inverted_bijection(module: BijectionModule, shape: tuple[int, ...]) -> Any:
    """Build a bijection whose inverse is the forward map of a module."""
    flow: Any = module
    parts: list[Any] = []
    if flow.signs is not None:  # a trainable Scale would make the signs positive
        signs = NonTrainable(_to_jax(flow.signs))
        parts.append(eqx.tree_at(lambda scale: scale.scale, Scale(jnp.ones(shape)), signs))
    parts += [] if flow.order is None else [Permute(_to_jax(flow.order))]
    parts += [FlowjaxCoupling.from_layer(layer, flow.partition) for layer in flow.layers]
    parts += [] if flow.places is None else [Permute(_to_jax(flow.places))]
    parts += [] if flow.bias is None else [Loc(_to_jax(flow.bias))]
    return Invert(Chain(parts or [Permute(jnp.arange(shape[0]))]))


def _to_jax(tensor: Tensor) -> Array:
    return jnp.asarray(tensor.detach().numpy())


LIBRARY = Library(
    name="flowjax",
    make_module=_make_inverted_bijection,
    float_type=lambda: np.dtype(jax.dtypes.canonicalize_dtype(np.float64)).type,
    takes_images=False,
)
