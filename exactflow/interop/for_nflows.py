"""nflows and glasflow's fork of it: masks > 0 are transformed; the scales are raw parameters.

The stock scale sigmoid(a + 2) + 0.001 cannot exceed 1.001, so a subclass takes the scale as it is.
Parameters are the shifts, then the scales.
"""

from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from exactflow.flows.flow import LinearFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.interop.plain import (
    Flip,
    LinearConditioner,
    Mean,
    Select,
    Shift,
    matrix,
    scales,
    steps,
)

__all__ = ["build"]


def build(flow: LinearFlow, library: str, image: tuple[int, int] | None, mean: Mean) -> Any:
    """Return a ``CompositeTransform`` whose ``forward`` is the flow."""
    transforms = import_module(
        "nflows.transforms" if library == "nflows" else "glasflow.nflows.transforms"
    )
    layer = partial(_transform, transforms, _raw_coupling(transforms))
    shift, flip, select = (_as_transform(module, transforms) for module in (Shift, Flip, Select))
    return transforms.CompositeTransform(steps(flow, mean, shift, flip, select, layer))


def _transform(transforms: Any, coupling: type, layer: LinearCoupling) -> Any:
    p, q = layer.partition
    moved = torch.arange(p + q) < p
    mask = (moved if layer.moves == "first" else ~moved).int()
    if layer.is_additive:
        conditioner = LinearConditioner(matrix(layer), None)
        return transforms.AdditiveCouplingTransform(mask, lambda kept, outputs: conditioner)
    conditioner = LinearConditioner(matrix(layer), scales(layer))
    return coupling(mask, lambda kept, outputs: conditioner)


def _raw_coupling(transforms: Any) -> type:
    class RawAffineCouplingTransform(transforms.AffineCouplingTransform):
        """An affine coupling whose scale is the parameter itself."""

        def _scale_and_shift(self, transform_params: Tensor) -> tuple[Tensor, Tensor]:
            shift, scale = transform_params.chunk(2, dim=1)
            return scale, shift

    return RawAffineCouplingTransform


def _as_transform(module: type, transforms: Any) -> type:
    """Return `Shift`, `Flip` or `Select` as a transform of the library."""
    return type(f"{module.__name__}Transform", (module, transforms.Transform), {})
