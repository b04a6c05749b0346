"""Zero padding in three layers, Gaussian padding in six, and the likelihood along a ray."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import NEGATIVE, POSITIVE
from sympy import Rational

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.padding import (
    gaussian_padding,
    log_likelihood,
    padded_covariance,
    ray,
    ray_condition_number,
    zero_padding,
)

SMALL = {name: M for name, M in {**POSITIVE, **NEGATIVE}.items() if M.rows <= 6}


@pytest.mark.parametrize("name", SMALL)
def test_zero_padding(name):
    A = SMALL[name]
    n = A.rows
    flow = zero_padding(A)
    assert flow.depth == 3
    assert all(layer.is_additive for layer in flow)
    data = sympy.Matrix.vstack(sympy.eye(n), sympy.zeros(n))
    assert flow.matrix() * data == sympy.Matrix.vstack(A, sympy.zeros(n))


@pytest.mark.parametrize("name", SMALL)
def test_gaussian_padding(name):
    A = SMALL[name]
    n = A.rows
    flow = gaussian_padding(A)
    M = flow.matrix()
    assert flow.depth <= 6
    assert flow.flips == ()
    assert (M[:n, :n], M[:n, n:], M[n:, :n]) == (A, sympy.zeros(n), sympy.zeros(n))
    assert M[n:, n:] * M[n:, n:].T == sympy.eye(n)


@pytest.mark.parametrize("pad", [zero_padding, gaussian_padding])
def test_refuses_singular_matrices(pad):
    with pytest.raises(SingularMatrixError):
        pad([[1, 1], [1, 1]])


rationals = st.fractions(min_value=-3, max_value=3, max_denominator=4)


@settings(max_examples=8)
@given(st.lists(rationals, min_size=4, max_size=4))
def test_likelihood_along_the_ray(entries):
    A = sympy.Matrix(2, 2, entries)
    if not A.det():
        return
    s = sympy.Symbol("s", positive=True)
    zero, gaussian = (
        log_likelihood(ray(A, s), padded_covariance(A, padding)) for padding in ("zero", "gaussian")
    )
    assert sympy.simplify(zero - zero.subs(s, 1) - 2 * sympy.log(s)) == 0
    assert sympy.limit(zero, s, sympy.oo) == sympy.oo
    assert sympy.simplify(zero - gaussian - s**2) == 0
    assert sympy.solve(sympy.diff(gaussian, s), s) == [1]


def test_the_maximum_is_at_the_inverse_root_of_the_covariance():
    """The gradient in W vanishes at W = S^(-1/2), and nowhere else up to a rotation."""
    A = sympy.Matrix([[2, 1], [0, 1]])
    S = A * A.T
    W = sympy.Matrix(2, 2, sympy.symbols("w:4"))
    likelihood = sympy.log(W.det()) - (W * S * W.T).trace() / 2
    at = dict(zip(W, A.inv(), strict=True))
    assert all(sympy.diff(likelihood, w).subs(at) == 0 for w in W)
    best = log_likelihood(A.inv(), S)
    for other in (A.inv() * Rational(3, 2), sympy.eye(2), sympy.diag(2, 1) * A.inv()):
        assert sympy.N(best - log_likelihood(other, S)) > 0


def test_condition_numbers_along_the_ray():
    A = [[2, 0], [0, 1]]
    assert ray_condition_number(A, 1) == 2
    assert ray_condition_number(A, "1/8") == 8
    assert all(ray_condition_number(A, 10**k).contains(2 * 10**k) for k in range(1, 40, 13))


def test_refuses():
    with pytest.raises(InvalidInputError, match="'zero' or 'gaussian'"):
        padded_covariance([[1]], "ones")
    with pytest.raises(SingularMatrixError):
        ray_condition_number([[1]], 0)
    with pytest.raises(SingularMatrixError):
        ray([[0]], 1)
