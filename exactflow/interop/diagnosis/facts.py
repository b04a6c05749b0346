"""Measurements of each layer: numbers, or the reasons that there are none."""

import math
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.exact.progress import report_stage
from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts
from exactflow.interop.diagnosis.trip import (
    DrawnTrip,
    RoundTrip,
    called,
    count_breaks,
    first_break,
    latents_alone,
    latents_of,
    of_data,
    tracer_of,
)
from exactflow.interop.tracing import Call, Tensors, UnknownError, are_finite, entries, tensors

RUNS, ROWS, CHUNK = 4, 256, 64
NUDGE = 1e-6
"""How far from x, relatively, Jacobians are taken: off kinks, such as the zero of a ReLU."""
TOLERANCE = 1e-3
"""Of one, or of a log-determinant: solvers of differential equations and bisections err less."""
STEEPEST = 1e11
"""The largest condition number at which log|det J| is known to `TOLERANCE`."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Limits:
    """How many latents are drawn, and how many rows a Jacobian may have."""

    draws: int = 256
    rows: int = ROWS


def measured(model: Any, x: Tensor, context: Any, limits: Limits) -> Diagnosis:
    """Run a model there and back, and measure each layer, in its dtype and in float64."""
    whole = called(model, context, x.dtype)
    tracer = tracer_of(whole)
    try:
        trip = RoundTrip(of_data(whole, x), tracer)
    except UnknownError as reason:
        if not (limits.draws and _has_no_inverse(reason)):
            raise
        trip = RoundTrip(latents_alone(whole, x, limits.draws), tracer)
    drafts = [_Draft(call) for call in (*trip.calls, trip.whole)]
    worst, count = _measure_trip(trip, drafts, torch.finfo(x.dtype).eps / 2), 0
    if not trip.whole.is_ahead:
        count = len(trip.whole.before[0])
        _measure_latents(trip, drafts)
    elif limits.draws and trip.back:
        report_stage(f"{limits.draws} draws")
        drawn = drafts[-1].known(
            "draws", lambda: DrawnTrip(latents_of(trip, whole, limits.draws), tracer)
        )
        if drawn:
            count = drawn.count
            _measure_draws(drawn, drafts)
    dtype = str(x.dtype).removeprefix("torch.")
    rows = _rows(drafts, worst, limits)
    return Diagnosis(rows[:-1] or rows, rows[-1], dtype, count)


def _rows(drafts: "list[_Draft]", worst: int, limits: Limits) -> tuple[LayerFacts, ...]:
    """Finish the rows, by what is measured in float64."""
    default, rows = torch.get_default_dtype(), []
    try:
        torch.set_default_dtype(torch.float64)  # what a layer makes anew has it, too
        for k, draft in enumerate(drafts):
            report_stage(f"Jacobian of {draft.path}", k / len(drafts))
            rows.append(draft.facts(worst, limits.rows))
    finally:
        torch.set_default_dtype(default)
    return tuple(rows)


def _has_no_inverse(reason: UnknownError) -> bool:
    """Whether a model says that it does not map data, and not that PyTorch lacks an operation."""
    error = reason.__cause__
    return isinstance(error, NotImplementedError) and "not implemented for" not in str(error)


def _measure_trip(trip: RoundTrip, drafts: "list[_Draft]", unit: float) -> int:
    """Measure what each layer, and the model, loses of x; return the member that loses most."""

    def lost(before: float, after: float) -> float:
        return math.log10(min(max(after, unit), 1) / min(max(before, unit), 1))

    pairs = trip.pairs if are_finite(trip.whole.after).all() else []
    for draft, (call, back) in zip(drafts, pairs, strict=False):
        arrived = float(_errors(back.before, call.after).max())
        draft.row["digits_lost"] = lost(arrived, float(_errors(back.after, call.before).max()))
        if draft.row["error"] == math.inf and count_breaks(back):
            draft.notes.append("its inverse returns numbers that are not finite")
    whole = drafts[-1]
    if trip.back is None:
        way = "on the way back" if trip.whole.is_ahead else "on the way from data to latents"
        whole.notes.append(f"{way} {trip.failure}")
        return 0
    errors = _errors(trip.back.after, trip.whole.before)
    inside = sum(draft.row.get("digits_lost", math.nan) for draft in drafts[:-1])
    whole.row["error"] = float(errors.max())
    whole.row["digits_lost"] = lost(0, whole.row["error"]) - inside if pairs else None
    shapes = [[tuple(t.shape) for t in state] for state in (trip.back.after, trip.whole.before)]
    if broken := first_break(trip.calls, trip.whole):
        whole.notes.append(f"the latents are not finite, from {broken} on")
    elif broken := first_break(trip.came, trip.back):
        whole.notes.append(f"on the way back the numbers are not finite, from {broken} on")
    elif shapes[0] != shapes[1]:
        whole.notes.append(f"on the way back it returns shape {shapes[0][0]}")
    return int(errors.argmax())


def _measure_draws(drawn: DrawnTrip, drafts: "list[_Draft]") -> None:
    """Measure what each layer makes of the draws that it meets, and the model of all of them."""
    met = defaultdict(list)
    for call in drawn.calls:
        met[call.path, call.is_ahead].append(call)
    for draft in drafts[:-1]:
        path, is_ahead = draft.call.path, draft.call.is_ahead
        both = (met[path, not is_ahead], met[path, is_ahead])
        draft.measure_draws([calls.pop(0) for calls in both if calls])
    whole = drafts[-1]
    whole.row["draws_lost"] = drawn.lost
    if drawn.lost < drawn.count:
        whole.row["draw_error"] = float(_errors(drawn.after, drawn.before).max())
    if drawn.broken:
        says = f"{drawn.lost} of {drawn.count} draws are not finite, first in {drawn.broken}"
        whole.notes.append(says)


def _measure_latents(trip: RoundTrip, drafts: "list[_Draft]") -> None:
    """Count what each layer of a model that maps no data makes infinite of the draws."""
    for draft, call in zip(drafts, (*trip.calls, trip.whole), strict=True):
        draft.row["draws_lost"] = count_breaks(call)
    if broken := first_break(trip.calls, trip.whole):
        lost, count = drafts[-1].row["draws_lost"], len(trip.whole.before[0])
        drafts[-1].notes.append(f"{lost} of {count} draws are not finite, first in {broken}")


class _Draft:
    """A row while it is filled in: what is known, and by their reasons what is not."""

    def __init__(self, call: Call):
        self.call, self.notes = call, list[str]()
        self.unknown, self.row = dict[str, list[str]](), dict[str, Any]()
        self.row["error"] = self.known("round trip", lambda: _round_trip(call))
        self.row["spread"] = self.known("equal runs", lambda: _spread(call))

    @property
    def path(self) -> str:
        """The path of the layer."""
        return self.call.path or "the model"

    def known(self, what: str, find: Callable[[], Found]) -> Found | None:
        """Find a number, or the reason why it is unknown."""
        try:
            return find()
        except UnknownError as reason:
            self.unknown.setdefault(str(reason), []).append(what)
            return None

    def measure_draws(self, calls: list[Call]) -> None:
        """Measure the error of the draws that a layer meets, and how many it makes infinite, in the
        calls to data and back.
        """
        if calls:
            self.row["draws_lost"] = sum(map(count_breaks, calls))
            kept = are_finite(calls[0].before)
            self.row["draw_error"] = self.known("draws", lambda: _error_of(calls[0], kept))

    def facts(self, worst: int, limit: int) -> LayerFacts:
        """Measure what is measured in float64, and finish the row."""
        row, kind = self.row, self.call.module._get_name()
        both = "condition number, log-determinant"
        near = self.known(both, lambda: _near(self.call, worst, row["spread"]))
        if near:
            spectra = self.known(both, lambda: _spectra(near, limit))
            if spectra is not None:
                row["largest"] = max(float(sizes[0]) for sizes in spectra)
                row["least"] = min(float(sizes[-1]) for sizes in spectra)
                row["condition"] = max(map(_condition, spectra))
            self._compare_log_dets(near, spectra)
        reasons = [f"{', '.join(x)} not checked, because {why}" for why, x in self.unknown.items()]
        return LayerFacts(self.path, kind, (*self.notes, *reasons), **row)

    def _compare_log_dets(self, near: Call, spectra: list[Tensor] | None) -> None:
        """Compare what is returned, in both directions, with log|det J|; else with each other."""
        row, due = self.row, None
        ahead = self.known("log-determinant", lambda: _returned(near, self.notes))
        back = self.known("log-determinant of the inverse", lambda: _returned(near.inverse, []))
        if spectra is not None:
            due = self.known("log-determinant", lambda: _volumes(spectra))
        if ahead is not None:
            row["log_det"], row["log_det_due"] = _worst(ahead, due)
        if back is not None:
            wanted = ahead if due is None else due
            minus = None if wanted is None else [-x for x in wanted]
            row["log_det_back"], row["log_det_back_due"] = _worst(back, minus)


def _worst(claims: list[float], due: list[float] | None) -> tuple[float, float | None]:
    """Find the pair of a claim and a number that differ most; the first claim without numbers."""
    if due is None:
        return claims[0], None
    pairs = zip(claims, due, strict=False)
    return max(pairs, key=lambda pair: math.inf if pair[0] != pair[0] else abs(pair[0] - pair[1]))


def _errors(found: Tensors, wanted: Tensors) -> Tensor:
    """Compute max |found - wanted| / max |wanted| of each member; zeros count as ones, and equal
    numbers as equal, infinite or NaN.
    """
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return torch.full((len(wanted[0]),), math.inf, dtype=torch.float64)
    a, b = (torch.cat([t.flatten(1) for t in state], 1).double() for state in (found, wanted))
    size, is_same = b.abs().amax(1), (a == b) | (a.isnan() & b.isnan())
    apart = torch.where(is_same, 0.0, (a - b).abs()).amax(1)
    error = torch.where(apart > 0, apart / torch.where(size > 0, size, 1.0), apart)
    return torch.where(torch.isfinite(error), error, math.inf)


def _check_finite(call: Call) -> None:
    for end, verb in ((call.before, "is given"), (call.after, "returns")):
        if not are_finite(end).all():
            raise UnknownError(f"it {verb} numbers that are not finite")


def _round_trip(call: Call) -> float:
    _check_finite(call)
    return float(_errors(call.inverse.mapped(call.after), call.before).max())


def _error_of(call: Call, kept: Tensor) -> float | None:
    """Compute the error of the round trip from latents, of those members alone; None of none."""
    if not kept.any():
        return None
    if not kept.all():
        cut = call.cut(kept.nonzero().flatten())
        call = cut.answered(cut.run(cut.before)[0])
    still = are_finite(call.after)
    if still.all():
        return float(_errors(call.inverse.mapped(call.after), call.before).max())
    return _error_of(call, still) if len(still) == len(call.before[0]) else None


def _spread(call: Call) -> float:
    """Compute the largest difference of equal runs, ahead and, where it runs, back."""
    _check_finite(call)
    found = [(call.mapped(call.before), call.after) for _ in range(RUNS - 1)]
    with suppress(UnknownError):
        first, *others = (call.inverse.mapped(call.after) for _ in range(RUNS))
        found += [(one, first) for one in others]
    return max(float(_errors(one, other).max()) for one, other in found)


def _near(call: Call, worst: int, spread: float | None) -> Call:
    """Cut a call to a few members, off kinks; raises `UnknownError` where J makes no sense."""
    if (spread or 0.0) > TOLERANCE:
        raise UnknownError("equal runs differ")
    _check_finite(call)
    given, made, n = entries(call.before), entries(call.after), len(call.before[0])
    if given != made or {len(t) for t in (*call.before, *call.after)} != {n}:
        raise UnknownError(f"it returns {made // n} numbers for {given // n}")
    fine = call.fine([min(worst, n - 1), 0, n // 2, n - 1], NUDGE)
    if {t.dtype for t in fine.after} != {torch.float64}:
        raise UnknownError("it does not run in float64")
    return fine


def _vectors(call: Call, k: int) -> tuple[Tensor, Tensor]:
    """Return member k and its image as vectors, the latter with derivatives.

    Raises `UnknownError` where there are none, or where other images depend on this member.
    """
    x = torch.cat([t[k].flatten() for t in call.before]).requires_grad_()
    parts = zip(call.before, x.split([t[k].numel() for t in call.before]), strict=True)
    state = [torch.cat([t[:k], part.reshape(t[k : k + 1].shape), t[k + 1 :]]) for t, part in parts]
    after = tensors(call.run(tuple(state))[1])
    others = torch.cat([torch.cat([t[:k], t[k + 1 :]]).flatten() for t in after])
    if len(others) and others.requires_grad:
        (leak,) = grad(others, x, torch.randn_like(others), True, allow_unused=True)
        if leak is not None and leak.abs().max() > 0:
            raise UnknownError("the image of a member depends on others of the batch")
    return x, torch.cat([t[k].flatten() for t in after])


def _dense(x: Tensor, y: Tensor) -> Tensor:
    """Compute the Jacobian J, some rows at a time."""
    try:
        rows = torch.eye(len(y)).to(y).split(CHUNK)
        J = torch.cat([grad(y, x, some, True, is_grads_batched=True)[0] for some in rows])
    except RuntimeError:  # a step that knows no batches of gradients
        J = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(J).all():
        raise UnknownError("its Jacobian is not finite")
    return J


def _singular_values(call: Call, k: int, limit: int) -> Tensor:
    """Compute the singular values of J at member k, the largest first."""
    count = entries(call.before) // len(call.before[0])
    if count > limit:
        raise UnknownError(f"its Jacobian has {count} rows, more than {limit}")
    try:
        x, y = _vectors(call, k)
        if count > ROWS:  # each gradient takes as long as the batch is large
            x, y = _vectors(call.cut([k]), 0)
        return torch.linalg.svdvals(_dense(x, y))
    except RuntimeError as error:  # of autograd
        says = str(error).partition("\n")[0]
        raise UnknownError(f"it cannot be differentiated: {says}") from None


def _spectra(call: Call, limit: int) -> list[Tensor]:
    """List the singular values of J at each member; of many rows at the first member alone."""
    first = _singular_values(call, 0, limit)
    count = len(call.before[0]) if len(first) <= ROWS else 1
    return [first, *(_singular_values(call, k, limit) for k in range(1, count))]


def _condition(sizes: Tensor) -> float:
    return float(sizes[0] / sizes[-1]) if sizes[-1] else math.inf


def _volumes(spectra: list[Tensor]) -> list[float]:
    """List log|det J| at each member."""
    if not all(sizes[0] < STEEPEST * sizes[-1] for sizes in spectra):
        raise UnknownError(f"the condition number is above {STEEPEST:.0e}")
    return [float(sizes.log().sum()) for sizes in spectra]


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
