"""What `balance` returns: float64 layers with their exact account."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import sympy

from exactflow.balancing.account import Account
from exactflow.exact.numbers import to_float
from exactflow.exact.rounding import decimal_up, rounded_up
from exactflow.exact.threads import one_thread
from exactflow.exact.typing import VectorLike
from exactflow.flows.arithmetic import image, is_inexact
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.result import Evidence, MapResult

__all__ = ["Balanced"]


@dataclass(frozen=True, eq=False, repr=False)
class Balanced(MapResult):
    """Float64 layers whose composition is certified to be within `error` of a matrix W.

    Attributes
    ----------
    layers : `FloatCoupling` values in the order in which data meets them.
    account : how near they are to W.
    order, flips : the coordinates in the order of the halves, and those, of the input, that are
        negated before the first layer.
    """

    layers: tuple[FloatCoupling, ...]
    account: Account
    order: tuple[int, ...]
    flips: tuple[int, ...] = ()
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @cached_property
    def error(self) -> sympy.Rational:
        """The largest absolute entry of W - Q, an exact rational; Q is the exact product of the
        layers' floats, taken as the dyadic rationals that they are.
        """
        return sympy.Rational(self.account.error())

    @cached_property
    def inverse_error(self) -> sympy.Expr:
        """A rigorous upper bound of the largest absolute entry of W^-1 - Q^-1; oo where the
        condition number of W is beyond float64, so that no bound is certified.
        """
        with one_thread():
            bound = self.account.inverse_error()
        return sympy.oo if bound is None else sympy.Rational(rounded_up(bound))

    @cached_property
    def flow(self) -> CouplingFlow:
        """The layers as an exact flow of dyadic rationals. It equals its own product, not W."""
        layers = [layer.exact() for layer in self.layers]
        return CouplingFlow(layers, flips=self.flips, method="balance", order=self.order)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layers[0].partition

    @property
    def magnitude(self) -> float:
        """The largest absolute value of an entry of a shift."""
        return max(float(np.abs(layer.shift).max()) for layer in self.layers)

    @cached_property
    def condition_numbers(self) -> tuple[float, ...]:
        """The condition number of each layer, rounded."""
        with one_thread():
            return tuple(layer.condition_number() for layer in self.layers)

    def forward(self, x: VectorLike) -> Any:
        """Return the image of a vector of d entries, or of each column: floats are computed in
        float64 and returned in the dtype of `x`, all other numbers are computed as `flow` does.
        """
        return image(self._run, x, self.dimension) if is_inexact(x) else self.flow(x)

    def backward(self, y: VectorLike) -> Any:
        """Return the preimage of a vector of d entries, or of each column, in the arithmetic that
        `forward` has.
        """
        return image(self._run_back, y, self.dimension) if is_inexact(y) else self.inverse()(y)

    def _run(self, entries: list, convert: Callable) -> list:
        if convert is not to_float:
            return self.flow._run(entries, convert)
        x = self._flipped(np.stack(entries))[list(self.order)]
        for layer in self.layers:
            x = layer.forward(x)
        return list(x[np.argsort(self.order)])

    def _run_back(self, entries: list, convert: Callable) -> list:
        if convert is not to_float:
            return self.inverse()._run(entries, convert)
        y = np.stack(entries)[list(self.order)]
        for layer in reversed(self.layers):
            y = layer.backward(y)
        return list(self._flipped(y[np.argsort(self.order)]))

    def _flipped(self, x: np.ndarray) -> np.ndarray:
        x[list(self.flips)] *= -1
        return x

    def __str__(self) -> str:
        return (
            f"{len(self.layers)} layers on halves {self.partition}, largest entry "
            f"{self.magnitude:.2g}, condition numbers to {max(self.condition_numbers):.2g}, "
            f"certified within {decimal_up(self.error)}"
        )
