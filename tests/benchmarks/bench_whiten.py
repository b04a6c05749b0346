"""Two and three layers that whiten, against the eigenvectors of the covariance.

    python -m pytest tests/benchmarks/bench_whiten.py --benchmark-group-by=param:d

Each row records the exact error, in units of 2^-52 cond(Sigma)^(1/2), and the largest entry.
"""

import numpy as np
import pytest
from covariances import conditioned, stationary, wishart

from exactflow import whiten
from proofs.constructions.three_layers import whiten_by_three

SIZES = [16, 128, 512]


FAMILIES = {
    "wishart": lambda d: wishart(d, 2 * d, seed=d),
    "stationary": lambda d: stationary(d, 0.9),
    "ill_conditioned": lambda d: conditioned(d, 1e10, seed=d),
}


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("construct", [whiten, whiten_by_three])
@pytest.mark.parametrize("family", FAMILIES)
def test_whiten(benchmark, family, construct, d):
    Sigma = FAMILIES[family](d)
    result = benchmark.pedantic(
        construct, (Sigma,), rounds=5 if d < 512 else 1, warmup_rounds=d < 512
    )
    unit = np.finfo(float).eps * np.sqrt(np.linalg.cond(Sigma))
    benchmark.extra_info["error"] = float(result.error) / unit
    benchmark.extra_info["magnitude"] = result.largest_absolute_shift_entry


@pytest.mark.parametrize("d", SIZES)
def test_eigenvectors(benchmark, d):
    benchmark.pedantic(np.linalg.eigh, (FAMILIES["wishart"](d),), rounds=5)
