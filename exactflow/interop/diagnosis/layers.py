"""The verdict on one layer: what of a layer's error is rounding, and what is not.

Rounding shrinks with the precision. In precision u a round trip may err by about
u (|J^-1| (|J| |x| + |y|) + |x|), where J is the layer's Jacobian at x and y its image: an error in
float64 that is more than `SLACK` times that, and not a thousandth of the error in fewer digits
either, is no rounding. What else is no rounding shows without a bound: passes that differ, fewer
latents than data, numbers that are not finite, calls in another order.
"""

import math
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import nn

from exactflow.interop.diagnosis.doors import Step
from exactflow.interop.diagnosis.jacobian import Norms, norms
from exactflow.interop.diagnosis.measures import (
    THIRD,
    Runs,
    dtype_name,
    error_at,
    inverted,
    is_finite,
    length,
    member_of,
    raised,
    trip,
)
from exactflow.interop.diagnosis.passes import Passes, relative
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.trace import Call, FailureError, entries

__all__ = ["Layer"]

SLACK = 1000.0
SHRINKS = 1e-3


class Layer:
    """One layer as it was called in each run."""

    def __init__(self, runs: Runs, k: int):
        self.runs, self.i = runs, runs.member
        self.now = runs.now.ahead[k]
        self.calm = _same(runs.calm, k, self.now) or self.now
        self.fine = _same(runs.fine, k, self.now)
        self.coarse = _same(runs.coarse, k, self.now)
        self.backwards = _backwards(runs.calm, k)
        self.hands_on = entries(self.now.after) == entries(self.now.before)

    def judged(self, growth: float, total: float) -> LayerDiagnosis:
        fault, verdict = self.found(growth) or (None, self.healthy(growth))
        size = self.norms
        return LayerDiagnosis(
            path=self.now.path or "the model",
            kind=_kind(self.now.module),
            error=self.error if self.hands_on else None,
            error64=self.error64 if self.hands_on else None,
            share=max(growth, 0.0) / total,
            condition=None if size is None else size.condition,
            is_bound=size is not None and size.is_bound,
            digits_lost=max(growth, 0.0),
            fault=fault,
            verdict=verdict,
        )

    def found(self, growth: float) -> tuple[Fault, str] | None:
        """Return the fault of the layer, the first of these, with a sentence on it."""
        for test in (self.training, self.failing, self.finite, self.random, self.dropping):
            if found := test():
                return found
        if not self.hands_on or not is_finite(self.calm.before):
            return None
        return self.inverting() or self.conditioned(growth)

    def healthy(self, growth: float) -> str:
        if not self.hands_on:
            return "hands on some of its numbers, and the model keeps the others"
        if not all(map(is_finite, [self.now.before, self.now.after])):
            return "was given numbers that are not finite"
        lost = f"{max(growth, 0.0):.1f} of {self.runs.digits:.1f} digits lost on the way back"
        return f"comes back with an error of {self.error:.1e}; {lost}{self._other_way()}"

    def _other_way(self) -> str:
        """Return what the layer may lose where the model is run back first, and then ahead."""
        lost = self._amplification(ahead=True)
        if self.norms is None or lost < self.runs.digits * THIRD:
            return ""
        return (
            f"; condition number {self.norms.condition:.1e}: the other way round, back and then "
            f"ahead, up to {lost:.1f} digits may be lost"
        )

    # ---- what is measured

    @cached_property
    def error(self) -> float:
        return trip(self.now, self.i)

    @cached_property
    def calm_error(self) -> float:
        return self.error if self.now is self.calm else trip(self.calm, self.i)

    @cached_property
    def error64(self) -> float | None:
        return None if self.fine is None else trip(self.fine, self.i)

    @cached_property
    def norms(self) -> Norms | None:
        if self.fine is None or not self.hands_on:
            return None
        before, after = member_of(self.fine.before, self.i), member_of(self.fine.after, self.i)
        if not (is_finite(before) and is_finite(after)):
            return None
        return norms(self.fine, before, after)

    def is_rounding(self) -> bool:
        """Return whether the error in float64 is what rounding can do."""
        error, size = self.error64, self.norms
        if error is None or self.fine is None:
            return True  # nothing to hold it against
        if size is not None:
            x, y = (length(member_of(s, self.i)) for s in (self.fine.before, self.fine.after))
            bound = size.back * (size.ahead * x + y) / (x or 1.0) + 1
            if error <= SLACK * torch.finfo(torch.float64).eps * bound:
                return True
        return self.coarse is not None and error <= SHRINKS * trip(self.coarse, self.i)

    # ---- the faults

    def training(self) -> tuple[Fault, str] | None:
        suspects = list(_in_training(self.now))
        if not suspects:
            return None
        names = ", ".join(suspects)
        remedy = "call model.eval() before both directions"
        try:
            again = relative(self.now.mapped(self.now.before), self.now.after).max().item()
            other = relative(self.now.after, self.calm.mapped(self.now.before)).max().item()
        except FailureError as failure:
            return Fault.TRAINING, f"{names} in training mode raises {raised(failure)}: {remedy}"
        if max(again, other) <= self.runs.level:
            return None
        if again > self.runs.level:
            says = f"draws anew at each pass, and two passes differ by {again:.1e}"
        else:
            says = f"depends on the batch, and differs by {other:.1e} from eval mode"
        return Fault.TRAINING, f"{names} in training mode {says}: {remedy}"

    def failing(self) -> tuple[Fault, str] | None:
        for failure in (self.runs.calm.failure, self.runs.now.failure):
            if failure and failure.path == self.now.path and self.now.path:
                return Fault.FAILS, f"its inverse raises {raised(failure)}"
        return None

    def finite(self) -> tuple[Fault, str] | None:
        if not is_finite(self.calm.before):
            return None
        u = dtype_name(self.runs)
        if not is_finite(self.calm.after):
            return Fault.NOT_FINITE, f"its output is not finite in {u}{self._in64('after')}"
        if self.calm.log_det is not None and not torch.isfinite(self.calm.log_det).all():
            return Fault.DETERMINANT, self._determinant()
        back = self.backwards
        if back and is_finite(back.before) and not is_finite(back.after):
            says = f"its inverse is not finite in {u}"
        elif not is_finite(inverted(self.calm)) and self.hands_on:
            says = f"the inverse of its own output is not finite in {u}"
        else:
            return None
        there = self.error64
        fine = there is not None and there <= self.runs.level
        return Fault.NOT_FINITE, says + (
            f", though it comes back in float64 ({there:.1e}): a scale leaves the range of {u}"
            if fine
            else ": a scale is zero, or too large, or the inverse divides by zero"
        )

    def _in64(self, name: str) -> str:
        if self.fine is None or not is_finite(getattr(self.fine, name)):
            return ", nor in float64: a scale overflows, or a parameter is not finite"
        largest = max(float(t.abs().max()) for t in getattr(self.fine, name))
        return f"; in float64 it is, up to {largest:.1e}: a scale overflows"

    def _determinant(self) -> str:
        fine = None if self.fine is None else self.fine.log_det
        if fine is not None and torch.isfinite(fine).all():
            return (
                f"log|det| is {float(fine.flatten()[0]):.1f}, but not finite in "
                f"{dtype_name(self.runs)}: the determinant leaves its range; sum logarithms "
                "(torch.linalg.slogdet) instead"
            )
        return "log|det| is not finite, in float64 neither: the layer is singular at x"

    def random(self) -> tuple[Fault, str] | None:
        call, level = self.calm, self.runs.level
        if not is_finite(call.after):
            return None
        if (differ := error_at(call.mapped(call.before), call.after, self.i)) > level:
            return Fault.RANDOM, f"draws numbers: two passes differ by {differ:.1e}"
        back = self.backwards
        if back is not None and is_finite(back.after):
            differ = error_at(back.mapped(back.before), back.after, self.i)
            if differ > level:
                drops = entries(call.after) < entries(call.before)
                says = "draws anew what it dropped" if drops else "draws numbers"
                return Fault.RANDOM, f"its inverse {says}: two passes differ by {differ:.1e}"
        return None

    def dropping(self) -> tuple[Fault, str] | None:
        call = self.calm
        kept, size = entries(call.after), entries(call.before)
        if kept < size and entries(self.runs.calm.latents) < self.runs.calm.x.numel():
            return Fault.DROPPED, f"keeps {kept // len(call.before[0])} of {_each(call)} numbers"
        return None

    def inverting(self) -> tuple[Fault, str] | None:
        error = self.calm_error
        if error <= self.runs.level or self.is_rounding():
            return None
        call = self.calm
        twice = error_at(call.mapped(call.after), inverted(call), self.i)
        if twice <= self.runs.level:
            return Fault.DIRECTION, (
                f"its inverse is its forward map once more: an error of {error:.1e}, and "
                f"{self.error64:.1e} in float64"
            )
        return Fault.INVERSE, (
            f"its inverse does not undo it: an error of {error:.1e}, and of {self.error64:.1e} in "
            "float64, which is no rounding"
        )

    def conditioned(self, growth: float) -> tuple[Fault, str] | None:
        if self.runs.comes_back:
            return None
        own = math.log10(max(self.calm_error, self.runs.unit) / self.runs.unit)
        amplified = min(growth, self._amplification())
        lost = min(max(own, amplified), self.runs.digits)
        if lost < self.runs.digits * THIRD:
            return None
        return (
            Fault.ILL_CONDITIONED,
            f"loses {lost:.1f} of {self.runs.digits:.1f} digits{self._why()}",
        )

    def _why(self) -> str:
        size, error = self.norms, self.error64
        if size is None or self.fine is None:
            return ""
        x, y = (length(member_of(s, self.i)) for s in (self.fine.before, self.fine.after))
        why = f": condition number {size.condition:.1e} at x"
        if y > SLACK * size.ahead * x:
            why += f", and what it adds is {y / (x or 1.0):.1e} times as large as what it maps"
        return why if error is None else f"{why}; its own error is {error:.1e} in float64"

    def _amplification(self, ahead: bool = False) -> float:
        """Return the digits that the inverse may lose, log10 of |J^-1| |y| / |x|; or the map."""
        if self.norms is None or self.fine is None:
            return 0.0
        x, y = (length(member_of(s, self.i)) for s in (self.fine.before, self.fine.after))
        factor = self.norms.ahead * x / (y or 1.0) if ahead else self.norms.back * y / (x or 1.0)
        return math.log10(factor) if factor > 0 else 0.0


def _same(run: Passes | None, k: int, call: Call) -> Call | None:
    """Return the call of the same layer in another run."""
    if run is None:
        return None
    if k < len(run.ahead) and run.ahead[k].path == call.path:
        return run.ahead[k]
    return next((c for c in run.ahead if c.path == call.path), None)


def _backwards(run: Passes, k: int) -> Call | None:
    pairs = run.pairs
    return pairs[k][1] if pairs and k < len(pairs) else None


def _in_training(call: Call) -> Iterator[str]:
    """Yield the modules of a layer whose outputs are others in training mode, that are in it."""
    for name, module in call.module.named_modules():
        kind = type(module).__name__
        if module.training and ("BatchNorm" in kind or "Dropout" in kind):
            yield f"{call.path}.{name}".strip(".") + f" ({kind})" if name else kind


def _kind(module: nn.Module) -> str:
    return type(module.transform if isinstance(module, Step) else module).__name__


def _each(call: Call) -> int:
    return entries(call.before) // len(call.before[0])
