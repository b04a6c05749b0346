"""Halves of any sizes: bounds that hold, against theorems and against searches that know none.

What is claimed, in this order:

- for p < q the bounds lie within 2 ceil(q / p) + 4, and for a product of k shears the lower one is
  at most k: random and structured matrices on (1, 2) .. (4, 7);
- with positive scales likewise;
- every element of SL_4(F_2) on (1, 3) lies within its bounds, and all but 1,008 are decided;
- so do elements of SL_4(F_3) on (1, 3);
- a negative determinant is flipped or padded, as in `factor`, and a mask orders the coordinates.

How: `bounded`, at the end, verifies the layers and every reason, and returns the bounds.
"""

import random
from collections import Counter
from itertools import product

import numpy as np
import pytest
import sympy
from linear.depth.examples import blocks, diagonal, matrix, over
from linear.depth.searches import Words, breadth_first_depths, histogram
from sympy import GF, QQ, Rational
from truth import identity, times

from exactflow import CouplingFlow, append_swap, factor, random_matrix, verify
from exactflow.exact import linalg
from exactflow.explanation import Explanation
from exactflow.linear.depth import minimal_depth

SIZES = [(p, q) for p in range(1, 5) for q in range(p + 1, 8)]


def dense(rng, p, q):
    return [[rng.randint(-3, 3) for _ in range(p + q)] for _ in range(p + q)]


def low_rank(rng, p, q):
    """C has rank one, B is sparse."""
    rows = dense(rng, p, q)
    for i, j in product(range(p), range(q)):
        rows[i][p + j] *= rng.random() < 0.3
        rows[p + j][i] = (j % 2) * rows[p][i] if j else rows[p][i]
    return rows


def block_diagonal(rng, p, q):
    return [[x * ((i < p) == (j < p)) for j, x in enumerate(row)]
            for i, row in enumerate(dense(rng, p, q))]  # fmt: skip


def diagonals(rng, p, q):
    return [[rng.choice((1, 1, -1, 2)) * (i == j) for j in range(p + q)] for i in range(p + q)]


def permutations(rng, p, q):
    order = rng.sample(range(p + q), p + q)
    return [[int(j == order[i]) for j in range(p + q)] for i in range(p + q)]


STRUCTURED = low_rank, block_diagonal, diagonals, permutations


def drawn(family, rng, p, q, *, scales):
    """Return an invertible matrix of a family, of determinant 1 or, for scales, a positive one."""
    while True:
        M = matrix(family(rng, p, q))
        if det := M.det():
            first = 1 / det if scales == "additive" else QQ(1 if det > 0 else -1)
            return linalg.scale_rows([first] + [QQ(1)] * (p + q - 1), M)


@pytest.mark.parametrize("family", [dense, *STRUCTURED], ids=lambda family: family.__name__)
@pytest.mark.parametrize("count", [4, pytest.param(0, marks=pytest.mark.slow)])
def test_additive_bounds_are_those_of_the_theorem(family, count):
    rng = random.Random(f"{family.__name__} {count}")
    for k in range(count or (600 if family is dense else 50)):
        p, q = SIZES[(5 * k) % len(SIZES)]
        M = drawn(family, rng, p, q, scales="additive")
        lower, upper = bounded(M, (p, q), "additive")
        assert lower <= upper <= 2 * -(-q // p) + 4
        if family is dense and k % 4 == 0:
            order = [*range(p, p + q), *range(p)]
            assert bounded(M.extract(order, order), (q, p), "additive") == (lower, upper)


@pytest.mark.parametrize("count", [8, pytest.param(150, marks=pytest.mark.slow)])
def test_products_of_shears_need_no_more_than_they_have(count):
    rng = random.Random(count)
    for k in range(count):
        (p, q), length = SIZES[(5 * k) % len(SIZES)], rng.randint(0, 7)
        M = linalg.identity(p + q, QQ)
        for i in range(length):
            sizes = (p, q) if i % 2 else (q, p)
            X = matrix([[rng.choice((0, 0, 1, -1, 2)) for _ in range(sizes[1])]
                        for _ in range(sizes[0])])  # fmt: skip
            one, other = (linalg.identity(n, QQ) for n in (p, q))
            zero = linalg.zeros(*sizes[::-1], QQ)
            M = M * (blocks(one, X, zero, other) if i % 2 else blocks(one, zero, X, other))
        for scales in ("additive", "positive"):
            assert bounded(M, (p, q), scales)[0] <= length


@pytest.mark.parametrize("family", [dense, *STRUCTURED], ids=lambda family: family.__name__)
@pytest.mark.parametrize("count", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_positive_scales(family, count):
    rng = random.Random(f"{family.__name__} {count}")
    for k in range(count):
        p, q = SIZES[(5 * k) % len(SIZES)]
        M = drawn(family, rng, p, q, scales="positive")
        lower, upper = bounded(M, (p, q), "positive")
        assert lower <= upper <= 2 * -(-q // p) + 4


SL4_F2 = [1, 14, 98, 658, 2793, 6594, 6706, 3248, 48]
"""How many elements take 0, 1, .., 8 shears on (1, 3): theory, section 7."""


@pytest.mark.slow
def test_every_element_of_sl4_over_f2():
    """Depth is constant on orbits under conjugation by diag(1, H): 156 orbits."""
    depths = breadth_first_depths(1, 3, 2)
    assert histogram(depths.values()) == SL4_F2
    rows = product(product((0, 1), repeat=3), repeat=3)
    general = [H for H in rows if round(np.linalg.det(np.array(H))) % 2]
    pairs = [(H, G) for H in general for G in general if times(H, G, 2) == identity(3)]
    turned = [tuple(((1, 0, 0, 0), *((0, *row) for row in H)) for H in pair) for pair in pairs]
    left, open_ones = set(depths), Counter()
    while left:
        M = min(left)
        orbit = {times(times(S, M, 2), T, 2) for S, T in turned}
        lower, upper = bounded(over(M, 2), (1, 3), "additive")
        assert {lower <= depths[N] <= upper for N in orbit} == {True}
        if lower < upper:
            open_ones[lower, upper] += len(orbit)
        left -= orbit
    assert open_ones == {(7, 8): 1008}


@pytest.mark.slow
def test_elements_of_sl4_over_f3():
    words, rng, found = Words(1, 3, 3), random.Random(3), Counter()
    for _ in range(60):
        M = drawn_over_f3(rng)
        depth = words.depth(np.array([[GF(3).to_int(x) % 3 for x in row] for row in M.to_list()]))
        lower, upper = bounded(M, (1, 3), "additive")
        assert lower <= depth <= upper
        found[depth] += 1
    assert len(found) > 2


def drawn_over_f3(rng):
    while True:
        M = matrix([[rng.choice((0, 0, 1, 2)) for _ in range(4)] for _ in range(4)], GF(3))
        if det := M.det():
            return linalg.scale_rows([1 / det] + [GF(3)(1)] * 3, M)


POSED = {
    "flip": (diagonal(-1, 1, 1, 1), None, "flip", "additive"),
    "flip, det -6": (diagonal(-1, 2, 3), None, "flip", "positive"),
    "pad": (matrix([[0, 1], [1, 0]]), None, "pad", "additive"),
    "a mask": (matrix(random_matrix(5, seed=2).tolist()), [1, 0, 0, 1, 0], "error", "positive"),
    "a mask and a flip": (diagonal(2, -1, Rational(1, 2)), [0, 1, 0], "flip", "additive"),
    "det 3": (matrix([[2, 1], [1, 2]]), None, "error", "positive"),
    "three coordinates": (diagonal(2, 1, 3), None, "error", "positive"),
    "det 1": (diagonal(2, 1, Rational(1, 2)), None, "error", "additive"),
}


@pytest.mark.parametrize("name", POSED)
def test_the_answer_is_about_the_matrix_as_it_was_given(name):
    M, partition, orientation, scales = POSED[name]
    answer = minimal_depth(M, partition=partition, orientation=orientation)
    assert (answer.scales, "positive" in answer.summary) == (scales, scales == "positive")
    target = append_swap(M).to_DM().convert_to(QQ).to_dense() if orientation == "pad" else M
    verify(answer.flow, target)
    assert answer.matrix == target
    for found in answer.obstructions:
        assert found.matrix == answer.layout.flip_and_reorder_matrix(target)
        assert found.is_valid()
    explanation = answer.explain()  # each step is checked: N = E M F E^T among them
    assert isinstance(explanation, Explanation)
    assert ("your matrix with two pads" in explanation.claim) == (orientation == "pad")
    posed = bool(answer.flow.order or answer.flow.flips)
    steps = explanation.steps[1 : 1 + len(answer.obstructions)]
    assert [step.text.startswith("N = ") for step in steps] == [posed] * len(steps)
    assert ["Suppose `N" in step.why for step in steps] == [posed] * len(steps)


def test_a_flow_made_of_other_layers_is_no_shorter():
    M = random_matrix(7, seed=4)
    for partition in ((2, 5), (3, 4), (5, 2)):
        answer = minimal_depth(M, partition=partition)
        assert isinstance(answer.flow, CouplingFlow)
        assert answer.upper <= factor(M, partition=partition).depth
        assert answer.flow.matrix() == sympy.Matrix(M)


def bounded(M, partition, scales):
    """Return the bounds, with the layers and the reasons verified."""
    answer = minimal_depth(M, partition=partition, scales=scales)
    assert answer.flow.depth == answer.upper
    if answer.depth:
        verify(answer.flow, M)
    assert len(answer.obstructions) == min(2, answer.lower)
    assert all(len(reason.pattern) == answer.lower - 1 for reason in answer.obstructions)
    assert all(reason.is_valid() is True for reason in answer.obstructions)
    assert all(reason.explanation().endswith(".") for reason in answer.obstructions)
    return answer.lower, answer.upper
