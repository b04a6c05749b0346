"""Whole models: couplings, or a matrix and its inverse, in the place of every linear layer.

Main results
------------
`convert` copies a model, reads the linear layers of the copy, merges those that follow each other
(permutations, biases, ActNorm), and puts couplings with the same interface in the place of each.
The model that comes out computes the same map in both directions, with the same log-determinants,
and no inverse of a matrix: so that its sampling direction can be exported, too.

How it is checked
-----------------
*Certified*: how near the layers are to each matrix, and an inverse that is stored to the exact one.
*Numeric*: every layer is compared with what was there, in float64, on data that it meets; where
they differ, the matrix was not read as the library means it, and nothing is converted.
"""

from collections import Counter
from collections.abc import Collection
from fractions import Fraction
from math import inf
from typing import Any, get_args

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError, MethodError, SingularMatrixError
from exactflow.exact.options import check_option
from exactflow.exact.progress import stage
from exactflow.files.parallel import parallel_map
from exactflow.floats.balancing import Balanced
from exactflow.interop.conversion.comparison import compared, data_for, differences, run
from exactflow.interop.conversion.planning import (
    Group,
    Meeting,
    Ties,
    is_known,
    plan,
    tensors_of,
    tie,
)
from exactflow.interop.conversion.report import Conversion, ConvertedLayer, LeftLayer
from exactflow.interop.conversion.solving import By, Solved, inverted, searched, solved
from exactflow.interop.libraries import library_of
from exactflow.interop.models import copied, put, untouched
from exactflow.interop.modules.flow import MergedAway

__all__ = ["convert"]


def convert(
    model: Any,
    example: Any = None,
    *,
    by: By = "couplings",
    context: Any = None,
    y: Any = None,
    permutations: bool = False,
    layers: int | None = None,
    within: float = 1e-10,
    only: str | Collection[str] | None = None,
    jobs: int = 1,
) -> tuple[Any, Conversion]:
    """Return a copy of a model with couplings in the place of its linear layers, and a report.

    Each invertible linear layer of a flow of normflows, nflows, FrEIA, glasflow or zuko, or of
    plain PyTorch, is replaced by couplings with the interface of its library, in both directions.
    Layers that follow each other are merged: what stood beside a matrix (a permutation, an ActNorm
    that has met data, another matrix) is an identity then, and its bias is in the couplings. Type,
    device, training mode, forward hooks and whether parameters are trained stay as they are; so do
    parameters that several layers share.

    What is no linear layer is left alone, and named in the report: so is a module of a class that
    nobody knows, a permutation, an ActNorm that still waits for its first data, and a layer of
    PyTorch that may belong to a conditioner.

    Parameters
    ----------
    model : a module; or a transform of zuko. What ``torch.compile`` returned is converted as what
        it was given, and can be compiled again.
    example : a batch of data as the model takes it, or a tuple of its arguments; the layers are
        compared on what they make of it. Without it, they are compared on random vectors.
    by : "couplings"; or "inverse" for a matrix, and beside it its inverse, each entry the nearest
        float to that of the exact inverse. These are buffers, which are trained no more: for
        sampling, where they are as accurate and have fewer operations.
    context, y : what a conditional model is given besides: a context, or classes.
    permutations : whether those that stand alone are converted, too: six integer layers, which are
        slower, and round.
    layers : couplings for each matrix, as `exactflow.balance` takes it.
    within : the largest certified error of float64 layers that is accepted, as a multiple of the
        largest entry of the matrix.
    only : paths of layers, or patterns such as ``"flows.*"``; what they do not match is left. The
        path of a module of an unknown class vouches for it: it is read by what it makes of the
        example, and reported as *probed*.
    jobs : how many layers are searched at once, in processes.

    Returns
    -------
    (model, Conversion)
        The model that was given is not changed; nor is it on an error, nor are random number
        generators.

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
    only = [only] if isinstance(only, str) else only
    check_option("by", by, get_args(By))
    model = getattr(model, "_orig_mod", model)
    is_transform = isinstance(model, torch.distributions.Transform)
    if is_transform:
        from exactflow.interop.libraries.zuko import lazily

        model = lazily(model)
    _check(model, within, only)
    arguments = example if isinstance(example, tuple) else () if example is None else (example,)
    with untouched():
        meetings, before = run(model, arguments, context, y)
        new = copied(model)
        groups, left = plan(new, meetings, only, permutations)
        tasks = [(group.target, layers) for group in groups] if by == "couplings" else []
        found = parallel_map(searched, tasks, jobs=jobs) if tasks else [None] * len(groups)
        records: list[ConvertedLayer] = []
        types = (t.dtype for t in tensors_of(model) if t.is_floating_point())
        default, ties = next(types, torch.get_default_dtype()), Ties()
        for k, (group, result) in enumerate(zip(groups, found, strict=True), 1):
            stage(f"matrix {k} of {len(groups)}", k / len(groups))
            meeting = data_for(group, meetings.get(group.layers[0].place.path), default)
            taken = _solved(group, by, result, meeting[0].dtype, Fraction(within))
            if isinstance(taken, str):
                left += [LeftLayer(x.place.path, x.place.kind, taken) for x in group.layers]
            else:
                new, record = _put(new, group, taken, meeting, ties)
                records.append(record)
        if not records:
            raise InvalidInputError(_nothing(left))
        changes = _changes(before, new, arguments, context, y)
    new = new() if is_transform else new
    return new, Conversion(tuple(records), tuple(left), *changes)


def _changes(
    before: tuple[Tensor, ...], model: nn.Module, arguments: tuple[Any, ...], context: Any, y: Any
) -> tuple[float | None, float | None]:
    """Return how the latents and log-determinants of a converted model differ from those before."""
    try:
        return differences(before, run(model, arguments, context, y)[1])
    except InvalidInputError as error:
        raise MethodError(
            f"expected a converted model that runs as the one that was given; {error}: leave out "
            "the layers that it needs as they are, by only=.."
        ) from None


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
    is_list = isinstance(only, Collection) and not isinstance(only, str | bytes)
    if only is not None and not (is_list and all(isinstance(x, str) for x in only)):
        raise InvalidInputError(f"expected a list of paths or patterns as only, got {only!r}")
    if any(tensor.is_meta for tensor in tensors_of(model)):
        raise InvalidInputError("expected parameters with values, got a model on the meta device")


def _solved(
    group: Group, by: By, result: Balanced | str | None, dtype: torch.dtype, within: Fraction
) -> Solved | str:
    """Return what takes the place of a group, or why it stays."""
    if isinstance(result, str):
        return result
    target = group.target
    try:
        found = (
            inverted(target, [layer.map for layer in group.layers], dtype)
            if by == "inverse" and not target.is_permutation
            else solved(target, result, dtype)
        )
    except SingularMatrixError:
        return "singular: no inverse"
    largest = Fraction(float(abs(target.matrix).max()))
    if found.error > within * largest:
        raise MethodError(
            f"expected layers within {float(within):.1e} of the largest entry of "
            f"{group.main.path or 'the model'} ({group.main.kind}), got "
            f"{float(found.error / largest):.1e}: give a larger within, or more layers"
        )
    return found


def _put(
    model: nn.Module, group: Group, found: Solved, meeting: Meeting, ties: Ties
) -> tuple[nn.Module, ConvertedLayer]:
    """Return the model with what takes the place of a group there, and the record of it."""
    main, target, (x, _) = group.main, group.target, meeting
    stored = found.stored.to(x.device)
    tie(main.module, stored, ties)
    parameters = [p for module in group.modules for p in module.parameters()]
    stored.requires_grad_(any(p.requires_grad for p in parameters))
    made = library_of(main.module).in_the_place_of
    exact = made(copied(main.module), found.fine.to(x.device), x)
    new = made(main.module, stored, x)
    condition_number = target.condition_number
    output, log_det, round_trip = compared(group, new, exact.double(), condition_number, meeting)
    merged = [layer.place for layer in group.layers if layer.place is not main]
    for place in (main, *group.also):
        model = put(model, place, new)
    for place in merged:
        made = library_of(place.module).in_the_place_of
        model = put(model, place, made(place.module, MergedAway(), x))
    return model, ConvertedLayer(
        path=main.path,
        kind=main.kind,
        merged=tuple(place.path for place in (*merged, *group.also)),
        is_probed=not all(map(is_known, group.modules)),
        dimension=target.dimension,
        condition_number=condition_number,
        error=found.error,
        stored_error=found.stored_error,
        inverse_error=found.inverse_error,
        output_difference=output,
        log_det_difference=log_det,
        round_trip=round_trip,
        flow=found.flow,
        target=target,
    )


def _nothing(left: list[LeftLayer]) -> str:
    seen = Counter(f"{layer.kind} ({layer.reason})" for layer in left)
    looked = "; ".join(f"{count} {what}" for what, count in seen.most_common(8))
    return (
        "expected a model with a linear layer that couplings can replace, found "
        f"{looked or 'no layers'}"
    )
