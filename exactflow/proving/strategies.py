"""Strategies for Hypothesis: matrices and flows for tests (extra ``testing``).

    from hypothesis import given
    from exactflow import factor
    from exactflow.testing import assert_equal
    from exactflow.proving.strategies import matrices

    @given(matrices())
    def test_factor(M):
        assert_equal(factor(M), M)

Numbers are small, so that a failing example is shown in full. Blocks are often zero, singular or
scalar, since constructions treat such blocks as special cases.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import get_args

import sympy
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from sympy import Matrix

from exactflow.exact.typing import HALVES, check_option
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept
from exactflow.linear.targets import permutation
from exactflow.proving.theory.instance_checks import Determinant, draw_invertible_matrix

__all__ = [
    "flows",
    "matrices",
    "matrices_with_degenerate_blocks",
    "partitions",
    "permutations",
    "rationals",
]


def rationals(*, largest_value_and_denominator: int = 4) -> SearchStrategy[Fraction]:
    """Return a strategy for rationals of bounded absolute value and denominator.

    For a bound b these are the rationals from -b to b with denominators of at most b; so their
    numerators are at most b^2.
    """
    bound = largest_value_and_denominator
    return st.fractions(min_value=-bound, max_value=bound, max_denominator=bound)


def permutations(*, least_dimension: int = 1, most_dimension: int = 8) -> SearchStrategy[list[int]]:
    """Return a strategy for permutations; the two dimensions bound the number of coordinates.

    A permutation is a list in the form that `exactflow.permutation` takes.
    """
    return st.integers(least_dimension, most_dimension).flatmap(lambda d: st.permutations(range(d)))


def partitions(
    *, least_dimension: int = 2, most_dimension: int = 8
) -> SearchStrategy[tuple[int, int]]:
    """Return a strategy for partitions (p, q), with p, q >= 1; the dimensions bound p + q."""
    dimensions = st.integers(max(least_dimension, 2), most_dimension)
    return dimensions.flatmap(lambda d: st.integers(1, d - 1).map(lambda p: (p, d - p)))


@st.composite
def flows(
    draw: DrawFn,
    *,
    partition: tuple[int, int] | None = None,
    most_layers: int = 4,
    flips: bool = True,
) -> CouplingFlow:
    """Return a strategy for flows of linear couplings over QQ; some layers have scales.

    Parameters
    ----------
    partition : the partition of all layers; by default any of 2 to 6 coordinates.
    most_layers : the largest number of layers.
    flips : whether flows also negate some coordinates before the first layer.
    """
    p, q = partition or draw(partitions(least_dimension=2, most_dimension=6))
    scales = st.fractions(min_value=Fraction(1, 3), max_value=3, max_denominator=3)
    layers = []
    for _ in range(draw(st.integers(0, most_layers))):
        moves = draw(st.sampled_from(HALVES))
        moved, kept = moved_and_kept(moves, (p, q))
        row = st.lists(rationals(largest_value_and_denominator=3), min_size=kept, max_size=kept)
        shift = draw(st.lists(row, min_size=moved, max_size=moved))
        scale = draw(st.none() | st.lists(scales, min_size=moved, max_size=moved))
        layers.append(LinearCoupling((p, q), moves, shift, scale))
    flipped = draw(st.sets(st.integers(0, p + q - 1))) if flips else set()
    return CouplingFlow(layers, (p, q), flips=flipped)


def matrices(
    *, dimensions: Sequence[int] = (2, 4, 6, 8, 10), determinant: Determinant = "positive"
) -> SearchStrategy[Matrix]:
    """Return a strategy for invertible rational matrices, which often have singular blocks.

    The matrices are products of elementary matrices, signs, permutations, scales, and shears of low
    rank.

    Parameters
    ----------
    dimensions : the numbers of rows to draw from.
    determinant : "positive", "one" or "nonzero".
    """
    check_option("determinant", determinant, get_args(Determinant))
    return st.randoms().map(lambda source: draw_invertible_matrix(source, dimensions, determinant))


@st.composite
def _matrices_of_rank_at_most_one(draw: DrawFn, rows: int, columns: int) -> Matrix:
    """Return a strategy for matrices of rank at most 1: a column times a row of small rationals."""
    column = Matrix(draw(st.lists(rationals(), min_size=rows, max_size=rows)))
    row = Matrix([draw(st.lists(rationals(), min_size=columns, max_size=columns))])
    return column * row


@st.composite
def matrices_with_degenerate_blocks(
    draw: DrawFn, *, half_sizes: Sequence[int] = (1, 2, 3)
) -> Matrix:
    """Return a strategy for 2n x 2n matrices of determinant 1, where n is one of `half_sizes`.

    The n x n blocks are zero, scalar, singular or diagonal, as in the cases in which a construction
    could divide by zero.
    """
    n = draw(st.sampled_from(tuple(half_sizes)))
    one, zero = sympy.eye(n), sympy.zeros(n)
    entries = st.lists(st.sampled_from([1, -1, 2, Fraction(1, 2)]), min_size=n, max_size=n)
    S = sympy.diag(*draw(entries | st.sampled_from([1, -1, 2]).map(lambda c: [c] * n)))
    T = draw(st.sampled_from([S.inv(), sympy.diag(*[1] * (n - 1), 1 / S.det())]))
    P = permutation(draw(st.permutations(range(2 * n)))).as_mutable()
    P[0, :] *= P.det()
    M = draw(st.sampled_from([sympy.diag(S, T), Matrix([[zero, -S], [T, zero]]), P]))
    blocks = st.sampled_from([zero, one, -one, S]) | _matrices_of_rank_at_most_one(n, n)
    for k in range(draw(st.integers(0, 3))):
        X = draw(blocks)
        M = Matrix([[one, X], [zero, one]] if k % 2 else [[one, zero], [X, one]]) * M
    return M
