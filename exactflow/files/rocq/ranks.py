"""Ranks that exclude four or five layers, as the theorem about a depth certificate needs them.

Main results
------------
`rank_clash` looks for rows K, P, Q and polynomials f, p as in `rank_clash` of `words.v`: if
D' = D - C V = I + Y Z and a' = a + V c = I + Z Y, K f(D') p(D') = 0, p(a') Q = 0 and f(1) is not 0,
then the ranks of K p(D') and of f(a') P + Q add up to at most n; for f = x - 1 the same holds of
K f(D') p(D'), if that is what f kills. Here K, P and Q are such that the products do not depend on
V. In the notation of `checker.blocks_clash`, with p = f^(k-1), the ranks are e_k(Du), or
e_(k+1)(Du) at f = x - 1, and n - r deg f - e_k(aN): so one of e_k(D') or e_(k+1)(D') would be too
large. With P = 0 and p, f products of powers of several polynomials, they are what these e_k add
up to.

How it is checked
-----------------
*Exact*: coqc computes the products again.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from exactflow.checker import (
    Matrix,
    Polynomial,
    counts,
    eliminate,
    evaluate,
    identity,
    inverse,
    kernel,
    quotient,
    times,
    transpose,
)

__all__ = ["RankClash", "rank_clash"]


class RankClash(NamedTuple):
    """What violates `rank_clash`, P and Q transposed; G and H show the ranks r and s."""

    at_1: bool
    f: Polynomial
    p: Polynomial
    K: Matrix
    P: Matrix
    Q: Matrix
    G: Matrix
    H: Matrix
    r: int
    s: int


def rank_clash(
    factors: Sequence[Polynomial], D: Matrix, C: Matrix, a: Matrix, c: Matrix
) -> RankClash | None:
    """Return ranks that exclude D' and a', None if these factors give none.

    Parameters
    ----------
    factors : coprime monic polynomials; none but x - 1 has the root 1.
    D, C, a, c : blocks, the last two transposed. Exchange the pairs for ranks of a in the place of
        those of D.

    >>> D, a, zero = [[2, 1], [0, 2]], [[2, 0], [0, 2]], [[0, 0], [0, 0]]
    >>> clash = rank_clash([[-2, 1]], D, zero, a, zero)
    >>> clash.p, clash.r + clash.s
    ([-2, 1], 3)
    """
    n = len(D)
    stable_D, stable_a = _fixed(D, C, n), _fixed(a, c, n)
    for at_1, f, p, with_P in _candidates(factors, D, C, a, c):
        killer = _product(p, f)
        K = _killed(stable_D, _product(killer, f) if at_1 else killer, D)
        R = times(K, evaluate(killer if at_1 else p, D, 0), 0) if K else []
        P = _fixed(a, c, len(f) - 1) if with_P else []
        Q = _killed(stable_a, p, a)
        T = (times(P, evaluate(f, a, 0), 0) if P else []) + Q
        rows, chosen = _independent(R), _independent(T)
        if len(rows) + len(chosen) > n:
            P, Q = P + [[0] * n] * len(Q), [[0] * n] * len(P) + Q
            return RankClash(
                at_1, f, p, [K[i] for i in rows], [P[i] for i in chosen], [Q[i] for i in chosen],
                _right_inverse([R[i] for i in rows]), _right_inverse([T[i] for i in chosen]),
                len(rows), len(chosen),
            )  # fmt: skip
    return None


def _candidates(
    factors: Sequence[Polynomial], D: Matrix, C: Matrix, a: Matrix, c: Matrix
) -> Iterator[tuple[bool, Polynomial, Polynomial, bool]]:
    """Yield whether f = x - 1, f, p, and whether there is a P."""
    n = len(D)
    Du, aN = quotient(D, C, 0), quotient(a, c, 0)
    all_f: Polynomial = [1]
    all_p: Polynomial = [1]
    for f in factors:
        lam, mu = counts(f, Du, n, 0), counts(f, aN, n, 0)
        sizes = range(sum(map(bool, map(max, lam, mu))) + 1)
        for k in sizes:
            yield not sum(f), f, _power(f, k), True
        best = max(sizes, key=lambda j: sum(mu[:j]) + sum(lam[j:]))
        j = best if sum(f) else sizes[-1]
        all_p, all_f = _product(all_p, _power(f, j)), _product(all_f, _power(f, sizes[-1] - j))
    yield False, all_f, all_p, False


def _product(f: Polynomial, g: Polynomial) -> Polynomial:
    h = [f[0] * 0] * (len(f) + len(g) - 1)
    for i, x in enumerate(f):
        for j, y in enumerate(g):
            h[i + j] += x * y
    return h


def _power(f: Polynomial, k: int) -> Polynomial:
    return _product(f, _power(f, k - 1)) if k else [1]


def _fixed(D: Matrix, C: Matrix, k: int) -> Matrix:
    """Return rows that span those l with l D^i C = 0 for i < k."""
    equations: Matrix = []
    for _ in range(k):
        equations += transpose(C)
        C = times(D, C, 0)
    return kernel(equations, len(D), 0)


def _killed(rows: Matrix, f: Polynomial, D: Matrix) -> Matrix:
    """Return rows that span those combinations l of the given ones with l f(D) = 0."""
    if not rows:
        return []
    images = times(rows, evaluate(f, D, 0), 0)
    combinations = kernel(transpose(images), len(rows), 0)
    return times(combinations, rows, 0) if combinations else []


def _independent(rows: Matrix) -> list[int]:
    """Return places of rows that span all, and are independent."""
    return eliminate(transpose(rows), 0)[0] if rows else []


def _right_inverse(rows: Matrix) -> Matrix:
    """Return G with rows G = I, for independent rows over QQ."""
    if not rows:
        return identity(0)
    columns = transpose(rows)
    return times(columns, inverse(times(rows, columns, 0), 0), 0)
