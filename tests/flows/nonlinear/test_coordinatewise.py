"""Coordinatewise couplings: inverse, determinant, derivative, with scales that are functions."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Rational

from exactflow.errors import InvalidInputError
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.experiments.coordinatewise import coordinatewise

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=5)
positive = st.fractions(min_value=Rational(1, 5), max_value=3, max_denominator=5)


@st.composite
def functions(draw, values=rationals, slopes=(-2, 0, 2)):
    knots = sorted(draw(st.sets(rationals, min_size=1, max_size=3)))
    left, right = (draw(st.sampled_from(slopes)) for _ in range(2))
    return PiecewiseLinear(knots, [draw(values) for _ in knots], left, right)


@st.composite
def flows_at_points(draw):
    n, layers = draw(st.integers(1, 2)), []
    for _ in range(draw(st.integers(1, 3))):
        shifts = [draw(functions()) for _ in range(n)]
        scales = [draw(functions(positive, (0,))) for _ in range(n)]
        moves, inverted = draw(st.sampled_from(["first", "second"])), draw(st.booleans())
        pairs = zip(shifts, scales, strict=True)
        layer = coordinatewise([PiecewiseCoupling((1, 1), moves, *pair) for pair in pairs])
        layers.append(layer.inverse() if inverted else layer)
    return PiecewiseFlow(layers), draw(st.lists(rationals, min_size=2 * n, max_size=2 * n))


@settings(max_examples=10)
@given(flows_at_points())
def test_inverse_undoes(case):
    flow, x = case
    assert flow.inverse()(flow(x)) == sympy.Matrix(x)
    assert flow(flow.inverse()(x)) == sympy.Matrix(x)
    assert flow.inverse().inverse() == flow
    for layer in flow:
        assert layer.inverse()(layer(x)) == sympy.Matrix(x)


@settings(max_examples=25)
@given(flows_at_points())
def test_determinant_and_derivative(case):
    flow, x = case
    jacobian, y = flow.jacobian(x), flow(x)
    assert sympy.log(jacobian.det()) == flow.log_abs_det(x)
    assert flow.inverse().jacobian(y).det() * jacobian.det() == 1


@settings(max_examples=4)
@given(flows_at_points())
def test_derivative_is_that_of_each_piece(case):
    """A piece is quadratic: the difference quotient is off by at most the step, off the knots."""
    flow, x = case
    tiny = Rational(1, 10**12)
    x = [entry + tiny * 1000 for entry in map(Rational, x)]
    jacobian = flow.jacobian(x)
    steps = [sympy.Matrix(column) for column in (tiny * sympy.eye(len(x))).tolist()]
    near = [step for step in steps if flow.jacobian(sympy.Matrix(x) + step).equals(jacobian)]
    assume(near)
    for step in near:
        assert flow(sympy.Matrix(x) + step) == flow(x) + jacobian * step


@settings(max_examples=6)
@given(flows_at_points())
def test_every_arithmetic_agrees(case):
    flow, x = case
    exact, log = flow(x), flow.log_abs_det(x)
    with mpmath.workdps(40):
        point = [mpmath.mpf(entry.numerator) / entry.denominator for entry in x]
        error = max(
            abs(a - mpmath.mpf(int(b.p)) / int(b.q)) / (1 + abs(a))
            for a, b in zip(flow(point), exact, strict=True)
        )
        assert error < mpmath.mpf(10) ** -25
        assert abs(flow.log_abs_det(point) - mpmath.mpf(str(log.evalf(40)))) < 1e-25
    columns = np.array([[float(entry)] * 3 for entry in x])
    assert np.allclose(flow(columns), np.array(exact, dtype=float))
    logs = flow.log_abs_det(columns)
    assert logs.shape == (3,)
    assert np.allclose(logs, float(log))
    assert np.isclose(flow.log_abs_det(columns[:, 0]), float(log))


BEND = PiecewiseLinear([0], [0], 1, 2)
GROWTH = PiecewiseLinear([0, 1], [1, 3])


def test_derivative_of_one_layer():
    layer = PiecewiseCoupling((1, 1), "second", BEND, GROWTH)
    x = sympy.Rational(1, 2)
    assert PiecewiseFlow([layer]).jacobian([x, 5]) == sympy.Matrix([[1, 0], [2 + 2 * 5, 2]])
    inverse = PiecewiseFlow([layer.inverse()])
    assert inverse.jacobian([x, 5]) == sympy.Matrix([[1, 0], [-(2 + 2 * 2) * x, x]])


def test_determinant_without_a_point():
    constant = PiecewiseLinear([0], [3])
    flow = PiecewiseFlow([PiecewiseCoupling((1, 1), "first", BEND, constant)])
    assert flow.log_abs_det() == sympy.log(3) == flow.log_abs_det([7, 8])
    assert flow.inverse().log_abs_det() == -sympy.log(3)
    bent = PiecewiseFlow([PiecewiseCoupling((1, 1), "first", BEND, GROWTH)])
    with pytest.raises(InvalidInputError, match=r"depend on the point.*log_abs_det\(x\)"):
        bent.log_abs_det()
    with pytest.raises(InvalidInputError, match=r"PiecewiseFlow\(\[layer\]\).log_abs_det\(x\)"):
        bent.layers[0].log_abs_det()
    assert PiecewiseFlow([bent.layers[0]]).log_abs_det([7, 8]) == bent.log_abs_det([7, 8])
    with pytest.raises(InvalidInputError, match="expected one exact point, got 2"):
        bent.log_abs_det([[1, 2], [3, 4]])


def test_displays():
    twice = PiecewiseLinear([0], [(0, 0)], (1, 1), (2, 2))
    layer = PiecewiseCoupling((2, 2), "second", twice, [GROWTH, PiecewiseLinear([0], [2])])
    beside = coordinatewise([PiecewiseCoupling((1, 1), "first", BEND)] * 2)
    flow = PiecewiseFlow([layer, layer.inverse(), beside])
    assert "not 1: 2 of 2" in flow._repr_html_()
    assert "1/2, inverted" in repr(flow)
    assert "2 couplings merged, additive" in repr(flow)
    assert flow._repr_latex_().count("pmatrix") == 6
    assert layer.scale == (GROWTH, 2)
    assert layer.inverse().scale == (GROWTH, Rational(1, 2))


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (BEND, "positive scale"),
        (PiecewiseLinear([0], [1], 0, -1), "positive scale"),
        (PiecewiseLinear([0], [1], 1, 0), "positive scale"),
        ([GROWTH, GROWTH], "one positive scale, or 1 of them"),
        (PiecewiseLinear([0], [(1, 2)]), "function R -> R, got"),
        ("x", "such as"),
    ],
)
def test_refuses(scale, words):
    with pytest.raises(InvalidInputError, match=words):
        PiecewiseCoupling((1, 1), "first", BEND, scale)
