"""Balanced layers against plain Adam on the same problem, and against one matrix inverse.

    python -m pytest tests/benchmarks/bench_balance.py --benchmark-group-by=param:d

One thread is fastest up to d = 128: set OMP_NUM_THREADS=1. Each row records its relative error.
"""

import numpy as np
import pytest

from exactflow.balancing import balance
from proofs.experiments.descent import adam

SIZES = [16, 48, 128, 512]


def rotation(d: int) -> np.ndarray:
    Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    return Q * np.where(np.arange(d) == 0, np.linalg.slogdet(Q)[0], 1)


def gaussian(d: int) -> np.ndarray:
    W = np.random.default_rng(d).standard_normal((d, d))
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("family", [rotation, gaussian])
def test_balance(benchmark, family, d):
    W = family(d)
    result = benchmark.pedantic(balance, (W,), rounds=5 if d < 128 else 1, warmup_rounds=d < 128)
    benchmark.extra_info["error"] = float(result.error) / np.abs(W).max()
    benchmark.extra_info["magnitude"] = result.magnitude
    benchmark.extra_info["condition"] = max(result.condition_numbers)


@pytest.mark.parametrize("d", [16, 48])
@pytest.mark.parametrize("family", [rotation, gaussian])
def test_adam(benchmark, family, d):
    W = family(d)
    product = benchmark.pedantic(adam, (W, 6, 4000, 0.02, True), rounds=1)
    benchmark.extra_info["error"] = np.abs(product - W).max() / np.abs(W).max()


@pytest.mark.parametrize("d", SIZES)
def test_inverse(benchmark, d):
    benchmark.pedantic(np.linalg.inv, (gaussian(d),), rounds=5)
