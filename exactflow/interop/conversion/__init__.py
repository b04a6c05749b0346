"""Whole models: replace every linear layer by couplings, or by a matrix and its inverse.

Main results
------------
`convert` copies a model, reads the linear layers of the copy, merges neighbours (permutations,
biases, ActNorm), and replaces each by couplings with the same interface. The converted model
computes the same map in both directions, with the same log-determinants, and inverts no matrix, so
that its sampling direction can be exported, too.

How it is checked
-----------------
*Certified*: the distance of the layers from each matrix, and of a stored inverse from the exact
one. *Numeric*: every layer is compared with its original in float64, on data that it receives; a
layer that differs is left. With an example, the whole model is compared in both directions; if it
differs beyond rounding, nothing is returned.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import check_option
from exactflow.interop.conversion.comparison import (
    ModelRun,
    check_agreement,
    list_differences,
    rerun_from_latents,
    run_model,
)
from exactflow.interop.conversion.installing import install_replacements
from exactflow.interop.conversion.merging import group_layers
from exactflow.interop.conversion.reading import read_linear_layers
from exactflow.interop.conversion.replacements import By, find_replacements
from exactflow.interop.conversion.report import Conversion, ConvertedLayer, LeftLayer
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    preserve_rng_state,
    tensors_of,
    wrapper_attribute,
)


def convert(
    model: Any,
    example: Any = None,
    *,
    by: By = "couplings",
    context: Any = None,
    only: str | Collection[str] | None = None,
) -> tuple[Any, Conversion]:
    """Return a copy of a model with couplings in place of its linear layers, and a report.

    Each invertible linear layer of a flow of normflows, nflows, FrEIA, glasflow or zuko, or of
    plain PyTorch, is replaced by couplings with the interface of its library, in both directions.
    Neighbours are merged: a matrix takes the permutations, the initialized ActNorms and the other
    matrices beside it, which become identities, and the couplings take their biases. Dtype, device,
    training mode, forward hooks and ``requires_grad`` are unchanged.

    Layers and containers are known by their exact type, since a subclass may do anything. All other
    layers are left, and named in the report. Left are also a permutation or a diagonal without a
    matrix beside it; an ActNorm without data; a layer of PyTorch that may belong to a conditioner;
    a layer with a parametrization or a backward hook, or of which only a part is trained; and a
    layer that shares parameters, or that the model uses in two places.
    In a container of unknown type, layers are converted one by one, and none are merged.

    Parameters
    ----------
    model : a module; of zuko, a flow or a lazy transform.
    example : a batch of data for the model, or a tuple of its arguments. The layers are compared on
        the data that they receive, and the whole model in both directions. Without an example the
        layers are compared on random vectors, and the whole model is not compared.
    by : "couplings"; or "inverse" for a matrix and its inverse, each entry the float nearest to
        that of the exact inverse. Both are buffers, which are not trained. They are as accurate for
        sampling, with fewer operations.
    context : the context of a conditional model.
    only : paths of layers, or patterns such as ``"flows.*"``; all other layers are left.

    Returns
    -------
    (model, Conversion)
        The given model and the random number generators are unchanged, also after an error.

    Raises
    ------
    InvalidInputError
        No model, a model that cannot be copied or run, or a model without convertible layers: the
        message names the layers.
    MethodError
        The converted model differs from the given one: the message names the first such layer.

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
    _check_arguments(model, only)
    arguments = example if isinstance(example, tuple) else () if example is None else (example,)
    with preserve_rng_state():
        before = run_model(model, arguments, context)
        new = copy_model(model)
        chains, left = read_linear_layers(new, only)
        groups, alone = group_layers(chains, before.layer_inputs)
        replacements, singular = find_replacements(groups, by)
        pair, layers, failed = install_replacements(
            (new, copy_for_float64_evaluation(model)), replacements
        )
        left += [*alone, *singular, *failed]
        if not layers:
            raise InvalidInputError(_describe_unconvertible(left))
        differences = _compare_models((model, *pair), layers, arguments, context, before)
    return pair[0], Conversion(tuple(layers), tuple(left), *differences)


def _compare_models(
    models: tuple[nn.Module, nn.Module, nn.Module],
    layers: list[ConvertedLayer],
    arguments: tuple[Any, ...],
    context: Any,
    before: ModelRun,
) -> tuple[float | None, float | None, float | None, str | None]:
    """Compare a model with its conversion, in its dtype and in float64.

    Return the largest differences of latents, of log-determinants and of inverses, in the dtype of
    the model, and the reason if there is no comparison. Raises `MethodError` if they differ beyond
    rounding, in float64 if the model runs in float64.
    """
    if not arguments:
        return None, None, None, "there is no example"
    model, converted, twin = models
    given, found = before, rerun_from_latents(converted, arguments, context, before)
    latents, log_dets, inverses = list_differences(given, found)
    if not any(x.numel() for x in tree_leaves(arguments) if isinstance(x, Tensor)):
        return None, None, None, "the example is empty"
    try:
        arguments, context = _to_float64(arguments), _to_float64(context)
        given = run_model(copy_for_float64_evaluation(model), arguments, context)
    except InvalidInputError:  # the model runs in its own dtype only
        pass
    else:
        found = rerun_from_latents(twin, arguments, context, given)
    merged = [{layer.path, *layer.merged} for layer in layers]
    check_agreement(given, found, before, arguments[0], merged)
    return latents, log_dets, inverses, None


def _to_float64(value: Any) -> Any:
    """Convert the floats in a structure to float64."""
    return tree_map_only(Tensor, lambda x: x.double() if x.is_floating_point() else x, value)


def _check_arguments(model: Any, only: Any) -> None:
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InvalidInputError(
            f"expected a model as a torch.nn.Module, got {type(model).__name__}"
        )
    if (name := wrapper_attribute(model)) is not None:
        raise InvalidInputError(
            f"expected a model, got {type(model).__name__} around it: convert its .{name}"
        )
    is_list = isinstance(only, Collection) and not isinstance(only, str | bytes)
    if only is not None and not (is_list and all(isinstance(x, str) for x in only)):
        raise InvalidInputError(f"expected a list of paths or patterns as only, got {only!r}")
    if any(tensor.is_meta for tensor in tensors_of(model)):
        raise InvalidInputError(
            "expected parameters with values, got a model on the meta device: load its weights on "
            "the CPU first"
        )


def _describe_unconvertible(left: list[LeftLayer]) -> str:
    seen = Counter(f"{layer.kind} ({layer.reason})" for layer in left)
    listed = "; ".join(f"{count} {kind}" for kind, count in seen.most_common(8))
    return f"no layer of the model can be converted: it has {listed or 'no layers'}"
