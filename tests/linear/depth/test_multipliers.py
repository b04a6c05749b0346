"""Multipliers of one sign: signs of minors that clash together, where no size does alone."""

from dataclasses import replace

import pytest
from linear.depth.examples import about, excluded, random_rational, rotation
from linear.depth.tables import CLASHES
from sympy import QQ, diag

from exactflow import verify
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.flows.evidence import Evidence
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.scaled.signs import (
    opposed_minors_reason,
    polynomial_multiplier_reason_over_QQ,
)

FEW = ["diag(1, -1, -1, 1, 1, 1)"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in FEW else [pytest.mark.slow]) for name in CLASHES],
)
def test_clashes(name):
    M, depth = CLASHES[name]
    answer = minimal_depth(M, scales="positive")
    assert (answer.lower, answer.upper, answer.evidence) == (depth, depth, Evidence.EXACT)
    verify(answer.flow, M)
    for reason in answer.obstructions:
        assert reason.kind == "signs"
        assert not opposed_minors_reason(reason)
        assert reason.is_valid() is True
        assert "clash at the sizes 1, 2" in str(reason)


def test_multipliers_are_in_the_variables_of_one_side_where_the_other_side_has_signs():
    """LULU has D and a exchanged, so that the other variables are those of x, and of y."""
    n = 3
    for pattern, absent in (("ULUL", slice(n)), ("LULU", slice(n, None))):
        found = excluded(polynomial_multiplier_reason_over_QQ, pattern, CLASHES["and around it"][0])
        assert [len(p) for p in found.witness] == [2, 1, 0]
        assert not any(any(exponents[absent]) for p in found.witness for exponents in p)


def test_multipliers_in_the_variables_of_one_side_reach_farther():
    """In sixteen variables there are too many monomials of degree 3; in eight there are not."""
    M = as_square_matrix(diag(1, 1, *[-1] * 6, *[1] * 8)).to_dense()
    for pattern, present in (("ULUL", slice(8, None)), ("LULU", slice(8))):
        multipliers = excluded(polynomial_multiplier_reason_over_QQ, pattern, M).witness
        assert [len(p) for p in multipliers] == [21, 6, 1, 0, 0, 0, 0, 0]
        for k, p in enumerate(multipliers, 1):
            assert {(sum(powers), sum(powers[present])) for powers in p} <= {(3 - k, 3 - k)}


def test_changed_multipliers_fail():
    found = excluded(polynomial_multiplier_reason_over_QQ, "ULUL", CLASHES["and around it"][0])
    (first, *others), zero = found.witness, {}
    assert replace(found, witness=(zero, zero, zero)).is_valid() is False
    assert replace(found, witness=found.witness[:2]).is_valid() is False
    assert replace(found, witness=(zero, *others)).is_valid() is False
    flipped = {exponents: -x for exponents, x in first.items()}
    assert replace(found, witness=(flipped, *others)).is_valid() is False
    assert about(found, linalg.identity(6, QQ)).is_valid() is False
    assert replace(found, pattern="ULULU").is_valid() is False
    assert replace(found, pattern="ULU").is_valid() is False


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(k, marks=pytest.mark.slow) for k in range(2, 6))]
)
def test_no_multipliers_exclude_what_is_possible(seed):
    """Four layers that are certified exclude any multipliers; two patterns make a good many."""
    M = random_rational(6, seed) if seed % 2 else rotation(6, seed)
    answer = minimal_depth(M, scales="positive")
    assert answer.evidence is Evidence.CERTIFIED
    assert excluded(polynomial_multiplier_reason_over_QQ, answer.existence.pattern, M) is None


def test_beyond_the_largest_size_and_for_other_patterns_there_are_none():
    assert excluded(polynomial_multiplier_reason_over_QQ, "ULUL", linalg.identity(18, QQ)) is None
    clash = CLASHES["and around it"][0]
    assert excluded(polynomial_multiplier_reason_over_QQ, "ULULU", clash) is None
