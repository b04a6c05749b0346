"""Five layers for halves p <= q <= 2p, and a reduction of the larger half to fewer coordinates.

Main results
------------
Let det M = 1, with the blocks A, B, C, D of M and a, b, c, d of M^-1, D of size q.

*Five layers*: one row of freedom matches two characteristic polynomials. Let p <= q <= 2p and
k = q - p. For a generic M there is a p x q matrix V such that T = D - C V fixes k rows from the
left, and T acts on the p-dimensional space that these rows annihilate as S = a + V c acts on F^p:
some q x p matrix Y onto that space has T Y = Y S. Then there is a Z with T = I + Y Z, S = I + Z Y,
and five shears M = U(X) L(Y) U(Z) L(W) U(V) as in `assembly`.

For p = q this is a second route to five layers, with numbers as short as in
the six layers through a transvection. Sources: Koehler, Mehta, Risteski (ICML 2021) for the bounded
number of layers; Urschel (2024) for five at p = q.

*A peel*: two layers take k <= p coordinates off the larger half. Let rank c = p and q - k >= p, and
let the k rows H = [R, I_k] make y = H c of rank k. Take V with y V = H d - H, so that D = d - c V
fixes the rows H from the left; let D be invertible. In the coordinates h = [[I, 0], [R, I_k]] of
the second half

    h D h^-1 = [[d1, d2], [0, I_k]]       h c = [c1; y]

and with some C2 of rank p and x such that d2 = C2 x,

    M = U(-V) L(-Y) U(-X) diag(M2, I_k) U(W),
    Y = [d1^-1 (c1 - d2 y - C2); y]       X = [0, x],

where M2^-1 = [[*, *], [C2, d1]] has det M2 = det M and rank C2 = p: the next step. The outer U
merge with those of shears U .. U for M2, so a step costs two layers.

How it is checked
-----------------
*Exact* on every call of `factor`; the peel is an identity between blocks, whatever their sizes.

Implementation notes
--------------------
T fixes the rows H = [R, I_k] if H C V = H (D - I). For k < p this leaves rows of V free. For k = p
it determines V = (H C)^-1 H (D - I), and the freedom is in H: the h with h C = I form an affine
space, on which V = h (D - I) is affine. In both cases V = V0 - u r N with a free row r and a column
u. Let f be the polynomial of D - C V0 on the annihilated space, g that of a + V0 c; with r they are

    f - r N adj(x - D + C V0) C u        g + r N c adj(x - a - V0 c) u

without the factor (x - 1)^k of the first adjugate: *affine* in r, with equal constant terms, so
p - 1 linear equations for r. An adjugate times a column is the controller basis of the column, and
such a basis does not change under the feedback r: Y is the quotient of the two bases (times T - I
where k = p), and never sees the large entries of r. Where k < p, H C u = 0 by the choice of H, so
that u can be a unit vector: this keeps numbers short. Where C u or u is not cyclic (D is scalar,
say), the equations may still have a solution; Y then comes from drawn cyclic vectors.
"""

from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.exact import krylov, linalg
from exactflow.exact.draws import Draws
from exactflow.exact.flanders import solve_I_plus_YZ_and_ZY
from exactflow.exact.linalg import Blocks
from exactflow.exact.progress import report_stage
from exactflow.linear.factor.assembly import (
    BlocksOfDet1,
    Shifts,
    complete_five_shifts,
    complete_five_shifts_from_inverse,
)


class MatchedSpectra(NamedTuple):
    """A shift V for which T = D - C V fixes the rows [R, I_k] from the left and, on the space that
    these rows annihilate, has the characteristic polynomial of S = a + V c, `polynomial`. Here C, D
    are blocks of M, and a, c blocks of M^-1.

    `long_basis` is the controller basis of C u for T, `short_basis` that of u for S.
    """

    V: DomainMatrix
    R: DomainMatrix
    polynomial: list
    long_basis: DomainMatrix
    short_basis: DomainMatrix


def draw_five_shifts_for_q_up_to_2p(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1, draws: Draws
) -> Shifts | None:
    """Return the shifts X, Y, Z, W, V of five shears, M = U(X) L(Y) U(Z) L(W) U(V); None if M
    is not generic or the draws are unlucky.

    M has determinant 1 and the given blocks, of p + q coordinates with p <= q <= 2p; `inverse` are
    the blocks of M^-1.
    """
    report_stage("two spectra that match", 0.02)
    matched = _find_V_matching_spectra_of_T_and_S(blocks, inverse, draws)
    if matched is None:
        return None
    report_stage("their similarity", 0.1)
    V, p = matched.V, inverse.A.shape[0]
    T, S = blocks.D - blocks.C * V, inverse.A + V * inverse.C
    try:
        Y, top_inverse = _intertwiner_TY_YS_and_top_inverse(matched, T, S, draws)
        S_inverse = S.inv()
    except DMNonInvertibleMatrixError:
        return None
    report_stage("five shears", 0.55)
    Z = top_inverse * (T - linalg.identity(T.shape[0], T.domain))[:p, :]
    return complete_five_shifts_from_inverse(inverse, V, Y, Z, S_inverse)


def five_shifts_from_one_drawn_V(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1, draws: Draws
) -> Shifts | None:
    """Draw one V, and return the shifts X, Y, Z, W, V of five shears, M = U(X) L(Y) U(Z) L(W) U(V),
    for equal halves; None if this V is unlucky.

    V is lucky if T = D - C V is invertible, and T = I + Y Z and a + V c = I + Z Y for some Y and Z;
    a and c are blocks of M^-1. Over a field of few elements many V are lucky, even if there is no
    cyclic vector.
    """
    V = draws.matrix(*blocks.B.shape)
    T = blocks.D - blocks.C * V
    T_inverse = linalg.inverse_or_none(T)
    pair = None if T_inverse is None else solve_I_plus_YZ_and_ZY(T, inverse.A + V * inverse.C)
    return None if pair is None else complete_five_shifts(blocks, V, *pair, T_inverse)


def _draw_right_inverse(matrix: DomainMatrix, draws: Draws) -> DomainMatrix | None:
    """Return the right inverse of `matrix` whose columns are combinations of the columns of
    [R; I], where R is drawn; None if there is none for this draw.
    """
    k, p = matrix.shape
    columns = draws.matrix(p - k, k).vstack(linalg.identity(k, matrix.domain))
    pivot = linalg.inverse_or_none(matrix * columns)
    return None if pivot is None else columns * pivot


def _find_V_matching_spectra_of_T_and_S(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1, draws: Draws
) -> MatchedSpectra | None:
    """Return a shift V and the other entries of `MatchedSpectra`; None if the draws are unlucky.

    V = V0 - u r N, where T fixes the rows [R, I_k] for every row r: r is chosen such that the
    characteristic polynomials agree. See the implementation notes above.
    """
    C, D, c = blocks.C, blocks.D, inverse.C
    (q, p), field = C.shape, C.domain
    k = q - p
    u = linalg.unit_vector(p, 0, field) + draws.matrix(p, 1)
    R = draws.matrix(k, p)
    if 0 < k < p:
        # change one column of R so that H C u = 0 for H = [R, I]
        v = C * u
        place = next((i for i in range(p) if v[i, 0].element), None)
        if place is None:
            return None
        unit = linalg.unit_vector(p, place, field).transpose() * (field.one / v[place, 0].element)
        R -= (v[p:, :] + R * v[:p, :]) * unit
    H = R.hstack(linalg.identity(k, field))
    HC, V0 = H * C, -draws.matrix(p, q)
    right_inverse = _draw_right_inverse(HC, draws)
    if right_inverse is None:
        return None
    V0 += right_inverse * (H * D - H - HC * V0)
    N = linalg.identity(q, field)
    if k == p:
        N = (N[:p, :] - C[:p, :] * right_inverse * H) * (N - D)

    T, S = D - C * V0, inverse.A + V0 * c
    f, g = (T[:p, :p] - T[:p, p:] * R).charpoly_berk(), S.charpoly_berk()
    of_T, of_S = krylov.controller_basis(T, f, C * u), krylov.controller_basis(S, g, u)
    difference = linalg.column([x - y for x, y in zip(f[1:], g[1:], strict=True)], field)
    E = (N * (of_T + c * of_S)).transpose()
    start = draws.matrix(E.shape[1], 1)
    correction, _ = linalg.solve(E, difference - E * start)
    if correction is None:
        return None
    r = start + correction
    feedback = r.transpose() * N
    change = (feedback * of_T).to_list_flat()
    polynomial = [f[0], *(x - y for x, y in zip(f[1:], change, strict=True))]
    return MatchedSpectra(V0 - u * feedback, R, polynomial, of_T, of_S)


def _intertwiner_TY_YS_and_top_inverse(
    matched: MatchedSpectra, T: DomainMatrix, S: DomainMatrix, draws_if_bases_fail: Draws
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return a Y with T Y = Y S, and the inverse of the top square block of Y.

    Y is the quotient of the two bases of `matched`. If one of them is singular, the bases of drawn
    vectors take their place.
    """
    q, p, field = T.shape[0], S.shape[0], S.domain
    one = linalg.identity(q, field)
    lift = T - one if q == 2 * p else one
    try:
        return _right_quotient_and_its_top_inverse(lift * matched.long_basis, matched.short_basis)
    except DMNonInvertibleMatrixError:
        top = draws_if_bases_fail.matrix(p, 1)
        v = top.vstack(-matched.R * top)
        of_T = krylov.controller_basis(T, matched.polynomial, lift * v)
        of_S = krylov.controller_basis(S, matched.polynomial, draws_if_bases_fail.matrix(p, 1))
        return _right_quotient_and_its_top_inverse(of_T, of_S)


def _right_quotient_and_its_top_inverse(
    numerator: DomainMatrix, denominator: DomainMatrix
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return Y = numerator * denominator^-1, and the inverse of the top square block of Y.

    The denominator is square, and the numerator has at least as many rows.
    """
    top = numerator[: denominator.shape[0], :]
    return numerator * denominator.inv(), denominator * top.inv()


class Peel(NamedTuple):
    """A reduction of M to a matrix M2 with fewer coordinates in the second half:
    M = U(V) L(Y) U([0, x] h) diag(M2, I) U([0, w] h), h = [[I, 0], [R, I]].

    `rest_inverse` are the blocks of M2^-1.
    """

    V: DomainMatrix
    Y: DomainMatrix
    x: DomainMatrix
    w: DomainMatrix
    R: DomainMatrix
    rest_inverse: Blocks

    def lift_shifts(self, shifts: Shifts) -> Shifts:
        """Return the shifts of alternating shears U .. U whose product is M. The given shifts, at
        least three, are those of alternating shears U .. U whose product is M2.

        The result has two shifts more than `shifts`.
        """
        first, *middle, last = shifts
        none = self.x * self.x.domain.zero
        inner = [
            self._lift_upper_shift(T, none) if i % 2 else T.vstack(-self.R * T)
            for i, T in enumerate(middle)
        ]
        outer = self._lift_upper_shift(first, self.x), self._lift_upper_shift(last, self.w)
        return [self.V, self.Y, outer[0], *inner, outer[1]]

    def _lift_upper_shift(self, T: DomainMatrix, new_columns: DomainMatrix) -> DomainMatrix:
        return (T + new_columns * self.R).hstack(new_columns)


def peel_coordinates_off_second_half(
    blocks_of_M_inverse: Blocks, removed_count: int, draws: Draws
) -> Peel | None:
    """Reduce a matrix M to a matrix with `removed_count` coordinates fewer in the second half.
    Return None if the draws are unlucky.

    M is given by the blocks of its inverse. `removed_count` must not exceed the size of the first
    half, and the second half must not become smaller than the first.
    """
    a, b, c, d = blocks_of_M_inverse
    (q, p), k = c.shape, removed_count
    n = q - k
    R = draws.matrix(k, n)
    H = R.hstack(linalg.identity(k, a.domain))
    y = H * c
    right_inverse = _draw_right_inverse(y, draws)
    if right_inverse is None:
        return None
    V = draws.matrix(p, q)
    V += right_inverse * (H * d - H - y * V)
    D, b = d - c * V, b - a * V
    d2, b2 = D[:n, n:], b[:, n:]
    d1, b1 = D[:n, :n] - d2 * R, b[:, :n] - b2 * R
    d1_inverse = linalg.inverse_or_none(d1)
    if d1_inverse is None:
        return None
    C2, x = _factor_as_C_times_x(d2, p, draws)
    Y1 = d1_inverse * (c[:n, :] - d2 * y - C2)
    a = a - b1 * Y1 - b2 * y
    Y = Y1.vstack(y - R * Y1)
    return Peel(-V, -Y, -x, a * x - b2, R, Blocks(a, b1, C2, d1))


def _factor_as_C_times_x(
    M: DomainMatrix, column_count_of_C: int, draws: Draws
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return C and x with M = C x, where C has `column_count_of_C` columns; C has full column
    rank unless the draw is unlucky.
    """
    n, k = M.shape
    echelon, pivots = linalg.rref(M)
    r = len(pivots)
    missing = column_count_of_C - r
    C = M.extract(list(range(n)), list(pivots))
    x = echelon[:r, :].vstack(linalg.zeros(missing, k, M.domain))
    if missing > 0:
        C = C.hstack(linalg.complementary_unit_vectors(C)[:, :missing] + draws.matrix(n, missing))
    return C, x
