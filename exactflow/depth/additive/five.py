"""Five layers: a V that makes a product of four of M U(-V).

Main results
------------
Let r = rank C. The pattern ULULU is decided, and V constructed,

- r as large as it can be: always; V from a commutator, for halves of two sizes from a hyperplane,
  and over a small field by matching;
- r = 0: D and a are what they are, and Flanders' theorem decides;
- r = 1: iff the fixed parts allow it (`exactflow.depth.fixed_parts`). D - C V and a + V c are
  perturbations of rank one, coupled by nothing but the equality of their determinants, so each gets
  the blocks that are wanted (`assigned_row`);
- c = -k C: no, unless a linear system has a solution g; then V gives D - C V on im C the
  characteristic polynomial g;
- otherwise linear equations hold for V (`shift_equations`): no, unless they have a solution.
  Solutions are tried, and candidates for which eigenvalues of the fixed parts are peeled off, and
  the rest is matched (`matching`). What does not succeed within a number of trials is called
  undecided.

How it is checked
-----------------
*Exact*: each candidate V is decided by `four_layers`, whose layers are part of the flow that
`minimal_depth` verifies.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive.matching import matched_shift, peeled_shift
from exactflow.depth.additive.rank_one import rank_one_shift
from exactflow.depth.additive.words import Shifts, flanders_reason, four_layers
from exactflow.depth.equations import reshaped, scaling_equations, shift_equations, solve
from exactflow.depth.fixed_parts import FixedParts
from exactflow.depth.obstruction import Reason
from exactflow.depth.word import Pencil
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.factorization.commutator import commutator_shifts
from exactflow.factorization.hyperplane import hyperplane_shifts

__all__ = ["TRIALS", "draws", "five_layers"]

TRIALS = 32
_TRIALS_FINITE = 150

Candidates = Iterator[DomainMatrix | None]


def five_layers(blocks: Blocks, inverse: Blocks) -> Shifts | Reason | None:
    """Decide U L U L U: return shifts, why there are none, or None where it was not decided.

    Parameters
    ----------
    blocks, inverse : of M and of M^-1.
    """
    pencil = Pencil.of(blocks, inverse)
    (q, p), r = pencil.C.shape, linalg.rank(pencil.C)
    if r == min(p, q):
        with suppress(FieldTooSmallError):
            return _of_full_rank(blocks, inverse)
        candidates = (matched_shift(pencil, draw) for draw in draws(pencil.D.domain))
        return _first_success(blocks, pencil, candidates)
    if r == 0:
        reason = flanders_reason(pencil.D, pencil.a)
        return reason or _with_shift(blocks, pencil, linalg.zeros(p, q, pencil.D.domain))
    parts = FixedParts.of(pencil)
    factors = parts.clash()
    if factors is not None:
        return Reason("chain", factors)
    if r == 1:
        return _with_shift(blocks, pencil, rank_one_shift(pencil, parts))
    sources: list[Candidates] = [(peeled_shift(pencil, draw) for draw in draws(pencil.D.domain))]
    scaling = scaling_equations(pencil)
    if scaling:
        solutions, multiplier = solve(scaling, r, 1)
        if multiplier is not None:
            return Reason("linear", multiplier)
        sources.append(_with_polynomial(pencil, solutions))
    solutions, multiplier = solve(shift_equations(pencil, parts), p, q)
    if multiplier is not None:
        return Reason("tight", tuple(parts.divisors))
    sources.append(_among(solutions, p, q))
    return _first_success(blocks, pencil, chain.from_iterable(zip(*sources, strict=True)))


def _of_full_rank(blocks: Blocks, inverse: Blocks) -> Shifts | None:
    """Return shifts where the rank of C is as large as it can be."""
    q, p = blocks.C.shape
    if p == q:
        return commutator_shifts(blocks)
    if p < q:
        return hyperplane_shifts(blocks, inverse)
    turned = (Blocks(*(X.transpose() for X in (D, B, C, A))) for A, B, C, D in (blocks, inverse))
    found: Any = hyperplane_shifts(*turned)  # not None: of full rank
    return [shift.transpose() for shift in reversed(found)]


def _with_shift(blocks: Blocks, pencil: Pencil, V: DomainMatrix) -> Shifts | None:
    A, B, C, _ = blocks
    _, D, a, _ = pencil.shifted(V)
    found = four_layers(Blocks(A, B - A * V, C, D), a)
    return None if isinstance(found, Reason) else [*found, V]


def _first_success(blocks: Blocks, pencil: Pencil, candidates: Candidates) -> Shifts | None:
    finite = pencil.C.domain.is_FiniteField
    for _ in range(_TRIALS_FINITE if finite else TRIALS):
        V = next(candidates)
        if V is not None and (found := _with_shift(blocks, pencil, V)) is not None:
            return found
    return None


def draws(field: Domain) -> Iterator[Draws]:
    """Yield streams of small matrices, without end."""
    return (Draws(field, 1 + seed // 4, seed) for seed in count())


def _among(solutions: DomainMatrix, p: int, q: int) -> Candidates:
    """Yield p x q matrices among the solutions of linear equations."""
    for draw in draws(solutions.domain):
        v = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        yield reshaped(v.to_list_flat(), (p, q), solutions.domain)


def _with_polynomial(pencil: Pencil, solutions: DomainMatrix) -> Candidates:
    """Yield V for which D - C V on im C is the companion matrix of a solution g."""
    C, D = pencil.C, pencil.D
    q, p = C.shape
    columns = C.extract(list(range(q)), list(linalg.rref(C)[1]))
    left = linalg.left_inverse(columns)
    right = linalg.left_inverse((left * C).transpose()).transpose()
    for draw in draws(D.domain):
        g = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        V, W = draw.matrix(p, q), right * (left * D * columns - _companion(g)) * left
        yield V + W - right * (left * C) * V * columns * left


def _companion(g: DomainMatrix) -> DomainMatrix:
    """Return the matrix with first row -g_1, -g_2, .. and ones below the diagonal."""
    r, one = g.shape[0], linalg.identity(g.shape[0], g.domain)
    return (-g.transpose()).vstack(one[: r - 1, :])
