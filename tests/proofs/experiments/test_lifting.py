"""Triangular lifting: near W, and exactly invertible where numbers stay small."""

import numpy as np
import pytest

from proofs.experiments.lifting import LiftedLU, PlusFactorization


def unimodular(d: int, sign: int = 1) -> np.ndarray:
    W = np.random.default_rng(d).standard_normal((d, d))
    W /= np.exp(np.linalg.slogdet(W)[1] / d)
    return W * np.where(np.arange(d) == 0, sign * np.linalg.slogdet(W)[0], 1)


@pytest.mark.parametrize("d", [2, 3, 8, 24])
@pytest.mark.parametrize("sign", [1, -1])
def test_both_are_bijections_near_the_matrix(d, sign):
    W = unimodular(d, sign)
    x = np.random.default_rng(0).integers(-1000, 1001, (d, 500)).astype(float)
    plus, lu = PlusFactorization.of(W, 26), LiftedLU.of(W, 26)
    y = plus.forward(x)
    assert np.sqrt(np.mean((y - W @ x) ** 2)) < 2
    assert (plus.backward(y) == x).all()
    y, rest = lu.forward(x)
    assert np.sqrt(np.mean((y - W @ x) ** 2)) < 3
    assert (lu.backward(y, rest) == x).all()


def test_plus_is_the_product_of_its_factors():
    W = unimodular(6)
    plus = PlusFactorization.of(W, 40)
    one = np.eye(6)
    S = one.copy()
    S[-1] -= plus.row
    ends = np.diag([1.0] * 5 + [plus.sign])
    product = (plus.lower + one) @ ends @ (plus.upper + one) @ S
    assert np.abs(product - W[plus.order][:, plus.columns]).max() < 1e-9


def test_units_beyond_64_bits_are_refused():
    W = np.diag([2.0**-60, 2.0**60])
    with pytest.raises(OverflowError, match="64 bits"):
        LiftedLU.of(W, 20).forward(np.full((2, 1), 1000.0))
