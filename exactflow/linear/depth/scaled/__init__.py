"""The least number of layers with positive scales, or bounds for it, each with its witness.

Main results
------------
Let M = [[A, B], [C, D]], det M > 0, and M^-1 = [[a, b], [c, d]]. If nothing else is said, both
halves have n coordinates. "Opposed" is defined in `exactflow.linear.depth.minors`.

- *Three layers.* Whether at most three layers suffice is decided, on halves of any sizes
  (`exactflow.linear.factor.assembly` and `exactflow.linear.depth.scaled.three_scaled_layers`).
- *Four layers* need a positive solution of n equations for 2 n numbers
  (`exactflow.linear.depth.minors`); for a typical M there are solutions. For n = 2 the existence of
  a solution over the field is decided (below). For n up to 8, over QQ, a solution is certified to
  exist (`exactflow.linear.depth.scaled.certified`).
- *Theorem A.* If B = C = 0 and (D, a) is opposed, M takes exactly six layers.
- *Theorem B.* If (D, a) is opposed and (A, d) is opposed, M takes at least five layers. If the
  minors of the opposed sizes are not zero, this holds for all matrices near M, too; such M exist
  for n >= 2.
- If D and a are singular, their kernels may exclude four layers. In further cases the signs of the
  minors of several sizes together exclude four layers (`exactflow.linear.depth.scaled.signs`).

If the sizes of the halves differ, ranks exclude long patterns
(`exactflow.linear.depth.rank_obstructions`). Upper bounds come from the layers of `factor`, and
from `find_few_additive_layers_and_obstructions` for M P^-1, where P is diagonal with one entry
det M and all others 1; P merges into a layer. If the bounds differ, the depth is not decided.

*Four layers for n = 2.* Let x_i be the diagonal entries of G^-1 and y_i those of E. The two
equations are

    d_1 x_1 + d_2 x_2 = a_1 y_1 + a_2 y_2,    det M x_1 x_2 = y_1 y_2,

where d_i and a_i are the diagonal entries of D and a. With y_1 = r x_1 and y_2 = det M x_2 / r they
become one equation:

    x_1 (d_1 - a_1 r) = x_2 (a_2 det M / r - d_2).

So there are positive solutions iff for some r > 0 the two brackets are both positive, both
negative, or both zero; then there are also rational solutions. The signs of the brackets change
only at r = d_1 / a_1 and r = a_2 det M / d_2. There is no such r iff (D, a) is opposed.

A solution gives four layers if D G^-1 and E a are both scalar or both not scalar: then they are
similar, and if they are singular, `exactflow.linear.depth.scaled.certified` constructs the layers.
If D = 0, then a = 0, and three layers suffice if four do. If D != 0, exactly one of D G^-1 and E a
is scalar for at most two r. So it suffices to try these numbers r: the two at which the signs
change, two below them, two above them and one between them.

How it is checked
-----------------
*Exact*: signs over an ordered field; the flow is verified against M. *Certified*: the existence of
four layers that balls enclose. The layers are rounded to float64, or to more bits if the product of
the rounded layers is not near M. The error of this product is computed exactly.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import sympy

from exactflow.exact import linalg
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.depth.additive import find_few_additive_layers_and_obstructions
from exactflow.linear.depth.additive.up_to_four import decide_additive_ULU, decide_additive_ULUL
from exactflow.linear.depth.equations import entry_reason_against_at_most_two_letters
from exactflow.linear.depth.obstruction import (
    Obstruction,
    Obstructions,
    obstructions_to_greatest_excluded_length,
)
from exactflow.linear.depth.pattern import PatternInstance, Reason, SplitMatrix
from exactflow.linear.depth.rank_obstructions import rank_or_eigenvalue_reason
from exactflow.linear.depth.result import (
    CertifiedDepth,
    MinimalDepth,
    lower_bound_from_obstructions,
)
from exactflow.linear.depth.scaled.signs import (
    kernel_reason_against_four_over_QQ,
    opposed_minors_reason,
    polynomial_multiplier_reason_over_QQ,
)
from exactflow.linear.depth.scaled.three_scaled_layers import decide_diagonals_of_three_layers
from exactflow.linear.factor import assembly
from exactflow.linear.factor.assembly import Layers
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

NEAR = sympy.Rational(1, 2**20)
"""The error of a certified answer, divided by the largest entry of M, is below this bound."""


def bound_scaled_depth(problem: Problem) -> MinimalDepth:
    """Find bounds for the least number of layers with positive scales; det M must be positive."""
    split = SplitMatrix(problem.matrix_of_layers.to_dense(), problem.partition[0])

    def make_verified_result(
        layers: Sequence[LinearCoupling], excluded: Obstructions
    ) -> MinimalDepth:
        return MinimalDepth.verified(layers, problem, "positive", excluded)

    short = assembly.find_at_most_two_layers(split.blocks)
    if short is not None:
        return make_verified_result(
            short, _entry_obstructions_to_greatest_excluded_length(len(short) - 1, split)
        )
    three, without_three = _decide_three_scaled_layers(split)
    if three is not None:
        return make_verified_result(
            three, _entry_obstructions_to_greatest_excluded_length(2, split)
        )
    p, q = split.partition
    excluded = (_exclude_five_or_else_four(split) if p == q else ()) or without_three
    excluded = excluded or _entry_obstructions_to_greatest_excluded_length(2, split)
    if (p, q) == (2, 2) and lower_bound_from_obstructions(excluded) < 5:
        four = _choose_fewest_digits(
            map(find_four_layers_4x4, split.instances_of_length(4, "positive"))
        )
        if four is not None:
            return make_verified_result(four, excluded)
    general = min(_yield_layers_by_general_routes(problem, split), key=len)
    if p != q:
        longer = obstructions_to_greatest_excluded_length(
            range(4, len(general)), split, "positive", rank_or_eigenvalue_reason
        )
        return make_verified_result(general, longer or excluded)
    if lower_bound_from_obstructions(excluded) == 4 and len(general) > 4:
        certified = _prove_four_layers_exist_if_over_QQ(problem, split, excluded)
        if certified is not None:
            return certified
        excluded = _exclude_five_or_else_four(split, also_by_multipliers=True) or excluded
    return make_verified_result(general, excluded)


def _entry_obstructions_to_greatest_excluded_length(
    most_letters: int, split: SplitMatrix
) -> Obstructions:
    """Return obstructions to both patterns of the greatest length that entries of M exclude.

    Only lengths up to `most_letters`, which is at most two, are tried. Return () if none of them is
    excluded.
    """
    return obstructions_to_greatest_excluded_length(
        range(most_letters + 1), split, "positive", entry_reason_against_at_most_two_letters
    )


def _decide_three_scaled_layers(split: SplitMatrix) -> tuple[Layers | None, Obstructions]:
    """Return (layers, ()) if three layers exist, and (None, obstructions) if they do not exist.

    Return (None, ()) if three layers are not decided, because a sign is not known.
    """
    obstructions, decided = [], True
    for instance in split.instances_of_length(3, "positive"):
        found = decide_diagonals_of_three_layers(instance)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.from_unchecked_reason(instance, found))
        elif found is None:
            decided = False
        else:
            return _find_shears_after_given_diagonal(instance, *found), ()
    return None, tuple(obstructions) if decided else ()


def _exclude_five_or_else_four(
    split: SplitMatrix, *, also_by_multipliers: bool = False
) -> Obstructions:
    """Return obstructions to five layers, or else to four layers, or else ().

    Polynomial multipliers, whose search is slow, are tried only if `also_by_multipliers` is true.
    """

    def find_reason(instance: PatternInstance) -> Reason | None:
        reason = opposed_minors_reason(instance) or kernel_reason_against_four_over_QQ(instance)
        if reason is None and also_by_multipliers:
            return polynomial_multiplier_reason_over_QQ(instance)
        return reason

    return obstructions_to_greatest_excluded_length(range(4, 6), split, "positive", find_reason)


def find_four_layers_4x4(instance: PatternInstance) -> Layers | None:
    """Return four layers of a 4 x 4 matrix in a pattern, or None if none are found.

    If several products of four layers are found, the one with the fewest digits is returned.
    """
    diagonals = yield_charpoly_matching_diagonals_4x4(instance)
    return _choose_fewest_digits(
        _find_shears_after_given_diagonal(instance, E, G) for E, G in diagonals
    )


def _choose_fewest_digits(candidates: Iterable[Layers | None]) -> Layers | None:
    """Return the candidate whose entries have the fewest digits; None if all are None."""
    found = (layers for layers in candidates if layers is not None)
    return min(found, key=lambda layers: sum(layer.bits or 0 for layer in layers), default=None)


def _prove_four_layers_exist_if_over_QQ(
    problem: Problem, split: SplitMatrix, excluded: Obstructions
) -> CertifiedDepth | None:
    """Return the result with four layers that are proved to exist, rounded to floats.

    Return None if the field is not QQ, if no such layers are found, or if the product of the
    rounded layers is not near M.
    """
    if not split.matrix.domain.is_QQ:
        return None
    try:
        from exactflow.linear.depth.scaled.certified import search_certified_layers
    except ModuleNotFoundError:
        # The search needs NumPy and SciPy, which are absent in a browser.
        return None

    found = search_certified_layers(split)
    if found is None:
        return None
    target = problem.target.to_dense()
    largest_entry = max(map(abs, target.to_list_flat()))
    rounded = [layer.midpoints_as_floats().exact() for layer in found.layers]
    with_more_bits = [layer.midpoints() for layer in found.layers]
    for layers in (rounded, with_more_bits):
        flow = problem.merge_into_unverified_flow(layers, "depth")
        difference = flow.domain_matrix() - target
        error = sympy.Rational(max(map(abs, difference.to_list_flat())))
        if error < NEAR * largest_entry:
            return CertifiedDepth(
                4, 4, "positive", flow, excluded, target, problem.layout, error, found
            )
    return None


def _find_shears_after_given_diagonal(
    instance: PatternInstance, E: Sequence, G: Sequence
) -> Layers | None:
    """Return layers of M that apply the given diag(E, G), and then shears in the pattern.

    The pattern has three or four letters. Return None if M diag(E, G)^-1 is no product of shears in
    the pattern. If the pattern starts with L, M is the matrix with exchanged halves.
    """
    one = instance.matrix.domain.one
    M = linalg.scale_columns(linalg.join(instance.blocks_for_pattern), [one / x for x in (*E, *G)])
    blocks = linalg.split(M, len(E))
    if len(instance.pattern) == 3:
        found = decide_additive_ULU(blocks)
    else:
        inverse_A = linalg.scale_rows(E, instance.inverse_blocks_for_pattern.A)
        found = decide_additive_ULUL(blocks, inverse_A)
    if isinstance(found, Reason):
        return None
    shears = assembly.alternate_shears(found, "first")
    layers = _merge_diagonal_applied_first(assembly.layers_in_application_order(shears), E, G)
    return assembly.merge_neighbours_drop_identities(
        assembly.with_halves_exchanged(layers) if instance.is_exchanged else layers
    )


def _yield_layers_by_general_routes(problem: Problem, split: SplitMatrix) -> Iterator[Layers]:
    """Yield the layers of several constructions for a matrix with det M > 0.

    On equal halves one of these constructions has at most six layers.
    """
    p, q = split.partition
    for method in ("auto", "commutator") if p == q else ("auto",):
        yield assembly.merge_neighbours_drop_identities(factor_by_route(problem, method)[0])
    one, det = split.matrix.domain.one, problem.det
    for first in (True, False):
        scales = [one] * p, [one] * q
        scales[not first][0] = det
        inverse = [one / x for x in (*scales[0], *scales[1])]
        additive, _ = find_few_additive_layers_and_obstructions(
            SplitMatrix(linalg.scale_columns(split.matrix, inverse), p)
        )
        if additive:
            yield assembly.merge_neighbours_drop_identities(
                _merge_diagonal_applied_first(additive, *scales)
            )


def _merge_diagonal_applied_first(
    layers: Sequence[LinearCoupling], first_half_scales: Sequence, second_half_scales: Sequence
) -> list[LinearCoupling]:
    """Merge a diagonal matrix that is applied first into the additive layers that follow it.

    The scales are the diagonal entries of this matrix.
    """
    # The inverse flow applies the inverse layers, and then the inverse diagonal.
    found = [layer.inverse() for layer in reversed(layers)]
    for half, scale in zip(HALVES, (first_half_scales, second_half_scales), strict=True):
        found = assembly.merge_scale_into_last_layer_of_half(
            found, half, [layers[0].field.one / x for x in scale]
        )
    return [layer.inverse() for layer in reversed(found)]


def yield_charpoly_matching_diagonals_4x4(instance: PatternInstance) -> Iterator[tuple[list, list]]:
    """Yield pairs of positive diagonals E, G for a 4 x 4 matrix M.

    For each pair, D G^-1 and E a have equal characteristic polynomials, and det M = det E det G. If
    M diag(E, G)^-1 is a product of four additive layers in the pattern, both equations hold.
    """
    field, det = instance.matrix.domain, instance.split.det
    d, a = instance.blocks_for_pattern.D, instance.inverse_blocks_for_pattern.A
    (d1, d2), (a1, a2) = d.diagonal(), a.diagonal()
    roots = [p / q for p, q in ((d1, a1), (a2 * det, d2)) if q]
    positive_roots = [x for x in roots if linalg.is_positive(x, field)]
    # The numbers r are at, below, between and above the positive roots: at least two are below and
    # two above all roots. Those of the fewest digits come first.
    two = field.convert(2)
    near = map(_power_of_two_near_rational, positive_roots) if field.is_QQ else positive_roots
    factors = field.one, two, field.one / two, two**2, field.one / two**2
    around = [x * s for x in (field.one, *near) for s in factors]
    middle = [sum(positive_roots) / two] if len(positive_roots) == 2 else []
    for r in dict.fromkeys([*around, *middle, *positive_roots]):
        left, right = d1 - a1 * r, a2 * det / r - d2
        if left and right and linalg.is_positive(left * right, field):
            ratio = right / left
        elif not left and not right:
            ratio = field.one
        else:
            continue
        scaled_det = ratio * d.det()
        sizes = [field.one, two]
        if field.is_QQ and scaled_det:
            # These are powers of two whose squares times |scaled_det| are near 1.
            s = 1 / _power_of_two_near_rational(abs(scaled_det), root=2)
            sizes = [s, s / 2, s * 2]
        for s in sizes:
            x1, x2 = ratio * s, s
            yield [r * x1, det * x2 / r], [field.one / x1, field.one / x2]


def _power_of_two_near_rational(x: Element, *, root: Literal[1, 2] = 1) -> Element:
    """Return a power of two near a positive rational, or near its square root if `root` is 2."""
    exponent = int(x.numerator).bit_length() - int(x.denominator).bit_length()
    return sympy.QQ(2) ** (exponent // root)
