"""Minimal depth against factoring, in one run.

python -m pytest tests/benchmarks/bench_depth.py --benchmark-group-by=param:d
"""

import pytest

from exactflow import factor, minimal_depth, random_matrix


def target(d: int):
    """A dense integer matrix, its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=d)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


@pytest.mark.parametrize("d", [16, 32])
@pytest.mark.parametrize("task", [factor, minimal_depth])
def test_minimal_depth(benchmark, task, d):
    benchmark.pedantic(task, (target(d),), rounds=3)
