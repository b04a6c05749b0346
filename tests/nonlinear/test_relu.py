"""ReLU networks of one input: see also tests/test_piecewise.py, which goes there and back."""

import pytest

from exactflow.errors import InvalidInputError
from exactflow.nonlinear.piecewise import PiecewiseLinear
from exactflow.nonlinear.relu import ReluNetwork


def test_units_of_weight_zero_are_constants():
    network = ReluNetwork((0, 0), (2, -2), ((3,), (5,)), (1,))
    assert network.to_piecewise() == PiecewiseLinear([0], [7])
    assert network(100) == (7,)


def test_coincident_bends_add_up():
    network = ReluNetwork((1, 2, -1), (0, 0, 0), ((1,), (-1,), (-1,)), (0,))
    assert network.to_piecewise() == PiecewiseLinear([0], [0], 1, -1)


def test_affine_needs_two_units():
    assert ReluNetwork.from_piecewise(PiecewiseLinear([0], [1], 2, 2)).width == 2


@pytest.mark.parametrize("outputs", [((1,), (1, 2)), ((1,),)])
def test_refuses_ragged_outputs(outputs):
    with pytest.raises(InvalidInputError, match="one output row"):
        ReluNetwork((1, 1), (0, 0), outputs, (0,))
