"""What modules take and return: tensors, and lists, tuples and dictionaries of them.

A module is run again on other numbers in the structure that it was given, and what it returned goes
back as it came. Log-determinants, and what else comes beside the image, are told by their sizes.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only

from exactflow.errors import InvalidInputError

__all__ = [
    "State",
    "beside",
    "copied",
    "entries",
    "flat",
    "image",
    "is_finite",
    "members",
    "refilled",
    "relative",
    "tensors",
]

State = tuple[Tensor, ...]


def tensors(value: Any) -> State:
    """Return the tensors in a structure, in order."""
    return tuple(leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def entries(value: Any) -> int:
    """Return the number of entries of all tensors."""
    return sum(tensor.numel() for tensor in tensors(value))


def copied(value: Any, dtype: torch.dtype | None = None) -> Any:
    """Return the structure with copies of its tensors, those of floats in a dtype."""

    def copy(tensor: Tensor) -> Tensor:
        target = dtype if dtype and tensor.is_floating_point() else tensor.dtype
        return tensor.detach().to(target, copy=True)

    return tree_map_only(Tensor, copy, value)


def refilled(value: Any, state: State) -> Any:
    """Return the structure with other tensors, copies: a layer may write on what it is given."""
    others = iter(state)
    return tree_map_only(Tensor, lambda _: next(others).clone(), value)


def members(value: Any, rows: list[int], size: int) -> Any:
    """Return the structure with some members of a batch of this size."""
    return tree_map_only(Tensor, lambda t: t[rows] if t.ndim and len(t) == size else t, value)


def image(value: Any, size: int) -> Any:
    """Return the part of what a module returned that is its image, of `size` entries if possible.

    That is the first part, or run of parts, with as many entries; where none has as many, the first
    tensor that has a row for each member of a batch, with the list around it.

    >>> y, log_det = torch.zeros(5, 3), torch.zeros(5)
    >>> values = [y, (log_det, y), ([y, y], log_det), {"z": y, "log_det": log_det}]
    >>> [entries(image(value, 15 * (1 + (i == 2)))) for i, value in enumerate(values)]
    [15, 15, 30, 15]
    >>> [part.shape for part in image((y[:, :1], y[:, 1:], log_det), 15)]
    [torch.Size([5, 1]), torch.Size([5, 2])]
    """
    parts = [
        part
        for part in _parts(value)
        if all(isinstance(leaf, Tensor) and leaf.ndim > 1 for leaf in tree_leaves(part))
    ]
    if not parts:
        raise InvalidInputError(
            "expected a model that returns a tensor, or a list, tuple or dictionary of tensors, "
            f"with a row for each member of the batch, got {type(value).__name__}"
        )
    return next((part for part in parts if entries(part) == size), parts[0])


def _parts(value: Any) -> Iterator[Any]:
    """Yield a structure, the parts of it, then runs of neighbours."""
    if not tensors(value):
        return
    yield value
    if isinstance(value, Tensor):
        return
    inner = list(value.values() if isinstance(value, Mapping) else value)
    for part in inner:
        yield from _parts(part)
    for i, j in combinations(range(len(inner) + 1), 2):
        if j > i + 1 and all(isinstance(part, Tensor) for part in inner[i:j]):
            yield tuple(inner[i:j])


def beside(value: Any, part: Any) -> list[Any]:
    """Return the tensors and numbers that a module returned beside its image."""
    own = {id(tensor) for tensor in tensors(part)}
    leaves = [leaf for leaf in tree_leaves(value) if id(leaf) not in own]
    return [leaf for leaf in leaves if isinstance(leaf, (Tensor, float, int))]


def relative(found: State, wanted: State) -> Tensor:
    """Return max |found - wanted| / max |wanted|, for each member of the batch, in float64.

    It is infinite where shapes differ, and where a number is not finite; zeros count as ones below
    the line.

    >>> found, wanted = torch.tensor([[1.0, 2.0], [0, 0]]), torch.tensor([[1.0, 4.0], [0, 0.5]])
    >>> relative((found,), (wanted,))
    tensor([0.5000, 1.0000], dtype=torch.float64)
    """
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return torch.full((len(wanted[0]),), float("inf"), dtype=torch.float64)
    a, b = (
        torch.cat([tensor.reshape(len(tensor), -1) for tensor in state], 1).double()
        for state in (found, wanted)
    )
    size = b.abs().amax(1)
    error = (a - b).abs().amax(1) / torch.where(size > 0, size, 1.0)
    return torch.where(torch.isfinite(error), error, float("inf"))


def is_finite(state: State) -> bool:
    """Return whether all numbers are finite."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in state)


def flat(state: State) -> Tensor:
    """Return the vector of all entries."""
    return torch.cat([tensor.flatten() for tensor in state])
