"""Couplings beside the layers whose place they take: outputs, log-determinants, round trips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.planning import Group, Meeting
from exactflow.interop.conversion.runs import largest_difference
from exactflow.interop.copies import cause, copied
from exactflow.interop.libraries import whole_of

__all__ = ["Differences", "compared", "data_for"]

AGREE = 1e-9
LOG_DET_AGREES, PER_CONDITION = 1e-6, 1e-12
"""Several libraries sum log-determinants in float32; some keep them while weights are rounded."""
SAMPLES = 4
PIXELS = ((), (2, 2))


@dataclass(frozen=True)
class Differences:
    """The largest differences of couplings to what was there, and those of their round trip."""

    output: float
    log_det: float | None
    round_trip: float


def data_for(group: Group, meeting: Meeting | None, default: torch.dtype) -> Meeting:
    """Return the data that a group meets; or, where it meets none, random vectors or images.

    Raises `InvalidInputError` where the group takes neither.
    """
    if meeting is not None and meeting[0].numel():
        return meeting
    module = group.main.module
    dims = getattr(module, "dims_in", None)  # of FrEIA
    d = group.target.dimension
    shapes = [(d, *pixels) for pixels in PIXELS]
    if isinstance(dims, list):  # HaarUpsampling has there what comes out
        c, *pixels = dims[0]
        shapes = [(c, *pixels), (4 * c, *(size // 2 for size in pixels))]
    reason = ""
    for shape in shapes:
        x = torch.randn(
            SAMPLES,
            *shape,
            dtype=torch.float64,
            generator=torch.Generator().manual_seed(0),
        ).to(dtype=group.dtype or default, device=group.device)
        try:
            with torch.no_grad():
                _chained(group.modules, x, None)
        except Exception as error:  # a layer for other data
            reason = reason or cause(error)
            continue
        return x, None
    raise InvalidInputError(
        f"expected an example that {group.main.path or 'the model'} meets: it takes neither random "
        f"vectors nor random images alone, {reason}"
    )


def compared(
    group: Group, new: nn.Module, exact: nn.Module, condition_number: float, meeting: Meeting
) -> Differences:
    """Return the differences of a new module to a group on data, in the model's own type.

    Raises `MethodError` where `exact`, the new module in float64, differs beyond rounding.
    """
    x, context = meeting
    few, modules = x[:SAMPLES].double(), [copied(module).double() for module in group.modules]
    found = _differences(modules, exact, few, _double(context))
    d, pixels = group.target.dimension, few[0].numel() // group.target.dimension
    size = 1 + d * _size(group.target) * float(few.abs().max())
    unit = torch.finfo(x.dtype).eps
    rounding = LOG_DET_AGREES if unit < LOG_DET_AGREES else unit * condition_number
    slack = pixels * d * (rounding + PER_CONDITION * condition_number)
    if not (found.output <= AGREE * size and (found.log_det or 0.0) <= slack):
        raise MethodError(
            f"expected couplings that agree with {group.main.path or 'the model'} "
            f"({group.main.kind}), got outputs that differ by {found.output:.1e} and "
            f"log-determinants that differ by {found.log_det}: its matrix was not read as the "
            "library applies it; leave it out by only=.."
        )
    return _differences(group.modules, new, x, context)


def _differences(old: Sequence[nn.Module], new: nn.Module, x: Tensor, context: Any) -> Differences:
    with torch.no_grad():
        y, log_det = _chained(old, x.clone(), context)  # FrEIA's wavelets work in place
        whole = whole_of(new, context)
        z, other = whole.image(x)
        back, _ = whole.image(z, is_ahead=False)
    known = log_det is not None and other is not None
    log_dets = map(torch.as_tensor, (log_det, other)) if known else ()
    output, round_trip = largest_difference(y, z), largest_difference(back, x)
    return Differences(output, largest_difference(*log_dets) if known else None, round_trip)


def _chained(modules: Sequence[nn.Module], x: Tensor, context: Any) -> tuple[Tensor, Any]:
    total: Any = 0.0
    for module in modules:
        x, log_det = whole_of(module, context).image(x)
        total = None if log_det is None or total is None else total + log_det
    return x, total


def _size(target: AffineMap) -> float:
    return float(abs(target.entries).max()) + float(abs(target.shift).max())


def _double(context: Any) -> Any:
    return None if context is None else [tensor[:SAMPLES].double() for tensor in context]
