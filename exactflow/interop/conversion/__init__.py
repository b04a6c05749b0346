"""Replace the linear layers of whole models by couplings, or by matrices with their inverses.

Main results
------------
`convert` copies a model, reads the linear layers of the copy, merges neighbours (matrices,
permutations, ActNorms), and replaces them by couplings with the same interface. The converted
model computes the same map in both directions, with the same log-determinants. It inverts no
matrix, so that its sampling direction can be exported as well as its forward direction.

How it is checked
-----------------
*Certified*: the errors of the stored couplings, and of a stored inverse, against the exact matrix.
*Numeric*: every replacement is compared in float64 with the layer that it replaces, on the data
that the layer receives; if the two differ, the layer is not converted. With an example, the whole
converted model is compared with the given model in both directions; if the two differ beyond
rounding, `MethodError` is raised.
"""

from collections import Counter
from collections.abc import Collection
from math import isnan
from typing import Any, get_args

import torch
from torch import nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.typing import check_option
from exactflow.interop.conversion.comparison import (
    ModelRun,
    check_runs_agree,
    largest_differences_by_kind,
    run_both_directions,
    run_forward_and_invert_given_latents,
)
from exactflow.interop.conversion.installing import (
    ModelAndFloat64Copy,
    install_replacements_matching_their_layers,
)
from exactflow.interop.conversion.merging import group_layers
from exactflow.interop.conversion.reading import read_linear_layers
from exactflow.interop.conversion.replacements import CouplingsOrInverse, find_replacements
from exactflow.interop.conversion.report import Conversion, ConvertedLayer
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    list_state_dict_tensors_with_repeats,
    preserve_rng_state,
    require_module,
    wrapper_attribute,
)
from exactflow.interop.tracing import copy_and_detach_tensors, count_tensor_entries


def convert(
    model: Any,
    example: Any = None,
    *,
    by: CouplingsOrInverse = "couplings",
    context: Any = None,
    only: str | Collection[str] | None = None,
) -> tuple[Any, Conversion]:
    """Return a copy of a model with couplings in place of its linear layers, and a report.

    Each invertible linear layer of a flow of normflows, nflows, FrEIA, glasflow or zuko, or of
    plain PyTorch, is replaced by couplings with the interface of its library, in both directions.
    Neighbouring matrices, permutations and initialized ActNorms are merged: couplings replace the
    first matrix, and identities replace the other layers. Dtype, device, training mode, forward
    hooks and ``requires_grad`` are unchanged.

    The type of a layer or container has to be exactly a known type, since a subclass may compute
    something else. The report names the layers that are not converted, with reasons. Besides layers
    of unknown type these are permutations and diagonals without a matrix beside them, ActNorms that
    have not seen data, layers of PyTorch that may belong to a conditioner, layers with a
    parametrization or a backward hook, partly trainable layers, layers that share parameters, and
    layers that the model uses in two places. Layers in a container of unknown type are converted
    one by one, and not merged.

    Parameters
    ----------
    model : a module of PyTorch; for zuko, a flow or a lazy transform.
    example : a batch of data for the model, or a tuple of its arguments. The layers are compared on
        the data that they receive, and the whole model in both directions. Without an example the
        layers are compared on random vectors, and the whole model is not compared.
    by : "couplings"; or "inverse" for a matrix and its inverse, where each entry of the inverse is
        the float nearest to the exact entry. The matrix and the inverse are buffers, which training
        does not change. For sampling they are as accurate as couplings, with fewer operations.
    context : the context of a conditional model.
    only : paths of the layers to convert, or patterns such as ``"flows.*"``.

    Returns
    -------
    (model, Conversion)
        The given model and the random number generators are unchanged, also after an error.

    Raises
    ------
    InvalidInputError
        An argument that is no model, a model that cannot be copied or run, or a model of which no
        layer can be converted; the message lists the layers with reasons.
    MethodError
        The converted model differs from the given one; the message names the first layer that
        differs.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(), nn.Linear(4, 4)).double()
    >>> x = torch.randn(8, 4, dtype=torch.float64)
    >>> converted, report = convert(model, x)
    >>> [layer.path for layer in report.layers], [x.kind for x in report.unconverted]
    (['0', '2'], ['LeakyReLU'])
    >>> torch.allclose(converted(x), model(x)), report.layers[0].error < 1e-15
    (True, True)
    """
    only = [only] if isinstance(only, str) else only
    check_option("by", by, get_args(CouplingsOrInverse))
    _check_model_and_only(model, only)
    arguments = example if isinstance(example, tuple) else () if example is None else (example,)
    with preserve_rng_state():
        before = run_both_directions(model, arguments, context)
        new = copy_model(model)
        chains, unconverted = read_linear_layers(new, only)
        groups, alone = group_layers(chains, before.layer_inputs)
        replacements, singular = find_replacements(groups, by)
        pair, layers, failed = install_replacements_matching_their_layers(
            (new, copy_for_float64_evaluation(model)), replacements
        )
        unconverted += [*alone, *singular, *failed]
        if not layers:
            seen = Counter(f"{layer.kind} ({layer.reason})" for layer in unconverted)
            listed = "; ".join(f"{count} {kind}" for kind, count in seen.most_common(8))
            raise InvalidInputError(
                f"no layer of the model can be converted: the model has {listed or 'no layers'}"
            )
        differences = _check_agreement_and_measure_differences(
            model, pair, layers, arguments, context, before
        )
    return pair[0], Conversion(tuple(layers), tuple(unconverted), *differences)


LargestDifferencesOrReasonNotCompared = tuple[float | None, float | None, float | None, str | None]
"""The largest differences of latents, of log-determinants and of inverses between two models, and
the reason why the models were not compared, or None if they were.
"""


def _check_agreement_and_measure_differences(
    model: nn.Module,
    converted: ModelAndFloat64Copy,
    layers: list[ConvertedLayer],
    arguments: tuple[Any, ...],
    context: Any,
    given_run: ModelRun,
) -> LargestDifferencesOrReasonNotCompared:
    """Check that a model and its conversion agree; return their largest differences.

    The differences are measured in the dtype of the models. Raises `MethodError` if the models
    differ beyond rounding; this test is made in float64 if the given model runs in float64.
    `given_run` is a run of the given model on `arguments`.
    """
    if not arguments:
        return None, None, None, "there is no example"
    given = given_run
    found = run_forward_and_invert_given_latents(converted[0], arguments, context, given)
    latents, log_dets, inverses = largest_differences_by_kind(given, found).values()
    if any(x is not None and isnan(x) for x in (latents, log_dets, inverses)):
        raise MethodError(
            "the converted model returns NaN or inf, or tensors of other shapes than the given "
            "model: convert fewer layers with only=[..]"
        )
    if not count_tensor_entries(arguments):
        return None, None, None, "the example is empty"
    try:
        arguments, context = copy_and_detach_tensors((arguments, context), torch.float64)
        given = run_both_directions(copy_for_float64_evaluation(model), arguments, context)
    except InvalidInputError:  # the model runs in its own dtype only
        pass
    else:
        found = run_forward_and_invert_given_latents(converted[1], arguments, context, given)
    merged = [{layer.path, *layer.merged} for layer in layers]
    check_runs_agree(given, found, given_run, arguments[0], merged)
    return latents, log_dets, inverses, None


def _check_model_and_only(model: Any, only: Any) -> None:
    require_module(model)
    if isinstance(model, torch.jit.ScriptModule):
        raise InvalidInputError(
            f"expected a model before its compilation by torch.jit, got {type(model).__name__}"
        )
    if (name := wrapper_attribute(model)) is not None:
        raise InvalidInputError(
            f"expected a model, got the wrapper {type(model).__name__}: convert its .{name}"
        )
    is_list = isinstance(only, Collection) and not isinstance(only, str | bytes)
    if only is not None and not (is_list and all(isinstance(x, str) for x in only)):
        raise InvalidInputError(f"expected a list of paths or patterns as only=.., got {only!r}")
    if any(tensor.is_meta for tensor in list_state_dict_tensors_with_repeats(model)):
        raise InvalidInputError(
            "expected a model whose parameters have values, got a model on the meta device: load "
            "its weights on the CPU"
        )
