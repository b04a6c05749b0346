"""Gaussianization by well-conditioned layers: what is exact, certified, and measured."""

import mpmath
import numpy as np
import pytest
import sympy
from flint import ctx
from scipy.special import ndtri
from sympy import QQ, Rational

from exactflow import CouplingFlow
from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.laws.conditioning import condition_number
from proofs.constructions.well_conditioned.path import shear_norm
from proofs.experiments.gaussianization import gaussianize
from proofs.experiments.rotations_by_shears import random_rotation_by_shears


def ring(count: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    radius = np.sqrt(generator.uniform(1, 4, count))
    angle = 2 * np.pi * generator.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def sliced(a: np.ndarray, b: np.ndarray) -> float:
    """W2 of the projections to 16 directions, in the mean square."""
    angles = np.pi * np.arange(16) / 16
    lines = np.stack([np.cos(angles), np.sin(angles)])
    return float(np.sqrt(((np.sort(a @ lines, axis=0) - np.sort(b @ lines, axis=0)) ** 2).mean()))


@pytest.fixture(scope="module")
def found():
    return gaussianize(ring(4000, 0), condition=12, rounds=5)


def test_the_ring_is_generated(found):
    normal = np.random.default_rng(5).standard_normal((4000, 2)) * np.sqrt(5 / 4)
    held, image = ring(4000, 1), found.sample(4000)
    assert sliced(image, held) < 0.06
    assert sliced(normal, held) > 0.15
    inside = (np.linalg.norm(image, axis=1) < 0.8).mean()
    assert inside < 0.08 < (np.linalg.norm(normal, axis=1) < 0.8).mean()


def test_pads_come_out_normal(found):
    draws = np.random.default_rng(2).standard_normal((4, 4000))
    pads = found.flow.forward(draws)[2:]
    assert np.abs(np.cov(pads) - np.eye(2)).max() < 0.15


def test_layers_are_well_conditioned(found):
    assert found.condition <= 12
    with mpmath.workdps(30):
        tangent = found.flow.tangent([mpmath.mpf(1) / 3, -1, mpmath.mpf(1) / 2, 1])
    for layer in tangent[::12]:
        assert condition_number(layer.matrix()) <= ball(found.condition)


def test_one_round_is_exact():
    z = sympy.Matrix([Rational(1, 3), -1, Rational(1, 2), 1])
    flow = gaussianize(ring(100, 0), condition=2500, rounds=1).flow
    assert flow.inverse()(flow(z)) == z
    assert sympy.log(flow.jacobian(z).det()) == flow.log_abs_det(z)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("condition", ["3/2", 6])
def test_rotations_are_exact(n, condition):
    with ctx.workprec(64):
        bound = shear_norm(QQ(Rational(condition).p, Rational(condition).q))
        turn = random_rotation_by_shears(n, bound, np.random.default_rng(n))
        assert turn.norm <= bound
    shears = turn.layers()[:4]
    assert len(turn.layers()) == 4 * turn.count
    R0 = turn.factor.to_Matrix()
    assert R0 * R0.T == sympy.eye(n)
    assert R0.det() == 1
    assert CouplingFlow(shears).matrix() == sympy.diag(R0, R0.T)
    for shear in shears:
        assert condition_number(shear.matrix()) <= ball(Rational(condition))
    assert np.allclose(turn.matrix, np.array(R0**turn.count, dtype=float))


@pytest.mark.parametrize(("shift", "scale"), [(1e6, 1e-3), (0.0, 1e-200), (1e300, 1e299)])
def test_any_place_and_scale_in_one_dimension(shift, scale):
    sample = shift + scale * np.random.default_rng(0).exponential(size=(2000, 1))
    found = gaussianize(sample, condition=8, rounds=1)
    assert found.condition <= 8
    image = np.sort(found.sample(2000)[:, 0])
    middle = slice(200, 1800)
    off = np.abs(image - np.sort(sample[:, 0]))[middle].mean()
    assert off < 0.1 * scale


def test_coordinates_of_different_scales():
    sample = np.random.default_rng(0).standard_normal((2000, 3)) * [1e-3, 1, 40] + [0, 5, 1]
    found = gaussianize(sample, condition=3, rounds=2)
    assert found.condition <= 3
    image = found.sample(4000)
    assert np.allclose(image.std(axis=0) / [1e-3, 1, 40], 1, atol=0.1)
    assert np.allclose((image.mean(axis=0) - [0, 5, 1]) / [1e-3, 1, 40], 0, atol=0.1)
    tangent = found.flow.tangent([mpmath.mpf(1) / 2] * 6)
    for layer in tangent[-12:]:
        assert condition_number(layer.matrix()) <= 3


def test_the_same_seed_gives_the_same_flow():
    sample = ring(100, 0)
    first, second, other = (
        gaussianize(sample, condition=500, rounds=2, seed=seed) for seed in (1, 1, 2)
    )
    assert first.flow == second.flow
    assert first.flow != other.flow


def test_a_normal_sample_needs_little():
    levels = ndtri((np.arange(1000) + 0.5) / 1000)
    found = gaussianize(levels[:, None], condition=2, rounds=1)
    assert len(found.flow) < 40
    assert found.units[0].count == 0


ONES = np.ones((200, 2))


@pytest.mark.parametrize(
    ("sample", "options", "words"),
    [
        ([[1, 2]], {"condition": 2}, r"\(N, n\) array of floats.* got list"),
        (np.zeros(200), {"condition": 2}, r"\(N, n\) array of floats.* got \(200,\)"),
        (np.zeros((99, 2)), {"condition": 2}, "at least 100 points"),
        (np.zeros((200, 0)), {"condition": 2}, "at least one coordinate"),
        (ONES * [1, np.nan], {"condition": 2}, r"finite numbers, got nan at \(0, 1\)"),
        (np.stack([np.arange(200), ONES[:, 0]]).T, {"condition": 2}, "throughout coordinate 1"),
        (ring(200, 0), {"condition": 1}, "above 1, got 1"),
        (ring(200, 0), {"condition": "1.000001"}, "raise condition"),
        (ring(200, 0), {"condition": 2, "rounds": 0}, "argument rounds to be an integer >= 1"),
        (ring(200, 0), {"condition": 2, "seed": -1}, "argument seed to be an integer >= 0"),
        (np.array([["a"]]), {"condition": 2}, "array of floats"),
        (np.eye(200)[:, :1], {"condition": 2}, "one value at most points of coordinate 0"),
    ],
)
def test_refuses(sample, options, words):
    with pytest.raises(InvalidInputError, match=words):
        gaussianize(sample, **options)
