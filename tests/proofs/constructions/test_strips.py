"""Divergences, against another computation of them, and strips, against fine cells."""

import numpy as np
import pytest
import sympy
from flint import arb
from sympy import QQ

from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    TargetMeasure,
    approximate,
    checkerboard,
    uniform,
)
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere
from proofs.constructions.strips import kl_lower_bound, strip


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
    bound = float(kl_lower_bound(found))
    assert 10 < bound <= truth * 1.01
    assert truth < 200 * bound


@pytest.mark.parametrize(
    ("target", "layers"),
    [
        (checkerboard(), 2),
        (Ring(1, 2), 3),
        (GaussianMixture([[0, 0]]), 2),
        (GaussianMixture([[0, 0]]), 3),
        (Product([Ring(0, 1), Ring(0, 1)]), 2),
    ],
)
def test_divergence_explodes_while_w2_vanishes(target, layers):
    coarse, fine = (approximate(target, eps, layers=layers) for eps in (1, "1/3"))
    assert fine.bound < coarse.bound
    assert kl_lower_bound(fine) > 3 * kl_lower_bound(coarse) > 0


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
    assert kl_lower_bound(approximate(target, 1)) == sympy.oo


def test_a_law_of_unknown_density_is_at_no_known_divergence():
    class Unknown(TargetMeasure):
        dimension = 2

        def quantize(self, about_w2_error, bits):
            return uniform([0, 0], [1, 1]).quantize(about_w2_error, bits)

    found = approximate(Unknown(), "1/4")
    assert kl_lower_bound(found) == 0
    assert found.parameters.delta < QQ(1, 100)


@pytest.mark.parametrize(
    "target",
    [
        uniform([0, 1], [3, 2]),
        checkerboard(size=2),
        GaussianMixture([[0, 1], [2, 3]], [1, ["1/2", 2]], ["1/4", "3/4"]),
        Ring(1, 2),
        Ring(0, 1, 0, "1/2"),
    ],
)
def test_the_mass_of_a_strip_is_within_the_bound(target):
    """Atoms of fine cells are as good as draws here."""
    cells = target.quantize(QQ(1, 32), 60)
    weights, centers = np.array(cells.weights, dtype=float), cells.centers.astype(float) / 2**60
    for i in (0, 1):
        for place in (-1, 0, 1 / 3, 1):
            for radius in (0.2, 1):
                share = weights @ (np.abs(centers[:, i] - place) <= radius)
                assert share <= float(strip(target, i, arb(radius + 1 / 16))) + 1e-9
        assert float(strip(target, i, arb(10**9))) == 1


def test_a_strip_beside_the_hole_has_nearly_what_the_bound_says():
    ring, r = Ring(1, 3), 1e-6
    share = 2 * r * 2 * np.sqrt(9 - 1) / (np.pi * (9 - 1))  # the strip touches the inner circle
    assert share < float(strip(ring, 0, arb(r))) < 1.07 * share
