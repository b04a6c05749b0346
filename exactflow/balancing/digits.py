"""Float matrices exactly, at the speed of floats: digits to the base 2^20.

Main results
------------
A float is a dyadic rational. A matrix of them is sum_k 2^(low + 20 k) D_k with integer matrices
D_k, at most 2^20, kept as floats. Products of such digits are at most 2^40, so that
a float64 product of two digit matrices with inner dimension up to 2^13 is *exact* in whatever order
it is summed: the BLAS does exact arithmetic. (The splitting is that of Ozaki, Ogita, Oishi and
Rump, *Error-free transformations of matrix multiplication*, 2012.)

How it is checked
-----------------
*Exact*: nothing is rounded but in `Digits.floats` and `Digits.norm_bound`, which say so.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

__all__ = ["Digits"]

BITS = 20
BASE = 2.0**BITS
SUMMANDS = 1 << 13
RELATIVE = 2.0**-40


@dataclass(frozen=True, eq=False)
class Digits:
    """The matrix sum_k 2^(low + 20 k) planes[k], exactly, for integers |planes[k]| <= 2^20."""

    planes: np.ndarray
    low: int

    @staticmethod
    def of_floats(M: np.ndarray) -> "Digits":
        """Return a matrix of finite floats."""
        mantissas, exponents = np.frexp(M)
        whole = np.ldexp(mantissas, 53).astype(np.int64)
        nonzero = whole != 0
        if not nonzero.any():
            return Digits(np.zeros((1, *M.shape)), 0)
        lowest_bit = np.frexp((whole & -whole).astype(float))[1] - 1
        low = int((exponents - 53 + lowest_bit)[nonzero].min())
        count = -(-(int(exponents[nonzero].max()) - low) // BITS)
        planes, rest = np.empty((count, *M.shape)), M
        for k in reversed(range(count)):
            round_off = np.rint if k < count - 1 else np.trunc  # nothing rounds up to 2^1024
            planes[k] = round_off(np.ldexp(rest, -low - BITS * k))
            rest = rest - np.ldexp(planes[k], low + BITS * k)
        return Digits(planes, low)

    @staticmethod
    def of_integers(integers: np.ndarray, low: int) -> "Digits":
        """Return 2^low times a matrix of Python integers."""
        planes: list[np.ndarray] = []
        half = 1 << (BITS - 1)
        while integers.any() or not planes:
            digits = (integers + half) % (2 * half) - half
            planes.append(digits.astype(float))
            integers = (integers - digits) >> BITS
        return Digits(np.array(planes), low)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.planes.shape[1:]

    def __sub__(self, other: "Digits") -> "Digits":
        planes, low = self._with_room(other.low, len(other.planes))
        offset = (other.low - low) // BITS
        planes[offset : offset + len(other.planes)] -= other.planes
        return Digits(planes, low)

    def __matmul__(self, other: "Digits") -> "Digits":
        return _zeros(self.shape[0], other.shape[1]).plus(self, other)

    def plus(self, A: "Digits", B: "Digits") -> "Digits":
        """Return the matrix plus A B."""
        return self._plus(A, B, np.matmul, B.shape[0])

    def scaled(self, factors: "Digits") -> "Digits":
        """Return the rows times the entries of a column."""
        return _zeros(*self.shape)._plus(factors, self, np.multiply, 1)

    def _plus(self, A: "Digits", B: "Digits", product: np.ufunc, summands: int) -> "Digits":
        low, n = A.low + B.low, len(B.planes)
        planes, own = self._with_room(low, len(A.planes) + n)
        offset = (low - own) // BITS
        buffer, pending = np.empty((n, *self.shape)), 0
        for i, plane in enumerate(A.planes, offset):
            if pending + summands > SUMMANDS:
                _carry(planes)
                pending = 0
            planes[i : i + n] += product(plane, B.planes, out=buffer)
            pending += summands
        _carry(planes)
        used = np.flatnonzero(planes.any(axis=(1, 2)))
        return Digits(planes[: used[-1] + 1 if len(used) else 1], own)

    def _with_room(self, low: int, count: int) -> tuple[np.ndarray, int]:
        """Return planes that hold this matrix, and `count` planes from `low` on with one to spare,
        and their own low: it differs from `low` by a multiple of 20.
        """
        own = low - BITS * max(0, -(-(low - self.low) // BITS))
        offset, shift = divmod(self.low - own, BITS)
        length = max(offset + len(self.planes), (low - own) // BITS + count) + 1
        planes = np.zeros((length, *self.shape))
        planes[offset : offset + len(self.planes)] = self.planes
        if shift:
            planes *= 2.0**shift
            _carry(planes)
        return planes, own

    def leading(self, planes: int | None) -> "Digits":
        """Return the leading digits only, so many of them; all where it is None."""
        cut = 0 if planes is None else max(0, len(self.planes) - planes)
        return Digits(self.planes[cut:], self.low + BITS * cut)

    def times_power(self, exponent: int) -> "Digits":
        """Return the matrix times 2^exponent."""
        return Digits(self.planes, self.low + exponent)

    def stacked(self, other: "Digits") -> "Digits":
        """Return the rows of both matrices."""
        above, low = self._with_room(other.low, len(other.planes))
        planes = np.zeros((len(above), len(above[0]) + other.shape[0], self.shape[1]))
        offset, rows = (other.low - low) // BITS, len(above[0])
        planes[:, :rows] = above
        planes[offset : offset + len(other.planes), rows:] = other.planes
        return Digits(planes, low)

    def floats(self, exponent: int = 0) -> np.ndarray:
        """Return the entries times 2^-exponent, each within 2^-50 of its own size (or 2^-1000).

        From the top down: a partial sum is exact until it is near the entry.
        """
        total = np.zeros(self.shape)
        for k in reversed(range(len(self.planes))):
            total += np.ldexp(self.planes[k], self.low + BITS * k - exponent)
        return total

    def exponent(self) -> int:
        """Return e such that all entries are below 2^e, not far from it; 0 for zeros only."""
        sizes = np.abs(self.floats(self._top())).max()
        return int(np.frexp(sizes)[1]) + 1 + self._top() if sizes else 0

    def _top(self) -> int:
        return self.low + BITS * (len(self.planes) + 1)

    def entry(self, i: int, j: int) -> Fraction:
        """Return one entry."""
        whole = sum(int(digit) << (BITS * k) for k, digit in enumerate(self.planes[:, i, j]))
        return whole * Fraction(2) ** self.low

    def near_largest(self, slack: Fraction = Fraction(0)) -> np.ndarray:
        """Return the places (i, j) of entries among which is the largest in absolute value, even
        where each entry may still change by `slack`.
        """
        sizes = np.abs(self.floats(self.exponent()))
        change = float(slack / Fraction(2) ** self.exponent())
        places = np.argwhere(sizes >= sizes.max() * (1 - RELATIVE) - 2 * change)
        if slack:
            return places
        columns = np.abs(self.planes[:, places[:, 0], places[:, 1]])
        return places[np.unique(columns, axis=1, return_index=True)[1]]

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        return max(abs(self.entry(i, j)) for i, j in self.near_largest())

    def norm_bound(self) -> Fraction:
        """Return an upper bound of the Frobenius norm, near it."""
        exponent = self.exponent()
        norm = float(np.linalg.norm(self.floats(exponent)))
        return Fraction(norm * (1 + RELATIVE)) * Fraction(2) ** exponent


def _zeros(rows: int, columns: int) -> Digits:
    return Digits(np.zeros((1, rows, columns)), 0)


def _carry(planes: np.ndarray) -> None:
    """Make digits at most 2^19 from integers below 2^53, in place; the top plane is the last."""
    for plane, following in pairwise(planes):
        carry = np.rint(plane / BASE)
        plane -= carry * BASE
        following += carry
