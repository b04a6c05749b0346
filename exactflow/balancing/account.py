"""Layers of float64 numbers, and rigorous bounds for the inverse of what they compose to.

Main results
------------
Floats are dyadic rationals, and `exactflow.balancing.composition` has the product Q of layers, and
max |W - Q|, exactly. For the inverses let V be any matrix, rho = |I - V W|_F,
e = |V|_F |W - Q|_F, and rho + e < 1. Then W and Q are invertible, their determinants have the same
sign, and

    |W^-1 - Q^-1|_F <= |V|_F^2 |W - Q|_F / ((1 - rho) (1 - rho - e)).

For W^-1 - Q^-1 = -W^-1 (W - Q) Q^-1, W^-1 = (I - R)^-1 V and Q^-1 = (I - R - V (Q - W))^-1 V, with
R = I - V W. V is a rounded inverse, of which nothing is assumed.

How it is checked
-----------------
*Certified*: the bound. A float product of d x d matrices is
within d u / (1 - d u) |V| |W| of the exact one, u = 2^-53 (Higham, *Accuracy and stability of
numerical algorithms*, 2002, section 3.5); where that is too coarse, digits decide.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import frexp

import numpy as np

from exactflow.balancing.digits import Digits
from exactflow.exact.typing import Half
from exactflow.flows.linear import LinearCoupling

__all__ = ["FloatCoupling", "inverse_error_bound", "snapped"]

GRID = 57
COARSE = Fraction(1, 8)
HALVES: tuple[Half, Half] = ("first", "second")


def snapped(shift: np.ndarray, size: float = 1.0) -> np.ndarray:
    """Return the nearest matrix of multiples of 2^-57 times the power of two at or below `size`."""
    exponent = GRID + 1 - frexp(size)[1]
    return np.ldexp(np.rint(np.ldexp(shift, exponent)), -exponent)


@dataclass(frozen=True, eq=False)
class FloatCoupling:
    """A coupling layer of float64 numbers: ``moved = scale * moved + shift @ kept``.

    Parameters
    ----------
    moves : "first" or "second", the half that the layer maps.
    scale : one positive number for all coordinates that move, or an array of one for each.
    shift : p x q if the first half moves, q x p if the second does.
    """

    moves: Half
    scale: float | np.ndarray
    shift: np.ndarray

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        moved, kept = self.shift.shape
        return (moved, kept) if self.moves == "first" else (kept, moved)

    @property
    def scales(self) -> np.ndarray:
        """The scale of each coordinate that moves."""
        return np.broadcast_to(self.scale, len(self.shift))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of p + q entries, or of each column, in the dtype of `x`."""
        moved, kept, scale, shift = self._parts(x)
        return self._joined(scale * moved + shift @ kept, kept)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage, likewise."""
        moved, kept, scale, shift = self._parts(y)
        return self._joined((moved - shift @ kept) / scale, kept)

    def condition_number(self) -> float:
        """Return |S|_2 |S^-1|_2 for the layer's matrix S, rounded."""
        one = np.eye(sum(self.partition))
        norms = [np.linalg.norm(image(one), 2) for image in (self.forward, self.backward)]
        return float(norms[0]) * float(norms[1])

    def exact(self) -> LinearCoupling:
        """Return the layer of the dyadic rationals that these floats are."""
        scale = None if np.all(self.scale == 1) else list(map(Fraction, self.scales.tolist()))
        return LinearCoupling(self.partition, self.moves, self.shift, scale)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        p = self.partition[0]
        moved, kept = (x[:p], x[p:]) if self.moves == "first" else (x[p:], x[:p])
        scale = self.scales.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        return moved, kept, scale, self.shift.astype(x.dtype, copy=False)

    def _joined(self, moved: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return np.concatenate((moved, kept) if self.moves == "first" else (kept, moved))


def inverse_error_bound(
    W: Digits, approximate_inverse: np.ndarray, exponent: int, error: Fraction
) -> Fraction | None:
    """Return a bound of |W^-1 - Q^-1|_F for any Q with |W - Q|_F <= `error`, or None where W or
    such a Q may be singular.

    Parameters
    ----------
    approximate_inverse : of 2^-exponent W, in floats.
    """
    unit = Fraction(2) ** -exponent
    rho = _residual_bound(W, approximate_inverse, exponent)
    if rho is None:
        return None
    size = Digits.of_floats(approximate_inverse).norm_bound() * unit
    if rho + size * error >= 1:
        return None
    return size**2 * error / ((1 - rho) * (1 - rho - size * error))


def _residual_bound(W: Digits, V: np.ndarray, exponent: int) -> Fraction | None:
    """Return a bound of |I - V 2^-exponent W|_F."""
    if not np.isfinite(V).all():
        return None
    d = len(V)
    M = W.floats(exponent)
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(np.linalg.norm(V) * np.linalg.norm(M)) * (d + 8) * 2.0**-52
        rough = float(np.linalg.norm(V @ M - np.eye(d))) * (1 + 2.0**-20) + size
    if rough < COARSE:
        return Fraction(rough)
    residual = Digits.of_floats(V) @ W.times_power(-exponent) - Digits.of_floats(np.eye(d))
    return residual.norm_bound()
