"""Four layers with positive scales: rational for n = 2, certified beyond."""

import copy
import pickle
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import flint
import pytest
from linear.depth.examples import about, blocks, diagonal, matrix, random_rational, rotation, word
from sympy import QQ, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow import checker, random_matrix, verify
from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.flows.evidence import Evidence
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.minors import MinorEquations
from exactflow.linear.depth.pattern import PatternInstance, PrincipalMinors, SplitMatrix
from exactflow.linear.depth.result import CertifiedDepth
from exactflow.linear.depth.scaled import (
    find_four_layers_4x4,
    yield_charpoly_matching_diagonals_4x4,
)
from exactflow.linear.depth.scaled.certified import search_certified_layers
from exactflow.linear.depth.scaled.signs import opposed_minors_reason


def singular_below(M):
    """Return the matrix with the sum of the other rows of D as the last one, of positive det."""
    rows, n = M.to_list(), M.shape[0] // 2
    rows[-1][n:] = [sum(column) for column in zip(*(row[n:] for row in rows[n:-1]), strict=True)]
    N = matrix(rows)
    return N if N.det() > 0 else linalg.scale_rows([QQ(-1)] + [QQ(1)] * (2 * n - 1), N)


def rational(M):
    rows = [[flint.fmpq(int(x.numerator), int(x.denominator)) for x in row] for row in M.to_list()]
    return flint.fmpq_mat(rows)


def enclosing_product(layers):
    """Return balls that hold the matrix of layers, the first of which is applied first."""
    n = layers[0].shift.nrows()
    rows = flint.arb_mat(2 * n, 2 * n, 1).tolist()
    halves = [flint.arb_mat(rows[:n]), flint.arb_mat(rows[n:])]
    for layer in layers:
        i = ("first", "second").index(layer.moves)
        halves[i] = layer.scale * halves[i] + layer.shift * halves[1 - i]
    return flint.arb_mat([*halves[0].tolist(), *halves[1].tolist()])


@pytest.mark.parametrize(
    "d", [6, 8, *(pytest.param(d, marks=pytest.mark.slow) for d in (10, 12, 16))]
)
@pytest.mark.parametrize("make", [random_rational, rotation])
def test_certified(make, d):
    assert_certified(make(d, 0))


@pytest.mark.parametrize("d", [6, pytest.param(8, marks=pytest.mark.slow)])
def test_certified_where_D_is_singular(d):
    """q is scaled until l Y = l C, and W is corrected by r s."""
    M = singular_below(random_rational(d, 1))
    assert linalg.rank(linalg.split(M, d // 2).D) == d // 2 - 1
    assert_certified(M)


BOTH_SINGULAR = {
    "one block": [[3, 0, 0, 0, 0, 0], [-2, -1, 0, 0, 0, 0], [0, 0, 0, 0, -1, 0],
                  [0, 0, 0, 0, 0, -1], [0, 0, 3, 0, 0, 0], [0, 0, 0, -1, 0, 0]],
    "permuted": [[1, 0, 0, 0, 0, 0], [0, 0, -1, 0, 0, 0], [0, 0, 0, 0, 0, -3],
                 [0, -3, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0], [0, 0, 0, 2, 0, 0]],
    "one row more": [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, -1, -3], [0, 0, -1, 0, 0, 0],
                     [0, 0, 0, 0, 3, 0], [0, 0, 0, 3, 0, 0], [0, 2, 0, 0, 0, 0]],
    "another eigenvalue": [[2, 0, 2, 0, 0, 0], [0, -1, 0, 0, 0, 0], [0, 0, 0, -1, 2, 0],
                           [0, 0, 0, 2, 0, 0], [3, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -3]],
    "four": [[0, 0, 0, 0, 0, -3, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0], [2, 2, 0, 0, 0, 0, 0, 0],
             [0, 0, 0, 0, 0, 0, 0, 2], [0, 0, 2, 0, 0, 0, 0, 1], [0, 0, 0, 0, 3, 0, 0, 0],
             [3, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, -1, 1, 0]],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH_SINGULAR)
def test_certified_layers_are_small_where_D_and_a_are_singular(name):
    """The least squares for q alone would give q(D) an eigenvalue 0, and Y no inverse."""
    M = matrix(BOTH_SINGULAR[name])
    assert_certified(M)
    answer = minimal_depth(M, scales="positive")
    assert answer.existence.largest_absolute_midpoint < 10
    assert answer.error < Fraction(1, 2**40)


@pytest.mark.parametrize("copied", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_a_certified_answer_is_copied_with_its_proof(copied):
    answer = minimal_depth(matrix(BOTH_SINGULAR["one block"]), scales="positive")
    answer.explain()
    again = copied(answer)
    assert str(again) == str(answer)
    assert again.flow == answer.flow
    assert again.existence.is_valid() is True
    assert [layer.moves for layer in again.existence.layers] == [
        layer.moves for layer in answer.existence.layers
    ]


def assert_certified(M):
    d = M.shape[0]
    answer = minimal_depth(M, scales="positive")
    assert isinstance(answer, CertifiedDepth)
    assert (answer.lower, answer.upper, answer.evidence) == (4, 4, Evidence.CERTIFIED)
    assert all(reason.is_valid() for reason in answer.obstructions)
    existence, layers = answer.existence, answer.existence.layers
    assert existence.is_valid() is True
    assert [layer.moves for layer in layers] == [layer.moves for layer in answer.flow.layers]
    for layer in layers:
        entries = [*layer.scale.entries(), *layer.shift.entries()]
        assert all(x.rad() < 2**-50 for x in entries)
    assert all(layer.scale[i, i] > 0 for layer in layers for i in range(d // 2))
    with flint.ctx.workprec(existence.bits):
        assert enclosing_product(layers).contains(rational(M))
    difference = (answer.flow.domain_matrix() - M).to_list_flat()
    assert answer.error == max(map(abs, difference))
    assert 0 < answer.error < Fraction(1, 2**20)
    assert "as floats within" in str(answer)
    assert "[certified]" in answer._repr_html_()


def test_another_centre_is_refused():
    existence = search_certified_layers(SplitMatrix(random_rational(6, 0)))
    centre, unknowns = existence.centre, existence.unknowns
    moved = (centre[0] * QQ(101, 100), *centre[1:])
    assert replace(existence, centre=moved).is_valid() is False
    with pytest.raises(VerificationError, match="four layers are not proved to exist: "):
        replace(existence, centre=moved).check()
    assert replace(existence, centre=tuple(-x for x in centre)).is_valid() is False
    assert replace(existence, centre=(QQ(0),) * 6).is_valid() is False
    other = {"ULUL": "LULU", "LULU": "ULUL"}[existence.pattern]
    assert replace(existence, pattern=other).is_valid() is False
    assert about(existence, random_rational(6, 1)).is_valid() is False
    assert replace(existence, unknowns=unknowns[:2]).is_valid() is False


def test_equations_hold_at_an_exact_solution():
    """n = 2: the residuals of a rational solution are zero, and the matrices are similar."""
    M = random_rational(4, 3)
    instance = PatternInstance("ULUL", SplitMatrix(M), "positive")
    _, D, a, _ = instance.pencil
    equations = MinorEquations.from_four_or_five_letter_pattern(instance)
    solutions = list(yield_charpoly_matching_diagonals_4x4(instance))
    assert solutions
    for E, G in solutions:
        of_D = linalg.scale_columns(D, [1 / g for g in G])
        assert of_D.charpoly() == linalg.scale_rows(E, a).charpoly()
        x, y = ([flint.arb(rational(diagonal(s))[0, 0]) for s in numbers] for numbers in (
            [1 / g for g in G], E))  # fmt: skip
        values, _ = equations.enclose_residuals_and_log_jacobian(x, y)
        assert all(value.contains(0) for value in values.entries())


def test_principal_minors():
    M = random_rational(8, 5)
    minors = PrincipalMinors(M).minors_of_all_sets()
    for k, coefficient in enumerate(M.charpoly()):
        assert coefficient == (-1) ** k * sum(x for S, x in enumerate(minors) if S.bit_count() == k)


def test_inverse_and_minors_are_computed_once_for_all_patterns(monkeypatch):
    """M and two M P^-1 are inverted; A, D, a and d have 2^n - 1 minors each."""
    sizes = {"inv": Counter(), "det": Counter()}

    def count(name, compute):
        def counted(M):
            sizes[name][M.shape[0]] += 1
            return compute(M)

        monkeypatch.setattr(DomainMatrix, name, counted)

    count("inv", DomainMatrix.inv)
    count("det", DomainMatrix.det)
    answer = minimal_depth(random_rational(6, 0), scales="positive")
    assert answer.evidence is Evidence.CERTIFIED
    assert sizes["inv"][6] == 3
    assert [sizes["det"][k] for k in (1, 2, 3)] == [4 * 3, 4 * 3, 4]


@pytest.mark.parametrize("seed", range(4))
def test_two_coordinates_are_decided_over_the_rationals(seed):
    M = random_rational(4, seed) if seed % 2 else rotation(4, seed)
    answer = minimal_depth(M, scales="positive")
    assert answer.is_decided
    assert answer.evidence is Evidence.EXACT
    verify(answer.flow, M)
    solvable = any(
        not opposed_minors_reason(PatternInstance(pattern, SplitMatrix(M), "positive"))
        for pattern in ("ULUL", "LULU")
    )
    assert answer.upper == (4 if solvable else 5)
    assert (
        checker.check(depth_certificate_text(answer).encode()).verdict is checker.Verdict.VERIFIED
    )


def test_two_coordinates_over_a_number_field():
    field = QQ.algebraic_field(sqrt(2))
    u, one, zero = field.unit, field.one, field.zero
    rows = [[u, one, zero, one], [one, zero, u, -one], [zero, one, -one, u], [u, u, one, one]]
    M = linalg.from_entries(rows, (4, 4), field)
    M = M if linalg.is_positive(M.det(), field) else linalg.scale_rows([-one, one, one, one], M)
    answer = minimal_depth(M, scales="positive")
    assert (answer.lower, answer.upper) == (4, 4)
    verify(answer.flow, M)


#: Both brackets vanish at r = 3, and at no other r have they one sign.
VANISHING = matrix([[0, 0, -3, 0], [QQ(4, 27), QQ(1, 3), 0, QQ(-4, 9)],
                    [1, 0, 0, -3], [QQ(1, 3), 0, 0, 0]])  # fmt: skip


def test_two_coordinates_are_decided_where_both_brackets_vanish():
    answer = minimal_depth(VANISHING, scales="positive")
    assert (answer.lower, answer.upper, answer.evidence) == (4, 4, Evidence.EXACT)
    verify(answer.flow, VANISHING)
    field = QQ.algebraic_field(sqrt(2))
    scaled = linalg.scale_rows([field.unit, *[field.one] * 3], VANISHING.convert_to(field))
    verify(minimal_depth(scaled, scales="positive").flow, scaled)
    assert (
        minimal_depth(scaled, scales="positive").summary == "exactly 4 layers with positive scales"
    )


@pytest.mark.parametrize("exponent", range(-4, 4))
def test_two_coordinates_are_decided_where_D_is_scalar_and_a_is_not(exponent):
    """D G^-1 is scalar at r = 2^(exponent - 1), half the root, where it is not similar to E a."""
    a = matrix([[0, 1], [-1, QQ(2) ** exponent / 3]])
    M = blocks(a.inv(), diagonal(0, 0), diagonal(1, 1), diagonal(3, 3))
    assert find_four_layers_4x4(PatternInstance("ULUL", SplitMatrix(M), "positive")) is not None


@pytest.mark.parametrize("seed", range(12))
def test_four_layers_of_two_coordinates_are_found_where_D_is_singular(seed):
    """The lower right block of the product is (Y Z + S) times the last scales: its first row is
    zero."""
    source = random.Random(seed)
    X, Y, Z, W = ([source.choices((0, 0, 1, -1, 2, QQ(-1, 3)), k=2) for _ in "12"] for _ in "1234")
    scales = [source.choices((1, 2, 3, QQ(1, 3), QQ(4, 9)), k=2) for _ in "1234"]
    Y[0], Z[0] = [1, 0], [-scales[1][0], 0]
    M = word(("ULUL", "LULU")[seed % 2], [matrix(shift) for shift in (X, Y, Z, W)], scales)
    assert not linalg.split(M, 2)[0 if seed % 2 else 3].det()
    answer = minimal_depth(M, scales="positive")
    assert answer.upper <= 4
    assert answer.evidence is Evidence.EXACT


DEGENERATE = {
    "huge": linalg.scale_rows([QQ(10) ** 200] * 6, random_rational(6, 0)),
    "tiny": linalg.scale_rows([QQ(1, 10**200)] * 6, random_rational(6, 0)),
    "of many sizes": linalg.scale_rows([QQ(10) ** (8 * k - 32) for k in range(8)],
                                       random_rational(8, 0)),
    "D = 0": blocks(diagonal(0, 0, 0), diagonal(1, 1, 1), diagonal(-1, -1, -1), diagonal(0, 0, 0)),
    "scalar": diagonal(-2, -2, -2, -2, -2, -2),
    "permutation": matrix([[int(j == (i + 2) % 6) for j in range(6)] for i in range(6)]),
}  # fmt: skip


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_matrices(name):
    M = DEGENERATE[name]
    answer = minimal_depth(M, scales="positive")
    assert 3 <= answer.lower <= answer.upper <= (4 if name in ("scalar", "of many sizes") else 5)
    assert all(reason.is_valid() for reason in answer.obstructions)
    if answer.evidence is Evidence.EXACT:
        verify(answer.flow, M)
    else:
        assert answer.existence.is_valid()
        assert answer.error * 2**20 < QQ.to_sympy(max(map(abs, M.to_list_flat())))


def test_beyond_the_largest_size_the_answer_is_an_interval():
    M = as_square_matrix(random_matrix(18, seed=1)).to_dense()
    assert search_certified_layers(SplitMatrix(M)) is None
    assert minimal_depth(M, scales="positive").summary.startswith("from 4 to 5")


def test_minors_beyond_float64_are_searched_without_a_warning():
    M = linalg.scale_rows([QQ(1, 10**160)] * 2 + [QQ(1)] * 2, random_rational(4, 0))
    assert minimal_depth(M, scales="positive").lower == 4


@pytest.mark.slow
@pytest.mark.parametrize("d", [4, 6, 8, 10, 12])
@pytest.mark.parametrize("make", [random_rational, rotation])
def test_nearly_all_random_matrices_are_decided(make, d):
    answers = [minimal_depth(make(d, seed), scales="positive") for seed in range(1, 16)]
    assert sum(answer.is_decided for answer in answers) >= 14
    assert sum(answer.upper == 4 for answer in answers) >= 12
