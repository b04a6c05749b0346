"""Measure each layer of a model: numbers, or the reasons why there are none."""

import math
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.exact.progress import report_stage
from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts
from exactflow.interop.diagnosis.round_trips import (
    DrawnRoundTrip,
    RoundTrip,
    call_on_data,
    call_on_drawn_latents,
    call_on_latents_like,
    copy_model_call,
    count_overflows,
    find_first_overflow,
    make_tracer,
)
from exactflow.interop.tracing import (
    LayerCall,
    NotMeasuredError,
    Tensors,
    count_entries,
    find_finite,
    list_tensors,
)

RUNS, ROWS, CHUNK = 4, 256, 64
OFFSET = 1e-6
"""The relative distance from x at which Jacobians are taken, off kinks such as that of a ReLU."""
TOLERANCE = 1e-3
"""The largest error attributed to iterative inverses, relative or of a log-determinant."""
STEEPEST = 1e11
"""The largest condition number at which log|det J| is known to `TOLERANCE`."""

Result = TypeVar("Result")


def measure_layers(
    model: Any, x: Tensor, context: Any, draws: int = 256, rows: int = ROWS
) -> Diagnosis:
    """Run a model forward and back, and measure each layer, in its dtype and in float64.

    `draws` is the number of latents to draw, `rows` the most rows of a Jacobian.
    """
    call = copy_model_call(model, context, x.dtype)
    tracer = make_tracer(call)
    try:
        trip = RoundTrip(call_on_data(call, x), tracer)
    except NotMeasuredError as reason:
        if not (draws and _has_no_encoder(reason)):
            raise
        trip = RoundTrip(call_on_latents_like(call, x, draws), tracer)
    builders = [_FactsBuilder(one) for one in (*trip.calls, trip.whole)]
    worst, count = _measure_trip(trip, builders, torch.finfo(x.dtype).eps / 2), 0
    if not trip.whole.is_forward:
        count = len(trip.whole.before[0])
        _measure_decoding(trip, builders)
    elif draws and trip.back:
        report_stage(f"{draws} draws")
        drawn = builders[-1].measure(
            "draws", lambda: DrawnRoundTrip(call_on_drawn_latents(trip, call, draws), tracer)
        )
        if drawn:
            count = drawn.count
            _measure_draws(drawn, builders)
    facts = _measure_in_float64(builders, worst, rows)
    return Diagnosis(facts[:-1] or facts, facts[-1], str(x.dtype).removeprefix("torch."), count)


def _measure_in_float64(
    builders: "list[_FactsBuilder]", worst: int, rows: int
) -> tuple[LayerFacts, ...]:
    """Finish the facts of each layer."""
    dtype, facts = torch.get_default_dtype(), []
    try:
        torch.set_default_dtype(torch.float64)  # for tensors that a layer creates
        for k, builder in enumerate(builders):
            report_stage(f"Jacobian of {builder.path}", k / len(builders))
            facts.append(builder.build(worst, rows))
    finally:
        torch.set_default_dtype(dtype)
    return tuple(facts)


def _has_no_encoder(reason: NotMeasuredError) -> bool:
    """Whether a model says that it does not encode data; PyTorch raises the same error for an
    operation that it does not implement.
    """
    error = reason.__cause__
    return isinstance(error, NotImplementedError) and "not implemented for" not in str(error)


def _measure_trip(trip: RoundTrip, builders: "list[_FactsBuilder]", unit: float) -> int:
    """Measure the digits that each layer loses; return the member that loses most."""

    def digits_lost(before: float, after: float) -> float:
        return math.log10(min(max(after, unit), 1) / min(max(before, unit), 1))

    pairs = trip.pairs if find_finite(trip.whole.after).all() else []
    for builder, (call, back) in zip(builders, pairs, strict=False):
        arrived = float(_relative_errors(back.before, call.after).max())
        returned = float(_relative_errors(back.after, call.before).max())
        builder.row["digits_lost"] = digits_lost(arrived, returned)
        if builder.row["error"] == math.inf and count_overflows(back):
            builder.notes.append("its inverse returns numbers that are not finite")
    whole = builders[-1]
    if trip.back is None:
        way = "on the way back" if trip.whole.is_forward else "on the way from data to latents"
        whole.notes.append(f"{way} {trip.failure}")
        return 0
    errors = _relative_errors(trip.back.after, trip.whole.before)
    by_layers = sum(builder.row.get("digits_lost", math.nan) for builder in builders[:-1])
    whole.row["error"] = float(errors.max())
    whole.row["digits_lost"] = digits_lost(0, whole.row["error"]) - by_layers if pairs else None
    shapes = [[tuple(t.shape) for t in state] for state in (trip.back.after, trip.whole.before)]
    if path := find_first_overflow(trip.calls, trip.whole):
        whole.notes.append(f"the latents are not finite, from {path} on")
    elif path := find_first_overflow(trip.calls_back, trip.back):
        whole.notes.append(f"on the way back the numbers are not finite, from {path} on")
    elif shapes[0] != shapes[1]:
        whole.notes.append(f"on the way back it returns shape {shapes[0][0]}")
    return int(errors.argmax())


def _measure_draws(drawn: DrawnRoundTrip, builders: "list[_FactsBuilder]") -> None:
    """Measure the round trip of each layer on the draws that it receives, and of the model."""
    calls = defaultdict(list)
    for call in drawn.calls:
        calls[call.path, call.is_forward].append(call)
    for builder in builders[:-1]:
        path, is_forward = builder.call.path, builder.call.is_forward
        both = (calls[path, not is_forward], calls[path, is_forward])
        builder.measure_draws([found.pop(0) for found in both if found])
    whole = builders[-1]
    whole.row["draws_lost"] = drawn.lost
    if drawn.lost < drawn.count:
        whole.row["draw_error"] = float(_relative_errors(drawn.after, drawn.before).max())
    if drawn.first_overflow:
        whole.note_lost_draws(drawn.count, drawn.first_overflow)


def _measure_decoding(trip: RoundTrip, builders: "list[_FactsBuilder]") -> None:
    """Count the draws that each layer maps to infinity, in a model that does not encode data."""
    for builder, call in zip(builders, (*trip.calls, trip.whole), strict=True):
        builder.row["draws_lost"] = count_overflows(call)
    if path := find_first_overflow(trip.calls, trip.whole):
        builders[-1].note_lost_draws(len(trip.whole.before[0]), path)


class _FactsBuilder:
    """Collects the facts of one layer: the row of numbers, notes, and unknown facts by reasons."""

    def __init__(self, call: LayerCall):
        self.call, self.notes = call, list[str]()
        self.unknown, self.row = dict[str, list[str]](), dict[str, Any]()
        self.row["error"] = self.measure("round trip", lambda: _round_trip_error(call))
        self.row["spread"] = self.measure("run-to-run", lambda: _run_to_run_difference(call))

    @property
    def path(self) -> str:
        """The path of the layer."""
        return self.call.path or "the model"

    def measure(self, fact: str, find: Callable[[], Result]) -> Result | None:
        """Return a measured fact, or None and note the reason."""
        try:
            return find()
        except NotMeasuredError as reason:
            self.unknown.setdefault(str(reason), []).append(fact)
            return None

    def note_lost_draws(self, count: int, path: str) -> None:
        """Note how many of `count` draws are lost, first at a layer."""
        lost = self.row["draws_lost"]
        self.notes.append(f"{lost} of {count} draws are not finite, first in {path}")

    def measure_draws(self, calls: list[LayerCall]) -> None:
        """Measure the round-trip error of draws, given the calls of decoding and encoding, and
        count the draws that become infinite.
        """
        if calls:
            self.row["draws_lost"] = sum(map(count_overflows, calls))
            finite = find_finite(calls[0].before)
            self.row["draw_error"] = self.measure(
                "draws", lambda: _round_trip_error_of_draws(calls[0], finite)
            )

    def build(self, worst: int, rows: int) -> LayerFacts:
        """Measure the facts in float64, and return all facts."""
        row, kind = self.row, self.call.module._get_name()
        both = "condition number, log-determinant"
        near = self.measure(both, lambda: _call_near(self.call, worst, row["spread"]))
        if near:
            spectra = self.measure(both, lambda: _list_spectra(near, rows))
            if spectra is not None:
                row["largest"] = max(float(values[0]) for values in spectra)
                row["least"] = min(float(values[-1]) for values in spectra)
                row["condition"] = max(map(_condition_number, spectra))
            self._compare_log_dets(near, spectra)
        reasons = [f"{', '.join(x)} not checked, because {why}" for why, x in self.unknown.items()]
        return LayerFacts(self.path, kind, (*self.notes, *reasons), **row)

    def _compare_log_dets(self, near: LayerCall, spectra: list[Tensor] | None) -> None:
        """Compare the log-determinants of both directions with log|det J|, or with each other."""
        row, name, due = self.row, "log-determinant", None
        forward = self.measure(name, lambda: _returned_log_dets(near, self.notes))
        inverse = self.measure(f"{name} of the inverse", lambda: _returned_log_dets(near.inverse))
        if spectra is not None:
            due = self.measure(name, lambda: _log_volumes(spectra))
        if forward is not None:
            row["log_det"], row["log_det_due"] = _worst_pair(forward, due)
        if inverse is not None:
            wanted = forward if due is None else due
            minus = None if wanted is None else [-x for x in wanted]
            row["log_det_back"], row["log_det_back_due"] = _worst_pair(inverse, minus)


def _worst_pair(claims: list[float], due: list[float] | None) -> tuple[float, float | None]:
    """Return the claim and the due number that differ most, or the first claim alone."""
    if due is None:
        return claims[0], None
    pairs = zip(claims, due, strict=False)
    return max(pairs, key=lambda pair: math.inf if pair[0] != pair[0] else abs(pair[0] - pair[1]))


def _relative_errors(found: Tensors, wanted: Tensors) -> Tensor:
    """Return max |found - wanted| / max |wanted| for each member of a batch.

    If all of `wanted` is zero, the error is absolute. Equal numbers differ by zero, also if they
    are infinite or NaN; otherwise the error of numbers that are not finite is infinite.
    """
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return torch.full((len(wanted[0]),), math.inf, dtype=torch.float64)
    a, b = (torch.cat([t.flatten(1) for t in state], 1).double() for state in (found, wanted))
    size, is_same = b.abs().amax(1), (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(is_same, 0.0, (a - b).abs()).amax(1)
    relative = difference / torch.where(size > 0, size, 1.0)
    error = torch.where(difference > 0, relative, difference)
    return torch.where(torch.isfinite(error), error, math.inf)


def _check_finite(call: LayerCall) -> None:
    for state, verb in ((call.before, "is given"), (call.after, "returns")):
        if not find_finite(state).all():
            raise NotMeasuredError(f"it {verb} numbers that are not finite")


def _round_trip_error(call: LayerCall) -> float:
    _check_finite(call)
    return float(_relative_errors(call.inverse.map_tensors(call.after), call.before).max())


def _round_trip_error_of_draws(call: LayerCall, rows: Tensor) -> float | None:
    """Return the round-trip error on some members whose images are finite; None without any."""
    if not rows.any():
        return None
    if not rows.all():
        selected = call.select(rows.nonzero().flatten())
        call = selected.with_result(selected.call_and_find_image(selected.before)[0])
    finite = find_finite(call.after)
    if finite.all():
        return _round_trip_error(call)
    return _round_trip_error_of_draws(call, finite) if len(finite) == len(call.before[0]) else None


def _run_to_run_difference(call: LayerCall) -> float:
    """Return the largest difference between repeated runs, forward and, if it runs, inverse."""
    _check_finite(call)
    found = [(call.map_tensors(call.before), call.after) for _ in range(RUNS - 1)]
    with suppress(NotMeasuredError):
        first, *others = (call.inverse.map_tensors(call.after) for _ in range(RUNS))
        found += [(other, first) for other in others]
    return max(float(_relative_errors(one, other).max()) for one, other in found)


def _call_near(call: LayerCall, worst: int, spread: float | None) -> LayerCall:
    """Repeat a call in float64 on a few members, moved off kinks.

    Raises `NotMeasuredError` if the layer has no Jacobian.
    """
    if (spread or 0.0) > TOLERANCE:
        raise NotMeasuredError("repeated runs on the same input differ")
    _check_finite(call)
    given, returned, n = count_entries(call.before), count_entries(call.after), len(call.before[0])
    if given != returned or {len(t) for t in (*call.before, *call.after)} != {n}:
        raise NotMeasuredError(f"it returns {returned // n} numbers for {given // n}")
    near = call.repeat_in_float64([min(worst, n - 1), 0, n // 2, n - 1], OFFSET)
    if {t.dtype for t in near.after} != {torch.float64}:
        raise NotMeasuredError("it does not run in float64")
    return near


def _as_vectors(call: LayerCall, k: int) -> tuple[Tensor, Tensor]:
    """Return member k and its image as vectors, the image with gradients.

    Raises `NotMeasuredError` if the image of another member depends on this one.
    """
    x = torch.cat([t[k].flatten() for t in call.before]).requires_grad_()
    parts = zip(call.before, x.split([t[k].numel() for t in call.before]), strict=True)
    state = [torch.cat([t[:k], part.reshape(t[k : k + 1].shape), t[k + 1 :]]) for t, part in parts]
    after = list_tensors(call.call_and_find_image(tuple(state))[1])
    others = torch.cat([torch.cat([t[:k], t[k + 1 :]]).flatten() for t in after])
    if len(others) and others.requires_grad:
        (leak,) = grad(others, x, torch.randn_like(others), True, allow_unused=True)
        if leak is not None and leak.abs().max() > 0:
            raise NotMeasuredError("the image of a member depends on others of the batch")
    return x, torch.cat([t[k].flatten() for t in after])


def _jacobian(x: Tensor, y: Tensor) -> Tensor:
    """Return the Jacobian of y in x, computed several rows at a time."""
    try:
        rows = torch.eye(len(y)).to(y).split(CHUNK)
        J = torch.cat([grad(y, x, some, True, is_grads_batched=True)[0] for some in rows])
    except RuntimeError:  # an operation that does not support batched gradients
        J = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(J).all():
        raise NotMeasuredError("its Jacobian is not finite")
    return J


def _singular_values(call: LayerCall, k: int, rows: int) -> Tensor:
    """Return the singular values of J at member k, the largest first."""
    count = count_entries(call.before) // len(call.before[0])
    if count > rows:
        raise NotMeasuredError(f"its Jacobian has {count} rows, more than {rows}")
    try:
        x, y = _as_vectors(call, k)
        if count > ROWS:  # the time of a gradient grows with the batch
            x, y = _as_vectors(call.select([k]), 0)
        return torch.linalg.svdvals(_jacobian(x, y))
    except RuntimeError as error:  # autograd raises it for an operation without a derivative
        says = str(error).partition("\n")[0]
        raise NotMeasuredError(f"it cannot be differentiated: {says}") from None


def _list_spectra(call: LayerCall, rows: int) -> list[Tensor]:
    """List the singular values of J at each member; only at the first for large Jacobians."""
    first = _singular_values(call, 0, rows)
    count = len(call.before[0]) if len(first) <= ROWS else 1
    return [first, *(_singular_values(call, k, rows) for k in range(1, count))]


def _condition_number(values: Tensor) -> float:
    return float(values[0] / values[-1]) if values[-1] else math.inf


def _log_volumes(spectra: list[Tensor]) -> list[float]:
    """List log|det J| at each member."""
    if not all(values[0] < STEEPEST * values[-1] for values in spectra):
        raise NotMeasuredError(f"the condition number is above {STEEPEST:.0e}")
    return [float(values.log().sum()) for values in spectra]


def _returned_log_dets(call: LayerCall, notes: list[str] | None = None) -> list[float]:
    """Return the log-determinants that a layer returns, if two runs agree.

    Notes if they have no gradient.
    """
    x = tuple(t.clone().requires_grad_() for t in call.before)
    first, again = (call.find_own_log_dets(x) for _ in range(2))
    if not torch.allclose(first, again, TOLERANCE, TOLERANCE, equal_nan=True):
        raise NotMeasuredError("it is random, and differs from run to run")
    is_trained = any(p.requires_grad for p in call.module.parameters())
    if notes is not None and is_trained and first.any() and not first.requires_grad:
        notes.append("the log-determinant that it returns has no gradient")
    return first.tolist()
