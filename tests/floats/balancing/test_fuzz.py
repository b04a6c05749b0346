"""Matrices of any scale, with any options: layers within the bound, or an error that is ours."""

import re
from fractions import Fraction

import numpy as np
import pytest

from exactflow.errors import (
    ExactFlowError,
    InvalidInputError,
    MethodError,
    OrientationError,
    SingularMatrixError,
)
from exactflow.floats.balancing import balance

DEFAULT, ALL = 8, 728


def times_power_of_ten(W: np.ndarray, exponent: float) -> np.ndarray:
    """Return 10^exponent W, of which neither factor is rounded to 0 before the other is there."""
    with np.errstate(over="ignore"):
        return W * 10.0 ** (exponent / 2) * 10.0 ** (exponent / 2)


KINDS = (
    lambda W, rng: W,
    lambda W, rng: np.linalg.qr(W)[0],
    lambda W, rng: W * 10.0 ** rng.integers(-12, 13, (len(W), 1)),
    lambda W, rng: W * 10.0 ** rng.uniform(-200, 200, len(W)),
    lambda W, rng: rng.integers(-3, 4, W.shape).astype(float),
    lambda W, rng: np.diag(rng.choice([-1, 1], len(W)) * 10.0 ** rng.uniform(-30, 30, len(W))),
    lambda W, rng: np.eye(len(W))[rng.permutation(len(W))],
    lambda W, rng: np.linalg.qr(W)[0] * np.logspace(0, rng.uniform(-20, 0), len(W)) @ W,
)


def problem(seed: int) -> tuple[np.ndarray, dict]:
    """Return a matrix of scale 1e-320 to 1e300, mostly of few coordinates, and options."""
    rng = np.random.default_rng(seed)
    d = int(rng.choice([1, 2, 3, 4, 5, 8], p=[0.04, 0.26, 0.25, 0.2, 0.2, 0.05]))
    W = KINDS[rng.integers(len(KINDS))](rng.standard_normal((d, d)), rng)
    W = times_power_of_ten(W, rng.choice([0, -320, -308, 300, rng.uniform(-320, 300)]))
    first = int(rng.integers(1, max(2, d)))
    options = {
        "layers": int(rng.integers(5, 13)),
        "method": str(rng.choice(["auto", "closed", "search"])),
        "orientation": str(rng.choice(["error", "flip", "pad"])),
        "partition": (first, d - first) if rng.random() < 0.5 else rng.integers(0, 2, d).tolist(),
        "seed": int(rng.integers(4)),
    }
    return W, {name: value for name, value in options.items() if rng.random() < 0.4}


def tried(seeds: range) -> int:
    """Return how many problems have layers; all others end in one of our errors."""
    found = 0
    for seed in seeds:
        W, options = problem(seed)
        try:
            result = balance(W, **options)
        except ExactFlowError:
            continue
        is_padded = result.dimension > len(W)
        assert result.error <= Fraction(1, 10**12) * Fraction(max(np.abs(W).max(), is_padded))
        found += 1
    return found


def test_any_problem_has_layers_or_an_error():
    assert tried(range(DEFAULT)) > DEFAULT / 4


@pytest.mark.slow
@pytest.mark.parametrize("start", range(DEFAULT, ALL, 240))
def test_more_problems_have_layers_or_an_error(start):
    seeds = range(start, start + 240)
    assert tried(seeds) > len(seeds) / 4


@pytest.mark.parametrize("seed", range(15))
def test_an_invertible_matrix_of_any_scale_has_layers(seed):
    """Without options nothing fails but on what is no matrix, singular, or reverses orientation."""
    W, _ = problem(seed)
    try:
        result = balance(W, orientation="flip")
    except (InvalidInputError, SingularMatrixError):
        assert len(W) == 1 or not np.isfinite(W).all() or np.linalg.matrix_rank(W) < len(W)
    else:
        assert result.error <= Fraction(1, 10**12) * Fraction(float(np.abs(W).max()))


@pytest.mark.parametrize("exponent", [-1074, -1073, -1022, 1020])
@pytest.mark.parametrize("W", [[[1, 1], [-1, 1]], [[2, 1], [-1, 2]], [[1, 2], [0, 1]], np.eye(3)])
def test_denormals_and_huge_numbers_keep_all_digits(W, exponent):
    W = np.ldexp(np.array(W, dtype=float), exponent)
    assert balance(W).error <= Fraction(1, 10**15) * Fraction(float(W.max()))


@pytest.mark.parametrize(
    ("options", "exponent"),
    [({"layers": 6}, 250), ({"method": "search"}, -300), ({"layers": 10}, -300)],
)
def test_where_the_least_singular_value_is_rounding_error(options, exponent):
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.standard_normal((4, 4)))[0] for _ in range(2))
    W = times_power_of_ten(U * [1, 1, 1, 1e-30] @ V, exponent)
    try:
        result = balance(W, **options)
    except (MethodError, OrientationError) as error:
        said = str(error)
        assert re.search(
            r"got det < 0|the search for \d+ layers reached the relative error \S+, above the "
            r"tolerance 1e-12:",
            said,
        )
    else:
        assert result.error <= Fraction(1, 10**12) * Fraction(float(np.abs(W).max()))


def test_a_vector_is_no_matrix():
    with pytest.raises(InvalidInputError, match=r"an array with two axes, got one of shape \(4,\)"):
        balance(np.ones(4))
