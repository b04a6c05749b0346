"""The defining identity of `factor`: the composition equals the matrix."""

import inspect
import random
import re
from itertools import islice, pairwise, permutations, product

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from matrices import NEGATIVE, POSITIVE
from sympy import GF, QQ, ZZ, FiniteField
from sympy.combinatorics import Permutation
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, append_swap, factor, permutation, verify
from exactflow.errors import (
    FieldTooSmallError,
    InvalidInputError,
    MethodError,
    OrientationError,
    SingularMatrixError,
    VerificationError,
)
from exactflow.exact import linalg
from exactflow.linear.factor import METHODS
from exactflow.linear.factor.routes import ROUTES
from exactflow.proving.strategies import matrices, matrices_with_degenerate_blocks
from exactflow.testing import assert_equal


def assert_represents(flow: CouplingFlow, M) -> None:
    """Every property that a result of `factor` has."""
    assert_equal(flow, M)
    assert verify(flow, M).flow.depth == len(flow.layers) <= 6
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


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.fits_halves((2, 2))], ids=lambda route: route.name
)
@pytest.mark.parametrize("name", ["random d=4", "reversal d=4", "two shears", "diag(-I, I)"])
def test_every_route_applies_or_says_where_it_does(name, route):
    M = POSITIVE[name]
    try:
        flow = factor(M, method=route.name)
    except MethodError as refusal:
        assert (name, route.name) in REFUSED
        assert route.where in str(refusal)  # noqa: PT017
        assert "method='auto'" in str(refusal)  # noqa: PT017
    else:
        assert (name, route.name) not in REFUSED
        assert flow.matrix() == M
        assert flow.method == route.name


REFUSED = {
    ("random d=4", "permutation"),
    ("random d=4", "short"),
    ("reversal d=4", "short"),
    ("reversal d=4", "transvection"),
    ("two shears", "permutation"),
    ("diag(-I, I)", "short"),
    ("diag(-I, I)", "transvection"),
}


def test_the_table_is_what_a_caller_sees():
    assert METHODS == ("auto", *(route.name for route in ROUTES))
    assert not [name for name in METHODS[1:] if f"'{name}':" not in factor.__doc__]


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.differences == (0,)], ids=lambda r: r.name
)
def test_routes_for_halves_of_one_size_say_so(route):
    with pytest.raises(MethodError, match=r"equal size .*\(1, 2\): use method='auto'"):
        factor(POSITIVE["random d=4"][:3, :3], method=route.name, orientation="flip")


# neither diagonal block is invertible, or else it or its Schur complement has no cyclic vector
NO_TRANSVECTION = {
    "identity d=8",
    "minus identity",
    "scaled identity",
    "diag(-I, I)",
    "diag(I, -I)",
    "diag(-I_4, I_4)",
    "quarter-turn d=2",
    "zero diagonal d=2",
    "swap of halves",
    "signed swap of halves",
    "single lower shear",
    "single upper shear",
    "four singular blocks",
    "A singular, D zero",
    "block diagonal, derogatory",
    "scalar commutator",
    "3-cycle on one half",
    "reversal d=4",
    "even permutation d=8",
    "huge entry",
    "needs six",
    "Hadamard d=8",
}


@pytest.mark.parametrize("name", POSITIVE)
def test_transvection_applies_or_says_so(name):
    M = POSITIVE[name]
    if name in NO_TRANSVECTION:
        with pytest.raises(MethodError, match="cyclic vector among those tried"):
            factor(M, method="transvection")
    else:
        assert_represents(factor(M, method="transvection"), M)


def test_the_help_lists_each_route_with_its_name_in_the_margin():
    text = inspect.getdoc(factor)  # from Python 3.13 on docstrings are without their indentation
    _, listed, _ = re.split("method :.*\n.*\n|\norientation :", text)
    margins = [re.match(" *(- '|)", line)[0] for line in listed.strip("\n").splitlines()]
    assert {*margins} == {" " * 4 + "- '", " " * 6}
    assert margins.count(" " * 4 + "- '") == len(ROUTES)


def test_transvection_halves_so_that_2_must_not_be_0():
    """The same integers over GF(2), where the route divides by 2, and over GF(3)."""
    rows = [[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1]]
    three = linalg.from_entries([[GF(3)(x) for x in row] for row in rows], (4, 4), GF(3))
    assert factor(three, method="transvection").domain_matrix() == three
    two = linalg.from_entries([[GF(2)(x) for x in row] for row in rows], (4, 4), GF(2))
    with pytest.raises(MethodError, match="over a field where 2 is not 0"):
        factor(two, method="transvection")


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
    even = [perm for perm in permutations(range(d)) if Permutation(list(perm)).is_even]
    for perm in even[:: 1 if d == 4 else 20]:
        M = permutation(perm)
        flow = factor(M, method=method)
        assert flow.depth <= 6
        assert flow.matrix() == M


ANY = matrices(determinant="nonzero") | matrices_with_degenerate_blocks()


@given(ANY, st.sampled_from(["auto", "commutator"]))
def test_products(M, method):
    assert_represents(factor(M, method=method, orientation="flip"), M)


@given(ANY, st.data())
def test_a_mutated_flow_fails(M, data):
    flow = factor(M, method="commutator", orientation="flip")
    assume(flow.depth)
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
        (sympy.eye(1), InvalidInputError, "at least two coordinates"),
        (sympy.ones(4, 4), SingularMatrixError, "rank 1 of 4"),
        (sympy.zeros(2, 2), SingularMatrixError, "rank 0 of 2"),
        (sympy.diag(-1, 1), OrientationError, "expected det > 0"),
        ("12", InvalidInputError, "nested lists"),
    ],
)
def test_refuses(M, error, words):
    with pytest.raises(error, match=words):
        factor(M)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if M.rows == 6 else [])
        for name, M in POSITIVE.items()
        if M.rows in (4, 6)
    ],
)
def test_every_partition_of_every_matrix(name):
    M = POSITIVE[name]
    d = M.rows
    for p in range(1, d):
        flow = factor(M, partition=(p, d - p))
        m = -(-max(p, d - p) // min(p, d - p))
        assert flow.partition == (p, d - p)
        assert flow.depth <= 2 * m + 4
        assert flow.matrix() == M


@pytest.mark.parametrize("mask", [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 1, 1, 1]])
@pytest.mark.parametrize("name", ["random d=4", "reversal d=4", "diag(-I, I)"])
def test_masks(name, mask):
    M = POSITIVE[name]
    flow = factor(M, partition=mask)
    first = [i for i in range(4) if mask[i]]
    assert list(flow.order or range(4))[: len(first)] == first
    assert flow.matrix() == M
    assert flow.inverse().matrix() == M.inv()
    assert (flow.inverse() @ flow).matrix() == sympy.eye(4)
    assert flow.forward([1, 2, 3, 4]) == M * sympy.Matrix([1, 2, 3, 4])
    if flow.order:
        inner = CouplingFlow(flow.layers).matrix()
        assert inner == M.extract(list(flow.order), list(flow.order))


def test_mask_with_a_flip():
    M = NEGATIVE["transposition"]
    flow = factor(M, partition=[1, 0, 1, 0], orientation="flip")
    assert flow.matrix() == M
    assert flow.flips == (0,)
    assert (flow @ flow).matrix() == sympy.eye(4)


@pytest.mark.parametrize("name", NEGATIVE)
def test_pads(name):
    M = NEGATIVE[name]
    n = M.rows // 2
    flow = factor(M, orientation="pad")
    assert flow.matrix() == append_swap(M)
    x = sympy.Matrix(range(1, 2 * n + 1))
    padded = sympy.Matrix([*x[:n], 0, *x[n:], 0])
    y = M * x
    assert list(flow.forward(padded)) == [*y[:n], 0, *y[n:], 0]
    assert factor(POSITIVE["random d=4"], orientation="pad").dimension == 4


FIELD_ROWS = [[1, 2, 0, 1], [0, 1, 3, 0], [1, 0, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("field", [GF(7), GF(11), GF(101), QQ.algebraic_field(sympy.sqrt(2))])
@pytest.mark.parametrize("partition", [(2, 2), (1, 3), (3, 1)])
@pytest.mark.parametrize("method", ["auto", "commutator"])
def test_fields(field, partition, method):
    rows = [[field.convert(x) for x in row] for row in FIELD_ROWS]
    M = DomainMatrix(rows, (4, 4), field).to_dense()
    if method == "commutator" and partition != (2, 2):
        with pytest.raises(MethodError, match="halves of equal size"):
            factor(M, method=method, scales="nonzero", partition=partition)
        return
    flow = factor(M, method=method, scales="nonzero", partition=partition)
    assert flow.domain_matrix().to_dense() == M
    identity = linalg.identity(4, field)
    assert factor(identity, method=method, partition=partition).field == field


def test_determinant_over_a_field_without_order():
    M = DomainMatrix.diag([GF(7)(3), GF(7)(1)], GF(7))
    with pytest.raises(OrientationError, match="scales='nonzero'"):
        factor(M)
    assert factor(M, scales="nonzero").domain_matrix().to_dense() == M.to_dense()


def test_a_method_says_that_the_field_is_too_small():
    with pytest.raises(FieldTooSmallError, match="larger field"):
        factor(linalg.diagonal([GF(2)(1)] * 4, GF(2)), method="commutator")


def assert_represents_over(field, M, partition, most) -> None:
    flow = factor(M, partition=partition, scales="nonzero")
    assert flow.domain_matrix().to_dense().convert_to(field) == M
    assert flow.depth <= most
    assert all(a.moves != b.moves for a, b in pairwise(flow.layers))


@pytest.mark.parametrize("order", [2, 3, 5])
def test_gl_2_over_small_fields(order):
    for M in islice(invertible(2, GF(order)), 0, None, 1 if order < 5 else 7):
        assert_represents_over(GF(order), M, (1, 1), 4)


@pytest.mark.slow
@pytest.mark.parametrize("partition", [(1, 2), (2, 1)])
def test_all_of_gl_3_over_the_least_field(partition):
    for M in invertible(3, GF(2)):
        assert_represents_over(GF(2), M, partition, 6)


@pytest.mark.slow
def test_every_fifth_of_gl_3_over_the_field_of_three():
    for M in islice(invertible(3, GF(3)), 0, None, 5):
        assert_represents_over(GF(3), M, (1, 2), 6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "partition", "count", "most"),
    [
        (2, (2, 2), 60, 6),
        (3, (2, 2), 30, 6),
        (3, (1, 2), 60, 6),
        (2, (2, 3), 20, 8),
        (2, (1, 4), 20, 12),
        (2, (3, 3), 10, 6),
        (5, (3, 3), 5, 6),
    ],
)
def test_a_sample_over_small_fields(order, partition, count, most):
    generator, field, d = random.Random(order), GF(order), sum(partition)
    while count:
        rows = [[field(generator.randrange(order)) for _ in range(d)] for _ in range(d)]
        M = DomainMatrix(rows, (d, d), field).to_dense()
        if M.det():
            assert_represents_over(field, M, partition, most)
            count -= 1


@pytest.mark.slow
@pytest.mark.parametrize("partition", [(2, 2), (2, 4), (3, 3)])
def test_permutations_over_the_least_field(partition):
    d = sum(partition)
    for perm in list(permutations(range(d)))[:: 1 if d == 4 else 180]:
        M = linalg.identity(d, GF(2)).extract(list(perm), list(range(d)))
        assert_represents_over(GF(2), M, partition, 6 if partition[0] == partition[1] else 8)


@pytest.mark.slow
def test_some_of_sl_4_over_the_least_field():
    for M in islice(invertible(4, GF(2)), 0, None, 61):
        assert_represents_over(GF(2), M, (2, 2), 6)


def invertible(d, field):
    """All invertible matrices over a finite field."""
    for entries in product(range(field.mod), repeat=d * d):
        rows = [[field(x) for x in entries[i * d : (i + 1) * d]] for i in range(d)]
        M = DomainMatrix(rows, (d, d), field).to_dense()
        if M.det():
            yield M


@pytest.mark.parametrize("order", [4, 6])
def test_residues_that_are_no_field(order):
    M = DomainMatrix([[ZZ(1), ZZ(1)], [ZZ(0), ZZ(1)]], (2, 2), ZZ).convert_to(FiniteField(order))
    with pytest.raises(InvalidInputError, match=f"modulo {order}, which is not prime"):
        factor(M)


def test_families():
    t = sympy.Symbol("t")
    c, s = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
    M = sympy.Matrix([[c, 0, -s, 0], [0, c, 0, -s], [s, 0, c, 0], [0, s, 0, c]])
    flow = factor(M)
    assert flow.exceptional_polynomials()
    assert "except at the roots of" in str(verify(flow, M))
    assert flow.at({t: 3}).matrix() == M.subs(t, 3)
    with pytest.raises(InvalidInputError, match="is not zero, got"):
        flow.at({t: sympy.I})
    with pytest.raises(InvalidInputError, match="over"):
        verify(factor(linalg.identity(4, GF(7))), sympy.eye(4) * t)


def test_refuses_bad_partitions():
    for partition in ((1, 2), (0, 4), [1, 1, 1, 1], [0, 0, 0, 0], [1, 2, 0, 1], (2, 2, 0), "ab"):
        with pytest.raises(InvalidInputError, match=r"expected"):
            factor(sympy.eye(4), partition=partition)
    with pytest.raises(MethodError, match="equal size"):
        factor(sympy.eye(3), method="commutator")
    with pytest.raises(InvalidInputError, match="mask"):
        factor(sympy.diag(-1, 1, 1, 1), partition=[0, 1, 0, 1], orientation="pad")


def test_refuses_unknown_options():
    with pytest.raises(InvalidInputError, match="'auto', 'permutation', 'short'"):
        factor(sympy.eye(2), method="qr")
    with pytest.raises(InvalidInputError, match="orientation"):
        factor(sympy.eye(2), orientation="ignore")
