"""Matrices over one denominator against SymPy's, entry by entry."""

from hypothesis import given
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.rational import RationalMatrix

numbers = st.fractions(-100, 100, max_denominator=12)


@st.composite
def matrices(draw, rows, columns):
    drawn = [[draw(numbers) for _ in range(columns)] for _ in range(rows)]
    entries = [[QQ(x.numerator, x.denominator) for x in row] for row in drawn]
    return DomainMatrix(entries, (rows, columns), QQ).to_dense()


@given(matrices(2, 3), matrices(2, 3), matrices(3, 2))
def test_operations_are_those_of_sympy(A, B, C):
    a, b, c = map(RationalMatrix.of, (A, B, C))
    assert a.to_field() == A
    assert (a + b).to_field() == A + B
    assert (a @ c).to_field() == A * C
    scale = [QQ(2, 3), QQ(-5)]
    assert a.scale_rows(scale).to_field() == DomainMatrix.diag(scale, QQ) * A
    assert a.scale_rows([QQ(7, 2)] * 2).to_field() == A * QQ(7, 2)


def test_sums_are_in_lowest_terms_unless_over_a_power_of_two():
    third, half = (RationalMatrix.of(DomainMatrix([[QQ(1, k)]], (1, 1), QQ)) for k in (3, 2))
    assert (third + third + third).denominator == 1
    assert (half + half).denominator == 2
    assert (half + half).to_field() == DomainMatrix([[QQ(1)]], (1, 1), QQ)


def test_no_columns():
    empty = RationalMatrix.of(DomainMatrix([[], []], (2, 0), QQ))
    assert empty.shape == empty.scale_rows([QQ(1, 2), QQ(3)]).shape == (2, 0)
    wide = RationalMatrix.of(DomainMatrix.ones((3, 2), QQ).to_dense())
    assert (wide @ empty).to_field().shape == (3, 0)
