"""Runs of a model on an example, on a copy of it: what each layer meets, and what comes out."""

import copy
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.conversion.planning import Meeting
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.places import chains

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
    model: nn.Module, arguments: tuple[Any, ...], context: Any, y: Any
) -> tuple[dict[str, Meeting], list[Tensor] | None]:
    """Return what the layers of a model meet in a run on an example, and what comes out, in
    evaluation mode on a copy: an ActNorm that waits for data does so afterwards.
    """
    if not arguments:
        return {}, None
    model = copied(model).eval()
    meetings: dict[str, Meeting] = {}
    try:
        with torch.no_grad():
            whole = whole_of(model, context, y)
            parts = whole.module.modules()
            steps: dict[Any, nn.Module] = {
                part.path: part for part in parts if hasattr(part, "path")
            }
            for place in (place for chain in chains(model) for place in chain):
                _watch(steps.get(place.path, place.module), place.path, meetings)
            return meetings, list(_tensors(whole.called(*arguments)))
    except Exception as error:  # whatever a model raises for data that it was not made for
        raise InvalidInputError(
            "expected an example that the model takes (a batch, or a tuple of its arguments), got "
            f"{type(error).__name__}: {first_line(error)}"
        ) from None


def _watch(module: nn.Module, path: str, meetings: dict[str, Meeting]) -> None:
    """Let a module, a copy that is thrown away, tell which data it meets on its way ahead."""
    way = library_of(module).way(module)
    name = "forward" if way is None else way.ahead
    method = getattr(module, name)

    def told(*given: Any, **options: Any) -> Any:
        x = given[0] if given else next(iter(options.values()))
        x = x[0] if isinstance(x, tuple | list) else x
        if isinstance(x, Tensor):
            condition = options.get(way.condition) if way is not None and way.condition else None
            meetings.setdefault(path, (x.detach(), condition))
        return method(*given, **options)

    vars(module)[name] = told


def _tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, float):
        yield torch.tensor(result)
    elif isinstance(result, tuple | list):
        for part in result:
            yield from _tensors(part)


def first_line(error: Exception) -> str:
    """Return the first line of what a library says."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
