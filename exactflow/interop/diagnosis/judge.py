"""The verdicts on all layers and on what is around them: the order of calls, the latents."""

from collections.abc import Iterator

from exactflow.interop.diagnosis.jacobian import DENSE, Audit, audit, audit_model, norms
from exactflow.interop.diagnosis.layers import JudgedLayer, raised
from exactflow.interop.diagnosis.modes import REMEDY, unsteady
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import Passes, Runs
from exactflow.interop.diagnosis.values import entries, is_finite

__all__ = ["judged"]

Place = tuple[str, Fault, str, float]
"""Where, what, a sentence, and the digits that are lost there."""

MODEL = "the model"


def judged(runs: Runs) -> tuple[LayerDiagnosis, ...]:
    """Return a diagnosis of each layer, then those of places between layers that are at fault."""
    lost, between = _growth(runs)
    total = sum(max(g, 0.0) for g in [*lost, *between]) or 1.0
    whole = _whole(runs)
    right = whole.is_right if whole else (False, False)
    found = [JudgedLayer(runs, k, gone, total, right).judged() for k, gone in enumerate(lost)]
    around = [
        LayerDiagnosis(where, "model", fault, verdict, max(gone, 0.0) / total, gone)
        for where, fault, verdict, gone in _around(runs, found, between, whole)
    ]
    return (*found, *around)


def _growth(runs: Runs) -> tuple[list[float], list[float]]:
    """Return the digits that each layer, and each place before, between and after, loses."""
    run, pairs = runs.judged, runs.judged.pairs
    if pairs is None or run.back is None or not is_finite(run.ahead.after):
        steps = [
            runs.lost(0.0, runs.error(c.round_trip(), c.before)) if is_finite(c.before) else 0.0
            for c in run.layers
        ]
        return steps, [0.0] * (len(steps) + 1)
    arriving = [runs.error(b.before, a.after) for a, b in pairs]
    leaving = [runs.error(b.after, a.before) for a, b in pairs]
    final = float(run.errors[runs.member])
    return (
        list(map(runs.lost, arriving, leaving)),
        list(map(runs.lost, [*leaving, 0.0], [final, *arriving])),
    )


def _whole(runs: Runs) -> Audit | None:
    """Return the audit of a model that has layers, on the member that is judged."""
    if runs.fine is None or not runs.fine.ahead.inner:
        return None
    call = runs.fine.ahead.of_member(runs.member)
    if not is_finite((*call.before, *call.after)):
        return None
    return audit(call, norms(call) if entries(call.given) <= DENSE else None)


def _around(
    runs: Runs, layers: list[LayerDiagnosis], between: list[float], whole: Audit | None
) -> Iterator[Place]:
    """Yield what is at fault around the layers: the order of the calls, and what stands between."""
    run, blamed = runs.calm, {layer.fault for layer in layers}
    if runs.stuck:
        says = f"in training mode, raises {runs.stuck}: call model.eval()"
        yield runs.stuck.path or MODEL, Fault.TRAINING, says, 0.0
    own = run.failure or runs.now.failure
    if own and not blamed & {Fault.FAILS, Fault.TRAINING}:
        yield MODEL, Fault.FAILS, raised(runs, own), 0.0
    elif runs.comes_back or run.back is None:
        parts = [
            (x.path, x.kind, x.log_det if x.log_det_due is None else x.log_det_due) for x in layers
        ]
        if whole and Fault.DETERMINANT not in blamed and (says := audit_model(whole, parts)):
            yield MODEL, Fault.DETERMINANT, says, 0.0
    elif run.back_layers and run.pairs is None:
        yield MODEL, *_misordered(run), 0.0
    elif blamed & {Fault.DROPPED, Fault.RANDOM, Fault.STATE, Fault.NOT_FINITE, Fault.TRAINING}:
        return  # which explain all that follows
    elif entries(run.ahead.made) < entries(run.x):
        n = len(run.ahead.before[0])
        says = f"returns {entries(run.ahead.made) // n} numbers for {entries(run.x) // n}"
        yield MODEL, Fault.DROPPED, says, 0.0
    elif drawn := unsteady(runs, run.ahead, run.back):
        yield MODEL, *drawn, 0.0
    elif not runs.stuck and (run.errors <= runs.level).all():  # it errs as it stands only
        says = f"in training mode, x does not come back, as it does in eval mode: {REMEDY}"
        yield MODEL, Fault.TRAINING, says, 0.0
    else:
        names = ["x", *(layer.path for layer in layers), "the other end"]
        for k, lost in enumerate(between):
            if lost >= runs.many:
                where = f"between {names[k]} and {names[k + 1]}"
                says = f"the way back does not undo what is done there: {lost:.1f} digits lost"
                yield where, Fault.BETWEEN, says, lost


def _misordered(run: Passes) -> tuple[Fault, str]:
    due = [(call.path, not call.is_ahead) for call in reversed(run.layers)]
    came = [(call.path, call.is_ahead) for call in run.back_layers]
    paths, others = [path for path, _ in due], [path for path, _ in came]
    if paths == others:
        wrong = ", ".join(a[0] for a, b in zip(due, came, strict=True) if a != b)
        says = f"on the way back, runs {wrong} in the same direction as on the way there"
        return Fault.DIRECTION, says
    if sorted(due) == sorted(came):
        first = next((a, b) for a, b in zip(paths, others, strict=True) if a != b)
        return Fault.ORDER, f"on the way back, calls {first[1]} where {first[0]} is due"
    missing = ", ".join(path for path in paths if path not in others)
    extra = ", ".join(path for path in others if path not in paths)
    what = [f"leaves out {missing}"] * bool(missing)
    what += [f"calls {extra}, which it does not on the way there"] * bool(extra)
    what = what or ["calls layers another number of times, or in another direction"]
    return Fault.ORDER, f"on the way back, {' and '.join(what)}"
