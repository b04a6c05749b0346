"""The answer of `minimal_depth`: bounds, the layers, and the reasons, told as steps, too."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, ClassVar

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact.assumptions import Assumptions, assumed
from exactflow.exact.exceptional import in_order
from exactflow.exact.rounding import decimal_up
from exactflow.exact.typing import DepthScales
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import order_and_flip_matrices, product_step
from exactflow.explanation.symbolic_identities import Identity
from exactflow.flows.display import field_suffix
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout
from exactflow.flows.result import DepthBounds, FlowResult
from exactflow.flows.verification import verify
from exactflow.linear.depth.multipliers import tell_multipliers
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.word import patterns
from exactflow.linear.factor.problem import Problem

if TYPE_CHECKING:
    from exactflow.linear.depth.scaled.certified import FourLayers


def lower_bound(obstructions: Sequence[Obstruction]) -> int:
    """Number of layers that are needed since both patterns of one less are excluded; 0 for none."""
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
        is zero); fewer layers are contained in these patterns. Each has a `check`. They are about
        the matrix in the order of coordinates of the layers, after the flips of the layout.
    matrix, layout : what was asked about, with its pads if any, and how it is posed to the layers.
    assumptions : what was assumed of the symbols in the matrix.
    """

    flow: CouplingFlow
    obstructions: tuple[Obstruction, ...]
    matrix: DomainMatrix
    layout: CoordinateLayout
    assumptions: Assumptions = field(default_factory=assumed, kw_only=True)
    evidence: ClassVar[Evidence] = Evidence.EXACT

    def __post_init__(self) -> None:
        """Check every obstruction, or raise `VerificationError`."""
        for found in self.obstructions:
            if not found.is_valid():
                raise VerificationError(
                    f"the proof against {found.word} fails its check: please report this matrix"
                )

    @staticmethod
    def verified(
        layers: Sequence[LinearCoupling],
        problem: Problem,
        scales: DepthScales,
        obstructions: tuple[Obstruction, ...],
    ) -> "MinimalDepth":
        """Verify layers against the matrix of a problem, and join them with what excludes fewer."""
        target, flow = problem.target.to_dense(), problem.flow(layers, "depth")
        if flow.depth:
            verify(flow, target)
        lower = lower_bound(obstructions)
        return MinimalDepth(lower, flow.depth, scales, flow, obstructions, target, problem.layout)

    @cached_property
    def exceptional(self) -> tuple[sympy.Expr, ...]:
        """The irreducible polynomials whose roots the symbols of the matrix must avoid: at all
        other values that fulfil the assumptions the bounds hold. There are none without symbols.
        """
        factors = {*self.flow.exceptional()}.union(*(o.exceptional for o in self.obstructions))
        return in_order(filter(self.assumptions.may_vanish, factors))

    @property
    def where(self) -> str:
        """For which values of the symbols the bounds hold, in words; empty without symbols."""
        return self.assumptions.where(self.exceptional)

    def __str__(self) -> str:
        reasons = "; ".join(
            f"not {found.word}, since {found.reason()}" for found in self.obstructions
        )
        claim = f"{self.summary}{self.where}"
        return f"{claim}: {reasons}" if reasons else claim

    def _upper_step(self) -> Step:
        return product_step(self.flow, self.matrix)

    def explain(self) -> Explanation:
        """Return both sides as steps: the layers, and for each shorter pattern the proof that it is
        impossible. What is not decided is a step, too.
        """
        kind = "additive layers" if self.scales == "additive" else "layers with positive scales"
        named = field_suffix(self.flow.field, quote="``")
        M = f"`M`{named}{',' * bool(named)}"
        where = self.assumptions.where(self.exceptional, quote="``")
        claim = (
            f"{M} takes {self.summary}{where}."
            if self.is_decided
            else f"{M} is the product of {self.upper} {kind}, and of no fewer than {self.lower}"
            f"{where}."
        )
        claim += self.layout.sentence
        steps = [self._upper_step()]
        for found in self.obstructions:
            steps.append(_apart(obstruction_step(found, self), steps))
        if self.lower > 1:
            steps.append(_shorter_step(self.obstructions[0]))
        if not self.is_decided:
            why = (
                f"Whether fewer than {self.upper} layers do is not decided here: no layers were "
                "found, and none of the reasons that are known applies."
            )
            matrix = self.matrix
            steps.append(Step("not decided", why, "", {"M": matrix}, {}, matrix.domain))
        return Explanation.verify(claim, steps, self, self.evidence)

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{escape(str(found))}</li>" for found in self.obstructions)
        reasons = items and f"<ul>{items}</ul>"
        claim = f"<p>{escape(self.summary + self.where)} [{self.evidence}]</p>"
        return f"{claim}{reasons}{self.flow._repr_html_()}"


@dataclass(frozen=True, eq=False, repr=False)
class CertifiedDepth(MinimalDepth):
    """Four layers with positive scales that are proved to exist, where fewer are impossible.

    Attributes
    ----------
    flow : the layers rounded to float64, as the dyadic rationals that these floats are, or rounded
        to more bits where float64 is not enough. It equals its own product Q, not the matrix.
    error : the largest absolute entry of M - Q, an exact rational, less than 2^-20 of that of M.
    existence : the proof; its `check` repeats it, its `layers` enclose the true layers in balls.
    """

    error: sympy.Rational
    existence: "FourLayers"
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def summary(self) -> str:
        """The number of layers and their kind, in words."""
        return f"{super().summary} (as floats within {decimal_up(self.error)})"

    def _upper_step(self) -> Step:
        return Step(
            "four layers",
            "Four layers with positive scales exist (Krawczyk's test, in ball arithmetic); here "
            "they are, rounded to floats: their product is within "
            f"{decimal_up(self.error)} of `M`.",
            "",
            {"M": self.matrix},
            product_step(self.flow, self.flow.domain_matrix()).after,
            self.matrix.domain,
            "R. Krawczyk 1969, R. E. Moore 1977: exactflow.linear.depth.scaled.certified",
            witness=self.existence.is_valid,
        )


def _apart(step: Step, before: Sequence[Step]) -> Step:
    """Return a step whose new values have primes where steps before use their letters."""
    known = {name: value for other in before for name, value in other.after.items()}
    names = {name: f"{name}'" for name, x in step.after.items() if known.get(name, x) != x}
    return step.rename(names)


_ADDITIVE = "U(X) U(Y) = U(X + Y), L(X) L(Y) = L(X + Y), U(0) = I, L(0) = I"
_SCALED = (
    "diag(S, I) U(X) diag(T, I) U(Y) = diag(S T, I) U(T^-1 X + Y), "
    "diag(I, S) L(X) diag(I, T) L(Y) = diag(I, S T) L(T^-1 X + Y), U(0) = I, L(0) = I"
)


def _shorter_step(found: Obstruction) -> Step:
    """Return the reason why it is enough to exclude the two patterns of one length."""
    length, (first, second) = len(found.pattern), patterns(len(found.pattern))
    letters = "one letter" if length == 1 else f"{length} letters"
    text = _ADDITIVE if found.scales == "additive" else _SCALED
    values, ring = Identity("shorter words", "", "", text).define()
    why = (
        "Two neighbours of one kind are one layer, so that the layers of a shortest product "
        f"alternate. A layer may be `I`. So every product of at most {letters} is one of {first} "
        f"or {second}, which are both excluded, and fewer than {length + 1} layers are impossible."
    )
    return Step("shorter words", why, text, values, {}, ring)


def obstruction_step(found: Obstruction, answer: MinimalDepth | None = None) -> Step:
    """Return the proof that a pattern is impossible, as a step.

    The values are the blocks of M and of its inverse, in the names of the user. Where the layout of
    an answer counts, the blocks are those of N = E M F E^T, E being the order of coordinates and F
    the flips.
    """
    exchanged = found.pattern.startswith("L")
    names = "DCBA" if exchanged else "ABCD"
    blocks = dict(zip(names, found.blocks, strict=True))
    blocks |= dict(zip(names.lower(), found.inverse, strict=True))
    layout = (
        answer.layout
        if answer
        else CoordinateLayout(found.partition, tuple(range(sum(found.partition))))
    )
    field = found.matrix.domain
    posed = order_and_flip_matrices(layout.order, layout.flips, field)
    left, right = ("E ", " E^T") if "E" in posed else ("", "")
    right = " F" * ("F" in posed) + right
    name = "N" if posed else "M"
    text = [f"N = {left}M{right}"] * bool(posed)
    text += [f"{name} = blocks(A, B, C, D)", f"blocks(a, b, c, d) {name} = I"]
    if found.row.is_of_pair and len(found.pattern) == 5:
        text.append(found.named("{C} = 0"))
    if found.kind == "trace" and found.witness == 1:
        missing = found.blocks.D.shape[0] - found.inverse.A.shape[0]
        ones = [f" + {count}" * (count > 0) for count in (-missing, missing)]
        text.append(found.named(f"tr({{D}}){ones[0]} != tr({{a}}){ones[1]}"))
    if found.kind == "linear":
        identities, values = tell_multipliers(found, blocks)
        text += identities
        blocks |= values
    return Step(
        found.kind,
        found.sentences(name=name),
        ", ".join(text),
        {"M": answer.matrix if answer else found.matrix},
        dict(sorted(blocks.items())) | posed | ({"N": found.matrix} if posed else {}),
        field,
        found.row.theorem,
        witness=found.is_valid,
        proved=found.row.proved,
    )
