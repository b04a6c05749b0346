"""Passes that differ: training mode, numbers that are drawn anew, and state that changes.

All are found by what modules do. Training mode is at fault where the same module, in eval mode,
does well on the same tensors. Two passes that differ have drawn numbers if they differ on fresh
copies of the module, too; else what the module keeps has changed.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from exactflow.interop.diagnosis.result import Fault
from exactflow.interop.diagnosis.runs import Runs
from exactflow.interop.diagnosis.trace import Call, parts, twin
from exactflow.interop.diagnosis.values import State, entries, is_finite, relative

__all__ = ["REMEDY", "training", "unsteady"]

REMEDY = "call model.eval() before both directions"
TRIES = 8
"""How often a pass is repeated: numbers may be drawn, and used, rarely."""


def training(runs: Runs, now: Call, calm: Call) -> tuple[Fault, str] | None:
    """Return what training mode does to a layer that does well in eval mode, with a sentence."""
    if now.module is calm.module or not any(part.training for part in now.module.modules()):
        return None
    if (same := calm.moved(now.before)) is None:
        return None
    trip, calm_trip = (_apart(call.round_trip(), call.before) for call in (now, same))
    if runs.matters(again := _unlike(now)) and not runs.matters(_unlike(same)):
        verb = "draws anew" if _is_drawn(now) else "changes"
        says = f"{verb} at each pass, and two passes differ by {again:.1e}"
    elif runs.matters(other := _mixed(now)) and not runs.matters(_mixed(same)):
        says = f"depends on the batch, and differs by {other:.1e} where other members do"
    elif not runs.comes_back and runs.matters(trip) and not runs.matters(calm_trip):
        says = "does not undo what it did, as it does in eval mode"
    else:
        return None
    names = list(_culprits(now)) or [type(now.module).__name__]
    return Fault.TRAINING, f"{', '.join(names)} in training mode {says}: {REMEDY}"


def unsteady(runs: Runs, ahead: Call, back: Call | None) -> tuple[Fault, str] | None:
    """Return what differs between passes of a layer, with a sentence."""
    for call, whose in ((ahead, ""), (back, "its inverse ")):
        if call is None or not is_finite(call.after):
            continue
        differ = _unlike(call)
        if not runs.matters(differ):
            continue
        says = f": two passes differ by {differ:.1e}"
        if not _is_drawn(call):
            kept = ", ".join(_changed(runs, call)) or "something that it keeps"
            return Fault.STATE, f"{kept} changes from pass to pass{says}"
        is_filled = call is back and entries(ahead.made) < entries(ahead.given)
        return (
            Fault.RANDOM,
            f"{whose}draws {'anew what it dropped' if is_filled else 'numbers'}{says}",
        )
    return None


def _unlike(call: Call) -> float:
    """Return how much passes of a layer on the same tensors differ from the first, at most."""
    return max(_apart(call.mapped(call.before), call.after) for _ in range(TRIES))


def _is_drawn(call: Call) -> bool:
    """Return whether passes differ on fresh copies of the layer."""
    first, *others = (_outcome(call.on(twin(call.module))) for _ in range(TRIES))
    return any(_apart(first, other) > 0 for other in others)


def _mixed(call: Call) -> float:
    """Return how much the image of the first member changes where the other members do."""
    if any(len(tensor) < 2 for tensor in (*call.before, *call.after)):
        return 0.0
    others = call.mapped(tuple(torch.cat([t[:1], 1.5 * t[1:]]) for t in call.before))
    return float(relative(others, call.after)[0]) if others else 0.0


def _culprits(now: Call) -> Iterator[str]:
    """Yield the parts of a layer whose training mode alone changes what the layer does."""
    module = twin(now.module)
    modes = {name: part.training for name, part in module.named_modules()}
    call = now.on(module.eval())
    for name, part in module.named_modules():
        if modes[name]:
            calm, part.training = _outcome(call), True
            if any(_apart(_outcome(call), calm) > 0 for _ in range(TRIES)):
                kind = type(part).__name__
                yield f"{now.path}.{name} ({kind})".lstrip(".") if name else kind
            part.training = False


def _changed(runs: Runs, call: Call) -> list[str]:
    """Return the names of tensors that a layer keeps, and that runs have changed."""
    old, new = parts(runs.whole)[call.path].state_dict(), call.module.state_dict()
    kept = [name for name in old if isinstance(old[name], Tensor) and name in new]
    return [name for name in kept if not torch.equal(old[name], new[name])][:3]


def _outcome(call: Call) -> State:
    """Return what a layer does ahead and back; nothing for a direction that raises an error."""
    found = (*call.mapped(call.before), *call.mapped(call.after, False))
    return tuple(torch.nan_to_num(t) for t in found)


def _apart(found: State, wanted: State) -> float:
    """Return the largest error of all members of the batch."""
    return math.inf if len(found) != len(wanted) else float(relative(found, wanted).max())
