"""Signs of quotients of polynomials, from those of their factors."""

import pytest
import sympy
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.assumptions import (
    Assumptions,
    assuming,
    is_quotient_sign_positive_where_nonzero,
)

a, b, c = sympy.symbols("a b c", negative=True)
t = sympy.Symbol("t")
r, w = sympy.Symbol("r", real=True), sympy.Symbol("w", imaginary=True)
FIELD = QQ.frac_field(a, b, c, t, r, w)


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        (a, False),
        (a * b, True),
        (a * b * c, False),
        (-a * b * c, True),
        (a / (b * c), False),
        (a**2 * b, False),
        (a * b / t**2, None),
        (a * b / r**2, True),
        (w**2, False),
        (w**2 * r**4, False),
        (w**4, True),
        (w, None),
        (t, None),
        (a / t, None),
    ],
)
def test_every_odd_factor_counts(value, sign):
    assert is_quotient_sign_positive_where_nonzero(FIELD.from_sympy(value), FIELD) is sign


def sign_of(value, assume=()):
    """The sign of an expression under assumptions."""
    symbols = sorted(value.free_symbols, key=str)
    field = QQ.frac_field(*symbols)
    with assuming(Assumptions.from_inequalities(assume)):
        return is_quotient_sign_positive_where_nonzero(field.from_sympy(value), field)


def test_what_is_assumed_decides_and_ends():
    assert sign_of((1 - t) / a, [t < 1]) is False
    assert sign_of((1 - t) / a) is None


x, y, z = sympy.symbols("x y z")
p, q = sympy.symbols("p q", positive=True)


@pytest.mark.parametrize(
    ("value", "assume", "sign"),
    [
        (x - 1, [x > 2], True),
        (x - 3, [x > 2], None),
        (1 - x, x > 1, False),
        (x**2 - 1, [x**2 - 1 > 0], True),
        (x**2 - 1, [x**2 > 4], True),
        (x**2 - 1, [4 * x**2 > 1], None),
        (x**2 - y**2, [x**2 - y**2 > 0], True),
        (x**2 - y**2, [x > y, y > 0], True),
        (z - x, [x > y, y > z], False),
        (x * y - 1, [x > 1, y > 1], True),
        (x * (1 - x) * y, [x > 0, x < 1, y > 0], True),
        (x, [1 / x > 0], True),
        (x**2, [x > -5], True),
        (x**4 - x - 1, [x > 2], True),
        (p * x - 1, [x > 1 / p], True),
        (x**2 * y, [x**2 * y > 0], True),
        ((x * y - 1) * (y - x), [(x * y - 1) * (y - x) > 0, (x * y - 1) * p > 0], True),
        (p**2 - q**2, [p > q], True),
        (p + q - 2 * t, [p > q, q > t], True),
        (p * q - q**2, [q < p, p < 2], True),
        (r**2 - 1, [], None),
        (p - 1, [], None),
        (r**2 + r + 1, [], True),
    ],
)
def test_assumptions_imply_others(value, assume, sign):
    assert sign_of(value, assume) is sign


@pytest.mark.parametrize(
    "assume",
    [
        [x > 1, x < 0],
        [x > y, y > x],
        [x > y, y > z, z > x],
        [x**2 < -1],
        [p < 0],
        [p + 1 < p],
        [x**2 < 4, x**3 > 8],
    ],
)
def test_contradictions_are_refused(assume):
    with pytest.raises(InvalidInputError, match="common solution"):
        Assumptions.from_inequalities(assume)


@pytest.mark.parametrize("assume", [5, "x > 1", ["x > 1"], [x >= 1], x, sympy.Eq(x, 1), [1]])
def test_other_values_are_refused(assume):
    with pytest.raises(InvalidInputError, match="strict inequalities"):
        Assumptions.from_inequalities(assume)


@pytest.mark.parametrize("assume", [[x > 0.5], [x < sympy.oo], [x > -sympy.oo]])
def test_inexact_and_infinite_bounds_are_refused(assume):
    with pytest.raises(InvalidInputError, match="exact numbers"):
        Assumptions.from_inequalities(assume)


@pytest.mark.parametrize("part", [sympy.I, (-1) ** sympy.Rational(1, 3), w])
def test_inequalities_with_a_part_that_is_not_real_are_refused(part):
    with pytest.raises(InvalidInputError, match="inequality of real numbers"):
        Assumptions.from_inequalities([part * x + y**2 > 0])


@pytest.mark.parametrize("positive", [(x - sympy.I) * (x + sympy.I), -(w**2) - 1])
def test_real_inequalities_with_parts_that_are_not_real_are_taken(positive):
    Assumptions.from_inequalities([positive > 0])


@pytest.mark.parametrize(
    "relation", [sympy.Abs(x) > 1, sympy.exp(x) > y, sympy.Piecewise((x, y > 0), (1, True)) > 0]
)
def test_inequalities_of_other_functions_are_refused(relation):
    with pytest.raises(InvalidInputError, match="quotients of polynomials"):
        Assumptions.from_inequalities([relation])


def test_exceptional_values_are_those_that_may_occur():
    where = Assumptions.from_inequalities([x > 2]).format_for_and_unless_clauses
    assert where([x - 1, x - 2, x**2 + 1]) == ", for x > 2"
    assert where([x - 3, x**2 - 7, y]) == ", for x > 2, unless x = 3, x**2 - 7 = 0 or y = 0"
    assert (
        Assumptions().format_for_and_unless_clauses([p, r, r**2 + 1, p + r**2]) == ", unless r = 0"
    )
    assert (
        Assumptions().format_for_and_unless_clauses([sympy.Symbol("n", nonnegative=True)])
        == ", unless n = 0"
    )
    assert Assumptions().format_for_and_unless_clauses([sympy.Symbol("m", nonzero=True)]) == ""
    assert (
        Assumptions.from_inequalities([x > y, y > 1]).format_for_and_unless_clauses(
            [x, y - x, x - 1]
        )
        == ", for x > y and y > 1"
    )
    assert (
        Assumptions.from_inequalities([x**2 > 4]).format_for_and_unless_clauses([x, x - 3])
        == ", for x**2 > 4, unless x = 3"
    )


@pytest.mark.parametrize("kind", ["integer", "even", "rational", "real", "negative"])
def test_a_root_is_told_whatever_its_symbol_is(kind):
    n = sympy.Symbol("n", **{kind: True})
    assert Assumptions().format_for_and_unless_clauses([3 * n + 2]) == ", unless n = -2/3"


def test_gaussian_integers_beside_a_symbol_have_signs():
    field = sympy.QQ_I.frac_field(r)
    assert is_quotient_sign_positive_where_nonzero(field.from_sympy(2 * r**2), field) is True
    assert is_quotient_sign_positive_where_nonzero(field.from_sympy(sympy.I * r**2), field) is None
    field = sympy.ZZ_I.frac_field(r)
    assert is_quotient_sign_positive_where_nonzero(field.from_sympy(-2 * r**2), field) is False
    assert is_quotient_sign_positive_where_nonzero(field.from_sympy(sympy.I * r**2), field) is None
