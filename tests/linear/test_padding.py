"""Zero padding in three layers."""

import pytest
import sympy
from matrices import NEGATIVE, POSITIVE

from exactflow.errors import SingularMatrixError
from exactflow.linear.padding import zero_padding

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


def test_refuses_singular_matrices():
    with pytest.raises(SingularMatrixError):
        zero_padding([[1, 1], [1, 1]])
