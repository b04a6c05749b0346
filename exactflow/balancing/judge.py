"""Layers corrected by their error, and the result with its exact account."""

from fractions import Fraction
from typing import Protocol

import numpy as np
import sympy

from exactflow.balancing.account import FloatCoupling, composed, inverse_error_bound
from exactflow.balancing.result import Balanced
from exactflow.balancing.target import Target
from exactflow.exact.rounding import rounded_up

__all__ = ["Solution", "judged"]

TOLERANCE = Fraction(1, 10**12)
ROUNDING = 2.0**-51
CORRECTIONS = 6
PLANES = 5


class Solution(Protocol):
    """Layers near a target, which can be corrected."""

    def layers(self) -> tuple[FloatCoupling, ...]:
        """Return the layers."""

    def corrected(self, E: np.ndarray) -> "Solution":
        """Return a solution whose product differs by E, times 2^exponent of the target."""


def judged(target: Target, solution: Solution) -> Balanced | float:
    """Return the layers of a solution after corrections, or their relative error if too large.

    While corrections go on, the error is taken from leading digits; that of the result is exact.
    """
    size = np.abs(target.unit).max()
    layers, least = solution.layers(), np.inf
    for k in range(CORRECTIONS + 1):
        candidate = solution.layers()
        E = (target.digits - composed(candidate, PLANES)).floats(target.exponent)
        error = float(np.abs(E).max())
        if error < least:
            layers = candidate
        if not error < least / 2 or error <= ROUNDING * size or k == CORRECTIONS:
            break
        least = error
        try:
            solution = solution.corrected(E)
        except np.linalg.LinAlgError:
            break
    return _account(target, layers)


def _account(target: Target, layers: tuple[FloatCoupling, ...]) -> Balanced | float:
    product = composed(layers)
    error, size = target.error(product), target.largest()
    if error > TOLERANCE * size:
        return float(error / size)
    norm = (target.digits - product).norm_bound() + target.slack * sum(target.halves)
    try:
        inverse = np.linalg.inv(target.unit)
    except np.linalg.LinAlgError:
        bound = None
    else:
        bound = inverse_error_bound(target.digits, inverse, target.exponent, norm)
    inverse_error = sympy.oo if bound is None else sympy.Rational(rounded_up(bound))
    return Balanced(layers, sympy.Rational(error), inverse_error, target.order, target.flips)
