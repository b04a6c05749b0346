"""Halves of n and n + 1 coordinates, and masks: additive layers.

What is claimed, in this order:

- the depths in `TWO_SIZES`, with layers and with reasons against fewer;
- depth is that of the transpose, of the inverse, and of the exchanged halves;
- over F_2 and F_3 the depths are those of a search that knows no theorem (`searches`);
- a product of k shears takes at most k, over several fields;
- five layers do where C has full rank, six always; a generic matrix takes five.

How: `depth_of`, at the end, verifies the layers and every reason, and returns the depth.
"""

import random
from collections import Counter

import pytest
from linear.depth.examples import (
    blocks,
    checked,
    decided,
    diagonal,
    matrix,
    matrix_of_determinant_one,
    over,
)
from linear.depth.searches import SL3, Words, breadth_first_depths, elements_of_sl5, histogram
from linear.depth.tables import TWO_SIZES
from sympy import GF, QQ, Symbol, sqrt

from exactflow import factor
from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth


@pytest.mark.parametrize("name", TWO_SIZES)
def test_table(name):
    M, partition, depth = TWO_SIZES[name]
    assert depth_of(M, partition) == depth
    steps = minimal_depth(M, partition=partition).explain().steps  # each of them checked
    assert len(steps) == 1 + min(2, depth) + (depth > 1)


@pytest.mark.parametrize("name", [name for name in TWO_SIZES if "mask" not in name])
def test_depth_is_that_of_the_transpose_of_the_inverse_and_of_exchanged_halves(name):
    M, partition, depth = TWO_SIZES[name]
    p, q = partition or (M.shape[0] // 2, M.shape[0] - M.shape[0] // 2)
    assert depth_of(M.transpose(), (p, q)) == depth_of(M.inv().to_dense(), (p, q)) == depth
    order = [*range(p, p + q), *range(p)]
    assert depth_of(M.extract(order, order), (q, p)) == depth


@pytest.mark.parametrize(
    ("order", "p"),
    [(2, 1), *(pytest.param(k, p, marks=pytest.mark.slow) for k, p in ((2, 2), (3, 1)))],
)
def test_elements_of_sl3(order, p):
    depths = breadth_first_depths(p, 3 - p, order)
    assert histogram(depths.values()) == SL3[order]
    for M, depth in sorted(depths.items())[::4]:
        assert depth_of(over(M, order), (p, 3 - p)) == depth


@pytest.mark.slow
@pytest.mark.parametrize("p", [2, 3])
def test_elements_of_sl5_over_f2(p):
    words, found = Words(p, 5 - p), Counter()
    for M in elements_of_sl5(120, p):
        depth = words.depth(M)
        found[depth] += 1
        assert depth_of(over(tuple(map(tuple, M.tolist())), 2), (p, 5 - p)) == depth
    assert {4, 5, 6} <= found.keys()


FIELDS = [QQ, GF(2), GF(5), GF(101), QQ.algebraic_field(sqrt(2)), QQ.frac_field(Symbol("t"))]


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize(
    "partition",
    [(1, 2), (3, 2), *(pytest.param(pair, marks=pytest.mark.slow) for pair in [(2, 1), (2, 3)])],
)
def test_products_of_shears(field, partition):
    rng, (p, q) = random.Random(str(field)), partition
    for length in range(0, 7, 3) if field.is_FractionField else range(0, 7, 2):
        M = linalg.identity(p + q, field)
        for i in range(length):
            shape = (p, q) if i % 2 else (q, p)
            X = matrix([[rng.randint(-1, 1) for _ in range(shape[1])] for _ in range(shape[0])],
                       field)  # fmt: skip
            one, other = (linalg.identity(n, field) for n in (p, q))
            zero = linalg.zeros(*shape[::-1], field)
            M = M * (blocks(one, X, zero, other) if i % 2 else blocks(one, zero, X, other))
        assert depth_of(M, partition) <= length


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("scalar", [-1, 1, 2])
def test_five_layers_where_C_has_full_rank_and_both_hyperplanes_agree(n, scalar):
    """C = [I; 0], D = diag(R, mu), a = R K for K = scalar: the case H = E of the theorem."""
    rng = random.Random(n)
    R = matrix([[rng.randint(-2, 2) + 3 * (i == j) for j in range(n)] for i in range(n)])
    D = linalg.direct_sum(R, diagonal(QQ(scalar) ** n))
    C, a = linalg.identity(n + 1, QQ)[:, :n], R * QQ(scalar)
    B = matrix([[rng.randint(-2, 2) for _ in range(n + 1)] for _ in range(n)])
    M = blocks(a.inv() + B * D.inv() * C, B, C, D)
    assert M.det() == 1
    assert len(decided("ULULU", M)) == 5
    assert depth_of(M, (n, n + 1)) <= 5
    order = [*range(n, 2 * n + 1), *range(n)]
    assert depth_of(M.extract(order, order), (n + 1, n)) <= 5


def test_six_layers_where_the_field_is_too_small_for_the_hyperplane():
    A = matrix([[1, 1, 0], [0, 1, 0], [1, 1, 1]], GF(2))
    assert depth_of(linalg.direct_sum(A, linalg.identity(4, GF(2))), (3, 4)) == 6


@pytest.mark.parametrize("d", [3, 5, 7, 9])
def test_generic_matrices_take_five_layers(d):
    M = matrix_of_determinant_one(d)
    assert depth_of(M, None) == 5
    assert factor(M).depth >= 5


def test_the_reason_and_the_explanation_append_a_one():
    first, second = minimal_depth(diagonal(1, -1, -1), partition=(1, 2)).obstructions
    assert str(first) == "not ULULU: C = 0, and D and diag(a, 1) have different traces"
    assert str(second) == "not LULUL: B = 0, and diag(A, 1) and d have different traces"
    assert first.explanation().endswith(
        "So D = I + Y Z and a = I + Z Y. D and diag(a, 1) have one characteristic polynomial, as "
        "det(x I - Y Z) = det(x I - Z Y) up to a power of x (Sylvester). But "
        "their traces are -2 and 2."
    )


def test_refusals():
    with pytest.raises(InvalidInputError, match="p \\+ q = 3"):
        minimal_depth(diagonal(1, 1, 1), partition=(1, 1))


def depth_of(M, partition):
    """Return the depth of a matrix for which it is decided, its layers and reasons verified."""
    answer = checked(M, partition=partition)
    assert answer.is_decided
    return answer.depth
