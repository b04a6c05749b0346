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
they differ, it is left. Where an example is given, the whole model is compared, ahead and back: if
it differs beyond rounding, nothing is returned.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import check_option
from exactflow.interop.conversion.comparison import Run, again, agree, differences, run
from exactflow.interop.conversion.group import group
from exactflow.interop.conversion.put import put
from exactflow.interop.conversion.read import read
from exactflow.interop.conversion.report import Conversion, ConvertedLayer, LeftLayer
from exactflow.interop.conversion.solve import By, solve
from exactflow.interop.models import copy_model, doubled, inside, tensors_of, untouched


def convert(
    model: Any,
    example: Any = None,
    *,
    by: By = "couplings",
    context: Any = None,
    only: str | Collection[str] | None = None,
) -> tuple[Any, Conversion]:
    """Return a copy of a model with couplings in the place of its linear layers, and a report.

    Each invertible linear layer of a flow of normflows, nflows, FrEIA, glasflow or zuko, or of
    plain PyTorch, is replaced by couplings with the interface of its library, in both directions.
    Layers that follow each other are merged: what stood beside a matrix (a permutation, an ActNorm
    that has met data, another matrix) is an identity then, and its bias is in the couplings. Type,
    device, training mode, forward hooks and whether parameters are trained stay as they are.

    Layers and containers are known by their exact type, since a subclass may do anything. What is
    no linear layer of a known type is left alone, and named in the report: so is a permutation or a
    diagonal alone, an ActNorm that waits for its first data, a layer of PyTorch that may belong to
    a conditioner, one with a parametrization or a backward hook, one that is trained in part, and
    one that shares parameters with another, or stands in two places.
    Within a container of another type layers are converted one by one, and nothing is merged.

    Parameters
    ----------
    model : a module; of zuko, a flow or a lazy transform.
    example : a batch of data as the model takes it, or a tuple of its arguments; the layers are
        compared on what they make of it, and the whole model in both directions. Without it, the
        layers are compared on random vectors, and the whole is not.
    by : "couplings"; or "inverse" for a matrix, and beside it its inverse, each entry the nearest
        float to that of the exact inverse. These are buffers, which are trained no more: for
        sampling, where they are as accurate and have fewer operations.
    context : what a conditional model is given besides.
    only : paths of layers, or patterns such as ``"flows.*"``; what they do not match is left.

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
        A converted model that differs from the one that was given: names the first layer that does.

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
    _check(model, only)
    arguments = example if isinstance(example, tuple) else () if example is None else (example,)
    with untouched():
        before = run(model, arguments, context)
        new = copy_model(model)
        runs, left = read(new, only)
        groups, alone = group(runs, before.met)
        solved, singular = solve(groups, by)
        pair, done, failed = put((new, doubled(model)), solved)
        left += [*alone, *singular, *failed]
        if not done:
            raise InvalidInputError(_nothing(left))
        changes = _compare((model, *pair), done, arguments, context, before)
    return pair[0], Conversion(tuple(done), tuple(left), *changes)


def _compare(
    models: tuple[nn.Module, nn.Module, nn.Module],
    layers: list[ConvertedLayer],
    arguments: tuple[Any, ...],
    context: Any,
    before: Run,
) -> tuple[float | None, float | None, float | None, str | None]:
    """Compare a model with its conversion, in its type and in float64: the differences of latents,
    log-determinants and inverses, and why there are none.

    Raises `MethodError` where they differ beyond rounding, in float64 if they run there.
    """
    if not arguments:
        return None, None, None, "there is no example"
    model, converted, twin = models
    one, two = before, again(converted, arguments, context, before)
    latents, log_dets, back = differences(one, two)
    if not any(x.numel() for x in tree_leaves(arguments) if isinstance(x, Tensor)):
        return None, None, None, "the example is empty"
    try:
        arguments, context = _doubled(arguments), _doubled(context)
        one = run(doubled(model), arguments, context)
    except InvalidInputError:  # a model of one type alone
        pass
    else:
        two = again(twin, arguments, context, one)
    merged = [{layer.path, *layer.merged} for layer in layers]
    agree(one, two, before, arguments[0], merged)
    return latents, log_dets, back, None


def _doubled(value: Any) -> Any:
    """Copy a structure with its floats in float64."""
    return tree_map_only(Tensor, lambda x: x.double() if x.is_floating_point() else x, value)


def _check(model: Any, only: Any) -> None:
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InvalidInputError(
            f"expected a model as a torch.nn.Module, got {type(model).__name__}"
        )
    if (name := inside(model)) is not None:
        raise InvalidInputError(
            f"expected a model, got {type(model).__name__} around it: convert its .{name}"
        )
    is_list = isinstance(only, Collection) and not isinstance(only, str | bytes)
    if only is not None and not (is_list and all(isinstance(x, str) for x in only)):
        raise InvalidInputError(f"expected a list of paths or patterns as only, got {only!r}")
    if any(tensor.is_meta for tensor in tensors_of(model)):
        raise InvalidInputError("expected parameters with values, got a model on the meta device")


def _nothing(left: list[LeftLayer]) -> str:
    seen = Counter(f"{layer.kind} ({layer.reason})" for layer in left)
    looked = "; ".join(f"{count} {what}" for what, count in seen.most_common(8))
    return (
        "expected a model with a linear layer that couplings can replace, found "
        f"{looked or 'no layers'}"
    )
