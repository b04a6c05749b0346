"""`gaussian_depth` on covariances of known depth, with reasons; and what it refuses."""

import pytest
import sympy

from exactflow import LinearCoupling
from exactflow.errors import InvalidInputError
from exactflow.flows.flow import CouplingFlow
from exactflow.gaussian import gaussian_depth

SCALES = ([2, "1/3"], [5, 1])
SHIFTS = ([[1, 2], [3, "1/2"]], [[0, -1], [2, 1]], [["1/7", 0], [1, 1]])


def generated(moves, additive):
    """Return F F^T for alternating layers, the first of which moves as said."""
    layers = [
        LinearCoupling((2, 2), half, shift, None if additive else scale)
        for half, shift, scale in zip(moves, SHIFTS, (*SCALES, SCALES[0]), strict=False)
    ]
    F = CouplingFlow(layers, (2, 2)).matrix()
    return F * F.T


TURNS = {0: [[]], 1: [["first"], ["second"]]}
TURNS[2] = [["first", "second"], ["second", "first"]]
TURNS[3] = [["first", "second", "first"], ["second", "first", "second"]]


@pytest.mark.parametrize("additive", [True, False])
@pytest.mark.parametrize(
    ("depth", "moves"), [(depth, moves) for depth in TURNS for moves in TURNS[depth]]
)
def test_generated_by_layers(depth, moves, additive):
    scales = "additive" if additive else "positive"
    found = gaussian_depth(generated(moves, additive), scales)
    expected = depth if additive else min(depth, 2)
    assert (found.lower, found.upper) == (expected, expected)
    assert str(found).startswith(f"exactly {expected} ")


@pytest.mark.parametrize(
    ("Sigma", "scales", "lower", "words"),
    [
        ([[1, 0], [0, 1]], "additive", 0, "Sigma = I"),
        ([[1, 2], [2, 9]], "positive", 1, "Sigma11 = I"),
        ([[1, 2], [2, 5]], "additive", 1, "Sigma11 = I"),
        ([[5, 2], [2, 1]], "additive", 1, "Sigma22 = I"),
        ([[2, 0], [0, "1/2"]], "positive", 2, "Sigma11 is not I, Sigma22 is not I"),
        ([[2, 0], [0, "1/2"]], "additive", 2, "the same eigenvalues"),
        (sympy.diag(2, "1/2", 2, "1/2"), "additive", 3, "an eigenvalue is below 1"),
        ([[1, 0, 0], [0, 2, 1], [0, 1, 2]], "positive", 2, "of Sigma11 is not diagonal"),
        ([[1, 0, 1], [0, 1, 0], [1, 0, 2]], "additive", 1, "Sigma11 = I"),
    ],
)
def test_reasons(Sigma, scales, lower, words):
    found = gaussian_depth(Sigma, scales)
    assert (found.lower, found.is_decided) == (lower, True)
    assert words in found.reason


def test_two_additive_layers_by_equal_spectra():
    """T with T T^T = diag(1, 4) and T^T T = diag(4, 1) exists, though the matrices differ."""
    T = sympy.Matrix([[0, 1], [2, 0]])
    F = sympy.Matrix([[1, 0, 1, 2], [0, 1, 3, 4], [0, 0, 1, 0], [0, 0, 0, 1]]) * sympy.Matrix(
        sympy.BlockMatrix([[sympy.eye(2), sympy.zeros(2)], [T, sympy.eye(2)]])
    )
    assert gaussian_depth(F * F.T, "additive").upper == 2


def test_unequal_halves_stay_open():
    F = sympy.Matrix([[2, 0, 0], [1, 1, 0], [3, 1, sympy.Rational(1, 2)]])
    found = gaussian_depth(F * F.T, "additive")
    assert (found.lower, found.upper) == (3, None)
    assert "at least 3" in str(found)
    assert gaussian_depth(F * F.T).upper == 2


@pytest.mark.parametrize(
    ("Sigma", "scales", "words"),
    [
        ([[2, 0], [0, 1]], "additive", "det Sigma = 1 for additive layers.*got 2"),
        ([[1, 2], [0, 1]], "positive", "differ by 2"),
        ([[1, 2], [2, 1]], "positive", "minor of 2 rows is -3"),
        ([[1, 0], [0, 1]], "negative", "'positive' or 'additive'"),
        ([[1, 0, 0], [0, 1, 0]], "positive", "square"),
    ],
)
def test_refused(Sigma, scales, words):
    with pytest.raises(InvalidInputError, match=words):
        gaussian_depth(Sigma, scales)
