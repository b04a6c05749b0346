"""Packing counts against maximal packings found by search, and powers against integers."""

from fractions import Fraction
from math import comb

import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from proofs.constructions.capacity.packings import SubsetFamily, code_size, code_volumes
from proofs.experiments.packings import greedy_code, greedy_subsets


def ball(d: int, r: int) -> int:
    return sum(comb(d, i) for i in range(r + 1))


@pytest.mark.parametrize("d", range(1, 10))
def test_codes_exist(d):
    for Delta in range(1, d + 1):
        code = list(greedy_code(d, Delta))
        assert all((a ^ b).bit_count() >= Delta for a in code for b in code if a != b)
        assert len(code) >= code_size(d, Delta)
        assert code_size(d, Delta) >= -(-(2**d) // ball(d, Delta - 1))


def test_parity_doubles_the_bound_of_gilbert_and_varshamov():
    assert code_size(3, 2) == 4 == len(list(greedy_code(3, 2)))
    assert -(-(2**3) // ball(3, 1)) == 2


@given(st.integers(1, 60))
def test_one_sweep_gives_every_distance(d):
    for Delta, exponent, volume in code_volumes(d):
        odd = Delta % 2
        assert volume == (ball(d, Delta - 1) if odd else ball(d - 1, Delta - 2))
        assert exponent == (d if odd else d - 1)
        assert code_size(d, Delta) == -(-(2**exponent) // volume)
    assert Delta == d


@pytest.mark.parametrize("N", range(1, 8))
def test_families_exist(N):
    for k in range(1, N + 1):
        for m in range(k):
            family = list(map(set, greedy_subsets(N, k, m)))
            assert all(len(a & b) <= m for a in family for b in family if a is not b)
            assert len(family) >= SubsetFamily(N, k, m).size


@given(st.integers(1, 40), st.data())
def test_powers_are_compared_exactly(N, data):
    k = data.draw(st.integers(1, N))
    m = data.draw(st.integers(0, k - 1))
    base = data.draw(st.integers(2, 10))
    family = SubsetFamily(N, k, m)
    p = family.least_power(base)
    assert base**p >= family.size
    assert p == 0 or base ** (p - 1) < family.size
    for exponent in range(p + 2):
        assert family.exceeds_power(base, exponent) == (base**exponent < family.size)


def test_ties_are_decided_by_the_integers():
    family = SubsetFamily(2**40, 1, 0)
    assert family.size == 2**40
    assert family.least_power(2) == 40
    assert not family.exceeds_power(2, 40)
    assert family.exceeds_power(2, 39)
    assert SubsetFamily(2**40 + 1, 1, 0).least_power(2) == 41


def test_enclosures_contain_the_logarithm():
    for N, k, m in [(50, 20, 5), (50, 45, 41), (10**6, 30, 12), (1000, 500, 100)]:
        family = SubsetFamily(N, k, m)
        coarse, fine = family.log(30), family.log(200)
        assert coarse.overlaps(fine)
        assert fine.rad() < 1e-50
        with ctx.workprec(200):
            assert (arb(family.total) / arb(family.excluded)).log().overlaps(fine)


def test_millions_of_digits():
    family = SubsetFamily(2**800, 10**5, 5 * 10**4)
    p = family.least_power(1000)
    assert p > 10**6
    assert family.exceeds_power(1000, p - 1)
    assert not family.exceeds_power(1000, p)


@pytest.mark.parametrize("d", [2, 7, 128, 1000])
def test_rounded_volumes_are_near_the_exact_ones(d):
    for exact, rounded in zip(code_volumes(d), code_volumes(d, 64), strict=True):
        (Delta, e, V), (other, f, W) = exact, rounded
        assert Delta == other
        assert abs(Fraction(V * 2**f, W * 2**e) - 1) < Fraction(1, 2**50)
