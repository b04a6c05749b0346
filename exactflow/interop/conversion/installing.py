"""Third step of `convert`: install the replacements that agree with the replaced layers.

`restore` installs the couplings of a saved state into a new model.
"""

from collections.abc import Mapping

import torch
from torch import nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.conversion.comparison import (
    largest_difference_nan_if_shapes_differ,
    run_chain_and_sum_log_dets,
)
from exactflow.interop.conversion.reading import report_unconverted
from exactflow.interop.conversion.replacements import Replacement
from exactflow.interop.conversion.report import ConvertedLayer, UnconvertedLayer
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    install_bijection_in_place,
    require_module,
    root_cause_type_and_message,
)
from exactflow.interop.modules import (
    AffineModule,
    BijectionModule,
    FlowModule,
    IdentityModule,
    State,
    select_substate_without_prefix,
)

AGREEMENT = 1e-9
"""The largest accepted difference of images in float64, as a multiple of a bound on entries."""
LOG_DET_AGREEMENT = 1e-6
"""The accepted difference of log-determinants of a well-conditioned layer, for each entry of a
member. Some libraries sum log-determinants in float32, which makes errors of this size.
"""
ROUNDINGS = 8
"""A relative difference of images up to this multiple of the dtype's eps is always accepted. Some
libraries store rounded numbers, for instance a rotation and, as its inverse, the transpose.
"""
SAMPLES = 4
"""The number of members on which a replacement is compared with its layers."""
MARK = "couplings._extra_state"
"""A state dict has one key with this end for each layer that couplings or an identity replace."""


def install_replacements_matching_their_layers(
    model: nn.Module, float64_copy: nn.Module, replacements: list[Replacement]
) -> tuple[nn.Module, nn.Module, list[ConvertedLayer], list[UnconvertedLayer]]:
    """Install each replacement that agrees with the layers of its group, in both models.

    Return both models, reports on the converted layers, and reports on the layers of the groups
    whose replacements are not installed.
    """
    layers, unconverted = list[ConvertedLayer](), list[UnconvertedLayer]()
    for replacement in replacements:
        group, fine, stored, report = replacement
        is_trainable = any(layer.is_trainable for layer in group.layers)
        stored.to(group.input[0].device).requires_grad_(is_trainable)
        try:
            _check_agreement_with_layers(replacement)
        except Exception as error:  # a library may raise any error
            is_checked = isinstance(error, MethodError)
            reason = str(error) if is_checked else root_cause_type_and_message(error)
            unconverted += report_unconverted(group.layers, reason)
            continue
        for k, place in enumerate(group.places):
            new, new_fine = (IdentityModule(), IdentityModule()) if k else (stored, fine)
            model = install_bijection_in_place(model, place.path, new)
            float64_copy = install_bijection_in_place(float64_copy, place.path, new_fine)
        layers.append(report)
    return model, float64_copy, layers, unconverted


def _check_agreement_with_layers(replacement: Replacement) -> None:
    """Compare a replacement with the layers of its group in float64, on the input of the group.

    Raises `MethodError` if the results differ beyond rounding.
    """
    group, report, target = replacement.group, replacement.report, replacement.report.target
    (x, context), main = group.input, group.places[0]
    library = find_library_or_torch(main.module)
    fine = replacement.fine.to(x.device)
    new = library.make_replacement(copy_for_float64_evaluation(main.module), fine).double()
    few = x[:SAMPLES].double()
    condition = None if context is None else [tensor[:SAMPLES].double() for tensor in context]
    with torch.no_grad():  # each run gets a clone, since FrEIA's wavelets overwrite their input
        old = [copy_for_float64_evaluation(layer.place.module) for layer in group.layers]
        before, log_det = run_chain_and_sum_log_dets(old, few.clone(), condition)
        after, new_log_det = run_chain_and_sum_log_dets([new], few.clone(), condition)
    difference, log_det_difference = largest_difference_nan_if_shapes_differ(before, after), None
    if log_det is not None and new_log_det is not None:
        pair = torch.as_tensor(log_det), torch.as_tensor(new_log_det)
        log_det_difference = largest_difference_nan_if_shapes_differ(*pair)
    entries = float(abs(target.matrix).max()) + float(abs(target.bias_or_zeros).max())
    relative = (difference or 0.0) / (1 + target.dimension * entries * float(few.abs().max()))
    unit = torch.finfo(x.dtype).eps
    slack = few[0].numel() * (LOG_DET_AGREEMENT + unit * report.condition_number)
    is_same = relative <= max(AGREEMENT, ROUNDINGS * unit)
    if not (is_same and (log_det_difference or 0.0) <= slack):
        raise MethodError(
            "the layer applies another map than was read from it: outputs differ by "
            f"{difference}, log-determinants by {log_det_difference}"
        )


def restore(unconverted_model: nn.Module, converted_state: State) -> nn.Module:
    """Return a copy of an unconverted model with the couplings and tensors of a converted model.

    Parameters
    ----------
    unconverted_model : the model that was given to `exactflow.interop.convert`, with any weights.
    converted_state : ``state_dict()`` of the converted model.

    Raises
    ------
    InvalidInputError
        A state without couplings, or the state of another model.

    Examples
    --------
    >>> from exactflow.interop import convert
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> converted, _ = convert(model)
    >>> again = restore(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), converted.state_dict())
    >>> x = torch.randn(3, 4)
    >>> torch.equal(again(x), converted(x))
    True
    """
    require_module(unconverted_model)
    names = map(str, converted_state) if isinstance(converted_state, Mapping) else ()
    heads = [name.removesuffix(MARK) for name in names if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got a state without couplings: pass "
            "state_dict() of the model that convert returns"
        )
    new = copy_model(unconverted_model)
    try:
        for head in heads:
            path = head.removesuffix(".")
            own = select_substate_without_prefix(converted_state, f"{head}couplings.")
            kinds: tuple[type[BijectionModule], ...] = IdentityModule, AffineModule, FlowModule
            couplings = kinds[min(len(own["_extra_state"]), 2)].from_state(own)
            layer = new.get_submodule(path)
            library = find_library_or_torch(layer)
            couplings.requires_grad_(True in library.requires_grad_of_replaced_parameters(layer))
            new = install_bijection_in_place(new, path, couplings)
        new.load_state_dict(converted_state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            "the state does not fit the conversion of this model "
            f"({root_cause_type_and_message(error)}): pass state_dict() of the converted model"
        ) from None
    return new
