"""Exact matrices of dyadic rationals, stored as float64 matrices of digits to the base 2^20.

A product of six layers takes an eighth of FLINT's time on 64 coordinates, and four times FLINT's
time on 8 coordinates.

Main results
------------
A float is a dyadic rational. A matrix of floats is sum_k 2^(low + 20 k) D_k with integer matrices
D_k, whose entries are at most 2^20 and are stored as floats. Products of two such digits are at
most 2^40, so a float64 product of matrices of digits with an inner dimension up to 2^12 is *exact*
in every order of summation: the BLAS works exactly. (Ozaki, Ogita, Oishi and Rump, *Error-free
transformations of matrix multiplication*, 2012.) All products of digits with the same power of two
are computed by one product of matrices, in which the digits stand side by side.

How it is checked
-----------------
*Exact*, except `to_approximate_floats` and the upper bounds `bound_absolute_row_sums` and
`bound_frobenius_norm`. Methods have the names of the operations of ``DomainMatrix``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import to_fraction
from exactflow.exact.typing import MatrixLike

BITS = 20
BASE = 2.0**BITS
SUMMANDS = 1 << 12
RELATIVE = 2.0**-40  # more than the relative error of a sum of entries rounded to floats
TINY = 2.0**-900  # more than the error of a sum of floats that are each wrong by at most 2^-1000


@dataclass(frozen=True, eq=False)
class DyadicMatrix:
    """The matrix sum_k 2^(low + 20 k) planes[k]; the entries of the planes are integers of absolute
    value at most 2^20.
    """

    planes: np.ndarray
    low: int

    @staticmethod
    def from_floats(M: np.ndarray) -> "DyadicMatrix":
        """Convert a matrix of finite floats to a `DyadicMatrix`, without rounding."""
        peak = np.abs(M).max(initial=0.0)
        unit = int(np.frexp(peak)[1]) - BITS
        # the first plane is truncated: rounding up could give 2^1024, which is no float
        planes, rest = [np.trunc(np.ldexp(M, -unit))], M
        while (rest := rest - np.ldexp(planes[-1], unit)).any():
            unit -= BITS
            planes.append(np.rint(np.ldexp(rest, -unit)))
        return DyadicMatrix(np.array(planes[::-1]), unit if peak else 0)

    @staticmethod
    def from_integers(integers: np.ndarray, exponent: int) -> "DyadicMatrix":
        """Return 2^exponent times a matrix of Python integers."""
        planes: list[np.ndarray] = []
        half = 1 << (BITS - 1)
        while integers.any() or not planes:
            digits = (integers + half) % (2 * half) - half
            planes.append(digits.astype(float))
            integers = (integers - digits) >> BITS
        return DyadicMatrix(np.array(planes), exponent)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.planes.shape[1:]

    def __sub__(self, other: "DyadicMatrix") -> "DyadicMatrix":
        planes, low = self._planes_and_low_exponent_with_room_for(other.low, len(other.planes))
        offset = (other.low - low) // BITS
        planes[offset : offset + len(other.planes)] -= other.planes
        return DyadicMatrix(planes, low)

    def __mul__(self, other: "DyadicMatrix") -> "DyadicMatrix":
        return _zeros(self.shape[0], other.shape[1]).plus_product(self, other)

    def __rmul__(self, factor: int) -> "DyadicMatrix":
        factors = np.full((self.shape[0], 1), factor, dtype=object)
        return self.scale_rows(DyadicMatrix.from_integers(factors, 0))

    def __getitem__(self, places: tuple) -> "DyadicMatrix":
        return DyadicMatrix(self.planes[:, *places], self.low)

    def plus_product(self, A: "DyadicMatrix", B: "DyadicMatrix") -> "DyadicMatrix":
        """Return ``self + A B``."""
        a, b, n = len(A.planes), len(B.planes), B.shape[0]
        left = np.hstack(list(A.planes[::-1]))
        right = B.planes.reshape(b * n, -1)

        def add_digit_products(plane_and_carry_plane: np.ndarray, index_sum: int) -> None:
            top = min(index_sum, a - 1)
            i, j = (a - 1 - top) * n, (index_sum - top) * n
            end = i + (top - max(0, index_sum - b + 1) + 1) * n
            while i < end:
                step = min(SUMMANDS, end - i)
                plane_and_carry_plane[0] += left[:, i : i + step] @ right[j : j + step]
                i, j = i + step, j + step
                if i < end:
                    _carry_in_place(plane_and_carry_plane)

        return self._plus_digit_products(A, B, add_digit_products)

    def scale_rows(self, factor_column: "DyadicMatrix") -> "DyadicMatrix":
        """Return this matrix with row i multiplied by entry i of `factor_column`."""
        a, b = len(factor_column.planes), len(self.planes)

        def add_digit_products(plane_and_carry_plane: np.ndarray, index_sum: int) -> None:
            for i in range(max(0, index_sum - b + 1), min(index_sum, a - 1) + 1):
                plane_and_carry_plane[0] += factor_column.planes[i] * self.planes[index_sum - i]

        return _zeros(*self.shape)._plus_digit_products(factor_column, self, add_digit_products)

    def _plus_digit_products(
        self,
        A: "DyadicMatrix",
        B: "DyadicMatrix",
        add_digit_products: Callable[[np.ndarray, int], None],
    ) -> "DyadicMatrix":
        """Return the matrix plus the sum of all products of a digit of A and a digit of B.
        ``add_digit_products(plane_and_carry_plane, index_sum)`` adds the products of digit i of A
        and digit index_sum - i of B, for all i, to ``plane_and_carry_plane[0]``; it may carry to
        ``plane_and_carry_plane[1]``.
        """
        low, count = A.low + B.low, len(A.planes) + len(B.planes) - 1
        planes, own = self._planes_and_low_exponent_with_room_for(low, count + 1)
        offset = (low - own) // BITS
        for k in range(count):
            add_digit_products(planes[offset + k : offset + k + 2], k)
        _carry_in_place(planes)
        used = np.flatnonzero(planes.any(axis=(1, 2)))
        return DyadicMatrix(planes[: used[-1] + 1 if len(used) else 1], own)

    def _planes_and_low_exponent_with_room_for(
        self, other_low_exponent: int, other_plane_count: int
    ) -> tuple[np.ndarray, int]:
        """Return (planes, low) such that the matrix is sum_k 2^(low + 20 k) planes[k].

        The exponent `low` is at most `other_low_exponent`, and the two differ by a multiple of 20.
        The array has room for `other_plane_count` planes from 2^`other_low_exponent` on, and for a
        carry.
        """
        low = other_low_exponent - BITS * max(0, -(-(other_low_exponent - self.low) // BITS))
        offset, shift = divmod(self.low - low, BITS)
        length = (
            max(offset + len(self.planes), (other_low_exponent - low) // BITS + other_plane_count)
            + 1
        )
        planes = np.zeros((length, *self.shape))
        planes[offset : offset + len(self.planes)] = self.planes
        if shift:
            planes *= 2.0**shift
            _carry_in_place(planes)
        return planes, low

    def times_power_of_two(self, exponent: int) -> "DyadicMatrix":
        """Return this matrix multiplied by 2^exponent."""
        return DyadicMatrix(self.planes, self.low + exponent)

    def vstack(self, other: "DyadicMatrix") -> "DyadicMatrix":
        """Return the matrix with `other` below this matrix."""
        above, low = self._planes_and_low_exponent_with_room_for(other.low, len(other.planes))
        planes = np.zeros((len(above), len(above[0]) + other.shape[0], self.shape[1]))
        offset, rows = (other.low - low) // BITS, len(above[0])
        planes[:, :rows] = above
        planes[offset : offset + len(other.planes), rows:] = other.planes
        return DyadicMatrix(planes, low)

    def to_approximate_floats(self, unit_exponent: int = 0) -> np.ndarray:
        """Return the entries divided by 2^unit_exponent, each with a relative error of at most
        2^-50 or an absolute error of at most 2^-1000.

        The digits are added from the highest one down: a partial sum is exact until it is near the
        entry.
        """
        total = np.zeros(self.shape)
        for k in reversed(range(len(self.planes))):
            total += np.ldexp(self.planes[k], self.low + BITS * k - unit_exponent)
        return total

    def bound_binary_exponent_of_entries(self) -> int:
        """Return an exponent e, nearly minimal, such that the absolute values of all entries are
        below 2^e; 0 for a zero matrix.
        """
        for k in reversed(range(len(self.planes))):
            largest = np.abs(self.planes[k]).max()
            if largest:
                return int(np.frexp(largest + 2)[1]) + self.low + BITS * k
        return 0

    def transpose(self) -> "DyadicMatrix":
        """Return the transpose."""
        return DyadicMatrix(self.planes.transpose(0, 2, 1), self.low)

    def to_fractions(self) -> np.ndarray:
        """Return the entries as Fractions."""
        digits = self.planes.astype(int).astype(object)
        whole = sum(plane << (BITS * k) for k, plane in enumerate(digits))
        return whole * Fraction(2) ** self.low

    def entry(self, i: int, j: int) -> Fraction:
        """Return one entry."""
        whole = sum(int(digit) << (BITS * k) for k, digit in enumerate(self.planes[:, i, j]))
        return whole * Fraction(2) ** self.low

    def max_abs(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        sizes = np.abs(self.to_approximate_floats(self.bound_binary_exponent_of_entries()))
        places = np.argwhere(sizes >= sizes.max() * (1 - RELATIVE))
        # of entries with equal digits, up to the sign, only one is computed exactly
        digits = np.abs(self.planes[:, places[:, 0], places[:, 1]])
        distinct = places[np.unique(digits, axis=1, return_index=True)[1]]
        return max(abs(self.entry(i, j)) for i, j in distinct)

    def bound_absolute_row_sums(self, column_weights: np.ndarray | None = None) -> list[Fraction]:
        """Return for each row i a close upper bound of sum_j w_j |entry (i, j)|, with the
        nonnegative `column_weights` w, by default 1. If all summands are 0, the bound is 0.
        """
        exponent, planes = self.bound_binary_exponent_of_entries(), self.planes
        sizes = np.abs(self.to_approximate_floats(exponent))
        if column_weights is None:
            sums = sizes.sum(axis=1)
        else:
            sums, planes = sizes @ column_weights, planes[:, :, column_weights > 0]
        sums = np.where(planes.any(axis=(0, 2)), sums * (1 + RELATIVE) + TINY, 0)
        return [Fraction(value) * Fraction(2) ** exponent for value in sums.tolist()]

    def bound_frobenius_norm(self) -> Fraction:
        """Return a close upper bound of the Frobenius norm."""
        exponent = self.bound_binary_exponent_of_entries()
        norm = float(np.linalg.norm(self.to_approximate_floats(exponent)))
        return Fraction(norm * (1 + RELATIVE)) * Fraction(2) ** exponent


@dataclass(frozen=True, eq=False)
class DyadicQuotient:
    """The exact matrix numerator / denominator, for matrices of floats or of Fractions."""

    numerator: DyadicMatrix
    denominator: int = 1

    @staticmethod
    def from_array(M: np.ndarray) -> "DyadicQuotient":
        """Convert a matrix of finite floats or of Fractions, without rounding."""
        if M.dtype == float:
            return DyadicQuotient(DyadicMatrix.from_floats(M))
        common = lcm(*(x.denominator for x in M.flat))
        return DyadicQuotient(
            DyadicMatrix.from_integers(np.vectorize(int, otypes=[object])(M * common), 0), common
        )

    def minus(self, M: DyadicMatrix) -> "DyadicQuotient":
        """Return this matrix minus M."""
        return DyadicQuotient(self.numerator - self.denominator * M, self.denominator)

    def to_approximate_floats(self, unit_exponent: int = 0) -> np.ndarray:
        """Return the entries divided by 2^unit_exponent, each with a small rounding error."""
        bits = self.denominator.bit_length()
        return self.numerator.to_approximate_floats(bits + unit_exponent) / float(
            Fraction(self.denominator, 1 << bits)
        )

    def max_abs(self) -> Fraction:
        """Return the largest absolute value of an entry."""
        return self.numerator.max_abs() / self.denominator

    def bound_frobenius_norm(self) -> Fraction:
        """Return a close upper bound of the Frobenius norm."""
        return self.numerator.bound_frobenius_norm() / self.denominator


def as_exact_floats_or_fractions(square_matrix: MatrixLike) -> np.ndarray:
    """Return a square matrix as an array of float64 if all its entries are float64 numbers, else as
    an array of Fractions.

    Raises `InvalidInputError` unless the entries are rational numbers or finite floats, in the
    range of float64.
    """
    W = square_matrix
    if isinstance(W, np.ndarray) and not isinstance(W, np.ma.MaskedArray | np.matrix):
        is_square = W.ndim == 2 and 0 < len(W) == W.shape[1]
        is_float = W.dtype.kind == "f" and W.dtype.itemsize <= 8
        if is_square and is_float and np.isfinite(W).all():
            return W.astype(np.float64)
    matrix = as_square_matrix(W).to_dense()
    if not matrix.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers or floats, got entries in {matrix.domain}: convert them to "
            "floats first"
        )
    values = [to_fraction(x) for x in matrix.to_list_flat()]
    try:
        floats = np.array([x.numerator / x.denominator for x in values])
    except OverflowError:
        raise InvalidInputError(
            "expected entries in the range of float64, got one beyond 10^308: scale the matrix"
        ) from None
    if all(Fraction(f) == x for f, x in zip(floats.tolist(), values, strict=True)):
        return floats.reshape(matrix.shape)
    return np.array(values, dtype=object).reshape(matrix.shape)


def _zeros(rows: int, columns: int) -> DyadicMatrix:
    return DyadicMatrix(np.zeros((1, rows, columns)), 0)


def _carry_in_place(planes: np.ndarray) -> None:
    """Carry in place: in each plane but the last, integers of absolute value below 2^53 become
    digits of at most 2^19. The last plane, which is the highest, only receives a carry.
    """
    for plane, following in pairwise(planes):
        carry = np.rint(plane * (1 / BASE))
        plane -= carry * BASE
        following += carry
