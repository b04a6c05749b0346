"""Enclosures of singular values and condition numbers."""

import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational, sqrt

from exactflow import balance, factor, minimal_depth, random_matrix
from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.laws.conditioning import condition_number, singular_values


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
    with pytest.raises(InvalidInputError, match="rational or algebraic"):
        singular_values([[sympy.Symbol("t")]])


@pytest.mark.parametrize(
    ("M", "kappa"),
    [
        ([[sqrt(2)]], 1),
        ([[sqrt(2), 1], [0, 1]], 1 + sqrt(2)),
        (sqrt(2) * sympy.eye(3), 1),
        ([[sympy.root(2, 3), 0], [0, 1]], sympy.root(2, 3)),
        ([[(sqrt(2) - 1) ** 200, 0], [0, 1]], (sqrt(2) + 1) ** 200),
        ([[sympy.I, 1], [0, 1]], (3 + sqrt(5)) / 2),
        ([[sqrt(2) + sqrt(3), 0], [0, -sqrt(3)]], (sqrt(2) + sqrt(3)) / sqrt(3)),
    ],
)
def test_condition_number_of_algebraic_numbers(M, kappa):
    found = condition_number(M, digits=30)
    assert found.rel_accuracy_bits() > 90
    exact = sympy.N(kappa, 60)
    assert found.overlaps(arb(str(exact), str(exact * sympy.Rational(10) ** -55)))


def test_singular_values_of_singular_algebraic_matrices_are_zero():
    assert singular_values([[0]]) == [0]
    for M in ([[sqrt(2), 2], [1, sqrt(2)]], [[0, sqrt(2)], [0, 0]]):
        values = singular_values(M)
        assert values[0] > 1
        assert values[1] == 0
        with pytest.raises(SingularMatrixError):
            condition_number(M)


def test_condition_number_of_flows_couplings_and_results():
    M = [[2, 1], [1, 1]]
    for flow in (factor(M), minimal_depth(M), PiecewiseFlow(factor(M)).tangent([0, 0])):
        assert condition_number(flow).overlaps(condition_number(M))
    assert abs(condition_number(balance(M)) - condition_number(M)) < 1e-12
    flow = factor([[sqrt(2), 1], [1, sqrt(2)]])
    assert condition_number(flow).overlaps(condition_number(flow.matrix()))
    assert condition_number(flow[0]).overlaps(condition_number(flow[0].matrix()))
    with pytest.raises(InvalidInputError, match=r"jacobian\(x\)"):
        condition_number(PiecewiseFlow(factor(M)))


def test_condition_numbers_of_layers_multiply_to_no_less():
    flow = factor(random_matrix(4, seed=3))
    kappas = [condition_number(layer.matrix()) for layer in flow]
    product = arb(1)
    for kappa in kappas:
        product *= kappa
    assert condition_number(flow.matrix()) <= product


@pytest.mark.parametrize("digits", [-1, 0, 1.5, "15", None, 10**9])
def test_digits_are_a_positive_integer(digits):
    for function in (singular_values, condition_number):
        with pytest.raises(InvalidInputError, match="digits to be an integer from 1 to 100000"):
            function([[1, 2], [3, 4]], digits=digits)


def test_singular_values_of_hilbert_matrices_multiply_to_the_determinant():
    n = 40
    H = sympy.Matrix(n, n, lambda i, j: Rational(1, i + j + 1))
    values = singular_values(H)
    product = arb(1)
    for value in values:
        product *= value
    det = H.to_DM().det()
    assert len(values) == n
    assert product.contains(arb(int(det.numerator)) / int(det.denominator))
