"""What a model does with x, as it runs: which layers it calls, in which direction, on what.

The layers are found by watching: on a copy of the model, the methods of every module that has a
door (`doors`) note their calls while the model maps x ahead, and back. A call counts as one layer
unless the calls inside it are a chain: each takes one tensor to one of as many entries, and between
them numbers are only moved about (reshaped, permuted, split off). What is a chain on the way ahead
is opened on the way back, too, and the whole model always.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.diagnosis.doors import Door, door, parameters, path_of
from exactflow.interop.diagnosis.values import (
    State,
    beside,
    copied,
    entries,
    image,
    members,
    refilled,
    tensors,
)

__all__ = ["Call", "FailureError", "Traced", "duplicate"]


class FailureError(Exception):
    """A model raised an error on its way: where, and which."""

    def __init__(self, path: str, error: Exception):
        super().__init__(str(error))
        self.path, self.error = path, error

    def __str__(self) -> str:
        lines = str(self.error).splitlines()
        return f"{type(self.error).__name__}: {lines[0][:200] if lines else 'no message'}"


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, which can be repeated on other tensors.

    Attributes
    ----------
    given, made : the tensors that it maps and their image, in the structures that it took and
        returned them in; with `is_spread`, several arguments.
    rest : the other arguments.
    beside : what it returned beside the image.
    dtype : PyTorch's default while it runs, so that what a layer makes anew has it, too.
    other : the call of the same layer on the way back, which knows how it is called there.
    inner : the calls of layers within.
    """

    path: str
    module: nn.Module
    door: Door
    is_ahead: bool
    given: Any
    rest: tuple[tuple, dict]
    dtype: torch.dtype
    made: Any = ()
    beside: list[Any] = field(default_factory=list)
    is_spread: bool = False
    other: "Call | None" = None
    inner: "list[Call]" = field(default_factory=list)

    @property
    def before(self) -> State:
        """The tensors that are mapped."""
        return tensors(self.given)

    @property
    def after(self) -> State:
        """Their images."""
        return tensors(self.made)

    def noted(self, value: Any) -> "Call":
        """Return the call with what came of it."""
        given = (self.given, *self.rest[0])
        if len(given) > 1 and isinstance(value, tuple) and _are_alike(given, value[: len(given)]):
            made, rest = value[: len(given)], ((), self.rest[1])
            others = copied(list(value[len(given) :]))
            call = replace(self, given=given, rest=rest, is_spread=True)
            return replace(call, made=copied(made), beside=others)
        made = image(value, entries(self.given))
        return replace(self, made=copied(made), beside=copied(beside(value, made)))

    def on(self, module: nn.Module) -> "Call":
        """Return the call of another module."""
        return replace(self, module=module, other=self.other and self.other.on(module))

    def moved(self, state: State) -> "Call":
        """Return the call on other tensors; raises `FailureError`."""
        made, others = self.plain(state)
        return replace(self, given=refilled(self.given, state), made=made, beside=others)

    def of_member(self, i: int, times: int = 1) -> "Call":
        """Return the call on one member of its batch, once or several times.

        Vectors of floats with an entry for each member, log-determinants that are added up, are 0.
        """
        size = len(self.before[0])
        rows = [min(i, size - 1)] * times
        arguments, options = copied(members(self.rest, rows, size))
        for tensor in tensors((arguments, options)):
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.zero_()
        given, made = members(self.given, rows, size), members(self.made, rows, size)
        other = self.other and self.other.of_member(i, times)
        return replace(self, given=given, made=made, rest=(arguments, options), other=other)

    def run(self, state: State, is_ahead: bool | None = None) -> tuple[Any, list[Any]]:
        """Return the image of other tensors, in the same or a given direction, and what is beside.

        Raises `FailureError` where the layer raises an error.
        """
        is_ahead = self.is_ahead if is_ahead is None else is_ahead
        if self.other and self.other.is_ahead == is_ahead and len(self.other.before) == len(state):
            return self.other.run(state)
        given = refilled(self.given if is_ahead == self.is_ahead else self.made, state)
        arguments, options = refilled(self.rest, tensors(self.rest))
        method = getattr(self.module, self.door.method(is_ahead))
        options = {**options, **self.door.options(is_ahead)}
        leading = given if self.is_spread else (given,)
        try:
            with _default(self.dtype):
                value = method(*leading, *arguments, **options)
            made = image(value, entries(state))
        except Exception as error:  # whatever a library raises
            raise FailureError(self.path, error) from error
        return made, beside(value, made)

    def plain(self, state: State, is_ahead: bool | None = None) -> tuple[Any, list[Any]]:
        """Return the same without derivatives, if it can do without."""
        try:
            with torch.no_grad():
                return copied(self.run(state, is_ahead))
        except FailureError:
            return copied(self.run(state, is_ahead))

    def mapped(self, state: State, is_ahead: bool | None = None) -> State:
        """Return only the tensors, detached."""
        return tensors(self.plain(state, is_ahead)[0])


class Traced:
    """A copy of a model, called by `way`, whose layers note their calls."""

    def __init__(self, model: nn.Module, way: Door, dtype: torch.dtype):
        self.model, self.door, self.dtype = model, way, dtype
        self._open: list[list[Call]] = []
        self._chains: set[str] = set()
        self._failed: str | None = None
        for name, module in model.named_modules():
            if module is not model and (own := door(module)):
                for method in {own.ahead, own.back}:
                    watched = self._watched(path_of(module, name), module, own, method)
                    setattr(module, method, watched)

    def run(self, value: Any, is_ahead: bool, options: dict[str, Any]) -> tuple[Call, list[Call]]:
        """Return the call of the model and those of its layers, with derivatives where it must.

        Raises `FailureError`.
        """
        try:
            with torch.no_grad():
                whole = self._run(value, is_ahead, options)
        except FailureError:
            whole = self._run(value, is_ahead, options)
        if is_ahead:
            self._chains = set(_chains(whole.inner))
        return whole, self._layers(whole)

    def _run(self, value: Any, is_ahead: bool, options: dict[str, Any]) -> Call:
        method = getattr(self.model, self.door.method(is_ahead))
        is_spread = isinstance(value, tuple) and _required(method) == len(value) > 1
        rest: tuple[tuple, dict] = ((), copied(options))
        whole = Call(
            *("", self.model, self.door, is_ahead, copied(value), rest, self.dtype),
            is_spread=is_spread,
        )
        self._open, self._failed = [whole.inner], None
        leading = copied(value) if is_spread else (copied(value),)
        try:
            with _default(self.dtype):
                result = method(*leading, **copied(options), **self.door.options(is_ahead))
            return whole.noted(result)
        except Exception as error:
            raise FailureError(self._failed or "", error) from error
        finally:
            self._open = []

    def _layers(self, call: Call) -> list[Call]:
        """Return the calls inside a call, those that are chains on the way ahead opened."""
        layers = [
            layer
            for inner in call.inner
            for layer in (self._layers(inner) if inner.path in self._chains else [inner])
        ]
        return layers or [call]

    def _watched(self, path: str, module: nn.Module, way: Door, name: str) -> Callable:
        method = getattr(module, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            if not self._open:
                return method(*arguments, **options)
            call = _begun(path, module, way, name, arguments, dict(options), self.dtype)
            self._open.append(call.inner)
            try:
                value = method(*arguments, **options)
            except Exception:
                self._failed = self._failed or path
                raise
            finally:
                self._open.pop()
            self._failed = None  # an error inside was caught
            try:
                self._open[-1].append(call.noted(value))
            except InvalidInputError:  # it maps no batches: no layer, whatever it is
                self._open[-1].extend(call.inner)
            return value

        watched.is_watching = True  # type: ignore[attr-defined]
        return watched


def duplicate(model: nn.Module) -> nn.Module:
    """Return a copy of a model that nobody watches; results of computations are copied as values.

    Raises `InvalidInputError` where there are parts that cannot be copied.
    """
    results = [
        value
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and not value.is_leaf
    ]
    try:
        twin = copy.deepcopy(model, {id(tensor): tensor.detach().clone() for tensor in results})
    except Exception as error:
        raise InvalidInputError(
            f"expected a model that copy.deepcopy can copy, got {type(error).__name__}: {error}"
        ) from error
    for module in twin.modules():
        for name in [n for n, v in vars(module).items() if getattr(v, "is_watching", False)]:
            delattr(module, name)
    return twin


@contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    """Make a dtype PyTorch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _required(method: Callable) -> int:
    """Return how many arguments a method needs."""
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    needed = inspect.signature(method).parameters.values()
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in needed)


def _are_alike(given: tuple, value: tuple) -> bool:
    """Return whether several tensors, arguments of a layer, came back in their shapes."""
    return len(given) == len(value) and all(
        isinstance(a, Tensor) and isinstance(b, Tensor) and a.ndim > 1 and a.shape == b.shape
        for a, b in zip(given, value, strict=True)
    )


def _begun(
    path: str,
    module: nn.Module,
    way: Door,
    name: str,
    arguments: tuple,
    options: dict,
    dtype: torch.dtype,
) -> Call:
    """Return a call before it is made."""
    given, *others = arguments or [options.pop(next(iter(options), ""), None)]
    is_ahead = name == way.ahead
    if way.option is not None:
        names = parameters(type(module).forward)[2:]
        k = names.index(way.option)
        options |= dict(zip(names[k:], others[k:], strict=False))
        is_ahead, others = not options.pop(way.option, False), others[:k]
    rest = copied((tuple(others), options))
    return Call(path, module, way, is_ahead, copied(given), rest, dtype)


def _chains(calls: list[Call]) -> Iterator[str]:
    """Yield the paths of calls that are chains, and of those inside them."""
    for call in calls:
        if _is_chain(call):
            yield call.path
            yield from _chains(call.inner)


def _is_chain(call: Call) -> bool:
    """Return whether a call only hands numbers on to the calls inside it."""
    size = entries(call.given)
    if not call.inner or any(
        inner.module is call.module
        or len(inner.before) != 1
        or len(inner.after) != 1
        or entries(inner.given) != size
        or entries(inner.made) != size
        for inner in call.inner
    ):
        return False
    handed = [call.before, *(inner.after for inner in call.inner)]
    taken = [*(inner.before for inner in call.inner), call.after]
    return all(
        bool(torch.isin(tensor, torch.cat([t.flatten() for t in source])).all())
        for source, target in zip(handed, taken, strict=True)
        for tensor in target
    )
