"""Last step of `convert`: each map is compared with its layers, and put into the model."""

from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import MethodError
from exactflow.interop.conversion.comparison import chained, difference
from exactflow.interop.conversion.group import Group
from exactflow.interop.conversion.report import ConvertedLayer, LeftLayer
from exactflow.interop.conversion.solve import Solved
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.models import cause, doubled, place_of
from exactflow.interop.models import put as put_module
from exactflow.interop.modules.flow import BijectionModule, MergedAway

AGREE, LOG_DET_AGREES = 1e-9, 1e-6
"""In float64, relatively, and for each number: several libraries sum them in float32."""
ROUNDED = 8
"""Units of rounding of what a module stores, and couplings do not: a rotation and its transpose."""
SAMPLES = 4

Pair = tuple[nn.Module, nn.Module]
"""A model, and its copy in float64."""


def put(
    models: Pair, solved: list[tuple[Group, Solved]]
) -> tuple[Pair, list[ConvertedLayer], list[LeftLayer]]:
    """Put into a model, and its copy in float64, what takes the place of each group, if it agrees
    with its layers; list what was converted, and what was left.
    """
    layers, left = list[ConvertedLayer](), list[LeftLayer]()
    model, twin = models
    for group, one in solved:
        one.stored.to(group.data[0].device).requires_grad_(group.is_trained)
        try:
            record = _compared(group, one)
        except Exception as error:  # one layer that fails leaves the others alone
            left += group.left(str(error) if isinstance(error, MethodError) else cause(error))
            continue
        model = put_group(model, group, one.stored)
        twin = put_group(twin, group, one.fine)
        layers.append(record)
    return (model, twin), layers, left


def put_group(model: nn.Module, group: Group, couplings: BijectionModule) -> nn.Module:
    """Put couplings into the place of a group in a model, or in a copy of it."""
    module = place_of(model, group.main.path).module
    new = library_of(module).in_the_place_of(module, couplings)
    model = put_module(model, group.main.path, new)
    for place in group.merged:
        module = place_of(model, place.path).module
        new = library_of(module).in_the_place_of(module, MergedAway())
        model = put_module(model, place.path, new)
    return model


def _compared(group: Group, one: Solved) -> ConvertedLayer:
    """Compare couplings with a group on its data, in float64; `MethodError` is beyond rounding."""
    (x, context), main, target = group.data, group.main, group.target
    library = library_of(main.module)
    fine = library.in_the_place_of(doubled(main.module), one.fine.to(x.device)).double()
    few = x[:SAMPLES].double()
    fewer = None if context is None else [tensor[:SAMPLES].double() for tensor in context]
    output, log_det = _differences([doubled(m) for m in group.modules], fine, few, fewer)
    entries = float(abs(target.matrix).max()) + float(abs(target.shift).max())
    relative = (output or 0.0) / (1 + target.dimension * entries * float(few.abs().max()))
    unit, condition_number = torch.finfo(x.dtype).eps, target.condition_number
    slack = few[0].numel() * (LOG_DET_AGREES + unit * condition_number)
    if not (relative <= max(AGREE, ROUNDED * unit) and (log_det or 0.0) <= slack):
        raise MethodError(
            f"its matrix was not read as the library applies it: outputs differ by {output}, "
            f"log-determinants by {log_det}"
        )
    return ConvertedLayer(
        path=main.path,
        kind=main.kind,
        merged=tuple(place.path for place in group.merged),
        dimension=target.dimension,
        condition_number=condition_number,
        dtype=str(group.dtype).removeprefix("torch."),
        error=one.error,
        relative_error=one.relative_error,
        flow=one.flow,
        target=target,
    )


def _differences(
    old: list[nn.Module], new: nn.Module, x: Tensor, context: Any
) -> tuple[float | None, float | None]:
    """Largest differences of a module from others in outputs and log-determinants."""
    with torch.no_grad():
        y, log_det = chained(old, x.clone(), context)  # FrEIA's wavelets work in place
        z, other = whole_of(new, context).image(x.clone())
    is_known = log_det is not None and other is not None
    log_dets = difference(*map(torch.as_tensor, (log_det, other))) if is_known else None
    return difference(y, z), log_dets
