"""What one layer cannot do, against another computation of it."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy.integrate import quad

from exactflow.errors import InvalidInputError
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.universal import Atoms, GaussianMixture, Product, checkerboard, uniform
from proofs.constructions.one_layer import one_layer_bound
from proofs.constructions.quantiles import QuantileFunction
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere
from proofs.experiments.distances import exact_w2


def from_normal(quantile) -> float:
    """W2 between the law with a quantile function and N(0, 1), by quadrature."""
    normal = NormalDist()
    square, _ = quad(lambda x: (quantile(normal.cdf(x)) - x) ** 2 * normal.pdf(x), -9, 9, limit=400)
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
    with pytest.raises(InvalidInputError, match="two sizes with sum 3"):
        one_layer_bound(target, partition=(2, 2))
    with pytest.raises(InvalidInputError, match="second moments"):
        one_layer_bound("checkerboard")


def test_no_layer_comes_nearer():
    """The best that one layer can do for a checkerboard, by assignment of samples."""
    generator = np.random.default_rng(0)
    cells = generator.integers(0, 4, (3000, 2))
    cells = cells[cells.sum(axis=1) % 2 == 0][:500]
    held = cells - 2 + generator.random((500, 2))
    ramps = PiecewiseLinear([-3, -1, 0, 1, 3], [-2, 1, -1, 1, 2])
    layer = PiecewiseCoupling((1, 1), "second", ramps, "1/2")
    image = PiecewiseFlow([layer]).forward(generator.standard_normal((2, 500))).T
    assert exact_w2(image, held) >= float(one_layer_bound(checkerboard()))
