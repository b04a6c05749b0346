"""Rigorous bounds for the inverse of what float layers compose to.

Main results
------------
`exactflow.flows.float_layers` has the product Q of layers, and max |W - Q|, exactly. For the
inverses let V be any matrix, rho = |I - V W|_F,
e = |V|_F |W - Q|_F, and rho + e < 1. Then W and Q are invertible, their determinants have the same
sign, and

    |W^-1 - Q^-1|_F <= |V|_F^2 |W - Q|_F / ((1 - rho) (1 - rho - e)).

For W^-1 - Q^-1 = -W^-1 (W - Q) Q^-1, W^-1 = (I - R)^-1 V and Q^-1 = (I - R - V (Q - W))^-1 V, with
R = I - V W. V is a rounded inverse, of which nothing is assumed.

How it is checked
-----------------
*Certified*: the bound. A float product of d x d matrices is
within d u / (1 - d u) |V| |W| of the exact one, u = 2^-53 (Higham, *Accuracy and stability of
numerical algorithms*, 2002, section 3.5); where that is too coarse, digits decide.
"""

from fractions import Fraction

import numpy as np

from exactflow.exact.digits import Digits

__all__ = ["inverse_error_bound"]

COARSE = Fraction(1, 8)


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
    if rough < COARSE:
        return Fraction(rough)
    residual = Digits.of_floats(V) @ W.times_power(-exponent) - Digits.of_floats(np.eye(d))
    return residual.norm_bound()
