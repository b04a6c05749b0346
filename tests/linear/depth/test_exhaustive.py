"""Every element of small groups, against a breadth-first search that knows no theorem."""

from collections import Counter
from itertools import permutations, product

import pytest
from linear.depth.examples import over
from linear.depth.searches import breadth_first_depths, histogram
from sympy import GF, QQ
from truth import identity, times

from exactflow import permutation
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth

SL2 = {2: [1, 2, 2, 1], 3: [1, 4, 8, 10, 1], 5: [1, 8, 32, 76, 3]}
SL4_F2 = [1, 30, 441, 4053, 10645, 4974, 16]


def block_matrix(A, B, C, D):
    above = [(*x, *y) for x, y in zip(A, B, strict=True)]
    below = [(*x, *y) for x, y in zip(C, D, strict=True)]
    return (*map(tuple, above), *map(tuple, below))


def squares(n: int, p: int) -> list:
    return [
        tuple(tuple(e[i * n : (i + 1) * n]) for i in range(n))
        for e in product(range(p), repeat=n * n)
    ]


def decided(M) -> int:
    answer = minimal_depth(M)
    assert answer.lower == answer.upper == answer.flow.depth
    assert len(answer.obstructions) == min(2, answer.lower)
    assert all(obstruction.is_valid() for obstruction in answer.obstructions)
    return answer.lower


@pytest.mark.parametrize("p", SL2)
def test_elements_of_sl2(p):
    depths = breadth_first_depths(1, 1, p)
    assert histogram(depths.values()) == SL2[p]
    for M, depth in sorted(depths.items())[:: 1 if p < 5 else 7]:
        assert decided(over(M, p)) == depth


@pytest.mark.slow
def test_every_element_of_sl4_over_f2():
    """Depth is constant on orbits under conjugation by diag(G, H) and the exchange of the halves:
    72 elements, a few hundred orbits.
    """
    depths = breadth_first_depths(2, 2, 2)
    assert histogram(depths.values()) == SL4_F2
    zero = ((0, 0), (0, 0))
    general = [M for M in squares(2, 2) if (M[0][0] * M[1][1] - M[0][1] * M[1][0]) % 2]
    pairs = [
        (block_matrix(G, zero, zero, H), block_matrix(inverse(G), zero, zero, inverse(H)))
        for G in general
        for H in general
    ]
    one = identity(2)
    exchange = block_matrix(zero, one, one, zero)
    pairs += [(times(exchange, S, 2), times(T, exchange, 2)) for S, T in pairs]
    left = set(depths)
    while left:
        M = min(left)
        orbit = {times(times(S, M, 2), T, 2) for S, T in pairs}
        assert {depths[N] for N in orbit} == {decided(over(M, 2))}
        left -= orbit


def inverse(M):
    """The inverse of a 2 x 2 matrix of determinant 1 modulo 2."""
    (a, b), (c, d) = M
    return ((d, b), (c, a))


def even_permutations(d: int):
    for perm in permutations(range(d)):
        inversions = sum(perm[i] > perm[j] for i in range(d) for j in range(i + 1, d))
        if inversions % 2 == 0:
            yield perm


PERMUTATIONS = {4: {0: 1, 4: 1, 5: 10}, 6: {0: 1, 4: 13, 5: 342, 6: 4}}


def relabelled(perm: tuple[int, ...]):
    """The conjugates of a permutation by permutations within the halves and their exchange."""
    d = len(perm)
    n = d // 2
    for first in permutations(range(n)):
        for second in permutations(range(n, d)):
            for g in (first + second, second + first):
                conjugate = [0] * d
                for i, image in enumerate(perm):
                    conjugate[g[i]] = g[image]
                yield tuple(conjugate)


@pytest.mark.parametrize("d", PERMUTATIONS)
def test_every_even_permutation_up_to_relabelling(d):
    left, counts = set(even_permutations(d)), Counter()
    while left:
        perm = min(left)
        orbit = set(relabelled(perm))
        counts[decided(permutation(perm))] += len(orbit)
        left -= orbit
    assert counts == PERMUTATIONS[d]


@pytest.mark.slow
@pytest.mark.parametrize("d", PERMUTATIONS)
def test_every_even_permutation(d):
    depths = {perm: decided(permutation(perm)) for perm in even_permutations(d)}
    assert Counter(depths.values()) == PERMUTATIONS[d]
    deepest = [perm for perm, depth in depths.items() if depth == 6]
    assert all(
        sorted(perm[:3]) == [0, 1, 2] and sum(x == i for i, x in enumerate(perm)) == 3
        for perm in deepest
    )


def test_the_field_is_kept():
    M = over(((1, 1), (1, 0)), 2)
    assert minimal_depth(M).flow.field == GF(2)
    assert minimal_depth(linalg.identity(2, QQ)).flow.depth == 0
