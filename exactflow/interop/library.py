"""A flow library as a value: call conventions, containers, and linear layers.

A `Library` is one value in one file under ``libraries/``, which imports the library itself. The
file is imported when a module of that library is met, or asked for. `convert` and `diagnose` know
libraries by these values alone. Layers and containers are known by their exact type, since a
subclass may do anything between its layers.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from exactflow.interop.affine import AffineMap
from exactflow.interop.modules import BijectionModule

METHODS = ("inverse", "reverse")
OPTIONS = ("rev", "reverse", "inverse", "invert")

Reader = Callable[[Any], AffineMap]


@dataclass(frozen=True)
class CallConvention:
    """The call convention of a module: from data to latent (forward) and back (inverse).

    Attributes
    ----------
    forward, inverse : the names of the methods; the same name twice if an `option` chooses.
    option : a boolean option of the method, true for the inverse.
    is_listed : tensors are passed and returned in a list or tuple.
    condition : the name of the argument that is the condition.
    """

    forward: str
    inverse: str
    option: str | None = None
    is_listed: bool = False
    condition: str | None = None

    def method(self, module: nn.Module, is_forward: bool) -> Callable[..., Any]:
        """Return the method of a module for a direction."""
        method: Callable[..., Any] = getattr(module, self.forward if is_forward else self.inverse)
        return method

    def direction_option(self, is_forward: bool) -> dict[str, bool]:
        """Return the option that chooses a direction."""
        return {} if self.option is None else {self.option: not is_forward}


@dataclass(frozen=True)
class ModelCall:
    """A module with all that is needed to call it.

    Attributes
    ----------
    module : the model, a module inside it, or a module that wraps it.
    convention : None if it has no inverse.
    path : the path of the module in the model.
    options : arguments besides the data, such as a context.
    steps : modules of the wrapper that stand for layers of the model, by the paths of the layers.
    draw_latents : draws a number of latents from the base of the model, given the options; None
        without a base.
    """

    module: nn.Module
    convention: CallConvention | None
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, nn.Module] = field(default_factory=dict)
    draw_latents: Callable[[int, Mapping[str, Any]], Any] | None = None

    def call(self, value: Any, *others: Any, is_forward: bool = True) -> Any:
        """Call the module in a direction, and return its result."""
        if self.convention is None:
            return self.module(value, *others, **self.options)
        method = self.convention.method(self.module, is_forward)
        given = [value] if self.convention.is_listed else value
        return method(
            given, *others, **self.convention.direction_option(is_forward), **self.options
        )

    def image_and_log_det(self, x: Tensor) -> tuple[Tensor, Any]:
        """Return the image of x, and the log-determinant: a tensor, a number, or None."""
        value = self.call(x)
        y, log_det = (value[0], value[1]) if isinstance(value, tuple) else (value, None)
        return (y[0] if isinstance(y, tuple | list) else y), log_det


def make_model_call(model: nn.Module, context: Any) -> ModelCall:
    """Return the call of a model, with the option ``context`` if one is given."""
    options = {} if context is None else {"context": context}
    return ModelCall(model, infer_convention(model), options=options)


def infer_convention(module: nn.Module) -> CallConvention | None:
    """Find the call convention of a module by the names of its methods and options."""
    for name in METHODS:
        if callable(getattr(type(module), name, None)):
            return CallConvention("forward", name)
    try:
        options = inspect.signature(module.forward).parameters
    except ValueError:  # a method compiled by torch.jit has no signature
        return None
    found = [name for name in OPTIONS if name in options]
    return CallConvention("forward", "forward", found[0]) if found else None


def list_subclasses(package: Any, base: type) -> list[type]:
    """List the classes that a package exports and that are, or derive from, a base class."""
    named = vars(package).values()
    return [kind for kind in named if isinstance(kind, type) and base in kind.__mro__]


@dataclass(frozen=True, kw_only=True)
class Library:
    """One flow library.

    Attributes
    ----------
    name : its name for `exactflow.interop.to_module`, and of its extra.
    make_module : builds a module of the library that applies couplings to data of a shape.
    readers : exact type of a linear layer -> a function that reads its affine map from data to
        latent from a copy in float64.
    sequences : exact type of a container whose layers follow each other -> the attribute that holds
        them, "" for its children.
    is_latent_first : whether these containers list their layers from latent to data.
    other_containers : exact type of a container with operations between its layers -> the attribute
        that holds them.
    replaced_parameters : exact type of a layer that couplings replace in part -> the names of the
        parameters that they replace. Such a layer is not merged with its neighbours.
    make_like : builds couplings with the interface of a given module, if `make_module` cannot.
    convention : the call convention of a module; None for a module that is no layer of a flow.
    model_call : the call of a model or a layer, given a context or None.
    update_references : tells a module of the model that a layer was replaced: module, old, new.
    float_type : the NumPy type of floats in which its modules run.
    takes_images : whether couplings act on images, too.
    """

    name: str
    make_module: Callable[[BijectionModule, tuple[int, ...]], nn.Module]
    readers: Mapping[type, Reader] = field(default_factory=dict)
    sequences: Mapping[type, str] = field(default_factory=dict)
    is_latent_first: bool = False
    other_containers: Mapping[type, str] = field(default_factory=dict)
    replaced_parameters: Mapping[type, tuple[str, ...]] = field(default_factory=dict)
    make_like: Callable[[Any, BijectionModule], nn.Module] | None = None
    convention: Callable[[nn.Module], CallConvention | None] = infer_convention
    model_call: Callable[[Any, Any], ModelCall] = make_model_call
    update_references: Callable[[nn.Module, nn.Module, nn.Module], None] = lambda *modules: None
    float_type: Callable[[], Any] = lambda: np.float64
    takes_images: bool = True

    def make_replacement(self, module: nn.Module, couplings: BijectionModule) -> nn.Module:
        """Build couplings, or an identity, with the interface and the hooks of a module."""
        if self.make_like is not None:
            new = self.make_like(module, couplings)
        else:
            new = self.make_module(couplings, ())
        for name in ("", "_with_kwargs", "_always_called"):
            getattr(new, f"_forward_hooks{name}").update(getattr(module, f"_forward_hooks{name}"))
        return new.train(module.training)

    def parameters_of(self, module: nn.Module) -> list[nn.Parameter]:
        """List the floating-point parameters of a layer that couplings replace."""
        names = self.replaced_parameters.get(type(module))
        return [
            p
            for name, p in module.named_parameters()
            if p.is_floating_point() and (names is None or name in names)
        ]
