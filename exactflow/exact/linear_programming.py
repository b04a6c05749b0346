"""Linear programming that ends in rational numbers: a combination of vectors, nowhere positive.

The program is solved in float64 (HiGHS, through SciPy), which tells the entries that must vanish
from those that can be negative: the former become exactly zero by elimination, and the latter leave
room for rounding. What comes back is *exact*: it is multiplied out first.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.numbers import to_element, to_float
from exactflow.exact.typing import Element

DENOMINATORS = 4, 1000, 10**6, 2**60


def find_nonpositive_combination(
    vectors: Sequence[Mapping[Any, Element]], *, nonnegative: bool
) -> list[Element]:
    """Return rational weights whose combination of sparse vectors, dicts from places to elements of
    QQ, has no positive entry, and as many negative ones as float64 finds; all zero where it finds
    none.
    """
    import numpy as np
    from scipy import sparse
    from scipy.optimize import linprog

    sizes = [max(map(abs, vector.values()), default=QQ(1)) for vector in vectors]
    rows = {place: i for i, place in enumerate(dict.fromkeys(p for v in vectors for p in v))}
    none = [QQ.zero] * len(vectors)
    if not rows:
        return none
    at = [(rows[place], j) for j, vector in enumerate(vectors) for place in vector]
    values = [to_float(x / s) for v, s in zip(vectors, sizes, strict=True) for x in v.values()]
    table = sparse.csr_array((values, tuple(zip(*at, strict=True))), (len(rows), len(vectors)))
    largest = abs(table).max(axis=1).toarray().ravel()
    largest[largest < np.finfo(float).tiny] = 1.0  # what float64 has no numbers for
    table = sparse.diags_array(1 / largest) @ table
    m, n = table.shape
    result = linprog(
        np.concatenate([np.zeros(n), -np.ones(m)]),
        A_ub=sparse.hstack([table, sparse.eye_array(m)]),
        b_ub=np.zeros(m),
        bounds=[(0 if nonnegative else None, None)] * n + [(0, 1)] * m,
    )
    if result.status != 0 or result.fun > -0.5:
        return none
    places = [place for place, s in zip(rows, result.x[n:], strict=True) if s < 0.5]
    for denominator in DENOMINATORS:
        weights = [
            to_element(Fraction(x).limit_denominator(denominator)) / s
            for x, s in zip(result.x[:n].tolist(), sizes, strict=True)
        ]
        weights = _annihilated(vectors, weights, places)
        if _is_below_zero(vectors, weights) and not (nonnegative and min(weights) < 0):
            return weights
    return none


def _is_below_zero(vectors: Sequence[Mapping[Any, Element]], weights: Sequence[Element]) -> bool:
    total: dict[Any, Element] = {}
    for vector, weight in zip(vectors, weights, strict=True):
        for place, x in vector.items() if weight else ():
            total[place] = total.get(place, QQ.zero) + weight * x
    return max(total.values(), default=QQ.zero) <= 0 and any(total.values())


def _annihilated(
    vectors: Sequence[Mapping[Any, Element]], weights: list[Element], places: list
) -> list[Element]:
    """Return weights near the given ones, zeros kept, whose combination vanishes at places."""
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
