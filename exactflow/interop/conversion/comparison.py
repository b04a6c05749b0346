"""Run a model on data before and after conversion, and compare it and its layers.

Models are compared in float64 if they run there, and to a quarter of the digits of the dtype. A
different map differs by more; rounding differs by less, though an ill-conditioned layer may amplify
it 10^9 times and more. An inverse is required to be as accurate as that of the given model only.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.libraries import find_model_call, library_of
from exactflow.interop.library import CallConvention, ModelCall
from exactflow.interop.module_tree import copy_model, find_chains, root_cause_text
from exactflow.interop.tracing import LayerCall, Tracer

LayerInput = tuple[Tensor, Any]
"""The data and the condition that a layer receives in a run of the model."""

SEED = 0
AGREEING_DIGITS = 0.25
"""The share of the digits of a dtype to which two models agree."""
INVERSE_FACTOR = 16
"""The largest accepted error of the converted model's inverse, as a multiple of the error of the
given model's inverse.
"""


@dataclass(frozen=True, eq=False)
class ModelRun:
    """A run of a model on an example, in evaluation mode, and back.

    Attributes
    ----------
    images : the tensors that the model returns, latents and log-determinants.
    latents : the argument for its inverse.
    back : the tensors that the inverse returns; None if there is no inverse, or if it fails or
        returns numbers that are not finite.
    layer_inputs : the first input of each layer, by its path.
    layer_images : the first image of each layer, by its path, in the order of the calls: of the run
        forward, and of the run back.
    """

    images: tuple[Tensor, ...] = ()
    latents: Any = None
    back: tuple[Tensor, ...] | None = None
    layer_inputs: dict[str, LayerInput] = field(default_factory=dict)
    layer_images: tuple[dict[str, Tensor], ...] = ({}, {})

    @property
    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """The tensors by kinds: log-determinants have fewer axes than latents."""
        axes = min(2, max((tensor.ndim for tensor in self.images), default=0))
        return {
            "latents": [tensor for tensor in self.images if tensor.ndim >= axes],
            "log-determinants": [tensor for tensor in self.images if tensor.ndim < axes],
            "inverse": list(self.back or ()),
        }


def run_model(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, latents: Any = None
) -> ModelRun:
    """Run a copy of a model on an example, and back from its own latents, or from given ones.

    Raises `InvalidInputError` if the model fails on the example or returns numbers that are not
    finite, and if its inverse fails on given latents.
    """
    if not arguments:
        return ModelRun()
    if not all(torch.isfinite(x).all() for x in _list_numbers(arguments)):
        raise InvalidInputError("expected an example of finite numbers, got NaN or inf in it")
    model, failure = copy_model(model).eval(), "the model does not run on the example"
    call = _call_seeded(failure, lambda: find_model_call(model, context))
    tracer, back = _make_tracer_of_linear_layers(model, call), None
    calls_back: list[LayerCall] = []
    with tracer.attached():
        value, calls = _call_seeded(failure, lambda: tracer.trace(lambda: call.call(*arguments)))
        images = _list_numbers(value)
        if not all(torch.isfinite(t).all() for t in images):
            raise InvalidInputError("the model returns NaN or inf on the example")
        given = (value[0] if isinstance(value, tuple) else value) if latents is None else latents
        given = tree_map_only(Tensor, lambda t: t.detach().clone(), given)
        taken = tree_map_only(Tensor, Tensor.clone, given), *arguments[1:]
        try:
            if call.convention is not None:
                value, calls_back = _call_seeded(
                    "the inverse of the model fails",
                    lambda: tracer.trace(lambda: call.call(*taken, is_forward=False)),
                )
                is_finite = all(torch.isfinite(t).all() for t in _list_numbers(value))
                back = _list_numbers(value) if is_finite or latents is not None else None
        except InvalidInputError:  # the inverse may be missing, or take other arguments
            if latents is not None:
                raise
    inputs: dict[str, LayerInput] = {}
    layer_images: tuple[dict[str, Tensor], ...] = {}, {}
    for one in calls:
        condition = one.convention.condition
        inputs.setdefault(one.path, (one.before[0], condition and one.arguments.get(condition)))
    for each, found in zip((calls, calls_back), layer_images, strict=True):
        for one in each:
            found.setdefault(one.path, one.after[0])
    return ModelRun(images, given, back, inputs, layer_images)


def _make_tracer_of_linear_layers(model: nn.Module, call: ModelCall) -> Tracer:
    """Return a tracer of the layers that may be linear."""
    places = [place for chain in find_chains(model) for place in chain]
    modules = [call.steps.get(place.path, place.module) for place in places]
    default = CallConvention("forward", "forward")
    return Tracer(
        (place.path, module, library_of(module).convention(module) or default)
        for place, module in zip(places, modules, strict=True)
    )


def _call_seeded(failure: str, call: Callable[[], Any]) -> Any:
    """Call a function with seeded random generators; raise `InvalidInputError` if it fails."""
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    try:
        return call()
    except InvalidInputError:
        raise
    except Exception as error:  # a library may raise any error
        where = getattr(error, "where", "")
        says = f"{failure}: {root_cause_text(error)}{where and f' (in {where})'}"
        raise InvalidInputError(says) from None


def _list_numbers(value: Any) -> tuple[Tensor, ...]:
    """List the tensors and floats in a structure, in order, as tensors."""
    leaves = (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor | float))
    return tuple(torch.as_tensor(leaf).detach() for leaf in leaves)


def largest_difference(one: Tensor, two: Tensor) -> float | None:
    """Return the largest difference in float64; None if empty, NaN for different shapes."""
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else None


def list_differences(before: ModelRun, after: ModelRun) -> list[float | None]:
    """List the largest differences of latents, of log-determinants, and of inverses; None for a
    part that is missing or empty.

    Raises `MethodError` if they are not finite, or if shapes differ.
    """
    found: list[float | None] = []
    for one, two in zip(
        before.tensors_by_kind.values(), after.tensors_by_kind.values(), strict=True
    ):
        known = [largest_difference(a, b) for a, b in zip(one, two, strict=False)]
        if any(x is not None and x != x for x in known):
            raise MethodError(
                "the converted model returns NaN or inf, or other shapes: convert fewer layers "
                "with only=[..]"
            )
        found.append(max((x for x in known if x is not None), default=None))
    return found


def check_agreement(
    given: ModelRun, converted: ModelRun, own: ModelRun, x: Any, merged: Iterable[set[str]]
) -> None:
    """Raise `MethodError` if two models differ beyond rounding, naming the first such layer.

    Parameters
    ----------
    given, converted : runs of both models in float64, if they run there.
    own : the run of the given model in its own dtype, to which a layer may round log-determinants.
    x : the example.
    merged : the paths of layers that became one; only the image of the last is compared.
    """
    dtypes = ([t.dtype for t in run.images if t.is_floating_point()] for run in (given, own))
    units = ([torch.finfo(dtype).eps ** AGREEING_DIGITS for dtype in each] for each in dtypes)
    fine, coarse = (pick(each, default=0.0) for pick, each in zip((min, max), units, strict=True))
    inverse_slack = 0.0  # the inverse of the converted model may have errors that the given one has
    if given.back and given.back[0].shape == getattr(x, "shape", None):
        inverse_slack = INVERSE_FACTOR * (largest_difference(given.back[0], x) or 0.0)

    def differ(pair: tuple[Tensor, Tensor], slack: float, unit: float) -> bool:
        apart = largest_difference(*pair)
        return apart is not None and not apart <= unit * (1 + pair[0].abs().max()) + slack

    for part, images in given.tensors_by_kind.items():
        is_inverse = part == "inverse"
        slack = inverse_slack * is_inverse
        unit = coarse if part == "log-determinants" else fine
        pairs = zip(images, converted.tensors_by_kind[part], strict=False)
        if not any(differ(pair, slack, unit) for pair in pairs):
            continue
        made, other = (run.layer_images[is_inverse] for run in (given, converted))
        inner = {path for group in merged for path in [p for p in made if p in group][:-1]}
        known = [path for path in made if path in other and path not in inner]
        differs = (path for path in known if differ((made[path], other[path]), slack, fine))
        first = next((f"first at {path or 'the model'}" for path in differs), "but in no layer")
        raise MethodError(
            f"the converted model differs from the given one in its {part}, {first}: convert fewer "
            "layers with only=[..], leaving out those that the model also uses in another way"
        )


def rerun_from_latents(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, before: ModelRun
) -> ModelRun:
    """Run a converted model, and back from the latents of another run, or raise `MethodError`."""
    try:
        return run_model(model, arguments, context, None if before.back is None else before.latents)
    except InvalidInputError as error:
        raise MethodError(
            f"the converted model does not run ({error}): with only=[..], leave out the layers "
            "whose original class the model needs"
        ) from None


def run_chain(modules: Sequence[nn.Module], x: Tensor, context: Any) -> tuple[Tensor, Any]:
    """Run modules one after the other; return the image, and the log-determinant or None."""
    total: Any = 0.0
    for module in modules:
        x, log_det = find_model_call(module, context).image_and_log_det(x)
        total = None if log_det is None or total is None else total + log_det
    return x, total
