"""Three layers with positive scales: decided on products and on degenerate matrices.

What is claimed, in this order:

- the matrices in `THREE`, their inverses and transposes take at most three layers;
- those in `NOT_THREE` are no product of their pattern: a witness says so, a changed one does not;
- on two coordinates three layers do iff C or B is not 0, or A and D are positive;
- a product of three layers is always found to be one, on halves of any sizes.
"""

import random
import re
from dataclasses import replace
from itertools import product

import pytest
import sympy
from linear.depth.examples import about, blocks, excluded, matrix, word
from linear.depth.tables import E12, NOT_THREE, ONE, THREE
from sympy import QQ, Rational, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow import verify
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.equations import necessary_layer_equations
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix
from exactflow.linear.depth.scaled.three_scaled_layers import decide_diagonals_of_three_layers


@pytest.mark.parametrize("name", THREE)
def test_three_layers(name):
    M = THREE[name]
    for N in (M, M.inv().to_dense(), M.transpose()):
        answer = minimal_depth(N, scales="positive")
        assert answer.upper <= 3
        assert answer.is_decided
        verify(answer.flow, N)
        assert all(reason.is_valid() for reason in answer.obstructions)


@pytest.mark.parametrize("name", NOT_THREE)
def test_a_witness_says_why_not(name):
    pattern, M = NOT_THREE[name]
    found = excluded(decide_diagonals_of_three_layers, pattern, M)
    assert found.kind == "linear"
    assert found.is_valid() is True
    assert re.search("for no positive diagonals? [GH]( and [GHXZ]| and matrix [XZ])*$", str(found))


@pytest.mark.parametrize("name", NOT_THREE)
def test_a_changed_witness_fails(name):
    found = excluded(decide_diagonals_of_three_layers, *NOT_THREE[name])
    n = found.matrix.shape[0] // 2
    zero, one = linalg.zeros(n, n, QQ), linalg.identity(n, QQ)
    assert replace(found, witness=(zero, zero, zero)).is_valid() is False
    assert replace(found, pattern="ULUL").is_valid() is False
    assert about(found, linalg.identity(2 * n, QQ)).is_valid() is False
    assert (
        replace(
            found, witness=(zero, zero, one * found.blocks_for_pattern.C[0, 0].element)
        ).is_valid()
        is False
    )


def test_signs_reversed_is_the_same_witness():
    found = excluded(decide_diagonals_of_three_layers, *NOT_THREE["a cycle"])
    assert replace(found, witness=tuple(W * QQ(-3) for W in found.witness)).is_valid()


def test_no_witness_against_a_product():
    """Whatever the multipliers, what is a product of U L U is not excluded."""
    M = word("ULU", [E12, matrix([[1, 0], [1, 0]]), ONE], [(1, 2), (3, 1), (1, 1)])
    small = [matrix([e[:2], e[2:]]) for e in product((-1, 0, 1), repeat=4)]
    rng = random.Random(0)
    for _ in range(200):
        witness = tuple(rng.choices(small, k=3))
        assert Obstruction("ULU", SplitMatrix(M), "positive", "linear", witness).is_valid() is False


def test_every_small_matrix_of_two_coordinates():
    """For n = 1, by hand: three layers do iff C or B is not 0, or A and D are positive."""
    for entries in product((-2, 0, 1, 3), repeat=4):
        M = matrix([entries[:2], entries[2:]])
        if M.det() > 0:
            at_most_three = any(entries[1:3]) or entries[0] > 0
            answer = minimal_depth(M, scales="positive")
            assert (answer.upper <= 3) == at_most_three
            assert answer.is_decided
            assert answer.upper <= 4
            assert all(reason.is_valid() for reason in answer.obstructions)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (3, 2), (2, 5)])
def test_random_sparse_products(sizes):
    rng = random.Random(sizes[0])
    for _ in range(5):
        pattern = rng.choice(("ULU", "LUL"))
        shapes = [sizes if letter == "U" else sizes[::-1] for letter in pattern]
        shifts = [
            matrix([[rng.choice((0, 0, 0, 1, -1, 2)) for _ in range(n)] for _ in range(m)])
            for m, n in shapes
        ]
        scales = [[rng.choice((1, 1, 2, Rational(1, 3))) for _ in range(m)] for m, _ in shapes]
        M = word(pattern, shifts, scales)
        answer = minimal_depth(M, scales="positive", partition=sizes)
        assert answer.upper <= 3
        assert answer.is_decided
        assert all(reason.is_valid() for reason in answer.obstructions)
        verify(answer.flow, M)


def test_real_algebraic_numbers():
    field = QQ.algebraic_field(sqrt(2))
    one, zero = linalg.identity(2, field), linalg.zeros(2, 2, field)
    Y = matrix([[1, 1], [0, 1]], field)
    upper, lower = blocks(one, one * field.unit, zero, one), blocks(one, zero, Y, one)
    answer = minimal_depth(upper * lower * upper, scales="positive")
    assert (answer.lower, answer.upper) == (3, 3)
    swap = blocks(zero, one * field.unit, one, zero)
    answer = minimal_depth(swap, scales="positive")
    assert answer.lower == 4
    assert [reason.is_valid() for reason in answer.obstructions] == [True, True]


@pytest.mark.parametrize("pattern", ["ULU", "LUL"])
@pytest.mark.parametrize("sizes", [(2, 2), (1, 2), (3, 2)])
def test_the_layers_that_a_proof_supposes_fulfil_the_equations_that_it_states(pattern, sizes):
    """M P^-1 = U(H^-1 X) L(Y) U(H^-1 Z G^-1) for P = diag(H^-1, G), or with exchanged halves."""
    draws = random.Random(str((pattern, sizes)))
    moved, kept = sizes if pattern == "ULU" else sizes[::-1]

    def drawn(rows, columns):
        return sympy.Matrix(rows, columns, lambda i, j: sympy.Rational(draws.randint(-9, 9), 4))

    def positive(n):
        return sympy.diag(*[sympy.Rational(draws.randint(1, 9), 3) for _ in range(n)])

    H, G = positive(moved), positive(kept)
    X, Y, Z = drawn(moved, kept), drawn(kept, moved), drawn(moved, kept)

    def shear(block, is_moved_first):
        one, other = sympy.eye(moved), sympy.eye(kept)
        if is_moved_first:
            return sympy.BlockMatrix([[one, block], [block.T * 0, other]]).as_explicit()
        return sympy.BlockMatrix([[one, block.T * 0], [block, other]]).as_explicit()

    P = sympy.diag(H.inv(), G)
    M = shear(H.inv() * X, True) * shear(Y, False) * shear(H.inv() * Z * G.inv(), True) * P
    if pattern == "LUL":
        order = [*range(moved, moved + kept), *range(moved)]
        M = M.extract(order, order)
    split = SplitMatrix(DomainMatrix.from_Matrix(M).to_field().to_dense(), sizes[0])
    instance = PatternInstance(pattern, split, "positive")
    values = {"X": X, "Z": Z, "H": H, "G": G}
    for equation in necessary_layer_equations(instance):
        terms = (A.to_Matrix() * values[name] * B.to_Matrix() for name, A, B in equation.terms)
        assert sum(terms, equation.right.to_Matrix() * 0) == equation.right.to_Matrix()
    witness = tuple((e.right - e.right).transpose() for e in necessary_layer_equations(instance))
    stated = Obstruction(
        pattern, split, "positive", "linear", witness
    ).claim_and_proof_with_backticks()
    first, other = pattern[:2]
    assert f"`M P^-1 = {first}(H^-1 X) {other}(Y) {first}(H^-1 Z G^-1)`" in stated
    assert f"`P = {'diag(H^-1, G)' if pattern == 'ULU' else 'diag(G, H^-1)'}`" in stated
