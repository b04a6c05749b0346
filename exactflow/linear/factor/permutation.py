"""Signed permutations of every dimension: six layers of small integers, in linear time.

Main results
------------
Every signed permutation y[i] = +-x[perm[i]] of determinant 1, with halves (n, q), q = n or n + 1,
is a product of at most six additive couplings, of five if C has rank n. Their entries are integers
of absolute value at most 2, and at most 11 n of them are not zero, 11 n + 1 if q = n + 1.

Let W0 carry the nonzero rows of A to zero rows of C, so that W0 B = 0 and C' = C + W0 A has signed
unit vectors as columns, and so has J = D^T W0 - B^T. If q = n + 1, append to C' the missing unit
vector u, and D^T u to J. The signed permutation Theta = J^T C' of determinant 1 is
reversed by an involution K, K Theta K = Theta^-1, that fixes the last coordinate if q = n + 1, and
that is similar to the involution K Theta: (K Theta) g = g K. With D' = C' K J^T and G = C' g,

    M = L(-W0) U(X) L(Y) U(Z) L(W) U(V),
    V = C'^T (D - D')    Y = G    Z = (K - I) G^-1
    W = D' (C' - Y)      X = (B - A V - Z) D',

cut back to n coordinates in the first half, since D' = D'^-1 = G K G^-1 = I + Y Z and Z Y = K - I.

K and g are those of `exactflow.linear.factor.involutions`. The bounds are derived in the script
permutations.

Source: Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in normalizing
flows* (ICML 2021), a bounded number of layers, for permutations; six layers after Urschel (2024).

How it is checked
-----------------
*Exact* on every call of `factor`. The tests assert the bounds on every even permutation of up to 8
coordinates, every signed one of up to 6, and on samples.
"""

from collections.abc import Sequence

import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.sparse_array import SparseInt64Matrix
from exactflow.exact.typing import HALVES, Half
from exactflow.explanation.steps import record_step
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor.assembly import with_halves_exchanged
from exactflow.linear.factor.involutions import (
    CooMatrix,
    SignedPermutation,
    find_reversing_involution_fixing_last,
)

Indices = Sequence[int] | np.ndarray


def at_most_six_layers_of_det_1_permutation(
    perm: Indices, signs: Indices, partition: tuple[int, int] | None = None
) -> list[LinearCoupling]:
    """Return at most six layers, in order of application, for ``y[i] = signs[i] * x[perm[i]]``, a
    map of determinant 1 on d >= 2 coordinates. The sizes of the halves differ by at most one.

    The entries of the shifts are integers of absolute value at most 2. All shifts together have at
    most 11 n nonzero entries, or 11 n + 1 if the sizes of the halves differ; n is the size of the
    smaller half.

    Layers with the shift zero are dropped, and neighbours that move the same half are merged.
    """
    d = len(perm)
    p, q = partition or (d // 2, d - d // 2)
    is_exchanged = p > q
    if is_exchanged:
        perm, signs = (np.roll(perm, -p) - p) % d, np.roll(signs, -p)
        p, q = q, p
    perm, signs = np.asarray(perm), np.asarray(signs)
    merged: list[tuple[Half, SparseInt64Matrix]] = []
    shifts = _compute_six_shifts_and_record_steps(perm, signs, p)
    for half, shift in zip(HALVES * 3, shifts, strict=True):
        shape = (p, q) if half == "first" else (q, p)
        array = _to_sparse_array(shift, shape)
        if merged and merged[-1][0] == half:
            array = merged.pop()[1] + array
        if len(array.places):
            merged.append((half, array))
    layers = [LinearCoupling.trusted((p, q), half, array) for half, array in merged]
    return with_halves_exchanged(layers) if is_exchanged else layers


def _find_nonzero_rows_images_and_extended_blocks(
    perm: np.ndarray, signs: np.ndarray, first_size: int
) -> tuple[np.ndarray, np.ndarray, CooMatrix, SignedPermutation, SignedPermutation]:
    """Return the parts of ``y[i] = signs[i] * x[perm[i]]`` from which the shifts are computed; the
    first half has `first_size` coordinates.

    They are the indices of the nonzero rows of A, the indices of the zero rows of C to which W0
    carries these rows, the block D, and the matrices C' and J of the module docstring, with a
    column appended if q = n + 1.
    """
    n = first_size
    nonzero_rows, zero_rows = np.flatnonzero(perm[:n] < n), np.flatnonzero(perm[n:] >= n)
    images, u = np.split(zero_rows, [len(nonzero_rows)])
    D = CooMatrix(zero_rows, perm[n:][zero_rows] - n, signs[n:][zero_rows])

    columns = SignedPermutation(perm, signs).T
    place = np.arange(-n, len(perm) - n)
    place[nonzero_rows] = images
    unit_signs = np.append(columns.signs[:n], np.ones_like(u))
    C = SignedPermutation(np.append(place[columns.rows[:n]], u), unit_signs)

    rows = np.append(np.arange(n), n + u)
    rows[nonzero_rows] = n + images
    J = SignedPermutation(perm[rows] - n, np.where(rows < n, -1, 1) * signs[rows])
    return nonzero_rows, images, D, C, J


def _compute_six_shifts_and_record_steps(
    perm: np.ndarray, signs: np.ndarray, first_size: int
) -> list[CooMatrix]:
    """Return the shifts V, W, Z, Y, X and -W0, and record the steps of the explanation."""
    n = first_size
    nonzero_rows, images, D, C, J = _find_nonzero_rows_images_and_extended_blocks(perm, signs, n)
    found = find_reversing_involution_fixing_last(J.T @ C)
    # D1 is the matrix D' of the module docstring
    D1 = C @ found.vectors @ found.K @ (J @ found.vectors).T

    # B - A V = W0^T D' - J^T; both terms have at most one nonzero entry in each row
    rows_of_D1 = np.zeros((2, n), dtype=np.int64)
    rows_of_D1[:, nonzero_rows] = D1.rows[images], D1.signs[images]
    row = np.arange(n)
    B_less_AV = [CooMatrix(row, J.rows[:n], -J.signs[:n]), CooMatrix(row, *rows_of_D1)]

    # A sign for each sign class brings Z near both terms of B - A V: the signs minimize the sum of
    # the fourth powers of the entries of term - Z, for both terms.
    E, classes = C @ found.vectors, found.sign_classes
    Z = found.Z.multiply_left_and_right_transposed(found.vectors, E)
    inside = Z.rows < n
    rows, columns, z = Z.select_entries(inside)
    met = sum(term.values[rows] * (term.columns[rows] == columns) for term in B_less_AV)
    classes_of_entries = classes[found.Z.rows[inside]]
    gain = np.bincount(classes_of_entries, met * z * (met**2 + z**2), len(classes))
    F = found.vectors.scale_columns(np.where(gain < 0, -1, 1)[classes])
    G = found.g.multiply_left_and_right_transposed(E, F)
    Z = found.Z.multiply_left_and_right_transposed(F, E)
    Y, Z = G.select_entries(G.columns < n), Z.select_entries(Z.rows < n)

    V = CooMatrix.sum_of([D, -D1.entries]).multiply_left(C.T)
    W = CooMatrix.sum_of([C.entries.select_entries(slice(n)), -Y]).multiply_left(D1)
    X = CooMatrix.sum_of([*B_less_AV, -Z]).multiply_right_transposed(D1)
    W0 = CooMatrix(images, nonzero_rows, np.ones_like(images))
    shifts = [V.select_entries(V.rows < n), W, Z, Y, X, -W0]
    involution = found.K.entries.multiply_left_and_right_transposed(F, F)
    _record_steps_of_involutions_and_shears(
        (n, len(perm) - n), [C.entries, J.entries, involution, D1.entries, G], shifts
    )
    return shifts


def _record_steps_of_involutions_and_shears(
    partition: tuple[int, int], square_matrices: Sequence[CooMatrix], shifts: Sequence[CooMatrix]
) -> None:
    """Record two steps of the explanation: the involutions, and the six shears.

    The square matrices are C', J, K, D' and G; the explanation calls D' P.
    """
    n, q = partition

    def name_matrices_of_factorization_and_Theta() -> dict[str, DomainMatrix]:
        named = zip(("C'", "J", "K", "P", "G"), square_matrices, strict=True)
        values = {name: _to_dense(entries, (q, q)) for name, entries in named}
        return values | {"Theta": values["J"].transpose() * values["C'"]}

    appended = "; the missing unit vectors are appended" if q > n else ""
    record_step(
        "two involutions",
        "A shift adds each nonzero row of `A` to a zero row of `C`; the result, `C'`, has signed "
        "unit vectors as columns. `J` has a column for each row of `A`: if that row is zero, the "
        "same row of `-B`; if it was added to a row of `C`, the row of `D` beside that one"
        f"{appended}. `Theta = J^T C'` is a signed permutation of determinant 1. An involution "
        "`K` reverses it: `K Theta K` is its inverse. So `K Theta` is an involution, too; it is "
        "similar to `K`, and a matrix `G` carries `K` to `P = C' K J^T`: `P G = G K`.",
        "Theta = J^T C', det(Theta) = 1, K K = I, K Theta K Theta = I, P = C' K J^T, P G = G K",
        name_matrices_of_factorization_and_Theta,
        "Theorem 6 of exactflow.linear.factor.permutation, after Koehler, Mehta, Risteski 2021",
    )
    names, shapes = ("V", "W", "Z", "Y", "X", "W0"), [(n, q), (q, n)] * 3
    record_step(
        "two involutions",
        "Six shears of integers follow: `W0` undoes the shift, `Y` is `G`, cut to the first half, "
        "and the others solve linear equations with signed permutations.",
        "L(W0) U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D), "
        + ", ".join(f"largest({name}) <= 2" for name in names),
        lambda: dict(zip(names, map(_to_dense, shifts, shapes), strict=True)),
    )


def _to_sparse_array(entries: CooMatrix, shape: tuple[int, int]) -> SparseInt64Matrix:
    flat_places = shape[1] * entries.rows + entries.columns
    return SparseInt64Matrix.from_summed_entries(shape, [flat_places], [entries.values])


def _to_dense(entries: CooMatrix, shape: tuple[int, int]) -> DomainMatrix:
    """Return a sparse matrix as a dense matrix over QQ."""
    return _to_sparse_array(entries, shape).to_sparse_matrix().to_dense()
