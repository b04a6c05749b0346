"""Signs of algebraic numbers: however small, real or not."""

import pytest
from sympy import QQ, QQ_I, CRootOf, I, Symbol, expand, sqrt

from exactflow.exact.algebraic import is_positive_if_real_number

x = Symbol("x")
ROOT_OF_TWO = QQ.algebraic_field(sqrt(2))
NOT_REAL = QQ.algebraic_field(sqrt(2) + I)
THREE_ROOTS = QQ.algebraic_field(sqrt(2), sqrt(3), sqrt(5))


@pytest.mark.parametrize("power", [1, 2, 55, 144, 200, 1001])
def test_a_small_number_has_its_sign(power):
    small = ROOT_OF_TWO.from_sympy(sqrt(2) - 1) ** power
    assert is_positive_if_real_number(small, ROOT_OF_TWO) is True
    assert is_positive_if_real_number(-small, ROOT_OF_TWO) is False


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        (sqrt(2), True),
        (-sqrt(2), False),
        ((sqrt(2) - 1) ** 99, True),
        (-((sqrt(2) - 1) ** 99), False),
        (sqrt(2) * I, None),
        (I, None),
        (1 + (sqrt(2) - 1) ** 99 * I, None),
        (-3, False),
        (3, True),
    ],
)
def test_a_number_that_is_not_real_has_no_sign(value, sign):
    element = NOT_REAL.from_sympy(expand(value))
    assert is_positive_if_real_number(element, NOT_REAL) is sign


@pytest.mark.slow
def test_close_roots_are_kept_apart():
    polynomial = x**9 - 2 * (100 * x - 1) ** 2
    fields = [QQ.algebraic_field(CRootOf(polynomial, i)) for i in range(2)]
    shifted = [is_positive_if_real_number(100 * field.unit - 1, field) for field in fields]
    assert shifted == [False, True]


def test_a_power_of_a_root_that_is_not_real_may_be_real():
    field = QQ.algebraic_field(CRootOf(x**3 - 2, 1))
    signs = [
        is_positive_if_real_number(sign * field.unit**k, field)
        for k in (1, 2, 3)
        for sign in (1, -1)
    ]
    assert signs == [None, None, None, None, True, False]


def test_fields_of_several_roots_and_gaussian_numbers():
    number = THREE_ROOTS.from_sympy(sqrt(2) + sqrt(3) - sqrt(5))
    assert is_positive_if_real_number(number, THREE_ROOTS) is True
    assert is_positive_if_real_number(number**50 - number**49, THREE_ROOTS) is False
    assert [is_positive_if_real_number(QQ_I(*z), QQ_I) for z in ((2, 0), (-1, 0), (0, 1))] == [
        True,
        False,
        None,
    ]
