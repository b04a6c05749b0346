"""Five layers: V is constructed wherever the theory says that there is one."""

from itertools import product

import pytest
from linear.depth.examples import (
    blocks,
    decided,
    diagonal,
    jordan,
    matrix,
    product_of,
    with_fixed_parts,
    with_scalar,
)
from sympy import GF, QQ

from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.normal_forms import companion_block_exponents, elementary_divisors
from exactflow.linear.depth.additive.shifts import (
    draw_shift_by_deflation,
    draw_shift_equating_charpolys,
    subtracted_row_assigning_block_sizes,
)
from exactflow.linear.depth.equations import negated_ratio
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix

CELLS = {
    "disjoint": (((2, 1), (3, 1)), ((5, 1), (7, 1))),
    "one common": (((2, 1), (3, 1)), ((2, 1), (7, 1))),
    "equal": (((2, 1), (3, 1)), ((3, 1), (2, 1))),
    "equal, derogatory": (((2, 1), (2, 1)), ((2, 1), (2, 1))),
    "Jordan": (((2, 2),), ((7, 2),)),
    "Jordan, nested": (((2, 2),), ((2, 1), (3, 1))),
    "Jordan, three": (((2, 3),), ((2, 1), (7, 2))),
    "three": (((2, 1), (3, 1), (5, 1)), ((5, 1), (3, 1), (7, 1))),
    "at one": (((1, 2),), ((1, 1), (3, 1))),
}


@pytest.mark.parametrize(("name", "r"), [*((name, 2) for name in CELLS), ("Jordan, three", 3)])
def test_nonderogatory_fixed_parts_that_split(name, r):
    Du, aN = (jordan(*cells) for cells in CELLS[name])
    D11 = jordan((1, 1), *((k, 1) for k in range(2, r + 1)))
    M = with_fixed_parts(Du, aN, D11)
    shifts = decided("ULULU", M)
    assert product_of(shifts) == M


@pytest.mark.parametrize("field", [QQ, GF(2), GF(3)], ids=str)
def test_corank_one_always(field):
    """Also where c = -k C: the eigenvalues of P are a geometric progression."""
    units = [field.convert(x) for x in (1, 2) if field.convert(x)]
    for u, v in product(units, repeat=2):
        for D11 in (jordan((1, 1), (1, 1), field=field), jordan((1, 2), field=field)):
            M = with_fixed_parts(linalg.diagonal([u], field), linalg.diagonal([v], field), D11)
            assert product_of(decided("ULULU", M)) == M
            assert product_of(decided("LULUL", swapped(M))) == M


def test_no_shift_where_four_layers_do_and_C_is_0():
    D = matrix([[2, 1], [1, 1]])
    M = blocks(D.inv().to_dense(), diagonal(0, 0), diagonal(0, 0), D)
    *_, last = shifts = decided("ULULU", M)
    assert product_of(shifts) == M
    assert last.is_zero_matrix


def swapped(M):
    n = M.shape[0] // 2
    return linalg.join(linalg.swap_halves(linalg.split(M, n))).to_dense()


def test_equal_scaling_with_a_solution():
    """c = -2 C: charpoly(Du) g(x) = charpoly(aN) 4 g(x / 2) has a solution for some aN only."""
    Du, half = diagonal(8, 4), QQ(1, 2)
    for aN, solvable in (
        (diagonal(4, 2), True),
        (diagonal(8, 1), True),
        (diagonal(16, half), False),
        (diagonal(-4, -2), False),
    ):
        M = with_scalar(QQ(2), Du, aN)
        split, inverse = linalg.split(M, 4), linalg.split(M.inv().to_dense(), 4)
        assert negated_ratio(inverse.C, split.C) == 2
        found = decided("ULULU", M)
        assert isinstance(found, Obstruction) != solvable
        assert found.is_valid() if not solvable else product_of(found) == M


@pytest.mark.parametrize("k", [2, 3])
def test_equal_scaling_where_one_block_at_one_is_beside_two(k):
    """c = -k C, Du = I, aN with one block of size 2 at 1/k, which D' = D - C V has to have, too.

    Then a' has one of size 2 at 1. As many blocks there as D' has, two, would be too many at 1/k.
    """
    M = with_scalar(QQ(k), diagonal(1, 1), jordan((QQ(1, k), 2)))
    shifts = decided("ULULU", M)
    assert product_of(shifts) == M
    _, D, a, _ = PatternInstance(
        "ULULU", SplitMatrix(M), "additive"
    ).pencil.after_subtracting_shift(shifts[-1])
    at_one, at_k = (QQ(1), QQ(-1)), (QQ(1), -QQ(1, k))
    assert elementary_divisors(D) == {at_one: (1, 1), at_k: (2,)}
    assert elementary_divisors(a) == {at_one: (2,), at_k: (2,)}


@pytest.mark.parametrize("field", [QQ, GF(2), GF(5)], ids=str)
@pytest.mark.parametrize("size", [2, 3, 4])
def test_an_invertible_block_over_every_field(field, size):
    one, zero = linalg.identity(size, field), linalg.zeros(size, size, field)
    lower = matrix([[(i * j + i + 1) % 2 if i > j else 1 if i == j else 0 for j in range(size)]
                    for i in range(size)], field)  # fmt: skip
    upper = matrix([[(i + j) % 3 if i < j else 1 if i == j else 0 for j in range(size)]
                    for i in range(size)], field)  # fmt: skip
    C = lower * upper
    M = blocks(one, zero, C, one) * blocks(one, upper - one, zero, one)
    M = M * blocks(C, zero, zero, C.inv().to_dense())
    assert M[size:, :size].to_dense().det()
    assert product_of(decided("ULULU", M)) == M


def test_assigned_blocks_interlace():
    """Du has blocks 2, 1 at x - 3; the row gives the blocks 3, 2, 1, or 2, 2 and x^2 + 1 .."""
    f, g = (QQ(1), QQ(-3)), (QQ(1), QQ(0), QQ(1))
    Du = jordan((3, 2), (3, 1))
    for wanted in ({f: (3, 2, 1)}, {f: (2, 2), g: (1,)}, {f: (4, 1, 1)}, {f: (2, 1), g: (1,),
                   (QQ(1), QQ(-1)): (1,)}):  # fmt: skip
        D = linalg.join(
            linalg.Blocks(jordan((5, 3)), matrix([[1, 0, 2], [0, 1, 0], [1, 1, 1]]),
                          linalg.zeros(3, 3, QQ), Du)
        ).to_dense()  # fmt: skip
        b = linalg.unit_vector(6, 2, QQ)
        L = linalg.zeros(3, 3, QQ).hstack(linalg.identity(3, QQ)).to_dense()
        v = subtracted_row_assigning_block_sizes(D, b, (L, Du), wanted)
        assert elementary_divisors(D - b * v) == wanted


def test_shifts_match_characteristic_polynomials():
    M = with_fixed_parts(diagonal(2), diagonal(3), diagonal(1, 2))
    pencil = PatternInstance("ULULU", SplitMatrix(M), "additive").pencil
    for find in (draw_shift_equating_charpolys, draw_shift_by_deflation):
        draws = [Draws(QQ, 1 + s // 4, s) for s in range(9)]
        V = next(V for V in (find(pencil, drawn) for drawn in draws) if V is not None)
        _, D, a, _ = pencil.after_subtracting_shift(V)
        assert D.charpoly_berk() == a.charpoly_berk()
    parts = FixedParts.from_pencil(pencil)
    assert parts.is_valid(pencil)
    assert companion_block_exponents(parts.Du, (QQ(1), QQ(-2))) == (1,)


def test_blocks_of_one_fixed_part_alone_may_be_too_many():
    """D - C V keeps two blocks at 2; a is cyclic, and a + V c of rank one more has one there."""
    D, C = diagonal(1, 2, 2), matrix([[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    a = matrix([[0, 1, 0], [0, 0, 1], [4, 0, 0]])
    M = blocks(a.inv().to_dense(), linalg.zeros(3, 3, QQ), C, D)
    found = decided("ULULU", M)
    assert (found.kind, found.witness) == ("chain", ((QQ(1), QQ(-2)),))
    assert found.is_valid()
    assert str(found) == (
        "not ULULU: D - C V and a + V c have fixed blocks of sizes [1, 1] and [] at x - 2, "
        "too far apart for rank(C) = 1"
    )
