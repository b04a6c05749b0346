"""What a model and its layers make of data: before, and with couplings in their place."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.conversion.planning import Group, Meeting, tensors_of
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.models import cause, chains, copied

__all__ = ["compared", "data_for", "differences", "run"]

SEED = 0
AGREE = 1e-9
LOG_DET_AGREES, PER_CONDITION = 1e-6, 1e-12
"""Several libraries sum log-determinants in float32; some keep them while weights are rounded."""
SAMPLES = 4
PIXELS = ((), (2, 2))


def run(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, y: Any
) -> tuple[dict[str, Meeting], tuple[Tensor, ...]]:
    """Return what the layers of a model meet in a run on an example, and what comes out, in
    evaluation mode on a copy: an ActNorm that waits for data does so afterwards.

    Raises `InvalidInputError` where the model raises an error, and says where, or where it makes
    no finite numbers of the example.
    """
    if not arguments:
        return {}, ()
    if not all(torch.isfinite(x).all() for x in _tensors(arguments)):
        raise InvalidInputError("expected an example of finite numbers, got NaN or inf in it")
    model = copied(model).eval()
    meetings: dict[str, Meeting] = {}
    torch.manual_seed(SEED)  # what a layer draws, it draws again
    try:
        whole = whole_of(model, context, y)
        paths = ((getattr(part, "path", None), part) for part in whole.module.modules())
        steps: dict[Any, nn.Module] = {path: part for path, part in paths if isinstance(path, str)}
        for place in (place for chain in chains(model) for place in chain):
            _watch(steps.get(place.path, place.module), place.path, meetings)
        found = _tensors(whole.called(*arguments))
    except InvalidInputError:
        raise
    except Exception as error:  # whatever a model raises for data that it was not made for
        where = getattr(error, "where", "")
        raise InvalidInputError(
            f"expected a model that runs on the example, got {cause(error)}"
            f"{where and f' (in {where})'}"
        ) from None
    if not all(torch.isfinite(t).all() for t in found):
        raise InvalidInputError(
            "expected a model that makes finite numbers of the example, got NaN or inf"
        )
    return meetings, found


def _watch(module: nn.Module, path: str, meetings: dict[str, Meeting]) -> None:
    """Let a module, a copy that is thrown away, tell which data it meets on its way ahead."""
    way = library_of(module).way(module)
    name = "forward" if way is None else way.ahead
    method = getattr(module, name)

    def told(*given: Any, **options: Any) -> Any:
        x = given[0] if given else next(iter(options.values()))
        x = x[0] if isinstance(x, tuple | list) else x
        if isinstance(x, Tensor):
            condition = options.get(way.condition) if way is not None and way.condition else None
            meetings.setdefault(path, (x.detach(), condition))
        try:
            return method(*given, **options)
        except Exception as error:
            vars(error).setdefault("where", path)
            raise

    vars(module)[name] = told


def _tensors(value: Any) -> tuple[Tensor, ...]:
    """Return the tensors and floats in a structure, in order."""
    leaves = (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor | float))
    return tuple(torch.as_tensor(leaf).detach() for leaf in leaves)


def differences(
    before: tuple[Tensor, ...], after: tuple[Tensor, ...]
) -> tuple[float | None, float | None]:
    """Return the largest difference of latents, and of log-determinants, None of none, in what two
    models make of an example: tensors with axes beside that of the batch are latents.

    Raises `MethodError` where they are not finite, or are of other shapes.
    """
    most = min(2, max((tensor.ndim for tensor in before), default=0))
    found: dict[bool, list[float]] = {True: [], False: []}
    for a, b in zip(before, after, strict=True):
        found[a.ndim >= most].append(_difference(a, b))
    if any(x != x for x in (*found[True], *found[False])):
        raise MethodError("expected finite numbers of the converted model, got NaN or inf")
    return max(found[True], default=None), max(found[False], default=None)


def _difference(one: Tensor, two: Tensor) -> float:
    """Return the largest difference of two tensors, in float64; NaN where their shapes differ, and
    neither is a scalar.
    """
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else 0.0


def data_for(group: Group, meeting: Meeting | None, default: torch.dtype) -> Meeting:
    """Return the data that a group meets; or, where it meets none, random vectors or images.

    Raises `InvalidInputError` where the group takes neither.
    """
    if meeting is not None and meeting[0].numel():
        return meeting
    held = [tensor for module in group.modules for tensor in tensors_of(module)]
    dtype = next((tensor.dtype for tensor in held if tensor.is_floating_point()), default)
    dims = getattr(group.main.module, "dims_in", None)  # of FrEIA
    d = group.target.dimension
    shapes = [(d, *pixels) for pixels in PIXELS]
    if isinstance(dims, list):  # HaarUpsampling has there what comes out
        c, *pixels = dims[0]
        shapes = [(c, *pixels), (4 * c, *(size // 2 for size in pixels))]
    reason = ""
    for shape in shapes:
        generator = torch.Generator().manual_seed(SEED)
        x = torch.randn(SAMPLES, *shape, dtype=torch.float64, generator=generator)
        x = x.to(dtype=dtype, device=held[0].device if held else None)
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
) -> tuple[float, float | None, float]:
    """Return how a new module differs from a group on data, in the model's own type: in outputs and
    log-determinants; and the largest difference of its own round trip.

    Raises `MethodError` where `exact`, the new module in float64, differs beyond rounding.
    """
    x, context = meeting
    few, target = x[:SAMPLES].double(), group.target
    modules = [copied(module).double() for module in group.modules]
    fewer = None if context is None else [tensor[:SAMPLES].double() for tensor in context]
    output, log_det, _ = _compared(modules, exact, few, fewer)
    entries = float(abs(target.entries).max()) + float(abs(target.shift).max())
    size = 1 + target.dimension * entries * float(few.abs().max())
    unit = torch.finfo(x.dtype).eps
    rounding = LOG_DET_AGREES if unit < LOG_DET_AGREES else unit * condition_number
    slack = few[0].numel() * (rounding + PER_CONDITION * condition_number)
    if not (output <= AGREE * size and (log_det or 0.0) <= slack):
        raise MethodError(
            f"expected couplings that agree with {group.main.path or 'the model'} "
            f"({group.main.kind}), got outputs that differ by {output:.1e} and "
            f"log-determinants that differ by {log_det}: its matrix was not read as the "
            "library applies it; leave it out by only=.."
        )
    return _compared(group.modules, new, x, context)


def _compared(
    old: Sequence[nn.Module], new: nn.Module, x: Tensor, context: Any
) -> tuple[float, float | None, float]:
    with torch.no_grad():
        y, log_det = _chained(old, x.clone(), context)  # FrEIA's wavelets work in place
        whole = whole_of(new, context)
        z, other = whole.image(x)
        back, _ = whole.image(z, is_ahead=False)
    is_known = log_det is not None and other is not None
    log_dets = _difference(*map(torch.as_tensor, (log_det, other))) if is_known else None
    return _difference(y, z), log_dets, _difference(back, x)


def _chained(modules: Sequence[nn.Module], x: Tensor, context: Any) -> tuple[Tensor, Any]:
    total: Any = 0.0
    for module in modules:
        x, log_det = whole_of(module, context).image(x)
        total = None if log_det is None or total is None else total + log_det
    return x, total
