"""Trees of PyTorch modules: copies, wrappers, and the layers of a model in the order of the data.

`find_layer_chains` lists the layers that may be linear. Two layers are in one chain if nothing is
computed between them, so that they can be merged; this is known only inside containers of exactly
known types. The conditioner inside a coupling is no layer of the flow, and its modules are not
listed.
"""

import copy
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from os import PathLike
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from exactflow.errors import InvalidInputError, safe_error_message
from exactflow.flows.base import Flow
from exactflow.interop.libraries import PACKAGES, find_library_or_torch, top_level_package_of_class
from exactflow.interop.modules import BijectionModule

Model = TypeVar("Model")


def require_module(model: Any) -> None:
    """Raise `InvalidInputError` unless a model is a module of PyTorch; say what to pass instead."""
    if isinstance(model, nn.Module):
        return
    remedy = ""
    if isinstance(model, Flow):
        remedy = ": pass to_module(flow)"
    elif isinstance(model, Mapping | str | PathLike):  # weights have no code
        remedy = ": build the model by its code, and load the weights by model.load_state_dict"
    raise InvalidInputError(
        f"expected a model as a module of PyTorch, got {type(model).__name__}{remedy}"
    )


def copy_model(model: Model) -> Model:
    """Copy a model; raise `InvalidInputError` if it cannot be copied.

    Tensors with an autograd graph, which a run may have stored, are detached in the copy, since
    `copy.deepcopy` refuses them.
    """
    detached = {
        id(tensor): tensor.detach().clone()
        for module in (model.modules() if isinstance(model, nn.Module) else ())
        for value in vars(module).values()
        for tensor in (value, *getattr(value, "__dict__", {}).values())
        if isinstance(tensor, Tensor) and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(model, detached)
    except Exception as error:  # a class that cannot be copied may raise any error
        raise InvalidInputError(
            f"the model cannot be copied ({root_cause_type_and_message(error)}): "
            "make copy.deepcopy(model) work"
        ) from None


def copy_for_float64_evaluation(module: Model) -> Model:
    """Copy a module, and convert the copy to float64 and evaluation mode.

    The copy is switched to training mode and back, to drop the values that it cached in another
    dtype.
    """
    new = copy_model(module)
    return new.train().eval().double() if isinstance(new, nn.Module) else new


def wrapper_attribute(model: Any) -> str | None:
    """Return the name of the attribute in which a wrapper holds its model.

    Wrappers are DataParallel, AveragedModel and torch.compile; for any other object return None.
    """
    if isinstance(model, nn.DataParallel | DistributedDataParallel | AveragedModel):
        return "module"
    return "_orig_mod" if "_orig_mod" in getattr(model, "_modules", ()) else None


def list_state_dict_tensors_with_repeats(module: nn.Module) -> list[Tensor]:
    """List the parameters and persistent buffers of a module; shared tensors occur repeatedly."""
    return [t for t in module.state_dict(keep_vars=True).values() if isinstance(t, Tensor)]


@contextmanager
def preserve_rng_state() -> Iterator[None]:
    """Restore the states of the random number generators at the end of a ``with`` block."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def root_cause_type_and_message(error: BaseException) -> str:
    """Return the type and message of the first error in a chain of causes, as one line."""
    seen: set[int] = set()  # an error that is raised again may be its own cause
    while (earlier := error.__cause__ or error.__context__) is not None and id(earlier) not in seen:
        error = earlier
        seen.add(id(error))
    words = " ".join(filter(None, map(str.strip, safe_error_message(error).splitlines())))
    return f"{type(error).__name__}: {words}"[:300].removesuffix(": ")


@dataclass(frozen=True, eq=False)
class ModulePlace:
    """A module at a dotted path of a model.

    Attributes
    ----------
    is_plain : whether only ``nn.Sequential``, ``nn.ModuleList`` and ``nn.ModuleDict`` contain it,
        directly or indirectly. A linear layer of PyTorch is then a layer of the flow; elsewhere it
        may belong to a conditioner.
    """

    path: str
    module: nn.Module
    is_plain: bool

    @property
    def kind(self) -> str:
        """The name of the class of the module."""
        return type(self.module).__name__

    def list_child_places(self, in_attribute: str = "") -> list["ModulePlace"]:
        """List the places of the children of the module, or of the modules in one attribute.

        An attribute that is an ``nn.ModuleList`` has its items; any other attribute is one module.
        """
        held: nn.Module = getattr(self.module, in_attribute) if in_attribute else self.module
        path = ".".join(filter(None, (self.path, in_attribute)))
        if in_attribute and not isinstance(held, nn.ModuleList):
            return [ModulePlace(path, held, False)]
        plain = self.is_plain and isinstance(
            self.module, nn.Sequential | nn.ModuleList | nn.ModuleDict
        )
        return [
            ModulePlace(".".join(filter(None, (path, name))), child, plain)
            for name, child in held._modules.items()
            if child is not None
        ]


def find_layer_chains(model: nn.Module) -> list[list[ModulePlace]]:
    """List the layers of a model as chains, in the order in which data meets the layers.

    The layers of a chain follow each other, with nothing computed between them.
    """
    places = _walk_layers_and_gaps(ModulePlace("", model, True), True)
    stream = groupby(places, key=lambda place: place is not None)
    return [[place for place in group if place] for is_chain, group in stream if is_chain]


def _walk_layers_and_gaps(
    place: ModulePlace, is_in_known_containers_only: bool
) -> Iterator[ModulePlace | None]:
    """Yield the layers of a module, and None where something may be computed between two layers."""
    library, kind = find_library_or_torch(place.module), type(place.module)
    if kind in library.sequences:
        children = place.list_child_places(library.sequences[kind])
        for child in reversed(children) if library.is_latent_first else children:
            yield from _walk_layers_and_gaps(child, is_in_known_containers_only)
            if not is_in_known_containers_only:
                yield None
        return
    is_list = kind in (nn.ModuleList, nn.ModuleDict)
    is_layer = (
        top_level_package_of_class(place.module) in ("exactflow", *PACKAGES.values())
        and not is_list
    )
    if kind not in library.other_containers and (is_layer or not place.list_child_places()):
        yield place
        return
    is_known = is_in_known_containers_only and (is_list or kind in library.other_containers)
    for child in place.list_child_places(library.other_containers.get(kind, "")):
        yield None
        yield from _walk_layers_and_gaps(child, is_known)
    yield None


def install_bijection_in_place(
    model: nn.Module, path: str, bijection: BijectionModule
) -> nn.Module:
    """Replace the module at a path, in place, by a bijection with the interface of this module.

    Return the model, or the replacement if the path is empty.
    """
    replaced = model.get_submodule(path)
    new = find_library_or_torch(replaced).make_replacement(replaced, bijection)
    if not path:
        return new
    parent, _, name = path.rpartition(".")
    model.get_submodule(parent)._modules[name] = new
    for holder in model.modules():
        find_library_or_torch(holder).update_references(holder, replaced, new)
    return model
