"""Quantization: the error of cells, against integrals in closed form, and bad measures."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
from flint import arb
from quantization import assert_cells
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    checkerboard,
    empirical_measure,
    uniform,
)
from exactflow.laws.universal.construction import (
    _moves_separating_sorted_integers,
    _separate_sorted_integers,
    _sort_atoms_and_weights,
)
from exactflow.laws.universal.quantization import ceil_sqrt_at_least_one, quantize_by_cell_means

MIXED = GaussianMixture([[0, 1], [2, 3]], [1, ["1/2", 2]], ["1/4", "3/4"])
LAWS = {
    "box": (uniform([0, 1], [3, 2]), (3, 7 / 3)),
    "checkerboard": (checkerboard(size=2), (1 / 3, 1 / 3)),
    "normal laws": (MIXED, (13 / 4 + 1 / 4 + 3 / 16 - 1 / 4, 1 / 2 + 3 / 4 * 13)),
    "the line": (Boxes([([0], [1]), ([1], [2])], ["1/4", "3/4"]), (1 / 12 + 7 / 4,)),
    "product": (
        Product([GaussianMixture([1]), uniform([0, 1], [3, 2]), Atoms([[2]])]),
        (2, 3, 7 / 3, 4),
    ),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("tolerance", [QQ(2), QQ(1, 4)])
def test_cells_are_their_means_and_within_the_tolerance(name, tolerance):
    assert_cells(*LAWS[name], tolerance)


def test_one_cell_has_the_standard_deviation():
    cells = uniform([0, 0], [1, 2]).quantize(QQ(10), 40)
    assert cells.centers.tolist() == [[2**39, 2**40]]
    assert float(cells.error) ** 2 == pytest.approx(5 / 12)


@pytest.mark.parametrize(("tolerance", "count"), [(1, 1), (QQ(99, 100), 2)])
def test_a_normal_law_within_its_deviation_is_one_cell(tolerance, count):
    assert len(GaussianMixture([0, 3]).quantize(QQ(tolerance), 40).weights) == 2 * count


def test_what_rounding_takes_from_all_masses_is_in_the_error():
    """Thirds at -1, 0, 1 become 6/16, 5/16, 5/16: 1/48 of mass moves by one, and 1/48 by two."""
    third = arb(1) / 3
    cells = quantize_by_cell_means(2 * third, [(third, [arb(x)]) for x in (-1, 0, 1)], 2)
    assert cells.weights == [QQ(3, 8), QQ(5, 16), QQ(5, 16)]
    assert (1 / 48 + 4 / 48) ** 0.5 < float(cells.error) < 0.41


def test_atoms_on_the_grid_have_no_error_and_others_a_little():
    assert float(Atoms([[0.5, 3]]).quantize(QQ(1), 40).error) == 0
    assert 0 < float(Atoms([["1/3", 3]]).quantize(QQ(1), 40).error) < 2**-40
    between = Atoms([["1/32"] * 4]).quantize(QQ(1), 4)  # half a step off in four coordinates
    assert float(between.error) == 1 / 16


def test_empirical_merges():
    target = empirical_measure(np.array([[1, 2], [1, 2], [0, 0]]))
    assert target.weights == (QQ(2, 3), QQ(1, 3))


@pytest.mark.parametrize("gap", [1, 3, 100])
def test_spread(gap):
    firsts = np.array([0, 0, 0, 7, 50, 51, 10**30], dtype=object)
    moved = _separate_sorted_integers(firsts, gap)
    assert min(b - a for a, b in pairwise(moved)) >= gap
    assert max(abs(moved - firsts)) <= gap * len(firsts)
    assert moved[-1] == 10**30


@pytest.mark.parametrize("gap", [1, 1000])
def test_near_atoms_are_moved_as_far_apart_as_their_share_allows(gap):
    places = np.array([0, gap], dtype=object)
    first, second = _moves_separating_sorted_integers(places, [QQ(1, 2)] * 2, 20, QQ(1)).tolist()
    assert gap + second - first == 2**20  # the largest power of two that their span and share have
    assert (first**2 + second**2) / 2 <= 2**40


def test_labels_snake():
    atoms, weights = _sort_atoms_and_weights(
        Atoms([[0, 0], [0, 1], [1, 0], [1, 1]]).quantize(QQ(1), 0), 0
    )
    assert atoms.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert weights == [QQ(1, 4)] * 4


def test_least_root():
    for k in range(60):
        q = QQ(k, 7)
        m = ceil_sqrt_at_least_one(q)
        assert m >= 1
        assert m * m >= q
        assert m == 1 or (m - 1) ** 2 < q


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Atoms([[0, 0], [0, 0]]), "distinct atoms"),
        (lambda: Atoms([[0, 0], [1, 1]], ["1/2", "1/3"]), "exactly 1, got 5/6"),
        (lambda: Atoms([[0, 0]] + [[i, 1] for i in range(9)], [0.1] * 10), "1/10"),
        (lambda: Atoms([[0, 0], [1, 1]], [0, 1]), "positive weights"),
        (lambda: Atoms([[0, 0], [1, 1]], [1]), "2 weights"),
        (lambda: Atoms([]), "at least one point"),
        (lambda: empirical_measure([]), "at least one point"),
        (lambda: empirical_measure([[sympy.sqrt(2), 0]]), r"rational coordinates, .*sqrt\(2\)"),
        (lambda: Atoms([[float("nan"), 0]]), "finite"),
        (lambda: Boxes([]), "at least one box"),
        (lambda: Boxes([([0], [1]), ([0, 0], [1, 1])]), "all of equal dimension"),
        (lambda: uniform([1, 0], [0, 1]), "lower <= upper"),
        (lambda: uniform([0, 0], [1]), "equal numbers of coordinates"),
        (lambda: uniform([0, 0], [1, float("inf")]), "second moment"),
        (lambda: checkerboard(size=1), "argument size to be an integer >= 2"),
        (lambda: GaussianMixture([]), "means of equal dimension"),
        (
            lambda: GaussianMixture([0], 0),
            "positive deviations, got 0 at the mean .0.: for a coordinate",
        ),
        (lambda: GaussianMixture([0, 1], [1]), r"got \[0, 1\] and \[1\]"),
        (lambda: GaussianMixture([[0, 1], [1]]), "of equal dimension"),
        (lambda: GaussianMixture([[0, 1]], [[1, 2, 3]]), "one per coordinate"),
        (
            lambda: GaussianMixture([[0, 1]], [[1, 0]]),
            "positive deviations, got 0 at the mean .0, 1.",
        ),
        (lambda: GaussianMixture([0, 1], 1, ["1/2", "1/3"]), "exactly 1"),
        (lambda: GaussianMixture([0, float("inf")], 1), "finite"),
        (lambda: Product([]), "at least one factor"),
        (lambda: Product([uniform([0], [1]), 3]), "expected factors that are measures, got int"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_weights_of_rational_strings():
    assert Boxes([([0], [1]), ([2], [2])], ["1/3", "2/3"]).weights == (QQ(1, 3), QQ(2, 3))
