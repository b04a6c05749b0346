"""What `balance` returns: float64 layers with their exact account."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy

from exactflow.balancing.account import FloatCoupling
from exactflow.flows.flow import CouplingFlow

__all__ = ["Balanced"]


@dataclass(frozen=True, eq=False, repr=False)
class Balanced:
    """Float64 layers whose composition is certified to be within `error` of a matrix W.

    Attributes
    ----------
    layers : `FloatCoupling` values in the order in which data meets them.
    error : the largest absolute entry of W - Q, an exact rational; Q is the exact product of the
        layers' floats, taken as the dyadic rationals that they are.
    inverse_error : a rigorous upper bound of the largest absolute entry of W^-1 - Q^-1.
    """

    layers: tuple[FloatCoupling, ...]
    error: sympy.Rational
    inverse_error: sympy.Rational

    @cached_property
    def flow(self) -> CouplingFlow:
        """The layers as an exact flow of dyadic rationals. It equals its own product, not W."""
        return CouplingFlow([layer.exact() for layer in self.layers], method="balance")

    @property
    def magnitude(self) -> float:
        """The largest absolute value of an entry of a shift."""
        return max(float(np.abs(layer.shift).max()) for layer in self.layers)

    @property
    def condition_numbers(self) -> tuple[float, ...]:
        """The condition number of each layer, rounded."""
        return tuple(layer.condition_number() for layer in self.layers)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of d floats, or of each column, in the dtype of `x`."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage, likewise."""
        for layer in reversed(self.layers):
            y = layer.backward(y)
        return y

    def __repr__(self) -> str:
        n = len(self.layers[0].shift)
        return (
            f"<Balanced ({n}, {n}): {len(self.layers)} layers, largest entry "
            f"{self.magnitude:.2g}, condition numbers to {max(self.condition_numbers):.2g}, "
            f"certified within {float(self.error):.1e}>"
        )
