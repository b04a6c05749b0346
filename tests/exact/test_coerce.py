"""Everything enters exactly, or is refused with the entry named."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix, as_vectors
from exactflow.exact.numbers import format_rational, format_short, parse_rational


def entries(M):
    return [Fraction(int(x.numerator), int(x.denominator)) for x in as_matrix(M).to_list_flat()]


@given(st.fractions())
def test_text_round_trip(value):
    assert parse_rational(format_rational(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_dyadic(value):
    assert entries([[value]]) == [Fraction(value)]
    assert entries(np.array([[value]])) == [Fraction(value)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_numpy_floats_of_any_width(dtype):
    value = dtype("0.1")
    assert entries(np.array([[value]])) == [Fraction(*value.as_integer_ratio())]


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, ">i4", ">f8", object, "U8"])
def test_numpy_kinds(dtype):
    assert entries(np.array([[1, 0], [0, 1]]).astype(dtype)) == [1, 0, 0, 1]


@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_memory_order(order):
    M = np.array([[1, 2], [3, 4]], order=order)
    assert entries(M) == entries(M.T.T) == [1, 2, 3, 4]
    assert entries(M[::-1]) == [3, 4, 1, 2]


def test_exact_kinds_agree():
    rows = [["1/3", 2], [Fraction(-5, 7), "0.25"]]
    expected = [Fraction(1, 3), 2, Fraction(-5, 7), Fraction(1, 4)]
    M = sympy.Matrix(
        2, 2, [sympy.Rational(x.numerator, x.denominator) for x in map(Fraction, expected)]
    )
    for form in (
        rows,
        tuple(map(tuple, rows)),
        np.array(rows, dtype=object),
        M,
        M.as_immutable(),
        sympy.SparseMatrix(M),
        M.to_DM(),
        M.tolist(),
        DomainMatrix([[QQ(1, 3), QQ(2)], [QQ(-5, 7), QQ(1, 4)]], (2, 2), QQ),
    ):
        assert entries(form) == expected


def test_integers_over_4300_digits():
    digits = "7" * 6000
    assert format_rational(parse_rational(digits)) == digits
    assert parse_rational(f"1/{digits}").denominator == parse_rational(digits)
    assert "6000 characters" in format_short(parse_rational(digits))


def test_other_fields_are_kept():
    assert as_matrix(sympy.Matrix([[sympy.sqrt(2), 1], [0, 1]])).domain.is_AlgebraicField
    assert as_matrix(sympy.Matrix([[sympy.Symbol("t")]])).domain.is_FractionField
    assert as_matrix(DomainMatrix([[1]], (1, 1), GF(7))).domain == GF(7)


@pytest.mark.parametrize(
    ("M", "words"),
    [
        ([["1/0"]], "denominator zero"),
        ([["1//2"]], "got '1//2'"),
        ([["\u0661"]], "such as"),
        ([["1_000"]], "such as"),
        ([[""]], "such as"),
        ([["nan"]], "such as"),
        ([["1e999999999"]], "exponent"),
        ([[float("nan")]], "finite"),
        ([[float("inf")]], "finite"),
        ([[1j]], "complex"),
        ([[None]], "NoneType"),
        ([[1, 2], [3]], "equal length"),
        ([1, 2], "row 0"),
        ([[1, 2]], "1 x 2"),
        ([], "empty"),
        (np.zeros((0, 0)), "empty"),
        (np.zeros(4), "two axes"),
        (np.zeros((2, 2, 1)), "two axes"),
        (np.array([[np.nan]]), r"\(0, 0\).*nan"),
        (np.array([[1, 0], [0, -np.inf]]), r"\(1, 1\).*-inf"),
        (np.array([[1j]]), "complex128"),
        (np.array([[0.5, Fraction(1, 2)]], dtype=object).repeat(2, 0), "dtype float64"),
        (sympy.Matrix([[0.5]]), "RR"),
        (sympy.Matrix([[sympy.nan]]), "nan"),
        (sympy.Matrix([[sympy.oo]]), "oo"),
        (sympy.Matrix([[sympy.pi]]), "pi"),
        (sympy.Matrix([[sympy.sin(sympy.Symbol("t"))]]), "symbol of its own"),
        (object(), "object"),
    ],
)
def test_refuses(M, words):
    with pytest.raises(InvalidInputError, match=words):
        as_matrix(M)


def test_vectors():
    column = [[1], [2], [3]]
    for form in ([1, 2, 3], (1, 2, 3), range(1, 4), np.arange(1, 4), column, sympy.Matrix(column)):
        assert as_vectors(form, 3).to_Matrix() == sympy.Matrix(column)
    assert as_vectors([[1, 4], [2, 5]], 2).shape == (2, 2)
    with pytest.raises(InvalidInputError, match="3 entries"):
        as_vectors([1, 2], 3)
