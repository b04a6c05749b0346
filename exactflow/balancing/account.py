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

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.balancing.target import Target
from exactflow.balancing.tuning import TUNING
from exactflow.exact.digits import Digits, Enclosure
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["Account", "inverse_error_bound"]


@dataclass(frozen=True, eq=False)
class Account:
    """How near layers are to a target W; their product is Q.

    Attributes
    ----------
    target, layers : W, and the layers whose product is Q.
    difference : W - Q, but for a bound that is at most an eighth of it.
    """

    target: Target
    layers: tuple[FloatCoupling, ...]
    difference: Enclosure

    @staticmethod
    def of(
        target: Target, layers: tuple[FloatCoupling, ...], difference: Enclosure | None = None
    ) -> "Account":
        """Return the account of layers, from their `difference` in as many bits as it takes."""
        bits = TUNING.bits
        difference = difference or target.difference(layers, bits)
        while difference.slack > TUNING.coarse * difference.digits.largest():
            bits *= 2
            difference = target.difference(layers, bits)
        return Account(target, layers, difference)

    def bound(self) -> Fraction:
        """Return an upper bound of the largest absolute entry of W - Q, near it."""
        return self.difference.digits.largest() + self.difference.slack + self.target.slack

    def error(self) -> Fraction:
        """Return the largest absolute entry of W - Q."""
        return self.target.error(self.layers, self.difference)

    def inverse_error(self) -> Fraction | None:
        """Return a bound of |W^-1 - Q^-1|_F, or None where W may be singular."""
        slack = (self.difference.slack + self.target.slack) * sum(self.target.halves)
        error = self.difference.digits.norm_bound() + slack
        try:
            inverse = np.linalg.inv(self.target.unit)
        except np.linalg.LinAlgError:
            return None
        return inverse_error_bound(self.target.digits, inverse, self.target.exponent, error)


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
