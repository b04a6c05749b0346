"""The classical construction: the product equals the matrix, in at most 18 layers."""

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st
from matrices import POSITIVE
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import random_matrix, verify
from exactflow.errors import MethodError, OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.proving.strategies import matrices_with_degenerate_blocks
from proofs.constructions.classical import LAYERS, classical


def assert_classical(M) -> None:
    flow = classical(M)
    assert verify(flow, M).flow.depth <= LAYERS
    assert all(s > 0 for layer in flow for s in layer.scale)


@pytest.mark.parametrize("name", POSITIVE)
def test_every_matrix(name):
    assert_classical(POSITIVE[name])


@pytest.mark.parametrize("at", [(0, 1), (1, 0), (0, 2), (2, 3)])
def test_an_eigenvalue_that_two_factors_could_share(at):
    """E and E^-1 R need distinct entries each: 4 / 2 is 2 / 1."""
    M = sympy.diag(4, 2, 1, 1)
    M[at] = 1
    assert_classical(M)


def test_the_count():
    assert LAYERS == 18
    pivots = sympy.diag(-1, -1, 1, 1, 1, 1)
    generic = random_matrix(6, seed=12)
    depths = {classical(M).depth for M in (generic, pivots * generic, generic * pivots)}
    assert max(depths) <= 17
    worst = sympy.Matrix([[-2, 2, 0, 2], [1, 1, 1, 1], [-2, -2, 1, -2], [1, 1, 2, -2]])
    assert worst[2:, :2].rank() == 1
    assert worst.det() > 0
    assert classical(worst).depth == 18


@pytest.mark.parametrize("seed", range(8))
def test_generic_with_positive_pivots_takes_at_most_eleven(seed):
    n = 3
    L = sympy.Matrix(n, n, lambda i, j: (i * seed + j - 2, 1)[i == j] if i >= j else 0)
    R = sympy.Matrix(n, n, lambda i, j: (seed - i * j, i + 1)[i == j] if i <= j else 0)
    C = sympy.Matrix(n, n, lambda i, j: 1 if i <= j else 0)
    one, zero = sympy.eye(n), sympy.zeros(n)
    X, V = C.T, C * 2
    M = (
        sympy.Matrix([[one, X], [zero, one]])
        * sympy.diag(L * R, one)
        * sympy.Matrix([[one, zero], [C, one]])
        * sympy.Matrix([[one, V], [zero, one]])
    )
    flow = classical(M)
    verify(flow, M)
    assert flow.depth <= 11


entries = st.integers(-3, 3)


@pytest.mark.slow
@given(st.integers(1, 4), st.data())
def test_sparse_integer_matrices(n, data):
    d = 2 * n
    M = sympy.Matrix(d, d, data.draw(st.lists(entries, min_size=d * d, max_size=d * d)))
    mask = data.draw(st.lists(st.booleans(), min_size=4, max_size=4))
    for block, kept in enumerate(mask):
        if not kept:
            i, j = n * (block // 2), n * (block % 2)
            M[i : i + n, j : j + n] = sympy.eye(n) * data.draw(entries)
    det = M.det()
    assume(det)
    if det < 0:
        M[0, :] = -M[0, :]
    assert_classical(M)


@given(matrices_with_degenerate_blocks())
def test_degenerate_blocks(M):
    assert_classical(M)


@given(st.integers(1, 4), st.data())
def test_signed_permutations(n, data):
    d = 2 * n
    perm = data.draw(st.permutations(range(d)))
    signs = data.draw(st.lists(st.sampled_from([1, -1]), min_size=d, max_size=d))
    M = sympy.zeros(d)
    for i, (image, sign) in enumerate(zip(perm, signs, strict=True)):
        M[i, image] = sign
    if M.det() < 0:
        M[0, :] = -M[0, :]
    assert_classical(M)


def test_an_ordered_field():
    root = sympy.sqrt(2)
    M = sympy.Matrix([[-root, -1, 0, -2], [0, 1 - root, 3, 1], [1, 0, -root, 0], [0, 1, 1, root]])
    M = M.to_DM(QQ.algebraic_field(root)).to_dense()
    assert linalg.is_positive(M.det(), M.domain)
    assert_classical(M)


@pytest.mark.parametrize(
    ("M", "error", "words"),
    [
        (DomainMatrix.eye(4, GF(101)).to_dense(), MethodError, "whose signs are known"),
        (sympy.eye(3), MethodError, "halves of one size, got 1 and 2"),
        (sympy.diag(-1, 1), OrientationError, "det"),
        (sympy.zeros(2), SingularMatrixError, "invertible"),
    ],
)
def test_refuses(M, error, words):
    with pytest.raises(error, match=words):
        classical(M)


def test_determinants_are_scales():
    M = sympy.diag(QQ(7, 3), 1, 1, 1)
    scales = [s for layer in classical(M) for s in layer.scale]
    assert sympy.prod(scales) == sympy.Rational(7, 3)
