"""Four additive couplings attain the least KL of volume-preserving maps."""

import numpy as np
import pytest
from sympy import Rational

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import GaussianMixture, Histogram, checkerboard, uniform
from proofs.constructions.volume_preserving import approximate_preserving
from proofs.experiments.densities import draw_and_density, moons

TARGETS = {
    "uniform": uniform([0, 0], [1, 1]),
    "moons": Histogram.of(moons(20_000), 16),
    "checkerboard": checkerboard(),
    "empty cells": Histogram([[1, 0, 2], [0, 0, 0], [3, 0, 1]], ([0, 0], [3, "1/3"])),
}


@pytest.mark.parametrize("name", ["uniform", "moons", "checkerboard", "empty cells"])
def test_additive_layers_attain_the_least_kl(name):
    result = approximate_preserving(TARGETS[name], "1/50")
    assert result.lower_bound < result.bound <= result.lower_bound + Rational(1, 50)
    assert result.flow.depth == 4
    assert all(layer.is_additive for layer in result.flow)
    assert result.flow.log_abs_det() == 0
    x, density = draw_and_density(TARGETS[name], 10**5, np.random.default_rng(0))
    lost = density - result.log_prob(x)
    assert abs(lost.mean() - float(result.bound)) < 5 * lost.std() / 10**2.5 + 1e-3


def test_the_least_kl_of_a_square():
    """The disc of area 1 has E|z|^2 = 1 / (2 pi)."""
    result = approximate_preserving(TARGETS["uniform"], "1/10")
    least = np.log(2 * np.pi) + 1 / (4 * np.pi)
    assert abs(least - float(result.lower_bound)) < 1e-12


def test_what_is_refused():
    with pytest.raises(InvalidInputError, match="Histogram or Boxes"):
        approximate_preserving(GaussianMixture([[0, 0]]), "1/10")
    with pytest.raises(InvalidInputError, match="eps > 0"):
        approximate_preserving(TARGETS["uniform"], 0)


def test_what_is_said():
    said = str(approximate_preserving(TARGETS["uniform"], "1/10"))
    assert "four additive layers" in said
    assert said.endswith("+ 1/10")
