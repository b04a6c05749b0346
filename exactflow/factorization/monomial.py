"""A commutator of signed permutations, in integers and linear time.

Main results
------------
A signed permutation N of determinant 1 has signed permutations P, Q = P N that are similar: some
integer G has G Q = P G. Hence N = P^-1 G^-1 P G, as in the commutator route, without fractions.

Let pi be the permutation of N. Its cycles are put together to one cycle of P and one of Q, written
as lists that both start with the same index, so that lists of disjoint pieces are concatenated:

- an odd cycle c (a fixed point too): P takes c, Q takes its square c0 c2 .. c1 c3 ..;
- even cycles a, b: P takes a0 b1 b2 .. a1 a2 .. b0, Q takes a0 a2 .. b0 b2 .. a1 a3 .. b1 b3 ..

If no even cycle is left over, P and Q are n-cycles whose signs have one product, and G is a signed
permutation: any of the n rotations that carry one cycle to the other, with either sign. Otherwise
pi is odd, N has an odd number of minus signs, and one even cycle is left. Then P has a 2-cycle of
eigenvalues 1, -1 and Q has two fixed points of signs 1, -1 (`_leftover` has the four cases); there
two columns of G are e_a + e_b and e_a - e_b up to signs, and R = (Q - I) G^-1 is an integer matrix
all the same. The commutator is due to Ore (1951) for permutations and n-cycles.

How it is checked
-----------------
*Exact*, by the composition of the layers that are made from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

__all__ = ["Commutator", "Monomial", "cycles_of", "monomial_commutator"]


@dataclass(frozen=True, eq=False)
class Monomial:
    """A matrix with at most one nonzero entry, 1 or -1, in each row and each column.

    Column j is `signs[j]` times the unit vector of index `rows[j]`; where the sign is 0 the column
    is zero and its index means nothing.

    >>> turn = Monomial(np.array([1, 0]), np.array([1, -1]))
    >>> (turn @ turn.T).rows, (turn @ turn).signs
    (array([0, 1]), array([-1, -1]))
    """

    rows: np.ndarray
    signs: np.ndarray

    @classmethod
    def identity(cls, n: int) -> "Monomial":
        """Return the identity matrix."""
        return cls(np.arange(n), np.ones(n, dtype=int))

    @classmethod
    def from_columns(cls, n: int, columns: Sequence, rows: Sequence, signs: Sequence) -> "Monomial":
        """Return the n x n matrix with the given entries; all other columns are zero."""
        result = cls(np.zeros(n, dtype=int), np.zeros(n, dtype=int))
        result.rows[columns], result.signs[columns] = rows, signs
        return result

    @property
    def T(self) -> "Monomial":
        """The transpose, which is the inverse if no column is zero."""
        (columns,) = np.nonzero(self.signs)
        rows, signs = self.rows[columns], self.signs[columns]
        return Monomial.from_columns(len(self.rows), rows, columns, signs)

    def __matmul__(self, other: "Monomial") -> "Monomial":
        return Monomial(self.rows[other.rows], self.signs[other.rows] * other.signs)

    def __add__(self, other: "Monomial") -> "Monomial":
        """Return the sum, for matrices that share no nonzero row or column."""
        rows = np.where(self.signs != 0, self.rows, other.rows)
        return Monomial(rows, self.signs + other.signs)

    def __neg__(self) -> "Monomial":
        return Monomial(self.rows, -self.signs)


class Commutator(NamedTuple):
    """P, Q = P N, G with G Q = P G, and R = (Q - I) G^-1; G and R are sums of monomial matrices."""

    P: Monomial
    Q: Monomial
    G: list[Monomial]
    R: list[Monomial]


def monomial_commutator(N: Monomial, D: Monomial, K: Monomial, attempt: int = 0) -> Commutator:
    """Return P, Q = P N, G, R for a signed permutation N of determinant 1.

    Among the choices there are, signs of P and the rotation of G, those are taken for which few
    entries of D - P, I - G and K - Q^-1 (I + R) exceed 1 in absolute value: that is, P nowhere
    agrees with -D, and G agrees with none of -I, Q, -K^T, (Q K)^T, where that can be had.

    Parameters
    ----------
    N : n x n, without zero columns.
    D, K : n x n.
    attempt : another number gives another commutator, by rotating the cycles of N.
    """
    cycles = [_rotated(cycle, attempt) for cycle in cycles_of(N.rows.tolist())]
    pattern = _pattern(cycles, N.signs.tolist())
    P = _signed(pattern, N, D)
    Q = P @ N
    forbidden = [-Monomial.identity(len(N.rows)), Q, -K.T, (Q @ K).T]
    G = _rotation(pattern, P, Q, forbidden)
    if pattern.pair is None:
        return Commutator(P, Q, [G], [Q @ G.T, -G.T])
    return _with_pair(pattern, P, Q, G, forbidden)


def cycles_of(images: Sequence[int]) -> list[list[int]]:
    """Return the cycles of a permutation i -> images[i], fixed points included.

    >>> cycles_of([2, 1, 0])
    [[0, 2], [1]]
    """
    seen = [False] * len(images)
    cycles = []
    for start, done in enumerate(seen):
        if not done:
            cycle, i = [], start
            while not seen[i]:
                seen[i] = True
                cycle.append(i)
                i = images[i]
            cycles.append(cycle)
    return cycles


def _rotated(cycle: list[int], by: int) -> list[int]:
    by %= len(cycle)
    return cycle[by:] + cycle[:by]


class _Pattern(NamedTuple):
    """How the cycles of P and Q lie.

    p and q are the long cycles of P and Q. The pair is a 2-cycle of P, and `fixed` are two fixed
    points of Q of opposite signs; `alone` is (x, y), a fixed point of P and one of Q of sign 1.
    """

    p: list[int]
    q: list[int]
    pair: tuple[int, int] | None = None
    fixed: tuple[int, int] | None = None
    alone: tuple[int, int] | None = None


def _pattern(cycles: list[list[int]], signs: list[int]) -> _Pattern:
    """Put the cycles together; see the module's docstring."""
    even = sorted((c for c in cycles if len(c) % 2 == 0), key=len)
    odd = [c for c in cycles if len(c) % 2]
    pattern = _Pattern([], [])
    if len(even) % 2:
        pattern = _leftover(even, odd, signs)
    for a, b in zip(even[::2], even[1::2], strict=True):
        pattern.p.extend([a[0], *b[1:], *a[1:], b[0]])
        pattern.q.extend([*a[::2], *b[::2], *a[1::2], *b[1::2]])
    for c in odd:
        pattern.p.extend(c)
        pattern.q.extend([*c[::2], *c[1::2]])
    return pattern


def _leftover(even: list[list[int]], odd: list[list[int]], signs: list[int]) -> _Pattern:
    """Take from the cycles of an odd permutation of product of signs -1 those that make the pair.

    In this order: an even cycle of length at least four; a 2-cycle and an odd cycle of length at
    least three; a 2-cycle of sign -1; a 2-cycle of sign 1 and a fixed point of sign -1. One of
    them is there: with 2-cycles of sign 1 and fixed points only, some fixed point has sign -1.
    """
    e = even.pop()
    if len(e) >= 4:
        return _Pattern([e[1], e[0], *e[4:]], [*e[1::2], *e[4::2]], (e[2], e[3]), (e[0], e[2]))
    long = next((k for k, c in enumerate(odd) if len(c) >= 3), None)
    if long is not None:
        f = odd.pop(long)
        return _Pattern([*e, *f[2:]], [e[0], *f[2::2], *f[1::2]], (f[0], f[1]), (e[1], f[0]))
    even.append(e)
    negative = next((k for k, (i, j) in enumerate(even) if signs[i] != signs[j]), None)
    if negative is not None:
        i, j = even.pop(negative)
        return _Pattern([], [], (i, j), (i, j))
    i, j = even.pop()
    (b,) = odd.pop(next(k for k, (c,) in enumerate(odd) if signs[c] < 0))
    return _Pattern([], [], (i, j), (b, i), alone=(b, j))


def _signed(pattern: _Pattern, N: Monomial, D: Monomial) -> Monomial:
    """Return P: its signs are those of D where the entries meet, but for what the pair demands."""
    n = len(N.rows)
    rows = np.arange(n)
    rows[pattern.p] = _rotated(pattern.p, 1) if pattern.p else []
    if pattern.pair is not None:
        rows[list(pattern.pair)] = pattern.pair[::-1]
    signs = np.where((D.rows == rows) & (D.signs != 0), D.signs, 1)
    if pattern.alone is not None:
        signs[list(pattern.pair)] = N.signs[pattern.pair[0]]
        signs[pattern.alone[0]] = 1
    elif pattern.pair is not None:
        signs[list(pattern.pair)] = signs[list(pattern.pair)].min()
        x, y = (N.rows[i] for i in pattern.fixed)
        if signs[x] * N.signs[pattern.fixed[0]] == signs[y] * N.signs[pattern.fixed[1]]:
            signs[x] = -signs[x]
    return Monomial(rows, signs)


def _rotation(pattern: _Pattern, P: Monomial, Q: Monomial, forbidden: list[Monomial]) -> Monomial:
    """Return G on the long cycles: G q[k] = +-p[k + t], the t and the sign of the fewest agreements
    with the forbidden matrices.

    Each entry of these agrees with one of the 2m candidates, so that all are scored by one count.
    """
    n, m = len(P.rows), len(pattern.p)
    p, q = np.array(pattern.p, dtype=int), np.array(pattern.q, dtype=int)
    place_p, place_q = np.full(n, -1), np.full(n, -1)
    place_p[p], place_q[q] = np.arange(m), np.arange(m)
    along_p, along_q = np.cumprod(P.signs[p]) * P.signs[p], np.cumprod(Q.signs[q]) * Q.signs[q]
    total = np.prod(P.signs[p])

    def sign(k: np.ndarray, i: np.ndarray) -> np.ndarray:
        """Return the sign with which q[k] goes to p[i], by the rotation that does so."""
        return along_q[k] * along_p[i] * np.where(i < k, total, 1)

    rows = np.concatenate([F.rows for F in forbidden])
    signs = np.concatenate([F.signs for F in forbidden])
    i, k = place_p[rows], np.tile(place_q, len(forbidden))
    meets = (signs != 0) & (i >= 0) & (k >= 0)
    i, k, signs = i[meets], k[meets], signs[meets]
    agreeing = 2 * ((i - k) % max(m, 1)) + (signs != sign(k, i))
    t, negative = divmod(int(np.bincount(agreeing, minlength=2 * max(m, 1)).argmin()), 2)
    k = np.arange(m)
    i = (k + t) % max(m, 1)
    return Monomial.from_columns(n, q, p[i], (-1) ** negative * sign(k, i))


def _with_pair(
    pattern: _Pattern, P: Monomial, Q: Monomial, G: Monomial, forbidden: list[Monomial]
) -> Commutator:
    """Add to G, given on the long cycles, its two columns e_a + s e_b and e_a - s e_b, up to signs.

    P e_a = s e_b and P e_b = s e_a; `plus` and `minus` are the fixed points of Q. R is zero in row
    `plus`, and minus twice that row of G^-1, which has halves, in row `minus`.
    """
    n, (a, b) = len(P.rows), pattern.pair
    s = P.signs[a]
    plus, minus = sorted(pattern.fixed, key=lambda i: -Q.signs[i])
    g = _sign_apart({a: 1, b: s}, plus, forbidden[:1])
    h = _sign_apart({a: 1, b: -s}, minus, forbidden)
    upper = Monomial.from_columns(n, [minus], [a], [h])
    lower = Monomial.from_columns(n, [minus], [b], [-h * s])
    first = G + lower + Monomial.from_columns(n, [plus], [a], [g])
    if pattern.alone is not None:
        x, y = pattern.alone
        first += Monomial.from_columns(n, [y], [x], [1])
    second = upper + Monomial.from_columns(n, [plus], [b], [g * s])
    return Commutator(P, Q, [first, second], [Q @ (G + upper).T, -(G + lower).T])


def _sign_apart(column: dict[int, int], j: int, forbidden: list[Monomial]) -> int:
    """Return the sign with which `column` agrees least with column j of the forbidden matrices."""
    return -1 if sum(F.signs[j] * column.get(F.rows[j], 0) for F in forbidden) > 0 else 1
