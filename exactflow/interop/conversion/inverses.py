"""The inverse of a matrix of floats, each entry the nearest float to that of the exact inverse.

*Certified*: the inverse is enclosed by balls (`flint.arb_mat`), of more and more digits until every
entry rounds to one float, whichever number of its ball it is. Where it never does, the exact entry
lies midway between two floats; that is proved, and the even one taken: let W = 2^low N for integers
N, |det N| <= 2^h. Entries of the inverse are multiples of 2^-low / det N, midpoints of floats are
multiples of some 2^q; so a ball with a midpoint in it, narrower than 2^(min(-low, q) - h), holds no
other entry than that midpoint.
"""

from fractions import Fraction
from math import ceil, frexp, ldexp, log2

import numpy as np
import torch
from flint import arb, arb_mat, ctx, fmpz_mat

from exactflow.errors import InvalidInputError, SingularMatrixError

__all__ = ["rounded_inverse"]

FIRST = 128
"""Bits of the first attempt, enough for float64 and condition numbers of ten digits."""


def rounded_inverse(W: np.ndarray, dtype: torch.dtype) -> tuple[np.ndarray, Fraction, float]:
    """Return the inverse of W rounded to a type of floats, its error, and log |det W|.

    The error is that of the entry that rounding moves most.

    Raises
    ------
    SingularMatrixError
        W has no inverse.
    InvalidInputError
        An entry of the inverse is beyond the range of the type.

    Examples
    --------
    >>> inverse, error, _ = rounded_inverse(np.array([[3.0, 0], [0, 0.5]]), torch.float32)
    >>> inverse.tolist(), float(error) < 1e-8
    ([[0.3333333432674408, 0.0], [0.0, 2.0]], True)
    """
    low, h = _sizes(W)
    kind, bits = torch.finfo(dtype), FIRST
    while True:
        with ctx.workprec(bits):
            A = arb_mat(W.tolist())
            try:
                balls = [ball for row in A.inv().tolist() for ball in row]
            except ZeroDivisionError:
                _check_invertible(W, low)
                balls = []
            found = [entry for ball in balls if (entry := _nearest(ball, kind, low, h))]
            if len(found) == W.size:
                values = np.array([value for value, _ in found]).reshape(W.shape)
                return values, max(error for _, error in found), float(abs(A.det()).log())
        bits *= 2


def _sizes(W: np.ndarray) -> tuple[int, int]:
    """Return low and h: W is 2^low times integers, whose determinant is at most 2^h."""
    low = min((frexp(x)[1] for x in W.flat if x), default=0) - 53
    return low, sum(ceil(log2(norm) + 1 - low) for norm in np.abs(W).sum(1) if norm)


def _check_invertible(W: np.ndarray, low: int) -> None:
    unit = Fraction(2) ** low
    if fmpz_mat([[int(Fraction(x) / unit) for x in row] for row in W.tolist()]).det() == 0:
        raise SingularMatrixError("expected an invertible matrix, got one of determinant zero")


def _nearest(ball: arb, kind: torch.finfo, low: int, h: int) -> tuple[float, Fraction] | None:
    """Return the float that is nearest to every number of a ball, and how far at most, or None."""
    if not ball.is_finite():
        return None
    ends = [_fraction(ball.lower()), _fraction(ball.upper())]
    value, above = (_rounded(end, kind) for end in ends)
    if value != above:
        middle = (Fraction(value) + Fraction(above)) / 2
        q = 1 - middle.denominator.bit_length()
        if ends[1] - ends[0] >= Fraction(2) ** (min(-low, q) - h):
            return None
        value = _rounded(middle, kind)
    return value, max(abs(Fraction(value) - end) for end in ends)


def _fraction(x: arb) -> Fraction:
    """Return a ball of one number as that number."""
    mantissa, exponent = map(int, x.man_exp())
    return mantissa * Fraction(2) ** exponent


def _rounded(x: Fraction, kind: torch.finfo) -> float:
    """Return the nearest float of a type, the even one of two."""
    if not x:
        return 0.0
    e = abs(x.numerator).bit_length() - x.denominator.bit_length()
    e -= Fraction(2) ** e > abs(x)  # now 2^e <= |x| < 2^(e+1)
    least, precision = (frexp(float(y))[1] - 1 for y in (kind.smallest_normal, kind.eps))
    last = max(e, least) + precision
    mantissa = round(x / Fraction(2) ** last)
    if abs(mantissa) * Fraction(2) ** last > Fraction(float(kind.max)):
        raise InvalidInputError(
            f"expected an inverse within the range of {kind.dtype}, got an entry of about 2^{e}"
        )
    return ldexp(mantissa, last)
