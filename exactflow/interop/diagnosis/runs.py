"""A model run ahead and back, in several modes and precisions, and what is measured."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.diagnosis.trace import Call, FailureError, Traced, twin
from exactflow.interop.diagnosis.values import State, copied, relative, tensors
from exactflow.interop.libraries import whole_of
from exactflow.interop.library import METHODS, OPTIONS, Way, Whole

__all__ = ["Passes", "Runs"]


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
        return relative(self.back.after if self.back else (), tensors(self.x))

    @property
    def pairs(self) -> list[tuple[Call, Call]] | None:
        """Each layer with its call on the way back, where the model calls them in reverse order."""
        backwards = self.back_layers[::-1]
        came = [(call.path, call.is_ahead) for call in backwards]
        is_reverse = came == [(call.path, not call.is_ahead) for call in self.layers]
        return list(zip(self.layers, backwards, strict=True)) if is_reverse else None


class Runs:
    """What a model did as it stands, in eval mode, and in eval mode in float64.

    Attributes
    ----------
    whole : a copy of the model that is left as it was.
    now, calm, fine : these runs; no last where the model has parts that cannot be had in float64.
    stuck : the error of a model that maps x ahead in eval mode only.
    precision : the name of the model's dtype.
    unit, digits : its unit roundoff, and its decimal digits.
    level : the relative error at which half of the digits are lost.
    many : a third of the digits, whose loss is a fault of one layer.
    judged : the run as the model stands, or in eval mode where x comes back in the former only.
    member : of the batch, that which comes back worst.
    comes_back : whether half of the digits are left, for every member of the batch, in either mode.
    """

    def __init__(self, model: Any, x: Any, is_turned: bool, conditions: tuple[Any, Any]):
        """Run a model on x, which may be latents, given a context and classes.

        Raises `InvalidInputError` where it has no inverse, or x no image in eval mode.
        """
        self.model, self.x, self.is_turned, self.conditions = model, x, is_turned, conditions
        self.dtype = tensors(x)[0].dtype
        self.precision = str(self.dtype).removeprefix("torch.")
        self.unit = torch.finfo(self.dtype).eps / 2
        self.digits = -math.log10(self.unit)
        self.level, self.many = math.sqrt(self.unit), self.digits / 3
        self.whole, _ = self._called()
        self.fine = self._run_in_float64()
        try:
            self.calm = self.now = self._run()
        except FailureError as failure:
            raise self._refusal(failure) from failure.error
        self.stuck: FailureError | None = None
        if any(part.training for part in self._called(is_calm=False)[0].module.modules()):
            try:
                self.now = self._run(is_calm=False)
            except FailureError as failure:
                self.stuck = failure
        self.judged = self.now if (self.now.errors > self.level).any() else self.calm
        self.member = int(self.judged.errors.argmax())
        self.comes_back = not self.stuck and bool((self.judged.errors <= self.level).all())

    def _called(self, dtype: torch.dtype | None = None, is_calm: bool = True) -> tuple[Whole, Way]:
        """Return a copy of the model, in eval mode where `is_calm`, in a dtype or its own, and how
        it is called.
        """
        model, conditions = twin(self.model), copied(self.conditions, dtype or self.dtype)
        if isinstance(model, nn.Module):
            model = model.eval() if is_calm else model
            model = model if dtype is None else model.to(dtype)
        with torch.no_grad():
            whole = whole_of(model, *conditions)
        if whole.way is None:
            raise InvalidInputError(
                f"expected a model with an inverse, got {type(model).__name__}, which has no "
                f"method {' or '.join(METHODS)} and whose forward has no option "
                f"{', '.join(OPTIONS)}"
            )
        if dtype is not None:  # tensors that are neither parameters nor buffers
            for part in whole.module.modules():
                own = {name: t for name, t in vars(part).items() if isinstance(t, Tensor)}
                vars(part).update(copied(own, dtype))
        return whole, whole.way.turned() if self.is_turned else whole.way

    def _run(self, dtype: torch.dtype | None = None, is_calm: bool = True) -> Passes:
        """Run a copy of the model; raises `FailureError` where x has no image."""
        whole, way = self._called(dtype, is_calm)
        traced = Traced(whole, way, dtype or torch.get_default_dtype())
        x = copied([self.x] if way.is_listed and isinstance(self.x, Tensor) else self.x, dtype)
        ahead, layers = traced.run(x, True)
        try:
            back, back_layers = traced.run(ahead.made, False)
        except FailureError as failure:
            return Passes(x, ahead, layers, failure=failure)
        found = Passes(x, replace(ahead, other=back), layers, back, tuple(back_layers))
        pairs = [replace(call, other=other) for call, other in found.pairs or []]
        return replace(found, layers=pairs or layers)

    def _run_in_float64(self) -> Passes | None:
        """Run a copy in float64, or return None where the model cannot have it."""
        try:
            found = self._run(torch.float64)
        except FailureError:
            return None
        made = [t for call in found.layers for t in call.after if t.is_floating_point()]
        return found if all(t.dtype is torch.float64 for t in made) else None

    def _refusal(self, failure: FailureError) -> InvalidInputError:
        """Return what is said of a model that does not map x ahead."""
        if isinstance(failure.error, InvalidInputError):
            return failure.error
        raises = f"{failure.path or 'the model'} raises {failure}"
        if self.fine:
            return InvalidInputError(
                f"expected a model whose operations exist in {self.dtype}, got one that maps x in "
                f"float64 only: {raises}"
            )
        shapes = ", ".join(str(tuple(t.shape)) for t in tensors(self.x))
        return InvalidInputError(
            f"expected an x that the model takes, got shape {shapes}: {raises}"
        )

    def error(self, found: State, wanted: State) -> float:
        """Return the error of that member, or the largest where layers change the batch."""
        errors = relative(found, wanted)
        is_whole = len(errors) == len(self.judged.errors)
        return float(errors[self.member] if is_whole else errors.max())

    def lost(self, before: float, after: float) -> float:
        """Return the digits by which an error grows, between all digits and none."""
        capped = (min(max(error, self.unit), 1.0) for error in (after, before))
        return math.log10(next(capped) / next(capped))

    def matters(self, error: float) -> bool:
        """Return whether an error of one layer that is no rounding makes x stay away.

        Several that are below the level may do so together.
        """
        return error > (self.level if self.comes_back else max(self.level / 100, 10 * self.unit))
