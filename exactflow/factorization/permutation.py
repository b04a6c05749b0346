"""Permutations: six layers of small integers, in linear time.

Main results
------------
Every even permutation of d = 2n coordinates, and every signed permutation y[i] = +-x[perm[i]] of
determinant 1, is a product of at most six additive couplings whose entries are integers of absolute
value at most 2, nearly always at most 1, and of which at most 12 n are not zero; of five if its
block C is invertible. Let W0 carry the nonzero rows of A to the zero rows of C, so that W0 B = 0
and C' = C + W0 A is a signed permutation, as are E = B - W0^T D and N = -(C' E)^-1, det N = 1. With
P, Q = P N and G Q = P G of `monomial_commutator` and R = (Q - I) G^-1,

    M = L(-W0) U(X) L(Y) U(Z) L(W) U(V),
    X = W0^T - C'^T Q^-1 (I + R)    Y = G C'    Z = C'^T R
    W = P^-1 (C' - Y)               V = C'^T (D - P).

Source: Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in normalizing
flows* (ICML 2021), whose Theorem 1 this is for permutations; six layers after Urschel (2024).

How it is checked
-----------------
*Exact* on every call of `factor`. The bounds, 2 on the entries and 12 n on their number, are
asserted by the tests on every even permutation of 4, 6 and 8 coordinates, every signed one of 2, 4
and 6, and on samples.
"""

from collections.abc import Sequence

import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.sparse import SparseArray
from exactflow.factorization.monomial import Monomial, cycles_of, monomial_commutator
from exactflow.flows.flow import LinearCoupling

__all__ = ["permutation_layers", "permutation_sign", "signed_permutation"]

_ATTEMPTS = 8


def signed_permutation(matrix: DomainMatrix) -> tuple[list[int], list[int]] | None:
    """Return perm and signs with ``y[i] = signs[i] * x[perm[i]]``, or None if there are none.

    A sparse matrix over QQ takes time linear in its entries; a dense one is left at the first
    entry that does not fit.

    >>> signed_permutation(DomainMatrix([[QQ(0), QQ(1)], [QQ(-1), QQ(0)]], (2, 2), QQ))
    ([1, 0], [1, -1])
    """
    d = matrix.shape[0]
    if not matrix.domain.is_QQ:
        return None
    perm, signs = [d] * d, [0] * d
    one, minus_one = QQ.one, -QQ.one
    for (i, j), entry in matrix.iter_items():
        sign = 1 if entry == one else -1 if entry == minus_one else 0
        if signs[i] or not sign:
            return None
        perm[i], signs[i] = j, sign
    return (perm, signs) if set(perm) == set(range(d)) else None


def permutation_sign(perm: Sequence[int], signs: Sequence[int]) -> int:
    """Return the determinant, 1 or -1, of ``y[i] = signs[i] * x[perm[i]]``.

    >>> permutation_sign([1, 2, 0], [1, 1, -1])
    -1
    """
    return -1 if (len(perm) - len(cycles_of(perm)) + signs.count(-1)) % 2 else 1


def permutation_layers(perm: Sequence[int], signs: Sequence[int]) -> list[LinearCoupling]:
    """Return at most six layers, in order of application, for ``y[i] = signs[i] * x[perm[i]]``.

    The shifts are sparse, of integers of absolute value at most 2; of the attempts that differ in
    how cycles are cut, the first whose entries are at most 1 is taken, or else the best.

    Parameters
    ----------
    perm, signs : of one even length 2n, with determinant 1.

    >>> layers = permutation_layers([1, 0, 3, 2], [1, 1, 1, 1])
    >>> len(layers), max(layer.magnitude for layer in layers)
    (4, 1)
    """
    n = len(perm) // 2
    if list(perm) == list(range(2 * n)) and -1 not in signs:
        return []
    blocks = _blocks(np.array(perm), np.array(signs))
    best = _entries(blocks, 0)
    for attempt in range(1, _ATTEMPTS):
        if _largest(best) <= 1:
            break
        best = min(best, _entries(blocks, attempt), key=_largest)
    return [LinearCoupling((n, n), half, shift.to_matrix(QQ)) for half, shift in best]


def _blocks(perm: np.ndarray, signs: np.ndarray) -> list[Monomial]:
    """Return A, B, C, D."""
    n = len(perm) // 2
    M = Monomial(perm, signs).T
    halves = [(half, columns) for half in (0, 1) for columns in (slice(0, n), slice(n, None))]
    return [
        Monomial(M.rows[columns] % n, M.signs[columns] * (M.rows[columns] // n == half))
        for half, columns in halves
    ]


def _entries(blocks: list[Monomial], attempt: int) -> list[tuple[str, SparseArray]]:
    """Return which half moves and the shift, for each layer that changes anything.

    Neighbours that move the same half, once what was between them is gone, are one layer.
    """
    layers: list[tuple[str, SparseArray]] = []
    for half, terms in zip(("first", "second") * 3, _shifts(*blocks, attempt), strict=True):
        shift = _sum(terms)
        if layers and layers[-1][0] == half:
            shift = layers.pop()[1] + shift
        if len(shift.places):
            layers.append((half, shift))
    return layers


def _shifts(
    A: Monomial, B: Monomial, C: Monomial, D: Monomial, attempt: int
) -> list[list[Monomial]]:
    """Return V, W, Z, Y, X and -W0 as sums of monomial matrices."""
    n = len(A.rows)
    zero_rows = np.flatnonzero(C.T.signs == 0)
    nonzero_rows = np.flatnonzero(A.T.signs)
    W0 = Monomial.from_columns(n, nonzero_rows, np.roll(zero_rows, attempt), 1)
    C = C + W0 @ A
    E = B + -(W0.T @ D)
    K = C @ W0.T
    P, Q, G, R = monomial_commutator(-(C @ E).T, D, K, attempt)
    Y = [g @ C for g in G]
    shift = -(C.T @ Q.T)
    return [
        [C.T @ D, -(C.T @ P)],
        [P.T @ C, *(-(P.T @ y) for y in Y)],
        [C.T @ r for r in R],
        Y,
        [W0.T, shift, *(shift @ r for r in R)],
        [-W0],
    ]


def _sum(terms: list[Monomial]) -> SparseArray:
    n = len(terms[0].rows)
    columns = [np.flatnonzero(term.signs) for term in terms]
    return SparseArray.summed(
        (n, n),
        [n * term.rows[j] + j for term, j in zip(terms, columns, strict=True)],
        [term.signs[j] for term, j in zip(terms, columns, strict=True)],
    )


def _largest(layers: list[tuple[str, SparseArray]]) -> int:
    return max(shift.largest for _, shift in layers)
