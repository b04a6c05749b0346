"""Identities for all n: the true ones are proved, and the false ones refuted with their words."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.explanation.identity_text import parse_comma_separated_identities
from exactflow.explanation.symbolic_identities import IDENTITIES, FalseIdentityError, Identity


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_holds(name):
    identity = IDENTITIES[name]
    assert identity.statement
    assert identity.source
    assert str(identity.prove()).startswith(f"{name}: proved for all n")


@pytest.mark.parametrize("name", IDENTITIES)
def test_every_identity_is_refuted_after_a_change(name):
    *definitions, claimed = map(str, parse_comma_separated_identities(IDENTITIES[name].text))
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
        "X U(Y) = U(Y) X",
        "U(X) + Y = Y + U(X)",
        "blocks(U(X), Y, Z, 1) = blocks(U(X), Y, Z, 1)",
        "blocks(U(X), 1, 0, Y) = blocks(U(X), 1, 0, Y)",
        "U(X, Y) = U(X, Y)",
        "tr(X) Y = Y tr(X)",
        "rank(2 X) Y = rank(X) Y",
        "X^-12 = X^-1 2",
        "X^T2 = X^T 2",
        "X² = X X",
        "½ X Y = ½ X Y",
        "(X + Y)^-1 Z = 1",
        "1/0 X = 1",
        "1 X != 1 X",
        "X < Y",
    ):
        with pytest.raises(InvalidInputError, match="expected"):
            Identity("", "", "", text).prove()


def test_what_is_no_relation():
    for relation in (
        "s e = X",
        "s e f = 1",
        "K K = 2 K K",
        "s = 0",
        "U(s) = 1",
        "s e != 0",
        "s",
        "s e = 0, s e = 1",
    ):
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


@pytest.mark.parametrize(
    "text",
    [
        "A = A + 1",
        "A = A + 1, A X = A X + X",
        "D = 1 + Y Z, D = 1 + Z Y",
        "D = 1 + Y Z, D = 1 + Z Y, D X = X + Z Y X",
        "A = B, B = A + 1, A B = B A",
        "A = B + 1, B = A, A X = B X",
        "A = B, A = B, A B = B A",
        "A B = B A, A = B",
        "B A = 1, B = A^-1",
        "X = X",
        "A = 1 + A^-1, A A = A + 1",
    ],
)
def test_a_name_is_defined_once_before_its_use_and_not_by_itself(text):
    with pytest.raises(InvalidInputError, match="define it once, before its use"):
        Identity("", "", "", text).prove()


@pytest.mark.parametrize("text", ["A = B", "A = B, C = A B", "M = U(X)", "A = 1"])
def test_a_text_that_claims_nothing_is_refused(text):
    with pytest.raises(InvalidInputError, match="with a claim"):
        Identity("", "", "", text).prove()
    with pytest.raises(InvalidInputError, match="expected"):
        Identity("", "", "", "").prove()


def test_a_claim_about_a_name_has_brackets():
    Identity("", "", "", "D = 1 + Y Z, (D) = Y Z + 1").prove()
    with pytest.raises(FalseIdentityError, match="Y Z - Z Y"):
        Identity("", "", "", "D = 1 + Y Z, (D) = 1 + Z Y").prove()


def test_a_name_in_relations_is_not_defined():
    for text in ("s = X, s e = X", "e = X, s e = s X"):
        with pytest.raises(InvalidInputError, match="define it once"):
            Identity("", "", "", text, "s e = 0").prove()


@pytest.mark.parametrize(
    "relations", ["P Y = 1, Y P = 0", "P Y = 1, Y P = 2", "N N = 0, N M = 1", "K K = 1, K S = 0"]
)
def test_relations_without_matrices_are_refused(relations):
    with pytest.raises(InvalidInputError, match="relations between different nonzero symbols"):
        Identity("", "", "", "1 X = X", relations).prove()


def test_a_symbol_in_relations_has_the_inverse_that_they_give():
    Identity("", "", "", "(K X)^-1 = X^-1 K", "K K = 1").prove()
    Identity("", "", "", "P^-1 = 1/2 Y, Y^-1 = 1/2 P", "P Y = 2, Y P = 2").prove()
    for text, relations in (
        ("P^-1 = Y", "P Y = 1"),
        ("s^-1 e^-1 = 1", "s e = 1"),
        ("s^-1 (s e) = 0", "s e = 0"),
        ("N^-1 N = 1", "N N = 0"),
    ):
        with pytest.raises(InvalidInputError, match="do not determine the inverse"):
            Identity("", "", "", text, relations).prove()


def test_only_words_have_inverses():
    for text in (
        "(1 + X)^-1 (1 + X) = 1",
        "Y = X + 1, Y^-1 Y = 1",
        "Y = X - X, Y^-1 Y = 1",
        "0^-1 0 = 1",
        "blocks(1 + X, Y, 0, 1)^-1 blocks(1 + X, Y, 0, 1) = diag(1, 1)",
    ):
        with pytest.raises(InvalidInputError, match="expected"):
            Identity("", "", "", text).prove()


def test_blocks_have_the_inverse_with_factors_on_their_sides():
    inverse = "blocks(X, Y, 0, 1)^-1 = blocks(X^-1, -X^-1 Y, 0, 1)"
    assert Identity("", "", "", inverse).prove().hypotheses == ("X is invertible",)
    with pytest.raises(FalseIdentityError):
        Identity("", "", "", "blocks(X, Y, 0, 1)^-1 = blocks(X^-1, -Y X^-1, 0, 1)").prove()


def test_symbols_do_not_commute_and_numbers_do():
    Identity("", "", "", "2 U(X) = U(X) 2, t = 2/3, t X = X t").prove()
    for text in ("t X = X t", "t U(X) U(0) = U(X) t", "diag(t, t) U(X) = U(X) diag(t, t)"):
        with pytest.raises((FalseIdentityError, InvalidInputError)):
            Identity("", "", "", text).prove()


def test_a_proof_says_under_which_hypotheses():
    assert IDENTITIES["diagonal"].prove().hypotheses == ("X is invertible",)
    assert IDENTITIES["transvection route"].prove().hypotheses == (
        "2, A and Q are invertible",
        "s e = 0, w e = 1",
    )
    assert IDENTITIES["merged couplings"].prove().hypotheses == ()
    half = Identity("half", "", "", "1/2 X + 1/2 X = 1 X").prove()
    assert str(half) == "half: proved for all n, where 2 is invertible (1 blocks, 1 words compared)"


def test_words_are_reduced():
    Identity("", "", "", "X Y Y^-1 X^-1 = 1, X^-1 (X Y - Y X) = Y - X^-1 Y X").prove()
    Identity("", "", "", "(2 X Y)^-1 = 1/2 Y^-1 X^-1, (X Y^-1)^-1 = Y X^-1").prove()
    Identity("", "", "", "(X + Y) (X + Y) = X X + Y Y + X Y + Y X").prove()
    with pytest.raises(FalseIdentityError, match=r"-X Y \+ Y X"):
        Identity("", "", "", "(X + Y) (X - Y) = X X - Y Y").prove()


MATRICES = {
    "X": [[2, 1, 0, 0], [0, 1, 3, 0], [1, 0, 1, 1], [0, 5, 0, 1]],
    "Y": [[1, 0, 2, 1], [1, 1, 0, 0], [0, 7, 1, 0], [0, 0, 1, 1]],
    "Z": [[1, 3, 0, 0], [0, 1, 0, 2], [5, 0, 1, 0], [1, 0, 0, 1]],
}
LETTERS = st.sampled_from(["X", "Y", "Z", "X^-1", "Y^-1", "Z^-1"])
WORDS = st.lists(LETTERS, min_size=1, max_size=4).map(" ".join)
SUMS = st.lists(WORDS, min_size=1, max_size=3).map(" - 2 ".join)


@settings(max_examples=15)
@given(SUMS, SUMS, SUMS, WORDS)
def test_ring_axioms(a, b, c, word):
    for text in (
        f"(({a}) + {b}) ({c}) = ({a}) ({c}) + ({b}) ({c})",
        f"(({a}) ({b})) ({c}) = ({a}) (({b}) ({c}))",
        f"({word}) (3 {word})^-1 = 1/3",
        f"({word})^-1 ({word}) ({a}) = {a}",
    ):
        Identity("", "", "", text).prove()


@settings(max_examples=40)
@given(SUMS, SUMS, st.booleans())
def test_an_identity_is_proved_if_and_only_if_it_holds_in_matrices(a, b, is_same):
    text = f"({a}) ({b}) = ({a}) ({b})" if is_same else f"({a}) ({b}) = ({b}) ({a})"
    values = {
        name: DomainMatrix([[QQ(x) for x in row] for row in rows], (4, 4), QQ)
        for name, rows in MATRICES.items()
    }
    (claim,) = parse_comma_separated_identities(text)
    if claim.holds(values, QQ):
        Identity("", "", "", text).prove()
    else:
        with pytest.raises(FalseIdentityError):
            Identity("", "", "", text).prove()


@pytest.mark.parametrize("relations", ["A B = 2", "B A = 1/2", "A C = 0, A B = -1"])
def test_the_relation_that_a_refusal_names_determines_the_inverse(relations):
    claim = Identity("i", "", "", "A^-1 A = 1", relations)
    with pytest.raises(InvalidInputError, match="add the relation") as refused:
        claim.prove()
    remedy = str(refused.value).split('"')[1]
    relations = relations.replace("A C = 0, ", "")
    replace(claim, relations=f"{relations}, {remedy}").prove()


def test_a_divisor_of_zero_has_no_inverse():
    with pytest.raises(InvalidInputError, match=r"has an inverse, then \w+ is 0: omit \w+"):
        Identity("i", "", "", "A^-1 A = 1", "A B = 0").prove()
    with pytest.raises(InvalidInputError, match="a factor that can be inverted, got 0"):
        Identity("i", "", "", "(X) = 1/0").prove()
