"""The two steps under any partition: five layers for p <= q <= 2p, and a peel."""

import pytest
from sympy import QQ

from exactflow import random_matrix
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor.commutator import find_five_shifts_by_commutator
from exactflow.linear.factor.five_layers import (
    draw_five_shifts_for_q_up_to_2p,
    peel_coordinates_off_second_half,
)

FIVE = [(p, q) for p in range(2, 6) for q in range(p, 2 * p + 1) if p + q < 12]


def generic(d, seed):
    """Return an integer matrix of d rows, its first row divided by the determinant."""
    M = random_matrix(d, seed=seed).to_DM(domain=QQ).to_dense()
    return linalg.scale_rows([1 / M.det()] + [QQ(1)] * (d - 1), M)


def product_of(shifts):
    """Return U(shifts[0]) L(shifts[1]) U(shifts[2]) .."""
    partition = shifts[0].shape
    halves = [("first", "second")[i % 2] for i in range(len(shifts))]
    layers = [LinearCoupling(partition, *pair) for pair in zip(halves, shifts, strict=True)]
    return CouplingFlow(layers[::-1]).domain_matrix().to_dense()


@pytest.mark.parametrize("limit", [0, 1, 3])
@pytest.mark.parametrize(("p", "q"), FIVE)
def test_five_layers(p, q, limit):
    M = generic(p + q, 2)
    shifts = draw_five_shifts_for_q_up_to_2p(
        linalg.split(M, p), linalg.split(M.inv(), p), Draws(QQ, limit)
    )
    assert product_of(shifts) == M


def test_five_layers_need_something_off_the_diagonal():
    M = linalg.diagonal([QQ(2), QQ(3), QQ(1, 6), QQ(1), QQ(1)], QQ)
    blocks, inverse = linalg.split(M, 2), linalg.split(M.inv(), 2)
    assert all(
        draw_five_shifts_for_q_up_to_2p(blocks, inverse, Draws(QQ, limit)) is None
        for limit in range(5)
    )


@pytest.mark.parametrize("limit", [0, 2])
@pytest.mark.parametrize(("p", "k", "q"), [(1, 1, 2), (2, 1, 3), (2, 2, 4), (3, 2, 5), (3, 3, 7)])
def test_a_peel_and_the_five_layers_of_the_rest(p, k, q, limit):
    M = generic(p + q, 3)
    step = peel_coordinates_off_second_half(linalg.split(M.inv(), p), k, Draws(QQ, limit))
    assert linalg.rank(step.rest_inverse.C) == p
    rest = linalg.join(step.rest_inverse).to_dense().inv()
    assert rest.det() == 1
    blocks = linalg.split(rest, p)
    if p == q - k:
        shifts = find_five_shifts_by_commutator(blocks)
    else:
        shifts = draw_five_shifts_for_q_up_to_2p(blocks, step.rest_inverse, Draws(QQ, limit))
    assert product_of(step.lift_shifts(shifts)) == M


def test_a_peel_needs_rank():
    M = linalg.diagonal([QQ(2), QQ(1, 2), QQ(1)], QQ)
    assert peel_coordinates_off_second_half(linalg.split(M, 1), 1, Draws(QQ, 3)) is None
