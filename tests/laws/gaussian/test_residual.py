"""What layers make of a covariance: exactly."""

import numpy as np
import pytest
import sympy
from sympy import QQ

from exactflow.flows.float_layers import FloatCoupling
from exactflow.laws.gaussian.covariance import Covariance
from exactflow.laws.gaussian.refinement import round_floats_100_bits_below_column_max


def rational(M):
    return sympy.Matrix([[sympy.Rational(*float(x).as_integer_ratio()) for x in row] for row in M])


@pytest.mark.parametrize("unit", [QQ(1), QQ(1, 2**600), QQ(1, 7), QQ(10**40, 3)])
def test_residual_is_exact(unit):
    rng = np.random.default_rng(1)
    Sigma = rational(np.cov(rng.standard_normal((3, 9)))) * QQ.to_sympy(unit)
    shift, scale = rng.standard_normal((2, 1)), np.array([2.0, 3])
    Q = rational(np.block([[np.eye(1), np.zeros((1, 2))], [shift, np.diag(scale)]]))
    covariance = Covariance.from_matrix_checking_definiteness(Sigma)
    E, error = covariance.whitening_residual_and_largest_entry(
        [FloatCoupling("second", shift, scale)]
    )
    exact = Q * Sigma * Q.T - sympy.eye(3)
    assert error == max(abs(x) for x in exact)
    assert np.allclose(E, np.array(exact, dtype=float), rtol=1e-12, atol=0)
    assert covariance.exact_matrix.to_Matrix() == Sigma
    exact = covariance.exact
    assert exact.minus(exact.numerator).max_abs() == max(
        abs(x) * abs(exact.denominator - 1) for x in Sigma
    )


def test_ordered_and_normalized_stay_exact():
    Sigma = sympy.Matrix([[5, 1, 2], [1, 7, 3], [2, 3, 900]]) / 3
    covariance, k = (
        Covariance.from_matrix_checking_definiteness(Sigma)
        .ordered((2, 0, 1))
        .with_det_near_one_and_log4_divisor()
    )
    assert covariance.exact_matrix.to_Matrix() == Sigma.extract([2, 0, 1], [2, 0, 1]) / 4**k
    assert covariance.rounded[0, 0] == 300 / 4**k
    assert covariance.exact_matrix.to_Matrix().det() == Sigma.det() / 64**k


def test_trimmed():
    M = np.random.default_rng(2).standard_normal((4, 3)) * [1, 1e-200, 1e200]
    assert (round_floats_100_bits_below_column_max(M) == M).all()
    small = np.array([[1.0, 0], [1e-40, 0], [2.0**-70 + 2.0**-110, 0]])
    assert round_floats_100_bits_below_column_max(small).tolist() == [[1, 0], [0, 0], [2.0**-70, 0]]
