"""Linear programming: a rational combination of given vectors that has no positive entry.

HiGHS, through SciPy, solves the program in float64. The solution shows which entries must vanish
and which ones can be negative. Elimination makes the former exactly zero; the latter have room for
rounding. The combination that is returned was checked *exactly*.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import chain
from typing import Any, TypeAlias

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.numbers import to_element, to_float
from exactflow.exact.typing import QQElement

SparseVector: TypeAlias = Mapping[Any, QQElement]
"""A dict from places to elements of QQ."""

DENOMINATORS = 4, 1000, 10**6, 2**60
"""Limits of the denominators of the weights, tried in turn."""


def search_weights_of_nonpositive_sum_or_zeros(
    vectors: Sequence[SparseVector], *, nonnegative_weights: bool
) -> list[QQElement]:
    """Return rational weights such that the weighted sum of the vectors has no positive entry.

    A linear program in float64 seeks a sum with as many negative entries as possible; if no sum
    with a negative entry is found, all weights are 0. Weights of any sign are allowed unless
    `nonnegative_weights`.
    """
    sizes = [max(map(abs, vector.values()), default=QQ(1)) for vector in vectors]
    solution = _nonpositive_sum_weights_and_zero_places(vectors, sizes, nonnegative_weights)
    no_weights = [QQ.zero] * len(vectors)
    if solution is None:
        return no_weights
    approximate, zeros = solution
    for denominator in DENOMINATORS:
        weights = [
            to_element(Fraction(x).limit_denominator(denominator)) / size
            for x, size in zip(approximate, sizes, strict=True)
        ]
        weights = _make_combination_zero_at_places(vectors, weights, zeros)
        if nonnegative_weights and min(weights) < 0:
            continue
        total = defaultdict[Any, QQElement](lambda: QQ.zero)
        for vector, weight in zip(vectors, weights, strict=True):
            for place, x in vector.items() if weight else ():
                total[place] += weight * x
        if max(total.values(), default=QQ.zero) <= 0 and any(total.values()):
            return weights
    return no_weights


def _nonpositive_sum_weights_and_zero_places(
    vectors: Sequence[SparseVector], divisors: Sequence[QQElement], nonnegative_weights: bool
) -> tuple[list[float], list] | None:
    """Return approximate weights of the vectors v / divisor for which the weighted sum has no
    positive entry, and as many negative ones as possible; and the places at which the sum must be
    zero. Return None if no entry of a sum can be negative, or if SciPy is missing.

    The program asks each entry to be at most -s with a slack s in [0, 1], and maximizes the sum of
    the slacks. Weights can be multiplied, so that each slack is 0 or 1 at the optimum.
    """
    try:
        import numpy as np
        from scipy import sparse
        from scipy.optimize import linprog
    except ModuleNotFoundError:  # NumPy or SciPy can be missing, for example in a browser
        return None

    row_of = {place: i for i, place in enumerate(dict.fromkeys(chain.from_iterable(vectors)))}
    if not row_of:
        return None
    at = [(row_of[place], j) for j, vector in enumerate(vectors) for place in vector]
    values = [to_float(x / s) for v, s in zip(vectors, divisors, strict=True) for x in v.values()]
    table = sparse.csr_array((values, tuple(zip(*at, strict=True))), (len(row_of), len(vectors)))
    largest = abs(table).max(axis=1).toarray().ravel()
    largest[largest < np.finfo(float).tiny] = 1.0  # rows of subnormal floats are not rescaled
    table = sparse.diags_array(1 / largest) @ table
    m, n = table.shape
    result = linprog(
        np.concatenate([np.zeros(n), -np.ones(m)]),
        A_ub=sparse.hstack([table, sparse.eye_array(m)]),
        b_ub=np.zeros(m),
        bounds=[(0 if nonnegative_weights else None, None)] * n + [(0, 1)] * m,
    )
    if result.status != 0 or result.fun > -0.5:
        return None
    zeros = [place for place, slack in zip(row_of, result.x[n:], strict=True) if slack < 0.5]
    return result.x[:n].tolist(), zeros


def _make_combination_zero_at_places(
    vectors: Sequence[SparseVector], weights: list[QQElement], places: list
) -> list[QQElement]:
    """Return weights near the given ones such that the weighted sum of the vectors is 0 at
    `places`; zero weights stay zero.
    """
    used = [j for j, w in enumerate(weights) if w]
    rows = [[vectors[j].get(place, QQ.zero) for j in used] for place in places]
    rows = [row for row in rows if any(row)]
    if not rows:
        return weights
    echelon, pivots = linalg.rref(linalg.from_entries(rows, (len(rows), len(used)), QQ))
    changed = list(weights)
    for row, pivot in zip(echelon.to_list(), pivots, strict=False):
        others = (
            x * weights[j] for k, (x, j) in enumerate(zip(row, used, strict=True)) if k != pivot
        )
        changed[used[pivot]] = -sum(others, QQ.zero)
    return changed
