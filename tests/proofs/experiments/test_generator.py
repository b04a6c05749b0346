"""The generator: its weights, its values, and its distance to the mixture."""

from fractions import Fraction
from math import erf, sqrt

import numpy as np
import pytest

from exactflow.errors import InvalidInputError
from proofs.experiments.generator import Generator

SQUARE = ((-1, -1), (-1, 1), (1, 1), (1, -1))


def phi(x):
    return (1 + np.vectorize(erf)(x / sqrt(2))) / 2


def test_values_on_plateaus_are_centers():
    g = Generator(SQUARE, Fraction(1, 8), Fraction(1, 1000))
    for z0, center in zip((-2, Fraction(-1, 3), Fraction(1, 3), 2), SQUARE, strict=True):
        assert g([z0, 0, 0]) == list(center)
        assert g([z0, 8, -4]) == [center[0] + 1, center[1] - Fraction(1, 2)]


def test_the_middle_of_a_ramp_is_the_middle_of_two_centers():
    g = Generator(SQUARE, Fraction(1, 8), Fraction(1, 1000))
    assert g([g.breakpoints[0], 0, 0]) == [-1, 0]


def test_plain_weights_run_on_samples():
    g = Generator(SQUARE, Fraction(1, 8), Fraction(1, 10**6))
    W1, b1, W2, b2 = (np.array(part, dtype=float) for part in g.weights())
    assert W1.shape == (g.width, 3)
    assert W2.shape == (2, g.width)
    z = np.random.default_rng(0).standard_normal((20000, 3))
    x = np.maximum(z @ W1.T + b1, 0) @ W2.T + b2
    nearest = np.argmin(((x[:, None] - np.array(SQUARE)) ** 2).sum(axis=2), axis=1)
    assert np.abs(np.bincount(nearest) / len(x) - 1 / 4).max() < 0.02
    residual = x - np.array(SQUARE)[nearest]
    assert np.abs(residual.mean(axis=0)).max() < 0.01
    assert np.abs(residual.std(axis=0) - 1 / 8).max() < 0.01
    exact = [float(value) for value in g([Fraction(t) for t in z[0]])]
    assert np.allclose(x[0], exact, atol=1e-6)


@pytest.mark.parametrize("ramp", [Fraction(1, 2), Fraction(1, 10), Fraction(1, 100)])
def test_the_bound_against_the_distance_on_the_line(ramp):
    centers, sigma = (-1, 0, 2), 1 / 4
    g = Generator(tuple((c,) for c in centers), Fraction(1, 4), ramp)
    z0 = np.linspace(-6, 6, 1201)
    weight = np.exp(-(z0**2) / 2)
    weight /= weight.sum()
    q, tau = [float(x) for x in g.breakpoints], float(ramp)
    path = centers[0] + sum(
        (b - a) * np.clip((z0 - t) / tau + 1 / 2, 0, 1)
        for a, b, t in zip(centers, centers[1:], q, strict=False)
    )
    x = np.linspace(-4, 5, 226)
    made = (phi((x[:, None] - path[None, :]) / sigma) * weight).sum(axis=1)
    mixture = sum(phi((x - c) / sigma) for c in centers) / 3
    distance = np.abs(made - mixture).sum() * (x[1] - x[0])
    assert 0 < distance < float(g.distance_bound()) < float(ramp)


def test_one_center_is_exact():
    g = Generator(((Fraction(1, 3), 0),), Fraction(1, 2), Fraction(1, 10))
    assert g.distance_bound() == 0
    assert g.width == 4
    assert g([5, 2, -2]) == [Fraction(4, 3), -1]


@pytest.mark.parametrize(
    ("centers", "sigma", "words"),
    [
        ((), Fraction(1), "at least one center"),
        (((1, 2), (1,)), Fraction(1), "same number"),
        (((),), Fraction(1), "same number"),
        (SQUARE, Fraction(0), "sigma"),
        (SQUARE, -0.5, "sigma"),
    ],
)
def test_refuses(centers, sigma, words):
    with pytest.raises(InvalidInputError, match=words):
        Generator(centers, sigma, Fraction(1, 10))
