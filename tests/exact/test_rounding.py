"""Rational roots on the safe side."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactflow.exact.numbers import to_fraction
from exactflow.exact.rounding import decimal_up, root, rounded_up

positive = st.fractions(min_value=Fraction(1, 10**6), max_value=10**9)


@given(positive)
def test_roots_enclose(x):
    down, up = root(x), root(x, up=True)
    assert down**2 <= x <= up**2
    assert up - down <= down / 2**120
    assert root(x**2) == x == root(x**2, up=True)


def test_roots_of_huge_and_tiny_numbers():
    for x in (Fraction(10**401), Fraction(1, 10**401)):
        assert root(x) ** 2 <= x <= root(x, up=True) ** 2
        assert root(x) > 0


def test_short_fractions_stay():
    assert rounded_up(Fraction(22, 7)) == Fraction(22, 7)
    third = Fraction(2**300 + 1, 3 * 2**299)
    assert 0 < rounded_up(third) - third < Fraction(1, 2**250)


@pytest.mark.parametrize("x", [Fraction(1, 3), 0.1, Fraction(2**300, 3), Fraction(1, 7**900), 5])
@pytest.mark.parametrize("digits", [1, 2, 5])
def test_a_decimal_is_not_below_what_it_bounds(x, digits):
    shown = to_fraction(decimal_up(x, digits))
    assert to_fraction(x) <= shown <= to_fraction(x) * (1 + Fraction(1, 10 ** (digits - 1)))
