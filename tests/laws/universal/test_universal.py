"""The certified bound against independent estimates of W2, and everything that is refused."""

from itertools import combinations, pairwise

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, ctx
from scipy.optimize import linear_sum_assignment, linprog
from scipy.special import ndtr, ndtri
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    W2Approximation,
    approximate,
    checkerboard,
    empirical_measure,
    uniform,
)
from exactflow.laws.universal.construction import Construction
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere

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
    "a sample": (empirical_measure(np.random.default_rng(0).standard_normal((40, 2))), "1/10"),
    "an array in dimension 3": (np.random.default_rng(0).standard_normal((40, 3)), "1/10"),
    "normal laws": (GaussianMixture([[0, 0], [3, 1]], [1, ["1/2", "1/4"]]), "1/4"),
    "a law on the line": (Boxes([([0], [1]), ([1], [5])]), "1/20"),
    "a product": (Product([GaussianMixture([0]), Ring(1, 1)]), "1/2"),
    "segments in dimension 4": (Segments([([0] * 4, [1, 2, 3, 4]), ([1] * 4, [0] * 4)]), "1/20"),
    "a sphere in dimension 8": (Sphere([0] * 8, axes=np.eye(8)[[0, 5, 6]]), "1/4"),
}


@pytest.fixture(
    scope="module", params=[(name, layers) for name in TARGETS for layers in (2, 3)], ids=str
)
def found(request) -> W2Approximation:
    name, layers = request.param
    return approximate(*TARGETS[name], layers=layers)


def test_bound_is_within_eps(found):
    assert found.bound <= found.eps
    assert all(piece >= 0 for piece in found.terms)
    assert found.bound == sum(found.terms)


def test_layers(found):
    flow, parameters = found.flow, found.parameters
    delta, depth, d = QQ.to_sympy(parameters.delta), parameters.depth, found.target.dimension
    moved, _ = parameters.first_layer_moved_and_kept
    twice = len(range(d)[moved]) if depth == 3 else 0
    assert [layer.moves for layer in flow] == [flow[0].moves, flow[1].moves, flow[0].moves][:depth]
    assert flow[0].moves != flow[1].moves
    assert flow.log_abs_det() == sympy.log(delta ** (d + twice))
    z = [Rational(1, 7 + i) for i in range(d)]
    assert flow.inverse().forward(flow.forward(z)) == sympy.Matrix(z)


def test_plateaus_are_as_in_the_proof(found):
    """In the middle of cell i: c_i + delta z, and of three layers delta^2 z where they move twice.

    There the Jacobian of two layers is delta I.
    """
    parameters, d = found.parameters, found.target.dimension
    moved, kept = (range(d)[half] for half in parameters.first_layer_moved_and_kept)
    delta, knots = QQ.to_sympy(parameters.delta), parameters.knots
    inner = [(a + b) / 2 for a, b in pairwise(knots)]
    middles = [knots[0] - 1, *inner, knots[-1] + 1] if knots else [QQ(0)]
    scales = [delta**2 if i in moved and parameters.depth == 3 else delta for i in range(d)]
    for point, middle in list(zip(parameters.exact_atoms, middles, strict=True))[:20]:
        z = [Rational(1, 3)] * d
        z[kept[0]] = QQ.to_sympy(middle)
        noise = sympy.Matrix([s * entry for s, entry in zip(scales, z, strict=True)])
        assert found.flow.forward(z) == sympy.Matrix(list(map(QQ.to_sympy, point))) + noise
    if parameters.depth == 2:
        assert found.flow.jacobian(z) == delta * sympy.eye(d)


@pytest.mark.parametrize("layers", [2, 3])
def test_ramps_do_not_meet_where_knots_are_near(layers):
    """Jumps so small allow wide ramps, an atom of so little weight only narrow ones."""
    weights = ["3/4", "1/1000", "249/1000"]
    law = Atoms([[0, 0], ["1/1000", 0], ["1/500", 0]], weights)
    found = approximate(law, eps=1, layers=layers).parameters
    first, second = found.knots
    assert 0 < found.tau <= second - first


def test_the_spread_is_that_of_the_atoms():
    found = approximate(Atoms([[0, 0], ["1/1000", 0]]), eps=1).parameters
    moved = np.array(found.moved.tolist(), dtype=float) / 2**found.bits
    assert float(found.bound_rms_move_from_cell_centers()) == pytest.approx(
        np.sqrt(np.mean(moved**2))
    )


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("partition", [(1, 3), (3, 1), (2, 2)])
def test_any_partition(partition, layers):
    found = approximate(FOUR, "1/10", layers=layers, partition=partition)
    assert found.bound <= Rational(1, 10)
    assert found.flow.partition == partition
    places = {tuple(map(QQ.to_sympy, row)) for row in FOUR.points}
    for knot in (-2, 0, 2):
        image = found.flow.forward([Rational(knot)] * 4)
        assert any(max(abs(image - sympy.Matrix(c))) < Rational(1, 10) for c in places)


def grid_points(d: int, count: int) -> np.ndarray:
    """Equally likely points that stand for N(0, I_d): mid-quantiles, in product."""
    line = ndtri((np.arange(count) + 0.5) / count)
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


def coarse(atoms, weights, depth, tau, delta, radius, shift=0) -> Construction:
    """A construction of our own choice, for which the terms of the bound are all large."""
    cumulative = np.cumsum([float(w) for w in weights])[:-1]
    knots = [QQ(round(float(k) * 2**20), 2**20) + shift for k in ndtri(cumulative)]
    rows = np.array(atoms, dtype=object)
    carrier = 1 if depth == 2 else 0
    rows = rows[np.argsort(rows[:, carrier])]
    halves = (1, 1), carrier, depth
    return Construction(rows, 0 * rows[:, 0], 0, weights, *halves, knots, tau, radius, delta)


COARSE = {
    "wide ramps": (QQ(1, 2), QQ(1, 64), QQ(1, 4), 0),
    "wide ramps and noise": (QQ(1, 2), QQ(1, 8), QQ(3, 8), 0),
    "large noise, tails": (QQ(1, 8), QQ(1, 2), QQ(1, 4), 0),
    "wrong weights": (QQ(1, 32), QQ(1, 64), QQ(1, 4), QQ(1, 2)),
    "everything": (QQ(5, 8), QQ(1, 4), QQ(3, 8), QQ(1, 4)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", COARSE)
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize(
    ("atoms", "weights"),
    [
        ([[0, 0], [1, 2], [3, 1]], [QQ(1, 2), QQ(1, 3), QQ(1, 6)]),
        ([[0, 0], [1, 5]], [QQ(1, 2)] * 2),
        ([[0, 1], [1, 0], [2, 3], [3, 2]], [QQ(1, 4)] * 4),
    ],
)
def test_bound_exceeds_the_truth_where_every_term_is_large(case, atoms, weights, depth):
    tau, delta, radius, shift = COARSE[case]
    construction = coarse(atoms, weights, depth, tau, delta, radius, shift)
    atoms = construction.atoms.astype(float)
    with ctx.workprec(96):
        bound = float(construction.bound_w2(arb(0)).total)
    z = grid_points(2, 32)
    image = construction.build_flow().forward(z).T
    masses = np.array([float(w) for w in weights])
    truth = transport(image, np.full(len(image), 1 / len(image)), atoms, masses)
    assert truth <= bound * 1.02
    assert bound <= 25 * truth


@pytest.mark.parametrize("case", COARSE)
@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("atoms", [[[0, 0], [1, 200], [3, 1]], [[0, 0], [200, 1], [1, 3]]])
def test_the_terms_are_those_of_the_theorem(case, atoms, depth):
    """One half has a diameter of 3, the other of 200: which of them labels are added to matters."""
    weights = [QQ(1, 2), QQ(1, 3), QQ(1, 6)]
    tau, delta, radius, _ = map(float, COARSE[case])
    construction = coarse(atoms, weights, depth, *COARSE[case])
    with ctx.workprec(96):
        found = construction.bound_w2(arb(0))
    knots = np.array(construction.knots, dtype=float)
    sorted_atoms = construction.atoms.astype(float)
    boxes = np.ptp(sorted_atoms, axis=0)
    kept, moved = (boxes[half] for half in construction.first_layer_moved_and_kept[::-1])
    three = depth == 3
    mass = 2 * ndtr(-radius / delta) + three * 2 * ndtr(-1 / (4 * delta))
    jumps = np.linalg.norm(np.diff(sorted_atoms, axis=0), axis=1) + three * delta
    densities = np.exp(-(np.maximum(abs(knots) - tau / 2, 0) ** 2) / 2) / np.sqrt(2 * np.pi)
    terms = {
        "weights": np.hypot(*boxes) * abs(ndtr(knots) - np.array([1 / 2, 5 / 6])).sum() ** 0.5,
        "noise": np.hypot(delta, delta**2 if three else delta),
        "ramps": (tau * densities @ jumps**2) ** 0.5,
        "tails": np.hypot(kept, moved + three * 2 * delta)[0] * mass**0.5,
    }
    for name, term in terms.items():
        assert float(getattr(found, name)) == pytest.approx(term, rel=1e-6), name


SAMPLED = [
    "unit square",
    "checkerboard",
    "ring",
    "circle",
    "disc",
    "normal laws",
    "a law on the line",
    "a sphere in dimension 8",
    "segments in dimension 4",
]


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("name", SAMPLED)
def test_bound_exceeds_an_assignment_of_samples(name, layers):
    """W2 of samples is at most the bound and the sampling errors of both sides."""
    target, eps = TARGETS[name]
    found = approximate(target, eps, layers=layers)
    count = 100
    generator = np.random.default_rng(5)
    sides = [sample_of(name, count, generator) for _ in range(4)]
    between = assignment(found.sample(count, seed=1), sides[0])
    sampling = max(assignment(*pair) for pair in combinations(sides, 2))
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
    if name == "normal laws":
        second = generator.random(count) < 0.5
        scales = np.where(second[:, None], [1 / 2, 1 / 4], [1, 1])
        return second[:, None] * [3, 1] + scales * generator.standard_normal((count, 2))
    if name == "a law on the line":
        x = np.interp(generator.random(count), [0, 0.5, 1], [0, 1, 5])
        return np.stack([x, 0 * x], axis=1)
    if name == "a sphere in dimension 8":
        points = generator.standard_normal((count, 3))
        image = np.zeros((count, 8))
        image[:, [0, 5, 6]] = points / np.linalg.norm(points, axis=1, keepdims=True)
        return image
    if name == "segments in dimension 4":
        ends = np.array([[1, 2, 3, 4], [1, 1, 1, 1]])[generator.integers(0, 2, count)]
        return ends * generator.random((count, 1))
    inner, outer = {"ring": (1, 2), "circle": (1, 1), "disc": (0, 1)}[name]
    radius = np.sqrt(inner**2 + (outer**2 - inner**2) * generator.random(count))
    angle = 2 * np.pi * generator.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.mark.parametrize("name", ["triangle", "equal first coordinates", "four dimensions"])
def test_marginals_are_within_the_bound(name):
    """Exact quantile coupling in one dimension: W2 of a projection is at most W2."""
    found = approximate(*TARGETS[name])
    d = found.target.dimension
    line = ndtri((np.arange(200_000) + 0.5) / 200_000)
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
        (TRIANGLE, 0, "eps >= 2"),
        (TRIANGLE, "-1/2", "eps >= 2"),
        (uniform([0] * 8, [1] * 8), "1/20", "needs 1.* atoms, and at most 1048576"),
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
        def quantize(self, about_w2_error, bits):
            return super().quantize(100 * about_w2_error, bits)

    with pytest.raises(InvalidInputError, match="make quantize respect about_w2_error"):
        approximate(Coarse([([0, 0], [1, 1])]), "1/10")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": 1}, "argument layers to be an integer from 2 to 3"),
        ({"layers": 4}, "argument layers to be an integer from 2 to 3"),
        ({"partition": (1, 2)}, "expected a partition into two sizes with sum 2"),
        ({"partition": (0, 2)}, "partition"),
        ({"partition": 2}, "partition"),
    ],
)
def test_refuses_options(options, words):
    with pytest.raises(InvalidInputError, match=words):
        approximate(TRIANGLE, 1, **options)


@pytest.mark.slow
def test_a_hundred_thousand_atoms():
    found = approximate(uniform([0, 0], [1, 1]), "0.0026")
    assert len(found.parameters.weights) > 95_000
    assert found.bound <= found.eps
    assert found.sample(100_000).shape == (100_000, 2)


def test_tiny_tails_are_checked_with_few_digits(monkeypatch):
    used, erfc = [], mpmath.erfc

    def record_precision(x):
        used.append(mpmath.mp.prec)
        return erfc(x)

    monkeypatch.setattr(mpmath, "erfc", record_precision)
    result = approximate(Atoms([[0, 0, 0], [1, 1, 1]]), "1/10", partition=(2, 1))
    assert result.terms.tails < Rational(1, 10**1000)
    assert result.explain().steps
    assert max(used) < 1000
