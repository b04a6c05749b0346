"""What float64 layers do to a covariance exactly, in integers.

A float is a dyadic rational, so that a layer of floats maps a rational covariance to a rational
one. *Exact*: nothing is rounded but the floats that `RationalMatrix.floats` returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.exact.linalg import scale_rows
from exactflow.exact.rational import RationalMatrix
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["CovarianceBlocks", "trimmed"]

FINE = 150  # bits below the least variance, which refinement does not miss
TRIMMED = 2.0**-100


def trimmed(M: np.ndarray) -> np.ndarray:
    """Return a matrix, what lies 2^-100 below the largest entry of each column rounded away."""
    largest = np.abs(M).max(axis=0)
    grid = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1)))) * TRIMMED
    return np.round(M / grid) * grid


@dataclass(frozen=True, eq=False)
class CovarianceBlocks:
    """The blocks of a covariance matrix: Sigma11, Sigma12, Sigma22."""

    first: RationalMatrix
    cross: RationalMatrix
    second: RationalMatrix

    @staticmethod
    def of(Sigma: RationalMatrix, p: int) -> "CovarianceBlocks":
        """Return the blocks of a matrix, for halves of p and d - p coordinates."""
        first, second = range(p), range(p, Sigma.shape[0])
        return CovarianceBlocks(
            Sigma.extract(first, first), Sigma.extract(first, second), Sigma.extract(second, second)
        )

    def after(self, layers: Sequence[FloatCoupling]) -> "CovarianceBlocks":
        """Return Q Sigma Q^T for the matrix Q of some layers, in their order."""
        covariance = self
        for layer in layers:
            covariance = covariance._moved(layer)
        return covariance

    def residual(self, layers: Sequence[FloatCoupling]) -> "CovarianceBlocks":
        """Return Q Sigma Q^T - I."""
        after = self.after(layers)
        first, second = (M - RationalMatrix.eye(M.shape[0]) for M in (after.first, after.second))
        return CovarianceBlocks(first, after.cross, second)

    def _moved(self, layer: FloatCoupling) -> "CovarianceBlocks":
        if layer.moves == "second":
            return self.swapped()._moved(layer.swapped()).swapped()
        scale = list(map(Fraction, layer.scales.tolist()))
        shift = RationalMatrix.of_floats(layer.shift)
        cross = scale_rows(scale, self.cross) + shift @ self.second
        half = scale_rows(scale, self.first) + shift @ self.cross.transpose()
        first = scale_rows(scale, half.transpose()).transpose() + cross @ shift.transpose()
        return CovarianceBlocks(first, cross, self.second)

    def coarse(self) -> "CovarianceBlocks":
        """Return the covariance without digits that are far too small for refinement to notice;
        itself if there are none.
        """
        least = min(np.diag(block.floats).min() for block in (self.first, self.second))
        bits = FINE - int(np.floor(np.log2(least)))
        blocks = [block.rounded_down(bits) for block in (self.first, self.cross, self.second)]
        same = all(
            a is b for a, b in zip(blocks, (self.first, self.cross, self.second), strict=True)
        )
        return self if same else CovarianceBlocks(*blocks)

    def swapped(self) -> "CovarianceBlocks":
        """Return the covariance with the halves exchanged."""
        return CovarianceBlocks(self.second, self.cross.transpose(), self.first)

    def __sub__(self, other: "CovarianceBlocks") -> "CovarianceBlocks":
        return CovarianceBlocks(
            self.first - other.first, self.cross - other.cross, self.second - other.second
        )

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        return max(block.largest() for block in (self.first, self.cross, self.second))
