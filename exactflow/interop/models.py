"""A model as modules in modules: copies of it to try things on, so that nothing else is changed by
it; and its layers in the order in which data meets them, those that may be linear, in chains.

Two layers are in one chain if nothing stands between them, so that they can be merged. What is
inside a coupling, its conditioner, is no layer of the flow and is not looked at.
"""

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import PACKAGES, library_of, package_of

__all__ = ["Place", "cause", "chains", "copied", "place_of", "put", "untouched"]

Model = TypeVar("Model")

GLOW = ("actnorm", "invconv", "coupling")
"""The children of a ``Flow`` of glow-pytorch, in the order of the data."""


def copied(model: Model) -> Model:
    """Return a copy; tensors that a run of a module left behind are copied without its graph.

    Raises `InvalidInputError` for a model that cannot be copied.
    """
    behind = {
        id(tensor): tensor.detach().clone()
        for module in (model.modules() if isinstance(model, nn.Module) else ())
        for tensor in vars(module).values()
        if isinstance(tensor, Tensor) and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(model, behind)
    except Exception as error:  # whatever a class raises that was not made to be copied
        raise InvalidInputError(
            f"expected a model that copy.deepcopy copies, got {cause(error)}"
        ) from None


@contextmanager
def untouched() -> Iterator[None]:
    """Give the states of the random number generators back afterwards."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def cause(error: BaseException) -> str:
    """Return the type and the first lines of the error that was raised first."""
    seen: set[int] = set()  # an error that is raised again may be among its own causes
    while (earlier := error.__cause__ or error.__context__) is not None and id(earlier) not in seen:
        error = earlier
        seen.add(id(error))
    lines = (line.strip() for line in str(error).splitlines())
    said = " ".join(line for line in lines if line)
    return f"{type(error).__name__}: {said}"[:300].removesuffix(": ")


@dataclass(frozen=True, eq=False)
class Place:
    """A module, its dotted path, and the module that holds it, None for the model itself.

    `is_plain` says that only ``nn.Sequential``, ``nn.ModuleList`` and ``nn.ModuleDict`` are above
    it: a linear layer of PyTorch is a layer of the flow there, elsewhere maybe of a conditioner.
    """

    path: str
    module: nn.Module
    parent: nn.Module | None
    is_plain: bool

    @property
    def name(self) -> str:
        """The name of the module in its parent."""
        return self.path.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The name of the module's class."""
        return type(self.module).__name__

    def children(self, attribute: str = "") -> list["Place"]:
        """Return the places of the children; or those in one list, or the one, of them."""
        held: nn.Module = getattr(self.module, attribute) if attribute else self.module
        path = ".".join(filter(None, (self.path, attribute)))
        if attribute and not isinstance(held, nn.ModuleList):
            return [Place(path, held, self.module, False)]
        plain = self.is_plain and isinstance(
            self.module, nn.Sequential | nn.ModuleList | nn.ModuleDict
        )
        return [
            Place(".".join(filter(None, (path, name))), child, held, plain)
            for name, child in held._modules.items()
            if child is not None
        ]


def place_of(model: nn.Module, path: str) -> Place:
    """Return the place of the module under a dotted path, of the model itself where it is empty."""
    parent = model.get_submodule(path.rpartition(".")[0]) if path else None
    return Place(path, model.get_submodule(path), parent, not path)


def chains(model: nn.Module) -> list[list[Place]]:
    """Return the layers of a model, in chains, in the order in which data meets them.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 2)))
    >>> [[place.path for place in chain] for chain in chains(model)]
    [['0', '1', '2.0']]
    """
    stream = groupby(_stream(place_of(model, "")), key=lambda place: place is not None)
    return [[place for place in group if place] for is_chain, group in stream if is_chain]


def _stream(place: Place) -> Iterator[Place | None]:
    """Yield the layers of a module, and None where nothing is known about what is between them."""
    library = library_of(place.module)
    attribute = library.of_base("lists", place.module)
    if attribute is not None:
        children = place.children(attribute)
        for child in reversed(children) if library.is_from_latent else children:
            yield from _stream(child)
        return
    if type(place.module).__name__ == "Flow" and set(GLOW) <= set(place.module._modules):
        held = {child.name: child for child in place.children()}
        for name in GLOW:
            yield from _stream(held[name])
        return
    attribute = library.of_base("holders", place.module)
    is_layer = package_of(place.module) in ("exactflow", *PACKAGES.values())
    is_layer &= not isinstance(place.module, nn.ModuleList | nn.ModuleDict)
    if attribute is None and (is_layer or not place.children()):
        yield place
        return
    for child in place.children(attribute or ""):
        yield None
        yield from _stream(child)
    yield None


def put(model: nn.Module, place: Place, new: nn.Module) -> nn.Module:
    """Return the model with a module in a place of it; the model is changed."""
    if place.parent is None:
        return new
    place.parent._modules[place.name] = new
    for holder in model.modules():
        for node in getattr(holder, "node_list", ()):  # a GraphINN of FrEIA
            if node.module is place.module:
                node.module = new
    return model
