"""Matrices over common denominators, and layers in them, against SymPy's, entry by entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.rational_matrix import (
    RationalMatrix,
    compose_dense_over_QQ,
    is_composition_over_QQ,
    is_dense_composition_likely_faster,
    to_dense_if_rational_matrix,
    to_rational_matrix_if_large_over_QQ,
)

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
    assert compose_dense_over_QQ(layers, 2, columns) == first.vstack(second)
    assert compose_dense_over_QQ([], 2, columns) == columns


@pytest.mark.parametrize(
    ("entry", "columns", "faster"),
    [(QQ(1, 3), 16, True), (QQ(1, 3), 15, False), (QQ(5, 8), 16, False), (QQ(7), 64, False)],
)
def test_long_rational_products_alone_are_composed_over_one_denominator(entry, columns, faster):
    shifts = DomainMatrix([[QQ(1, 2)]], (1, 1), QQ), DomainMatrix([[entry]], (1, 1), QQ)
    layers = [("first", (QQ(1),), shift) for shift in shifts]
    assert (
        is_dense_composition_likely_faster(layers, DomainMatrix.zeros((2, columns), QQ)) is faster
    )


@pytest.mark.parametrize(
    ("rows", "field", "kind"),
    [(11, QQ, DomainMatrix), (12, QQ, RationalMatrix), (12, GF(5), DomainMatrix)],
)
def test_matrices_over_the_rationals_of_12_rows_get_one_denominator(rows, field, kind):
    M = DomainMatrix.eye(rows, field).to_dense()
    found = to_rational_matrix_if_large_over_QQ(M)
    assert isinstance(found, kind)
    assert to_dense_if_rational_matrix(found) == M


def test_no_columns():
    empty = DomainMatrix([[], []], (2, 0), QQ).to_dense()
    shift = DomainMatrix([[QQ(3)]], (1, 1), QQ).to_dense()
    assert compose_dense_over_QQ([("first", [QQ(1, 2)], shift)], 1, empty).shape == (2, 0)


@given(matrices(2, 3), matrices(3, 2), st.integers(0, 4), st.integers(0, 5))
def test_a_product_is_told_from_others(X, Y, place, count):
    layers = [("first", [QQ(1)] * 2, X), ("second", [QQ(1)] * 3, Y)] * 2
    layers.insert(place, ("second", [QQ(2), QQ(1), QQ(2, 3)], Y))
    layers = layers[:count]
    M = compose_dense_over_QQ(layers, 2, DomainMatrix.eye(5, QQ).to_dense())
    assert is_composition_over_QQ(layers, 2, M)
    for row, column in [(0, 0), (1, 4), (4, 1), (3, 3)]:
        entries = M.to_list()
        entries[row][column] += QQ(1, 7)
        assert not is_composition_over_QQ(layers, 2, DomainMatrix(entries, (5, 5), QQ).to_dense())


@given(matrices(2, 2), matrices(2, 2), numbers)
def test_operations_are_those_of_matrices(X, Y, c):
    x, y, c = (
        RationalMatrix.from_matrix(X),
        RationalMatrix.from_matrix(Y),
        QQ(c.numerator, c.denominator),
    )
    for found in (x + y, x + Y):
        assert found.to_dense_matrix() == X + Y
    for found in (x * y, X * y, x * Y):
        assert found.to_dense_matrix() == X * Y
    assert (x - Y).to_dense_matrix() == X - Y
    assert (x * c).to_dense_matrix() == (X * c).to_dense()
    assert x.vstack(y, Y).to_dense_matrix() == X.vstack(Y, Y)
    assert x.transpose().to_dense_matrix() == X.transpose()
    assert (x == y) == (X == Y)
    assert x + y == y + x


@pytest.mark.parametrize("rows", [40, 41, 95])
def test_a_product_by_strips(rows):
    X = DomainMatrix(
        [[QQ(i * j % 7, 1 + i % 3) for j in range(3)] for i in range(rows)], (rows, 3), QQ
    )
    Y = DomainMatrix([[QQ(1), QQ(2)], [QQ(3), QQ(-1, 2)], [QQ(0), QQ(5)]], (3, 2), QQ)
    assert (RationalMatrix.from_matrix(X) * RationalMatrix.from_matrix(Y)).to_dense_matrix() == (
        X * Y
    ).to_dense()
