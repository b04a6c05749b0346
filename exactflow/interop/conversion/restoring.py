"""Converted models and their state dicts: layers rebuilt from names and shapes of tensors.

`skeleton` makes a model of a state dict alone, with the linear layers of a library in their places
and nothing but tensors between them, so that it can be converted; `restore` puts converted layers
into a new model.

==========================  ======================================================================
library                     layers that their tensors tell
==========================  ======================================================================
torch                       ``nn.Linear`` and 1x1 ``nn.Conv2d``: any square ``weight``
normflows                   ``Permute``, ``LULinearPermute``; and ``Invertible1x1Conv`` in a state
                            that has convolutions, else ``InvertibleAffine``
nflows, glasflow            permutations, ``LULinear``, ``OneByOneConvolution``, ``NaiveLinear``,
                            ``QRLinear``, ``SVDLinear``, ``HouseholderSequence``
freia                       ``PermuteRandom``, ``FixedLinearTransform``, ``Fixed1x1Conv``
==========================  ======================================================================
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop.conversion.planning import Ties, tie
from exactflow.interop.libraries import library, library_of
from exactflow.interop.library import Build
from exactflow.interop.models import cause, copied, place_of, put
from exactflow.interop.modules.flow import (
    Bijection,
    FlowModule,
    MatrixModule,
    MergedAway,
    under,
)
from exactflow.interop.modules.layers import State

__all__ = ["restore", "skeleton"]

MARK = "couplings._extra_state"


def restore(model: nn.Module, state: State) -> nn.Module:
    """Return a copy of a model with the couplings and the tensors of a converted one.

    Parameters
    ----------
    model : as it was before `exactflow.interop.convert`, with any numbers.
    state : ``state_dict()`` of the converted model, or what ``exactflow convert --library`` wrote.

    Raises
    ------
    InvalidInputError
        A state without couplings, or one of another model.

    Examples
    --------
    >>> from exactflow.interop import convert
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> converted, _ = convert(model)
    >>> again = restore(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), converted.state_dict())
    >>> import torch
    >>> x = torch.randn(3, 4)
    >>> torch.equal(again(x), converted(x))
    True
    """
    heads = [name.removesuffix(MARK) for name in state if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got one without couplings"
        )
    new = copied(model)
    made: dict[int, nn.Module] = {}
    ties = Ties()
    try:
        for head in heads:
            place = place_of(new, head.removesuffix("."))
            module, own = place.module, under(state, f"{head}couplings.")
            if id(module) not in made:
                kinds: tuple[type[Bijection], ...] = MergedAway, MatrixModule, FlowModule
                couplings = kinds[min(len(own["_extra_state"]), 2)].of_state(own)
                couplings.requires_grad_(any(p.requires_grad for p in module.parameters()))
                tie(module, couplings, ties)
                new_layer = library_of(module).in_the_place_of(module, couplings, None)
                made[id(module)] = new_layer
            new = put(new, place, made[id(module)])
        new.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"expected the state of this model after its conversion, got {cause(error)}"
        ) from None
    return new


def skeleton(state: State, name: str) -> nn.Module:
    """Return a model that has the tensors of a state dict, and the linear layers of a library.

    Raises
    ------
    InvalidInputError
        A state in which there is no such layer.
    MissingExtraError
        The library is not installed.
    """
    builders = library(name).builders
    heads = {name.rpartition(".")[0] for name in state}
    heads |= {head.rpartition(".")[0] for head in heads}
    layers: dict[str, nn.Module] = {}
    for head in sorted(heads, key=len):
        if not any(_is_under(head, other) for other in layers):
            layer = _layer(under(state, f"{head}." if head else ""), state, builders)
            layers |= {} if layer is None else {head: layer}
    if not layers:
        raise InvalidInputError(
            f"expected a linear layer of {name} in the state dict, found none among "
            f"{', '.join(list(state)[:8])}"
        )
    if "" in layers:
        return layers[""]
    model = nn.ModuleDict()
    others = {key: t for key, t in state.items() if not any(_is_under(key, x) for x in layers)}
    for path, held in {**layers, **others}.items():
        parent, _, last = path.rpartition(".")
        holder = _holder(model, parent)
        table: Any = holder._modules if isinstance(held, nn.Module) else holder._buffers
        table[last] = held
    return model


def _is_under(name: str, head: str) -> bool:
    return not head or f"{name}.".startswith(f"{head}.")


def _holder(model: nn.Module, path: str) -> nn.Module:
    """Return the module under a path, made where it is not there."""
    for name in filter(None, path.split(".")):
        if name not in model._modules:
            model._modules[name] = nn.ModuleDict()
        model = model.get_submodule(name)
    return model


def _layer(own: State, whole: State, builders: Mapping[frozenset[str], Build]) -> nn.Module | None:
    """Return the layer that a state is the state of, None where it is of no such layer."""
    build = builders.get(frozenset(own))
    if build is None:
        return None
    try:
        layer = build(own, whole)
        if layer is not None:
            layer.load_state_dict(own, assign=True)
    except (IndexError, RuntimeError, TypeError, ValueError):
        return None  # tensors of these names, and of other shapes
    return layer
