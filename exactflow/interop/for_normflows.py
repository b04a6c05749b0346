"""normflows: a flow's ``inverse`` leads from data to latent, so that is where the layers act.

``AffineCoupling.inverse`` is (z2 - shift) exp(-a): shift = -T z1 / s and a = -log s; additive
layers have no scale parameter. Parameters are interleaved: shift, log-scale, shift, ..
"""

from collections.abc import Sequence
from typing import Any

import normflows
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.flows.flow import LinearFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.plain import (
    Flip,
    LinearConditioner,
    Mean,
    Select,
    Shift,
    chained,
    matrix,
    scales,
    steps,
)

__all__ = ["Cascade", "build"]


def build(flow: LinearFlow, library: str, image: tuple[int, int] | None, mean: Mean) -> "Cascade":
    """Return one normflows ``Flow`` whose ``inverse`` is the flow."""
    p, q = flow.partition
    if p - q not in (0, 1):
        raise InvalidInputError(
            f"expected halves of normflows' split (the first the larger by at most one), got {p, q}"
        )
    return Cascade(steps(flow, mean, _shift, _Flip, _select, _block)[::-1])


def _block(layer: LinearCoupling) -> normflows.flows.AffineCouplingBlock:
    mode = "channel" if layer.moves == "second" else "channel_inv"
    if layer.is_additive:
        conditioner = LinearConditioner(-matrix(layer), None)
        return normflows.flows.AffineCouplingBlock(conditioner, scale=False, split_mode=mode)
    s = scales(layer)
    conditioner = LinearConditioner(-matrix(layer) / s[:, None], -s.log(), interleaved=True)
    return normflows.flows.AffineCouplingBlock(conditioner, split_mode=mode)


class _Flip(Flip, normflows.flows.Flow):
    """`Flip` as a normflows ``Flow``."""


class _Turned(normflows.flows.Flow):
    """A module as a normflows ``Flow``, whose ``inverse`` leads from data to latent."""

    def __init__(self, module: Select | Shift):
        super().__init__()
        self.module = module

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Undo the module."""
        return self.module.inverse(z)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the module."""
        return self.module(z)


def _select(order: Sequence[int]) -> _Turned:
    return _Turned(Select(order))


def _shift(shift: Sequence[float]) -> _Turned:
    return _Turned(Shift(shift))


class Cascade(normflows.flows.Flow):
    """Flows one after the other, as normflows' ``Composite``, which sums log-determinants in
    float32 whatever the data's type.
    """

    def __init__(self, flows: list[normflows.flows.Flow]):
        super().__init__()
        self.flows = nn.ModuleList(flows)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return chained(self.flows, z)

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        inverses: list[Any] = [flow.inverse for flow in reversed(self.flows)]
        return chained(inverses, z)
