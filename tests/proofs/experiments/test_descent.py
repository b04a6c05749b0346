"""The gradient is the derivative of the loss, and Adam comes nearer with more steps."""

import numpy as np

from proofs.experiments.descent import adam, loss_gradient
from proofs.experiments.layers import layer_matrices


def test_the_gradient_is_the_derivative():
    generator = np.random.default_rng(0)
    T, dT = generator.standard_normal((2, 5, 2, 2))
    t, dt = generator.standard_normal((2, 5, 2)) / 2
    M, h = generator.standard_normal((4, 4)), 1e-6

    def loss(T, t):
        product = np.linalg.multi_dot(layer_matrices(T, t)[::-1])
        return np.linalg.norm(product - M) ** 2 / np.linalg.norm(M) ** 2

    in_T, in_t = loss_gradient(T, t, M)
    derivative = (loss(T + h * dT, t) - loss(T - h * dT, t)) / (2 * h)
    assert np.isclose(np.vdot(in_T, dT), derivative, rtol=1e-6)
    derivative = (loss(T, t + h * dt) - loss(T, t - h * dt)) / (2 * h)
    assert np.isclose(np.vdot(in_t, dt), derivative, rtol=1e-6)


def test_the_gradients_of_several_matrices_are_those_of_each():
    generator = np.random.default_rng(1)
    T, Ms = generator.standard_normal((3, 4, 2, 2)), generator.standard_normal((3, 4, 4))
    t = generator.standard_normal((3, 4, 2)) / 3
    each = [loss_gradient(*problem) for problem in zip(T, t, Ms, strict=True)]
    for found, expected in zip(loss_gradient(T, t, Ms), zip(*each, strict=True), strict=True):
        assert np.allclose(found, expected, rtol=1e-12, atol=0)


def test_scales_reach_another_determinant():
    M = np.diag([4.0, 0.25, 3.0, 1.0])
    shears, scaled = (adam(M, 4, 1000, 0.02, cosine=True, scaled=s) for s in (False, True))
    assert np.abs(shears - M).max() > 0.1
    assert np.abs(scaled - M).max() < 1e-2


def test_more_steps_come_nearer():
    W = np.eye(4)[[1, 2, 0, 3]]
    few, many = (np.abs(adam(W, 6, steps, 0.02, cosine=True) - W).max() for steps in (10, 1000))
    assert many < 1e-3 < few
