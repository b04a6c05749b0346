"""DyadicMatrix against plain Fractions, on floats of every size."""

from fractions import Fraction
from operator import add, mul

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exactflow.exact.dyadic_matrix import BASE, DyadicMatrix

finite = st.floats(allow_nan=False, allow_infinity=False)
four = st.lists(finite, min_size=4, max_size=4).map(lambda x: np.array(x).reshape(2, 2))


def entries(M: DyadicMatrix) -> list[list[Fraction]]:
    return [[M.entry(i, j) for j in range(M.shape[1])] for i in range(M.shape[0])]


def fractions(M: np.ndarray) -> list[list[Fraction]]:
    return [list(map(Fraction, row)) for row in M.tolist()]


def product(A, B):
    columns = list(zip(*B, strict=True))
    return [[sum(map(mul, row, column)) for column in columns] for row in A]


@given(four)
def test_floats_are_taken_exactly(M):
    digits = DyadicMatrix.from_floats(M)
    assert entries(digits) == fractions(M)
    assert (abs(digits.planes) <= BASE).all()


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=4))
def test_floats_come_back(row):
    M = np.array([row])
    assert (DyadicMatrix.from_floats(M).to_approximate_floats() == M).all()


@given(four, four, four)
def test_arithmetic_is_exact(A, B, C):
    a, b, c = map(DyadicMatrix.from_floats, (A, B, C))
    exact = product(fractions(A), fractions(B))
    assert entries(a * b) == exact
    total = c.plus_product(a, b)
    rows = zip(exact, fractions(C), strict=True)
    assert entries(total) == [list(map(add, *pair)) for pair in rows]
    assert entries(total - c) == exact
    assert (abs(total.planes) <= BASE / 2 + 1).all()
    assert entries(a.scale_rows(DyadicMatrix.from_floats(B[:, :1]))) == [
        [Fraction(B[i, 0]) * x for x in row] for i, row in enumerate(fractions(A))
    ]
    assert entries(a.vstack(b)) == fractions(A) + fractions(B)
    assert total.max_abs() == max(abs(x) for row in entries(total) for x in row)


@given(st.lists(st.integers(-(10**60), 10**60), min_size=4, max_size=4), st.integers(-200, 200))
def test_integers(integers, low):
    M = np.array(integers, dtype=object).reshape(2, 2)
    unit = Fraction(2) ** low
    assert entries(DyadicMatrix.from_integers(M, low)) == [
        [x * unit for x in row] for row in M.tolist()
    ]


def test_a_long_sum_does_not_overflow():
    row = np.full((1, 40_000), float(2**20 - 1) / 2**10)
    assert (DyadicMatrix.from_floats(row) * DyadicMatrix.from_floats(row.T)).entry(
        0, 0
    ) == 40_000 * Fraction(row[0, 0]) ** 2


@given(four, st.lists(st.sampled_from([0.0, 0.5, 3.0]), min_size=2, max_size=2))
def test_sums_of_rows_from_above(M, weights):
    digits = DyadicMatrix.from_floats(M)
    for found, w in (
        (digits.bound_absolute_row_sums(), [1, 1]),
        (digits.bound_absolute_row_sums(np.array(weights)), weights),
    ):
        for bound, row in zip(found, fractions(M), strict=True):
            total = sum(abs(x) * Fraction(v) for x, v in zip(row, w, strict=True))
            assert total <= bound <= total * (1 + Fraction(1, 2**38)) + digits.max_abs() / 2**890
            assert bound == 0 or total


@given(four, st.integers(-(10**40), 10**40))
def test_times_an_integer(M, factor):
    found = entries(factor * DyadicMatrix.from_floats(M))
    assert found == [[factor * x for x in row] for row in fractions(M)]


def test_the_largest_of_near_ones():
    near = np.array([[1.0, 1.0 + 2.0**-52], [-1.0 - 2.0**-51, 1.0]])
    assert DyadicMatrix.from_floats(near).max_abs() == 1 + Fraction(1, 2**51)


@given(four)
def test_the_exponent_bounds_the_entries(M):
    digits = DyadicMatrix.from_floats(M)
    exponent = digits.bound_binary_exponent_of_entries()
    assert digits.max_abs() <= Fraction(2) ** exponent
    assert not M.any() or digits.max_abs() >= Fraction(2) ** (exponent - 3)


@pytest.mark.parametrize("scale", [1.0, 2.0**-1000, 2.0**900])
def test_norm_bound(scale):
    assert DyadicMatrix.from_floats(np.zeros((2, 2))).bound_frobenius_norm() == 0
    bound = DyadicMatrix.from_floats(
        scale * np.array([[1.0, 1.0], [0.0, 0.0]])
    ).bound_frobenius_norm()
    square = (bound / Fraction(scale)) ** 2
    assert 2 <= square < 2 + Fraction(1, 2**30)
