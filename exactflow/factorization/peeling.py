"""Peeling: two layers take k <= p coordinates off the larger half.

Main results
------------
Let M^-1 = [[a, b], [c, d]] with d of size q, rank c = p and q - k >= p, and let the k rows
H = [R, I_k] make y = H c of rank k. Take V with y V = H d - H, so that D = d - c V fixes the rows H
from the left; let D be invertible. In the coordinates h = [[I, 0], [R, I_k]] of the second half

    h D h^-1 = [[d1, d2], [0, I_k]]       h c = [c1; y]

and with some C2 of rank p and x such that d2 = C2 x,

    M = U(-V) L(-Y) U(-X) diag(M2, I_k) U(W),
    Y = [d1^-1 (c1 - d2 y - C2); y]       X = [0, x],

where M2^-1 = [[*, *], [C2, d1]] has det M2 = det M and rank C2 = p: the next step. The outer U
merge with those of a word U .. U for M2, so a step costs two layers.

How it is checked
-----------------
*Exact* on every call of `factor`; the identity is one between blocks, whatever their sizes.
"""

from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks

__all__ = ["Peel", "peel"]


class Peel(NamedTuple):
    """One step, M = U(V) L(Y) U([0, x] h) diag(M2, I) U([0, w] h) with h = [[I, 0], [R, I]]."""

    V: DomainMatrix
    Y: DomainMatrix
    x: DomainMatrix
    w: DomainMatrix
    R: DomainMatrix
    rest_inverse: Blocks

    def around(self, shifts: list[DomainMatrix]) -> list[DomainMatrix]:
        """Return the shifts of a word U L .. U for M from those of one, of length >= 3, for M2."""
        first, *middle, last = shifts
        none = self.x * self.x.domain.zero
        inner = [self._upper(T, none) if i % 2 else self._lower(T) for i, T in enumerate(middle)]
        return [self.V, self.Y, self._upper(first, self.x), *inner, self._upper(last, self.w)]

    def _upper(self, T: DomainMatrix, right: DomainMatrix) -> DomainMatrix:
        return (T + right * self.R).hstack(right)

    def _lower(self, T: DomainMatrix) -> DomainMatrix:
        return T.vstack(-self.R * T)


def peel(inverse: Blocks, k: int, draws: Draws) -> Peel | None:
    """Return one step that takes k coordinates off the second half, or None: try other draws.

    `inverse` are the blocks of M^-1, of p + q coordinates, with k <= p and q - k >= p.
    """
    a, b, c, d = inverse
    q, p = c.shape
    n = q - k
    R = draws.matrix(k, n)
    H = R.hstack(linalg.identity(k, a.domain))
    Z = draws.matrix(p - k, k).vstack(linalg.identity(k, a.domain))
    y = H * c
    pivot = linalg.inverse_or_none(y * Z)
    if pivot is None:
        return None
    V = draws.matrix(p, q)
    V = V + Z * (pivot * (H * d - H - y * V))
    D, b = d - c * V, b - a * V
    d2, b2 = D[:n, n:], b[:, n:]
    d1, b1 = D[:n, :n] - d2 * R, b[:, :n] - b2 * R
    d1_inverse = linalg.inverse_or_none(d1)
    if d1_inverse is None:
        return None
    C2, x = _spanning(d2, p, draws)
    Y1 = d1_inverse * (c[:n, :] - d2 * y - C2)
    a = a - b1 * Y1 - b2 * y
    Y = Y1.vstack(y - R * Y1)
    return Peel(-V, -Y, -x, a * x - b2, R, Blocks(a, b1, C2, d1))


def _spanning(M: DomainMatrix, p: int, draws: Draws) -> tuple[DomainMatrix, DomainMatrix]:
    """Return C of p columns and x with M = C x; C has rank p, unless a draw is unlucky."""
    n, k = M.shape
    echelon, pivots = linalg.rref(M)
    r = len(pivots)
    C = M.extract(list(range(n)), list(pivots))
    x = echelon[:r, :].vstack(linalg.zeros(p - r, k, M.domain))
    if r < p:
        rest = linalg.complement(C)[:, : p - r] + draws.matrix(n, p - r)
        C = C.hstack(rest)
    return C, x
