"""Words of any length: ranks and chains of eigenvalues, and what they say of largest depths.

What is claimed, in this order:

- two scalar blocks take eight layers on (3, 5), (2, 4), (4, 6), (5, 7), and -I_6 does on (2, 4);
- they do with one other entry on (3, 6), (6, 9), (5, 10), where two scalar blocks do not;
- a chain is found iff the equation between characteristic polynomials has no solution at all;
- for A and beta I over GF(5) one is found iff every C and V is excluded, one by one;
- diag(A, D) takes 2m + 2 layers if 1 is no eigenvalue of D, with positive scales if D = -I;
- a changed witness, matrix or pattern proves nothing.
"""

from dataclasses import replace
from itertools import product

import pytest
import truth
from linear.depth.examples import about, diagonal, matrix
from sympy import GF, QQ, Rational, Symbol, sqrt

from exactflow import random_matrix, verify
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix
from exactflow.linear.depth.rank_obstructions import (
    find_block_name_of_excessive_rank,
    find_eigenvalues_excluding_six_letters,
)


def scalar_blocks(alpha, p, beta, q, field=QQ):
    return diagonal(*[alpha] * p, *[beta] * q, field=field)


def eigenvalues_against_six(M, p):
    return find_eigenvalues_excluding_six_letters(
        PatternInstance("ULULUL", SplitMatrix(M, p), "additive")
    )


EIGHT = {
    (3, 5): (32, Rational(1, 8)),
    (2, 4): (Rational(-1, 4), 2),
    (4, 6): (8, Rational(-1, 4)),
    (5, 7): (2**7, Rational(1, 2**5)),
}


def test_minus_one_of_six_coordinates():
    assert (
        minimal_depth(diagonal(*[-1] * 6), partition=(2, 4)).summary == "exactly 8 additive layers"
    )
    assert minimal_depth(diagonal(*[-1] * 6)).depth == 4


@pytest.mark.parametrize("sizes", EIGHT)
def test_scalar_blocks_take_exactly_eight(sizes):
    (p, q), (alpha, beta) = sizes, EIGHT[sizes]
    M, exchanged = scalar_blocks(alpha, p, beta, q), scalar_blocks(beta, q, alpha, p)
    for target, partition in ((M, (p, q)), (exchanged, (q, p))):
        answer = minimal_depth(target, partition=partition)
        assert answer.summary == "exactly 8 additive layers"
        verify(answer.flow, target)
        assert {o.kind for o in answer.obstructions} == {"chain of eigenvalues"}
        assert {o.pattern for o in answer.obstructions} == {"ULULULU", "LULULUL"}
        assert all(o.is_valid() for o in answer.obstructions)
        if p + q < 9:
            answer.explain()


SOLVABLE = (2, 3), (3, 4), (3, 6)
"""For e = 1, and over GF(5) for e = 3 | p: beta^e = r^p = r^(k e) leaves beta = r^k alone."""


def monic_polynomials(degree, prime):
    return ([1, *rest] for rest in product(range(prime), repeat=degree))


def times(f, g, prime):
    found = [0] * (len(f) + len(g) - 1)
    for (i, x), (j, y) in product(enumerate(f), enumerate(g)):
        found[i + j] = (found[i + j] + x * y) % prime
    return found


def power(x, e, prime):
    found = [1]
    for _ in range(e):
        found = times(found, [1, -x % prime], prime)
    return found


@pytest.mark.parametrize(
    ("p", "q", "prime"),
    [
        (2, 3, 5),
        (2, 4, 3),
        (2, 4, 5),
        (2, 4, 7),
        (3, 4, 5),
        (3, 5, 5),
        (3, 6, 5),
        (4, 6, 3),
        (1, 3, 7),
    ],
)
def test_a_chain_is_found_iff_no_polynomial_solves_the_equation(p, q, prime):
    """(x - beta)^e g(x) = (x - 1)^e r^p g(x / r): every monic g of degree p is tried."""
    found, e = set(), q - p
    for alpha, beta in product(range(1, prime), repeat=2):
        if pow(alpha, p, prime) * pow(beta, q, prime) % prime != 1:
            continue
        r = pow(alpha * beta, -1, prime)
        solvable = any(
            times(power(beta, e, prime), g, prime)
            == times(power(1, e, prime), [x * r**i % prime for i, x in enumerate(g)], prime)
            for g in monic_polynomials(p, prime)
        )
        M = scalar_blocks(alpha, p, beta, q, GF(prime))
        assert (eigenvalues_against_six(M, p) is None) == solvable
        found.add(solvable)
    assert found == ({True} if (p, q) in SOLVABLE else {True, False})


def one_other_entry(p, q):
    return diagonal(*[1] * (p - 1), Rational(1, 2**q), *[2] * q)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (3, 6),
        (2, 4),
        (6, 9),
        *(pytest.param(*s, marks=pytest.mark.slow) for s in [(5, 10), (8, 11)]),
    ],
)
def test_one_other_entry_takes_exactly_eight_for_p_below_e_squared(p, q):
    M = one_other_entry(p, q)
    for target in (M, M.inv().to_dense()):
        answer = minimal_depth(target, partition=(p, q))
        assert answer.summary == "exactly 8 additive layers"
        assert {o.kind for o in answer.obstructions} == {"chain of eigenvalues"}
        assert all(o.is_valid() for o in answer.obstructions)
        assert not about(answer.obstructions[0], diagonal(*[1] * (p + q))).is_valid()


def test_one_other_entry_is_not_decided_for_p_at_e_squared():
    assert eigenvalues_against_six(one_other_entry(9, 12), 9) is None


def nullities(M, modulus):
    """The dimension of the kernel of M - x, for each x of GF(modulus) but 1."""
    n, found = len(M), []
    for x in (0, *range(2, modulus)):
        rows = [
            [(y - x * (i == j)) % modulus for j, y in enumerate(row)] for i, row in enumerate(M)
        ]
        rank = 0
        for column in range(n):
            pivot = next((i for i in range(rank, n) if rows[i][column]), None)
            if pivot is None:
                continue
            rows[rank], rows[pivot] = rows[pivot], rows[rank]
            inverse = pow(rows[rank][column], -1, modulus)
            for i in range(rank + 1, n):
                factor = rows[i][column] * inverse
                rows[i] = [
                    (a - factor * b) % modulus for a, b in zip(rows[i], rows[rank], strict=True)
                ]
            rank += 1
        found.append(n - rank)
    return found


def allows_six(A, beta, prime):
    """Whether for some C and V the matrices T and S have as many eigenvectors for all x but 1.

    In a basis of the second half C is in echelon form: T = beta - C V, S = (1 - V C / beta) / A.
    """

    def less(M):
        return [
            [(beta * (i == j) - x) % prime for j, x in enumerate(row)] for i, row in enumerate(M)
        ]

    scale = pow(beta * A[0][0] * A[1][1], -1, prime)
    over = [[A[1][1] * scale, -A[0][1] * scale], [-A[1][0] * scale, A[0][0] * scale]]
    forms = [((1, 0), (0, 1)), *(((1, x), (0, 0)) for x in range(prime)), ((0, 1), (0, 0))]
    for C, left in product([*forms, ((0, 0), (0, 0))], product(range(prime), repeat=4)):
        V = left[:2], left[2:]
        S = truth.times(less(truth.times(V, C, prime)), over, prime)
        if S != ((beta, 0), (0, beta)):  # T has two eigenvectors for beta, at least
            continue
        for right in product(range(prime), repeat=4):
            wide = (*V[0], *right[:2]), (*V[1], *right[2:])
            T = less([*truth.times(C, wide, prime), [0] * 4, [0] * 4])
            if nullities(T, prime) == nullities(S, prime):
                return True
    return False


SLOW = (pytest.param(beta, marks=pytest.mark.slow) for beta in (2, 3))


@pytest.mark.parametrize("beta", [4, *SLOW])
def test_a_chain_over_gf5_is_found_iff_every_shift_is_excluded(beta):
    field, found = GF(5), set()
    for alpha, corner in product(range(1, 5), (0, 1)):
        A = [[alpha, corner], [0, pow(alpha, -1, 5)]]
        if A[0][0] == A[1][1] and not corner:
            continue
        M = linalg.direct_sum(matrix(A).convert_to(field), diagonal(*[beta] * 4, field=field))
        excluded = eigenvalues_against_six(M, 2) is not None
        found.add((excluded, allows_six(A, beta, 5)))
    assert found == {(True, False), (False, True)}


SHARP = {
    "(1, 3)": (diagonal(Rational(1, 8), 2, 2, 2), (1, 3), 8),
    "(2, 4)": (linalg.direct_sum(matrix([[0, -1], [1, 0]]), diagonal(*[-1] * 4)), (2, 4), 6),
    "(2, 5)": (diagonal(Rational(1, 30), 1, 2, 3, 5, -1, -1), (2, 5), 8),
    "(5, 2)": (diagonal(2, 3, 5, -1, -1, Rational(1, 30), 1), (5, 2), 8),
    "(3, 7)": (diagonal(2, 2, Rational(1, 512), *[2] * 7), (3, 7), 8),
    "(1, 7)": (diagonal(-1, *[-1] * 7), (1, 7), 16),
}


@pytest.mark.parametrize("name", SHARP)
def test_blocks_without_the_eigenvalue_one(name):
    M, partition, depth = SHARP[name]
    answer = minimal_depth(M, partition=partition)
    assert answer.lower == depth <= answer.upper
    assert all(o.is_valid() for o in answer.obstructions)
    assert not about(answer.obstructions[0], linalg.identity(M.shape[0], QQ)).is_valid()


@pytest.mark.parametrize("sizes", [(1, 3), (2, 4), (2, 5), (3, 5), (4, 1), (1, 12)])
def test_minus_one_keeps_its_layers_with_scales(sizes):
    m = -(-max(sizes) // min(sizes))
    smaller = [Rational(1, 2), *[3] * (min(sizes) - 1)]
    larger = [-1] * max(sizes)
    entries = [*smaller, *larger] if sizes[0] < sizes[1] else [*larger, *smaller]
    M = diagonal(*entries)
    answer = minimal_depth(M, scales="positive", partition=sizes, orientation="flip")
    kept = diagonal(*[-x if i == 0 else x for i, x in enumerate(entries)]) if M.det() < 0 else M
    assert answer.flow.depth == answer.upper
    verify(answer.flow, M)
    if sizes[0] < sizes[1]:  # the flip negates a coordinate of the smaller half
        assert answer.lower == 2 * m + 2
        assert all(o.matrix == kept for o in answer.obstructions)
    assert all(o.is_valid() for o in answer.obstructions)
    assert {o.kind for o in answer.obstructions} == {"rank"}


def test_positive_minors_of_the_negative_are_what_counts():
    """-D = [[1, -2], [1, 1]] has minors 1, 1, 3; [[0, 2], [2, 0]] has the minor -4."""
    for D, keeps in ((matrix([[-1, 2], [-1, -1]]), True), (matrix([[0, 2], [2, 0]]), False)):
        M = linalg.direct_sum(diagonal(1 / D.det()), D)
        instance = PatternInstance("ULUL", SplitMatrix(M, 1), "positive")
        found = find_block_name_of_excessive_rank(instance)
        assert (found is not None and found[0] in "Dd") == keeps


def test_a_changed_chain_proves_nothing():
    blocks = scalar_blocks(32, 3, Rational(1, 8), 5)
    for found in minimal_depth(blocks, partition=(3, 5)).obstructions:
        r = found.witness[1]
        for witness in ((), (QQ(1),), (r, r * r), (QQ(1), r * r), (QQ(1), r, r)):
            assert replace(found, witness=witness).is_valid() is False
        for pattern in ("ULULU", "ULULULUL", "", "UUUUUU"):
            assert replace(found, pattern=pattern).is_valid() is False
        M = found.matrix
        for wrong in (
            M * QQ(2),
            M + linalg.unit_vector(8, 0, QQ) * linalg.unit_vector(8, 7, QQ).transpose(),
        ):
            changed = about(found, wrong)
            assert changed.is_valid() is False
            assert str(changed).startswith(f"not {found.pattern}: ")
        assert replace(found, scales="positive").is_valid() is False
        assert replace(found, split=SplitMatrix(found.matrix, 4)).is_valid() is False
        assert replace(found, pattern=found.pattern[:-1]).is_valid() is True


def test_a_chain_that_closes_says_so():
    """Over GF(3), r = 1: the eigenvalue 1 would occur twice more than it does."""
    M = scalar_blocks(2, 2, 2, 4, GF(3))
    found = eigenvalues_against_six(M, 2)
    assert found == (GF(3)(1),)


def test_a_changed_rank_proves_nothing():
    for found in minimal_depth(diagonal(Rational(1, 8), 2, 2, 2), partition=(1, 3)).obstructions:
        assert replace(found, witness=("A", ())).is_valid() is False
        assert replace(found, pattern="UL" * 4).is_valid() is False
        assert about(found, linalg.identity(4, QQ)).is_valid() is False
    scaled = minimal_depth(diagonal(2, -1, -1, -1), partition=(1, 3), orientation="flip")
    for found in scaled.obstructions:
        block, kept = found.witness
        assert kept == (0, 1, 2)
        for witness in ((block, ()), (block, (0, 1)), (block, (0, 1, 1)), ("A", (0,))):
            assert replace(found, witness=witness).is_valid() is False


@pytest.mark.parametrize(
    ("entries", "partition", "words"),
    [
        ((Rational(1, 8), 2, 2, 2), (1, 3), "A factor L adds to the second half"),
        ((2, 2, 2, Rational(1, 8)), (3, 1), "A factor U adds to the first half"),
    ],
)
def test_the_explanation_of_a_rank_names_the_half_that_moves(entries, partition, words):
    answer = minimal_depth(diagonal(*entries), partition=partition)
    assert {found.kind for found in answer.obstructions} == {"rank"}
    assert " ".join(str(answer.explain()).split()).count(words) == 2


@pytest.mark.parametrize(
    "field",
    [
        GF(101),
        QQ.algebraic_field(sqrt(2)),
        pytest.param(QQ.frac_field(Symbol("t")), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_other_fields(field):
    t = field.gens[0] if field.is_FractionField else getattr(field, "unit", field.convert(2))
    alpha, beta = t**5, field.one / t**3
    answer = minimal_depth(scalar_blocks(alpha, 3, beta, 5, field), partition=(3, 5))
    assert answer.summary == "exactly 8 additive layers"
    assert all(o.is_valid() for o in answer.obstructions)
    explanation = answer.explain()
    assert explanation.claim.startswith("`M`, over ")


@pytest.mark.parametrize(("p", "q"), [(1, 2), (1, 4), (2, 4), (2, 5), (3, 5), (3, 7)])
def test_generic_matrices_take_twice_m_and_one(p, q):
    M = random_matrix(p + q, seed=1).to_DM().convert_to(QQ).to_dense()
    M = linalg.scale_rows([1 / M.det()] + [QQ(1)] * (p + q - 1), M)
    m = -(-q // p)
    assert minimal_depth(M, partition=(p, q)).summary == f"exactly {2 * m + 1} additive layers"
