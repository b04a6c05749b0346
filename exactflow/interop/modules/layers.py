"""One coupling layer as a module of PyTorch, on halves that stay apart.

Scales are ``scale * exp(log_gain)``: the numbers of the flow, bit by bit, times a factor that
training starts at one and that no step of an optimizer can make negative.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from exactflow.exact.typing import Half
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.roundoff import float_layer

State = Mapping[str, Tensor]
"""Tensors by name, as a state dict has them."""


class CouplingModule(nn.Module):
    """One layer on halves: ``forward(moved, kept)`` is scale * moved + weight kept.

    `state` has the numbers, by the names that they have in the state dict: those of the weight, and
    the scale of the half that moves; an additive layer, which has none, stays additive in training.
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

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1, fresh: bool = False) -> Tensor:
        """Return ``onto + sign weight kept``, in one product; in place if `onto` is `fresh`."""
        if kept.ndim == 2:
            return torch.addmm(onto, kept, self.weight.T, alpha=sign)
        weight = self.weight.expand(kept.shape[0], *self.weight.shape)
        add = onto.baddbmm_ if fresh else onto.baddbmm
        return add(weight, kept, alpha=sign)

    def scales(self) -> Tensor | None:
        """Return the scale as training has left it, or None for an additive layer."""
        return None if self.scale is None else self.scale * self.log_gain.exp()

    def log_det(self) -> Tensor:
        """Return the log-determinant of one vector."""
        if self.scale is None:
            return torch.zeros(())
        return self.scale.log().sum() + self.log_gain.sum()

    def forward(self, moved: Tensor, kept: Tensor) -> Tensor:
        """Return the half that moves, after the layer."""
        scale = self.scales()
        if scale is None:
            return self.shifted(moved, kept)
        return self.shifted(along(scale, moved) * moved, kept, fresh=True)

    def inverse(self, moved: Tensor, kept: Tensor) -> Tensor:
        """Return the half that moves, before the layer."""
        scale = self.scales()
        moved = self.shifted(moved, kept, -1)
        return moved if scale is None else moved / along(scale, moved)

    def extra_repr(self) -> str:
        """The options of the layer, as PyTorch prints them."""
        return f"moves={self.moves!r}, scaled={self.scale is not None}"


def along(values: Tensor, like: Tensor) -> Tensor:
    """Return one value per channel, shaped for vectors (N, d) or images (N, d, ..)."""
    return values.reshape(-1, *[1] * (like.ndim - 2))


def flat(x: Tensor) -> Tensor:
    """Return vectors (N, d), or images as (N, d, pixels)."""
    return x if x.ndim == 2 else x.flatten(2)


def times(weight: Tensor, x: Tensor) -> Tensor:
    """Return weight x for flat vectors or images."""
    return x @ weight.T if x.ndim == 2 else weight @ x


def apart(x: Tensor, order: Tensor | None, partition: tuple[int, ...]) -> list[Tensor]:
    """Return the halves of flat vectors or images, whose channels are taken in an order."""
    x = x if order is None else x.index_select(1, order)
    return list(torch.split(x, list(partition), dim=1))


def together(halves: Sequence[Tensor], places: Tensor | None) -> Tensor:
    """Return halves in one tensor, channel k that which stands at places[k] in them."""
    x = torch.cat(list(halves), 1)
    return x if places is None else x.index_select(1, places)


def numbers_of(layer: LinearCoupling) -> dict[str, Tensor]:
    """Return the numbers of a layer, rounded to float64, by their names in the state dict."""
    held = float_layer(layer)
    state = {"weight": torch.from_numpy(held.dense().shift)}
    return state if layer.is_additive else state | {"scale": torch.from_numpy(held.scale)}
