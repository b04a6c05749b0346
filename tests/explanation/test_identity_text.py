"""The language of identities: what is read is what is computed, and what is typeset."""

import pytest
from sympy import GF, QQ, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.explanation.identity_text import (
    formula_latex,
    name_latex,
    parse_comma_separated_identities,
    rename_in_formula,
)


def matrix(rows, field=QQ):
    return as_rectangular_matrix(rows).convert_to(field)


VALUES = {
    "A": matrix([[1, 2], [3, 5]]),
    "B": matrix([["1/2", 0], [1, 1]]),
    "C'": matrix([[0, 0], [1, 0]]),
    "e": matrix([[1], [2]]),
    "s": matrix([[2, -1]]),
    "t": QQ(3, 2),
    "I": matrix([[1, 0], [0, 1]]),
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("A A^-1 = 1", True),
        ("A - A = 0", True),
        ("s e = 0", True),
        ("e s = 0", False),
        ("(1 + e s) (1 - e s) = 1", True),
        ("det(A) = -1", True),
        ("det(A B) = det(A) det(B)", True),
        ("det(C') = 0", True),
        ("tr(A) = 6", True),
        ("rank(C') = 1", True),
        ("rank(C') < 2", True),
        ("rank(A) >= 2", True),
        ("largest(A) <= 5", True),
        ("largest(A) > 5", False),
        ("minors(A, 1) = s", False),
        ("minors(A, 2) = det(A)", True),
        ("minors(A, 1) > 0", True),
        ("minors(A, 2) >= 0", False),
        ("minors(-B, 1) <= 0", True),
        ("A > 0", True),
        ("s > 0", False),
        ("s < 0", False),
        ("C' >= 0", True),
        ("C' > 0", False),
        ("B - A < C'", True),
        ("C' < B - A", False),
        ("rank(A) = 5/2", False),
        ("t = 3/2", True),
        ("t + 1/2 = 2", True),
        ("t A = 3/2 A", True),
        ("2 t != 3", False),
        ("(A B)^T = B^T A^T", True),
        ("A^T^-1 = A^-1^T", True),
        ("- A + A = 0", True),
        ("A B = B A", False),
        ("diag(A, t) = diag(A, 3/2)", True),
        ("U(A) U(B) = U(A + B)", True),
        ("L(A) U(B) = U(B) L(A)", False),
        ("L(s) = L(s) U(0 e)", True),
        ("blocks(A, B, 0 A, A) = U(B A^-1) diag(A, A)", True),
        ("t - A = t I - A", True),
    ],
)
def test_holds(text, holds):
    (identity,) = parse_comma_separated_identities(text)
    assert identity.holds(VALUES, QQ) is holds
    assert str(identity) == text
    assert identity.latex()


def test_a_rank_is_compared_as_an_integer_over_a_small_field():
    F = GF(2)
    values = {"A": DomainMatrix([[F(1), F(0)], [F(0), F(1)]], (2, 2), F)}
    assert parse_comma_separated_identities("rank(A) = 2")[0].holds(values, F)
    assert not parse_comma_separated_identities("rank(A) = 0")[0].holds(values, F)


def test_numbers_of_any_length_are_read():
    long = "1" * 5000
    (found,) = parse_comma_separated_identities(f"{long} = {long} + 0")
    assert found.holds({}, QQ)
    (found,) = parse_comma_separated_identities(f"minors(I + A, {long}) = 0")
    with pytest.raises(InvalidInputError, match="minors of a size from 1 to 2"):
        found.holds({"A": DomainMatrix.eye(2, QQ)}, QQ)


def test_several_identities_keep_their_texts():
    first, second = parse_comma_separated_identities("A A^-1 = 1,  det(diag(A, B)) = -1/2")
    assert (str(first), str(second)) == ("A A^-1 = 1", "det(diag(A, B)) = -1/2")
    assert second.holds(VALUES, QQ)


def test_other_fields():
    F, K = GF(7), QQ.algebraic_field(sqrt(2))
    values = {"A": DomainMatrix([[F(3), F(1)], [F(1), F(5)]], (2, 2), F)}
    assert parse_comma_separated_identities("det(A) = 0")[0].holds(values, F)
    assert parse_comma_separated_identities("1/2 2 = 1")[0].holds(values, F)
    root = {"A": as_rectangular_matrix([[sqrt(2), 0], [0, 1 / sqrt(2)]])}
    assert parse_comma_separated_identities("det(A) = 1")[0].holds(root, K)


@pytest.mark.parametrize(
    "text",
    ["", "A", "A =", "A = B = C", "A = (B", "A $ B = 1", "= 1", "det A) = 1", "A = 1,", "A =  = 1"],
)
def test_what_is_no_identity_is_refused(text):
    with pytest.raises(InvalidInputError, match="expected"):
        parse_comma_separated_identities(text)


@pytest.mark.parametrize(
    "text", ["(" * 3000 + "X" + ")" * 3000 + " = X", "X" + "^-1 " * 3000 + "= X"]
)
def test_a_text_too_deep_for_the_recursion_is_refused(text):
    with pytest.raises(InvalidInputError, match="brackets at most 100 deep"):
        parse_comma_separated_identities(text)


def test_what_has_no_value_is_refused():
    with pytest.raises(InvalidInputError, match="the name 'Q' in the identity has no value"):
        parse_comma_separated_identities("Q = 1")[0].holds(VALUES, QQ)
    with pytest.raises(InvalidInputError, match="invertible matrix before"):
        parse_comma_separated_identities("C'^-1 = 1")[0].holds(VALUES, QQ)
    with pytest.raises(InvalidInputError, match="square"):
        parse_comma_separated_identities("e + 1 = e")[0].holds(VALUES, QQ)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("A^-12 = A^-1 2", "a name or a number"),
        ("A^T2 = 2 A^T", "a name or a number"),
        ("U(A, B) = U(A)", "one argument after U"),
        ("det(A, B) = 1", "one argument after det"),
        ("blocks(A, B) = A", "4 arguments after blocks"),
        ("minors(A) = A", "2 arguments after minors"),
        ("minors(A, t) = A", r"minors\(X, k\) with an integer k"),
        ("minors(A, 1/2) = A", r"minors\(X, k\) with an integer k"),
        ("A\u00b2 = A A", "a name or a number"),
        ("A * B = A", r"got '\*': write a product without a sign, as A B"),
        ("A**2 = A", r"got '\*': write a product"),
        ("A @ B = A", "got '@': write a product"),
        ("A^2 = A A", r"got '\^': the exponents are \^-1 and \^T; write a square as A A"),
        ("A / B = A", "got '/': write a quotient of matrices as A B"),
        ("A == A", "a relation in 'A == A', got '==': write =$"),
        ("A.T = A", r"got '\.': .* a transpose as A\^T"),
        ("[A + B] A = A", r"got '\[': write brackets as"),
        ("A = = A", "got '='$"),
    ],
)
def test_a_text_is_not_read_as_another(text, match):
    with pytest.raises(InvalidInputError, match=match):
        parse_comma_separated_identities(text)


def test_a_name_before_a_bracket_is_a_factor_unless_it_is_a_function():
    values = VALUES | {"neg": VALUES["A"], "sum": VALUES["B"]}
    assert parse_comma_separated_identities("neg (B) = A B")[0].holds(values, QQ)
    assert parse_comma_separated_identities("sum(A) = B A")[0].holds(values, QQ)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("A + s = A", "one shape"),
        ("A = e", "one shape"),
        ("A s = A", "a right factor with 2 rows"),
        ("e^-1 = e", "square"),
        ("blocks(A, e, s, A) = A", "a block of .* got 2 x 1"),
        ("blocks(A, 1, s, t) = A", "a block of .* got a number"),
        ("minors(A, 3) = 0", "from 1 to 2, got 3"),
        ("minors(A, 0) = 0", "from 1 to 2, got 0"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(text, match):
    with pytest.raises(InvalidInputError, match=match):
        parse_comma_separated_identities(text)[0].holds(VALUES, QQ)


def test_a_renamed_text_says_the_same():
    names = {"A": "T", "B": "A"}
    assert rename_in_formula("U(A) B^T A^-1 = L(B)", names) == "U(T) A^T T^-1 = L(A)"


def test_latex():
    (identity,) = parse_comma_separated_identities("M = L(-W0) U(X) + 1/2 e s^T - A^-1")
    assert identity.latex() == (
        "M = L\\left(-W_{0}\\right) U\\left(X\\right) + \\tfrac{1}{2} e s^{\\mathsf T} -A^{-1}"
    )
    assert name_latex("Theta'") == "\\Theta'"
    assert name_latex("scale") == "\\mathrm{scale}"
    assert name_latex("X_1") == "\\mathrm{X\\_}_{1}"


@pytest.mark.parametrize(
    ("text", "typeset"),
    [
        ("A = X*Y**(-1)", r"A = X Y^{-1}"),
        ("A = X**(-2)", r"A = X^{-2}"),
        ("A = X.T*Y", r"A = X^{\mathsf T}{} Y"),
        ("A = X.T**2", r"A = X^{\mathsf T}{}^{2}"),
        ("t**2 - 1/s > 0", r"t^{2} - 1/s > 0"),
    ],
)
def test_texts_of_sympy_in_latex(text, typeset):
    assert formula_latex(text) == typeset


def test_a_product_of_many_rows():
    X = matrix([[f"{i - j}/{1 + i + j}" for j in range(3)] for i in range(12)])
    Y = matrix([[f"{i + j}/{7 + i}" for j in range(4)] for i in range(3)])
    (identity,) = parse_comma_separated_identities("X Y = Z")
    assert identity.holds({"X": X, "Y": Y, "Z": X * Y}, QQ)
    for place in [(0, 0), (11, 3)]:
        wrong = (X * Y).to_list()
        wrong[place[0]][place[1]] += QQ(1, 7**9)
        assert not identity.holds({"X": X, "Y": Y, "Z": matrix(wrong)}, QQ)
