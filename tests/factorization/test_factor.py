"""The defining identity of `factor`: the composition equals the matrix."""

from itertools import permutations

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from matrices import NEGATIVE, POSITIVE
from sympy.combinatorics import Permutation

from exactflow import CouplingFlow, factor, permutation, verify
from exactflow.errors import (
    InvalidInputError,
    MethodError,
    OrientationError,
    SingularMatrixError,
    VerificationError,
)


def assert_represents(flow: CouplingFlow, M) -> None:
    """Every property that a result of `factor` has."""
    assert flow.matrix() == M
    assert verify(flow, M).depth == flow.depth == len(flow.layers) <= 6
    assert all(s > 0 for layer in flow for s in layer.scale)
    assert all(a.moves != b.moves for a, b in zip(flow.layers, flow.layers[1:], strict=False))
    assert (flow.inverse() @ flow).matrix() == sympy.eye(M.rows)


@pytest.mark.parametrize("method", ["auto", "commutator"])
@pytest.mark.parametrize("name", POSITIVE)
def test_every_matrix(name, method):
    M = POSITIVE[name]
    flow = factor(M, method=method)
    assert_represents(flow, M)
    assert flow.flips == ()
    if method == "commutator":
        n = M.rows // 2
        B, C = M[:n, n:], M[n:, :n]
        if B.rank() == n or C.rank() == n:
            assert flow.depth <= 5
        assert sum(s != 1 for layer in flow for s in layer.scale) <= 1


@pytest.mark.parametrize("name", POSITIVE)
def test_transvection_applies_or_says_so(name):
    M = POSITIVE[name]
    try:
        flow = factor(M, method="transvection")
    except MethodError:
        with pytest.raises(MethodError, match="commutator"):
            factor(M, method="transvection")
    else:
        assert_represents(flow, M)


@pytest.mark.parametrize("name", NEGATIVE)
def test_negative_determinant(name):
    M = NEGATIVE[name]
    with pytest.raises(OrientationError, match="flip"):
        factor(M)
    flow = factor(M, orientation="flip")
    assert flow.flips == (0,)
    assert_represents(flow, M)


def test_generic_is_transvection_with_rank_one_middle():
    flow = factor(POSITIVE["random d=10"], method="transvection")
    assert flow.method == "transvection"
    assert flow.depth == 6
    assert [flow.layers[i].shift.rank() for i in (1, 2)] == [1, 1]


def test_identity_has_no_layers():
    assert factor(sympy.eye(6)).depth == 0
    assert factor(sympy.eye(6), method="commutator").depth == 0


@pytest.mark.parametrize(
    ("name", "depth"),
    [("single lower shear", 1), ("scaled layer", 1), ("two shears", 2), ("two scaled layers", 2)],
)
def test_trivially_short(name, depth):
    assert factor(POSITIVE[name]).depth == depth


@pytest.mark.parametrize("method", ["auto", "commutator"])
@pytest.mark.parametrize("d", [4, 6])
def test_even_permutations(d, method):
    for perm in permutations(range(d)):
        if Permutation(list(perm)).is_even:
            M = permutation(perm)
            flow = factor(M, method=method)
            assert flow.depth <= 6
            assert flow.matrix() == M


rationals = st.fractions(min_value=-4, max_value=4, max_denominator=4)


@st.composite
def products(draw):
    """A product of elementary matrices, signed diagonals, permutations and low-rank updates."""
    n = draw(st.integers(1, 5))
    d = 2 * n
    M = sympy.eye(d)
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["elementary", "signs", "permutation", "low rank", "scale"]))
        step = sympy.eye(d)
        if kind == "elementary":
            i, j = draw(st.integers(0, d - 1)), draw(st.integers(0, d - 1))
            step[i, j] += draw(rationals) if i != j else 0
        elif kind == "signs":
            step = sympy.diag(*draw(st.lists(st.sampled_from([1, -1]), min_size=d, max_size=d)))
        elif kind == "permutation":
            step = permutation(draw(st.permutations(range(d))))
        elif kind == "scale":
            step[0, 0] = draw(rationals.filter(bool))
        else:
            column = sympy.Matrix(draw(st.lists(rationals, min_size=n, max_size=n)))
            row = sympy.Matrix([draw(st.lists(rationals, min_size=n, max_size=n))])
            block = step[n:, :n] + column * row
            step = sympy.Matrix([[sympy.eye(n), sympy.zeros(n)], [block, sympy.eye(n)]])
            step = step.T if draw(st.booleans()) else step
        M = step * M
    return M


@given(products(), st.sampled_from(["auto", "commutator"]))
def test_products(M, method):
    assert_represents(factor(M, method=method, orientation="flip"), M)


@given(products(), st.data())
def test_a_mutated_flow_fails(M, data):
    flow = factor(M, method="commutator", orientation="flip")
    if not flow.depth:
        return
    i = data.draw(st.integers(0, flow.depth - 1))
    layer = flow.layers[i]
    shift = layer.shift
    shift[data.draw(st.integers(0, shift.rows - 1)), data.draw(st.integers(0, shift.cols - 1))] += 1
    layers = list(flow.layers)
    layers[i] = type(layer)(layer.partition, layer.moves, shift, layer.scale)
    with pytest.raises(VerificationError, match=r"entry \(\d+, \d+\)"):
        verify(CouplingFlow(layers, flips=flow.flips), M)


@pytest.mark.parametrize(
    ("M", "error", "words"),
    [
        (sympy.ones(2, 3), InvalidInputError, "square"),
        (sympy.zeros(0, 0), InvalidInputError, "empty"),
        (sympy.eye(3), InvalidInputError, "even number"),
        (sympy.ones(4, 4), SingularMatrixError, "rank 1 of 4"),
        (sympy.zeros(2, 2), SingularMatrixError, "rank 0 of 2"),
        (sympy.diag(-1, 1), OrientationError, "preserves orientation"),
        ("12", InvalidInputError, "nested lists"),
    ],
)
def test_refuses(M, error, words):
    with pytest.raises(error, match=words):
        factor(M)


def test_refuses_unknown_options():
    with pytest.raises(InvalidInputError, match="'auto', 'transvection', 'commutator'"):
        factor(sympy.eye(2), method="qr")
    with pytest.raises(InvalidInputError, match="orientation"):
        factor(sympy.eye(2), orientation="ignore")
