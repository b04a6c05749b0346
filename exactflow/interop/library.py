"""A flow library as a value: calling conventions, containers, and linear layers.

A `Library` is one value in one file under ``libraries/``, which imports the library itself: so it
is imported when a module of that library is met, or one is asked for. `convert` and `diagnose` know
libraries by these values only. Layers and containers are known by their exact type: a subclass may
do anything between its layers.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap
from exactflow.interop.modules.flow import BijectionModule

METHODS = ("inverse", "reverse")
OPTIONS = ("rev", "reverse", "inverse", "invert")

Reader = Callable[[Any], AffineMap]


@dataclass(frozen=True)
class Way:
    """Calling convention of a module, there and back: two methods, or one with an `option`, which
    is true on the way back; whether tensors are taken and returned in a list or tuple; and the name
    of the option by which the module is given a condition.
    """

    ahead: str
    back: str
    option: str | None = None
    is_listed: bool = False
    condition: str | None = None

    def method(self, module: nn.Module, is_ahead: bool) -> Callable[..., Any]:
        """Return the method of a module that leads in a direction."""
        method: Callable[..., Any] = getattr(module, self.ahead if is_ahead else self.back)
        return method

    def options(self, is_ahead: bool) -> dict[str, bool]:
        """Return the option that leads in a direction."""
        return {} if self.option is None else {self.option: not is_ahead}


@dataclass(frozen=True)
class Whole:
    """A model as it is called: a module of it, or made of it, and how.

    Attributes
    ----------
    module, way : what is called, and how; no way where it has no inverse.
    path : where the module stands in the model.
    options : what it is given besides the data: a context.
    steps : modules of it that stand for layers of the model, by the paths of these.
    draw : draws latents from the base of the model: how many, and the options. None without a base.
    """

    module: nn.Module
    way: Way | None
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, nn.Module] = field(default_factory=dict)
    draw: Callable[[int, Mapping[str, Any]], Any] | None = None

    def call(self, value: Any, *others: Any, is_ahead: bool = True) -> Any:
        """Call the module, from data to latent or back, and return its result."""
        if self.way is None:
            return self.module(value, *others, **self.options)
        method = self.way.method(self.module, is_ahead)
        given = [value] if self.way.is_listed else value
        return method(given, *others, **self.way.options(is_ahead), **self.options)

    def image(self, x: Tensor, is_ahead: bool = True) -> tuple[Tensor, Any]:
        """Return the image of x, and the log-determinant: a tensor, a number, or None."""
        value = self.call(x, is_ahead=is_ahead)
        y, log_det = (value[0], value[1]) if isinstance(value, tuple) else (value, None)
        return (y[0] if isinstance(y, tuple | list) else y), log_det


def plain_whole(model: nn.Module, context: Any) -> Whole:
    """The calling convention of a model with the option ``context``, if given."""
    options = {} if context is None else {"context": context}
    return Whole(model, plain_way(model), options=options)


def plain_way(module: nn.Module) -> Way | None:
    """The calling convention of a module, told by the names of its methods or options."""
    for name in METHODS:
        if callable(getattr(type(module), name, None)):
            return Way("forward", name)
    try:
        options = inspect.signature(module.forward).parameters
    except ValueError:  # compiled by torch.jit
        return None
    found = [name for name in OPTIONS if name in options]
    return Way("forward", "forward", found[0]) if found else None


def kinds(home: Any, base: type) -> list[type]:
    """List the classes that a package offers, from a base of its own on."""
    return [kind for kind in vars(home).values() if isinstance(kind, type) and base in kind.__mro__]


@dataclass(frozen=True, kw_only=True)
class Library:
    """One flow library.

    Attributes
    ----------
    name : as `exactflow.interop.to_module` and the extras know it.
    couplings : a module of the library that applies couplings to data of a shape.
    readers : exact type of a linear layer -> its affine map from data to latent; the layer is given
        in float64.
    lists : exact type of a container of layers that follow each other -> where it keeps them: ""
        for children of its own.
    is_from_latent : whether these lists lead from latent to data.
    holders : exact type of a container with something between its layers -> where it keeps them.
    parts : exact type of a layer that couplings replace in part, not merged with its neighbours ->
        the names of the parameters that they replace.
    imitation : couplings with the interface of one module, where `couplings` alone do not tell it.
    way : how a layer is called; None for what is no layer of a flow.
    whole : how a model or a layer is called, given a context or None.
    renew : what else a model has to know of a layer in it that is replaced: model, old, new.
    floats : the type of floats in which its modules run, as NumPy calls it.
    takes_images : whether couplings act on images, too.
    """

    name: str
    couplings: Callable[[BijectionModule, tuple[int, ...]], nn.Module]
    readers: Mapping[type, Reader] = field(default_factory=dict)
    lists: Mapping[type, str] = field(default_factory=dict)
    is_from_latent: bool = False
    holders: Mapping[type, str] = field(default_factory=dict)
    parts: Mapping[type, tuple[str, ...]] = field(default_factory=dict)
    imitation: Callable[[Any, BijectionModule], nn.Module] | None = None
    way: Callable[[nn.Module], Way | None] = plain_way
    whole: Callable[[Any, Any], Whole] = plain_whole
    renew: Callable[[nn.Module, nn.Module, nn.Module], None] = lambda model, old, new: None
    floats: Callable[[], Any] = lambda: np.float64
    takes_images: bool = True

    def in_the_place_of(self, module: nn.Module, couplings: BijectionModule) -> nn.Module:
        """Build couplings, or an identity, with the interface and the hooks of a module."""
        if self.imitation is not None:
            new = self.imitation(module, couplings)
        else:
            new = self.couplings(couplings, ())
        for name in ("", "_with_kwargs", "_always_called"):
            getattr(new, f"_forward_hooks{name}").update(getattr(module, f"_forward_hooks{name}"))
        return new.train(module.training)

    def parameters_of(self, module: nn.Module) -> list[nn.Parameter]:
        """List the parameters of a layer that are floats and that couplings replace."""
        names = self.parts.get(type(module))
        return [
            p
            for name, p in module.named_parameters()
            if p.is_floating_point() and (names is None or name in names)
        ]
