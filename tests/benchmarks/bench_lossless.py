"""Lossless maps against one float64 product, and against triangular lifting row by row.

    python -m pytest tests/benchmarks/bench_lossless.py --benchmark-group-by=param:d

Batches of 20,000, one thread. The goals: forward within three times of ``W @ x`` from d = 96 on,
and forward and backward together at least twice as fast as LU row by row at d = 192; a test that is
no benchmark holds them, by processor time.
"""

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exactflow.floats.lossless import lossless
from proofs.experiments.lifting import LiftedLU, PlusFactorization

BATCH, BITS = 20_000, 26
SIZES = [48, 96, 192]


def rotation(d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]


def tame(d: int) -> np.ndarray:
    """Return a matrix whose triangular factors stay small at every d; times do not depend on it."""
    W = np.eye(d) + np.random.default_rng(d).standard_normal((d, d)) / d
    return W / np.exp(np.linalg.slogdet(W)[1] / d)


def columns(d: int) -> np.ndarray:
    return np.random.default_rng(d).integers(-1000, 1001, (d, BATCH))


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("d", SIZES)
def test_product(benchmark, d):
    W, x = rotation(d), columns(d).astype(float)
    benchmark(np.matmul, W, x)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_shears(benchmark, d, direction):
    result = lossless(rotation(d), orientation="flip")
    x = columns(d)
    if direction == "backward":
        x = result.forward(x)
    benchmark(getattr(result, direction), x)


@pytest.mark.parametrize("d", SIZES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("route", [PlusFactorization, LiftedLU])
def test_rows(benchmark, d, direction, route):
    made = route.of(tame(d), BITS)
    x = columns(d).astype(float)
    images = made.forward(x)
    images = images if isinstance(images, tuple) else (images,)
    benchmark(getattr(made, direction), *((x,) if direction == "forward" else images))


def least(run, *arguments) -> float:
    """Return the least processor time of five calls."""
    times = []
    for _ in range(5):
        start = time.process_time()
        run(*arguments)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("d", [96, 192])
def test_goals(d):
    result, W, x = lossless(rotation(d), orientation="flip"), rotation(d), columns(d)
    y = result.forward(x)
    forward, backward = least(result.forward, x), least(result.backward, y)
    product = least(np.matmul, W, x.astype(float))
    lu = LiftedLU.of(tame(d), BITS)
    images = lu.forward(x.astype(float))
    rows = least(lu.forward, x.astype(float)), least(lu.backward, *images)
    print(
        f"d = {d}: W @ x {1e3 * product:.1f} ms; shears {forward / product:.2f} and "
        f"{backward / product:.2f} times that; LU {rows[0] / forward:.1f} and "
        f"{rows[1] / backward:.1f} times the shears"
    )
    assert forward < 3 * product
    assert sum(rows) > 2 * (forward + backward) or d < 192
