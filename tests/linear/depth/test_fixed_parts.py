"""The inequalities of `fixed_parts`, against a search through all pairs of partitions."""

from itertools import product

import pytest
from sympy import QQ

from exactflow.exact import linalg
from exactflow.linear.depth.equations import (
    charpoly_coefficient_equations_if_c_proportional,
    negated_ratio,
)
from exactflow.linear.depth.fixed_parts import least_shifted_block_counts
from exactflow.linear.depth.pattern import Pencil

LONGEST = 9


def partitions(total, largest=None):
    largest = total if largest is None else largest
    if total == 0:
        yield ()
    for first in range(min(total, largest), 0, -1):
        for rest in partitions(total - first, first):
            yield (first, *rest)


def at(partition, i):
    return partition[i] if i < len(partition) else 0


def extends(outer, inner, r):
    """outer_i >= inner_i >= outer_(i + r)."""
    return all(at(outer, i) >= at(inner, i) >= at(outer, i + r) for i in range(LONGEST + 1))


def least_by_search(lam, mu, r, e):
    for size in range(LONGEST + 1):
        for L in partitions(size):
            if not extends(L, lam, r):
                continue
            others = [L] if e is None else partitions(size - e) if size >= e else []
            for M in others:
                close = all(abs(at(L, i) - at(M, i)) <= 1 for i in range(LONGEST))
                if close and extends(M, mu, r):
                    return size
    return None


SMALL = [p for total in range(5) for p in partitions(total)]


@pytest.mark.parametrize("e", [None, 0, 1, -1, 2])
@pytest.mark.parametrize("r", [0, 1, 2])
def test_least_sizes(r, e):
    for lam, mu in product(SMALL, SMALL):
        found = least_shifted_block_counts(lam, mu, r, e)
        expected = least_by_search(lam, mu, r, e)
        assert (None if found is None else sum(found[0])) == expected
        if found is not None:
            L, M = (tuple(sum(x >= k for x in counts) for k in range(1, 10)) for counts in found)
            assert sum(L) - sum(M) == (e or 0)
            assert extends(L, lam, r)
            assert extends(M, mu, r)
            assert all(abs(x - y) <= (e is not None) for x, y in zip(L, M, strict=True))


def test_scalar_and_system():
    one = linalg.identity(2, QQ)
    assert negated_ratio(one * QQ(-1, 2), one) == QQ(1, 2)
    assert negated_ratio(linalg.diagonal([QQ(1), QQ(2)], QQ), one) is None
    # (x - 6) (x - 2) = (x - 3) (x - 4) has no solution g; (x - 6) g = (x - 3) 2 g(x / 2) has x - 3
    C = linalg.diagonal([QQ(1), QQ(0)], QQ)
    D, a = (linalg.diagonal([QQ(1), QQ(x)], QQ) for x in (6, 3))
    ((_, right, ((_, K, _),), _),) = charpoly_coefficient_equations_if_c_proportional(
        Pencil(C, D, a, C * QQ(-2))
    )
    assert K * QQ(-3) == right
