"""Why a pattern of layers is impossible: values that can be checked without the search.

Main results
------------
A pattern is a word such as ULUL, read as a product of matrices: U(X) L(Y) U(Z) L(W). Let
M = [[A, B], [C, D]] and M^-1 = [[a, b], [c, d]]. A product of the pattern

- UL        has D = I and A = I + B C;
- ULU       has X, Z with X C = A - I, C Z = D - I, X + A Z = B: linear equations;
- ULUL      has D = I + Y Z and a = I + Z Y: equal characteristic polynomials, equal elementary
            divisors away from eigenvalue 1, and at 1 block sizes that differ by at most one each
            (Flanders 1951); moreover Y a = D Y, l Y = l C for rows l with l D = 0, and
            Y B r = -r for columns r with D r = 0: linear equations that matter where D is singular;
- ULULU     is one of the pattern ULUL where C = 0, as then D and a are what they are for all
            M U(-V).

The patterns that start with L are the same with the halves exchanged: A with D, B with C, a with d.

How it is checked
-----------------
*Exact*. An obstruction holds the matrix and a witness; its `check` multiplies matrices out and
evaluates determinants, and shares no algorithm with what found the witness.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks, trace
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element

__all__ = [
    "EntryObstruction",
    "IntertwinerObstruction",
    "LinearObstruction",
    "Obstruction",
    "halves",
    "residuals",
]

_SWAPPED = dict(zip("ABCDabcd", "DCBAdcba", strict=True))


def halves(matrix: DomainMatrix, pattern: str) -> Blocks:
    """Return the blocks of a matrix, its halves exchanged if the pattern starts with L."""
    blocks = linalg.split(matrix, matrix.shape[0] // 2)
    return linalg.swap_halves(blocks) if pattern.startswith("L") else blocks


@dataclass(frozen=True, eq=False, repr=False)
class Obstruction(ABC):
    """A matrix, a pattern, and the reason why the one is no product of the other."""

    pattern: str
    matrix: DomainMatrix

    @property
    def blocks(self) -> Blocks:
        """A, B, C, D, the halves exchanged if the pattern starts with L."""
        return halves(self.matrix, self.pattern)

    @property
    def inverse_blocks(self) -> Blocks:
        """a, b, c, d, the halves exchanged if the pattern starts with L."""
        return halves(self.matrix.inv(), self.pattern)

    @abstractmethod
    def check(self) -> bool:
        """Return whether the witness proves what the obstruction says, by fresh arithmetic."""

    @abstractmethod
    def reason(self) -> str:
        """Return the reason in the names of the pattern that starts with U."""

    def named(self, text: str) -> str:
        """Return a name of blocks as it reads in the given pattern."""
        if not self.pattern.startswith("L"):
            return text
        return re.sub(r"\b[A-Da-d]\b", lambda name: _SWAPPED[name[0]], text)

    @property
    def word(self) -> str:
        """The pattern, or what stands for the empty one."""
        return self.pattern or "the identity"

    def __str__(self) -> str:
        return f"not {self.word}: {self.reason()}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


def residuals(length: int, blocks: Blocks) -> dict[str, DomainMatrix]:
    """Return what must vanish for a product of at most two additive layers, by its name.

    The layers are none, U, or U L.
    """
    A, B, C, D = blocks
    one = linalg.identity(A.shape[0], A.domain)
    if length == 2:
        return {"D = I": D - one, "A = I + B C": A - one - B * C}
    equations = {"A = I": A - one, "C = 0": C, "D = I": D - one}
    return equations if length == 1 else {**equations, "B = 0": B}


@dataclass(frozen=True, eq=False, repr=False)
class EntryObstruction(Obstruction):
    """An entry that differs from what no, one or two layers make of it."""

    equation: str
    place: tuple[int, int]

    def check(self) -> bool:
        """Look at the entry."""
        i, j = self.place
        return bool(residuals(len(self.pattern), self.blocks)[self.equation][i, j].element)

    def reason(self) -> str:
        """Name the equation and the place."""
        return f"{self.named(self.equation)} fails at {self.place}"


@dataclass(frozen=True, eq=False, repr=False)
class LinearObstruction(Obstruction):
    """A left multiplier that turns the linear equations of ULU into 0 = s, with s not 0.

    The equations are X C = A - I, C Z = D - I, X + A Z = B. Multiplied by P, Q, R and traced they
    read tr((C P + R) X) + tr((Q C + R A) Z) = s, where both brackets vanish.
    """

    P: DomainMatrix
    Q: DomainMatrix
    R: DomainMatrix

    def check(self) -> bool:
        """Multiply the equations out."""
        A, _, C, _ = self.blocks
        brackets = C * self.P + self.R, self.Q * C + self.R * A
        return all(bracket.is_zero_matrix for bracket in brackets) and bool(self._right())

    def _right(self) -> Element:
        A, B, _, D = self.blocks
        one = linalg.identity(A.shape[0], A.domain)
        return trace(self.P * (A - one) + self.Q * (D - one) + self.R * B)

    def reason(self) -> str:
        """Write the contradiction."""
        field = self.matrix.domain
        equations = self.named("X C = A - I, C Z = D - I, X + A Z = B")
        return (
            f"a multiplier of {equations} gives 0 = {format_short(field.to_sympy(self._right()))}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class IntertwinerObstruction(Obstruction):
    """A left multiplier that turns the linear equations for Y, where D is singular, into 0 = s.

    The equations Y a = D Y, l Y = l C for l D = 0, Y B r = -r for D r = 0, multiplied by P, by L
    with L D = 0 (its rows are such l) and R with D R = 0, traced and added, read
    tr((a P - P D + L + B R) Y) = tr(L C) - tr(R).
    """

    P: DomainMatrix
    L: DomainMatrix
    R: DomainMatrix

    def check(self) -> bool:
        """Multiply the equations out."""
        _, B, _, D = self.blocks
        a = self.inverse_blocks.A
        vanishing = a * self.P - self.P * D + self.L + B * self.R, self.L * D, D * self.R
        return (
            len(self.pattern) == 4
            and all(M.is_zero_matrix for M in vanishing)
            and bool(self._right())
        )

    def _right(self) -> Element:
        return trace(self.L * self.blocks.C) - trace(self.R)

    def reason(self) -> str:
        """Write the contradiction."""
        right = format_short(self.matrix.domain.to_sympy(self._right()))
        equations = self.named("Y a = D Y, l Y = l C, Y B r = -r on the kernels l, r of D")
        return f"a multiplier of {equations} gives 0 = {right}"
