"""What float64 makes of a flow: the bound holds, is small where it should be, and refuses."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
import sympy
import torch
from interop.modules import OF_TORCH, directions, required

from exactflow import CouplingFlow, LinearCoupling, factor, permutation, random_matrix
from exactflow.errors import InvalidInputError
from exactflow.floats.balancing import balance
from exactflow.floats.lossless import lossless
from exactflow.interop import rounding_error_bound, to_module
from exactflow.laws.universal import Atoms, approximate


def orthogonal(d: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def conditioned(d: int, condition: float, seed: int = 0) -> np.ndarray:
    """A matrix of largest singular value 1 and smallest 1 / condition, of positive determinant."""
    W = orthogonal(d, seed) * np.geomspace(1, 1 / condition, d) @ orthogonal(d, seed + 1)
    W[0] *= np.sign(np.linalg.det(W))
    return W


def scalings(*exponents: int, base: int = 10) -> CouplingFlow:
    """Layers without shifts that multiply both coordinates by powers of the base."""
    layers = [
        LinearCoupling((1, 1), moves, [[0]], [Fraction(base) ** k])
        for k in exponents
        for moves in ("first", "second")
    ]
    return CouplingFlow(layers)


def worst(flow, library: str = "torch") -> Fraction:
    """The largest error, exactly, at some x with |x_1| + .. + |x_d| = 1: unit vectors and others.

    The others are dyadic, so that their sums of absolute values are exact.
    """
    d = flow.dimension
    mixed = np.random.default_rng(d).integers(-(2**40), 2**40, (d, d))
    scale = 2.0 ** -np.ceil(np.log2(np.abs(mixed).sum(0)))
    x = np.hstack([np.eye(d), mixed * scale])
    forward, _ = directions(to_module(flow, library=library, accept_error=inf), library)
    with torch.no_grad():
        y = forward(torch.tensor(x.T.copy()))[0].numpy().T
    exact = flow(np.vectorize(Fraction, otypes=[object])(x)).tolist()
    pairs = zip(np.ravel(exact), y.ravel().tolist(), strict=True)
    return max(abs(Fraction(int(e.p), int(e.q)) - Fraction(v)) for e, v in pairs)


def bound(flow) -> Fraction:
    """The error bound as a number, no longer a multiple of the largest entry."""
    return Fraction(rounding_error_bound(flow)) * Fraction(str(max(map(abs, flow.matrix()))))


def test_layers_that_float64_ruins_are_refused_and_balance_is_named():
    W = conditioned(12, 100)
    flow = factor(W)
    assert worst(flow) > 1000 * Fraction(np.abs(W).max())
    with pytest.raises(
        InvalidInputError, match=r"may reach .*e\+\d+ .* above 1e-06: .*balance.*accept_err"
    ):
        to_module(flow)
    to_module(flow, accept_error=inf)
    to_module(balance(W).flow)


FLOWS = {
    "ruined": lambda: factor(conditioned(12, 100)),
    "rational": lambda: factor([["-1/3", -2, 0, -1], [0, 1, 3, 0], [1, 0, 1, 1], [2, 1, 0, "3/7"]]),
    "integers": lambda: factor(random_matrix(6, seed=1)),
    "masked": lambda: factor(random_matrix(4, seed=3), partition=[0, 1, 0, 1]),
    "flipped": lambda: factor([[0, 2, 1], [1, 0, 0], [0, 0, 3]], orientation="flip"),
    "balanced": lambda: (
        balance(orthogonal(8, 3) * [-1, *[1] * 7]).flow
        if np.linalg.det(orthogonal(8, 3)) < 0
        else balance(orthogonal(8, 3)).flow
    ),
    "permutation": lambda: factor(permutation([1, 2, 0, 3, 5, 4, 7, 6])),
    "scales": lambda: CouplingFlow(
        [
            LinearCoupling((1, 1), "second", [["1/3"]], ["1/1000000007"]),
            LinearCoupling((1, 1), "first", [["2/3"]], ["1000000009/3"]),
        ]
    ),
    "integers beyond 53 bits": lambda: CouplingFlow(
        [
            LinearCoupling((1, 1), "second", [[3**30]]),
            LinearCoupling((1, 1), "first", [[3**30]]),
            LinearCoupling((1, 1), "second", [[-(3**30)]]),
        ]
    ),
    "none": lambda: CouplingFlow([], (1, 2), flips=[1]),
}


@pytest.mark.parametrize("name", FLOWS)
def test_the_bound_holds(name):
    flow = FLOWS[name]()
    assert worst(flow) <= bound(flow)


def test_small_integers_whose_images_of_unit_vectors_are_exact_are_not_exact():
    flow = CouplingFlow(
        [
            LinearCoupling((1, 1), half, [[t]])
            for half, t in (("first", 2**25), ("second", 1), ("first", -(2**25)))
        ]
    )
    assert 0 < worst(flow) <= bound(flow)


@pytest.mark.parametrize("d", [16, 64, 128])
def test_balanced_layers_are_far_from_the_limit(d):
    W = orthogonal(d, d)
    W[0] *= np.sign(np.linalg.det(W))
    assert rounding_error_bound(balance(W).flow) < 1e-9


def test_sparse_layers_are_judged_in_linear_time():
    cycle = [*range(1, 2999), 0, 2999]
    flow = factor(permutation(cycle))
    assert rounding_error_bound(flow) < 1e-12


@pytest.mark.parametrize("entry", [10**400, Fraction(1, 10**400)])
def test_numbers_beyond_float64(entry):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[1]], [entry])])
    with pytest.raises(InvalidInputError, match=r"float64.*balance"):
        rounding_error_bound(flow)


@pytest.mark.parametrize("accept", [-1, float("nan"), "much"])
def test_bad_limits(accept):
    with pytest.raises(InvalidInputError, match="accept_error"):
        to_module(FLOWS["integers"](), accept_error=accept)


def test_other_results_are_refused():
    with pytest.raises(InvalidInputError, match=r"linear flow.*ndarray"):
        to_module(conditioned(4, 2))
    for other in (lossless([[0, -1], [1, 0]]), approximate(Atoms([[0, 0], [1, 1]]), "1/10")):
        with pytest.raises(InvalidInputError, match=f"linear flow.*{type(other).__name__}"):
            to_module(other)


def test_the_remedy_is_not_what_was_done():
    flow = balance(conditioned(12, 100)).flow
    with pytest.raises(InvalidInputError, match="or pass a larger accept_error") as caught:
        to_module(flow, accept_error=1e-18)
    assert "balance" not in str(caught.value)


@pytest.mark.parametrize("library", OF_TORCH)
def test_flows_in_another_order(library):
    required(library)
    M = [[0, 2, 1, 0], [1, 0, 0, 1], [0, 0, 3, 1], [2, 1, 0, 1]]
    for sign in (1, -1):
        target = [[sign * x for x in M[0]], *M[1:]]
        flow = factor(target, partition=[0, 1, 0, 1], orientation="flip")
        assert flow.order
        assert worst(flow, library) <= bound(flow)


UNDERFLOWS = {
    "to zero": scalings(-200, -200, 200, 200),
    "by one layer": scalings(-200, -150, 150, 200),
    "to a subnormal number": scalings(-160, -159, 160, 159),
    "in a stored scale": scalings(-322, 200, 122),
    "in a stored shift": CouplingFlow(
        [
            LinearCoupling((1, 1), "second", [[0]], [Fraction(1, 10**20)]),
            LinearCoupling((1, 1), "second", [[Fraction(1, 10**320)]], [Fraction(1, 10**300)]),
            LinearCoupling((1, 1), "second", [[0]], [10**300]),
            LinearCoupling((1, 1), "first", [[0]], [Fraction(1, 10**20)]),
        ]
    ),
}


@pytest.mark.parametrize("name", UNDERFLOWS)
def test_a_flow_that_underflows_is_refused(name):
    flow = UNDERFLOWS[name]
    assert rounding_error_bound(flow) > 1e-6
    assert rounding_error_bound(flow) == inf or worst(flow) <= bound(flow)
    with pytest.raises(InvalidInputError, match="above 1e-06"):
        to_module(flow)


@pytest.mark.parametrize("exponents", [(-25, -25, 25, 25), (-20, -20, 20, 20), (-30, -10, 10, 30)])
def test_a_flow_that_underflows_in_float32_is_refused_there(exponents):
    flow = scalings(*exponents)
    with np.errstate(all="ignore"):
        y = np.ones(2, np.float32)
        for k in exponents:
            y = y * np.float32(10.0**k)
    assert max(abs(y - 1)) > 1e-6
    assert rounding_error_bound(flow, dtype=np.float32) > 1e-2
    assert rounding_error_bound(flow) < 1e-14
    to_module(flow)
    with pytest.raises(InvalidInputError, match="float32"):
        to_module(flow, library="flowjax")


@pytest.mark.parametrize("exponents", [(-290, 290), (-140, -140, 140, 140), (-290, 5, 280, 5)])
def test_small_numbers_that_do_not_underflow_cost_nothing(exponents):
    flow = scalings(*exponents)
    assert worst(flow) <= bound(flow)
    assert rounding_error_bound(flow) < 1e-14
    to_module(flow)


def test_a_flow_that_overflows_on_the_way_is_refused():
    for exponents, dtype in ((200, 200, -200, -200), np.float64), ((25, 25, -25, -25), np.float32):
        assert rounding_error_bound(scalings(*exponents), dtype=dtype) == inf
    assert rounding_error_bound(scalings(25, 25, -25, -25)) < 1e-14
    with pytest.raises(InvalidInputError, match="above 1e-06"):
        to_module(scalings(200, 200, -200, -200))


def test_no_bound_over_another_field():
    flow = factor([[sympy.sqrt(2), 1], [1, sympy.sqrt(2)]])
    with pytest.raises(InvalidInputError, match="expected a flow over QQ"):
        rounding_error_bound(flow)


@pytest.mark.parametrize("dtype", ["float32", np.dtype(">f4"), torch.float32])
def test_each_name_of_a_dtype_is_taken(dtype):
    flow = scalings(1, -1)
    assert rounding_error_bound(flow, dtype=dtype) == rounding_error_bound(flow, dtype=np.float32)


@pytest.mark.parametrize(
    ("flow", "dtype", "words"),
    [
        (scalings(1, -1), np.float16, "float64 or float32 as dtype"),
        (scalings(1, -1), int, "float64 or float32 as dtype"),
        (scalings(1, -1), "no type", "float64 or float32 as dtype"),
        ([[1, 0], [0, 1]], np.float64, "expected a linear flow, got list"),
        (balance([[2.0, 1], [1, 1]]), np.float64, "a linear flow, got Balanced: pass its .flow"),
    ],
)
def test_what_has_no_bound_is_refused(flow, dtype, words):
    with pytest.raises(InvalidInputError, match=words):
        rounding_error_bound(flow, dtype=dtype)
