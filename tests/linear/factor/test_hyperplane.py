"""Halves of n and n + 1: five layers where a block has rank n, six always, by every case of the
proof.

`five_layers` gives way to the proof's own constructions where the test says so.
"""

import random

import pytest
import sympy
from linear.factor.families import FAMILIES, matrix, member, normalized, random_matrix
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import factor, verify
from exactflow.errors import FieldTooSmallError, MethodError
from exactflow.exact import linalg
from exactflow.flows.flow import CouplingFlow
from exactflow.linear.factor import hyperplane
from exactflow.linear.factor.assembly import alternate_shears, layers_in_application_order
from exactflow.linear.factor.commutator import find_R_sharing_all_but_one_eigenvalue_with_KR
from exactflow.linear.factor.hyperplane import (
    five_or_six_shears_for_second_half_one_larger,
    five_shifts_for_second_half_one_larger,
)

SIZES = [1, 3, pytest.param(4, marks=pytest.mark.slow)]


@pytest.fixture(params=["as it is", "by the proof alone"])
def proof(request, monkeypatch):
    """Both with the short step for generic matrices, and without it."""
    if request.param == "by the proof alone":
        monkeypatch.setattr(hyperplane, "draw_five_shifts_for_q_up_to_2p", lambda *_: None)


def composed(word, n):
    """Return the matrix of a word of shears."""
    return CouplingFlow(layers_in_application_order(word), (n, n + 1)).domain_matrix().to_dense()


def most(M, n):
    """Return how many layers the theorem allows."""
    _, B, C, _ = linalg.split(M, n)
    return 5 if n in (linalg.rank(B), linalg.rank(C)) else 6


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("proof")
def test_every_family(family, n):
    M = normalized(member(family, n, n + 1, 0))
    word = five_or_six_shears_for_second_half_one_larger(linalg.split(M, n))
    assert len(word) == most(M, n)
    assert composed(word, n) == M


@pytest.mark.parametrize(
    ("family", "sizes"),
    [(family, (2, 3)) for family in FAMILIES] + [(family, (3, 2)) for family in [*FAMILIES][::3]],
)
def test_factor_takes_either_half_as_the_larger(family, sizes):
    M = member(family, *sizes, 1).to_Matrix()
    flow = factor(M, method="hyperplane", partition=sizes)
    assert flow.depth <= 6
    assert verify(flow, M).flow.method == "hyperplane"
    assert sum(s != 1 for layer in flow for s in layer.scale) <= 1
    assert all(step.is_valid() for step in flow.explain().steps)
    back = factor(M.inv(), method="hyperplane", partition=sizes).inverse()
    assert back.depth <= 6
    assert back.matrix() == M


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("kind", ["-1's", "C = 0", "l I", "scalar blocks", "nilpotent"])
@pytest.mark.usefixtures("proof")
def test_the_families_of_the_theorem(kind, n):
    generator, q = random.Random(n), n + 1
    rows = [[int(i == j) for j in range(n + q)] for i in range(n + q)]
    for i in range(n + q):
        for j in range(n + q):
            free = generator.randint(-2, 2)
            if kind == "-1's" and i == j and i < 2:
                rows[i][j] = -1
            if kind == "C = 0" and i < n <= j:
                rows[i][j] = free
            if kind == "l I" and i == j >= n:
                rows[i][j] = 3
            if kind == "scalar blocks" and i == j:
                rows[i][j] = 2 if i < n else -1
            if kind == "nilpotent":  # D is nilpotent, A = 0, B and C make it invertible
                rows[i][j] = int(j == i + 1 and i >= n) + int(i == j + n) - 2 * int(j == i + q)
                rows[i][j] += int(i == n + q - 1 and j == n)
    M = matrix(rows)
    if not M.det():
        pytest.skip("singular at this size")
    M = normalized(M)
    word = five_or_six_shears_for_second_half_one_larger(linalg.split(M, n))
    assert len(word) == most(M, n)
    assert composed(word, n) == M


# H = E: the left kernel of C is a left eigenvector of D.


def with_one_hyperplane(K, seed, field=QQ):
    """Return M with im c = im C and c = -C K, in drawn coordinates of the larger half."""
    n = K.shape[0]
    A, D, B2, D2 = (
        random_matrix(n + 1, seed + k, field)[:n, :size] for k, size in enumerate((n, n, 1, 1))
    )
    top = A.hstack(A * D - K.inv(), B2)
    middle = linalg.identity(n, field).hstack(D, D2)
    bottom = linalg.zeros(1, 2 * n, field).hstack(linalg.identity(1, field) * K.det())
    P = linalg.direct_sum(linalg.identity(n, field), random_matrix(n + 1, seed + 9, field))
    return P * top.vstack(middle, bottom) * P.inv()


QUOTIENTS = {
    "scalar 2": [[2, 0, 0], [0, 2, 0], [0, 0, 2]],
    "scalar 1": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "scalar -1": [[-1, 0, 0], [0, -1, 0], [0, 0, -1]],
    "one eigenvalue, 1 x 1": [[5]],
    "the identity, 1 x 1": [[1]],
    "two and its inverse": [[2, 0], [0, QQ(1, 2)]],
    "a Jordan block at 1": [[1, 1, 0], [0, 1, 1], [0, 0, 1]],
    "a Jordan block at 1 and a 1": [[1, 1, 0], [0, 1, 0], [0, 0, 1]],
    "a Jordan block at -1": [[-1, 1], [0, -1]],
    "a stretch that closes": [[2, 0, 0], [0, QQ(1, 2), 0], [0, 0, 3]],
    "two closed stretches": [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0], [0, 0, 0, -1]],
    "a reflection": [[1, 0, 0], [0, 1, 0], [0, 0, -1]],
    "a rotation": [[0, -1], [1, 0]],
    "a permutation": [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    "cyclic": [[0, 0, 7], [1, 0, 2], [0, 1, -3]],
}


@pytest.mark.parametrize("name", QUOTIENTS)
@pytest.mark.usefixtures("proof")
def test_where_the_hyperplanes_are_one(name):
    K = matrix(QUOTIENTS[name])
    n = K.shape[0]
    M = with_one_hyperplane(K, 0)
    blocks, inverse = (linalg.split(X, n) for X in (M, M.inv()))
    u = linalg.left_kernel(blocks.C)
    assert M.det() == 1
    assert u * blocks.D == u * K.det()
    assert inverse.C == -blocks.C * K
    word = alternate_shears(five_shifts_for_second_half_one_larger(blocks, inverse), "first")
    assert composed(word, n) == M


@pytest.mark.parametrize("name", QUOTIENTS)
def test_paired_spectra(name):
    K = matrix(QUOTIENTS[name])
    n = K.shape[0]
    H, H_inverse, _, lower, r, V_lower, V_upper, places = (
        find_R_sharing_all_but_one_eigenvalue_with_KR(K)
    )
    R, S = H * lower * H_inverse, H_inverse * K * H * lower
    values = [[*r, K.det()][k] for k in places]
    assert H * H_inverse == linalg.identity(n, QQ)
    assert len(set(r)) == n
    assert all(r)
    assert lower * V_lower == V_lower * linalg.diagonal(r, QQ)
    assert S * V_upper == V_upper * linalg.diagonal(values, QQ)
    assert sorted([*r, K.det()]) == sorted([*values, QQ(1)])
    assert R.det() * K.det() == S.det()


# Other fields, and too small ones.


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("proof")
def test_over_a_finite_field(family):
    for n in (1, 2):
        M = normalized(member(family, n, n + 1, 0, GF(5)))
        assert composed(five_or_six_shears_for_second_half_one_larger(linalg.split(M, n)), n) == M


@pytest.mark.usefixtures("proof")
def test_over_other_fields():
    field = QQ.algebraic_field(sympy.sqrt(2))
    root = field.from_sympy(sympy.sqrt(2))
    M = normalized(random_matrix(5, 1, field) + random_matrix(5, 2, field) * root)
    assert composed(five_or_six_shears_for_second_half_one_larger(linalg.split(M, 2)), 2) == M
    t = sympy.Symbol("t")
    M = sympy.Matrix([[t, 0, 0], [0, 1 / t, 0], [0, 0, 1]])
    M = DomainMatrix.from_Matrix(M).convert_to(QQ.frac_field(t)).to_dense()
    assert composed(five_or_six_shears_for_second_half_one_larger(linalg.split(M, 1)), 1) == M


def test_too_small_a_field_is_named():
    rows = [[int(i == j or (i, j) in {(1, 0), (3, 1), (4, 0)}) for j in range(5)] for i in range(5)]
    M = matrix(rows, GF(2)) * matrix(rows, GF(2)).transpose()
    with pytest.raises(FieldTooSmallError, match="at least 4 elements for halves of 2 and 3"):
        factor(M, method="hyperplane", scales="nonzero")
    assert factor(M, scales="nonzero").depth <= 6


def test_halves_that_do_not_differ_by_one_are_refused():
    with pytest.raises(MethodError, match=r"halves whose sizes differ by one .*\(2, 2\)"):
        factor(sympy.eye(4), method="hyperplane")
    with pytest.raises(MethodError, match=r"halves whose sizes differ by one .*\(1, 3\)"):
        factor(sympy.eye(4), method="hyperplane", partition=(1, 3))
