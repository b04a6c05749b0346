"""Round trips of a model, from data or from drawn latents, with the calls of its layers."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import find_model_call, library_of
from exactflow.interop.library import METHODS, OPTIONS, ModelCall
from exactflow.interop.module_tree import copy_model, root_cause_text
from exactflow.interop.tracing import (
    SLOT,
    LayerCall,
    NotMeasuredError,
    Tensors,
    Tracer,
    copy_tensors,
    count_entries,
    find_finite,
    list_tensors,
    run_without_gradients,
)

MOST_ENTRIES = 2**22
"""The most entries of all drawn latents together; larger latents are drawn less often."""


def copy_model_call(model: Any, context: Any, dtype: torch.dtype) -> ModelCall:
    """Return the call of a copy of a model, with the context in a dtype."""
    with torch.no_grad():
        return find_model_call(copy_model(model), copy_tensors(context, dtype))


def make_tracer(call: ModelCall) -> Tracer:
    """Return a tracer of the modules inside a model that can be called in both directions."""
    paths = {id(module): path for path, module in call.steps.items()}
    return Tracer(
        (paths.get(id(module), f"{call.path}.{name}".strip(".")), module, convention)
        for name, module in call.module.named_modules()
        if module is not call.module and (convention := library_of(module).convention(module))
    )


class RoundTrip:
    """A call of a model, then of its inverse on the image, until the inverse fails.

    Raises `NotMeasuredError` if the call itself fails.

    Attributes
    ----------
    whole, calls : the call of the model, and those of its layers.
    back, calls_back : the call of the inverse, None if it fails, and those of the layers.
    failure : why the inverse fails.
    pairs : the calls of each layer in both directions; empty if the inverse does not call the same
        layers in reverse order.
    """

    def __init__(self, start: LayerCall, tracer: Tracer):
        self.back: LayerCall | None = None
        self.calls_back: list[LayerCall] = []
        self.failure: NotMeasuredError | None = None
        with tracer.attached():
            whole, self.calls = trace_call(start, tracer)
            failures: list[tuple[int, NotMeasuredError]] = []
            for pattern in whole.inverse_patterns:
                self.whole = replace(whole, inverse_patterns=(pattern,))
                try:
                    self.back, self.calls_back = trace_call(self.whole.inverse, tracer)
                    break
                except NotMeasuredError as reason:
                    failures.append((tracer.reached, reason))
            else:
                self.whole = replace(whole, inverse_patterns=whole.inverse_patterns[:1])
                self.failure = max(failures, key=lambda failure: failure[0])[1]
        due = [(call.path, not call.is_forward) for call in self.calls]
        is_reverse = due == [(call.path, call.is_forward) for call in self.calls_back[::-1]]
        self.pairs = list(zip(self.calls, self.calls_back[::-1], strict=True)) if is_reverse else []
        for k, (call, back) in enumerate(self.pairs):
            if [t.shape for t in back.before] == [t.shape for t in call.after]:
                self.calls[k] = replace(call, inverse_patterns=(back.pattern,))


class DrawnRoundTrip:
    """Drawn latents, decoded to data; the finite ones are encoded again.

    Attributes
    ----------
    count, lost : the numbers of drawn latents, and of those that do not stay finite.
    first_overflow : the path of the first layer that returns numbers that are not finite, or None.
    calls : the calls of the layers: of decoding, in the order in which data meets them, then of
        encoding.
    before, after : the latents that stay finite, and their images under decoding and encoding.
    """

    def __init__(self, latents: LayerCall, tracer: Tracer):
        with tracer.attached():
            decoded, calls = trace_call(latents, tracer)
            decoded = replace(decoded, inverse_patterns=latents.inverse_patterns)
            self.calls, self.count = calls[::-1], len(decoded.before[0])
            self.first_overflow = find_first_overflow(calls, decoded)
            finite = find_finite(decoded.after)
            data = decoded.inverse.select(finite.nonzero().flatten())
            self.before = tuple(t[finite] for t in decoded.before)
            self.after: Tensors = ()
            if finite.any():
                encoded, calls = trace_call(data, tracer)
                self.calls += calls
                self.first_overflow = self.first_overflow or find_first_overflow(calls, encoded)
                finite = find_finite(encoded.after)
                self.before, self.after = (
                    tuple(t[finite] for t in state) for state in (self.before, encoded.after)
                )
        self.lost = self.count - (len(self.after[0]) if self.after else 0)


def call_on_drawn_latents(trip: RoundTrip, call: ModelCall, count: int) -> LayerCall:
    """Return the call of the inverse on drawn latents, for a model that encodes data."""
    inverse = trip.whole.inverse
    return _draw_latents(call, inverse, trip.whole.after, count)


def call_on_latents_like(call: ModelCall, x: Tensor, count: int) -> LayerCall:
    """Return the call of the inverse on drawn latents of the shape of data, for a model that does
    not encode data.
    """
    return _draw_latents(call, replace(call_on_data(call, x), is_forward=False), (x,), count)


def _draw_latents(call: ModelCall, inverse: LayerCall, like: Tensors, count: int) -> LayerCall:
    """Draw latents from the base of a model, or from a normal distribution without a base.

    Return the call of the inverse on them; conditions are repeated cyclically.
    """
    n = len(like[0])
    count = max(1, min(count, MOST_ENTRIES * n // max(count_entries(like), 1)))
    selected = inverse.select([k % n for k in range(count)])
    if call.draw_latents is None:
        drawn = tuple(torch.randn(count, *t.shape[1:]).to(t) for t in like)
    else:
        try:
            with torch.no_grad():
                drawn = list_tensors(call.draw_latents(count, selected.others[1]))
        except Exception as error:  # a library may raise any error
            raise NotMeasuredError(f"its base raises {root_cause_text(error)}") from error
    shapes = [[tuple(t.shape[1:]) for t in each] for each in (drawn, like)]
    if shapes[0] != shapes[1]:
        raise NotMeasuredError(f"its base draws shapes {shapes[0]} for latents of {shapes[1]}")
    drawn = tuple(t.detach().to(own) for t, own in zip(drawn, like, strict=True))
    return replace(selected, before=drawn, inverse_patterns=inverse.inverse_patterns)


def call_on_data(call: ModelCall, x: Tensor) -> LayerCall:
    """Return the call of a model on data; raise `InvalidInputError` if the model has no inverse."""
    if call.convention is None:
        raise InvalidInputError(
            f"expected a model with an inverse, got {type(call.module).__name__}, which has no "
            f"method {' or '.join(METHODS)} and whose forward has no option {', '.join(OPTIONS)}"
        )
    pattern = [SLOT] if call.convention.is_listed else SLOT
    others = (), dict(call.options)
    return LayerCall(call.path, call.module, call.convention, True, pattern, (x,), others)


def trace_call(call: LayerCall, tracer: Tracer) -> tuple[LayerCall, list[LayerCall]]:
    """Run a call of a model; return it with its image, and the calls of the layers."""
    return run_without_gradients(
        lambda: tracer.trace(lambda: call.with_result(call.call_and_find_image(call.before)[0]))
    )


def find_first_overflow(calls: list[LayerCall], whole: LayerCall) -> str | None:
    """Return the path of the first call that maps finite numbers to others, or None."""
    for call in (*calls, whole):
        if count_overflows(call):
            return call.path or "the model"
    return None


def count_overflows(call: LayerCall) -> int:
    """Count the members of a batch that are finite before a call, and not after it."""
    before, after = find_finite(call.before), find_finite(call.after)
    return int((before & ~after).sum()) if len(before) == len(after) else 0
