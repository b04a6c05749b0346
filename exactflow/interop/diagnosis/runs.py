"""A model run ahead and back, in several modes and precisions, and what is measured."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.interop.diagnosis.doors import Door
from exactflow.interop.diagnosis.trace import Call, FailureError, Traced
from exactflow.interop.diagnosis.values import State, is_finite, relative, tensors

__all__ = ["THIRD", "Passes", "Runs", "error_at", "growth", "passes", "trip"]

THIRD = 1 / 3
"""The part of the digits whose loss is a fault of one layer."""


@dataclass(frozen=True, eq=False)
class Passes:
    """What a copy of the model did ahead and back, until an error, if there was one.

    `ahead` and `back` are the calls of the model, `layers` and `back_layers` those of its layers,
    in their order.
    """

    x: Any
    ahead: Call
    layers: list[Call]
    back: Call | None = None
    back_layers: tuple[Call, ...] = ()
    failure: FailureError | None = None

    @cached_property
    def errors(self) -> Tensor:
        """The relative error of each member of the batch; infinite where nothing came back."""
        x = tensors(self.x)
        if self.back is None:
            return torch.full((len(x[0]),), math.inf, dtype=torch.float64)
        return relative(self.back.after, x)

    @property
    def pairs(self) -> list[tuple[Call, Call]] | None:
        """Each layer with its call on the way back, where the model calls them in reverse order."""
        backwards = self.back_layers[::-1]
        same = [(c.path, not c.is_ahead) for c in self.layers] == [
            (c.path, c.is_ahead) for c in backwards
        ]
        return list(zip(self.layers, backwards, strict=True)) if same else None


def passes(
    model: nn.Module, way: Door, x: Any, options: dict[str, Any], dtype: torch.dtype
) -> Passes:
    """Run a model that is ours to watch; raises `FailureError` where x has no image."""
    traced = Traced(model, way, dtype)
    ahead, layers = traced.run(x, True, options)
    try:
        back, back_layers = traced.run(ahead.made, False, options)
    except FailureError as failure:
        return Passes(x, ahead, layers, failure=failure)
    found = Passes(x, replace(ahead, other=back), layers, back, tuple(back_layers))
    pairs = [replace(call, other=other) for call, other in found.pairs or []]
    return replace(found, layers=pairs or layers)


@dataclass(frozen=True, eq=False)
class Runs:
    """What a model did as it stands, in eval mode, and in eval mode in other precisions.

    `model` is left as it was. `fine` is float64; `coarse` the model's own dtype, or float32 where
    that is float64; None where the model has parts that cannot be had in it. `stuck` is the error
    of a model that maps x ahead in eval mode only.
    """

    model: nn.Module
    now: Passes
    calm: Passes
    fine: Passes | None
    coarse: Passes | None
    stuck: FailureError | None = None

    @cached_property
    def dtype(self) -> torch.dtype:
        """The model's dtype."""
        return tensors(self.calm.x)[0].dtype

    @cached_property
    def unit(self) -> float:
        """The unit roundoff of the model's dtype."""
        return torch.finfo(self.dtype).eps / 2

    @property
    def digits(self) -> float:
        """The decimal digits of the model's dtype."""
        return -math.log10(self.unit)

    @property
    def level(self) -> float:
        """The relative error at which half of the digits are lost."""
        return math.sqrt(self.unit)

    @cached_property
    def judged(self) -> Passes:
        """The run as the model stands, or in eval mode where x comes back in the former only."""
        return self.now if (self.now.errors > self.level).any() else self.calm

    @cached_property
    def member(self) -> int:
        """The member of the batch that comes back worst."""
        return int(self.judged.errors.argmax())

    @cached_property
    def comes_back(self) -> bool:
        """Whether half of the digits are left, for every member of the batch, in either mode."""
        return self.stuck is None and bool((self.judged.errors <= self.level).all())

    def matters(self, error: float) -> bool:
        """Return whether an error of one layer that is no rounding makes x stay away.

        Several that are below the level may do so together.
        """
        return error > (self.level if self.comes_back else max(self.level / 100, 10 * self.unit))


def growth(runs: Runs) -> tuple[list[float], list[float]]:
    """Return the digits that each layer, and each place before, between and after, loses."""
    run, i = runs.judged, runs.member
    pairs = run.pairs
    if pairs is None or run.back is None or not is_finite(run.ahead.after):
        steps = [_lost(runs, 0.0, trip(c, i)) if is_finite(c.before) else 0.0 for c in run.layers]
        return steps, [0.0] * (len(steps) + 1)
    arriving = [error_at(b.before, a.after, i) for a, b in pairs]
    leaving = [error_at(b.after, a.before, i) for a, b in pairs]
    final = float(run.errors[i])
    inner = [_lost(runs, a, b) for a, b in zip(arriving, leaving, strict=True)]
    places = [_lost(runs, a, b) for a, b in zip([*leaving, 0.0], [final, *arriving], strict=True)]
    return inner, places


def _lost(runs: Runs, before: float, after: float) -> float:
    return math.log10(_capped(runs, after) / _capped(runs, before))


def _capped(runs: Runs, error: float) -> float:
    """Return an error between all digits and none."""
    return min(max(error, runs.unit), 1.0)


def error_at(found: State, wanted: State, i: int) -> float:
    """Return the error of a member of the batch, or the largest where layers change the batch."""
    errors = relative(found, wanted)
    return float(errors[i]) if i < len(errors) else float(errors.max())


def trip(call: Call, i: int | None = None) -> float:
    """Return the error of a layer's own round trip, of one member of the batch or the largest.

    It is infinite where the inverse raises an error.
    """
    try:
        came = call.mapped(call.after, not call.is_ahead)
    except FailureError:
        return math.inf
    return float(relative(came, call.before).max()) if i is None else error_at(came, call.before, i)
