"""Strategies draw what they say, degenerate cases included."""

from contextlib import suppress

import pytest
import sympy
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

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


@given(strategies.matrices_with_degenerate_blocks())
def test_degenerate_blocks_are_what_factor_takes(M):
    assert M.det() == 1
    assert_equal(factor(M), M)


@given(strategies.partitions(), strategies.permutations(least_dimension=2, most_dimension=5))
def test_partitions_and_permutations(partition, perm):
    assert min(partition) >= 1
    assert 2 <= sum(partition) <= 8
    assert sorted(perm) == list(range(len(perm)))
    assert 2 <= len(perm) <= 5


@given(strategies.flows(partition=(2, 1), most_layers=2, flips=False))
def test_flows(flow):
    assert (flow.partition, flow.flips) == ((2, 1), ())
    assert flow.depth <= 2


def test_degenerate_cases_are_found():
    left = {
        "C is 0": lambda M: M[2:, :2].is_zero_matrix,
        "A is 0": lambda M: M[:2, :2].is_zero_matrix,
        "no block is invertible": lambda M: all(
            block.det() == 0 for block in (M[:2, :2], M[:2, 2:], M[2:, :2], M[2:, 2:])
        ),
        "A is 2 I, B is 0": lambda M: M[:2, :2] == 2 * sympy.eye(2) and M[:2, 2:].is_zero_matrix,
    }

    def is_last(M):
        for name in [name for name, is_degenerate in left.items() if is_degenerate(M)]:
            del left[name]
        return not left

    drawn = settings(max_examples=500, phases=[Phase.generate])
    with suppress(NoSuchExample):
        find(strategies.matrices_with_degenerate_blocks(half_sizes=(2,)), is_last, settings=drawn)
    assert list(left) == []


def test_unknown_determinant():
    with pytest.raises(InvalidInputError, match="determinant to be one of 'positive', 'one'"):
        find(strategies.matrices(determinant="two"), bool)
