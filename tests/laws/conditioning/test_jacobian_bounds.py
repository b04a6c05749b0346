"""Lower bounds of conditioning, against independent computations and against flows."""

import pickle
from copy import deepcopy
from dataclasses import replace
from math import log, pi, sqrt
from statistics import NormalDist

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, ctx
from scipy.optimize import isotonic_regression
from scipy.special import ndtr
from sympy import QQ, Rational

from exactflow import whiten
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.balls import PrecisionError, upper
from exactflow.exact.numbers import to_mpf
from exactflow.laws.conditioning import Gaussian, bound_conditioning, singular_values
from exactflow.laws.conditioning.lipschitz_regression import LipschitzRegression, NormalToAtomsMap
from exactflow.laws.conditioning.log_det_bound import upper_bound_mean_log_det_of_maps_near
from exactflow.laws.conditioning.mixture_components import (
    as_exact_or_quantized_components,
    quantize_within_tolerance_or_atom_limit,
)
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Histogram,
    Product,
    approximate,
    checkerboard,
    uniform,
)
from proofs.constructions.spheres import Ring
from proofs.experiments.inversion import worst_points

TWO = Atoms([[-1, -1], [1, 1]])
TINY = QQ(1, 10**90)
CORNERS = Atoms([[1, 1], [1, -1], [-1, 1], [-1, -1]])
HUMPS = Boxes([([-2], [-1]), ([-1], [1]), ([1], [2])], ["9/20", "1/10", "9/20"])


def on_a_grid(values, weights, slope, count=50_001, reach=8.5):
    """Return the distance from isotonic regression on a grid, in floats."""
    z = np.linspace(-reach, reach, count)
    masses, middles = np.diff(ndtr(z)) + 1e-300, (z[1:] + z[:-1]) / 2
    cumulative = np.cumsum(weights) / np.sum(weights)
    pieces = np.minimum(np.searchsorted(cumulative, ndtr(middles)), len(values) - 1)
    V = slope * middles - np.array(values)[pieces]
    U = isotonic_regression(V, weights=masses).x
    assert np.diff(slope * middles - U).min() > -1e-9  # the best map increases by itself
    return np.sqrt(masses @ (U - V) ** 2)


@pytest.mark.parametrize("atoms", [2, 3, 8, 40])
@pytest.mark.parametrize("slope", [0.3, 1.0, 4.0, 30.0])
def test_the_distance_on_the_line(atoms, slope):
    generator = np.random.default_rng(atoms)
    values = np.unique(generator.integers(-500, 500, atoms)) / 256
    weights = generator.integers(1, 60, len(values)).tolist()
    with ctx.workprec(128):
        steps = NormalToAtomsMap.from_ascending_atoms(list(map(arb, values)), weights)
        regression = LipschitzRegression(steps, arb(slope))
        below = regression.lower_bound_squared_distance()
        above = regression.upper_bound_squared_distance()
        assert not below > above
        assert abs(above - below) < 1e-9 * above
    assert abs(float(above.sqrt()) / on_a_grid(values, weights, slope) - 1) < 1e-3


@pytest.mark.parametrize("eps", ["1/3", "1/20", "1/1000", "1/1000000"])
def test_two_points_by_a_ramp(eps):
    bounds = bound_conditioning(Atoms([[-1], [1]]), eps)
    with mpmath.workdps(40):
        L = mpmath.mpf(int(bounds.lipschitz.p)) / int(bounds.lipschitz.q)
        square = 2 * mpmath.quad(lambda z: (1 - L * z) ** 2 * mpmath.npdf(z), [0, 1 / L])
        assert abs(mpmath.sqrt(square) / mpmath.mpf(sympy.Rational(eps)) - 1) < 1e-9
    assert bounds.lipschitz < bounds.attained < bounds.lipschitz * (1 + Rational(1, 10**7))
    if eps == "1/1000000":
        ratio = float(bounds.lipschitz * Rational(eps) ** 2 / 8)
        assert abs(ratio * 12 * sqrt(2 * pi) - 1) < 1e-5


def test_a_frame_adds_up_and_a_difference_of_centers_is_found():
    one = bound_conditioning(Atoms([[-1], [1]]), Rational(1, 10))
    slightly_over_a_tenth_of_root_two = Rational(1, 10) * Rational(665857, 470832)
    both = bound_conditioning(CORNERS, slightly_over_a_tenth_of_root_two)
    assert 0.999999 < both.lipschitz / one.lipschitz < 1
    diagonal = bound_conditioning(TWO, "1/10")
    on_line = bound_conditioning(Atoms([[0], [sqrt(8)]]), "1/10")
    assert abs(diagonal.lipschitz / on_line.lipschitz - 1) < 1e-9
    assert abs(abs(float(diagonal.costliest_gap.axis[0])) - sqrt(0.5)) < 1e-12


def test_a_slope_near_the_deviation_is_found_in_as_many_bits_as_it_takes():
    bounds = bound_conditioning(Atoms([[-1], [1]]), 1 - Rational(1, 10**32))
    about = sqrt(pi / 2) / 10**32  # sqrt(1 - 2 L E|z|) is eps
    assert abs(bounds.lipschitz / about - 1) < 1e-6
    assert bounds.lipschitz <= bounds.attained < bounds.lipschitz * (1 + Rational(1, 10**6))


def test_a_target_too_large_for_eps_is_told_so():
    with pytest.raises(PrecisionError, match=r"too large for this eps.* change it slightly$"):
        bound_conditioning(Atoms([[1e308], [5e-324]]), 5e-324)


@pytest.mark.parametrize(
    ("points", "axis"), [([[0, 0], [10**15, 1]], 0), ([[0, 0], [1, 10**15]], 1)]
)
def test_the_gap_is_on_the_axis_that_costs_most_at_any_size(points, axis):
    gap = bound_conditioning(Atoms(points), "1/10").costliest_gap
    assert gap.axis[axis] == 1
    assert (gap.start, gap.stop, gap.mass) == (0, 10**15, 0)
    assert gap.share > Rational(1, 2)


def test_a_gap_of_a_law_without_gaps_has_mass():
    bounds = bound_conditioning(uniform([0], [1]), "1/10")
    assert Rational(1, 2) < bounds.costliest_gap.mass < 1
    assert f"(a climb along {bounds.costliest_gap})" in str(bounds)
    assert "past a mass of" in str(bounds.costliest_gap)


@pytest.mark.slow
def test_laws_on_axes_that_are_translates_are_counted():
    cube = bound_conditioning(uniform([0] * 3, [1] * 3), "1/10")
    box = bound_conditioning(Product([uniform([k], [k + 1]) for k in range(3)]), "1/10")
    assert cube.lipschitz == box.lipschitz > 0


def test_near_eigenvalues_and_rare_atoms():
    near = bound_conditioning(Gaussian([[1, 0], [0, 1 + Rational(1, 10**400)]]), "1/10")
    assert abs(near.lipschitz - (1 - 1 / sqrt(200))) < 1e-7
    rare = bound_conditioning(Histogram([[1, 0], [0, 10**324]], ([0, 0], [1, 1])), "1/10")
    one = bound_conditioning(uniform(["1/2", "1/2"], [1, 1]), "1/10")
    assert abs(rare.lipschitz / one.lipschitz - 1) < 1e-2
    assert rare.explain().steps


@pytest.mark.parametrize("count", range(2, 10))
def test_pieces_at_one_place_are_cut_apart(count):
    centers = [[Rational(1, 10), Rational(1, 3)]] * count
    law = GaussianMixture(centers, list(range(1, count + 1)))
    with ctx.workprec(128):
        _, groups, _ = upper_bound_mean_log_det_of_maps_near(
            as_exact_or_quantized_components(law, QQ(1, 2)), arb("0.5")
        )
    assert sum(map(len, groups)) == count
    assert all(map(len, groups))


@pytest.mark.parametrize("dimension", [64, 70])
def test_more_axes_than_an_array_has(dimension):
    pair = Atoms([[0], [1]])
    bounds = bound_conditioning(Product([pair] * dimension), "1/10")
    one = bound_conditioning(pair, "1/80" if dimension == 64 else "1/84")
    assert 0.98 < bounds.lipschitz / one.lipschitz < 1.02
    assert len(str(bounds)) < 400


def test_layers_of_condition_numbers_near_one_are_counted_by_logarithms():
    bounds = bound_conditioning(TWO, "1/100")
    for excess in (Rational(1, 10**6), Rational(1, 10**7), Rational(1, 10**300)):
        layers = bounds.lower_bound_depth(1 + excess)
        with mpmath.workdps(700):
            exact = 2 * mpmath.log(to_mpf(bounds.lipschitz)) / mpmath.log1p(to_mpf(excess))
            assert layers == int(mpmath.ceil(exact))
    square = bounds.lipschitz**2
    conditions = square, square**2, bounds.lipschitz
    assert [bounds.lower_bound_depth(condition) for condition in conditions] == [1, 1, 2]
    assert bounds.lower_bound_depth(square - Rational(1, 10**60)) == 2


def test_several_gaps_add_up_where_ramps_do_not_meet():
    eps = Rational(1, 1000)
    three = bound_conditioning(Atoms([[0], [1], [3]], ["1/2", "1/3", "1/6"]), eps)
    jumps = [(0.5, 1), (5 / 6, 2)]
    normal = NormalDist()
    about = sum(normal.pdf(normal.inv_cdf(p)) * D**3 for p, D in jumps) / 12 / float(eps) ** 2
    assert abs(float(three.lipschitz) / about - 1) < 1e-3


@pytest.mark.slow
def test_mass_in_a_gap_is_taken_into_account():
    slopes = [bound_conditioning(HUMPS, eps) for eps in ("1/2", "1/8")]
    for bounds in slopes:
        assert bounds.lipschitz <= bounds.attained < Rational(11, 10) * bounds.lipschitz
    steepest = 20 * NormalDist().pdf(0)  # of the increasing map, in the gap
    assert slopes[0].lipschitz < slopes[1].lipschitz < steepest


def largest_volume(deviations, weights, eps):
    """Return the maximum of 16b less the entropy, by a search for the multiplier in mpmath."""
    s = [[mpmath.mpf(x) for x in row] for row in deviations]

    def best(t):
        return [[(x + mpmath.sqrt(x * x + 4 * t)) / 2 for x in row] for row in s]

    def excess(t):
        pairs = zip(weights, best(t), s, strict=True)
        squares = (w * sum((a - x) ** 2 for a, x in zip(p, q, strict=True)) for w, p, q in pairs)
        return sum(squares) - mpmath.mpf(eps) ** 2

    t = mpmath.findroot(excess, (mpmath.mpf(eps) ** 2 / 9, 9 * mpmath.mpf(eps)), solver="anderson")
    return sum(w * sum(map(mpmath.log, row)) for w, row in zip(weights, best(t), strict=True))


@pytest.mark.parametrize("eps", ["0.5", "0.01", "0.00001"])
def test_gaussians_of_every_rank(eps):
    for variances in ([0, 1], [0, 0, 4], [1, 4, 9]):
        bounds = bound_conditioning(Gaussian(sympy.diag(*variances)), eps)
        with mpmath.workdps(30):
            expected = largest_volume([[sqrt(x) for x in variances]], [1], eps)
            assert 0 <= mpmath.mpf(float(bounds.mean_log_det)) - expected < 1e-12
        assert bounds.clusters == 1
        assert abs(float(bounds.sigma_min) / np.exp(float(expected) / len(variances)) - 1) < 1e-9
    one = bound_conditioning(Gaussian([["9/4"]]), "1/4")
    assert one.lipschitz <= Rational(5, 4) <= one.attained < Rational(5, 4) + Rational(1, 10**6)


def test_a_rotated_gaussian_is_no_other():
    Sigma = sympy.Matrix([[5, 2, 1], [2, 1, 0], [1, 0, 3]]) / 7
    turn = sympy.Matrix([[3, -4, 0], [4, 3, 0], [0, 0, 5]]) / 5
    first, second = (
        bound_conditioning(Gaussian(M), "1/10") for M in (Sigma, turn * Sigma * turn.T)
    )
    for name in ("lipschitz", "mean_log_det", "ratio"):
        assert abs(getattr(first, name) / getattr(second, name) - 1) < Rational(1, 10**9)


def test_atoms_and_clusters():
    eps = 1 / 1024
    points = Atoms([[0, 0, 1], [0, 2, 0], [3, 0, 0]], ["1/2", "1/4", "1/4"])
    bounds = bound_conditioning(points, eps)
    assert bounds.clusters == 3
    assert abs(float(bounds.mean_log_det) - 1.5 * log(2) - 3 * log(eps / sqrt(3))) < 1e-12
    assert bound_conditioning(points, 10).clusters == 1
    two = Boxes([([0, 0], [1, 0]), ([9, 9], [9, 10])])
    with mpmath.workdps(30):
        inner = largest_volume([[1 / sqrt(12), 0]] * 2, [0.5, 0.5], 0.01)
    found = bound_conditioning(two, Rational(1, 100))
    assert found.clusters == 2
    assert abs(float(found.mean_log_det) - float(inner) - log(2)) < 1e-12


@pytest.mark.slow
def test_a_segment_is_of_the_order_of_eps():
    rest = [
        float(bound_conditioning(uniform([0, 0], [1, 0]), Rational(1, 10**k)).mean_log_det)
        + k * log(10)
        for k in (2, 5)
    ]
    assert abs(rest[1] + log(sqrt(12))) < 1e-4
    assert max(rest) - min(rest) < 0.1


@pytest.mark.slow
def test_curved_data_takes_many_clusters():
    bounds = bound_conditioning(Ring(1, 1), "1/8")
    assert bounds.clusters > 8
    one = bound_conditioning(Gaussian(sympy.eye(2) / 2), "1/8")  # of the same covariance
    assert bounds.mean_log_det < one.mean_log_det - Rational(1, 2)


@pytest.mark.parametrize(
    ("target", "eps"),
    [
        (TWO, "1/10"),
        (CORNERS, "1/50"),
        (Atoms([[0, 0], [1, 1], [2, 0]]), "1/100"),
        pytest.param(Ring(1, 1), "1/4", marks=pytest.mark.slow),
        (checkerboard(), 1),
        (uniform([0, 0], [1, 0]), "1/2"),
    ],
)
def test_approximations_have_what_is_forced(target, eps):
    found, bounds = approximate(target, eps), bound_conditioning(target, eps)
    J = found.flow.jacobian(worst_points(found)[0])
    assert singular_values(J)[0] > bounds.lipschitz
    assert sympy.N(found.flow.log_abs_det()) < bounds.mean_log_det
    assert singular_values(J)[-1] < bounds.sigma_min


def test_a_whitening_has_what_is_forced():
    A = np.random.default_rng(1).standard_normal((4, 4))
    result = whiten(A @ A.T)
    eps = 4 * np.sqrt(
        float(result.generator_error)
    )  # Powers and Stormer: W2^2 <= tr|F F^T - Sigma|
    bounds = bound_conditioning(Gaussian(A @ A.T), eps)
    used = float(sympy.N(result.rounded_generator.log_abs_det()))
    assert used <= bounds.mean_log_det < used + 1e-5


def test_least_depth():
    bounds = bound_conditioning(TWO, "1/100")
    for condition in (2, "3/2", 100):
        kappa = Rational(condition)
        K = bounds.lower_bound_depth(condition)
        M = bounds.lower_bound_depth(condition, scales="positive")
        assert kappa**K >= bounds.lipschitz**2 > kappa ** (K - 1)
        assert kappa**M >= bounds.lipschitz > kappa ** (M - 1)
    assert bound_conditioning(TWO, 3).lower_bound_depth(2) == 0
    with pytest.raises(InvalidInputError, match="condition > 1, got 1"):
        bounds.lower_bound_depth(1)
    with pytest.raises(InvalidInputError, match="scales"):
        bounds.lower_bound_depth(2, scales="some")


def test_masses_and_lengths_of_every_size():
    tiny = Rational(1, 10**40)
    bounds = bound_conditioning(Atoms([[0], [1]], [tiny, 1 - tiny]), Rational(1, 10**25))
    assert bounds.lipschitz > 10**10
    assert bounds.attained < bounds.lipschitz * (1 + Rational(1, 10**6))
    large = Gaussian(sympy.diag(10**400, 1))
    assert abs(bound_conditioning(large, 1).lipschitz / 10**200 - 1) < Rational(1, 10**6)
    one, two = (
        bound_conditioning(Atoms([[0, 0], [x, x]]), x / 1000)
        for x in (Rational(1), Rational(2) ** 400)
    )
    assert abs(one.lipschitz * 2**400 / two.lipschitz - 1) < Rational(1, 10**6)
    assert abs(one.ratio / two.ratio - 1) < Rational(1, 10**6)
    assert (one.clusters, two.clusters) == (2, 2)


def test_bounds_that_say_nothing():
    for target, eps in ((Atoms([[1, 2]]), "1/7"), (TWO, 2), (Gaussian([[0]]), 1)):
        bounds = bound_conditioning(target, eps)
        assert bounds.lipschitz == 0
        assert bounds.costliest_gap is None
    assert bounds.attained == 0
    assert bound_conditioning(TWO, 2).ratio == 1


def test_points_are_a_sample():
    points = np.array([[0.5, 1.0], [0.0, 0.0], [0.5, 1.0], [2.0, 1.0]])
    atoms = Atoms([[0.5, 1], [0, 0], [2, 1]], ["1/2", "1/4", "1/4"])
    first, second = (bound_conditioning(target, 0.25) for target in (points, atoms))
    assert first.lipschitz == second.lipschitz
    assert first.mean_log_det == second.mean_log_det


@pytest.mark.parametrize(
    ("target", "eps", "words"),
    [
        (TWO, 0, "expected eps > 0, got 0"),
        (TWO, -1, "expected eps > 0"),
        (TWO, float("nan"), "expected a finite number, got nan"),
        (np.array([[0.0, np.nan], [1.0, 2.0]]), 1, "entry .0, 1.: expected a finite number"),
        (np.eye(3), 1, "is a symmetric 3 x 3 array, which could be either"),
        ([[1, 1], [1, 1]], 1, "or empirical_measure.array. for points"),
        ([[sympy.sqrt(2), 1]], 1, r"rational coordinates, got .*sqrt\(2\)"),
        (np.zeros((3, 0)), 1, "at least one point"),
        (np.zeros(3), 1, "two axes"),
        ("checkerboard", 1, "got str 'checkerboard'"),
        (sympy.eye(2), 1, "Gaussian.covariance., or points .*, got MutableDenseMatrix"),
    ],
)
def test_refuses(target, eps, words):
    with pytest.raises(InvalidInputError, match=words):
        bound_conditioning(target, eps)


@pytest.mark.parametrize(
    ("Sigma", "words"),
    [
        ([[1, 2], [2, 1]], "positive semidefinite"),
        ([[-1]], "positive semidefinite"),
        ([[1, 2], [0, 1]], "symmetric"),
        ([[1, 2]], "square"),
        ([[sympy.sqrt(2)]], "rational numbers or floats"),
        ([[float("inf")]], "finite"),
    ],
)
def test_refuses_covariances(Sigma, words):
    with pytest.raises(InvalidInputError, match=words):
        Gaussian(Sigma)


@pytest.mark.parametrize(
    ("target", "eps"),
    [
        (TWO, "1/10"),
        (TWO, 3),
        (CORNERS, "1/1000000"),
        (Atoms([[10**60], [10**60 + 1]]), "1/10"),
        (Atoms([[0], [1], [10**40]], ["1/4", QQ(3, 4) - TINY, TINY]), "1/10"),
        (Gaussian([[2, 1, 0], [1, 2, 0], [0, 0, 0]]), "1/7"),
        (Gaussian([[10**80 + (i == j) for j in range(3)] for i in range(3)]), "1/10"),
        (Atoms([[0, 0], [1, 5], [3, 1], [3, 2]], ["1/2", "1/4", "1/8", "1/8"]), "1/2"),
        (uniform([0, 0], [1, "1/2"]), "1/4"),
        pytest.param(Ring(1, 1), "1/2", marks=pytest.mark.slow),
    ],
)
def test_explains(target, eps):
    explanation = bound_conditioning(target, eps).explain()
    assert [step.rule for step in explanation.steps] == ["16a", "16b", "16b"]
    assert explanation.claim.startswith("Every smooth bijection whose image of N(0, I) is within")
    assert "<details>" in explanation._repr_html_()


def test_a_false_bound_is_not_explained():
    bounds = bound_conditioning(TWO, "1/10")
    for name, value in (
        ("lipschitz", bounds.lipschitz * Rational(1001, 1000)),
        ("mean_log_det", bounds.mean_log_det - Rational(1, 1000)),
        ("sigma_min", bounds.sigma_min / 2),
        ("ratio", bounds.ratio * 2),
    ):
        with pytest.raises(VerificationError, match=r"step \d \(\w+\) is wrong"):
            replace(bounds, **{name: value}).explain()


@pytest.mark.parametrize("target", [TWO, Gaussian([[2, "1/3"], ["1/3", 1]])])
def test_pickles_and_copies(target):
    bounds = bound_conditioning(target, "1/10")
    for copied in (pickle.loads(pickle.dumps(bounds)), deepcopy(bounds)):
        assert copied.target == target
        assert hash(copied.target) == hash(target)
        assert str(copied) == str(bounds)
        assert copied.lipschitz == bounds.lipschitz


def test_displays():
    bounds = bound_conditioning(TWO, "1/10")
    assert "Lipschitz constant at least 75.2239" in str(bounds)
    assert "<table>" in bounds._repr_html_()
    assert bounds._repr_latex_().startswith("$")
    assert "(-0.707, -0.707) from -1.41 to 1.41" in repr(bounds)


@pytest.mark.slow
def test_no_more_cells_are_made_than_are_merged():
    law = GaussianMixture([0, 0], [1, 2])
    fine, coarse = (quantize_within_tolerance_or_atom_limit(law, QQ(1, n), 0) for n in (10**12, 10))
    assert len(fine.weights) <= 4 * TUNING.most_components + 2
    assert 256 * fine.error < coarse.error <= arb(1) / 10


def test_the_components_of_a_product_have_its_mean_and_covariance():
    """Two intervals of means 1/2 and 5; two normal laws; and three points of the plane."""
    intervals = Boxes([([0], [1]), ([4], [6])], ["1/4", "3/4"])
    normal = GaussianMixture([[0], [2]], "1/3")
    law = Product([intervals, normal, Atoms([[1, 2], [3, 2], [3, 5]])])
    found = as_exact_or_quantized_components(law, QQ(1))
    assert found.mean() == [QQ(31, 8), QQ(1), QQ(7, 3), QQ(3)]
    covariance = sympy.diag(
        Rational(781, 192),  # 1/4 of 1/3 and 3/4 of 76/3, without the square of 31/8
        Rational(10, 9),
        sympy.Matrix([["8/9", "2/3"], ["2/3", 2]]),
    )
    derived = sympy.Matrix(4, 4, [Rational(str(x)) for x in found.total_covariance.entries()])
    assert derived == covariance


def test_the_error_of_a_quantization_is_added_to_eps():
    """What is near the law is near the atoms, farther by their distance from the law."""
    law, eps = Ring(1, 2), Rational(1, 2)
    with ctx.workprec(TUNING.precision):
        atoms = as_exact_or_quantized_components(law, QQ(1, 2))
        farther = eps + QQ.to_sympy(upper(atoms.error))
    assert farther > eps
    points = [[QQ(int(x), atoms.unit) for x in row] for row in atoms.centers]
    same = Atoms(points, [QQ(int(w), atoms.total_weight) for w in atoms.weights])
    near, near_atoms = bound_conditioning(law, eps), bound_conditioning(same, farther)
    assert near.mean_log_det == near_atoms.mean_log_det
    assert near.mean_log_det > bound_conditioning(same, eps).mean_log_det


def test_coordinates_share_the_atoms_of_a_quantization():
    law = GaussianMixture([[0] * 64, [1] * 64], [1, 2])
    cells = quantize_within_tolerance_or_atom_limit(law, QQ(1, 10**12), 63)
    assert len(cells.weights) <= 4 * TUNING.least_atoms + 2


LAWS = {
    "atoms": Atoms([[0, 0], [1, 3]]),
    "boxes": uniform([0, 0], [3, 1]),
    "histogram": Histogram([[1, 0], [1, 2]], ([0, 0], [3, 3])),
    "one normal law": GaussianMixture([[0, 1]], [["1/2", 2]]),
    "two normal laws": GaussianMixture([[0, 0], [3, 1]], "1/4"),
    "a product": Product([GaussianMixture([0, 2], "1/3"), uniform([0], [1])]),
    "a ring": pytest.param(Ring(1, 2), marks=pytest.mark.slow),
}


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_constant_coordinate_changes_no_slope(law):
    """A map to a product with an atom projects to a map to the law, and the law is its image."""
    alone, beside = (bound_conditioning(x, "1/2") for x in (law, Product([law, Atoms([[5]])])))
    assert abs(beside.lipschitz / alone.lipschitz - 1) < Rational(1, 50)
    assert beside.mean_log_det < alone.mean_log_det
    assert beside.costliest_gap is None or beside.costliest_gap.axis[-1] == 0


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_scaled_by_a_power_of_two_scales_the_bounds(law):
    """If f is within eps of P then 2 f is within 2 eps of 2 P, and conversely."""
    scaled = {
        Atoms: lambda x: Atoms([[2 * a for a in row] for row in x.points], x.weights),
        GaussianMixture: lambda x: GaussianMixture(
            [[2 * a for a in row] for row in x.means],
            [[2 * a for a in row] for row in x.deviations],
            x.weights,
        ),
        Product: lambda x: Product([twice(factor) for factor in x.factors]),
        Ring: lambda _: Ring(2, 4),
    }

    def twice(x):
        boxes = [[[2 * a for a in end] for end in pair] for pair in getattr(x, "ends", ())]
        return Boxes(boxes, x.weights) if boxes else scaled[type(x)](x)

    one, other = bound_conditioning(law, "1/2"), bound_conditioning(twice(law), 1)
    assert abs(other.lipschitz / one.lipschitz / 2 - 1) < Rational(1, 50)
    assert abs(float(other.mean_log_det - one.mean_log_det) - 2 * log(2)) < 0.2
    assert abs(other.ratio / one.ratio - 1) < Rational(1, 10)
