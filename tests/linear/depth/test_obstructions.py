"""Obstructions check themselves, and fail when their witness or their matrix is changed."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linear.depth.examples import about, blocks, decided, diagonal, jordan, matrix, product_of
from linear.depth.tables import JORDAN, OBSTRUCTIONS
from sympy import GF, QQ, Symbol, sqrt

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.normal_forms import companion_block_exponents
from exactflow.explanation.identity_text import names_and_functions_in_formula
from exactflow.flows.evidence import Evidence
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.explanation import obstruction_step
from exactflow.linear.depth.fixed_parts import FixedParts, proved_rank
from exactflow.linear.depth.obstruction import KINDS, _charpoly_coefficient_from_top

ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
ONE3, ZERO3 = diagonal(1, 1, 1), diagonal(0, 0, 0)


@pytest.mark.parametrize("name", OBSTRUCTIONS)
def test_check_and_text(name):
    obstruction, kind = OBSTRUCTIONS[name]
    assert obstruction.kind == kind
    assert obstruction.is_valid() is True
    assert str(obstruction).startswith(f"not {obstruction.pattern}: ")
    assert "\n" not in str(obstruction)


@pytest.mark.parametrize("name", OBSTRUCTIONS)
def test_an_obstruction_fails_for_a_matrix_of_its_pattern(name):
    """The identity is a product of every pattern; a multiple of it is of the same field."""
    obstruction, _ = OBSTRUCTIONS[name]
    one = linalg.identity(obstruction.matrix.shape[0], QQ)
    assert about(obstruction, one).is_valid() is False


@pytest.mark.parametrize("name", OBSTRUCTIONS)
def test_an_obstruction_is_for_its_pattern_only(name):
    """No example is of two letters, nor of eight; but ranks exclude shorter words, too."""
    obstruction, kind = OBSTRUCTIONS[name]
    assert len(obstruction.pattern) not in (2, 8)
    for pattern in ("UL", "LU", "ULULULUL"):
        excluded_too = kind == "rank" and len(pattern) == 2
        assert replace(obstruction, pattern=pattern).is_valid() is excluded_too


def times(M, c):
    return M * M.domain.convert(c)


X_1, X_2 = (QQ(1), QQ(-1)), (QQ(1), QQ(-2))


@pytest.mark.parametrize(
    ("name", "witness"),
    [
        ("entry", (ZERO, ZERO, ONE)),
        ("X C = A - I", (matrix([[0]]),) * 3),
        ("X + A Z = B", (ZERO, ZERO, ZERO)),
        ("coefficient", 3),
        ("coefficient", 0),
        ("coefficient", 4),
        ("divisor", (X_1,)),
        ("divisor", ((QQ(1), QQ(-4), QQ(4)),)),
        ("unit blocks", (X_2,)),
        ("intertwiner", (ZERO, ZERO, ZERO)),
        ("chain", (X_1, X_1)),
        ("scaled", (linalg.zeros(1, 5, QQ),)),
        ("scaled", ()),
        ("opposed", 2),
        ("opposed", 0),
    ],
)
def test_a_wrong_witness_fails(name, witness):
    obstruction, _ = OBSTRUCTIONS[name]
    wrong = replace(obstruction, witness=witness)
    assert wrong.is_valid() is False
    with pytest.raises(VerificationError, match=f"of kind {wrong.kind!r} does not exclude"):
        wrong.check()


def test_wrong_fixed_parts_fail():
    pencil = OBSTRUCTIONS["chain"][0].pencil
    parts = FixedParts.from_pencil(pencil)
    assert parts.is_valid(pencil)
    for wrong in ({"L": times(parts.L, 0)}, {"Du": times(parts.Du, 2)}, {"r": parts.r + 1},
                  {"N": times(parts.N, 0)}, {"aN": times(parts.aN, 2)}):  # fmt: skip
        assert not replace(parts, **wrong).is_valid(pencil)


@pytest.mark.parametrize("name", OBSTRUCTIONS)
def test_an_explanation_supposes_the_word_and_ends_in_a_contradiction(name):
    obstruction, _ = OBSTRUCTIONS[name]
    text = obstruction.explanation()
    assert text.startswith("Suppose M")
    first = "X" if len(obstruction.pattern) < 6 else "X1"
    assert re.search(rf"= {obstruction.pattern[0]}\((H\^-1 )?{first}\)", text)
    assert text.endswith(".")
    assert not any(sign in text for sign in "{}\n")


TEXTS = {
    "entry": "not L: D = I fails at (0, 0)",
    "C Z = D - I":
        "not LUL: a multiplier of X B = D - I, B Z = A - I, X + D Z = C gives 0 = 1",
    "coefficient": "not LULU: A and d have different traces",
    "divisor, C = 0": "not ULULU: C = 0, and D and a have different elementary divisors: blocks of "
        "sizes [1, 1] and [2] at x - 1/2",
    "intertwiner":
        "not ULUL: a multiplier of Y a = D Y, Y + D W = C, Y B - T D = D - I gives 0 = 1",
    "chain": "not ULULU: D - C V and a + V c both need dimension 4 to hold the parts that no V "
    "changes, but "
        "have 3 (rank(C) = 1)",
    "scaled": "not ULULU: a multiplier of u(x) g(x) = w(x) k^r g(x / k) gives 0 = 8",
    "tight": "not ULULU: the blocks at 2, 3 of D - C V and a + V c imply linear equations for V "
        "without a solution",
    "opposed": "not ULULU: C = 0, and D and a have diagonal entries of opposite signs",
    "three scaled layers": "not ULU: H A - X C = I for no positive diagonal H and "
        "matrix X",
    "not one scaled layer": "not L: A = I fails at (0, 0)",
    "kernels": "not ULUL: C H + G c = D G^-1 W - W H^-1 a for no positive diagonals G and H "
        "and matrix W",
    "rank": "not LULULUL: d - I has rank at least 3, but the factors L allow at most 2",
    "eigenvalues": "not ULULULU: the scalars -1 and -1 force the eigenvalues 1 (2 times) on a "
        "2 x 2 matrix",
    "signs":
        "not ULUL: D and a have principal minors whose signs clash at the sizes 1, 2 together",
}  # fmt: skip
ENDS = {
    "entry": "Suppose M = L(X). Then D = I, B = 0, A = I. But D = I fails at (0, 0).",
    "X C = A - I": "Then X C = A - I, C Z = D - I, X + A Z = B. Multiply the equations by "
        "the matrices K1, K2, .. (those that are not shown are 0), take traces and add: the result "
        "has no unknowns: it says 0 = 1.",
    "coefficient": "as det(x I - Y Z) = det(x I - Z Y) (Sylvester). But their traces are 7/2 and "
    "5.",
    "divisor": "(Flanders 1951). But they have blocks of sizes [1, 1] and [2] at x - 1/2.",
    "chain": "But they both need dimension 4 to hold the parts that no V changes, but have 3 "
        "(rank(C) = 1).",
    "tight": "This says p V c = -p (a - s), C V k = (D - s) k, tr(D - C V) = 10, "
        "tr(a + V c) = 10. But these are linear equations for V with no solution.",
    "opposed": "But D and a have diagonal entries of opposite signs: one sum is at least zero, the "
        "other at most, and not both vanish.",
    "kernels": "Then C H + G c = D G^-1 W - W H^-1 a. Multiply the equations by "
        "the matrices K1, K2, .. (those that are not shown are 0), take traces and add: the result "
        "says that a sum of positive numbers is at most 0.",
    "rank": "So the rank of d - I is at most 2 times 1. But it is at least 3.",
    "rank, scaled": "is at most 1 times 1 for some such diagonal. But it is at least 2.",
    "eigenvalues": "as often; beta is none of them: 1 (2 times). The next power is 1 again, "
        "which N would have 2 times more than it has.",
    "signs": "at the sizes 1, 2 combine these equations to a polynomial in the diagonals of x and "
        "y all of whose coefficients have one sign. But it vanishes at no positive x and y.",
}  # fmt: skip


def test_what_each_kind_says():
    assert {name: str(OBSTRUCTIONS[name][0]) for name in TEXTS} == TEXTS


@pytest.mark.parametrize("name", ENDS)
def test_how_each_explanation_ends(name):
    assert OBSTRUCTIONS[name][0].explanation().endswith(ENDS[name])


def test_every_kind_has_an_example_and_a_text():
    for names in (OBSTRUCTIONS, TEXTS, ENDS):
        assert {OBSTRUCTIONS[name][1] for name in names} == KINDS.keys()


def test_the_explanation_of_traces():
    first, second = minimal_depth(diagonal(-1, -1, -1, -1, 1, 1, 1, 1)).obstructions
    assert first.explanation() == (
        "Suppose M = U(X) L(Y) U(Z) L(W) U(V). As C = 0, the last factor changes neither D nor a. "
        "So D = I + Y Z and a = I + Z Y. D and a have one characteristic polynomial, as "
        "det(x I - Y Z) = det(x I - Z Y) (Sylvester). But their traces are 4 and -4."
    )
    assert "So A = I + Y Z and d = I + Z Y" in second.explanation()


def test_the_table_covers_every_length():
    for scales in ("additive", "positive"):
        lengths = [row.letters.get(scales, ()) for row in KINDS.values()]
        assert all(any(k in among for among in lengths) for k in range(100))
    for row in KINDS.values():
        assert row.written in ("trace", "similarity", "linear", "chain", "opposed", "")
        assert row.key in ("k", "factors", "multiplier", "")
        assert bool(row.key) == bool(row.written)
        assert row.theorem


@given(st.integers(1, 5).flatmap(lambda n: st.lists(
    st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=n, max_size=n)),
    st.sampled_from([QQ, GF(2), GF(3)]))  # fmt: skip
def test_newton_agrees_with_berkowitz(rows, field):
    M = matrix(rows, field)
    n = len(rows)
    assert [_charpoly_coefficient_from_top(M, k) for k in range(n + 1)] == M.charpoly_berk()


@pytest.mark.parametrize("field", [QQ, GF(2), GF(7)], ids=str)
def test_ranks_are_proved(field, monkeypatch):
    for rows in ([[0, 0], [0, 0]], [[1, 1], [1, 1]], [[1, 1], [0, 1]], [[0, 1], [0, 0]]):
        M = matrix(rows, field)
        assert proved_rank(M) == linalg.rank(M)
    J = matrix([[1, 1], [0, 1]], field)
    assert companion_block_exponents(J, (field.one, -field.one), proved_rank) == (2,)
    monkeypatch.setattr(linalg, "kernel", lambda M: linalg.identity(2, field)[:, :1])
    with pytest.raises(VerificationError, match="elimination gives the rank 1"):
        proved_rank(matrix([[1, 1], [1, 1]], field))


@pytest.mark.parametrize(
    "field", [QQ, GF(2), GF(7), QQ.algebraic_field(sqrt(2)), QQ.frac_field(Symbol("x"))], ids=str
)
def test_coefficients_over_every_field(field):
    """The characteristic polynomials are x^3 - 1 and x^3 - x - 1."""
    D = matrix([[0, 1, 0], [0, 0, 1], [1, 0, 0]], field)
    a = matrix([[0, 1, 0], [0, 0, 1], [1, 1, 0]], field)
    zero = linalg.zeros(3, 3, field)
    found = decided("ULUL", blocks(a.inv().to_dense(), zero, zero, D))
    assert (found.kind, found.witness, found.is_valid()) == ("trace", 2, True)
    assert not replace(found, witness=3).is_valid()


def test_names_follow_the_pattern():
    answer = minimal_depth(diagonal(-1, -1, 1, 1))
    assert str(answer.obstructions[0]) == "not ULULU: C = 0, and D and a have different traces"
    assert str(answer.obstructions[1]) == "not LULUL: B = 0, and A and d have different traces"
    assert repr(answer) == f"<MinimalDepth: {answer}>"


def test_the_answer_is_one_sentence():
    answer = minimal_depth(diagonal(-1, -1, 1, 1))
    assert str(answer) == (
        "exactly 6 additive layers: not ULULU, since C = 0, and D and a have different traces; "
        "not LULUL, since B = 0, and A and d have different traces"
    )
    assert answer.evidence == Evidence.EXACT
    assert answer._repr_latex_() == answer.flow._repr_latex_()
    html = answer._repr_html_()
    assert html.startswith("<p>exactly 6 additive layers [exact]</p><ul><li>not ULULU: C = 0")
    assert html.endswith(answer.flow._repr_html_())


def test_the_answer_without_reasons_and_undecided():
    nothing = minimal_depth(linalg.identity(2, QQ))
    assert str(nothing) == "exactly 0 additive layers"
    assert "<ul>" not in nothing._repr_html_()
    open_ = replace(nothing, lower=5, upper=6)
    assert str(open_) == "from 5 to 6 additive layers (not decided)"


@pytest.mark.parametrize(
    ("pattern", "upper", "lower", "sizes"),
    [
        ("ULUL", JORDAN, ONE3, "D and a have different elementary divisors: blocks of sizes "
         "[1, 1, 1] and [3]"),
        ("ULUL", ONE3, JORDAN, "[3] and [1, 1, 1]"),
        ("LULU", JORDAN, ONE3, "A and d have different elementary divisors: blocks of sizes "
         "[3] and [1, 1, 1]"),
        ("LULU", ONE3, JORDAN, "[1, 1, 1] and [3]"),
    ],
)  # fmt: skip
def test_unit_blocks_name_the_blocks_of_their_pattern(pattern, upper, lower, sizes):
    text = str(decided(pattern, blocks(upper, ZERO3, ZERO3, lower)))
    assert sizes in text
    assert text.endswith(" at x - 1, where they may differ by one each")


def test_unit_blocks_are_paired_by_their_sizes():
    """4, 4 and 3, 3, 1, 1 go together, 4, 4 and 3, 2, 2, 1 do not, though the counts are equal."""
    D, zero = jordan((1, 4), (1, 4)), linalg.zeros(8, 8, QQ)
    possible, a = jordan((1, 3), (1, 3), (1, 1), (1, 1)), jordan((1, 3), (1, 2), (1, 2), (1, 1))
    M = blocks(possible.inv().to_dense(), zero, zero, D)
    assert product_of(decided("ULUL", M)) == M
    found = decided("ULUL", blocks(a.inv().to_dense(), zero, zero, D))
    assert found.is_valid()
    assert "blocks of sizes [4, 4] and [3, 2, 2, 1] at x - 1," in str(found)


@pytest.mark.parametrize("name", OBSTRUCTIONS)
def test_every_kind_explains_itself_by_a_step_that_is_checked(name):
    obstruction, _ = OBSTRUCTIONS[name]
    step = obstruction_step(obstruction)
    assert step.rule == obstruction.kind
    assert f"of its inverse. Not {obstruction.pattern_text}: Suppose `M" in step.why
    assert step.identities
    assert step.is_valid()
    other = about(obstruction, obstruction.matrix * obstruction.matrix.domain.convert(2))
    assert not replace(step, before={"M": other.matrix}).is_valid()


@pytest.mark.parametrize(
    ("M", "scales", "claim", "rules"),
    [
        (diagonal(-1, -1, 1, 1), "additive", "`M` takes exactly 6 additive layers.",
         ["product", "trace", "trace", "shorter patterns"]),
        (diagonal(-1, -1, 1, 1), "positive", "`M` takes exactly 6 layers with positive scales.",
         ["product", "opposed", "opposed", "shorter patterns"]),
        (diagonal(1, 1, 1, 1), "additive", "`M` takes exactly 0 additive layers.", ["product"]),
    ],
)  # fmt: skip
def test_both_sides_are_told(M, scales, claim, rules):
    explanation = minimal_depth(M, scales=scales).explain()
    assert explanation.claim == claim
    assert [step.rule for step in explanation.steps] == rules
    assert "Suppose M" in str(explanation) or len(rules) == 1


def test_what_is_not_decided_is_a_step():
    M = diagonal(-1, -1, 1, 1)
    undecided = replace(minimal_depth(M), lower=5)
    *_, before, last = undecided.explain().steps
    assert (before.rule, last.rule, last.before) == ("shorter patterns", "not decided", {"M": M})
    assert last.why.startswith("Whether fewer than 6 layers suffice is not decided: ")


def test_certified_layers_are_told():
    M = matrix([[1, 2, 0, 1, 0, 1], [0, 1, 3, 0, 2, 0], [1, 0, 1, 1, 0, 0],
                [0, 1, 1, 2, 0, 1], [2, 0, 0, 1, 1, 0], [1, 1, 0, 0, 1, 3]])  # fmt: skip
    explanation = minimal_depth(M, scales="positive").explain()
    assert explanation.evidence is Evidence.CERTIFIED
    assert explanation.steps[0].rule == "four layers"
    assert explanation.steps[0].witness()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("opposed", ["minors(D, 1) >= 0", "minors(a, 1) <= 0"]),
        ("rank", ["rank(d - I) = 3"]),
        ("rank, scaled", ["K = J^T D J", "minors(-K, 1) >= 0", "minors(-K, 2) >= 0"]),
        ("eigenvalues", ["r alpha beta = 1", "rank(A - alpha I) = 0", "D = beta I"]),
    ],
)
def test_a_proof_shows_the_numbers_that_its_witness_is_about(name, shown):
    step = obstruction_step(OBSTRUCTIONS[name][0])
    assert set(shown) < set(step.checked)
    assert step.is_valid()
    for text in shown:
        used = set(names_and_functions_in_formula(text)) - {"minors", "rank", "I"}
        assert used <= {*step.after}
