"""Balanced layers: the exact account agrees with the exact flow, and its gate never opens early."""

from itertools import pairwise

import numpy as np
import pytest
import sympy
from matrices import POSITIVE, rotation
from threadpoolctl import threadpool_limits

from exactflow import CouplingFlow, append_swap, toeplitz, verify
from exactflow.errors import InvalidInputError, MethodError, OrientationError, SingularMatrixError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.progress import listening_to_stages
from exactflow.floats.balancing import METHODS, balance, methods
from exactflow.floats.balancing.target import Target
from exactflow.testing import assert_within

BEYOND_FLOATS = {"huge entry", "huge determinant", "tiny determinant"}


def gaussian(d: int, seed: int) -> np.ndarray:
    W = np.random.default_rng(seed).standard_normal((d, d))
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def plu(d: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((d, d)) * 0.6 / d**0.5
    signs = generator.choice([-1.0, 1.0], d)
    W = (np.eye(d) + np.tril(noise, -1)) @ (np.diag(signs) + np.triu(noise, 1))
    W = W[generator.permutation(d)]
    return W * np.where(np.arange(d) == 0, np.linalg.slogdet(W)[0], 1)


def banded_toeplitz(d: int, seed: int) -> np.ndarray:
    taps = np.random.default_rng(seed).uniform(-0.15, 0.15, 6).tolist()
    rest = [0] * (d - 4)
    W = toeplitz([1, *taps[:3], *rest], [1, *taps[3:], *rest])
    return np.array(W.tolist(), dtype=float)


def permutation(d: int, seed: int) -> np.ndarray:
    W = np.eye(d)[np.random.default_rng(seed).permutation(d)]
    return W * np.where(np.arange(d) == 0, np.linalg.det(W), 1)


def conditioned(d: int, seed: int) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, 6, d) @ rotation(d, seed + 1000)


def badly_conditioned(d: int, seed: int) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, -9, d) @ rotation(d, seed + 1000)


def worst_conditioned(d: int, seed: int) -> np.ndarray:
    return rotation(d, seed) * np.logspace(0, -12, d) @ rotation(d, seed + 1000)


FAMILIES = (rotation, gaussian, plu, banded_toeplitz, permutation, conditioned)

EFFORT = {
    rotation: (6, 0, 2),
    gaussian: (6, 4, 2),
    plu: (6, 4, 2),
    banded_toeplitz: (6, 4, 2),
    permutation: (6, 0, 2),
    conditioned: (6, 20, 2),
    badly_conditioned: (6, 130, 4),
    worst_conditioned: (11, 0, 4),
}
"""Layers, most steps along a path, and most exact products, at 4, 6 and 8 coordinates."""


def exact_difference(result, W) -> sympy.Rational:
    difference = result.flow.matrix() - as_square_matrix(W).to_Matrix()
    return max(abs(entry) for entry in difference)


@pytest.mark.parametrize("name", sorted(set(POSITIVE) - BEYOND_FLOATS - {"random d=16"}))
def test_every_matrix(name):
    W = POSITIVE[name]
    result = balance(W)
    assert len(result.layers) == result.flow.depth
    assert result.flow.depth in (6, 11)
    assert result.error == exact_difference(result, W)
    assert result.error <= max(map(abs, W)) / 10**14
    inverse = result.flow.matrix().inv() - W.inv()
    assert max(map(abs, inverse)) <= result.inverse_difference_bound


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [5, 6, 8])
def test_families(family, layers):
    W = family(8, 3)
    result = balance(W, layers=layers)
    assert len(result.layers) == layers
    assert result.error == exact_difference(result, W)
    assert_within(result.flow, W, result.error)
    assert result.error < 1e-14 * abs(W).max()
    moves = [layer.moves for layer in result.flow]
    assert all(a != b for a, b in pairwise(moves))


@pytest.mark.slow
@pytest.mark.parametrize(("d", "seeds"), [(15, 20), (16, 20), (47, 8), (48, 8)])
@pytest.mark.parametrize("family", [*FAMILIES, worst_conditioned])
def test_many_seeds(family, d, seeds):
    for seed in range(seeds):
        W = family(d, seed)
        assert balance(W).error < 1e-14 * abs(W).max()


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 4, 16])
@pytest.mark.parametrize("layers", [6, 8])
def test_condition_numbers_of_10_to_the_9(d, layers):
    for seed in range(3):
        W = badly_conditioned(d, seed)
        assert balance(W, layers=layers, seed=seed).error < 1e-14 * abs(W).max()


@pytest.mark.parametrize("reflections", ["two", "all"])
@pytest.mark.parametrize("d", [2, 4, 16])
def test_where_all_solutions_are_singular(d, reflections):
    W = np.diag(np.where(np.arange(d) < {"two": 2, "all": d}[reflections], -1.0, 1.0))
    assert balance(W).error < 1e-14


def test_near_a_scalar_matrix_eight_layers_are_found():
    W = -np.eye(8) + 1e-6 * gaussian(8, 0)
    assert balance(W, layers=8).error < 1e-14


@pytest.mark.slow
def test_large_condition_numbers_of_10_to_the_9():
    for seed in range(6):
        W = badly_conditioned(48, seed)
        assert balance(W, seed=seed).error < 1e-14 * abs(W).max()


def test_conditioning_of_rotations():
    for d in (8, 16):
        result = balance(rotation(d, 1), method="search")
        assert result.magnitude < 1.3
        assert max(result.condition_numbers) < 6


def test_the_flow_equals_its_own_product_and_not_the_matrix():
    W = rotation(8, 0)
    result = balance(W)
    assert isinstance(result.flow, CouplingFlow)
    assert result.flow.method == "balance"
    assert verify(result.flow, result.flow.matrix()).flow.depth == 6
    assert result.flow.matrix() != as_square_matrix(W).to_Matrix()
    assert 0 < result.error < 1e-14
    assert "certified within" in repr(result)


def test_forward_and_backward():
    W = gaussian(10, 2)
    result = balance(W)
    x = np.random.default_rng(0).standard_normal((10, 3))
    assert np.allclose(result.forward(x), W @ x, rtol=0, atol=1e-13)
    assert np.allclose(result.backward(result.forward(x)), x, rtol=0, atol=1e-12)
    assert result.forward(x.astype(np.float32)).dtype == np.float32


def test_log_determinant_is_that_of_the_matrix():
    W = gaussian(8, 5)
    assert abs(float(balance(W).flow.log_abs_det()) - np.linalg.slogdet(W)[1]) < 1e-13


def test_deterministic():
    W = plu(14, 0)
    first, second, other = (balance(W, seed=seed).flow for seed in (4, 4, 5))
    assert first == second
    assert first != other


@pytest.mark.parametrize("W", [np.eye(2), np.eye(24), 3 * np.eye(6), -np.eye(8)])
def test_scalar_matrices(W):
    assert balance(W).error <= 1e-12 * abs(W).max()


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_any_scale(scale):
    W = scale * rotation(6, 2)
    assert balance(W).error < 1e-13 * scale


def test_exact_entries_are_taken_exactly():
    W = [["1/3", 2], [0, "3/7"]]
    result = balance(W)
    assert result.error == exact_difference(result, W)
    assert balance(np.array([[1, 2], [3, 7]])).error < 1e-14
    assert balance(rotation(4, 0).astype(np.float32)).error < 1e-15


@pytest.mark.parametrize(
    ("W", "error", "message"),
    [
        (np.diag([-1.0, 1.0]), OrientationError, "det > 0"),
        (np.diag([-1.0, 1.0]), OrientationError, "negate coordinate 0"),
        (np.ones((4, 4)), SingularMatrixError, "rank 1 of 4, the least singular value"),
        (np.zeros((2, 2)), SingularMatrixError, "rank 0 of 2"),
        (np.eye(1), InvalidInputError, "two coordinates"),
        (np.full((2, 2), np.nan), InvalidInputError, "finite"),
        (np.ones((2, 4)), InvalidInputError, "square"),
        (np.ma.masked_array(np.eye(2), [[0, 1], [0, 0]]), InvalidInputError, r"entry \(0, 1\)"),
        ([[sympy.sqrt(2), 0], [0, 1]], InvalidInputError, "rational"),
        (POSITIVE["huge entry"], InvalidInputError, "float64"),
        ([[-1, 0], [0, sympy.Rational(1, 10**40)]], OrientationError, "det < 0"),
    ],
)
def test_bad_matrices(W, error, message):
    with pytest.raises(error, match=message):
        balance(W)


def test_subclasses_of_arrays():
    W = np.diag([2.0, 1.0])
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.asmatrix(W)
    expected = str(balance(W))
    assert str(balance(matrix)) == str(balance(np.ma.masked_array(W))) == expected


@pytest.mark.parametrize(
    "options",
    [{"layers": k} for k in (4, 3, 0, -1, "six", 5.5, 100, 99_999_999)]
    + [{"seed": s} for s in (-1, 1.5, None, True)]
    + [{"method": "best"}, {"orientation": "up"}, {"partition": (1, 2)}],
)
def test_bad_options(options):
    (name,) = options
    with pytest.raises(InvalidInputError, match=f"expected.*{name}"):
        balance(np.eye(4), **options)


def test_options_have_names():
    with pytest.raises(TypeError):
        balance(np.eye(4), 6)


ORIENTATION = [
    np.diag([-1.0, 1.0]),
    np.eye(5)[[1, 0, 2, 3, 4]],
    np.diag([-1.0, 1, 1, 1]) @ gaussian(4, 0),
    np.diag([-1.0, 1, 1, 1, 1]) @ gaussian(5, 0),
    np.array([["-1/3", "0"], ["0", "1"]], dtype=object),
]


@pytest.mark.parametrize("W", ORIENTATION)
def test_flips_come_first(W):
    result = balance(W.tolist() if W.dtype == object else W, orientation="flip")
    assert result.flips == result.flow.flips == (0,)
    assert result.error == exact_difference(result, W) < 1e-14
    W = W.astype(float) if W.dtype != object else np.diag([-1 / 3, 1])
    x = np.arange(1.0, len(W) + 1)
    assert np.allclose(result.forward(x), W @ x, rtol=0, atol=1e-13)
    assert np.allclose(result.backward(W @ x), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("W", ORIENTATION)
def test_pads(W):
    W = W.tolist() if W.dtype == object else W
    result = balance(W, orientation="pad")
    assert result.error == exact_difference(result, append_swap(W)) < 1e-14
    assert sum(result.partition) == len(W) + 2


@pytest.mark.parametrize("partition", [(3, 2), [1, 0, 1, 0, 0], (1, 4), (4, 1), (2, 3)])
@pytest.mark.parametrize("family", [rotation, gaussian])
def test_partitions(partition, family):
    W = family(5, 1)
    result = balance(W, partition=partition)
    assert result.partition == (partition if len(partition) == 2 else (2, 3))
    assert result.flow.partition == result.partition
    assert result.error == exact_difference(result, W) < 1e-14 * abs(W).max()
    x = np.arange(1.0, 6)
    assert np.allclose(result.forward(x), W @ x, rtol=0, atol=1e-12)
    assert np.allclose(result.backward(W @ x), x, rtol=0, atol=1e-11)


def test_a_mask_with_a_flip_and_without_a_closed_form():
    W = np.diag([1.0, 1, 1, -1]) @ gaussian(4, 1)
    mask = [0, 1, 0, 1]
    assert balance(W, partition=mask, orientation="flip").error < 1e-14
    with pytest.raises(InvalidInputError, match="mask"):
        balance(W, partition=mask, orientation="pad")
    with pytest.raises(MethodError, match="differ by at most one"):
        balance(gaussian(4, 1), partition=(1, 3), method="closed")
    with pytest.raises(InvalidInputError, match="layers=None"):
        balance(gaussian(4, 1), method="closed", layers=6)


def test_the_same_seed_on_one_thread_and_two():
    W, flows = gaussian(40, 0), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            flows.append(balance(W).flow)
    assert flows[0] == flows[1]


@pytest.mark.slow
def test_five_layers_where_there_are_none():
    with pytest.raises(MethodError, match=r"search for 5 layers .* omit the argument layers"):
        balance(np.diag([-1.0, -1, 1, 1]), layers=5)


@pytest.mark.parametrize("d", [4, 6, 8])
@pytest.mark.parametrize("family", EFFORT)
def test_the_effort_of_a_search_is_small(family, d, monkeypatch):
    stages, products, minus_product = [], [], Target.minus_product
    monkeypatch.setattr(
        Target, "minus_product", lambda *given: products.append(given) or minus_product(*given)
    )
    with listening_to_stages(lambda name, done: stages.append(name)):
        result = balance(family(d, 1), orientation="flip")
    layers, steps, most_products = EFFORT[family]
    assert len(result.layers) == layers
    assert stages.count("a path to the matrix") <= steps
    assert stages.count("the account") == 1
    assert len(products) <= most_products


def test_every_method_has_a_row():
    assert tuple(methods.METHODS) == METHODS


@pytest.mark.slow
@pytest.mark.parametrize("layers", [5, 6, 8])
@pytest.mark.parametrize("d", [2, 3])
def test_singular_values_beyond_rounding_end_in_one_error(d, layers):
    W = rotation(d, 0) * np.where(np.arange(d) == 0, 1e-250, 1)
    with pytest.raises(MethodError, match="omit the argument layers"):
        balance(W, layers=layers)
