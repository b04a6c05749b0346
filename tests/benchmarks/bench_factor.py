"""Factoring against inverting, composing, and the same construction in plain SymPy.

    python -m pytest tests/benchmarks/bench_factor.py --benchmark-group-by=param:d

Dense entries in [-9, 9]. One group per d; the relative columns are the ratios.
"""

import random

import numpy as np
import pytest
import sympy
from sympy import QQ

from exactflow import factor, verify
from exactflow.exact.coerce import as_square_matrix


def target(d: int) -> sympy.Matrix:
    """A dense integer matrix of positive determinant."""
    generator = random.Random(d)
    M = sympy.Matrix(d, d, lambda i, j: generator.randint(-9, 9))
    if as_square_matrix(M).to_dense().det() < 0:
        M[0, :] = -M[0, :]
    return M


def plain_sympy(M: sympy.Matrix) -> list[sympy.Matrix]:
    """The transvection route as one would write it with ``sympy.Matrix`` alone."""
    n = M.rows // 2
    M = M.copy()
    M[n, :] = M[n, :] / M.det(method="berkowitz")
    A, B, C, D = M[:n, :n], M[:n, n:], M[n:, :n], M[n:, n:]
    A_inverse = A.inv()
    S = D - C * A_inverse * B
    S_inverse = S.inv()

    def toeplitz(F):
        f = F.charpoly().all_coeffs()
        return sympy.Matrix(n, n, lambda i, j: f[j - i] if j >= i else 0)

    def krylov(F):
        columns = [sympy.eye(n)[:, 0]]
        while len(columns) < n:
            columns.append(F * columns[-1])
        return sympy.Matrix.hstack(*columns)

    C_new = krylov(S_inverse) * toeplitz(S_inverse) * toeplitz(A).inv() * krylov(A).inv()
    W0 = (C_new - C) * A_inverse
    P = 2 * sympy.eye(n) - C_new * A * C_new.inv() * S
    G = sympy.eye(n)
    G[0, 0] = sympy.Rational(1, 2)
    Y = G * C_new
    Z = Y.inv() * (P - sympy.eye(n))
    V = C_new.inv() * (D + W0 * B - P)
    W = P.inv() * (C_new - Y)
    X = (B - A * V - Z) * P.inv()
    return [W0, X, Y, Z, W, V]


SIZES = [8, 16, 32, 64, 96]


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("method", ["transvection", "commutator"])
def test_factor(benchmark, method, d):
    if method == "commutator" and d > 64:
        pytest.skip("minutes")
    M = target(d)
    flow = benchmark.pedantic(factor, (M,), {"method": method}, rounds=3 if d < 64 else 1)
    benchmark.extra_info["bits"] = max(layer.bits for layer in flow)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("method", ["transvection", "commutator"])
def test_verify(benchmark, method, d):
    if method == "commutator" and d > 64:
        pytest.skip("minutes")
    M = target(d)
    benchmark.pedantic(verify, (factor(M, method=method), M), rounds=3 if d < 64 else 1)


@pytest.mark.parametrize("d", SIZES)
def test_compose(benchmark, d):
    flow = factor(target(d), method="transvection")
    benchmark.pedantic(flow.domain_matrix, rounds=3)


@pytest.mark.parametrize("d", SIZES)
def test_inverse(benchmark, d):
    M = as_square_matrix(target(d)).convert_to(QQ).to_dense()
    benchmark.pedantic(M.inv, rounds=5)


@pytest.mark.parametrize(
    ("d", "method", "partition"),
    [
        *((48, "transvection", None), (64, "transvection", None), (33, "hyperplane", None)),
        *((32, "commutator", None), (24, "partition", (8, 16))),
    ],
)
def test_routes(benchmark, d, method, partition):
    """A float32 matrix, by the routes for dense matrices."""
    M = as_square_matrix(np.random.default_rng(0).standard_normal((d, d)).astype(np.float32))
    options = {"method": method, "partition": partition, "orientation": "flip"}
    benchmark.pedantic(factor, (M,), options, rounds=1)


@pytest.mark.parametrize("d", [16, 32])
def test_plain_sympy(benchmark, d):
    M = target(d)
    shifts = benchmark.pedantic(plain_sympy, (M,), rounds=1)
    assert [shifts[i].rank() for i in (3, 4)] == [1, 1]
