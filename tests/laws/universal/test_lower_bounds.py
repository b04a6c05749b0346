"""What one layer cannot do, and divergences, against other computations of both."""

import numpy as np
import pytest
import sympy
from scipy.integrate import quad
from scipy.stats import norm
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    QuantileFunction,
    approximate,
    checkerboard,
    one_layer_bound,
    uniform,
)
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere
from proofs.experiments.distances import exact_w2


def from_normal(quantile) -> float:
    """W2 between the law with a quantile function and N(0, 1), by quadrature."""
    square, _ = quad(lambda x: (quantile(norm.cdf(x)) - x) ** 2 * norm.pdf(x), -9, 9, limit=400)
    return float(np.sqrt(square))


UNIFORM = from_normal(lambda u: u)
ARC = from_normal(lambda u: -np.cos(np.pi * u))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (uniform([0, 0], [1, 1]), UNIFORM),
        (uniform([0] * 4, [1] * 4), np.sqrt(2) * UNIFORM),
        (uniform([0, 0], [1, 10**30]), UNIFORM),
        (Ring(1, 1), ARC),
        (Sphere([0, 0]), ARC),
        (Sphere([0] * 3), from_normal(lambda u: 2 * u - 1)),
        (Segments([([0, 0], [1, 1])]), UNIFORM),
        (Atoms([[3, 3]]), np.sqrt(10)),
        (QuantileFunction([0, 1], [-2, 2]), from_normal(lambda u: 4 * u - 2)),
        (GaussianMixture([[5, 5]], 2), np.sqrt(26)),
        (Product([GaussianMixture([1]), uniform([0], [1])]), UNIFORM),
        (GaussianMixture([[0, 0]]), 0),
        (Product([GaussianMixture([0]), Ring(1, 2)]), 0),
    ],
)
def test_one_layer_bound(target, expected):
    """Within a part in 16 of the best half, where its coordinates are independent or one only."""
    bound = float(one_layer_bound(target))
    assert bound <= expected + 1e-12
    assert bound >= 15 / 16 * expected - 1 / 16


def test_partition():
    target = Atoms([[0, 5, 5], [1, 5, 5]])
    first, second = (one_layer_bound(target, partition=(p, 3 - p)) for p in (1, 2))
    assert first < 1 < 5 < second
    with pytest.raises(InvalidInputError, match="halves of 3 coordinates"):
        one_layer_bound(target, partition=(2, 2))
    with pytest.raises(InvalidInputError, match="second moments"):
        one_layer_bound("checkerboard")


def test_no_layer_comes_nearer():
    """The best that one layer can do for a checkerboard, by assignment of samples."""
    generator = np.random.default_rng(0)
    cells = generator.integers(0, 4, (6000, 2))
    cells = cells[cells.sum(axis=1) % 2 == 0][:1000]
    held = cells - 2 + generator.random((1000, 2))
    ramps = PiecewiseLinear([-3, -1, 0, 1, 3], [-2, 1, -1, 1, 2])
    layer = PiecewiseCoupling((1, 1), "second", ramps, "1/2")
    image = PiecewiseFlow([layer]).forward(generator.standard_normal((2, 1000))).T
    assert exact_w2(image, held) >= float(one_layer_bound(checkerboard()))


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
