"""Gaussian padding in six layers."""

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE

from exactflow.errors import SingularMatrixError
from proofs.constructions.gaussian_padding import gaussian_padding

SMALL = {name: M for name, M in {**POSITIVE, **NEGATIVE}.items() if M.rows <= 6}


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


def test_refuses_singular_matrices():
    with pytest.raises(SingularMatrixError):
        gaussian_padding([[1, 1], [1, 1]])
