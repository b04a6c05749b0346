"""Rings, spheres and segments: the error of their cells, and what they refuse."""

import numpy as np
import pytest
from quantization import assert_cells
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import Atoms, GaussianMixture, Product
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere

AXES = [[3, 4, 0, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 0, 0, 0], [-4, 3, 0, 0, 0, 0, 0, 0]]
LAWS = {
    "ring": (Ring(1, 3), (5 / 2, 5 / 2)),
    "half a ring": (Ring(1, 3, 0, "1/2"), (5 / 2, 5 / 2)),
    "circle": (Sphere([0, 0]), (1 / 2, 1 / 2)),
    "sphere": (Sphere([1, 0, 0], axes=2 * np.eye(3)), (7 / 3, 4 / 3, 4 / 3)),
    "sphere in dimension 4": (Sphere([0] * 4), (1 / 4,) * 4),
    "sphere in dimension 8": (Sphere([0] * 8, axes=AXES), (25 / 3, 25 / 3, 0, 25 / 3, 0, 0, 0, 0)),
    "two points": (Sphere([0, 0], axes=[[1, 1]]), (1, 1)),
    "segments": (
        Segments([([0, 0, 0], [1, 2, 0]), ([3, 3, 3], [3, 3, 0])]),
        (28 / 6, 31 / 6, 3 / 2),
    ),
    "segments of two weights": (
        Segments([([0, 0], [1, 2]), ([2, 0], [2, 3])], ["1/4", "3/4"]),
        (37 / 12, 31 / 12),
    ),
    "product": (Product([GaussianMixture([1]), Ring(0, 1), Atoms([[2]])]), (2, 1 / 4, 1 / 4, 4)),
}


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("tolerance", [QQ(2), QQ(1, 4)])
def test_cells_are_their_means_and_within_the_tolerance(name, tolerance):
    assert_cells(*LAWS[name], tolerance)


def test_too_many_cells_are_counted_before_they_are_made():
    """As many as squares with 12 / 2 10^-6 for their side^2 have the area 4 pi."""
    with pytest.raises(InvalidInputError, match=r"needs 2094395 atoms.*: raise eps"):
        Sphere([0, 0, 0]).quantize(QQ(1, 1000), 60)


def test_circle_error_is_that_of_arcs():
    cells = Ring(2, 2).quantize(QQ(1, 10), 60)
    half = np.pi / len(cells.weights)
    assert float(cells.error) == pytest.approx(2 * np.sqrt(1 - (np.sin(half) / half) ** 2))


@pytest.mark.parametrize(
    ("make", "words"),
    [
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
        (lambda: Sphere([0] * 8).quantize(QQ(1, 40), 60), "atoms, and at most"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()
