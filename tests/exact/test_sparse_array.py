"""Sparse arrays against dense matrices; flows beyond 64 bits and with fractions, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ, diag
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.sparse_array import SparseInt64Matrix, compose_sparse_integer_shears
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling

small = st.one_of(st.just(0), st.integers(-3, 3), st.integers(-(2**25), 2**25))
entries = st.one_of(
    st.just(0), st.integers(-3, 3), st.integers(-(2**70), 2**70), st.fractions(max_denominator=5)
)


@st.composite
def matrices(draw, rows, columns, values=small):
    drawn = [[draw(values) for _ in range(columns)] for _ in range(rows)]
    rational = [[QQ(x.numerator, x.denominator) for x in row] for row in drawn]
    return DomainMatrix(rational, (rows, columns), QQ).to_sparse()


def as_dictionary(array):
    places = (divmod(place, array.shape[1]) for place in array.places.tolist())
    return dict(zip(places, array.values.tolist(), strict=True))


@given(matrices(3, 4), matrices(3, 2), matrices(2, 4))
def test_plus_product(S, A, B):
    result = SparseInt64Matrix.from_small_integers(S).plus_product(
        *map(SparseInt64Matrix.from_small_integers, (A, B))
    )
    assert as_dictionary(result) == dict((S + A * B).iter_items())


@given(matrices(2, 3), matrices(2, 3))
def test_sum(A, B):
    result = SparseInt64Matrix.from_small_integers(A) + -SparseInt64Matrix.from_small_integers(B)
    assert as_dictionary(result) == dict((A - B).iter_items())


def test_sums_beyond_64_bits():
    value = QQ(2**31)
    row = DomainMatrix({0: dict.fromkeys(range(4), value)}, (1, 4), QQ)
    array, column = (SparseInt64Matrix.from_small_integers(M) for M in (row, row.transpose()))
    zero = SparseInt64Matrix.from_small_integers(DomainMatrix({}, (1, 1), QQ))
    for product in (
        lambda: zero.plus_product(array, column),
        lambda: SparseInt64Matrix.from_small_integers(
            DomainMatrix({0: {0: QQ(2**62)}}, (1, 1), QQ)
        ),
        lambda: SparseInt64Matrix.from_small_integers(DomainMatrix({0: {0: QQ(1, 2)}}, (1, 1), QQ)),
    ):
        with pytest.raises(OverflowError):
            product()


def four_matrices(values):
    return st.tuples(*(matrices(*shape, values) for shape in ((2, 3), (3, 2), (2, 3), (5, 2))))


@given(st.sampled_from([small, entries]).flatmap(four_matrices), st.sets(st.integers(0, 4)))
def test_flows_are_composed_whether_their_entries_fit_64_bits_or_not(drawn, flips):
    X, Y, Z, columns = drawn
    steps = [("first", X), ("second", Y), ("first", Z)]
    flow = CouplingFlow([LinearCoupling((2, 3), *step) for step in steps], flips=flips)
    dense = CouplingFlow([LinearCoupling((2, 3), half, T.to_dense()) for half, T in steps])
    signs = [-1 if i in flips else 1 for i in range(5)]
    image = dense.forward(diag(*signs) * columns.to_Matrix())
    assert image == flow.forward(columns)


@given(matrices(3, 3))
def test_round_trip(M):
    assert SparseInt64Matrix.from_small_integers(M).to_sparse_matrix() == M
    assert SparseInt64Matrix.from_small_integers(M).nnz() == M.nnz()
    assert sorted(SparseInt64Matrix.from_small_integers(M).iter_values()) == sorted(M.iter_values())


def test_no_layer_is_the_identity():
    assert compose_sparse_integer_shears([], (1, 1)) == DomainMatrix.eye(2, QQ)
