"""Decide the patterns of at most four additive layers, and solve for the layers.

A, B, C, D are the blocks of a matrix M, and a, b, c, d those of its inverse
(`exactflow.linear.depth.pattern`).

Main results
------------
`decide_at_most_two_layers`, `decide_additive_ULU` and `decide_additive_ULUL` decide, over any
field, the patterns I, U and U L, the pattern U L U, and the pattern U L U L. Each returns the
shifts of the layers, from left to right in the product, or the reason of an obstruction
(`exactflow.linear.depth.obstruction`). For a pattern that starts with L, the halves of the matrix
are exchanged before, and the shifts belong to the exchanged matrix. Sources: Flanders 1951 for the
products Y Z and Z Y; Urschel 2024 for four and five layers of block-diagonal matrices.

If D is singular, the shift Y of four layers is split by Fitting's lemma. On the generalized kernels
of a and D, a solution Y of the linear equations is invertible: if Y x = 0 and a x = 0, then x = B r
for a column r with D r = 0, and r = -Y B r = -Y x = 0, so that x = 0. On the complements of the
generalized kernels Flanders' theorem decides.

How it is checked
-----------------
*Exact*: the shifts are part of the flow that `minimal_depth` verifies, and `minimal_depth` calls
the `check` of each obstruction.

Implementation notes
--------------------
Flanders' conditions are tested from the cheapest test on: equal traces, equal characteristic
polynomials, a vector that is cyclic for both matrices, and last the block sizes, which need ranks.
"""

from itertools import zip_longest
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.flanders import (
    is_x_minus_one,
    pad_smaller_by_identity,
    search_controller_bases,
    solve_I_plus_YZ_and_ZY,
)
from exactflow.exact.linalg import Blocks, SolutionOrRefutation
from exactflow.exact.normal_forms import (
    companion_block_exponents,
    fitting_basis_and_last_nilpotent_size,
    irreducible_factors,
)
from exactflow.linear.depth.equations import (
    Equation,
    entry_reason_against_at_most_two_letters,
    solve_for_flattened_matrices,
)
from exactflow.linear.depth.pattern import PatternInstance, Reason

Shifts = list[DomainMatrix]
"""The shifts of the layers, from left to right in the product."""


def decide_at_most_two_layers(instance: PatternInstance) -> Shifts | Reason:
    """Return the shifts of a pattern of at most two letters, or a reason why there are none."""
    reason = entry_reason_against_at_most_two_letters(instance)
    _, B, C, _ = instance.blocks_for_pattern
    return reason or [B, C][: len(instance.pattern)]


def decide_additive_ULU(blocks: Blocks) -> Shifts | Reason:
    """Decide U(X) L(C) U(Z): solve X C = A - I, C Z = D - I and X + A Z = B for X and Z.

    Return the shifts X, C, Z, or a reason whose witness is a multiplier that refutes the equations.
    The first two equations determine X up to rows l with l C = 0, and Z up to columns r with
    C r = 0. These rows and columns are chosen such that the third equation holds.
    """
    A, B, C, D = blocks
    A1, D1 = (M - linalg.identity(M.shape[0], M.domain) for M in (A, D))
    of_A, of_D, of_B = ((M - M).transpose() for M in (A, D, B))
    X, column = _solve_left_factor_or_kernel_vector(C, A1)
    if column is not None:
        return Reason(
            "linear", (column * _unit_vector_row_at_first_nonzero(A1 * column), of_D, of_B)
        )
    Z, row = linalg.solve(C, D1)
    if row is not None:
        column = _unit_vector_row_at_first_nonzero((row * D1).transpose()).transpose()
        return Reason("linear", (of_A, column * row, of_B))
    r, lk = linalg.kernel(C), linalg.left_kernel(C)
    free, wrong = _solve_two_sided_sum(A * r, lk, B - X - A * Z)
    if wrong is None:
        return [X + free[1] * lk, C, Z + r * free[0]]
    # Solve k = C z for z, and y A = t C for t. The row t exists, since y A r = 0.
    y, k = wrong
    z, _ = linalg.solve(C, k)
    t, _ = _solve_left_factor_or_kernel_vector(C, y * A)
    return Reason("linear", (-(z * y), -(k * t), k * y))


def _solve_left_factor_or_kernel_vector(C: DomainMatrix, E: DomainMatrix) -> SolutionOrRefutation:
    """Return (X, None) with X C = E, or (None, k) for a column k with C k = 0 and E k != 0."""
    X, row = linalg.solve(C.transpose(), E.transpose())
    return (None, row.transpose()) if X is None else (X.transpose(), None)


def _unit_vector_row_at_first_nonzero(column: DomainMatrix) -> DomainMatrix:
    """Return the unit vector, as a row, with its 1 at the first nonzero entry of the column."""
    place = next(i for i, entry in enumerate(column.to_list_flat()) if entry)
    return linalg.unit_vector(column.shape[0], place, column.domain).transpose()


def _solve_two_sided_sum(
    K: DomainMatrix, lk: DomainMatrix, E: DomainMatrix
) -> SolutionOrRefutation:
    """Solve K S + T lk = E for S and T, where K has full column rank and lk has full row rank.

    Return ((S, T), None); if there is no solution, return (None, (y, k)) for a row y and a column k
    with y K = 0, lk k = 0 and y E k != 0.
    """
    T_row = linalg.right_inverse(lk) if lk.shape[0] else lk.transpose()
    S_column = linalg.left_inverse(K) if K.shape[1] else K.transpose()
    rest = E - E * T_row * lk
    S = S_column * rest
    wrong = rest - K * S
    if wrong.is_zero_matrix:
        return (S, E * T_row), None
    left = linalg.left_kernel(K)
    right = linalg.kernel(lk)
    wrong_rows = (left * E * right).to_list()
    i, j = next((i, j) for i, row in enumerate(wrong_rows) for j, x in enumerate(row) if x)
    return None, (left[i, :], right[:, j])


def reason_unless_identity_plus_products_exist(D: DomainMatrix, a: DomainMatrix) -> Reason | None:
    """Decide whether some Y and Z give D = I + Y Z and a = I + Z Y.

    Return None if such Y and Z exist, else a reason why they do not exist.
    """
    large, other = pad_smaller_by_identity(D, a)
    if linalg.trace(large) != linalg.trace(other):
        return Reason("trace", 1)
    f, g = large.charpoly_berk(), other.charpoly_berk()
    for k, (x, y) in enumerate(zip(f, g, strict=True)):
        if x != y:
            return Reason("trace", k)
    if search_controller_bases(large, other, f):
        return None
    # Flanders' condition: D and a have blocks of equal sizes at each irreducible factor; at x - 1
    # the k-th sizes may differ by one, for each k. A missing block has size 0.
    for factor, multiplicity in irreducible_factors(f, D.domain):
        if multiplicity > 1:
            of_D, of_a = (companion_block_exponents(M, factor) for M in (D, a))
            pairs = zip_longest(of_D, of_a, fillvalue=0)
            if any(abs(x - y) > is_x_minus_one(factor) for x, y in pairs):
                return Reason("similarity", (factor,))
    return None


def decide_additive_ULUL(blocks: Blocks, inverse_A: DomainMatrix) -> Shifts | Reason:
    """Decide whether the matrix M with the given blocks A, B, C, D is a product
    U(X) L(Y) U(Z) L(W). Return the shifts X, Y, Z, W, or a reason why there are none.

    The first step is to find Y and Z with D = I + Y Z and a = I + Z Y, where a is `inverse_A`, the
    upper left block of M^-1.
    """
    _, B, C, D = blocks
    reason = reason_unless_identity_plus_products_exist(D, inverse_A)
    if reason is not None:
        return reason
    inverse = linalg.inverse_or_none(D)
    if inverse is None:
        return _decide_additive_ULUL_for_singular_D(blocks, inverse_A)
    Y, Z = _factor_D_and_a_minus_identity_as_YZ_ZY(D, inverse_A)
    return [(B - Z) * inverse, Y, Z, inverse * (C - Y)]


def _factor_D_and_a_minus_identity_as_YZ_ZY(
    D: DomainMatrix, a: DomainMatrix
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return Y, Z with D - I = Y Z and a - I = Z Y; D and a must fulfil Flanders' conditions."""
    i, j = D.shape[0], a.shape[0]
    if not i or not j:
        return linalg.zeros(i, j, D.domain), linalg.zeros(j, i, D.domain)
    pair: Any = solve_I_plus_YZ_and_ZY(D, a)
    return pair


def _decide_additive_ULUL_for_singular_D(
    blocks: Blocks, inverse_A: DomainMatrix
) -> Shifts | Reason:
    """Return the shifts of U L U L for singular D, or a reason why there are none.

    `inverse_A` is the upper left block a of M^-1.
    """
    (A, B, C, D), a = blocks, inverse_A
    (P, m), (Q, _) = map(fitting_basis_and_last_nilpotent_size, (D, a))
    j, i, field = D.shape[0] - m, a.shape[0] - m, D.domain
    P_inverse, Q_inverse, one = P.inv(), Q.inv(), linalg.identity(m, field)
    of_D, of_a = P_inverse * D * P, Q_inverse * a * Q
    D0, a0 = of_D[j:, j:], of_a[i:, i:]
    r, lk = linalg.kernel(D), linalg.left_kernel(D)
    system = [
        Equation("Y a = D Y", D0 - D0, [("Y", one, a0), ("Y", -D0, one)]),
        Equation("l Y = l C", (lk * C * Q)[:, i:], [("Y", (lk * P)[:, j:], one)]),
        Equation("Y B r = -r", -(P_inverse * r)[j:, :], [("Y", one, (Q_inverse * B * r)[i:, :])]),
    ]
    solutions, multiplier = solve_for_flattened_matrices(system, m, m)
    if multiplier is not None:
        P0, L0, R0 = multiplier
        into, onto = Q[:, i:], P_inverse[j:, :]
        return Reason("linear", (into * P0 * onto, into * L0 * lk, r * R0 * onto))
    Y = DomainMatrix.from_list_flat(solutions[:, 0].to_list_flat(), (m, m), field)
    Z = Y.inv() * (D0 - one)
    if i or j:
        Y1, Z1 = _factor_D_and_a_minus_identity_as_YZ_ZY(of_D[:j, :j], of_a[:i, :i])
        Y, Z = linalg.direct_sum(Y1, Y), linalg.direct_sum(Z1, Z)
    Y, Z = P * Y * Q_inverse, Q * Z * P_inverse
    # X and W solve X D = B - Z, D W = C - Y and X Y + B W = A - I. The first two equations
    # determine X up to rows in the left kernel of D, and W up to columns in the kernel of D. These
    # rows and columns are chosen such that the third equation holds.
    X, _ = _solve_left_factor_or_kernel_vector(D, B - Z)
    W, _ = linalg.solve(D, C - Y)
    missing = A - linalg.identity(A.shape[0], field) - X * Y - B * W
    (S, T), _ = _solve_two_sided_sum(B * r, lk * C, missing)
    return [X + T * lk, Y, Z, W + r * S]
