"""The peer descends along the true gradient."""

import numpy as np
import pytest

from exactflow.balancing.descent import adam, loss_gradient
from exactflow.balancing.newton import Word


@pytest.mark.parametrize("first", [0, 1])
def test_the_gradient_is_the_derivative(first):
    generator = np.random.default_rng(0)
    word, X, dX = Word(5, 2, first), *generator.standard_normal((2, 5, 2, 2))
    W, h = generator.standard_normal((4, 4)), 1e-6

    def loss(X):
        return np.linalg.norm(word.product(X) - W) ** 2 / 2

    derivative = (loss(X + h * dX) - loss(X - h * dX)) / (2 * h)
    assert np.isclose(np.vdot(loss_gradient(word, X, W), dX), derivative, rtol=1e-6)


def test_more_steps_come_nearer():
    W = np.eye(4)[[1, 2, 0, 3]]
    assert adam(W, 6, 1000) < 1e-3 < adam(W, 6, 10)
