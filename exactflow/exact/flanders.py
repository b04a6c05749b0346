"""Flanders' theorem: for which matrices D and a there are Y and Z with D = I + Y Z, a = I + Z Y.

Main results
------------
*Theorem* (Flanders, *Elementary divisors of AB and BA*, 1951). Let D be q x q and a p x p. Such Y
and Z, q x p and p x q, exist iff D and a have equal elementary divisors away from eigenvalue 1, and
their block sizes at 1, sorted and padded with zeros, differ by at most one each. Then their chains
are paired. Away from 1, and at blocks of equal size, Y maps a chain to its partner, and
Z = Y^-1 (D - I). At blocks of sizes k + 1 and k, Z and Y alternate along
e_0 -> e'_0 -> e_1 -> e'_1 -> .. -> e_k -> 0.

How it is checked
-----------------
*Exact*: the caller multiplies the layers that contain the pair.

Implementation notes
--------------------
Cyclic vectors of both matrices, the smaller one padded with ones, are tried first: their controller
bases give Y without factoring a polynomial.
"""

from collections.abc import Iterator
from itertools import zip_longest

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.normal_forms import cyclic_generators_and_exponents, irreducible_factors, orbit
from exactflow.exact.rational_matrix import to_dense_if_rational_matrix
from exactflow.exact.typing import DescendingCoefficients


def is_x_minus_one(f: DescendingCoefficients) -> bool:
    """Whether a monic irreducible polynomial f is x - 1."""
    return len(f) == 2 and f[0] == -f[1]


def pad_smaller_by_identity(D: DomainMatrix, a: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    """Return (D, a) in equal sizes: ones are appended to the diagonal of the smaller matrix.

    If D = I + Y Z and a = I + Z Y, the results have the same characteristic polynomial.
    """
    size = max(D.shape[0], a.shape[0])
    ones = (linalg.identity(size - M.shape[0], M.domain) for M in (D, a))
    D, a = (linalg.direct_sum(M, one) for M, one in zip((D, a), ones, strict=True))
    return D, a


def search_controller_bases(
    D: DomainMatrix, a: DomainMatrix, charpoly: DescendingCoefficients
) -> tuple[krylov.BasisAndInverse, krylov.BasisAndInverse] | None:
    """Return a controller basis of D and a controller basis of a, each with its inverse; None
    unless both are found. Both matrices must have the characteristic polynomial `charpoly`.
    """
    of_D = krylov.search_controller_basis(D, charpoly)
    if of_D is None or (of_a := krylov.search_controller_basis(a, charpoly)) is None:
        return None
    return of_D, of_a


def solve_I_plus_YZ_and_ZY(
    D: DomainMatrix, a: DomainMatrix
) -> tuple[DomainMatrix, DomainMatrix] | None:
    """Return (Y, Z) with D = I + Y Z and a = I + Z Y, or None if there is no such pair.

    The pair is not unique; if D is singular, Y may be singular.
    """
    q, p, field = D.shape[0], a.shape[0], D.domain
    large, other = pad_smaller_by_identity(D, a)
    f = large.charpoly_berk()
    if f != other.charpoly_berk():
        return None
    if (bases := search_controller_bases(large, other, f)) is not None:
        (H, H_inverse), (K, K_inverse) = bases
        one = linalg.identity(large.shape[0], field)
        Y, Z = H * K_inverse, K * H_inverse * (large - one)
        return to_dense_if_rational_matrix(Y)[:q, :p], to_dense_if_rational_matrix(Z)[:p, :q]
    of_D: list[DomainMatrix] = []
    of_a: list[DomainMatrix] = []
    ones_of_Y: list[tuple[int, int]] = []  # (i, j): Y maps vector j of `of_a` to vector i of `of_D`
    ones_of_Z: list[tuple[int, int]] = []  # (i, j): Z maps vector j of `of_D` to vector i of `of_a`
    inverted: list[tuple[int, int]] = []  # the ones of Y^-1, for chains with Z = Y^-1 (D - I)
    for factor, _ in irreducible_factors(f, D.domain):
        for left, right in _pair_chain_bases(D, a, factor):
            if abs(len(left) - len(right)) > is_x_minus_one(factor):
                return None
            i, j = len(of_D), len(of_a)
            of_D.extend(left)
            of_a.extend(right)
            y, z = _places_of_ones_in_Y_and_Z(len(left), len(right))
            ones_of_Y.extend((i + s, j + t) for s, t in y)
            if is_x_minus_one(factor):
                ones_of_Z.extend((j + s, i + t) for s, t in z)
            else:
                inverted.extend((j + t, i + s) for s, t in y)
    Q, R = linalg.from_columns(of_D), linalg.from_columns(of_a)
    Q_inverse, one = Q.inv(), linalg.identity(q, field)
    Y = Q * linalg.matrix_of_ones(ones_of_Y, (q, p), field) * R.inv()
    shift = linalg.matrix_of_ones(inverted, (p, q), field) * Q_inverse * (D - one)
    return Y, R * (shift + linalg.matrix_of_ones(ones_of_Z, (p, q), field) * Q_inverse)


def _pair_chain_bases(
    D: DomainMatrix, a: DomainMatrix, f: DescendingCoefficients
) -> Iterator[tuple[list[DomainMatrix], ...]]:
    """Pair the chains of D with the chains of a at an irreducible polynomial f, the longest ones
    first. Yield for each pair a basis of the chain of D and a basis of the chain of a. The basis of
    a missing chain is empty.
    """
    found = []
    for M in (D, a):
        step = linalg.polynomial_at(f, M) if is_x_minus_one(f) else M
        generators = cyclic_generators_and_exponents(M, f)
        found.append([orbit(step, v, size * (len(f) - 1)) for v, size in generators])
    return zip_longest(*found, fillvalue=[])


def _places_of_ones_in_Y_and_Z(
    chain_size_in_D: int, chain_size_in_a: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return two lists of places (i, j) for a pair of chains, in the bases of the chains: the ones
    of Y, and the ones of Z if the eigenvalue is 1.
    """
    late_Y, late_Z = (1, 0) if chain_size_in_D > chain_size_in_a else (0, 1)
    return (
        [(j + late_Y, j) for j in range(chain_size_in_a) if j + late_Y < chain_size_in_D],
        [(i + late_Z, i) for i in range(chain_size_in_D) if i + late_Z < chain_size_in_a],
    )
