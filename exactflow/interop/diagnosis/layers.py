"""The verdict on one layer: what of a layer's error is rounding, and what is not.

Rounding shrinks with the precision. In precision u a round trip may err by about
u (|J^-1| (|J| |x| + |y|) + |x|), where J is the layer's Jacobian at x and y its image: an error in
float64 that is more than `SLACK` times that, and not a thousandth of the error in fewer digits
either, is no rounding. What else is no rounding shows without a bound: passes that differ, fewer
latents than data, numbers that are not finite, calls in another order.
"""

import math
from contextlib import suppress
from functools import cached_property
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from exactflow.interop.diagnosis.determinants import Audit, audit
from exactflow.interop.diagnosis.jacobian import Norms, norms
from exactflow.interop.diagnosis.modes import training, unsteady
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import THIRD, Passes, Runs, mapped, round_trip
from exactflow.interop.diagnosis.trace import Call, FailureError
from exactflow.interop.diagnosis.values import entries, is_finite, length, refilled, relative

__all__ = ["JudgedLayer", "raised"]

SLACK = 1000.0
SHRINKS = 1e-3
NEARLY = 0.5
"""The largest error of an iteration that has begun to converge."""

Found = tuple[Fault, str]


class JudgedLayer:
    """One layer as it was called in each run; it loses so many of all digits that are lost."""

    def __init__(self, runs: Runs, k: int, lost: float, total: float):
        self.runs, self.lost, self.total = runs, max(lost, 0.0), total
        path = runs.judged.layers[k].path
        found = (_same(run, k, path) for run in (runs.now, runs.calm, runs.fine))
        self.now, calm, self.fine = found
        self.calm = calm or runs.judged.layers[k]
        self.hands_on = entries(self.calm.made) == entries(self.calm.given)
        self.i = runs.member
        if len(self.calm.before[0]) != len(runs.judged.errors):  # another batch: its own worst one
            self.i = int(relative(round_trip(self.calm), self.calm.before).argmax())

    def judged(self, is_right: tuple[bool, bool]) -> LayerDiagnosis:
        """Return the verdict, given whether the model's log-determinants are right."""
        fault, verdict = self.found(is_right) or (None, self.healthy())
        size = self.norms
        return LayerDiagnosis(
            path=self.calm.path or "the model",
            kind=type(getattr(self.calm.module, "transform", self.calm.module)).__name__,
            error=self.error if self.hands_on else None,
            error64=self.error64 if self.hands_on else None,
            share=self.lost / self.total,
            condition=None if size is None else size.condition,
            is_bound=size is not None and size.log_det is None,
            digits_lost=self.lost,
            log_det=self.audit.claimed,
            log_det_due=self.audit.due,
            fault=fault,
            verdict=verdict,
        )

    def found(self, is_right: tuple[bool, bool]) -> Found | None:
        """Return the fault of the layer, the first of these, with a sentence on it."""
        return (
            self.training()
            or self.failing()
            or self.finite()
            or self.unsteady()
            or self.dropping()
            or self.inverting()
            or self.conditioned()
            or self.claiming(is_right)
        )

    def healthy(self) -> str:
        if not self.hands_on:
            return "hands on some of its numbers, and the model keeps the others"
        if not is_finite((*self.calm.before, *self.calm.after)):
            return "was given numbers that are not finite"
        says = f"comes back with an error of {self.error:.1e}"
        says += f"; {_condition(self.norms)}" if self.norms else ""
        says += f"; {self.lost:.1f} of {self.runs.digits:.1f} digits lost on the way back"
        if (lost := self._amplification(ahead=True)) >= self.runs.digits * THIRD:
            says += f"; the other way round, back and then ahead, up to {lost:.1f} may be lost"
        return says

    # ---- what is measured

    @cached_property
    def error(self) -> float:
        return self.runs.error(round_trip(self.calm), self.calm.before)

    @cached_property
    def error64(self) -> float | None:
        fine = self.fine
        return None if fine is None else self.runs.error(round_trip(fine), fine.before)

    @cached_property
    def point(self) -> Call | None:
        """The call in float64 on the one member that is judged, where all of it is finite."""
        if self.fine is None:
            return None
        one = self.fine.of_member(self.i)
        return one if is_finite(one.before) and is_finite(one.after) else None

    @cached_property
    def lengths(self) -> tuple[float, float]:
        """Those of that member and of its image; 1 where it is zero."""
        ends = (self.point.before, self.point.after) if self.point else ((), ())
        x, y = (length(end) or 1.0 if end else 1.0 for end in ends)
        return x, y

    @cached_property
    def norms(self) -> Norms | None:
        return norms(self.point) if self.point and self.hands_on else None

    @cached_property
    def audit(self) -> Audit:
        if self.fine is None or self.point is None:
            return Audit()
        return audit(self.point, self.fine.of_member(self.i, 2), self.norms)

    @property
    def is_measured(self) -> bool:
        """Whether the layer's own error may be at fault."""
        return self.hands_on and is_finite(self.calm.before) and not self.runs.comes_back

    def is_rounding(self) -> bool:
        """Return whether the error in float64 is what rounding can do."""
        error, size, (x, y) = self.error64, self.norms, self.lengths
        if error is None or (size is None and self.runs.dtype is torch.float64):
            return True  # nothing to hold it against
        bound = 0.0 if size is None else size.back * (size.ahead * x + y) / x + 1
        tolerated = SLACK * torch.finfo(torch.float64).eps * bound
        return error <= max(tolerated, SHRINKS * self.error)

    # ---- the faults

    def training(self) -> Found | None:
        says = training(self.runs, self.now, self.calm) if self.now else None
        return (Fault.TRAINING, says) if says else None

    def failing(self) -> Found | None:
        """Return an error that the inverse raises, where the model calls it."""
        for run in (self.runs.calm, self.runs.now):
            if run.failure and run.failure.path == self.calm.path and self.calm.path:
                return Fault.FAILS, raised(self.runs, run.failure)
        return None

    def finite(self) -> Found | None:
        call, u = self.calm, _dtype(self.runs)
        if not is_finite(call.before):
            return None
        if not is_finite(call.after):
            fine = self.fine and is_finite(self.fine.after)
            says = "it is in float64: a scale overflows"
            says = (
                says if fine else "nor in float64: a scale overflows, or a parameter is not finite"
            )
            return Fault.NOT_FINITE, f"its output is not finite in {u}; {says}"
        if self.runs.comes_back or not self.hands_on:
            return None
        if call.other and is_finite(call.other.before) and not is_finite(call.other.after):
            says = f"its inverse is not finite in {u}"
        elif not is_finite(round_trip(call)):
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

    def _determinant(self, is_number: bool) -> str:
        u, known = _dtype(self.runs), self.audit.claimed
        known = self.audit.due if known is None else known
        size = "" if known is None else f"; it is {known:.1f}"
        if not is_number:
            return f"log|det| is not a number{size}: is it the logarithm of a negative one?"
        if self.norms and math.isfinite(self.norms.condition):
            return (
                f"log|det| is not finite in {u}{size}: the determinant leaves its range; sum "
                "logarithms (torch.linalg.slogdet) instead"
            )
        return f"log|det| is not finite in {u}: the layer is singular at x"

    def unsteady(self) -> Found | None:
        return None if self.runs.comes_back else unsteady(self.runs, self.calm, self.calm.other)

    def dropping(self) -> Found | None:
        call, run = self.calm, self.runs.calm
        kept, size = entries(call.made), entries(call.given)
        if kept < size and entries(run.ahead.made) < entries(run.x):
            n = len(call.before[0])
            return Fault.DROPPED, f"keeps {kept // n} of {size // n} numbers"
        return None

    def inverting(self) -> Found | None:
        if not self.is_measured or not self.runs.matters(self.error) or self.is_rounding():
            return None
        call, there = self.calm, self.error64
        if not (came := round_trip(call)):
            return None  # it is called in another way by the model
        both = f"an error of {self.error:.1e}, and of {there:.1e} in float64"
        if self.runs.error(mapped(call, call.after, True), came) <= self.runs.level:
            return Fault.DIRECTION, f"its inverse is its forward map once more: {both}"
        if self.fine and there is not None and there < NEARLY and _is_iterating(self.fine):
            return Fault.NOT_CONVERGED, (
                f"its inverse is an iteration that has not converged: {both}; more steps, or a "
                "smaller tolerance, bring it closer if its steps are right"
            )
        return Fault.INVERSE, f"its inverse does not undo it: {both}, which is no rounding"

    def conditioned(self) -> Found | None:
        if not self.is_measured:
            return None
        own = math.log10(max(self.error, self.runs.unit) / self.runs.unit)
        amplified = min(self.lost, self._amplification())
        lost = min(max(own, amplified), self.runs.digits)
        if lost < self.runs.digits * THIRD:
            return None
        return (
            Fault.ILL_CONDITIONED,
            f"loses {lost:.1f} of {self.runs.digits:.1f} digits{self._why()}",
        )

    def claiming(self, is_right: tuple[bool, bool]) -> Found | None:
        """Return what is wrong with the log-determinant, unless the model's is right with it."""
        n, leaves = len(self.calm.before[0]), map(torch.as_tensor, self.calm.beside)
        claims = [leaf.double() for leaf in leaves if leaf.numel() <= n]
        if is_finite(self.calm.after) and not is_finite(tuple(claims)):
            is_number = not any(leaf.isnan().any() for leaf in claims)
            return Fault.DETERMINANT, self._determinant(is_number)
        if self.audit.is_summed:
            return Fault.DETERMINANT, "log|det| is summed over the members of the batch, too"
        there, back = self.audit.wrong
        if there and not is_right[0]:
            return Fault.DETERMINANT, there
        if back and not (there or is_right[1]):  # the opposite of both is a convention
            return Fault.DETERMINANT, f"on the way back, {back}"
        return None

    def _why(self) -> str:
        size, error, (x, y) = self.norms, self.error64, self.lengths
        if size is None:
            return ""
        why = f": {_condition(size)} at x"
        if y > SLACK * size.ahead * x:
            why += f", and what it adds is {y / x:.1e} times as large as what it maps"
        return why if error is None else f"{why}; its own error is {error:.1e} in float64"

    def _amplification(self, ahead: bool = False) -> float:
        """Return the digits that the inverse may lose, log10 of |J^-1| |y| / |x|; or the map."""
        if self.norms is None:
            return 0.0
        x, y = self.lengths
        factor = self.norms.ahead * x / y if ahead else self.norms.back * y / x
        return math.log10(factor) if factor > 0 else 0.0


def raised(runs: Runs, failure: FailureError) -> str:
    """Return a sentence on an error of an inverse: a dtype may lack what float64 has."""
    works = runs.dtype is not torch.float64 and runs.fine and not runs.fine.failure
    hint = f", and works in float64: an operation is missing for {_dtype(runs)}"
    return f"its inverse raises {failure}{hint * bool(works)}"


def _dtype(runs: Runs) -> str:
    return str(runs.dtype).removeprefix("torch.")


def _condition(size: Norms) -> str:
    known = f"{size.condition:.1e}" if math.isfinite(size.condition) else "infinite"
    return f"condition number {'at least ' * (size.log_det is None)}{known}"


def _same(run: Passes | None, k: int, path: str) -> Call | None:
    """Return the call of a layer in a run, the k-th if it is of that layer."""
    calls = [] if run is None else [*run.layers[k : k + 1], *run.layers]
    return next((call for call in calls if call.path == path), None)


class _Count(TorchFunctionMode):
    """Count the functions of PyTorch that are called."""

    count = 0

    def __torch_function__(
        self, function: Any, _: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        self.count += 1
        return function(*args, **(kwargs or {}))


def _is_iterating(call: Call) -> bool:
    """Return whether the inverse of a layer does at least twice the work of the layer."""
    work = []
    for way in (call, call.other or call):
        given = refilled(way.given, way.before)
        with _Count() as counted, suppress(Exception):  # whatever a library raises
            way.value(given, way.is_ahead)
        work.append(counted.count)
    return work[1] >= 2 * work[0]
