"""Strategies draw what they say, degenerate cases included."""

import pytest
import sympy
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from exactflow import factor
from exactflow.errors import InvalidInputError
from exactflow.proving import strategies
from exactflow.testing import assert_equal

ONES = strategies.matrices(dimensions=(1, 2, 3), determinant="one")


@given(st.data())
def test_determinants(data):
    assert data.draw(ONES).det() == 1
    assert data.draw(strategies.matrices(dimensions=(1, 2, 3))).det() > 0
    assert data.draw(strategies.matrices(dimensions=(1, 2, 3), determinant="nonzero")).det() != 0


@given(strategies.degenerate_blocks())
def test_degenerate_blocks_are_what_factor_takes(M):
    assert M.det() == 1
    assert_equal(factor(M), M)


@given(strategies.partitions(), strategies.permutations(least=2, most=5))
def test_partitions_and_permutations(partition, perm):
    assert min(partition) >= 1
    assert 2 <= sum(partition) <= 8
    assert sorted(perm) == list(range(len(perm)))
    assert 2 <= len(perm) <= 5


@given(strategies.flows(partition=(2, 1), most=2, flips=False))
def test_flows(flow):
    assert (flow.partition, flow.flips) == ((2, 1), ())
    assert flow.depth <= 2


@pytest.mark.parametrize(
    "is_degenerate",
    [
        lambda M: M[2:, :2].is_zero_matrix,
        lambda M: M[:2, :2].is_zero_matrix,
        lambda M: all(block.det() == 0 for block in (M[:2, :2], M[:2, 2:], M[2:, :2], M[2:, 2:])),
        lambda M: M[:2, :2] == 2 * sympy.eye(2) and M[:2, 2:].is_zero_matrix,
    ],
)
def test_degenerate_cases_are_found(is_degenerate):
    drawn = settings(max_examples=500, phases=[Phase.generate])  # the first: no smaller one
    blocks = strategies.degenerate_blocks(halves=(2,))
    assert is_degenerate(find(blocks, is_degenerate, settings=drawn))


def test_unknown_determinant():
    with pytest.raises(InvalidInputError, match="determinant to be one of 'positive', 'one'"):
        find(strategies.matrices(determinant="two"), bool)
