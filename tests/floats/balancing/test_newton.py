"""The linearization is the derivative, and each step solves it."""

import numpy as np
import pytest

from exactflow.floats.balancing.newton import (
    CentredLinearization,
    ShearPattern,
    remove_trace,
    rms_singular_value,
)
from exactflow.floats.balancing.tuning import TUNING


def example(layers: int, n: int, first: int) -> tuple[ShearPattern, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(layers + n)
    shape = (layers, n, n)
    X = generator.normal(scale=0.6 / n**0.5, size=shape)
    return ShearPattern(layers, n, first), X, generator.standard_normal(shape)


@pytest.mark.parametrize("layers", [5, 6, 9])
@pytest.mark.parametrize("first", [0, 1])
def test_the_linearization_is_the_derivative(layers, first):
    pattern, X, dX = example(layers, 3, first)
    linearization, h = CentredLinearization(pattern, X), 1e-6
    derivative = linearization.centred_residual(
        pattern.product(X + h * dX)
    ) - linearization.centred_residual(pattern.product(X - h * dX))
    assert np.allclose(
        linearization.normal_equations.apply_centred_jacobian(dX), derivative / (2 * h), atol=1e-7
    )


@pytest.mark.parametrize("layers", [5, 6, 9])
def test_the_weighted_adjoint_is_self_adjoint_and_positive(layers):
    pattern, X, _ = example(layers, 3, 0)
    equations = CentredLinearization(pattern, X).normal_equations
    lam, mu = np.random.default_rng(1).standard_normal((2, 6, 6))
    image = equations.apply_centred_jacobian(equations.apply_adjoint_then_inverse_weights(lam))
    assert np.isclose(
        np.vdot(mu, image),
        np.vdot(
            equations.apply_centred_jacobian(equations.apply_adjoint_then_inverse_weights(mu)), lam
        ),
    )
    assert np.vdot(lam, image) > 0


@pytest.mark.parametrize("n", [1, TUNING.dense, TUNING.dense + 1, 20])
@pytest.mark.parametrize("tol", [TUNING.tol, 1e-9])
def test_the_normal_equations_are_solved_to_the_tolerance(n, tol):
    pattern, X, _ = example(6, n, 1)
    equations = CentredLinearization(pattern, X).normal_equations
    r = remove_trace(
        np.random.default_rng(n).standard_normal((2 * n, 2 * n)),
        pattern.mask_of_coordinates_not_idle,
    )
    lam = equations.solve_up_to_trace(r, tol)
    assert lam.dtype == np.float64
    rest = (
        remove_trace(
            equations.apply_centred_jacobian(equations.apply_adjoint_then_inverse_weights(lam)),
            pattern.mask_of_coordinates_not_idle,
        )
        - r
    )
    assert np.linalg.norm(rest) <= 2 * tol * np.linalg.norm(r)


@pytest.mark.parametrize("n", [1, 3, TUNING.dense + 2])
@pytest.mark.parametrize("pull", [0.0, 0.3, 1.0])
def test_a_step_solves_the_linearized_problem(n, pull):
    pattern, X, F = example(6, n, 0)
    linearization = CentredLinearization(pattern, X)
    F = remove_trace(
        np.random.default_rng(2).standard_normal((2 * n, 2 * n)),
        pattern.mask_of_coordinates_not_idle,
    )
    dX = linearization.newton_step(F, 1e-10, wanted_step=-pull * X)
    assert np.allclose(linearization.normal_equations.apply_centred_jacobian(dX), F, atol=1e-6)
    if pull == 1:
        least = linearization.newton_step(
            F + linearization.normal_equations.apply_centred_jacobian(X), 1e-10
        )
        assert np.allclose(X + dX, least, atol=1e-6)


def test_the_residual_of_a_product_is_zero():
    pattern, X, _ = example(7, 4, 1)
    assert (
        rms_singular_value(CentredLinearization(pattern, X).centred_residual(pattern.product(X)))
        < 1e-13
    )


@pytest.mark.parametrize("halves", [(2, 3), (3, 2), (1, 4), (11, 13)])
@pytest.mark.parametrize("pull", [0.0, 0.5])
def test_halves_of_two_sizes(halves, pull):
    pattern = ShearPattern.for_halves(halves, 12, 1)
    generator = np.random.default_rng(sum(halves))
    shapes = [(halves[pattern_half(i)], halves[1 - pattern_half(i)]) for i in range(12)]
    shifts = [0.5 * generator.standard_normal(shape) for shape in shapes]
    X = pattern.pad_and_stack(shifts)
    assert all((a == b).all() for a, b in zip(pattern.unpad(X), shifts, strict=True))
    d = sum(halves)
    M = generator.standard_normal((d, d))
    M -= np.trace(M) / d * np.eye(d)
    extend = pattern.extend_by_identity_on_idle_coordinates
    F = extend(M) - extend(np.zeros((d, d)))
    linearization = CentredLinearization(pattern, X)
    dX = linearization.newton_step(F, 1e-10, wanted_step=-pull * X)
    assert (pattern.pad_and_stack(pattern.unpad(dX)) == dX).all()
    assert np.allclose(linearization.normal_equations.apply_centred_jacobian(dX), F, atol=1e-6)


def pattern_half(i: int) -> int:
    return (i + 1) % 2
