"""Positive scales: certified bounds, and layers that attain the upper one."""

import pytest
import sympy
from linear.depth.examples import blocks, checked, diagonal, matrix
from linear.depth.tables import SCALED
from sympy import QQ, sqrt

from exactflow import random_matrix
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import SplitMatrix
from exactflow.testing import assert_depth


@pytest.mark.parametrize("name", SCALED)
def test_table(name):
    M, lower, upper = SCALED[name]
    answer = checked(M, scales="positive")
    assert (answer.lower, answer.upper) == (lower, upper)


def test_random_matrices():
    for d in (2, 4, 6):
        answer = checked(random_matrix(d, seed=d), scales="positive")
        assert answer.lower == min(d, 4)
        assert answer.upper <= 5


def test_two_layers_are_excluded_by_what_is_no_diagonal():
    """L(Y) U(X) L(W) with Y X = 0 has D = I, but a = I + X Y, whose inverse is A - B D^-1 C."""
    X, Y = matrix([[0, 1], [0, 0]]), diagonal(0, 1)
    one, zero = diagonal(1, 1), diagonal(0, 0)
    M = blocks(one, zero, Y, one) * blocks(one, X, zero, one) * blocks(one, zero, one, one)
    answer = checked(M, scales="positive")
    assert (answer.lower, answer.upper) == (3, 3)
    of_U, of_L = answer.obstructions
    assert str(of_U) == "not UL: A - B D^-1 C = S fails at (0, 1) for each positive diagonal S"
    assert str(of_L) == "not LU: A = T fails at (0, 1) for each positive diagonal T"
    assert "Then D = T, A - B D^-1 C = S. But" in of_U.explanation()


def test_scales_may_save_layers():
    M = linalg.scale_rows([QQ(2), QQ(1, 2), QQ(3), QQ(1, 3)], matrix_of_two_layers())
    assert_depth(M, 2, scales="positive")
    assert minimal_depth(M).lower > 2


def matrix_of_two_layers():
    one, zero, X = diagonal(1, 1), diagonal(0, 0), matrix([[1, 2], [3, 4]])
    return blocks(one, X, zero, one) * blocks(one, zero, X, one)


def test_real_algebraic_numbers():
    field = QQ.algebraic_field(sqrt(2))
    u = field.unit
    M = linalg.diagonal([-field.one, -u, u, field.one], field)
    answer = minimal_depth(M, scales="positive")
    assert answer.lower == 6


def test_every_k_is_tried():
    """The diagonals of D = I and a are positive, but the 2-minors of a are negative."""
    a = matrix([[1, 2, 2], [2, 1, 2], [2, 2, 1]])
    zero = diagonal(0, 0, 0)
    answer = checked(blocks(a.inv().to_dense(), zero, zero, diagonal(1, 1, 1)), scales="positive")
    assert (answer.lower, answer.upper) == (6, 6)
    assert [reason.witness for reason in answer.obstructions] == [2, 1]
    assert "principal 2-minors of opposite signs" in str(answer)


def test_unknown_signs_prove_nothing():
    zero = diagonal(0, 0)
    D, a = matrix([[1, 0], [0, -1]]), matrix([[-1, 0], [0, -1]])
    split = SplitMatrix(blocks(a, zero, zero, D))
    assert Obstruction("ULUL", split, "positive", "opposed", 1).is_valid() is False


def test_where_no_sign_is_known_two_layers_are_excluded_by_entries():
    """The sign of t decides on three layers with scales; there are three additive ones."""
    t = sympy.Symbol("t")
    answer = minimal_depth(sympy.Matrix([[0, t], [-1 / t, 0]]), scales="positive")
    assert (answer.lower, answer.upper) == (3, 3)
    assert [o.pattern for o in answer.obstructions] == ["UL", "LU"]
    assert all(o.is_valid() for o in answer.obstructions)
