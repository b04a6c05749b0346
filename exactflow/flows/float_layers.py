"""Coupling layers of float64 numbers, and their product: exactly, or in leading digits.

Main results
------------
Floats are dyadic rationals, which `exactflow.exact.digits` multiplies exactly. The largest entry of
W - Q, for the product Q of layers, is an exact rational that needs few integers: leading digits,
with a rigorous bound of what they leave out, name the columns in which it may lie, and only these
are composed exactly. If a half of Q is known up to errors with columns of norm at most e_1, the
other up to e_2, then after a layer ``moved = scale * moved + shift @ kept`` the half that moved is
known up to

    max(scale) e_moved + |shift|_2 e_kept + sqrt(rows) (what was left out of an entry),

and |X|_2 is at most |(X^T X)^8|_F^(1/16), which is at most d^(1/32) times as much.

How it is checked
-----------------
*Exact*: whole matrices and columns. *Certified*: leading digits and their bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import frexp, isqrt
from typing import Any

import numpy as np

from exactflow.exact.digits import BITS, Digits, Enclosure, left_out
from exactflow.exact.numbers import to_float
from exactflow.exact.rounding import rounded_up
from exactflow.exact.typing import HALVES, Half
from exactflow.flows.linear import LinearCoupling

RELATIVE = 1 + 2.0**-20
SQUARINGS = 3


@dataclass(frozen=True, eq=False)
class FloatCoupling:
    """A coupling layer of float64 numbers: ``moved = scale * moved + shift @ kept``.

    Parameters
    ----------
    moves : "first" or "second", the half that the layer maps.
    shift : p x q if the first half moves, q x p if the second does: an array, or a sparse array of
        SciPy.
    scale : one positive number for all coordinates that move, or an array of one for each.

    Examples
    --------
    >>> layer = FloatCoupling("second", np.array([[3.0]]), scale=2.0)
    >>> layer.forward(np.array([1.0, 1.0])), layer.backward(np.array([1.0, 5.0]))
    (array([1., 5.]), array([1., 1.]))
    """

    moves: Half
    shift: Any
    scale: float | np.ndarray = 1.0

    @classmethod
    def of(cls, layer: LinearCoupling) -> "FloatCoupling":
        """Return a layer over QQ, its entries rounded; infinite beyond the range of float64."""
        scale = np.array(list(map(to_float, layer.scale_elements)))
        return cls(layer.moves, layer.float_shift, scale)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        moved, kept = self.shift.shape
        return (moved, kept) if self.moves == "first" else (kept, moved)

    @property
    def scales(self) -> np.ndarray:
        """The scale of each coordinate that moves."""
        return np.broadcast_to(self.scale, self.shift.shape[0])

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return bool(np.all(self.scale == 1))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of p + q entries, or of each column, in the dtype of `x`."""
        moved, kept, scale, shift = self._parts(x)
        return self._joined(scale * moved + shift @ kept, kept)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage of a vector of p + q entries, or of each column, in the dtype of `y`.

        It is computed from the entries of this layer, which those of `inverse` round.
        """
        moved, kept, scale, shift = self._parts(y)
        return self._joined((moved - shift @ kept) / scale, kept)

    def inverse(self) -> "FloatCoupling":
        """Return the inverse, its entries rounded."""
        return FloatCoupling(self.moves, -self.shift / self.scales[:, None], 1 / self.scales)

    def swapped(self) -> "FloatCoupling":
        """Return the layer for the halves exchanged."""
        return FloatCoupling(HALVES[self.moves == "first"], self.shift, self.scale)

    def dense(self) -> "FloatCoupling":
        """Return the layer with an array as its shift."""
        if isinstance(self.shift, np.ndarray):
            return self
        return FloatCoupling(self.moves, self.shift.toarray(), self.scale)

    def condition_number(self) -> float:
        """Return |S|_2 |S^-1|_2 for the layer's matrix S, rounded."""
        one = np.eye(sum(self.partition))
        norms = [np.linalg.norm(image(one), 2) for image in (self.forward, self.backward)]
        return float(norms[0]) * float(norms[1])

    def exact(self) -> LinearCoupling:
        """Return the layer of the dyadic rationals that these floats are."""
        scale = None if self.is_additive else self.scales.tolist()
        return LinearCoupling(self.partition, self.moves, self.dense().shift, scale)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
        p = self.partition[0]
        moved, kept = (x[:p], x[p:]) if self.moves == "first" else (x[p:], x[:p])
        scale = self.scales.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
        return moved, kept, scale, self.shift.astype(x.dtype, copy=False)

    def _joined(self, moved: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return np.concatenate((moved, kept) if self.moves == "first" else (kept, moved))


def composed(layers: Sequence[FloatCoupling], of: Digits | None = None) -> Digits:
    """Return the matrix of layers in order of application, or its product with another, exactly."""
    return enclosed(layers, None, of).digits


def enclosed(
    layers: Sequence[FloatCoupling], bits: int | None, of: Digits | None = None
) -> Enclosure:
    """Return the matrix of layers, or its product with another, to about so many bits after the
    leading ones of each product; exactly, where bits is None.
    """
    p, q = layers[0].partition
    of = of or Digits.of_floats(np.eye(p + q))
    halves = [Enclosure(half, Fraction(0)) for half in (of[:p, :], of[p:, :])]
    for layer in layers:
        i = HALVES.index(layer.moves)
        halves[i] = _moved(layer, halves[i], halves[1 - i], bits)
    digits = halves[0].digits.vstack(halves[1].digits)
    return Enclosure(digits, halves[0].slack + halves[1].slack)


def norm_bound(X: np.ndarray) -> Fraction:
    """Return an upper bound of the spectral norm |X|_2, near it."""
    peak = float(np.abs(X).max())
    if not peak:
        return Fraction(0)
    exponent = frexp(peak)[1]
    X = np.ldexp(X, -exponent)
    power = X @ X.T if len(X) < len(X.T) else X.T @ X
    for _ in range(SQUARINGS):
        power = power @ power
    size = float(np.linalg.norm(power)) ** (0.5 / 2**SQUARINGS)
    return Fraction(size * RELATIVE) * Fraction(2) ** exponent


def _moved(layer: FloatCoupling, moved: Enclosure, kept: Enclosure, bits: int | None) -> Enclosure:
    """Return ``scale * moved + shift @ kept``."""
    shift, digits = Digits.of_floats(layer.shift), moved.digits
    products = [(shift, kept.digits)]
    if not layer.is_additive:
        products.append((Digits.of_floats(np.array(layer.scales)[:, None]), digits))
    floor = None
    if bits is not None:
        nonzero = ((A, B) for A, B in products if A.planes.any() and B.planes.any())
        floor = max((A.exponent() + B.exponent() for A, B in nonzero), default=0) - bits
    if len(products) > 1:
        digits = digits.scale_rows(products[1][0], floor)
    digits = digits.plus_product(shift, kept.digits, floor)
    if floor is None:
        return Enclosure(digits, Fraction(0))
    entry = sum(left_out(A, B, floor) for A, B in products)
    if digits.low < floor:
        digits = digits.above(floor + BITS)
        entry += Fraction(2) ** (floor + BITS)
    largest = Fraction(float(np.max(layer.scale)))
    slack = largest * moved.slack + norm_bound(layer.shift) * kept.slack
    return Enclosure(digits, rounded_up(slack + entry * (isqrt(len(layer.shift)) + 1)))
