"""What every route tells: the blocks that it starts from, and the product that it ends in."""

from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.typing import Half
from exactflow.explanation import Explanation
from exactflow.explanation.steps import Derivation, note, order_and_flips, product_step
from exactflow.factorization.assembly import without_determinant
from exactflow.factorization.problem import Problem
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import Evidence

__all__ = ["FlowDerivation", "check_dimension", "tell_blocks"]

LARGEST = 64
"""A flow of more coordinates is not multiplied out by schoolbook arithmetic."""


def check_dimension(d: int) -> None:
    """Raise `InvalidInputError` for more coordinates than an explanation is checked on."""
    if d > LARGEST:
        raise InvalidInputError(
            f"expected at most {LARGEST} coordinates, got {d}: an explanation is checked by "
            "schoolbook arithmetic; explain a smaller matrix of the same kind"
        )


def tell_blocks(problem: Problem, exchanged: bool = False, half: Half | None = None) -> None:
    """Tell the blocks of a problem: ``S blocks(A, B, C, D) = E M F E^T``.

    Parameters
    ----------
    exchanged : whether the second half comes first.
    half : whose first row is divided by the determinant; None where the determinant stays.
    """
    p, q = problem.partition
    d, field = p + q, problem.target.domain
    order = list(problem.pose.order)
    said, left, right = [f"Split `M` into halves of {p} and {q} coordinates"], "", ""
    if exchanged:
        order = order[p:] + order[:p]
        said.append("the second half first")
    if order != list(range(d)):
        left, right = "E ", " E^T"
        said.append(f"the coordinates in the order {order}" if d <= 16 else "in another order")
    if problem.pose.flips:
        right = f" F{right}"
        said.append("after coordinate 0 is negated, since `det(M)` < 0")
    divided = half is not None and problem.det != field.one
    if divided:
        said.append("and take the determinant out: one entry of a scale will carry it")

    def values() -> dict[str, DomainMatrix]:
        named = {"M": problem.target.to_dense()} | order_and_flips(order, problem.pose.flips, field)
        blocks = linalg.swap_halves(problem.blocks) if exchanged else problem.blocks
        if divided and half is not None:
            place = 0 if half == "first" else blocks.A.shape[0]
            blocks = without_determinant(blocks, problem.det, half)
            entries = [problem.det if k == place else field.one for k in range(d)]
            named["S"] = linalg.diagonal(entries, field)
        return named | dict(zip("ABCD", blocks, strict=True))

    scale = "S " if divided else ""
    text = f"{scale}blocks(A, B, C, D) = {left}M{right}"
    note("blocks", ", ".join(said) + ".", text, values)


@dataclass(frozen=True)
class FlowDerivation:
    """How `factor` came to a flow: the matrix, and the steps of the route."""

    target: DomainMatrix
    told: Derivation

    def explain(self, flow: CouplingFlow) -> Explanation:
        """Return the explanation of the flow that was derived; it ends in the product.

        Raises `InvalidInputError` for more than 64 coordinates.
        """
        check_dimension(flow.dimension)
        couplings = "one coupling" if flow.depth == 1 else f"{flow.depth} couplings"
        claim = f"M is the product of {couplings}."
        return Explanation.checked(
            claim, [*self.told.steps, product_step(flow, self.target)], flow, Evidence.EXACT
        )
