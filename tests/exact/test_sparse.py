"""Sparse arrays against dense matrices, beyond 64 bits and with fractions, too."""

from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.sparse import SparseArray, composed
from exactflow.flows.flow import CouplingFlow, LinearCoupling

entries = st.one_of(
    st.just(0), st.integers(-3, 3), st.integers(-(2**70), 2**70), st.fractions(max_denominator=5)
)


@st.composite
def matrices(draw, rows, columns, values=entries):
    drawn = [[draw(values) for _ in range(columns)] for _ in range(rows)]
    rational = [[QQ(x.numerator, x.denominator) for x in row] for row in drawn]
    return DomainMatrix(rational, (rows, columns), QQ).to_sparse()


def as_dictionary(array):
    places = (divmod(place, array.shape[1]) for place in array.places.tolist())
    return dict(zip(places, array.values.tolist(), strict=True))


@given(matrices(3, 4), matrices(3, 2), matrices(2, 4))
def test_plus_product(S, A, B):
    result = SparseArray.from_matrix(S).plus_product(*map(SparseArray.from_matrix, (A, B)))
    assert as_dictionary(result) == dict((S + A * B).iter_items())


@given(matrices(2, 3), matrices(2, 3))
def test_sum(A, B):
    result = SparseArray.from_matrix(A) + -SparseArray.from_matrix(B)
    assert as_dictionary(result) == dict((A - B).iter_items())


def test_sums_beyond_64_bits():
    value = QQ(2**31)
    row = DomainMatrix({0: dict.fromkeys(range(4), value)}, (1, 4), QQ)
    array, column = (SparseArray.from_matrix(M) for M in (row, row.transpose()))
    zero = SparseArray.from_matrix(DomainMatrix({}, (1, 1), QQ))
    assert array.values.dtype == "int64"
    assert zero.plus_product(array, column).values.tolist() == [2**64]


@given(matrices(2, 3), matrices(3, 2), matrices(2, 3), st.sets(st.integers(0, 4)))
def test_composed(X, Y, Z, flips):
    steps = [("first", X), ("second", Y), ("first", Z)]
    flow = CouplingFlow([LinearCoupling((2, 3), *step) for step in steps], flips=flips)
    derived = as_dictionary(composed((2, 3), steps, flow.flips))
    assert derived == dict(flow.matrix().to_DM(QQ).iter_items())


@given(matrices(3, 3, st.integers(-4, 4)))
def test_round_trip(M):
    assert SparseArray.from_matrix(M).to_matrix(QQ) == M


def test_no_layer_is_the_identity():
    assert composed((1, 1), [], [1]).to_matrix(QQ).to_Matrix().tolist() == [[1, 0], [0, -1]]
