"""The answer of `minimal_depth`: bounds, the layers, and the reasons."""

from dataclasses import dataclass

from exactflow.depth.obstructions import Obstruction
from exactflow.flows.flow import CouplingFlow

__all__ = ["MinimalDepth"]


@dataclass(frozen=True, eq=False, repr=False)
class MinimalDepth:
    """The least number of coupling layers of a matrix, with both witnesses.

    Attributes
    ----------
    lower, upper : the least number lies between them; where they are equal, it is decided.
    flow : `upper` layers whose composition equals the matrix.
    obstructions : one for each of the patterns of lower - 1 layers (there are two, or one if that
        is zero); fewer layers are contained in these patterns. Each has a `check`.
    scales : "additive" or "positive", the kind of layers that was asked for.
    """

    lower: int
    upper: int
    flow: CouplingFlow
    obstructions: tuple[Obstruction, ...]
    scales: str

    @property
    def is_decided(self) -> bool:
        """Whether the bounds agree."""
        return self.lower == self.upper

    def __str__(self) -> str:
        kind = "additive layers" if self.scales == "additive" else "layers with positive scales"
        if self.is_decided:
            head = f"exactly {self.lower} {kind}"
        else:
            head = f"from {self.lower} to {self.upper} {kind} (not decided)"
        return "\n".join([head, *(f"  {reason}" for reason in self.obstructions)])

    def __repr__(self) -> str:
        return f"<MinimalDepth: {self}>"
