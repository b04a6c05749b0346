"""Five layers where c is a multiple of C, as the theorem about a depth certificate needs it.

Main results
------------
If c = -k C, then D' = D - C V maps im C to itself, a' = a + V c maps ker C to itself, and on the
quotient a' is k D' on im C (`checker.proportional`). As the powers of D' and of a' have equal
traces, those of D' on im C, g_j, are known: g_j (1 - k^j) is the difference of two traces that do
not depend on V. `recurrence_clash` looks for weights that show that they fulfil no recurrence
g_(i + r) = s_1 g_i + .. + s_r g_(i + r - 1), as traces of powers of r x r matrices do.

How it is checked
-----------------
*Exact*: coqc computes the traces again.
"""

from fractions import Fraction
from typing import NamedTuple

from exactflow.checker import (
    Blocks,
    Matrix,
    eliminate,
    identity,
    inverse,
    kernel,
    multiple,
    plus,
    times,
    transpose,
)

__all__ = ["RecurrenceClash", "recurrence_clash"]


class RecurrenceClash(NamedTuple):
    """r = rank C, G with C G C = C, k, the traces g_0, g_1, .., and weights of the recurrence."""

    r: int
    G: Matrix
    k: Fraction
    traces: list[Fraction]
    weights: list[Fraction]


def recurrence_clash(blocks: Blocks) -> RecurrenceClash | None:
    """Return what excludes five layers, None if it is not found in this way.

    >>> from exactflow.checker import Blocks, inverse
    >>> diagonal = lambda *s: [[x if i == j else 0 for j in range(4)] for i, x in enumerate(s)]
    >>> A, D = diagonal(1, 1, Fraction(1, 15), Fraction(1, 4)), diagonal(2, 2, 3, 5)
    >>> C, c = diagonal(1, 1, 0, 0), diagonal(Fraction(-1, 2), Fraction(-1, 2), 0, 0)
    >>> found = recurrence_clash(Blocks(A, diagonal(0, 0, 0, 0), C, D, inverse(A, 0), c))
    >>> print(found.r, found.k, *found.traces[:4])
    2 1/2 2 22 276 26296/7
    """
    C, D, a, k = blocks.C, blocks.D, blocks.a, multiple(blocks, 0)
    if not k or abs(k) == 1:
        return None
    n, one, G = len(C), identity(len(C)), _generalized_inverse(C)
    E, P = (plus(one, -1, M, 0) for M in (times(C, G, 0), times(G, C, 0)))
    r = n - int(_trace(E))
    S, T, traces = times(E, D, 0), times(a, P, 0), [Fraction(r)]
    of_D, of_a = E, P
    for j in range(1, n + r + 1):
        of_D, of_a = times(S, of_D, 0), times(of_a, T, 0)
        traces.append((_trace(of_a) - _trace(of_D)) / (1 - k**j))
    count = n + 1
    recurrence = [traces[i : i + count] for i in range(r)]
    for weights in kernel(recurrence, count, 0):
        if sum(w * x for w, x in zip(weights, traces[r:], strict=True)):
            return RecurrenceClash(r, G, k, traces, weights)
    return None


def _trace(M: Matrix) -> Fraction:
    return sum((M[i][i] for i in range(len(M))), Fraction(0))


def _generalized_inverse(C: Matrix) -> Matrix:
    """Return G with C G C = C, over QQ."""
    pivots, rows = eliminate(C, 0)  # C = Q R, R the rows and Q the columns at pivots
    Q, R = [[row[j] for j in pivots] for row in C], rows
    left = times(inverse(times(transpose(Q), Q, 0), 0), transpose(Q), 0)
    right = times(transpose(R), inverse(times(R, transpose(R), 0), 0), 0)
    return times(right, left, 0)
