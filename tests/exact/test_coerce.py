"""Everything enters exactly, or is refused with the entry named."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import CC, EX, EXRAW, GF, QQ, QQ_I, RR, ZZ, ZZ_I
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.sdm import SDM

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import (
    as_column,
    as_square_matrix,
    as_vectors,
    convert_to_common_field,
    is_equal,
)
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.depth import minimal_depth
from exactflow.linear.interpolation import interpolate
from exactflow.linear.padding import zero_padding

t = sympy.Symbol("t")
F5_T = GF(5).frac_field(t)
ROOT_T = QQ.algebraic_field(sympy.sqrt(2)).frac_field(t)


def entries(M):
    return [
        Fraction(int(x.numerator), int(x.denominator)) for x in as_square_matrix(M).to_list_flat()
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_dyadic(value):
    assert entries([[value]]) == [Fraction(value)]
    assert entries(np.array([[value]])) == [Fraction(value)]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_numpy_floats_of_any_width(dtype):
    value = dtype("0.1")
    assert entries(np.array([[value]])) == [Fraction(*value.as_integer_ratio())]


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, ">i4", ">f8", object, "U8"])
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


def test_other_fields_are_kept():
    assert as_square_matrix(sympy.Matrix([[sympy.sqrt(2), 1], [0, 1]])).domain.is_AlgebraicField
    assert as_square_matrix(sympy.Matrix([[sympy.Symbol("t")]])).domain.is_FractionField
    for domain, field in ((GF(7), GF(7)), (ZZ, QQ), (ZZ_I, QQ_I), (QQ[t], QQ.frac_field(t))):
        assert as_square_matrix(DomainMatrix([[domain.one]], (1, 1), domain)).domain == field


def test_numbers_beside_expressions_are_read_as_they_are_alone():
    numbers = ["1/3", "0.1", 0.5, Fraction(2, 7), np.float32(0.25), 10**400]
    alone = as_square_matrix([[number] + [0] * 5 for number in numbers]).to_Matrix()[:, 0]
    beside = as_square_matrix(
        [[number, sympy.sqrt(2)] + [0] * 4 for number in numbers]
    ).to_Matrix()[:, 0]
    assert alone == beside
    array = np.array([["1/3", sympy.sqrt(2)], [0, 1]], dtype=object)
    assert as_square_matrix(array) == as_square_matrix([["1/3", sympy.sqrt(2)], [0, 1]])


@pytest.mark.parametrize(
    ("M", "words"),
    [
        ([["1/0"]], "denominator zero"),
        ([["1//2"]], "got '1//2'"),
        ([["\u0661"]], "such as"),
        ([["1_000"]], "such as"),
        ([["True"]], "such as"),
        ([["1,2"]], "such as"),
        ([["2^3"]], "such as"),
        ([["0x10"]], "such as"),
        ([["I"]], "such as"),
        ([[sympy.sqrt(2), "I"], [0, 1]], r"\(0, 1\).*such as"),
        ([[sympy.sqrt(2), "2^3"], [0, 1]], r"\(0, 1\).*such as"),
        ([[sympy.sqrt(2), None], [0, 1]], r"\(0, 1\).*NoneType"),
        ([[sympy.sqrt(2), True], [0, 1]], r"\(0, 1\).*bool"),
        ([["010"]], "leading zeros"),
        ([["-1/02"]], "leading zeros"),
        ([[True]], "bool"),
        (np.array([[True]]), r"dtype bool: write \.astype\(int\)"),
        (np.array([[True]], dtype=object), "bool"),
        ([[b"1"]], "bytes"),
        ([[sympy.S.true]], "BooleanTrue"),
        ([[sympy.ImmutableMatrix([[1]])]], "ImmutableDenseMatrix"),
        ([[sympy.Symbol("A", commutative=False)]], "commuting symbols"),
        (sympy.Matrix([[sympy.Symbol("A", commutative=False)]]), "commuting symbols"),
        ([[sympy.sqrt(2), sympy.pi], [0, 1]], r"\(0, 1\).*by a symbol with assumptions"),
        ([[sympy.exp(t), sympy.exp(t / 2)], [0, 1]], r"for the entries.* exponentials beside"),
        ([[sympy.exp(t), t], [0, 1]], r"for the entries.* exponentials beside"),
        ([[t, sympy.sqrt(2)], [0, 1]], r"for the entries.* replace roots"),
        ([[t + sympy.sqrt(2), 1], [0, 1]], r"for entry \(0, 0\).* replace roots"),
        (DomainMatrix([[RR(0.1)]], (1, 1), RR), "over RR"),
        (DomainMatrix([[CC(0.1)]], (1, 1), CC), "over CC"),
        (DomainMatrix([[EX(sympy.pi)]], (1, 1), EX), "over EX"),
        (DomainMatrix([[sympy.pi]], (1, 1), EXRAW), "over EXRAW"),
        (DomainMatrix([[RR[t](0.1)]], (1, 1), RR[t]), "over RR"),
        (DomainMatrix([[QQ[sympy.pi](2)]], (1, 1), QQ[sympy.pi]), "by a symbol with assumptions"),
        (DomainMatrix([[GF(4)(1)]], (1, 1), GF(4)), "not prime"),
        (DomainMatrix([[GF(6)(1)]], (1, 1), GF(6)), "not prime"),
        (DomainMatrix([[GF(6)[t](1)]], (1, 1), GF(6)[t]), "not prime"),
        (
            DomainMatrix([[GF(5)[t](1)]], (1, 1), GF(5)[t]),
            r"over GF\(5\)\[t\]: .* values in GF\(5\)",
        ),
        (DomainMatrix([[ROOT_T.one]], (1, 1), ROOT_T), r"does not reduce quotients there"),
        (DomainMatrix([[F5_T.one]], (1, 1), F5_T), r"GF\(5\)\(t\): .* in GF\(5\)"),
        (DomainMatrix([[ROOT_T.one]], (1, 1), ROOT_T), r"\(t\): .* in QQ<sqrt\(2\)>"),
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
        (np.zeros((2, 2, 2)), "larger kernel"),
        (np.array([[np.nan]]), r"\(0, 0\).*nan"),
        (np.array([[1, 0], [0, -np.inf]]), r"\(1, 1\).*-inf"),
        (np.array([[1j]]), "complex128"),
        (np.array([[0.5, Fraction(1, 2)]], dtype=object).repeat(2, 0), "dtype float64"),
        (sympy.Matrix([[0.5]]), "RR"),
        (sympy.Matrix([[sympy.nan]]), "nan"),
        (sympy.Matrix([[sympy.oo]]), "oo"),
        (sympy.Matrix([[sympy.pi]]), "pi"),
        (sympy.Matrix([[sympy.sin(sympy.Symbol("t"))]]), "exactflow.cayley_rotation"),
        (object(), "object"),
    ],
)
def test_refuses(M, words):
    with pytest.raises(InvalidInputError, match=words):
        as_square_matrix(M)


def test_vectors():
    column = [[1], [2], [3]]
    for form in ([1, 2, 3], (1, 2, 3), range(1, 4), np.arange(1, 4), column, sympy.Matrix(column)):
        assert as_vectors(form, 3).to_Matrix() == sympy.Matrix(column)
    assert as_vectors([[1, 4], [2, 5]], 2).shape == (2, 2)
    with pytest.raises(InvalidInputError, match="3 entries"):
        as_vectors([1, 2], 3)


@pytest.mark.parametrize("values", ["12", b"12", {1, 2}, {1: 2}, None, 5, [1, [2]]])
def test_a_sequence_has_an_order_and_numbers(values):
    with pytest.raises(InvalidInputError, match="expected"):
        as_column(values)


def test_rationals_in_a_prime_field():
    M = as_square_matrix([["1/2", 3], [0, 1]])
    assert convert_to_common_field(M, GF(7)).to_Matrix() % 7 == sympy.Matrix([[4, 3], [0, 1]])
    with pytest.raises(InvalidInputError, match="denominator is 0"):
        convert_to_common_field(M, GF(2))
    with pytest.raises(InvalidInputError, match="one field"):
        convert_to_common_field(convert_to_common_field(M, GF(7)), GF(5))


def test_a_column_is_an_array_of_one_axis():
    assert as_column(np.array([1, 0])).to_list() == [[1], [0]]
    row = sympy.Matrix([[3, 4]])
    assert as_column(row).to_list() == as_column(row.to_DM()).to_list() == [[3], [4]]
    with pytest.raises(InvalidInputError, match="vectors of 1 entries"):  # it has two scales
        LinearCoupling((1, 1), "first", [[5]], scale=row.to_DM())
    with pytest.raises(InvalidInputError, match=r"got ndarray \[3 4\]"):
        as_column(np.array([[3, 4]]))


def test_tensors_without_dense_entries_are_refused():
    torch = pytest.importorskip("torch")
    one = torch.eye(1)
    for tensor, words in (
        (one.bool(), "dtype bool"),
        (one.to_sparse(), "dense tensor with entries, got a sparse_coo one: convert it"),
        (one.to("meta"), "dense tensor with entries, got a meta one: convert it"),
        (one.to(torch.complex64), "dtype complex64"),
        (one.int().conj(), None),
        (one.requires_grad_(), None),
    ):
        if words is None:
            assert entries(tensor) == [1]
        else:
            with pytest.raises(InvalidInputError, match=words):
                as_square_matrix(tensor)


def test_a_domain_matrix_that_contradicts_itself_is_refused():
    field = QQ.algebraic_field(sympy.sqrt(2))
    of_text = DomainMatrix.from_rep(SDM({0: {0: "1"}}, (1, 1), QQ))
    of_fractions, longer, beyond = (
        DomainMatrix([[field(1)]], (1, 1), field, fmt=fmt) for fmt in ("dense", "dense", "sparse")
    )
    of_fractions.rep[0][0] = QQ(1, 2)
    longer.rep.append([field(1)])
    beyond.rep[3] = {0: field(1)}
    for matrix, words in (
        (of_text, r"entry \(0, 0\): expected an element of QQ, .* got str"),
        (of_fractions, r"entry \(0, 0\): expected an element of QQ<sqrt\(2\)>"),
        (longer, "the rows of a DomainMatrix do not fit its shape 1 x 1"),
        (beyond, "the rows of a DomainMatrix do not fit its shape 1 x 1"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            as_square_matrix(matrix)


def test_stored_zeros_of_a_sparse_matrix_are_left_out():
    stored = DomainMatrix.from_rep(SDM({0: {0: QQ(1), 1: QQ(0)}, 1: {1: QQ(1)}}, (2, 2), QQ))
    assert as_square_matrix(stored).rep == DomainMatrix.eye(2, QQ).rep


@pytest.mark.parametrize("value", [2, sympy.sqrt(2), t])
def test_unevaluated_entries_are_evaluated(value):
    total = sympy.Add(value, value, evaluate=False)
    doubled = as_square_matrix([[2 * value]])
    assert is_equal(as_square_matrix([[total]]), doubled)
    own = LinearCoupling((1, 1), "first", [[1]]).matrix()  # it compares by value
    own[0, 0] = total
    assert is_equal(as_square_matrix(own)[:1, :1], doubled)


@pytest.mark.parametrize("fmt", ["dense", "sparse"])
def test_a_domain_matrix_is_copied(fmt):
    given = DomainMatrix([[QQ(2), QQ(1)], [QQ(1), QQ(1)]], (2, 2), QQ)
    given = given.to_dense() if fmt == "dense" else given.to_sparse()
    flow, layer = zero_padding(given), LinearCoupling((2, 2), "first", given)
    answer, found = minimal_depth(given), interpolate(given, [[1, 2], [3, 4]])
    given[0, 0] = QQ(7)
    before = sympy.Matrix([[2, 1], [1, 1]])
    assert flow.matrix()[:, :2] == sympy.Matrix.vstack(before, sympy.zeros(2))
    assert layer.shift == answer.matrix.to_Matrix() == found.points.to_Matrix() == before
    assert answer.explain().steps
    assert found.explain().steps
