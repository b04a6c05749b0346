"""Quantization: the error of cells, against integrals in closed form, and bad measures."""

from itertools import pairwise

import numpy as np
import pytest
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.universal import Atoms, Boxes, Ring, checkerboard, empirical, uniform
from exactflow.universal.construction import labelled_atoms, spread
from exactflow.universal.measures import least_root


@pytest.mark.parametrize("target", [uniform([0, 1], [3, 2]), checkerboard(2), Ring(1, 3)])
def test_cells_have_mass_one_and_the_tolerance(target):
    for tolerance in (QQ(1, 2), QQ(1, 10)):
        cells = target.cells(tolerance, 60)
        assert sum(cells.weights, QQ.zero) == 1
        assert len(cells.weights) == len(cells.centers)
        assert float(cells.error) <= float(tolerance) * (1 + 1e-9)


def test_one_cell_has_the_standard_deviation():
    cells = uniform([0, 0], [1, 2]).cells(QQ(10), 40)
    assert cells.centers.tolist() == [[2**39, 2**40]]
    assert float(cells.error) ** 2 == pytest.approx(5 / 12)


def test_circle_error_is_that_of_arcs():
    cells = Ring(2, 2).cells(QQ(1, 10), 60)
    half = np.pi / len(cells.weights)
    assert float(cells.error) == pytest.approx(2 * np.sqrt(1 - (np.sin(half) / half) ** 2))


def test_atoms_on_the_grid_have_no_error_and_others_a_little():
    assert float(Atoms([[0.5, 3]]).cells(QQ(1), 40).error) == 0
    assert 0 < float(Atoms([["1/3", 3]]).cells(QQ(1), 40).error) < 2**-40


def test_empirical_merges():
    target = empirical(np.array([[1, 2], [1, 2], [0, 0]]))
    assert target.weights == (QQ(2, 3), QQ(1, 3))


@pytest.mark.parametrize("gap", [1, 3, 100])
def test_spread(gap):
    firsts = np.array([0, 0, 0, 7, 50, 51, 10**30], dtype=object)
    moved = spread(firsts, gap)
    assert min(b - a for a, b in pairwise(moved)) >= gap
    assert max(abs(moved - firsts)) <= gap * len(firsts)
    assert moved[-1] == 10**30


def test_labels_snake():
    atoms, weights = labelled_atoms(Atoms([[0, 0], [0, 1], [1, 0], [1, 1]]).cells(QQ(1), 0))
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
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


def test_weights_of_rational_strings():
    assert Boxes([([0], [1]), ([2], [2])], ["1/3", "2/3"]).weights == (QQ(1, 3), QQ(2, 3))
