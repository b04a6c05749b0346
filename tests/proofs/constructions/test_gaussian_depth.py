"""`gaussian_depth` on covariances of known depth, with reasons; and what it refuses."""

import itertools
import random

import numpy as np
import pytest
import sympy

from exactflow import LinearCoupling
from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_square_matrix
from exactflow.flows.flow import CouplingFlow
from proofs.constructions.gaussian_depth import gaussian_depth, sides_of_one
from proofs.constructions.three_layers import whiten_by_three

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
    found = gaussian_depth(generated(moves, additive), scales=scales)
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
    found = gaussian_depth(Sigma, scales=scales)
    assert (found.lower, found.is_decided) == (lower, True)
    assert words in found.reason


def test_two_additive_layers_by_equal_spectra():
    """T with T T^T = diag(1, 4) and T^T T = diag(4, 1) exists, though the matrices differ."""
    T = sympy.Matrix([[0, 1], [2, 0]])
    F = sympy.Matrix([[1, 0, 1, 2], [0, 1, 3, 4], [0, 0, 1, 0], [0, 0, 0, 1]]) * sympy.Matrix(
        sympy.BlockMatrix([[sympy.eye(2), sympy.zeros(2)], [T, sympy.eye(2)]])
    )
    assert gaussian_depth(F * F.T).upper == 2


HALVES = [(1, 2), (2, 1), (2, 3), (1, 3), (2, 4)]


@pytest.mark.parametrize("partition", HALVES)
def test_largest_additive_depths(partition):
    """2 ceil(q / p) for diag(t, 2, .., 2), and never more."""
    p, q = sorted(partition)
    largest = 2 * -(-q // p)
    small, large = [sympy.Rational(1, 2**q)] + [1] * (p - 1), [2] * q
    Sigma = sympy.diag(*(small + large if partition[0] == p else large + small))
    found = gaussian_depth(Sigma, partition=partition)
    assert found.lower == found.upper == largest
    for entries in itertools.combinations_with_replacement((sympy.Rational(1, 3), 1, 3), q):
        t = sympy.Rational(1) / sympy.prod(entries)
        Sigma = sympy.diag(t, *[1] * (p - 1), *entries)
        assert gaussian_depth(Sigma, partition=(p, q)).upper <= largest


@pytest.mark.parametrize("partition", HALVES)
@pytest.mark.parametrize("layers", [3, 4, 5])
@pytest.mark.parametrize("moves", ["first", "second"])
def test_additive_layers_bound_the_depth(partition, layers, moves):
    """What k random layers generate has depth k at most, by Weyl's inequalities."""
    rng = random.Random(str((partition, layers, moves)))
    p, q = partition
    built = []
    for _ in range(layers):
        rows, columns = (p, q) if moves == "first" else (q, p)
        shift = [[rng.randint(-3, 3) for _ in range(columns)] for _ in range(rows)]
        built.append(LinearCoupling(partition, moves, shift))
        moves = "second" if moves == "first" else "first"
    F = CouplingFlow(built, partition).matrix()
    assert gaussian_depth(F * F.T, partition=partition).upper <= layers


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("partition", [(1, 2), (2, 1), (2, 3), (3, 2)])
def test_three_layers_are_found_where_they_exist(partition, seed):
    rng = np.random.default_rng(seed)
    F = sympy.diag(*([sympy.Rational(1, 2), 2] * 3)[: sum(partition) - 1], 1)
    F[-1, -1] = 1 / sympy.prod(F.diagonal())
    F = sympy.Matrix(rng.permutation(np.array(F).astype(object)))
    for i, j in itertools.permutations(range(sum(partition)), 2):
        F[i, :] += int(rng.integers(-1, 2)) * F[j, :]
    Sigma = F * F.T
    found = gaussian_depth(Sigma, partition=partition)
    assert whiten_by_three(Sigma, partition=partition).is_additive == (found.upper <= 3)


def test_masks_and_orders_agree():
    Sigma = sympy.diag("1/4", 2, 2)
    for partition, order in (((1, 2), (0, 1, 2)), ((2, 1), (1, 2, 0)), ([0, 1, 0], (1, 0, 2))):
        shuffled = Sigma.extract(order, order)
        found = gaussian_depth(shuffled, partition=partition)
        assert (found.lower, found.upper) == (4, 4)
        assert "0 eigenvalues are below 1, 2 above" in found.reason


def one_factor(diagonal, loadings):
    column = sympy.Matrix(loadings)
    return sympy.diag(1, sympy.diag(*diagonal) + column * column.T)


@pytest.mark.parametrize(
    ("Sigma", "partition", "lower", "upper"),
    [
        (one_factor([1, 2, 3], [1, -1, 2]), (1, 3), 2, 2),
        (one_factor([1, 2, 3], [0, -1, 2]), (1, 3), 2, 2),
        (one_factor([1, 2, 3, 4], [3, 1, 1, 1]).inv(), (1, 4), 2, 2),
        (one_factor([1, 2, 3, 4], [0, 1, -1, 1]).inv(), (1, 4), 2, 2),
        (sympy.diag(1, [[1, "1/2", "1/2"], ["1/2", 1, "1/10"], ["1/2", "1/10", 1]]), (1, 3), 3, 3),
        (sympy.diag(1, [[9, 1, 1, 0], [1, 9, 0, 1], [1, 0, 9, 1], [0, 1, 1, 9]]), (1, 4), 3, 4),
        (sympy.diag(1, [[9, 1, 1, 1], [1, 9, 1, 1], [1, 1, 9, 2], [1, 1, 2, 9]]), (1, 4), 3, 4),
        (sympy.diag(*range(1, 7)), (2, 4), 2, 2),
        (one_factor(range(1, 6), [1, 1, 1, 1, 1]), (2, 4), 2, 3),
        (one_factor(range(1, 6), [1, 1, 1, 1, 1]), (4, 2), 2, 3),
    ],
)
def test_positive_scales_and_halves_far_apart(Sigma, partition, lower, upper):
    found = gaussian_depth(Sigma, scales="positive", partition=partition)
    assert (found.lower, found.upper) == (lower, upper)
    assert str(found).startswith("exactly" if lower == upper else f"from {lower} to {upper} layers")


@pytest.mark.parametrize("seed", range(6))
def test_signature(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    M = rng.integers(-2, 3, (n, n))
    M = M + M.T
    values = np.linalg.eigvalsh(M)
    expected = (int((values < 1 - 1e-9).sum()), int((values > 1 + 1e-9).sum()))
    assert sides_of_one(as_square_matrix(M).to_dense()) == expected


@pytest.mark.parametrize(
    ("Sigma", "scales", "words"),
    [
        ([[2, 0], [0, 1]], "additive", "det Sigma = 1 for additive layers.*got 2"),
        ([[1, 2], [0, 1]], "positive", "differ by 2"),
        ([[1, 2], [2, 1]], "positive", "leading 2 x 2 minor is -3"),
        ([[1, 0], [0, 1]], "negative", "one of 'additive', 'positive'"),
        ([[1, 0, 0], [0, 1, 0]], "positive", "square"),
    ],
)
def test_refused(Sigma, scales, words):
    with pytest.raises(InvalidInputError, match=words):
        gaussian_depth(Sigma, scales=scales)
