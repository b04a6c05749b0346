"""Five layers: a V that makes a product of four of M U(-V).

Main results
------------
Let r = rank C. The pattern ULULU is decided, and V constructed,

- r = n: always; V from a commutator, or, over a small field, by matching;
- r = 0: D and a are what they are, and Flanders' theorem decides;
- r = 1: iff the fixed parts allow it (`chain`). D - C V and a + V c are perturbations of rank one,
  coupled by nothing but the equality of their determinants, so each gets the blocks that are
  wanted (`assigned_row`);
- c = -k C: no, unless a linear system has a solution g; then V gives D - C V on im C the
  characteristic polynomial g;
- otherwise linear equations hold for V (`tight`): no, unless they have a solution. Solutions are
  tried, and candidates for which eigenvalues of the fixed parts are peeled off, and the rest is
  matched (`matching`). What does not succeed within a number of trials is called undecided.

How it is checked
-----------------
*Exact*: each candidate V is decided by `four_layers`, whose layers are part of the flow that
`minimal_depth` verifies.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.chain import (
    FixedParts,
    ScaledObstruction,
    chain_obstruction,
    fixed_parts,
    scalar_of,
    scaling_system,
)
from exactflow.depth.flanders import flanders_obstruction
from exactflow.depth.matching import matched_shift, peeled_shift
from exactflow.depth.obstructions import Obstruction, halves
from exactflow.depth.patterns import Shifts, four_layers
from exactflow.depth.rank_one import rank_one_shift
from exactflow.depth.tight import tight_shifts
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.typing import Element
from exactflow.factorization.commutator import commutator_shifts

__all__ = ["five_layers"]

_TRIALS = 32
_TRIALS_FINITE = 150


def five_layers(pattern: str, matrix: DomainMatrix) -> Shifts | Obstruction | None:
    """Decide U L U L U: return shifts, an obstruction, or None where it was not decided."""
    blocks, inverse = halves(matrix, pattern), halves(matrix.inv(), pattern)
    C, D, a, c = blocks.C, blocks.D, inverse.A, inverse.C
    n, r = C.shape[0], linalg.rank(C)
    if r == n:
        try:
            return commutator_shifts(blocks)
        except FieldTooSmallError:
            return _first_success(blocks, _matching(D, C, a, c))
    if r == 0:
        found = flanders_obstruction(D, a, pattern, matrix)
        return found or _with_shift(blocks, linalg.zeros(n, n, C.domain))
    parts = fixed_parts(D, C, a, c)
    obstruction = chain_obstruction(pattern, matrix, parts, r)
    if obstruction is not None:
        return obstruction
    if r == 1:
        return _with_shift(blocks, rank_one_shift(D, C, a, c, parts))
    sources = [_peeling(D, C, a, c)]
    k = scalar_of(C, c)
    if k is not None:
        solution, multiplier = _scaling(parts, k, r)
        if multiplier is not None:
            return ScaledObstruction(pattern, matrix, parts, k, multiplier)
        sources.append(_with_polynomial(D, C, solution))
    tight = tight_shifts(pattern, matrix, (C, D, a, c), parts)
    if isinstance(tight, Obstruction):
        return tight
    return _first_success(blocks, chain.from_iterable(zip(*sources, tight, strict=True)))


def _with_shift(blocks: linalg.Blocks, V: DomainMatrix) -> Shifts | None:
    A, B, C, D = blocks
    shorter = linalg.join(linalg.Blocks(A, B - A * V, C, D - C * V))
    found = four_layers("ULUL", shorter)
    return None if isinstance(found, Obstruction) else [*found, V]


def _first_success(
    blocks: linalg.Blocks, candidates: Iterator[DomainMatrix | None]
) -> Shifts | None:
    finite = blocks.C.domain.is_FiniteField
    for _ in range(_TRIALS_FINITE if finite else _TRIALS):
        V = next(candidates)
        if V is not None and (found := _with_shift(blocks, V)) is not None:
            return found
    return None


def _candidates(
    construct: Callable[[Draws], DomainMatrix | None], field: Domain
) -> Iterator[DomainMatrix | None]:
    seed = 0
    while True:
        yield construct(Draws(field, 1 + seed // 4, seed))
        seed += 1


def _matching(
    D: DomainMatrix, C: DomainMatrix, a: DomainMatrix, c: DomainMatrix
) -> Iterator[DomainMatrix | None]:
    return _candidates(lambda draw: matched_shift(D, C, a, c, draw), D.domain)


def _peeling(
    D: DomainMatrix, C: DomainMatrix, a: DomainMatrix, c: DomainMatrix
) -> Iterator[DomainMatrix | None]:
    return _candidates(lambda draw: peeled_shift(D, C, a, c, draw), D.domain)


def _scaling(parts: FixedParts, k: Element, r: int) -> linalg.Alternative:
    """Solve for g; return ((g_1 .. g_r)^T and a basis of the homogeneous solutions, None), or
    (None, multiplier).
    """
    chi_u, chi_N = parts.Du.charpoly_berk(), parts.Na.charpoly_berk()
    K, b = scaling_system(chi_u, chi_N, k, r, parts.L.domain)
    solution, multiplier = linalg.solve(K, b)
    return (None, multiplier) if solution is None else ((solution, linalg.kernel(K)), None)


def _with_polynomial(
    D: DomainMatrix, C: DomainMatrix, solution: tuple[DomainMatrix, DomainMatrix]
) -> Iterator[DomainMatrix | None]:
    """Yield V for which D - C V on im C is the companion matrix of a solution g."""
    particular, homogeneous = solution
    n, field = D.shape[0], D.domain
    columns = C.extract(list(range(n)), list(linalg.rref(C)[1]))
    left = linalg.left_inverse(columns)
    right = linalg.left_inverse((left * C).transpose()).transpose()

    def construct(draw: Draws) -> DomainMatrix:
        g = particular + homogeneous * draw.matrix(homogeneous.shape[1], 1)
        wanted = left * D * columns - _companion(g)
        V, W = draw.matrix(n, n), right * wanted * left
        return V + W - right * (left * C) * V * columns * left

    return _candidates(construct, field)


def _companion(g: DomainMatrix) -> DomainMatrix:
    """Return the matrix with first row -g_1, -g_2, .. and ones below the diagonal."""
    r, field = g.shape[0], g.domain
    rows = [[field.one if i == j + 1 else field.zero for j in range(r)] for i in range(r)]
    rows[0] = [-value for value in g.to_list_flat()]
    return linalg.from_entries(rows, (r, r), field)
