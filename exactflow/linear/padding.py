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

Source: Koehler, Mehta and Risteski (ICML 2021), whose experiments pad.

How it is checked
-----------------
*For all n*: the three layers. *Exact*: layers and flows of instances.
"""

import sympy

from exactflow.errors import SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.linear.factor import factor

__all__ = ["gaussian_padding", "zero_padding"]


def zero_padding(A: MatrixLike) -> CouplingFlow:
    """Return three additive layers that map (x, 0) to (A x, 0), for every invertible A.

    Raises `SingularMatrixError` for another.

    >>> flow = zero_padding([[0, 2], [1, 0]])
    >>> flow.depth, flow.forward([3, 5, 0, 0]).T
    (3, Matrix([[10, 3, 0, 0]]))
    """
    matrix = as_matrix(A).to_dense()
    inverse = linalg.inverse_or_none(matrix)
    if inverse is None:
        raise SingularMatrixError("expected an invertible matrix, got a singular one")
    n = matrix.shape[0]
    one = linalg.identity(n, matrix.domain)
    layers = [
        LinearCoupling((n, n), "second", matrix),
        LinearCoupling((n, n), "first", one - inverse),
        LinearCoupling((n, n), "second", -one),
    ]
    return CouplingFlow(layers, method="zero padding")


def gaussian_padding(A: MatrixLike) -> CouplingFlow:
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
