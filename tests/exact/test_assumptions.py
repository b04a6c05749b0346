"""Signs of quotients of polynomials, from those of their factors."""

import pytest
import sympy
from sympy import QQ

from exactflow.exact.assumptions import assuming, is_positive_quotient

a, b, c = sympy.symbols("a b c", negative=True)
t = sympy.Symbol("t")
FIELD = QQ.frac_field(a, b, c, t)


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        (a, False),
        (a * b, True),
        (a * b * c, False),
        (-a * b * c, True),
        (a / (b * c), False),
        (a**2 * b, False),
        (a * b / t**2, True),
        (t, None),
        (a / t, None),
    ],
)
def test_every_odd_factor_counts(value, sign):
    assert is_positive_quotient(FIELD.from_sympy(value), FIELD) is sign


def test_what_is_assumed_decides():
    with assuming([t < 1]):
        assert is_positive_quotient(FIELD.from_sympy((1 - t) / a), FIELD) is False
    assert is_positive_quotient(FIELD.from_sympy((1 - t) / a), FIELD) is None
