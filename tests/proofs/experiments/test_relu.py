"""ReLU networks of one input are the piecewise-linear functions, there and back."""

from hypothesis import given
from hypothesis import strategies as st
from piecewise import functions, rationals
from sympy import QQ

from exactflow.exact.numbers import to_element, to_elements
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.experiments.relu import ReluNetwork, function_of, value


@given(functions(), rationals)
def test_relu_network_and_back(f, x):
    network, x = ReluNetwork.of(f), to_element(x)
    assert value(network, x) == f.value_at(x)
    assert function_of(network) == f
    assert len(network.weights) <= len(f.knots) + 1


@given(st.data())
def test_network_to_function(data):
    width = data.draw(st.integers(0, 5))
    row = st.lists(rationals.map(to_element), min_size=width, max_size=width).map(tuple)
    outputs = tuple(zip(data.draw(row), data.draw(row), strict=True))
    network = ReluNetwork(data.draw(row), data.draw(row), outputs, (QQ.one, QQ(1, 2)))
    f = function_of(network)
    for x in (*f.knots, f.knots[0] - 3, f.knots[-1] + 3, QQ(1, 9)):
        assert f.value_at(x) == value(network, x)
    assert function_of(ReluNetwork.of(f)) == f


def test_units_of_weight_zero_are_constants():
    network = ReluNetwork(*map(to_elements, ((0, 0), (2, -2))), ((3,), (5,)), (1,))
    assert function_of(network) == PiecewiseLinear([0], [7])
    assert value(network, QQ(100)) == (7,)


def test_coincident_bends_add_up():
    network = ReluNetwork(*map(to_elements, ((1, 2, -1), (0, 0, 0))), ((1,), (-1,), (-1,)), (0,))
    assert function_of(network) == PiecewiseLinear([0], [0], 1, -1)


def test_affine_needs_two_units():
    assert len(ReluNetwork.of(PiecewiseLinear([0], [1], 2, 2)).weights) == 2


def test_a_constant_needs_none():
    assert ReluNetwork.of(PiecewiseLinear([3], [7])).weights == ()
