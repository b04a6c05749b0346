"""Letters of a proof: none is a symbol of the matrix, none has two meanings, and all formulas hold.

The matrices have symbols named like the letters that proofs use.
"""

import random

import pytest
import sympy
from sympy import Symbol

from exactflow import explain, factor, minimal_depth
from exactflow.explanation import Explanation
from exactflow.explanation.identity_text import evaluate_tree

NAMES = ["a", "b", "c", "d", "x", "y", "k", "n", "A", "B", "X", "Y", "M", "U", "L", "P"]


def drawn(seed: int) -> tuple[sympy.Matrix, str]:
    """Return a matrix with one or two symbols, of 2 to 4 coordinates, and the way to explain it."""
    draws = random.Random(seed)
    x, y = (Symbol(name, positive=True) for name in draws.sample(NAMES, 2))
    n = draws.choice([2, 2, 3, 4])
    M = sympy.diag(*[draws.choice([1, 1, x, y, 1 / x, -1, 2]) for _ in range(n)])
    for _ in range(draws.choice([0, 1, 2, 3])):
        i, j = draws.sample(range(n), 2)
        M[i, :] = (M[i, :] + draws.choice([1, x, -1, 2]) * M[j, :]).applyfunc(sympy.expand)
    return M, draws.choice(["factor", "depth"])


def explained(seed: int) -> Explanation:
    M, way = drawn(seed)
    if way == "depth":
        return minimal_depth(M, orientation="flip").explain()
    return factor(M, scales="nonzero", orientation="flip").explain()


def assert_holds(explanation: Explanation) -> None:
    """Every formula holds with the values shown before it; no letter is a symbol or changes."""
    known = {}
    symbols = set().union(*(step.user_symbols for step in explanation.steps))
    for step in explanation.steps:
        assert not symbols & step.names_and_functions
        for name, value in {**step.before, **step.after}.items():
            assert known.setdefault(name, value) == value or step.rule == "shorter patterns"
        for identity in step.identities:
            assert identity.holds({**step.before, **step.after}, step.field), identity


@pytest.mark.parametrize(
    "seed", [*range(60), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(60, 200))]
)
def test_proofs_about_symbols_named_like_their_letters_hold(seed):
    explanation = explained(seed)
    assert_holds(explanation)
    assert explanation.latex().count("\\item") == len(explanation.steps)


ALL_NAMES = [*NAMES, "I", "T", "Delta", "l1", "C'", "K1", "s", "tr", "det"]


@pytest.mark.parametrize("name", ALL_NAMES)
def test_one_symbol_in_the_proofs_about_two_coordinates_has_no_letter(name):
    t = Symbol(name, positive=True)
    for M in (sympy.diag(t, 1 / t), sympy.Matrix([[1, t], [0, 1]])):
        assert_holds(factor(M, scales="nonzero").explain())
        assert_holds(minimal_depth(M).explain())


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_NAMES)
def test_one_symbol_in_the_proofs_about_four_coordinates_has_no_letter(name):
    t = Symbol(name, positive=True)
    M = sympy.diag(-1, -1, t, 1 / t)
    assert_holds(minimal_depth(M).explain())
    assert_holds(factor(M, scales="nonzero").explain())
    M = sympy.Matrix([[1, t, 0, 1], [0, 1, 2, 0], [t, 0, 1, 1], [0, 0, 3, 1]])
    assert_holds(factor(M, scales="nonzero").explain())


def test_the_letters_of_a_proof_give_way_to_the_symbols_of_the_matrix():
    x, y = sympy.symbols("x y", positive=True)
    a = Symbol("a", positive=True)
    told = str(minimal_depth(sympy.diag(a, 1 / a)).explain())
    assert "a' = [1/a]" in told
    assert "blocks(a', b, c, d) M = I" in told
    told = str(minimal_depth(sympy.diag(x, y, 1, 1 / (x * y))).explain())
    assert "x = x" not in told
    U = Symbol("U", positive=True)
    told = str(minimal_depth(sympy.diag(U, 1 / U)).explain())
    assert "U'(X)" in told


def test_a_symbol_that_no_letter_uses_changes_nothing():
    t = Symbol("t", positive=True)
    explanation = explain(sympy.diag(t, 1, 1, 1 / t))
    assert explanation.steps[0].names_and_functions == {"M", "A", "B", "C", "D", "blocks"}
    assert evaluate_tree(("identity", "I"), {}, explanation.steps[0].field) == 1
