"""A model there and back: which layers it calls, in which direction, on what.

The methods of every module that its library has a `Way` for note their calls, but not those inside
of another call that is noted: a block of layers is one layer.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.library import METHODS, OPTIONS, Way
from exactflow.interop.models import cause, copy_model, watched

Tensors = tuple[Tensor, ...]
LOG_DET = re.compile("det|ladj|ldj|jac", re.IGNORECASE)
"""Names of log-determinants: of what is returned, and of arguments to which layers add theirs."""


class UnknownError(Exception):
    """A fact is unknown, for a reason."""


def tensors(value: Any) -> Tensors:
    """List the tensors in a structure, in order."""
    return tuple(leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def entries(value: Any) -> int:
    """Count the entries of all tensors in a structure."""
    return sum(tensor.numel() for tensor in tensors(value))


def copy_tensors(value: Any, dtype: torch.dtype | None = None) -> Any:
    """Copy a structure with its tensors, those of floats in a dtype."""

    def copy(t: Tensor) -> Tensor:
        return t.detach().to(dtype if dtype and t.is_floating_point() else t.dtype, copy=True)

    return tree_map_only(Tensor, copy, value)


def _parts(value: Any) -> list[Any]:
    """List a structure, the parts of it, and all but the last of these, a log-determinant."""
    inner = list(value.values()) if isinstance(value, Mapping) else value
    inner = list(inner) if isinstance(inner, list | tuple) else []
    return [value, *(part for one in inner for part in _parts(one)), inner[:-1]]


def _image(value: Any, size: int) -> Any:
    """Find the first part of `size` entries in what was returned, or else the first of rows."""
    parts = [part for part in _parts(value) if _has_rows(*tree_leaves(part))]
    if not parts:
        raise UnknownError(
            "it returns no tensor, or list, tuple or dictionary of tensors, with a row for each "
            f"member of the batch, got {type(value).__name__}"
        )
    return next((part for part in parts if entries(part) == size), parts[0])


def _has_rows(*leaves: Any) -> bool:
    return bool(leaves) and all(isinstance(x, Tensor) and x.ndim > 1 for x in leaves)


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, which can be repeated on other tensors.

    `given` is the argument that is mapped, `made` its image, `rest` are the other arguments, with
    which it is inverted, too.
    """

    path: str
    module: nn.Module
    way: Way
    is_ahead: bool
    given: Any
    rest: tuple[tuple, dict]
    made: Any = ()

    @property
    def before(self) -> Tensors:
        """The tensors that are mapped."""
        return tensors(self.given)

    @property
    def after(self) -> Tensors:
        """Their images."""
        return tensors(self.made)

    @property
    def inverse(self) -> "Call":
        """The call in the other direction, on the image."""
        return replace(self, given=self.made, made=self.given, is_ahead=not self.is_ahead)

    def fine(self, rows: list[int], step: float) -> "Call":
        """The call of a copy in float64, on some members of its batch, moved by a step."""
        module, n = copy_model(self.module).double(), len(self.before[0])
        for part in module.modules():  # tensors that are neither parameters nor buffers
            own = {name: t for name, t in vars(part).items() if isinstance(t, Tensor)}
            vars(part).update(copy_tensors(own, torch.float64))
        rows = list(dict.fromkeys(rows))

        def cut(t: Tensor) -> Tensor:
            t = t[rows] if t.ndim and len(t) == n else t
            return t.double() if t.is_floating_point() else t

        def move(t: Tensor) -> Tensor:
            return t + step * t.abs().max() * torch.randn_like(t)

        given, rest = (tree_map_only(Tensor, cut, x) for x in (self.given, self.rest))
        found = replace(self, module=module, given=tree_map_only(Tensor, move, given), rest=rest)
        try:
            return replace(found, made=copy_tensors(found.run(found.before)[1]))
        except UnknownError as reason:
            raise UnknownError(f"in float64 {reason}") from reason

    def run(self, state: Tensors) -> tuple[Any, Any]:
        """Map copies of other tensors, to what is returned and the image in it."""
        (others, options), fresh = copy_tensors(self.rest), iter(state)
        given = tree_map_only(Tensor, lambda _: next(fresh).clone(), self.given)
        method = self.way.method(self.module, self.is_ahead)
        try:
            value = method(given, *others, **options, **self.way.options(self.is_ahead))
        except Exception as error:  # whatever a library raises
            where = getattr(error, "where", self.path) or "the model"
            raise UnknownError(f"{where} raises {cause(error)}") from error
        return value, _image(value, entries(given))

    def mapped(self, state: Tensors) -> Tensors:
        """Map other tensors."""
        return copy_tensors(tensors(_plainly(lambda: self.run(state))[1]))

    def log_dets(self, state: Tensors) -> Tensor:
        """Find the log-determinants beside the image, less those that it is given to add to."""
        (value, made), n = self.run(state), len(state[0])
        own = {id(tensor) for tensor in tensors(made)}
        numbers = [
            (keystr(path), torch.as_tensor(leaf))
            for path, leaf in tree_flatten_with_path(value)[0]
            if isinstance(leaf, Tensor | float | int) and id(leaf) not in own
        ]
        numbers = [(name, x) for name, x in numbers if x.numel() in (1, n)]
        found = [x for name, x in numbers if LOG_DET.search(name)]
        found = found or [x for name, x in numbers if not re.search("[a-zA-Z]", name)]
        if len(found) != 1:
            raise UnknownError(f"it returns {f'{len(found)} without names' if found else 'none'}")
        method, (others, options) = self.way.method(self.module, self.is_ahead), self.rest
        named = signature(method).bind_partial(self.given, *others, **options).arguments.items()
        sums = (x for name, x in named if LOG_DET.search(name) and isinstance(x, Tensor | float))
        return (found[0].flatten().double() - sum(sums)).expand(n)


def _plainly(run: Callable[[], Any]) -> Any:
    """Run without derivatives; with them where there is an error without."""
    with suppress(UnknownError), torch.no_grad():
        return run()
    return run()


class Trip:
    """A copy of a model from x and back, until an error on the way back.

    Raises `UnknownError` where x has no image, `InvalidInputError` for a model without an inverse.
    """

    def __init__(self, model: Any, x: Tensor, context: Any):
        made = copy_model(model)
        with torch.no_grad():
            self.called = called = whole_of(made, copy_tensors(context, x.dtype))
        if called.way is None:
            raise InvalidInputError(
                f"expected a model with an inverse, got {type(made).__name__}, which has no method "
                f"{' or '.join(METHODS)} and whose forward has no option {', '.join(OPTIONS)}"
            )
        self.way = called.way
        self.noted: list[Call] | None = None
        self.back, self.failure, came = None, None, list[Call]()
        paths = {id(module): path for path, module in called.steps.items()}
        layers = [
            (paths.get(id(module), f"{called.path}.{name}".strip(".")), module, way)
            for name, module in called.module.named_modules()
            if module is not called.module and (way := library_of(module).way(module))
        ]
        with ExitStack() as watching:
            for path, module, way in layers:
                around = partial(self.note, path, module, way)
                watching.enter_context(watched(module, path, {way.ahead, way.back}, around))
            given = [x.clone()] if self.way.is_listed else x.clone()
            self.whole, calls = self.run(given, True)
            try:
                self.back, came = self.run(self.whole.made, False)
            except UnknownError as reason:
                self.failure = reason
        due = [(call.path, not call.is_ahead) for call in calls]
        is_reverse = due == [(call.path, call.is_ahead) for call in came[::-1]]
        self.pairs = list(zip(calls, came[::-1], strict=True)) if is_reverse else []
        self.calls = [*calls, self.whole]

    def run(self, value: Any, is_ahead: bool) -> tuple[Call, list[Call]]:
        """Run the model; list its call, and those of its layers."""
        rest = (), dict(self.called.options)
        call = Call(self.called.path, self.called.module, self.way, is_ahead, value, rest)

        def run() -> tuple[Call, list[Call]]:
            self.noted = calls = list[Call]()
            try:
                return replace(call, made=copy_tensors(call.run(call.before)[1])), calls
            finally:
                self.noted = None

        return _plainly(run)

    def note(
        self, path: str, module: nn.Module, way: Way, name: str, method: Callable, given: tuple
    ) -> Any:
        """Run a method of a module, and note the call unless it is inside of another one."""
        calls, self.noted = self.noted, None
        arguments, options = given
        if calls is None:
            return method(*arguments, **options)
        bound = signature(method).bind_partial(*arguments, **options)
        is_back = bound.arguments.pop(way.option, False) if way.option else name == way.back
        first, *others = copy_tensors(bound.args or (None,))
        rest = tuple(others), copy_tensors(bound.kwargs)
        try:
            value = method(*arguments, **options)
        finally:
            self.noted = calls
        several = isinstance(value, tuple) and sum(map(_has_rows, value)) > 1
        if not (several and any(map(_has_rows, others))):  # of several arguments: no layer
            with suppress(UnknownError):  # it maps no batches
                made = copy_tensors(_image(value, entries(first)))
                calls.append(Call(path, module, way, not is_back, first, rest, made))
        return value
