"""The account in integers: exact, and coarser only where refinement cannot notice."""

from fractions import Fraction

import numpy as np
import pytest

from exactflow.exact.rational import RationalMatrix
from exactflow.flows.float_layers import FloatCoupling
from exactflow.gaussian.blocks import CovarianceBlocks, trimmed


def exactly(M):
    return [[Fraction(float(x)) for x in row] for row in M]


def fractions(whole):
    return [[Fraction(int(x), whole.denominator) for x in row] for row in whole.numerator.tolist()]


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_floats_are_taken_exactly(scale):
    M = scale * np.random.default_rng(0).standard_normal((2, 3))
    M[0, 0] = 0
    whole = RationalMatrix.of_floats(M)
    assert fractions(whole) == exactly(M)
    assert (whole.floats == M).all()
    assert whole.largest() == max(abs(Fraction(float(x))) for x in M.flat)
    scaled = RationalMatrix.eye(3).scale_rows(list(map(Fraction, M[1].tolist())))
    assert fractions(scaled) == exactly(np.diag(M[1]))


def test_a_layer_maps_the_covariance():
    rng = np.random.default_rng(1)
    Sigma, shift, scale = np.cov(rng.standard_normal((3, 9))), rng.standard_normal((2, 1)), [2.0, 3]
    blocks = Sigma[:1, :1], Sigma[:1, 1:], Sigma[1:, 1:]
    moved = CovarianceBlocks(*map(RationalMatrix.of_floats, blocks)).after(
        [FloatCoupling("second", shift, np.array(scale))]
    )
    Q = np.block([[np.eye(1), np.zeros((1, 2))], [shift, np.diag(scale)]])
    expected = Q @ Sigma @ Q.T
    assert np.allclose(moved.first.floats, expected[:1, :1])
    assert np.allclose(moved.cross.floats, expected[:1, 1:])
    assert np.allclose(moved.second.floats, expected[1:, 1:])


def test_trimmed():
    M = np.random.default_rng(2).standard_normal((4, 3)) * [1, 1e-200, 1e200]
    assert (trimmed(M) == M).all()
    small = np.array([[1.0, 0], [1e-40, 0], [2.0**-70 + 2.0**-110, 0]])
    assert trimmed(small).tolist() == [[1, 0], [0, 0], [2.0**-70, 0]]


def test_coarse():
    """Units of any size are kept; digits far below the least variance are not."""
    one, tiny = np.eye(1), np.full((1, 1), 1e-100)
    plain = CovarianceBlocks(*map(RationalMatrix.of_floats, (one, one / 3, one)))
    assert plain.coarse() is plain
    small = CovarianceBlocks(
        *map(RationalMatrix.of_floats, (1e-200 * one, 1e-201 * one, 1e-200 * one))
    )
    assert small.coarse() is small
    coarse = CovarianceBlocks(*map(RationalMatrix.of_floats, (one, tiny, one))).coarse()
    assert coarse.cross.largest() == 0
    assert coarse.first.largest() == 1
