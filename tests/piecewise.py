"""Piecewise-linear functions, small ones, for Hypothesis."""

from hypothesis import strategies as st

from exactflow.flows.nonlinear.piecewise import PiecewiseLinear

rationals = st.fractions(min_value=-5, max_value=5, max_denominator=7)


@st.composite
def functions(draw, dimension=None):
    m = dimension or draw(st.integers(1, 3))
    point = st.lists(rationals, min_size=m, max_size=m)
    knots = sorted(draw(st.sets(rationals, min_size=1, max_size=5)))
    values = [draw(point) for _ in knots]
    return PiecewiseLinear(knots, values, draw(point), draw(point))
