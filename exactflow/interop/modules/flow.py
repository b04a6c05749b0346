"""Plain PyTorch: flows as modules to train, to save and to deploy.

A `FlowModule` keeps the two halves apart until the last layer is done, so that a layer costs one
product and no copy. It works on vectors (N, d) and on images (N, d, ..) alike, of any size and for
any N, zero included.
"""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from exactflow.exact.typing import HALVES
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.modules.layers import (
    CouplingModule,
    State,
    along,
    apart,
    flat,
    numbers_of,
    times,
    together,
)

if TYPE_CHECKING:
    import numpy as np


class BijectionModule(nn.Module):
    """A map of vectors (N, d) or images (N, d, ..): ``forward(x) -> (y, log_det)``, `inverse`.

    Each kind says what `partition`, `image`, `preimage` and `log_det` are; here they are those of
    the identity.
    """

    partition: tuple[int, ...] = ()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, one for each member of the batch."""
        return self.image(x), self.log_det(x).expand(x.shape[0])

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        return self.preimage(y), -self.log_det(y).expand(y.shape[0])

    def image(self, x: Tensor) -> Tensor:
        """Return the image."""
        return x

    def preimage(self, y: Tensor) -> Tensor:
        """Return the preimage."""
        return y

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        return x.new_zeros(())

    def couplings(self) -> list[Any]:
        """Return the layers, each with the half that it `moves`, in order of application."""
        return list(getattr(self, "layers", ()))

    def word(self) -> list[int]:
        """The structure of the map in a state dict: the sizes of the halves, then for each layer
        whether it moves the first half; empty for an identity.
        """
        return [*self.partition, *(int(layer.moves == "first") for layer in self.couplings())]

    @classmethod
    def of_state(cls, state: State) -> Self:
        """Return the module that a state dict, as `state_dict` returns it, describes."""
        return cls()

    @property
    def dimension(self) -> int:
        """The number of coordinates, the sum of the halves; 0 for an identity, which takes any."""
        return sum(self.partition)

    def get_extra_state(self) -> Tensor:
        """Return the word as a tensor."""
        return torch.tensor(self.word(), dtype=torch.int64)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuse the state of another word of layers."""
        if state.tolist() != self.word():
            what = "(the halves, then whether the first one moves; nothing for an identity)"
            raise ValueError(
                f"expected the state of layers {self.word()} {what}, got that of {state.tolist()}"
            )


class MergedAway(BijectionModule):
    """The identity, in place of a module that was merged into a neighbour."""


class MatrixModule(BijectionModule):
    """The map x -> W x + bias, and the inverse of W as it was stored, and log |det W|.

    All are buffers: training, which would part W from its inverse, leaves them alone.
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
    def of_state(cls, state: State) -> Self:
        """Return the module that a state dict, as `state_dict` returns it, describes."""
        return cls(**{name: t.clone() for name, t in state.items() if name != "_extra_state"})

    def image(self, x: Tensor) -> Tensor:
        """Return W x + bias."""
        y = times(self.weight, flat(x)).reshape(x.shape)
        return y if self.bias is None else y + along(self.bias, x)

    def preimage(self, y: Tensor) -> Tensor:
        """Return the inverse of W, times y - bias."""
        x = y if self.bias is None else y - along(self.bias, y)
        return times(self.weight_inverse, flat(x)).reshape(y.shape)

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        return self.log_abs_det * prod(x.shape[2:])


class FlowModule(BijectionModule):
    """A flow of constant scales, and a bias after it, as a module: ``forward(x) -> (y, log_det)``.

    ``inverse`` undoes it. Both take vectors (N, d) or images (N, d, ..), and return one
    log-determinant for each of the N. The state dict says which halves the layers move: state of
    another word of layers is refused, and `FlowModule.of_state` builds the module from it.

    Parameters
    ----------
    flow : over QQ; its numbers are rounded to float64.
    bias : d numbers that are added to the image; none where it is left out.

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
        layers = [CouplingModule(layer.moves, numbers_of(layer)) for layer in flow.layers]
        self._build(flow.partition, layers, state)

    def _build(
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
    def of_state(cls, state: State) -> Self:
        """Return the module that a state dict, as `state_dict` returns it, describes."""
        own = {name: tensor.clone() for name, tensor in state.items()}
        p, q, *first = own["_extra_state"].tolist()
        layers = [
            CouplingModule(HALVES[not is_first], under(own, f"layers.{k}."))
            for k, is_first in enumerate(first)
        ]
        module = cls.__new__(cls)
        module._build((p, q), layers, own)
        module.load_state_dict(state)
        return module

    def image(self, x: Tensor) -> Tensor:
        """Return the image."""
        halves = apart(flat(self._signed(x)), self.order, self.partition)
        for layer in self.couplings():
            i = HALVES.index(layer.moves)
            halves[i] = layer(halves[i], halves[1 - i])
        y = together(halves, self.places).reshape(x.shape)
        return y if self.bias is None else y + along(self.bias, x)

    def preimage(self, y: Tensor) -> Tensor:
        """Return the preimage."""
        x = y if self.bias is None else y - along(self.bias, y)
        halves = apart(flat(x), self.order, self.partition)
        for layer in reversed(self.couplings()):
            i = HALVES.index(layer.moves)
            halves[i] = layer.inverse(halves[i], halves[1 - i])
        return self._signed(together(halves, self.places).reshape(y.shape))

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        parts = [layer.log_det() for layer in self.couplings() if layer.scale is not None]
        return torch.stack(parts).sum() * prod(x.shape[2:]) if parts else x.new_zeros(())

    def _signed(self, x: Tensor) -> Tensor:
        return x if self.signs is None else along(self.signs, x) * x


def under(state: State, head: str) -> dict[str, Tensor]:
    """Return the part of a state whose names begin with a head, without it."""
    return {name.removeprefix(head): t for name, t in state.items() if name.startswith(head)}
