"""Symbols: their assumptions give signs, exponentials are symbols, blocks are for every size."""

import random
import re
from dataclasses import replace

import mpmath
import pytest
import sympy
from sympy import QQ, BlockMatrix, MatrixSymbol, Symbol, ZeroMatrix, cos, diag, exp, sin
from sympy.combinatorics import Permutation
from sympy.matrices.expressions import PermutationMatrix
from sympy.polys.matrices import DomainMatrix

from exactflow import explain, factor
from exactflow.errors import InvalidInputError, MethodError, OrientationError
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.explanation.identity_text import (
    evaluate_tree,
    names_in_tree,
    parse_comma_separated_identities,
)
from exactflow.flows.evidence import Evidence

t, s = sympy.symbols("t s")
positive, real = Symbol("p", positive=True), Symbol("r", real=True)
negative = Symbol("n", negative=True)


BLACKBOARD_Q = "\\mathbb{Q}"


@pytest.mark.parametrize(
    ("M", "assume"),
    [
        (diag(positive, 1, 1, 1), []),
        (diag(1 + real**2, 1), []),
        (diag(negative, negative - 1), []),
        (diag(exp(real), exp(2 * real), 1, 1), []),
        (diag(exp(real) + positive, 1), []),
        (diag(t, 1, 1, 1), [t > 0]),
        (diag(1 - s, t - 2), [s < 1, t > 2]),
        (diag((t - 1) * (t + positive), 1), [t > 1, t + positive > 0]),
        (sympy.Matrix([[0, -t], [1, 0]]), [0 < t]),
    ],
)
def test_signs_that_are_known(M, assume):
    flow = factor(M, assume=assume)
    assert flow.matrix().applyfunc(sympy.expand) == M.applyfunc(sympy.expand)
    assert (flow.inverse() @ flow).matrix() == sympy.eye(M.rows)


@pytest.mark.parametrize("det", [t, real, 1 - positive, (t * s - real) ** 3 * (t - s), real * s**2])
def test_signs_that_are_not_known(det):
    M = diag(det.expand(), 1)
    with pytest.raises(OrientationError, match="assume="):
        factor(M)
    assert factor(M, assume=[M[0, 0] > 0]).matrix() == M
    assert factor(M, scales="nonzero").matrix() == M


@pytest.mark.parametrize("det", [exp(t), exp(real) - 1, sympy.I * t, Symbol("w", imaginary=True)])
def test_no_inequality_is_advised_that_would_be_refused(det):
    with pytest.raises(OrientationError) as caught:
        factor(diag(det, 1))
    assert "assume=" not in str(caught.value)
    assert ("positive symbols" in str(caught.value)) == det.has(exp)


@pytest.mark.parametrize(
    ("M", "assume", "claim"),
    [
        (diag(t - 1, 1), [t > 2], "the product of one coupling, for t > 2."),
        (diag(t**2 - 1, 1), [t**2 - 1 > 0], "the product of one coupling, for t**2 - 1 > 0."),
        (diag(t - 1, 1), t > 1, "the product of one coupling, for t > 1."),
        (diag(real**2, 1), [], "the product of one coupling, unless r = 0."),
        (diag(t - s, s), [s > 0, t > s], "the product of 2 couplings, for s > 0 and t > s."),
    ],
)
def test_a_claim_says_for_which_values_it_holds(M, assume, claim):
    explanation = factor(M, assume=assume).explain()
    assert explanation.claim.replace("`", "").endswith(claim)
    assert claim in " ".join(str(explanation).split())
    for formula in re.findall("``([^`]+)``", explanation.claim):
        assert (
            f"${formula.replace('**2', '^{2}').replace('QQ', BLACKBOARD_Q)}$" in explanation.latex()
        )


@pytest.mark.parametrize("assume", [[], [t > -1], [s > 0], t > -1])
def test_the_advice_is_another_assumption_that_suffices(assume):
    with pytest.raises(OrientationError, match=r"assume=\[t > 0\]"):
        factor(diag(t, 1), assume=assume)
    assert factor(diag(t, 1), assume=[t > 0]).depth == 1


def test_contradictory_assumptions_are_refused():
    with pytest.raises(InvalidInputError, match="common solution"):
        factor(diag(t, 1), assume=[t > 1, t < 0])


def test_a_square_of_a_complex_symbol_has_no_sign():
    imaginary = Symbol("w", imaginary=True)
    with pytest.raises(OrientationError, match=r"sign of .* is unknown"):
        factor(diag(t**2, 1))
    with pytest.raises(OrientationError, match="det < 0"):
        factor(diag(imaginary**2, 1))
    assert factor(diag(t**2, 1), scales="nonzero").log_abs_det() == sympy.log(sympy.Abs(t**2))


def test_a_negative_determinant_of_symbols():
    with pytest.raises(OrientationError, match="det < 0"):
        factor(diag(negative, 1))
    assert factor(diag(negative, 1), orientation="flip").matrix() == diag(negative, 1)
    with pytest.raises(OrientationError, match="det < 0"):
        factor(diag(t, 1), assume=[t < 0])


def test_assumptions_end_with_the_call():
    factor(diag(t, 1), assume=[t > 0])
    with pytest.raises(OrientationError):
        factor(diag(t, 1))


@pytest.mark.parametrize("assume", [[t >= 0], ["t > 0"], [sympy.Eq(t, 1)], [t], 5, t])
def test_assumptions_that_are_none(assume):
    with pytest.raises(InvalidInputError, match="strict inequalities"):
        factor(diag(t, 1), assume=assume)


@pytest.mark.parametrize(
    ("M", "match"),
    [
        (sympy.Matrix([[cos(t), -sin(t)], [sin(t), cos(t)]]), "exactflow.cayley_rotation"),
        (diag(sympy.pi, 1), "by a symbol with assumptions"),
        (diag(exp(real), exp(real + 1)), "by a symbol with assumptions"),
        (MatrixSymbol("M", 4, 4), "exactflow.explain"),
        (BlockMatrix([[MatrixSymbol("A", 2, 2)]]), "blocks of every size"),
    ],
)
def test_what_has_no_field_says_where_to_go(M, match):
    with pytest.raises(InvalidInputError, match=match):
        factor(M)


def test_other_forms_of_matrices():
    assert factor(PermutationMatrix(Permutation([1, 2, 0, 3]))).depth <= 6
    assert factor(mpmath.matrix([[1, 2], [3, 7]])).matrix() == sympy.Matrix([[1, 2], [3, 7]])
    assert factor(sympy.Identity(2) * 2).matrix() == 2 * sympy.eye(2)


def test_many_symbols_are_refused_at_once():
    generic = sympy.Matrix(4, 4, sympy.symbols("a0:16"))
    with pytest.raises(MethodError, match=r"with 16 symbols .* up to 735,471 terms"):
        factor(generic, scales="nonzero")
    few = diag(*sympy.symbols("p0:16", positive=True))
    assert factor(few).matrix() == few


def test_blocks_of_every_size():
    A, B, C, D = (MatrixSymbol(name, 3, 3) for name in "PQRS")
    zero = ZeroMatrix(3, 3)
    general = explain(BlockMatrix([[A, B], [C, D]]))
    assert general.evidence is Evidence.FOR_ALL_N
    assert all(step.is_valid() for step in general.steps)
    assert "4 couplings" in explain(BlockMatrix([[A, zero], [zero, A.I]])).claim
    for other in ([[A, A], [C, D]], [[A, zero], [zero, D]], [[A, B, C]]):
        with pytest.raises(InvalidInputError, match="four different square symbols"):
            explain(BlockMatrix(other))


def test_a_claim_for_blocks_of_every_size_has_its_hypotheses():
    A, B, C, D = (MatrixSymbol(name, 3, 3) for name in "PQRS")
    assert explain(BlockMatrix([[A, B], [C, D]])).claim == (
        "`blocks(P, Q, R, S)` is the product of 5 couplings, for blocks of every size, over every "
        "field of more than two elements, if `R` is invertible and the determinant is 1."
    )
    text = explain(diagonal_of(A)).text(width=200)
    assert text.startswith(
        "diag(P, P^-1) is the product of 4 couplings, for blocks of every size, if P is invertible."
    )


def diagonal_of(X):
    """Return diag(X, X^-1)."""
    zero = ZeroMatrix(*X.shape)
    return BlockMatrix([[X, zero], [zero, sympy.Inverse(X).doit()]])


def drawn(name, n=3):
    """Return an invertible matrix of integers for a name."""
    draws = random.Random(name)
    lower = sympy.Matrix(n, n, lambda i, j: draws.randint(-3, 3) if i > j else int(i == j))
    upper = sympy.Matrix(n, n, lambda i, j: draws.randint(-3, 3) if i < j else int(i == j))
    return lower * upper


X, Y, Z = (MatrixSymbol(name, 3, 3) for name in "XYA")


@pytest.mark.parametrize(
    "block",
    [X, X + Y, X * Y, 2 * X, X.I, X.T, X**2, Z + X, Z * X, 3 * sympy.Identity(3) - X, 3 * X * Y],
)
def test_the_text_shown_for_blocks_is_so_in_matrices(block):
    explanation = explain(diagonal_of(block))
    letter = next(iter(explanation.steps[-1].before))
    value = block.subs({s: drawn(s.name) for s in block.atoms(MatrixSymbol)}).doit()
    assert isinstance(block, MatrixSymbol) or f"`{letter} = {block}`" in explanation.claim
    values = {letter: as_rectangular_matrix(sympy.Matrix(value))}
    (shown,) = explanation.steps[-1].identities
    sized = str(shown).replace("L(I)", f"L({letter} {letter}^-1)")  # else I is a number here
    assert parse_comma_separated_identities(sized)[0].holds(values, QQ)
    assert f"`diag({letter}, {letter}^-1)`" in explanation.claim


def test_the_text_that_is_shown_is_the_one_that_is_checked():
    *_, step = explain(diagonal_of(X + Y)).steps
    assert step.is_valid()
    for true, false in (("L(I)", "L(2)"), ("U(A^-1 - I)", "U(A - I)"), ("= diag(A,", "= diag(1,")):
        assert true in step.text
        assert not replace(step, text=step.text.replace(true, false)).is_valid()


@pytest.mark.parametrize("names", ["PQRS", "ABCD", "KPGY", "XYAM", "VWZX", "GKPC", "YZWV"])
def test_the_lines_shown_for_four_blocks_are_so_in_matrices(names):
    A, B, C, D = (MatrixSymbol(name, 3, 3) for name in names)
    step = explain(BlockMatrix([[A, B], [C, D]])).steps[-1]
    values = {}
    for line in step.identities:
        is_defined = line.left[0] == "name"
        for name in names_in_tree(line.right if is_defined else ("sum", line.left, line.right)):
            assert is_defined or name in values  # every letter is explained before its use
            values.setdefault(name, as_rectangular_matrix(drawn(name)))
        if is_defined:
            assert line.left[1] not in values
            rows = evaluate_tree(line.right, values, QQ)
            values[line.left[1]] = DomainMatrix(rows, (3, 3), QQ)
        assert line.holds(values, QQ)
    assert str(line).endswith(f"= blocks({', '.join(names)})")


def test_names_that_a_formula_would_read_as_functions_are_refused():
    for name in ("U", "L", "diag", "blocks", "det", "I", "\\alpha", "a b", "2X"):
        symbol = MatrixSymbol(name, 3, 3)
        for block in (symbol, symbol + X):
            with pytest.raises(InvalidInputError, match="must be renamed"):
                explain(diagonal_of(block))


def test_a_singular_block_has_no_inverse_beside_it():
    ones, zero = sympy.ones(2, 2).as_immutable(), ZeroMatrix(2, 2)
    with pytest.raises(InvalidInputError, match="four different square symbols"):
        explain(BlockMatrix([[ones, zero], [zero, ones]]))
