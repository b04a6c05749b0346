"""Balanced layers: the exact account agrees with the exact flow, and its gate never opens early."""

import sys
from itertools import pairwise

import numpy as np
import pytest
import sympy
from matrices import POSITIVE

from exactflow import CouplingFlow, random_matrix, toeplitz, verify
from exactflow.balancing import balance
from exactflow.errors import (
    InvalidInputError,
    MethodError,
    MissingExtraError,
    OrientationError,
    SingularMatrixError,
)
from exactflow.exact.coerce import as_matrix

BEYOND_FLOATS = {"huge entry", "huge determinant", "tiny determinant"}


def rotation(d: int, seed: int) -> np.ndarray:
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    return Q * np.where(np.arange(d) == 0, np.sign(np.linalg.det(Q)), 1)


def gaussian(d: int, seed: int) -> np.ndarray:
    W = np.random.default_rng(seed).standard_normal((d, d))
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def plu(d: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((d, d)) * 0.6 / d**0.5
    signs = generator.choice([-1.0, 1.0], d)
    W = (np.eye(d) + np.tril(noise, -1)) @ (np.diag(signs) + np.triu(noise, 1))
    W = W[generator.permutation(d)]
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def banded_toeplitz(d: int, seed: int) -> np.ndarray:
    taps = np.random.default_rng(seed).uniform(-0.15, 0.15, 6).tolist()
    rest = [0] * (d - 4)
    W = toeplitz([1, *taps[:3], *rest], [1, *taps[3:], *rest])
    return np.array(W.tolist(), dtype=float)


def permutation(d: int, seed: int) -> np.ndarray:
    W = np.eye(d)[np.random.default_rng(seed).permutation(d)]
    return W * np.where(np.arange(d) == 0, np.linalg.det(W), 1)


def conditioned(d: int, seed: int) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, 6, d) @ rotation(d, seed + 1000)


def badly_conditioned(d: int, seed: int) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, -9, d) @ rotation(d, seed + 1000)


FAMILIES = (rotation, gaussian, plu, banded_toeplitz, permutation, conditioned)


def exact_difference(result, W) -> sympy.Rational:
    difference = result.flow.matrix() - as_matrix(W).to_Matrix()
    return max(abs(entry) for entry in difference)


@pytest.mark.parametrize("name", sorted(set(POSITIVE) - BEYOND_FLOATS))
def test_every_matrix(name):
    W = POSITIVE[name]
    result = balance(W)
    assert len(result.layers) == result.flow.depth == 6 or result.error == 0
    assert result.error == exact_difference(result, W)
    assert result.error <= max(map(abs, W)) / 10**12
    inverse = result.flow.matrix().inv() - W.inv()
    assert max(map(abs, inverse)) <= result.inverse_error


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [5, 6, 7, 8])
def test_families(family, layers):
    W = family(12, 3)
    result = balance(W, layers)
    assert len(result.layers) == layers
    assert result.error == exact_difference(result, W)
    assert result.error < 1e-14 * abs(W).max()
    moves = [layer.moves for layer in result.flow]
    assert all(a != b for a, b in pairwise(moves))


@pytest.mark.slow
@pytest.mark.parametrize("d", [16, 48])
@pytest.mark.parametrize("family", FAMILIES)
def test_fifty_of_fifty_seeds(family, d):
    for seed in range(50):
        W = family(d, seed)
        assert balance(W, seed=seed).error < 1e-14 * abs(W).max()


@pytest.mark.parametrize("d", [2, 4, 16])
@pytest.mark.parametrize("layers", [6, 8])
def test_condition_numbers_of_10_to_the_9(d, layers):
    for seed in range(3):
        W = badly_conditioned(d, seed)
        assert balance(W, layers, seed).error < 1e-14 * abs(W).max()


@pytest.mark.parametrize("reflections", ["two", "all"])
@pytest.mark.parametrize("d", [2, 4, 16])
def test_where_all_solutions_are_singular(d, reflections):
    W = np.diag(np.where(np.arange(d) < {"two": 2, "all": d}[reflections], -1.0, 1.0))
    assert balance(W).error < 1e-14


def test_near_a_scalar_matrix_eight_layers_are_found():
    W = -np.eye(8) + 1e-6 * gaussian(8, 0)
    assert balance(W, layers=8).error < 1e-14


@pytest.mark.slow
def test_large_condition_numbers_of_10_to_the_9():
    for seed in range(20):
        W = badly_conditioned(48, seed)
        assert balance(W, seed=seed).error < 1e-14 * abs(W).max()


def test_conditioning_of_rotations():
    for d in (8, 32):
        result = balance(rotation(d, 1))
        assert result.magnitude < 1.3
        assert max(result.condition_numbers) < 6


def test_the_flow_equals_its_own_product_and_not_the_matrix():
    W = rotation(8, 0)
    result = balance(W)
    assert isinstance(result.flow, CouplingFlow)
    assert result.flow.method == "balance"
    assert verify(result.flow, result.flow.matrix()).flow.depth == 6
    assert result.flow.matrix() != as_matrix(W).to_Matrix()
    assert 0 < result.error < 1e-14
    assert "certified within" in repr(result)


def test_forward_and_backward():
    W = gaussian(10, 2)
    result = balance(W)
    x = np.random.default_rng(0).standard_normal((10, 3))
    assert np.allclose(result.forward(x), W @ x, rtol=0, atol=1e-13)
    assert np.allclose(result.backward(result.forward(x)), x, rtol=0, atol=1e-12)
    assert result.forward(x.astype(np.float32)).dtype == np.float32


def test_log_determinant_is_that_of_the_matrix():
    W = gaussian(8, 5)
    assert abs(float(balance(W).flow.log_abs_det()) - np.linalg.slogdet(W)[1]) < 1e-13


def test_deterministic():
    W = plu(14, 0)
    first, second, other = (balance(W, seed=seed).flow for seed in (4, 4, 5))
    assert first == second
    assert first != other


@pytest.mark.parametrize("W", [np.eye(2), np.eye(48), 3 * np.eye(6), -np.eye(8)])
def test_scalar_matrices(W):
    assert balance(W).error <= 1e-12 * abs(W).max()


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_any_scale(scale):
    W = scale * rotation(6, 2)
    assert balance(W).error < 1e-13 * scale


def test_exact_entries_are_taken_exactly():
    W = [["1/3", 2], [0, "3/7"]]
    result = balance(W)
    assert result.error == exact_difference(result, W)
    assert balance(np.array([[1, 2], [3, 7]])).error < 1e-14
    assert balance(rotation(4, 0).astype(np.float32)).error < 1e-15


@pytest.mark.parametrize(
    ("W", "error", "message"),
    [
        (np.diag([-1.0, 1.0]), OrientationError, "det > 0"),
        (np.ones((4, 4)), SingularMatrixError, "determinant 0"),
        (np.eye(3), InvalidInputError, "even number"),
        (np.full((2, 2), np.nan), InvalidInputError, "finite"),
        (np.ones((2, 4)), InvalidInputError, "square"),
        ([[sympy.sqrt(2), 0], [0, 1]], InvalidInputError, "rational"),
        (POSITIVE["huge entry"], InvalidInputError, "float64"),
        ([[1, 0], [0, sympy.Rational(1, 10**40)]], MethodError, "condition number"),
        ([[-1, 0], [0, sympy.Rational(1, 10**40)]], OrientationError, "det < 0"),
    ],
)
def test_bad_matrices(W, error, message):
    with pytest.raises(error, match=message):
        balance(W)


@pytest.mark.parametrize("layers", [4, 0, -1, "six", 5.5])
def test_bad_layers(layers):
    with pytest.raises(InvalidInputError, match="layers"):
        balance(np.eye(2), layers)


def test_failure_names_the_residual_and_the_remedy():
    with pytest.raises(MethodError, match=r"reached a residual of \d.*: try layers=6"):
        balance(POSITIVE["needs six"], layers=5)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"exactflow\[balance\]"):
        balance(random_matrix(4))
