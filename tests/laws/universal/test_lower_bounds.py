"""Divergences, against another computation of them."""

import numpy as np
import pytest
import sympy
from sympy import QQ

from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    approximate,
    checkerboard,
    uniform,
)
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("partition", [(1, 1), (1, 2)])
def test_kl_lower_bound_is_below_the_divergence(layers, partition):
    """KL(P | f#N) = log p + E|z|^2 / 2 + (d/2) log(2 pi) + log|det J|, z = f^-1(X): by draws."""
    d = sum(partition)
    found = approximate(uniform([0] * d, [1] * d), "1/2", layers=layers, partition=partition)
    x = np.random.default_rng(0).random((d, 20_000))
    z = found.flow.inverse().forward(x)
    determinant = float(found.flow.log_abs_det())
    truth = (z * z).sum(axis=0).mean() / 2 + d / 2 * np.log(2 * np.pi) + determinant
    bound = float(found.kl_lower_bound())
    assert 10 < bound <= truth * 1.01
    assert truth < 200 * bound


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize(
    "target",
    [checkerboard(), Ring(1, 2), GaussianMixture([[0, 0]]), Product([Ring(0, 1), Ring(0, 1)])],
)
def test_divergence_explodes_while_w2_vanishes(target, layers):
    coarse, fine = (approximate(target, eps, layers=layers) for eps in (1, "1/3"))
    assert fine.bound < coarse.bound
    assert fine.kl_lower_bound() > 3 * coarse.kl_lower_bound() > 0


@pytest.mark.parametrize(
    "target",
    [
        Atoms([[0, 0], [1, 1]]),
        Ring(1, 1),
        Sphere([0] * 3),
        Segments([([0, 0], [1, 1])]),
        Boxes([([0, 0], [1, 1]), ([2, 0], [2, 1])]),
        Product([uniform([0], [1]), Atoms([[0]])]),
        GaussianMixture([0]),
    ],
)
def test_singular_targets_are_at_infinite_divergence(target):
    assert approximate(target, 1).kl_lower_bound() == sympy.oo


def test_a_law_of_unknown_density_is_at_no_known_divergence():
    class Unknown(Boxes):
        def slab(self, i, radius):
            return super(Boxes, self).slab(i, radius)

    found = approximate(Unknown([([0, 0], [1, 1])]), "1/4")
    assert found.kl_lower_bound() == 0
    assert found.parameters.delta < QQ(1, 100)
