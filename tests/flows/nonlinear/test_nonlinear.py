"""Flows of piecewise-linear couplings: inverse, determinant, derivative, in every arithmetic."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Rational

from exactflow import CouplingFlow, LinearCoupling, factor, random_matrix
from exactflow.errors import InvalidInputError
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=5)
positive = st.fractions(min_value=Rational(1, 5), max_value=3, max_denominator=5)


@st.composite
def flows(draw):
    partition = draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2)]))
    layers = []
    for _ in range(draw(st.integers(1, 4))):
        moves = draw(st.sampled_from(["first", "second"]))
        moved, kept = partition if moves == "first" else partition[::-1]
        point = st.lists(rationals, min_size=moved, max_size=moved)
        scale = draw(st.lists(positive, min_size=moved, max_size=moved))
        if draw(st.booleans()):
            shift = [draw(st.lists(rationals, min_size=kept, max_size=kept)) for _ in range(moved)]
            layers.append(LinearCoupling(partition, moves, shift, scale))
            continue
        knots = sorted(draw(st.sets(rationals, min_size=1, max_size=3)))
        values = [draw(point) for _ in knots]
        function = PiecewiseLinear(knots, values, draw(point), draw(point))
        row = st.lists(rationals, min_size=kept, max_size=kept).filter(any)
        reads = draw(st.one_of(st.integers(0, kept - 1), row))
        layers.append(PiecewiseCoupling(partition, moves, function, scale, reads))
    return PiecewiseFlow(layers)


@st.composite
def flows_at_points(draw):
    flow = draw(flows())
    size = flow.dimension
    return flow, draw(st.lists(rationals, min_size=size, max_size=size))


@settings(max_examples=25)
@given(flows_at_points())
def test_inverse_undoes(case):
    flow, x = case
    y = flow.forward(x)
    assert flow.inverse().forward(y) == sympy.Matrix(x)
    assert flow.forward(flow.inverse().forward(x)) == sympy.Matrix(x)


@settings(max_examples=10)
@given(flows_at_points())
def test_determinant_and_derivative(case):
    flow, x = case
    jacobian = flow.jacobian(x)
    assert sympy.log(jacobian.det()) == flow.log_abs_det()
    assert flow.inverse().jacobian(flow.forward(x)).det() * jacobian.det() == 1


@settings(max_examples=5)
@given(flows_at_points())
def test_derivative_is_exact_within_a_piece(case):
    flow, x = case
    tangent = flow.tangent(x)
    tiny = Rational(1, 10**30) * sympy.eye(flow.dimension)
    steps = [sympy.Matrix(column) for column in tiny.tolist()]
    near = [step for step in steps if flow.tangent(sympy.Matrix(x) + step) == tangent]
    assume(near)
    for step in near:
        assert flow.forward(sympy.Matrix(x) + step) == flow.forward(x) + tangent.matrix() * step


@settings(max_examples=6)
@given(flows_at_points())
def test_every_arithmetic_agrees(case):
    flow, x = case
    exact = flow.forward(x)
    with mpmath.workdps(40):
        point = [mpmath.mpf(entry.numerator) / entry.denominator for entry in x]
        error = max(
            abs(a - mpmath.mpf(int(b.p)) / int(b.q))
            for a, b in zip(flow.forward(point), exact, strict=True)
        )
        assert error < mpmath.mpf(10) ** -33
    columns = np.array([[float(entry)] * 3 for entry in x])
    got = flow.forward(columns)
    assert got.shape == columns.shape
    assert np.allclose(got, np.array(exact, dtype=float))
    assert np.allclose(flow.forward(columns[:, 0]), got[:, 0], rtol=1e-12)


def test_columns_are_mapped_one_by_one():
    bend = PiecewiseLinear([0], [0], -1, 1)
    flow = PiecewiseFlow([PiecewiseCoupling((1, 1), "second", bend)])
    assert flow.forward([[1, -2], [0, 0]]) == sympy.Matrix([[1, -2], [1, 2]])


STEEP = PiecewiseFlow(
    [PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0, "1/3"], [0, 1]), "1/7")]
)


def test_tangent_is_exact_in_every_arithmetic():
    slopes = sympy.Matrix([[1, 0], [3, Rational(1, 7)]])
    for x in (["1/10", 0], [mpmath.mpf("0.1"), 0], [0.1, 0.0], np.array([[0.1], [0.0]])):
        assert STEEP.tangent(x).matrix() == slopes


def test_tangent_where_the_image_overflows_gives_no_warning():
    flow = PiecewiseFlow([PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0], [0], 1, 1))])
    x = np.array([1e308, 1e308])
    assert np.array_equal(flow.forward(x), [1e308, np.inf])
    assert flow.tangent(x).matrix() == sympy.Matrix([[1, 0], [1, 1]])


def test_jacobian_is_in_the_numbers_of_the_point():
    assert STEEP.jacobian(["1/10", 0]) == sympy.Matrix([[1, 0], [3, Rational(1, 7)]])
    with mpmath.workdps(40):
        high = STEEP.jacobian(mpmath.matrix(["0.1", 0]))
        assert isinstance(high, mpmath.matrix)
        assert high[1, 1] == mpmath.mpf(1) / 7
    for dtype in (np.float64, np.float32):
        found = STEEP.jacobian(np.array([0.1, 0.0], dtype))
        assert found.dtype == dtype
        assert np.array_equal(found, np.array([[1, 0], [3, 1 / 7]], dtype))
    assert np.array_equal(STEEP.jacobian([0.1, 0]), [[1, 0], [3, 1 / 7]])
    with pytest.raises(InvalidInputError, match="one point, got 2 columns"):
        STEEP.jacobian([[0.1, 0.2], [0.0, 0.0]])


def test_jacobian_of_a_flow_without_layers():
    flow = PiecewiseFlow([], partition=(1, 2))
    assert flow.jacobian([1, 2, 3]) == sympy.eye(3)
    assert np.array_equal(flow.jacobian([1.0, 2.0, 3.0]), np.eye(3))


def test_piecewise_flow_of_linear_layers_is_the_matrix():
    M = random_matrix(4, seed=2)
    assert PiecewiseFlow(factor(M)).jacobian([1, 2, 3, 4]) == M


BEND = PiecewiseLinear([0], [0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((1, 1), "both", BEND), "moves to be"),
        (((1, 2), "second", BEND), r"R -> R\^2"),
        (((1, 1), "second", BEND, 0), "positive"),
        (((1, 1), "second", BEND, [1, 1]), "positive"),
        (((1, 1), "second", BEND, 1, 1), "reads"),
        (((2, 1), "second", BEND, 1, [1]), "2 rationals that are not all zero"),
        (((2, 1), "second", BEND, 1, [0, 0]), "2 rationals that are not all zero"),
        (((2, 1), "second", BEND, 1, [1, "x"]), "a number such as"),
    ],
)
def test_layer_refuses(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        PiecewiseCoupling(*arguments)


def test_a_layer_reads_a_coordinate_or_a_row():
    bend = PiecewiseLinear([0, 1], [0, 2], 1)
    by_place, by_row = (PiecewiseCoupling((2, 1), "second", bend, 3, r) for r in (1, [0, 1]))
    assert by_place == by_row
    assert by_row.reads == 1
    assert repr(by_row) == "<PiecewiseCoupling (2, 1): moves second, knots 2, scale 3>"
    layer = PiecewiseCoupling((2, 1), "second", bend, 3, ["1/2", -1])
    assert layer != by_place
    assert layer.reads == (Rational(1, 2), -1)
    assert repr(layer).endswith("scale 3, reads (1/2, -1)>")
    assert "reads (1/2, -1)" in PiecewiseFlow([layer])._repr_html_()
    assert layer.forward([3, 1, 5]) == sympy.Matrix([3, 1, 16])
    assert layer.inverse().reads == layer.reads
    assert PiecewiseFlow([layer]).difference(PiecewiseFlow([by_place])).startswith("layer 0: ")


def test_a_flow_of_no_layers_has_a_partition():
    flow = PiecewiseFlow([], order=[1, 0, 2], partition=(1, 2))
    assert flow.depth == 0
    assert flow.forward([1, 2, 3]) == flow.inverse().forward([1, 2, 3]) == sympy.Matrix([1, 2, 3])
    assert flow.log_abs_det() == 0
    assert flow @ flow == flow


@pytest.mark.parametrize("flow_class", [CouplingFlow, PiecewiseFlow])
def test_a_flow_of_no_layers_with_other_halves_is_no_factor(flow_class):
    flow, other = PiecewiseFlow([], partition=(1, 1)), flow_class([], partition=(2, 1))
    with pytest.raises(InvalidInputError, match=r"equal partition, got \(1, 1\) and \(2, 1\)"):
        flow @ other


def test_a_linear_flow_after_a_piecewise_flow():
    bent = PiecewiseFlow([PiecewiseCoupling((1, 1), "second", BEND)])
    linear = CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]], [2])])
    x = sympy.Matrix([Rational(1, 2), 4])
    assert (linear @ bent).layers == (*bent.layers, *linear.layers)
    assert (linear @ bent).forward(x) == linear.forward(bent.forward(x))
    with pytest.raises(InvalidInputError, match=r"without flips, got flips \[1\]"):
        CouplingFlow([], (1, 1), flips=[1]) @ bent
    with pytest.raises(TypeError):
        np.eye(2) @ bent


def test_flow_refuses():
    layer = PiecewiseCoupling((1, 1), "second", BEND)
    with pytest.raises(InvalidInputError, match="needs a partition"):
        PiecewiseFlow([])
    with pytest.raises(InvalidInputError, match=r"of partition \(1, 1\)"):
        PiecewiseFlow([layer, LinearCoupling((1, 2), "first", [[1, 1]])])
    with pytest.raises(InvalidInputError, match="linear couplings over QQ"):
        PiecewiseFlow([LinearCoupling((1, 1), "first", [[sympy.sqrt(2)]])])
    with pytest.raises(InvalidInputError, match="only a flow over QQ maps"):
        CouplingFlow([LinearCoupling((1, 1), "first", [[sympy.sqrt(2)]])]).forward(np.zeros(2))
    flow = PiecewiseFlow([layer])
    for x, words in [(np.zeros(3), "2 entries"), (np.zeros((2, 1, 1)), "2 rows"), ([1], "2")]:
        with pytest.raises(InvalidInputError, match=words):
            flow.forward(x)


@pytest.mark.parametrize("conditioner", [3, None, [1, 2], lambda x: x])
def test_a_conditioner_is_a_piecewise_linear_function(conditioner):
    told = f"expected a PiecewiseLinear conditioner, got {type(conditioner).__name__}"
    with pytest.raises(InvalidInputError, match=told):
        PiecewiseCoupling((1, 1), "first", conditioner)
