"""The inverse of a matrix of floats, each entry the nearest float to that of the exact inverse.

*Certified*: the inverse is enclosed by balls (`flint.arb_mat`), of more and more digits until every
entry rounds to one float, whichever number of its ball it is. *Exact*: where it still does not with
many digits, as an entry that is zero or lies midway between two floats, the inverse is computed in
rationals.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import frexp

import numpy as np
import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from exactflow.errors import InvalidInputError, SingularMatrixError

__all__ = ["rounded_inverse"]

BITS = 128, 1024
"""Of the attempts by balls; the first is enough for float64 and condition numbers of ten digits."""

Ends = list[tuple[Fraction, Fraction]]


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
    kind = torch.finfo(dtype)
    least, precision, most = (frexp(x)[1] for x in (kind.smallest_normal, kind.eps, kind.max))
    for ends, size in _enclosures(W):
        values, log_abs_det = [_nearest(low, least, precision) for low, _ in ends], size
        if values == [_nearest(high, least, precision) for _, high in ends]:
            break
    largest = max(abs(value) for value in values)
    if largest >= 2**most:
        raise InvalidInputError(
            f"expected an inverse within the range of {kind.dtype}, got an entry of about "
            f"2^{largest.numerator.bit_length() - largest.denominator.bit_length()}"
        )
    error = max(abs(x - end) for x, pair in zip(values, ends, strict=True) for end in pair)
    return np.array(values, dtype=float).reshape(W.shape), error, log_abs_det


def _enclosures(W: np.ndarray) -> Iterator[tuple[Ends, float]]:
    """Yield numbers between which the entries of the inverse are, at last themselves; log |det W|.

    Raises `SingularMatrixError` for a matrix that has no inverse.
    """
    for bits in BITS:
        with ctx.workprec(bits):
            A = arb_mat(W.tolist())
            try:
                balls = A.inv().entries()
            except ZeroDivisionError:  # as far as the balls tell
                continue
            log_abs_det = float(abs(A.det()).log())
            ends = [(_fraction(ball.lower()), _fraction(ball.upper())) for ball in balls]
        yield ends, log_abs_det
    exact = fmpq_mat(len(W), len(W), [fmpq(*x.as_integer_ratio()) for x in W.flat])
    try:
        entries = [Fraction(int(x.p), int(x.q)) for x in exact.inv().entries()]
    except ZeroDivisionError:
        raise SingularMatrixError(
            "expected an invertible matrix, got one of determinant zero"
        ) from None
    yield [(x, x) for x in entries], float(abs(arb(exact.det())).log())


def _fraction(x: arb) -> Fraction:
    mantissa, exponent = x.man_exp()
    return int(mantissa) * Fraction(2) ** int(exponent)


def _nearest(x: Fraction, least: int, precision: int) -> Fraction:
    """Return the float that is nearest to a number, the even one of two: floats that begin with
    2^e, for e >= least - 1, are multiples of 2^(e + precision - 1).
    """
    leading = x.numerator.bit_length() - x.denominator.bit_length()
    if abs(x.numerator) << max(-leading, 0) < x.denominator << max(leading, 0):
        leading -= 1
    last = max(leading, least - 1) + precision - 1
    if last < 0:
        return Fraction(round(x * (1 << -last)), 1 << -last)
    return Fraction(round(x / (1 << last)) << last)
