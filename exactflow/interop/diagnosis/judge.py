"""The verdicts on all layers and on what is around them: the order of calls, the latents."""

from collections.abc import Iterator

from exactflow.interop.diagnosis.determinants import audit_model, right
from exactflow.interop.diagnosis.jacobian import DENSE, Norms, norms
from exactflow.interop.diagnosis.layers import JudgedLayer, raised
from exactflow.interop.diagnosis.modes import REMEDY, unsteady
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import THIRD, Passes, Runs, growth
from exactflow.interop.diagnosis.trace import Call
from exactflow.interop.diagnosis.values import entries, is_finite

__all__ = ["judged"]


def judged(runs: Runs) -> tuple[LayerDiagnosis, ...]:
    """Return a diagnosis of each layer, then those of places between layers that are at fault."""
    lost, between = growth(runs)
    total = sum(max(g, 0.0) for g in [*lost, *between]) or 1.0
    whole = _whole(runs)
    is_right = right(*whole) if whole else (False, False)
    found = [JudgedLayer(runs, k, gone, total).judged(is_right) for k, gone in enumerate(lost)]
    around = [
        LayerDiagnosis(
            path=where,
            kind="model",
            share=max(gone, 0.0) / total,
            digits_lost=gone,
            fault=fault,
            verdict=verdict,
        )
        for where, fault, verdict, gone in _around(runs, found, between, whole)
    ]
    return (*found, *around)


Place = tuple[str, Fault, str, float]
"""Where, what, a sentence, and the digits that are lost there."""


Whole = tuple[Call, Norms | None] | None
"""The call of a model that has layers on one point in float64, and the norms of its Jacobian."""


def _whole(runs: Runs) -> Whole:
    if runs.fine is None or not runs.fine.ahead.inner:
        return None
    call = runs.fine.ahead.of_member(runs.member)
    if not is_finite((*call.before, *call.after)):
        return None
    return call, norms(call) if entries(call.given) <= DENSE else None


def _around(
    runs: Runs, layers: list[LayerDiagnosis], between: list[float], whole: Whole
) -> Iterator[Place]:
    """Yield what is at fault around the layers: the order of the calls, and what stands between."""
    model, run, blamed = "the model", runs.calm, {layer.fault for layer in layers}
    if runs.stuck:
        says = f"in training mode, raises {runs.stuck}: call model.eval()"
        yield runs.stuck.path or model, Fault.TRAINING, says, 0.0
    own = [failure for failure in (run.failure, runs.now.failure) if failure]
    if own and Fault.FAILS not in blamed and Fault.TRAINING not in blamed:
        yield model, Fault.FAILS, raised(runs, own[0]), 0.0
        return
    if runs.comes_back or run.back is None:
        parts = [(x.path, x.kind, x.log_det_share) for x in layers]
        if whole and Fault.DETERMINANT not in blamed and (says := audit_model(*whole, parts)):
            yield model, Fault.DETERMINANT, says, 0.0
        return
    if run.back_layers and run.pairs is None:
        yield model, *_misordered(run), 0.0
        return
    if blamed & {Fault.DROPPED, Fault.RANDOM, Fault.STATE, Fault.NOT_FINITE, Fault.TRAINING}:
        return  # which explain all that follows
    if entries(run.ahead.made) < entries(run.x):
        left, size = (
            entries(value) // len(run.ahead.before[0]) for value in (run.ahead.made, run.x)
        )
        yield model, Fault.DROPPED, f"returns {left} numbers for {size}", 0.0
    elif drawn := unsteady(runs, run.ahead, run.back):
        yield model, *drawn, 0.0
    elif (
        not runs.stuck and (run.errors <= runs.level).all()
    ):  # so that it is the model as it stands that errs
        says = f"in training mode, x does not come back, as it does in eval mode: {REMEDY}"
        yield model, Fault.TRAINING, says, 0.0
    else:
        names = ["x", *(layer.path for layer in layers), "the other end"]
        for k, lost in enumerate(between):
            if lost >= runs.digits * THIRD:
                where = f"between {names[k]} and {names[k + 1]}"
                says = f"the way back does not undo what is done there: {lost:.1f} digits lost"
                yield where, Fault.BETWEEN, says, lost


def _misordered(run: Passes) -> tuple[Fault, str]:
    due = [(call.path, not call.is_ahead) for call in reversed(run.layers)]
    came = [(call.path, call.is_ahead) for call in run.back_layers]
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
