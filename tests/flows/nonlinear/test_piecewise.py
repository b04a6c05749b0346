"""Piecewise-linear functions: one function in every arithmetic."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from piecewise import functions, rationals
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_element, to_float, to_mpf
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear


@given(functions(), rationals)
def test_every_arithmetic_agrees(f, x):
    exact = f(x)
    with mpmath.workdps(40):
        near = f(to_mpf(to_element(x)))
        assert all(
            abs(a - to_mpf(to_element(b))) < mpmath.mpf(10) ** -36
            for a, b in zip(near, exact, strict=True)
        )
    assert np.allclose(f(np.array([float(x)]))[:, 0], [float(v) for v in exact])


def test_values_and_slopes_may_be_arrays():
    values, left = np.array([[1, 0.5], [3, 4]]), np.array([1, 2])
    f = PiecewiseLinear(np.array([0, 1.0]), values, left)
    assert f == PiecewiseLinear([0, 1], [(1, "1/2"), (3, 4)], (1, 2))
    with pytest.raises(InvalidInputError, match="got ndarray 1"):
        PiecewiseLinear([0], [np.array(1)])


@pytest.mark.parametrize(("knot", "x"), [(10**400, 1.0), (10**308, -1.7e308)])
def test_a_flat_piece_is_flat_where_floats_overflow(knot, x):
    assert PiecewiseLinear([knot], [0], right=1)(np.array(x)) == [0]


def test_values_at_infinity():
    """The first piece is flat, and the last one falls; NaN has no value."""
    f = PiecewiseLinear([0, 1], [3, 5], right=-1)
    x = np.array([[-np.inf, np.inf], [np.nan, -7]])
    np.testing.assert_array_equal(f(x), [[[3, -np.inf], [np.nan, 3]]])
    np.testing.assert_array_equal(f(np.array(-np.inf)), [3])


@given(functions(), st.data())
def test_linear_between_knots(f, data):
    k = data.draw(st.integers(0, len(f.slopes) - 1))
    ends = [f.knots[0] - 1, *f.knots, f.knots[-1] + 1]
    a, b = ends[k], ends[k + 1]
    middle = f.value_at((a + b) / 2)
    assert middle == tuple((u + v) / 2 for u, v in zip(f.value_at(a), f.value_at(b), strict=True))
    assert f.slope_right_of(a if k else (a + b) / 2) == f.slopes[k]
    assert all(f.value_at(knot) == value for knot, value in zip(f.knots, f.values, strict=True))


def test_redundant_knots_are_dropped():
    assert PiecewiseLinear([0, 1, 2], [0, 1, 2], 1, 1) == PiecewiseLinear([5], [5], 1, 1)
    assert PiecewiseLinear([3], [7]) == PiecewiseLinear([0, 1], [7, 7])


def test_mpf_between_close_knots():
    """A ramp of width 10^-30 is found by exact comparison, not by rounded knots."""
    tiny = Rational(1, 10**30)
    step = PiecewiseLinear([1, 1 + tiny], [0, 1])
    with mpmath.workdps(50):
        assert abs(step(1 + mpmath.mpf(10) ** -30 / 4)[0] - 0.25) < 1e-15
    assert step(np.array([1.0]))[0, 0] in (0, 1)
    assert step.slopes[1] == (10**30,)


def test_arrays_of_elements_where_floats_cannot_tell_knots_apart():
    close = [1 + k * QQ(1, 10**30) for k in range(-3, 4)]
    knots = [-(QQ(10) ** 400), -(QQ(10) ** 399), QQ(0), *close, QQ(10) ** 398, QQ(10) ** 400]
    f = PiecewiseLinear(knots, [(k * k % 7, k % 3) for k in range(len(knots))], (1, 2), (3, 4))
    middles = [(a + b) / 2 for a, b in itertools.pairwise(knots)]
    places = [2 * knots[0], 2 * knots[-1], *middles[::-1], *knots]
    values = f.value_at(np.array(places, dtype=object))
    assert [*zip(*values.tolist(), strict=True)] == [f.value_at(x) for x in places]


def test_floats_out_of_range():
    assert to_float(QQ(-(10**400))) == -np.inf
    steep = PiecewiseLinear([0, Rational(1, 10**400)], [0, 1])
    assert steep(np.array([-1.0, 1.0])).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], []), "at least one|equal length"),
        (([0, 0], [1, 2]), "increasing"),
        (([0, 1], [1]), "one value for each"),
        (([0, 1], [[1], [1, 2]]), "values of one length"),
        (([0], [[]]), "values of one length"),
        (([0], [1], [1, 2]), "left=.. and right=.. to have 1 entries, as many as a value has"),
        ((["a"], [1]), "number"),
        (([float("nan")], [1]), "finite"),
        (([sympy.sqrt(2)], [1]), "rational"),
    ],
)
def test_refuses(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        PiecewiseLinear(*arguments)


def test_refuses_points_without_a_value():
    f = PiecewiseLinear([0], [0])
    with pytest.raises(InvalidInputError, match="finite"):
        f(mpmath.inf)


def test_integers_in_int64():
    steps = PiecewiseLinear([0, 1, 5, 6], [(0, 2), (3, 2), (3, 2), (-4, 9)])
    x = np.arange(-3, 10)
    assert steps.value_at(x).dtype == np.int64
    assert steps.value_at(x).T.tolist() == [list(steps(int(k))) for k in x]
    for unlike in (PiecewiseLinear([0, 2], [0, 1]), PiecewiseLinear(["1/2", 1], [0, 1])):
        with pytest.raises(InvalidInputError, match="but one of them is 1/2"):
            unlike.value_at(x)
