"""Layers corrected by their error, and the result with its exact account."""

from fractions import Fraction
from typing import Protocol

import numpy as np
import sympy

from exactflow.balancing.account import inverse_error_bound
from exactflow.balancing.balanced import Balanced
from exactflow.balancing.target import Target
from exactflow.exact.digits import Enclosure
from exactflow.exact.rounding import rounded_up
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["Solution", "judged"]

TOLERANCE = Fraction(1, 10**12)
ROUNDING = 2.0**-51
CORRECTIONS, SLOWEST = 6, 0.8
BITS = 120
COARSE = Fraction(1, 16)


class Solution(Protocol):
    """Layers near a target, which can be corrected."""

    def layers(self) -> tuple[FloatCoupling, ...]:
        """Return the layers."""

    def corrected(self, E: np.ndarray) -> "Solution":
        """Return a solution whose product differs by E, times 2^exponent of the target."""


def judged(target: Target, solution: Solution) -> Balanced | float:
    """Return the layers of a solution after corrections, or their relative error if too large.

    The layers are judged by leading digits of their product; the error of the result is exact.
    """
    least, goal = np.inf, ROUNDING * np.abs(target.unit).max()
    for _ in range(CORRECTIONS + 1):
        layers = solution.layers()
        difference = target.difference(layers, BITS)
        E = difference.digits.floats(target.exponent)
        error, before = float(np.abs(E).max()), least
        if least == np.inf or error < least:
            best, least = (layers, difference), error
        if not goal < error < SLOWEST * before:
            break
        try:
            solution = solution.corrected(E)
        except np.linalg.LinAlgError:
            break
    return _account(target, *best)


def _account(
    target: Target, layers: tuple[FloatCoupling, ...], difference: Enclosure
) -> Balanced | float:
    bits = BITS
    while difference.slack > COARSE * difference.digits.largest():
        bits *= 2
        difference = target.difference(layers, bits)
    error, size = target.error(layers, difference), target.largest()
    if error > TOLERANCE * size:
        return float(error / size)
    slack = (difference.slack + target.slack) * sum(target.halves)
    norm = difference.digits.norm_bound() + slack
    try:
        inverse = np.linalg.inv(target.unit)
    except np.linalg.LinAlgError:
        bound = None
    else:
        bound = inverse_error_bound(target.digits, inverse, target.exponent, norm)
    inverse_error = sympy.oo if bound is None else sympy.Rational(rounded_up(bound))
    return Balanced(layers, sympy.Rational(error), inverse_error, target.order, target.flips)
