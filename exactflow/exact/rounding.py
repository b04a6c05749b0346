"""Rational arithmetic that rounds to a side: square roots, long fractions, and decimals."""

from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from math import ceil, isqrt
from typing import Any

from exactflow.exact.numbers import to_element

_ROOT_BITS = 128
_SUM_BITS = 256


def root(x: Fraction, up: bool = False) -> Fraction:
    """Return the square root of x > 0, rounded down or up to 128 bits; exact where rational."""
    product = x.numerator * x.denominator
    shift = max(0, _ROOT_BITS - product.bit_length() // 2)
    scaled = product << (2 * shift)
    whole = isqrt(scaled)
    return Fraction(whole + (up and whole**2 != scaled), x.denominator << shift)


def rounded_up(x: Fraction) -> Fraction:
    """Return x > 0 itself, or a dyadic number of 256 bits just above where x is longer."""
    lengths = x.numerator.bit_length(), x.denominator.bit_length()
    if max(lengths) <= _SUM_BITS:
        return x
    unit = Fraction(2) ** (lengths[0] - lengths[1] - _SUM_BITS)
    return ceil(x / unit) * unit


def decimal_up(x: Any, digits: int = 2) -> str:
    """Return a rational number >= 0 as a short decimal, rounded up.

    >>> decimal_up(Fraction(1, 3)), decimal_up(Fraction(1, 10**400)), decimal_up(0.5), decimal_up(0)
    ('0.34', '1e-400', '0.5', '0')
    """
    value = to_element(x)
    context = Context(prec=digits, rounding=ROUND_CEILING)
    quotient = context.divide(Decimal(int(value.numerator)), Decimal(int(value.denominator)))
    return f"{quotient.normalize(context):g}"
