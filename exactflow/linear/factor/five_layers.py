"""The two steps under any partition: five layers for p <= q <= 2p, and a peel down to there.

Main results
------------
*Five layers*: one row of freedom matches two characteristic polynomials. Let det M = 1, with the
blocks A, B, C, D of M and a, b, c, d of M^-1, D of size q, p <= q <= 2p, and k = q - p. For a
generic M there is a p x q matrix W such that D1 = D + C W fixes k rows from the left and D1 acts on
the p-dimensional space that these rows annihilate as S = a - W c acts on F^p: some q x p matrix Y
onto that space has D1 Y = Y S. Then there is an X with D1 - I = Y X and

    M = U(-V) L(Y) U(X) L(Y') U(-W),
    V = S^-1 (X + b - W d)      Y' = -(c + Y) S^-1.

For p = q this is a second route to five layers, with numbers as short as those of
the six layers through a transvection. Sources: Koehler, Mehta, Risteski (ICML 2021) for the bounded
number of layers; Urschel (2024) for five at p = q.

*A peel*: two layers take k <= p coordinates off the larger half. Let M^-1 = [[a, b], [c, d]] with d
of size q, rank c = p and q - k >= p, and let the k rows H = [R, I_k] make y = H c of rank k. Take V
with y V = H d - H, so that D = d - c V fixes the rows H from the left; let D be invertible. In the
coordinates h = [[I, 0], [R, I_k]] of the second half

    h D h^-1 = [[d1, d2], [0, I_k]]       h c = [c1; y]

and with some C2 of rank p and x such that d2 = C2 x,

    M = U(-V) L(-Y) U(-X) diag(M2, I_k) U(W),
    Y = [d1^-1 (c1 - d2 y - C2); y]       X = [0, x],

where M2^-1 = [[*, *], [C2, d1]] has det M2 = det M and rank C2 = p: the next step. The outer U
merge with those of a word U .. U for M2, so a step costs two layers.

How it is checked
-----------------
*Exact* on every call of `factor`; the peel is an identity between blocks, whatever their sizes.

Implementation notes
--------------------
D1 fixes the rows H = [R, I_k] if H C W = H (I - D). For k < p this leaves rows of W free. For k = p
it determines W = (H C)^-1 H (I - D), and the freedom is in H: the h with h C = I form an affine
space, on which W = h (I - D) is affine. In both cases W = W0 + u r T with a free row r and a column
u. Let f be the polynomial of D + C W0 on the annihilated space, g that of a - W0 c; with r they are

    f - r T adj(x - D - C W0) C u        g + r T c adj(x - a + W0 c) u

without the factor (x - 1)^k of the first adjugate: *affine* in r, with equal constant terms, so
p - 1 linear equations for r. An adjugate times a column is the controller basis of the column, and
such a basis does not change under the feedback r: Y is the quotient of the two bases (times D1 - I
where k = p), and never sees the large entries of r. Where k < p, H C u = 0 by the choice of H, so
that u can be a unit vector: this keeps numbers short. Where C u or u is not cyclic (D is scalar,
say), the equations may still have a solution; Y then comes from drawn cyclic vectors.
"""

from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.exact import krylov, linalg
from exactflow.exact.draws import Draws
from exactflow.exact.flanders import flanders_pair
from exactflow.exact.linalg import Blocks
from exactflow.exact.progress import report_stage
from exactflow.linear.factor.assembly import shears_of_pair


class _Match(NamedTuple):
    """W for which D + C W fixes the rows [R, I_k] from the left and has, elsewhere, the monic
    polynomial of a - W c; and the controller bases of C u and of u.
    """

    W: DomainMatrix
    R: DomainMatrix
    polynomial: list
    basis_in_q: DomainMatrix
    basis_in_p: DomainMatrix


def five_layer_shifts(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    """Return [V', Y, X, Y', W'] with M = U(V') L(Y) U(X) L(Y') U(W'), or None: try other draws.

    `blocks` are those of a matrix of determinant 1, split into p + q with p <= q <= 2p, and
    `inverse` those of its inverse.
    """
    report_stage("two spectra that match", 0.02)
    match = _match(blocks, inverse, draws)
    if match is None:
        return None
    report_stage("their similarity", 0.1)
    D1, S = blocks.D + blocks.C * match.W, inverse.A - match.W * inverse.C
    try:
        (Y, top_inverse), S_inverse = _intertwiner(match, D1, S, draws), S.inv()
    except DMNonInvertibleMatrixError:
        return None
    report_stage("five shears", 0.55)
    p, q = inverse.B.shape
    X = top_inverse * (D1 - linalg.identity(q, D1.domain))[:p, :]
    return five_shears(inverse, match.W, X, Y, S_inverse)


def five_shears(
    inverse: Blocks, W: DomainMatrix, X: DomainMatrix, Y: DomainMatrix, S_inverse: DomainMatrix
) -> list[DomainMatrix]:
    """Return [V', Y, X, Y', W'] with M = U(V') L(Y) U(X) L(Y') U(W'), from the blocks of M^-1, for
    D + C W = I + Y X and S = a - W c = I + X Y.
    """
    V = S_inverse * (X + inverse.B - W * inverse.D)
    return [-V, Y, X, -(inverse.C + Y) * S_inverse, -W]


def paired_shifts(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    """Return [X, Y, Z, W, V] with M = U(X) L(Y) U(Z) L(W) U(V), or None: try other draws.

    For p = q. V is drawn; D - C V is to be invertible, and to be I + Y Z with a + V c = I + Z Y.
    Over a field of few elements that happens often, also where nothing has a cyclic vector.
    """
    V = draws.matrix(*blocks.B.shape)
    D1 = blocks.D - blocks.C * V
    D1_inverse = linalg.inverse_or_none(D1)
    pair = None if D1_inverse is None else flanders_pair(D1, inverse.A + V * inverse.C)
    if pair is None:
        return None
    return shears_of_pair(blocks, V, *pair, D1_inverse)


def _match(blocks: Blocks, inverse: Blocks, draws: Draws) -> _Match | None:
    """Choose r: for every W = start + u r rows, D + C W fixes [R, I_k] from the left."""
    C, D = blocks.C, blocks.D
    (q, p), field = C.shape, C.domain
    k = q - p
    u = linalg.unit_vector(p, 0, field) + draws.matrix(p, 1)
    R = draws.matrix(k, p)
    if 0 < k < p and (R := _annihilating(R, C * u)) is None:
        return None
    H = R.hstack(linalg.identity(k, field))
    start = draws.matrix(p, q)
    Z = draws.matrix(p - k, k).vstack(linalg.identity(k, field))
    pivot = linalg.inverse_or_none(H * C * Z)
    if pivot is None:
        return None
    start = start + Z * (pivot * (H - H * D - H * (C * start)))
    rows = linalg.identity(q, field)
    if k == p:
        rows = (rows[:p, :] - C[:p, :] * pivot * H) * (rows - D)

    D1, S = D + C * start, inverse.A - start * inverse.C
    f, g = (D1[:p, :p] - D1[:p, p:] * R).charpoly_berk(), S.charpoly_berk()
    of_D, of_S = krylov.controller_basis(D1, f, C * u), krylov.controller_basis(S, g, u)
    difference = linalg.column([x - y for x, y in zip(f[1:], g[1:], strict=True)], field)
    r = _solution((rows * (of_D + inverse.C * of_S)).transpose(), difference, draws)
    if r is None:
        return None
    feedback = r.transpose() * rows
    change = (feedback * of_D).to_list_flat()
    polynomial = [f[0], *(x - y for x, y in zip(f[1:], change, strict=True))]
    return _Match(start + u * feedback, R, polynomial, of_D, of_S)


def _annihilating(R: DomainMatrix, v: DomainMatrix) -> DomainMatrix | None:
    """Change one column of R so that [R, I] v = 0."""
    p, field = R.shape[1], R.domain
    place = next((i for i in range(p) if v[i, 0].element), None)
    if place is None:
        return None
    unit = linalg.unit_vector(p, place, field).transpose() * (field.one / v[place, 0].element)
    return R - (v[p:, :] + R * v[:p, :]) * unit


def _intertwiner(
    match: _Match, D1: DomainMatrix, S: DomainMatrix, draws: Draws
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return Y with D1 Y = Y S and the inverse of its top p rows."""
    q, p, field = D1.shape[0], S.shape[0], S.domain
    one = linalg.identity(q, field)
    lift = D1 - one if q == 2 * p else one
    try:
        return _quotient(lift * match.basis_in_q, match.basis_in_p)
    except DMNonInvertibleMatrixError:
        top = draws.matrix(p, 1)
        v = top.vstack(-match.R * top)
        of_D = krylov.controller_basis(D1, match.polynomial, lift * v)
        of_S = krylov.controller_basis(S, match.polynomial, draws.matrix(p, 1))
        return _quotient(of_D, of_S)


def _quotient(H: DomainMatrix, G: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return Y = H G^-1 and the inverse of Y's top p rows; H is q x p, G is p x p."""
    return H * G.inv(), G * H[: G.shape[0], :].inv()


def _solution(E: DomainMatrix, rhs: DomainMatrix, draws: Draws) -> DomainMatrix | None:
    """Return a column r with E r = rhs, or None; E is p x q, and its last row reads 0 = 0."""
    start = draws.matrix(E.shape[1], 1)
    solution, _ = linalg.solve(E, rhs - E * start)
    return None if solution is None else start + solution


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
