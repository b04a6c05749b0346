"""Triangular lifting, row by row: integer maps of a matrix before block shears.

`PlusFactorization` is the factorization W = P L U S Q of Hao and Shi, *Matrix factorizations for
reversible integer mapping*, IEEE Trans. Signal Processing 49, 2001: permutations P and Q, unit
triangular L and U and one row S. A pivot is made 1 by a multiple of the last column. Three choices
of it are tried: the row with the smallest multiplier, row and column with the smallest one, and the
row with the largest entry in the last column; the best is kept. `LiftedLU` is W = P L D U with D by
modular affine maps, as in Zhang, Zhang, Kang and Li, *iVPF*, CVPR 2021, arXiv:2103.16211. What is
triangular is one product forward, and row after row backward, as each row needs those before it.

Both get what `exactflow.floats.lossless` has: coefficients on a grid of 2^-bits, so that the same
sums are rounded in both directions.

How it is checked
-----------------
*Numeric*. The tests compare with W, and check that inverses are exact where numbers stay small.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.linalg

__all__ = ["LiftedLU", "PlusFactorization"]

UNITS = 16
PIVOTS = ("rows", "rows and columns", "last column")
BEYOND = 2.0**62


def on_grid(M: np.ndarray, bits: int) -> np.ndarray:
    """Return the nearest multiples of 2^-bits."""
    return np.ldexp(np.rint(np.ldexp(M, bits)), -bits)


def lift(M: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return x + round(M x) for a strictly triangular matrix: all rows at once."""
    return x + np.floor(M @ x + 0.5)


def undo_lift(M: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Invert `lift` for a strictly triangular matrix: row after row.

    >>> M = np.array([[0, 0.5], [0, 0]])
    >>> undo_lift(M, lift(M, np.array([[3.0], [5.0]]))).tolist()
    [[3.0], [5.0]]
    """
    x = y.copy()
    d = len(M)
    upper = not np.tril(M).any()
    for i in range(d - 2, -1, -1) if upper else range(1, d):
        before = slice(i + 1, d) if upper else slice(i)
        x[i] -= np.floor(M[i, before] @ x[before] + 0.5)
    return x


@dataclass(frozen=True, eq=False)
class PlusFactorization:
    """The PLUS factorization W = P L U S Q of a matrix with |det W| = 1 (see the module)."""

    order: np.ndarray
    columns: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    row: np.ndarray
    sign: float

    @staticmethod
    def of(W: np.ndarray, bits: int) -> "PlusFactorization":
        """Return, among the factorizations by the three choices of a pivot, the one whose product
        with random vectors has the least error.

        Raises `OverflowError` where numbers grow beyond float64 with each.
        """
        x = np.random.default_rng(0).integers(-100, 101, (len(W), 64)).astype(float)
        found = [
            plus
            for choice in PIVOTS
            if (plus := PlusFactorization._factor_with_pivots(W, bits, choice)) is not None
        ]
        if not found:
            raise OverflowError("expected factors within float64, got larger ones")
        return min(found, key=lambda plus: np.abs(plus.forward(x) - W @ x).max())

    @staticmethod
    def _factor_with_pivots(W: np.ndarray, bits: int, choice: str) -> "PlusFactorization | None":
        B, d = W.astype(float), len(W)
        order, columns, lower, row = np.arange(d), np.arange(d), np.zeros((d, d)), np.zeros(d)
        with np.errstate(all="ignore"):
            for k in range(d - 1):
                last = np.abs(B[k:, -1:])
                many = slice(k, -1) if choice == "rows and columns" else slice(k, k + 1)
                sizes = np.abs((1 - B[k:, many]) / last) if choice != "last column" else -last
                sizes = np.where(np.isnan(sizes), np.inf, sizes)
                i, j = (k + int(n) for n in np.unravel_index(np.argmin(sizes), sizes.shape))
                for M in (B, lower, order):
                    M[[k, i]] = M[[i, k]]
                B[:, [k, j]] = B[:, [j, k]]
                columns[[k, j]] = columns[[j, k]]
                row[k] = (1 - B[k, k]) / B[k, -1]
                B[:, k] += row[k] * B[:, -1]
                lower[k + 1 :, k] = B[k + 1 :, k]
                B[k + 1 :] -= np.outer(lower[k + 1 :, k], B[k])
        upper = np.triu(B, 1)
        if not all(np.isfinite(M).all() for M in (row, lower, upper)):
            return None
        row, lower, upper = (on_grid(M, bits) for M in (row, lower, upper))
        return PlusFactorization(order, columns, lower, upper, row, float(np.sign(B[-1, -1])))

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the image of columns of integers, in float64."""
        x = x[self.columns]
        x[-1] -= np.floor(self.row @ x + 0.5)
        x = lift(self.upper, x)
        x[-1] *= self.sign
        y = np.empty_like(x)
        y[self.order] = lift(self.lower, x)
        return y

    def backward(self, y: np.ndarray) -> np.ndarray:
        """Return the preimage."""
        x = undo_lift(self.lower, y[self.order])
        x[-1] *= self.sign
        x = undo_lift(self.upper, x)
        x[-1] += np.floor(self.row @ x + 0.5)
        return x[np.argsort(self.columns)]


@dataclass(frozen=True, eq=False)
class LiftedLU:
    """W = P L D U for |det W| = 1, with the quotients of `units` as the diagonal D."""

    order: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    units: list[int]
    signs: np.ndarray

    @staticmethod
    def of(W: np.ndarray, bits: int) -> "LiftedLU":
        """Return the factorization with partial pivoting."""
        P, L, U = scipy.linalg.lu(W)
        D = np.diag(U)
        units = [max(1, round(2.0**UNITS / product)) for product in np.cumprod(np.abs(D))[:-1]]
        lower, upper = on_grid(np.tril(L, -1), bits), on_grid(np.triu(U / D[:, None], 1), bits)
        units = [1 << UNITS, *units, 1 << UNITS]
        return LiftedLU(np.argmax(P, axis=0), lower, upper, units, np.sign(D))

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the image of columns of integers, and the remainders that the inverse needs.

        Raises `OverflowError` where a product with a unit is beyond 64 bits.
        """
        x = lift(self.upper, x) * self.signs[:, None]
        if not np.abs(x).max(initial=0) * max(self.units) < BEYOND:
            raise OverflowError("expected products with units within 64 bits, got larger ones")
        rest = np.zeros(x.shape[1], np.int64)
        for i, (above, below) in enumerate(pairwise(self.units)):
            value = x[i].astype(np.int64) * above + rest
            x[i], rest = value // below, value % below
        y = np.empty_like(x)
        y[self.order] = lift(self.lower, x)
        return y, rest

    def backward(self, y: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Return the preimage."""
        x = undo_lift(self.lower, y[self.order])
        pairs = list(pairwise(self.units))
        for i, (above, below) in reversed(list(enumerate(pairs))):
            value = x[i].astype(np.int64) * below + rest
            x[i], rest = value // above, value % above
        return undo_lift(self.upper, x * self.signs[:, None])
