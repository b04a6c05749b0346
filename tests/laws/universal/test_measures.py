"""Quantization: the error of cells, against integrals in closed form, and bad measures."""

from itertools import pairwise

import numpy as np
import pytest
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    QuantileFunction,
    Ring,
    Segments,
    Sphere,
    checkerboard,
    empirical,
    uniform,
)
from exactflow.laws.universal.cells import least_root, of_means
from exactflow.laws.universal.parameters import _labelled, _separating, _spread

AXES = [[3, 4, 0, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 0, 0, 0], [-4, 3, 0, 0, 0, 0, 0, 0]]
MIXED = GaussianMixture([[0, 1], [2, 3]], [1, ["1/2", 2]], ["1/4", "3/4"])
LAWS = {
    "box": (uniform([0, 1], [3, 2]), (3, 7 / 3)),
    "checkerboard": (checkerboard(2), (1 / 3, 1 / 3)),
    "ring": (Ring(1, 3), (5 / 2, 5 / 2)),
    "half a ring": (Ring(1, 3, 0, "1/2"), (5 / 2, 5 / 2)),
    "circle": (Sphere([0, 0]), (1 / 2, 1 / 2)),
    "sphere": (Sphere([1, 0, 0], axes=2 * np.eye(3)), (7 / 3, 4 / 3, 4 / 3)),
    "sphere in dimension 4": (Sphere([0] * 4), (1 / 4,) * 4),
    "sphere in dimension 8": (
        Sphere([0] * 8, axes=AXES),
        (25 / 3, 25 / 3, 0, 25 / 3, 0, 0, 0, 0),
    ),
    "two points": (Sphere([0, 0], axes=[[1, 1]]), (1, 1)),
    "segments": (
        Segments([([0, 0, 0], [1, 2, 0]), ([3, 3, 3], [3, 3, 0])]),
        (28 / 6, 31 / 6, 3 / 2),
    ),
    "segments of two weights": (
        Segments([([0, 0], [1, 2]), ([2, 0], [2, 3])], ["1/4", "3/4"]),
        (37 / 12, 31 / 12),
    ),
    "normal laws": (MIXED, (13 / 4 + 1 / 4 + 3 / 16 - 1 / 4, 1 / 2 + 3 / 4 * 13)),
    "quantiles": (QuantileFunction([0, "1/4", 1], [0, 1, 2]), (1 / 12 + 7 / 4,)),
    "product": (Product([GaussianMixture([1]), Ring(0, 1), Atoms([[2]])]), (2, 1 / 4, 1 / 4, 4)),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("tolerance", [QQ(2), QQ(1, 4)])
def test_cells_are_their_means_and_within_the_tolerance(name, tolerance):
    """E|X - c|^2 = E|X|^2 - sum w |c|^2, for the whole and for every coordinate."""
    target, squares = LAWS[name]
    whole = target.cells(tolerance, 60)
    found = [target.coordinate(i, tolerance, 60) for i in range(target.dimension)]
    for cells, square in zip([whole, *found], [sum(squares), *squares], strict=True):
        assert sum(cells.weights, QQ.zero) == 1
        assert min(cells.weights) > 0
        assert len(cells.weights) == len(cells.centers)
        weights, centers = np.array(cells.weights, dtype=float), cells.centers.astype(float) / 2**60
        left = square - weights @ (centers**2).sum(axis=1)
        assert float(cells.error) ** 2 >= left - 1e-9
        if cells is whole:  # a coordinate may have the error of the whole
            assert float(cells.error) ** 2 == pytest.approx(left, rel=1e-6, abs=1e-12)
        assert float(cells.error) <= float(tolerance) * (1 + 1e-9)


@pytest.mark.parametrize("name", ["box", "checkerboard", "ring", "half a ring", "normal laws"])
def test_slabs_bound_strips(name):
    """The atoms of fine cells are as good as draws here."""
    target = LAWS[name][0]
    cells = target.cells(QQ(1, 32), 60)
    weights, centers = np.array(cells.weights, dtype=float), cells.centers.astype(float) / 2**60
    for i in (0, 1):
        for place in (-1, 0, 1 / 3, 1):
            for radius in (0.2, 1):
                share = weights @ (np.abs(centers[:, i] - place) <= radius)
                assert share <= float(target.slab(i, arb(radius + 1 / 16))) + 1e-9
        assert float(target.slab(i, arb(10**9))) == 1


def test_a_strip_beside_the_hole_has_nearly_what_the_bound_says():
    ring, r = Ring(1, 3), 1e-6
    share = 2 * r * 2 * np.sqrt(9 - 1) / (np.pi * (9 - 1))  # the strip touches the inner circle
    assert share < float(ring.slab(0, arb(r))) < 1.07 * share


def test_too_many_cells_are_counted_before_they_are_made():
    """As many as squares with 12 / 2 10^-6 for their side^2 have the area 4 pi."""
    with pytest.raises(InvalidInputError, match="one that needs 2094395: raise eps"):
        Sphere([0, 0, 0]).cells(QQ(1, 1000), 60)


def test_one_cell_has_the_standard_deviation():
    cells = uniform([0, 0], [1, 2]).cells(QQ(10), 40)
    assert cells.centers.tolist() == [[2**39, 2**40]]
    assert float(cells.error) ** 2 == pytest.approx(5 / 12)


@pytest.mark.parametrize(("tolerance", "count"), [(1, 1), (QQ(99, 100), 2)])
def test_a_normal_law_within_its_deviation_is_one_cell(tolerance, count):
    assert len(GaussianMixture([0, 3]).cells(QQ(tolerance), 40).weights) == 2 * count


def test_what_rounding_takes_from_all_masses_is_in_the_error():
    """Thirds at -1, 0, 1 become 6/16, 5/16, 5/16: 1/48 of mass moves by one, and 1/48 by two."""
    third = arb(1) / 3
    cells = of_means(2 * third, [(third, [arb(x)]) for x in (-1, 0, 1)], 2)
    assert cells.weights == [QQ(3, 8), QQ(5, 16), QQ(5, 16)]
    assert (1 / 48 + 4 / 48) ** 0.5 < float(cells.error) < 0.41


def test_circle_error_is_that_of_arcs():
    cells = Ring(2, 2).cells(QQ(1, 10), 60)
    half = np.pi / len(cells.weights)
    assert float(cells.error) == pytest.approx(2 * np.sqrt(1 - (np.sin(half) / half) ** 2))


def test_atoms_on_the_grid_have_no_error_and_others_a_little():
    assert float(Atoms([[0.5, 3]]).cells(QQ(1), 40).error) == 0
    assert 0 < float(Atoms([["1/3", 3]]).cells(QQ(1), 40).error) < 2**-40
    between = Atoms([["1/32"] * 4]).cells(QQ(1), 4)  # half a step off in four coordinates
    assert float(between.error) == 1 / 16


def test_empirical_merges():
    target = empirical(np.array([[1, 2], [1, 2], [0, 0]]))
    assert target.weights == (QQ(2, 3), QQ(1, 3))


@pytest.mark.parametrize("gap", [1, 3, 100])
def test_spread(gap):
    firsts = np.array([0, 0, 0, 7, 50, 51, 10**30], dtype=object)
    moved = _spread(firsts, gap)
    assert min(b - a for a, b in pairwise(moved)) >= gap
    assert max(abs(moved - firsts)) <= gap * len(firsts)
    assert moved[-1] == 10**30


@pytest.mark.parametrize("gap", [1, 1000])
def test_near_atoms_are_moved_as_far_apart_as_their_share_allows(gap):
    places = np.array([0, gap], dtype=object)
    first, second = _separating(places, [QQ(1, 2)] * 2, 20, QQ(1)).tolist()
    assert gap + second - first == 2**20  # the largest power of two that their span and share have
    assert (first**2 + second**2) / 2 <= 2**40


def test_labels_snake():
    atoms, weights = _labelled(Atoms([[0, 0], [0, 1], [1, 0], [1, 1]]).cells(QQ(1), 0), 0)
    assert atoms.tolist() == [[0, 0], [0, 1], [1, 1], [1, 0]]
    assert weights == [QQ(1, 4)] * 4


def test_least_root():
    for k in range(60):
        q = QQ(k, 7)
        m = least_root(q)
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
        (lambda: Atoms([[float("nan"), 0]]), "finite"),
        (lambda: Boxes([]), "at least one box"),
        (lambda: Boxes([([0], [1]), ([0, 0], [1, 1])]), "one dimension"),
        (lambda: uniform([1, 0], [0, 1]), "lower <= upper"),
        (lambda: uniform([0, 0], [1]), "as many coordinates"),
        (lambda: uniform([0, 0], [1, float("inf")]), "second moment"),
        (lambda: checkerboard(1), "size >= 2"),
        (lambda: Ring(2, 1), "inner <= outer"),
        (lambda: Ring(0, 0), "outer > 0"),
        (lambda: Ring(1, 1, 0, 2), "start"),
        (lambda: Sphere([0, 0], axes=[[1, 0], [1, 1]]), "orthogonal and of one length"),
        (lambda: Sphere([0, 0], axes=[[1, 0], [0, 2]]), "orthogonal and of one length"),
        (lambda: Sphere([0, 0], axes=[[0, 0]]), "orthogonal and of one length"),
        (lambda: Sphere([0, 0], axes=[[1, 0, 0]]), "orthogonal and of one length"),
        (lambda: Sphere([]), "d >= 1"),
        (lambda: Segments([]), "at least one segment"),
        (lambda: Segments([([0, 0], [0, 0])]), "different end points"),
        (lambda: Segments([([0], [1])]), "two or more"),
        (lambda: Segments([([0, 0], [1, float("nan")])]), "finite end points"),
        (lambda: Segments([[0, 0]]), "sequence of numbers"),
        (lambda: Product([]), "at least one measure"),
        (lambda: Product([uniform([0], [1]), 3]), "expected measures, got int"),
        (lambda: Sphere([0] * 8).cells(QQ(1, 40), 60), "atoms, got one that needs"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_weights_of_rational_strings():
    assert Boxes([([0], [1]), ([2], [2])], ["1/3", "2/3"]).weights == (QQ(1, 3), QQ(2, 3))
