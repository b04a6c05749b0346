"""Halves (n, n + 1) and masks: additive layers, against searches that know no theorem."""

import random
from collections import Counter
from itertools import product

import numpy as np
import pytest
from linear.depth.examples import blocks, decided, diagonal, matrix
from linear.depth.test_exhaustive import identity, over, times
from linear.depth.test_minimal_depth import matrix_of_determinant_one
from sympy import GF, QQ, Rational, Symbol, sqrt

from exactflow import factor, permutation, verify
from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.word import patterns

SL3 = {2: [1, 6, 18, 48, 63, 30, 2], 3: [1, 16, 128, 936, 2276, 2232, 27]}  # theory, section 7


def checked(M, partition):
    """Return the depth of a matrix for which it is decided, its layers and reasons verified."""
    answer = minimal_depth(M, partition=partition)
    assert answer.lower == answer.upper == answer.depth == answer.flow.depth
    assert all(layer.is_additive for layer in answer.flow)
    if answer.depth:
        verify(answer.flow, M)
    assert len(answer.obstructions) == min(2, answer.lower)
    assert all(reason.check() is True for reason in answer.obstructions)
    assert all(reason.explanation().endswith(".") for reason in answer.obstructions)
    return answer.depth


def shears(p, q, mod):
    """All U and all L, as tuples of rows."""
    found = {True: [], False: []}
    for entries in product(range(mod), repeat=p * q):
        for upper in found:
            rows = [list(row) for row in identity(p + q)]
            for k, x in enumerate(entries):
                i, j = divmod(k, q)
                rows[i if upper else p + j][p + j if upper else i] = x
            found[upper].append(tuple(map(tuple, rows)))
    return found


def breadth_first_depths(p, q, mod):
    """The least number of alternating shears of each product of shears."""
    all_shears, start = shears(p, q, mod), identity(p + q)
    depths, ends = {start: 0}, {True: {start}, False: {start}}
    while True:
        before, k = len(depths), 1 + max(depths.values())
        ends = {
            upper: {times(S, M, mod) for M in ends[not upper] for S in all_shears[upper]}
            for upper in ends
        }
        for M in ends[True] | ends[False]:
            depths.setdefault(M, k)
        if len(depths) == before:
            return depths


@pytest.mark.parametrize("p", [1, 2])
def test_every_element_of_sl3_over_f2(p):
    depths = breadth_first_depths(p, 3 - p, 2)
    counts = Counter(depths.values())
    assert [counts[k] for k in range(7)] == SL3[2]
    assert {M: checked(over(M, 2), (p, 3 - p)) for M in depths} == depths


@pytest.mark.slow
def test_every_element_of_sl3_over_f3():
    depths = breadth_first_depths(1, 2, 3)
    counts = Counter(depths.values())
    assert [counts[k] for k in range(7)] == SL3[3]
    for M in sorted(depths):
        assert checked(over(M, 3), (1, 2)) == depths[M]


class Words:
    """Membership in words over F_2, by a search from both ends: matrices of d x d bits as codes."""

    def __init__(self, p, q):
        self.d, self.known, self.codes = p + q, {"": np.eye(p + q, dtype=np.uint8)[None]}, {}
        self.shears = {
            letter: np.array(found, dtype=np.uint8)
            for letter, found in zip("UL", shears(p, q, 2).values(), strict=True)
        }

    def code(self, stack):
        return stack.reshape(len(stack), -1).astype(np.int64) @ (1 << np.arange(self.d**2))

    def elements(self, word):
        if word not in self.known:
            factors = self.shears[word[0]][:, None] @ self.elements(word[1:])[None] % 2
            stack = factors.reshape(-1, self.d, self.d)
            self.known[word] = stack[np.unique(self.code(stack), return_index=True)[1]]
        return self.known[word]

    def contain(self, word, M):
        half = (len(word) + 1) // 2
        left, right = word[:half], word[half:]
        if right not in self.codes:
            self.codes[right] = np.unique(self.code(self.elements(right)))
        rest = self.code(self.elements(left[::-1]) @ M % 2)  # inverses are words in reverse
        return bool(np.isin(rest, self.codes[right]).any())

    def depth(self, M):
        return next(k for k in range(7) if any(self.contain(word, M) for word in patterns(k)))


def elements_of_sl5(count, seed):
    """Elements over F_2, many of them with blocks of low rank, where depths differ."""
    rng = np.random.default_rng(seed)
    while count:
        M = rng.integers(0, 2, (5, 5))
        for rows, columns in ((slice(2), slice(2, 5)), (slice(2, 5), slice(2))):
            r = rng.integers(0, 4)
            if r < 3:
                left, right = rng.integers(0, 2, (5, r)), rng.integers(0, 2, (r, 5))
                M[rows, columns] = (left @ right % 2)[rows, columns]
        if round(np.linalg.det(M)) % 2:
            count -= 1
            yield M.astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("p", [2, 3])
def test_elements_of_sl5_over_f2(p):
    words, found = Words(p, 5 - p), Counter()
    for M in elements_of_sl5(120, p):
        depth = words.depth(M)
        found[depth] += 1
        assert checked(over(tuple(map(tuple, M.tolist())), 2), (p, 5 - p)) == depth
    assert {4, 5, 6} <= found.keys()


ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
TWO = Rational(1, 2)
TABLE = {
    "identity": (diagonal(1, 1, 1), (1, 2), 0),
    "identity, (2, 1)": (diagonal(1, 1, 1), (2, 1), 0),
    "one shear": (matrix([[1, 2, 3], [0, 1, 0], [0, 0, 1]]), (1, 2), 1),
    "another shear": (matrix([[1, 0, 2], [0, 1, 3], [0, 0, 1]]), (2, 1), 1),
    "a turn": (matrix([[1, 0, 0], [0, 0, -1], [0, 1, 0]]), None, 6),
    "diag(-1, -1, 1)": (diagonal(-1, -1, 1), (1, 2), 4),
    "diag(1, -1, -1)": (diagonal(1, -1, -1), (1, 2), 6),
    "diag(1, 2, 1/2)": (diagonal(1, 2, TWO), (1, 2), 6),
    "diag(1/4, 2, 2)": (diagonal(Rational(1, 4), 2, 2), (1, 2), 6),
    "diag(-I, 1, 1, 1)": (diagonal(-1, -1, 1, 1, 1), (2, 3), 6),
    "diag(-1, 1, -1, 1, 1)": (diagonal(-1, 1, -1, 1, 1), (2, 3), 4),
    "diag(J, 2, 2, 2)": (linalg.direct_sum(matrix([[TWO, 1], [0, Rational(1, 4)]]),
                                           diagonal(2, 2, 2)), (2, 3), 6),
    "a permutation": (matrix(permutation([1, 2, 3, 4, 0]).tolist()), None, 5),
    "C of rank one": (matrix([[1, 0, 0, 0, 0], [0, TWO, 0, 0, 0], [1, 0, 1, 0, 0],
                              [0, 0, 0, 2, 0], [0, 0, 0, 0, 1]]), (2, 3), 4),
    "a mask": (diagonal(-1, 1, -1, 1), [1, 0, 1, 0], 6),
    "a mask of odd length": (diagonal(2, 1, TWO), [0, 1, 0], 6),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    M, partition, depth = TABLE[name]
    assert checked(M, partition) == depth
    steps = minimal_depth(M, partition=partition).explain().steps  # each of them checked
    assert len(steps) == 1 + min(2, depth)


@pytest.mark.parametrize("name", [name for name in TABLE if "mask" not in name])
def test_depth_is_that_of_the_transpose_of_the_inverse_and_of_exchanged_halves(name):
    M, partition, depth = TABLE[name]
    p, q = partition or (M.shape[0] // 2, M.shape[0] - M.shape[0] // 2)
    assert checked(M.transpose(), (p, q)) == checked(M.inv().to_dense(), (p, q)) == depth
    order = [*range(p, p + q), *range(p)]
    assert checked(M.extract(order, order), (q, p)) == depth


FIELDS = [QQ, GF(2), GF(5), GF(101), QQ.algebraic_field(sqrt(2)), QQ.frac_field(Symbol("t"))]


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize("partition", [(1, 2), (2, 1), (2, 3), (3, 2)])
def test_products_of_shears(field, partition):
    rng, (p, q) = random.Random(str(field)), partition
    for length in range(7):
        M = linalg.identity(p + q, field)
        for i in range(length):
            shape = (p, q) if i % 2 else (q, p)
            X = matrix([[rng.randint(-1, 1) for _ in range(shape[1])] for _ in range(shape[0])],
                       field)  # fmt: skip
            one, other = (linalg.identity(n, field) for n in (p, q))
            zero = linalg.zeros(*shape[::-1], field)
            M = M * (blocks(one, X, zero, other) if i % 2 else blocks(one, zero, X, other))
        assert checked(M, partition) <= length


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
    assert checked(M, (n, n + 1)) <= 5
    order = [*range(n, 2 * n + 1), *range(n)]
    assert checked(M.extract(order, order), (n + 1, n)) <= 5


def test_six_layers_where_the_field_is_too_small_for_the_hyperplane():
    A = matrix([[1, 1, 0], [0, 1, 0], [1, 1, 1]], GF(2))
    assert checked(linalg.direct_sum(A, linalg.identity(4, GF(2))), (3, 4)) == 6


@pytest.mark.parametrize("d", [3, 5, 7, 9])
def test_generic_matrices_take_five_layers(d):
    M = matrix_of_determinant_one(d)
    assert checked(M, None) == 5
    assert factor(M).depth >= 5


def test_the_reason_and_the_explanation_append_a_one():
    first, second = minimal_depth(diagonal(1, -1, -1), partition=(1, 2)).obstructions
    assert str(first) == "not ULULU: C = 0, and D and diag(a, 1) have different traces"
    assert str(second) == "not LULUL: B = 0, and diag(A, 1) and d have different traces"
    assert first.explanation().endswith(
        "So D = I + Y Z and a = I + Z Y. D and diag(a, 1) have one characteristic polynomial, as "
        "det(x I - Y Z) = det(x I - Z Y) up to a power of x. But their traces are -2 and 2."
    )


def test_refusals():
    with pytest.raises(InvalidInputError, match="differ by at most one for additive scales"):
        minimal_depth(diagonal(1, 1, 1, 1), partition=(1, 3))
    with pytest.raises(InvalidInputError, match=r"of one size for positive scales, got \(1, 2\)"):
        minimal_depth(diagonal(1, 1, 1), scales="positive")
    with pytest.raises(InvalidInputError, match="p \\+ q = 3"):
        minimal_depth(diagonal(1, 1, 1), partition=(1, 1))
