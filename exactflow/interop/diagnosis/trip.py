"""A model on data and back, and on latents and back, with the calls of its layers."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import library_of, whole_of
from exactflow.interop.library import METHODS, OPTIONS, Whole
from exactflow.interop.models import cause, copy_model
from exactflow.interop.tracing import (
    SLOT,
    Call,
    Tensors,
    Tracer,
    UnknownError,
    are_finite,
    copy_tensors,
    entries,
    tensors,
    without_derivatives,
)

MOST_ENTRIES = 2**22
"""Entries of all latents that are drawn: fewer draws where one has many."""


def called(model: Any, context: Any, dtype: torch.dtype) -> Whole:
    """Return a copy of a model as it is called."""
    with torch.no_grad():
        return whole_of(copy_model(model), copy_tensors(context, dtype))


def tracer_of(whole: Whole) -> Tracer:
    """Return a tracer of the modules of a model that can be called in both directions."""
    paths = {id(module): path for path, module in whole.steps.items()}
    return Tracer(
        (paths.get(id(module), f"{whole.path}.{name}".strip(".")), module, way)
        for name, module in whole.module.named_modules()
        if module is not whole.module and (way := library_of(module).way(module))
    )


class RoundTrip:
    """A call of a model, then its inverse on the image, until an error on the way back.

    Raises `UnknownError` where the call itself fails.

    Attributes
    ----------
    whole, calls : the call of the model, and those of its layers.
    back, came : the call of the inverse, None where it fails, and those of the layers.
    failure : why there is no way back.
    """

    def __init__(self, start: Call, tracer: Tracer):
        self.back: Call | None = None
        self.came: list[Call] = []
        self.failure: UnknownError | None = None
        with tracer.watching():
            whole, self.calls = run_traced(start, tracer)
            failures: list[tuple[int, UnknownError]] = []
            for pattern in whole.patterns:
                self.whole = replace(whole, patterns=(pattern,))
                try:
                    self.back, self.came = run_traced(self.whole.inverse, tracer)
                    break
                except UnknownError as reason:
                    failures.append((tracer.reached, reason))
            else:
                self.whole = replace(whole, patterns=whole.patterns[:1])
                self.failure = max(failures, key=lambda failure: failure[0])[1]
        due = [(call.path, not call.is_ahead) for call in self.calls]
        is_reverse = due == [(call.path, call.is_ahead) for call in self.came[::-1]]
        self.pairs = list(zip(self.calls, self.came[::-1], strict=True)) if is_reverse else []
        for k, (call, back) in enumerate(self.pairs):
            if [t.shape for t in back.before] == [t.shape for t in call.after]:
                self.calls[k] = replace(call, patterns=(back.pattern,))


class DrawnTrip:
    """Latents that are drawn, mapped to data, and those of finite numbers back to latents.

    Attributes
    ----------
    count, lost : how many latents are drawn, and how many do not stay finite.
    broken : the path of the first layer that makes finite numbers into others, None without any.
    calls : the calls of the layers, on the way to data in the order in which data meets them, then
        on the way back.
    before, after : the latents that stay finite, and what they come back as.
    """

    def __init__(self, latents: Call, tracer: Tracer):
        with tracer.watching():
            decoded, came = run_traced(latents, tracer)
            decoded = replace(decoded, patterns=latents.patterns)
            self.calls, self.count = came[::-1], len(decoded.before[0])
            self.broken = first_break(came, decoded)
            kept = are_finite(decoded.after)
            data = decoded.inverse.cut(kept.nonzero().flatten())
            self.before = tuple(t[kept] for t in decoded.before)
            self.after: Tensors = ()
            if kept.any():
                encoded, went = run_traced(data, tracer)
                self.calls += went
                self.broken = self.broken or first_break(went, encoded)
                still = are_finite(encoded.after)
                self.before, self.after = (
                    tuple(t[still] for t in state) for state in (self.before, encoded.after)
                )
        self.lost = self.count - (len(self.after[0]) if self.after else 0)


def latents_of(trip: RoundTrip, called: Whole, count: int) -> Call:
    """Return the call of a model's inverse on latents that are drawn. Conditions are repeated in
    turn.
    """
    image, n = trip.whole.after, len(trip.whole.before[0])
    inverse = trip.whole.inverse
    count = _at_most(count, image)
    latents = inverse.cut([k % n for k in range(count)])
    drawn = _drawn(called, latents, count, image)
    return replace(latents, before=drawn, patterns=inverse.patterns)


def latents_alone(called: Whole, x: Tensor, count: int) -> Call:
    """Return the call of the inverse of a model that maps no data, on latents of their shape."""
    data = of_data(called, x)
    count = _at_most(count, (x,))
    latents = replace(data, is_ahead=False).cut([k % len(x) for k in range(count)])
    return replace(latents, before=_drawn(called, latents, count, (x,)))


def _at_most(count: int, like: Tensors) -> int:
    return max(1, min(count, MOST_ENTRIES * len(like[0]) // max(entries(like), 1)))


def _drawn(called: Whole, latents: Call, count: int, like: Tensors) -> Tensors:
    """Draw latents from the base of a model, from a normal distribution where it has none."""
    if called.draw is None:
        return tuple(torch.randn(count, *t.shape[1:]).to(t) for t in like)
    try:
        with torch.no_grad():
            found = tensors(called.draw(count, latents.rest[1]))
    except Exception as error:  # whatever a library raises
        raise UnknownError(f"its base raises {cause(error)}") from error
    if [t.shape[1:] for t in found] != [t.shape[1:] for t in like]:
        shapes = [[tuple(t.shape[1:]) for t in each] for each in (found, like)]
        raise UnknownError(f"its base draws shapes {shapes[0]} for latents of {shapes[1]}")
    return tuple(t.detach().to(own) for t, own in zip(found, like, strict=True))


def of_data(whole: Whole, x: Tensor) -> Call:
    """Return the call of a model on data."""
    if whole.way is None:
        raise InvalidInputError(
            f"expected a model with an inverse, got {type(whole.module).__name__}, which has no "
            f"method {' or '.join(METHODS)} and whose forward has no option {', '.join(OPTIONS)}"
        )
    pattern = [SLOT] if whole.way.is_listed else SLOT
    rest = (), dict(whole.options)
    return Call(whole.path, whole.module, whole.way, True, pattern, (x,), rest)


def run_traced(call: Call, tracer: Tracer) -> tuple[Call, list[Call]]:
    """Run a call of a model; return it with its image, and the calls of the layers."""
    return without_derivatives(
        lambda: tracer.traced(lambda: call.answered(call.run(call.before)[0]))
    )


def first_break(calls: list[Call], whole: Call) -> str | None:
    """Return the path of the first call that makes finite numbers into others, or None."""
    for call in (*calls, whole):
        if count_breaks(call):
            return call.path or "the model"
    return None


def count_breaks(call: Call) -> int:
    """Count the members of a batch whose numbers are finite before a call alone."""
    before, after = are_finite(call.before), are_finite(call.after)
    return int((before & ~after).sum()) if len(before) == len(after) else 0
