"""Likelihood of padded data under linear models: bounded with Gaussian pads, unbounded with zeros.

Main results
------------
Data x = A z, z ~ N(0, I_n), with n pads; model diag(A^-1, s I) (x, pads) ~ N(0, I), s > 0.

- The expected log-likelihood is c + n log s with zero pads, so unbounded; with Gaussian pads it is
  c + n log s - n s^2 / 2, where s = 1 is its maximum.
- Of all linear models W of data of covariance S > 0, exactly those with W^T W = S^-1 have the
  largest log|det W| - tr(W S W^T)/2: if e_i are the eigenvalues of S^(1/2) W^T W S^(1/2), the
  others fall short of it by sum (e_i - 1 - log e_i)/2 > 0.
- The condition number along the ray is max(s, 1/a_n) / min(s, 1/a_1), a_1 >= .. >= a_n the singular
  values of A: with zero pads it tends to infinity with the likelihood, with Gaussian pads the
  maximum has a finite one.

Source: Koehler, Mehta and Risteski (ICML 2021), whose experiments pad.

How it is checked
-----------------
*Exact*: the likelihood as a symbolic expression. *Certified*: condition numbers along the ray.
"""

from typing import Literal

import sympy
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_expression, as_square_matrix
from exactflow.exact.numbers import to_element
from exactflow.laws.conditioning import condition_number

__all__ = ["log_likelihood", "padded_covariance", "ray", "ray_condition_number"]


def padded_covariance(A, padding: Literal["zero", "gaussian"]) -> sympy.Matrix:
    """Return the covariance of (A z, pads), z ~ N(0, I_n), with n pads that are 0 or N(0, I_n)."""
    if padding not in ("zero", "gaussian"):
        raise InvalidInputError(f"expected padding='zero' or 'gaussian', got {padding!r}")
    matrix = as_square_matrix(A).to_Matrix()
    n = matrix.rows
    return sympy.diag(matrix * matrix.T, sympy.eye(n) if padding == "gaussian" else sympy.zeros(n))


def log_likelihood(W, covariance) -> sympy.Expr:
    """Return the expected log-density of centered data under the model W data ~ N(0, I).

    log|det W| - tr(W S W^T)/2 - (dim/2) log(2 pi), S the covariance of the data, which may be
    singular. Entries may be symbols; the logarithm of a product is expanded where its factors are
    known to be positive.

    >>> s = sympy.Symbol("s", positive=True)
    >>> log_likelihood([[s]], [[0]])
    log(s) - log(2*pi)/2
    """
    W, S = as_square_matrix(W).to_Matrix(), as_square_matrix(covariance).to_Matrix()
    if W.shape != S.shape:
        raise InvalidInputError(
            f"expected a covariance as large as W, {W.rows} x {W.rows}, got {S.rows} x {S.rows}"
        )
    trace = (W * S * W.T).trace()
    constant = sympy.Rational(W.rows, 2) * sympy.log(2 * sympy.pi)
    return sympy.expand_log(sympy.log(sympy.Abs(W.det()))) - sympy.expand(trace) / 2 - constant


def ray(A, s) -> sympy.Matrix:
    """Return diag(A^-1, s I): the linear model that normalises data A z, and scales pads by s."""
    inverse = linalg.inverse_or_none(as_square_matrix(A).to_dense())
    if inverse is None:
        raise SingularMatrixError("expected an invertible matrix, got a singular one")
    return sympy.diag(inverse.to_Matrix(), sympy.eye(inverse.shape[0]) * as_expression(s))


def ray_condition_number(A, s, digits: int = 15) -> arb:
    """Return an enclosure of the condition number of ``ray(A, s)``, s a positive rational.

    >>> ray_condition_number([[2, 0], [0, 1]], 1000) == 2000
    True
    """
    return condition_number(ray(A, QQ.to_sympy(to_element(s))), digits=digits)
