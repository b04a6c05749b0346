"""A model there and back: which layers it calls, in which direction, on what.

The methods of every module that its library has a `Way` for note their calls. A call is one layer
unless the calls inside it, two or more, are a chain: each takes one tensor to one of as many
entries, and between them numbers are only moved about.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path, tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import library_of, package_of, whole_of
from exactflow.interop.library import METHODS, OPTIONS, Way
from exactflow.interop.models import cause, copy_model

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

    `given` is the argument that is mapped, `made` its image, `rest` are the other arguments,
    `back_rest` those on the model's way back, `inner` the calls of layers within.
    """

    path: str
    module: nn.Module
    way: Way
    is_ahead: bool
    given: Any
    rest: tuple[tuple, dict]
    inner: "tuple[Call, ...]" = ()
    made: Any = ()
    back_rest: tuple[tuple, dict] | None = None

    @property
    def before(self) -> Tensors:
        """The tensors that are mapped."""
        return tensors(self.given)

    @property
    def after(self) -> Tensors:
        """Their images."""
        return tensors(self.made)

    @property
    def size(self) -> int:
        """The number of entries of one member."""
        return entries(self.given) // len(self.before[0])

    @property
    def inverse(self) -> "Call":
        """The call in the other direction, on the image."""
        other = replace(self, given=self.made, made=self.given, is_ahead=not self.is_ahead)
        return replace(other, rest=self.back_rest or self.rest)

    def near(self, rows: list[int], step: float) -> "Call":
        """The call on some members of its batch, moved by a step of their size."""
        n, rows = len(self.before[0]), list(dict.fromkeys(rows))

        def cut(value: Any) -> Any:
            return tree_map_only(Tensor, lambda t: t[rows] if t.ndim and len(t) == n else t, value)

        def move(t: Tensor) -> Tensor:
            return t + step * t.abs().max() * torch.randn_like(t)

        given = tree_map_only(Tensor, move, cut(self.given))
        found = replace(self, given=given, rest=cut(self.rest), back_rest=cut(self.back_rest))
        return replace(found, made=copy_tensors(found.run(found.before)[1]))

    def run(self, state: Tensors) -> tuple[Any, Any]:
        """Map copies of other tensors, to what is returned and the image in it."""
        (others, options), fresh = copy_tensors(self.rest), iter(state)
        given = tree_map_only(Tensor, lambda _: next(fresh).clone(), self.given)
        method = self.way.method(self.module, self.is_ahead)
        try:
            value = method(given, *others, **options, **self.way.options(self.is_ahead))
        except Exception as error:  # whatever a library raises
            raise UnknownError(f"{self.path or 'the model'} raises {cause(error)}") from error
        return value, _image(value, entries(given))

    def mapped(self, state: Tensors) -> Tensors:
        """Map other tensors without derivatives, if the layer can do without."""
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
    """A copy of a model, in a dtype, from x and back, until an error on the way back.

    Raises `UnknownError` where x has no image, `InvalidInputError` for a model without an inverse.
    """

    def __init__(self, model: Any, x: Any, start: str, conditions: Any, dtype: torch.dtype):
        made, is_cast = copy_model(model), dtype != tensors(x)[0].dtype
        made = made.to(dtype) if is_cast and isinstance(made, nn.Module) else made
        with torch.no_grad():
            self.called = called = whole_of(made, *copy_tensors(conditions, dtype))
        if called.way is None:
            raise InvalidInputError(
                f"expected a model with an inverse, got {type(made).__name__}, which has no method "
                f"{' or '.join(METHODS)} and whose forward has no option {', '.join(OPTIONS)}"
            )
        self.way = called.way if start == "data" else called.way.turned()
        self.open, self.chains, self.failed = list[list[Call]](), set[str](), ""
        for name, module in called.module.named_modules():
            if is_cast:  # tensors that are neither parameters nor buffers
                own = {key: t for key, t in vars(module).items() if isinstance(t, Tensor)}
                vars(module).update(copy_tensors(own, dtype))
            is_step = package_of(module) == "exactflow" and hasattr(module, "path")
            path = getattr(module, "path", "") if is_step else f"{called.path}.{name}".strip(".")
            if module is not called.module and (way := library_of(module).way(module)):
                for method in {way.ahead, way.back}:
                    setattr(module, method, self.noting(path, module, way, method))
        x = [x] if self.way.is_listed and isinstance(x, Tensor) else x
        self.whole, layers = self.run(copy_tensors(x, dtype), True)
        self.back, self.failure, came = None, None, list[Call]()
        try:
            self.back, came = self.run(self.whole.made, False)
            self.whole = replace(self.whole, back_rest=self.back.rest)
        except UnknownError as reason:
            self.failure = reason
        due = [(call.path, not call.is_ahead) for call in layers]
        is_reverse = due == [(call.path, call.is_ahead) for call in came[::-1]]
        self.pairs = list(zip(layers, came[::-1], strict=True)) if is_reverse else []
        layers = [replace(call, back_rest=back.rest) for call, back in self.pairs] or layers
        self.calls = [*layers, self.whole] if self.whole.inner else [self.whole]

    def run(self, value: Any, is_ahead: bool) -> tuple[Call, list[Call]]:
        """Run the model; list its call, and those of its layers."""
        rest = (), dict(self.called.options)
        call = Call(self.called.path, self.called.module, self.way, is_ahead, value, rest)

        def run() -> Call:
            inner: list[Call] = []
            self.open, self.failed = [inner], ""
            try:
                made = copy_tensors(call.run(call.before)[1])
            except UnknownError as raised:
                if not self.failed or not (error := raised.__cause__):
                    raise
                raise UnknownError(f"{self.failed} raises {cause(error)}") from error
            finally:
                self.open = []
            return replace(call, made=made, inner=tuple(inner))

        call = _plainly(run)
        return call, self.layers(call, is_ahead) or [call]

    def layers(self, call: Call, is_ahead: bool) -> list[Call]:
        """List the calls inside a call, those that are chains on the way ahead opened."""
        found: list[Call] = []
        for inner in call.inner:
            if is_ahead and _is_chain(inner):
                self.chains.add(inner.path)
            found += self.layers(inner, is_ahead) if inner.path in self.chains else [inner]
        return found

    def noting(self, path: str, module: nn.Module, way: Way, name: str) -> Callable:
        """Wrap the method of a module so that it notes its calls while the model runs."""
        method = getattr(module, name)

        @wraps(method)
        def noting(*arguments: Any, **options: Any) -> Any:
            if not self.open:
                return method(*arguments, **options)
            bound = signature(method).bind_partial(*arguments, **options)
            is_back = bound.arguments.pop(way.option, False) if way.option else name == way.back
            (given, *others), inner = copy_tensors(bound.args or (None,)), list[Call]()
            self.open.append(inner)
            try:
                value = method(*arguments, **options)
            except Exception:
                self.failed = self.failed or path
                raise
            finally:
                self.open.pop()
            self.failed = ""  # an error inside was caught
            rest, noted = (tuple(others), copy_tensors(bound.kwargs)), inner
            several = isinstance(value, tuple) and sum(map(_has_rows, value)) > 1
            if not (several and any(map(_has_rows, others))):  # of several arguments: no layer
                with suppress(UnknownError):  # it maps no batches
                    made = copy_tensors(_image(value, entries(given)))
                    noted = [Call(path, module, way, not is_back, given, rest, tuple(inner), made)]
            self.open[-1].extend(noted)
            return value

        return noting


def _is_chain(call: Call) -> bool:
    """Whether a call only hands numbers on to the calls inside it."""
    ends = [end for inner in call.inner for end in (inner.before, inner.after)]
    if len(ends) < 4 or any(len(e) != 1 or entries(e) != entries(call.given) for e in ends):
        return False
    handed = [call.before, *(inner.after for inner in call.inner)]
    taken = [*(inner.before for inner in call.inner), call.after]
    return all(
        bool(torch.isin(tensor, torch.cat([t.flatten() for t in source])).all())
        for source, target in zip(handed, taken, strict=True)
        for tensor in target
    )
