"""Permutations: integers of at most 2, at most six layers, at most 12 n entries, and equality."""

from itertools import pairwise, permutations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, ZZ, Matrix, eye
from sympy.polys.matrices import DomainMatrix

from exactflow import factor, pad, permutation, verify
from exactflow.errors import OrientationError, VerificationError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.sparse import SparseArray, composed
from exactflow.factorization.monomial import Monomial, cycles_of, monomial_commutator
from exactflow.factorization.permutation import (
    permutation_layers,
    permutation_sign,
    signed_permutation,
)


def checked_layers(perm, signs):
    """Return the layers, having asserted all that is claimed of them."""
    n = len(perm) // 2
    layers = permutation_layers(perm, signs)
    derived = composed((n, n), [(layer.moves, layer.shift_matrix) for layer in layers])
    assert derived.places.tolist() == [2 * n * i + j for i, j in enumerate(perm)]
    assert derived.values.tolist() == list(signs)
    assert all(layer.is_additive and layer.shift_matrix.rep.fmt == "sparse" for layer in layers)
    assert all(a.moves != b.moves for a, b in pairwise(layers))
    assert all(layer.nnz for layer in layers)
    assert all(layer.magnitude in (1, 2) for layer in layers)
    assert sum(layer.nnz for layer in layers) <= 12 * n
    c_is_invertible = all(j < n for j in perm[n:])
    assert len(layers) <= (5 if c_is_invertible else 6)
    return layers


def even(perm, signs=None):
    """Return perm and signs, one sign being changed if the determinant is -1."""
    signs = [1] * len(perm) if signs is None else list(signs)
    signs[-1] *= permutation_sign(perm, signs)
    return list(perm), signs


def swapped(perm):
    """Return perm, two images being exchanged if it is odd."""
    perm = list(perm)
    if permutation_sign(perm, [1] * len(perm)) < 0:
        perm[0], perm[-1] = perm[-1], perm[0]
    return perm, [1] * len(perm)


def structured(n):
    """Yield permutations of 2n coordinates by name."""
    d, generator = 2 * n, Random(n)
    half, other, whole = (generator.sample(range(k), k) for k in (n, n, d))
    yield "random", whole
    yield "cycle", [(i + 1) % d for i in range(d)]
    yield "long stride", [(i + n // 2 + 1) % d for i in range(d)]
    yield "reversal", list(range(d))[::-1]
    yield "swap of halves", [(i + n) % d for i in range(d)]
    yield "neighbours", [i ^ 1 for i in range(d)]
    yield "one 3-cycle", [1, 2, 0, *range(3, d)]
    yield "half fixed", [*range(n), *(n + i for i in half)]
    yield "block diagonal", [*half, *(n + i for i in other)]
    yield "block antidiagonal", [*(n + i for i in half), *other]
    yield "half reversed", [*range(n), *range(d - 1, n - 1, -1)]
    yield "one exchanged", [*half[1:], n, half[0], *(n + i for i in range(1, n))]
    yield "interleaved", [*range(0, d, 2), *range(1, d, 2)]
    pairs = [*zip(whole[::2], whole[1::2], strict=True)]
    yield "involution", [image for _, image in sorted([*pairs, *(pair[::-1] for pair in pairs)])]


def cases(n):
    return [pytest.param(perm, id=f"{name}, n={n}") for name, perm in structured(n)]


@pytest.mark.parametrize("d", [2, 4, 6])
def test_every_even_permutation(d):
    for perm in permutations(range(d)):
        if permutation_sign(perm, [1] * d) == 1:
            checked_layers(perm, [1] * d)


@pytest.mark.parametrize("d", [2, 4])
def test_every_signed_permutation(d):
    for perm, signs in product(permutations(range(d)), product((1, -1), repeat=d)):
        if permutation_sign(perm, signs) == 1:
            checked_layers(perm, signs)


@pytest.mark.slow
def test_every_even_permutation_of_eight():
    for perm in permutations(range(8)):
        if permutation_sign(perm, [1] * 8) == 1:
            checked_layers(perm, [1] * 8)


@pytest.mark.slow
def test_every_signed_permutation_of_six():
    for perm, signs in product(permutations(range(6)), product((1, -1), repeat=6)):
        if permutation_sign(perm, signs) == 1:
            checked_layers(perm, signs)


@pytest.mark.parametrize("perm", [*cases(4), *cases(5), *cases(12), *cases(33), *cases(1000)])
def test_structured(perm):
    checked_layers(*swapped(perm))
    checked_layers(*even(perm))
    generator = Random(len(perm))
    checked_layers(*even(perm, [generator.choice((1, -1)) for _ in perm]))
    checked_layers(*even(perm, [-1] * len(perm)))


@pytest.mark.parametrize("name", ["random", "half fixed", "involution"])
def test_twenty_thousand_coordinates(name):
    checked_layers(*swapped(dict(structured(10_000))[name]))


@st.composite
def signed_permutations(draw, largest=12):
    n = draw(st.integers(1, largest))
    perm = draw(st.permutations(range(2 * n)))
    return even(perm, draw(st.lists(st.sampled_from((1, -1)), min_size=2 * n, max_size=2 * n)))


@given(signed_permutations())
@settings(max_examples=80, deadline=None)
def test_signed_permutations(case):
    checked_layers(*case)


@given(signed_permutations(6), st.integers(0, 5))
@settings(max_examples=80, deadline=None)
def test_commutator(case, attempt):
    """Any N of determinant 1: G Q = P G, R G = Q - I, with all three equal to their definitions."""
    perm, signs = case
    n = len(perm)
    zero = Monomial.from_columns(n, [], [], [])
    N = Monomial(np.array(perm), np.array(signs))
    P, Q, G, R = monomial_commutator(N, zero, zero, attempt)

    def dense(*terms):
        total = np.zeros((n, n), dtype=int)
        for term in terms:
            total[term.rows, np.arange(n)] += term.signs
        return total

    assert (dense(Q) == dense(P) @ dense(N)).all()
    assert (dense(*G) @ dense(Q) == dense(P) @ dense(*G)).all()
    assert (dense(*R) @ dense(*G) == dense(Q) - np.eye(n, dtype=int)).all()
    assert Matrix(dense(*G)).det() != 0


def test_identity_needs_no_layer():
    assert permutation_layers(range(6), [1] * 6) == []


def test_entries_are_ones_and_choice_repeats():
    perm, signs = swapped(Random(5).sample(range(400), 400))
    layers = checked_layers(perm, signs)
    assert all(layer.magnitude == 1 for layer in layers)
    assert layers == permutation_layers(perm, signs)


@given(st.permutations(range(7)), st.lists(st.sampled_from((1, -1)), min_size=7, max_size=7))
def test_sign_is_determinant(perm, signs):
    rows = {i: {j: ZZ(s)} for i, (j, s) in enumerate(zip(perm, signs, strict=True))}
    assert permutation_sign(perm, signs) == DomainMatrix(rows, (7, 7), ZZ).to_dense().det()


def test_cycles_partition_the_indices():
    assert cycles_of([1, 0, 2, 4, 5, 3]) == [[0, 1], [2], [3, 4, 5]]


@pytest.mark.parametrize("dense", [False, True])
def test_recognised(dense):
    matrix = as_matrix(permutation([2, 0, 3, 1]))
    matrix = matrix.to_dense() if dense else matrix
    assert signed_permutation(matrix) == ([2, 0, 3, 1], [1, 1, 1, 1])
    assert signed_permutation(-matrix) == ([2, 0, 3, 1], [-1, -1, -1, -1])


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 1], [0, 1]],
        [[1, 0], [1, 0]],
        [[0, 0], [0, 1]],
        [[2, 0], [0, "1/2"]],
        [[0, 0], [0, 0]],
    ],
)
@pytest.mark.parametrize("dense", [False, True])
def test_not_recognised(rows, dense):
    matrix = as_matrix(rows)
    assert signed_permutation(matrix.to_dense() if dense else matrix.to_sparse()) is None


def test_only_rational_matrices_are_recognised():
    assert signed_permutation(DomainMatrix.from_Matrix(eye(2)).convert_to(ZZ)) is None
    assert signed_permutation(DomainMatrix.from_Matrix(eye(2)).convert_to(QQ)) == ([0, 1], [1, 1])


@pytest.mark.parametrize("perm", [[1, 0], [1, 0, 2, 3], [3, 0, 1, 2], [5, 4, 3, 2, 1, 0]])
def test_orientation_of_odd_permutations(perm):
    """A flip, or two pads: zeros map to zeros and the data are permuted."""
    n, M = len(perm) // 2, permutation(perm)
    with pytest.raises(OrientationError, match=r"flip.*pad"):
        factor(M)
    assert factor(M, orientation="flip").matrix() == M
    flow = factor(M, orientation="pad")
    assert flow.matrix() == pad(M)
    x = list(range(1, 2 * n + 1))
    y = [x[j] for j in perm]
    assert list(flow.forward([*x[:n], 0, *x[n:], 0])) == [*y[:n], 0, *y[n:], 0]


def test_large_permutations_stay_sparse():
    perm, _ = even(Random(1).sample(range(20_000), 20_000))
    M = permutation(perm)
    flow = factor(M, orientation="flip")
    assert flow.is_sparse
    assert list(flow.forward(range(20_000))) == perm
    assert verify(flow, M).flow.depth <= 6
    wrong = permutation([perm[1], perm[0], *perm[2:]])
    with pytest.raises(VerificationError, match=rf"entry \(0, {min(perm[:2])}\)"):
        verify(flow, wrong)


def test_layers_hold_what_was_computed():
    """The sparse matrix and its arrays are the same entries."""
    perm, signs = swapped(Random(3).sample(range(40), 40))
    for layer in permutation_layers(perm, signs):
        arrays = SparseArray.from_matrix(layer.shift_matrix)
        assert arrays.to_matrix(QQ) == layer.shift_matrix
