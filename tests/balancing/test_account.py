"""The account in integers against the exact kernel, on floats of every kind."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exactflow import CouplingFlow
from exactflow.balancing.account import inverse_error_bound
from exactflow.balancing.factors import snapped
from exactflow.exact.digits import Digits
from exactflow.flows.float_layers import FloatCoupling, composed, enclosed

floats = st.floats(-1e6, 1e6)
scales = st.floats(1e-3, 1e3)
layer = st.builds(
    lambda moves, scale, entries: FloatCoupling(
        moves,
        np.array(entries).reshape((1, 2) if moves == "first" else (2, 1)),
        np.array(scale[: 1 + (moves == "second")]) if len(scale) > 1 else scale[0],
    ),
    st.sampled_from(["first", "second"]),
    st.lists(scales, min_size=1, max_size=2).filter(bool),
    st.lists(floats, min_size=2, max_size=2),
)


def as_rationals(M: Digits) -> sympy.Matrix:
    return sympy.Matrix(*M.shape, lambda i, j: sympy.Rational(M.entry(int(i), int(j))))


@given(st.lists(layer, min_size=1, max_size=5))
def test_composed_equals_the_flow(layers):
    flow = CouplingFlow([each.exact() for each in layers])
    assert as_rationals(composed(layers)) == flow.matrix()
    columns = [2, 0]
    assert as_rationals(composed(layers, columns)) == flow.matrix()[:, columns]
    for bits in (20, 120, 500):
        found = enclosed(layers, bits)
        E = found.digits - composed(layers)
        for k in range(3):
            assert sum(E.entry(i, k) ** 2 for i in range(3)) <= found.slack**2
    assert enclosed(layers, 10**4).slack == 0


def test_snapped_is_on_the_grid_and_near():
    M = np.random.default_rng(0).standard_normal((5, 5)) * np.logspace(-12, 12, 5)
    on_grid = snapped(M)
    assert (on_grid * 2.0**57 == np.rint(on_grid * 2.0**57)).all()
    assert (Digits.of_floats(M) - Digits.of_floats(on_grid)).largest() <= Fraction(1, 2**58)


@given(st.integers(0, 10**6), st.floats(1e-12, 1e-3))
def test_inverse_error_bound_holds(seed, size):
    generator = np.random.default_rng(seed)
    W, E = generator.standard_normal((3, 3)), size * generator.standard_normal((3, 3))
    exact, error = Digits.of_floats(W), Digits.of_floats(E)
    bound = inverse_error_bound(exact, np.linalg.inv(W / 8), 3, error.norm_bound())
    if bound is not None:
        difference = as_rationals(exact).inv() - as_rationals(exact - error).inv()
        assert sum(x * x for x in difference) <= sympy.Rational(bound) ** 2


def test_no_bound_where_a_matrix_may_be_singular():
    one = np.eye(2)
    exact = Digits.of_floats(one)
    assert inverse_error_bound(exact, one, 0, Fraction(1)) is None
    assert inverse_error_bound(exact, 0 * one, 0, Fraction(0)) is None
    assert inverse_error_bound(exact, np.full((2, 2), np.inf), 0, Fraction(0)) is None
    assert inverse_error_bound(exact, one, 0, Fraction(0)) == 0


def test_the_bound_sees_what_floats_do_not():
    W = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-48]])
    bound = inverse_error_bound(Digits.of_floats(W), np.linalg.inv(W), 0, Fraction(1, 2**60))
    assert bound is not None
    assert bound > 2**30


@pytest.mark.parametrize("moves", ["first", "second"])
def test_float_coupling(moves):
    layer = FloatCoupling(moves, np.array([[3.0]]), 2.0)
    matrix = np.array(layer.exact().matrix().tolist(), dtype=float)
    assert (layer.forward(np.eye(2)) == matrix).all()
    assert (layer.backward(layer.forward(np.array([5.0, 7.0]))) == [5, 7]).all()
    assert abs(layer.condition_number() - np.linalg.cond(matrix)) < 1e-12


def test_condition_numbers_beyond_float_precision():
    layer = FloatCoupling("first", np.array([[1.0]]), np.array([1e100]))
    assert layer.condition_number() == pytest.approx(1e100)


def test_scales_for_each_coordinate():
    layer = FloatCoupling("second", np.array([[1.0], [1.0]]), np.array([2.0, 3.0]))
    assert layer.partition == (1, 2)
    assert (layer.forward(np.array([[1.0], [1.0], [1.0]])) == [[1], [3], [4]]).all()
    assert (layer.backward(np.array([1.0, 3.0, 4.0])) == [1, 1, 1]).all()
    assert layer.exact().scale == (2, 3)
