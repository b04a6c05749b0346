"""What a model does with x, as it runs: which layers it calls, in which direction, on what.

The layers are found by watching: on a copy of the model, the methods of every module that its
library has a `Way` for note their calls while the model maps x ahead, and back. A call counts as
one layer unless the calls inside it are a chain: each takes one tensor to one of as many entries,
and between them numbers are only moved about (reshaped, permuted, split off). What is a chain on
the way ahead is opened on the way back, too, and the whole model always.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop import models
from exactflow.interop.diagnosis.values import (
    State,
    beside,
    copied,
    entries,
    flat,
    image,
    members,
    refilled,
    tensors,
)
from exactflow.interop.libraries import library_of, package_of
from exactflow.interop.library import Way, Whole

__all__ = ["Call", "FailureError", "Traced", "parts", "twin"]


class FailureError(Exception):
    """A model raised an error on its way: where, and which."""

    def __init__(self, path: str, error: Exception):
        super().__init__(models.cause(error))
        self.path, self.error = path, error


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer, which can be repeated on other tensors.

    Attributes
    ----------
    given, made : its leading arguments, one if they are not tensors that are mapped together, and
        their image as it was returned.
    rest : the other arguments.
    beside : what it returned beside the image.
    dtype : PyTorch's default while it runs, so that what a layer makes anew has it, too.
    other : the call of the same layer on the way back, which knows how it is called there.
    inner : the calls of layers within.
    """

    path: str
    module: nn.Module
    way: Way
    is_ahead: bool
    given: tuple
    rest: tuple[tuple, dict]
    dtype: torch.dtype
    made: Any = ()
    beside: list[Any] = field(default_factory=list)
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
        """Return the call with what came of it; raises `InvalidInputError` where no image did."""
        given, rest = (*self.given, *self.rest[0]), ((), self.rest[1])
        made = value[: len(given)] if isinstance(value, tuple) else ()
        are_states = all(isinstance(t, Tensor) and t.ndim > 1 for t in (*given, *made))
        is_several = len(given) > 1 and are_states
        if not is_several or [t.shape for t in given] != [t.shape for t in made]:
            given, rest, made = self.given, self.rest, image(value, entries(self.given))
        others = copied(beside(value, made))
        return replace(self, given=given, rest=rest, made=copied(made), beside=others)

    def on(self, module: nn.Module) -> "Call":
        """Return the call of another module."""
        return replace(self, module=module, other=self.other and self.other.on(module))

    def moved(self, state: State) -> "Call | None":
        """Return the call on other tensors; None where the layer raises an error."""
        try:
            made, others = self.plain(state)
        except FailureError:
            return None
        return replace(self, given=refilled(self.given, state), made=made, beside=others)

    def of_member(self, i: int, times: int = 1) -> "Call":
        """Return the call on one member of its batch, once or several times.

        Vectors of floats with an entry for each member, log-determinants that are added up, are 0.
        """
        size = len(self.before[0])
        rows = [min(i, size - 1)] * times
        rest = copied(members(self.rest, rows, size))
        for tensor in tensors(rest):
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.zero_()
        given, made = members(self.given, rows, size), members(self.made, rows, size)
        other = self.other and self.other.of_member(i, times)
        return replace(self, given=given, made=made, rest=rest, other=other)

    def value(self, given: tuple, is_ahead: bool) -> Any:
        """Return what the module returns, whatever that is, in a direction."""
        arguments, options = copied(self.rest)
        with _default(self.dtype):
            return self.way.method(self.module, is_ahead)(
                *given, *arguments, **options | self.way.options(is_ahead)
            )

    def run(self, state: State, along: bool = True) -> tuple[Any, list[Any]]:
        """Return the image of other tensors, in its direction or against it, and what is beside.

        Raises `FailureError` where the layer raises an error.
        """
        if not along and self.other and len(self.other.before) == len(state):
            return self.other.run(state)
        given: tuple = self.given
        if not along:
            given = self.made if len(given) > 1 else (self.made,)
        try:
            value = self.value(refilled(given, state), self.is_ahead == along)
            made = image(value, entries(state))
        except Exception as error:  # whatever a library raises
            raise FailureError(self.path, error) from error
        return made, beside(value, made)

    def plain(self, state: State, along: bool = True) -> tuple[Any, list[Any]]:
        """Return the same without derivatives, if the layer can do without."""
        return copied(_plainly(lambda: self.run(state, along)))

    def mapped(self, state: State, along: bool = True) -> State:
        """Return only the tensors of the image; nothing where the layer raises an error."""
        try:
            return tensors(self.plain(state, along)[0])
        except FailureError:
            return ()

    def round_trip(self) -> State:
        """Return the preimage of its own image."""
        return self.mapped(self.after, False)


class Traced:
    """A model, one that is ours to change, whose layers note their calls."""

    def __init__(self, whole: Whole, way: Way, dtype: torch.dtype):
        self.whole, self.way, self.dtype = whole, way, dtype
        self._open: list[list[Call]] = []
        self._chains: set[str] = set()
        self._failed: str | None = None
        for path, module in parts(whole).items():
            if module is not whole.module and (own := library_of(module).way(module)):
                for name in {own.ahead, own.back}:
                    setattr(module, name, self._watched(path, module, own, name))

    def run(self, value: Any, is_ahead: bool) -> tuple[Call, list[Call]]:
        """Return the call of the model, and those of its layers; raises `FailureError`."""
        module, rest = self.whole.module, ((), dict(self.whole.options))
        needed = _required(self.way.method(module, is_ahead))
        given = value if isinstance(value, tuple) and len(value) == needed else (value,)
        call = Call(self.whole.path, module, self.way, is_ahead, given, rest, self.dtype)
        whole = _plainly(lambda: self._run(replace(call, inner=[])))
        return whole, self._layers(whole, is_ahead)

    def _run(self, call: Call) -> Call:
        self._open, self._failed = [call.inner], None
        try:
            return call.noted(call.value(copied(call.given), call.is_ahead))
        except Exception as error:
            raise FailureError(self._failed or call.path, error) from error
        finally:
            self._open = []

    def _layers(self, call: Call, is_ahead: bool) -> list[Call]:
        """Return the calls inside a call, those that are chains on the way ahead opened."""
        layers: list[Call] = []
        for inner in call.inner:
            if is_ahead and _is_chain(inner):
                self._chains.add(inner.path)
            is_open = inner.path in self._chains
            layers += self._layers(inner, is_ahead) if is_open else [inner]
        return layers or [call]

    def _watched(self, path: str, module: nn.Module, way: Way, name: str) -> Callable:
        method = getattr(module, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            if not self._open:
                return method(*arguments, **options)
            given, is_ahead, rest = _read(module, way, name, arguments, dict(options))
            call = Call(path, module, way, is_ahead, copied((given,)), copied(rest), self.dtype)
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


def parts(whole: Whole) -> dict[str, nn.Module]:
    """Return the parts of a model by their paths in it, also where they stand in steps of ours."""
    found = {}
    for name, module in whole.module.named_modules():
        is_step = package_of(module) == "exactflow" and hasattr(module, "path")
        path = getattr(module, "path", "") if is_step else f"{whole.path}.{name}".strip(".")
        found[path] = module
    return found


def twin(model: Any) -> Any:
    """Return a copy of a module that nobody watches, or of a transform."""
    made = models.copied(model)
    for part in made.modules() if isinstance(made, nn.Module) else ():
        for name in [n for n, v in vars(part).items() if hasattr(v, "is_watching")]:
            delattr(part, name)
    return made


def _plainly(run: Callable[[], Any]) -> Any:
    """Return what comes without derivatives; with them where there is an error without."""
    try:
        with torch.no_grad():
            return run()
    except FailureError:
        return run()


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
    needed = inspect.signature(method).parameters.values()
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return sum(p.kind in kinds and p.default is inspect.Parameter.empty for p in needed)


def _read(
    module: nn.Module, way: Way, name: str, arguments: tuple, options: dict
) -> tuple[Any, bool, tuple[tuple, dict]]:
    """Return what a call maps, whether that is ahead, and the other arguments."""
    given, *others = arguments or [options.pop(next(iter(options), ""), None)]
    if way.option is None:
        return given, name == way.ahead, (tuple(others), options)
    names = list(inspect.signature(type(module).forward).parameters)[2:]
    k = names.index(way.option)
    options |= dict(zip(names[k:], others[k:], strict=False))
    is_back = bool(options.pop(way.option, False))
    return given, not is_back, (tuple(others[:k]), options)


def _is_chain(call: Call) -> bool:
    """Return whether a call only hands numbers on to the calls inside it."""
    size = entries(call.given)
    if not call.inner or any(
        inner.module is call.module
        or (len(inner.before), len(inner.after)) != (1, 1)
        or (entries(inner.given), entries(inner.made)) != (size, size)
        for inner in call.inner
    ):
        return False
    handed = [call.before, *(inner.after for inner in call.inner)]
    taken = [*(inner.before for inner in call.inner), call.after]
    return all(
        bool(torch.isin(tensor, flat(source)).all())
        for source, target in zip(handed, taken, strict=True)
        for tensor in target
    )
