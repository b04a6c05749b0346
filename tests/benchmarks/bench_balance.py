"""Balanced layers against plain Adam on the same problem, and against one matrix inverse.

    python -m pytest tests/benchmarks/bench_balance.py --benchmark-group-by=param:d

One thread is fastest up to d = 128: set OMP_NUM_THREADS=1. Each row records its relative error.
"""

import numpy as np
import pytest

from exactflow.balancing import balance
from exactflow.balancing.newton import Word

SIZES = [16, 48, 128, 512]


def rotation(d: int) -> np.ndarray:
    Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    return Q * np.where(np.arange(d) == 0, np.linalg.slogdet(Q)[0], 1)


def gaussian(d: int) -> np.ndarray:
    W = np.random.default_rng(d).standard_normal((d, d))
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def adam(W: np.ndarray, layers: int = 6, steps: int = 4000, rate: float = 0.02) -> float:
    """Return the relative error that Adam with a cosine schedule reaches."""
    word = Word(layers, len(W) // 2, 0)
    shape = (layers, word.n, word.n)
    X = np.random.default_rng(0).normal(scale=0.6 / word.n**0.5, size=shape)
    mean, square = np.zeros(shape), np.zeros(shape)
    for k in range(1, steps + 1):
        left, rest, gradient = np.eye(len(W)), word.product(X), np.empty(shape)
        G = rest - W
        for i, shift in enumerate(X):
            moved, kept = word.moved(i), word.kept(i)
            rest[moved] -= shift @ rest[kept]
            gradient[i] = left[:, moved].T @ G @ rest[kept].T
            left[:, kept] += left[:, moved] @ shift
        mean += 0.1 * (gradient - mean)
        square += 0.001 * (gradient**2 - square)
        step = mean / (1 - 0.9**k) / (np.sqrt(square / (1 - 0.999**k)) + 1e-12)
        X = X - rate * (1 + np.cos(np.pi * k / steps)) / 2 * step
    return float(np.abs(word.product(X) - W).max() / np.abs(W).max())


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
    benchmark.extra_info["error"] = benchmark.pedantic(adam, (family(d),), rounds=1)


@pytest.mark.parametrize("d", SIZES)
def test_inverse(benchmark, d):
    benchmark.pedantic(np.linalg.inv, (gaussian(d),), rounds=5)
