"""Permutations: integers of at most 2, at most six layers, about 11 n entries, and equality."""

from itertools import islice, pairwise, permutations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import GF, QQ, ZZ, Matrix, Symbol, eye, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, append_swap, factor, permutation, verify
from exactflow.errors import MethodError, OrientationError, VerificationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.signed_permutation import (
    cycle_of_last_index_then_others,
    find_column_and_sign_of_each_row,
    signed_permutation_det,
)
from exactflow.linear.factor.involutions import (
    SignedPermutation,
    find_reversing_involution_fixing_last,
)
from exactflow.linear.factor.permutation import at_most_six_layers_of_det_1_permutation


def checked_layers(perm, signs, partition=None):
    """Return the layers, having asserted all that is claimed of them."""
    d = len(perm)
    n, partition = d // 2, partition or (d // 2, d - d // 2)
    layers = at_most_six_layers_of_det_1_permutation(perm, signs, partition)
    derived = CouplingFlow(layers, partition).domain_matrix()
    assert dict(derived.iter_items()) == dict(zip(enumerate(perm), signs, strict=True))
    assert all(layer.is_additive and layer.is_sparse for layer in layers)
    assert all(a.moves != b.moves for a, b in pairwise(layers))
    assert all(layer.nnz for layer in layers)
    assert all(layer.magnitude in (1, 2) for layer in layers)
    assert sum(layer.nnz for layer in layers) <= 11 * n + d % 2
    p, q = partition
    smaller = set(range(p) if p <= q else range(p, d))
    larger = [i for i in range(d) if i not in smaller]
    rank_is_n = sum(perm[i] in smaller for i in larger) == n
    assert len(layers) <= (5 if rank_is_n else 6)
    return layers


def even(perm, signs=None):
    """Return perm and signs, one sign being changed if the determinant is -1."""
    signs = [1] * len(perm) if signs is None else list(signs)
    signs[-1] *= signed_permutation_det(perm, signs)
    return list(perm), signs


def swapped(perm):
    """Return perm, two images being exchanged if it is odd."""
    perm = list(perm)
    if signed_permutation_det(perm, [1] * len(perm)) < 0:
        perm[0], perm[-1] = perm[-1], perm[0]
    return perm, [1] * len(perm)


def structured(d):
    """Yield permutations of d coordinates by name."""
    n, generator = d // 2, Random(d)
    half, other, whole = (generator.sample(range(k), k) for k in (n, d - n, d))
    yield "random", whole
    yield "cycle", [(i + 1) % d for i in range(d)]
    yield "long stride", [(i + n // 2 + 1) % d for i in range(d)]
    yield "reversal", list(range(d))[::-1]
    yield "swap of halves", [(i + n) % d for i in range(d)]
    yield "neighbours", [min(i ^ 1, d - 1) for i in range(d - d % 2)] + [d - 1] * (d % 2)
    yield "one 3-cycle", [1, 2, 0, *range(3, d)]
    yield "half fixed", [*range(n), *(n + i for i in other)]
    yield "block diagonal", [*half, *(n + i for i in other)]
    yield "block antidiagonal", [*(d - n + i for i in half), *other]
    yield "half reversed", [*range(n), *range(d - 1, n - 1, -1)]
    yield "one exchanged", [*half[1:], n, half[0], *range(n + 1, d)]
    yield "interleaved", [*range(0, d, 2), *range(1, d, 2)]
    pairs = [*zip(whole[::2], whole[1::2], strict=False), *[(i, i) for i in whole[d - d % 2 :]]]
    yield "involution", [image for _, image in sorted({*pairs, *(pair[::-1] for pair in pairs)})]


def cases(d):
    return [pytest.param(perm, id=f"{name}, d={d}") for name, perm in structured(d)]


def each_of_determinant_one(d, signs):
    """Yield perm and signs."""
    for perm, chosen in product(permutations(range(d)), product(signs, repeat=d)):
        if signed_permutation_det(perm, chosen) == 1:
            yield perm, chosen


@pytest.mark.parametrize("d", [2, 3, 4, 5, 6])
def test_even_permutations(d):
    for perm, signs in islice(each_of_determinant_one(d, [1]), 0, None, 1 if d < 6 else 7):
        checked_layers(perm, signs)


@pytest.mark.parametrize("partition", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_signed_permutations_of_few(partition):
    step = 1 if sum(partition) < 4 else 5
    for perm, signs in islice(each_of_determinant_one(sum(partition), [1, -1]), 0, None, step):
        checked_layers(perm, signs, partition)


@pytest.mark.slow
def test_every_even_permutation_of_seven():
    for perm, signs in each_of_determinant_one(7, [1]):
        checked_layers(perm, signs)


@pytest.mark.slow
@pytest.mark.parametrize(("partition", "step"), [((2, 3), 1), ((3, 2), 1), ((3, 3), 7)])
def test_signed_permutations_of_more(partition, step):
    for perm, signs in islice(each_of_determinant_one(sum(partition), [1, -1]), 0, None, step):
        checked_layers(perm, signs, partition)


@pytest.mark.parametrize("perm", [*cases(8), *cases(9), *cases(24), *cases(501)])
def test_structured(perm):
    checked_layers(*swapped(perm))
    checked_layers(*even(perm))
    generator = Random(len(perm))
    checked_layers(*even(perm, [generator.choice((1, -1)) for _ in perm]))
    checked_layers(*even(perm, [-1] * len(perm)))


@pytest.mark.parametrize("name", ["random", "involution"])
def test_twenty_thousand_coordinates(name):
    checked_layers(*swapped(dict(structured(20_000))[name]))


@pytest.mark.slow
def test_many_coordinates():
    d = 400_001
    checked_layers(*swapped(Random(d).sample(range(d), d)))


@st.composite
def signed_permutations(draw, largest=24):
    d = draw(st.integers(2, largest))
    perm = draw(st.permutations(range(d)))
    return even(perm, draw(st.lists(st.sampled_from((1, -1)), min_size=d, max_size=d)))


@settings(max_examples=12)
@given(signed_permutations())
def test_signed_permutations(case):
    checked_layers(*case)
    n = len(case[0]) // 2
    checked_layers(*case, (len(case[0]) - n, n))


def dense(entries, d):
    total = np.zeros((d, d), dtype=int)
    np.add.at(total, (entries.rows, entries.columns), entries.values)
    return total


@settings(max_examples=12)
@given(signed_permutations(12))
def test_involutions(case):
    """K and K Theta are similar involutions, by g and any signs of its sign classes."""
    d, theta = len(case[0]), SignedPermutation(*map(np.array, case)).T
    F, K, g, Z, sign_classes = find_reversing_involution_fixing_last(theta)
    F, K, one = dense(F.entries, d), dense(K.entries, d), np.eye(d, dtype=int)
    T, signs = K @ F.T @ dense(theta.entries, d) @ F, (-1) ** (sign_classes % 2)
    g, Z = dense(g, d) * signs, signs[:, None] * dense(Z, d)
    assert (K == K.T).all()
    assert (K @ K == one).all()
    assert (T @ T == one).all()
    assert ((F @ K @ F.T)[-1] == one[-1]).all()
    assert (T @ g == g @ K).all()
    assert Matrix(g).det() != 0
    assert (Z @ g == K - one).all()


def test_identity_needs_no_layer():
    assert at_most_six_layers_of_det_1_permutation(range(6), [1] * 6) == []
    assert at_most_six_layers_of_det_1_permutation(range(7), [1] * 7) == []


def test_equal_calls_give_equal_layers():
    perm, signs = swapped(Random(5).sample(range(401), 401))
    assert checked_layers(perm, signs) == at_most_six_layers_of_det_1_permutation(perm, signs)


@given(st.permutations(range(7)), st.lists(st.sampled_from((1, -1)), min_size=7, max_size=7))
def test_sign_is_determinant(perm, signs):
    rows = {i: {j: ZZ(s)} for i, (j, s) in enumerate(zip(perm, signs, strict=True))}
    assert signed_permutation_det(perm, signs) == DomainMatrix(rows, (7, 7), ZZ).to_dense().det()


def test_cycles_partition_the_indices():
    assert cycle_of_last_index_then_others([1, 0, 2, 4, 5, 3]) == [[5, 3, 4], [0, 1], [2]]


@pytest.mark.parametrize("dense", [False, True])
def test_recognised(dense):
    matrix = as_square_matrix(permutation([2, 0, 3, 1]))
    matrix = matrix.to_dense() if dense else matrix
    for sign in (1, -1):
        assert find_column_and_sign_of_each_row(QQ(sign) * matrix) == ([2, 0, 3, 1], [sign] * 4)


@pytest.mark.parametrize(
    "rows",
    [[[1, 1], [0, 1]], [[1, 0], [1, 0]], [[0, 0], [0, 1]], [[2, 0], [0, "1/2"]], [[0, 0], [0, 0]]],
)
@pytest.mark.parametrize("dense", [False, True])
def test_not_recognised(rows, dense):
    matrix = as_square_matrix(rows)
    assert (
        find_column_and_sign_of_each_row(matrix.to_dense() if dense else matrix.to_sparse()) is None
    )


@pytest.mark.parametrize(
    "field", [ZZ, QQ, GF(2), GF(7), GF(7, symmetric=False), QQ.algebraic_field(sqrt(2)), QQ["t"]]
)
def test_signed_permutations_are_recognised_over_every_ring(field):
    matrix = DomainMatrix([[0, 0, 1], [-1, 0, 0], [0, 1, 0]], (3, 3), ZZ).convert_to(field)
    perm, signs = find_column_and_sign_of_each_row(matrix)
    assert perm == [2, 0, 1]
    assert signs == [1, 1 if field == GF(2) else -1, 1]
    assert find_column_and_sign_of_each_row(matrix * field.convert(4)) is None


def test_only_rational_permutations_take_the_route_of_permutations():
    M = permutation([1, 2, 0])
    assert factor(M).method == "permutation"
    assert factor(DomainMatrix.from_Matrix(M).convert_to(GF(7))).method != "permutation"


@pytest.mark.parametrize("field", [QQ, GF(2), GF(5), QQ.frac_field(Symbol("t"))])
def test_the_route_of_permutations_is_for_the_rationals(field):
    matrix = DomainMatrix.from_Matrix(eye(4)).convert_to(field).extract([1, 2, 0, 3], [*range(4)])
    assert (factor(matrix).method == "permutation") == field.is_QQ


@pytest.mark.parametrize(
    "perm", [[1, 0], [1, 0, 2], [1, 0, 2, 3], [3, 0, 1, 2], [0, 2, 1, 3, 4], [5, 4, 3, 2, 1, 0]]
)
def test_orientation_of_odd_permutations(perm):
    """A flip, or two pads: zeros map to zeros and the data are permuted."""
    n, M = len(perm) // 2, permutation(perm)
    with pytest.raises(OrientationError, match=r"flip.*pad"):
        factor(M)
    assert factor(M, orientation="flip").matrix() == M
    flow = factor(M, orientation="pad")
    assert flow.matrix() == append_swap(M)
    x = list(range(1, len(perm) + 1))
    y = [x[j] for j in perm]
    assert list(flow.forward([*x[:n], 0, *x[n:], 0])) == [*y[:n], 0, *y[n:], 0]


def test_large_permutations_stay_sparse():
    perm, _ = even(Random(1).sample(range(4000), 4000))
    M = permutation(perm)
    flow = factor(M, orientation="flip")
    assert flow.is_sparse
    assert list(flow.forward(range(4000))) == perm
    assert verify(flow, M).flow.depth <= 6
    wrong = permutation([perm[1], perm[0], *perm[2:]])
    with pytest.raises(VerificationError, match=rf"entry \(0, {min(perm[:2])}\)"):
        verify(flow, wrong)


@pytest.mark.parametrize("d", [2, 3, 10, 11, 501])
def test_masks(d):
    generator = Random(d)
    perm, halves = generator.sample(range(d), d), [1] * (d // 2) + [0] * (d - d // 2)
    generator.shuffle(halves)
    for mask in (halves, [1 - half for half in halves]):
        flow = factor(permutation(perm), partition=mask, orientation="flip")
        assert (flow.method, flow.is_sparse, flow.depth <= 6) == ("permutation", True, True)
        assert list(flow.forward(range(d))) == perm
        assert list(flow.inverse().forward(perm)) == list(range(d))
        with pytest.raises(VerificationError):
            verify(flow, permutation([*perm[1:], perm[0]]))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"partition": (1, 10_000)}, r"more than 128 coordinates, got the partition \(1, 10000\)"),
        ({"partition": (1, 10_000), "method": "permutation"}, r"got the partition \(1, 10000\)"),
    ],
)
def test_refused_at_once(options, match):
    with pytest.raises(MethodError, match=match):
        factor(permutation([1, 2, 0, *range(3, 10_001)]), **options)


def test_other_partitions_of_few_coordinates():
    M = permutation([1, 2, 0, 3, 4, 5])
    flow = factor(M, partition=(2, 4))
    assert (flow.method, flow.matrix()) == ("partition", M)


def test_layers_convert_when_asked():
    """The sparse matrix and its arrays are the same entries, whatever is asked of the layer."""
    perm, signs = swapped(Random(3).sample(range(41), 41))
    layers = at_most_six_layers_of_det_1_permutation(perm, signs)
    assert layers
    for layer in layers:
        dense = LinearCoupling(layer.partition, layer.moves, layer.shift_matrix.to_dense())
        assert (layer, hash(layer)) == (dense, hash(dense))
        assert (layer.nnz, layer.bits, layer.magnitude) == (dense.nnz, dense.bits, dense.magnitude)
        assert layer.sparse_integer_shift.to_sparse_matrix() == layer.shift_matrix
        assert layer.matrix() == dense.matrix()
        assert layer.inverse() == dense.inverse()
        assert layer.swap_halves() == dense.swap_halves()
