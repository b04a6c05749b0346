"""What a model does with x, as it runs: which layers it calls, in which direction, on what.

The layers are found by watching: on a copy of the model, the methods of every module that has a
door (`doors`) note their calls while the model maps x ahead, and back. A call counts as one layer
unless the calls inside it are a chain: each takes one tensor to one of as many entries, and between
them numbers are only moved about (reshaped, permuted, split off). What is a chain on the way ahead
is opened on the way back, too, and the whole model always.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.interop.diagnosis.doors import Door, State, door, latent, returned, taken

__all__ = ["Call", "FailureError", "Traced", "duplicate", "entries"]

LISTS = (list, tuple)


@dataclass(eq=False)
class Call:
    """One call of a layer: its module, direction, arguments, and the tensors in and out.

    `given` is the argument with the tensors, a tensor or a list of them, and `made` the type of
    what came of it; None where several arguments are the tensors.
    """

    path: str
    module: nn.Module
    door: Door
    is_ahead: bool
    given: Any
    rest: tuple[tuple, dict]
    before: State
    after: State = ()
    log_det: Tensor | None = None
    made: type = Tensor
    inner: list["Call"] = field(default_factory=list)

    def note(self, value: Any) -> None:
        """Keep what the call returned."""
        if self._takes_halves(value):
            self.before, self.after = _copies((self.given, *self.rest[0])), _copies(value)
            self.rest, self.given = ((), self.rest[1]), None
            return
        self.after = _detached(returned(value, entries(self.before)))
        lists = (
            [] if isinstance(value, Tensor) else [p for p in value if isinstance(p, LISTS) and p]
        )
        several = value if len(self.after) > 1 else self.after[0]
        self.made = type(lists[0] if lists else several)
        if isinstance(value, tuple) and len(value) > 1 and isinstance(value[1], Tensor):
            self.log_det = value[1].detach().clone()

    def _takes_halves(self, value: Any) -> bool:
        """Return whether the layer maps several tensors, its arguments, to as many."""
        given = (self.given, *self.rest[0])
        if len(given) == 1 or not isinstance(value, tuple) or len(value) != len(given):
            return False
        both = zip(given, value, strict=True)
        return all(isinstance(b, Tensor) and getattr(a, "shape", None) == b.shape for a, b in both)

    def again(self, state: State, is_ahead: bool | None = None) -> Any:
        """Return what the layer returns for other tensors, in the same or a given direction.

        Raises `FailureError` where the layer raises an error.
        """
        is_ahead = self.is_ahead if is_ahead is None else is_ahead
        arguments, options = self.rest
        method = getattr(self.module, self.door.ahead if is_ahead else self.door.back)
        options = {**options, **self.door.options(is_ahead)}
        given: Sequence = state
        if self.given is not None:
            wanted = type(self.given) if is_ahead == self.is_ahead else self.made
            given = [wanted(state) if wanted in LISTS else state[0]]
        try:
            return method(*given, *arguments, **options)
        except Exception as error:  # whatever a library raises
            raise FailureError(self.path, error) from error

    def mapped(self, state: State, is_ahead: bool | None = None) -> State:
        """Return only the tensors, detached."""
        with torch.no_grad():
            return _detached(returned(self.again(state, is_ahead), entries(state)))


class FailureError(Exception):
    """A model raised an error on its way: where, and which."""

    def __init__(self, path: str, error: Exception):
        super().__init__(str(error))
        self.path, self.error = path, error


class Traced:
    """A copy of a model, called by `way`, whose layers note their calls.

    `path` is where it stands in the user's.
    """

    def __init__(self, model: nn.Module, way: Door, path: str = ""):
        self.model, self.path, self.door = model, path, way
        self._open: list[list[Call]] = []
        self._chains: set[str] = set()
        self._failed: str | None = None
        for inner, module in model.named_modules():
            if module is not model and (own := door(module)):
                name = getattr(module, "path", f"{path}.{inner}".lstrip("."))
                self._watch(name, module, own)

    def ahead(self, x: Tensor) -> tuple[list[Call], Any]:
        """Return the layers that map x ahead, and its image as the model gives it."""
        whole, value = self._run(x, True)
        self._chains = set(_chains(whole.inner))
        return self._layers(whole), latent(value, x)

    def back(self, y: Any) -> tuple[list[Call], Tensor]:
        """Return the layers that map an image back, and what comes."""
        whole, value = self._run(y, False)
        return self._layers(whole), returned(value, 0)[0]

    def _layers(self, call: Call) -> list[Call]:
        """Return the calls inside a call, those that are chains on the way ahead opened."""
        layers = [
            layer
            for inner in call.inner
            for layer in (self._layers(inner) if inner.path in self._chains else [inner])
        ]
        return layers or [call]

    def _run(self, value: Any, is_ahead: bool) -> tuple[Call, Any]:
        method = getattr(self.model, self.door.ahead if is_ahead else self.door.back)
        whole = Call(self.path, self.model, self.door, is_ahead, value, ((), {}), _copies(value))
        self._open, self._failed = [whole.inner], None
        try:
            with torch.no_grad():
                result = method(value, **self.door.options(is_ahead))
        except Exception as error:
            raise FailureError(self._failed or self.path, error) from error
        finally:
            self._open = []
        whole.note(result)
        return whole, result

    def _watch(self, path: str, module: nn.Module, way: Door) -> None:
        for name in {way.ahead, way.back}:
            setattr(module, name, self._watched(path, module, way, name))

    def _watched(self, path: str, module: nn.Module, way: Door, name: str) -> Callable:
        method = getattr(module, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            if not self._open:
                return method(*arguments, **options)
            call = _begun(path, module, way, name, arguments, dict(options))
            self._open[-1].append(call)
            self._open.append(call.inner)
            try:
                value = method(*arguments, **options)
            except Exception:
                self._failed = self._failed or path
                raise
            self._open.pop()
            call.note(value)
            return value

        return watched


def duplicate(model: nn.Module) -> nn.Module:
    """Return a copy of a model; tensors that are results of a computation are copied as values."""
    results = [
        value
        for module in model.modules()
        for value in vars(module).values()
        if isinstance(value, Tensor) and not value.is_leaf
    ]
    return copy.deepcopy(model, {id(tensor): tensor.detach().clone() for tensor in results})


def entries(state: State) -> int:
    """Return the number of entries of all tensors."""
    return sum(tensor.numel() for tensor in state)


def _begun(
    path: str, module: nn.Module, way: Door, name: str, arguments: tuple, options: dict
) -> Call:
    given, *others = arguments or [options.pop(next(iter(options)))]
    if way.option is None:
        is_ahead = name == way.ahead
    else:
        names = list(inspect.signature(type(module).forward).parameters)[2:]
        options |= dict(zip(names, others, strict=False))
        is_ahead, others = not options.pop(way.option, False), []
    rest = (tuple(others), options)
    return Call(path, module, way, is_ahead, given, rest, _copies(given))


def _chains(calls: list[Call]) -> Iterator[str]:
    """Yield the paths of calls that are chains, and of those inside them."""
    for call in calls:
        if _is_chain(call):
            yield call.path
            yield from _chains(call.inner)


def _is_chain(call: Call) -> bool:
    """Return whether a call only hands numbers on to the calls inside it."""
    size = entries(call.before)
    if not call.inner or any(
        inner.module is call.module
        or len(inner.before) != 1
        or len(inner.after) != 1
        or inner.before[0].numel() != size
        or inner.after[0].numel() != size
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


def _copies(given: Any) -> State:
    return _detached(taken(given))


def _detached(state: State) -> State:
    return tuple(tensor.detach().clone() for tensor in state)
