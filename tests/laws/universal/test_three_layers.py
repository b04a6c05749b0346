"""Three couplings in KL: laws that are uniform given one coordinate, and those that are not."""

import re
from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest
import sympy
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_element
from exactflow.laws.universal import (
    Boxes,
    GaussianMixture,
    Histogram,
    Product,
    approximate,
    checkerboard,
    uniform,
)
from exactflow.laws.universal.integer_tiling import (
    find_short_tiling_by_translates,
    pack_mirrorable_copies_leaving_few_holes,
)

UNIT = ([0, 0], [1, 1])
ELL = Boxes([([0, 0], [1, 2]), ([1, 0], [2, 1])], ["2/3", "1/3"])
BARS = Histogram([[1, 0, 0, 0, 1]], UNIT)
HOOKS = Histogram([[1, 1, 0, 1], [1, 0, 1, 1]], UNIT)
WITH_GAPS = [[1, 1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 1, 0, 1, 0]]
GAPS = Histogram(WITH_GAPS, UNIT)
TWO_LEVELS = Histogram([[1, 2], [2, 1]], UNIT)
ROWS = Histogram([[1, 3], [1, 3]], UNIT)


def three(law, eps):
    return approximate(law, eps, distance="KL", layers=3)


def quadrature(result, count=40_000):
    """Return the mean of log p - log q over points, as many in each box as its weight says, on a
    jittered grid of it; and the error of that mean.
    """
    generator, means, variances = np.random.default_rng(0), [], []
    law = result.target
    for ((a, c), (b, d)), weight in zip(law.ends, law.weights, strict=True):
        n = int(np.sqrt(count * float(weight))) + 2
        place = (np.indices((n, n)).reshape(2, -1) + generator.random((2, n * n))) / n
        low, sides = np.array([[float(a), float(c)]]), np.array([[float(b - a), float(d - c)]])
        lost = np.log(float(weight / ((b - a) * (d - c)))) - result.log_prob(low + place.T * sides)
        means.append(float(weight) * lost.mean())
        variances.append(float(weight) ** 2 * lost.var() / n**2)
    return sum(means), np.sqrt(sum(variances))


def check_inverse(result):
    for k in range(3):
        x = [Rational(7 * k + i + 1, 23) for i in range(result.flow.dimension)]
        z = result.flow.inverse().forward(x)
        assert result.flow.forward(z) == sympy.Matrix(x)


def draw_cells(seed):
    """Return a set of cells of a grid of 2 x 2 to 8 x 8, and the uniform law on it."""
    random = Random(seed)
    rows, columns = random.randint(2, 8), random.randint(2, 8)
    counts = [[int(random.random() < 0.6) for _ in range(columns)] for _ in range(rows)]
    counts[0][0] = 1
    return Histogram(counts, UNIT)


@pytest.mark.parametrize(
    ("law", "eps"),
    [
        pytest.param(uniform([0, 0], [1, 1]), "1/100", id="square"),
        pytest.param(checkerboard(size=8), "1/20", id="checkerboard"),
        pytest.param(ELL, "1/50", id="ell"),
        pytest.param(BARS, "1/50", id="bars"),
        pytest.param(HOOKS, "1/10", id="hooks", marks=pytest.mark.slow),
        pytest.param(GAPS, "1/8", id="gaps", marks=pytest.mark.slow),
        pytest.param(uniform([10**6, -3], [10**6 + 1, "-299/100"]), "1/20", id="far and flat"),
        pytest.param(Boxes([([0, 0], [1, 1]), ([2, "1/3"], [3, "6/7"])]), "1/20", id="two boxes"),
    ],
)
def test_laws_uniform_given_one_coordinate_take_three_layers(law, eps):
    result = three(law, eps)
    assert 0 < result.bound <= Rational(eps)
    assert result.bound == result.terms.cells + result.terms.ramps + result.terms.tails
    assert result.flow.depth == 3
    mean, error = quadrature(result)
    assert abs(mean - float(result.bound)) <= 5 * error + 0.02 * float(result.bound)
    check_inverse(result)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("eps", ["1/10", "1/20"])
def test_random_sets_of_cells(seed, eps):
    result = three(draw_cells(seed), eps)
    assert result.bound <= Rational(eps)
    mean, error = quadrature(result)
    assert mean <= float(result.bound) + 5 * error
    check_inverse(result)


@pytest.mark.slow
def test_flow_is_diagonal_on_every_group_and_cell():
    """KL is added up rectangle by rectangle, with the layers evaluated inside of each."""
    result = three(Histogram([[1, 1, 0, 1], [1, 0, 1, 0]], UNIT), "17/100")
    part, inverse, lost = result.parts[0], result.flow.inverse(), 0.0
    zones, (margin,) = part.tiling, part.margins
    rows = zip(zones.zones, zones.group_start_and_length_by_zone_and_block, strict=True)
    for zone, groups in rows:
        low = zone.column.profile.runs[0].low
        mass = zone.column.mass / (zone.column.ends[1] - zone.column.ends[0])
        for block, (x, length) in zip(zone.blocks, groups, strict=True):
            for k in range(len(block.shifts)):
                for cell in zone.cells:
                    corner, sides = (x + k * length, low + cell.low), (length, cell.width)
                    lost += float(mass * length * cell.share) * _loss(
                        inverse, corner, sides, margin, mass * cell.share / cell.width
                    )
    assert abs(lost - float(result.terms.cells)) < 1e-9


def _loss(inverse, corner, sides, margin, density):
    """Return the mean of log p - log q on a rectangle on which the map is affine and diagonal."""
    near, far = 2 * margin, 1 - 2 * margin
    points = [
        [QQ.to_sympy(low + p * side) for low, side, p in zip(corner, sides, place, strict=True)]
        for place in ((near, near), (far, near), (near, far))
    ]
    images = [list(map(to_element, inverse.forward(point))) for point in points]
    first, second = images[1][0] - images[0][0], images[2][1] - images[0][1]
    assert (images[2][0], images[1][1]) == (images[0][0], images[0][1])
    square = 0.0
    for start, step in ((images[0][0], first), (images[0][1], second)):
        a = float(start - step * near / (far - near))
        b = float(start + step * (1 - near) / (far - near))
        square += (a * a + a * b + b * b) / 3
    scale = first * second / ((far - near) ** 2 * sides[0] * sides[1])
    return float(np.log(float(density)) + np.log(2 * np.pi) + square / 2 - np.log(float(scale)))


def test_every_point_of_a_law_has_a_zone():
    """Groups fill the columns, and places, strips and groups are apart."""
    zones = three(GAPS, "1/8").parts[0].tiling
    filled = {column.ends: 0 for column in zones.columns}
    for zone, groups in zip(
        zones.zones, zones.group_start_and_length_by_zone_and_block, strict=True
    ):
        for block, (_, length) in zip(zone.blocks, groups, strict=True):
            filled[zone.column.ends] += len(block.shifts) * length
    assert all(b - a == total for (a, b), total in filled.items())
    places = sorted({cell.place for zone in zones.zones for cell in zone.cells})
    assert all(a[1] <= b[0] for a, b in pairwise(places))


@pytest.mark.parametrize("span", range(1, 9))
def test_copies_and_holes_make_up_a_window(span):
    for middle in (m for k in range(span) for m in combinations(range(1, span - 1), k)):
        cells = tuple(sorted({0, *middle, span - 1}))
        window = pack_mirrorable_copies_leaving_few_holes(cells)
        covered = [
            offset + (span - 1 - i if mirrored else i)
            for offset, mirrored in window.copies
            for i in cells
        ] + [i for a, b in window.holes for i in range(a, b)]
        assert sorted(covered) == list(range(window.size))
        assert sum(b - a for a, b in window.holes) < 0.3 * window.size
        if tiling := find_short_tiling_by_translates(cells):
            shifts, size = tiling
            assert sorted(k + i for k in shifts for i in cells) == list(range(size))


def test_sets_that_tile_an_interval():
    tiling = [(0,), (0, 2), (0, 2, 4, 6), (0, 1, 4, 5)]
    assert all(map(find_short_tiling_by_translates, tiling))
    assert not any(
        map(find_short_tiling_by_translates, [(0, 1, 3), (0, 2, 3), (0, 1, 3, 4), (0, 2, 5)])
    )


@pytest.mark.parametrize(
    ("law", "less", "least"),
    [(TWO_LEVELS, "0.0566", "0.0567"), (Product([TWO_LEVELS] * 2), "0.1132", "0.114")],
)
def test_levels_cost_their_deficit(law, less, least):
    """KL(1/3, 2/3 | 1/2, 1/2) = 5/3 log 2 - log 3."""
    result = three(law, Rational(less) + Rational(1, 25))
    assert Rational(less) < result.bound <= result.eps
    with pytest.raises(InvalidInputError, match=f"expected eps > {least}, the least bound known"):
        three(law, less)


def test_worse_columns_are_shaped():
    """In the column of levels 1 and 30 each interval has a place of its own."""
    result = three(Histogram([[1, 30, 1, 30], [31, 0, 31, 0]], UNIT), "3/20")
    zones = result.parts[0].tiling.zones
    alone = [zone for zone in zones if len(zone.cells) == 4]
    assert len({cell.place for cell in alone[0].cells}) == 4
    assert {len(block.shifts) for zone in alone for block in zone.blocks} == {1}
    assert len(alone) < len(zones)
    mean, error = quadrature(result)
    assert mean <= float(result.bound) + 5 * error


def test_laws_uniform_given_the_other_coordinate_are_swapped():
    result = three(ROWS, "1/20")
    assert result.parts[0].swapped
    assert result.flow.order == (1, 0)
    mean, error = quadrature(result)
    assert mean <= float(result.bound) + 5 * error
    check_inverse(result)


@pytest.mark.parametrize(
    ("law", "digits"),
    [
        (uniform([0, 0], ["1e-30", "1e30"]), 10),
        (uniform([0, 0], [Rational(10) ** -400, Rational(10) ** 400]), 16),
        (uniform([10**9, 0], [10**9 + 1, 1]), 12),
        (Boxes([([0, 0], [1, 1]), ([1, 0], [2, 1])], [1 - QQ(1, 10**40), QQ(1, 10**40)]), 60),
    ],
)
def test_sizes_of_all_kinds(law, digits):
    result = three(law, "1/10")
    assert result.bound <= Rational(1, 10)
    assert result.terms.digits <= digits
    check_inverse(result)


@pytest.mark.parametrize("eps", ["177/1000", "1/4"])
def test_laws_that_may_lose_the_shaping_take_one_band(eps):
    """Tiles take the place of strips."""
    result = three(HOOKS, eps)
    assert 0.17 < result.bound <= Rational(eps)
    assert result.terms.bands == 1


def test_products_add_up():
    square = uniform([0, 0], [1, 1])
    result = three(Product([square, ROWS, ELL]), "1/5")
    assert result.bound <= Rational(1, 5)
    assert [part.swapped for part in result.parts] == [False, True, False]
    assert result.flow.order == (0, 3, 4, 1, 2, 5)
    check_inverse(result)
    x = np.random.default_rng(0).random((5, 6))
    parts = [
        three(law, "1/15").log_prob(x[:, 2 * k : 2 * k + 2])
        for k, law in enumerate((square, ROWS, ELL))
    ]
    assert np.allclose(result.log_prob(x), sum(parts), rtol=1e-6)
    mixed = three(Product([square, GaussianMixture([[0, 0]])]), "1/4")
    assert 0.17 < mixed.bound <= Rational(1, 4)


@pytest.mark.slow
def test_samples_lie_in_the_law():
    """By data processing at least exp(-KL) of them do."""
    x = three(GAPS, "1/8").sample(5000, seed=1)
    inside = [
        bool(0 <= a < 1 and 0 <= b < 1 and WITH_GAPS[int(3 * a)][int(7 * b)]) for a, b in x.tolist()
    ]
    assert np.mean(inside) > np.exp(-1 / 8) - 0.02


def test_more_cells_than_can_slide_are_shaped():
    far = "1001/1000"
    law = Boxes([([0, 0], [1, 1]), ([far, 0], [2, 1]), ([0, far], [1, 2])])
    with pytest.raises(InvalidInputError, match=r"eps > 0\.118, the least bound known"):
        three(law, "1/10")


@pytest.mark.parametrize(
    ("law", "eps", "unit"),
    [
        (uniform([0, 0], [1, 1]), "1/10000000", "zones"),
        (HOOKS, "1/10000000", "zones"),
        (HOOKS, "1/100000", "strips"),
    ],
)
def test_too_many_strips_or_zones_are_refused_with_a_number_above_the_limit(law, eps, unit):
    with pytest.raises(InvalidInputError, match=rf"\d {unit}, but at most") as error:
        three(law, eps)
    needed, most = map(int, re.findall(r"\d+", str(error.value))[:2])
    assert needed > most
