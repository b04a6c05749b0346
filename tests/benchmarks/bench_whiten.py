"""Two and three layers that whiten, against the eigenvectors of the covariance.

    python -m pytest tests/benchmarks/bench_whiten.py --benchmark-group-by=param:d

Each row records the exact error, in units of 2^-52 cond(Sigma)^(1/2), and the largest entry.
"""

import numpy as np
import pytest

from exactflow import whiten
from proofs.constructions.three_layers import whiten_by_three

SIZES = [16, 128, 512]


def wishart(d: int) -> np.ndarray:
    return np.cov(np.random.default_rng(d).standard_normal((d, 2 * d)))


def stationary(d: int) -> np.ndarray:
    return 0.9 ** np.abs(np.subtract.outer(np.arange(d), np.arange(d)))


def ill_conditioned(d: int) -> np.ndarray:
    Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    Sigma = Q * np.logspace(0, 10, d) @ Q.T
    return (Sigma + Sigma.T) / 2


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("construct", [whiten, whiten_by_three])
@pytest.mark.parametrize("family", [wishart, stationary, ill_conditioned])
def test_whiten(benchmark, family, construct, d):
    Sigma = family(d)
    result = benchmark.pedantic(
        construct, (Sigma,), rounds=5 if d < 512 else 1, warmup_rounds=d < 512
    )
    unit = np.finfo(float).eps * np.sqrt(np.linalg.cond(Sigma))
    benchmark.extra_info["error"] = float(result.error) / unit
    benchmark.extra_info["magnitude"] = result.largest_absolute_shift_entry


@pytest.mark.parametrize("d", SIZES)
def test_eigenvectors(benchmark, d):
    benchmark.pedantic(np.linalg.eigh, (wishart(d),), rounds=5)
