"""The account in integers against the exact kernel, on floats of every kind."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ

from exactflow import CouplingFlow
from exactflow.balancing.account import (
    FloatCoupling,
    Scaled,
    composed,
    inverse_error_bound,
    snapped,
)
from exactflow.exact.coerce import as_matrix

floats = st.floats(-1e6, 1e6)
layer = st.builds(
    lambda moves, scale, entries: FloatCoupling(moves, scale, np.array(entries).reshape(2, 2)),
    st.sampled_from(["first", "second"]),
    st.floats(1e-3, 1e3),
    st.lists(floats, min_size=4, max_size=4),
)


def as_rationals(M: Scaled) -> sympy.Matrix:
    return (M.integers.convert_to(QQ) * QQ(1, M.denominator)).to_Matrix()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4))
def test_every_float_is_taken_exactly(entries):
    taken = Scaled.of_floats(np.array([entries]))
    values = [Fraction(int(x), taken.denominator) for x in taken.integers.to_list_flat()]
    assert values == list(map(Fraction, entries))


@given(st.lists(layer, min_size=1, max_size=5))
def test_composed_equals_the_flow(layers):
    flow = CouplingFlow([each.exact() for each in layers])
    assert as_rationals(composed(layers)) == flow.matrix()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_floats_are_taken_exactly(entries):
    M = np.array(entries).reshape(2, 2)
    assert as_rationals(Scaled.of_floats(M)) == as_matrix(M).to_Matrix()
    assert (Scaled.of_floats(M).floats() == M).all()


def test_snapped_is_on_the_grid_and_near():
    M = np.random.default_rng(0).standard_normal((5, 5)) * np.logspace(-12, 12, 5)
    on_grid = Scaled.of_floats(snapped(M))
    assert on_grid.denominator <= 2**55
    assert (Scaled.of_floats(M) - on_grid).largest() <= Fraction(1, 2**56)


def test_norm_bound():
    assert Scaled.of_floats(np.zeros((2, 2))).norm_bound() == 0
    M = Scaled.of_floats(np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert 2 <= M.norm_bound() ** 2 < 2 + Fraction(1, 2**60)


@given(st.integers(0, 10**6), st.floats(1e-12, 1e-3))
def test_inverse_error_bound_holds(seed, size):
    generator = np.random.default_rng(seed)
    W, E = generator.standard_normal((3, 3)), size * generator.standard_normal((3, 3))
    exact, error = Scaled.of_floats(W), Scaled.of_floats(E)
    bound = inverse_error_bound(exact, np.linalg.inv(W), error)
    if bound is not None:
        difference = as_rationals(exact).inv() - as_rationals(exact - error).inv()
        assert sum(x * x for x in difference) <= sympy.Rational(bound) ** 2


def test_no_bound_where_a_matrix_may_be_singular():
    one = np.eye(2)
    exact = Scaled.of_floats(one)
    assert inverse_error_bound(exact, one, Scaled.of_floats(one)) is None
    assert inverse_error_bound(exact, 0 * one, Scaled.of_floats(0 * one)) is None
    assert inverse_error_bound(exact, one, Scaled.of_floats(0 * one)) == 0


@pytest.mark.parametrize("moves", ["first", "second"])
def test_float_coupling(moves):
    layer = FloatCoupling(moves, 2.0, np.array([[3.0]]))
    matrix = np.array(layer.exact().matrix().tolist(), dtype=float)
    assert (layer.forward(np.eye(2)) == matrix).all()
    assert (layer.backward(layer.forward(np.array([5.0, 7.0]))) == [5, 7]).all()
    assert abs(layer.condition_number() - np.linalg.cond(matrix)) < 1e-12
