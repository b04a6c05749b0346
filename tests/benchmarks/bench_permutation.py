"""Permutations: the construction, and the check of its layers, are linear in d."""

from random import Random

import pytest

from exactflow import CouplingFlow, factor, permutation
from exactflow.exact.signed_permutation import signed_permutation_det
from exactflow.linear.factor.permutation import at_most_six_layers_of_det_1_permutation

SIZES = [200, 2_000, 20_000, 20_001]


def even_permutation(d):
    perm = Random(d).sample(range(d), d)
    if signed_permutation_det(perm, [1] * d) < 0:
        perm[0], perm[1] = perm[1], perm[0]
    return perm, [1] * d


@pytest.mark.parametrize("d", SIZES)
def test_construct(benchmark, d):
    layers = benchmark(at_most_six_layers_of_det_1_permutation, *even_permutation(d))
    assert len(layers) <= 6


@pytest.mark.parametrize("d", SIZES)
def test_compose(benchmark, d):
    perm, signs = even_permutation(d)
    flow = CouplingFlow(at_most_six_layers_of_det_1_permutation(perm, signs))
    derived = benchmark(flow.domain_matrix)
    assert [place for place, _ in derived.iter_items()] == list(enumerate(perm))


@pytest.mark.parametrize("d", SIZES)
def test_factor_and_check(benchmark, d):
    flow = benchmark(factor, permutation(even_permutation(d)[0]))
    assert flow.depth <= 6
