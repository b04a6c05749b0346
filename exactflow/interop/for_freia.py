"""FrEIA: one-sided affine couplings, which move the second half; swaps of halves around the others.

The clamp is one and its activation the identity. Parameters are the log-scales, then the shifts.
One ``GLOWCouplingBlock`` would be two layers.
"""

from collections.abc import Sequence
from itertools import chain

import torch
from FrEIA.framework import SequenceINN
from FrEIA.modules import AffineCouplingOneSided, InvertibleModule

from exactflow.flows.flow import LinearFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.plain import Flip, LinearConditioner, Mean, Shift, matrix, scales, steps

__all__ = ["build"]


def build(flow: LinearFlow, library: str, image: tuple[int, int] | None, mean: Mean) -> SequenceINN:
    """Return a ``SequenceINN`` whose forward direction is the flow."""
    sequence = SequenceINN(flow.dimension, *(image or ()))
    for module, options in chain.from_iterable(
        steps(flow, mean, _shift, _flip, _select, _coupling)
    ):
        sequence.append(module, **options)
    return sequence


Steps = list[tuple[type, dict]]


def _shift(shift: Sequence[float]) -> Steps:
    return [(_Shift, {"shift": shift})]


def _flip(dimension: int, flips: tuple[int, ...]) -> Steps:
    return [(_Flip, {"flips": flips})]


def _select(order: Sequence[int]) -> Steps:
    return [(_Select, {"order": order})]


def _coupling(layer: LinearCoupling) -> Steps:
    p, q = layer.partition
    conditioner = LinearConditioner(matrix(layer), scales(layer).log(), constant_first=True)
    options = {
        "subnet_constructor": lambda inputs, outputs: conditioner,
        "clamp": 1.0,
        "clamp_activation": _unclamped,
        "split_len": p if layer.moves == "second" else q,
    }
    coupling = [(AffineCouplingOneSided, options)]
    if layer.moves == "second":
        return coupling
    there, back = [*range(p, p + q), *range(p)], [*range(q, p + q), *range(q)]
    return [*_select(there), *coupling, *_select(back)]


def _unclamped(a: torch.Tensor) -> torch.Tensor:
    return a


class _Fixed(InvertibleModule):
    """A module of FrEIA that keeps shapes and has log-determinant zero."""

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return the shapes, unchanged."""
        return input_dims


class _Select(_Fixed):
    """A permutation of channels that is given, not drawn: y = x[order]."""

    def __init__(self, dims_in: list[tuple[int, ...]], order: Sequence[int]):
        super().__init__(dims_in)
        self.register_buffer("order", torch.tensor(order))

    def forward(
        self, x: Sequence[torch.Tensor], rev: bool = False, jac: bool = True
    ) -> tuple[tuple[torch.Tensor], float]:
        """Permute the channels, or undo it."""
        order = torch.argsort(self.order) if rev else self.order
        return (x[0][:, order],), 0.0


class _Shift(_Fixed):
    """`Shift` as a module of FrEIA."""

    def __init__(self, dims_in: list[tuple[int, ...]], shift: Sequence[float]):
        super().__init__(dims_in)
        self.shift = Shift(shift)

    def forward(
        self, x: Sequence[torch.Tensor], rev: bool = False, jac: bool = True
    ) -> tuple[tuple[torch.Tensor], float]:
        """Add the constant, or subtract it."""
        return ((self.shift.inverse if rev else self.shift)(x[0])[0],), 0.0


class _Flip(_Fixed):
    """`Flip` as a module of FrEIA."""

    def __init__(self, dims_in: list[tuple[int, ...]], flips: tuple[int, ...]):
        super().__init__(dims_in)
        self.flip = Flip(dims_in[0][0], flips)

    def forward(
        self, x: Sequence[torch.Tensor], rev: bool = False, jac: bool = True
    ) -> tuple[tuple[torch.Tensor], float]:
        """Negate the flipped channels, in either direction."""
        return (self.flip(x[0])[0],), 0.0
