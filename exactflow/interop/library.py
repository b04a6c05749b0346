"""What a flow library is: how its modules are called, what holds layers, and which are linear.

A `Library` is one value in one file under ``libraries/``, which imports the library itself: so it
is imported when a module of that library is met, or one is asked for. `convert`, `lossless` and
`diagnose` know libraries by these values only.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap
from exactflow.interop.modules.flow import Bijection
from exactflow.interop.modules.layers import State
from exactflow.interop.modules.steps import IntegerStep

__all__ = [
    "Build",
    "HalfMap",
    "Levels",
    "Library",
    "Reader",
    "Way",
    "Whole",
    "folded",
    "plain_way",
]

METHODS = ("inverse", "reverse")
OPTIONS = ("rev", "reverse", "inverse", "invert")

Reader = Callable[[Any], AffineMap]
Build = Callable[[State, State], nn.Module | None]
Levels = tuple[list[list[nn.Module]], list[nn.Module], nn.Module | None]
"""A model for images: its modules of each level, in the order in which data meets them, half of the
channels of what comes out being latents but for the last; the distributions, in the order of the
latents; and a network for the context, or None."""


@dataclass(frozen=True)
class Way:
    """How a module is called from data to latent, and back: two methods, or one with an option.

    Attributes
    ----------
    ahead, back : the names of the methods.
    option : of the one method, which is true on the way back; or ahead where it `is_turned`.
    is_listed : whether tensors are taken and returned in a list or tuple.
    condition : the name of the option by which the module is given a condition.
    """

    ahead: str
    back: str
    option: str | None = None
    is_turned: bool = False
    is_listed: bool = False
    condition: str | None = None

    def method(self, module: nn.Module, is_ahead: bool) -> Callable[..., Any]:
        """Return the method of a module that leads in a direction."""
        method: Callable[..., Any] = getattr(module, self.ahead if is_ahead else self.back)
        return method

    def options(self, is_ahead: bool) -> dict[str, bool]:
        """Return the option that leads in a direction."""
        return {} if self.option is None else {self.option: is_ahead == self.is_turned}

    def turned(self) -> "Way":
        """Return the way from the other side: ahead is back."""
        return replace(self, ahead=self.back, back=self.ahead, is_turned=not self.is_turned)


@dataclass(frozen=True)
class Whole:
    """A model as it is called: a module of it, or made of it, and how.

    Attributes
    ----------
    module, way : what is called, and how; no way where it has no inverse.
    path : where the module stands in the model.
    options : what it is given besides the data: a context.
    """

    module: nn.Module
    way: Way | None
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def called(self, value: Any, *others: Any, is_ahead: bool = True) -> Any:
        """Return what the module returns, from data to latent or back."""
        if self.way is None:
            return self.module(value, *others, **self.options)
        method = self.way.method(self.module, is_ahead)
        given = [value] if self.way.is_listed else value
        return method(given, *others, **self.way.options(is_ahead), **self.options)

    def image(self, x: Tensor, is_ahead: bool = True) -> tuple[Tensor, Any]:
        """Return the image of x, and the log-determinant: a tensor, a number, or None."""
        value = self.called(x, is_ahead=is_ahead)
        y, log_det = (value[0], value[1]) if isinstance(value, tuple) else (value, None)
        return (y[0] if isinstance(y, tuple | list) else y), log_det


def plain_whole(model: nn.Module, context: Any, y: Any) -> Whole:
    """Return how a model is called that takes a context, or classes, under these names."""
    given = {"context": context, "y": y}
    options = {name: value for name, value in given.items() if value is not None}
    return Whole(model, plain_way(model), options=options)


def plain_way(module: nn.Module) -> Way | None:
    """Return how a module is called that says so by the names of a method or of an option."""
    for name in METHODS:
        if callable(getattr(type(module), name, None)):
            return Way("forward", name)
    try:
        options = inspect.signature(module.forward).parameters
    except ValueError:  # compiled by torch.jit
        return None
    found = [name for name in OPTIONS if name in options]
    return Way("forward", "forward", found[0]) if found else None


def folded(x: Tensor, runs: Iterable[Callable[[Tensor], Any]]) -> tuple[Tensor, Tensor]:
    """Return what maps make of x one after the other, and the sum of their log-determinants."""
    total = x.new_zeros(())
    for run in runs:
        x, log_det = run(x)
        total = total + log_det
    return x, total


@dataclass(frozen=True)
class HalfMap:
    """An affine coupling within a module of the model, on data of shape (N, d).

    Attributes
    ----------
    module : whose parameters it has.
    moves : the coordinates that it moves; all others it keeps.
    ahead, back : from data to latent and back, each with the log-determinant of its direction.
    """

    module: nn.Module
    moves: frozenset[int]
    ahead: Callable[[Tensor], tuple[Tensor, Tensor]]
    back: Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Library:
    """One flow library.

    Attributes
    ----------
    name : as `exactflow.interop.to_module` and the extras know it.
    couplings : a module of the library that applies couplings, or an identity, to data of a shape.
    lists : the containers of layers that follow each other, and where they keep them: "" for
        children of their own.
    is_from_latent : whether these lists lead from latent to data.
    holders : the containers with something between their layers, or of unknown direction.
    readers : the affine map from data to latent of each linear layer, which is given in float64.
    reader : the reader of a module that its class alone does not tell.
    builders : how a linear layer is built from its tensors, and all those of the model, by the
        names of its tensors.
    places : classes that couplings replace in part, and what becomes of such a module; these are
        not merged with their neighbours.
    imitation : couplings with the interface of one module, which takes data like a tensor, where
        `couplings` alone do not tell it.
    levels : what `exactflow.interop.lossless` takes of a model; None of what is no such model.
    halves : the affine couplings of a module for data of d coordinates, from data to latent.
    steps : the layers that it knows beside linear ones, as steps on a grid, for a type of floats.
    way : how a layer is called; None for what is no layer of a flow.
    whole : how a model or a layer is called, given a context and classes (None, or as its
        distribution takes them).
    floats : the type of floats in which its modules run, as NumPy calls it.
    takes_images : whether couplings act on images, too.
    """

    name: str
    couplings: Callable[[Bijection, tuple[int, ...]], nn.Module]
    lists: Mapping[type, str] = field(default_factory=dict)
    is_from_latent: bool = False
    holders: Mapping[type, str] = field(default_factory=dict)
    readers: Mapping[type, Reader] = field(default_factory=dict)
    reader: Callable[[Any], Reader | None] = lambda module: None
    builders: Mapping[frozenset[str], Build] = field(default_factory=dict)
    places: Mapping[type, Callable[[Any, Bijection], nn.Module]] = field(default_factory=dict)
    imitation: Callable[[Any, Bijection, Tensor | None], nn.Module] | None = None
    levels: Callable[[Any], Levels | None] = lambda model: None
    halves: Mapping[type, Callable[[Any, int], list[HalfMap]]] = field(default_factory=dict)
    steps: Mapping[type, Callable[[Any, Fraction, torch.dtype], IntegerStep]] = field(
        default_factory=dict
    )
    way: Callable[[nn.Module], Way | None] = plain_way
    whole: Callable[[Any, Any, Any], Whole] = plain_whole
    floats: Callable[[], Any] = lambda: np.float64
    takes_images: bool = True

    def reader_of(self, module: Any) -> Reader | None:
        """Return what reads the affine map of a module, if it is linear and known."""
        kind = type(module)
        if kind.__module__ == "torch.nn.utils.parametrize":
            kind = kind.__bases__[0]
        return self.readers.get(kind) or self.reader(module)

    def in_the_place_of(
        self, module: nn.Module, couplings: Bijection, x: Tensor | None
    ) -> nn.Module:
        """Return couplings, or an identity, with the interface of a module that takes data x; where
        x is None, an unknown module of plain PyTorch is run on zeros.
        """
        in_part = self.places.get(type(module))
        if in_part is not None:
            new = in_part(module, couplings)
        elif self.imitation is not None:
            new = self.imitation(module, couplings, x)
        else:
            new = self.couplings(couplings, ())
        for name in ("", "_with_kwargs", "_always_called"):
            getattr(new, f"_forward_hooks{name}").update(getattr(module, f"_forward_hooks{name}"))
        return new.train(module.training)

    def of_base(self, table: str, module: nn.Module) -> Any:
        """Return what a table of this library has for a class of a module, or a base of it."""
        found = getattr(self, table)
        return next((found[kind] for kind in type(module).__mro__ if kind in found), None)
