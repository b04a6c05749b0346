"""Base classes of results: each has a kind of evidence and a sentence, and most have a flow."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import sympy

from exactflow.flows.base import Flow, LayerSequence, VectorMap, refusing_points
from exactflow.flows.evidence import Evidence

DepthScales: TypeAlias = Literal["additive", "positive"]
"""The scales that layers may have when the least number of layers is sought."""


class Result(ABC):
    """A result with a kind of `evidence`; ``str(result)`` is a sentence that states the result."""

    evidence: ClassVar[Evidence]

    @abstractmethod
    def __str__(self) -> str:
        """Return a sentence that states the result."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))} [{self.evidence}]</p>"


class FlowResult(Result):
    """A result about a `flow`."""

    # Some subclasses define `flow` as a field, others as a property.
    if TYPE_CHECKING:

        @property
        def flow(self) -> Flow:
            """The flow that the result is about."""

    @property
    def depth(self) -> int:
        """The number of coupling layers of the flow."""
        return self.flow.depth

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}{self.flow._repr_html_()}"

    def _repr_latex_(self) -> str:
        return self.flow._repr_latex_()


class MapResult(LayerSequence, VectorMap, FlowResult):
    """A result that maps vectors by its own `layers`, the exact or rounded layers of `flow`."""

    @refusing_points
    def inverse(self) -> Any:
        """Return the exact inverse of `flow`."""
        return self.flow.inverse()

    def log_abs_det(self) -> sympy.Expr:
        """Return the exact ``log|det|`` of `flow`."""
        return self.flow.log_abs_det()


@dataclass(frozen=True, eq=False, repr=False)
class DepthBounds:
    """A lower and an upper bound for the least number of layers of a given kind.

    `scales` is the kind of the layers, "additive" or "positive".
    """

    lower: int
    upper: int
    scales: DepthScales

    @property
    def is_decided(self) -> bool:
        """Whether the two bounds are equal, so that the least number is known."""
        return self.lower == self.upper

    @property
    def summary(self) -> str:
        """The bounds and the kind of the layers, as in "exactly 4 additive layers"."""
        layers = "layer" if self.upper == 1 else "layers"
        kind = (
            f"additive {layers}" if self.scales == "additive" else f"{layers} with positive scales"
        )
        if self.is_decided:
            return f"exactly {self.lower} {kind}"
        return f"from {self.lower} to {self.upper} {kind} (not decided)"
