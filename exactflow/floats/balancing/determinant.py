"""Signs of determinants, decided in floats, else in ball arithmetic, else exactly; and d-th roots
of d x d determinants.

Main results
------------
Let P W = L U + E be an elimination with row exchanges, and V any matrix with |I - V W| < 1 and
|I - V P^T L U| < 1. Then |I - V X| < 1 for each X between W and P^T L U. So no X is singular, and
det W has the sign of det(P) det(U), the product of signs on a diagonal. With partial pivoting U may
grow by 2^(d-1), which makes E so large that floats decide nothing. Then balls decide, and for a
singular matrix the exact determinant.

How it is checked
-----------------
*Certified*: a float product of d x d matrices is within d u / (1 - d u) |V| |W| of the exact one,
u = 2^-53 (Higham, *Accuracy and stability of numerical algorithms*, 2002, section 3.5). Norms are
Frobenius norms. Twice this error is added. This also covers the rounding of entries to floats,
whose error is at most u times the largest entry.
"""

from fractions import Fraction
from math import frexp

import numpy as np
from flint import arb, arb_mat, ctx, fmpq
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.numbers import to_element

BALL_BITS = 64, 256
MOST_BITS = 4096
LARGEST_INVERSE = 2.0**100
"""Floats decide only if no entry of the inverse is larger: else products might overflow."""


def determinant_sign(entries: np.ndarray) -> int:
    """Return the sign of the determinant of a square array of floats or Fractions: 1, 0 or -1."""
    if sign := _sign_by_floats(entries) or _sign_by_balls(entries):
        return sign
    det = to_rational_matrix(entries).det()
    return (det > 0) - (det < 0)


def to_rational_matrix(entries: np.ndarray) -> DomainMatrix:
    """Convert an array of floats or Fractions to a matrix over QQ, exactly."""
    rows = [[to_element(x) for x in row] for row in entries.tolist()]
    return linalg.from_entries(rows, entries.shape, QQ)


def _sign_by_floats(entries: np.ndarray) -> int | None:
    """Return the sign of the determinant, 1 or -1, if floats certify it; None otherwise."""
    from scipy.linalg.lapack import dgetrf  # imported here, since SciPy takes long to import

    # A power of two brings the largest absolute entry, the peak, between 1/2 and 2. If an entry is
    # then rounded to a float, the error is at most 2^-53 times the peak.
    d, peak = len(entries), np.abs(entries).max()
    if entries.dtype == object:
        bits = peak.numerator.bit_length() - peak.denominator.bit_length()
        W = (entries * Fraction(2) ** -bits).astype(float)
    else:
        W = np.ldexp(entries, -frexp(peak)[1])
    try:
        V = np.linalg.inv(W)
    except np.linalg.LinAlgError:
        return None
    if not np.abs(V).max() <= LARGEST_INVERSE:
        return None
    factors, exchanges, zero_pivot = dgetrf(W)
    if zero_pivot:
        return None
    L, U, rows = np.tril(factors, -1) + np.eye(d), np.triu(factors), np.arange(d)
    for i, j in enumerate(exchanges):
        rows[[i, j]] = rows[[j, i]]
    error, size = (d + 8) * 2.0**-52, float(np.linalg.norm(V))
    residual = np.linalg.norm(V @ W - np.eye(d)) + error * size * np.linalg.norm(W)
    rest = np.linalg.norm(W[rows] - L @ U) + error * np.linalg.norm(np.abs(L) @ np.abs(U))
    if not (residual + size * rest) * (1 + 2.0**-20) < 1:
        return None
    negative = np.count_nonzero(exchanges != np.arange(d)) + np.count_nonzero(np.diag(U) < 0)
    return -1 if negative % 2 else 1


def _sign_by_balls(entries: np.ndarray) -> int | None:
    """Return the sign of the determinant, 1 or -1, if balls of at most 256 bits certify it; None
    otherwise.
    """
    for bits in BALL_BITS:
        with ctx.workprec(bits):
            det = _enclose_determinant(entries)
            if det > 0 or det < 0:
                return 1 if det > 0 else -1
    return None


def _enclose_determinant(entries: np.ndarray) -> arb:
    """Return an enclosure of the determinant, at the current precision."""
    fractions = ([Fraction(x) for x in row] for row in entries.tolist())
    return arb_mat(
        [[arb(fmpq(x.numerator, x.denominator)) for x in row] for row in fractions]
    ).det()


def absolute_determinant_root_to_53_bits(entries: np.ndarray) -> Fraction:
    """Return the number with 53 bits that is nearest to |det|^(1/d), for a d x d array of floats or
    Fractions with a nonzero determinant.

    If the relative distance of the root from the middle between two such numbers is below 2^-4096,
    one of the two numbers is returned, not always the nearer one.
    """
    bits = BALL_BITS[-1]
    while True:
        with ctx.workprec(bits):
            det = abs(_enclose_determinant(entries))
            if det > 0:
                root = det.root(len(entries))
                below, above = map(_round_exact_ball_to_53_bits, (root.lower(), root.upper()))
                if below == above or root.rel_accuracy_bits() > MOST_BITS:
                    return below
        bits *= 2


def _round_exact_ball_to_53_bits(x: arb) -> Fraction:
    """Round a ball of radius 0 to the nearest number with 53 bits."""
    mantissa, exponent = map(int, x.man_exp())
    surplus = max(mantissa.bit_length() - 53, 0)
    return Fraction(round(Fraction(mantissa, 1 << surplus))) * Fraction(2) ** (exponent + surplus)
