"""Any partition: the product is the target, and the number of layers keeps the bound of its case.

The bounds are those of the module's docstring; over F_2 and F_3 they are compared with the minimal
numbers of layers, found by exhaustion.
"""

from itertools import pairwise

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from linear.depth.searches import SL3, breadth_first_depths, histogram
from linear.factor.families import (
    FAMILIES,
    matrix,
    member,
    normalized,
    positive,
    random_matrix,
    scalar,
)
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.flows.flow import CouplingFlow
from exactflow.linear.factor import partition as module
from exactflow.linear.factor.assembly import merge_neighbours_drop_identities
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

SPLITS = [(p, d - p) for d in range(2, 10) for p in range(1, d)]
ASCENDING = [(p, q) for p, q in SPLITS if p <= q]


def block_diagonal(*blocks):
    return sympy.diag(*(block.to_Matrix() for block in blocks)).to_DM(domain=QQ).to_dense()


def layers_of(blocks):
    """The layers of any blocks."""
    sizes = blocks.A.shape[0], blocks.D.shape[0]
    problem = Problem.from_matrix(linalg.join(blocks), sizes, scales="nonzero")
    return merge_neighbours_drop_identities(factor_by_route(problem, "partition")[0])


def checked(M, p):
    """Factor M, check the product and the shape of the flow, and return the flow."""
    partition = p, M.shape[0] - p
    layers = layers_of(linalg.split(M, p))
    assert all(layer.partition == partition and not layer.is_identity for layer in layers)
    assert all(x.moves != y.moves for x, y in pairwise(layers))
    assert sum(not layer.is_additive for layer in layers) == (M.det() != M.domain.one)
    flow = CouplingFlow(layers, partition)
    derived = flow.domain_matrix().to_dense()
    assert (derived.convert_to(M.domain) if not layers else derived) == M
    return flow


def bound(M, p):
    """The bound of the case, two less where the smaller half divides the larger one less one."""
    q = M.shape[0] - p
    _, B, C, _ = linalg.split(M, p)
    p, q = sorted((p, q))
    m = -(-q // p)
    full = p in (linalg.rank(B), linalg.rank(C))
    least = 2 * m + 1 if full else 2 * m + 2
    return least if (q - 1) % p == 0 else least + 2


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_bound(family):
    met = 0
    for p, q in SPLITS if family == "sparse" else ASCENDING:
        if (p + q < 6 or (p, q) == (2, 4)) and (M := member(family, p, q, 0)) is not None:
            target, met = M if p % 2 else normalized(M), met + 1
            assert checked(target, p).depth <= bound(target, p), (family, p, q)
    assert met > 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_bound_often(family, seed):
    met = 0
    for p, q in SPLITS:
        if (M := member(family, p, q, seed)) is not None:
            assert checked(normalized(M), p).depth <= bound(M, p), (family, p, q)
            met += 1
    assert met > 10


@pytest.mark.parametrize(("p", "q"), [split for split in SPLITS if sum(split) < 8])
def test_generic_matrices_take_2m_plus_1(p, q):
    m = -(-max(p, q) // min(p, q))
    flow = checked(random_matrix(p + q, 0, bound=9), p)
    assert flow.depth == (5 if p == q > 1 else 2 * m + 1)


@given(st.data())
def test_random_integer_matrices(data):
    p, q = data.draw(st.sampled_from([s for s in SPLITS if sum(s) <= 6]))
    line = st.lists(st.integers(-2, 2), min_size=p + q, max_size=p + q)
    M = matrix(data.draw(st.lists(line, min_size=p + q, max_size=p + q)))
    assume(M.det())
    assert checked(positive(M), p).depth <= bound(M, p)


@pytest.mark.parametrize(
    ("A", "D"),
    [
        (scalar(3, QQ(32)), scalar(5, QQ(1, 8))),
        ([[QQ(1, 16), 0], [0, 1]], scalar(4, 2)),
        ([[0, QQ(1, 16)], [-1, 0]], scalar(4, 2)),
        ([[1, 1], [0, 1]], scalar(4, -1)),
        ([[QQ(1, 64), 0, 0], [0, 1, 0], [0, 0, 1]], scalar(6, 2)),
    ],
)
def test_matrices_that_need_2m_plus_4(A, D):
    M = block_diagonal(matrix(A), matrix(D))
    assert M.det() == 1
    assert checked(M, len(A)).depth == 8


@pytest.mark.parametrize("q", [2, 3, 4, 5])
def test_one_coordinate_against_many(q):
    values = [QQ(2) ** q] + [QQ(1, 2)] * q
    M = linalg.diagonal(values, QQ)
    assert checked(M, 1).depth == 2 * q + 2
    sheared = M.to_list()
    sheared[q][0] = QQ(1)
    assert checked(matrix(sheared), 1).depth <= 2 * q + 1
    assert checked(matrix(sheared).transpose(), 1).depth <= 2 * q + 1


def test_halves_may_be_exchanged():
    for p, q in ASCENDING:
        if p == q:
            continue
        blocks = linalg.split(random_matrix(p + q, 1), p)
        layers = layers_of(linalg.swap_halves(blocks))
        assert layers == [layer.swap_halves() for layer in layers_of(blocks)]


@pytest.mark.parametrize("moves", ["first", "second"])
def test_the_determinant_is_one_entry_of_a_scale(moves):
    M = matrix([[2, 0, 0], [0, 3, 0], [5, 0, -1]])
    if moves == "first":
        M = M.transpose()
    flow = checked(linalg.scale_rows([QQ(-1)] + [QQ(1)] * 2, M), 1)
    assert [layer.scale for layer in flow if not layer.is_additive] == [(6,)]


def test_the_same_layers_every_time():
    M = random_matrix(7, 5)
    assert layers_of(linalg.split(M, 3)) == layers_of(linalg.split(M, 3))


def test_short_numbers():
    M = linalg.split(random_matrix(33, 1, bound=9), 16)
    assert max(layer.bits for layer in layers_of(M)) < 2600
    M = linalg.split(random_matrix(31, 1, bound=9), 1)
    assert max(layer.bits for layer in layers_of(M)) < 2600


# Other fields.


@pytest.mark.parametrize("order", [11, 101])
@pytest.mark.parametrize(("p", "q"), [(1, 2), (1, 3), (2, 3), (2, 4), (3, 3), (3, 4), (2, 5)])
def test_random_matrices_over_finite_fields(p, q, order):
    m = -(-q // p)
    M = random_matrix(p + q, 0, GF(order), bound=order)
    assert checked(normalized(M), p).depth <= (5 if p == q else 2 * m + 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_over_a_finite_field(family):
    met = 0
    for p, q in [(1, 2), (2, 2), (2, 3)]:
        if (M := member(family, p, q, 0, GF(101))) is not None:
            assert checked(normalized(M), p).depth <= bound(M, p), (family, p, q)
            met += 1
    assert met


def test_algebraic_numbers():
    field = QQ.algebraic_field(sympy.sqrt(2))
    root = field.from_sympy(sympy.sqrt(2))
    for p, q in [(1, 2), (2, 2), (2, 3), (2, 4), (2, 5)]:
        M = random_matrix(p + q, 1, field) + random_matrix(p + q, 2, field) * root
        assert checked(normalized(M), p).depth == (5 if q < 5 else 7)


@pytest.mark.parametrize(("p", "q"), [(1, 2), (1, 3), pytest.param(2, 3, marks=pytest.mark.slow)])
def test_a_rotation_with_a_parameter(p, q):
    t = sympy.Symbol("t")
    K = sympy.Matrix(p + q, p + q, lambda i, j: (j - i) * t if abs(i - j) == 1 else 0)
    one = sympy.eye(p + q)
    field = QQ.frac_field(t)
    minus, plus = (
        DomainMatrix.from_Matrix(X).convert_to(field).to_dense() for X in (one - K, one + K)
    )
    assert checked(minus * plus.inv(), p).depth <= 2 * -(-q // p) + 2


# Every matrix over the smallest fields, against the minimal number of layers.


@pytest.mark.parametrize("order", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_against_the_minimum_over_small_fields(order):
    depths = breadth_first_depths(1, 2, order)
    assert histogram(depths.values()) == SL3[order]
    for M, depth in sorted(depths.items())[:: 4 if order == 2 else 3]:
        assert depth <= checked(matrix(M, GF(order)), 1).depth <= 6


def test_the_identity_over_the_least_field():
    assert checked(matrix(scalar(6, 1), GF(2)), 2).depth <= 10


def test_no_draw_that_passes(monkeypatch):
    """The message says how large a field suffices; no matrix is known for which all draws fail."""
    monkeypatch.setattr(module, "_plan_searches", lambda blocks: iter(()))
    with pytest.raises(
        FieldTooSmallError, match=r"no draw over GF\(2\) .* \(2, 4\): .* 196 elements"
    ):
        checked(matrix(scalar(6, 1), GF(2)), 2)
