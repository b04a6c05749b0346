"""Conversion of numbers: from text, Python, NumPy, mpmath, FLINT and SymPy to QQ, and back.

No input is rounded: a float is the dyadic rational that it stores, the string ``"0.1"`` is 1/10,
and a number without an exact rational value raises an error. Only `parse_rational` reads strings;
no text is ever evaluated.

FLINT converts digits, exactly and in quasi-linear time. Python's limit of 4300 digits on
``int(str)`` and ``str(int)`` does not apply to it.
"""

import math
import operator
import re
from collections.abc import Iterable, Mapping, Set
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import mpmath
import sympy
from flint import fmpq, fmpz
from sympy import QQ
from sympy.polys.domains.domain import Domain

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import Element, NumberLike, QQElement

_RATIONAL = re.compile(r"([+-]?[0-9]+)/([0-9]+)")
_DECIMAL = re.compile(r"([+-]?)(?=\.?[0-9])([0-9]*)\.?([0-9]*)([eE]([+-]?[0-9]+))?")
_LEADING_ZERO = re.compile(r" *[+-]?0[0-9]|.*/0[0-9]")
_LARGEST_EXPONENT = 10_000
_MOST_DIGITS = 100_000
_ROOT_BITS = 128
_LONG_BITS = 256
_Element = type(QQ.one)


def parse_rational(text: str) -> Fraction:
    """Read a rational number, ``"-3"``, ``"p/q"`` or a decimal, exactly.

    Raises `InvalidInputError` for other texts, a zero denominator, or over 100,000 digits.
    """
    text = text.strip(" ")
    if len(text) > _MOST_DIGITS:
        raise InvalidInputError(
            f"expected a number of at most {_MOST_DIGITS} digits, got {format_short(text)}"
        )
    if match := _RATIONAL.fullmatch(text):
        numerator, denominator = (int(fmpz(part.lstrip("+"))) for part in match.groups())
        if denominator == 0:
            raise InvalidInputError(
                f"expected a rational number, got {format_short(text)} with denominator zero"
            )
        return Fraction(numerator, denominator)
    if match := _DECIMAL.fullmatch(text):
        sign, whole, part, _, exponent = match.groups()
        if exponent and (len(exponent) > 7 or abs(int(exponent)) > _LARGEST_EXPONENT):
            raise InvalidInputError(
                f"expected an exponent between -{_LARGEST_EXPONENT} and {_LARGEST_EXPONENT}, "
                f"got {format_short(text)}"
            )
        magnitude = int(fmpz(whole + part)) * Fraction(10) ** (int(exponent or 0) - len(part))
        return -magnitude if sign == "-" else magnitude
    raise InvalidInputError(
        f"expected a number such as '3', '-1/2' or '0.25', got {format_short(text)}"
    )


def to_element(x: object) -> QQElement:
    """Return a rational number of any kind as an element of QQ, exactly.

    Accepted are integers, Fractions, SymPy rationals, strings as `parse_rational` reads them, and
    floats of Python, NumPy and mpmath, which are dyadic rationals. Raises `InvalidInputError` for
    booleans, and for strings with a leading zero, which may be meant as octal numbers.
    """
    if isinstance(x, _Element):
        return x
    if isinstance(x, str):
        if _LEADING_ZERO.match(x):
            raise InvalidInputError(
                f"expected a number without leading zeros, got {format_short(x)}: remove them"
            )
        x = parse_rational(x)
    match x:
        case bool():
            pass
        case float():  # tested before Rational and Real, whose checks are slower
            return _from_float(x)
        case int():
            return _Element(x)
        case Rational() | fmpq() | fmpz():
            return QQ(int(x.numerator), int(x.denominator))
        case Real() if not isinstance(x, sympy.Basic):
            return _from_float(x)
    raise InvalidInputError(
        "expected a rational number (an integer, a Fraction, a float or a 'p/q' string), got "
        f"{type(x).__name__} {format_short(x)}"
    )


def _from_float(x: Any) -> QQElement:
    """Return a finite float of Python, NumPy or mpmath as an element of QQ, exactly."""
    try:
        if isinstance(x, mpmath.mpf) and mpmath.isfinite(x):
            return QQ(*map(int, mpmath.libmp.to_rational(x._mpf_)))
        return _Element(*x.as_integer_ratio())
    except (AttributeError, OverflowError, ValueError):
        raise InvalidInputError(f"expected a finite number, got {x}") from None


def to_fraction(x: object) -> Fraction:
    """Return a rational number of any kind as a Fraction, exactly."""
    element = to_element(x)
    return Fraction(int(element.numerator), int(element.denominator))


def to_elements(numbers: Iterable) -> tuple[QQElement, ...]:
    """Return rational numbers of any kind as a tuple of elements of QQ."""
    return tuple(map(to_element, sequence_to_list(numbers)))


def sequence_to_list(values: Iterable) -> list:
    """Return the entries of a sequence as a list; raise for strings, mappings and sets, and for
    arrays without axes.
    """
    is_number = getattr(values, "ndim", 1) == 0
    is_other = isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable)
    if is_number or is_other:
        raise InvalidInputError(
            f"expected a sequence of numbers, got {type(values).__name__} {format_short(values)}: "
            "write it as a list"
        )
    return list(values)


def check_nonnegative_number(name: str, value: Any) -> None:
    """Raise `InvalidInputError`, which calls the value `name`, unless it is a number >= 0."""
    is_number = isinstance(value, Real)
    if not (is_number and value >= 0):
        raise InvalidInputError(f"expected a number >= 0 as {name}, got {value!r:.80}")


def to_index(argument_name: str, value: Any, least: int = 0, most: int | None = None) -> int:
    """Return `value` as a Python integer from `least` to `most`; raise for floats and booleans."""
    try:
        index = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        index = None
    if index is None or index < least or (most is not None and index > most):
        bounds = f">= {least}" if most is None else f"from {least} to {most}"
        raise InvalidInputError(
            f"expected the argument {argument_name} to be an integer {bounds}, got "
            f"{type(value).__name__} {format_short(value)}"
        )
    return index


def to_mpf(value: QQElement) -> mpmath.mpf:
    """Return an element of QQ or an ``mpf`` as an ``mpf``, rounded to mpmath's precision."""
    if isinstance(value, mpmath.mpf):
        return +value
    return mpmath.mpf(int(value.numerator)) / int(value.denominator)


def to_float(value: QQElement) -> float:
    """Return an element of QQ as the nearest float64, infinite beyond the range of float64."""
    numerator, denominator = int(value.numerator), int(value.denominator)
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


def to_fmpq(value: QQElement) -> fmpq:
    """Return an element of QQ, of any ground type, as a FLINT rational."""
    if isinstance(value, fmpq):
        return value
    return fmpq(int(value.numerator), int(value.denominator))


def format_field(field: Domain) -> str:
    """Return the name of a field as SymPy writes it, except that QQ(t) replaces SymPy's ZZ(t)."""
    return str(field).replace("ZZ", "QQ") if field.is_FractionField else str(field)


def sqrt_to_128_bits(x: Fraction, up: bool = False) -> Fraction:
    """Return the square root of x > 0. A rational root is exact; an irrational root is rounded to
    128 bits, up if `up` is true, else down.
    """
    product = x.numerator * x.denominator
    shift = max(0, _ROOT_BITS - product.bit_length() // 2)
    scaled = product << (2 * shift)
    whole = math.isqrt(scaled)
    return Fraction(whole + (up and whole**2 != scaled), x.denominator << shift)


def round_up_if_over_256_bits(x: Fraction) -> Fraction:
    """Return x > 0 if its numerator and denominator have at most 256 bits; otherwise round it up to
    a dyadic number of 256 bits.
    """
    lengths = x.numerator.bit_length(), x.denominator.bit_length()
    if max(lengths) <= _LONG_BITS:
        return x
    unit = Fraction(2) ** (lengths[0] - lengths[1] - _LONG_BITS)
    return math.ceil(x / unit) * unit


def format_rational(value: QQElement) -> str:
    """Return a rational as ``"p"`` or ``"p/q"`` in lowest terms, of any length."""
    numerator, denominator = int(value.numerator), int(value.denominator)
    return f"{fmpz(numerator)}" + f"/{fmpz(denominator)}" * (denominator != 1)


def format_up(value: NumberLike, significant_digits: int = 3) -> str:
    """Return a rational number as a decimal, rounded up to `significant_digits`.

    >>> [format_up(x) for x in (Fraction(1, 3), Fraction(-1, 3), Fraction(1, 10**400), 0.5, 0)]
    ['0.334', '-0.333', '1e-400', '0.5', '0']
    """
    return _format_rounded(value, significant_digits, ROUND_CEILING)


def format_down(value: NumberLike, significant_digits: int = 3) -> str:
    """Return a rational number as a decimal, rounded down to `significant_digits`."""
    return _format_rounded(value, significant_digits, ROUND_FLOOR)


def _format_rounded(value: NumberLike, significant_digits: int, rounding: str) -> str:
    x = to_element(value)
    context = Context(prec=significant_digits, rounding=rounding, Emax=MAX_EMAX, Emin=MIN_EMIN)
    quotient = context.divide(Decimal(int(x.numerator)), Decimal(int(x.denominator)))
    return f"{quotient:.{significant_digits}g}"


def format_element_short(x: Element, field: Domain) -> str:
    """Return an element of a field as a short text for messages, abbreviated if it is long."""
    return format_short(field.to_sympy(x))


def format_short(value: object) -> str:
    """Return a value as one line for a message. The middle of a line of more than 60 characters is
    omitted.
    """
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, QQ.dtype | fmpq | Rational) and not isinstance(
        value, bool | sympy.Basic
    ):
        text = format_rational(value)
    else:
        try:
            text = " ".join(str(value).split())
        except ValueError:  # the value contains an integer with more digits than Python writes
            text = f"{type(value).__name__} with numbers of thousands of digits"
    return text if len(text) <= 60 else f"{text[:28]}..({len(text)} characters)..{text[-28:]}"
