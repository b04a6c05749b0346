"""A step is that of Levenberg-Marquardt; fits reach zero where there is one, and only there."""

import numpy as np
import pytest

from proofs.experiments import least_squares as solver
from proofs.experiments.layers import layer_matrices, partial_products
from proofs.experiments.least_squares import least_squares, random_start, step


def product(T: np.ndarray, t: np.ndarray) -> np.ndarray:
    return partial_products(layer_matrices(T, t))[0][0]


def jacobian(T: np.ndarray, t: np.ndarray, scaled: bool) -> np.ndarray:
    """By central differences; columns for the entries of T, then, if scaled, of t."""
    columns = []
    for array in (T, t) if scaled else (T,):
        for index in np.ndindex(array.shape):
            ends, middle = [], array[index]
            for end in (middle + 1e-6, middle - 1e-6):
                array[index] = end
                ends.append(product(T, t))
            array[index] = middle
            columns.append((ends[0] - ends[1]).ravel() / 2e-6)
    return np.array(columns).T


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("largest_dense", [solver.LARGEST_DENSE, 0])
def test_step(monkeypatch, scaled, largest_dense):
    monkeypatch.setattr(solver, "LARGEST_DENSE", largest_dense)
    generator = np.random.default_rng(0)
    T, t = generator.standard_normal((4, 2, 2)), generator.standard_normal((4, 2)) / 2
    error = generator.standard_normal((4, 4))
    J = jacobian(T, t, scaled)
    expected = -J.T @ np.linalg.solve(J @ J.T + 0.1 * np.eye(16), error.ravel())
    dT, dt = step(error, T, t, damping=0.1, scaled=scaled)
    found = np.concatenate([dT.ravel(), dt.ravel()])[: len(expected)]
    exact = largest_dense > 0
    assert np.linalg.norm(found - expected) < (1e-7 if exact else 1e-2) * np.linalg.norm(expected)
    assert scaled or not dt.any()


def residual(M, K, scaled):
    return least_squares(M, random_start(K, len(M) // 2, seed=0), scaled).residual


def test_fits():
    M = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    assert residual(M, 6, scaled=False) < 1e-12
    assert residual(M, 2, scaled=False) > 0.1


def test_scales_reach_what_shears_cannot():
    M = np.diag([4.0, 0.25])
    assert residual(M, 2, scaled=True) < 1e-12
    assert residual(M, 2, scaled=False) > 0.1


def test_a_start_that_solves_is_kept():
    start = random_start(5, 2, seed=1)
    M = product(start.T, start.t)
    found = least_squares(M, start, scaled=True)
    assert found.residual < 1e-15
    assert (found.T == start.T).all()
