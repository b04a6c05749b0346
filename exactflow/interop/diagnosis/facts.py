"""Measurements of each layer: numbers, or the reasons that there are none."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts
from exactflow.interop.diagnosis.trace import Call, Tensors, Trip, UnknownError, entries, tensors

RUNS, DENSE = 4, 256
NUDGE = 1e-6
"""How far from x, relatively, Jacobians are taken: off kinks, such as the zero of a ReLU."""
TOLERANCE = 1e-3
"""Of one, or of a log-determinant: solvers of differential equations and bisections err less."""
STEEPEST = 1e11
"""The largest condition number at which log|det J| is known to `TOLERANCE`."""

Found = TypeVar("Found")


def measured(model: Any, x: Tensor, context: Any) -> Diagnosis:
    """Run a model there and back, and measure each layer, in its dtype and in float64."""
    unit, default = torch.finfo(x.dtype).eps / 2, torch.get_default_dtype()

    def lost(before: float, after: float) -> float:
        return math.log10(min(max(after, unit), 1) / min(max(before, unit), 1))

    trip = Trip(model, x, context)
    sheets = [_Sheet(call) for call in trip.calls]
    for sheet, (call, back) in zip(sheets, trip.pairs, strict=False):
        arrived = float(_errors(back.before, call.after).max())
        sheet.row["digits_lost"] = lost(arrived, float(_errors(back.after, call.before).max()))
    worst, whole = 0, sheets[-1].row
    if trip.back:
        errors = _errors(trip.back.after, trip.whole.before)
        inside = sum(sheet.row.get("digits_lost", math.nan) for sheet in sheets[:-1])
        whole["error"], worst = float(errors.max()), int(errors.argmax())
        whole["digits_lost"] = lost(0, whole["error"]) - inside if trip.pairs else None
    else:
        sheets[-1].notes.append(f"on the way back {trip.failure}")
    try:
        torch.set_default_dtype(torch.float64)  # what a layer makes anew has it, too
        rows = tuple(sheet.facts(worst) for sheet in sheets)
    finally:
        torch.set_default_dtype(default)
    return Diagnosis(rows[:-1] or rows, rows[-1], str(x.dtype).removeprefix("torch."))


class _Sheet:
    """A row while it is filled in: what is known, and by their reasons what is not."""

    def __init__(self, call: Call):
        self.call, self.notes = call, list[str]()
        self.unknown, self.row = dict[str, list[str]](), dict[str, Any]()
        self.row["error"] = self.known("round trip", lambda: _round_trip(call))
        self.row["spread"] = self.known("equal runs", lambda: _spread(call))

    def known(self, what: str, find: Callable[[], Found]) -> Found | None:
        """Find a number, or the reason why it is unknown."""
        try:
            return find()
        except UnknownError as reason:
            self.unknown.setdefault(str(reason), []).append(what)
            return None

    def facts(self, worst: int) -> LayerFacts:
        """Measure what is measured in float64, and finish the row."""
        row, kind = self.row, self.call.module._get_name()
        both = "condition number, log-determinant"
        near = self.known(both, lambda: _near(self.call, worst, row["spread"]))
        if near:
            row["condition"] = self.known("condition number", lambda: _condition(near))
            claims = self.known("log-determinant", lambda: _returned(near, self.notes))
            if claims is not None:
                pair = self.known("log-determinant", lambda: _compared(near, claims))
                row["log_det"], row["log_det_due"] = pair or (claims[0], None)
        reasons = [f"{', '.join(x)} not checked, because {why}" for why, x in self.unknown.items()]
        return LayerFacts(self.call.path or "the model", kind, (*self.notes, *reasons), **row)


def _errors(found: Tensors, wanted: Tensors) -> Tensor:
    """Compute max |found - wanted| / max |wanted| of each member; zeros count as ones."""
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return torch.full((len(wanted[0]),), math.inf, dtype=torch.float64)
    a, b = (torch.cat([t.flatten(1) for t in state], 1).double() for state in (found, wanted))
    size = b.abs().amax(1)
    error = (a - b).abs().amax(1) / torch.where(size > 0, size, 1.0)
    return torch.where(torch.isfinite(error), error, math.inf)


def _check_finite(call: Call) -> None:
    for end, verb in ((call.before, "is given"), (call.after, "returns")):
        if not all(torch.isfinite(tensor).all() for tensor in end):
            raise UnknownError(f"it {verb} numbers that are not finite")


def _round_trip(call: Call) -> float:
    _check_finite(call)
    return float(_errors(call.inverse.mapped(call.after), call.before).max())


def _spread(call: Call) -> float:
    """Compute the largest difference of equal runs, ahead and back."""
    _check_finite(call)
    found = [(call.mapped(call.before), call.after) for _ in range(RUNS - 1)]
    first, *others = (call.inverse.mapped(call.after) for _ in range(RUNS))
    found += [(one, first) for one in others]
    return max(float(_errors(one, other).max()) for one, other in found)


def _near(call: Call, worst: int, spread: float | None) -> Call:
    """Cut a call to a few members, off kinks; raises `UnknownError` where J makes no sense."""
    if (spread or 0.0) > TOLERANCE:
        raise UnknownError("equal runs differ")
    _check_finite(call)
    given, made, n = entries(call.given), entries(call.made), len(call.before[0])
    if given != made or {len(t) for t in (*call.before, *call.after)} != {n}:
        raise UnknownError(f"it returns {made // n} numbers for {given // n}")
    if given > DENSE * n:
        raise UnknownError(f"its Jacobian has {given // n} rows, more than {DENSE}")
    fine = call.fine([min(worst, n - 1), 0, n // 2, n - 1], NUDGE)
    if {t.dtype for t in fine.after} != {torch.float64}:
        raise UnknownError("it does not run in float64")
    return fine


def _at(call: Call, k: int, find: Callable[[Tensor, Tensor], Found]) -> Found:
    """Find something of member k and its image, two vectors, by derivatives.

    Raises `UnknownError` where there are none, or where other images depend on this member.
    """
    x = torch.cat([t[k].flatten() for t in call.before]).requires_grad_()
    parts = zip(call.before, x.split([t[k].numel() for t in call.before]), strict=True)
    state = [torch.cat([t[:k], part.reshape(t[k : k + 1].shape), t[k + 1 :]]) for t, part in parts]
    try:
        after = tensors(call.run(tuple(state))[1])
        others = torch.cat([torch.cat([t[:k], t[k + 1 :]]).flatten() for t in after])
        if len(others) and others.requires_grad:
            (leak,) = grad(others, x, torch.randn_like(others), True, allow_unused=True)
            if leak is not None and leak.abs().max() > 0:
                raise UnknownError("the image of a member depends on others of the batch")
        return find(x, torch.cat([t[k].flatten() for t in after]))
    except RuntimeError as error:  # of autograd
        says = str(error).partition("\n")[0]
        raise UnknownError(f"it cannot be differentiated: {says}") from None


def _dense(x: Tensor, y: Tensor) -> Tensor:
    """Compute the Jacobian J row by row."""
    try:
        (J,) = grad(y, x, torch.eye(len(y)).to(y), True, is_grads_batched=True)
    except RuntimeError:  # a step that knows no batches of gradients
        J = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(J).all():
        raise UnknownError("its Jacobian is not finite")
    return J


def _condition(call: Call) -> float:
    """Compute the condition number at the first member."""
    sizes = torch.linalg.svdvals(_at(call, 0, _dense))
    return float(sizes[0] / sizes[-1]) if sizes[-1] else math.inf


def _volume(call: Call, k: int) -> float:
    """Compute log|det J| at member k."""
    sizes = torch.linalg.svdvals(_at(call, k, _dense))
    if not sizes[0] < STEEPEST * sizes[-1]:
        raise UnknownError(f"the condition number is above {STEEPEST:.0e}")
    return float(sizes.log().sum())


def _returned(call: Call, notes: list[str]) -> list[float]:
    """Find the log-determinants that are returned, twice the same; note those without gradient."""
    x = tuple(t.clone().requires_grad_() for t in call.before)
    first, again = (call.log_dets(x) for _ in range(2))
    if not torch.allclose(first, again, TOLERANCE, TOLERANCE, equal_nan=True):
        raise UnknownError("it is drawn anew in each run")
    is_trained = any(p.requires_grad for p in call.module.parameters())
    if is_trained and first.any() and not first.requires_grad:
        notes.append("the log-determinant that it returns has no gradient")
    return first.tolist()


def _compared(call: Call, claims: list[float]) -> tuple[float, float]:
    """Find what is returned, and log|det J|, at the member where they differ most."""
    pairs = [(claim, _volume(call, k)) for k, claim in enumerate(claims)]
    return max(pairs, key=lambda pair: math.inf if math.isnan(pair[0]) else abs(pair[0] - pair[1]))
