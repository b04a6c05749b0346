"""Certified bounds of KL against independent estimates, and everything that is refused."""

import numpy as np
import pytest
import sympy
from flint import arb
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Histogram,
    KLApproximation,
    Product,
    approximate,
    checkerboard,
    uniform,
)
from proofs.constructions.quantiles import QuantileFunction
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring
from proofs.experiments.densities import banana, draw_and_density, moons, ring

FOUR = GaussianMixture([[-2, -2], [-2, 2], [2, -2], [2, 2]], "1/2")
EMPTY = Histogram([[1, 0, 2], [0, 0, 0], [3, 0, 1]], ([0, 0], [3, "1/3"]))
TARGETS = {
    "uniform": uniform([0, 0], [1, 1]),
    "ring": Histogram.of(ring(100_000), bins=24),
    "checkerboard": checkerboard(),
    "moons": Histogram.of(moons(100_000), bins=32),
    "four bumps": FOUR,
    "banana": Histogram.of(banana(100_000), bins=(24, 20)),
    "scales": GaussianMixture([[0, 0], [1, 1]], [1, "1/1000"]),
    "far": GaussianMixture([[0, 0], [10**6, 10**6]]),
    "empty cells": EMPTY,
    "dimension 4": Product([FOUR, EMPTY]),
    "normal": GaussianMixture([[0, 0]]),
    "overlapping": Boxes([([0, 0], [2, 2]), ([1, 1], [3, "7/3"])], ["1/3", "2/3"]),
}
FINE = [("uniform", "1/20"), ("moons", "1/20"), ("empty cells", "1/20")]
CASES = [
    pytest.param(
        name,
        eps,
        id=f"{name}, {eps}",
        marks=[] if eps == "1/4" or (name, eps) in FINE else [pytest.mark.slow],
    )
    for name in TARGETS
    for eps in ("1/4", "1/20", "1/100")
]


@pytest.fixture(scope="module")
def found():
    cache = {}

    def get(name, eps) -> KLApproximation:
        if (name, eps) not in cache:
            cache[name, eps] = approximate(TARGETS[name], eps, distance="KL")
        return cache[name, eps]

    return get


@pytest.mark.parametrize(("name", "eps"), CASES)
def test_bound_is_within_eps(found, name, eps):
    result = found(name, eps)
    assert 0 < result.bound <= Rational(eps)
    assert result.bound == result.terms.cells + result.terms.ramps + result.terms.tails
    assert result.flow.depth == 4
    assert result.flow.dimension == TARGETS[name].dimension


@pytest.mark.parametrize(("name", "eps"), CASES)
def test_samples_do_not_exceed_the_bound(found, name, eps, request):
    if name == "overlapping":
        pytest.skip("the densities of samples are those of disjoint boxes")
    count = 3 * 10**5 if request.node.get_closest_marker("slow") else 10**4
    x, density = draw_and_density(TARGETS[name], count, np.random.default_rng(0))
    lost = density - found(name, eps).log_prob(x)
    error = 4 * lost.std() / np.sqrt(count)
    bound = float(found(name, eps).bound)
    assert bound / 4 - error <= lost.mean() <= bound + error


@pytest.mark.parametrize("name", ["uniform", "moons"])
@pytest.mark.parametrize(
    ("eps", "cells"), [("1/20", 1600), pytest.param("1/100", 10_000, marks=pytest.mark.slow)]
)
def test_few_cells(found, name, eps, cells):
    assert found(name, eps).terms.tiles <= cells


@pytest.mark.parametrize("name", TARGETS)
def test_inverses_are_exact(found, name):
    flow = found(name, "1/4").flow
    for k in (1, 4):
        z = [Rational(2 * k + i - 5, 7) for i in range(flow.dimension)]
        x = flow.forward(z)
        assert flow.inverse().forward(x) == sympy.Matrix(z)
        volumes = flow.log_abs_det(z), flow.inverse().log_abs_det(x)
        assert sympy.prod(map(sympy.exp, volumes)) == 1


@pytest.mark.parametrize("name", TARGETS)
def test_floats_keep_densities_and_round_trips(found, name):
    result = found(name, "1/4")
    x, _ = draw_and_density(TARGETS[name], 10**4, np.random.default_rng(1))
    latents = result.flow.inverse().forward(x.T)
    back = result.flow.forward(latents).T
    assert (abs(back - x) <= 1e-9 * (1 + abs(x))).all()
    for row, value in zip(x[:3], result.log_prob(x[:3]), strict=True):
        exact = result.log_prob(list(map(Rational, row.tolist())))
        assert isinstance(exact, arb)
        digits = min(9, 15 - result.terms.digits)
        assert abs(float(exact) - value) <= 10.0**-digits * (1 + abs(value))
        assert result.log_prob(row) == value


def test_the_map_on_tiles_is_diagonal(found):
    """In a tile, off margins, the flow is the affine map of the theorem."""
    part = found("moons", "1/20").parts[0]
    inverse = found("moons", "1/20").flow.inverse()
    for tile, ((s, t), (u, v)) in list(
        zip(part.tiling.tiles, part.tiling.affine_maps_from_latents, strict=True)
    )[::40]:
        a, b = part.tiling.columns[tile.column]
        x = [(2 * a + b) / 3, (tile.low + 2 * tile.high) / 3]
        z = inverse.forward(list(map(QQ.to_sympy, x)))
        assert list(z) == [QQ.to_sympy((x[0] - t) / s), QQ.to_sympy((x[1] - v) / u)]
        jacobian = inverse.jacobian(list(map(QQ.to_sympy, x)))
        assert jacobian == sympy.diag(QQ.to_sympy(1 / s), QQ.to_sympy(1 / u))


def test_samples_of_the_flow_have_the_law(found):
    """By data processing the flow has at least exp(-KL) where the target lies."""
    result, count = found("four bumps", "1/20"), 20_000
    x = result.sample(count, seed=3)
    assert x.shape == (count, 2)
    inside = x[abs(x).max(axis=1) < 6]
    assert len(inside) > count * np.exp(-float(result.bound)) - 3 * np.sqrt(count)
    assert abs((inside > 0).all(axis=1).mean() - 0.25) < 0.02
    assert abs(abs(inside).mean() - 2) < 0.05


def test_many_components():
    """Ends of components that nearly meet make no narrow columns."""
    means = np.random.default_rng(1).integers(-50, 50, (10, 2)) / 10
    law = GaussianMixture(means, [[0.5, 0.25]] * 10)
    result = approximate(law, "1/4", distance="KL")
    assert result.bound <= Rational(1, 4)
    assert result.terms.tails < 1e-9
    x, density = draw_and_density(law, 10**4, np.random.default_rng(0))
    lost = density - result.log_prob(x)
    assert lost.mean() <= float(result.bound) + 4 * lost.std() / 10**2


def test_deviations_that_floats_lose_are_refused():
    with pytest.raises(InvalidInputError, match="move the means towards 0"):
        approximate(GaussianMixture([[10**15, 0]]), "1/10", distance="KL")


@pytest.mark.parametrize(
    "name", ["uniform", "four bumps", pytest.param("moons", marks=pytest.mark.slow)]
)
def test_three_layers(name):
    result = approximate(TARGETS[name], "9/40", distance="KL", layers=3)
    assert result.flow.depth == 3
    assert 0.17 < result.bound <= Rational(9, 40)
    x, density = draw_and_density(TARGETS[name], 10**5, np.random.default_rng(0))
    lost = density - result.log_prob(x)
    assert abs(lost.mean() - float(result.bound)) < 0.02


@pytest.mark.parametrize(
    "name",
    ["uniform", "empty cells"]
    + [pytest.param(name, marks=pytest.mark.slow) for name in ("moons", "checkerboard")],
)
def test_additive_layers_attain_the_least_kl(name):
    result = approximate(TARGETS[name], "1/50", distance="KL", scales="additive")
    assert result.lower_bound < result.bound <= result.lower_bound + Rational(1, 50)
    assert result.flow.depth == 4
    assert all(layer.is_additive for layer in result.flow)
    assert result.flow.log_abs_det() == 0
    x, density = draw_and_density(TARGETS[name], 10**5, np.random.default_rng(0))
    lost = density - result.log_prob(x)
    assert abs(lost.mean() - float(result.bound)) < 5 * lost.std() / 10**2.5 + 1e-3


@pytest.mark.parametrize("layers", [3, 4])
def test_positive_scales_that_are_all_one_are_explained(layers):
    side = QQ.one
    for _ in range(2):
        result = approximate(uniform([0, 0], [side, side]), 100, distance="KL", layers=layers)
        ((scale, _), _), *_ = result.parts[0].tiling.affine_maps_from_latents
        side /= scale
    assert all(layer.is_additive for layer in result.flow)
    assert result.explain().steps


def test_the_least_kl_of_a_square():
    """The disc of area 1 has E|z|^2 = 1 / (2 pi)."""
    result = approximate(TARGETS["uniform"], "1/10", distance="KL", scales="additive")
    least = np.log(2 * np.pi) + 1 / (4 * np.pi)
    assert abs(least - float(result.lower_bound)) < 1e-12


def test_the_least_kl_of_two_densities():
    """The higher density goes nearer to the center: to the disc of its area, then a ring."""
    law = Boxes([([0, 0], [1, 1]), ([1, 0], [2, 1])], ["2/3", "1/3"])
    result = approximate(law, "1/10", distance="KL", scales="additive")
    entropy = 2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)
    least = entropy + np.log(2 * np.pi) + (2 / 3 * 1**2 + 1 / 3 * (2**2 - 1**2)) / (4 * np.pi)
    assert abs(least - float(result.lower_bound)) < 1e-12


def test_histogram_of_samples():
    x = np.array([[0.0, 0.0], [1.0, 2.0], [0.9, 0.1], [0.1, 0.2]])
    law = Histogram.of(x, bins=2)
    assert law.shape == (2, 2)
    assert dict(zip(law.ends, law.weights, strict=True)) == {
        ((0, 0), (QQ(1, 2), 1)): QQ(1, 2),
        ((QQ(1, 2), 0), (1, 1)): QQ(1, 4),
        ((QQ(1, 2), 1), (1, 2)): QQ(1, 4),
    }
    assert approximate(law, "1/4").bound <= Rational(1, 4)
    assert str(law) in str(approximate(law, "1/4", distance="KL"))


@pytest.mark.parametrize("count", [3, 5, 10, 20, 49])
@pytest.mark.parametrize("unit", [1, 0.1, 2.0**-1070, 2.0**1000])
def test_samples_at_the_ends_of_bins_are_in_the_upper_bin(count, unit):
    x = np.arange(count + 1) * unit
    law = Histogram.of(np.transpose([x, x]), bins=count)
    width = QQ(*(count * unit).as_integer_ratio()) / count
    places = [sum(QQ(*float(v).as_integer_ratio()) >= k * width for v in x) for k in range(count)]
    inside = [a - b for a, b in zip(places, [*places[1:], 0], strict=True)]
    expected = [(k * width, QQ(n, count + 1)) for k, n in enumerate(inside) if n]
    assert [(a[0], w) for (a, _), w in zip(law.ends, law.weights, strict=True)] == expected


@pytest.mark.parametrize(
    ("counts", "box", "message"),
    [
        ([[1, -1]], ([0, 0], [1, 1]), "counts >= 0"),
        ([[0, 0]], ([0, 0], [1, 1]), "at least one positive"),
        ([[1], [1, 2]], ([0, 0], [1, 1]), "of equal length"),
        ([[1]], ([0, 0], [1, 0]), "lower < upper"),
        ([[1]], ([0], [1]), "lower < upper"),
        ([[1]], ([0, 0],), "lower < upper"),
        ([[1]], ([0, 0], [1, 1], [2, 2]), "lower < upper"),
    ],
)
def test_histograms_that_are_none(counts, box, message):
    with pytest.raises(InvalidInputError, match=message):
        Histogram(counts, box)


@pytest.mark.parametrize("samples", [[[0, 1, 2]], [1, 2], [[0, np.nan]]])
def test_samples_that_have_no_histogram(samples):
    with pytest.raises(InvalidInputError, match=r"\(N, 2\)|infinity or NaN"):
        Histogram.of(samples)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Atoms([[0, 0]]), "infinite for every flow: take distance='W2'"),
        (Segments([([0, 0], [1, 1])]), "infinite for every flow: take distance='W2'"),
        (np.eye(2), r"infinite for every flow: take distance='W2', or Histogram.of\(samples\)$"),
        (np.eye(4), "infinite for every flow: take distance='W2'$"),
        (Product([uniform([0, 0], [1, 1]), Atoms([[0, 0]])]), "infinite for every flow"),
        (Ring(1, 2), "take distance='W2', or Histogram.of"),
        (QuantileFunction([0, 1], [0, 1]), "take distance='W2'"),
        (Product([uniform([0], [1]), uniform([0], [1])]), "take distance='W2'"),
        (uniform([0] * 4, [1] * 4), "take distance='W2'"),
        (uniform([0] * 3, [1] * 3), "take distance='W2'"),
    ],
)
def test_laws_that_are_refused(target, message):
    with pytest.raises(InvalidInputError, match=message):
        approximate(target, "1/10", distance="KL")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 2}, "argument layers to be an integer from 3 to 4"),
        (
            {"scales": "additive", "layers": 3},
            "layers=4: for .* with layers=3 take scales='positive'",
        ),
        ({"distance": "TV"}, "distance to be one of"),
        ({"distance": "W2", "scales": "additive"}, "scales to be one of 'positive'"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        approximate(uniform([0, 0], [1, 1]), "1/10", **{"distance": "KL", **options})


def test_additive_layers_take_constant_pieces():
    with pytest.raises(InvalidInputError, match="Histogram or Boxes"):
        approximate(FOUR, "1/10", distance="KL", scales="additive")


def test_too_many_tiles_are_refused():
    with pytest.raises(InvalidInputError, match="raise eps"):
        approximate(uniform([0, 0], [1, 1]), "1/100000", distance="KL")
