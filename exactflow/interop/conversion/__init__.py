"""Whole models: every invertible linear layer and permutation becomes couplings, in its place.

Main results
------------
`convert` copies a model, reads the linear layers of the copy, merges those that follow each other
(permutations, biases, ActNorm), and puts couplings with the same interface in the place of each.
The model that comes out computes the same map in both directions, with the same log-determinants,
and no inverse of a matrix: so that its sampling direction can be exported, too.

How it is checked
-----------------
*Certified*: how near the layers are to each matrix. *Numeric*: every layer is compared with what
was there, in float64, on data that it meets; where they differ, the matrix was not read as the
library means it, and nothing is converted.
"""

from collections import Counter
from collections.abc import Collection
from fractions import Fraction
from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.conversion.comparison import compared, data_for
from exactflow.interop.conversion.couplings import Solved, searched, solved, stored_error
from exactflow.interop.conversion.planning import Group, Meeting, plan
from exactflow.interop.conversion.report import Conversion, ConvertedLayer, LeftLayer
from exactflow.interop.conversion.runs import copied, run
from exactflow.interop.libraries import imitation
from exactflow.interop.modules.flow import FlowModule, Identity
from exactflow.interop.places import put
from exactflow.parallel import parallel_map

__all__ = ["convert"]


def convert(
    model: Any,
    example: Any = None,
    *,
    context: Any = None,
    y: Any = None,
    layers: int | None = None,
    within: float = 1e-10,
    only: Collection[str] | None = None,
    jobs: int = 1,
) -> tuple[Any, Conversion]:
    """Return a copy of a model with couplings in the place of its linear layers, and a report.

    Each invertible linear layer and permutation of a flow of normflows, nflows, FrEIA, glasflow or
    zuko, or of plain PyTorch, is replaced by couplings with the interface of its library, in both
    directions. Layers that follow each other are merged: what stood beside a matrix (a permutation,
    an ActNorm that has met data, another matrix) is an identity then, and its bias is in the
    couplings. Type, device, training mode and whether parameters are trained stay as they are. A
    permutation stays integers, sparse where it is wide.

    What is no linear layer is left alone, and named in the report: so is an ActNorm that still
    waits for its first data, and a layer of PyTorch that may belong to a conditioner. A module of
    a class that nobody knows is read by what it does, if it has an inverse and no submodules, and
    checked.

    Parameters
    ----------
    model : a module; or a transform of zuko.
    example : a batch of data as the model takes it, or a tuple of its arguments; the layers are
        compared on what they make of it. Without it, they are compared on random vectors, and
        unknown modules are left alone.
    context, y : what a conditional model is given besides: a context, or classes.
    layers : couplings for each matrix, as `exactflow.balance` takes it.
    within : the largest certified error of float64 layers that is accepted, as a multiple of the
        largest entry of the matrix.
    only : paths of layers, or patterns such as ``"flows.*"``; what they do not match is left.
    jobs : how many layers are searched at once, in processes.

    Returns
    -------
    (model, Conversion)
        The model that was given is not changed; nor is it on an error.

    Raises
    ------
    InvalidInputError
        No model, one that cannot be copied or run, or one in which nothing can be converted: the
        message says what was looked at.
    MethodError
        Couplings that are not within `within`, or that differ from what was there.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(), nn.Linear(4, 4)).double()
    >>> x = torch.randn(8, 4, dtype=torch.float64)
    >>> converted, report = convert(model, x)
    >>> [layer.path for layer in report.layers], [layer.kind for layer in report.left]
    (['0', '2'], ['LeakyReLU'])
    >>> torch.allclose(converted(x), model(x)), report.layers[0].error < 1e-15
    (True, True)
    """
    if isinstance(model, torch.distributions.Transform):
        from exactflow.interop.libraries.zuko import lazily

        made, report = convert(
            lazily(model),
            example,
            context=context,
            layers=layers,
            within=within,
            only=only,
            jobs=jobs,
        )
        return made(), report
    _check(model, within, only)
    arguments = example if isinstance(example, tuple) else () if example is None else (example,)
    meetings, before = run(model, arguments, context, y)
    new = copied(model)
    groups, left = plan(new, meetings, only)
    default = _default_type(model)
    converted = []
    results = parallel_map(searched, [(group.target, layers) for group in groups], jobs=jobs)
    for group, result in zip(groups, results, strict=True):
        if isinstance(result, str):
            left += [LeftLayer(x.place.path, x.place.kind, result) for x in group.layers]
            continue
        found = solved(group.target, result)
        if found.error > Fraction(within) * found.largest:
            raise MethodError(
                f"expected couplings within {within:.1e} of the largest entry of "
                f"{group.main.path or 'the model'} ({group.main.kind}), got "
                f"{float(found.error / found.largest):.1e}: give a larger within, or more layers"
            )
        meeting = data_for(group, meetings.get(group.layers[0].place.path), default)
        new, record = _placed(new, group, found, meeting)
        converted.append(record)
    if not converted:
        raise InvalidInputError(_nothing(left))
    _, after = run(new, arguments, context, y)
    return new, Conversion(tuple(converted), tuple(left), _difference(before, after))


def _check(model: Any, within: Any, only: Any) -> None:
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InvalidInputError(
            f"expected a torch.nn.Module or a transform of zuko, got {type(model).__name__}: a "
            "state dict is for `exactflow convert --library`"
        )
    if not isinstance(within, int | float) or not 0 <= within < inf:
        raise InvalidInputError(
            f"expected a finite number, zero or larger, as within, got {within!r}"
        )
    if only is not None and not _are_patterns(only):
        raise InvalidInputError(f"expected a list of paths or patterns as only, got {only!r}")
    if any(
        tensor.is_meta
        for tensor in model.state_dict(keep_vars=True).values()
        if isinstance(tensor, Tensor)
    ):
        raise InvalidInputError("expected parameters with values, got a model on the meta device")


def _are_patterns(only: Any) -> bool:
    is_list = isinstance(only, Collection) and not isinstance(only, str | bytes)
    return is_list and all(isinstance(pattern, str) for pattern in only)


def _placed(
    model: nn.Module, group: Group, found: Solved, meeting: Meeting
) -> tuple[nn.Module, ConvertedLayer]:
    """Return the model with couplings in the places of a group, and the record of them."""
    main, target, (x, _) = group.main, group.target, meeting
    couplings = FlowModule(found.flow, target.bias).to(x.device)
    exact = imitation(copied(main.module), copied(couplings), x)
    couplings.to(x.dtype).requires_grad_(group.is_trainable)
    new = imitation(main.module, couplings, x)
    differences = compared(group, new, exact.double(), found.condition_number, meeting)
    merged = [layer.place for layer in group.layers if layer.place is not main]
    for place in (main, *group.also):
        model = put(model, place, new)
    for place in merged:
        model = put(model, place, imitation(place.module, Identity(), x))
    record = ConvertedLayer(
        path=main.path,
        kind=main.kind,
        merged=tuple(place.path for place in (*merged, *group.also)),
        dimension=target.dimension,
        sign=-1 if found.flow.flips else 1,
        condition_number=found.condition_number,
        couplings=found.flow.depth,
        error=found.error,
        stored_error=stored_error(couplings, target),
        output_difference=differences.output,
        log_det_difference=differences.log_det,
        round_trip=differences.round_trip,
        flow=found.flow,
        target=target,
    )
    return model, record


def _default_type(model: nn.Module) -> torch.dtype:
    """Return the type of the first parameters of a model."""
    tensors = (t for t in model.state_dict().values() if isinstance(t, Tensor))
    types = (t.dtype for t in tensors if t.is_floating_point())
    return next(types, torch.get_default_dtype())


def _difference(before: list[Tensor] | None, after: list[Tensor] | None) -> float | None:
    """Return the largest difference of what two models made of the example."""
    if before is None or after is None:
        return None
    pairs = zip(before, after, strict=True)
    return max((float((a - b).abs().max()) for a, b in pairs if a.numel()), default=0.0)


def _nothing(left: list[LeftLayer]) -> str:
    seen = Counter(f"{layer.kind} ({layer.reason})" for layer in left)
    looked = "; ".join(f"{count} {what}" for what, count in seen.most_common(8))
    return (
        "expected a model with a linear layer that couplings can replace, found "
        f"{looked or 'no layers'}"
    )
