"""Layers with positive scales: bounds for the least number, each with its witness.

Main results
------------
With at least two layers, M is a product of scaled layers in a pattern iff M P^-1 is a product of
additive ones in it, for some positive diagonal P = diag(E, F). So the pattern ULUL, and ULULU where
C = 0, gives D F^-1 and E a one characteristic polynomial, whose coefficients are sums of principal
minors of D and of a with positive weights. Call (D, a) *opposed* at k, 1 <= k < n, if, up to one
sign for all, the principal k-minors of D are >= 0, those of a <= 0, and not all of them vanish:
then no positive scales help.

- *Theorem A.* B = C = 0, det M > 0, (D, a) opposed: six layers exactly, even with scales.
- *Theorem B.* (D, a) opposed and (A, d) opposed: at least five. Where every minor that counts is
  not zero this is an open condition, and for n >= 2 some matrices satisfy it.

Upper bounds come from layers: those of `factor`, and those of `additive_depth` for M P^-1, where P
holds the determinant in one entry. P merges into a layer.

How it is checked
-----------------
*Exact*: signs of minors over an ordered field; the flow is verified against M.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive import additive_depth, patterns
from exactflow.depth.obstructions import Obstruction
from exactflow.depth.result import MinimalDepth
from exactflow.depth.similarity import SimilarityObstruction
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Half
from exactflow.factorization import factor
from exactflow.factorization.assembly import scaled
from exactflow.factorization.short import positive_diagonal, short_layers
from exactflow.flows.flow import CouplingFlow, LinearCoupling, LinearFlow
from exactflow.flows.verification import verify

__all__ = ["OpposedObstruction", "ScaledEntryObstruction", "scaled_depth"]

_MOST_MINORS = 5000


def scaled_depth(matrix: DomainMatrix) -> MinimalDepth:
    """Return bounds for the least number of layers with positive scales; det M > 0, equal split.

    Opposed minors are sought at each k with at most 5000 minors.
    """
    short = short_layers(linalg.split(matrix, matrix.shape[0] // 2))
    flow: LinearFlow
    if short is not None:
        lower, flow = len(short), _flow_of(short, matrix)
    else:
        lower = _opposed_bound(matrix)
        flow = min(_flows(matrix), key=len)
    if flow.depth:
        verify(flow, matrix)
    found = [_obstruction(p, matrix) for p in patterns(lower - 1)] if lower else []
    obstructions = tuple(filter(None, found))
    return MinimalDepth(lower, flow.depth, flow, obstructions, "positive")


def _flow_of(layers: Iterable[LinearCoupling], matrix: DomainMatrix) -> CouplingFlow:
    n = matrix.shape[0] // 2
    return CouplingFlow(layers, (n, n), method="depth", field=matrix.domain)


def _obstruction(pattern: str, matrix: DomainMatrix) -> Obstruction | None:
    if len(pattern) <= 2:
        return ScaledEntryObstruction(pattern, matrix)
    k = _opposed_at(OpposedObstruction(pattern, matrix, 0))
    return None if k is None else OpposedObstruction(pattern, matrix, k)


def _opposed_bound(matrix: DomainMatrix) -> int:
    """Return the largest lower bound, among 6, 5 and 3, whose patterns all have an obstruction."""
    for bound in (6, 5):
        if all(_obstruction(p, matrix) is not None for p in patterns(bound - 1)):
            return bound
    return 3


def _flows(matrix: DomainMatrix) -> Iterator[LinearFlow]:
    yield factor(matrix)
    yield factor(matrix, method="commutator")
    n, field = matrix.shape[0] // 2, matrix.domain
    inverse = [field.one / matrix.det()] + [field.one] * (n - 1)
    ones = [field.one] * n
    places: tuple[tuple[Half, list], ...] = ("first", inverse + ones), ("second", ones + inverse)
    for half, entries in places:
        flow = additive_depth(linalg.scale_columns(matrix, entries)).flow.inverse()
        if flow.depth >= 2:
            layers = scaled(flow.layers, (n, n), half, linalg.column(inverse, field))
            yield _flow_of(_flow_of(layers, matrix).inverse().layers, matrix)


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


def _opposed_at(candidate: OpposedObstruction) -> int | None:
    if not candidate.applies():
        return None
    D, a = candidate.pair()
    n = D.shape[0]
    sizes = (k for k in range(1, n) if comb(n, k) <= _MOST_MINORS)
    return next((k for k in sizes if _opposed(D, a, k)), None)


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
