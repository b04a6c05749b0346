"""Obstructions check themselves, and fail when their witness or their matrix is changed."""

from dataclasses import replace

import pytest
from depth.examples import blocks, diagonal, matrix
from hypothesis import given
from hypothesis import strategies as st
from sympy import GF, QQ, Rational, Symbol, sqrt

from exactflow.depth import minimal_depth, similarity
from exactflow.depth.chain import ChainObstruction, ScaledObstruction
from exactflow.depth.five import five_layers
from exactflow.depth.obstructions import (
    EntryObstruction,
    IntertwinerObstruction,
    LinearObstruction,
)
from exactflow.depth.opposed import OpposedObstruction, ScaledEntryObstruction
from exactflow.depth.patterns import few_layers, four_layers, three_layers
from exactflow.depth.proportions import ProportionObstruction, positive_diagonals
from exactflow.depth.scaled import scaled_depth
from exactflow.depth.similarity import (
    CoefficientObstruction,
    DivisorObstruction,
    UnitBlocksObstruction,
    rank_witness,
)
from exactflow.exact import linalg
from exactflow.flows.result import Evidence

ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
JORDAN = matrix([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
ONE3, ZERO3 = diagonal(1, 1, 1), diagonal(0, 0, 0)
SCALED = blocks(
    diagonal(1, 1, Rational(1, 15), Rational(1, 4)),
    diagonal(0, 0, 0, 0),
    diagonal(1, 1, 0, 0),
    diagonal(2, 2, 3, 5),
)
RANK_ONE = blocks(
    diagonal(1, Rational(1, 3), Rational(1, 5)), ZERO3, diagonal(1, 0, 0), diagonal(1, 15, 1)
)
DIVISORS = blocks(matrix([[2, 1], [0, 2]]), ZERO, ZERO, diagonal(Rational(1, 2), Rational(1, 2)))
# D = 0 needs Y = C and Y B = -I
SINGULAR = blocks(ONE, matrix([[1, 1], [0, 1]]), -ONE, ZERO)

EXAMPLES = {
    "entry": (few_layers("L", blocks(ONE, ZERO, ONE, ONE) * blocks(ONE, ONE, ZERO, ONE)),
              EntryObstruction),
    "X C = A - I": (three_layers("ULU", diagonal(2, Rational(1, 2))), LinearObstruction),
    "C Z = D - I": (three_layers("LUL", blocks(ONE, ZERO, ZERO, JORDAN[1:, 1:].to_dense())),
                    LinearObstruction),
    "X + A Z = B": (
        three_layers("ULU", blocks(ONE, matrix([[0, 1], [0, 0]]), ONE, ONE)), LinearObstruction),
    "trace": (four_layers("ULUL", diagonal(-1, -1, 1, 1)), CoefficientObstruction),
    "coefficient": (four_layers("LULU", diagonal(2, Rational(1, 2), 1, 2, Rational(1, 4), 2)),
                    CoefficientObstruction),
    "divisor": (four_layers("ULUL", DIVISORS), DivisorObstruction),
    "divisor, C = 0": (five_layers("ULULU", DIVISORS), DivisorObstruction),
    "unit blocks": (four_layers("ULUL", blocks(JORDAN, ZERO3, ZERO3, ONE3)),
                    UnitBlocksObstruction),
    "unit blocks, exchanged": (four_layers("LULU", blocks(JORDAN, ZERO3, ZERO3, ONE3)),
                               UnitBlocksObstruction),
    "intertwiner": (four_layers("ULUL", SINGULAR), IntertwinerObstruction),
    "chain": (five_layers("ULULU", RANK_ONE), ChainObstruction),
    "scaled": (five_layers("ULULU", SCALED), ScaledObstruction),
    "opposed": (scaled_depth(diagonal(-1, -1, 1, 1)).obstructions[0], OpposedObstruction),
    "three scaled layers": (positive_diagonals("ULU", diagonal(-1, -2)), ProportionObstruction),
    "not one scaled layer": (scaled_depth(diagonal(2, 3)).obstructions[1],
                             ScaledEntryObstruction),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_check_and_text(name):
    obstruction, kind = EXAMPLES[name]
    assert type(obstruction) is kind
    assert obstruction.check() is True
    assert str(obstruction).startswith(f"not {obstruction.pattern}: ")
    assert "\n" not in str(obstruction)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_obstruction_fails_for_a_matrix_of_its_pattern(name):
    """The identity is a product of every pattern; a multiple of it is of the same field."""
    obstruction, _ = EXAMPLES[name]
    one = linalg.identity(obstruction.matrix.shape[0], QQ)
    assert replace(obstruction, matrix=one).check() is False


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_obstruction_is_for_its_pattern_only(name):
    obstruction, _ = EXAMPLES[name]
    if len(obstruction.pattern) >= 4 and "C = 0" not in name:
        assert replace(obstruction, pattern="UL").check() is False


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("entry", {"place": (0, 1)}),
        ("X C = A - I", {"P": matrix([[0]])}),
        ("X + A Z = B", {"R": ZERO}),
        ("coefficient", {"k": 3}),
        ("divisor", {"k": 2}),
        ("divisor", {"f": (QQ(1), QQ(-1))}),
        ("unit blocks", {"exchanged": False}),
        ("unit blocks", {"k": 0}),
        ("intertwiner", {"P": ZERO, "L": ZERO, "R": ZERO}),
        ("scaled", {"k": QQ(3)}),
        ("scaled", {"multiplier": linalg.zeros(1, 5, QQ)}),
        ("opposed", {"k": 2}),
    ],
)
def test_a_wrong_witness_fails(name, change):
    obstruction, _ = EXAMPLES[name]
    if name == "unit blocks":
        change = {k: not obstruction.exchanged if k == "exchanged" else v
                  for k, v in change.items()}  # fmt: skip
    assert replace(obstruction, **change).check() is False


def test_wrong_fixed_parts_fail():
    obstruction, _ = EXAMPLES["chain"]
    parts = obstruction.parts
    assert not replace(obstruction, parts=replace(parts, L=parts.L * QQ(0))).check()
    assert not replace(obstruction, parts=replace(parts, Du=parts.Du * QQ(2))).check()


@given(st.integers(1, 5).flatmap(lambda n: st.lists(
    st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=n, max_size=n)),
    st.sampled_from([QQ, GF(2), GF(3)]))  # fmt: skip
def test_hessenberg_agrees_with_berkowitz(rows, field):
    M = matrix(rows, field)
    n = len(rows)
    assert [similarity._coefficient(M, k) for k in range(n + 1)] == M.charpoly_berk()


@pytest.mark.parametrize("field", [QQ, GF(2), GF(7)], ids=str)
def test_rank_witness(field):
    for rows in ([[0, 0], [0, 0]], [[1, 1], [1, 1]], [[1, 1], [0, 1]], [[0, 1], [0, 0]]):
        M = matrix(rows, field)
        witness = rank_witness(M)
        assert witness.rank == linalg.rank(M)
        assert witness.check(M)
        others = [N for N in (M + linalg.identity(2, field),) if linalg.rank(N) != witness.rank]
        assert not any(witness.check(N) for N in others)


@pytest.mark.parametrize(
    "field",
    [QQ, GF(2), GF(7), QQ.algebraic_field(sqrt(2)), QQ.frac_field(Symbol("x"))],
    ids=str,
)
def test_coefficients_over_every_field(field):
    """The characteristic polynomials are x^3 - 1 and x^3 - x - 1."""
    D = matrix([[0, 1, 0], [0, 0, 1], [1, 0, 0]], field)
    a = matrix([[0, 1, 0], [0, 0, 1], [1, 1, 0]], field)
    zero = linalg.zeros(3, 3, field)
    found = four_layers("ULUL", blocks(a.inv().to_dense(), zero, zero, D))
    assert isinstance(found, CoefficientObstruction)
    assert (found.k, found.check()) == (2, True)
    assert not replace(found, k=3).check()


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
    ("pattern", "upper", "lower", "large", "small"),
    [
        ("ULUL", JORDAN, ONE3, "a", "D"),
        ("ULUL", ONE3, JORDAN, "D", "a"),
        ("LULU", JORDAN, ONE3, "A", "d"),
        ("LULU", ONE3, JORDAN, "d", "A"),
    ],
)
def test_unit_blocks_name_the_blocks_of_their_pattern(pattern, upper, lower, large, small):
    text = str(four_layers(pattern, blocks(upper, ZERO3, ZERO3, lower)))
    assert f"{large} has 1 of size > 2, {small} has 0 of size >= 2" in text
