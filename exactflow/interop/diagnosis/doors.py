"""How a model, or a layer of one, is called ahead (data to latent) and back, whatever its library.

==============================  ===============================  ==================================
what it is                      ahead                            back
==============================  ===============================  ==================================
normflows models                ``inverse_and_log_det``          ``forward_and_log_det``
normflows ``Flow``              ``inverse``                      ``forward``
nflows, glasflow ``Flow``       ``_transform.forward``           ``_transform.inverse``
FrEIA modules                   a call                           a call with ``rev=True``
zuko flows and transforms       ``call_and_ladj``                that of the inverse
a module that has ``inverse``   a call                           ``inverse``, or ``reverse``
a module with such an option    a call                           ``reverse=True``, ``rev=True``, ..
==============================  ===============================  ==================================

Classes are known by the names of their modules and methods, so that no library is imported.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError

__all__ = [
    "Door",
    "as_module",
    "door",
    "kind_of",
    "parameters",
    "part_of",
    "path_of",
    "root_door",
    "takes_list",
]

METHODS = ("inverse", "reverse")
OPTIONS = ("rev", "reverse", "inverse", "invert")
CONDITIONS = {"context": ("context", "c", "cond", "condition"), "y": ("y",)}
"""The names under which modules take what `diagnose` takes as ``context`` and ``y``."""


@dataclass(frozen=True)
class Door:
    """The methods of a module that lead ahead and back; one method with an option where it has
    one.
    """

    ahead: str
    back: str
    option: str | None = None
    is_turned: bool = False

    def method(self, is_ahead: bool) -> str:
        """Return the name of the method that leads in a direction."""
        return self.ahead if is_ahead else self.back

    def options(self, is_ahead: bool) -> dict[str, bool]:
        """Return the option that leads in a direction."""
        return {} if self.option is None else {self.option: is_ahead == self.is_turned}

    def turned(self) -> "Door":
        """Return the door from the other side: ahead is back."""
        return Door(self.back, self.ahead, self.option, not self.is_turned)

    def conditions(self, module: nn.Module, **given: Any) -> dict[str, Any]:
        """Return context and classes under the names that both methods have for them.

        Raises `InvalidInputError` where they have none.
        """
        methods = [getattr(module, name) for name in {self.ahead, self.back}]
        taken = set.intersection(*(set(parameters(method)[1:]) for method in methods))
        found = {}
        for what, value in given.items():
            if value is None:
                continue
            name = next((name for name in CONDITIONS[what] if name in taken), None)
            if name is None and what == "y" and _descends(module, "normflows", ""):
                continue  # classes are the base distribution's there
            if name is None:
                raise InvalidInputError(
                    f"expected a model that takes {' or '.join(CONDITIONS[what])}, got "
                    f"{type(module).__name__}, whose ways ahead and back take "
                    f"{', '.join(sorted(taken)) or 'nothing else'}"
                )
            is_single = isinstance(value, Tensor) and _descends(module, "FrEIA", "")
            found[name] = [value] if is_single else value
        return found


def door(module: nn.Module) -> Door | None:
    """Return how a layer is called, or None for a module that is no layer of a flow."""
    if _descends(module, "normflows", "Flow"):
        return Door("inverse", "forward")
    if _descends(module, "FrEIA", "InvertibleModule"):
        return Door("forward", "forward", "rev")
    for name in METHODS:
        if callable(getattr(type(module), name, None)):
            return Door("forward", name)
    for name in OPTIONS:
        if name in parameters(module.forward):
            return Door("forward", "forward", name)
    return None


def root_door(model: nn.Module) -> Door:
    """Return how a whole model is called, or refuse one that is not called back."""
    if all(hasattr(model, name) for name in ("inverse_and_log_det", "forward_and_log_det")):
        return Door("inverse_and_log_det", "forward_and_log_det")
    way = door(model)
    if way is None:
        raise InvalidInputError(
            f"expected a model with an inverse, got {type(model).__name__}, which has no method "
            f"{' or '.join(METHODS)} and whose forward has no option {', '.join(OPTIONS)}"
        )
    return way


def as_module(model: Any) -> nn.Module:
    """Return a model as a module that has a door, its layers where they are; or refuse it."""
    if isinstance(model, torch.distributions.Transform):
        return Chain([Step(part, path) for path, part in _transforms(model, "")])
    if not isinstance(model, nn.Module):
        raise InvalidInputError(
            f"expected a flow as a module of PyTorch, or a transform of zuko, got "
            f"{type(model).__name__}"
        )
    if _descends(model, "nflows", "Flow") or _descends(model, "glasflow", "Flow"):
        return Embedded(model)
    if _descends(model, "zuko", "Flow") or _descends(model, "zuko", "LazyTransform"):
        return Chain([Step(part, path) for path, part in _lazies(model, "")])
    if _descends(model, "normflows", "ClassCondFlow"):  # has no method that maps x and only x
        flows: Any = model.flows
        return sys.modules["normflows"].NormalizingFlow(None, list(flows))
    return model


def parameters(method: Callable) -> list[str]:
    """Return the names of a method's parameters, none where it is no Python."""
    try:
        return list(inspect.signature(method).parameters)
    except (TypeError, ValueError):
        return []


def takes_list(module: nn.Module) -> bool:
    """Return whether a whole model takes x in a list, as the layers of FrEIA do."""
    return _descends(module, "FrEIA", "InvertibleModule") and not hasattr(module, "module_list")


def path_of(module: nn.Module, name: str) -> str:
    """Return where a part of what `as_module` returns stands in the user's model."""
    return module.path if isinstance(module, Step) else name


def part_of(module: nn.Module, path: str, name: str, kind: str) -> str:
    """Return place and class of a part of a layer, by its name within it."""
    name = name.removeprefix("transform").lstrip(".") if isinstance(module, Step) else name
    return f"{path}.{name} ({kind})".lstrip(".") if name else kind


def kind_of(module: nn.Module) -> str:
    """Return the class of a layer."""
    return type(module.transform if isinstance(module, Step) else module).__name__


def _descends(value: object, library: str, name: str) -> bool:
    """Return whether an object has a class of this name, or any class, of a library."""
    return any(
        name in ("", kind.__name__) and kind.__module__.split(".")[0] == library
        for kind in type(value).__mro__
    )


def _lazies(model: Any, path: str) -> Iterator[tuple[str, Callable]]:
    """Yield path and lazy transform of each step of a zuko flow."""
    if _descends(model, "zuko", "Flow"):
        yield from _lazies(model.transform, "transform")
    elif _descends(model, "zuko", "LazyComposedTransform"):
        for i, part in enumerate(model.transforms):
            yield from _lazies(part, f"{path}.transforms.{i}".lstrip("."))
    else:
        yield path, model


def _transforms(transform: Any, path: str) -> Iterator[tuple[str, Any]]:
    if _descends(transform, "zuko", "ComposedTransform"):
        for i, part in enumerate(transform.transforms):
            yield from _transforms(part, f"{path}.transforms.{i}".lstrip("."))
    else:
        yield path, transform


class Embedded(nn.Module):
    """The transform of an nflows flow, and what its context passes first."""

    def __init__(self, flow: Any):
        super().__init__()
        self._transform = flow._transform
        self._embedding_net = getattr(flow, "_embedding_net", nn.Identity())

    def forward(self, x: Tensor, context: Any = None) -> Any:
        """Map data to latent."""
        return self._transform(x, context=self._embedding_net(context))

    def inverse(self, y: Tensor, context: Any = None) -> Any:
        """Map latent to data."""
        return self._transform.inverse(y, context=self._embedding_net(context))


class Step(nn.Module):
    """One transform of zuko; a lazy one is built anew at each call."""

    def __init__(self, transform: Any, path: str):
        super().__init__()
        self.transform, self.path = transform, path

    def forward(self, x: Tensor, context: Any = None) -> Any:
        """Return the image and the log-determinant."""
        return self._called(self._built(context), x)

    def inverse(self, y: Tensor, context: Any = None) -> Any:
        """Return the preimage and the log-determinant."""
        return self._called(self._built(context).inv, y)

    @staticmethod
    def _called(transform: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        y, log_det = transform.call_and_ladj(x)
        return y, log_det.flatten(1).sum(1) if log_det.ndim > 1 else log_det  # entry by entry

    def _built(self, context: Any) -> Any:
        is_lazy = isinstance(self.transform, nn.Module)
        return self.transform(context) if is_lazy else self.transform


class Chain(nn.Module):
    """Steps one after the other."""

    def __init__(self, steps: list[Step]):
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor, context: Any = None) -> Any:
        """Map data to latent, and sum log-determinants."""
        return self._through(list(self.steps), x, context)

    def inverse(self, y: Tensor, context: Any = None) -> Any:
        """Map latent to data, likewise."""
        inverses: list[Any] = [step.inverse for step in reversed(self.steps)]
        return self._through(inverses, y, context)

    def _through(self, steps: list[Any], x: Tensor, context: Any) -> Any:
        total: Any = 0.0
        for step in steps:
            x, log_det = step(x, context)
            total = total + log_det
        return x, total
