"""Rational matrices as integer matrices over one common denominator.

Composing layers needs no entry in lowest terms before the end: over one denominator a product is an
integer product and one gcd of its content, where entrywise fractions cost a gcd each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import flint
from sympy import QQ, ZZ
from sympy.external.gmpy import GROUND_TYPES
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import Element

__all__ = ["IntegralMatrix"]


@dataclass(frozen=True)
class IntegralMatrix:
    """The rational matrix ``numerator / denominator``, where the denominator is an integer.

    >>> M = DomainMatrix([[QQ(1, 2), QQ(1, 3)]], (1, 2), QQ).to_dense()
    >>> IntegralMatrix.of(M)
    IntegralMatrix(numerator=DomainMatrix([[3, 2]], (1, 2), ZZ), denominator=6)
    >>> IntegralMatrix.of(M.transpose()).after(M).to_field() == M * M.transpose()
    True
    """

    numerator: DomainMatrix
    denominator: Element

    @classmethod
    def of(cls, M: DomainMatrix) -> "IntegralMatrix":
        """Return a dense matrix over QQ in this form."""
        if GROUND_TYPES == "flint" and 0 not in M.shape:
            cleared, least = flint.fmpq_mat(M.to_list()).numer_denom()
            return cls(DomainMatrix(cleared.tolist(), M.shape, ZZ), least)
        denominator, numerator = M.clear_denoms(convert=True)
        return cls(numerator.to_dense(), denominator.element)

    def to_field(self) -> DomainMatrix:
        """Return the dense matrix over QQ."""
        return self.numerator.convert_to(QQ) * QQ(1, self.denominator)

    def scale_rows(self, scale: Sequence) -> "IntegralMatrix":
        """Return diag(scale) times the matrix, for elements of QQ."""
        denominator = reduce(ZZ.lcm, (s.denominator for s in scale), ZZ.one)
        factors = [ZZ((s * denominator).numerator) for s in scale]
        rows = [
            [s * entry for entry in row]
            for s, row in zip(factors, self.numerator.to_list(), strict=True)
        ]
        numerator = DomainMatrix(rows, self.numerator.shape, ZZ)
        return IntegralMatrix(numerator, self.denominator * denominator)

    def after(self, left: DomainMatrix) -> "IntegralMatrix":
        """Return ``left`` times the matrix, for a dense `left` over QQ."""
        cleared = IntegralMatrix.of(left)
        return IntegralMatrix(
            cleared.numerator * self.numerator, cleared.denominator * self.denominator
        )

    def __add__(self, other: "IntegralMatrix") -> "IntegralMatrix":
        denominator = ZZ.lcm(self.denominator, other.denominator)
        total = self.numerator * (denominator // self.denominator)
        total += other.numerator * (denominator // other.denominator)
        return IntegralMatrix(*total.cancel_denom(denominator))
