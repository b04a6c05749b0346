"""Balanced layers against plain Adam on the same problem, and against one matrix inverse.

    python -m pytest tests/benchmarks/bench_balance.py --benchmark-group-by=param:d

`balance` runs on one thread; for the others set OMP_NUM_THREADS=1. Times are of the processor, so
that rows of one run may be divided by each other on a busy machine. Each row records its relative
error. `test_account` is the part of a closed form that is exact: the error of given layers.
"""

import time

import numpy as np
import pytest
from matrices import rotation

from exactflow.floats.balancing import balance
from exactflow.floats.balancing.closed_form import yield_closed_forms
from exactflow.floats.balancing.target import Target
from proofs.experiments.descent import adam

SIZES = [16, 48, 128, 512]
pytestmark = pytest.mark.benchmark(timer=time.process_time)


def gaussian(d: int) -> np.ndarray:
    W = np.random.default_rng(d).standard_normal((d, d))
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def plu(d: int) -> np.ndarray:
    generator = np.random.default_rng(d)
    noise = generator.standard_normal((d, d)) * 0.6 / d**0.5
    W = (np.eye(d) + np.tril(noise, -1)) @ (np.eye(d) + np.triu(noise, 1))
    W = W[generator.permutation(d)]
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def ill_conditioned(d: int) -> np.ndarray:
    return rotation(d) * np.logspace(0, 12, d) @ rotation(d).T


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("family", [rotation, gaussian, plu, ill_conditioned])
def test_balance(benchmark, family, d):
    W = family(d)
    result = benchmark.pedantic(balance, (W,), rounds=5 if d < 128 else 1, warmup_rounds=d < 128)
    benchmark.extra_info["error"] = float(result.error) / np.abs(W).max()
    benchmark.extra_info["magnitude"] = result.magnitude
    benchmark.extra_info["condition"] = max(result.condition_numbers)


@pytest.mark.parametrize("d", SIZES)
def test_account(benchmark, d):
    target = Target.check_and_orient(rotation(d))
    layers = next(yield_closed_forms(target)).build_scaled_layers()

    def account():
        return np.abs(
            target.minus_product(layers).to_approximate_floats(target.mantissa_exponent)
        ).max()

    assert benchmark.pedantic(account, rounds=3, warmup_rounds=1) < 1e-12


@pytest.mark.parametrize("d", [16, 48])
@pytest.mark.parametrize("family", [rotation, gaussian])
def test_adam(benchmark, family, d):
    W = family(d)
    product = benchmark.pedantic(adam, (W, 6, 4000, 0.02, True), rounds=1)
    benchmark.extra_info["error"] = np.abs(product - W).max() / np.abs(W).max()


@pytest.mark.parametrize("d", SIZES)
def test_inverse(benchmark, d):
    benchmark.pedantic(np.linalg.inv, (gaussian(d),), rounds=5)
