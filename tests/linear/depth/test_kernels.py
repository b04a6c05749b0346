"""Four layers with positive scales where D and a are singular: what their kernels exclude."""

import random
from dataclasses import replace

import pytest
from linear.depth.examples import about, blocks, diagonal, excluded
from linear.depth.tables import SWAP
from sympy import QQ

from exactflow import checker, permutation, verify
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.scaled.signs import kernel_reason_against_four_over_QQ

ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
TURN = blocks(ZERO, -ONE, ONE, ZERO)


def test_the_swap_takes_five_layers():
    answer = minimal_depth(SWAP, scales="positive")
    assert (answer.lower, answer.upper) == (5, 5)
    verify(answer.flow, SWAP)
    for reason in answer.obstructions:
        assert reason.kind == "linear"
        assert reason.is_valid() is True
        assert "for no positive diagonals G and H and matrix W" in str(reason)
    assert (
        checker.check(depth_certificate_text(answer).encode()).verdict is checker.Verdict.VERIFIED
    )


def test_the_turn_does_not():
    assert excluded(kernel_reason_against_four_over_QQ, "ULUL", TURN) is None
    assert minimal_depth(TURN, scales="positive").upper == 3


def test_changed_witnesses_fail():
    found = excluded(kernel_reason_against_four_over_QQ, "ULUL", SWAP)
    assert replace(found, witness=(found.witness[0] * QQ(-2),)).is_valid() is True
    assert replace(found, witness=(ZERO,)).is_valid() is False
    assert replace(found, witness=(diagonal(1, -1),)).is_valid() is False
    assert about(found, TURN).is_valid() is False
    assert about(found, linalg.identity(4, QQ)).is_valid() is False
    assert replace(found, pattern="ULU").is_valid() is False


@pytest.mark.parametrize("pattern", ["ULULU", "ULU"])
def test_other_patterns_and_regular_blocks_are_not_excluded(pattern):
    assert excluded(kernel_reason_against_four_over_QQ, pattern, SWAP) is None
    assert excluded(kernel_reason_against_four_over_QQ, "ULUL", linalg.identity(4, QQ)) is None


@pytest.mark.slow
@pytest.mark.parametrize("d", [4, 6, 8, 12, 16])
def test_even_permutations_are_decided(d):
    rng, orders = random.Random(d), []
    while len(orders) < 6:
        order = rng.sample(range(d), d)
        if sum(order[i] > order[j] for i in range(d) for j in range(i + 1, d)) % 2 == 0:
            orders.append(order)
    for order in orders:
        M = as_square_matrix(permutation(order)).to_dense()
        answer = minimal_depth(M, scales="positive")
        assert answer.is_decided
        verify(answer.flow, M)
        for reason in answer.obstructions:
            assert reason.is_valid() is True
            if answer.lower == 5:
                assert reason.kind in ("linear", "opposed")
