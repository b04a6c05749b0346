"""zuko: transforms of the last axis; masks are True where coordinates are kept, scales are raw."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions.transforms import AffineTransform
from zuko.transforms import (
    ComposedTransform,
    CouplingTransform,
    DependentTransform,
    PermutationTransform,
)

from exactflow.errors import InvalidInputError
from exactflow.flows.flow import LinearFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.plain import Flip, Mean, matrix, scales, steps

__all__ = ["build"]


def build(
    flow: LinearFlow, library: str, image: tuple[int, int] | None, mean: Mean
) -> ComposedTransform:
    """Return a ``ComposedTransform`` whose call is the flow."""
    if not flow.layers and not flow.flips and mean is None:
        raise InvalidInputError(
            "expected a flow of at least one layer: zuko composes no empty list"
        )
    return ComposedTransform(*steps(flow, mean, _shift, _flip, _select, _transform))


def _shift(shift: Sequence[float]) -> DependentTransform:
    constant = torch.tensor(shift, dtype=torch.float64)
    return DependentTransform(AffineTransform(constant, torch.ones_like(constant)), 1)


def _flip(dimension: int, flips: tuple[int, ...]) -> DependentTransform:
    signs = Flip(dimension, flips).signs
    return DependentTransform(AffineTransform(torch.zeros_like(signs), signs), 1)


def _select(order: Sequence[int]) -> PermutationTransform:
    return PermutationTransform(torch.tensor(order))


def _transform(layer: LinearCoupling) -> CouplingTransform:
    p, q = layer.partition
    first = torch.arange(p + q) < p
    weight, scale = matrix(layer), scales(layer)

    def moved(kept: Tensor) -> DependentTransform:
        return DependentTransform(AffineTransform(kept @ weight.T, scale), 1)

    return CouplingTransform(moved, ~first if layer.moves == "first" else first)
