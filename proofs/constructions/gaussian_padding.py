"""Gaussian padding: noise in further coordinates repairs the orientation of a linear map.

Pads N(0, I) may come out as any N(0, I), so reflected: diag(A, R) with a reflection R where
det A < 0 has positive determinant, and at most six layers. Without padding no flow represents A.
"""

import sympy

from exactflow import factor
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.flows.flow import CouplingFlow

__all__ = ["gaussian_padding"]


def gaussian_padding(A: MatrixLike) -> CouplingFlow:
    """Return at most six layers for diag(A, R), R orthogonal and det R = sign det A.

    n pads N(0, I) come out as N(0, I), whatever the data are.

    >>> gaussian_padding([[-2]]).forward([1, 3]).T
    Matrix([[-2, -3]])
    """
    matrix = as_square_matrix(A).to_Matrix()
    reflection = sympy.eye(matrix.rows)
    if matrix.det().is_negative:
        reflection[0, 0] = -1
    return factor(sympy.diag(matrix, reflection))
