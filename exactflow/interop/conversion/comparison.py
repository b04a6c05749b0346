"""Run a model and its conversion on data, and compare both models and their layers.

Models are compared in float64 if they run in float64, and must agree to a quarter of the digits of
the dtype. A different map differs by more than this; rounding errors are smaller, although
ill-conditioned layers amplify them by 10^9 and more. The inverse of the converted model has to be
about as accurate as the inverse of the given model.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isnan
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.library import CallConvention
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    find_layer_chains,
    root_cause_type_and_message,
)
from exactflow.interop.tracing import (
    LayerCall,
    Tracer,
    copy_and_detach_tensors,
    count_tensor_entries,
    is_dense_with_values,
)

SEED = 0
AGREEING_DIGITS = 0.25
"""The fraction of the digits of a dtype to which two models must agree."""
INVERSE_FACTOR = 16
"""The largest accepted error of the converted model's inverse, as a multiple of the error of the
given model's inverse.
"""


@dataclass(frozen=True, eq=False)
class ModelRun:
    """A run, in evaluation mode, of a model on an example, and of the inverse on latents.

    Attributes
    ----------
    images : the tensors that the model returns, latents and log-determinants.
    latents : the argument of the inverse.
    back : the tensors that the inverse returns; None if there is no inverse, or if it fails or
        returns numbers that are not finite.
    calls : two dictionaries, for the forward run and for the inverse run, of the first call of each
        layer, by its path, in the order of the calls.
    """

    images: tuple[Tensor, ...] = ()
    latents: Any = None
    back: tuple[Tensor, ...] | None = None
    calls: tuple[dict[str, LayerCall], ...] = ({}, {})

    @property
    def tensors_by_kind(self) -> dict[str, list[Tensor]]:
        """The returned tensors under the keys "latents", "log-determinants" and "inverse".

        The log-determinants are the images with fewer axes than the latents.
        """
        axes = min(2, max((tensor.ndim for tensor in self.images), default=0))
        return {
            "latents": [tensor for tensor in self.images if tensor.ndim >= axes],
            "log-determinants": [tensor for tensor in self.images if tensor.ndim < axes],
            "inverse": list(self.back or ()),
        }


def run_both_directions(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, latents: Any = None
) -> ModelRun:
    """Run a copy of a model on `arguments`, and its inverse on `latents`, or else on the result.

    Raises `InvalidInputError` if the model fails on the example or returns numbers that are not
    finite, or if its inverse fails on given latents.
    """
    if not arguments:
        return ModelRun()
    given_tensors = _list_tensors_and_floats(arguments)
    if not all(map(is_dense_with_values, [*given_tensors, *_list_tensors_and_floats(context)])):
        raise InvalidInputError(
            "expected an example of dense tensors with values, got a tensor that is sparse, nested "
            "or on the meta device: pass example.to_dense(), or an example with values"
        )
    if not all(torch.isfinite(x).all() for x in given_tensors):
        raise InvalidInputError(
            "expected an example of finite numbers, got an example with NaN or inf"
        )
    model, failure = copy_model(model).eval(), "the model does not run on the example"
    call = _reseed_global_generators_and_call(
        failure, lambda: find_library_or_torch(model).model_call(model, context)
    )
    default = CallConvention("forward", "forward")
    tracer = Tracer(
        (place.path, layer, find_library_or_torch(layer).convention(layer) or default)
        for place in chain.from_iterable(find_layer_chains(model))
        for layer in [call.steps.get(place.path, place.module)]
    )
    back, calls_back = None, list[LayerCall]()
    value, calls = _reseed_global_generators_and_call(
        failure, lambda: tracer.trace(lambda: call.call(*arguments))
    )
    images = _list_tensors_and_floats(value)
    if not all(map(is_dense_with_values, images)):
        raise InvalidInputError(
            "the model returns a tensor that is sparse, nested or on the meta device"
        )
    if not all(torch.isfinite(t).all() for t in images):
        raise InvalidInputError("the model returns NaN or inf on the example")
    given = (value[0] if isinstance(value, tuple) else value) if latents is None else latents
    given = tree_map_only(Tensor, lambda t: t.detach().clone(), given)
    taken = tree_map_only(Tensor, Tensor.clone, given), *arguments[1:]
    try:
        if call.convention is not None:
            value, calls_back = _reseed_global_generators_and_call(
                "the inverse of the model fails",
                lambda: tracer.trace(lambda: call.call(*taken, is_forward=False)),
            )
            returned = _list_tensors_and_floats(value)
            is_finite = all(is_dense_with_values(t) and torch.isfinite(t).all() for t in returned)
            if latents is not None or is_finite:
                back = returned
    except InvalidInputError:  # the model has no inverse, or its inverse takes other arguments
        if latents is not None:
            raise
    first_calls: tuple[dict[str, LayerCall], ...] = {}, {}
    for each, first in zip((calls, calls_back), first_calls, strict=True):
        for one in each:
            first.setdefault(one.path, one)
    return ModelRun(images, given, back, first_calls)


def _reseed_global_generators_and_call(error_prefix: str, call: Callable[[], Any]) -> Any:
    """Seed the global random number generators, call a function, and return its result.

    The generators are not restored. An exception becomes an `InvalidInputError` whose message
    begins with `error_prefix`.
    """
    random.seed(SEED)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    try:
        return call()
    except InvalidInputError:
        raise
    except Exception as error:  # a library may raise any error
        where = getattr(error, "where", "")
        says = f"{error_prefix}: {root_cause_type_and_message(error)}{where and f' (in {where})'}"
        raise InvalidInputError(says) from None


def _list_tensors_and_floats(value: Any) -> tuple[Tensor, ...]:
    """List the tensors and floats in a nested structure, in order, all as tensors."""
    leaves = (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor | float))
    return tuple(torch.as_tensor(leaf).detach() for leaf in leaves)


def largest_difference_nan_if_shapes_differ(one: Tensor, two: Tensor) -> float | None:
    """Return the largest |difference| of entries; None for empty tensors, NaN if shapes differ."""
    if one.shape != two.shape and one.ndim and two.ndim:
        return float("nan")
    return float((one.double() - two.double()).abs().max()) if one.numel() else None


def check_agreement_and_measure_differences(
    model: nn.Module,
    converted: nn.Module,
    converted_in_float64: nn.Module,
    arguments: tuple[Any, ...],
    context: Any,
    given_run: ModelRun,
    sets_of_merged_paths: Sequence[set[str]],
) -> tuple[float | None, float | None, float | None, str | None]:
    """Check that a model and its conversion agree; return their largest differences.

    Return the differences of latents, of log-determinants and of inverses in the dtype of the
    models, and the reason why the models were not compared, or None if they were. A difference is
    None if the tensors are missing or empty. Raises `MethodError` if the models differ beyond
    rounding; this test is made in float64 if the given model runs in float64. `given_run` is a run
    of the given model on `arguments`.
    """
    if not arguments:
        return None, None, None, "there is no example"
    given, differences = given_run, list[float | None]()
    found = run_forward_and_invert_given_latents(converted, arguments, context, given)
    _check_replacements_are_called(given, found, sets_of_merged_paths)
    for kind, tensors in given.tensors_by_kind.items():
        pairs = zip(tensors, found.tensors_by_kind[kind], strict=False)
        apart = (largest_difference_nan_if_shapes_differ(*pair) for pair in pairs)
        known = [x for x in apart if x is not None]
        differences.append(max(known, key=lambda x: (isnan(x), x), default=None))
    if any(x is not None and isnan(x) for x in differences):
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
        found = run_forward_and_invert_given_latents(
            converted_in_float64, arguments, context, given
        )
    _check_runs_agree(given, found, given_run, arguments[0], sets_of_merged_paths)
    latents, log_dets, inverses = differences
    return latents, log_dets, inverses, None


def _check_runs_agree(
    given: ModelRun,
    converted: ModelRun,
    given_in_own_dtype: ModelRun,
    expected_inverse: Any,
    sets_of_merged_paths: Sequence[set[str]],
) -> None:
    """Raise `MethodError`, with the first differing layer, if two runs differ beyond rounding.

    Parameters
    ----------
    given, converted : runs of both models, in float64 if the given model runs in float64.
    given_in_own_dtype : the run of the given model in its own dtype, to which a layer may round
        log-determinants even in a float64 run.
    expected_inverse : the data on which the models ran, which the inverses should return.
    sets_of_merged_paths : sets of paths of layers that were merged into one. Of each set only the
        image of the last layer is compared.
    """
    dtypes = (
        [t.dtype for t in run.images if t.is_floating_point()]
        for run in (given, given_in_own_dtype)
    )
    units = ([torch.finfo(dtype).eps ** AGREEING_DIGITS for dtype in each] for each in dtypes)
    fine, coarse = (pick(each, default=0.0) for pick, each in zip((min, max), units, strict=True))
    inverse_slack = 0.0  # an absolute tolerance, for rounding errors of the inverse
    if given.back and given.back[0].shape == getattr(expected_inverse, "shape", None):
        error = largest_difference_nan_if_shapes_differ(given.back[0], expected_inverse)
        inverse_slack = INVERSE_FACTOR * (error or 0.0)

    def differ_beyond_tolerances(
        absolute: float, relative: float, pair: tuple[Tensor, Tensor]
    ) -> bool:
        """Whether max |a - b| > absolute + relative * (1 + max |a|), for pair = (a, b)."""
        apart = largest_difference_nan_if_shapes_differ(*pair)
        if apart is None:
            return False
        return not apart <= absolute + relative * (1 + pair[0].double().abs().max())

    for part, images in given.tensors_by_kind.items():
        is_inverse = part == "inverse"
        slack = inverse_slack * is_inverse
        unit = coarse if part == "log-determinants" else fine
        pairs = zip(images, converted.tensors_by_kind[part], strict=False)
        if not any(differ_beyond_tolerances(slack, unit, pair) for pair in pairs):
            continue
        made, other = (
            {path: call.after[0] for path, call in run.calls[is_inverse].items()}
            for run in (given, converted)
        )
        inner = {
            path for group in sets_of_merged_paths for path in [p for p in made if p in group][:-1]
        }
        known = [path for path in made if path in other and path not in inner]
        differs = (p for p in known if differ_beyond_tolerances(slack, fine, (made[p], other[p])))
        where = next((f"first at {p or 'the model'}" for p in differs), "although no layer differs")
        raise MethodError(
            f"the converted model differs from the given one in its {part}, {where}: convert fewer "
            "layers with only=[..], and leave out layers whose weights the model also uses directly"
        )


def _check_replacements_are_called(
    given: ModelRun, converted: ModelRun, sets_of_merged_paths: Sequence[set[str]]
) -> None:
    """Raise `MethodError` if a model calls a layer, but its conversion not the replacement.

    Such a model also holds the layer in an object that is no module.
    """
    replaced = set[str]().union(*sets_of_merged_paths)
    directions = list(zip(given.calls, converted.calls, strict=True))
    for before, after in directions if given.back is not None else directions[:1]:
        for path in before:
            if path in replaced and path not in after:
                raise MethodError(
                    f"the converted model does not call the replacement of {path or 'the model'}, "
                    "since it also holds the layer in an object that is no module: with only=[..], "
                    "leave out this layer"
                )


def run_forward_and_invert_given_latents(
    model: nn.Module, arguments: tuple[Any, ...], context: Any, original_run: ModelRun
) -> ModelRun:
    """Run a converted model on the example, and its inverse on the latents of an earlier run.

    `original_run` is the run of the unconverted model; if it has no inverse, the converted model
    inverts its own result. Raises `MethodError` if the converted model fails.
    """
    try:
        latents = None if original_run.back is None else original_run.latents
        return run_both_directions(model, arguments, context, latents)
    except InvalidInputError as error:
        raise MethodError(
            f"the converted model does not run ({error}): with only=[..], leave out layers whose "
            "class or methods the model uses"
        ) from None


def run_chain_and_sum_log_dets(
    modules: Sequence[nn.Module], x: Tensor, context: Any
) -> tuple[Tensor, Any]:
    """Run modules one after the other; return the last image, and the sum of log-determinants.

    The sum is None if a module returns no log-determinant.
    """
    total: Any = 0.0
    for module in modules:
        value = find_library_or_torch(module).model_call(module, context).call(x)
        image, log_det = (value[0], value[1]) if isinstance(value, tuple) else (value, None)
        x = image[0] if isinstance(image, tuple | list) else image
        total = None if log_det is None or total is None else total + log_det
    return x, total
