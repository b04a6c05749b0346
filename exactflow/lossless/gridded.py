"""From shears and a step to layers of integers with their certified bound."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.balancing.target import Target, entries_of
from exactflow.errors import InvalidInputError
from exactflow.exact.digits import Digits
from exactflow.exact.numbers import to_index
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import Pose
from exactflow.lossless.bijection import Lossless
from exactflow.lossless.distance import DistanceBound, ErrorGrowth, row_sums
from exactflow.lossless.integer_coupling import LARGEST, IntegerCoupling, on_grid
from exactflow.lossless.shears import merged, shears_of

__all__ = ["LIMIT", "assembled", "checked_grid", "on_layers_of"]

LIMIT = 2**15
MOST_BITS = 50  # of 53, so that halves and fractions have room beside any product
SPARE_BITS = 3


def checked_grid(bits: object, limit: object) -> tuple[int | None, int]:
    """Return bits, if given, and limit as integers in their range, or raise `InvalidInputError`."""
    checked = None if bits is None else to_index("bits", bits, 1, MOST_BITS)
    return checked, to_index("limit", limit, 1, LARGEST // 2)


def on_layers_of(flow: CouplingFlow, W: DomainMatrix, bits: int | None, limit: int) -> Lossless:
    """Return the layers of integers of a flow's own layers, near W.

    Parameters
    ----------
    flow : additive layers, and then a scaling of all coordinates, or none.
    W : the matrix over QQ.
    bits, limit : as `checked_grid` returns them.

    Raises
    ------
    InvalidInputError
        Layers with other scales, or values or shifts that do not fit 53 bits.
    """
    layers, step = shears_of(flow)
    order = flow.order or tuple(range(flow.dimension))
    target = Target.under(Pose(flow.partition, order, flow.flips), entries_of(W))
    return assembled(target, layers, step, bits, limit)


def assembled(
    target: Target, shears: Sequence[FloatCoupling], step: Fraction, bits: int | None, limit: int
) -> Lossless:
    """Return the layers of integers of some shears, near `target` over the step.

    Parameters
    ----------
    target : the matrix, after its flips and in the order of the halves.
    shears : layers without scales, whose product is near the target over the step.
    step : a positive number.
    bits, limit : as `checked_grid` returns them; where bits is None, as many as make their share of
        the bound small.

    Raises
    ------
    InvalidInputError
        Values or shifts do not fit 53 bits.
    """
    d = sum(target.halves)
    if bits is None:
        bits = min(MOST_BITS, limit.bit_length() + d.bit_length() + SPARE_BITS)
    gridded = [FloatCoupling(s.moves, on_grid(s.shift, bits)) for s in merged(shears)]
    gridded = merged(gridded)  # without those that are zero there
    growth = ErrorGrowth.of(gridded, d, limit)
    largest = max(growth.values.max(), *growth.kept)
    if not largest <= LARGEST:
        raise InvalidInputError(
            f"expected values to 2^52, as float64 counts them, got {largest:.2g} on the way for "
            f"inputs within limit={limit}: lower limit"
        )
    layers = tuple(
        IntegerCoupling.of(layer.moves, layer.shift, bits, floor(kept))
        for layer, kept in zip(gridded, growth.kept, strict=True)
    )
    difference = _times(target.digits, step.denominator)
    difference -= _times(growth.product, step.numerator)
    slack = target.slack * step.denominator  # what its entries may be wrong by

    def error(i: int, j: int) -> Fraction:
        of_W = target.digits.entry(i, j) if target.rational is None else target.rational[i, j]
        return abs(of_W - step * growth.product.entry(i, j))

    places = np.argsort(target.order)
    rounding = tuple(_rational(growth.rounding[k]) for k in places)
    sums = row_sums(difference)
    shifts = ((sums[k] + 2 * d * slack) / step.denominator * limit / step for k in places)
    return Lossless(
        layers,
        target.halves,
        _rational(step),
        DistanceBound(rounding, tuple(map(_rational, shifts))),
        _rational(max(error(i, j) for i, j in difference.near_largest(slack))),
        bits,
        limit,
        floor(growth.values.max()),
        target.order,
        target.flips,
    )


def _times(M: Digits, factor: int) -> Digits:
    column = np.full((M.shape[0], 1), factor, dtype=object)
    return M.scaled(Digits.of_integers(column, 0))


def _rational(value: Fraction | float) -> sympy.Rational:
    return sympy.Rational(Fraction(value))
