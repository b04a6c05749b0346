"""Rational matrices as integer matrices over one common denominator, in FLINT.

Composing layers needs no entry in lowest terms before the end: over one denominator a product is an
integer product, and a sum has one gcd of its content, where entrywise fractions cost a gcd each.
Operations are named as SymPy's matrices name them. FLINT is there whichever ground types SymPy
uses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm

import flint
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.numbers import flint_rational

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
