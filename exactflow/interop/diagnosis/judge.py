"""The verdicts on all layers and on what is around them: the order of calls, the latents."""

from collections.abc import Iterator

from exactflow.interop.diagnosis.doors import returned
from exactflow.interop.diagnosis.layers import Layer
from exactflow.interop.diagnosis.measures import THIRD, Runs, error_at, growth, raised
from exactflow.interop.diagnosis.passes import Passes
from exactflow.interop.diagnosis.result import Fault, LayerDiagnosis
from exactflow.interop.diagnosis.trace import entries

__all__ = ["judged"]


def judged(runs: Runs) -> tuple[LayerDiagnosis, ...]:
    """Return a diagnosis of each layer, then those of places between layers that are at fault."""
    lost, between = growth(runs)
    total = sum(max(g, 0.0) for g in [*lost, *between]) or 1.0
    layers = [Layer(runs, k).judged(lost[k], total) for k in range(len(runs.now.ahead))]
    return (*layers, *_around(runs, layers, between, total))


def _around(
    runs: Runs, layers: list[LayerDiagnosis], between: list[float], total: float
) -> Iterator[LayerDiagnosis]:
    """Yield what is at fault around the layers: the order of the calls, and what stands between."""

    def place(where: str, fault: Fault, verdict: str, lost: float = 0.0) -> LayerDiagnosis:
        share = max(lost, 0.0) / total
        return LayerDiagnosis(where, "model", None, None, share, None, False, lost, fault, verdict)

    if runs.stuck:
        says = f"in training mode, raises {raised(runs.stuck)}: call model.eval()"
        yield place(runs.stuck.path or "the model", Fault.TRAINING, says)
    run, blamed = runs.calm, {layer.fault for layer in layers}
    own = [failure for failure in (run.failure, runs.now.failure) if failure]
    if own and Fault.FAILS not in blamed and Fault.TRAINING not in blamed:
        yield place("the model", Fault.FAILS, f"its inverse raises {raised(own[0])}")
        return
    if runs.comes_back or run.image is None:
        return
    if run.back and run.pairs is None:
        yield place("the model", *_misordered(run))
        return
    if blamed & {Fault.DROPPED, Fault.RANDOM, Fault.NOT_FINITE, Fault.TRAINING}:
        return  # which explain all that follows
    if entries(run.latents) < run.x.numel():
        left, size = entries(run.latents) // len(run.x), run.x[0].numel()
        yield place("the model", Fault.DROPPED, f"returns {left} numbers for {size}")
    elif drawn := _drawn(runs):
        yield place("the model", Fault.RANDOM, drawn)
    else:
        names = ["x", *(layer.path for layer in layers), "the other end"]
        for k, lost in enumerate(between):
            if lost >= runs.digits * THIRD:
                where = f"between {names[k]} and {names[k + 1]}"
                says = f"the way back does not undo what is done there: {lost:.1f} digits lost"
                yield place(where, Fault.BETWEEN, says, lost)


def _drawn(runs: Runs) -> str | None:
    """Return whether the model draws numbers outside of its layers, as a sentence."""
    run, i = runs.calm, runs.member
    ahead = error_at(returned(run.again_y, run.x.numel()), run.latents, i)
    if ahead > runs.level:
        return f"draws numbers on the way there: two passes differ by {ahead:.1e}"
    if run.image is None or run.again_image is None:
        return None
    back = error_at((run.again_image,), (run.image,), i)
    if back > runs.level:
        return f"draws numbers on the way back: two passes differ by {back:.1e}"
    return None


def _misordered(run: Passes) -> tuple[Fault, str]:
    due = [(call.path, not call.is_ahead) for call in reversed(run.ahead)]
    came = [(call.path, call.is_ahead) for call in run.back]
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
