"""Combinations of vectors that are nowhere positive: rational, and checked at the end."""

import numpy as np
import pytest
from sympy import QQ

from exactflow.exact.linear_programming import search_weights_of_nonpositive_sum_or_zeros


def test_a_combination_below_zero():
    rng = np.random.default_rng(0)
    for _ in range(20):
        weights = rng.integers(0, 4, 5)
        rows = rng.integers(-5, 6, (5, 8))
        rows[4] = -np.abs(weights[:4] @ rows[:4]) - weights[:4] @ rows[:4]
        vectors = [{j: QQ(int(x)) for j, x in enumerate(row) if x} for row in rows]
        found = search_weights_of_nonpositive_sum_or_zeros(vectors, nonnegative_weights=True)
        total = [
            sum(w * v.get(j, 0) for w, v in zip(found, vectors, strict=True)) for j in range(8)
        ]
        assert min(found) >= 0
        assert max(total) <= 0
        assert any(total)


@pytest.mark.parametrize("nonnegative_weights", [True, False])
def test_no_combination_below_zero(nonnegative_weights):
    assert search_weights_of_nonpositive_sum_or_zeros(
        [{}, {}], nonnegative_weights=nonnegative_weights
    ) == [0, 0]
    assert (
        search_weights_of_nonpositive_sum_or_zeros([], nonnegative_weights=nonnegative_weights)
        == []
    )
    crossed = [{0: QQ(1), 1: QQ(-1)}, {0: QQ(-2), 1: QQ(2)}]
    assert search_weights_of_nonpositive_sum_or_zeros(
        crossed, nonnegative_weights=nonnegative_weights
    ) == [0, 0]


def test_entries_that_must_vanish_do_so_exactly():
    """x (1, 1/3, -1) + y (-3, -1, 0): the first two entries vanish only for x = 3 y."""
    vectors = [{0: QQ(1), 1: QQ(1, 3), 2: QQ(-1), 3: QQ(-1)}, {0: QQ(-3), 1: QQ(-1), 3: QQ(3)}]
    x, y = search_weights_of_nonpositive_sum_or_zeros(vectors, nonnegative_weights=True)
    assert (x - 3 * y, x / 3 - y) == (0, 0)
    assert x > 0


def test_rows_below_the_least_normal_float():
    """Their entries, over the largest of each vector, have no inverse in float64."""
    vectors = [{0: QQ(-1), 1: QQ(1, 10**310)}, {1: QQ(-1, 10**310), 2: QQ(1)}]
    found = search_weights_of_nonpositive_sum_or_zeros(vectors, nonnegative_weights=True)
    total = [sum(w * v.get(j, 0) for w, v in zip(found, vectors, strict=True)) for j in range(3)]
    assert max(total) <= 0
