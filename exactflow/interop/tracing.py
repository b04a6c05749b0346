"""Calls of a model and of its layers: the arguments, the image, and both again on other tensors.

The methods of every layer note their calls, but not those inside of another call that is noted: a
block of layers is one layer.
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

from exactflow.interop.library import Way
from exactflow.interop.models import cause, copy_model, watched

Tensors = tuple[Tensor, ...]
Found = TypeVar("Found")

LOG_DET = re.compile("det|ladj|ldj|jac", re.IGNORECASE)
"""Names of log-determinants: of what is returned, and of arguments to which layers add theirs."""
SLOT = object()
"""The place of a tensor that is mapped, in the pattern of an argument."""


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


def pattern_of(value: Any) -> Any:
    """Return a structure with a slot in the place of each tensor."""
    return tree_map_only(Tensor, lambda _: SLOT, value)


def are_finite(values: Tensors) -> Tensor:
    """Which members of a batch have finite numbers alone."""
    return torch.stack([torch.isfinite(t.flatten(1)).all(1) for t in values]).all(0)


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
    """One call of a layer, which can be repeated on other tensors, and in the other direction.

    Attributes
    ----------
    path, module, way, is_ahead : the layer, and how it is called.
    pattern : the argument that is mapped, with slots for its tensors.
    before, after : these tensors, and their images.
    rest : the other arguments and options, with which it is inverted, too.
    patterns : arguments that the other direction may take: the image; or all that was returned,
        with slots for the image.
    """

    path: str
    module: nn.Module
    way: Way
    is_ahead: bool
    pattern: Any
    before: Tensors
    rest: tuple[tuple, dict]
    patterns: tuple[Any, ...] = ()
    after: Tensors = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """The other arguments by their names."""
        method, (others, options) = self.way.method(self.module, self.is_ahead), self.rest
        found = signature(method).bind_partial(self.pattern, *others, **options).arguments
        return dict(list(found.items())[1:])

    @cached_property
    def inverse(self) -> "Call":
        """The call in the other direction, on the image: on the first pattern that runs."""
        calls = [
            replace(
                self,
                is_ahead=not self.is_ahead,
                pattern=pattern,
                before=self.after,
                patterns=(self.pattern,),
                after=self.before,
            )
            for pattern in self.patterns
        ]
        for call in calls[1:] and calls:
            with suppress(UnknownError):
                call.mapped(call.before)
                return call
        return calls[0]

    def answered(self, value: Any) -> "Call":
        """The call with the image that is found in what it returned."""
        image = _image(value, entries(self.before))
        own = {id(t) for t in tensors(image)}
        whole = tree_map_only(Tensor, lambda t: SLOT if id(t) in own else t.detach().clone(), value)
        patterns = [pattern_of(image), *([] if value is image else [whole])]
        return replace(self, patterns=tuple(patterns), after=copy_tensors(tensors(image)))

    def cut(self, rows: Any) -> "Call":
        """The call on some members of its batch, whose images are not known yet."""
        n = len(self.before[0])

        def cut(t: Tensor) -> Tensor:
            return t[rows] if t.ndim and len(t) == n else t

        pattern, before, rest = tree_map_only(Tensor, cut, (self.pattern, self.before, self.rest))
        return replace(self, pattern=pattern, before=before, rest=rest, patterns=(), after=())

    def fine(self, rows: list[int], step: float) -> "Call":
        """The call of a copy in float64, on some members of its batch, moved by a step."""
        module, cut = copy_model(self.module).double(), self.cut(list(dict.fromkeys(rows)))
        for part in module.modules():  # tensors that are neither parameters nor buffers
            own = {name: t for name, t in vars(part).items() if isinstance(t, Tensor)}
            vars(part).update(copy_tensors(own, torch.float64))

        def move(t: Tensor) -> Tensor:
            return t + step * t.abs().max() * torch.randn_like(t)

        pattern, before, rest = copy_tensors((cut.pattern, cut.before, cut.rest), torch.float64)
        found = replace(
            cut, module=module, pattern=pattern, before=tuple(map(move, before)), rest=rest
        )
        try:
            return found.answered(found.run(found.before)[0])
        except UnknownError as reason:
            raise UnknownError(f"in float64 {reason}") from reason

    def run(self, state: Tensors) -> tuple[Any, Any]:
        """Map copies of other tensors, to what is returned and the image in it."""
        (others, options), fresh = copy_tensors(self.rest), iter(state)
        kept = copy_tensors(self.pattern)
        given = tree_map(lambda leaf: next(fresh).clone() if leaf is SLOT else leaf, kept)
        method = self.way.method(self.module, self.is_ahead)
        try:
            value = method(given, *others, **options, **self.way.options(self.is_ahead))
        except Exception as error:  # whatever a library raises
            where = getattr(error, "where", self.path) or "the model"
            raise UnknownError(f"{where} raises {cause(error)}") from error
        return value, _image(value, entries(state))

    def mapped(self, state: Tensors) -> Tensors:
        """Map other tensors."""
        return copy_tensors(tensors(without_derivatives(lambda: self.run(state))[1]))

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
        named = self.arguments.items()
        sums = (x for name, x in named if LOG_DET.search(name) and isinstance(x, Tensor | float))
        return (found[0].flatten().double() - sum(sums)).expand(n)


def without_derivatives(run: Callable[[], Found]) -> Found:
    """Run without derivatives; with them where there is an error without."""
    with suppress(UnknownError), torch.no_grad():
        return run()
    return run()


class Tracer:
    """The calls of layers, paths and modules with their conventions, noted while a model runs."""

    def __init__(self, layers: Iterable[tuple[str, nn.Module, Way]]):
        self.layers = list(layers)
        self.noted: list[Call] | None = None
        self.reached = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Let the layers note their calls for a while."""
        with ExitStack() as watching:
            for path, module, way in self.layers:
                around = partial(self._note, path, module, way)
                watching.enter_context(watched(module, path, {way.ahead, way.back}, around))
            yield

    def traced(self, run: Callable[[], Found]) -> tuple[Found, list[Call]]:
        """Run something; return what it returns, and the calls of layers meanwhile, whose number is
        known as `reached` where it fails, too.
        """
        self.noted = calls = list[Call]()
        try:
            return run(), calls
        finally:
            self.noted, self.reached = None, len(calls)

    def _note(
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
        call = Call(
            path,
            module,
            way,
            not is_back,
            pattern_of(first),
            tensors(first),
            (tuple(others), copy_tensors(bound.kwargs)),
        )
        try:
            value = method(*arguments, **options)
        finally:
            self.noted = calls
        several = isinstance(value, tuple) and sum(map(_has_rows, value)) > 1
        if not (several and any(map(_has_rows, others))):  # of several arguments: no layer
            with suppress(UnknownError):  # it maps no batches
                calls.append(call.answered(value))
        return value
