"""The result of `minimal_depth`: bounds, layers, obstructions, and their explanation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact.assumptions import Assumptions, current_assumptions
from exactflow.exact.exceptional import sort_factors
from exactflow.exact.numbers import format_up
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.flows.display import field_suffix_unless_rational
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout
from exactflow.flows.result import DepthBounds, DepthScales, FlowResult
from exactflow.flows.verification import verify
from exactflow.linear.depth.explanation import (
    obstruction_step,
    rename_clashing_letters,
    shorter_patterns_step,
)
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.factor.problem import Problem

if TYPE_CHECKING:
    from exactflow.linear.depth.scaled.certified import FourLayers


def lower_bound_from_obstructions(obstructions: Sequence[Obstruction]) -> int:
    """Return 1 plus the length of the excluded patterns, or 0 if there are no obstructions."""
    return len(obstructions[0].pattern) + 1 if obstructions else 0


@dataclass(frozen=True, eq=False, repr=False)
class MinimalDepth(DepthBounds, FlowResult):
    """The least number of coupling layers of a matrix, or bounds for it, with proofs.

    Attributes
    ----------
    lower, upper : the bounds, which are equal if the depth is decided.
    scales : the kind of layers, "additive" or "positive".
    depth : the number of layers of `flow`, which is `upper`.
    flow : `upper` layers whose composition equals the matrix.
    obstructions : one for each pattern of lower - 1 layers: two, or one if lower is 1, or none if
        lower is 0. Every product of fewer layers is also a product in one of these patterns. Each
        obstruction has a `check`. The obstructions are about the matrix after the flips of the
        layout, with its coordinates in the order of the layout.
    matrix : the given matrix, with the coordinates that `orientation` appends, if any.
    layout : the partition, the order of the coordinates, and the flips.
    assumptions : the inequalities assumed of the symbols in the matrix.
    """

    flow: CouplingFlow
    obstructions: tuple[Obstruction, ...]
    matrix: DomainMatrix
    layout: CoordinateLayout
    assumptions: Assumptions = field(default_factory=current_assumptions, kw_only=True)
    evidence: ClassVar[Evidence] = Evidence.EXACT

    def __post_init__(self) -> None:
        """Check every obstruction; raise `VerificationError` if a check fails."""
        for found in self.obstructions:
            try:
                found.check()
            except VerificationError as error:
                raise VerificationError(
                    f"{error}: this is a bug, please report the matrix"
                ) from None

    @staticmethod
    def verified(
        layers: Sequence[LinearCoupling],
        problem: Problem,
        scales: DepthScales,
        obstructions: tuple[Obstruction, ...],
    ) -> "MinimalDepth":
        """Return the result with the given layers and obstructions, after checking both.

        `VerificationError` is raised if the product of the layers is not the matrix of the problem,
        or if the check of an obstruction fails.
        """
        target = problem.target.to_dense()
        flow = problem.merge_into_unverified_flow(layers, "depth")
        verify(flow, target)
        lower = lower_bound_from_obstructions(obstructions)
        return MinimalDepth(lower, flow.depth, scales, flow, obstructions, target, problem.layout)

    @cached_property
    def exceptional_polynomials(self) -> tuple[sympy.Expr, ...]:
        """The irreducible polynomials in the symbols whose roots the bounds leave out.

        The bounds hold for all values of the symbols that fulfil the assumptions, and at which none
        of these polynomials vanishes.
        """
        factors = {*self.flow.exceptional_polynomials()}.union(
            *(o.exceptional_polynomials for o in self.obstructions)
        )
        return sort_factors(filter(self.assumptions.may_vanish, factors))

    @property
    def condition_on_symbols(self) -> str:
        """The condition on the symbols under which the bounds hold; "" without symbols."""
        return self.assumptions.format_for_and_unless_clauses(self.exceptional_polynomials)

    def __str__(self) -> str:
        reasons = "; ".join(
            f"not {found.pattern_text}, since {found.reason()}" for found in self.obstructions
        )
        claim = f"{self.summary}{self.condition_on_symbols}"
        return f"{claim}: {reasons}" if reasons else claim

    def _upper_bound_step(self) -> Step:
        return product_step(self.flow, self.matrix)

    def explain(self) -> Explanation:
        """Return the proof of both bounds in steps.

        The first step is the product of the layers. Each obstruction is one step. If the depth is
        not decided, the last step says so.
        """
        kind = "additive layers" if self.scales == "additive" else "layers with positive scales"
        named = field_suffix_unless_rational(self.flow.field, quote="``")
        M = f"`M`{named}{',' * bool(named)}"
        where = self.assumptions.format_for_and_unless_clauses(
            self.exceptional_polynomials, quote="``"
        )
        claim = (
            f"{M} takes {self.summary}{where}."
            if self.is_decided
            else f"{M} is the product of {self.upper} {kind}, and of no fewer than {self.lower}"
            f"{where}."
        )
        claim += self.layout.sentences_if_not_default
        steps = [self._upper_bound_step()]
        for found in self.obstructions:
            step = obstruction_step(found, self.layout, self.matrix)
            steps.append(rename_clashing_letters(step, steps))
        if self.lower > 1:
            steps.append(shorter_patterns_step(self.obstructions[0]))
        if not self.is_decided:
            why = (
                f"Whether fewer than {self.upper} layers suffice is not decided: none were found, "
                "and no known obstruction applies."
            )
            matrix = self.matrix
            steps.append(Step("not decided", why, "", {"M": matrix}, {}, matrix.domain))
        return Explanation.from_steps_after_checking(claim, steps, self, self.evidence)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(str(found))}</li>" for found in self.obstructions)
        reasons = items and f"<ul>{items}</ul>"
        claim = f"<p>{escape(self.summary + self.condition_on_symbols)} [{self.evidence}]</p>"
        return f"{claim}{reasons}{self.flow._repr_html_()}"


@dataclass(frozen=True, eq=False, repr=False)
class CertifiedDepth(MinimalDepth):
    """Four layers with positive scales that are proved to exist; fewer are impossible.

    Attributes
    ----------
    flow : the layers, rounded to float64, or to more bits if float64 does not suffice; the entries
        are dyadic rationals. The product of the rounded layers is a matrix Q near M, not M.
    error : the largest absolute entry of M - Q, as an exact rational. It is less than 2^-20 times
        the largest absolute entry of M.
    existence : the proof that exact layers exist. `existence.check` repeats the proof, and
        `existence.layers` encloses the exact layers in balls.
    """

    error: sympy.Rational
    existence: "FourLayers"
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def summary(self) -> str:
        """The number of layers and their kind, in words."""
        return f"{super().summary} (as floats within {format_up(self.error, 2)})"

    def _upper_bound_step(self) -> Step:
        return Step(
            "four layers",
            "Four layers with positive scales exist (Krawczyk's test, in ball arithmetic); here "
            "they are, rounded to floats: their product is within "
            f"{format_up(self.error, 2)} of `M`.",
            "",
            {"M": self.matrix},
            product_step(self.flow, self.flow.domain_matrix()).after,
            self.matrix.domain,
            "R. Krawczyk 1969, R. E. Moore 1977: exactflow.linear.depth.scaled.certified",
            witness=self.existence.is_valid,
        )
