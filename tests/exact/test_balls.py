"""Balls contain what they should, and upper bounds are upper."""

from statistics import NormalDist

import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ
from sympy.external.pythonmpq import PythonMPQ

from exactflow.exact.balls import (
    PrecisionError,
    ball,
    lower,
    normal_cdf,
    normal_density,
    sqrt_upper_bound,
    upper,
)
from exactflow.exact.numbers import to_fmpq

FLOOR = QQ(1, 2**16384)


@given(st.fractions())
def test_bounds_are_on_their_sides_and_near(q):
    exact = QQ(q.numerator, q.denominator)
    below, above = lower(ball(exact)), upper(ball(exact))
    assert below <= exact <= above
    assert above - below <= abs(exact) / 2**49


@given(
    st.integers(-(2**60), 2**60),
    st.integers(-20_000, 20_000) | st.integers(-1100, -900),
    st.integers(0, 2**20),
)
def test_bounds_are_on_their_sides_at_every_exponent(mantissa, exponent, radius):
    unit = QQ(2) ** exponent
    ends = (mantissa - radius) * unit, (mantissa + radius) * unit
    with ctx.workprec(128):
        x = ball(ends[0]).union(ball(ends[1]))
    below, above = lower(x), upper(x)
    assert type(below) is type(above) is type(unit)
    assert below <= ends[0] <= ends[1] <= above
    for bound, end in zip((below, above), ends, strict=True):
        assert abs(bound - end) <= abs(end) / 2**49 + 2 * radius * unit / 2**28 + FLOOR


@pytest.mark.parametrize("x", [arb("nan"), arb("inf"), arb("-inf"), arb(10**30).exp()])
def test_a_number_without_a_bound_has_none(x):
    for bound in (lower, upper):
        with pytest.raises(PrecisionError, match="an enclosure exceeds 2"):
            bound(x)


@given(st.integers(-40, 40))
def test_normal(k):
    x, normal = ball(QQ(k, 5)), NormalDist()
    assert abs(float(normal_cdf(x)) - normal.cdf(k / 5)) < 1e-14
    assert abs(float(normal_density(x)) - normal.pdf(k / 5)) < 1e-14


def test_root_of_a_ball_that_reaches_below_zero():
    with ctx.workprec(40):
        assert sqrt_upper_bound(arb(0, 1e-20)) < 1.1e-10


def test_far_tails():
    assert upper(normal_cdf(arb(-(10**30)))) == FLOOR
    tail = arb(-(10**30)).exp()
    assert (lower(tail), upper(tail)) == (0, FLOOR)
    assert (lower(-tail), upper(-tail)) == (-FLOOR, 0)
    assert lower(arb(0)) == upper(arb(0)) == 0


def test_ground_types():
    assert to_fmpq(QQ(-3, 6)) == to_fmpq(to_fmpq(QQ(-1, 2)))
    assert to_fmpq(PythonMPQ(-3, 6)) == to_fmpq(QQ(-1, 2))  # another ground type
