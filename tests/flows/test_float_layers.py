"""Float layers and their products against the exact kernel, on floats of every kind."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling
from exactflow.errors import InvalidInputError
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly

floats = st.floats(-1e6, 1e6)
scales = st.floats(1e-3, 1e3)
layer = st.builds(
    lambda moves, scale, entries: FloatCoupling(
        moves,
        np.array(entries).reshape((1, 2) if moves == "first" else (2, 1)),
        np.array(scale[: 1 + (moves == "second")]) if len(scale) > 1 else scale[0],
    ),
    st.sampled_from(["first", "second"]),
    st.lists(scales, min_size=1, max_size=2),
    st.lists(floats, min_size=2, max_size=2),
)


def as_rationals(M: DyadicMatrix) -> sympy.Matrix:
    return sympy.Matrix(*M.shape, lambda i, j: sympy.Rational(M.entry(int(i), int(j))))


@given(st.lists(layer, min_size=1, max_size=5))
def test_composed_equals_the_flow(layers):
    flow = CouplingFlow([each.exact() for each in layers])
    assert as_rationals(apply_float_layers_exactly(layers)) == flow.matrix()
    other = DyadicMatrix.from_floats(np.array([[0.5, 1], [3, -0.1], [0, 1e-20]]))
    assert as_rationals(apply_float_layers_exactly(layers, other)) == flow.matrix() * as_rationals(
        other
    )


@pytest.mark.parametrize("moves", ["first", "second"])
def test_float_coupling(moves):
    layer = FloatCoupling(moves, np.array([[3.0]]), 2.0)
    matrix = np.array(layer.exact().matrix().tolist(), dtype=float)
    assert (layer.forward(np.eye(2)) == matrix).all()
    assert (layer.backward(layer.forward(np.array([5.0, 7.0]))) == [5, 7]).all()
    assert abs(layer.condition_number() - np.linalg.cond(matrix)) < 1e-12


@pytest.mark.parametrize(
    "x", [np.array([1, 2]), np.array([True, False]), [1.0, 2.0], np.ones(3), np.array(1.0), 1j]
)
def test_only_floats_of_all_coordinates_are_mapped(x):
    layer = FloatCoupling("first", np.array([[0.5]]))
    for run in (layer.forward, layer.backward):
        with pytest.raises(InvalidInputError, match="expected an array of floats with 2 rows"):
            run(x)


def test_condition_numbers_beyond_float_precision():
    layer = FloatCoupling("first", np.array([[1.0]]), np.array([1e100]))
    assert layer.condition_number() == pytest.approx(1e100)


def test_scales_for_each_coordinate():
    layer = FloatCoupling("second", np.array([[1.0], [1.0]]), np.array([2.0, 3.0]))
    assert layer.partition == (1, 2)
    assert (layer.forward(np.array([[1.0], [1.0], [1.0]])) == [[1], [3], [4]]).all()
    assert (layer.backward(np.array([1.0, 3.0, 4.0])) == [1, 1, 1]).all()
    assert layer.exact().scale == (2, 3)


def test_sparse_shifts_are_kept():
    layer = LinearCoupling((2, 3), "first", DomainMatrix({0: {2: QQ(1, 3)}}, (2, 3), QQ))
    found = FloatCoupling.from_rational(layer)
    assert not isinstance(found.shift, np.ndarray)
    assert (found.with_dense_shift().shift == [[0, 0, 1 / 3], [0, 0, 0]]).all()
    x = np.arange(5.0)
    assert (found.forward(x) == found.with_dense_shift().forward(x)).all()
    assert found.exact() == found.with_dense_shift().exact()
    assert (
        FloatCoupling.from_rational(found.exact()).shift == found.with_dense_shift().shift
    ).all()


def test_the_half_that_moves_is_one_of_two():
    with pytest.raises(InvalidInputError, match="moves to be one of 'first', 'second'"):
        FloatCoupling("third", np.eye(1))
