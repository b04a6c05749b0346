"""Results: the kind of evidence, one sentence that says what holds, and most often a flow."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import sympy

from exactflow.flows.base import Flow, LayerSequence
from exactflow.flows.evidence import Evidence

DepthScales: TypeAlias = Literal["additive", "positive"]
"""The scales that layers may have where they are counted."""


class Result(ABC):
    """A result has the `evidence` for it, and a sentence, ``str(result)``."""

    evidence: ClassVar[Evidence]

    @abstractmethod
    def __str__(self) -> str:
        """Return the result in one sentence."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(str(self))} [{self.evidence}]</p>"


class FlowResult(Result):
    """A result about a `flow`."""

    if TYPE_CHECKING:  # what is read here is a field of one result and a property of another

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


class MapResult(LayerSequence, FlowResult):
    """A result that maps vectors by its own layers, near its `flow`, as flows do."""

    if TYPE_CHECKING:

        @property
        def partition(self) -> tuple[int, int]:
            """The sizes (p, q) of the halves."""

    @property
    def dimension(self) -> int:
        """The number d = p + q of coordinates."""
        return sum(self.partition)

    @abstractmethod
    def forward(self, x: Any) -> Any:
        """Return the image of a vector of d entries, or of each column."""

    @abstractmethod
    def backward(self, y: Any) -> Any:
        """Return the preimage of a vector of d entries, or of each column."""

    def __call__(self, x: Any) -> Any:
        """Return `forward` of x."""
        return self.forward(x)

    def inverse(self) -> Any:
        """Return the inverse of `flow`, exactly."""
        return self.flow.inverse()

    def log_abs_det(self) -> sympy.Expr:
        """Return ``log|det|`` of `flow`, exactly."""
        return self.flow.log_abs_det()


@dataclass(frozen=True, eq=False, repr=False)
class DepthBounds:
    """The least number of layers: it lies between two bounds, and where they agree it is decided.

    `scales` is "additive" or "positive", the kind of layers that was asked for.
    """

    lower: int
    upper: int
    scales: DepthScales

    @property
    def depth(self) -> int:
        """The upper bound, which layers attain: the least number, where it is decided."""
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
