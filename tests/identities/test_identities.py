"""Identities for all n: the true ones are proved, and the false ones refuted with their words."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.explanation.identity import identities
from exactflow.identities import IDENTITIES, Identity, RefutedError
from exactflow.identities.words import WordMatrix, WordSum, from_sympy, symbols

X, Y, Z = symbols("X Y Z")


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_holds(name):
    identity = IDENTITIES[name]
    assert identity.statement
    assert identity.source
    assert str(identity.prove()).startswith(f"{name}: proved for all n")


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_is_refuted_after_a_change(name):
    *definitions, claimed = map(str, identities(IDENTITIES[name].text))
    left, right = claimed.split(" = ")
    changed = ", ".join([*definitions, f"{left} = L(Q R) U(Q R) {right}"])
    with pytest.raises(RefutedError, match="Q R"):
        replace(IDENTITIES[name], text=changed).prove()


def test_the_transvection_route_needs_its_relations():
    with pytest.raises(RefutedError, match="s e"):
        replace(IDENTITIES["transvection route"], relations=()).prove()


def test_refutation_shows_the_surviving_words():
    false = Identity("commuting", "shears commute", "", "U(X) L(Y) = L(Y) U(X)")
    with pytest.raises(RefutedError) as caught:
        false.prove()
    assert "block (0, 0): X Y; block (1, 1): -Y X" in str(caught.value)
    assert isinstance(caught.value, ExactFlowError)


def test_shapes_must_agree():
    for text in ("U(X) = X Y", "U(X) = diag(1, 2, 3)"):
        with pytest.raises(InvalidInputError, match="one shape"):
            Identity("", "", "", text).prove()


def test_what_is_no_equation_of_words():
    for text in (
        "U(X) =",
        "det(X) Y = 1",
        "X^T Y = 1",
        "blocks(X, Y) Z = 1",
        "2 U(X) Y = 1",
        "(X + Y)^-1 Z = 1",
    ):
        with pytest.raises(InvalidInputError, match="expected"):
            Identity("", "", "", text).prove()


def test_definitions_and_claims():
    half = Identity("", "", "", "Y = 2 X^-1, L(1/2 Y) U(-X) = blocks(1, -X, X^-1, 0), X Y = 2")
    matrix = WordMatrix.of([[1, -X], [X.inverse(), 0]])
    two = WordMatrix.of([[2]])
    assert half.expanded() == [(matrix, matrix), (two, two)]
    assert (half.prove().blocks, half.prove().words) == (5, 4)


def test_the_inverse_of_a_sum_is_refused():
    with pytest.raises(InvalidInputError, match="single word"):
        (1 + X).inverse()
    with pytest.raises(InvalidInputError, match="single word"):
        (X - X).inverse()
    assert (2 * X * Y).inverse() == Fraction(1, 2) * Y.inverse() * X.inverse()


def test_text():
    assert str(X - X) == "0"
    assert str(1 - 2 * X * Y.inverse() + Fraction(1, 2) * Z) == "1 - 2 X Y^-1 + 1/2 Z"


def test_relations_apply_until_nothing_changes():
    e, s = symbols("e s")
    assert (X * e * s * e * s).modulo({("s", "e"): 1}) == X * e * s
    assert (e * s * X * X.inverse() * e).modulo({("s", "e"): 0}) == X - X


def test_sympy_expressions():
    A, B = sympy.symbols("A B", commutative=False)
    expression = (A + B / 2) ** 2 * A**-1 - 3
    found = from_sympy(expression)
    a, b = symbols("A B")
    half = Fraction(1, 2)
    assert found == a - 3 + half * b + (half * a * b + half * half * b * b) * a.inverse()
    assert from_sympy(found.to_sympy()) == found
    for wrong in (sympy.Symbol("t"), A ** sympy.Rational(1, 2), sympy.sin(A), sympy.Float(0.5)):
        with pytest.raises(InvalidInputError, match="noncommutative"):
            from_sympy(wrong)


letters = st.tuples(st.sampled_from("XYZ"), st.sampled_from([1, -1]))
words = st.lists(letters, max_size=4).map(tuple)
sums = st.lists(st.tuples(words, st.integers(-2, 2).map(Fraction)), max_size=3).map(WordSum.collect)


@settings(deadline=None, max_examples=50)
@given(sums, sums, sums)
def test_ring_axioms(a, b, c):
    assert a + b == b + a
    assert (a + b) * c == a * c + b * c
    assert (a * b) * c == a * (b * c)
    assert a - a == X - X
    assert 1 * a == a * 1 == a


@settings(deadline=None, max_examples=50)
@given(words)
def test_inverses(word):
    w = WordSum.collect([(word, Fraction(3))])
    assert w * w.inverse() == w.inverse() * w == X * X.inverse()
