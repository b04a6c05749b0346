"""The linearization is the derivative, and each step solves it."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from exactflow.balancing.newton import DENSE, Frame, Word, rms, traceless


def example(layers: int, n: int, first: int) -> tuple[Word, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(layers + n)
    shape = (layers, n, n)
    X = generator.normal(scale=0.6 / n**0.5, size=shape)
    return Word(layers, n, first), X, generator.standard_normal(shape)


@pytest.mark.parametrize("layers", [5, 6, 9])
@pytest.mark.parametrize("first", [0, 1])
def test_the_linearization_is_the_derivative(layers, first):
    word, X, dX = example(layers, 3, first)
    frame, h = Frame(word, X), 1e-6
    derivative = frame.residual(word.product(X + h * dX)) - frame.residual(word.product(X - h * dX))
    assert np.allclose(frame._apply(dX), derivative / (2 * h), atol=1e-7)
    lam = np.random.default_rng(1).standard_normal((6, 6))
    assert np.isclose(np.vdot(lam, frame._apply(dX)), np.vdot(frame._adjoint(lam), dX))


@pytest.mark.parametrize("n", [1, 3, DENSE + 2])
@pytest.mark.parametrize("pull", [0.0, 0.3, 1.0])
def test_a_step_solves_the_linearized_problem(n, pull):
    word, X, F = example(6, n, 0)
    frame = Frame(word, X)
    F = traceless(np.random.default_rng(2).standard_normal((2 * n, 2 * n)))
    anchor = np.zeros_like(X)
    dX = frame.step(F, pull, anchor, 1e-10)
    assert np.allclose(frame._apply(dX), F, atol=1e-6)
    if pull == 1:
        least = frame.step(F + frame._apply(X), 0.0, anchor, 1e-10)
        assert np.allclose(X + dX, least, atol=1e-6)


def test_the_residual_of_a_product_is_zero():
    word, X, _ = example(7, 4, 1)
    assert rms(Frame(word, X).residual(word.product(X))) < 1e-13
