"""Runs of a model on an example, on a copy of it: what each layer meets, and what comes out."""

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.chains import chains
from exactflow.interop.interfaces import run_model, watch
from exactflow.interop.planning import Meeting

__all__ = ["copied", "first_line", "run"]

Model = TypeVar("Model", bound=nn.Module)


def copied(model: Model) -> Model:
    """Return a copy; tensors that a run of the model left behind are copied without its graph."""
    behind = {
        id(tensor): tensor.detach().clone()
        for module in model.modules()
        for tensor in vars(module).values()
        if isinstance(tensor, Tensor) and not tensor.is_leaf
    }
    try:
        return copy.deepcopy(model, behind)
    except Exception as error:  # whatever a class raises that was not made to be copied
        raise InvalidInputError(
            f"expected a model that copy.deepcopy copies, got: {first_line(error)}"
        ) from None


def run(
    model: nn.Module, arguments: tuple[Any, ...]
) -> tuple[dict[str, Meeting], list[Tensor] | None]:
    """Return what the layers of a model meet in a run on an example, and what comes out, in
    evaluation mode on a copy: an ActNorm that waits for data does so afterwards.
    """
    if not arguments:
        return {}, None
    model = copied(model).eval()
    meetings: dict[str, Meeting] = {}
    for place in (place for chain in chains(model) for place in chain):

        def seen(x: Tensor, context: dict[str, Any], path: str = place.path) -> None:
            meetings.setdefault(path, (x.detach(), context))

        watch(place.module, seen)
    try:
        with torch.no_grad():
            return meetings, run_model(model, arguments)
    except Exception as error:  # whatever a model raises for data that it was not made for
        raise InvalidInputError(
            "expected an example that the model takes (a batch, or a tuple of its arguments), got "
            f"{type(error).__name__}: {first_line(error)}"
        ) from None


def first_line(error: Exception) -> str:
    """Return the first line of what a library says."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
