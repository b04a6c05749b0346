"""The certified constants of additive couplings, against networks at the ends of the interval."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from exactflow.errors import InvalidInputError
from proofs.constructions.capacity import AdditiveCouplings, depth_bound


def network(weights, x):
    for k, part in enumerate(weights):
        x = part[:, :-1] @ x + part[:, -1:]
        x = np.maximum(x, 0) if k < len(weights) - 1 else x
    return x


def everywhere(layers, value):
    return [np.full((b, a + 1), value) for a, b in pairwise(layers.sizes)]


@pytest.mark.parametrize("hidden", [(1,), (3,), (2, 5), (4, 4, 1)])
def test_the_largest_weights_attain_the_slope(hidden):
    layers = AdditiveCouplings(8, hidden, Fraction(1, 2))
    A, B, alpha, beta = map(float, layers.growth)
    weights, along = everywhere(layers, 0.5), np.ones((4, 1)) / 2
    far, near = (network(weights, s * along) for s in (1001.0, 1000.0))
    assert abs(np.linalg.norm(far - near) / A - 1) < 1e-12
    assert abs(np.linalg.norm(network(weights, 0 * along)) / B - 1) < 1e-12
    step = 1e-6
    moved = network(everywhere(layers, 0.5 - step), 1000 * along)
    change = np.linalg.norm(moved - network(weights, 1000 * along))
    assert 0.99 < change / (step * (1000 * alpha + beta)) <= 1
    J = np.block([[np.eye(4), np.zeros((4, 4))], [A / 4 * np.ones((4, 4)), np.eye(4)]])
    assert abs(np.linalg.norm(J, 2) / float(layers.slope) - 1) < 1e-12


def test_one_layer_and_more():
    layers = AdditiveCouplings(8, (3,), Fraction(1, 2))
    _, B, alpha, beta = map(float, layers.growth)
    root, slope = 8**0.5, float(layers.slope)
    assert abs(float(layers.lipschitz(1)) / (alpha * root + beta) - 1) < 1e-12
    two = slope * (alpha * root + beta) + alpha * (slope * root + B) + beta
    assert abs(float(layers.lipschitz(2)) / two - 1) < 1e-12
    assert layers.lipschitz(2) > two * (1 - 1e-12)


def test_shapes():
    assert AdditiveCouplings.of(7, 10, 4, Fraction(1)).hidden == (4, 4, 2)
    assert AdditiveCouplings.of(7, 10, None, Fraction(1)).sizes == (4, 10, 4)
    layers = AdditiveCouplings.of(6, 5, 3, Fraction(1))
    assert layers.parameters == 4 * 3 + 4 * 2 + 3 * 3
    assert layers.hidden == (3, 2)


def test_neurons_are_parameters_with_constants_of_their_own():
    common = {"radius": 1, "w": "1/10"}
    bound = depth_bound(64, 10**4, neurons=4, **common)
    layers = AdditiveCouplings.of(64, 4, None, Fraction(1))
    assert bound.params_per_layer == layers.parameters
    assert bound.ruled_out.lipschitz == layers.lipschitz(bound.depth - 1)
    assert bound.ruled_out.rules_out(layers.parameters * (bound.depth - 1))
    assert depth_bound(64, 10**4, neurons=8, width=4, **common).depth <= bound.depth


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either all of params_per_layer"),
        ({"params_per_layer": 5, "neurons": 5}, "either all of params_per_layer"),
        ({"params_per_layer": 5, "width": 5}, "either all of params_per_layer"),
        ({"neurons": 0}, "argument neurons to be an integer >= 1"),
        ({"neurons": 4, "width": 0}, "argument width to be an integer >= 1"),
        ({"neurons": 4, "width": 5}, "width of at most all neurons, 4, got 5"),
        ({"neurons": 4, "radius": 0}, "positive number radius"),
        ({"neurons": 4, "layer_lipschitz": 2}, "either all of params_per_layer"),
    ],
)
def test_refuses(options, words):
    with pytest.raises(InvalidInputError, match=words):
        depth_bound(16, 10, **({"radius": 1, "w": "1/10"} | options))
