"""Laws of any size, place and kind: a certified flow, or one clear refusal before much is built."""

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from sympy import QQ, Rational

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.laws.conditioning import bound_conditioning
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Histogram,
    Product,
    approximate,
    uniform,
)
from exactflow.laws.universal.densities import DensityRun
from exactflow.laws.universal.measures import MOST_DRAWS, draw_normal_columns
from exactflow.laws.universal.quantization import TUNING, check_atom_count, floor_power_of_two
from exactflow.laws.universal.three_layers import MOST_STRIPS, _check_strip_count
from exactflow.laws.universal.tilings import MOST_TILES, check_tile_count
from exactflow.laws.universal.zones import MOST_CELLS, ColumnProfile

UNEVEN = Boxes([([0, 0], [0.1, 0.3]), ([0.3, 0.1], [0.7, 0.9])])
RARE = Histogram([[1, 0], [0, 10**324]], ([0, 0], [1, 1]))
MANY = [([x, y], [x + u, y + v]) for x, y, u, v in np.random.default_rng(0).random((200, 4))]
SMALL = Histogram([[1, 2], [0, 3]], ([0, 0], [3, 3]))


def far(distance):
    corner = [distance, distance]
    return Boxes([([0, 0], [1, 1]), (corner, [x + 1 for x in corner])])


@pytest.mark.parametrize("distance", [6000, 10**12, Rational(10**12) + Rational(1, 7)])
def test_additive_layers_cut_only_occupied_cells(distance):
    result = approximate(far(distance), "1/4", distance="KL", scales="additive")
    assert result.terms.tiles <= 8
    assert result.bound <= result.lower_bound + Rational(1, 4)
    near = approximate(far(2), "1/4", distance="KL", scales="additive")
    assert result.lower_bound == near.lower_bound  # the same areas, in order of density


@pytest.mark.parametrize("eps", ["1/4", "1/20"])
def test_additive_layers_of_boxes_without_common_measure(eps):
    result = approximate(UNEVEN, eps, distance="KL", scales="additive")
    assert result.bound <= result.lower_bound + Rational(eps)
    assert all(layer.is_additive for layer in result.flow)
    z = [Rational(1, 7), Rational(-2, 3)]
    assert result.flow.inverse().forward(result.flow.forward(z)) == sympy.Matrix(z)
    generator, points = np.random.default_rng(0), []
    for ((a, c), (b, d)), count in zip(UNEVEN.ends, (2000, 2000), strict=True):
        ends = np.array([[a, c], [b, d]], dtype=object).astype(float)
        points.append(ends[0] + generator.random((count, 2)) * (ends[1] - ends[0]))
    areas = np.repeat([0.03, 0.32], 2000)
    lost = np.log(0.5 / areas) - result.log_prob(np.vstack(points))
    assert lost.mean() - 4 * lost.std() / 60 < result.bound


@pytest.mark.parametrize(
    ("law", "eps", "options"),
    [
        (UNEVEN, "1/4", {}),
        (RARE, "1/10", {}),
        (RARE, "1/10", {"scales": "additive"}),
        (GaussianMixture([[0, 0], ["1e-308", 0]], "1e-308"), "1/4", {}),
        (GaussianMixture([[0, 0], [1e300, 0]], 1e300), "1/4", {}),
        (GaussianMixture([[0, 0], [1e308, 0]], 1e308), "1/4", {}),
        (GaussianMixture([[0, 0]], [["1e-4000", "1e3000"]]), "1/4", {}),
        (uniform([0, 0], [1e-308, 1e308]), "1/4", {}),
        (uniform([0, 0], [1e-200, 1e-200]), "1/4", {"scales": "additive"}),
        (Boxes([([0, 0], [1e-300, 1]), ([1, 0], [2, 1])]), "1/4", {"scales": "additive"}),
        (Boxes([([i, i % 7], [i + 20, i % 7 + 30]) for i in range(200)]), "1/2", {}),
    ],
)
def test_kl_of_any_magnitude(law, eps, options):
    found = approximate(law, eps, distance="KL", **options)
    assert 0 < found.bound <= found.lower_bound + Rational(eps)
    assert len(str(found)) < 200


@pytest.mark.parametrize(
    ("law", "options", "words"),
    [
        (Boxes(MANY), {}, "cover at most 1048576 cells"),
        (Boxes(MANY), {"scales": "additive"}, "cover at most 1048576 cells"),
        (GaussianMixture([[i, i] for i in range(60)], "1/3"), {}, "fewer components"),
        (GaussianMixture([[0, 0], [1e308, 0]]), {}, "float64 does not resolve"),
    ],
)
def test_kl_that_takes_too_much_is_refused(law, options, words):
    with pytest.raises(InvalidInputError, match=words):
        approximate(law, "1/4", distance="KL", **options)


@pytest.mark.parametrize(
    ("law", "eps"),
    [
        (Product([Atoms([[0], [1]])] * 3 + [Atoms([[0]])] * 70), 1),
        (uniform([0] * 70, [1] * 70), 9),
        (Atoms([[1e308, 0], [5e-324, 1]]), "1/10"),
        (GaussianMixture([[0, 0], [1e308, 0]], 1e308), "1e308"),
        (GaussianMixture([[0, 0], ["1e-308", 0]], "1e-308"), "1/4"),
    ],
)
def test_w2_of_any_magnitude_and_dimension(law, eps):
    found = approximate(law, eps)
    assert 0 < found.bound <= Rational(eps)


@pytest.mark.parametrize(("scales", "there"), [("positive", 10**14), ("additive", 10**15)])
def test_floats_are_refused_where_no_digit_is_left(scales, there):
    near, away = (
        approximate(uniform([x, x], [x + 1, x + 1]), "1/4", distance="KL", scales=scales)
        for x in (0, there)
    )
    assert near.terms.digits <= 3
    assert away.terms.digits == 16
    assert "loses all its digits" in str(away)
    half = Rational(1, 2)
    exact = away.log_prob([there + half, there + half])
    assert exact.overlaps(near.log_prob([half, half]))
    with pytest.raises(InvalidInputError, match="which is all of them: pass rational"):
        away.log_prob([float(there), float(there)])


def test_log_prob_takes_arrays_of_integers_and_tensors():
    torch = pytest.importorskip("torch")
    found = approximate(SMALL, "1/4", distance="KL")
    rows = [[1, 1], [2, 2], [1, 2]]
    single = [found.log_prob(row) for row in rows]
    assert all(isinstance(x, arb) for x in single)
    for points in (rows, np.array(rows), torch.tensor(rows)):
        assert all(a.overlaps(b) for a, b in zip(found.log_prob(points), single, strict=True))
    floats = found.log_prob(np.array(rows, dtype=float))
    assert (floats == found.log_prob(torch.tensor(rows, dtype=torch.float32))).all()
    assert np.allclose(floats, list(map(float, single)), rtol=1e-12)
    assert found.log_prob(torch.ones(2, requires_grad=True)) == floats[0]


@pytest.mark.parametrize("x", [np.zeros((3, 3)), [1.0], "ab", None, 1.0, [1j, 2], [True, False]])
def test_log_prob_refuses_other_points(x):
    with pytest.raises(InvalidInputError):
        approximate(SMALL, "1/4", distance="KL").log_prob(x)


@pytest.mark.parametrize("count", [-1, 2.5, True, 10**12])
@pytest.mark.parametrize("distance", ["W2", "KL"])
def test_samples_are_counted_by_integers(count, distance):
    found = approximate(SMALL, 1, distance=distance)
    with pytest.raises(InvalidInputError, match="count"):
        found.sample(count)
    with pytest.raises(InvalidInputError, match="seed"):
        found.sample(1, seed=-1)
    assert found.sample(0).shape == (0, 2)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([], "shape"),
        (np.zeros((0, 2)), "got none"),
        ([[1, 2]], "coordinate 0, got one"),
        ([[1, 2], [3, 2]], "coordinate 1, got one"),
        ("abc", "array of real numbers"),
        ([["a", "b"]], "array of real numbers"),
        ([[10**400, 1], [0, 0]], "array of real numbers"),
        ([[1j, 1], [0, 0]], "array of real numbers"),
        ([[np.inf, 1], [0, 0]], "finite"),
        (None, "shape"),
    ],
)
def test_histograms_are_of_points_in_the_plane(samples, words):
    with pytest.raises(InvalidInputError, match=words):
        Histogram.of(samples, bins=4)


@pytest.mark.parametrize(
    "samples",
    [
        [[1e308, 0], [-1e308, 1], [0, 0.5]],
        [[5e-324, 0], [0, 5e-324], [0, 0]],
        [[1e16, 0], [1e16 + 2, 1], [1e16, 0.25]],
    ],
)
def test_histograms_at_the_ends_of_floats(samples):
    law = Histogram.of(samples, bins=2)
    assert sum(law.weights) == 1
    assert all(weight in (QQ(1, 3), QQ(2, 3)) for weight in law.weights)


def test_too_many_bins_are_refused():
    with pytest.raises(InvalidInputError, match="atoms"):
        Histogram.of([[0, 0], [1, 1]], bins=10**9)


@pytest.mark.parametrize("value", [QQ(0), QQ(-1, 3)])
def test_no_power_of_two_is_below_what_is_not_positive(value):
    with pytest.raises(PrecisionError, match="raise eps"):
        floor_power_of_two(value)
    assert issubclass(PrecisionError, ExactFlowError)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_overlapping_boxes_and_far_points_give_no_warning():
    corners = [([i / 10, i / 5], [i / 10 + 3, i / 5 + 5]) for i in range(200)]
    assert approximate(Boxes(corners), eps="1/2", distance="KL").bound <= Rational(1, 2)
    flow = approximate(uniform([0, 0], [1, 1]), eps="1/10", distance="KL")
    assert flow.log_prob(np.array([1e308, 0.0])) == -np.inf


@pytest.mark.parametrize(
    "x", [np.ma.array([0.5, 0.5], mask=[0, 1]), [0.5, mpmath.iv.mpf([1, 2])], [0.5, "a"]]
)
def test_log_prob_refuses_what_is_no_float(x):
    flow = approximate(uniform([0, 0], [1, 1]), eps="1/10", distance="KL")
    with pytest.raises(InvalidInputError, match="expected"):
        flow.log_prob(x)


@pytest.mark.parametrize(
    "samples", [[[1j, 2], [3, 4]], np.ma.array([[0.0, 1], [2, 3]], mask=[[0, 0], [0, 1]])]
)
def test_histograms_refuse_complex_and_masked_samples(samples):
    with pytest.raises(InvalidInputError, match="array of real numbers"):
        Histogram.of(samples)


@pytest.mark.parametrize("bins", [(3,), (1, 2, 3)])
def test_histograms_have_one_number_of_bins_or_two(bins):
    with pytest.raises(InvalidInputError, match="an integer or a pair"):
        Histogram.of(np.eye(2), bins=bins)


def test_samples_may_be_tensors():
    torch = pytest.importorskip("torch")
    points = [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]
    sample = torch.tensor(points, requires_grad=True)
    assert approximate(sample, eps="1/10").bound == approximate(np.array(points), eps="1/10").bound
    of_array = bound_conditioning(np.array(points), "1/10")
    assert bound_conditioning(sample, "1/10").lipschitz == of_array.lipschitz


@pytest.mark.parametrize(
    ("check", "most", "unit"),
    [
        (check_atom_count, TUNING.most_atoms, "atoms"),
        (check_tile_count, MOST_TILES, "tiles"),
        (_check_strip_count, MOST_STRIPS, "strips"),
    ],
)
def test_a_limit_is_included_and_named_with_the_number_that_exceeds_it(check, most, unit):
    check(most)
    with pytest.raises(InvalidInputError, match=rf"{most + 1} {unit}.*at most {most}\b"):
        check(most + 1)


@pytest.mark.parametrize(("cells", "slides"), [(MOST_CELLS, True), (MOST_CELLS + 1, False)])
def test_cells_slide_up_to_the_limit(cells, slides):
    ends = [(QQ(0), QQ(1)), (QQ(cells - 1), QQ(cells))]
    profile = ColumnProfile(tuple(DensityRun(a, b, QQ(1, 2)) for a, b in ends))
    assert profile.is_worth_dividing_into_cells is slides


@pytest.mark.parametrize("spare", [0, 1])
def test_a_sample_has_at_most_the_limit_of_numbers(spare):
    if spare:
        with pytest.raises(InvalidInputError, match=f"integer from 0 to {MOST_DRAWS // 2**20}"):
            draw_normal_columns(2**20, MOST_DRAWS // 2**20 + 1, 0)
    else:
        assert draw_normal_columns(2**20, 1, 0).shape == (2**20, 1)


@pytest.mark.parametrize("exponent", [900, 901])
def test_the_least_eps_is_included(exponent):
    eps = Rational(1, 2**exponent)
    if exponent > TUNING.least_exponent:
        with pytest.raises(InvalidInputError, match=r"expected eps >= 2\^-900"):
            approximate(Atoms([[0, 0]]), eps)
    else:
        assert approximate(Atoms([[0, 0]]), eps).bound <= eps
