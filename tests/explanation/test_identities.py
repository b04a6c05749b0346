"""Identities for all n: the true ones are proved, and the false ones refuted with their words."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.explanation.identities import IDENTITIES, FalseIdentityError, Identity
from exactflow.explanation.identity import identities

LONG = "rotation", "hyperplane route"
NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in IDENTITIES
]


@pytest.mark.parametrize("name", NAMES)
def test_every_identity_holds(name):
    identity = IDENTITIES[name]
    assert identity.statement
    assert identity.source
    assert str(identity.prove()).startswith(f"{name}: proved for all n")


@pytest.mark.parametrize("name", NAMES)
def test_every_identity_is_refuted_after_a_change(name):
    *definitions, claimed = map(str, identities(IDENTITIES[name].text))
    left, right = claimed.split(" = ")
    changed = ", ".join([*definitions, f"{left} = L(Q R) U(Q R) {right}"])
    with pytest.raises(FalseIdentityError, match="Q R"):
        replace(IDENTITIES[name], text=changed).prove()


def test_the_transvection_route_needs_its_relations():
    with pytest.raises(FalseIdentityError, match="s e"):
        replace(IDENTITIES["transvection route"], relations="").prove()


def test_refutation_shows_the_surviving_words():
    false = Identity("commuting", "shears commute", "", "U(X) L(Y) = L(Y) U(X)")
    with pytest.raises(FalseIdentityError) as caught:
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
        "1/0 X = 1",
        "1 X != 1 X",
        "X < Y",
    ):
        with pytest.raises(InvalidInputError, match="expected"):
            Identity("", "", "", text).prove()


def test_what_is_no_relation():
    for relation in ("s e = X", "s e f = 1", "K K = 2 K K", "s = 0", "U(s) = 1", "s e != 0", "s"):
        with pytest.raises(InvalidInputError, match="expected"):
            Identity("", "", "", "1 s = s", relation).prove()


def test_definitions_and_claims():
    half = Identity("", "", "", "Y = 2 X^-1, L(1/2 Y) U(-X) = blocks(1, -X, X^-1, 0), X Y = 2")
    assert (half.prove().blocks, half.prove().words) == (5, 4)


def test_relations_apply_until_nothing_changes():
    Identity("", "", "", "X e s e s = X e s", "s e = 1").prove()
    Identity("", "", "", "e s X X^-1 e = 0", "s e = 0").prove()
    Identity("", "", "", "K K K X K^-1 K K = K X K", "K K = 1").prove()
    with pytest.raises(FalseIdentityError, match=r"-1 \+ e s"):
        Identity("", "", "", "e s = 1", "s e = 1").prove()
    with pytest.raises(FalseIdentityError, match=r"-1 \+ s\^-1 e\^-1"):  # which is (e s)^-1
        Identity("", "", "", "s^-1 e^-1 = 1", "s e = 1").prove()


def test_words_are_reduced():
    Identity("", "", "", "X Y Y^-1 X^-1 = 1, X^-1 (X Y - Y X) = Y - X^-1 Y X").prove()
    Identity("", "", "", "(2 X Y)^-1 = 1/2 Y^-1 X^-1, (X Y^-1)^-1 = Y X^-1").prove()
    Identity("", "", "", "(X + Y) (X + Y) = X X + Y Y + X Y + Y X").prove()
    with pytest.raises(FalseIdentityError, match=r"-X Y \+ Y X"):
        Identity("", "", "", "(X + Y) (X - Y) = X X - Y Y").prove()


LETTERS = st.sampled_from(["X", "Y", "Z", "X^-1", "Y^-1", "Z^-1"])
WORDS = st.lists(LETTERS, min_size=1, max_size=4).map(" ".join)
SUMS = st.lists(WORDS, min_size=1, max_size=3).map(" - 2 ".join)


@settings(deadline=None, max_examples=15)
@given(SUMS, SUMS, SUMS, WORDS)
def test_ring_axioms(a, b, c, word):
    for text in (
        f"(({a}) + {b}) ({c}) = ({a}) ({c}) + ({b}) ({c})",
        f"(({a}) ({b})) ({c}) = ({a}) (({b}) ({c}))",
        f"({word}) (3 {word})^-1 = 1/3",
        f"({word})^-1 ({word}) ({a}) = {a}",
    ):
        Identity("", "", "", text).prove()
