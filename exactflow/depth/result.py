"""The answer of `minimal_depth`: bounds, the layers, and the reasons."""

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, ClassVar

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstruction import Obstruction
from exactflow.depth.telling import certified_step, depth_steps
from exactflow.exact.rounding import decimal_up
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import DepthBounds, Evidence, Result

if TYPE_CHECKING:
    from exactflow.depth.scaled.certified import FourLayers

__all__ = ["CertifiedDepth", "MinimalDepth"]


@dataclass(frozen=True, eq=False, repr=False)
class MinimalDepth(DepthBounds, Result):
    """The least number of coupling layers of a matrix, with both witnesses.

    Attributes
    ----------
    lower, upper, scales : the bounds, which agree where it is decided, and the kind of layers that
        was asked for. `depth` is the upper bound, which the flow attains.
    flow : `upper` layers whose composition equals the matrix.
    obstructions : one for each of the patterns of lower - 1 layers (there are two, or one if that
        is zero); fewer layers are contained in these patterns. Each has a `check`.
    """

    flow: CouplingFlow
    obstructions: tuple[Obstruction, ...]
    evidence: ClassVar[Evidence] = Evidence.EXACT

    def __str__(self) -> str:
        reasons = "; ".join(
            f"not {found.word}, since {found.reason()}" for found in self.obstructions
        )
        return f"{self.count}: {reasons}" if reasons else self.count

    @property
    def _matrix(self) -> DomainMatrix:
        return self.flow.domain_matrix().to_dense()

    def _upper_step(self) -> Step:
        return product_step(self.flow, self._matrix)

    def explain(self) -> Explanation:
        """Return both sides as steps: the layers, and for each shorter pattern the proof that it is
        impossible. What is not decided is a step, too.
        """
        kind = "additive layers" if self.scales == "additive" else "layers with positive scales"
        claim = (
            f"M takes {self.count}."
            if self.is_decided
            else f"M is the product of {self.upper} {kind}, and of no fewer than {self.lower}."
        )
        upper = self._upper_step()
        steps = depth_steps(self._matrix, upper, self.lower, self.obstructions, self.upper)
        return Explanation.checked(claim, steps, self, self.evidence)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(str(found))}</li>" for found in self.obstructions)
        reasons = items and f"<ul>{items}</ul>"
        return f"<p>{self.count} [{self.evidence}]</p>{reasons}{self.flow._repr_html_()}"


@dataclass(frozen=True, eq=False, repr=False)
class CertifiedDepth(MinimalDepth):
    """Four layers with positive scales that are proved to exist, where fewer are impossible.

    Attributes
    ----------
    flow : the layers rounded to float64, as the dyadic rationals that these floats are. It equals
        its own product Q, not the matrix.
    error : the largest absolute entry of M - Q, an exact rational.
    existence : the proof; its `check` repeats it, its `layers` enclose the true layers in balls.
    """

    error: sympy.Rational
    existence: "FourLayers"
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def count(self) -> str:
        """The number of layers and their kind, in words."""
        return f"{super().count} (as floats within {decimal_up(self.error)})"

    @property
    def _matrix(self) -> DomainMatrix:
        return self.existence.matrix

    def _upper_step(self) -> Step:
        return certified_step(self.flow, self._matrix, self.existence.check, self.error)
