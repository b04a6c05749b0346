"""Padding: what zeros and Gaussian noise in further coordinates do to linear flows.

Main results
------------
Let A be n x n and invertible.

- *Zero padding*, n zeros: (x, 0) -> (x, A x) -> (A x, A x) -> (A x, 0) are three additive layers,
  L(A), U(I - A^-1), L(-I), whatever the orientation of A. Two additive layers do for A = I only: if
  the first half moves last, (x, 0) goes to (x + X Y x, Y x), so Y = 0; if the second half does, x
  stays as it is. (With scales: for positive diagonal A only, by the same argument.)
- *Gaussian padding*: pads N(0, I) may come out as any N(0, I), so reflected: diag(A, R) with a
  reflection R where det A < 0 has positive determinant, and at most six layers. Without padding no
  flow represents A.
- *Likelihood*. Data x = A z, z ~ N(0, I_n), with n pads; model diag(A^-1, s I) (x, pads) ~ N(0, I).
  The expected log-likelihood along the ray s > 0 is c + n log s with zero pads, so unbounded, and
  c + n log s - n s^2 / 2 with Gaussian pads, where s = 1 is its maximum. More than that: of all
  linear models W of data of covariance S > 0, exactly those with W^T W = S^-1 have the largest
  log|det W| - tr(W S W^T)/2: if e_i are the eigenvalues of S^(1/2) W^T W S^(1/2), the others fall
  short of it by sum (e_i - 1 - log e_i)/2 > 0. The condition number along the ray is
  max(s, 1/a_n) / min(s, 1/a_1), a_1 >= .. >= a_n the singular values of A: with zero pads it tends
  to infinity with the likelihood, with Gaussian pads the maximum has a finite one.

Source: Koehler, Mehta and Risteski (ICML 2021), whose experiments pad.

How it is checked
-----------------
*For all n*: the three layers. *Exact*: layers and flows of instances, and the likelihood as a
symbolic expression. *Certified*: condition numbers along the ray.
"""

from typing import Literal

import sympy
from flint import arb
from sympy.polys.matrices import DomainMatrix

from exactflow.conditioning import condition_number
from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.factorization import factor
from exactflow.flows.flow import CouplingFlow, LinearCoupling

__all__ = [
    "gaussian_padding",
    "log_likelihood",
    "padded_covariance",
    "ray",
    "ray_condition_number",
    "zero_padding",
]


def zero_padding(A) -> CouplingFlow:
    """Return three additive layers that map (x, 0) to (A x, 0), for every invertible A.

    >>> flow = zero_padding([[0, 2], [1, 0]])
    >>> flow.depth, flow.forward([3, 5, 0, 0]).T
    (3, Matrix([[10, 3, 0, 0]]))
    """
    matrix, inverse = _with_inverse(A)
    n = matrix.shape[0]
    one = linalg.identity(n, matrix.domain)
    shifts = (("second", matrix), ("first", one - inverse), ("second", -one))
    return CouplingFlow(
        [LinearCoupling((n, n), moves, shift) for moves, shift in shifts], method="zero padding"
    )


def gaussian_padding(A) -> CouplingFlow:
    """Return at most six layers for diag(A, R), R orthogonal and det R = sign det A.

    n pads N(0, I) come out as N(0, I), whatever the data are.

    >>> gaussian_padding([[-2]]).forward([1, 3]).T
    Matrix([[-2, -3]])
    """
    matrix = as_matrix(A).to_Matrix()
    reflection = sympy.eye(matrix.rows)
    if matrix.det().is_negative:
        reflection[0, 0] = -1
    return factor(sympy.diag(matrix, reflection))


def padded_covariance(A, padding: Literal["zero", "gaussian"]) -> sympy.Matrix:
    """Return the covariance of (A z, pads), z ~ N(0, I_n), with n pads that are 0 or N(0, I_n)."""
    if padding not in ("zero", "gaussian"):
        raise InvalidInputError(f"expected padding='zero' or 'gaussian', got {padding!r}")
    matrix = as_matrix(A).to_Matrix()
    n = matrix.rows
    return sympy.diag(matrix * matrix.T, sympy.eye(n) if padding == "gaussian" else sympy.zeros(n))


def log_likelihood(W, covariance) -> sympy.Expr:
    """Return the expected log-density of centered data under the model W data ~ N(0, I).

    log|det W| - tr(W S W^T)/2 - (dim/2) log(2 pi), S the covariance of the data, which may be
    singular. Entries may be symbols; those of det W are taken to be positive where they are.

    >>> s = sympy.Symbol("s", positive=True)
    >>> log_likelihood([[s]], [[0]])
    log(s) - log(2*pi)/2
    """
    W, S = sympy.Matrix(W), sympy.Matrix(covariance)
    trace = (W * S * W.T).trace()
    constant = sympy.Rational(W.rows, 2) * sympy.log(2 * sympy.pi)
    return sympy.expand_log(sympy.log(sympy.Abs(W.det()))) - sympy.expand(trace) / 2 - constant


def ray(A, s) -> sympy.Matrix:
    """Return diag(A^-1, s I): the linear model that normalises data A z, and scales pads by s."""
    inverse = _with_inverse(A)[1].to_Matrix()
    return sympy.diag(inverse, sympy.eye(inverse.rows) * s)


def ray_condition_number(A, s, digits: int = 15) -> arb:
    """Return an enclosure of the condition number of ``ray(A, s)``, s a positive rational.

    >>> ray_condition_number([[2, 0], [0, 1]], 1000) == 2000
    True
    """
    return condition_number(ray(A, sympy.Rational(s)), digits)


def _with_inverse(A) -> tuple[DomainMatrix, DomainMatrix]:
    matrix = as_matrix(A).to_dense()
    inverse = linalg.inverse_or_none(matrix)
    if inverse is None:
        raise SingularMatrixError("expected an invertible matrix, got a singular one")
    return matrix, inverse
