"""The verdicts: what of a layer's error is rounding, and what is not.

Rounding shrinks with the precision. In precision u a round trip may err by about
u (|J^-1| (|J| |x| + |y|) + |x|), where J is the layer's Jacobian at x and y its image: an error in
float64 that is more than `SLACK` times that, and not a thousandth of the error in fewer digits
either, is no rounding. What else is no rounding shows without a bound: passes that differ, fewer
latents than data, numbers that are not finite, calls in another order.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from exactflow.interop.diagnosis.doors import State, Step, returned
from exactflow.interop.diagnosis.jacobian import Norms, norms
from exactflow.interop.diagnosis.passes import Passes, relative
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.trace import Call, FailureError, entries

__all__ = ["Runs", "judged"]

SLACK = 1000.0
SHRINKS = 1e-3
THIRD = 1 / 3


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


def judged(runs: Runs) -> tuple[LayerDiagnosis, ...]:
    """Return a diagnosis of each layer, then those of places between layers that are at fault."""
    growth, between = _growth(runs)
    total = sum(max(g, 0.0) for g in [*growth, *between]) or 1.0
    layers = [_Layer(runs, k).judged(growth[k], total) for k in range(len(runs.now.ahead))]
    return (*layers, *_around(runs, layers, between, total))


def _growth(runs: Runs) -> tuple[list[float], list[float]]:
    """Return the digits that each layer, and each place before, between and after, loses."""
    run, i = runs.now, runs.member
    pairs = run.pairs
    if pairs is None or run.image is None or not _is_finite(run.latents):
        steps = [_lost(runs, 0.0, _trip(c, i)) if _is_finite(c.before) else 0.0 for c in run.ahead]
        return steps, [0.0] * (len(steps) + 1)
    arriving = [_at(b.before, a.after, i) for a, b in pairs]
    leaving = [_at(b.after, a.before, i) for a, b in pairs]
    final = float(run.errors[i])
    inner = [_lost(runs, a, b) for a, b in zip(arriving, leaving, strict=True)]
    places = [_lost(runs, a, b) for a, b in zip([*leaving, 0.0], [final, *arriving], strict=True)]
    return inner, places


def _lost(runs: Runs, before: float, after: float) -> float:
    return math.log10(_capped(runs, after) / _capped(runs, before))


def _capped(runs: Runs, error: float) -> float:
    """Return an error between all digits and none."""
    return min(max(error, runs.unit), 1.0)


def _at(found: State, wanted: State, member: int) -> float:
    """Return the error of a member of the batch, or the largest where layers change the batch."""
    errors = relative(found, wanted)
    return float(errors[member]) if member < len(errors) else float(errors.max())


def _trip(call: Call, member: int) -> float:
    """Return the error of a layer's own round trip; infinite where its inverse raises an error."""
    try:
        return _at(call.mapped(call.after, not call.is_ahead), call.before, member)
    except FailureError:
        return math.inf


class _Layer:
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
        if not self.hands_on or not _is_finite(self.calm.before):
            return None
        return self.inverting() or self.conditioned(growth)

    def healthy(self, growth: float) -> str:
        if not self.hands_on:
            return "hands on some of its numbers, and the model keeps the others"
        if not all(map(_is_finite, [self.now.before, self.now.after])):
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
        return _trip(self.now, self.i)

    @cached_property
    def calm_error(self) -> float:
        return self.error if self.now is self.calm else _trip(self.calm, self.i)

    @cached_property
    def error64(self) -> float | None:
        return None if self.fine is None else _trip(self.fine, self.i)

    @cached_property
    def norms(self) -> Norms | None:
        if self.fine is None or not self.hands_on:
            return None
        before, after = _member(self.fine.before, self.i), _member(self.fine.after, self.i)
        if not (_is_finite(before) and _is_finite(after)):
            return None
        return norms(self.fine, before, after)

    def is_rounding(self) -> bool:
        """Return whether the error in float64 is what rounding can do."""
        error, size = self.error64, self.norms
        if error is None or self.fine is None:
            return True  # nothing to hold it against
        if size is not None:
            x, y = (_length(_member(s, self.i)) for s in (self.fine.before, self.fine.after))
            bound = size.back * (size.ahead * x + y) / (x or 1.0) + 1
            if error <= SLACK * torch.finfo(torch.float64).eps * bound:
                return True
        return self.coarse is not None and error <= SHRINKS * _trip(self.coarse, self.i)

    # ---- the faults

    def training(self) -> tuple[Fault, str] | None:
        suspects = list(_in_training(self.now))
        if not suspects:
            return None
        names = ", ".join(suspects)
        remedy = "call model.eval() before both directions"
        try:
            again = _at(self.now.mapped(self.now.before), self.now.after, self.i)
            other = _at(self.now.after, self.calm.mapped(self.now.before), self.i)
        except FailureError as failure:
            return Fault.TRAINING, f"{names} in training mode raises {_raised(failure)}: {remedy}"
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
                return Fault.FAILS, f"its inverse raises {_raised(failure)}"
        return None

    def finite(self) -> tuple[Fault, str] | None:
        if not _is_finite(self.calm.before):
            return None
        u = _dtype(self.runs)
        if not _is_finite(self.calm.after):
            return Fault.NOT_FINITE, f"its output is not finite in {u}{self._in64('after')}"
        if self.calm.log_det is not None and not torch.isfinite(self.calm.log_det).all():
            return Fault.DETERMINANT, self._determinant()
        back = self.backwards
        if back and _is_finite(back.before) and not _is_finite(back.after):
            says = f"its inverse is not finite in {u}"
        elif not _is_finite(_or_none(self.calm)) and self.hands_on:
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
        if self.fine is None or not _is_finite(getattr(self.fine, name)):
            return ", nor in float64: a scale overflows, or a parameter is not finite"
        largest = max(float(t.abs().max()) for t in getattr(self.fine, name))
        return f"; in float64 it is, up to {largest:.1e}: a scale overflows"

    def _determinant(self) -> str:
        fine = None if self.fine is None else self.fine.log_det
        if fine is not None and torch.isfinite(fine).all():
            return (
                f"log|det| is {float(fine.flatten()[0]):.1f}, but not finite in "
                f"{_dtype(self.runs)}: the determinant leaves its range; sum logarithms "
                "(torch.linalg.slogdet) instead"
            )
        return "log|det| is not finite, in float64 neither: the layer is singular at x"

    def random(self) -> tuple[Fault, str] | None:
        call, level = self.calm, self.runs.level
        if not _is_finite(call.after):
            return None
        if (differ := _at(call.mapped(call.before), call.after, self.i)) > level:
            return Fault.RANDOM, f"draws numbers: two passes differ by {differ:.1e}"
        back = self.backwards
        if back is not None and _is_finite(back.after):
            differ = _at(back.mapped(back.before), back.after, self.i)
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
        twice = _at(call.mapped(call.after), _or_none(call), self.i)
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
        x, y = (_length(_member(s, self.i)) for s in (self.fine.before, self.fine.after))
        why = f": condition number {size.condition:.1e} at x"
        if y > SLACK * size.ahead * x:
            why += f", and what it adds is {y / (x or 1.0):.1e} times as large as what it maps"
        return why if error is None else f"{why}; its own error is {error:.1e} in float64"

    def _amplification(self, ahead: bool = False) -> float:
        """Return the digits that the inverse may lose, log10 of |J^-1| |y| / |x|; or the map."""
        if self.norms is None or self.fine is None:
            return 0.0
        x, y = (_length(_member(s, self.i)) for s in (self.fine.before, self.fine.after))
        factor = self.norms.ahead * x / (y or 1.0) if ahead else self.norms.back * y / (x or 1.0)
        return math.log10(factor) if factor > 0 else 0.0


def _around(
    runs: Runs, layers: list[LayerDiagnosis], between: list[float], total: float
) -> Iterator[LayerDiagnosis]:
    """Yield what is at fault around the layers: the order of the calls, and what stands between."""

    def place(where: str, fault: Fault, verdict: str, lost: float = 0.0) -> LayerDiagnosis:
        share = max(lost, 0.0) / total
        return LayerDiagnosis(where, "model", None, None, share, None, False, lost, fault, verdict)

    if runs.stuck:
        says = f"in training mode, raises {_raised(runs.stuck)}: call model.eval()"
        yield place(runs.stuck.path or "the model", Fault.TRAINING, says)
    run, blamed = runs.calm, {layer.fault for layer in layers}
    own = [failure for failure in (run.failure, runs.now.failure) if failure]
    if own and Fault.FAILS not in blamed and Fault.TRAINING not in blamed:
        yield place("the model", Fault.FAILS, f"its inverse raises {_raised(own[0])}")
        return
    if runs.comes_back or run.image is None:
        return
    if run.back and run.pairs is None:
        yield place("the model", *_misordered(run))
        return
    if blamed & {Fault.DROPPED, Fault.RANDOM, Fault.NOT_FINITE, Fault.TRAINING}:
        return  # which explain all that follows
    if entries(run.latents) < run.x.numel():
        left, size = entries(run.latents) // len(run.x), run.x[0].numel()
        yield place("the model", Fault.DROPPED, f"returns {left} numbers for {size}")
    elif drawn := _drawn(runs):
        yield place("the model", Fault.RANDOM, drawn)
    else:
        names = ["x", *(layer.path for layer in layers), "the other end"]
        for k, lost in enumerate(between):
            if lost >= runs.digits * THIRD:
                where = f"between {names[k]} and {names[k + 1]}"
                says = f"the way back does not undo what is done there: {lost:.1f} digits lost"
                yield place(where, Fault.BETWEEN, says, lost)


def _drawn(runs: Runs) -> str | None:
    """Return whether the model draws numbers outside of its layers, as a sentence."""
    run, i = runs.calm, runs.member
    ahead = _at(returned(run.again_y, run.x.numel()), run.latents, i)
    if ahead > runs.level:
        return f"draws numbers on the way there: two passes differ by {ahead:.1e}"
    if run.image is None or run.again_image is None:
        return None
    back = _at((run.again_image,), (run.image,), i)
    if back > runs.level:
        return f"draws numbers on the way back: two passes differ by {back:.1e}"
    return None


def _misordered(run: Passes) -> tuple[Fault, str]:
    due = [(call.path, not call.is_ahead) for call in reversed(run.ahead)]
    came = [(call.path, call.is_ahead) for call in run.back]
    if [path for path, _ in due] == [path for path, _ in came]:
        wrong = [a for (a, _), b in zip(due, came, strict=True) if (a, _) != b]
        return (
            Fault.DIRECTION,
            f"on the way back, runs {', '.join(wrong)} in the same direction as on the way there",
        )
    if sorted(due) == sorted(came):
        first = next((a, b) for (a, _), (b, _) in zip(due, came, strict=True) if a != b)
        return Fault.ORDER, f"on the way back, calls {first[1]} where {first[0]} is due"
    missing = [path for path, _ in due if path not in {p for p, _ in came}]
    extra = [path for path, _ in came if path not in {p for p, _ in due}]
    says = [f"leaves out {', '.join(missing)}"] * bool(missing)
    says += [f"calls {', '.join(extra)}, which it does not on the way there"] * bool(extra)
    says = says or ["calls layers another number of times, or in another direction"]
    return Fault.ORDER, f"on the way back, {' and '.join(says)}"


# ---- small things


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


def _or_none(call: Call) -> State:
    """Return the inverse of a layer's own output; nothing finite where it raises an error."""
    try:
        return call.mapped(call.after, not call.is_ahead)
    except FailureError:
        return tuple(torch.full_like(tensor, math.nan) for tensor in call.before)


def _member(state: State, i: int) -> State:
    return tuple(tensor[i : i + 1] if i < len(tensor) else tensor[:1] for tensor in state)


def _is_finite(state: State) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in state)


def _length(state: State) -> float:
    return float(torch.cat([tensor.flatten() for tensor in state]).norm())


def _dtype(runs: Runs) -> str:
    return str(runs.calm.x.dtype).removeprefix("torch.")


def _each(call: Call) -> int:
    return entries(call.before) // len(call.before[0])


def _raised(failure: FailureError) -> str:
    return f"{type(failure.error).__name__}: {_line(failure.error)}"


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
