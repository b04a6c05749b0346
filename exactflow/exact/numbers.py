"""Temporary."""

import math
from collections.abc import Sequence

import mpmath
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_rectangle, format_short  # noqa: F401

Elements = tuple


def to_element(x):
    """Return a rational number of any kind, or an ``mpf``, as an element of QQ, exactly."""
    if isinstance(x, mpmath.mpf):
        if not mpmath.isfinite(x):
            raise InvalidInputError(f"expected a finite number, got {x}")
        return QQ(*map(int, mpmath.libmp.to_rational(x._mpf_)))
    return elements([x])[0]


def to_mpf(value) -> mpmath.mpf:
    """Return an element of QQ, or an ``mpf``, rounded to the current precision of mpmath."""
    if isinstance(value, mpmath.mpf):
        return +value
    return mpmath.mpf(int(value.numerator)) / int(value.denominator)


def to_float(value) -> float:
    """Return an element of QQ as the nearest float64, infinite where it is out of range."""
    numerator, denominator = int(value.numerator), int(value.denominator)
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


def elements(numbers: Sequence) -> Elements:
    """Return rational numbers of any kind as elements of QQ."""
    if all(isinstance(number, type(QQ.one)) for number in numbers):
        return tuple(numbers)
    matrix = as_rectangle([[number] for number in numbers])
    if not matrix.domain.is_QQ:
        raise InvalidInputError(f"expected rational numbers, got elements of {matrix.domain}")
    return tuple(matrix.to_list_flat())
