"""Plain PyTorch: flows as modules to train, to save and to deploy.

A `FlowModule` keeps the two halves apart until the last layer is done, so that a layer costs one
product and no copy. It works on vectors (N, d) and on images (N, d, ..) alike, of any size and for
any N, zero included. A layer is dense; or, where the flow keeps it sparse, a few gathered channels,
so that a permutation of thousands of channels stays an array of indices.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from exactflow.exact.typing import Half
from exactflow.flows import base
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.interop.modules.layers import CouplingModule, along, coupling, described
from exactflow.interop.modules.networks import NetworkCoupling, network_coupling
from exactflow.nonlinear import PiecewiseFlow

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Bijection", "FlowModule", "MergedAway"]


class Bijection(nn.Module):
    """A map of vectors (N, d) or images (N, d, ..): ``forward(x) -> (y, log_det)``, `inverse`."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant, one for each member of the batch."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        raise NotImplementedError

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        raise NotImplementedError

    @property
    def dimension(self) -> int:
        """How many numbers a vector has: the sum of the halves; 0 of an identity, for any."""
        return sum(self.word()[:2])

    def word(self) -> list[int]:
        """Return what a state dict says of the map beside its numbers: the sizes of the halves,
        then for each layer whether it moves the first.
        """
        raise NotImplementedError

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


class FlowModule(Bijection):
    """A flow of constant scales, and a bias after it, as a module: ``forward(x) -> (y, log_det)``.

    ``inverse`` undoes it. Both take vectors (N, d) or images (N, d, ..), and return one
    log-determinant for each of the N. The state dict says which halves the layers move: state of
    another word of layers is refused, and `FlowModule.of_state` builds the module from it.

    Parameters
    ----------
    flow : over QQ, linear or with piecewise-linear shifts; its numbers are rounded to float64.
    bias : d numbers that are added to the image; none where it is left out.
    raw : whether scales are parameters themselves, which training may make negative.

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

    def __init__(
        self,
        flow: CouplingFlow | PiecewiseFlow,
        bias: "np.ndarray | None" = None,
        raw: bool = False,
    ):
        signs = order = None
        if isinstance(flow, CouplingFlow):
            if flow.flips:
                signs = torch.ones(flow.dimension, dtype=torch.float64)
                signs[list(flow.flips)] = -1
            if flow.order:
                order = torch.tensor(flow.order)
        shift = None if bias is None else torch.tensor(bias, dtype=torch.float64)
        layers = [_coupling(layer, raw) for layer in flow.layers]
        self._build(flow.partition, layers, signs, order, shift)

    def _build(
        self,
        partition: tuple[int, int],
        layers: Iterable[CouplingModule],
        signs: Tensor | None,
        order: Tensor | None,
        bias: Tensor | None,
    ) -> None:
        super().__init__()
        self.partition = partition
        self.layers = nn.ModuleList(layers)
        self.register_buffer("signs", signs)
        self.register_buffer("order", order)
        self.register_buffer("places", None if order is None else torch.argsort(order))
        self.register_parameter("bias", None if bias is None else nn.Parameter(bias))

    @classmethod
    def of_state(cls, state: Mapping[str, Tensor]) -> "FlowModule":
        """Return the module that a state dict, as `state_dict` returns it, describes.

        >>> from exactflow import factor
        >>> module = FlowModule(factor([[2, 1], [1, 1]]))
        >>> again = FlowModule.of_state(module.state_dict())
        >>> x = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
        >>> torch.equal(module(x)[0], again(x)[0])
        True
        """
        p, q, *first = state["_extra_state"].tolist()
        module = cls.__new__(cls)
        layers = [
            _described("first" if moves else "second", _under(state, f"layers.{k}."))
            for k, moves in enumerate(first)
        ]
        kept = (state.get(name) for name in ("signs", "order", "bias"))
        module._build((p, q), layers, *(None if t is None else t.clone() for t in kept))
        module.load_state_dict(state)
        return module

    def word(self) -> list[int]:
        """Return the sizes of the halves, then for each layer whether it moves the first."""
        return [*self.partition, *(int(layer.moves == "first") for layer in self.couplings())]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        flat = x if self.signs is None else along(self.signs, x) * x
        first, second = self._halves(flat)
        for layer in self.couplings():
            first, second = layer(first, second)
        y = self._whole(first, second, x)
        y = y if self.bias is None else y + along(self.bias, x)
        return y, self.log_det(x).expand(x.shape[0])

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant of the inverse."""
        flat = y if self.bias is None else y - along(self.bias, y)
        first, second = self._halves(flat)
        for layer in reversed(self.couplings()):
            first, second = layer.inverse(first, second)
        x = self._whole(first, second, y)
        x = x if self.signs is None else along(self.signs, y) * x
        return x, -self.log_det(y).expand(y.shape[0])

    def log_det(self, x: Tensor) -> Tensor:
        """Return the log-determinant for one member of the batch x, a scalar."""
        parts = [layer.log_det() for layer in self.couplings() if layer.scale is not None]
        return torch.stack(parts).sum() * prod(x.shape[2:]) if parts else x.new_zeros(())

    def couplings(self) -> list[Any]:
        """Return the layers in order of application, each a `CouplingModule`."""
        return list(self.layers)

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x if x.ndim == 2 else x.flatten(2)
        x = x if self.order is None else x.index_select(1, self.order)
        first, second = torch.split(x, list(self.partition), dim=1)
        return first, second

    def _whole(self, first: Tensor, second: Tensor, like: Tensor) -> Tensor:
        x = torch.cat((first, second), 1)
        x = x if self.places is None else x.index_select(1, self.places)
        return x.reshape(like.shape)


class MergedAway(Bijection):
    """What is left of a module that was merged into a neighbour: ``forward(x) -> (x, 0)``."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and the log-determinant, zero."""
        return x, x.new_zeros(x.shape[0])

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return y and the log-determinant, zero."""
        return self(y)

    def log_det(self, x: Tensor) -> Tensor:
        """Return zero."""
        return x.new_zeros(())

    def word(self) -> list[int]:
        """Return an empty word, which says that there is such a module."""
        return []


def _coupling(layer: base.Coupling, raw: bool) -> CouplingModule:
    """Return a layer as a module."""
    if isinstance(layer, LinearCoupling):
        return coupling(layer, raw)
    return network_coupling(layer, raw)


def _described(moves: Half, state: Mapping[str, Tensor]) -> CouplingModule:
    """Return the layer whose state this is."""
    known = NetworkCoupling.of_state if "reads" in state else described
    return known(moves, state)


def _under(state: Mapping[str, Tensor], head: str) -> dict[str, Tensor]:
    """Return the part of a state whose names begin with a head, without it."""
    return {name.removeprefix(head): t for name, t in state.items() if name.startswith(head)}
