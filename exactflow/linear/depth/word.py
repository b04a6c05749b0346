"""The question whether a matrix is a product of layers in a pattern, and what decides it.

A pattern is a word such as ULUL, read as a product of matrices U(X) L(Y) U(Z) L(W). Everything
below is said of words that start with U; for the others the halves are exchanged, A with D, B with
C, a with d, b with c.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Half
from exactflow.flows.result import DepthScales

_EXCHANGED = dict(zip("ABCDabcd", "DCBAdcba", strict=True))


def patterns(length: int) -> tuple[str, ...]:
    """Return the alternating words of U and L of a length."""
    word = "UL" * (length // 2 + 1)
    return (word[:length], word[1 : length + 1]) if length else ("",)


class Pencil(NamedTuple):
    """Blocks C, D of M and a, c of M^-1, which decide four layers, and five by some shift V.

    D is q x q, a is p x p, C and c are q x p, V is p x q.
    """

    C: DomainMatrix
    D: DomainMatrix
    a: DomainMatrix
    c: DomainMatrix

    def shifted(self, V: DomainMatrix) -> "Pencil":
        """Return the pencil of M U(-V)."""
        return Pencil(self.C, self.D - self.C * V, self.a + V * self.c, self.c)

    def transposed(self) -> "Pencil":
        """Return the pencil that has the transposed D - C V as its a + V^T c, and vice versa."""
        C, D, a, c = (M.transpose() for M in self)
        return Pencil(-c, a, D, -C)


@dataclass(frozen=True, eq=False, repr=False)
class Word:
    """Is M = [[A, B], [C, D]] a product of layers in this pattern, alternating letters U and L?

    `p` is the size of the first half; half of all coordinates where it is left out.
    """

    pattern: str
    matrix: DomainMatrix
    scales: DepthScales
    p: int | None = field(default=None, kw_only=True)

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes of the halves."""
        d = self.matrix.shape[0]
        p = d // 2 if self.p is None else self.p
        return p, d - p

    @property
    def is_exchanged(self) -> bool:
        """Whether the pattern starts with L."""
        return self.pattern.startswith("L")

    @cached_property
    def blocks(self) -> Blocks:
        """A, B, C, D, the halves exchanged if the pattern starts with L."""
        return self._halves(self.matrix)

    @cached_property
    def inverse(self) -> Blocks:
        """The blocks a, b, c, d of M^-1, the halves exchanged if the pattern starts with L."""
        return self._halves(self.matrix.inv())

    def _halves(self, matrix: DomainMatrix) -> Blocks:
        blocks = linalg.split(matrix, self.partition[0])
        return linalg.swap_halves(blocks) if self.is_exchanged else blocks

    @property
    def pencil(self) -> Pencil:
        """C, D, a and c."""
        return Pencil(self.blocks.C, self.blocks.D, self.inverse.A, self.inverse.C)

    @property
    def moves(self) -> tuple[Half, ...]:
        """The half that each letter moves."""
        return tuple("first" if letter == "U" else "second" for letter in self.pattern)

    def named(self, text: str, **values: Any) -> str:
        """Return a text with its names of blocks, in braces, as they read in the pattern."""
        names = _EXCHANGED if self.is_exchanged else {name: name for name in _EXCHANGED}
        return text.format_map(names | values)


def words(
    length: int, matrix: DomainMatrix, scales: DepthScales, p: int | None = None
) -> list[Word]:
    """Return the questions about the patterns of a length."""
    return [Word(pattern, matrix, scales, p=p) for pattern in patterns(length)]
