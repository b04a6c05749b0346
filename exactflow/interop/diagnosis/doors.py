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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError

__all__ = ["Door", "State", "as_module", "door", "latent", "returned", "root_door", "taken"]

State = tuple[Tensor, ...]
METHODS = ("inverse", "reverse")
OPTIONS = ("rev", "reverse", "inverse", "invert")


@dataclass(frozen=True)
class Door:
    """The methods of a module that lead ahead and back; one method with an option where it has
    one.
    """

    ahead: str
    back: str
    option: str | None = None
    is_turned: bool = False

    def options(self, is_ahead: bool) -> dict[str, bool]:
        """Return the option that leads in a direction."""
        return {} if self.option is None else {self.option: is_ahead == self.is_turned}

    def turned(self) -> "Door":
        """Return the door from the other side: ahead is back."""
        return Door(self.back, self.ahead, self.option, not self.is_turned)


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
        if name in inspect.signature(module.forward).parameters:
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


def as_module(model: Any) -> tuple[nn.Module, str]:
    """Return a model as a module that has a door, and its path in the model; or refuse it."""
    if not isinstance(model, nn.Module):
        if isinstance(model, torch.distributions.Transform):
            return Chain([Step(part, path) for path, part in _transforms(model, "")]), ""
        raise InvalidInputError(
            f"expected a flow as a module of PyTorch, or a transform of zuko, got "
            f"{type(model).__name__}"
        )
    if _descends(model, "nflows", "Flow") or _descends(model, "glasflow", "Flow"):
        inner: Any = model._transform
        return inner, "_transform"
    if _descends(model, "zuko", "Flow") or _descends(model, "zuko", "LazyTransform"):
        return Chain([Step(part, path) for path, part in _lazies(model, "")]), ""
    return model, ""


def taken(value: Any) -> State:
    """Return the tensors that a layer takes: one, or a list or tuple of them."""
    return (value,) if isinstance(value, Tensor) else tuple(value)


def returned(value: Any, size: int) -> State:
    """Return the tensors among what a layer returns for `size` entries, without what it adds.

    That is a list, or tuple, of tensors where one comes first; else the first tensors that have
    `size` entries together; else the first one.

    >>> y, log_det = torch.zeros(2, 3), torch.zeros(2)
    >>> values = [y, (y, log_det), ((y,), log_det), (y[:, :1], y[:, 1:])]
    >>> [len(returned(value, 6)) for value in values]
    [1, 1, 1, 2]
    """
    if isinstance(value, Tensor):
        return (value,)
    for part in value:
        if isinstance(part, (list, tuple)) and part:
            return tuple(part)
    tensors = tuple(part for part in value if isinstance(part, Tensor))
    if isinstance(value, list):
        return tensors
    sizes = [tensor.numel() for tensor in tensors]
    whole = [i for i in range(1, len(sizes) + 1) if sum(sizes[:i]) == size]
    return tensors[: whole[0] if whole else 1]


def latent(value: Any, x: Tensor) -> Any:
    """Return what a whole model takes back, of what it returns for x: its latents."""
    if isinstance(value, Tensor):
        return value
    for part in value:
        if isinstance(part, (list, tuple)) and part:
            return part
    if isinstance(value, list):
        return value
    found = returned(value, x.numel())
    return found[0] if len(found) == 1 else found


def _descends(value: object, library: str, name: str) -> bool:
    return any(
        kind.__name__ == name and kind.__module__.split(".")[0] == library
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


class Step(nn.Module):
    """One transform of zuko; a lazy one is built anew at each call."""

    def __init__(self, transform: Any, path: str):
        super().__init__()
        self.transform, self.path = transform, path

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image and the log-determinant."""
        return self._built().call_and_ladj(x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the preimage and the log-determinant."""
        return self._built().inv.call_and_ladj(y)

    def _built(self) -> Any:
        return self.transform() if isinstance(self.transform, nn.Module) else self.transform


class Chain(nn.Module):
    """Steps one after the other."""

    def __init__(self, steps: list[Step]):
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor) -> Tensor:
        """Map data to latent."""
        for step in self.steps:
            x = step(x)[0]
        return x

    def inverse(self, y: Tensor) -> Tensor:
        """Map latent to data."""
        inverses: list[Any] = [step.inverse for step in reversed(self.steps)]
        for inverse in inverses:
            y = inverse(y)[0]
        return y
