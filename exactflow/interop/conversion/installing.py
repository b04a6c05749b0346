"""Last step of `convert`: compare each replacement with its layers, and install it.

`restore` installs the couplings of a saved state into a new model.
"""

from collections.abc import Mapping

import torch
from torch import nn

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.conversion.comparison import largest_difference, run_chain
from exactflow.interop.conversion.merging import LayerGroup
from exactflow.interop.conversion.replacements import Replacement
from exactflow.interop.conversion.report import ConvertedLayer, LeftLayer
from exactflow.interop.libraries import library_of
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    find_place,
    root_cause_text,
    set_module,
)
from exactflow.interop.modules import (
    BijectionModule,
    FlowModule,
    IdentityModule,
    MatrixModule,
    State,
    select_substate,
)

AGREEMENT, LOG_DET_AGREEMENT = 1e-9, 1e-6
"""Relative tolerances in float64; for log-determinants larger, as libraries sum them in float32."""
ROUNDINGS = 8
"""Rounding units allowed for numbers that a library stores, such as a rotation's transpose."""
SAMPLES = 4
MARK = "couplings._extra_state"

ModelPair = tuple[nn.Module, nn.Module]
"""A model, and its copy in float64."""


def install_replacements(
    models: ModelPair, found: list[tuple[LayerGroup, Replacement]]
) -> tuple[ModelPair, list[ConvertedLayer], list[LeftLayer]]:
    """Install each replacement that agrees with its layers into both models; report the layers."""
    layers, left = list[ConvertedLayer](), list[LeftLayer]()
    model, twin = models
    for group, replacement in found:
        replacement.stored.to(group.input[0].device).requires_grad_(group.is_trained)
        try:
            layer = _compare_with_layers(group, replacement)
        except Exception as error:  # any failure of one layer leaves the others unaffected
            text = str(error) if isinstance(error, MethodError) else root_cause_text(error)
            left += group.as_left(text)
            continue
        model = _install(model, group, replacement.stored)
        twin = _install(twin, group, replacement.fine)
        layers.append(layer)
    return (model, twin), layers, left


def _install(model: nn.Module, group: LayerGroup, couplings: BijectionModule) -> nn.Module:
    """Replace the main layer of a group by couplings, and its other layers by identities."""
    for place in (group.replacement_place, *group.identity_places):
        module = find_place(model, place.path).module
        bijection = couplings if place is group.replacement_place else IdentityModule()
        new = library_of(module).make_replacement(module, bijection)
        model = set_module(model, place.path, new)
    return model


def _compare_with_layers(group: LayerGroup, replacement: Replacement) -> ConvertedLayer:
    """Compare a replacement with its layers on their input, in float64.

    Raises `MethodError` if they differ beyond rounding.
    """
    (x, context), main, target = group.input, group.replacement_place, group.target
    library = library_of(main.module)
    fine = replacement.fine.to(x.device)
    new = library.make_replacement(copy_for_float64_evaluation(main.module), fine).double()
    few = x[:SAMPLES].double()
    condition = None if context is None else [tensor[:SAMPLES].double() for tensor in context]
    with torch.no_grad():  # modules run on clones, since FrEIA's wavelets overwrite their input
        old = [copy_for_float64_evaluation(module) for module in group.modules]
        before, log_det = run_chain(old, few.clone(), condition)
        after, new_log_det = run_chain([new], few.clone(), condition)
    difference, log_det_difference = largest_difference(before, after), None
    if log_det is not None and new_log_det is not None:
        pair = torch.as_tensor(log_det), torch.as_tensor(new_log_det)
        log_det_difference = largest_difference(*pair)
    entries = float(abs(target.matrix).max()) + float(abs(target.shift).max())
    relative = (difference or 0.0) / (1 + target.dimension * entries * float(few.abs().max()))
    unit, condition_number = torch.finfo(x.dtype).eps, target.condition_number
    slack = few[0].numel() * (LOG_DET_AGREEMENT + unit * condition_number)
    is_same = relative <= max(AGREEMENT, ROUNDINGS * unit)
    if not (is_same and (log_det_difference or 0.0) <= slack):
        raise MethodError(
            f"its matrix was not read as the library applies it: outputs differ by {difference}, "
            f"log-determinants by {log_det_difference}"
        )
    return ConvertedLayer(
        path=main.path,
        kind=main.kind,
        merged=tuple(place.path for place in group.identity_places),
        dimension=target.dimension,
        condition_number=condition_number,
        dtype=str(group.dtype).removeprefix("torch."),
        error=replacement.error,
        relative_error=replacement.relative_error,
        flow=replacement.flow,
        target=target,
    )


def restore(model: nn.Module, state: State) -> nn.Module:
    """Return a copy of a model with the couplings and the tensors of a converted model.

    Parameters
    ----------
    model : the model before `exactflow.interop.convert`, with any numbers.
    state : ``state_dict()`` of the converted model.

    Raises
    ------
    InvalidInputError
        A state without couplings, or of another model.

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
    if not isinstance(model, nn.Module):
        raise InvalidInputError(
            f"expected a model as a torch.nn.Module, got {type(model).__name__}"
        )
    names = map(str, state) if isinstance(state, Mapping) else ()
    heads = [name.removesuffix(MARK) for name in names if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got a state without couplings: pass "
            "state_dict() of a model after its conversion"
        )
    new = copy_model(model)
    try:
        for head in heads:
            place = find_place(new, head.removesuffix("."))
            own = select_substate(state, f"{head}couplings.")
            kinds: tuple[type[BijectionModule], ...] = IdentityModule, MatrixModule, FlowModule
            couplings = kinds[min(len(own["_extra_state"]), 2)].from_state(own)
            library = library_of(place.module)
            is_trained = any(p.requires_grad for p in library.parameters_of(place.module))
            couplings.requires_grad_(is_trained)
            new = set_module(new, place.path, library.make_replacement(place.module, couplings))
        new.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"expected the state of this model after its conversion, got {root_cause_text(error)}"
        ) from None
    return new
