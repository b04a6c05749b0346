"""Measure the facts of each layer of a model, or note why a fact is not measured."""

import math
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.exact.progress import report_stage
from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts
from exactflow.interop.diagnosis.round_trips import (
    RoundTrip,
    count_newly_nonfinite_members,
    find_first_newly_nonfinite_path,
    make_tracer_of_inner_invertible_modules,
    prepare_call_on_data,
    prepare_inverse_on_draws,
    run_and_trace,
)
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.module_tree import copy_model
from exactflow.interop.tracing import (
    LayerCall,
    NotMeasuredError,
    Tensors,
    Tracer,
    copy_and_detach_tensors,
    count_tensor_entries,
    list_tensors,
    make_finite_member_mask,
)

RUNS = 4
"""The number of runs on the same input that are compared."""
ROWS = 256
"""Jacobians with more rows than this are computed at one member only."""
CHUNK = 64
"""The number of rows of a Jacobian that are computed at once."""
OFFSET = 1e-6
"""The relative distance from x at which Jacobians are taken: x may be at a kink of a ReLU."""
TOLERANCE = 1e-3
"""Differences of repeated runs, in images or log-determinants, up to this number are attributed to
iterative inverses.
"""
STEEPEST = 1e11
"""The largest condition number of a Jacobian whose log-determinant is accurate to `TOLERANCE`."""

Result = TypeVar("Result")


def measure_model(
    model: Any, x: Tensor, context: Any, most_draws: int, skip_jacobians_above_rows: int
) -> Diagnosis:
    """Run a model and its inverse, and measure each layer, in the model's dtype and in float64.

    At most `most_draws` latents are drawn. Jacobians with more than
    `skip_jacobians_above_rows` rows are not computed.
    """
    with torch.no_grad():
        call = find_library_or_torch(model).model_call(
            copy_model(model), copy_and_detach_tensors(context, x.dtype)
        )
    tracer, start = make_tracer_of_inner_invertible_modules(call), prepare_call_on_data(call, x)
    try:
        trip = RoundTrip(start, tracer)
    except NotMeasuredError as reason:
        # a model that only decodes raises `NotImplementedError`; so does PyTorch, for an operation
        # without an implementation for a dtype or device
        error = reason.__cause__
        only_decodes = isinstance(error, NotImplementedError)
        if not (most_draws and only_decodes and "not implemented for" not in str(error)):
            raise
        decoding = replace(start, is_forward=False)
        trip = RoundTrip(prepare_inverse_on_draws(call, decoding, (x,), most_draws), tracer)
    builders = [_FactsBuilder(one) for one in (*trip.calls, trip.whole)]
    worst = _record_digits_lost_and_model_error(trip, builders, torch.finfo(x.dtype).eps / 2)
    whole, count = trip.whole, 0
    if not whole.is_forward:
        count = len(whole.before[0])
        for builder in builders:
            builder.row["draws_lost"] = count_newly_nonfinite_members(builder.call)
        builders[-1].note_lost_draws(count, find_first_newly_nonfinite_path(trip.calls, whole))
    elif most_draws and trip.back:
        report_stage(f"{most_draws} draws")
        latents = partial(prepare_inverse_on_draws, call, whole.inverse, whole.after, most_draws)
        drawn = builders[-1].measure_or_note_reason(
            "draws", lambda: _record_draw_errors_and_lost_draws(latents(), tracer, builders)
        )
        count = drawn or 0
    dtype, facts = torch.get_default_dtype(), []
    try:
        torch.set_default_dtype(torch.float64)  # a layer may create tensors of the default dtype
        for k, builder in enumerate(builders):
            report_stage(f"Jacobian of {builder.path}", k / len(builders))
            facts.append(builder.finish_in_float64(worst, skip_jacobians_above_rows))
    finally:
        torch.set_default_dtype(dtype)
    name = str(x.dtype).removeprefix("torch.")
    return Diagnosis(tuple(facts[:-1] or facts), facts[-1], name, count)


def _record_digits_lost_and_model_error(
    trip: RoundTrip, builders: "list[_FactsBuilder]", unit_roundoff: float
) -> int:
    """Record the digits that each layer and the model lose, the model's error, and notes.

    Return the member with the largest error, or 0 if the inverse of the model fails.
    """

    def digits_lost_negative_if_gained(error_before: float, error_after: float) -> float:
        before, after = (min(max(x, unit_roundoff), 1) for x in (error_before, error_after))
        return math.log10(after / before)

    pairs = trip.pairs if make_finite_member_mask(trip.whole.after).all() else []
    for builder, (call, back) in zip(builders, pairs, strict=False):
        arrived = float(_relative_errors_by_member(back.before, call.after).max())
        returned = float(_relative_errors_by_member(back.after, call.before).max())
        builder.row["digits_lost"] = digits_lost_negative_if_gained(arrived, returned)
        if builder.row["error"] == math.inf and count_newly_nonfinite_members(back):
            builder.notes.append("the inverse returns NaN or inf")
    whole = builders[-1]
    if trip.back is None:
        way = "on the way back" if trip.whole.is_forward else "on the way from data to latents"
        whole.notes.append(f"{way} {trip.failure}")
        return 0
    errors = _relative_errors_by_member(trip.back.after, trip.whole.before)
    by_layers = sum(builder.row.get("digits_lost", math.nan) for builder in builders[:-1])
    whole.row["error"] = float(errors.max())
    whole.row["digits_lost"] = (
        digits_lost_negative_if_gained(0, whole.row["error"]) - by_layers if pairs else None
    )
    shapes = [[tuple(t.shape) for t in state] for state in (trip.back.after, trip.whole.before)]
    if path := find_first_newly_nonfinite_path(trip.calls, trip.whole):
        whole.notes.append(f"the latents are NaN or inf, from {path} on")
    elif path := find_first_newly_nonfinite_path(trip.calls_back, trip.back):
        whole.notes.append(f"on the way back the numbers are NaN or inf, from {path} on")
    elif shapes[0] != shapes[1]:
        whole.notes.append(f"on the way back the model returns shape {shapes[0][0]}")
    return int(errors.argmax())


def _record_draw_errors_and_lost_draws(
    latents: LayerCall, tracer: Tracer, builders: "list[_FactsBuilder]"
) -> int:
    """Decode drawn latents, and encode the data where it is finite; return the number of latents.

    Record, for each layer and the model, the round-trip error on draws and the lost draws.
    """
    encoding: list[LayerCall] = []
    after: Tensors = ()
    decoded, decoding = run_and_trace(latents, tracer)
    decoded = replace(decoded, inverse_patterns=latents.inverse_patterns)
    first_nonfinite_path = find_first_newly_nonfinite_path(decoding, decoded)
    finite = _make_finite_mask_of_image(decoded)
    data = decoded.inverse.select_members_without_image(finite.nonzero().flatten())
    before = tuple(t[finite] for t in decoded.before)
    if finite.any():
        encoded, encoding = run_and_trace(data, tracer)
        first_nonfinite_path = first_nonfinite_path or find_first_newly_nonfinite_path(
            encoding, encoded
        )
        finite = _make_finite_mask_of_image(encoded)
        before, after = (tuple(t[finite] for t in state) for state in (before, encoded.after))
    calls = defaultdict(list)
    for call in (*reversed(decoding), *encoding):
        calls[call.path, call.is_forward].append(call)
    *layers, whole = builders
    for builder in layers:
        path, is_forward = builder.call.path, builder.call.is_forward
        both = (calls[path, not is_forward], calls[path, is_forward])
        # the call of the layer on the draws, and the inverse call on its result, as far as they
        # were made
        made = [found.pop(0) for found in both if found]
        if made:
            builder.row["draws_lost"] = sum(map(count_newly_nonfinite_members, made))
            builder.row["draw_error"] = builder.measure_or_note_reason(
                "draws", partial(_largest_round_trip_error_where_finite, made[0])
            )
    count, kept = len(decoded.before[0]), len(after[0]) if after else 0
    whole.row["draws_lost"] = count - kept
    if kept:
        whole.row["draw_error"] = float(_relative_errors_by_member(after, before).max())
    whole.note_lost_draws(count, first_nonfinite_path)
    return count


class _FactsBuilder:
    """The facts of a layer so far: its row of numbers, notes, and unmeasured facts by reason."""

    def __init__(self, call: LayerCall):
        self.call, self.path, self.notes = call, call.path or "the model", list[str]()
        self.unknown, self.row = dict[str, list[str]](), dict[str, Any]()
        self.row["error"] = self.measure_or_note_reason(
            "round trip", lambda: _largest_round_trip_error(call)
        )
        self.row["spread"] = self.measure_or_note_reason(
            "run-to-run", lambda: _relative_spread_over_runs_both_directions(call)
        )

    def measure_or_note_reason(self, fact: str, measure: Callable[[], Result]) -> Result | None:
        """Return the result of `measure`, or note why `fact` is not measured, and return None."""
        try:
            return measure()
        except NotMeasuredError as reason:
            self.unknown.setdefault(str(reason), []).append(fact)
            return None

    def note_lost_draws(self, total_draws: int, first_path: str | None) -> None:
        """If a layer maps draws to NaN or inf, note their number, and the path of the first one."""
        if first_path:
            lost = f"{self.row['draws_lost']} of {total_draws} draws"
            self.notes.append(f"{lost} become NaN or inf, first in {first_path}")

    def finish_in_float64(self, worst_member: int, skip_jacobians_above_rows: int) -> LayerFacts:
        """Measure the Jacobian and the log-determinants in float64, and return all facts."""
        row, n = self.row, len(self.call.before[0])
        members = [min(worst_member, n - 1), 0, n // 2, n - 1]
        near = self.measure_or_note_reason(
            "condition number, log-determinant",
            lambda: _repeat_on_slightly_moved_members(self.call, members, row["spread"]),
        )
        if near:
            self._record_jacobian_and_log_dets(near, skip_jacobians_above_rows)
        reasons = [f"{', '.join(x)} not checked, because {why}" for why, x in self.unknown.items()]
        kind = self.call.module._get_name()
        return LayerFacts(self.path, kind, (*self.notes, *reasons), **row)

    def _record_jacobian_and_log_dets(
        self, near_call: LayerCall, skip_jacobians_above_rows: int
    ) -> None:
        """Record singular values, and the returned and true log-determinants of both directions.

        The true log-determinants are computed from the singular values of the Jacobian. If these
        values are unknown, minus the log-determinant of the forward direction is due for the
        inverse, and none for the forward direction.
        """
        row, name, due = self.row, "log-determinant", None
        singular_values = self.measure_or_note_reason(
            f"condition number, {name}",
            lambda: _singular_values_first_member_if_large(near_call, skip_jacobians_above_rows),
        )
        forward = self.measure_or_note_reason(name, lambda: _repeatable_log_dets(near_call))
        inverse = self.measure_or_note_reason(
            f"{name} of the inverse", lambda: _repeatable_log_dets(near_call.inverse)
        )
        is_trainable = any(p.requires_grad for p in near_call.module.parameters())
        if forward is not None and is_trainable and forward.any() and not forward.requires_grad:
            self.notes.append("the returned log-determinant has no gradient")
        if singular_values is not None:
            row["largest"] = max(float(values[0]) for values in singular_values)
            row["least"] = min(float(values[-1]) for values in singular_values)
            ratios = [float(x[0] / x[-1]) if x[-1] else math.inf for x in singular_values]
            row["condition"] = max(ratios)
            if all(values[0] < STEEPEST * values[-1] for values in singular_values):
                due = [float(values.log().sum()) for values in singular_values]
            else:
                reason = f"the condition number of the Jacobian is above {STEEPEST:.0e}"
                self.unknown.setdefault(reason, []).append(name)
        if forward is not None:
            row["log_det"], row["log_det_due"] = _worst_pair_or_first_returned(
                forward.tolist(), due
            )
        if inverse is not None:
            wanted = forward if due is None else due
            minus = None if wanted is None else [-float(x) for x in wanted]
            row["log_det_back"], row["log_det_back_due"] = _worst_pair_or_first_returned(
                inverse.tolist(), minus
            )


def _make_finite_mask_of_image(call: LayerCall) -> Tensor:
    """Return a mask of the members of a batch whose images have finite numbers only.

    Raises `NotMeasuredError` if there is not one image for each member.
    """
    finite, count = make_finite_member_mask(call.after), len(call.before[0])
    if len(finite) != count:
        raise NotMeasuredError(f"{count} members have an image of {len(finite)} rows")
    return finite


def _worst_pair_or_first_returned(
    returned: list[float], due: list[float] | None
) -> tuple[float, float | None]:
    """Return the pair (returned number, number due) whose two numbers differ most.

    If no numbers are due, return the first returned number and None.
    """
    if due is None:
        return returned[0], None
    pairs = zip(returned, due, strict=False)
    return max(pairs, key=lambda pair: math.inf if pair[0] != pair[0] else abs(pair[0] - pair[1]))


def _relative_errors_by_member(found: Tensors, wanted: Tensors) -> Tensor:
    """Return max |found - wanted| / max |wanted| for each member of a batch.

    If a member of `wanted` is zero, its error is absolute. The difference of two NaN, or of two
    equal infinities, counts as zero. Any other NaN or infinity makes the error infinite, and
    different shapes make it infinite.
    """
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return torch.full((len(wanted[0]),), math.inf, dtype=torch.float64)
    a, b = (torch.cat([t.flatten(1) for t in state], 1).double() for state in (found, wanted))
    size, is_same = b.abs().amax(1), (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(is_same, 0.0, (a - b).abs()).amax(1)
    relative = difference / torch.where(size > 0, size, 1.0)
    error = torch.where(difference > 0, relative, difference)
    return torch.where(torch.isfinite(error), error, math.inf)


def _check_input_and_image_finite(call: LayerCall) -> None:
    for state, name in ((call.before, "input"), (call.after, "result")):
        if not make_finite_member_mask(state).all():
            raise NotMeasuredError(f"the {name} has NaN or inf")


def _largest_round_trip_error(call: LayerCall) -> float:
    _check_input_and_image_finite(call)
    returned = call.inverse.map_tensors(call.after)
    return float(_relative_errors_by_member(returned, call.before).max())


def _largest_round_trip_error_where_finite(call: LayerCall) -> float | None:
    """Return the largest round-trip error of all finite members that map to finite images.

    The error is None if there are no such members, or if there is not one image for each member.
    """
    finite = make_finite_member_mask(call.before)
    while len(finite) == len(call.before[0]) and finite.any():
        if not finite.all():
            call = call.select_members_without_image(finite.nonzero().flatten()).run()
        finite = make_finite_member_mask(call.after)
        if finite.all():
            return _largest_round_trip_error(call)
    return None


def _relative_spread_over_runs_both_directions(call: LayerCall) -> float:
    """Return the largest relative difference of repeated runs of a layer, and of its inverse.

    An inverse that fails is left out.
    """
    _check_input_and_image_finite(call)
    found = [(call.map_tensors(call.before), call.after) for _ in range(RUNS - 1)]
    with suppress(NotMeasuredError):
        first, *others = (call.inverse.map_tensors(call.after) for _ in range(RUNS))
        found += [(other, first) for other in others]
    return max(float(_relative_errors_by_member(one, other).max()) for one, other in found)


def _repeat_on_slightly_moved_members(
    call: LayerCall, members: list[int], difference_of_repeated_runs: float | None
) -> LayerCall:
    """Repeat a call in float64 on some members, each moved by a small random step to avoid kinks.

    `difference_of_repeated_runs` is the largest relative difference, measured before. Raises
    `NotMeasuredError` if it is above `TOLERANCE`, if the Jacobian is not square, or if the layer
    does not run in float64.
    """
    if (difference_of_repeated_runs or 0.0) > TOLERANCE:
        raise NotMeasuredError("repeated runs on the same input differ")
    _check_input_and_image_finite(call)
    given, returned = map(count_tensor_entries, (call.before, call.after))
    n = len(call.before[0])
    if given != returned or {len(t) for t in (*call.before, *call.after)} != {n}:
        raise NotMeasuredError(f"an input has {given // n} numbers, and its image {returned // n}")
    module = copy_model(call.module).double()
    for part in module.modules():
        # double() does not convert tensors that are neither parameters nor buffers
        own = {name: t for name, t in vars(part).items() if isinstance(t, Tensor)}
        vars(part).update(copy_and_detach_tensors(own, torch.float64))
    selected = call.select_members_without_image(list(dict.fromkeys(members)))
    pattern, before, others = copy_and_detach_tensors(
        (selected.pattern, selected.before, selected.others), torch.float64
    )
    moved = tuple(t + OFFSET * t.abs().max() * torch.randn_like(t) for t in before)
    near = replace(selected, module=module, pattern=pattern, before=moved, others=others)
    try:
        near = near.run()
    except NotMeasuredError as reason:
        raise NotMeasuredError(f"in float64 {reason}") from reason
    if {t.dtype for t in near.after} != {torch.float64}:
        raise NotMeasuredError("the result is not in float64")
    return near


def _member_and_differentiable_image_or_raise_if_dependent(
    call: LayerCall, member: int
) -> tuple[Tensor, Tensor]:
    """Return one member of the batch, and its image with a graph for autograd, as vectors.

    Raises `NotMeasuredError` if the image of another member depends on this member.
    """
    x = torch.cat([t[member].flatten() for t in call.before]).requires_grad_()
    parts = zip(call.before, x.split([t[member].numel() for t in call.before]), strict=True)
    state = [
        torch.cat([t[:member], part.reshape(t[member : member + 1].shape), t[member + 1 :]])
        for t, part in parts
    ]
    after = list_tensors(call.call_and_find_image(tuple(state))[1])
    others = torch.cat([torch.cat([t[:member], t[member + 1 :]]).flatten() for t in after])
    if len(others) and others.requires_grad:
        (leak,) = grad(others, x, torch.randn_like(others), True, allow_unused=True)
        if leak is not None and leak.abs().max() > 0:
            raise NotMeasuredError("the image of a member depends on other members of the batch")
    return x, torch.cat([t[member].flatten() for t in after])


def _finite_jacobian(x: Tensor, y: Tensor) -> Tensor:
    """Return the Jacobian of y as a function of x; raise `NotMeasuredError` if it is not finite."""
    try:
        rows = torch.eye(len(y)).to(y).split(CHUNK)
        J = torch.cat([grad(y, x, some, True, is_grads_batched=True)[0] for some in rows])
    except RuntimeError:  # an operation of the layer does not support batched gradients
        J = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(J).all():
        raise NotMeasuredError("the Jacobian has NaN or inf")
    return J


def _singular_values_first_member_if_large(call: LayerCall, raise_above_rows: int) -> list[Tensor]:
    """List the singular values of the Jacobian at each member, the largest first.

    If the Jacobian has more than `ROWS` rows, list them at the first member only. Raises
    `NotMeasuredError` if it has more than `raise_above_rows` rows, or cannot be computed.
    """
    n = len(call.before[0])
    rows = count_tensor_entries(call.before) // n
    if rows > raise_above_rows:
        raise NotMeasuredError(
            f"the Jacobian has {rows} rows, above the limit of {raise_above_rows}"
        )
    found = []
    try:
        for member in range(n if rows <= ROWS else 1):
            x, y = _member_and_differentiable_image_or_raise_if_dependent(call, member)
            if rows > ROWS:  # gradients are faster if the member is the whole batch
                one = call.select_members_without_image([member])
                x, y = _member_and_differentiable_image_or_raise_if_dependent(one, 0)
            found.append(torch.linalg.svdvals(_finite_jacobian(x, y)))
    except RuntimeError as error:  # autograd raises it for an operation without a derivative
        says = str(error).partition("\n")[0]
        raise NotMeasuredError(f"differentiation fails: {says}") from None
    return found


def _repeatable_log_dets(call: LayerCall) -> Tensor:
    """Return the log-determinants of a call; raise `NotMeasuredError` if a second call differs."""
    x = tuple(t.clone().requires_grad_() for t in call.before)
    first, again = (call.find_own_log_dets(x) for _ in range(2))
    if not torch.allclose(first, again, TOLERANCE, TOLERANCE, equal_nan=True):
        raise NotMeasuredError("repeated runs return different log-determinants")
    return first
