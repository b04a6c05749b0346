"""Signs of determinants: they are those of exact arithmetic, however elimination errs."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from exactflow import balance
from exactflow.errors import OrientationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.floats.balancing import determinant
from exactflow.floats.balancing.determinant import determinant_sign
from exactflow.floats.lossless import lossless


def growing(d: int, columns: int, seed: int) -> np.ndarray:
    """A well-conditioned matrix on which partial pivoting loses all digits: U grows by 2^(d-1)."""
    W = np.eye(d) - np.tril(np.ones((d, d)), -1)
    W[:, -columns:] = 0.95 + 0.1 * (np.random.default_rng(seed).random((d, columns)) - 0.5)
    return W


def exact_sign(W) -> int:
    det = as_square_matrix(W).to_dense().det()
    return (det > 0) - (det < 0)


GROWING = [
    pytest.param(growing(64, columns, seed), marks=[pytest.mark.slow] * (seed > 1))
    for columns in (1, 2, 4, 8)
    for seed in range(4)
]


@pytest.mark.slow
@pytest.mark.parametrize("W", GROWING, ids=range(len(GROWING)))
def test_sign_where_partial_pivoting_loses_all_digits(W):
    sign = exact_sign(W)
    assert determinant_sign(W) == sign
    W[:, 0] *= sign
    assert balance(W, method="closed").flips == ()
    W[:, 0] *= -1
    for function in (balance, lossless):
        with pytest.raises(OrientationError, match="det < 0"):
            function(W)


def test_growing_matrices_have_layers_and_certified_inverses():
    W = growing(64, 2, 0)
    W[:, 0] *= exact_sign(W)
    found = balance(W)
    assert found.error < Fraction(1, 10**12)
    assert found.inverse_difference_bound < Fraction(1, 10**9)
    assert lossless(W).flips == ()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("d", [1, 2, 3, 7, 20])
def test_sign_of_integers_floats_and_fractions(d, seed):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-2, 3, (d, d)).astype(float)
    floats = rng.standard_normal((d, d)) * 10.0 ** rng.integers(-150, 150, (d, 1))
    thirds = np.array([[Fraction(int(x), 3) for x in row] for row in whole])
    for W in (whole, floats, thirds):
        assert determinant_sign(W) == exact_sign(W.tolist())


def test_sign_of_nearly_singular_matrices():
    tiny = Fraction(1, 10**80)
    for shift in (-tiny, 0, tiny):
        W = np.array([[Fraction(1), Fraction(1)], [Fraction(1), 1 + shift]])
        assert determinant_sign(W) == (shift > 0) - (shift < 0)
    hilbert = np.array([[Fraction(1, i + j + 1) for j in range(12)] for i in range(12)])
    assert determinant_sign(hilbert) == 1
    assert determinant_sign(hilbert.astype(float)) == exact_sign(hilbert.astype(float))
    assert determinant_sign(np.zeros((3, 3))) == 0
    assert determinant_sign(np.array([[1e-308, 0], [0, -1e308]])) == -1


@pytest.mark.parametrize("d", [3, 5, 8])
def test_sign_where_one_row_is_a_rounded_sum_of_the_others(d):
    for seed in range(40):
        W = np.random.default_rng(seed).standard_normal((d, d))
        W[-1] = W[:-1].sum(0)
        assert determinant_sign(W) == exact_sign(W)


def test_floats_decide_the_sign_of_ordinary_matrices(monkeypatch):
    monkeypatch.setattr(determinant, "_sign_by_balls", None)
    for seed in range(4):
        W = np.random.default_rng(seed).standard_normal((30, 30))
        assert determinant_sign(W) == exact_sign(W)
        assert determinant_sign(np.linalg.qr(W)[0]) == exact_sign(np.linalg.qr(W)[0])
    permutation = np.array(sympy.eye(5).permute_rows([[0, 1], [2, 3], [3, 4]]), dtype=float)
    assert determinant_sign(permutation) == -1


def test_fractions_below_the_normal_floats_keep_their_sign():
    W = [[Fraction(149, 100), Fraction(151, 100)], [Fraction(7, 5), Fraction(149, 100)]]
    tiny = np.array(W, dtype=object) * Fraction(1, 2**1074)  # rounded, it has a negative one
    assert determinant_sign(tiny) == 1
    assert determinant_sign(tiny[::-1]) == -1
    assert balance(tiny.tolist()).error < Fraction(1, 2**1100)
