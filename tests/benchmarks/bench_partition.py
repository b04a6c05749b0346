"""Unequal halves against equal ones, and the two routes for n and n + 1, in one run.

python -m pytest tests/benchmarks/bench_partition.py --benchmark-group-by=param:partition
"""

import pytest
import sympy

from exactflow import factor, random_matrix


@pytest.mark.parametrize("partition", [(16, 16), (16, 17), (2, 3), (4, 5), (8, 9), (32, 33)])
@pytest.mark.parametrize("method", ["auto", "partition"])
def test_factor(benchmark, partition, method):
    M = random_matrix(sum(partition), bits=3, seed=1)
    benchmark.pedantic(factor, (M,), {"method": method, "partition": partition}, rounds=3)


@pytest.mark.parametrize("partition", [(4, 5), (8, 9), (16, 17)])
@pytest.mark.parametrize("method", ["hyperplane", "partition"])
@pytest.mark.parametrize("kind", ["C of rank 1", "B = C = 0"])
def test_degenerate(benchmark, partition, method, kind):
    p, q = partition
    M = random_matrix(p + q, bits=3, seed=1)
    M[p:, :p] = sympy.ones(q, p) if kind == "C of rank 1" else sympy.zeros(q, p)
    M[:p, p:] = sympy.ones(p, q) if kind == "C of rank 1" else sympy.zeros(p, q)
    options = {"method": method, "partition": partition, "orientation": "flip"}
    benchmark.pedantic(factor, (M,), options, rounds=3)
