"""Round trips of a model, from data or from drawn latents, with the recorded layer calls."""

from dataclasses import replace

import torch
from torch import Tensor

from exactflow.errors import InvalidInputError
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.library import METHODS, OPTIONS, ModelCall
from exactflow.interop.module_tree import root_cause_type_and_message
from exactflow.interop.tracing import (
    SLOT,
    LayerCall,
    NotMeasuredError,
    Tensors,
    Tracer,
    count_tensor_entries,
    list_tensors,
    make_finite_member_mask,
    run_preferably_without_gradients,
)

MOST_ENTRIES = 2**22
"""All drawn latents together have at most this many entries; of larger latents fewer are drawn."""


def make_tracer_of_inner_invertible_modules(call: ModelCall) -> Tracer:
    """Return a tracer of the modules, inside a model, that can be called in both directions."""
    paths = {id(module): path for path, module in call.steps.items()}
    return Tracer(
        (paths.get(id(module), f"{call.path}.{name}".strip(".")), module, convention)
        for name, module in call.module.named_modules()
        if module is not call.module
        and (convention := find_library_or_torch(module).convention(module))
    )


class RoundTrip:
    """A call of a model, and a call of its inverse on the image.

    Raises `NotMeasuredError` if the model fails; an inverse that fails is recorded.

    Attributes
    ----------
    whole, calls : the call of the model, and the calls of its layers.
    back, calls_back : the call of the inverse, or None if it fails; and the calls of the layers
        during this call.
    failure : the reason why the inverse fails; None if it runs.
    pairs : the two calls of each layer, as pairs; empty if the inverse does not call the same
        layers in reverse order.
    """

    def __init__(self, start: LayerCall, tracer: Tracer):
        self.back: LayerCall | None = None
        self.calls_back: list[LayerCall] = []
        self.failure: NotMeasuredError | None = None
        whole, self.calls = run_and_trace(start, tracer)
        failures: list[tuple[int, NotMeasuredError]] = []
        for pattern in whole.inverse_patterns:
            self.whole = replace(whole, inverse_patterns=(pattern,))
            try:
                self.back, self.calls_back = run_and_trace(self.whole.inverse, tracer)
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


def prepare_inverse_on_draws(
    call: ModelCall, inverse: LayerCall, latents_like: Tensors, most_draws: int
) -> LayerCall:
    """Return the call of the inverse, not run yet, on at most `most_draws` drawn latents.

    Each latent has the shape of a member of `latents_like`. Latents are drawn from the base of the
    model, or from a normal distribution if the model has no base. Conditions are repeated
    cyclically.
    """
    n = len(latents_like[0])
    count = max(1, min(most_draws, MOST_ENTRIES * n // max(count_tensor_entries(latents_like), 1)))
    selected = inverse.select_members_without_image([k % n for k in range(count)])
    if call.draw_latents is None:
        drawn = tuple(torch.randn(count, *t.shape[1:]).to(t) for t in latents_like)
    else:
        try:
            with torch.no_grad():
                drawn = list_tensors(call.draw_latents(count, selected.others[1]))
        except Exception as error:  # a library may raise any error
            raise NotMeasuredError(
                f"the base raises {root_cause_type_and_message(error)}"
            ) from error
    shapes = [[tuple(t.shape[1:]) for t in each] for each in (drawn, latents_like)]
    if shapes[0] != shapes[1]:
        raise NotMeasuredError(
            f"the base draws latents of shapes {shapes[0]}, but the model needs shapes {shapes[1]}"
        )
    drawn = tuple(t.detach().to(own) for t, own in zip(drawn, latents_like, strict=True))
    return replace(selected, before=drawn, inverse_patterns=inverse.inverse_patterns)


def prepare_call_on_data(call: ModelCall, x: Tensor) -> LayerCall:
    """Return the call of a model on data, not run yet.

    Raises `InvalidInputError` if the model has no inverse.
    """
    if call.convention is None:
        raise InvalidInputError(
            f"expected a model with an inverse, got {type(call.module).__name__}: give it a method "
            f"{' or '.join(METHODS)}, or its method forward a boolean option named "
            f"{' or '.join(OPTIONS)}"
        )
    pattern = [SLOT] if call.convention.is_listed else SLOT
    others = (), dict(call.options)
    return LayerCall(call.path, call.module, call.convention, True, pattern, (x,), others)


def run_and_trace(call: LayerCall, tracer: Tracer) -> tuple[LayerCall, list[LayerCall]]:
    """Run a call of a model; return the call with its image, and the calls of the layers."""
    return run_preferably_without_gradients(lambda: tracer.trace(call.run))


def find_first_newly_nonfinite_path(calls: list[LayerCall], whole: LayerCall) -> str | None:
    """Return the path of the first call that maps finite numbers to NaN or inf; else None."""
    for call in (*calls, whole):
        if count_newly_nonfinite_members(call):
            return call.path or "the model"
    return None


def count_newly_nonfinite_members(call: LayerCall) -> int:
    """Count the members of a batch that a call maps from finite numbers to NaN or inf."""
    before, after = make_finite_member_mask(call.before), make_finite_member_mask(call.after)
    return int((before & ~after).sum()) if len(before) == len(after) else 0
