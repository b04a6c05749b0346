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
    parts = (end.man_exp() for end in (ball.lower(), ball.upper()))
    ends = [(int(mantissa), int(exponent)) for mantissa, exponent in parts]
    value, above = (_rounded(mantissa, exponent, kind) for mantissa, exponent in ends)
    exact = [mantissa * Fraction(2) ** exponent for mantissa, exponent in ends]
    if value != above:
        middle = (Fraction(value) + Fraction(above)) / 2
        q = 1 - middle.denominator.bit_length()
        if exact[1] - exact[0] >= Fraction(2) ** (min(-low, q) - h):
            return None
        value = _rounded(middle.numerator, q, kind)
    return value, max(abs(Fraction(value) - end) for end in exact)


def _rounded(mantissa: int, exponent: int, kind: torch.finfo) -> float:
    """Return the float that is nearest to mantissa 2^exponent, the even one of two."""
    least, precision = (frexp(float(x))[1] - 1 for x in (kind.smallest_normal, kind.eps))
    leading = mantissa.bit_length() - 1 + exponent
    last = max(leading, least) + precision
    if last > exponent:
        unit = 1 << (last - exponent)
        whole, rest = divmod(mantissa, unit)
        mantissa, exponent = whole + (2 * rest + (whole & 1) > unit), last
    if mantissa and mantissa.bit_length() + exponent > frexp(float(kind.max))[1]:
        raise InvalidInputError(
            f"expected an inverse within the range of {kind.dtype}, got an entry of about "
            f"2^{leading}"
        )
    return ldexp(mantissa, exponent)
