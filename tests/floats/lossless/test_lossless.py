"""Lossless couplings: bijections to the last bit, near W as certified, the same bits everywhere."""

import hashlib
from fractions import Fraction
from functools import partial
from math import floor

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from matrices import rotation
from sympy import Rational
from threadpoolctl import threadpool_limits

from exactflow import CouplingFlow, permutation
from exactflow.errors import InvalidInputError, MethodError, OrientationError, SingularMatrixError
from exactflow.exact.coerce import as_square_matrix
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless import LIMIT, IntegerCoupling
from exactflow.floats.lossless import lossless as refusing
from exactflow.floats.lossless.integer_rounding import merge_and_drop_zero_shears, round_shears
from exactflow.flows.float_layers import FloatCoupling

lossless = partial(refusing, orientation="flip")


def conditioned(d: int, exponent: int) -> np.ndarray:
    return rotation(d) @ np.diag(np.logspace(0, exponent, d)) @ rotation(d).T


MATRICES = {
    "rotation, 2": rotation(2),
    "rotation, odd": rotation(7),
    "rotation": rotation(16),
    "identity": np.eye(4),
    "minus identity": -np.eye(5),
    "swap": [[0, 1], [1, 0]],
    "permutation": np.eye(6, dtype=int)[[2, 0, 1, 4, 5, 3]],
    "scalar": 5 * np.eye(3, dtype=int),
    "a third": [["1/3", 0, 0], [0, "1/3", 0], [0, 0, "1/3"]],
    "rational": [["1/3", "2/7"], ["-5/11", 3]],
    "unimodular": [[2, 1, 0], [1, 1, 0], [3, 0, 1]],
    "block diagonal": np.kron(np.eye(3), [[1, 2], [3, 4]]),
    "triangular": np.triu(np.ones((6, 6))),
    "nearly the identity": np.eye(4) + 1e-9 * rotation(4),
    "gaussian": np.random.default_rng(5).standard_normal((9, 9)),
    "float32": np.random.default_rng(6).standard_normal((6, 6)).astype(np.float32),
    "condition 10^6": conditioned(8, 6),
    "condition 10^12": conditioned(8, 12),
    "condition 10^12, odd": conditioned(5, 12),
    "tiny": 1e-300 * rotation(4),
    "subnormal": np.ldexp(np.array([[1.0, 2.0], [3.0, 4.0]]), -1070),
    "huge": 1e300 * rotation(4),
}


@pytest.fixture(params=MATRICES, scope="module")
def example(request):
    W = MATRICES[request.param]
    return W, lossless(W)


def exact(W) -> sympy.Matrix:
    return as_square_matrix(W).to_Matrix()


def integers(shape, limit: int, dtype=np.int64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-limit, limit + 1, shape, dtype=dtype)


def by_hand(result, x: np.ndarray, sign: int = 1) -> np.ndarray:
    """Return what the layers do, in Python's integers."""
    p = result.partition[0]
    columns = np.array(x.tolist(), dtype=object)
    if sign > 0:
        columns[list(result.flips)] *= -1
    columns = columns[list(result.order)]
    halves = [columns[:p], columns[p:]]
    for layer in result.layers[::sign]:
        A = [[int(t * 2**result.bits) for t in row] for row in layer.float_shift.tolist()]
        i = ("first", "second").index(layer.moves)
        shift = (np.array(A, dtype=object) @ halves[1 - i] + 2 ** (result.bits - 1)) >> result.bits
        halves[i] = halves[i] + sign * shift
    columns = np.concatenate(halves)[np.argsort(result.order)]
    if sign < 0:
        columns[list(result.flips)] *= -1
    return columns


def test_forward_and_backward(example):
    W, result = example
    x = integers((len(W), 100), result.limit)
    x[:, 0], x[:, 1], x[:, 2] = 0, result.limit, -result.limit
    y = result.forward(x)
    assert y.dtype == x.dtype
    assert (result.backward(y) == x).all()
    assert (result.forward(x[:, 5]) == y[:, 5]).all()


def test_forward_is_what_integers_give(example):
    W, result = example
    x = integers((len(W), 20), result.limit, seed=1)
    y = result.forward(x)
    assert (by_hand(result, x) == y).all()
    assert (by_hand(result, y, -1) == x).all()


def test_the_bound_holds_and_is_exact_about_its_parts(example):
    W, result = example
    M = exact(W)
    d = len(W)
    x = integers((d, 200), result.limit, seed=2)
    # the worst inputs for the shares of the shifts: signs of the rows of the difference
    difference = result.flow.matrix() - M
    for i in range(min(d, 3)):
        x[:, i] = [result.limit * (1 if e > 0 else -1) for e in difference[i, :]]
    y = result.forward(x)
    images = np.array((M * sympy.Matrix(x[:, :12])).tolist(), dtype=object)
    for i in range(d):
        for k in range(12):
            distance = abs(int(y[i, k]) - images[i, k] / result.step)
            assert distance <= result.bound.by_coordinate[i]
    largest = max(map(abs, difference))
    assert result.error == largest
    assert np.abs(y).max() <= result.largest
    sums = [sum(map(abs, difference[i, :])) * result.limit / result.step for i in range(d)]
    assert all(s <= b for s, b in zip(sums, result.bound.shifts, strict=True))
    assert all(
        b <= s * (1 + sympy.Rational(1, 10**9)) + sympy.Rational(1, 10**60)
        for s, b in zip(sums, result.bound.shifts, strict=True)
    )


@pytest.mark.parametrize(("bits", "limit"), [(None, 60), (3, 60), (2, 100)])
@pytest.mark.parametrize("angle", [0.7, 2.0])
def test_the_bounds_are_nearly_attained(angle, bits, limit):
    """Over all inputs of a square: both shares of the distance, and the largest value."""
    W = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    result = lossless(W, bits=bits, limit=limit)
    x = np.indices((2 * limit + 1,) * 2).reshape(2, -1) - limit
    y = result.forward(x)
    distance = np.abs(y - W @ x / float(result.step)).max(axis=1)
    bound = np.array(list(map(float, result.bound.by_coordinate)))
    assert (0.9 * bound < distance).all()
    assert (distance <= bound).all()
    dominant = result.bound.rounding if bits is None else result.bound.shifts
    assert (np.array(dominant, dtype=float) > bound / 2).all()
    assert 0.95 * result.largest < np.abs(y).max() <= result.largest


def test_the_flow_is_the_layers_and_the_step(example):
    W, result = example
    d = len(W)
    det = abs(result.flow.matrix().det())
    assert det == result.step**d
    assert sympy.simplify(result.log_abs_det() - d * sympy.log(result.step)) == 0


def test_the_step_is_the_root_of_the_determinant():
    assert lossless([[1, 2], [1, 6]]).step == 2
    assert lossless([["1/3", 0], [0, "1/27"]]).step == sympy.Rational(1, 9)
    assert lossless(rotation(12)).step == 1
    root = lossless([[2, 0], [0, 1]]).step
    assert abs(float(root) - 2**0.5) < 1e-15


def test_integer_layers_lose_nothing():
    for order in ([1, 2, 0, 3], [1, 0, 2, 3, 4], [0, 1, 2], [4, 3, 2, 1, 0], [1, 0]):
        P = np.array(permutation(order).tolist(), dtype=int) * np.where(
            np.arange(len(order)), 1, -1
        )
        for W in (P, 0.75 * P):
            result = lossless(W)
            assert result.bound.largest == result.error == 0
            x = integers((len(order), 50), 1000)
            assert (result.forward(x) == P @ x).all()


@given(
    st.integers(2, 9), st.integers(0, 2**20), st.integers(1, 2**20), st.sampled_from([8, 20, 40])
)
def test_any_matrix_any_limit(d, seed, limit, bits):
    W = np.random.default_rng(seed).standard_normal((d, d))
    result = lossless(W, limit=limit, bits=bits)
    x = integers((d, 5), limit, seed=seed)
    y = result.forward(x)
    assert (result.backward(y) == x).all()
    assert (by_hand(result, x) == y).all()
    distance = np.abs(y - W @ x / float(result.step))
    assert (
        distance <= np.array(list(map(float, result.bound.by_coordinate)))[:, None] + 1e-6
    ).all()


def test_a_diagonal_whose_search_runs_into_zero_curvature():
    """Warnings are errors here: conjugate gradients divided by zero."""
    W = np.diag(np.arange(1.0, 25))
    result = lossless(W)
    x = integers((24, 100), result.limit)
    y = result.forward(x)
    assert (result.backward(y) == x).all()
    assert np.abs(y - W @ x / float(result.step)).max() <= result.bound.largest


# the same bits everywhere


def test_the_hash_of_outputs():
    """The layers are found by floats, which differ from machine to machine: here they are given."""
    n = 24
    i, j = np.indices((n, n))
    shifts = [((i * 37 + j * 101 + k * 59) % 127 - 63) / 512 for k in range(6)]
    layers = [FloatCoupling(("second", "first")[k % 2], shift) for k, shift in enumerate(shifts)]
    W = CouplingFlow([layer.exact() for layer in layers]).matrix()
    rows, columns = np.indices((2 * n, 1000))
    x = (rows * 7919 + columns * 104729) % 65536 - 32768
    result = round_shears(Target.check_and_orient(W), layers, Fraction(1), 30, LIMIT)
    y = result.forward(x)
    assert (result.backward(y) == x).all()
    digest = hashlib.sha256(y.astype("<i8").tobytes()).hexdigest()
    assert digest == "1c47a683c92a34ccd2242b926a9da41e37525084415d3855c49f8b198f4d2332"


def test_order_of_summation_threads_strides_and_batches_change_nothing():
    d = 64
    result = lossless(rotation(d))
    x = integers((d, 1100), result.limit)
    y = result.forward(x)
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert (result.forward(x) == y).all()
    assert (result.forward(np.asfortranarray(x)) == y).all()
    assert (result.forward(x[:, ::-3]) == y[:, ::-3]).all()
    assert (result.forward(np.repeat(x, 2, axis=0)[::2]) == y).all()
    for k in (0, 1, 1023, 1024, 1025):
        assert (result.forward(x[:, :k]) == y[:, :k]).all()
        assert result.backward(y[:, :k]).shape == (d, k)
    layer, kept = result.layers[1], x[: d // 2, :100].astype(float)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(d // 2)
        total = np.zeros((d // 2, 100))
        for k in order:  # term by term
            total += np.outer(layer.float_shift[:, k], kept[k])
        assert (np.floor(total + 0.5) == layer.rounded_shift(kept)).all()


def test_shifts_cannot_be_written_to():
    layer = lossless(rotation(4)).layers[0]
    shifts = [array for part in layer.parts for array in (part.float_matrix, part.integers)]
    for array in (layer.float_shift, *shifts):
        with pytest.raises(ValueError, match="read-only"):
            array *= 7


@pytest.mark.slow
def test_a_million_columns():
    result = lossless(rotation(8))
    x = integers((8, 10**6), result.limit, np.int32)
    y = result.forward(x)
    assert (result.backward(y) == x).all()
    assert (result.forward(x[:, -1]) == y[:, -1]).all()


def test_float64_products_are_those_of_integers_up_to_the_radius():
    W = np.random.default_rng(1).standard_normal((6, 6))
    for bits, limit in ((20, 2**15), (40, 2**20), (48, 2**30), (8, 2**40)):
        result = lossless(W, bits=bits, limit=limit)
        for layer in result.layers:
            kept = integers((3, 50), layer.largest_exact_input)
            kept[:, 0], kept[:, 1] = layer.largest_exact_input, -layer.largest_exact_input
            kept[:, 2:4] = (
                np.sign(layer.float_shift[0])[:, None].astype(int) * layer.largest_exact_input
            )
            A = [[int(t * 2**bits) for t in row] for row in layer.float_shift.tolist()]
            expected = np.array(A, dtype=object) @ kept.astype(object) + 2 ** (bits - 1) >> bits
            assert (layer.rounded_shift(kept.astype(float)) == expected).all()
    assert len(lossless(W, bits=48, limit=2**30).layers[0].parts) > 1


@pytest.mark.parametrize("bits", [1, 10, 50])
def test_integer_shifts_are_exact_up_to_the_radius(bits):
    """1/2 is no multiple of 1: at 2^53 - 1 units floor(z + 1/2) would be z + 1."""
    T = np.array([[3, -1], [1, 0]])
    layer = IntegerCoupling.from_shift_split_for_exact_products("first", T.astype(float), bits, 1)
    for below in range(8):
        kept = np.array([[layer.largest_exact_input - below], [1 - layer.largest_exact_input]])
        assert layer.rounded_shift(kept.astype(float)).tolist() == (T @ kept).tolist()


def test_the_most_bits_and_the_largest_limits():
    W = rotation(4)
    assert lossless(W, bits=50).layers[0].parts[-1].bits == 50
    for limit in (1, 2**40):
        result = lossless(W, limit=limit)
        x = integers((4, 20), limit)
        assert (result.backward(result.forward(x)) == x).all()


def test_layers_of_many_parts_round_once():
    """floor(T x + 1/2) by Fractions, where each layer is several products."""
    turn = [[0.6, -0.8], [0.8, 0.6]]
    result = lossless(turn, limit=2**48, bits=40)
    assert max(len(layer.parts) for layer in result.layers) > 1
    draws = np.random.default_rng(0)
    for layer in result.layers:
        T = sum(Fraction(float(part.float_matrix[0, 0])) for part in layer.parts)
        x = draws.integers(-layer.largest_exact_input, layer.largest_exact_input, 3000)
        expected = [floor(T * k + Fraction(1, 2)) for k in x.tolist()]
        assert layer.rounded_shift(x[None, :].astype(float)).tolist() == [expected]


def test_splitting_does_not_change_the_map():
    W = rotation(8)
    few, more = (lossless(W, bits=30, limit=limit) for limit in (2**10, 2**31))
    assert [len(layer.parts) for layer in few.layers] == [1] * 6
    assert max(len(layer.parts) for layer in more.layers) > 1
    x = integers((8, 1000), 2**10)
    assert (few.forward(x) == more.forward(x)).all()


# types and refusals


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16])
def test_types_are_kept_and_never_wrapped(dtype):
    result = lossless(rotation(4))
    held = np.iinfo(dtype)
    for x in ([min(held.max, result.limit)] * 4, [3] * 4, [0] * 4):
        x = np.array(x, dtype)
        wide = result.forward(x.astype(np.int64))
        if held.min <= wide.min() and wide.max() <= held.max:
            y = result.forward(x)
            assert y.dtype == dtype
            assert (y == wide).all()
            assert (result.backward(y) == x).all()
        else:
            with pytest.raises(
                InvalidInputError, match=f"does not fit the input's dtype {held.dtype}"
            ):
                result.forward(x)


def test_the_edge_of_the_limit():
    result = lossless(rotation(4), limit=100)
    edge = np.array([100, -100, 100, -100])
    assert (result.backward(result.forward(edge)) == edge).all()
    for beyond in ([101, 0, 0, 0], [0, -101, 0, 0], [2**62, 0, 0, 0], [-(2**63), 0, 0, 0]):
        with pytest.raises(InvalidInputError, match=r"expected inputs \|x\| <= 100, got"):
            result.forward(np.array(beyond))
    with pytest.raises(InvalidInputError, match=r"expected inputs \|x\| <= 100, got 255"):
        result.forward(np.full(4, 255, np.uint8))
    with pytest.raises(InvalidInputError, match="expected inputs"):
        result.forward(np.array([2**64 - 1, 0, 0, 0], dtype=np.uint64))


def test_only_images_go_backward():
    result = lossless(rotation(6), limit=50)
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(100):
        y = rng.integers(-result.largest, result.largest + 1, 6)
        x = by_hand(result, y, -1)
        outcomes.add(is_image := max(map(abs, x)) <= 50)
        if is_image:
            assert (result.backward(y) == x).all()
        else:
            with pytest.raises(InvalidInputError, match=r"image of an input \|x\| <= 50"):
                result.backward(y)
    assert outcomes == {True, False}
    for y in (2**53, 2**62, -(2**63)):
        with pytest.raises(InvalidInputError, match="image of an input"):
            result.backward(np.full(6, y))


def test_far_values_of_an_ill_conditioned_map_are_refused_on_the_way():
    result = lossless(conditioned(6, 9), limit=2**10)
    y = np.random.default_rng(0).integers(-result.largest, result.largest, (6, 50))
    for k in range(50):
        with pytest.raises(InvalidInputError, match="image of an input"):
            result.backward(y[:, k])


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.zeros(4), "expected integers"),
        (np.array([1.5, 0, 0, 0]), "expected integers"),
        (np.zeros((4, 2), bool), "expected integers"),
        (np.zeros(4, complex), "expected integers"),
        (np.array([1, 2, 3, 4], dtype=object), "expected integers"),
        (["1", "2", "3", "4"], "expected integers"),
        ([[1, 2], [3], [4], [5]], "rows of different lengths"),
        (np.zeros((2, 4), int), "expected 4 rows"),
        (np.zeros((1, 4, 4), int), "expected 4 rows"),
        (np.array(1), "expected 4 rows"),
        (np.ma.array([1, 2, 3, 4], mask=[0, 0, 0, 1]), "masked entries"),
    ],
)
def test_inputs_that_are_no_integer_columns(x, match):
    result = lossless(rotation(4))
    for run in (result.forward, result.backward):
        with pytest.raises(InvalidInputError, match=match):
            run(x)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"limit": 0}, "argument limit to be an integer from 1"),
        ({"limit": 2**52}, "argument limit to be an integer from 1"),
        ({"limit": 1.5}, "argument limit to be an integer"),
        ({"limit": "x"}, "argument limit to be an integer"),
        ({"bits": 0}, "argument bits to be an integer from 1"),
        ({"bits": 51}, "argument bits to be an integer from 1"),
        ({"limit": 2**51}, "lower the argument limit"),
        ({"limit": 2**49, "bits": 50}, "lower the argument (bits or )?limit"),
        ({"orientation": "pad"}, "orientation to be one of 'error', 'flip'"),
        ({"method": "none"}, "method to be one of"),
        ({"seed": -1}, "argument seed to be an integer"),
        ({"partition": (1, 2)}, "p \\+ q = 4"),
    ],
)
def test_options_out_of_range(options, match):
    with pytest.raises(InvalidInputError, match=match):
        lossless(rotation(4), **options)


def test_the_seed_is_that_of_the_search():
    W = conditioned(4, 3)
    first, again, other = (lossless(W, method="search", seed=seed) for seed in (1, 1, 2))
    assert first.flow == again.flow != other.flow


def test_matrices_that_have_none():
    with pytest.raises(SingularMatrixError):
        lossless([[1, 1], [1, 1]])
    with pytest.raises(OrientationError):
        refusing([[0, 1], [1, 0]])
    with pytest.raises(MethodError, match="numerically singular in float64"):
        lossless([[10**300, 1], [1, 2]])
    nearly_singular = [[1 + Fraction(1, 10**400), 1], [1, 1 + Fraction(3, 10**400)]]
    # which error is raised depends on how the linear algebra of NumPy rounds a singular matrix
    says = "for any number of bits|numerically singular in float64"
    with pytest.raises((InvalidInputError, MethodError), match=says):
        lossless(nearly_singular)
    with pytest.raises(InvalidInputError, match="at least two coordinates"):
        lossless([[2]])
    with pytest.raises(InvalidInputError):
        lossless([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(InvalidInputError):
        lossless([[np.nan, 0], [0, 1]])
    with pytest.raises(InvalidInputError, match="lower the argument bits"):
        lossless(conditioned(8, 15), bits=50)


def test_the_sign_of_a_determinant_is_not_that_of_the_floats():
    """[[1, 3], [3, 9 + 10^-20]] has determinant 10^-20, and its floats over the root, at most 0."""
    W = [[1, 3], [3, 9 + Fraction(1, 10**20)]]
    with pytest.raises(InvalidInputError, match="lower the argument limit"):
        refusing(W)  # images of inputs up to 2^15 are beyond 2^52 steps of 10^-10
    result = refusing(W, limit=2**12)
    assert result.step == Rational(1, 10**10)
    assert result.error < 1e-4
    x = integers((2, 100), result.limit)
    assert (result.backward(result.forward(x)) == x).all()


# partitions, flips, given layers


def test_masks_and_unequal_halves():
    W = np.random.default_rng(3).standard_normal((5, 5))
    for partition in ((1, 4), (4, 1), (3, 2), [0, 1, 0, 1, 0]):
        try:
            result = lossless(W, partition=partition)
        except MethodError:
            assert partition in ((1, 4), (4, 1))
            continue
        x = integers((5, 100), result.limit)
        y = result.forward(x)
        assert (result.backward(y) == x).all()
        assert (by_hand(result, x) == y).all()
        bound = np.array(list(map(float, result.bound.by_coordinate)))
        assert (np.abs(y - W @ x / float(result.step)) <= bound[:, None] + 1e-6).all()


def test_a_negative_determinant_is_a_sign():
    W = rotation(4) @ np.diag([1, -1, 1, 1])
    result = lossless(W)
    assert result.flips == (0,)
    x = integers((4, 100), result.limit)
    assert np.abs(result.forward(x) - W @ x).max() <= result.bound.largest
    x = np.full(4, -(2**7), np.int8)
    small = lossless(-np.eye(4)[:, [1, 0, 2, 3]])
    with pytest.raises(InvalidInputError, match="result 128 does not fit"):
        small.forward(x)


def test_neighbours_that_move_one_half_are_added():
    layers = [FloatCoupling("first", np.array([[t]])) for t in (1.0, 2.0)]
    layers += [FloatCoupling("second", np.array([[t]])) for t in (5.0, -5.0)]
    layers += [FloatCoupling("first", np.array([[4.0]]))]
    (layer,) = merge_and_drop_zero_shears(layers)
    assert (layer.moves, layer.shift.tolist()) == ("first", [[7.0]])
    (nothing,) = merge_and_drop_zero_shears(layers[2:4])
    assert nothing.shift.tolist() == [[0.0]]


def test_the_step_makes_up_for_a_determinant_that_is_known_roughly():
    """The least singular value of Hilbert's matrix is 10^-10, of which floats know six digits."""
    M = 1 / (np.arange(8)[:, None] + np.arange(8) + 1)
    flow = lossless(M, bits=40, limit=100).flow
    assert np.abs(np.array(flow.matrix().tolist(), dtype=float) - M).max() < 1e-9


def test_what_it_says():
    result = lossless(rotation(4))
    text = str(result)
    assert "a bijection" in text
    assert "certified within" in text
    assert "certified" in result._repr_html_()


def hilbert(d: int) -> np.ndarray:
    return np.array([[Fraction(1, i + j + 1) for j in range(d)] for i in range(d)])


STEPS = {
    "hilbert, 4": hilbert(4),
    "hilbert, 8": hilbert(8),
    "hilbert in floats": hilbert(8).astype(float),
    **{f"gauss, {d}": np.random.default_rng(d).standard_normal((d, d)) for d in range(2, 14)},
    "small": np.random.default_rng(1).standard_normal((4, 4)) * 1e-200,
    "large": np.random.default_rng(2).standard_normal((5, 5)) * 1e200,
    **{f"condition 10^{c}": conditioned(6, c) for c in (3, 7, 11, 14)},
}


@pytest.mark.parametrize("name", STEPS)
def test_step_is_the_number_of_53_bits_nearest_to_the_root_of_the_determinant(name):
    W = STEPS[name]
    result = lossless(W.tolist())
    step = Fraction(int(result.step.p), int(result.step.q))
    det = as_square_matrix(W.tolist()).to_dense().det()
    unit = Fraction(2) ** (step.numerator.bit_length() - step.denominator.bit_length() - 53)
    unit *= 2 if step / unit >= 2**53 else 1
    assert 2**52 <= step / unit <= 2**53
    assert (step / unit).denominator == 1
    lower, upper = ((step + sign * unit / 2) ** len(W) for sign in (-1, 1))
    assert lower <= abs(Fraction(int(det.numerator), int(det.denominator))) <= upper


def test_step_is_rational_where_the_root_is_and_one_for_a_rotation_in_floats():
    assert lossless([[2, 1], [-1, Rational(3, 2)]]).step == 2
    assert lossless([[1, 1], [-2, 2]]).step == 2
    Q = np.linalg.qr(np.random.default_rng(3).standard_normal((6, 6)))[0]
    assert lossless(Q).step == 1
