"""The verdict on one layer: what of a layer's error is rounding, and what is not.

Rounding shrinks with the precision. In precision u a round trip may err by about
u (|J^-1| (|J| |x| + |y|) + |x|), where J is the layer's Jacobian at x and y its image: an error in
float64 that is more than `SLACK` times that, and not a thousandth of the error in fewer digits
either, is no rounding. What else is no rounding shows without a bound: passes that differ, fewer
latents than data, numbers that are not finite, calls in another order.
"""

import math
from contextlib import suppress
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from exactflow.interop.diagnosis.jacobian import Norms, audit, audit_layer, norms
from exactflow.interop.diagnosis.modes import training, unsteady
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import Passes, Runs
from exactflow.interop.diagnosis.trace import Call, FailureError
from exactflow.interop.diagnosis.values import entries, flat, is_finite, refilled, relative

__all__ = ["JudgedLayer", "raised"]

SLACK = 1000.0
SHRINKS = 1e-3
NEARLY = 0.5
"""The largest error of an iteration that has begun to converge."""

Found = tuple[Fault, str] | None


class JudgedLayer:
    """One layer as it was called in each run; it loses so many of all digits that are lost."""

    def __init__(self, runs: Runs, k: int, lost: float, total: float, is_right: tuple[bool, bool]):
        self.runs, self.lost, self.total = runs, max(lost, 0.0), total
        path = runs.judged.layers[k].path
        self.now, calm, self.fine = (_same(x, k, path) for x in (runs.now, runs.calm, runs.fine))
        self.calm = calm = calm or runs.judged.layers[k]
        self.hands_on = entries(calm.made) == entries(calm.given)
        self.error = runs.error(calm.round_trip(), calm.before)
        self.error64: float | None = None
        self.norms: Norms | None = None
        self.claimed: float | None = None
        self.due: float | None = None
        self.wrong, self.lengths = "", (1.0, 1.0)
        if self.fine is not None:
            self.error64 = runs.error(self.fine.round_trip(), self.fine.before)
            self._measure(self.fine, is_right)

    def _measure(self, fine: Call, is_right: tuple[bool, bool]) -> None:
        """Measure what is known in float64 of the one member that is judged, where all is finite:
        norms, log-determinants, and the lengths of it and its image, 1 where one is zero.
        """
        i = self.runs.member
        if len(self.calm.before[0]) != len(self.runs.judged.errors):  # another batch: its worst one
            i = int(relative(self.calm.round_trip(), self.calm.before).argmax())
        one = fine.of_member(i)
        if is_finite((*one.before, *one.after)):
            self.norms = norms(one) if self.hands_on else None
            found = audit(one, self.norms)
            self.due = found.due
            self.claimed, self.wrong = audit_layer(found, fine.of_member(i, 2), is_right)
            x, y = (float(flat(end).norm()) for end in (one.before, one.after))
            self.lengths = x or 1.0, y or 1.0

    def judged(self) -> LayerDiagnosis:
        """Return the verdict: the first of these faults, or that there is none."""
        runs, calm = self.runs, self.calm
        fault, verdict = (
            (self.now and training(runs, self.now, calm))
            or self.failing()
            or self.not_finite()
            or (not runs.comes_back and unsteady(runs, calm, calm.other))
            or self.dropping()
            or self.inverting()
            or self.conditioned()
            or self.claiming()
            or (None, self.healthy())
        )
        size = self.norms
        return LayerDiagnosis(
            path=calm.path or "the model",
            kind=type(getattr(calm.module, "transform", calm.module)).__name__,
            error=self.error if self.hands_on else None,
            error64=self.error64 if self.hands_on else None,
            share=self.lost / self.total,
            condition=None if size is None else size.condition,
            is_bound=size is not None and size.log_det is None,
            digits_lost=self.lost,
            log_det=self.claimed,
            log_det_due=self.due,
            fault=fault,
            verdict=verdict,
        )

    @property
    def is_measured(self) -> bool:
        """Whether the layer's own error may be at fault."""
        return self.hands_on and is_finite(self.calm.before) and not self.runs.comes_back

    def is_rounding(self) -> bool:
        """Return whether the error in float64 is what rounding can do."""
        error, size, (x, y) = self.error64, self.norms, self.lengths
        if error is None or (size is None and self.runs.precision == "float64"):
            return True  # nothing to hold it against
        bound = 0.0 if size is None else size.back * (size.ahead * x + y) / x + 1
        tolerated = SLACK * torch.finfo(torch.float64).eps * bound
        return error <= max(tolerated, SHRINKS * self.error)

    def amplified(self, is_back: bool = True) -> float:
        """Return the digits that the inverse may lose, log10 of |J^-1| |y| / |x|; or the map."""
        if self.norms is None:
            return 0.0
        x, y = self.lengths
        factor = self.norms.back * y / x if is_back else self.norms.ahead * x / y
        return math.log10(factor) if factor > 0 else 0.0

    def failing(self) -> Found:
        """Return an error that the inverse raises, where the model calls it."""
        for run in (self.runs.calm, self.runs.now):
            if run.failure and run.failure.path == self.calm.path and self.calm.path:
                return Fault.FAILS, raised(self.runs, run.failure)
        return None

    def not_finite(self) -> Found:
        call, u, there = self.calm, self.runs.precision, self.error64
        if not is_finite(call.before):
            return None
        if not is_finite(call.after):
            says = "nor in float64: a scale overflows, or a parameter is not finite"
            if self.fine and is_finite(self.fine.after):
                says = "it is in float64: a scale overflows"
            return Fault.NOT_FINITE, f"its output is not finite in {u}; {says}"
        if self.runs.comes_back or not self.hands_on:
            return None
        if call.other and is_finite(call.other.before) and not is_finite(call.other.after):
            says = "its inverse"
        elif not is_finite(call.round_trip()):
            says = "the inverse of its own output"
        else:
            return None
        why = "a scale is zero, or too large, or the inverse divides by zero"
        if there is None or there > self.runs.level:
            return Fault.NOT_FINITE, f"{says} is not finite in {u}: {why}"
        fine = f"though it comes back in float64 ({there:.1e}): a scale leaves the range of {u}"
        return Fault.NOT_FINITE, f"{says} is not finite in {u}, {fine}"

    def dropping(self) -> Found:
        call, run = self.calm, self.runs.calm
        kept, size = entries(call.made), entries(call.given)
        if kept < size and entries(run.ahead.made) < entries(run.x):
            n = len(call.before[0])
            return Fault.DROPPED, f"keeps {kept // n} of {size // n} numbers"
        return None

    def inverting(self) -> Found:
        if not self.is_measured or not self.runs.matters(self.error) or self.is_rounding():
            return None
        call, there = self.calm, self.error64
        if not (came := call.round_trip()):
            return None  # it is called in another way by the model
        both = f"an error of {self.error:.1e}, and of {there:.1e} in float64"
        if self.runs.error(call.mapped(call.after), came) <= self.runs.level:
            return Fault.DIRECTION, f"its inverse is its forward map once more: {both}"
        if self.fine and there is not None and there < NEARLY and _is_iterating(self.fine):
            return Fault.NOT_CONVERGED, (
                f"its inverse is an iteration that has not converged: {both}; more steps, or a "
                "smaller tolerance, bring it closer if its steps are right"
            )
        return Fault.INVERSE, f"its inverse does not undo it: {both}, which is no rounding"

    def conditioned(self) -> Found:
        if not self.is_measured:
            return None
        own = self.runs.lost(0.0, self.error)
        lost = max(own, min(self.lost, self.amplified(), self.runs.digits))
        if lost < self.runs.many:
            return None
        says = f"loses {lost:.1f} of {self.runs.digits:.1f} digits"
        if (size := self.norms) is not None:
            x, y = self.lengths
            says += f": {_condition(size)} at x"
            if y > SLACK * size.ahead * x:
                says += f", and what it adds is {y / x:.1e} times as large as what it maps"
            if self.error64 is not None:
                says += f"; its own error is {self.error64:.1e} in float64"
        return Fault.ILL_CONDITIONED, says

    def claiming(self) -> Found:
        """Return what is wrong with the log-determinant."""
        n, leaves = len(self.calm.before[0]), map(torch.as_tensor, self.calm.beside)
        claims = [leaf.double() for leaf in leaves if leaf.numel() <= n]
        if is_finite(tuple(claims)) or not is_finite(self.calm.after):
            return (Fault.DETERMINANT, self.wrong) if self.wrong else None
        known = self.due if self.claimed is None else self.claimed
        size = "" if known is None else f"; it is {known:.1f}"
        says = f"log|det| is not finite in {self.runs.precision}"
        if any(leaf.isnan().any() for leaf in claims):
            says = f"log|det| is not a number{size}: is it the logarithm of a negative one?"
        elif self.norms and math.isfinite(self.norms.condition):
            says += f"{size}: the determinant leaves its range; sum logarithms "
            says += "(torch.linalg.slogdet) instead"
        else:
            says += ": the layer is singular at x"
        return Fault.DETERMINANT, says

    def healthy(self) -> str:
        if not self.hands_on:
            return "hands on some of its numbers, and the model keeps the others"
        if not is_finite((*self.calm.before, *self.calm.after)):
            return "was given numbers that are not finite"
        says = f"comes back with an error of {self.error:.1e}"
        says += f"; {_condition(self.norms)}" if self.norms else ""
        says += f"; {self.lost:.1f} of {self.runs.digits:.1f} digits lost on the way back"
        if (lost := self.amplified(is_back=False)) >= self.runs.many:
            says += f"; the other way round, back and then ahead, up to {lost:.1f} may be lost"
        return says


def raised(runs: Runs, failure: FailureError) -> str:
    """Return a sentence on an error of an inverse: a dtype may lack what float64 has."""
    works = runs.precision != "float64" and runs.fine and not runs.fine.failure
    hint = f", and works in float64: an operation is missing for {runs.precision}"
    return f"its inverse raises {failure}{hint * bool(works)}"


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
