"""Zero padding in three layers, Gaussian padding in six."""

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE

from exactflow.errors import SingularMatrixError
from exactflow.linear.padding import gaussian_padding, zero_padding

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
