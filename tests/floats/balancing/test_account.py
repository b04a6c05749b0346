"""The bound for inverses, from both sides; layers on their grid."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.dyadic_matrix import DyadicMatrix, DyadicQuotient
from exactflow.floats.balancing import balance
from exactflow.floats.balancing.balanced import bound_frobenius_inverse_perturbation
from exactflow.floats.balancing.closed_form import round_to_grid_relative_to


def as_rationals(M: DyadicMatrix) -> sympy.Matrix:
    return sympy.Matrix(*M.shape, lambda i, j: sympy.Rational(M.entry(int(i), int(j))))


def test_snapped_is_on_the_grid_and_near():
    M = np.random.default_rng(0).standard_normal((5, 5)) * np.logspace(-12, 12, 5)
    on_grid = round_to_grid_relative_to(M)
    assert (on_grid * 2.0**57 == np.rint(on_grid * 2.0**57)).all()
    assert (DyadicMatrix.from_floats(M) - DyadicMatrix.from_floats(on_grid)).max_abs() <= Fraction(
        1, 2**58
    )


@given(st.integers(0, 10**6), st.floats(1e-12, 1e-3))
def test_inverse_error_bound_holds(seed, size):
    generator = np.random.default_rng(seed)
    W, E = generator.standard_normal((3, 3)), size * generator.standard_normal((3, 3))
    exact, error = DyadicMatrix.from_floats(W), DyadicMatrix.from_floats(E)
    bound = bound_frobenius_inverse_perturbation(
        DyadicQuotient(exact), np.linalg.inv(W / 8), 3, error.bound_frobenius_norm()
    )
    assume(bound is not None)  # of which Hypothesis complains where that is rare
    difference = as_rationals(exact).inv() - as_rationals(exact - error).inv()
    assert sum(x * x for x in difference) <= sympy.Rational(bound) ** 2


def test_no_bound_where_a_matrix_may_be_singular():
    one = np.eye(2)
    exact = DyadicMatrix.from_floats(one)
    assert bound_frobenius_inverse_perturbation(DyadicQuotient(exact), one, 0, Fraction(1)) is None
    assert (
        bound_frobenius_inverse_perturbation(DyadicQuotient(exact), 0 * one, 0, Fraction(0)) is None
    )
    assert (
        bound_frobenius_inverse_perturbation(
            DyadicQuotient(exact), np.full((2, 2), np.inf), 0, Fraction(0)
        )
        is None
    )
    assert bound_frobenius_inverse_perturbation(DyadicQuotient(exact), one, 0, Fraction(0)) == 0


def test_the_bound_sees_what_floats_do_not():
    W = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-48]])
    bound = bound_frobenius_inverse_perturbation(
        DyadicQuotient.from_array(W), np.linalg.inv(W), 0, Fraction(1, 2**60)
    )
    assert bound is not None
    assert bound > 2**30


def test_the_bound_is_nearly_attained():
    """Where the error lies along the least singular vectors, |dW^-1| is |W^-1|^2 |dW|."""
    W = np.diag([4.0, 2.0, 2.0**-6])
    E = np.zeros((3, 3))
    E[2, 2] = 2.0**-40
    bound = bound_frobenius_inverse_perturbation(
        DyadicQuotient.from_array(W), np.linalg.inv(W), 0, Fraction(1, 2**40)
    )
    exact = 1 / (Fraction(W[2, 2]) - Fraction(E[2, 2])) - 1 / Fraction(W[2, 2])
    assert exact <= bound <= Fraction(1001, 1000) * exact


@pytest.mark.parametrize("d", [2, 5])
def test_the_inverse_of_a_rotation_is_known_to_its_norm(d):
    """A norm for the largest entry: d^1.5, the most between them for W^-1 and for the error."""
    Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    result = balance(Q, orientation="flip")
    difference = result.flow.matrix().inv() - as_square_matrix(Q).to_Matrix().inv()
    error = max(map(abs, difference))
    assert error <= result.inverse_difference_bound < 2 * d**1.5 * error
