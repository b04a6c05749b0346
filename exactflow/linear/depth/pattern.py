"""Patterns of layers, and a matrix with the blocks and minors that decide them.

The blocks of a matrix M are A, B, C, D, and those of its inverse a, b, c, d: M = [[A, B], [C, D]].
A pattern such as ULUL stands for the products U(X) L(Y) U(Z) L(W), where U(X) = [[I, X], [0, I]],
L(Y) = [[I, 0], [Y, I]], and X, Y, Z, W are the shifts. All statements are about patterns that start
with U. For a pattern that starts with L, the halves are exchanged: A with D, B with C, a with d, b
with c.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element, Half
from exactflow.flows.result import DepthScales

_EXCHANGED = dict(zip("ABCDabcd", "DCBAdcba", strict=True))


def double_braces(text: str) -> str:
    """Return a text with each brace doubled. Filling in a template halves them again, so that a
    symbol such as x_{1} is shown as it is.
    """
    return text.replace("{", "{{").replace("}", "}}")


def alternating_patterns(length: int) -> tuple[str, ...]:
    """Return both alternating patterns of U and L of the given length; ("",) for length 0."""
    letters = "UL" * (length // 2 + 1)
    return (letters[:length], letters[1 : length + 1]) if length else ("",)


class Reason(NamedTuple):
    """The kind and the witness of an obstruction that a decision procedure finds.

    The type of the witness depends on the kind. "trace" and "opposed": an index. "similarity",
    "chain" and "tight": a tuple of monic polynomials. "linear": a tuple of matrices. "signs": a
    tuple of polynomials, as dicts from exponents to coefficients. "rank": the name of a block, and
    a tuple of coordinates. "chain of eigenvalues": a tuple of eigenvalues.
    """

    kind: str
    witness: Any


class Pencil(NamedTuple):
    """The blocks C, D of M and a, c of M^-1, which the conditions for four and five layers involve.

    D is q x q, a is p x p, C and c are q x p, and a shift V of a fifth layer is p x q.
    """

    C: DomainMatrix
    D: DomainMatrix
    a: DomainMatrix
    c: DomainMatrix

    def after_subtracting_shift(self, V: DomainMatrix) -> "Pencil":
        """Return the pencil of M U(-V): D - C V replaces D, and a + V c replaces a."""
        return Pencil(self.C, self.D - self.C * V, self.a + V * self.c, self.c)

    def transposed_and_exchanged(self) -> "Pencil":
        """Return the pencil in which -c^T, a^T, D^T, -C^T replace C, D, a, c.

        The shift V^T of the result corresponds to the shift V of this pencil.
        """
        C, D, a, c = (M.transpose() for M in self)
        return Pencil(-c, a, D, -C)


class PrincipalMinors:
    """The principal minors of a matrix, each computed once.

    A set of coordinates is given as an integer: bit i is 1 if coordinate i belongs to the set.
    """

    def __init__(self, M: DomainMatrix) -> None:
        self.matrix, self._known = M, {0: M.domain.one}

    def __getitem__(self, S: int) -> Element:
        """Return the minor of a set of coordinates, given as an integer."""
        if S not in self._known:
            chosen = [i for i in range(self.matrix.shape[0]) if S >> i & 1]
            self._known[S] = self.matrix.extract(chosen, chosen).det()
        return self._known[S]

    def minors_of_all_sets(self) -> tuple[Element, ...]:
        """Return the minors of all sets of coordinates, ordered by the integers for the sets."""
        return tuple(self[S] for S in range(1 << self.matrix.shape[0]))

    def minors_of_size(self, k: int) -> list[Element]:
        """Return the principal minors of size k."""
        coordinates = [1 << i for i in range(self.matrix.shape[0])]
        return [self[sum(chosen)] for chosen in combinations(coordinates, k)]


@dataclass(frozen=True, eq=False, repr=False)
class SplitMatrix:
    """A matrix on two halves, with its blocks, its inverse and its minors, each computed once.

    `p` is the size of the first half. The default is half the number of coordinates, rounded down.
    """

    matrix: DomainMatrix
    p: int | None = None

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes of the halves."""
        d = self.matrix.shape[0]
        p = d // 2 if self.p is None else self.p
        return p, d - p

    @cached_property
    def blocks(self) -> Blocks:
        """The blocks A, B, C, D."""
        return linalg.split(self.matrix, self.partition[0])

    @cached_property
    def inverse_blocks(self) -> Blocks:
        """The blocks a, b, c, d of the inverse."""
        return linalg.split(self.matrix.inv(), self.partition[0])

    @cached_property
    def det(self) -> Element:
        """The determinant."""
        return self.matrix.det()

    @cached_property
    def minors_by_diagonal_block(self) -> dict[str, PrincipalMinors]:
        """A dict from the names "A", "D", "a", "d" to the principal minors of these blocks."""
        (A, _, _, D), (a, _, _, d) = self.blocks, self.inverse_blocks
        return {name: PrincipalMinors(M) for name, M in zip("ADad", (A, D, a, d), strict=True)}

    def instances_of_length(self, length: int, scales: DepthScales) -> list["PatternInstance"]:
        """Return an instance for each alternating pattern of the given length."""
        return [PatternInstance(pattern, self, scales) for pattern in alternating_patterns(length)]


@dataclass(frozen=True, eq=False, repr=False)
class PatternInstance:
    """The question whether a matrix M = [[A, B], [C, D]] is a product of layers in a pattern."""

    pattern: str
    split: SplitMatrix
    scales: DepthScales

    @property
    def matrix(self) -> DomainMatrix:
        """The matrix M."""
        return self.split.matrix

    @property
    def is_exchanged(self) -> bool:
        """Whether the pattern starts with L."""
        return self.pattern.startswith("L")

    @property
    def blocks_for_pattern(self) -> Blocks:
        """The blocks A, B, C, D; the halves are exchanged if the pattern starts with L."""
        blocks = self.split.blocks
        return linalg.swap_halves(blocks) if self.is_exchanged else blocks

    @property
    def inverse_blocks_for_pattern(self) -> Blocks:
        """The blocks a, b, c, d of M^-1; the halves are exchanged if the pattern starts with L."""
        blocks = self.split.inverse_blocks
        return linalg.swap_halves(blocks) if self.is_exchanged else blocks

    @property
    def pencil(self) -> Pencil:
        """The blocks C, D, a, c; or B, A, d, b if the pattern starts with L."""
        (_, _, C, D), (a, _, c, _) = self.blocks_for_pattern, self.inverse_blocks_for_pattern
        return Pencil(C, D, a, c)

    @property
    def minors_of_D_and_a_for_pattern(self) -> tuple[PrincipalMinors, PrincipalMinors]:
        """The principal minors of D and of a; of A and of d if the pattern starts with L."""
        D, a = "Ad" if self.is_exchanged else "Da"
        return self.split.minors_by_diagonal_block[D], self.split.minors_by_diagonal_block[a]

    @property
    def moved_halves(self) -> tuple[Half, ...]:
        """The half that each letter of the pattern moves: U the first, L the second."""
        return tuple("first" if letter == "U" else "second" for letter in self.pattern)

    def fill_in_block_names(self, text: str, **values: Any) -> str:
        """Replace "{name}" in a text by the value of that name, or by the name of a block.

        If the pattern starts with L, the names of the blocks are exchanged: "{D}" becomes "A".
        """
        names = _EXCHANGED if self.is_exchanged else {name: name for name in _EXCHANGED}
        return text.format_map(names | values)
