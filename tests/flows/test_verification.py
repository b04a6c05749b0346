"""`verify` accepts exactly what is equal, and names the first entry that is not."""

import pytest
import sympy
from sympy import GF
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, factor, random_matrix, verify
from exactflow.errors import InvalidInputError, VerificationError


def test_every_single_entry_counts():
    M = random_matrix(4, seed=2)
    flow = factor(M)
    assert verify(flow, M).flow is flow
    for i in range(4):
        for j in range(4):
            wrong = M.copy()
            wrong[i, j] += sympy.Rational(1, 10**9)
            with pytest.raises(VerificationError, match=rf"entry \({i}, {j}\), derived {M[i, j]}"):
                verify(flow, wrong)


def test_first_entry_in_row_order():
    with pytest.raises(VerificationError, match=r"expected 7 at entry \(0, 1\), derived 0"):
        verify(CouplingFlow([], (1, 1)), [[1, 7], [7, 1]])


@pytest.mark.parametrize(("order", "flips"), [((), ()), ([*range(20, 40), *range(20)], (3,))])
def test_entries_of_a_large_matrix_count(order, flips):
    layers = factor(random_matrix(40, seed=1))[:4]
    flow = CouplingFlow(layers, flips=flips, order=order)
    M = flow.matrix()
    assert verify(flow, M).flow is flow
    for i, j in [(0, 39), (39, 20)]:
        wrong = M.copy()
        wrong[i, j] += sympy.Rational(1, 10**9)
        with pytest.raises(VerificationError, match=rf"at entry \({i}, {j}\), derived"):
            verify(flow, wrong)


def test_order_of_layers_matters():
    U = LinearCoupling((1, 1), "first", [[1]])
    L = LinearCoupling((1, 1), "second", [[1]])
    M = CouplingFlow([U, L]).matrix()
    verify(CouplingFlow([U, L]), M)
    with pytest.raises(VerificationError):
        verify(CouplingFlow([L, U]), M)


def test_over_a_finite_field():
    field = GF(7)
    shift = DomainMatrix([[field(3)]], (1, 1), field)
    flow = CouplingFlow([LinearCoupling((1, 1), "first", shift)])
    verify(flow, DomainMatrix([[field(1), field(10)], [field(0), field(1)]], (2, 2), field))


def test_refuses_a_matrix_of_another_size():
    with pytest.raises(InvalidInputError, match="2 x 2"):
        verify(CouplingFlow([], (1, 1)), sympy.eye(4))


def test_what_is_no_flow_is_refused():
    with pytest.raises(InvalidInputError, match="such as factor returns, got list"):
        verify([1], [[1]])
    with pytest.raises(InvalidInputError, match=r"linear couplings .* got int"):
        CouplingFlow(5)


def test_a_flow_over_a_prime_field_equals_its_own_matrix():
    field = GF(7)
    shift = DomainMatrix([[field(5)]], (1, 1), field)
    flow = CouplingFlow([LinearCoupling((1, 1), "first", shift)])
    for M in (flow.matrix(), [[8, 5], [0, 1]], [[1, "3/2"], [7, 1]]):
        assert verify(flow, M).flow is flow
    with pytest.raises(VerificationError, match=r"at entry \(0, 1\)"):
        verify(flow, [[1, 4], [0, 1]])
    with pytest.raises(InvalidInputError, match="denominator is 0"):
        verify(flow, [[1, "1/7"], [0, 1]])
