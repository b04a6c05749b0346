"""From shears and a step to layers of integers, with rigorous bounds: how far they are from a
matrix, and how large values grow.

Main results
------------
Let S_1, .., S_K be the layers without rounding and r_i, on the half that layer i moves, what its
floor adds: |r_i| <= 1/2, and r_i = 0 where a row of the shift is integers. Then the values after
layer k are

    v_k = S_k .. S_1 x + sum over i <= k of S_k .. S_(i+1) r_i,

so that with |x| <= limit each coordinate of v_k is at most the weighted sum of a row of absolute
values: limit for the columns of S_k .. S_1, 1/2 for those of S_k .. S_(i+1) at the half that moves.
With W' = S_K .. S_1 the output y = v_K obeys

    |y - (W / step) x| <= sum over i of (1/2) |S_K .. S_(i+1)| 1  +  limit |W' - W / step| 1,

the shares of rounding and of the shifts.

How it is checked
-----------------
*Exact*: the products, in integers. *Certified*: the row sums. Both are in
`exactflow.exact.dyadic_matrix`.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
from sympy import Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.dyadic_matrix import DyadicMatrix, DyadicQuotient
from exactflow.exact.numbers import format_up, to_index
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless.bijection import DistanceBound, Lossless
from exactflow.floats.lossless.integer_coupling import LARGEST, FixedPointMatrix, IntegerCoupling
from exactflow.flows.float_layers import FloatCoupling

LIMIT = 2**15
MOST_BITS = 50  # of 53, so that halves and fractions have room beside any product
SPARE_BITS = 3


def check_grid(bits: object, limit: object) -> tuple[int | None, int]:
    """Return bits, if given, and limit as integers in their range, or raise `InvalidInputError`."""
    checked = None if bits is None else to_index("bits", bits, 1, MOST_BITS)
    return checked, to_index("limit", limit, 1, LARGEST // 2)


def assemble_lossless(
    target: Target, shears: Sequence[FloatCoupling], step: Fraction, bits: int | None, limit: int
) -> Lossless:
    """Return the layers of integers of shears without scales, whose product is near `target` over
    the positive step. Where bits is None, it is as many as make their share of the bound small.

    Raises `InvalidInputError` where values or shifts do not fit 53 bits.
    """
    d = sum(target.halves)
    if bits is None:
        bits = min(MOST_BITS, limit.bit_length() + d.bit_length() + SPARE_BITS)
    rounded = [FloatCoupling(s.moves, _on_grid(s.shift, bits)) for s in merge_shears(shears)]
    rounded = merge_shears(rounded)  # without those that are zero there
    kept, images, weights = _growth(rounded, d, limit)
    values = images.row_sums(weights)
    largest = max(*values, *kept)
    if not largest <= LARGEST:
        raise InvalidInputError(
            f"expected values to 2^52, as float64 counts them, got {format_up(largest)} on the "
            f"way for inputs within limit={limit}: lower limit"
        )
    layers = tuple(
        IntegerCoupling.of(layer.moves, layer.shift, bits, floor(radius))
        for layer, radius in zip(rounded, kept, strict=True)
    )
    product, roundings = images[:, :d], images[:, d:]
    W, unit = target.exact, step.denominator
    E = unit * W.digits - (step.numerator * W.denominator) * product
    difference = DyadicQuotient(E, unit * W.denominator)
    places = np.argsort(target.layout.order)
    rounding, sums = roundings.row_sums(weights[d:]), difference.digits.row_sums()
    shifts = (sums[k] / difference.denominator * limit / step for k in places)
    return Lossless(
        layers,
        target.halves,
        Rational(step),
        DistanceBound(tuple(Rational(rounding[k]) for k in places), tuple(map(Rational, shifts))),
        Rational(difference.largest()),
        bits,
        limit,
        floor(max(values)),
        target.layout.order,
        target.layout.flips,
    )


def merge_shears(layers: Sequence[FloatCoupling]) -> list[FloatCoupling]:
    """Return the same product as alternating shears, with no zero shift unless all are zero."""
    found: list[FloatCoupling] = []
    for layer in layers:
        if found and found[-1].moves == layer.moves:
            layer = FloatCoupling(layer.moves, found.pop().shift + layer.shift)
        if layer.shift.any():
            found.append(layer)
    return found or [FloatCoupling("second", np.zeros(layers[0].partition[::-1]))]


def _on_grid(T: np.ndarray, bits: int) -> np.ndarray:
    """Return the multiples of 2^-bits nearest to T, where float64 holds them."""
    size = float(np.abs(T).max())
    if not size < 2.0 ** (53 - bits):
        raise InvalidInputError(
            f"expected multiples of 2^-bits that 53 bits hold, got bits={bits} with shifts to "
            f"{size:.2g}: lower bits"
        )
    return FixedPointMatrix.of(T, bits).weight


def _growth(
    layers: Sequence[FloatCoupling], d: int, limit: int
) -> tuple[list[Fraction], DyadicMatrix, np.ndarray]:
    """Growth of inputs of at most `limit`, and of roundings, through at least one shear.

    First comes the largest absolute value of an entry that each layer keeps; then, exactly, the
    images of the unit vectors and of units of rounding, as columns, and their weights.
    """
    p, one = layers[0].partition[0], np.eye(d)
    halves = [DyadicMatrix.of_floats(one[:, :p]), DyadicMatrix.of_floats(one[:, p:])]  # transposed
    weights, kept = np.full(d, float(limit)), []
    for layer in layers:
        i = HALVES.index(layer.moves)
        kept.append(max(halves[1 - i].transpose().row_sums(weights)))
        halves[i] = halves[i].plus_product(halves[1 - i], DyadicMatrix.of_floats(layer.shift.T))
        moved = halves[i].shape[1]
        blocks = [np.zeros((moved, p)), np.zeros((moved, d - p))]
        blocks[i] = np.eye(moved)
        pairs = zip(halves, blocks, strict=True)
        halves = [half.vstack(DyadicMatrix.of_floats(block)) for half, block in pairs]
        integral = (layer.shift == np.rint(layer.shift)).all(axis=1)
        weights = np.concatenate([weights, np.where(integral, 0.0, 0.5)])
    return kept, halves[0].transpose().vstack(halves[1].transpose()), weights
