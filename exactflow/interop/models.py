"""A model as modules in modules: copies of it to try things on, so that nothing else is changed by
it; and its layers in the order in which data meets them, those that may be linear, in chains.

Two layers are in one chain if nothing stands between them, so that they can be merged: within
containers of a known exact type only. What is inside a coupling, its conditioner, is no layer of
the flow and is not looked at.
"""

import copy
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from exactflow.errors import InvalidInputError, error_text
from exactflow.interop.libraries import PACKAGES, library_of, package_of

Model = TypeVar("Model")


def copy_model(model: Model) -> Model:
    """Return a copy of a model, without the graphs of tensors that a run left, or raise."""
    behind = {
        id(tensor): tensor.detach().clone()
        for module in (model.modules() if isinstance(model, nn.Module) else ())
        for value in vars(module).values()
        for tensor in (value, *getattr(value, "__dict__", {}).values())
        if isinstance(tensor, Tensor) and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(model, behind)
    except Exception as error:  # whatever a class raises that was not made to be copied
        raise InvalidInputError(
            f"expected a model that copy.deepcopy copies, got {cause(error)}"
        ) from None


def doubled(module: Model) -> Model:
    """Return a copy in float64 and in evaluation mode, without what was cached in another type."""
    new = copy_model(module)
    return new.train().eval().double() if isinstance(new, nn.Module) else new


def inside(model: Any) -> str | None:
    """Name the attribute of a wrapper (DataParallel, AveragedModel, torch.compile) under which its
    model is; None for any other object.
    """
    if isinstance(model, nn.DataParallel | DistributedDataParallel | AveragedModel):
        return "module"
    return "_orig_mod" if "_orig_mod" in getattr(model, "_modules", ()) else None


def tensors_of(module: nn.Module) -> list[Tensor]:
    """List the tensors of a module, parameters and buffers."""
    return [t for t in module.state_dict(keep_vars=True).values() if isinstance(t, Tensor)]


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
    lines = (line.strip() for line in error_text(error).splitlines())
    words = " ".join(line for line in lines if line)
    return f"{type(error).__name__}: {words}"[:300].removesuffix(": ")


@contextmanager
def watched(
    module: nn.Module, path: str, names: Iterable[str], around: Callable[[str, Any, Any], Any]
) -> Iterator[None]:
    """Let `around` run the methods of a module for a while: it is given the name, the method, and
    the arguments and options. An error that is raised has the path as `where`.
    """
    own = dict(vars(module))

    def told(name: str, method: Any) -> Any:
        @wraps(method)
        def run(*arguments: Any, **options: Any) -> Any:
            try:
                return around(name, method, (arguments, options))
            except Exception as error:
                vars(error).setdefault("where", path)
                raise

        return run

    vars(module).update({name: told(name, getattr(module, name)) for name in names})
    try:
        yield
    finally:
        for name in names:
            vars(module).pop(name)
        vars(module).update({name: own[name] for name in names if name in own})


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
    """Return the layers of a model, in chains, in the order in which data meets them."""
    stream = groupby(_stream(place_of(model, ""), True), key=lambda place: place is not None)
    return [[place for place in group if place] for is_chain, group in stream if is_chain]


def _stream(place: Place, is_known: bool) -> Iterator[Place | None]:
    """Yield the layers of a module, and None where something may be between them."""
    library, kind = library_of(place.module), type(place.module)
    if kind in library.lists:
        children = place.children(library.lists[kind])
        for child in reversed(children) if library.is_from_latent else children:
            yield from _stream(child, is_known)
            if not is_known:
                yield None
        return
    is_list = kind in (nn.ModuleList, nn.ModuleDict)
    is_layer = package_of(place.module) in ("exactflow", *PACKAGES.values()) and not is_list
    if kind not in library.holders and (is_layer or not place.children()):
        yield place
        return
    for child in place.children(library.holders.get(kind, "")):
        yield None
        yield from _stream(child, is_known and (is_list or kind in library.holders))
    yield None


def put(model: nn.Module, path: str, new: nn.Module) -> nn.Module:
    """Return the model with a module under a path; the model is changed."""
    place = place_of(model, path)
    if place.parent is None:
        return new
    place.parent._modules[place.name] = new
    for holder in model.modules():
        library_of(holder).renew(holder, place.module, new)
    return model
