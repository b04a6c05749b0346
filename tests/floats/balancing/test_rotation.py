"""Theorem 10 on rotations of every kind: the product, the norms, the condition numbers."""

import numpy as np
import pytest
from matrices import rotation
from scipy.linalg import block_diag, expm

from exactflow.floats.balancing import balance
from exactflow.floats.balancing.rotation import (
    rotation_axis_pairs_and_angles,
    six_shifts_of_rotation,
)

EVEN = (1, 2 + 2**0.5, 1, 2**0.5, 2, 2)
ODD = (1, 4, 1, 2, 2, 2)


def oriented(M: np.ndarray) -> np.ndarray:
    return M * np.where(np.arange(len(M)) == 0, np.linalg.det(M), 1)


def turned(angles: np.ndarray, d: int) -> np.ndarray:
    S = np.zeros((d, d))
    for k, angle in enumerate(angles[: d // 2]):
        S[2 * k, 2 * k + 1], S[2 * k + 1, 2 * k] = angle, -angle
    return expm(S)


def families(d: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    n = d // 2
    half_turn = np.where(np.arange(d) < 2, -1.0, 1.0)
    found = {
        "rotation": rotation(d, seed),
        "identity": np.eye(d),
        "reflection of two axes": np.diag(half_turn),
        "reflection of an axis in each half": np.diag(np.roll(half_turn, n - 1)),
        "even reversal": np.diag(oriented(np.diag(np.full(d, -1.0))).diagonal()),
        "permutation": oriented(np.eye(d)[generator.permutation(d)]),
        "block swap": oriented(np.roll(np.eye(d), n, axis=0)),
        "signs": np.diag(oriented(np.diag(generator.choice([-1.0, 1.0], d))).diagonal()),
        "block diagonal": block_diag(rotation(n, seed), rotation(d - n, seed)),
    }
    for name, base in (("0", 0.0), ("pi", np.pi), ("pi / 2", np.pi / 2)):
        for eps in (0.0, 1e-15, 1e-8, 1e-4):
            T = turned(base + eps * generator.standard_normal(d), d)
            found[f"angles at {name} within {eps}"] = T
            Q = rotation(d, seed + 1)
            found[f"angles at {name} within {eps}, turned"] = Q @ T @ Q.T
    return found


def product(shifts: list[np.ndarray], d: int) -> np.ndarray:
    P, n = np.eye(d), d // 2
    for i, shift in enumerate(shifts):
        moved, kept = (slice(0, n), slice(n, d)) if i % 2 else (slice(n, d), slice(0, n))
        P[:, kept] += P[:, moved] @ shift
    return P


@pytest.mark.parametrize(
    "d", [*range(2, 8), 17, *(pytest.param(d, marks=pytest.mark.slow) for d in (8, 9, 16, 33, 64))]
)
def test_every_rotation(d):
    for name, M in families(d, d).items():
        shifts = six_shifts_of_rotation(M, d // 2)
        assert abs(product(shifts, d) - M).max() < 1e-13, name
        for shift, bound in zip(shifts, ODD if d % 2 else EVEN, strict=True):
            assert np.linalg.norm(shift, 2) < bound + 1e-12, name


@pytest.mark.parametrize("d", [5, pytest.param(48, marks=pytest.mark.slow)])
def test_corrections_where_the_layers_are_nearly_singular(d):
    for name, M in families(d, 0).items():
        result = balance(M)
        assert len(result.layers) == 6, name
        assert result.error < 1.5e-15 * abs(M).max(), name
        assert max(result.condition_numbers) < 18, name


def test_planes():
    T = block_diag(np.array([[0.6, -0.8], [0.8, 0.6]]), -1.0, 1.0, -1.0)
    pairs, angles = rotation_axis_pairs_and_angles(T)
    assert pairs.tolist() == [[0, 1], [2, 4]]
    assert angles == pytest.approx([np.arccos(0.6), np.pi])
    assert rotation_axis_pairs_and_angles(np.eye(1))[0].shape == (0, 2)
