"""A model run ahead and back, twice each, and what came of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.interop.diagnosis.doors import Door, State, returned
from exactflow.interop.diagnosis.trace import Call, FailureError, Traced

__all__ = ["Passes", "passes", "relative"]


@dataclass(frozen=True, eq=False)
class Passes:
    """What a copy of the model did: two passes in each direction, until an error, if there was one.

    `ahead` and `back` are the layers called in the first passes, in the order of the calls; y is
    what the model maps x to, and `image` what came back; the others are of the second passes.
    """

    x: Tensor
    ahead: list[Call]
    again_ahead: list[Call]
    y: Any
    again_y: Any
    back: list[Call]
    again_back: list[Call]
    image: Tensor | None
    again_image: Tensor | None
    failure: FailureError | None

    @property
    def latents(self) -> State:
        """The latents as tensors."""
        return returned(self.y, self.x.numel())

    @property
    def errors(self) -> Tensor:
        """The relative error of each member of the batch; infinite where nothing came back."""
        if self.image is None:
            return torch.full((len(self.x),), float("inf"), dtype=torch.float64)
        return relative((self.image,), (self.x,))

    @property
    def pairs(self) -> list[tuple[Call, Call]] | None:
        """Each layer with its call on the way back, where the model calls them in reverse order."""
        backwards = self.back[::-1]
        same = [(c.path, not c.is_ahead) for c in self.ahead] == [
            (c.path, c.is_ahead) for c in backwards
        ]
        return list(zip(self.ahead, backwards, strict=True)) if same else None


def passes(model: nn.Module, way: Door, path: str, x: Tensor) -> Passes:
    """Run a model that is ours to watch; raises `FailureError` where x has no image."""
    traced = Traced(model, way, path)
    ahead, y = traced.ahead(x)
    again_ahead, again_y = traced.ahead(x)
    try:
        back, image = traced.back(y)
        again_back, again_image = traced.back(y)
    except FailureError as failure:
        return Passes(x, ahead, again_ahead, y, again_y, [], [], None, None, failure)
    return Passes(x, ahead, again_ahead, y, again_y, back, again_back, image, again_image, None)


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
    a, b = _rows(found), _rows(wanted)
    size = b.abs().amax(1)
    error = (a - b).abs().amax(1) / torch.where(size > 0, size, 1.0)
    return torch.where(torch.isfinite(error), error, float("inf"))


def _rows(state: State) -> Tensor:
    """Return a matrix with a row for each member of the batch."""
    return torch.cat([tensor.reshape(len(tensor), -1) for tensor in state], 1).double()
