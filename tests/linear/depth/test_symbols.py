"""Matrices with symbols: bounds that hold at every value that the answer does not except."""

import random
import re
from dataclasses import replace
from math import prod

import pytest
import sympy
from linear.depth.examples import about
from sympy import QQ, I, Matrix, Rational, Symbol, diag, expand, eye, sqrt

from exactflow.errors import (
    ExactFlowError,
    InvalidInputError,
    UndecidedClaimError,
    VerificationError,
)
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.testing import assert_depth

t, s = sympy.symbols("t s")
positive, real = Symbol("p", positive=True), Symbol("r", real=True)
FAMILY = [[positive - 1, -1], [2 * positive, positive - 1]]


BLACKBOARD_Q = "\\mathbb{Q}"


@pytest.mark.parametrize(
    ("M", "assume", "bounds"),
    [
        (FAMILY, [], (2, 3)),
        (FAMILY, [positive > 2], (2, 2)),
        (FAMILY, [positive < 1], (3, 3)),
        ([[real, 1], [-1, real]], [], (2, 3)),
        ([[real, 1], [-1, real]], real > 0, (2, 2)),
        (diag(real, real, 1, 1), [], (1, 6)),
        (diag(real, real, 1, 1), [real > 0], (1, 1)),
        (diag(real, real, 1, 1), [real < 0], (6, 6)),
        ([[t, 1], [0, 1]], [t > 1], (1, 1)),
        (diag(t, s), [t > 0, s > 0], (2, 2)),
        (diag(t - s, 1), [s > 1, t > s], (1, 1)),
    ],
)
def test_depth_of_a_family_is_bounded_by_what_is_known_of_signs(M, assume, bounds):
    answer = minimal_depth(M, assume=assume)
    assert (answer.lower, answer.upper) == bounds
    assert all(found.is_valid() for found in answer.obstructions)


@pytest.mark.parametrize(
    ("M", "assume", "where"),
    [
        (FAMILY, [positive > 2], ", for p > 2"),
        ([[1, t], [0, 1]], [], ", unless t = 0"),
        ([[1, t], [s, 1 + s * t]], [], ", unless s = 0 or t = 0"),
        ([[1, t], [0, 1]], [t > 0], ", for t > 0"),
        (diag(real, real, 1, 1), [real > 0], ", for r > 0, unless r = 1"),
        (diag(-1, -1, t, 1 / t), [], ", unless t = 0, t = 1 or t = -1"),
        ([[1, positive], [0, 1]], [], ""),
        ([[1, real**2 - 2], [0, 1]], [], ", unless r**2 - 2 = 0"),
    ],
)
def test_exceptional_values_stand_in_every_text(M, assume, where):
    answer = minimal_depth(M, assume=assume)
    claim = answer.explain().claim
    assert str(answer).startswith(answer.summary + where)
    assert claim.replace("`", "").endswith(f"{where}.")
    for formula in re.findall("``([^`]+)``", claim):
        assert (
            f"${formula.replace('**2', '^{2}').replace('QQ', BLACKBOARD_Q)}$"
            in answer.explain().latex()
        )


JORDAN = Matrix([[t, 1], [0, t]])
COMPANION = Matrix([[0, t], [1, 0]])
CHAIN = Matrix(sympy.BlockMatrix([[COMPANION, eye(2)], [sympy.zeros(2), COMPANION]]))


@pytest.mark.parametrize(
    ("M", "exceptional"),
    [
        (diag(JORDAN.inv(), t * eye(2)), (t, t - 1)),
        (diag(CHAIN.inv().applyfunc(sympy.cancel), COMPANION, COMPANION), (t, t - 1)),
    ],
)
def test_blocks_are_told_apart_where_eigenvalues_depend_on_a_symbol(M, exceptional):
    answer = minimal_depth(M)
    assert [found.kind for found in answer.obstructions] == ["similarity", "similarity"]
    assert (answer.summary, answer.exceptional_polynomials) == (
        "exactly 6 additive layers",
        exceptional,
    )
    assert minimal_depth(M.subs(t, 4)).lower == 6


def test_an_eigenvalue_that_becomes_one_is_exceptional():
    M = diag(JORDAN.inv(), t * eye(2))
    assert (minimal_depth(M).depth, minimal_depth(M.subs(t, 1)).depth) == (6, 4)


def test_a_claim_about_a_family_is_not_asserted_beyond_its_signs():
    assert_depth(FAMILY, 2, scales="positive", assume=[positive > 2])
    with pytest.raises(UndecidedClaimError, match="from 2 to 3"):
        assert_depth(FAMILY, 3, scales="positive")


def test_contradictory_assumptions_about_a_family_are_refused():
    with pytest.raises(InvalidInputError, match="common solution"):
        minimal_depth(diag(t, 1), assume=[t > 1, t < 0])


@pytest.mark.parametrize("assume", [[], [t > -1], [s > 0]])
def test_a_determinant_without_a_sign_is_refused_with_advice(assume):
    with pytest.raises(InvalidInputError, match=r"assume=\[t > 0\]"):
        minimal_depth(diag(t, 1), assume=assume)


def test_a_result_is_not_made_of_an_obstruction_that_fails_its_check():
    answer = minimal_depth([[1, 2], [0, 1]])
    wrong = about(answer.obstructions[0], linalg.identity(2, QQ))
    with pytest.raises(VerificationError, match="does not exclude the identity: this is a bug"):
        replace(answer, obstructions=(wrong,))


@pytest.mark.parametrize("power", [1, 144, 200])
def test_small_numbers_of_a_number_field_are_positive(power):
    small, large = (expand((sqrt(2) + sign) ** power) for sign in (-1, 1))
    assert minimal_depth([[small, 1], [0, large]], scales="positive").summary.startswith(
        "exactly 2"
    )
    assert minimal_depth(diag(small, large, 1, 1), scales="positive").depth == 1


def test_numbers_that_are_not_real_leave_positive_layers_undecided():
    answer = minimal_depth(diag(I, -I), scales="positive")
    assert all(found.is_valid() for found in answer.obstructions)
    assert answer.lower < answer.upper


PARAMETERS = [Symbol("t"), Symbol("t", real=True), Symbol("t", positive=True)]


def random_family(source, x, p, q):
    """A matrix in x: a product of few layers, a diagonal, or entries of degree at most two."""
    d, kind = p + q, source.randrange(3)
    numbers = [x, x - 1, x**2 - 2, 1, -1, 2, x + 1]
    if kind == 0:
        M = eye(d)
        for _ in range(source.randrange(1, 5)):
            layer = eye(d)
            rows, columns = [(range(p), range(p, d)), (range(p, d), range(p))][source.randrange(2)]
            for i in rows:
                for j in columns:
                    layer[i, j] = source.choice([0, *numbers])
            M = layer * M
        scales = [source.choice([1, 1, x, x**2 + 1, 1 - x, -1]) for _ in range(d)]
        return (M * diag(*scales)).applyfunc(sympy.cancel)
    if kind == 1:
        scales = [source.choice([x, x**2, 1 / x, -x, 1, -1, 2, 1 - x]) for _ in range(d - 1)]
        return diag(*scales, source.choice([x, sympy.cancel(1 / prod(scales))]))
    return Matrix(d, d, lambda i, j: source.choice([0, 0, 2 * x, -x, *numbers]))


def bounds_hold(answer, M, x, value, partition):
    """Whether the bounds for a family, and its layers, are right at a value."""
    there = M.subs(x, value)
    alone = minimal_depth(there, scales=answer.scales, orientation="flip", partition=partition)
    flow = answer.flow.at({x: value})
    return (
        answer.lower <= alone.upper
        and alone.lower <= answer.upper
        and flow.matrix() == there
        and flow.flips == answer.flow.flips
    )


@pytest.mark.parametrize("count", [1, pytest.param(40, marks=pytest.mark.slow)])
def test_depth_of_a_symbolic_family_holds_at_every_unexceptional_value(count):
    source, families = random.Random(59), 0
    while families < count:
        x, partition = source.choice(PARAMETERS), source.choice([(1, 1), (1, 2), (2, 2)])
        M = random_family(source, x, *partition)
        assume = source.choice([[], [x > 0], [x > 2], [x < 1], [x**2 > 2]])
        scales = source.choice(["auto", "positive"])
        options = {"scales": scales, "orientation": "flip", "partition": partition}
        try:
            answer = minimal_depth(M, assume=assume, **options)
        except ExactFlowError:  # singular, or a determinant without a sign
            continue
        families += 1
        drawn = (Rational(source.randint(-60, 60), source.randint(1, 20)) for _ in range(500))
        allowed = [
            value
            for value in dict.fromkeys(drawn)
            if (value > 0 or not x.is_positive)
            and all(sympy.sympify(relation).subs(x, value) for relation in assume)
            and all(f.subs(x, value) for f in answer.exceptional_polynomials)
        ]
        assert len(allowed) >= 7
        for value in allowed[:7]:
            assert bounds_hold(answer, M, x, value, partition), (M, scales, assume, value)


@pytest.mark.parametrize(
    "family",
    [lambda x: diag(x, 1 / x), lambda x: diag(x, x, sympy.Matrix([[1 / x, 1], [0, 1 / x]]))],
)
def test_a_symbol_with_braces_is_shown_as_it_is(family):
    plain, braced = (
        "\n".join([str(answer), *(found.explanation() for found in answer.obstructions)])
        for answer in (minimal_depth(family(Symbol(name))) for name in ("zzz", "z_{a}"))
    )
    assert braced.count("z_{a}") == plain.count("zzz") > 4
    [obstruction, *_] = minimal_depth([[1, 2], [3, 7]]).obstructions
    assert "M_{1} = " in obstruction.explanation(name="M_{1}")
