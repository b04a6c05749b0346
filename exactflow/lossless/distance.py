"""How far rounded layers are from the matrix, and how large values grow: rigorous bounds.

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

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy

from exactflow.exact.digits import Digits
from exactflow.exact.rounding import decimal_up
from exactflow.exact.typing import HALVES
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["DistanceBound", "ErrorGrowth", "row_sums"]

ENLARGED = 1 + 2.0**-40
TINY = 2.0**-900  # more than what digits lose below 2^-1000


@dataclass(frozen=True)
class DistanceBound:
    """The certified largest distance of an output to W x, in units of the output grid.

    Attributes
    ----------
    rounding : for each coordinate, the share of the layers' rounding.
    shifts : for each coordinate, the share of shifts and step that are not those of W exactly,
        for inputs up to the limit.
    """

    rounding: tuple[sympy.Rational, ...]
    shifts: tuple[sympy.Rational, ...]

    @property
    def coordinates(self) -> tuple[sympy.Rational, ...]:
        """The bound for each coordinate."""
        return tuple(r + s for r, s in zip(self.rounding, self.shifts, strict=True))

    @property
    def largest(self) -> sympy.Rational:
        """The bound for all coordinates."""
        return max(self.coordinates)

    def __str__(self) -> str:
        bounds = self.largest, max(self.rounding), max(self.shifts)
        return "{} (rounding {}, shifts {})".format(*(decimal_up(bound, 3) for bound in bounds))


@dataclass(frozen=True, eq=False)
class ErrorGrowth:
    """What inputs and roundings become, layer by layer.

    Attributes
    ----------
    kept : for each layer, the largest absolute value of an entry that it keeps.
    values : for each coordinate, the largest absolute value of the output.
    rounding : for each coordinate, the share of rounding.
    product : the matrix of the layers, exactly.
    """

    kept: tuple[float, ...]
    values: np.ndarray
    rounding: np.ndarray
    product: Digits

    @staticmethod
    def of(layers: Iterable[FloatCoupling], d: int, limit: int) -> "ErrorGrowth":
        """Return it for at least one layer on d coordinates, none scaled, and |x| <= limit.

        Rows are images: of the unit vectors, with weight limit, then of units of rounding.
        """
        layers = list(layers)
        p = layers[0].partition[0]
        one = np.eye(d)
        halves = [Digits.of_floats(one[:, :p]), Digits.of_floats(one[:, p:])]
        weights = np.full(d, float(limit))
        kept = []
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
        images = halves[0].transpose().stacked(halves[1].transpose())
        roundings = images.columns(range(d, len(weights)))
        return ErrorGrowth(
            tuple(kept),
            _sums(images, weights),
            _sums(roundings, weights[d:]),
            images.columns(range(d)),
        )


def row_sums(M: Digits) -> list[Fraction]:
    """Return upper bounds of the sums of absolute values in each row; of zeros, zero."""
    exponent = M.exponent()
    sums = np.abs(M.floats(exponent)).sum(axis=1) * ENLARGED + TINY
    sums[~M.planes.any(axis=(0, 2))] = 0
    return [Fraction(value) * Fraction(2) ** exponent for value in sums.tolist()]


def _sums(M: Digits, weights: np.ndarray) -> np.ndarray:
    """Return upper bounds of the weighted sums of absolute values in each row."""
    return np.abs(M.floats()) @ weights * ENLARGED
