"""Five layers where eigenvalues leave no freedom: linear equations for V decide."""

from dataclasses import replace
from fractions import Fraction

import pytest
from linear.depth.examples import (
    about,
    decided,
    diagonal,
    jordan,
    matrix,
    product_of,
    with_fixed_parts,
    with_scalar,
)
from linear.depth.tables import TIGHT
from sympy import QQ, Rational

from exactflow import checker, verify
from exactflow.exact import linalg
from exactflow.files.depth_certificate import depth_certificate_text, kind_and_witness_json_members
from exactflow.linear.depth import minimal_depth


def excludes(M, obstruction):
    """Return whether the stand-alone checker sees that an obstruction excludes its pattern."""
    n, p = M.shape[0] // 2, M.domain.mod if M.domain.is_FiniteField else 0
    rows = [
        [int(M.domain.to_int(x)) % p if p else Fraction(int(x.numerator), int(x.denominator))
         for x in row] for row in M.to_list()
    ]  # fmt: skip
    certificate = checker.DepthClaim(n, p, rows, "additive", {})
    inverse = checker.inverse(rows, p)
    blocks = checker.split_into_blocks(rows, inverse, n, obstruction["pattern"].startswith("L"))
    return checker.excludes_pattern(obstruction, certificate, blocks)


def checked_apart(found):
    """Return whether the stand-alone checker sees what was found, too."""
    n, p = found.matrix.shape[0] // 2, found.matrix.domain
    written = {"pattern": found.pattern, **kind_and_witness_json_members(found)}
    read = checker.read_obstruction(
        written, "", "additive", [n, n], p.mod if p.is_FiniteField else 0
    )
    return excludes(found.matrix, read)


@pytest.mark.parametrize("name", TIGHT)
def test_no_decided(name):
    found = decided("ULULU", TIGHT[name])
    assert found.kind == "tight"
    assert found.is_valid() is True
    assert "linear equations for V without a solution" in str(found)
    assert checked_apart(found)


def chain(*factors):
    """Return the obstruction to ULULU at some polynomials."""
    return {"pattern": "ULULU", "kind": "chain", "factors": factors}


X_1, X_2, X_3 = ([-s, 1] for s in (1, 2, 3))
X_2_X_3 = [6, -5, 1]


def test_the_checker_takes_factors_that_give_no_equations():
    """x - 1 and polynomials of degree two stand beside the eigenvalues that leave no freedom."""
    assert excludes(TIGHT["both parts"], chain(X_2, X_3))
    assert excludes(TIGHT["both parts"], chain(X_2, X_3, X_1, [1, 0, 1]))
    assert not excludes(TIGHT["both parts"], chain(X_1, [1, 0, 1]))


def test_the_checker_takes_no_equations_from_a_factor_of_degree_two():
    """Five layers are enough, and (x - 2)(x - 3) has as many blocks in Du as in aN, and r more."""
    M = with_fixed_parts(diagonal(2, 3), jordan((1, 2)), matrix([[-1, -1], [2, -1]]))
    answer = minimal_depth(M)
    assert (answer.lower, answer.upper) == (5, 5)
    assert not excludes(M, chain(X_2_X_3))


def test_the_checker_takes_no_equations_from_the_eigenvalue_one():
    M = with_fixed_parts(jordan((2, 2)), jordan((1, 2)), matrix([[2]]))
    assert not excludes(M, chain(X_1))
    assert not excludes(M, chain(X_1, X_3))


def test_the_checker_knows_both_traces_where_eigenvalues_fill_all_dimensions():
    """c = -2 C: the sum of tr C V and tr V c can be what it has to be, but not each of them."""
    M = with_scalar(QQ(2), diagonal(8, 4), diagonal(-4, -2))
    eigenvalues = [[-8, 1], [-4, 1], [4, 1], [2, 1]]
    assert excludes(M, chain(*eigenvalues))
    assert not excludes(M, chain(*eigenvalues[1:]))


@pytest.mark.parametrize("name", TIGHT)
def test_changed_witnesses_fail(name):
    found = decided("ULULU", TIGHT[name])
    n, field = found.matrix.shape[0] // 2, found.matrix.domain
    assert replace(found, witness=found.witness[1:]).is_valid() is False
    assert replace(found, witness=(*found.witness, (field.one, field.one * 7))).is_valid() is False
    assert about(found, linalg.identity(2 * n, field)).is_valid() is False
    assert replace(found, pattern="ULUL").is_valid() is False


def test_six_layers_exactly_with_a_certificate():
    M = TIGHT["both parts"]
    answer = minimal_depth(M)
    assert (answer.lower, answer.upper) == (6, 6)
    verify(answer.flow, M)
    report = checker.check(depth_certificate_text(answer).encode())
    assert report.verdict is checker.Verdict.VERIFIED


POSSIBLE = {
    "both parts": with_fixed_parts(diagonal(2, 2), diagonal(3, 3), diagonal(*[Rational(3, 2)] * 2)),
    "one eigenvalue in common": with_fixed_parts(diagonal(2, 2), diagonal(2, 3), diagonal(1, 5)),
}


@pytest.mark.parametrize("name", POSSIBLE)
def test_where_the_equations_have_a_solution_it_is_found(name):
    """The first is the only choice of D11 for which diag(2, 2) and diag(3, 3) go together."""
    M = POSSIBLE[name]
    shifts = decided("ULULU", M)
    assert product_of(shifts) == M
    factors = [[Fraction(-2), Fraction(1)], [Fraction(-3), Fraction(1)]]
    assert not excludes(M, {"pattern": "ULULU", "kind": "chain", "factors": factors})
