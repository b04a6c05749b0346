"""Rational matrices as integer matrices over one common denominator, in FLINT.

Composing layers needs no entry in lowest terms before the end: over one denominator a product is an
integer product, and a sum has one gcd of its content, where entrywise fractions cost a gcd each.
Operations are named as SymPy's matrices name them. FLINT is there whichever ground types SymPy
uses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import TYPE_CHECKING, Any

import flint
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.numbers import flint_rational

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RationalMatrix"]


@dataclass(frozen=True, eq=False)
class RationalMatrix:
    """The rational matrix ``numerator / denominator``, where the denominator is a positive integer.

    >>> M = DomainMatrix([[QQ(1, 2), QQ(1, 3)]], (1, 2), QQ).to_dense()
    >>> RationalMatrix.of(M)
    RationalMatrix(numerator=[3, 2], denominator=6)
    >>> (RationalMatrix.of(M) @ RationalMatrix.of(M.transpose())).to_field() == M * M.transpose()
    True
    """

    numerator: flint.fmpz_mat
    denominator: int

    @classmethod
    def of(cls, M: DomainMatrix) -> "RationalMatrix":
        """Return a dense matrix over QQ in this form."""
        rows, columns = M.shape
        elements = map(flint_rational, M.to_list_flat())
        numerator, denominator = flint.fmpq_mat(rows, columns, elements).numer_denom()
        return cls(numerator, int(denominator))

    @classmethod
    def of_floats(cls, M: "np.ndarray") -> "RationalMatrix":
        """Return a matrix of finite floats, exactly."""
        import numpy as np

        mantissas, exponents = np.frexp(M)
        mantissas = np.ldexp(mantissas, 53).astype(np.int64)
        exponents = np.where(mantissas != 0, exponents - 53, 0)
        low = min(0, int(exponents.min()))
        integers = mantissas.astype(object) << (exponents - low)
        rows, columns = M.shape
        return cls(flint.fmpz_mat(rows, columns, integers.ravel().tolist()), 1 << -low)

    @classmethod
    def eye(cls, rows: int, columns: int | None = None) -> "RationalMatrix":
        """Return the identity matrix, or its first columns."""
        numerator = flint.fmpz_mat(rows, rows if columns is None else columns)
        for i in range(min(rows, numerator.ncols())):
            numerator[i, i] = 1
        return cls(numerator, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return self.numerator.nrows(), self.numerator.ncols()

    def to_field(self) -> DomainMatrix:
        """Return the dense matrix over QQ."""
        entries = (flint.fmpq_mat(self.numerator) / self.denominator).entries()
        elements = [QQ(int(x.p), int(x.q)) for x in entries]
        return DomainMatrix.from_list_flat(elements, self.shape, QQ).to_dense()

    def __matmul__(self, other: "RationalMatrix") -> "RationalMatrix":
        return RationalMatrix(
            self.numerator * other.numerator, self.denominator * other.denominator
        )

    def __add__(self, other: "RationalMatrix") -> "RationalMatrix":
        denominator = lcm(self.denominator, other.denominator)
        mine, theirs = (m.numerator * (denominator // m.denominator) for m in (self, other))
        total, common = mine + theirs, flint.fmpz(denominator)
        if denominator & (denominator - 1):  # of floats there is little to cancel
            for entry in total.entries():
                common = common.gcd(entry)
                if common == 1:
                    break
            else:
                return RationalMatrix(total / common, denominator // int(common))
        return RationalMatrix(total, denominator)

    def __neg__(self) -> "RationalMatrix":
        return RationalMatrix(-self.numerator, self.denominator)

    def __sub__(self, other: "RationalMatrix") -> "RationalMatrix":
        return self + -other

    def transpose(self) -> "RationalMatrix":
        """Return the transpose."""
        return RationalMatrix(self.numerator.transpose(), self.denominator)

    def extract(self, rows: Sequence[int], columns: Sequence[int]) -> "RationalMatrix":
        """Return the matrix of some rows and columns."""
        width = self.shape[1]
        entries = [self._entries[i * width + j] for i in rows for j in columns]
        numerator = flint.fmpz_mat(len(rows), len(columns), entries)
        return RationalMatrix(numerator, self.denominator)

    def scale_rows(self, scale: Sequence) -> "RationalMatrix":
        """Return diag(scale) times the matrix, for rational numbers."""
        common = lcm(*(int(s.denominator) for s in scale))
        factors = [int(s.numerator) * (common // int(s.denominator)) for s in scale]
        if len(set(factors)) == 1:
            return RationalMatrix(self.numerator * factors[0], self.denominator * common)
        diagonal = flint.fmpz_mat(len(factors), len(factors))
        for i, entry in enumerate(factors):
            diagonal[i, i] = entry
        return RationalMatrix(diagonal * self.numerator, self.denominator * common)

    def times_power(self, exponent: int) -> "RationalMatrix":
        """Return the matrix times 2^exponent."""
        if exponent <= 0:
            return RationalMatrix(self.numerator, self.denominator << -exponent)
        return RationalMatrix(self.numerator * (1 << exponent), self.denominator)

    def det(self) -> Fraction:
        """Return the determinant."""
        return Fraction(int(self.numerator.det()), self.denominator ** self.shape[0])

    def rounded_down(self, bits: int) -> "RationalMatrix":
        """Return the matrix in multiples of 2^-bits; itself if its denominator is no larger."""
        shift = self.denominator.bit_length() - 1 - max(bits, 0)
        if shift <= 0 or self.denominator & (self.denominator - 1):
            return self
        entries = [int(x) >> shift for x in self._entries]
        return RationalMatrix(flint.fmpz_mat(*self.shape, entries), self.denominator >> shift)

    @cached_property
    def floats(self) -> "np.ndarray":
        """The entries rounded to float64; raises OverflowError beyond its range."""
        import numpy as np

        rounded = np.array([int(x) / self.denominator for x in self._entries])
        return rounded.reshape(self.shape)

    def largest(self) -> Fraction:
        """Return the largest absolute value of an entry, exactly."""
        import numpy as np

        rounded = np.abs(self.floats.ravel())
        candidates = np.flatnonzero(rounded >= rounded.max())  # rounding is monotonic
        return Fraction(max(abs(int(self._entries[i])) for i in candidates), self.denominator)

    @cached_property
    def _entries(self) -> list[Any]:
        return self.numerator.entries()
