"""Couplings in the place of a module: with its interface, its type and its modes."""

from typing import Any

import torch
from torch import Tensor, nn

from exactflow.interop.chains import Place
from exactflow.interop.for_torch import Couplings, Result
from exactflow.interop.interfaces import library
from exactflow.interop.libraries import of_library
from exactflow.interop.plain import Bijection

__all__ = ["in_the_place_of", "put"]


def in_the_place_of(module: nn.Module, couplings: Bijection, x: Tensor | None) -> nn.Module:
    """Return couplings, or an identity, with the interface of a module that takes data x; where x
    is None, an unknown module of plain PyTorch is run on zeros.
    """
    home = library(module)
    if type(module).__name__ == "AllInOneBlock":
        from exactflow.interop.for_freia import CoupledBlock

        new: nn.Module = CoupledBlock.of(module, couplings)
    elif type(module).__name__.startswith("Haar"):
        from exactflow.interop.for_freia import CoupledHaar

        new = CoupledHaar(module, couplings)
    elif home == "torch":
        new = Couplings(couplings, *_manner(module, couplings, x))
    else:
        dims = getattr(module, "dims_in", [()])  # FrEIA's ActNorm keeps the first shape alone
        new = of_library(couplings, home, dims[0] if isinstance(dims, list) else dims)
    return new.train(module.training)


def _manner(module: nn.Module, couplings: Bijection, x: Tensor | None) -> tuple[bool, int, Result]:
    """Return where a module of plain PyTorch has its vectors, and what it returns."""
    kind = type(module).__name__
    if kind in ("Linear", "ParametrizedLinear"):
        return True, 0, "image"
    if kind in ("Conv2d", "ParametrizedConv2d"):
        return False, 4, "image"
    if kind in ("InvConv2d", "InvConv2dLU") or getattr(module, "logdet", None) is True:
        return False, 0, "scalar"
    returned = _returned(module, couplings, x)
    if not isinstance(returned, tuple):
        return False, 0, "image"
    return False, 0, "batch" if torch.as_tensor(returned[1]).ndim else "scalar"


def _returned(module: nn.Module, couplings: Bijection, x: Tensor | None) -> Any:
    with torch.no_grad():
        if x is not None:
            return module(x)
        d, like = sum(getattr(couplings, "partition", ())), next(module.parameters(), None)
        for shape in ((1, d), (1, d, 1, 1)):
            try:
                return module(torch.zeros(shape, dtype=None if like is None else like.dtype))
            except RuntimeError:  # a module for data of another shape
                continue
    return None


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
