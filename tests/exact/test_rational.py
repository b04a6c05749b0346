"""Layers composed over common denominators against SymPy's matrices, entry by entry."""

from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.rational import composed_dense

numbers = st.fractions(-100, 100, max_denominator=12)


@st.composite
def matrices(draw, rows, columns):
    drawn = [[draw(numbers) for _ in range(columns)] for _ in range(rows)]
    entries = [[QQ(x.numerator, x.denominator) for x in row] for row in drawn]
    return DomainMatrix(entries, (rows, columns), QQ).to_dense()


@given(matrices(2, 3), matrices(3, 2), matrices(5, 2), st.sampled_from([[1, 1], [2, 2], [3, 5]]))
def test_layers_act_as_their_matrices(X, Y, columns, divisors):
    scale = [QQ(2, k) for k in divisors]
    layers = [("first", scale, X), ("second", [QQ(1)] * 3, Y), ("first", scale, -X)]
    first, second = columns[:2, :], columns[2:, :]
    first = DomainMatrix.diag(scale, QQ) * first + X * second
    second = second + Y * first
    first = DomainMatrix.diag(scale, QQ) * first - X * second
    assert composed_dense(layers, 2, columns) == first.vstack(second)
    assert composed_dense([], 2, columns) == columns


def test_no_columns():
    empty = DomainMatrix([[], []], (2, 0), QQ).to_dense()
    shift = DomainMatrix([[QQ(3)]], (1, 1), QQ).to_dense()
    assert composed_dense([("first", [QQ(1, 2)], shift)], 1, empty).shape == (2, 0)
