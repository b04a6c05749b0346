"""The counting bound with given and with optimised choices; parameters in the millions."""

import pytest

from proofs.constructions.capacity import depth_bound, min_parameters

USUAL = {"radius": 1, "w": "1/10"}


@pytest.mark.parametrize(("d", "k"), [(64, 1000), (1024, 10_000), (4096, 100_000)])
def test_given_choices(benchmark, d, k):
    bound = min_parameters(d, k, lipschitz=d, **USUAL)
    constants = {"lipschitz": d, "Delta": bound.Delta, "m": bound.m, **USUAL}
    assert benchmark(lambda: min_parameters(d, k, **constants).parameters) == bound.parameters


@pytest.mark.parametrize(("d", "k"), [(64, 1000), (1024, 10_000), (4096, 100_000)])
def test_optimised_choices(benchmark, d, k):
    assert benchmark(lambda: min_parameters(d, k, lipschitz=d, **USUAL).parameters) > k * d / 25


def test_depth(benchmark):
    constants = {"layer_lipschitz": 2, "parameter_lipschitz": 1, **USUAL}
    assert benchmark(lambda: depth_bound(256, 10_000, 256, **constants).depth) > 50
