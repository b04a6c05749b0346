"""Unequal halves against equal ones, in one run.

python -m pytest tests/benchmarks/bench_partition.py
"""

import pytest

from exactflow import factor, random_matrix


@pytest.mark.parametrize("partition", [(16, 16), (16, 17)])
@pytest.mark.parametrize("method", ["auto", "partition"])
def test_factor(benchmark, partition, method):
    M = random_matrix(sum(partition), bits=3, seed=1)
    benchmark.pedantic(factor, (M,), {"method": method, "partition": partition}, rounds=3)
