"""The answer of `minimal_depth`: bounds, the layers, and the reasons, told as steps, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, ClassVar

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.flanders import of_one_size
from exactflow.exact.linalg import trace
from exactflow.exact.rounding import decimal_up
from exactflow.exact.typing import DepthScales
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import DepthBounds, Evidence, FlowResult
from exactflow.flows.verification import verify
from exactflow.linear.depth.obstruction import Obstruction

if TYPE_CHECKING:
    from exactflow.linear.depth.scaled.certified import FourLayers

__all__ = ["CertifiedDepth", "MinimalDepth", "lower_bound", "obstruction_step"]


def lower_bound(obstructions: Sequence[Obstruction]) -> int:
    """Return how many layers are needed if both patterns of one less are excluded, 0 for none."""
    return len(obstructions[0].pattern) + 1 if obstructions else 0


@dataclass(frozen=True, eq=False, repr=False)
class MinimalDepth(DepthBounds, FlowResult):
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

    @staticmethod
    def verified(
        flow: CouplingFlow,
        matrix: DomainMatrix,
        scales: DepthScales,
        obstructions: tuple[Obstruction, ...],
    ) -> "MinimalDepth":
        """Return the answer with a flow, which is verified, and what excludes fewer layers.

        Parameters
        ----------
        flow, matrix : what is to compose to what.
        scales, obstructions : the kind of layers, and why fewer do not do.
        """
        if flow.depth:
            verify(flow, matrix)
        return MinimalDepth(lower_bound(obstructions), flow.depth, scales, flow, obstructions)

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
        steps = [self._upper_step(), *map(obstruction_step, self.obstructions)]
        if not self.is_decided:
            why = (
                f"Whether fewer than {self.upper} layers do is not decided here: no layers were "
                "found, and none of the reasons that are known applies."
            )
            M = self._matrix
            steps.append(Step("not decided", why, "", {"M": M}, {}, M.domain))
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
        return Step(
            "four layers",
            "Four layers with positive scales exist (Krawczyk's test, in ball arithmetic); here "
            "they are, rounded to floats: their product is within "
            f"{decimal_up(self.error)} of `M`.",
            "",
            {"M": self._matrix},
            product_step(self.flow, self.flow.domain_matrix()).after,
            self._matrix.domain,
            "R. Krawczyk 1969, R. E. Moore 1977: exactflow.linear.depth.scaled.certified",
            witness=self.existence.check,
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
    return Step(
        found.kind,
        f"Not {found.word}: {found.explanation()}",
        ", ".join(text),
        {"M": found.matrix},
        dict(sorted(blocks.items())),
        found.matrix.domain,
        found.row.theorem,
        witness=found.check,
    )
