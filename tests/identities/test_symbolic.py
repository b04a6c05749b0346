"""Identities for all n: the true ones are proved, and the false ones refuted with their words."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.identities import IDENTITIES
from exactflow.identities.symbolic import (
    Identity,
    RefutedError,
    WordMatrix,
    WordSum,
    from_sympy,
    lower,
    symbols,
    upper,
)

X, Y, Z = symbols("X Y Z")


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_holds(name):
    identity = IDENTITIES[name]
    assert identity.statement
    assert identity.source
    assert str(identity.prove()).startswith(f"{name}: proved for all n")


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_is_refuted_after_a_change(name):
    left, right = IDENTITIES[name].sides()
    first, *rest = right.rows
    changed = WordMatrix.of([[*first[:-1], first[-1] + X * Y], *rest])
    with pytest.raises(RefutedError, match=r"block \(0, .\): -X Y"):
        replace(IDENTITIES[name], sides=lambda: (left, changed)).prove()


def test_the_transvection_route_needs_its_relations():
    with pytest.raises(RefutedError, match="s e"):
        replace(IDENTITIES["transvection route"], relations=()).prove()


def test_refutation_shows_the_surviving_words():
    false = Identity(
        "commuting", "U(X) L(Y) = L(Y) U(X)", "", lambda: (upper(X) @ lower(Y), lower(Y) @ upper(X))
    )
    with pytest.raises(RefutedError) as caught:
        false.prove()
    assert "block (0, 0): X Y; block (1, 1): -Y X" in str(caught.value)
    assert isinstance(caught.value, ExactFlowError)


def test_shapes_must_agree():
    wrong = Identity("", "", "", lambda: (upper(X), WordMatrix.of([[1], [0]])))
    with pytest.raises(InvalidInputError, match="one shape"):
        wrong.prove()


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
