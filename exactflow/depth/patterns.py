"""The patterns of at most four layers: each is decided, and its layers are solved for.

Main results
------------
`few_layers`, `three_layers` and `four_layers` decide the patterns up to U L, U L U and U L U L over
any field (the conditions are those of `exactflow.depth.obstructions`); each returns the shifts of
the layers, from left to right in the product, or an obstruction. A pattern that starts with L is
decided on the matrix with its halves exchanged, and the shifts are those of that matrix. Sources:
Flanders 1951 for YZ and ZY; Urschel 2024 for four and five layers of block-diagonal matrices.

Where D is singular, Y is split by Fitting's lemma: on the generalized kernels of a and D it is
invertible whenever it solves the linear equations, since Y x = 0 with a x = 0 means x = B r,
Y x = -r = 0. On the complements Flanders' theorem decides.

How it is checked
-----------------
*Exact*: by the flow that `minimal_depth` verifies.
"""

from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.flanders import flanders_obstruction
from exactflow.depth.obstructions import (
    EntryObstruction,
    IntertwinerObstruction,
    LinearObstruction,
    Obstruction,
    halves,
    residuals,
)
from exactflow.exact import linalg
from exactflow.exact.flanders import flanders_pair
from exactflow.exact.linalg import Alternative
from exactflow.exact.normalforms import fitting

__all__ = ["Shifts", "few_layers", "four_layers", "patterns", "three_layers"]

Shifts = list[DomainMatrix]


def patterns(length: int) -> tuple[str, ...]:
    """Return the alternating words of U and L of a length.

    >>> patterns(3), patterns(0)
    (('ULU', 'LUL'), ('',))
    """
    word = "UL" * 3
    return (word[:length], word[1 : length + 1]) if length else ("",)


def few_layers(pattern: str, matrix: DomainMatrix) -> Shifts | Obstruction:
    """Decide a pattern of at most two letters by sight."""
    blocks = halves(matrix, pattern)
    for equation, residual in residuals(len(pattern), blocks).items():
        for i, row in enumerate(residual.to_list()):
            for j, entry in enumerate(row):
                if entry:
                    return EntryObstruction(pattern, matrix, equation, (i, j))
    return [blocks.B, blocks.C][: len(pattern)]


def three_layers(pattern: str, matrix: DomainMatrix) -> Shifts | Obstruction:
    """Decide U L U: solve X C = A - I, C Z = D - I, X + A Z = B.

    X and Z are particular solutions, up to rows l with l C = 0 and columns r with C r = 0; these
    enter the third equation through l and A r.
    """
    A, B, C, D = halves(matrix, pattern)
    n, field = A.shape[0], A.domain
    one, zero = linalg.identity(n, field), linalg.zeros(n, n, field)
    X, column = _solve_right(C, A - one)
    if column is not None:
        row = _detecting((A - one) * column)
        return LinearObstruction(pattern, matrix, column * row, zero, zero)
    Z, row = linalg.solve(C, D - one)
    if row is not None:
        column = _detecting((row * (D - one)).transpose()).transpose()
        return LinearObstruction(pattern, matrix, zero, column * row, zero)
    r, lk = linalg.kernel(C), linalg.left_kernel(C)
    free, misfit = _two_sided(A * r, lk, B - X - A * Z)
    if isinstance(misfit, tuple):
        return _third_equation(pattern, matrix, *misfit)
    return [X + free[1] * lk, C, Z + r * free[0]]


def _solve_right(C: DomainMatrix, E: DomainMatrix) -> Alternative:
    """Return (X, None) with X C = E, or (None, k) with C k = 0 and E k != 0."""
    X, row = linalg.solve(C.transpose(), E.transpose())
    return (None, row.transpose()) if X is None else (X.transpose(), None)


def _detecting(column: DomainMatrix) -> DomainMatrix:
    """Return a unit row e with e column != 0."""
    place = next(i for i, entry in enumerate(column.to_list_flat()) if entry)
    return linalg.unit_vector(column.shape[0], place, column.domain).transpose()


def _two_sided(K: DomainMatrix, lk: DomainMatrix, E: DomainMatrix) -> Alternative:
    """Solve K S + T l = E, K of full column and l of full row rank.

    Return ((S, T), None), or (None, (y, k)) with y K = 0, l k = 0 and y E k != 0.
    """
    T_row = linalg.left_inverse(lk.transpose()).transpose() if lk.shape[0] else lk.transpose()
    S_column = linalg.left_inverse(K) if K.shape[1] else K.transpose()
    rest = E - E * T_row * lk
    S = S_column * rest
    wrong = rest - K * S
    if wrong.is_zero_matrix:
        return (S, E * T_row), None
    left = linalg.left_kernel(K)
    right = linalg.kernel(lk)
    misfit = (left * E * right).to_list()
    i, j = next((i, j) for i, row in enumerate(misfit) for j, x in enumerate(row) if x)
    return None, (left[i, :], right[:, j])


def _third_equation(
    pattern: str, matrix: DomainMatrix, y: DomainMatrix, k: DomainMatrix
) -> LinearObstruction:
    """Turn y and k = C z, with y A = t C as y A r = 0, into a multiplier of all three equations."""
    A, _, C, _ = halves(matrix, pattern)
    z, _ = linalg.solve(C, k)
    t, _ = _solve_right(C, y * A)
    return LinearObstruction(pattern, matrix, -(z * y), -(k * t), k * y)


def four_layers(pattern: str, matrix: DomainMatrix) -> Shifts | Obstruction:
    """Decide U L U L: find Y, Z with D = I + Y Z and a = I + Z Y, then X and W."""
    blocks = halves(matrix, pattern)
    D, a = blocks.D, halves(matrix.inv(), pattern).A
    obstruction = flanders_obstruction(D, a, pattern, matrix)
    if obstruction is not None:
        return obstruction
    inverse = linalg.inverse_or_none(D)
    if inverse is not None:
        Y, Z = _pair(D, a)
        return [(blocks.B - Z) * inverse, Y, Z, inverse * (blocks.C - Y)]
    return _four_layers_singular(pattern, matrix, D, a)


def _pair(D: DomainMatrix, a: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return Y, Z as in Flanders' theorem, to which there is no obstruction."""
    pair: Any = flanders_pair(D, a)
    return pair


def _four_layers_singular(
    pattern: str, matrix: DomainMatrix, D: DomainMatrix, a: DomainMatrix
) -> Shifts | Obstruction:
    _, B, C, _ = halves(matrix, pattern)
    n, field = D.shape[0], D.domain
    (P, m), (Q, _) = fitting(D), fitting(a)
    P_inverse, Q_inverse = P.inv(), Q.inv()
    of_D, of_a = P_inverse * D * P, Q_inverse * a * Q
    D0, a0 = of_D[n - m :, n - m :], of_a[n - m :, n - m :]
    r, lk = linalg.kernel(D), linalg.left_kernel(D)
    l0, r0 = (lk * P)[:, n - m :], (Q_inverse * B * r)[n - m :, :]
    C0, R0 = (lk * C * Q)[:, n - m :], (P_inverse * r)[n - m :, :]
    Y0, multipliers = _solve_intertwiner(D0, a0, (l0, C0), (r0, -R0))
    if multipliers is not None:
        P0, L0, S0 = multipliers
        into, onto = Q[:, n - m :], P_inverse[n - m :, :]
        return IntertwinerObstruction(
            pattern, matrix, into * P0 * onto, into * L0 * lk, r * S0 * onto
        )
    Z0 = Y0.inv() * (D0 - linalg.identity(m, field))
    Y, Z = Y0, Z0
    if m < n:
        Y1, Z1 = _pair(of_D[: n - m, : n - m], of_a[: n - m, : n - m])
        Y, Z = (linalg.direct_sum(S, T) for S, T in ((Y1, Y0), (Z1, Z0)))
    return _outer_layers(halves(matrix, pattern), P * Y * Q_inverse, Q * Z * P_inverse, r, lk)


def _outer_layers(
    blocks: linalg.Blocks, Y: DomainMatrix, Z: DomainMatrix, r: DomainMatrix, lk: DomainMatrix
) -> Shifts:
    """Solve X D = B - Z, D W = C - Y, X Y + B W = A - I, the last by the freedom of X and W."""
    A, B, C, D = blocks
    X, _ = _solve_right(D, B - Z)
    W, _ = linalg.solve(D, C - Y)
    missing = A - linalg.identity(A.shape[0], A.domain) - X * Y - B * W
    (S, T), _ = _two_sided(B * r, lk * C, missing)
    return [X + T * lk, Y, Z, W + r * S]


def _solve_intertwiner(
    D: DomainMatrix,
    a: DomainMatrix,
    rows: tuple[DomainMatrix, DomainMatrix],
    columns: tuple[DomainMatrix, DomainMatrix],
) -> Alternative:
    """Solve Y a = D Y, l Y = C0 and Y r = R0 for the m x m matrix Y.

    Return (Y, None), or (None, (P, L, S)): multipliers such that the traces of P (Y a - D Y),
    L (l Y) and S (Y r) add up to zero for every Y, while those of L C0 and S R0 do not.
    """
    m, field = D.shape[0], D.domain
    (lk, C0), (r, R0) = rows, columns
    one, zero = linalg.identity(m, field), linalg.zeros(m * m, 1, field)
    system = _kronecker(one, a.transpose()) - _kronecker(D, one)
    system = system.vstack(_kronecker(lk, one), _kronecker(one, r.transpose()))
    right = zero.vstack(_vector(C0), _vector(R0))
    solution, multiplier = linalg.solve(system, right)
    if multiplier is None:
        return _matrix(solution.to_list_flat(), m, m, field), None
    values, s, t = multiplier.to_list_flat(), lk.shape[0], r.shape[1]
    parts = values[: m * m], values[m * m : m * m + s * m], values[m * m + s * m :]
    shapes = (m, m), (s, m), (m, t)
    return None, [
        _matrix(part, *shape, field).transpose() for part, shape in zip(parts, shapes, strict=True)
    ]


def _kronecker(S: DomainMatrix, T: DomainMatrix) -> DomainMatrix:
    """Return the matrix of Y -> S Y T^T on entries in row order."""
    rows = [[x * y for x in left for y in right] for left in S.to_list() for right in T.to_list()]
    shape = S.shape[0] * T.shape[0], S.shape[1] * T.shape[1]
    return linalg.from_entries(rows, shape, S.domain)


def _vector(M: DomainMatrix) -> DomainMatrix:
    return linalg.column(M.to_list_flat(), M.domain)


def _matrix(values: list, rows: int, columns: int, field: Domain) -> DomainMatrix:
    entries = [values[i * columns : (i + 1) * columns] for i in range(rows)]
    return linalg.from_entries(entries, (rows, columns), field)
