"""The likelihood of padded data along a ray, and its maximum over all linear models."""

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Rational

from exactflow.errors import InvalidInputError, SingularMatrixError
from proofs.experiments.likelihood import (
    log_likelihood,
    padded_covariance,
    ray,
    ray_condition_number,
)

rationals = st.fractions(min_value=-3, max_value=3, max_denominator=4)


@pytest.mark.slow
@settings(max_examples=8)
@given(st.lists(rationals, min_size=4, max_size=4))
def test_likelihood_along_the_ray(entries):
    A = sympy.Matrix(2, 2, entries)
    assume(A.det() != 0)
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
