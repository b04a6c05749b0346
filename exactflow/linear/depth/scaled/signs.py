"""Obstructions to four or five layers with positive scales: signs of minors, and kernels.

Main results
------------
Four layers with positive scales need positive x and y that solve the equations of
`exactflow.linear.depth.minors`, f_k(x, y) = 0 for k = 1, .., n.

*Opposed minors.* One of the f_k may have coefficients of one sign.

*Signs that clash together.* If for some polynomials p_k the sum of p_k f_k has coefficients of one
sign, and is not zero, there are no such x and y. Beyond opposed minors, let all a_S of k elements
have the sign s_k, for some k: then the sums s_k e_k(x) of d_S x^S must be positive at once. They
cannot be if sum_k q_k s_k e_k has no positive coefficient, for some q_k without negative ones:
p_k = s_k q_k(x). The same with D and a exchanged. Such q_k, and where they are few enough any p_k,
of one degree are found by linear programming.

*Kernels.* Four layers also have W with (D G^-1) W - W (H^-1 a) = C H + G c
(`exactflow.linear.depth.equations`). For l D = 0 and a k = 0 this says l (C H + G c) k = 0, and so
tr Q (C H + G c) = 0 for every Q with a Q = 0 and Q D = 0: a sum of the positive entries of H and G,
with the diagonals of Q C and c Q as weights. It is impossible if these have one sign, and not all
of them vanish. (By Stiemke's theorem of the alternative, 1915, there are positive H and G for all
of these equations if there is no such Q.)

How it is checked
-----------------
*Exact*: what is found in float64 is rounded, and kept only where the check of its obstruction
succeeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.programming import combination_below_zero
from exactflow.exact.typing import Element
from exactflow.linear.depth.minors import LARGEST_HALF, Exponents, Polynomial, Spectra, are_opposed
from exactflow.linear.depth.obstruction import Obstruction, Reason
from exactflow.linear.depth.word import Word

MOST_MONOMIALS = 800
MOST_MINORS = 5000


def opposed_against(word: Word) -> Reason | None:
    """Return the least k at which minors are opposed, of at most 5000; None if there is none."""
    D, a = word.blocks.D, word.inverse.A
    if not _is_of_pair(word):
        return None
    sizes = (k for k in range(1, D.shape[0]) if comb(D.shape[0], k) <= MOST_MINORS)
    found = next((k for k in sizes if are_opposed(D, a, k)), 0)
    return Reason("opposed", found) if found else None


def _is_of_pair(word: Word) -> bool:
    """Whether D and a exclude the word, if they exclude four layers."""
    length = len(word.pattern)
    return length == 4 or (length == 5 and word.blocks.C.is_zero_matrix)


def kernels_against(word: Word) -> Reason | None:
    """Return the Q that excludes ULUL, over QQ; None where none is found."""
    C, D, a, c = word.pencil
    rows, columns = linalg.left_kernel(D), linalg.kernel(a)
    if len(word.pattern) != 4 or not rows.shape[0] or not D.domain.is_QQ:
        return None
    products = [
        columns[:, i] * rows[j, :] for i in range(columns.shape[1]) for j in range(rows.shape[0])
    ]
    vectors = []
    for Q in products:
        weights = enumerate([*(Q * C).diagonal(), *(c * Q).diagonal()])
        vectors.append({place: x for place, x in weights if x})
    found = combination_below_zero(vectors, nonnegative=False)
    if not any(found):
        return None
    terms = [Q * x for Q, x in zip(products, found, strict=True)]
    return Reason("linear", (sum(terms[1:], terms[0]),))


def multipliers_against(word: Word) -> Reason | None:
    """Return multipliers that exclude a word, over QQ, or None where none are found."""
    small = word.blocks.D.shape[0] <= LARGEST_HALF
    if not (word.matrix.domain.is_QQ and small and _is_of_pair(word)):
        return None
    for multipliers in _candidates(Spectra.of(word)):
        found = Reason("signs", multipliers)
        if Obstruction.of(word, found).is_valid():
            return found
    return None


def _candidates(equations: Spectra) -> Iterator[tuple[Polynomial, ...]]:
    """Yield multipliers in x only or y only, of growing degree, then any."""
    n = equations.n
    for degree in range(2, n + 3):
        for side, other, direction in ((0, 1, 1), (1, 0, -1)):
            signs = _signs(equations.coefficients[other])
            towards = {k: direction * sign for k, sign in signs.items()}
            yield from _solved(equations, degree, towards, range(side * n, side * n + n))
    for degree in range(2, n + 2):
        yield from _solved(equations, degree, dict.fromkeys(range(1, n + 1), 0), range(2 * n))


def _signs(minors: Sequence[Element]) -> dict[int, int]:
    """Return the sign of the minors of each size that have one, zeros left out."""
    found: dict[int, set[int]] = {}
    for S, x in enumerate(minors):
        if S and x:
            found.setdefault(S.bit_count(), set()).add(1 if x > 0 else -1)
    return {k: signs.pop() for k, signs in found.items() if len(signs) == 1}


def _solved(
    equations: Spectra, degree: int, signs: Mapping[int, int], places: range
) -> Iterator[tuple[Polynomial, ...]]:
    """Yield multipliers, of the signs that each size may have, 0 for any, and in the variables at
    some places, of which x are the first n, whose combination of this total degree has no positive
    coefficient, if any of few terms do.
    """
    if comb(len(places) + degree - 1, degree) > MOST_MONOMIALS:
        return
    n, one_sided = equations.n, len(places) == equations.n
    others = [i for i in range(2 * n) if i not in places]
    columns: dict[tuple[int, Exponents], Polynomial] = {}
    for k, sign in signs.items():
        for chosen in combinations_with_replacement(places, degree - k) if degree >= k else ():
            monomial = tuple(chosen.count(i) for i in range(2 * n))
            alone: list[Polynomial] = [{} for _ in range(n)]
            alone[k - 1] = {monomial: QQ(sign or 1)}
            terms = equations.combined(alone)
            columns[k, monomial] = {
                powers: x for powers, x in terms.items() if not any(powers[i] for i in others)
            }
    weights = combination_below_zero(list(columns.values()), nonnegative=one_sided)
    if any(weights):
        multipliers: list[dict[Exponents, Element]] = [{} for _ in range(n)]
        for (k, monomial), weight in zip(columns, weights, strict=True):
            if weight:
                multipliers[k - 1][monomial] = weight * (signs[k] or 1)
        yield tuple(multipliers)
