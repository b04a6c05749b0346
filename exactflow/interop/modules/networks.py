"""Couplings whose shift is a ReLU network of one channel: the layers of universal approximation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Half
from exactflow.interop.modules.layers import CouplingModule, State
from exactflow.nonlinear import CoordinatewiseCoupling, PiecewiseCoupling
from exactflow.nonlinear.piecewise import PiecewiseLinear, ReluNetwork

__all__ = ["NetworkCoupling", "network_state"]


class NetworkCoupling(CouplingModule):
    """A layer ``scale * moved + network(channel)`` for one of the channels that are kept.

    The network is a linear layer, ReLU, a linear layer: from one number to as many as move. It
    reads the channel ``reads`` of the half that is kept.
    """

    reads: Tensor

    def __init__(self, moves: Half, state: State, raw: bool = False):
        super().__init__(moves, state, raw)
        ends = (_filled(*(state[f"network.{k}.{x}"] for x in ("weight", "bias"))) for k in (0, 2))
        self.network = nn.Sequential(next(ends), nn.ReLU(), next(ends))
        self.register_buffer("reads", state["reads"])

    def shifted(self, onto: Tensor, kept: Tensor, sign: int = 1) -> Tensor:
        """Return ``onto`` plus the sign times what the network makes of its channel."""
        channel = kept.index_select(1, self.reads).movedim(1, -1)
        return onto + sign * self.network(channel).movedim(-1, 1)


def network_state(layer: Any) -> dict[str, Tensor]:
    """Return the numbers of a layer, rounded to float64, by their names in the state dict.

    Raises `InvalidInputError` for scales that depend on the point, for more coordinates with
    functions of their own, and for numbers beyond float64.
    """
    if isinstance(layer, PiecewiseCoupling):
        conditioner, reads = layer.conditioner, layer.reads
    elif (
        isinstance(layer, CoordinatewiseCoupling)
        and not (layer.inverted or isinstance(layer.scale_elements[0], PiecewiseLinear))
        and len(layer.shifts) == 1
    ):
        conditioner, reads = layer.shifts[0], 0
    else:
        raise InvalidInputError(
            "expected layers with constant scales, as approximate and approximate_well make them "
            f"without a Gaussian pad, got {layer!r}"
        )
    found = ReluNetwork.of(conditioner)
    state = {
        "network.0.weight": _floats([[w] for w in found.weights or (0,)]),
        "network.0.bias": _floats(found.biases or (0,)),
        "network.2.weight": _floats(
            [[row[i] for row in found.outputs] or [0] for i in range(conditioner.dimension)]
        ),
        "network.2.bias": _floats(found.constant),
        "reads": torch.tensor([reads]),
    }
    return state if layer.is_additive else state | {"scale": _floats(layer.scale_elements)}


def _filled(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with these numbers."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
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
