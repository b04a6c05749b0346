"""Any partition: the product is the target, and the number of layers keeps the bound of its case.

The bounds are those of the module's docstring; over F_2 and F_3 they are compared with the minimal
numbers of layers, found by exhaustion.
"""

import random
from itertools import pairwise, product

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.flows.flow import CouplingFlow
from exactflow.linear.factor.assembly import merge
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import layers_of as layers_of_problem

SPLITS = [(p, d - p) for d in range(2, 10) for p in range(1, d)]
ASCENDING = [(p, q) for p, q in SPLITS if p <= q]


def matrix(rows, field=QQ):
    return linalg.from_entries(
        [[field.convert(x) for x in row] for row in rows], (len(rows), len(rows[0])), field
    )


def normalized(M):
    """Divide row 0 by the determinant."""
    return linalg.scale_rows([M.domain.one / M.det()] + [M.domain.one] * (M.shape[0] - 1), M)


def positive(M):
    """Negate row 0 where that makes a determinant positive."""
    if linalg.is_positive(M.det(), M.domain) is False:
        return linalg.scale_rows([-M.domain.one] + [M.domain.one] * (M.shape[0] - 1), M)
    return M


def random_matrix(d, seed, field=QQ, bound=3):
    generator = random.Random(seed)
    while True:
        M = matrix([[generator.randint(-bound, bound) for _ in range(d)] for _ in range(d)], field)
        if M.det():
            return positive(M)


def block_diagonal(*blocks):
    return sympy.diag(*(block.to_Matrix() for block in blocks)).to_DM(domain=QQ).to_dense()


def layers_of(blocks):
    """The layers of any blocks."""
    sizes = blocks.A.shape[0], blocks.D.shape[0]
    problem = Problem.of(linalg.join(blocks), sizes, scales="nonzero")
    return merge(layers_of_problem(problem, "partition")[0])


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


# Families of matrices; every function takes (p, q, generator) and returns rows.


def entries(rows, columns, generator, bound=2):
    return [[generator.randint(-bound, bound) for _ in range(columns)] for _ in range(rows)]


def scalar(n, value):
    return [[value if i == j else 0 for j in range(n)] for i in range(n)]


def low_rank(rows, columns, rank, generator):
    left, right = entries(rows, rank, generator), entries(rank, columns, generator)
    return [
        [sum(left[i][k] * right[k][j] for k in range(rank)) for j in range(columns)]
        for i in range(rows)
    ]


def joined(A, B, C, D):
    return [[*x, *y] for x, y in [*zip(A, B, strict=True), *zip(C, D, strict=True)]]


def zero(rows, columns):
    return [[0] * columns for _ in range(rows)]


def sparse(p, q, generator):
    d = p + q
    return [
        [generator.randint(-3, 3) if generator.random() < 0.3 else int(i == j) for j in range(d)]
        for i in range(d)
    ]


def signed_permutation(p, q, generator):
    order = generator.sample(range(p + q), p + q)
    return [[generator.choice((1, -1)) * (j == i) for j in range(p + q)] for i in order]


def near_identity(p, q, generator):
    rows = scalar(p + q, 1)
    for _ in range(2):
        i, j = generator.sample(range(p + q), 2)
        rows[i][j] = 1
    return rows


def jordan(p, q, generator):
    value = generator.choice((1, -1, 2))
    return [[value if i == j else int(j == i + 1) for j in range(p + q)] for i in range(p + q)]


def low(p, q, generator, of_B, of_C):
    small = min(p, q, 3) - 1
    B = low_rank(p, q, small, generator) if of_B else entries(p, q, generator)
    C = low_rank(q, p, small, generator) if of_C else entries(q, p, generator)
    return joined(entries(p, p, generator), B, C, entries(q, q, generator))


def diagonal_blocks(p, q, A, D):
    return joined(A, zero(p, q), zero(q, p), D)


FAMILIES = {
    "sparse": sparse,
    "signed permutation": signed_permutation,
    "diagonal": lambda p, q, g: [
        [g.choice((1, 2, -1, 3)) * (i == j) for j in range(p + q)] for i in range(p + q)
    ],
    "block scalar": lambda p, q, g: diagonal_blocks(p, q, scalar(p, 2), scalar(q, -3)),
    "scalar": lambda p, q, g: scalar(p + q, 3),
    "identity": lambda p, q, g: scalar(p + q, 1),
    "near the identity": near_identity,
    "Jordan": jordan,
    "low rank B": lambda p, q, g: low(p, q, g, True, False),
    "low rank C": lambda p, q, g: low(p, q, g, False, True),
    "low rank B and C": lambda p, q, g: low(p, q, g, True, True),
    "B = C = 0": lambda p, q, g: diagonal_blocks(p, q, entries(p, p, g), entries(q, q, g)),
    "diag(A, l I)": lambda p, q, g: diagonal_blocks(p, q, entries(p, p, g), scalar(q, 2)),
    "diag(I, D)": lambda p, q, g: diagonal_blocks(p, q, scalar(p, 1), entries(q, q, g)),
    "lower shear": lambda p, q, g: joined(scalar(p, 1), zero(p, q), entries(q, p, g), scalar(q, 1)),
    "upper shear": lambda p, q, g: joined(scalar(p, 1), entries(p, q, g), zero(q, p), scalar(q, 1)),
    "scalar A and D": lambda p, q, g: joined(
        scalar(p, 2), zero(p, q), entries(q, p, g), scalar(q, -1)
    ),
    "A = 0, low rank B": lambda p, q, g: joined(
        low_rank(p, p, 1, g), entries(p, q, g), entries(q, p, g), entries(q, q, g)
    ),
}


def member(family, p, q, seed, field=QQ):
    """Return an invertible matrix of the family, or None where none turns up."""
    generator = random.Random(f"{family} {p} {q} {seed}")
    for _ in range(200):
        M = matrix(FAMILIES[family](p, q, generator), field)
        if M.det():
            return positive(M)
    return None


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_bound(family):
    for p, q in SPLITS if family in ("sparse", "low rank B") else ASCENDING:
        if (M := member(family, p, q, 0)) is not None:
            target = M if p % 2 else normalized(M)
            assert checked(target, p).depth <= bound(target, p), (family, p, q)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_keeps_the_bound_often(family, seed):
    for p, q in SPLITS:
        if (M := member(family, p, q, seed)) is not None:
            assert checked(normalized(M), p).depth <= bound(M, p), (family, p, q)


@pytest.mark.parametrize(("p", "q"), SPLITS)
def test_generic_matrices_take_2m_plus_1(p, q):
    m = -(-max(p, q) // min(p, q))
    for seed in range(3):
        flow = checked(random_matrix(p + q, seed, bound=9), p)
        assert flow.depth == (5 if p == q > 1 else 2 * m + 1)


@given(st.data())
def test_random_integer_matrices(data):
    p, q = data.draw(st.sampled_from([s for s in SPLITS if sum(s) <= 6]))
    line = st.lists(st.integers(-2, 2), min_size=p + q, max_size=p + q)
    M = matrix(data.draw(st.lists(line, min_size=p + q, max_size=p + q)))
    if M.det():
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
    for seed in range(5):
        M = random_matrix(p + q, seed, GF(order), bound=order)
        assert checked(normalized(M), p).depth <= (5 if p == q else 2 * m + 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_over_a_finite_field(family):
    for p, q in [(1, 2), (1, 3), (2, 3), (2, 4), (3, 3)]:
        if (M := member(family, p, q, 0, GF(101))) is not None:
            assert checked(normalized(M), p).depth <= bound(M, p), (family, p, q)


def test_algebraic_numbers():
    field = QQ.algebraic_field(sympy.sqrt(2))
    root = field.from_sympy(sympy.sqrt(2))
    for p, q in [(1, 2), (2, 2), (2, 3), (2, 4), (2, 5)]:
        M = random_matrix(p + q, 1, field) + random_matrix(p + q, 2, field) * root
        assert checked(normalized(M), p).depth == (5 if q < 5 else 7)


@pytest.mark.parametrize(("p", "q"), [(1, 2), (1, 3), (2, 3)])
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


def minimal_depths(order):
    """Return the least number of layers for every matrix of SL_3(F_order), split (1, 2)."""
    pairs = [pair for pair in product(range(order), repeat=2) if any(pair)]
    identity = (1, 0, 0, 0, 1, 0, 0, 0, 1)
    depths, frontier = {identity: 0}, {("first", identity), ("second", identity)}
    depth = 0
    while frontier:
        depth += 1
        reached = {(other, g) for half, f in frontier for other, g in moved(half, f, pairs, order)}
        frontier = {(half, g) for half, g in reached if depths.setdefault(g, depth) == depth}
    return depths


def moved(half, M, pairs, order):
    rows = M[:3], M[3:6], M[6:]
    for s, t in pairs:
        if half == "first":
            top = [(x + s * y + t * z) % order for x, y, z in zip(*rows, strict=True)]
            yield "second", (*top, *rows[1], *rows[2])
        else:
            middle = [(y + s * x) % order for x, y in zip(rows[0], rows[1], strict=True)]
            bottom = [(z + t * x) % order for x, z in zip(rows[0], rows[2], strict=True)]
            yield "first", (*rows[0], *middle, *bottom)


@pytest.mark.parametrize(
    ("order", "counts", "every"),
    [
        (2, [1, 6, 18, 48, 63, 30, 2], 1),
        (3, [1, 16, 128, 936, 2276, 2232, 27], 40),
        pytest.param(3, [1, 16, 128, 936, 2276, 2232, 27], 1, marks=pytest.mark.slow),
    ],
)
def test_against_the_minimum_over_small_fields(order, counts, every):
    depths = minimal_depths(order)
    assert [list(depths.values()).count(i) for i in range(7)] == counts
    for elements, depth in sorted(depths.items())[::every]:
        M = matrix([elements[:3], elements[3:6], elements[6:]], GF(order))
        assert depth <= checked(M, 1).depth <= 6


def test_the_identity_over_the_least_field():
    assert checked(matrix(scalar(6, 1), GF(2)), 2).depth <= 10
