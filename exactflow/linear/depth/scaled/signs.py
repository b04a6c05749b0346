"""Obstructions to four or five layers with positive scales, by signs of minors and by kernels.

C and D are blocks of a matrix M, a and c blocks of its inverse (`exactflow.linear.depth.pattern`).

Main results
------------
If M is a product of four layers with positive scales, the equations of
`exactflow.linear.depth.minors` have a positive solution x, y. Write them as f_k(x, y) = 0 for
k = 1, .., n.

*Opposed minors.* There is no positive solution if all coefficients of one f_k have one sign.

*Several sizes together.* There is no positive solution if for some polynomials p_k the sum of all
p_k f_k is not zero, and all its coefficients have one sign. An instance: for some sizes k let all
nonzero minors a_S of size k have one sign s_k, and let e_k(x) be the sum of d_S x^S over the sets S
of k coordinates. At a positive solution s_k e_k(x) is positive for all these k. This is impossible
if, for some polynomials q_k(x) without negative coefficients, the sum of all q_k s_k e_k has no
positive coefficient; then p_k = s_k q_k. The same holds with D and a exchanged. Linear programming
finds such q_k of one degree, and also general p_k if there are few monomials.

*Kernels.* If M is a product of four layers, (D G^-1) W - W (H^-1 a) = C H + G c for some W and some
positive diagonals H and G (`exactflow.linear.depth.equations`). If l D = 0 and a k = 0, it follows
that l (C H + G c) k = 0, and so tr Q (C H + G c) = 0 for every Q with a Q = 0 and Q D = 0. This
trace is the sum of the diagonal entries of H and G, with the diagonal entries of Q C and c Q as
weights. It cannot be 0 if no weight is negative, and not all weights vanish. (If there is no such
Q, then by Stiemke's theorem of the alternative, 1915, there are positive H and G such that the
traces are 0 for all Q.)

How it is checked
-----------------
*Exact*: weights that linear programming finds in float64 are rounded to rationals. Polynomial
multipliers are returned only if the check of their obstruction succeeds.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.linear_programming import search_weights_of_nonpositive_sum_or_zeros
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
"""Multipliers of a degree are searched only if there are at most this many monomials."""

MOST_MINORS = 5000
"""A size of minors is skipped if a block has more minors of this size."""


def opposed_minors_reason(instance: PatternInstance) -> Reason | None:
    """Return a reason by opposed principal minors of D and a, of the least possible size.

    Return None if there are no opposed minors. Sizes with more than `MOST_MINORS` minors are
    skipped.
    """
    n = instance.blocks_for_pattern.D.shape[0]
    if not _has_four_letters_or_five_with_zero_C(instance):
        return None
    sizes = (k for k in range(1, n) if comb(n, k) <= MOST_MINORS)
    found = next((k for k in sizes if are_minors_of_D_and_a_opposed(instance, k)), 0)
    return Reason("opposed", found) if found else None


def _has_four_letters_or_five_with_zero_C(instance: PatternInstance) -> bool:
    """Whether the pattern has four letters, or five letters and C = 0.

    Then the pattern is excluded if D and a alone exclude four letters.
    """
    length = len(instance.pattern)
    return length == 4 or (length == 5 and instance.blocks_for_pattern.C.is_zero_matrix)


def kernel_reason_against_four_over_QQ(instance: PatternInstance) -> Reason | None:
    """Return a reason against a pattern of four letters, with a matrix Q as witness.

    Q satisfies a Q = 0 and Q D = 0, and is as described at the top of this module. Return None if
    no such Q is found, the field is not QQ, or the pattern does not have four letters.
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
    found = search_weights_of_nonpositive_sum_or_zeros(vectors, nonnegative_weights=False)
    if not any(found):
        return None
    terms = [Q * x for Q, x in zip(products, found, strict=True)]
    return Reason("linear", (sum(terms[1:], terms[0]),))


def polynomial_multiplier_reason_over_QQ(instance: PatternInstance) -> Reason | None:
    """Return a reason against the pattern, with polynomial multipliers as witness.

    Return None if none are found, if the field is not QQ, or if the halves have more than
    `LARGEST_HALF` coordinates.
    """
    small = instance.blocks_for_pattern.D.shape[0] <= LARGEST_HALF
    is_small_over_QQ = small and instance.matrix.domain.is_QQ
    if not is_small_over_QQ or not _has_four_letters_or_five_with_zero_C(instance):
        return None
    equations = MinorEquations.from_four_or_five_letter_pattern(instance)
    n = equations.half_size
    of_x, of_y = map(_common_sign_of_nonzero_by_size, equations.coefficients_of_x_and_y_by_set)
    # Multipliers in x alone have the signs of the coefficients of y, and those in y alone the
    # opposite signs of the coefficients of x. Multipliers in both, of any sign, are tried last.
    in_x, in_y = (of_y, range(n)), ({k: -sign for k, sign in of_x.items()}, range(n, 2 * n))
    in_both = dict.fromkeys(range(1, n + 1), 0), range(2 * n)
    tries = [(degree, *side) for degree in range(2, n + 3) for side in (in_x, in_y)]
    tries += [(degree, *in_both) for degree in range(2, n + 2)]
    for degree, signs, variables in tries:
        found = _search_multipliers_of_degree(equations, degree, signs, variables)
        if found is not None:
            reason = Reason("signs", found)
            if Obstruction.from_unchecked_reason(instance, reason).is_valid():
                return reason
    return None


def _common_sign_of_nonzero_by_size(minors_by_set: Sequence[Element]) -> dict[int, int]:
    """Return the common sign of the nonzero minors of each size.

    Sizes where both signs occur, or where all minors are 0, are left out.
    """
    found: dict[int, set[int]] = {}
    for S, x in enumerate(minors_by_set):
        if S and x:
            found.setdefault(S.bit_count(), set()).add(1 if x > 0 else -1)
    return {k: signs.pop() for k, signs in found.items() if len(signs) == 1}


def _search_multipliers_of_degree(
    equations: MinorEquations,
    combination_degree: int,
    multiplier_signs_by_size: Mapping[int, int],
    variable_indices: range,
) -> tuple[Polynomial, ...] | None:
    """Return multipliers, one for each equation, whose combination of equations has no positive
    term, or None if none are found.

    Only terms in the variables of the multipliers count. `multiplier_signs_by_size` maps each size
    of minors to the sign of the coefficients of its multiplier, or to 0 if they may have any sign.
    `variable_indices` are the indices of the variables of the multipliers: first x, then y. The
    degree of the combination is `combination_degree`; the multiplier for minors of size k has this
    degree minus k. Return None if there are too many monomials.
    """
    if comb(len(variable_indices) + combination_degree - 1, combination_degree) > MOST_MONOMIALS:
        return None
    n, one_sided = equations.half_size, len(variable_indices) == equations.half_size
    others = [i for i in range(2 * n) if i not in variable_indices]
    columns: dict[tuple[int, Exponents], Polynomial] = {}
    for k, sign in multiplier_signs_by_size.items():
        if k > combination_degree:
            continue
        for chosen in combinations_with_replacement(variable_indices, combination_degree - k):
            monomial = tuple(chosen.count(i) for i in range(2 * n))
            alone: list[Polynomial] = [{} for _ in range(n)]
            alone[k - 1] = {monomial: QQ(sign or 1)}
            terms = equations.combine(alone)
            columns[k, monomial] = {
                powers: x for powers, x in terms.items() if not any(powers[i] for i in others)
            }
    weights = search_weights_of_nonpositive_sum_or_zeros(
        list(columns.values()), nonnegative_weights=one_sided
    )
    if not any(weights):
        return None
    multipliers: list[dict[Exponents, Element]] = [{} for _ in range(n)]
    for (k, monomial), weight in zip(columns, weights, strict=True):
        if weight:
            multipliers[k - 1][monomial] = weight * (multiplier_signs_by_size[k] or 1)
    return tuple(multipliers)
