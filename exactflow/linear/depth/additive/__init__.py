"""The least number of additive layers, decided pattern by pattern from the shortest on.

Main results
------------
Patterns of at most four letters are decided (`exactflow.linear.depth.additive.up_to_four`). For
five we search for a V that makes M U(-V) a product of four layers. Let r = rank C. The pattern
ULULU is decided, and V is constructed,

- r as large as the shape permits: always; V comes from a commutator, for halves of two sizes from a
  hyperplane, and over a small field from matching;
- r = 0: no V changes D and a, and Flanders' theorem decides;
- r = 1: iff the fixed parts allow it (`exactflow.linear.depth.fixed_parts`). D - C V and a + V c
  are perturbations of rank one, coupled only by the equality of their determinants, so each gets
  the blocks that are wanted (`subtracted_row_assigning_block_sizes`);
- c = -k C: no, unless a linear system has a solution g; then V gives D - C V on im C the
  characteristic polynomial g;
- otherwise linear equations hold for V (`necessary_shift_equations`): no, unless they have a
  solution. We try solutions, and candidates that deflate the eigenvalues of the fixed parts and
  equate the remaining characteristic polynomials (`draw_shift_by_deflation`). If no trial succeeds,
  the pattern is not decided.

On halves that differ by two or more coordinates, the layers are those of `factor`, and ranks and
eigenvalues exclude patterns of six and more letters (`exactflow.linear.depth.rank_obstructions`).

How it is checked
-----------------
*Exact*: each candidate V is decided by `decide_four_layers`, whose layers are part of the flow that
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
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.orientation import CoordinateLayout
from exactflow.flows.result import DepthScales
from exactflow.linear.depth import equations
from exactflow.linear.depth.additive import shifts, up_to_four
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.obstruction import Obstruction, Obstructions, exclude_all
from exactflow.linear.depth.pattern import PatternInstance, Pencil, Reason, SplitMatrix
from exactflow.linear.depth.rank_obstructions import rank_or_eigenvalue_reason
from exactflow.linear.factor.assembly import (
    layers_in_application_order,
    merge_neighbours_drop_identities,
)
from exactflow.linear.factor.commutator import find_five_shifts_by_commutator
from exactflow.linear.factor.hyperplane import shifts_for_second_half_one_larger
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

TRIALS = 32
_TRIALS_FINITE = 150

Candidates = Iterator[DomainMatrix | None]


def find_few_additive_layers(split: SplitMatrix) -> tuple[list[LinearCoupling], Obstructions]:
    """Find additive layers for a matrix of determinant 1: the fewest, if at most four suffice.

    Return the layers, and obstructions to the longest patterns that are excluded.
    """
    excluded: Obstructions = ()
    # A layer may be I, so that a product of 3 layers is also one of 4, and 4 are tried first.
    for length, shorter in ((2, (0, 1)), (4, (3,))):
        layers, reasons = _find_layers_or_obstructions(length, split)
        if layers is None:
            excluded = reasons
            continue
        for fewer in shorter:
            found, reasons = _find_layers_or_obstructions(fewer, split)
            if found is not None:
                return found, excluded
            excluded = reasons
        return layers, excluded
    return _find_five_or_more_layers(split, excluded)


def _find_five_or_more_layers(
    split: SplitMatrix, excluding_four: Obstructions
) -> tuple[list[LinearCoupling], Obstructions]:
    """Return layers and obstructions for a matrix that is no product of four layers.

    `excluding_four` are the obstructions to four layers.
    """
    p, q = split.partition
    general = None
    if abs(p - q) > 1:
        general = _layers_by_factor_route("partition", split)
        longer = exclude_greatest_length_by_ranks(range(6, len(general)), split, "additive")
        if longer or len(general) == 5:
            return general, longer or excluding_four
    layers, reasons = _find_layers_or_obstructions(5, split)
    if layers is not None:
        return layers, excluding_four
    general = general or _try_for_six_layers(split)
    if len(general) > 6:
        general = _draw_six_layers(split) or general
    return general, reasons if len(reasons) == 2 else excluding_four


def exclude_greatest_length_by_ranks(
    lengths: range, split: SplitMatrix, scales: DepthScales
) -> Obstructions:
    """Return obstructions, by ranks or eigenvalues, to the greatest length that they exclude.

    It is the greatest of `lengths` whose patterns are both excluded; without one, return ().
    """
    for length in reversed(lengths):
        if found := exclude_all(split.instances(length, scales), rank_or_eigenvalue_reason):
            return found
    return ()


def decide_additive_pattern(instance: PatternInstance) -> up_to_four.Shifts | Reason | None:
    """Decide whether the matrix is a product of additive layers in the pattern.

    Return the shifts of the layers, from left to right in the product, with the halves exchanged if
    the pattern starts with L; or a reason why there are none; or None if five letters are not
    decided.
    """
    length = len(instance.pattern)
    if length < 3:
        return up_to_four.decide_at_most_two_layers(instance)
    if length == 3:
        return up_to_four.decide_three_layers(instance.blocks_for_pattern)
    if length == 4:
        return up_to_four.decide_four_layers(
            instance.blocks_for_pattern, instance.inverse_for_pattern.A
        )
    return _decide_five_layers(instance)


def _find_layers_or_obstructions(
    length: int, split: SplitMatrix
) -> tuple[list[LinearCoupling] | None, Obstructions]:
    """Return (layers, ()) in a pattern of the length, or (None, the obstructions found)."""
    obstructions, both = [], split.instances(length, "additive")
    if length == 5 and _has_full_rank(split.blocks.B):
        both = both[::-1]  # L U L U L comes first: if B has full rank, it needs no search
    for instance in both:
        found = decide_additive_pattern(instance)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(instance, found))
        elif found is not None:
            return _merged_layers_from_shifts(instance, found), ()
    return None, tuple(obstructions)


def _try_for_six_layers(split: SplitMatrix) -> list[LinearCoupling]:
    """Return additive layers, at most six unless the field has too few elements.

    The sizes of the halves differ by at most one.
    """
    p, q = split.partition
    with suppress(FieldTooSmallError):
        return _layers_by_factor_route("commutator" if p == q else "hyperplane", split)
    return (None if p == q else _draw_six_layers(split)) or _layers_by_factor_route(
        "partition", split
    )


def _layers_by_factor_route(route: str, split: SplitMatrix) -> list[LinearCoupling]:
    """Return the additive layers that a route of `factor`, such as "partition", constructs."""
    partition, one = split.partition, split.matrix.domain.one
    layout = CoordinateLayout(partition, tuple(range(sum(partition))))
    return merge_neighbours_drop_identities(
        factor_by_route(Problem(split.matrix, layout, one, "positive"), route)[0]
    )


def _has_full_rank(M: DomainMatrix) -> bool:
    """Whether the rank is as large as the shape permits."""
    return linalg.rank(M) == min(M.shape)


def _draw_six_layers(split: SplitMatrix) -> list[LinearCoupling] | None:
    """Draw the last of six layers at random until the other five are found, or return None.

    If the sizes of the halves differ by more than one and are greater than 1, the search for five
    layers is slow, so that there are few draws.
    """
    (p, q), field = split.partition, split.matrix.domain
    trials = TRIALS if abs(q - p) < 2 or 1 in (p, q) else 2
    both = split.instances(5, "additive")
    for draw, instance in product(islice(_random_matrix_streams(field), trials), both):
        A, B, C, D = instance.blocks_for_pattern
        W = draw.matrix(*C.shape)
        blocks = Blocks(A, B, C + W * A, D + W * B)
        if not _has_full_rank(blocks.C):
            continue
        rest = linalg.join(linalg.swap_halves(blocks) if instance.is_exchanged else blocks)
        found = _decide_five_layers(replace(instance, split=SplitMatrix(rest, p)))
        if isinstance(found, list):
            first = "U" if instance.is_exchanged else "L"
            return _merged_layers_from_shifts(
                replace(instance, pattern=first + instance.pattern), [-W, *found]
            )
    return None


def _merged_layers_from_shifts(
    instance: PatternInstance, found: up_to_four.Shifts
) -> list[LinearCoupling]:
    """Return the layers with the shifts found, without the layers that change nothing."""
    return merge_neighbours_drop_identities(
        layers_in_application_order(list(zip(instance.moved_halves, found, strict=True)))
    )


def _decide_five_layers(instance: PatternInstance) -> up_to_four.Shifts | Reason | None:
    """Decide U L U L U: return shifts, a reason why there are none, or None if undecided."""
    pencil = instance.pencil
    (q, p), r = pencil.C.shape, linalg.rank(pencil.C)
    if r == min(p, q) and abs(p - q) < 2:
        with suppress(FieldTooSmallError):
            return _five_shifts_if_full_rank(instance)
        candidates = (
            shifts.draw_shift_equating_charpolys(pencil, draw)
            for draw in _random_matrix_streams(pencil.D.domain)
        )
        return _five_shifts_from_candidates(instance, candidates)
    if r == 0:
        reason = up_to_four.flanders_reason(pencil.D, pencil.a)
        return reason or _five_shifts_given_last(instance, linalg.zeros(p, q, pencil.D.domain))
    parts = FixedParts.of(pencil)
    factors = parts.factors_excluding_every_shift()
    if factors is not None:
        return Reason("chain", factors)
    if r == 1:
        return _five_shifts_given_last(instance, shifts.flanders_shift_for_rank_one(pencil, parts))
    sources: list[Candidates] = [
        (
            shifts.draw_shift_by_deflation(pencil, draw)
            for draw in _random_matrix_streams(pencil.D.domain)
        )
    ]
    scaling = equations.equations_for_charpoly_if_proportional(pencil)
    if scaling:
        solutions, multiplier = equations.solve_for_flattened_matrices(scaling, r, 1)
        if multiplier is not None:
            return Reason("linear", multiplier)
        sources.append(_yield_random_companion_block_shifts(pencil, solutions))
    solutions, multiplier = equations.solve_for_flattened_matrices(
        equations.necessary_shift_equations(pencil, parts), p, q
    )
    if multiplier is not None:
        return Reason("tight", tuple(parts.block_sizes_by_factor))
    sources.append(_yield_random_matrix_solutions(solutions, p, q))
    return _five_shifts_from_candidates(instance, chain.from_iterable(zip(*sources, strict=True)))


def _five_shifts_if_full_rank(instance: PatternInstance) -> up_to_four.Shifts | None:
    """Return the shifts of five layers if C has full rank, otherwise None; |p - q| is at most 1."""
    q, p = instance.blocks_for_pattern.C.shape
    if p == q:
        return find_five_shifts_by_commutator(instance.blocks_for_pattern)
    pair = instance.blocks_for_pattern, instance.inverse_for_pattern
    if p < q:
        return shifts_for_second_half_one_larger(*pair)
    transposed = (Blocks(*(X.transpose() for X in (D, B, C, A))) for A, B, C, D in pair)
    found: Any = shifts_for_second_half_one_larger(*transposed)  # not None: C is of full rank
    return [shift.transpose() for shift in reversed(found)]


def _five_shifts_given_last(instance: PatternInstance, V: DomainMatrix) -> up_to_four.Shifts | None:
    """Return five shifts whose last one is V, or None if there are none."""
    A, B, C, _ = instance.blocks_for_pattern
    _, D, a, _ = instance.pencil.shifted(V)
    found = up_to_four.decide_four_layers(Blocks(A, B - A * V, C, D), a)
    return None if isinstance(found, Reason) else [*found, V]


def _five_shifts_from_candidates(
    instance: PatternInstance, last_shifts: Candidates
) -> up_to_four.Shifts | None:
    """Try up to 150 candidates for the last of five shifts; return all five shifts, or None."""
    for _ in range(_TRIALS_FINITE if instance.matrix.domain.is_FiniteField else TRIALS):
        V = next(last_shifts)
        if V is not None and (found := _five_shifts_given_last(instance, V)) is not None:
            return found
    return None


def _random_matrix_streams(field: Domain) -> Iterator[Draws]:
    """Yield sources of random matrices without end; later ones may have larger entries."""
    return (Draws(field, 1 + seed // 4, seed) for seed in count())


def _yield_random_matrix_solutions(solutions: DomainMatrix, p: int, q: int) -> Candidates:
    """Yield random p x q matrices among the solutions of `solve_for_flattened_matrices`."""
    for draw in _random_matrix_streams(solutions.domain):
        v = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        yield equations.matrix_from_flat(v.to_list_flat(), (p, q), solutions.domain)


def _yield_random_companion_block_shifts(pencil: Pencil, solutions: DomainMatrix) -> Candidates:
    """Yield random V for which D - C V acts on im C as the companion matrix of a solution.

    The solutions of `equations_for_charpoly_if_proportional` are the polynomials g.
    """
    C, D = pencil.C, pencil.D
    q, p = C.shape
    columns = C.extract(list(range(q)), list(linalg.rref(C)[1]))
    left = linalg.left_inverse(columns)
    right = linalg.left_inverse((left * C).transpose()).transpose()
    below = linalg.identity(columns.shape[1], D.domain)[:-1, :]
    for draw in _random_matrix_streams(D.domain):
        g = solutions[:, 0] + solutions[:, 1:] * draw.matrix(solutions.shape[1] - 1, 1)
        companion = (-g.transpose()).vstack(below)
        V, W = draw.matrix(p, q), right * (left * D * columns - companion) * left
        yield V + W - right * (left * C) * V * columns * left
