"""Layers corrected by their error, and their account: how near they are, and their inverse.

Main results
------------
`exactflow.flows.float_layers` has the product Q of layers, and max |W - Q|, exactly. For the
inverses let V be any matrix, rho = |I - V W|_F, e = |V|_F |W - Q|_F, and rho + e < 1. Then W and Q
are invertible, their determinants have the same sign, and

    |W^-1 - Q^-1|_F <= |V|_F^2 |W - Q|_F / ((1 - rho) (1 - rho - e)).

For W^-1 - Q^-1 = -W^-1 (W - Q) Q^-1, W^-1 = (I - R)^-1 V and Q^-1 = (I - R - V (Q - W))^-1 V, with
R = I - V W. V is a rounded inverse, of which nothing is assumed.

How it is checked
-----------------
*Exact*: the error. *Certified*: the bound for inverses. A float product of d x d matrices is within
d u / (1 - d u) |V| |W| of the exact one, u = 2^-53 (Higham, *Accuracy and stability of numerical
algorithms*, 2002, section 3.5); where that is too coarse, digits decide.
"""

from fractions import Fraction
from typing import Protocol

import numpy as np
import sympy

from exactflow.balancing.balanced import Balanced
from exactflow.balancing.target import Target
from exactflow.balancing.tuning import TUNING
from exactflow.exact.digits import Digits, Enclosure
from exactflow.exact.rounding import rounded_up
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["Solution", "inverse_error_bound", "judged"]


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
    least, goal = np.inf, TUNING.rounding * np.abs(target.unit).max()
    for _ in range(TUNING.corrections + 1):
        layers = solution.layers()
        difference = target.difference(layers, TUNING.bits)
        E = difference.digits.floats(target.exponent)
        error, before = float(np.abs(E).max()), least
        if least == np.inf or error < least:
            best, least = (layers, difference), error
        if not goal < error < TUNING.slowest * before:
            break
        try:
            solution = solution.corrected(E)
        except np.linalg.LinAlgError:
            break
    return _account(target, *best)


def _account(
    target: Target, layers: tuple[FloatCoupling, ...], difference: Enclosure
) -> Balanced | float:
    bits = TUNING.bits
    while difference.slack > TUNING.coarse * difference.digits.largest():
        bits *= 2
        difference = target.difference(layers, bits)
    error, size = target.error(layers, difference), target.largest()
    if error > TUNING.tolerance * size:
        return float(error / size)
    slack = (difference.slack + target.slack) * sum(target.halves)
    bound = _inverse_error(target, difference.digits.norm_bound() + slack)
    inverse_error = sympy.oo if bound is None else sympy.Rational(rounded_up(bound))
    return Balanced(layers, sympy.Rational(error), inverse_error, target.order, target.flips)


def _inverse_error(target: Target, error: Fraction) -> Fraction | None:
    try:
        inverse = np.linalg.inv(target.unit)
    except np.linalg.LinAlgError:
        return None
    return inverse_error_bound(target.digits, inverse, target.exponent, error)


def inverse_error_bound(
    W: Digits, approximate_inverse: np.ndarray, exponent: int, error: Fraction
) -> Fraction | None:
    """Return a bound of |W^-1 - Q^-1|_F for any Q with |W - Q|_F <= `error`, or None where W or
    such a Q may be singular.

    Parameters
    ----------
    approximate_inverse : of 2^-exponent W, in floats.
    """
    unit = Fraction(2) ** -exponent
    rho = _residual_bound(W, approximate_inverse, exponent)
    if rho is None:
        return None
    size = Digits.of_floats(approximate_inverse).norm_bound() * unit
    if rho + size * error >= 1:
        return None
    return size**2 * error / ((1 - rho) * (1 - rho - size * error))


def _residual_bound(W: Digits, V: np.ndarray, exponent: int) -> Fraction | None:
    """Return a bound of |I - V 2^-exponent W|_F."""
    if not np.isfinite(V).all():
        return None
    d = len(V)
    M = W.floats(exponent)
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(np.linalg.norm(V) * np.linalg.norm(M)) * (d + 8) * 2.0**-52
        rough = float(np.linalg.norm(V @ M - np.eye(d))) * (1 + 2.0**-20) + size
    if rough < TUNING.coarse:
        return Fraction(rough)
    residual = Digits.of_floats(V) @ W.times_power(-exponent) - Digits.of_floats(np.eye(d))
    return residual.norm_bound()
