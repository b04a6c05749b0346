"""Sparse arrays against dense matrices, beyond 64 bits and with fractions, too."""

from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ, diag
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


@given(matrices(2, 3), matrices(3, 2), matrices(2, 3), matrices(5, 2), st.sets(st.integers(0, 4)))
def test_composed(X, Y, Z, columns, flips):
    steps = [("first", X), ("second", Y), ("first", Z)]
    arrays = [(half, SparseArray.from_matrix(T)) for half, T in steps]
    derived = composed(arrays, 2, SparseArray.from_matrix(columns).with_rows_negated(flips))
    flow = CouplingFlow([LinearCoupling((2, 3), *step) for step in steps], flips=flips)
    dense = CouplingFlow([LinearCoupling((2, 3), half, T.to_dense()) for half, T in steps])
    signs = [-1 if i in flips else 1 for i in range(5)]
    image = dense.forward(diag(*signs) * columns.to_Matrix())
    assert derived.to_matrix(QQ).to_Matrix() == image == flow.forward(columns)


@given(matrices(3, 4), st.permutations(range(3)), st.permutations(range(4)))
def test_relabelled(M, rows, columns):
    result = as_dictionary(SparseArray.from_matrix(M).relabelled(rows, columns))
    assert result == {(rows[i], columns[j]): value for (i, j), value in M.iter_items()}


@given(matrices(5, 2), st.integers(0, 5))
def test_split(M, p):
    first, second = SparseArray.from_matrix(M).split(p)
    assert first.to_matrix(QQ) == M[:p, :]
    assert second.to_matrix(QQ) == M[p:, :]
    assert first.above(second).to_matrix(QQ) == M


@given(matrices(3, 3))
def test_round_trip(M):
    assert SparseArray.from_matrix(M).to_matrix(QQ) == M
    assert SparseArray.from_matrix(M).nnz() == M.nnz()
    assert set(SparseArray.from_matrix(M).iter_values()) == set(M.iter_values())


def test_no_layer_is_the_identity():
    assert composed([], 1, SparseArray.identity(2)).to_matrix(QQ) == DomainMatrix.eye(2, QQ)
