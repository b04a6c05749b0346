"""Why D = I + Y Z, a = I + Z Y is impossible: the first of the reasons that `similarity` lists.

The theorem and the pair Y, Z are in `exactflow.exact.flanders`.

How it is checked
-----------------
*Exact*: ranks decide.

Implementation notes
--------------------
The cheap tests come first: the traces, the characteristic polynomials, cyclic vectors.
"""

from dataclasses import dataclass
from itertools import zip_longest

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction
from exactflow.depth.similarity import (
    CoefficientObstruction,
    DivisorObstruction,
    UnitBlocksObstruction,
    rank_witness,
)
from exactflow.exact import linalg
from exactflow.exact.flanders import both_cyclic, is_unit_factor
from exactflow.exact.linalg import trace
from exactflow.exact.normalforms import (
    block_sizes,
    conjugate_partition,
    irreducible_factors,
)

__all__ = ["flanders_obstruction"]


def flanders_obstruction(
    D: DomainMatrix, a: DomainMatrix, pattern: str, matrix: DomainMatrix
) -> Obstruction | None:
    """Return why D = I + Y Z, a = I + Z Y is impossible, for the record of a pattern and a matrix;
    None where it is possible.
    """
    if trace(D) != trace(a):
        return CoefficientObstruction(pattern, matrix, 1)
    f, g = D.charpoly_berk(), a.charpoly_berk()
    for k, (x, y) in enumerate(zip(f, g, strict=True)):
        if x != y:
            return CoefficientObstruction(pattern, matrix, k)
    if both_cyclic(D, a, f):
        return None
    for factor, multiplicity in irreducible_factors(f, D.domain):
        if multiplicity == 1:
            continue
        sizes = block_sizes(D, factor), block_sizes(a, factor)
        found: Obstruction | None
        if is_unit_factor(factor):
            found = _unit_blocks(*sizes, _Context(D, a, pattern, matrix))
        else:
            found = _divisors(*sizes, factor, _Context(D, a, pattern, matrix))
        if found is not None:
            return found
    return None


@dataclass(frozen=True, eq=False)
class _Context:
    D: DomainMatrix
    a: DomainMatrix
    pattern: str
    matrix: DomainMatrix


def _divisors(of_D: tuple, of_a: tuple, f: tuple, on: _Context) -> DivisorObstruction | None:
    counts = zip_longest(conjugate_partition(of_D), conjugate_partition(of_a), fillvalue=0)
    k = next((k for k, (x, y) in enumerate(counts, 1) if x != y), None)
    if k is None:
        return None
    witnesses = tuple(rank_witness(M.eval_poly(list(f)) ** k) for M in (on.D, on.a))
    return DivisorObstruction(on.pattern, on.matrix, f, k, witnesses)


def _unit_blocks(of_D: tuple, of_a: tuple, on: _Context) -> UnitBlocksObstruction | None:
    """Sizes differ by at most one each iff, for all k, neither matrix has more blocks of size > k
    than the other has of size >= k.
    """
    one = linalg.identity(on.D.shape[0], on.D.domain)
    for exchanged, more, fewer in ((False, of_D, of_a), (True, of_a, of_D)):
        for k in range(1, max(more, default=0)):
            if sum(size > k for size in more) > sum(size >= k for size in fewer):
                S, T = (on.a, on.D) if exchanged else (on.D, on.a)
                powers = (S, k), (S, k + 1), (T, k - 1), (T, k)
                ranks = tuple(rank_witness((M - one) ** e) for M, e in powers)
                return UnitBlocksObstruction(on.pattern, on.matrix, k, exchanged, ranks)
    return None
