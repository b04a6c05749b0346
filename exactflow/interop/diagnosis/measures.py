"""What is measured of the runs of a model: errors, and the digits that each layer loses."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from exactflow.interop.diagnosis.doors import State
from exactflow.interop.diagnosis.passes import Passes, relative
from exactflow.interop.diagnosis.trace import Call, FailureError

__all__ = [
    "THIRD",
    "Runs",
    "dtype_name",
    "error_at",
    "growth",
    "inverted",
    "is_finite",
    "length",
    "member_of",
    "raised",
    "trip",
]

THIRD = 1 / 3
"""The part of the digits whose loss is a fault of one layer."""


@dataclass(frozen=True, eq=False)
class Runs:
    """What a model did as it stands, in eval mode, and in eval mode in other precisions.

    `fine` is float64; `coarse` the model's own dtype, or float32 where that is float64; None where
    the model has parts that cannot be had in it. `stuck` is the error of a model that maps x ahead
    in eval mode only.
    """

    now: Passes
    calm: Passes
    fine: Passes | None
    coarse: Passes | None
    stuck: FailureError | None = None

    @cached_property
    def unit(self) -> float:
        """The unit roundoff of the model's dtype."""
        return torch.finfo(self.calm.x.dtype).eps / 2

    @property
    def digits(self) -> float:
        """The decimal digits of the model's dtype."""
        return -math.log10(self.unit)

    @property
    def level(self) -> float:
        """The relative error at which half of the digits are lost."""
        return math.sqrt(self.unit)

    @cached_property
    def member(self) -> int:
        """The member of the batch that comes back worst."""
        return int(self.calm.errors.argmax())

    @property
    def comes_back(self) -> bool:
        """Whether half of the digits are left, for every member of the batch, in either mode."""
        return self.stuck is None and all(
            bool((run.errors <= self.level).all()) for run in (self.now, self.calm)
        )


def growth(runs: Runs) -> tuple[list[float], list[float]]:
    """Return the digits that each layer, and each place before, between and after, loses."""
    run, i = runs.now, runs.member
    pairs = run.pairs
    if pairs is None or run.image is None or not is_finite(run.latents):
        steps = [_lost(runs, 0.0, trip(c, i)) if is_finite(c.before) else 0.0 for c in run.ahead]
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


def error_at(found: State, wanted: State, member: int) -> float:
    """Return the error of a member of the batch, or the largest where layers change the batch."""
    errors = relative(found, wanted)
    return float(errors[member]) if member < len(errors) else float(errors.max())


def trip(call: Call, member: int) -> float:
    """Return the error of a layer's own round trip; infinite where its inverse raises an error."""
    try:
        return error_at(call.mapped(call.after, not call.is_ahead), call.before, member)
    except FailureError:
        return math.inf


def inverted(call: Call) -> State:
    """Return the inverse of a layer's own output; nothing finite where it raises an error."""
    try:
        return call.mapped(call.after, not call.is_ahead)
    except FailureError:
        return tuple(torch.full_like(tensor, math.nan) for tensor in call.before)


def member_of(state: State, i: int) -> State:
    return tuple(tensor[i : i + 1] if i < len(tensor) else tensor[:1] for tensor in state)


def is_finite(state: State) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in state)


def length(state: State) -> float:
    return float(torch.cat([tensor.flatten() for tensor in state]).norm())


def dtype_name(runs: Runs) -> str:
    return str(runs.calm.x.dtype).removeprefix("torch.")


def raised(failure: FailureError) -> str:
    return f"{type(failure.error).__name__}: {_line(failure.error)}"


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
