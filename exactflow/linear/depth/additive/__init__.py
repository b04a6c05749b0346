"""The least number of additive layers, decided pattern by pattern from the shortest on.

A, B, C, D are the blocks of a matrix M, and a, b, c, d those of its inverse
(`exactflow.linear.depth.pattern`).

Main results
------------
Patterns of at most four letters are decided (`exactflow.linear.depth.additive.up_to_four`). For the
pattern ULULU we search for a shift V such that M U(-V) is a product of four layers. The cases are
distinguished by r, the rank of C:

- If r is as large as the shape of C permits, and the sizes of the halves differ by at most one, V
  always exists. It is constructed from a commutator if the sizes are equal, and from a hyperplane
  if they differ by one; over a small field random candidates that give D - C V and a + V c equal
  characteristic polynomials are tried.
- If r = 0, no V changes D or a, and Flanders' theorem decides.
- If r = 1, V exists iff the fixed parts allow it (`exactflow.linear.depth.fixed_parts`). D - C V
  and a + V c are perturbations of D and a of rank one, coupled only by the equality of their
  determinants, so V can give each of them the wanted blocks
  (`subtracted_row_assigning_block_sizes`).
- If c = -k C for a number k, linear equations hold for the characteristic polynomial g of D - C V
  on im C. V exists only if they have a solution g; candidates V are constructed from solutions g.
- In all cases linear equations hold for V (`necessary_shift_equations`), so that V exists only if
  they have a solution. Candidates are solutions, and shifts that deflate the eigenvalues of the
  fixed parts and equate the remaining characteristic polynomials (`draw_shift_by_deflation`). If no
  candidate succeeds, the pattern is not decided.

If the sizes of the halves differ by more than one, the layers are those of `factor`, and ranks and
eigenvalues exclude patterns of six and more letters (`exactflow.linear.depth.rank_obstructions`).

How it is checked
-----------------
*Exact*: for each candidate V, `decide_additive_ULUL` decides whether M U(-V) is a product of four
layers. These layers are part of the flow that `minimal_depth` verifies.
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
from exactflow.linear.depth import equations
from exactflow.linear.depth.additive import shifts, up_to_four
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.obstruction import (
    Obstruction,
    Obstructions,
    obstructions_to_greatest_excluded_length,
)
from exactflow.linear.depth.pattern import PatternInstance, Pencil, Reason, SplitMatrix
from exactflow.linear.depth.rank_obstructions import rank_or_eigenvalue_reason
from exactflow.linear.factor.assembly import (
    layers_in_application_order,
    merge_neighbours_drop_identities,
    transposed,
)
from exactflow.linear.factor.commutator import find_five_shifts_by_commutator
from exactflow.linear.factor.hyperplane import five_shifts_for_second_half_one_larger
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

TRIALS = 32
_TRIALS_FINITE = 150

Candidates = Iterator[DomainMatrix | None]


def find_few_additive_layers_and_obstructions(
    split: SplitMatrix,
) -> tuple[list[LinearCoupling], Obstructions]:
    """Return few additive layers of a matrix with determinant 1, and obstructions to fewer layers.

    The number of layers is the least possible if at most four suffice. The obstructions exclude
    both patterns of the greatest length that is known to be too short. If M is the identity, no
    length is too short, and there are no obstructions.
    """
    excluded: Obstructions = ()
    # As a layer can be I, every product of 3 layers is also a product of 4. So 4 layers are tried
    # first: if they do not suffice, 3 do not suffice either.
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
    # Now `excluded` has obstructions to four layers. They are returned unless longer patterns are
    # excluded, too.
    p, q = split.partition
    general = None
    if abs(p - q) > 1:
        general = _layers_by_factor_route("partition", split)
        longer = obstructions_to_greatest_excluded_length(
            range(6, len(general)), split, "additive", rank_or_eigenvalue_reason
        )
        if longer or len(general) == 5:
            return general, longer or excluded
    layers, reasons = _find_layers_or_obstructions(5, split)
    if layers is not None:
        return layers, excluded
    if general is None:
        # Both routes have at most six layers, but need a field with enough elements.
        with suppress(FieldTooSmallError):
            general = _layers_by_factor_route("commutator" if p == q else "hyperplane", split)
    if general is None and p != q:
        general = _search_six_layers_by_random_leftmost(split)
    general = general or _layers_by_factor_route("partition", split)
    if len(general) > 6:
        general = _search_six_layers_by_random_leftmost(split) or general
    return general, reasons if len(reasons) == 2 else excluded


def decide_additive_pattern_up_to_five(
    instance: PatternInstance,
) -> up_to_four.Shifts | Reason | None:
    """Decide whether the matrix is a product of at most five additive layers in the pattern.

    Return the shifts of the layers, from left to right in the product; or a reason why there are no
    such layers; or None if a pattern of five letters is not decided. If the pattern starts with L,
    the shifts are those of the matrix with exchanged halves.
    """
    length = len(instance.pattern)
    if length < 3:
        return up_to_four.decide_at_most_two_layers(instance)
    if length == 3:
        return up_to_four.decide_additive_ULU(instance.blocks_for_pattern)
    if length == 4:
        return up_to_four.decide_additive_ULUL(
            instance.blocks_for_pattern, instance.inverse_blocks_for_pattern.A
        )
    return _decide_additive_ULULU(instance)


def _find_layers_or_obstructions(
    length: int, split: SplitMatrix
) -> tuple[list[LinearCoupling] | None, Obstructions]:
    """Return (layers, ()) if a pattern of this length has layers, else (None, obstructions).

    A pattern of five letters that is not decided has no obstruction.
    """
    obstructions, both = [], split.instances_of_length(length, "additive")
    if length == 5 and _has_full_rank(split.blocks.B):
        both = both[::-1]  # L U L U L needs no search if B has full rank
    for instance in both:
        found = decide_additive_pattern_up_to_five(instance)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.from_unchecked_reason(instance, found))
        elif found is not None:
            return _merged_layers_from_shifts(instance, found), ()
    return None, tuple(obstructions)


def _layers_by_factor_route(route: str, split: SplitMatrix) -> list[LinearCoupling]:
    """Construct additive layers by the given route of `factor`; merge neighbours of one kind."""
    partition, one = split.partition, split.matrix.domain.one
    layout = CoordinateLayout(partition, tuple(range(sum(partition))))
    return merge_neighbours_drop_identities(
        factor_by_route(Problem(split.matrix, layout, one, "positive"), route)[0]
    )


def _has_full_rank(M: DomainMatrix) -> bool:
    """Whether the rank is as large as the shape permits."""
    return linalg.rank(M) == min(M.shape)


def _search_six_layers_by_random_leftmost(split: SplitMatrix) -> list[LinearCoupling] | None:
    """Draw the leftmost of six layers at random until the other five are found.

    Return at most six layers, with neighbours of one kind merged, or None if no draw succeeds. The
    search for the other five layers is slow if both halves have more than one coordinate and their
    sizes differ by more than one; in this case there are only two draws.
    """
    (p, q), field = split.partition, split.matrix.domain
    trials = TRIALS if abs(q - p) < 2 or 1 in (p, q) else 2
    both = split.instances_of_length(5, "additive")
    for draw, instance in product(islice(_yield_random_matrix_sources(field), trials), both):
        A, B, C, D = instance.blocks_for_pattern
        W = draw.matrix(*C.shape)
        blocks = Blocks(A, B, C + W * A, D + W * B)
        if not _has_full_rank(blocks.C):
            continue
        rest = linalg.join(linalg.swap_halves(blocks) if instance.is_exchanged else blocks)
        found = _decide_additive_ULULU(replace(instance, split=SplitMatrix(rest, p)))
        if isinstance(found, list):
            first = "U" if instance.is_exchanged else "L"
            return _merged_layers_from_shifts(
                replace(instance, pattern=first + instance.pattern), [-W, *found]
            )
    return None


def _merged_layers_from_shifts(
    instance: PatternInstance, found: up_to_four.Shifts
) -> list[LinearCoupling]:
    """Return layers with the shifts `found`, after merging neighbours and dropping identities."""
    return merge_neighbours_drop_identities(
        layers_in_application_order(list(zip(instance.moved_halves, found, strict=True)))
    )


def _decide_additive_ULULU(instance: PatternInstance) -> up_to_four.Shifts | Reason | None:
    """Return the five shifts of U L U L U, a reason why there are none, or None if undecided."""
    pencil = instance.pencil
    (q, p), r, field = pencil.C.shape, linalg.rank(pencil.C), pencil.C.domain
    if r == min(p, q) and abs(p - q) < 2:
        return _find_five_shifts_for_full_rank_C(instance)
    if r == 0:
        reason = up_to_four.reason_unless_identity_plus_products_exist(pencil.D, pencil.a)
        return reason or _five_shifts_given_rightmost(instance, linalg.zeros(p, q, field))
    parts = FixedParts.from_pencil(pencil)
    factors = parts.factors_excluding_every_shift()
    if factors is not None:
        return Reason("chain", factors)
    if r == 1:
        V = shifts.flanders_shift_for_rank_one_C(pencil, parts)
        return _five_shifts_given_rightmost(instance, V)
    draws = _yield_random_matrix_sources(field)
    sources: list[Candidates] = [(shifts.draw_shift_by_deflation(pencil, draw) for draw in draws)]
    scaling = equations.charpoly_coefficient_equations_if_c_proportional(pencil)
    if scaling:
        solutions, multiplier = equations.solve_for_flattened_matrices(scaling, r, 1)
        if multiplier is not None:
            return Reason("linear", multiplier)
        sources.append(_yield_shifts_by_random_charpoly_on_im_C(pencil, solutions))
    system = equations.necessary_shift_equations(pencil, parts)
    solutions, multiplier = equations.solve_for_flattened_matrices(system, p, q)
    if multiplier is not None:
        return Reason("tight", tuple(parts.block_sizes_by_factor))
    sources.append(
        DomainMatrix.from_list_flat(
            _random_affine_combination(solutions, draw).to_list_flat(), (p, q), field
        )
        for draw in _yield_random_matrix_sources(field)
    )
    candidates = chain.from_iterable(zip(*sources, strict=True))
    return _five_shifts_from_rightmost_candidates(instance, candidates)


def _find_five_shifts_for_full_rank_C(instance: PatternInstance) -> up_to_four.Shifts | None:
    """Return the five shifts of U L U L U, or None if none are found; C must have full rank.

    The numbers of rows and columns of C must differ by at most one. The shifts are constructed; if
    the field has too few elements for that, random candidates are tried.
    """
    q, p = instance.blocks_for_pattern.C.shape
    pair = instance.blocks_for_pattern, instance.inverse_blocks_for_pattern
    with suppress(FieldTooSmallError):
        if p == q:
            return find_five_shifts_by_commutator(instance.blocks_for_pattern)
        if p < q:
            return five_shifts_for_second_half_one_larger(*pair)
        swapped = (transposed(linalg.swap_halves(blocks)) for blocks in pair)
        found: Any = five_shifts_for_second_half_one_larger(*swapped)  # not None: C has full rank
        return [shift.transpose() for shift in reversed(found)]
    pencil, draws = instance.pencil, _yield_random_matrix_sources(instance.matrix.domain)
    return _five_shifts_from_rightmost_candidates(
        instance, (shifts.draw_shift_equating_charpolys(pencil, draw) for draw in draws)
    )


def _five_shifts_given_rightmost(
    instance: PatternInstance, rightmost_shift: DomainMatrix
) -> up_to_four.Shifts | None:
    """Return the five shifts of U L U L U with the given rightmost shift, or None if none exist."""
    A, B, C, _ = instance.blocks_for_pattern
    _, D, a, _ = instance.pencil.after_subtracting_shift(rightmost_shift)
    found = up_to_four.decide_additive_ULUL(Blocks(A, B - A * rightmost_shift, C, D), a)
    return None if isinstance(found, Reason) else [*found, rightmost_shift]


def _five_shifts_from_rightmost_candidates(
    instance: PatternInstance, rightmost_shifts: Candidates
) -> up_to_four.Shifts | None:
    """Return five shifts of U L U L U, where the rightmost shift is one of the candidates.

    Return None if no candidate succeeds. Only the first 150 candidates are tried over a finite
    field, and 32 over any other field.
    """
    for _ in range(_TRIALS_FINITE if instance.matrix.domain.is_FiniteField else TRIALS):
        V = next(rightmost_shifts)
        if V is not None and (found := _five_shifts_given_rightmost(instance, V)) is not None:
            return found
    return None


def _yield_random_matrix_sources(field: Domain) -> Iterator[Draws]:
    """Yield sources of random matrices without end.

    The bound of the entries that a source draws grows by 1 with every fourth source.
    """
    return (Draws(field, 1 + seed // 4, seed) for seed in count())


def _random_affine_combination(particular_and_basis: DomainMatrix, draw: Draws) -> DomainMatrix:
    """Return the first column plus a random combination of the other columns."""
    basis = particular_and_basis[:, 1:]
    return particular_and_basis[:, 0] + basis * draw.matrix(basis.shape[1], 1)


def _yield_shifts_by_random_charpoly_on_im_C(
    pencil: Pencil, charpoly_particular_and_basis: DomainMatrix
) -> Candidates:
    """Yield shifts V for which D - C V has, on im C, a random characteristic polynomial g; C and D
    are blocks of the pencil.

    The coefficients of g solve the equations of `charpoly_coefficient_equations_if_c_proportional`.
    The first column of `charpoly_particular_and_basis` is a particular solution; the other columns
    are a basis of the solutions of the homogeneous equations. On im C, D - C V acts as the
    companion matrix of g.
    """
    C, D = pencil.C, pencil.D
    q, p = C.shape
    columns = linalg.column_basis(C)
    left = linalg.left_inverse(columns)
    right = linalg.right_inverse(left * C)
    below = linalg.identity(columns.shape[1], D.domain)[:-1, :]
    for draw in _yield_random_matrix_sources(D.domain):
        g = _random_affine_combination(charpoly_particular_and_basis, draw)
        companion = (-g.transpose()).vstack(below)
        V, W = draw.matrix(p, q), right * (left * D * columns - companion) * left
        yield V + W - right * (left * C) * V * columns * left
