"""The least number of additive layers: words from short to long, and the layers found.

Main results
------------
Words of at most four letters are decided (`exactflow.linear.depth.additive.up_to_four`). For five
a V is wanted that makes M U(-V) a product of four. Let r = rank C. The pattern ULULU is decided,
and V constructed,

- r as large as it can be: always; V from a commutator, for halves of two sizes from a hyperplane,
  and over a small field by matching;
- r = 0: D and a are what they are, and Flanders' theorem decides;
- r = 1: iff the fixed parts allow it (`exactflow.linear.depth.fixed_parts`). D - C V and a + V c
  are perturbations of rank one, coupled by nothing but the equality of their determinants, so each
  gets the blocks that are wanted (`assigned_row`);
- c = -k C: no, unless a linear system has a solution g; then V gives D - C V on im C the
  characteristic polynomial g;
- otherwise linear equations hold for V (`shift_equations`): no, unless they have a solution.
  Solutions are tried, and candidates for which eigenvalues of the fixed parts are peeled off, and
  the rest is matched (`matched_shift`). What does not succeed within a number of trials is called
  undecided.

Halves that differ by two and more take longer words: those of `factor`, and against words of six
letters and more there are ranks and eigenvalues (`exactflow.linear.depth.counting`).

How it is checked
-----------------
*Exact*: each candidate V is decided by `four_layers`, whose layers are part of the flow that
`minimal_depth` verifies.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count, islice, product
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import DepthScales
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout
from exactflow.linear.depth.additive import up_to_four
from exactflow.linear.depth.additive.shifts import matched_shift, peeled_shift, rank_one_shift
from exactflow.linear.depth.counting import chain_of, excluding_rank
from exactflow.linear.depth.equations import reshaped, scaling_equations, shift_equations, solve
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.obstruction import Obstruction, Reason
from exactflow.linear.depth.word import Pencil, Word, words
from exactflow.linear.factor.assembly import layers_of_shears, merge
from exactflow.linear.factor.commutator import commutator_shifts
from exactflow.linear.factor.hyperplane import hyperplane_shifts
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

TRIALS = 32
_TRIALS_FINITE = 150

Reasons = tuple[Obstruction, ...]
Candidates = Iterator[DomainMatrix | None]


def additive_depth(matrix: DomainMatrix, p: int) -> tuple[list[LinearCoupling], Reasons]:
    """Return the fewest additive layers found for a matrix of determinant 1 whose first half has
    size p, and what excludes the longest words that are excluded.
    """
    reasons: Reasons = ()
    fewest = 0
    for enough in (2, 4):  # a word contains the shorter ones
        layers, excluded = _decided(words(enough, matrix, "additive", p))
        if layers is not None:
            for length in range(fewest, enough):
                fewer, too_short = _decided(words(length, matrix, "additive", p))
                if fewer is not None:
                    return fewer, reasons
                reasons = too_short
            return layers, reasons
        reasons, fewest = excluded, enough + 1
    general = None
    if abs(matrix.shape[0] - 2 * p) > 1:
        general = _constructed("partition", matrix, p)
        longer = counted_against(range(6, len(general)), matrix, "additive", p)
        if longer or len(general) == 5:
            return general, longer or reasons
    layers, without_five = _decided(words(5, matrix, "additive", p))
    if layers is not None:
        return layers, reasons
    general = general or _six(matrix, p)
    if len(general) > 6:
        general = _drawn_six(matrix, p) or general
    return general, without_five if len(without_five) == 2 else reasons


def counted_against(lengths: range, matrix: DomainMatrix, scales: DepthScales, p: int) -> Reasons:
    """Obstructions by ranks and eigenvalues to the two longest words that they exclude."""
    for length in reversed(lengths):
        found = []
        for word in words(length, matrix, scales, p):
            if (rank := excluding_rank(word)) is not None:
                found.append(Obstruction.of(word, Reason("rank", rank)))
            elif length in (6, 7) and scales == "additive" and (powers := chain_of(word)):
                found.append(Obstruction.of(word, Reason("chain of eigenvalues", powers)))
        if len(found) == 2:
            return tuple(found)
    return ()


def decide(word: Word) -> up_to_four.Shifts | Reason | None:
    """Return the shifts of the layers of a word, from left to right in the product, its halves
    exchanged if it starts with L; or why there are none; None where five letters are not decided.
    """
    length = len(word.pattern)
    if length < 4:
        return up_to_four.few_layers(word) if length < 3 else up_to_four.three_layers(word)
    if length == 4:
        return up_to_four.four_layers(word.blocks, word.inverse.A)
    return _five_layers(word)


def _decided(both: list[Word]) -> tuple[list[LinearCoupling] | None, Reasons]:
    """Decide the words of a length: return layers, or what excludes words."""
    obstructions = []
    if len(both[0].pattern) == 5 and _has_full_rank(both[0].blocks.B):
        both = both[::-1]  # L U L U L needs no search
    for word in both:
        found = decide(word)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(word, found))
        elif found is not None:
            return _layers(word, found), ()
    return None, tuple(obstructions)


def _six(matrix: DomainMatrix, p: int) -> list[LinearCoupling]:
    """Return six additive layers, or fewer, for halves that differ by at most one; over a field of
    few elements perhaps more.
    """
    equal = matrix.shape[0] == 2 * p
    with suppress(FieldTooSmallError):
        return _constructed("commutator" if equal else "hyperplane", matrix, p)
    return (None if equal else _drawn_six(matrix, p)) or _constructed("partition", matrix, p)


def _constructed(method: str, matrix: DomainMatrix, p: int) -> list[LinearCoupling]:
    """Return the additive layers that a route of `factor` constructs."""
    d = matrix.shape[0]
    layout, one = CoordinateLayout((p, d - p), tuple(range(d))), matrix.domain.one
    return merge(factor_by_route(Problem(matrix, layout, one, "positive"), method)[0])


def _has_full_rank(M: DomainMatrix) -> bool:
    """Whether the rank is as large as the shape permits."""
    return linalg.rank(M) == min(M.shape)


def _drawn_six(matrix: DomainMatrix, p: int) -> list[LinearCoupling] | None:
    """Return six layers, of which the last is drawn, or None where no draw leaves five.

    Far from equal halves, larger than 1, five are searched for: there are few draws.
    """
    q = matrix.shape[0] - p
    trials = TRIALS if abs(q - p) < 2 or 1 in (p, q) else 2
    both = words(5, matrix, "additive", p)
    for draw, word in product(islice(_draws(matrix.domain), trials), both):
        A, B, C, D = word.blocks
        W = draw.matrix(*C.shape)
        blocks = Blocks(A, B, C + W * A, D + W * B)
        if not _has_full_rank(blocks.C):
            continue
        rest = linalg.join(linalg.swap_halves(blocks) if word.is_exchanged else blocks)
        found = _five_layers(replace(word, matrix=rest))
        if isinstance(found, list):
            first = "U" if word.is_exchanged else "L"
            return _layers(replace(word, pattern=first + word.pattern), [-W, *found])
    return None


def _layers(word: Word, shifts: up_to_four.Shifts) -> list[LinearCoupling]:
    """Return the layers of a product, without those that change nothing."""
    return merge(layers_of_shears(list(zip(word.moves, shifts, strict=True))))


def _five_layers(word: Word) -> up_to_four.Shifts | Reason | None:
    """Decide U L U L U: return shifts, why there are none, or None where it was not decided."""
    pencil = word.pencil
    (q, p), r = pencil.C.shape, linalg.rank(pencil.C)
    if r == min(p, q) and abs(p - q) < 2:
        with suppress(FieldTooSmallError):
            return _of_full_rank(word)
        candidates = (matched_shift(pencil, draw) for draw in _draws(pencil.D.domain))
        return _first_success(word, candidates)
    if r == 0:
        reason = up_to_four.flanders_reason(pencil.D, pencil.a)
        return reason or _with_shift(word, linalg.zeros(p, q, pencil.D.domain))
    parts = FixedParts.of(pencil)
    factors = parts.clash()
    if factors is not None:
        return Reason("chain", factors)
    if r == 1:
        return _with_shift(word, rank_one_shift(pencil, parts))
    sources: list[Candidates] = [(peeled_shift(pencil, draw) for draw in _draws(pencil.D.domain))]
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
    return _first_success(word, chain.from_iterable(zip(*sources, strict=True)))


def _of_full_rank(word: Word) -> up_to_four.Shifts | None:
    """Return shifts where the rank of C is as large as it can be."""
    q, p = word.blocks.C.shape
    if p == q:
        return commutator_shifts(word.blocks)
    pair = word.blocks, word.inverse
    if p < q:
        return hyperplane_shifts(*pair)
    turned = (Blocks(*(X.transpose() for X in (D, B, C, A))) for A, B, C, D in pair)
    found: Any = hyperplane_shifts(*turned)  # not None: of full rank
    return [shift.transpose() for shift in reversed(found)]


def _with_shift(word: Word, V: DomainMatrix) -> up_to_four.Shifts | None:
    A, B, C, _ = word.blocks
    _, D, a, _ = word.pencil.shifted(V)
    found = up_to_four.four_layers(Blocks(A, B - A * V, C, D), a)
    return None if isinstance(found, Reason) else [*found, V]


def _first_success(word: Word, candidates: Candidates) -> up_to_four.Shifts | None:
    for _ in range(_TRIALS_FINITE if word.matrix.domain.is_FiniteField else TRIALS):
        V = next(candidates)
        if V is not None and (found := _with_shift(word, V)) is not None:
            return found
    return None


def _draws(field: Domain) -> Iterator[Draws]:
    """Yield streams of small matrices, without end."""
    return (Draws(field, 1 + seed // 4, seed) for seed in count())


def _among(solutions: DomainMatrix, p: int, q: int) -> Candidates:
    """Yield p x q matrices among the solutions of linear equations."""
    for draw in _draws(solutions.domain):
        v = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        yield reshaped(v.to_list_flat(), (p, q), solutions.domain)


def _with_polynomial(pencil: Pencil, solutions: DomainMatrix) -> Candidates:
    """Yield V for which D - C V on im C is the companion matrix of a solution g."""
    C, D = pencil.C, pencil.D
    q, p = C.shape
    columns = C.extract(list(range(q)), list(linalg.rref(C)[1]))
    left = linalg.left_inverse(columns)
    right = linalg.left_inverse((left * C).transpose()).transpose()
    below = linalg.identity(columns.shape[1], D.domain)[:-1, :]
    for draw in _draws(D.domain):
        g = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        companion = (-g.transpose()).vstack(below)
        V, W = draw.matrix(p, q), right * (left * D * columns - companion) * left
        yield V + W - right * (left * C) * V * columns * left
