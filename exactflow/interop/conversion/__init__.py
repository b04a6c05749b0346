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
from typing import Any, get_args

import torch

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import check_option
from exactflow.interop.conversion.comparison import (
    check_agreement_and_measure_differences,
    run_both_directions,
)
from exactflow.interop.conversion.reading import group_layers, read_linear_layers
from exactflow.interop.conversion.replacements import CouplingsOrInverse, replace_groups
from exactflow.interop.conversion.report import Conversion
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    list_state_dict_tensors_with_repeats,
    preserve_rng_state,
    require_module,
    wrapper_attribute,
)


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
    parametrization, a backward hook or a method forward of their own, partly trainable layers,
    layers that share parameters, and layers that the model uses in two places, or also holds in a
    list, a dictionary or a bound method. Layers in a container of unknown type are converted one by
    one, and not merged.

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
        The converted model differs from the given one, or does not call a replacement; the message
        names the first such layer.

    Examples
    --------
    >>> from torch import nn
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
        parts, unconverted = read_linear_layers(new, only)
        groups, alone = group_layers(parts, before.calls[0])
        twin = copy_for_float64_evaluation(model)
        new, twin, layers, failed = replace_groups(new, twin, groups, by)
        unconverted += [*alone, *failed]
        if not layers:
            seen = Counter(f"{layer.kind} ({layer.reason})" for layer in unconverted)
            listed = "; ".join(f"{count} {kind}" for kind, count in seen.most_common(8))
            raise InvalidInputError(
                f"no layer of the model can be converted: the model has {listed or 'no layers'}"
            )
        merged = [{layer.path, *layer.merged} for layer in layers]
        differences = check_agreement_and_measure_differences(
            model, new, twin, arguments, context, before, merged
        )
    return new, Conversion(tuple(layers), tuple(unconverted), *differences)


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
    if only is not None and not (is_list and only and all(isinstance(x, str) for x in only)):
        raise InvalidInputError(f"expected a list of paths or patterns as only=.., got {only!r}")
    if any(tensor.is_meta for tensor in list_state_dict_tensors_with_repeats(model)):
        raise InvalidInputError(
            "expected a model whose parameters have values, got a model on the meta device: load "
            "its weights on the CPU"
        )
