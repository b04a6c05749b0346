"""Base classes of results, which have a kind of evidence, a sentence and mostly a flow."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import sympy

from exactflow.flows.base import Flow, LayerSequence, VectorMap
from exactflow.flows.evidence import Evidence

DepthScales: TypeAlias = Literal["additive", "positive"]
"""The scales that layers may have where they are counted."""


class Result(ABC):
    """A result with its kind of `evidence`, and a sentence, ``str(result)``."""

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

    if TYPE_CHECKING:  # a field of some subclasses, and a property of others

        @property
        def flow(self) -> Flow:
            """The flow that the result is about."""

    @property
    def depth(self) -> int:
        """The number of coupling layers."""
        return self.flow.depth

    def _repr_html_(self) -> str:
        return f"{super()._repr_html_()}{self.flow._repr_html_()}"

    def _repr_latex_(self) -> str:
        return self.flow._repr_latex_()


class MapResult(LayerSequence, VectorMap, FlowResult):
    """A result that maps vectors by its own layers, which may be rounded layers of its `flow`."""

    def inverse(self) -> Any:
        """Return the inverse of `flow`, exactly."""
        return self.flow.inverse()

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of `flow`, exactly."""
        return self.flow.log_abs_det()


@dataclass(frozen=True, eq=False, repr=False)
class DepthBounds:
    """A lower and an upper bound of the least number of layers.

    `scales` is "additive" or "positive", the kind of the layers.
    """

    lower: int
    upper: int
    scales: DepthScales

    @property
    def depth(self) -> int:
        """The upper bound, which layers attain; the least number, if the bounds agree."""
        return self.upper

    @property
    def is_decided(self) -> bool:
        """Whether the bounds agree."""
        return self.lower == self.upper

    @property
    def summary(self) -> str:
        """The number of layers and their kind, in words."""
        layers = "layer" if self.upper == 1 else "layers"
        kind = (
            f"additive {layers}" if self.scales == "additive" else f"{layers} with positive scales"
        )
        if self.is_decided:
            return f"exactly {self.lower} {kind}"
        return f"from {self.lower} to {self.upper} {kind} (not decided)"
