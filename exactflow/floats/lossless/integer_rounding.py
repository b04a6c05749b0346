"""Shears rounded to couplings of integer vectors, with certified bounds of the distance of their
product from a matrix and of all intermediate values.

Main results
------------
Let S_1, .., S_K be the layers without rounding, and let r_i be the rounding error of layer i, on
the half that it moves: |r_i| <= 1/2, and an entry of r_i is 0 if its row of the shift consists of
integers. Then the values after layer k are

    v_k = S_k .. S_1 x + sum over i <= k of S_k .. S_(i+1) r_i.

For |x| <= limit each coordinate of v_k is at most a weighted sum of the absolute values of a row:
the columns of S_k .. S_1 have the weight limit, and those columns of S_k .. S_(i+1) that belong to
the half that layer i moves have the weight 1/2. With W' = S_K .. S_1 the output y = v_K obeys

    |y - (W / step) x| <= sum over i of (1/2) |S_K .. S_(i+1)| 1  +  limit |W' - W / step| 1.

The first summand is `DistanceBound.rounding`, the second `DistanceBound.shifts`.

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
from exactflow.exact.numbers import format_up
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless.bijection import DistanceBound, Lossless
from exactflow.floats.lossless.integer_coupling import LARGEST, FixedPointMatrix, IntegerCoupling
from exactflow.flows.float_layers import FloatCoupling

LIMIT = 2**15
"""The default of `limit`, the largest absolute value of an input."""

MOST_BITS = 50
"""The largest `bits` of shifts, which are multiples of 2^-bits. Float64 has three bits more, so
that products plus 1/2 are still exact.
"""

_SPARE_BITS = 3


def round_shears(
    target: Target, shears: Sequence[FloatCoupling], step: Fraction, bits: int | None, limit: int
) -> Lossless:
    """Round shears whose product is near `target` / `step` to integer couplings, and certify the
    distance of the couplings from this quotient for inputs up to `limit`.

    If `bits` is None, the number of bits is chosen so that `DistanceBound.shifts` is small. Raises
    `InvalidInputError` if values or shifts do not fit into 53 bits.
    """
    d, order = sum(target.halves), target.layout.order
    if bits is None:
        bits = min(MOST_BITS, limit.bit_length() + d.bit_length() + _SPARE_BITS)
    on_grid = [
        FloatCoupling(s.moves, _round_to_fractional_bits(s.shift, bits))
        for s in merge_and_drop_zero_shears(shears)
    ]
    on_grid = merge_and_drop_zero_shears(on_grid)  # again, since small shifts were rounded to zero
    kept_sizes, images, weights = _propagate_input_and_error_bounds(on_grid, d, limit)
    output_sizes = images.bound_absolute_row_sums(weights)
    largest = max(*output_sizes, *kept_sizes)
    if largest > LARGEST:
        raise InvalidInputError(
            f"for inputs up to limit={limit}, intermediate values can reach "
            f"{format_up(largest, 2)}, above 2^52, where float64 is no longer exact: lower "
            "the argument limit"
        )
    difference = _subtract_scaled_product(target.exact_matrix, step, images[:, :d])
    scale = limit / (step * difference.denominator)
    parts = (
        images[:, d:].bound_absolute_row_sums(weights[d:]),
        [scale * size for size in difference.numerator.bound_absolute_row_sums()],
    )
    places = np.argsort(order)
    rounding, shifts = (tuple(Rational(part[k]) for k in places) for part in parts)
    return Lossless(
        layers=tuple(
            IntegerCoupling.from_shift_split_for_exact_products(
                shear.moves, shear.shift, bits, floor(size)
            )
            for shear, size in zip(on_grid, kept_sizes, strict=True)
        ),
        partition=target.halves,
        step=Rational(step),
        bound=DistanceBound(rounding, shifts),
        error=Rational(difference.max_abs()),
        bits=bits,
        limit=limit,
        largest=floor(max(output_sizes)),
        order=order,
        flips=target.layout.flips,
    )


def _subtract_scaled_product(
    W: DyadicQuotient, step: Fraction, product: DyadicMatrix
) -> DyadicQuotient:
    """Return the matrix W - step * product, exactly."""
    digits = step.denominator * W.numerator - (step.numerator * W.denominator) * product
    return DyadicQuotient(digits, step.denominator * W.denominator)


def merge_and_drop_zero_shears(layers: Sequence[FloatCoupling]) -> list[FloatCoupling]:
    """Merge neighbouring shears of the same half, and drop shears with a zero shift. If none
    remain, return one shear with a zero shift.
    """
    found: list[FloatCoupling] = []
    for layer in layers:
        if found and found[-1].moves == layer.moves:
            layer = FloatCoupling(layer.moves, found.pop().shift + layer.shift)
        if layer.shift.any():
            found.append(layer)
    return found or [FloatCoupling("second", np.zeros(layers[0].partition[::-1]))]


def _round_to_fractional_bits(T: np.ndarray, fractional_bits: int) -> np.ndarray:
    """Round the entries of T to multiples of 2^-`fractional_bits`.

    Raises `InvalidInputError` if the multiples do not fit into the 53 bits of float64.
    """
    size = float(np.abs(T).max())
    if not size < 2.0**52:  # one fractional bit would be too many
        raise InvalidInputError(
            f"shifts up to {size:.2g} do not fit into float64 for any number of bits, since the "
            "matrix is singular up to rounding, or too large: scale the matrix to entries of order "
            "one, or use exactflow.factor, which is exact"
        )
    if not size < 2.0 ** (53 - fractional_bits):
        raise InvalidInputError(
            f"shifts up to {size:.2g} need more than 53 bits as multiples of 2^-{fractional_bits}: "
            "lower the argument bits"
        )
    return FixedPointMatrix.from_nearest_multiples(T, fractional_bits).float_matrix


def _propagate_input_and_error_bounds(
    layers: Sequence[FloatCoupling], dimension: int, input_limit: int
) -> tuple[list[Fraction], DyadicMatrix, np.ndarray]:
    """Bound all values in a product of rounded shears, for inputs up to `input_limit`.

    Returns
    -------
    kept_sizes : for each layer, a bound of the absolute values of the half that it keeps.
    images : exact columns: the images under all layers of the d unit vectors of the input, followed
        by the images of the unit vectors of each layer's rounding error under the later layers.
    weights : for each column, a bound of the absolute value of its coefficient.
    """
    p, one = layers[0].partition[0], np.eye(dimension)
    # side by side, the two matrices have one row for each coordinate of the input and one for each
    # rounding error so far: how much a unit of this coordinate or error changes the present values
    halves = [DyadicMatrix.from_floats(one[:, :p]), DyadicMatrix.from_floats(one[:, p:])]
    weights, kept_sizes = np.full(dimension, float(input_limit)), []
    for layer in layers:
        i = HALVES.index(layer.moves)
        kept_sizes.append(max(halves[1 - i].transpose().bound_absolute_row_sums(weights)))
        halves[i] = halves[i].plus_product(halves[1 - i], DyadicMatrix.from_floats(layer.shift.T))
        moved = halves[i].shape[1]
        units = [np.zeros((moved, p)), np.zeros((moved, dimension - p))]
        units[i] = np.eye(moved)
        pairs = zip(halves, units, strict=True)
        halves = [half.vstack(DyadicMatrix.from_floats(unit)) for half, unit in pairs]
        has_integers = (layer.shift == np.rint(layer.shift)).all(axis=1)
        weights = np.concatenate([weights, np.where(has_integers, 0.0, 0.5)])
    return kept_sizes, halves[0].transpose().vstack(halves[1].transpose()), weights
