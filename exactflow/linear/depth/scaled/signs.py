"""Obstructions to four or five layers with positive scales, by signs of minors and by kernels.

C and D are blocks of a matrix M, a and c blocks of its inverse (`exactflow.linear.depth.pattern`).

Main results
------------
Four layers with positive scales need positive x and y that solve the equations of
`exactflow.linear.depth.minors`, f_k(x, y) = 0 for k = 1, .., n.

*Opposed minors.* There is no solution if the coefficients of one f_k have one sign.

*Several sizes together.* If for some polynomials p_k the sum of p_k f_k has coefficients of one
sign, and is not zero, there are no such x and y. For instance, let all a_S of k elements have the
sign s_k, for some k, and let e_k(x) be the sum of d_S x^S over these sets. Then s_k e_k(x) must be
positive for all these k. This is impossible if sum_k q_k s_k e_k has no positive coefficient, for
some q_k without negative ones: p_k = s_k q_k(x). The same holds with D and a exchanged. Linear
programming finds such q_k of one degree, and also general p_k if there are few monomials.

*Kernels.* Four layers also have W with (D G^-1) W - W (H^-1 a) = C H + G c
(`exactflow.linear.depth.equations`). For l D = 0 and a k = 0 this says l (C H + G c) k = 0, and so
tr Q (C H + G c) = 0 for every Q with a Q = 0 and Q D = 0. This is a sum of the positive entries of
H and G, with the diagonals of Q C and c Q as weights. It is impossible if these have one sign, and
not all of them vanish. (By Stiemke's theorem of the alternative, 1915, there are positive H and G
for all of these equations if there is no such Q.)

How it is checked
-----------------
*Exact*: a witness found in float64 is rounded, and returned only if the check of its obstruction
succeeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.linear_programming import find_nonpositive_combination_or_zeros
from exactflow.exact.typing import Element
from exactflow.linear.depth.minors import (
    LARGEST_HALF,
    Exponents,
    MinorEquations,
    Polynomial,
    are_minors_of_D_and_a_opposed,
)
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import PatternInstance, Reason

MOST_MONOMIALS = 800
MOST_MINORS = 5000


def opposed_minors_reason(instance: PatternInstance) -> Reason | None:
    """Return the least k at which the principal k-minors of D and a have opposite signs.

    It is the witness of a reason; None if there is no such k. Sizes k with more than 5000 minors
    are skipped.
    """
    n = instance.blocks_for_pattern.D.shape[0]
    if not _has_four_letters_or_five_with_zero_C(instance):
        return None
    sizes = (k for k in range(1, n) if comb(n, k) <= MOST_MINORS)
    found = next((k for k in sizes if are_minors_of_D_and_a_opposed(instance, k)), 0)
    return Reason("opposed", found) if found else None


def _has_four_letters_or_five_with_zero_C(instance: PatternInstance) -> bool:
    """Whether D and a alone, if they exclude four letters, exclude this pattern.

    It has four letters, or five letters and C = 0.
    """
    length = len(instance.pattern)
    return length == 4 or (length == 5 and instance.blocks_for_pattern.C.is_zero_matrix)


def kernel_reason_against_four_over_QQ(instance: PatternInstance) -> Reason | None:
    """Return a matrix Q with a Q = 0 and Q D = 0 that excludes four letters, as a reason, or None.

    The search is over QQ only.
    """
    C, D, a, c = instance.pencil
    rows, columns = linalg.left_kernel(D), linalg.kernel(a)
    if len(instance.pattern) != 4 or not rows.shape[0] or not D.domain.is_QQ:
        return None
    products = [
        columns[:, i] * rows[j, :] for i in range(columns.shape[1]) for j in range(rows.shape[0])
    ]
    vectors = []
    for Q in products:
        weights = enumerate([*(Q * C).diagonal(), *(c * Q).diagonal()])
        vectors.append({place: x for place, x in weights if x})
    found = find_nonpositive_combination_or_zeros(vectors, nonnegative=False)
    if not any(found):
        return None
    terms = [Q * x for Q, x in zip(products, found, strict=True)]
    return Reason("linear", (sum(terms[1:], terms[0]),))


def polynomial_multiplier_reason_over_QQ(instance: PatternInstance) -> Reason | None:
    """Return polynomial multipliers that exclude the pattern, as a reason, or None.

    The search is over QQ only, and on halves of at most 8 coordinates.
    """
    small = instance.blocks_for_pattern.D.shape[0] <= LARGEST_HALF
    if not (
        instance.matrix.domain.is_QQ and small and _has_four_letters_or_five_with_zero_C(instance)
    ):
        return None
    reasons = (
        Reason("signs", found)
        for found in _yield_candidate_multipliers(MinorEquations.from_D_and_a(instance))
    )
    return next(
        (r for r in reasons if Obstruction.from_unchecked_reason(instance, r).is_valid()), None
    )


def _yield_candidate_multipliers(equations: MinorEquations) -> Iterator[tuple[Polynomial, ...]]:
    """Yield tuples of n multipliers, of growing degree: first in x or in y alone, then in both."""
    n = equations.half_size
    for degree in range(2, n + 3):
        for side, other, direction in ((0, 1, 1), (1, 0, -1)):
            signs = _common_sign_by_size(equations.coefficients_of_x_and_y_by_set[other])
            towards = {k: direction * sign for k, sign in signs.items()}
            yield from _yield_at_most_one_multiplier_tuple(
                equations, degree, towards, range(side * n, side * n + n)
            )
    for degree in range(2, n + 2):
        yield from _yield_at_most_one_multiplier_tuple(
            equations, degree, dict.fromkeys(range(1, n + 1), 0), range(2 * n)
        )


def _common_sign_by_size(minors_by_set: Sequence[Element]) -> dict[int, int]:
    """Return the sign of all nonzero minors of a size, for each size where they have one sign."""
    found: dict[int, set[int]] = {}
    for S, x in enumerate(minors_by_set):
        if S and x:
            found.setdefault(S.bit_count(), set()).add(1 if x > 0 else -1)
    return {k: signs.pop() for k, signs in found.items() if len(signs) == 1}


def _yield_at_most_one_multiplier_tuple(
    equations: MinorEquations, degree: int, signs_by_size: Mapping[int, int], variables: range
) -> Iterator[tuple[Polynomial, ...]]:
    """Yield at most one tuple of multipliers that combine the equations with no positive term.

    `signs_by_size` gives the sign of the multipliers of each size, 0 for any sign; `variables`
    gives the indices of their variables, first x and then y. With too many monomials there is no
    search.
    """
    if comb(len(variables) + degree - 1, degree) > MOST_MONOMIALS:
        return
    n, one_sided = equations.half_size, len(variables) == equations.half_size
    others = [i for i in range(2 * n) if i not in variables]
    columns: dict[tuple[int, Exponents], Polynomial] = {}
    for k, sign in signs_by_size.items():
        for chosen in combinations_with_replacement(variables, degree - k) if degree >= k else ():
            monomial = tuple(chosen.count(i) for i in range(2 * n))
            alone: list[Polynomial] = [{} for _ in range(n)]
            alone[k - 1] = {monomial: QQ(sign or 1)}
            terms = equations.combine(alone)
            columns[k, monomial] = {
                powers: x for powers, x in terms.items() if not any(powers[i] for i in others)
            }
    weights = find_nonpositive_combination_or_zeros(list(columns.values()), nonnegative=one_sided)
    if any(weights):
        multipliers: list[dict[Exponents, Element]] = [{} for _ in range(n)]
        for (k, monomial), weight in zip(columns, weights, strict=True):
            if weight:
                multipliers[k - 1][monomial] = weight * (signs_by_size[k] or 1)
        yield tuple(multipliers)
