"""Why a pattern is impossible, whatever the positive scales: entries, and opposed minors.

Main results
------------
With at least two layers, M is a product of scaled layers in a pattern iff M P^-1 is a product of
additive ones in it, for some positive diagonal P = diag(E, F). So the pattern ULUL, and ULULU where
C = 0, gives D F^-1 and E a one characteristic polynomial, whose coefficients are sums of principal
minors of D and of a with positive weights. Call (D, a) *opposed* at k, 1 <= k < n, if, up to one
sign for all, the principal k-minors of D are >= 0, those of a <= 0, and not all of them vanish:
then no positive scales help.

How it is checked
-----------------
*Exact*: signs of entries and minors over an ordered field.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction
from exactflow.depth.similarity import SimilarityObstruction
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.factorization.short import positive_diagonal

__all__ = ["OpposedObstruction", "ScaledEntryObstruction", "opposed"]

_MOST_MINORS = 5000


def _misfit(pattern: str, blocks: Blocks) -> str | None:
    """Return what keeps the blocks from being a product of at most two scaled layers, U first."""
    A, B, C, D = blocks
    one = linalg.identity(A.shape[0], A.domain)
    if len(pattern) == 2:
        if positive_diagonal(D) is None:
            return "D is no positive diagonal"
        fits = positive_diagonal(A - B * D.inv() * C) is not None
        return None if fits else "A - B D^-1 C is no positive diagonal"
    wrong = {
        "C is not 0": not C.is_zero_matrix,
        "D is not I": one != D,
        "A is no positive diagonal": positive_diagonal(A) is None,
    }
    if not pattern:
        wrong |= {"B is not 0": not B.is_zero_matrix, "A is not I": one != A}
    return next((text for text, holds in wrong.items() if holds), None)


@dataclass(frozen=True, eq=False, repr=False)
class ScaledEntryObstruction(Obstruction):
    """Entries that no product of none, one or two scaled layers has."""

    def check(self) -> bool:
        """Look at the blocks."""
        return len(self.pattern) <= 2 and _misfit(self.pattern, self.blocks) is not None

    def reason(self) -> str:
        """Name the block."""
        return self.named(str(_misfit(self.pattern, self.blocks)))


@dataclass(frozen=True, eq=False, repr=False)
class OpposedObstruction(SimilarityObstruction):
    """The principal k-minors of D and of a have opposite signs."""

    k: int

    def check(self) -> bool:
        """Evaluate the minors and look at their signs."""
        D, a = self.pair()
        return self.applies() and 1 <= self.k < D.shape[0] and _opposed(D, a, self.k)

    def reason(self) -> str:
        """Name the minors."""
        what = "diagonal entries" if self.k == 1 else f"principal {self.k}-minors"
        return f"{self.where()} have {what} of opposite signs"


def opposed(pattern: str, matrix: DomainMatrix) -> OpposedObstruction | None:
    """Return the obstruction at the least k, of those with at most 5000 minors; None if there is
    none.
    """
    candidate = OpposedObstruction(pattern, matrix, 0)
    if not candidate.applies():
        return None
    D, a = candidate.pair()
    n = D.shape[0]
    for k in range(1, n):
        if comb(n, k) <= _MOST_MINORS and _opposed(D, a, k):
            return OpposedObstruction(pattern, matrix, k)
    return None


def _opposed(D: DomainMatrix, a: DomainMatrix, k: int) -> bool:
    of_D, of_a = _minor_signs(D, k), _minor_signs(a, k)
    signs = of_D | {None if s is None else -s for s in of_a}
    return bool(signs - {0}) and (signs <= {0, 1} or signs <= {0, -1})


def _minor_signs(M: DomainMatrix, k: int) -> set[int | None]:
    """Return the signs of the principal k-minors; None stands for one that is unknown."""
    signs: set[int | None] = set()
    for chosen in combinations(range(M.shape[0]), k):
        minor = M.extract(list(chosen), list(chosen)).det()
        positive = linalg.is_positive(minor, M.domain)
        signs.add(0 if not minor else None if positive is None else 1 if positive else -1)
    return signs
