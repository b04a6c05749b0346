"""What float64 layers do to a covariance exactly, in integers.

A float is a dyadic rational, so that a layer of floats maps a rational covariance to a rational
one. *Exact*: nothing is rounded but the floats that `Whole.floats` returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

import flint
import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import Half
from exactflow.flows.linear import LinearCoupling

__all__ = ["Covariance", "Layer", "Whole", "trimmed"]

FINE = 150  # bits below the least variance, which refinement does not miss
TRIMMED = 2.0**-100


def trimmed(M: np.ndarray) -> np.ndarray:
    """Return a matrix, what lies 2^-100 below the largest entry of each column rounded away."""
    largest = np.abs(M).max(axis=0)
    grid = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1)))) * TRIMMED
    return np.round(M / grid) * grid


@dataclass(frozen=True, eq=False)
class Layer:
    """A coupling layer in float64: ``moved = scale * moved + shift @ kept``."""

    moves: Half
    scale: np.ndarray
    shift: np.ndarray

    def swapped(self) -> "Layer":
        """Return the layer for the halves exchanged."""
        return Layer("second" if self.moves == "first" else "first", self.scale, self.shift)

    def inverse(self) -> "Layer":
        """Return the inverse, its entries rounded."""
        return Layer(self.moves, 1 / self.scale, -self.shift / self.scale[:, None])

    def exact(self) -> LinearCoupling:
        """Return the layer of the dyadic rationals that these floats are."""
        m, k = self.shift.shape
        partition = (m, k) if self.moves == "first" else (k, m)
        scale = None if (self.scale == 1).all() else self.scale.tolist()
        return LinearCoupling(partition, self.moves, self.shift, scale)


@dataclass(frozen=True, eq=False)
class Whole:
    """A rational matrix as integers over one positive denominator."""

    integers: flint.fmpz_mat
    denominator: int

    @staticmethod
    def of_floats(M: np.ndarray) -> "Whole":
        """Return a float64 matrix, exactly."""
        mantissas, exponents = np.frexp(M)
        mantissas = np.ldexp(mantissas, 53).astype(np.int64)
        exponents = np.where(mantissas != 0, exponents - 53, 0)
        low = min(0, int(exponents.min()))
        integers = mantissas.astype(object) << (exponents - low)
        return Whole(flint.fmpz_mat(integers.tolist()), 1 << -low)

    @staticmethod
    def of_diagonal(diagonal: np.ndarray) -> "Whole":
        """Return the diagonal matrix of float64 numbers, exactly."""
        column = Whole.of_floats(diagonal[:, None])
        integers = flint.fmpz_mat(len(diagonal), len(diagonal))
        for i, entry in enumerate(column._entries):
            integers[i, i] = entry
        return Whole(integers, column.denominator)

    @staticmethod
    def of_rationals(M: DomainMatrix) -> "Whole":
        """Return a matrix over QQ."""
        rows = [
            [flint.fmpq(int(x.numerator), int(x.denominator)) for x in row] for row in M.to_list()
        ]
        integers, denominator = flint.fmpq_mat(rows).numer_denom()
        return Whole(integers, int(denominator))

    def __matmul__(self, other: "Whole") -> "Whole":
        return Whole(self.integers * other.integers, self.denominator * other.denominator)

    def __add__(self, other: "Whole") -> "Whole":
        denominator = lcm(self.denominator, other.denominator)
        mine, theirs = (m.integers * (denominator // m.denominator) for m in (self, other))
        return Whole(mine + theirs, denominator)

    def __sub__(self, other: "Whole") -> "Whole":
        return self + Whole(-other.integers, other.denominator)

    def less_identity(self) -> "Whole":
        """Return the matrix less the identity, or less its first columns."""
        integers = flint.fmpz_mat(self.integers)
        for i in range(integers.ncols()):
            integers[i, i] -= self.denominator
        return Whole(integers, self.denominator)

    def rounded_down(self, bits: int) -> "Whole":
        """Return the matrix in multiples of 2^-bits; itself if its denominator is no larger."""
        shift = self.denominator.bit_length() - 1 - max(bits, 0)
        if shift <= 0 or self.denominator & (self.denominator - 1):
            return self
        shape = self.integers.nrows(), self.integers.ncols()
        entries = [int(x) >> shift for x in self._entries]
        return Whole(flint.fmpz_mat(*shape, entries), self.denominator >> shift)

    def transpose(self) -> "Whole":
        """Return the transpose."""
        return Whole(self.integers.transpose(), self.denominator)

    @cached_property
    def floats(self) -> np.ndarray:
        """The entries rounded to float64; raises OverflowError beyond its range."""
        denominator = self.denominator
        rounded = np.array([int(x) / denominator for x in self._entries])
        return rounded.reshape(self.integers.nrows(), self.integers.ncols())

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry, exactly."""
        rounded = np.abs(self.floats.ravel())
        candidates = np.flatnonzero(rounded >= rounded.max())  # rounding is monotonic
        return Fraction(max(abs(int(self._entries[i])) for i in candidates), self.denominator)

    @cached_property
    def _entries(self) -> list[flint.fmpz]:
        return self.integers.entries()


@dataclass(frozen=True, eq=False)
class Covariance:
    """The blocks of a covariance matrix: Sigma11, Sigma12, Sigma22."""

    first: Whole
    cross: Whole
    second: Whole

    def after(self, layers: Sequence[Layer]) -> "Covariance":
        """Return Q Sigma Q^T for the matrix Q of some layers, in their order."""
        covariance = self
        for layer in layers:
            covariance = covariance._moved(layer)
        return covariance

    def _moved(self, layer: Layer) -> "Covariance":
        if layer.moves == "second":
            return self.swapped()._moved(layer.swapped()).swapped()
        scale, shift = Whole.of_diagonal(layer.scale), Whole.of_floats(layer.shift)
        cross = scale @ self.cross + shift @ self.second
        half = scale @ self.first + shift @ self.cross.transpose()
        first = half @ scale + cross @ shift.transpose()
        return Covariance(first, cross, self.second)

    def coarse(self) -> "Covariance":
        """Return the covariance without digits that are far too small for refinement to notice;
        itself if there are none.
        """
        least = min(np.diag(block.floats).min() for block in (self.first, self.second))
        bits = FINE - int(np.floor(np.log2(least)))
        blocks = [block.rounded_down(bits) for block in (self.first, self.cross, self.second)]
        same = all(
            a is b for a, b in zip(blocks, (self.first, self.cross, self.second), strict=True)
        )
        return self if same else Covariance(*blocks)

    def swapped(self) -> "Covariance":
        """Return the covariance with the halves exchanged."""
        return Covariance(self.second, self.cross.transpose(), self.first)

    def less_identity(self) -> "Covariance":
        """Return the covariance less the identity."""
        return Covariance(self.first.less_identity(), self.cross, self.second.less_identity())

    def __sub__(self, other: "Covariance") -> "Covariance":
        return Covariance(
            self.first - other.first, self.cross - other.cross, self.second - other.second
        )

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        return max(block.largest() for block in (self.first, self.cross, self.second))
