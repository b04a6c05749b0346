"""What float64 layers are exactly: their product in integers, and rigorous error bounds.

Main results
------------
Floats are dyadic rationals. On a grid 2^-q a shift is an integer matrix, so the product Q of the
layers is composed in integers, and max |W - Q| is an exact rational. For the inverses let V be any
matrix, rho = |I - V W|_F, e = |V|_F |W - Q|_F, and rho + e < 1. Then W and Q are invertible,
their determinants have the same sign, and

    |W^-1 - Q^-1|_F <= |V|_F^2 |W - Q|_F / ((1 - rho) (1 - rho - e)).

For W^-1 - Q^-1 = -W^-1 (W - Q) Q^-1, W^-1 = (I - R)^-1 V and Q^-1 = (I - R - V (Q - W))^-1 V, with
R = I - V W. V is a rounded inverse, of which nothing is assumed.

How it is checked
-----------------
*Exact*: products and differences are taken in integers. *Certified*: the bound; its square roots
are rounded upwards, in integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import frexp, isqrt

import numpy as np
from sympy import ZZ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.integral import IntegralMatrix
from exactflow.flows.linear import Half, LinearCoupling

__all__ = ["FloatCoupling", "Scaled", "composed", "inverse_error_bound", "snapped"]

GRID = 55


def snapped(shift: np.ndarray, size: float = 1.0) -> np.ndarray:
    """Return the nearest matrix of multiples of 2^-55 times the power of two at or below `size`."""
    exponent = GRID + 1 - frexp(size)[1]
    return np.ldexp(np.rint(np.ldexp(shift, exponent)), -exponent)


@dataclass(frozen=True, eq=False)
class FloatCoupling:
    """A coupling layer of float64 numbers: ``moved = scale * moved + shift @ kept``.

    Parameters
    ----------
    moves : "first" or "second", the half that the layer maps.
    scale : one positive number for all coordinates that move.
    shift : n x n.
    """

    moves: Half
    scale: float
    shift: np.ndarray

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of a vector of 2n entries, or of each column, in the dtype of `x`."""
        moved, kept, scale, shift = self._parts(x)
        return self._joined(scale * moved + shift @ kept, kept)

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage, likewise."""
        moved, kept, scale, shift = self._parts(y)
        return self._joined((moved - shift @ kept) / scale, kept)

    def condition_number(self) -> float:
        """Return |S|_2 |S^-1|_2 for the layer's matrix S, rounded."""
        n = len(self.shift)
        return float(np.linalg.cond(self.forward(np.eye(2 * n))))

    def exact(self) -> LinearCoupling:
        """Return the layer of the dyadic rationals that these floats are."""
        n = len(self.shift)
        scale = None if self.scale == 1 else [Fraction(self.scale)] * n
        return LinearCoupling((n, n), self.moves, self.shift, scale)

    def _parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.floating, np.ndarray]:
        halves = x[: len(self.shift)], x[len(self.shift) :]
        moved, kept = halves if self.moves == "first" else halves[::-1]
        return moved, kept, x.dtype.type(self.scale), self.shift.astype(x.dtype, copy=False)

    def _joined(self, moved: np.ndarray, kept: np.ndarray) -> np.ndarray:
        return np.concatenate((moved, kept) if self.moves == "first" else (kept, moved))


@dataclass(frozen=True, eq=False)
class Scaled:
    """A rational matrix as integers over one positive denominator."""

    integers: DomainMatrix
    denominator: int

    @staticmethod
    def of_rationals(M: DomainMatrix) -> "Scaled":
        """Return a matrix over QQ."""
        cleared = IntegralMatrix.of(M)
        return Scaled(cleared.numerator, int(cleared.denominator))

    @staticmethod
    def of_floats(M: np.ndarray) -> "Scaled":
        """Return a float matrix, exactly."""
        mantissas, exponents = np.frexp(M)
        odd = np.ldexp(mantissas, 53).astype(np.int64)
        zeros = np.frexp((odd & -odd).astype(float))[1] - 1
        odd, exponents = odd >> np.maximum(zeros, 0), exponents - 53 + zeros
        bits = max(0, -int(exponents[odd != 0].min(initial=0)))
        integers = odd.astype(object) << np.where(odd != 0, exponents + bits, 0)
        rows = [list(map(ZZ.dtype, row)) for row in integers.tolist()]
        return Scaled(DomainMatrix(rows, M.shape, ZZ), 1 << bits)

    @staticmethod
    def identity(d: int) -> "Scaled":
        """Return the identity matrix."""
        return Scaled(DomainMatrix.eye(d, ZZ).to_dense(), 1)

    def __sub__(self, other: "Scaled") -> "Scaled":
        return Scaled(
            self.integers * ZZ(other.denominator) - other.integers * ZZ(self.denominator),
            self.denominator * other.denominator,
        )

    def __mul__(self, other: "Scaled") -> "Scaled":
        return Scaled(self.integers * other.integers, self.denominator * other.denominator)

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        return Fraction(int(max(map(abs, self._entries()))), self.denominator)

    def norm_bound(self) -> Fraction:
        """Return an upper bound of the Frobenius norm, equal to it up to 2^-64 / denominator."""
        square = int(sum(x * x for x in self._entries()))
        return Fraction(isqrt(square << 128) + (square > 0), self.denominator << 64)

    def floats(self) -> np.ndarray:
        """Return the entries rounded to float64; raises OverflowError beyond its range."""
        return np.array([int(x) / self.denominator for x in self._entries()]).reshape(
            self.integers.shape
        )

    def _entries(self) -> list:
        return self.integers.to_list_flat()


def composed(layers: Sequence[FloatCoupling]) -> Scaled:
    """Return the matrix of layers, the first of which is applied first, in integers.

    Each half of the rows has its own power of two as its denominator, so that numbers stay short.
    """
    n = len(layers[0].shift)
    one = DomainMatrix.eye(2 * n, ZZ).to_dense()
    halves = [Scaled(one[:n, :], 1), Scaled(one[n:, :], 1)]
    for layer in layers:
        i = ("first", "second").index(layer.moves)
        shifted = Scaled.of_floats(layer.shift) * halves[1 - i]
        halves[i] = _dyadic_sum(_times(halves[i], layer.scale), shifted)
    first, second = _aligned(*halves)
    return Scaled(first.integers.vstack(second.integers), first.denominator)


def _times(M: Scaled, scale: float) -> Scaled:
    numerator, denominator = scale.as_integer_ratio()
    return Scaled(M.integers * ZZ(numerator), M.denominator * denominator)


def _aligned(a: Scaled, b: Scaled) -> tuple[Scaled, Scaled]:
    """Return two matrices with powers of two as denominators over the larger of them."""
    denominator = max(a.denominator, b.denominator)
    return tuple(Scaled(m.integers * ZZ(denominator // m.denominator), denominator) for m in (a, b))


def _dyadic_sum(a: Scaled, b: Scaled) -> Scaled:
    a, b = _aligned(a, b)
    return Scaled(a.integers + b.integers, a.denominator)


def inverse_error_bound(W: Scaled, approximate_inverse: np.ndarray, E: Scaled) -> Fraction | None:
    """Return a bound of |W^-1 - (W - E)^-1|_F, or None where W or W - E may be singular."""
    V = Scaled.of_floats(approximate_inverse)
    size, error = V.norm_bound(), E.norm_bound()
    rho = (Scaled.identity(V.integers.shape[0]) - V * W).norm_bound()
    if rho + size * error >= 1:
        return None
    return size**2 * error / ((1 - rho) * (1 - rho - size * error))
