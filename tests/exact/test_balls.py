"""Balls contain what they should, and upper bounds are upper."""

from statistics import NormalDist

from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ, Rational
from sympy.external.pythonmpq import PythonMPQ

from exactflow.exact.balls import ball, normal_cdf, normal_density, upper, upper_root
from exactflow.exact.numbers import flint_rational


@given(st.fractions())
def test_upper_is_above_and_near(q):
    value = upper(ball(QQ(q.numerator, q.denominator)))
    assert value >= Rational(q.numerator, q.denominator)
    assert value - q <= Rational(abs(q).numerator, q.denominator) / 2**50


@given(st.integers(-40, 40))
def test_normal(k):
    x, normal = ball(QQ(k, 5)), NormalDist()
    assert abs(float(normal_cdf(x)) - normal.cdf(k / 5)) < 1e-14
    assert abs(float(normal_density(x)) - normal.pdf(k / 5)) < 1e-14


def test_root_of_a_ball_that_reaches_below_zero():
    with ctx.workprec(40):
        assert upper_root(arb(0, 1e-20)) < 1.1e-10


def test_far_tails():
    assert upper(normal_cdf(arb(-(10**30)))) == Rational(1, 2**1000)
    assert upper(arb(0)) == 0


def test_ground_types():
    assert flint_rational(QQ(-3, 6)) == flint_rational(flint_rational(QQ(-1, 2)))
    assert flint_rational(PythonMPQ(-3, 6)) == flint_rational(QQ(-1, 2))  # another ground type
