"""The certified bound against independent estimates of W2, and everything that is refused."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
from flint import arb, ctx
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import norm
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.universal import (
    Approximation,
    Atoms,
    Boxes,
    Ring,
    approximate,
    checkerboard,
    empirical,
    uniform,
)
from exactflow.universal.bound import certify
from exactflow.universal.construction import Construction, layers

TRIANGLE = Atoms([[0, 0], [1, 1], [2, 0]], ["1/2", "1/3", "1/6"])
TIED = Atoms([[0, 0], [0, 1], [1, 0], [1, 1]])
FOUR = Atoms([[0, 0, 1, 2], [1, 0, 0, 1], [0, 1, 1, 0]])

TARGETS = {
    "one atom": (Atoms([[3, -2]]), "1/10"),
    "triangle": (TRIANGLE, "1/10"),
    "triangle, small eps": (TRIANGLE, "1/1000000000"),
    "equal first coordinates": (TIED, "1/10"),
    "a tiny weight": (
        Atoms(
            [[0, 0], [1, 0], [2, 5]],
            [Rational(1, 10**30), "1/2", Rational(1, 2) - Rational(1, 10**30)],
        ),
        "1/10",
    ),
    "huge coordinates": (Atoms([[0, 0], [10**40, 10**40]]), "1/10"),
    "close atoms": (Atoms([[0, 0], [Rational(1, 10**30), 0]]), "1/10"),
    "thirds": (Atoms([["1/3", "1/7"], ["2/3", "1/11"]]), "1/100"),
    "unit square": (uniform([0, 0], [1, 1]), "1/8"),
    "coarse": (uniform([0, 0], [1, 1]), 10),
    "a segment": (uniform([0, 0], [0, 1]), "1/10"),
    "checkerboard": (checkerboard(), "1/4"),
    "ring": (Ring(1, 2), "1/4"),
    "circle": (Ring(1, 1), "1/10"),
    "half circle": (Ring(1, 1, "1/4", "3/4"), "1/10"),
    "disc": (Ring(0, 1), "1/4"),
    "atom and box": (Boxes([([0, 0], [1, 1]), ([3, 3], [3, 3])], ["1/3", "2/3"]), "1/5"),
    "four dimensions": (FOUR, "1/10"),
    "a 4-dimensional box": (uniform([0] * 4, [1] * 4), "1/2"),
    "six dimensions": (uniform([0] * 6, [1] * 6), 1),
    "a sample": (empirical(np.random.default_rng(0).standard_normal((40, 2))), "1/10"),
}


@pytest.fixture(params=TARGETS)
def found(request) -> Approximation:
    return approximate(*TARGETS[request.param])


def test_bound_is_within_eps(found):
    assert found.bound <= found.eps
    assert all(piece >= 0 for piece in found.pieces)
    assert found.bound == sum(found.pieces)


def test_three_layers(found):
    n = found.target.dimension // 2
    flow, delta = found.flow, QQ.to_sympy(found.parameters.delta)
    assert [layer.moves for layer in flow] == ["second", "first", "second"]
    assert flow.log_abs_det() == sympy.log(delta ** (3 * n))
    z = [Rational(1, 7 + i) for i in range(2 * n)]
    assert flow.inverse().forward(flow.forward(z)) == sympy.Matrix(z)


def test_plateaus_are_as_in_the_proof(found):
    """In the middle of cell i: (a_i + delta z1, b_i + delta^2 z2)."""
    parameters, n = found.parameters, found.target.dimension // 2
    delta = QQ.to_sympy(parameters.delta)
    knots = parameters.knots
    middles = (
        [
            knots[0] - 1,
            *((a + b) / 2 for a, b in pairwise(knots)),
            knots[-1] + 1,
        ]
        if knots
        else [QQ(0)]
    )
    for point, middle in list(zip(parameters.points, middles, strict=True))[:20]:
        z = sympy.Matrix([QQ.to_sympy(middle)] + [Rational(1, 3)] * (2 * n - 1))
        scales = [delta] * n + [delta**2] * n
        noise = sympy.Matrix([s * entry for s, entry in zip(scales, z, strict=True)])
        assert found.flow.forward(z) == sympy.Matrix(list(map(QQ.to_sympy, point))) + noise


def grid_points(d: int, count: int) -> np.ndarray:
    """Equally likely points that stand for N(0, I_d): mid-quantiles, in product."""
    line = norm.ppf((np.arange(count) + 0.5) / count)
    return np.stack(np.meshgrid(*[line] * d, indexing="ij")).reshape(d, -1)


def transport(points, weights, atoms, masses) -> float:
    """W2 of two discrete measures, by linear programming."""
    cost = ((points[:, None, :] - atoms[None, :, :]) ** 2).sum(axis=2)
    m, n = cost.shape
    rows = np.kron(np.eye(m), np.ones(n))
    columns = np.kron(np.ones(m), np.eye(n))
    answer = linprog(
        cost.ravel(),
        A_eq=np.vstack([rows, columns])[:-1],
        b_eq=np.concatenate([weights, masses])[:-1],
        method="highs",
    )
    return float(np.sqrt(answer.fun))


def coarse(atoms, weights, tau, delta, radius, shift=0) -> Construction:
    """A construction of our own choice, for which the terms of the bound are all large."""
    cumulative = np.cumsum([float(w) for w in weights])[:-1]
    knots = [QQ(round(float(k) * 2**20), 2**20) + shift for k in norm.ppf(cumulative)]
    rows = np.array(atoms, dtype=object)
    return Construction(rows, 0 * rows[:, 0], 0, weights, knots, tau, radius, delta)


COARSE = {
    "wide ramps": (QQ(1, 2), QQ(1, 64), QQ(1, 4), 0),
    "wide ramps and noise": (QQ(1, 2), QQ(1, 8), QQ(3, 8), 0),
    "large noise, tails": (QQ(1, 8), QQ(1, 2), QQ(1, 4), 0),
    "wrong weights": (QQ(1, 32), QQ(1, 64), QQ(1, 4), QQ(1, 2)),
    "everything": (QQ(5, 8), QQ(1, 4), QQ(3, 8), QQ(1, 4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", COARSE)
@pytest.mark.parametrize(
    ("atoms", "weights"),
    [
        ([[0, 0], [1, 2], [3, 0]], [QQ(1, 2), QQ(1, 3), QQ(1, 6)]),
        ([[0, 0], [1, 5]], [QQ(1, 2)] * 2),
        ([[0, 1], [1, 0], [2, 1], [3, 0]], [QQ(1, 4)] * 4),
    ],
)
def test_bound_exceeds_the_truth_where_every_term_is_large(case, atoms, weights):
    tau, delta, radius, shift = COARSE[case]
    construction = coarse(atoms, weights, tau, delta, radius, shift)
    with ctx.workprec(96):
        bound = float(certify(construction, arb(0)).total)
    z = grid_points(2, 32)
    image = layers(construction).forward(z).T
    masses = np.array([float(w) for w in weights])
    truth = transport(image, np.full(len(image), 1 / len(image)), np.array(atoms, float), masses)
    assert truth <= bound * 1.02
    assert bound <= 25 * truth


@pytest.mark.parametrize("name", ["unit square", "checkerboard", "ring", "circle", "disc"])
def test_bound_exceeds_an_assignment_of_samples(name):
    """W2 of samples is at most the bound and the sampling errors of both sides."""
    target, eps = TARGETS[name]
    found = approximate(target, eps)
    count = 400
    generator = np.random.default_rng(5)
    sides = [sample_of(name, count, generator) for _ in range(2)]
    between = assignment(found.sample(count, seed=1), sides[0])
    sampling = assignment(*sides)
    assert between <= float(found.bound) + 2 * sampling
    assert abs(found.sample(count).mean(axis=0) - sides[0].mean(axis=0)).max() < 0.5


def assignment(a: np.ndarray, b: np.ndarray) -> float:
    cost = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return float(np.sqrt(cost[linear_sum_assignment(cost)].mean()))


def sample_of(name: str, count: int, generator) -> np.ndarray:
    if name == "unit square":
        return generator.random((count, 2))
    if name == "checkerboard":
        cell = generator.integers(0, 4, (50 * count, 2))
        cell = cell[cell.sum(axis=1) % 2 == 0][:count]
        return cell - 2 + generator.random((count, 2))
    inner, outer = {"ring": (1, 2), "circle": (1, 1), "disc": (0, 1)}[name]
    radius = np.sqrt(inner**2 + (outer**2 - inner**2) * generator.random(count))
    angle = 2 * np.pi * generator.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.mark.parametrize("name", ["triangle", "equal first coordinates", "four dimensions"])
def test_marginals_are_within_the_bound(name):
    """Exact quantile coupling in one dimension: W2 of a projection is at most W2."""
    found = approximate(*TARGETS[name])
    d = found.target.dimension
    line = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    z = np.stack([line, *[np.random.default_rng(j).permutation(line) for j in range(d - 1)]])
    image = found.flow.forward(z)
    atoms = np.array([[float(QQ.to_sympy(x)) for x in row] for row in found.target.points])
    masses = np.array([float(QQ.to_sympy(w)) for w in found.target.weights])
    for values, places in zip(image, atoms.T, strict=True):
        order = np.argsort(places)
        ends = np.cumsum(masses[order])
        levels = (np.arange(len(line)) + 0.5) / len(line)
        matched = places[order][np.minimum(np.searchsorted(ends, levels), len(order) - 1)]
        distance = np.sqrt(np.mean((np.sort(values) - matched) ** 2))
        assert distance <= float(found.bound) + 4e-3


@pytest.mark.parametrize(
    ("target", "eps", "words"),
    [
        (TRIANGLE, 0, "eps > 0"),
        (TRIANGLE, "-1/2", "eps > 0"),
        (Atoms([[0, 0, 0]]), 1, "even dimension"),
        (uniform([0], [1]), 1, "even dimension"),
        (uniform([0, 0], [1, 1]), "1/1000000", "atoms"),
        (Ring(1, 2), "1/1000000", "atoms"),
        ("checkerboard", 1, "second moments"),
        (np.array([[np.inf, 0.0]]), 1, "finite"),
        (np.array([1.0, 2.0]), 1, "two axes"),
        (TRIANGLE, "x", "number"),
    ],
)
def test_refuses(target, eps, words):
    with pytest.raises(InvalidInputError, match=words):
        approximate(target, eps)


def test_refuses_a_measure_of_coarse_cells():
    class Coarse(Boxes):
        def cells(self, tolerance, bits):
            return super().cells(100 * tolerance, bits)

    with pytest.raises(InvalidInputError, match="as fine as it is asked"):
        approximate(Coarse([([0, 0], [1, 1])]), "1/10")


def test_precision():
    with pytest.raises(PrecisionError, match="would do"):
        approximate(TRIANGLE, "1/1000000000000", precision=64)
    with pytest.raises(PrecisionError, match="above"):
        approximate(TRIANGLE, 1, precision=20)
    assert approximate(TRIANGLE, "1/10", precision=300).precision == 300


def test_the_precision_that_the_message_names_does():
    with pytest.raises(PrecisionError) as caught:
        approximate(TRIANGLE, "1/1000000000000", precision=64)
    needed = int(str(caught.value).rsplit(" would do", 1)[0].split()[-1])
    assert approximate(TRIANGLE, "1/1000000000000", precision=needed).precision == needed


@pytest.mark.slow
def test_a_hundred_thousand_atoms():
    found = approximate(uniform([0, 0], [1, 1]), "0.0026")
    assert len(found.parameters.weights) > 95_000
    assert found.bound <= found.eps
    assert found.sample(100_000).shape == (100_000, 2)
