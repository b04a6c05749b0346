"""Families: a flow with parameters, at numbers; and log|det| over every field."""

from functools import cache

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import GF, I, Symbol, log, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow import factor, verify
from exactflow.errors import InvalidInputError

s, t = sympy.symbols("s t")
TARGETS = [
    sympy.Matrix([[t, 1], [0, 1]]),
    sympy.Matrix([[t, 1], [2, t]]),
    sympy.Matrix([[s, 1], [1, t]]),
    sympy.diag(t, 1 - t, s, 1) + sympy.ones(4),
    sympy.diag(sympy.Matrix([[t, 1], [s, 2]]), sympy.eye(2))
    * sympy.Matrix(4, 4, lambda i, j: i**j),
]


@cache
def family_of(k):
    """The flow of a target, with its parameters."""
    return factor(TARGETS[k], scales="nonzero")


rationals = st.fractions(min_value=-5, max_value=5, max_denominator=5)


@settings(max_examples=7)
@given(st.sampled_from(range(len(TARGETS))), rationals, rationals)
def test_a_family_holds_at_all_but_the_exceptional_points(k, a, b):
    family, point = family_of(k), {s: sympy.Rational(a), t: sympy.Rational(b)}
    if any(polynomial.subs(point) == 0 for polynomial in family.exceptional_polynomials()):
        with pytest.raises(InvalidInputError, match="is not zero, got"):
            family.at({s: a, t: b})
        return
    flow = family.at({s: a, t: b})
    verify(flow, TARGETS[k].subs(point))
    assert all(scale > 0 for layer in flow for scale in layer.scale)
    assert len(flow.flips) % 2 == bool(TARGETS[k].subs(point).det() < 0)


@pytest.mark.parametrize("value", [2, "1/3", 0.1, -0.1, sqrt(3), -sqrt(3), 1 + sqrt(5), 10**500])
def test_exact_values(value):
    exact = sympy.Rational(value) if isinstance(value, float) else sympy.S(value)
    for k in range(2):
        verify(family_of(k).at({t: value}), TARGETS[k].subs(t, exact))


def test_a_value_may_be_an_expression_and_symbols_change_places_at_once():
    flow = family_of(2).at({s: t, t: s + 1})
    verify(flow, sympy.Matrix([[t, 1], [1, s + 1]]))
    verify(flow.at({s: 3, t: -2}), sympy.Matrix([[-2, 1], [1, 4]]))


def test_masks_and_methods_are_kept():
    M = sympy.Matrix(4, 4, lambda i, j: t if i == j else i + 2 * j)
    family = factor(M, scales="nonzero", partition=[1, 0, 0, 1])
    flow = family.at({t: -7})
    verify(flow, M.subs(t, -7))
    assert (flow.order, flow.method) == (family.order, family.method)


ROOT = factor([[t**2 - 2 * t - 4, 0], [0, 1]], scales="nonzero")


def test_an_irrational_root_is_exceptional():
    with pytest.raises(InvalidInputError, match="is not zero, got"):
        ROOT.at({t: (2 + sqrt(20)) / 2})
    assert ROOT.at({t: sqrt(6)}).depth == 1


@pytest.mark.parametrize(
    "value",
    [
        sympy.nan,
        sympy.oo,
        sympy.zoo,
        sympy.pi,
        sympy.E,
        sympy.Float(0.1),
        float("nan"),
        "t",
        "010",
        None,
        True,
        Symbol("A", commutative=False),
        1j,
        sympy.sin(t),
    ],
)
def test_what_is_not_exact_is_refused(value):
    for k in range(len(TARGETS)):
        with pytest.raises(InvalidInputError, match="expected"):
            family_of(k).at({t: value})


@pytest.mark.parametrize("values", [{"t": 2}, [1], None, {2: t}])
def test_parameters_are_symbols(values):
    with pytest.raises(InvalidInputError, match="SymPy symbols"):
        family_of(0).at(values)


def one_scale(value):
    matrix = value if isinstance(value, DomainMatrix) else sympy.diag(value, 1)
    return factor(matrix, scales="nonzero")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, log(3)),
        ("1/2", -log(2)),
        (sqrt(2), log(2) / 2),
        (sqrt(5) - 2, log(sqrt(5) - 2)),
        (t, log(sympy.Abs(t))),
        (t**2 + 1, log(sympy.Abs(t**2 + 1))),
        (Symbol("p", positive=True), log(Symbol("p", positive=True))),
    ],
)
def test_log_abs_det_of_real_flows(value, expected):
    assert sympy.expand_log(one_scale(value).log_abs_det() - expected, force=True) == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (I, 0),
        (-I, 0),
        (-1, 0),
        (3 + 4 * I, log(5)),
        (sqrt(2) * I, log(2) / 2),
        (1 + I, log(2) / 2),
        (sqrt(2) + sqrt(7) * I, log(3)),
    ],
)
def test_log_abs_det_off_the_real_line(value, expected):
    flow = factor([[value, 1], [0, 1]], scales="nonzero", orientation="flip")
    assert sympy.expand_log(flow.log_abs_det()) == expected
    verify(flow, [[value, 1], [0, 1]])


def test_no_absolute_value_in_characteristic_p():
    with pytest.raises(InvalidInputError, match="no absolute value"):
        one_scale(DomainMatrix.diag([GF(7)(3), GF(7).one], GF(7))).log_abs_det()


SMALL = sympy.expand((sqrt(2) - 1) ** 200)


@pytest.mark.parametrize(("value", "beside"), [(-1, I), (-SMALL, 0), (-1 - sqrt(2), 1)])
def test_a_negative_value_leaves_a_flip(value, beside):
    flow = factor([[t, beside], [0, 1]], scales="nonzero").at({t: value})
    assert flow.flips == (0,)
    verify(flow, [[value, beside], [0, 1]])


def test_a_value_without_a_sign_stays():
    family = factor(sympy.diag(t, 1), scales="nonzero")
    for value in (I, 2 * s, s**2):
        flow = family.at({t: value})
        assert flow.flips == ()
        verify(flow, sympy.diag(value, 1))


def test_another_symbol_of_the_same_name_is_refused():
    positive = sympy.Symbol("t", positive=True)
    with pytest.raises(InvalidInputError, match=r"another symbol t: .* same assumptions"):
        family_of(2).at({positive: 3})
    both = factor([[t, positive], [0, 1]], scales="nonzero")
    assert both.at({t: 2}).at({positive: 3}).matrix() == both.at({t: 2, positive: 3}).matrix()
