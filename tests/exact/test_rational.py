"""Matrices over one denominator against SymPy's, entry by entry."""

from fractions import Fraction

import numpy as np
import pytest
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
    assert (a - b).to_field() == A - B
    assert (-a).to_field() == -A
    assert (a @ c).to_field() == A * C
    assert a.transpose().to_field() == A.transpose()
    assert a.extract([1, 0, 1], [2]).to_field() == A.extract([1, 0, 1], [2])
    square = (a @ c).det()
    assert QQ(square.numerator, square.denominator) == (A * C).det()
    scale = [QQ(2, 3), QQ(-5)]
    assert a.scale_rows(scale).to_field() == DomainMatrix.diag(scale, QQ) * A
    assert a.scale_rows([QQ(7, 2)] * 2).to_field() == A * QQ(7, 2)
    for exponent in (-3, 0, 5):
        assert a.times_power(exponent).to_field() == A * QQ(2) ** exponent
    largest = max(map(abs, A.to_list_flat()))
    assert a.largest() == Fraction(int(largest.numerator), int(largest.denominator))


def test_sums_are_in_lowest_terms_unless_over_a_power_of_two():
    third, half = (RationalMatrix.of(DomainMatrix([[QQ(1, k)]], (1, 1), QQ)) for k in (3, 2))
    assert (third + third + third).denominator == 1
    assert (half + half).denominator == 2
    assert (half + half).to_field() == DomainMatrix([[QQ(1)]], (1, 1), QQ)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_identities(shape):
    eye = RationalMatrix.eye(*shape)
    assert (eye.floats == np.eye(*shape)).all()
    assert eye.shape == shape


def test_no_columns():
    empty = RationalMatrix.of(DomainMatrix([[], []], (2, 0), QQ))
    assert empty.shape == empty.scale_rows([QQ(1, 2), QQ(3)]).shape == (2, 0)
    assert (RationalMatrix.eye(3, 2) @ empty).to_field().shape == (3, 0)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4))
def test_floats_come_back(row):
    M = np.array(row).reshape(2, 2)
    assert (RationalMatrix.of_floats(M).floats == M).all()


def test_rounding_down():
    M = RationalMatrix.of_floats(np.array([[1 + 2.0**-40, -(2.0**-40)]]))
    assert (M.rounded_down(10).floats == [[1, -(2.0**-10)]]).all()
    assert M.rounded_down(200) is M
    assert (M.rounded_down(40).floats == M.floats).all()
    third = RationalMatrix.of(DomainMatrix([[QQ(1, 3)]], (1, 1), QQ))
    assert third.rounded_down(1) is third
    with pytest.raises(OverflowError):
        M.times_power(2000).floats  # noqa: B018
