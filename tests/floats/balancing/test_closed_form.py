"""Theorem 11: every matrix of positive determinant in eleven layers, conditioned as it is."""

import numpy as np
import pytest
from matrices import rotation

from exactflow.exact.coerce import as_square_matrix
from exactflow.floats.balancing import balance
from exactflow.floats.balancing.closed_form import six_shears_of_rotation


def conditioned(d: int, power: float, seed: int = 0) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, power, d) @ rotation(d, seed + 1)


def hostile(d: int) -> dict[str, np.ndarray]:
    G = np.random.default_rng(d).standard_normal((d, d))
    one = np.eye(d)
    return {
        "graded": G * np.logspace(0, -12, d),
        "graded twice": G * np.logspace(0, -12, d)[:, None] * np.logspace(0, 8, d),
        "triangular": np.triu(G),
        "one huge entry": G + 1e300 * np.outer(one[0], one[-1]),
        "a tiny row": G * np.where(np.arange(d) == 0, 1e-300, 1)[:, None],
        "1e300 G": 1e300 * G,
        "1e-300 G": 1e-300 * G,
        "1e-320 I": 1e-320 * one,
        "1e308 rotation": 1e308 * rotation(d, 0),
        "huge and tiny": np.diag([1e300, *[1.0] * (d - 2), 1e-300]),
        "columns from 1e300 to 1e-300": np.triu(G) * np.logspace(300, -300, d),
        "from 1e308 to 5e-324": np.diag([1e308, *[1.0] * (d - 2), 5e-324]),
        "one large": np.diag([*[1.0] * (d - 1), 1e8]),
        "one tiny": np.diag([*[1.0] * (d - 1), 1e-300]),
        "near I": one + 1e-8 * G,
        "near -I": -one + 1e-6 * G,
        "nearer to -I": -one + 1e-12 * G,
        "Hilbert": 1 / (1.0 + np.add.outer(np.arange(d), np.arange(d))),
        "float32 rotation": rotation(d, 1).astype(np.float32),
    }


@pytest.mark.parametrize("d", [2, 4, *(pytest.param(d, marks=pytest.mark.slow) for d in (3, 9))])
def test_balance_never_fails(d):
    for name, W in hostile(d).items():
        result = balance(W, orientation="flip")
        exact = as_square_matrix(W.astype(float)).to_Matrix()
        assert result.error <= max(map(abs, exact)) * 2e-15, name
        assert max(map(abs, result.flow.matrix() - exact)) == result.error, name
        assert all(np.isfinite(layer.shift).all() for layer in result.layers), name
        difference = result.flow.matrix().inv() - exact.inv()
        assert max(map(abs, difference)) <= result.inverse_difference_bound, name


@pytest.mark.parametrize("d", [2, 3, 8, pytest.param(15, marks=pytest.mark.slow)])
@pytest.mark.parametrize("power", [0.5, 6, 15])
def test_conditioning_is_bounded_by_that_of_the_matrix(d, power):
    W = conditioned(d, power) / 10 ** (power / 2)
    result = balance(W, method="closed")
    assert [layer.moves for layer in result.layers] == ["first", "second"] * 5 + ["first"] or (
        [layer.moves for layer in result.layers] == ["second", "first"] * 5 + ["second"]
    )
    assert result.error < 2e-15 * abs(W).max()
    assert max(result.condition_numbers) < 12 * extent(W)


def extent(W: np.ndarray) -> float:
    """max(|W|, |W^-1|) for W over its det^(1/d)."""
    s = np.linalg.svd(W, compute_uv=False)
    s = s / np.exp(np.log(s).mean())
    return max(s[0], 1 / s[-1])


@pytest.mark.parametrize("d", [4, 5])
@pytest.mark.parametrize("extreme", [1e-8, 1e8])
def test_one_extreme_singular_value(d, extreme):
    W = rotation(d, 0) * np.where(np.arange(d) == 0, extreme, 1) @ rotation(d, 1)
    W /= extreme ** (1 / d)
    result = balance(W, method="closed")
    assert max(result.condition_numbers) < 12 * extent(W)
    assert 12 * extent(W) < np.linalg.cond(W)


@pytest.mark.parametrize("d", [2, 3, 6, 7])
def test_multiples_of_rotations_take_six_additive_layers_but_for_the_scalar(d):
    result = balance(rotation(d, 3))
    assert len(result.layers) == 6
    assert all(np.all(layer.scale == 1) for layer in result.layers)
    assert max(result.condition_numbers) < 18
    assert len(balance(7 * rotation(d, 3)).layers) == 6


def test_the_other_order_of_the_halves():
    W = conditioned(7, 6)
    result = balance(W, method="closed", partition=(4, 3))
    assert result.partition == (4, 3)
    assert len(result.layers) == 11
    assert result.error < 2e-15 * abs(W).max()
    assert max(result.condition_numbers) < 1e5


def test_an_error_below_float64_is_shown():
    assert "e-33" in repr(balance(1e-320 * np.eye(4)))


@pytest.mark.parametrize("halves", [(1, 1), (2, 2), (2, 3), (3, 2), (4, 4), (5, 4)])
@pytest.mark.parametrize("inverse", [False, True])
def test_a_rotation_is_a_product_of_shears_that_starts_with_either_half(halves, inverse):
    Q = rotation(sum(halves), 3)
    pattern, X = six_shears_of_rotation(Q, halves, inverse)
    larger = int(halves[0] <= halves[1])
    assert pattern.first == (1 - larger if inverse else larger)
    assert np.allclose(
        pattern.product(X), pattern.extend_by_identity_on_idle_coordinates(Q), atol=1e-13
    )
