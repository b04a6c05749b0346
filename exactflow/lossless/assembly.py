"""From shears and a step to layers of integers with their certified bound."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    difference = _Difference.of(target, growth.product, step)
    places = np.argsort(target.order)
    shares = growth.rounding.tolist(), [limit / step * s for s in difference.row_sums()]
    rounding, shifts = (tuple(_rational(share[k]) for k in places) for share in shares)
    return Lossless(
        layers,
        target.halves,
        _rational(step),
        DistanceBound(rounding, shifts),
        _rational(difference.largest()),
        bits,
        limit,
        floor(growth.values.max()),
        target.order,
        target.flips,
    )


@dataclass(frozen=True, eq=False)
class _Difference:
    """W minus the step times a product: `times` that, exactly, or each entry within `slack`."""

    target: Target
    product: Digits
    step: Fraction
    digits: Digits

    @staticmethod
    def of(target: Target, product: Digits, step: Fraction) -> "_Difference":
        """Return the difference to the target."""
        digits = _times(target.digits, step.denominator) - _times(product, step.numerator)
        return _Difference(target, product, step, digits)

    @property
    def slack(self) -> Fraction:
        """What each entry of `digits` may be wrong by."""
        return self.target.slack * self.step.denominator

    def row_sums(self) -> list[Fraction]:
        """Return upper bounds of the sums of absolute values in each row."""
        slack = 2 * len(self.target.order) * self.slack
        return [(total + slack) / self.step.denominator for total in row_sums(self.digits)]

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry, exactly."""
        places = self.digits.near_largest(self.slack)
        rational = self.target.rational
        if rational is None:
            return max(abs(self.digits.entry(i, j)) for i, j in places) / self.step.denominator
        return max(abs(rational[i, j] - self.step * self.product.entry(i, j)) for i, j in places)


def _times(M: Digits, factor: int) -> Digits:
    column = np.full((M.shape[0], 1), factor, dtype=object)
    return M.scaled(Digits.of_integers(column, 0))


def _rational(value: Fraction | float) -> sympy.Rational:
    return sympy.Rational(Fraction(value))
