"""Couplings whose shift is a ReLU network of one channel: the layers of universal approximation."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Half
from exactflow.flows import base
from exactflow.interop.modules.layers import CouplingModule, scale_of
from exactflow.nonlinear import CoordinatewiseCoupling, PiecewiseCoupling
from exactflow.nonlinear.piecewise import PiecewiseLinear, ReluNetwork

__all__ = ["NetworkCoupling", "network_coupling"]


class NetworkCoupling(CouplingModule):
    """A layer ``moved = scale * moved + network(channel)`` for one of the channels that are kept.

    Parameters
    ----------
    moves : the half that the layer maps.
    network : from one number to as many as move; a linear layer, ReLU, a linear layer.
    reads : the channel that the network reads, within the half that is kept, as an array of one.
    scale, raw : as for every `CouplingModule`.
    """

    reads: Tensor

    def __init__(
        self, moves: Half, network: nn.Module, reads: Tensor, scale: Tensor | None, raw: bool
    ):
        super().__init__(moves, scale, raw)
        self.network = network
        self.register_buffer("reads", reads)

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1, fresh: bool = False) -> Tensor:
        """Return ``onto`` plus the sign times what the network makes of its channel."""
        channel = kept.index_select(1, self.reads).movedim(1, -1)
        return onto + sign * self.network(channel).movedim(-1, 1)

    @classmethod
    def of_state(cls, moves: Half, state: Mapping[str, Tensor]) -> "NetworkCoupling":
        """Return the layer whose state this is."""
        ends = [(state[f"network.{k}.weight"], state[f"network.{k}.bias"]) for k in (0, 2)]
        network = nn.Sequential(_filled(*ends[0]), nn.ReLU(), _filled(*ends[1]))
        return cls(moves, network, state["reads"].clone(), *scale_of(state))


def network_coupling(layer: base.Coupling, raw: bool) -> CouplingModule:
    """Return a layer as a module, its numbers rounded to float64.

    Raises `InvalidInputError` for scales that depend on the point, for more coordinates with
    functions of their own, and for numbers beyond float64.
    """
    if isinstance(layer, PiecewiseCoupling):
        conditioner, reads = layer.conditioner, layer.reads
    elif _is_of_one(layer):
        conditioner, reads = layer.shifts[0], 0
    else:
        raise InvalidInputError(
            "expected layers with constant scales, as approximate and approximate_well make them "
            f"without a Gaussian pad, got {layer!r}"
        )
    found = ReluNetwork.of(conditioner)
    columns = [[row[i] for row in found.outputs] or [0] for i in range(conditioner.dimension)]
    network = nn.Sequential(
        _filled(_floats([[w] for w in found.weights or (0,)]), _floats(found.biases or (0,))),
        nn.ReLU(),
        _filled(_floats(columns), _floats(found.constant)),
    )
    scale = None if layer.is_additive else _floats(layer.scale_elements)
    return NetworkCoupling(layer.moves, network, torch.tensor([reads]), scale, raw)


def _is_of_one(layer: base.Coupling) -> TypeGuard[CoordinatewiseCoupling]:
    """Return whether a layer moves one coordinate, by a function of the other and a constant."""
    return (
        isinstance(layer, CoordinatewiseCoupling)
        and not (layer.inverted or isinstance(layer.scale_elements[0], PiecewiseLinear))
        and len(layer.shifts) == 1
    )


def _filled(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with these numbers."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    layer.weight, layer.bias = (nn.Parameter(t.clone()) for t in (weight, bias))
    return layer


def _floats(values: Sequence) -> Tensor:
    """Return rational numbers, or rows of them, as a tensor of float64."""
    rows = [
        [to_float(x) for x in row] if isinstance(row, list) else to_float(row) for row in values
    ]
    tensor = torch.tensor(rows, dtype=torch.float64)
    if not tensor.isfinite().all():
        raise InvalidInputError(
            "expected numbers within the range of float64, got ramps that are steeper: raise eps"
        )
    return tensor
