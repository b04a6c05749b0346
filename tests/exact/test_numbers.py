"""Numbers of every kind become the rational that they are, or are refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from flint import fmpq, fmpz
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import (
    format_rational,
    format_short,
    format_up,
    parse_rational,
    round_up_if_over_256_bits,
    sqrt_to_128_bits,
    to_element,
    to_elements,
    to_float,
    to_fmpq,
    to_fraction,
    to_index,
    to_mpf,
)

HALF = QQ(1, 2)


@given(st.fractions())
def test_text_round_trip(value):
    assert parse_rational(format_rational(value)) == value
    assert to_fraction(format_rational(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=5))
def test_decimals_are_exact(value):
    assert parse_rational(str(value)) == Fraction(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_dyadic(value):
    assert to_fraction(value) == to_fraction(np.float64(value)) == Fraction(value)
    assert to_fraction(mpmath.mpf(value)) == Fraction(value)
    assert to_float(to_element(value)) == value


ONE_HALF = [HALF, "1/2", "0.5", "5e-1", Fraction(1, 2), sympy.Rational(1, 2), fmpq(1, 2)]
ONE_HALF += [0.5, np.float16(0.5), np.float32(0.5), np.longdouble(0.5), mpmath.mpf("0.5")]


@pytest.mark.parametrize("number", ONE_HALF)
def test_one_half_in_every_form(number):
    assert to_element(number) == HALF
    assert isinstance(to_element(number), type(HALF))
    assert to_elements([number, number]) == (HALF, HALF)
    assert to_fmpq(to_element(number)) == fmpq(1, 2)
    assert to_mpf(to_element(number)) == 0.5


@pytest.mark.parametrize(
    "number", ["3", 3, 3.0, np.int8(3), np.uint64(3), fmpz(3), sympy.Integer(3)]
)
def test_three_in_every_form(number):
    assert to_element(number) == QQ(3)


def test_a_long_double_beyond_float64():
    assert to_fraction(np.longdouble(2) ** 5000) == 2**5000


NO_NUMBERS = ["", " ", "True", "1,2", "2^3", "2**3", "1_000", "0x10", "I", "oo", "nan", "1/0"]
NO_NUMBERS += ["010", "1/01", "\u0661", "1e999999", "sqrt(2)", True, np.True_, None, b"1", 1j, []]
NO_NUMBERS += [float("nan"), float("-inf"), np.float32("inf"), mpmath.mpf("inf"), mpmath.mpc(1, 1)]
NO_NUMBERS += [sympy.Float(0.5), sympy.nan, sympy.oo, sympy.zoo, sympy.pi, sympy.sqrt(2)]
NO_NUMBERS += [sympy.true, sympy.Symbol("t"), QQ.frac_field("t").one]


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_refuses(number):
    with pytest.raises(InvalidInputError, match="expected"):
        to_element(number)


@pytest.mark.parametrize("values", [np.array(0.5), np.float64(0.5), 3, "12", {1: 2}, {1}])
def test_what_is_no_sequence(values):
    with pytest.raises(InvalidInputError, match="expected a sequence of numbers, got"):
        to_elements(values)


def test_integers_over_4300_digits():
    digits = "7" * 6000
    assert format_rational(parse_rational(digits)) == digits
    assert parse_rational(f"1/{digits}").denominator == parse_rational(digits)
    assert "6000 characters" in format_short(parse_rational(digits))
    assert format_short([10**6000]) == "list with numbers of thousands of digits"


@pytest.mark.parametrize("value", [0.0, "1", None, True, -1, 4, np.float64(1), 10**400])
def test_an_index_is_an_integer_of_its_range(value):
    assert to_index("i", np.int64(3), 0, 3) == 3
    with pytest.raises(
        InvalidInputError, match="expected the argument i to be an integer from 0 to 3"
    ):
        to_index("i", value, 0, 3)


positive = st.fractions(min_value=Fraction(1, 10**6), max_value=10**9)


@given(positive)
def test_roots_enclose(x):
    down, up = sqrt_to_128_bits(x), sqrt_to_128_bits(x, up=True)
    assert down**2 <= x <= up**2
    assert up - down <= down / 2**120
    assert sqrt_to_128_bits(x**2) == x == sqrt_to_128_bits(x**2, up=True)


def test_roots_of_huge_and_tiny_numbers():
    for x in (Fraction(10**401), Fraction(1, 10**401)):
        assert sqrt_to_128_bits(x) ** 2 <= x <= sqrt_to_128_bits(x, up=True) ** 2
        assert sqrt_to_128_bits(x) > 0


def test_short_fractions_stay():
    assert round_up_if_over_256_bits(Fraction(22, 7)) == Fraction(22, 7)
    third = Fraction(2**300 + 1, 3 * 2**299)
    assert 0 < round_up_if_over_256_bits(third) - third < Fraction(1, 2**250)


@pytest.mark.parametrize("x", [Fraction(1, 3), 0.1, Fraction(2**300, 3), Fraction(1, 7**900), 5])
@pytest.mark.parametrize("digits", [1, 2, 5])
def test_a_decimal_is_not_below_what_it_bounds(x, digits):
    shown = to_fraction(format_up(x, digits))
    assert to_fraction(x) <= shown <= to_fraction(x) * (1 + Fraction(1, 10 ** (digits - 1)))
