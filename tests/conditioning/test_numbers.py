"""Enclosures of singular values, and the digits that inversion takes."""

import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational

from exactflow import CouplingFlow, LinearCoupling, factor, random_matrix
from exactflow.conditioning import (
    condition_number,
    digits_to_invert,
    float_error,
    layer_condition_numbers,
    singular_values,
    worst_points,
)
from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.balls import PrecisionError
from exactflow.universal import Atoms, approximate


@given(st.integers(1, 4), st.integers(0, 50))
def test_singular_values_agree_with_numpy(d, seed):
    M = random_matrix(d, seed=seed)
    values = [float(value.mid()) for value in singular_values(M)]
    assert np.allclose(values, np.linalg.svd(np.array(M, dtype=float))[1])
    assert len(values) == d


def test_enclosures_are_narrow_and_right():
    values = singular_values([[1, 1], [0, 1]], digits=40)
    golden = (1 + arb(5).sqrt()) / 2
    assert values[0].overlaps(golden)
    assert values[0].rel_accuracy_bits() > 130


@pytest.mark.parametrize(
    ("M", "kappa"),
    [
        (sympy.eye(3), 1),
        ([["1/7"]], 1),
        (sympy.diag(10**40, 1, Rational(1, 10**40)), 10**80),
        ([[0, 2], [1, 0]], 2),
    ],
)
def test_condition_number(M, kappa):
    assert condition_number(M).contains(kappa)


def test_degenerate_matrices():
    assert [float(value.mid()) for value in singular_values([[0, 0], [0, 0]])] == [0, 0]
    with pytest.raises(SingularMatrixError):
        condition_number([[1, 1], [1, 1]])
    with pytest.raises(InvalidInputError, match="rational entries"):
        singular_values([[sympy.sqrt(2)]])


@pytest.mark.parametrize("shift", [10**5, 10**15, 10**30])
def test_digits_of_one_shear(shift):
    """Absolute error 10^-6 after adding and subtracting numbers near `shift`."""
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[shift]])])
    digits = digits_to_invert(flow, [["1/3", "1/7"]])
    assert len(str(shift)) + 3 <= digits <= len(str(shift)) + 8


def test_digits_are_a_threshold():
    flow = factor(random_matrix(4, seed=3))
    points = [[Rational(1, 3)] * 4]
    digits = digits_to_invert(flow, points)
    assert digits_to_invert(flow, points, limit=digits) == digits
    with pytest.raises(PrecisionError, match="raise the limit"):
        digits_to_invert(flow, points, limit=digits - 1)


def test_every_layer_has_a_condition_number():
    flow = factor(random_matrix(4, seed=3))
    kappas = layer_condition_numbers(flow)
    assert len(kappas) == flow.depth
    product = arb(1)
    for kappa in kappas:
        product *= kappa
    assert condition_number(flow.matrix()) <= product


@pytest.mark.parametrize("layers", [2, 3])
def test_float64_fails_where_mpmath_does_not(layers):
    found = approximate(Atoms([[0, 0], [1, 1], [2, 0]]), "1/1000", layers=layers)
    points = worst_points(found)
    assert float_error(found.flow, points) > 1e-3
    assert 16 < digits_to_invert(found.flow, points) < 60


def test_float_error_of_numbers_out_of_range():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[10**400]])])
    assert float_error(flow, [[1, 1]]) == np.inf


@pytest.mark.parametrize("options", [{"tol": 0}, {"sample": []}, {"tol": "-1"}])
def test_refuses(options):
    arguments = {"sample": [[1, 1]], **options}
    with pytest.raises(InvalidInputError, match="expected tol > 0"):
        digits_to_invert(CouplingFlow([LinearCoupling((1, 1), "first", [[1]])]), **arguments)


@pytest.mark.parametrize("digits", [-1, 0, 1.5, "15", None, 10**9])
def test_digits_are_a_positive_integer(digits):
    for function in (singular_values, condition_number):
        with pytest.raises(InvalidInputError, match="integer digits from 1 to 100000"):
            function([[1, 2], [3, 4]], digits=digits)


@pytest.mark.parametrize("limit", [0, 1.5, "10"])
def test_a_limit_is_a_positive_integer(limit):
    with pytest.raises(InvalidInputError, match="integer limit"):
        digits_to_invert(CouplingFlow([], (1, 1)), [[1, 1]], limit=limit)
