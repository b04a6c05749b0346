"""Record calls of a model and of its layers, with arguments, to repeat and to invert these calls.

A `Tracer` records the calls of every layer, except calls inside another recorded call: a block of
layers counts as one layer.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from inspect import signature
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves, tree_map, tree_map_only

from exactflow.interop.library import CallConvention
from exactflow.interop.module_tree import root_cause_type_and_message

Tensors = tuple[Tensor, ...]
Result = TypeVar("Result")

LOG_DET = re.compile("det|ladj|ldj|jac", re.IGNORECASE)
"""Matches names of log-determinants in results, and of arguments to which a layer adds its own."""
SLOT = object()
"""A placeholder in the pattern of an argument, for a tensor that the layer maps."""


class NotMeasuredError(Exception):
    """A quantity cannot be measured; the message gives the reason."""


def list_tensors(value: Any) -> Tensors:
    """List the tensors in a nested structure, in order."""
    return tuple(leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def is_dense_with_values(tensor: Tensor) -> bool:
    """Whether a tensor stores all its entries: it is not sparse, nested or on the meta device."""
    return tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_nested


def count_tensor_entries(value: Any) -> int:
    """Count the entries of all tensors in a nested structure."""
    return sum(tensor.numel() for tensor in list_tensors(value))


def copy_and_detach_tensors(value: Any, float_dtype: torch.dtype | None = None) -> Any:
    """Copy a nested structure with detached tensors; convert floats to the dtype, if given."""
    return tree_map_only(
        Tensor,
        lambda t: t.detach().to(float_dtype if t.is_floating_point() else None, copy=True),
        value,
    )


def replace_tensors_by_slots(value: Any) -> Any:
    """Return a copy of a nested structure with `SLOT` in place of each tensor."""
    return tree_map_only(Tensor, lambda _: SLOT, value)


def make_finite_member_mask(values: Tensors) -> Tensor:
    """Return a boolean mask of the members of a batch that have finite numbers only."""
    return torch.stack([torch.isfinite(t.flatten(1)).all(1) for t in values]).all(0)


def _list_image_candidates(result: Any) -> list[Any]:
    """List a result, its nested parts, and its nested lists without their last elements.

    The last element of a list may be a log-determinant, after an image of several tensors.
    """
    inner = list(result.values()) if isinstance(result, Mapping) else result
    inner = list(inner) if isinstance(inner, list | tuple) else []
    return [result, *(part for one in inner for part in _list_image_candidates(one)), inner[:-1]]


def _find_image_or_first_batch(result: Any, entry_count: int) -> Any:
    """Return the first batch in a result that has `entry_count` entries, else the first batch.

    A batch is a dense tensor with two or more axes and with entries, or a structure of such tensors
    that have a row for each member. Raises `NotMeasuredError` if the result has no batch.
    """
    candidates = _list_image_candidates(result)
    parts = [part for part in candidates if _are_tensors_of_one_batch(*tree_leaves(part))]
    if not parts:
        raise NotMeasuredError(
            f"the result, of type {type(result).__name__}, is neither a dense tensor with a row "
            "for each member of the batch, nor a list, tuple or dictionary of such tensors"
        )
    return next((part for part in parts if count_tensor_entries(part) == entry_count), parts[0])


def _are_tensors_of_one_batch(*leaves: Any) -> bool:
    """Whether these values are the tensors of a batch: dense, with a row for each of its members,
    and with entries.
    """
    are_tensors = all(
        isinstance(x, Tensor) and is_dense_with_values(x) and x.ndim > 1 for x in leaves
    )
    return are_tensors and len(set(map(len, leaves))) == 1 and any(x.numel() for x in leaves)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """A recorded call of a layer, to repeat on other tensors or in the other direction.

    Attributes
    ----------
    path, module, convention, is_forward : the layer, and how it is called.
    pattern : the first argument, which the layer maps, with slots in place of its tensors.
    before, after : the tensors for these slots, and their images.
    others : the other positional arguments, and the keyword arguments, also of the inverse call.
    inverse_patterns : candidates for the first argument of the inverse: the image alone, or the
        whole result with slots in place of the image.
    """

    path: str
    module: nn.Module
    convention: CallConvention
    is_forward: bool
    pattern: Any
    before: Tensors
    others: tuple[tuple, dict]
    inverse_patterns: tuple[Any, ...] = ()
    after: Tensors = ()

    @property
    def other_arguments(self) -> dict[str, Any]:
        """All arguments except the first, by their names."""
        method = self.convention.method_for_direction(self.module, self.is_forward)
        given, options = self.others
        found = signature(method).bind_partial(self.pattern, *given, **options).arguments
        return dict(list(found.items())[1:])

    @cached_property
    def inverse(self) -> "LayerCall":
        """The call in the other direction on the image, with the first inverse pattern that runs.

        If the call fails with every pattern, it is the call with the first pattern.
        """
        calls = [
            replace(
                self,
                is_forward=not self.is_forward,
                pattern=pattern,
                before=self.after,
                inverse_patterns=(self.pattern,),
                after=self.before,
            )
            for pattern in self.inverse_patterns
        ]
        for call in calls[1:] and calls:
            with suppress(NotMeasuredError):
                call.map_tensors(call.before)
                return call
        return calls[0]

    def run(self) -> "LayerCall":
        """Run the call; return it with its image and its inverse patterns."""
        return self.with_image_and_inverse_patterns_from(self.call_and_find_image(self.before)[0])

    def with_image_and_inverse_patterns_from(self, result: Any) -> "LayerCall":
        """Return the call with the image and the inverse patterns that its `result` contains."""
        image = _find_image_or_first_batch(result, count_tensor_entries(self.before))
        own = {id(t) for t in list_tensors(image)}
        whole = tree_map_only(
            Tensor, lambda t: SLOT if id(t) in own else t.detach().clone(), result
        )
        patterns = [replace_tensors_by_slots(image), *([] if result is image else [whole])]
        return replace(
            self,
            inverse_patterns=tuple(patterns),
            after=copy_and_detach_tensors(list_tensors(image)),
        )

    def select_members_without_image(self, members: Any) -> "LayerCall":
        """Return this call for the members of the batch with these indices; it has no image."""
        n = len(self.before[0])
        pattern, before, others = tree_map_only(
            Tensor,
            lambda t: t[members] if t.ndim and len(t) == n else t,
            (self.pattern, self.before, self.others),
        )
        return replace(
            self, pattern=pattern, before=before, others=others, inverse_patterns=(), after=()
        )

    def call_and_find_image(self, inputs: Tensors) -> tuple[Any, Any]:
        """Call the layer on copies of the inputs; return the result, and the image inside it."""
        (given, options), fresh = copy_and_detach_tensors(self.others), iter(inputs)
        pattern = copy_and_detach_tensors(self.pattern)
        first = tree_map(lambda leaf: next(fresh).clone() if leaf is SLOT else leaf, pattern)
        method = self.convention.method_for_direction(self.module, self.is_forward)
        try:
            value = method(first, *given, **options)
        except Exception as error:  # a library may raise any error
            where = getattr(error, "where", self.path) or "the model"
            raise NotMeasuredError(
                f"{where} raises {root_cause_type_and_message(error)}"
            ) from error
        return value, _find_image_or_first_batch(value, count_tensor_entries(inputs))

    def map_tensors(self, inputs: Tensors) -> Tensors:
        """Return the images of the inputs under the layer."""
        _, image = run_preferably_without_gradients(lambda: self.call_and_find_image(inputs))
        return copy_and_detach_tensors(list_tensors(image))

    def find_own_log_dets(self, inputs: Tensors) -> Tensor:
        """Call the layer on the inputs; return the log-determinants of the layer by member.

        If the layer adds its log-determinants to a sum that is an argument, this sum is subtracted.
        """
        (value, image), n = self.call_and_find_image(inputs), len(inputs[0])
        own = {id(tensor) for tensor in list_tensors(image)}
        numbers = [
            (keystr(path), torch.as_tensor(leaf))
            for path, leaf in tree_flatten_with_path(value)[0]
            if isinstance(leaf, Tensor | float | int) and id(leaf) not in own
        ]
        numbers = [(name, x) for name, x in numbers if x.numel() in (1, n)]
        found = [x for name, x in numbers if LOG_DET.search(name)]
        found = found or [x for name, x in numbers if not re.search("[a-zA-Z]", name)]
        if len(found) != 1:
            count = f"{len(found)} possible log-determinants" if found else "no log-determinant"
            raise NotMeasuredError(f"the module returns {count}")
        named = self.other_arguments.items()
        sums = (x for name, x in named if LOG_DET.search(name) and isinstance(x, Tensor | float))
        return (found[0].flatten().double() - sum(sums)).expand(n)


def run_preferably_without_gradients(run: Callable[[], Result]) -> Result:
    """Run a function without gradients; after a `NotMeasuredError`, run it with gradients."""
    with suppress(NotMeasuredError), torch.no_grad():
        return run()
    return run()


Layer = tuple[str, nn.Module, CallConvention]
"""The path of a layer, its module, and how the module is called."""


class Tracer:
    """A recorder of the calls of some layers.

    An exception that a layer raises gets the path of the layer as its attribute `where`.
    """

    def __init__(self, layers: Iterable[Layer]):
        self.layers = list(layers)
        self.calls: list[LayerCall] | None = None
        self.reached = 0

    def trace(self, run: Callable[[], Result]) -> tuple[Result, list[LayerCall]]:
        """Run a function; return its result, and the recorded calls of layers.

        The attribute `reached` becomes the number of calls, even if the function fails.
        """
        self.calls = calls = list[LayerCall]()
        with ExitStack() as interceptions:
            for layer in self.layers:
                _, module, convention = layer
                for name in {convention.forward, convention.inverse}:
                    own = {name: vars(module)[name]} if name in vars(module) else {}
                    vars(module)[name] = self._wrap_method_to_record_calls(layer, name)
                    interceptions.callback(vars(module).update, own)
                    interceptions.callback(vars(module).pop, name)
            try:
                return run(), calls
            finally:
                self.calls, self.reached = None, len(calls)

    def _wrap_method_to_record_calls(self, layer: Layer, name: str) -> Callable[..., Any]:
        """Wrap a method of a layer to record its calls, except calls inside a recorded call."""
        path, module, convention = layer
        method = getattr(module, name)

        @wraps(method)
        def run_and_record(*arguments: Any, **options: Any) -> Any:
            calls, self.calls = self.calls, None
            try:
                if calls is None:
                    return method(*arguments, **options)
                bound = signature(method).bind_partial(*arguments, **options)
                is_inverse = name == convention.inverse
                if convention.option:
                    is_inverse = bound.arguments.pop(convention.option, False)
                first, *others = copy_and_detach_tensors(bound.args or (None,))
                call = LayerCall(
                    *layer,
                    not is_inverse,
                    replace_tensors_by_slots(first),
                    list_tensors(first),
                    (tuple(others), copy_and_detach_tensors(bound.kwargs)),
                )
                value = method(*arguments, **options)
                # a module that takes and returns several batches is not a layer of a flow
                returned = value if isinstance(value, tuple) else ()
                maps_several = sum(map(_are_tensors_of_one_batch, returned)) > 1
                if not (maps_several and any(map(_are_tensors_of_one_batch, others))):
                    with suppress(NotMeasuredError):  # a result without a batch is not recorded
                        calls.append(call.with_image_and_inverse_patterns_from(value))
                return value
            except Exception as error:
                vars(error).setdefault("where", path)
                raise
            finally:
                self.calls = calls

        return run_and_record
