"""A flow library as a value: call conventions, containers, and linear layers.

Each file under ``libraries/`` defines one `Library` and imports the package of that library. The
file is imported when the first module of the library is read or built. `convert` and `diagnose` use
libraries only through these values. The type of a layer or container has to be exactly a known
type, since a subclass may compute something else.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from exactflow.interop.affine import AffineMap
from exactflow.interop.modules import BijectionModule

METHODS = ("inverse", "reverse")
"""Names by which libraries call the method that inverts a module."""
OPTIONS = ("rev", "reverse", "inverse", "invert")
"""Names by which libraries call the option of ``forward`` that inverts a module."""

Reader = Callable[[Any], AffineMap]
"""Reads the map of a layer from data to latent, even if the library calls it the inverse."""


@dataclass(frozen=True)
class CallConvention:
    """The calls of a module: forward, from data to latent, and inverse, from latent to data.

    Attributes
    ----------
    forward, inverse : the names of the methods; the same name if an `option` chooses the direction.
    option : a boolean option of the method, true for the inverse.
    is_listed : whether the data is passed and returned in a list or tuple.
    condition : the name of the argument for the condition.
    """

    forward: str
    inverse: str
    option: str | None = None
    is_listed: bool = False
    condition: str | None = None

    def method_for_direction(self, module: nn.Module, is_forward: bool) -> Callable[..., Any]:
        """Return the forward method of a module if `is_forward`, else the inverse method.

        The option that chooses the direction, if there is one, is set already.
        """
        method: Callable[..., Any] = getattr(module, self.forward if is_forward else self.inverse)
        return method if self.option is None else partial(method, **{self.option: not is_forward})


@dataclass(frozen=True)
class ModelCall:
    """A module of a model, and the arguments to call it with.

    Attributes
    ----------
    module : the model, a module inside the model, or a module that wraps the model.
    convention : how the module is called; None if it has no inverse.
    path : the path of the module in the model.
    options : keyword arguments besides the data, such as a context.
    steps : for a wrapper, its modules that stand for layers of the model, by the paths of these
        layers.
    draw_latents : draws latents from the base of the model, given the number of latents and the
        options; None without a base.
    """

    module: nn.Module
    convention: CallConvention | None
    path: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, nn.Module] = field(default_factory=dict)
    draw_latents: Callable[[int, Mapping[str, Any]], Any] | None = None

    def call(self, value: Any, *others: Any, is_forward: bool = True) -> Any:
        """Call the module, forward if `is_forward`, else in the inverse direction."""
        if self.convention is None:
            return self.module(value, *others, **self.options)
        method = self.convention.method_for_direction(self.module, is_forward)
        given = [value] if self.convention.is_listed else value
        return method(given, *others, **self.options)


def make_model_call_record(model: nn.Module, context: Any) -> ModelCall:
    """Return the call of a model, with the keyword argument ``context`` if one is given."""
    options = {} if context is None else {"context": context}
    return ModelCall(model, infer_convention(model), options=options)


def infer_convention(module: nn.Module) -> CallConvention | None:
    """Infer how a module is called from the names of methods and options; None if unknown."""
    for name in METHODS:
        if callable(getattr(type(module), name, None)):
            return CallConvention("forward", name)
    try:
        options = inspect.signature(module.forward).parameters
    except ValueError:  # a method compiled by torch.jit has no signature
        return None
    found = [name for name in OPTIONS if name in options]
    return CallConvention("forward", "forward", found[0]) if found else None


def list_class_and_subclasses_in_namespace(package: Any, base: type) -> list[type]:
    """List the classes in the namespace of a package that are `base` or subclasses of it."""
    named = vars(package).values()
    return [kind for kind in named if isinstance(kind, type) and base in kind.__mro__]


@dataclass(frozen=True, kw_only=True)
class Library:
    """A flow library: how its modules are built, called and read.

    Attributes
    ----------
    name : the name for `exactflow.interop.to_module`, and the name of the extra.
    make_module : builds a module of the library that applies couplings to data of a shape.
    readers : for the exact type of a linear layer, a function that reads the map from data to
        latent from a float64 copy of the layer.
    sequences : for the exact type of a container whose layers follow each other, the name of the
        attribute that holds the layers; "" if they are the children of the container.
    is_latent_first : whether the containers in `sequences` list their layers from latent to data.
    other_containers : for the exact type of a container with operations between its layers, the
        name of the attribute that holds the layers.
    replaced_parameters : for the exact type of a layer of which couplings replace only a part, the
        names of the replaced parameters. Such a layer is not merged with its neighbours.
    make_like : builds couplings with the interface of a given module; None if `make_module` does.
    convention : returns how a module is called; None for a module that is no layer of a flow.
    model_call : returns the call of a model or a layer, given a context or None.
    update_references : a function of a module of the model, a replaced layer and its replacement,
        which replaces references to the layer in the module.
    float_type : returns the NumPy type of floats in which modules of the library run.
    takes_images : whether couplings can be applied to images.
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
    model_call: Callable[[Any, Any], ModelCall] = make_model_call_record
    update_references: Callable[[nn.Module, nn.Module, nn.Module], None] = lambda *modules: None
    float_type: Callable[[], Any] = lambda: np.float64
    takes_images: bool = True

    def make_replacement(self, module: nn.Module, couplings: BijectionModule) -> nn.Module:
        """Build couplings, or an identity, with the interface and forward hooks of a module."""
        if self.make_like is not None:
            new = self.make_like(module, couplings)
        else:
            new = self.make_module(couplings, ())
        for name in ("", "_with_kwargs", "_always_called"):
            getattr(new, f"_forward_hooks{name}").update(getattr(module, f"_forward_hooks{name}"))
        return new.train(module.training)

    def requires_grad_of_replaced_parameters(self, module: nn.Module) -> set[bool]:
        """Return the values of ``requires_grad`` of the float parameters that couplings replace."""
        names = self.replaced_parameters.get(type(module))
        return {
            p.requires_grad
            for name, p in module.named_parameters()
            if p.is_floating_point() and (names is None or name in names)
        }
