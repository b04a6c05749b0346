"""Calls of a model and of its layers, recorded with their arguments, so that they can be repeated.

A `Tracer` records the calls of every layer, except calls inside another recorded call: a block of
layers is one layer.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from inspect import signature
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves, tree_map, tree_map_only

from exactflow.interop.library import CallConvention
from exactflow.interop.module_tree import copy_model, intercept_methods, root_cause_text

Tensors = tuple[Tensor, ...]
Result = TypeVar("Result")

LOG_DET = re.compile("det|ladj|ldj|jac", re.IGNORECASE)
"""Names of log-determinants, in results and in arguments to which layers add theirs."""
SLOT = object()
"""A placeholder for a mapped tensor in the pattern of an argument."""


class NotMeasuredError(Exception):
    """A quantity cannot be measured, for the reason in the message."""


def list_tensors(value: Any) -> Tensors:
    """List the tensors in a structure, in order."""
    return tuple(leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def count_entries(value: Any) -> int:
    """Count the entries of all tensors in a structure."""
    return sum(tensor.numel() for tensor in list_tensors(value))


def copy_tensors(value: Any, dtype: torch.dtype | None = None) -> Any:
    """Copy a structure with its tensors, optionally converting floats to a dtype."""

    def copy(t: Tensor) -> Tensor:
        return t.detach().to(dtype if dtype and t.is_floating_point() else t.dtype, copy=True)

    return tree_map_only(Tensor, copy, value)


def replace_tensors_by_slots(value: Any) -> Any:
    """Return a copy of a structure with a slot in place of each tensor."""
    return tree_map_only(Tensor, lambda _: SLOT, value)


def find_finite(values: Tensors) -> Tensor:
    """Find the members of a batch that have finite numbers only, as a boolean mask."""
    return torch.stack([torch.isfinite(t.flatten(1)).all(1) for t in values]).all(0)


def _list_parts(value: Any) -> list[Any]:
    """List `value` and its nested parts, and at each level also the parts except the last, since
    the last may be a log-determinant.
    """
    inner = list(value.values()) if isinstance(value, Mapping) else value
    inner = list(inner) if isinstance(inner, list | tuple) else []
    return [value, *(part for one in inner for part in _list_parts(one)), inner[:-1]]


def _find_image(value: Any, size: int) -> Any:
    """Find the first part of a result with `size` entries, or else its first part with batches."""
    parts = [part for part in _list_parts(value) if _are_batches(*tree_leaves(part))]
    if not parts:
        raise NotMeasuredError(
            f"it returns {type(value).__name__}, not a tensor, or a list, tuple or dictionary of "
            "tensors, with a row for each member of the batch"
        )
    return next((part for part in parts if count_entries(part) == size), parts[0])


def _are_batches(*leaves: Any) -> bool:
    return bool(leaves) and all(isinstance(x, Tensor) and x.ndim > 1 for x in leaves)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """A call of a layer, which can be repeated on other tensors and in the other direction.

    Attributes
    ----------
    path, module, convention, is_forward : the layer, and how it is called.
    pattern : the mapped argument, with slots for its tensors.
    before, after : the tensors in these slots, and their images.
    others : the other arguments and options, which the inverse gets, too.
    inverse_patterns : candidates for the mapped argument of the other direction: the image; or the
        whole result, with slots for the image.
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
    def arguments(self) -> dict[str, Any]:
        """The other arguments by their names."""
        method = self.convention.method(self.module, self.is_forward)
        given, options = self.others
        found = signature(method).bind_partial(self.pattern, *given, **options).arguments
        return dict(list(found.items())[1:])

    @cached_property
    def inverse(self) -> "LayerCall":
        """The call in the other direction on the image, with the first pattern that runs."""
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

    def with_result(self, value: Any) -> "LayerCall":
        """Return the call with the image that is found in its result."""
        image = _find_image(value, count_entries(self.before))
        own = {id(t) for t in list_tensors(image)}
        whole = tree_map_only(Tensor, lambda t: SLOT if id(t) in own else t.detach().clone(), value)
        patterns = [replace_tensors_by_slots(image), *([] if value is image else [whole])]
        return replace(
            self, inverse_patterns=tuple(patterns), after=copy_tensors(list_tensors(image))
        )

    def select(self, rows: Any) -> "LayerCall":
        """Return the call on some members of its batch, without images."""
        n = len(self.before[0])

        def select(t: Tensor) -> Tensor:
            return t[rows] if t.ndim and len(t) == n else t

        pattern, before, others = tree_map_only(
            Tensor, select, (self.pattern, self.before, self.others)
        )
        return replace(
            self, pattern=pattern, before=before, others=others, inverse_patterns=(), after=()
        )

    def repeat_in_float64(self, rows: list[int], step: float) -> "LayerCall":
        """Repeat the call with a copy in float64, on some members, each moved by a random step."""
        module, selected = copy_model(self.module).double(), self.select(list(dict.fromkeys(rows)))
        for part in module.modules():  # tensors that are neither parameters nor buffers
            own = {name: t for name, t in vars(part).items() if isinstance(t, Tensor)}
            vars(part).update(copy_tensors(own, torch.float64))

        def move(t: Tensor) -> Tensor:
            return t + step * t.abs().max() * torch.randn_like(t)

        pattern, before, others = copy_tensors(
            (selected.pattern, selected.before, selected.others), torch.float64
        )
        call = replace(
            selected, module=module, pattern=pattern, before=tuple(map(move, before)), others=others
        )
        try:
            return call.with_result(call.call_and_find_image(call.before)[0])
        except NotMeasuredError as reason:
            raise NotMeasuredError(f"in float64 {reason}") from reason

    def call_and_find_image(self, state: Tensors) -> tuple[Any, Any]:
        """Call the layer on copies of other tensors; return its result, and the image in it."""
        (given, options), fresh = copy_tensors(self.others), iter(state)
        pattern = copy_tensors(self.pattern)
        first = tree_map(lambda leaf: next(fresh).clone() if leaf is SLOT else leaf, pattern)
        method = self.convention.method(self.module, self.is_forward)
        try:
            value = method(
                first, *given, **options, **self.convention.direction_option(self.is_forward)
            )
        except Exception as error:  # a library may raise any error
            where = getattr(error, "where", self.path) or "the model"
            raise NotMeasuredError(f"{where} raises {root_cause_text(error)}") from error
        return value, _find_image(value, count_entries(state))

    def map_tensors(self, state: Tensors) -> Tensors:
        """Return the images of other tensors."""
        return copy_tensors(
            list_tensors(run_without_gradients(lambda: self.call_and_find_image(state))[1])
        )

    def find_own_log_dets(self, state: Tensors) -> Tensor:
        """Return the log-determinants in the result, minus those in the arguments if the layer adds
        its own to them.
        """
        (value, image), n = self.call_and_find_image(state), len(state[0])
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
            count = f"{len(found)} values without names" if found else "none"
            raise NotMeasuredError(f"the module returns {count}")
        named = self.arguments.items()
        sums = (x for name, x in named if LOG_DET.search(name) and isinstance(x, Tensor | float))
        return (found[0].flatten().double() - sum(sums)).expand(n)


def run_without_gradients(run: Callable[[], Result]) -> Result:
    """Run a function without gradients, or with gradients if it fails without them."""
    with suppress(NotMeasuredError), torch.no_grad():
        return run()
    return run()


class Tracer:
    """Records the calls of layers, given as paths and modules with their call conventions."""

    def __init__(self, layers: Iterable[tuple[str, nn.Module, CallConvention]]):
        self.layers = list(layers)
        self.calls: list[LayerCall] | None = None
        self.reached = 0

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Intercept the methods of the layers, within a ``with`` block."""
        with ExitStack() as interceptions:
            for path, module, convention in self.layers:
                around = partial(self._record, path, module, convention)
                names = {convention.forward, convention.inverse}
                interceptions.enter_context(intercept_methods(module, path, names, around))
            yield

    def trace(self, run: Callable[[], Result]) -> tuple[Result, list[LayerCall]]:
        """Run a function; return its result, and the calls of layers in it.

        The number of calls is in `reached`, even if the function fails.
        """
        self.calls = calls = list[LayerCall]()
        try:
            return run(), calls
        finally:
            self.calls, self.reached = None, len(calls)

    def _record(
        self,
        path: str,
        module: nn.Module,
        convention: CallConvention,
        name: str,
        method: Callable,
        given: tuple,
    ) -> Any:
        """Run a method of a module, and record the call unless it is inside a recorded call."""
        calls, self.calls = self.calls, None
        arguments, options = given
        if calls is None:
            return method(*arguments, **options)
        bound = signature(method).bind_partial(*arguments, **options)
        if convention.option:
            is_inverse = bound.arguments.pop(convention.option, False)
        else:
            is_inverse = name == convention.inverse
        first, *others = copy_tensors(bound.args or (None,))
        call = LayerCall(
            path,
            module,
            convention,
            not is_inverse,
            replace_tensors_by_slots(first),
            list_tensors(first),
            (tuple(others), copy_tensors(bound.kwargs)),
        )
        try:
            value = method(*arguments, **options)
        finally:
            self.calls = calls
        maps_several = isinstance(value, tuple) and sum(map(_are_batches, value)) > 1
        # a module with several batches in and out is not a layer of a flow
        if not (maps_several and any(map(_are_batches, others))):
            with suppress(NotMeasuredError):  # raised if the module maps no batches
                calls.append(call.with_result(value))
        return value
