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

the shares of rounding and of the shifts. Each share is attained up to the rounding's last bit if
the r_i and x may be chosen freely: that is why row sums of products stand there, not products of
norms.

How it is checked
-----------------
*Exact*: the products, in integers (`exactflow.exact.digits`). *Certified*: the row sums, in
float64 and enlarged by 2^-40, which is more than d roundings take.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import sympy

from exactflow.errors import InvalidInputError
from exactflow.exact.digits import Digits
from exactflow.exact.numbers import to_index
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless.bijection import DistanceBound, Lossless
from exactflow.floats.lossless.integer_coupling import LARGEST, GridPart, IntegerCoupling
from exactflow.floats.lossless.shears import merge_shears
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["LIMIT", "as_grid", "assembled"]

LIMIT = 2**15
MOST_BITS = 50  # of 53, so that halves and fractions have room beside any product
SPARE_BITS = 3
ENLARGED = 1 + 2.0**-40
TINY = 2.0**-900  # more than what digits lose below 2^-1000


def as_grid(bits: object, limit: object) -> tuple[int | None, int]:
    """Return bits, if given, and limit as integers in their range, or raise `InvalidInputError`."""
    checked = None if bits is None else to_index("bits", bits, 1, MOST_BITS)
    return checked, to_index("limit", limit, 1, LARGEST // 2)


def assembled(
    target: Target, shears: Sequence[FloatCoupling], step: Fraction, bits: int | None, limit: int
) -> Lossless:
    """Return the layers of integers of some shears, near `target` over the step.

    Parameters
    ----------
    target : the matrix, after its flips and in the order of the halves.
    shears : layers without scales, whose product is near the target over the step.
    step : a positive number.
    bits, limit : as `as_grid` returns them; where bits is None, as many as make their share of
        the bound small.

    Raises
    ------
    InvalidInputError
        Values or shifts do not fit 53 bits.
    """
    d = sum(target.halves)
    if bits is None:
        bits = min(MOST_BITS, limit.bit_length() + d.bit_length() + SPARE_BITS)
    rounded = [FloatCoupling(s.moves, _on_grid(s.shift, bits)) for s in merge_shears(shears)]
    rounded = merge_shears(rounded)  # without those that are zero there
    kept, images, weights = _growth(rounded, d, limit)
    values = _sums(images, weights)
    largest = max(values.max(), *kept)
    if not largest <= LARGEST:
        raise InvalidInputError(
            f"expected values to 2^52, as float64 counts them, got {largest:.2g} on the way for "
            f"inputs within limit={limit}: lower limit"
        )
    layers = tuple(
        IntegerCoupling.of(layer.moves, layer.shift, bits, floor(radius))
        for layer, radius in zip(rounded, kept, strict=True)
    )
    product, roundings = images.columns(range(d)), images.columns(range(d, len(weights)))
    difference = _times(target.digits, step.denominator) - _times(product, step.numerator)
    slack = target.slack * step.denominator  # what its entries may be wrong by

    def error(i: int, j: int) -> Fraction:
        of_W = target.digits.entry(i, j) if target.rational is None else target.rational[i, j]
        return abs(of_W - step * product.entry(i, j))

    places = np.argsort(target.order)
    rounding, sums = _sums(roundings, weights[d:])[places], _row_sums(difference)
    shifts = ((sums[k] + 2 * d * slack) / step.denominator * limit / step for k in places)
    return Lossless(
        layers,
        target.halves,
        _rational(step),
        DistanceBound(tuple(map(_rational, rounding)), tuple(map(_rational, shifts))),
        _rational(max(error(i, j) for i, j in difference.near_largest(slack))),
        bits,
        limit,
        floor(values.max()),
        target.order,
        target.flips,
    )


def _on_grid(T: np.ndarray, bits: int) -> np.ndarray:
    """Return the multiples of 2^-bits nearest to T, where float64 holds them."""
    size = float(np.abs(T).max())
    if not size < 2.0 ** (53 - bits):
        raise InvalidInputError(
            f"expected multiples of 2^-bits that 53 bits hold, got bits={bits} with shifts to "
            f"{size:.2g}: lower bits"
        )
    return GridPart.of(T, bits).weight


def _growth(
    layers: Sequence[FloatCoupling], d: int, limit: int
) -> tuple[list[float], Digits, np.ndarray]:
    """Growth of inputs of at most `limit`, and of roundings, through at least one shear.

    First comes the largest absolute value of an entry that each layer keeps; then, exactly, the
    images of the unit vectors and of units of rounding, as columns, and their weights.
    """
    p, one = layers[0].partition[0], np.eye(d)
    halves = [Digits.of_floats(one[:, :p]), Digits.of_floats(one[:, p:])]  # transposed
    weights, kept = np.full(d, float(limit)), []
    for layer in layers:
        i = HALVES.index(layer.moves)
        kept.append(float(_sums(halves[1 - i].transpose(), weights).max()))
        halves[i] = halves[i].plus(halves[1 - i], Digits.of_floats(layer.shift.T))
        moved = halves[i].shape[1]
        blocks = [np.zeros((moved, p)), np.zeros((moved, d - p))]
        blocks[i] = np.eye(moved)
        pairs = zip(halves, blocks, strict=True)
        halves = [half.stacked(Digits.of_floats(block)) for half, block in pairs]
        integral = (layer.shift == np.rint(layer.shift)).all(axis=1)
        weights = np.concatenate([weights, np.where(integral, 0.0, 0.5)])
    return kept, halves[0].transpose().stacked(halves[1].transpose()), weights


def _row_sums(M: Digits) -> list[Fraction]:
    """Return upper bounds of the sums of absolute values in each row; of zeros, zero."""
    exponent = M.exponent()
    sums = np.abs(M.floats(exponent)).sum(axis=1) * ENLARGED + TINY
    sums[~M.planes.any(axis=(0, 2))] = 0
    return [Fraction(value) * Fraction(2) ** exponent for value in sums.tolist()]


def _sums(M: Digits, weights: np.ndarray) -> np.ndarray:
    """Return upper bounds of the weighted sums of absolute values in each row."""
    return np.abs(M.floats()) @ weights * ENLARGED


def _times(M: Digits, factor: int) -> Digits:
    column = np.full((M.shape[0], 1), factor, dtype=object)
    return M.scaled(Digits.of_integers(column, 0))


def _rational(value: Fraction | float) -> sympy.Rational:
    return sympy.Rational(Fraction(value))
