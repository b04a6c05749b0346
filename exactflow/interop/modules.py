"""Bijections as PyTorch modules, to train, to save and to deploy: flows, matrices, the identity.

A `FlowModule` holds the two halves as separate tensors until the last layer, so that a layer costs
one product and no copy. Scales are ``scale * exp(log_gain)``: the scale of the flow, unchanged by
training, times a positive factor that starts at one and that training changes.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import HALVES, Half
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.partition import apply_layers_to_halves
from exactflow.interop.roundoff import round_layer_to_floats

if TYPE_CHECKING:
    import numpy as np

State = Mapping[str, Tensor]
"""Tensors by name, as in a state dict."""


class BijectionModule(nn.Module):
    """A bijection of vectors (N, d) or images (N, d, ..): ``forward(x) -> (y, log_det)``.

    Batches of any size N, zero included, and images of any size are accepted. This class is
    the identity; subclasses override `partition`, `map_unchecked`, `invert_unchecked` and
    `log_det_shared_by_members`.
    """

    partition: tuple[int, ...] = ()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image, and the log-determinants, one for each member of the batch."""
        self.check_batch(x)
        return self.map_unchecked(x), self.log_det_shared_by_members(x).expand(x.shape[0])

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage, and the log-determinants of the inverse, one for each member."""
        self.check_batch(y)
        return self.invert_unchecked(y), -self.log_det_shared_by_members(y).expand(y.shape[0])

    def check_batch(self, x: Tensor) -> None:
        """Raise `InvalidInputError` unless x is a batch with `dimension` channels along axis 1.

        An identity takes any number of channels.
        """
        if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
            return
        d = self.dimension
        if not isinstance(x, Tensor):
            raise InvalidInputError(f"expected a tensor, got {type(x).__name__}")
        if x.ndim < 2 or (d and x.shape[1] != d):
            remedy = ""
            if x.ndim == 1:
                remedy = ": pass one vector as x[None]"
            elif x.ndim == 2 and x.shape[0] == d:
                remedy = ": transpose it, since modules take vectors as rows"
            elif x.shape[-1:] == (d,):
                remedy = ": move the channels to axis 1"
            size = d or "d"
            raise InvalidInputError(
                f"expected a batch of shape (N, {size}) or (N, {size}, ..), "
                f"got {tuple(x.shape)}{remedy}"
            )

    def map_unchecked(self, x: Tensor) -> Tensor:
        """Return the image of a batch, without a check of the shape."""
        return x

    def invert_unchecked(self, y: Tensor) -> Tensor:
        """Return the preimage of a batch, without a check of the shape."""
        return y

    def log_det_shared_by_members(self, batch: Tensor) -> Tensor:
        """Return the log-determinant, one scalar that is the same for each member of a batch."""
        return batch.new_zeros(())

    def couplings(self) -> list["CouplingModule"]:
        """Return the couplings in the order of application; none for a matrix or an identity."""
        return list(getattr(self, "layers", ()))

    def encode_partition_and_moves(self) -> list[int]:
        """Return the sizes of the halves, then for each layer 1 if it moves the first half, else 0.

        A matrix has one size, an identity has none.
        """
        return [*self.partition, *(int(layer.moves == "first") for layer in self.couplings())]

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the module that a result of `state_dict` describes."""
        return cls()

    @property
    def dimension(self) -> int:
        """The number of coordinates; 0 for an identity, which takes any number."""
        return sum(self.partition)

    def get_extra_state(self) -> Tensor:
        """Return the layout as a tensor, for the state dict."""
        return torch.tensor(self.encode_partition_and_moves(), dtype=torch.int64)

    def set_extra_state(self, state: Tensor) -> None:
        """Raise `ValueError` unless a saved layout equals the layout of the module; set nothing."""
        own = self.encode_partition_and_moves()
        if state.tolist() != own:
            raise ValueError(
                f"expected the state of a module with layout {own}, got layout "
                f"{state.tolist()} (the sizes of the halves, then for each layer 1 if it moves the "
                "first half, else 0; nothing for an identity)"
            )


class IdentityModule(BijectionModule):
    """The identity, in place of a module that was merged into a neighbour."""


class AffineModule(BijectionModule):
    """The map x -> W x + bias, with a stored inverse of W and log |det W|.

    All numbers are buffers, which training does not change, so that the inverse stays the inverse.
    """

    weight: Tensor
    weight_inverse: Tensor
    log_abs_det: Tensor
    bias: Tensor | None

    def __init__(
        self,
        weight: Tensor,
        weight_inverse: Tensor,
        log_abs_det: Tensor,
        bias: Tensor | None = None,
    ):
        super().__init__()
        self.partition = (len(weight),)
        self.register_buffer("weight", weight)
        self.register_buffer("weight_inverse", weight_inverse)
        self.register_buffer("log_abs_det", log_abs_det)
        self.register_buffer("bias", bias)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the module that a result of `state_dict` describes."""
        return cls(**{name: t.clone() for name, t in state.items() if name != "_extra_state"})

    def map_unchecked(self, x: Tensor) -> Tensor:
        """Return W x + bias for each vector x, or each pixel, of a batch."""
        y = _multiply_channels_by_matrix(self.weight, x)
        return y if self.bias is None else y + _reshape_per_channel(self.bias, x)

    def invert_unchecked(self, y: Tensor) -> Tensor:
        """Return W^-1 (y - bias) for each vector y, or each pixel, of a batch."""
        x = y if self.bias is None else y - _reshape_per_channel(self.bias, y)
        return _multiply_channels_by_matrix(self.weight_inverse, x)

    def log_det_shared_by_members(self, batch: Tensor) -> Tensor:
        """Return the log-determinant, one scalar that is the same for each member of a batch."""
        return self.log_abs_det * prod(batch.shape[2:])


class CouplingModule(nn.Module):
    """One layer on halves: ``forward(moved, kept)`` is scale * moved + weight kept.

    Parameters
    ----------
    moves : the half that the layer changes.
    state : the weight, and the scale of a layer that is not additive, by their names in the state
        dict. Training keeps an additive layer additive.
    """

    scale: Tensor | None
    log_gain: Tensor

    def __init__(self, moves: Half, state: State):
        super().__init__()
        self.moves = moves
        self.weight = nn.Parameter(state["weight"])
        scale = state.get("scale")
        self.register_buffer("scale", scale)
        gain = None if scale is None else nn.Parameter(torch.zeros_like(scale))
        self.register_parameter("log_gain", gain)

    def _add_shift(
        self, values: Tensor, kept: Tensor, shift_sign: int = 1, may_overwrite: bool = False
    ) -> Tensor:
        """Return values + shift_sign * weight kept; `values` may change if `may_overwrite`."""
        if kept.ndim == 2:
            return torch.addmm(values, kept, self.weight.T, alpha=shift_sign)
        weight = self.weight.expand(kept.shape[0], *self.weight.shape)
        add = values.baddbmm_ if may_overwrite else values.baddbmm
        return add(weight, kept, alpha=shift_sign)

    def scales(self) -> Tensor | None:
        """Return the scales, with the factors from training; None for an additive layer."""
        return None if self.scale is None else self.scale * self.log_gain.exp()

    def forward(self, moved: Tensor, kept: Tensor) -> Tensor:
        """Return the moved half after the layer."""
        scale = self.scales()
        if scale is None:
            return self._add_shift(moved, kept)
        return self._add_shift(_reshape_per_channel(scale, moved) * moved, kept, may_overwrite=True)

    def inverse(self, moved: Tensor, kept: Tensor) -> Tensor:
        """Return the moved half before the layer."""
        scale = self.scales()
        moved = self._add_shift(moved, kept, -1)
        return moved if scale is None else moved / _reshape_per_channel(scale, moved)

    def extra_repr(self) -> str:
        """Return the options of the layer as text, which PyTorch prints with the module."""
        return f"moves={self.moves!r}, scaled={self.scale is not None}"


class FlowModule(BijectionModule):
    """A linear flow, followed by a bias, as a module: ``forward(x) -> (y, log_det)``.

    ``inverse(y) -> (x, log_det)`` inverts this map. Both methods take vectors (N, d) or images
    (N, d, ..), and return one log-determinant for each member of the batch. The state dict records
    which half each layer moves: a state with another layout is refused, and
    `FlowModule.from_state` builds the module from a state.

    Parameters
    ----------
    flow : a flow over QQ; its numbers are rounded to float64.
    bias : d numbers to add to the image, or None.

    Examples
    --------
    >>> from exactflow import factor, permutation
    >>> module = FlowModule(factor(permutation([2, 0, 1, 3])))
    >>> y, log_det = module(torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64))
    >>> y.tolist(), log_det.tolist()
    ([[3.0, 1.0, 2.0, 4.0]], [0.0])
    """

    signs: Tensor | None
    order: Tensor | None
    places: Tensor | None
    bias: Tensor | None

    def __init__(self, flow: CouplingFlow, bias: "np.ndarray | None" = None):
        state: dict[str, Tensor] = {}
        if flow.flips:
            state["signs"] = torch.ones(flow.dimension, dtype=torch.float64)
            state["signs"][list(flow.flips)] = -1
        if flow.order:
            state["order"] = torch.tensor(flow.order)
        if bias is not None:
            state["bias"] = torch.tensor(bias, dtype=torch.float64)
        layers = []
        for layer in flow.layers:
            held = round_layer_to_floats(layer).with_dense_shift()
            own = {"weight": torch.from_numpy(held.shift)}
            if not layer.is_additive:
                own["scale"] = torch.from_numpy(held.scale)
            layers.append(CouplingModule(layer.moves, own))
        self._initialize_from_layers_and_state(flow.partition, layers, state)

    def _initialize_from_layers_and_state(
        self, partition: tuple[int, int], layers: Sequence[CouplingModule], state: State
    ) -> None:
        super().__init__()
        self.partition = partition
        self.layers = nn.ModuleList(layers)
        order, bias = state.get("order"), state.get("bias")
        self.register_buffer("signs", state.get("signs"))
        self.register_buffer("order", order)
        self.register_buffer("places", None if order is None else torch.argsort(order))
        self.register_parameter("bias", None if bias is None else nn.Parameter(bias))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Build the module that a result of `state_dict` describes."""
        own = {name: tensor.clone() for name, tensor in state.items()}
        p, q, *first = own["_extra_state"].tolist()
        layers = [
            CouplingModule(
                HALVES[not is_first], select_substate_without_prefix(own, f"layers.{k}.")
            )
            for k, is_first in enumerate(first)
        ]
        module = cls.__new__(cls)
        module._initialize_from_layers_and_state((p, q), layers, own)
        module.load_state_dict(state)
        return module

    def map_unchecked(self, x: Tensor) -> Tensor:
        """Return the image of a batch, without a check of the shape."""
        y = self._apply_layers(
            self.couplings(), self._apply_signs(x), lambda layer, moved, kept: layer(moved, kept)
        )
        return y if self.bias is None else y + _reshape_per_channel(self.bias, x)

    def invert_unchecked(self, y: Tensor) -> Tensor:
        """Return the preimage of a batch, without a check of the shape."""
        x = y if self.bias is None else y - _reshape_per_channel(self.bias, y)
        layers = self.couplings()[::-1]
        return self._apply_signs(self._apply_layers(layers, x, CouplingModule.inverse))

    def log_det_shared_by_members(self, batch: Tensor) -> Tensor:
        """Return the log-determinant, one scalar that is the same for each member of a batch."""
        parts = [
            layer.scale.log().sum() + layer.log_gain.sum()
            for layer in self.couplings()
            if layer.scale is not None
        ]
        return torch.stack(parts).sum() * prod(batch.shape[2:]) if parts else batch.new_zeros(())

    def _apply_signs(self, x: Tensor) -> Tensor:
        return x if self.signs is None else _reshape_per_channel(self.signs, x) * x

    def _apply_layers(
        self,
        layers: list[CouplingModule],
        x: Tensor,
        map_moved_half: Callable[[CouplingModule, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """Apply layers to the halves of vectors or images, with channels in the flow's order."""
        flat = _flatten_pixels_to_last_axis_if_any(x)
        flat = flat if self.order is None else flat.index_select(1, self.order)
        halves = torch.split(flat, list(self.partition), dim=1)
        y = torch.cat(list(apply_layers_to_halves(layers, halves, map_moved_half)), 1)
        return (y if self.places is None else y.index_select(1, self.places)).reshape(x.shape)


def select_substate_without_prefix(state: State, prefix: str) -> dict[str, Tensor]:
    """Return the entries of a state whose names begin with a prefix; the prefix is removed."""
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}


def _reshape_per_channel(values: Tensor, like: Tensor) -> Tensor:
    """Reshape one value per channel so that it broadcasts to vectors or images like `like`."""
    return values.reshape(-1, *[1] * (like.ndim - 2))


def _flatten_pixels_to_last_axis_if_any(x: Tensor) -> Tensor:
    """Return vectors (N, d) as they are, and images as (N, d, pixels)."""
    return x if x.ndim == 2 else x.flatten(2)


def _multiply_channels_by_matrix(weight: Tensor, x: Tensor) -> Tensor:
    """Multiply each vector, or each pixel of each image, by a matrix."""
    flat = _flatten_pixels_to_last_axis_if_any(x)
    return (flat @ weight.T if x.ndim == 2 else weight @ flat).reshape(x.shape)
