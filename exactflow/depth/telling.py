"""The answer of `minimal_depth`, told: the layers that there are, and why fewer do not do."""

from collections.abc import Callable
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstruction import Obstruction
from exactflow.exact.flanders import of_one_size
from exactflow.exact.linalg import trace
from exactflow.exact.rounding import decimal_up
from exactflow.explanation import Step
from exactflow.explanation.steps import product_step
from exactflow.flows.flow import CouplingFlow

__all__ = ["certified_step", "depth_steps", "obstruction_step"]

_NOT_DECIDED = (
    "Whether fewer than {upper} layers do is not decided here: no layers were found, and none of "
    "the reasons that are known applies."
)


def obstruction_step(found: Obstruction) -> Step:
    """Return the proof that a pattern is impossible, as a step.

    The values are the blocks of M and of its inverse, in the names of the user, and for a
    difference of traces these.
    """
    exchanged = found.pattern.startswith("L")
    names = "DCBA" if exchanged else "ABCD"
    blocks = dict(zip(names, found.blocks, strict=True))
    blocks |= dict(zip(names.lower(), found.inverse, strict=True))
    text = ["M = blocks(A, B, C, D)", "blocks(a, b, c, d) M = 1"]
    if found.row.is_of_pair and len(found.pattern) == 5:
        text.append(found.named("{C} = 0"))
    if found.kind == "trace" and found.witness == 1:
        D, a = found.blocks.D, found.inverse.A
        blocks |= zip("xy", map(trace, of_one_size(D, a)), strict=True)
        missing = D.shape[0] - a.shape[0]
        ones = [f" + {count}" * (count > 0) for count in (-missing, missing)]
        text.append(found.named(f"tr({{D}}){ones[0]} = x, tr({{a}}){ones[1]} = y, x != y"))
    reference = found.row.theorem
    before = {"M": found.matrix}
    field = found.matrix.domain
    return Step(
        found.kind,
        f"Not {found.word}: {found.explanation()}",
        ", ".join(text),
        before,
        dict(sorted(blocks.items())),
        field,
        reference,
        witness=found.check,
    )


def depth_steps(
    matrix: DomainMatrix, upper: Step, lower: int, obstructions: tuple[Obstruction, ...], most: int
) -> list[Step]:
    """Return the steps of both sides, and one that says what is open, if anything is.

    Parameters
    ----------
    matrix : what the depth is of.
    upper : the step that shows the layers.
    lower, most : the bounds.
    obstructions : why fewer layers than the lower bound do not do.
    """
    steps = [upper, *map(obstruction_step, obstructions)]
    if lower < most:
        why = _NOT_DECIDED.format(upper=most)
        steps.append(Step("not decided", why, "", {"M": matrix}, {}, matrix.domain))
    return steps


def certified_step(
    flow: CouplingFlow, matrix: DomainMatrix, check: Callable[[], bool], error: Any
) -> Step:
    """Return the step that says that four layers exist, near those of a flow.

    Parameters
    ----------
    flow : the layers, rounded to floats.
    matrix : the matrix, over QQ.
    check : what repeats the proof.
    error : the largest entry of the matrix less the flow's.
    """
    rounded = product_step(flow, flow.domain_matrix())
    return Step(
        "four layers",
        "Four layers with positive scales exist (Krawczyk's test, in ball arithmetic); here they "
        f"are, rounded to floats: their product is within {decimal_up(error)} of `M`.",
        "",
        {"M": matrix},
        rounded.after,
        matrix.domain,
        "R. Krawczyk 1969, R. E. Moore 1977: exactflow.depth.scaled.certified",
        witness=check,
    )
