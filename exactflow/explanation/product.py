"""The last step of every explanation of a flow: its layers, multiplied out."""

from collections.abc import Sequence

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.explanation.steps import Step
from exactflow.flows.flow import CouplingFlow

__all__ = ["order_and_flips", "product_step"]


def order_and_flips(
    order: Sequence[int], flips: Sequence[int], field: Domain
) -> dict[str, DomainMatrix]:
    """Return the permutation E and the signs F, where they are not the identity."""
    d, named = len(order), {}
    if list(order) != list(range(d)):
        named["E"] = linalg.identity(d, field).extract(list(order), list(range(d)))
    if flips:
        signs = [-field.one if i in flips else field.one for i in range(d)]
        named["F"] = linalg.diagonal(signs, field)
    return named


def product_step(flow: CouplingFlow, target: DomainMatrix) -> Step:
    """Return the step that says that the product of the layers of `flow` is `target`, M."""
    d, field = flow.dimension, flow.field
    names = [f"l{k}" for k in range(1, flow.depth + 1)]
    values = {
        name: layer.domain_matrix().to_dense() for name, layer in zip(names, flow, strict=True)
    }
    values |= order_and_flips(flow.order or range(d), flow.flips, field)
    left, right = ("E^T ", " E") if flow.order else ("", "")
    right += " F" if flow.flips else ""
    product = " ".join(reversed(names)) or "1"
    why = "The layers, in the order in which data meets them; neighbours of one kind merged."
    return Step(
        "product",
        why if names else "The identity takes no layer.",
        f"{left}{product}{right} = M",
        {"M": target.to_dense()},
        values,
        field,
    )
