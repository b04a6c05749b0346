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
    for factor, _ in irreducible_factors(f, field):
        at_one, chains = is_x_minus_one(factor), []
        for M in (D, a):
            step = linalg.polynomial_at(factor, M) if at_one else M
            longest_first = cyclic_generators_and_exponents(M, factor)
            chains.append([orbit(step, v, k * (len(factor) - 1)) for v, k in longest_first])
        for left, right in zip_longest(*chains, fillvalue=[]):
            s, t = len(left), len(right)
            if abs(s - t) > at_one:
                return None
            i, j = len(of_D), len(of_a)
            of_D += left
            of_a += right
            # at the eigenvalue 1, Z and Y alternate along both chains, from the longer one on
            late_Y, late_Z = (1, 0) if s > t else (0, 1)
            ones_of_Y += [(i + k + late_Y, j + k) for k in range(min(s, t))]
            if at_one:
                ones_of_Z += [(j + k + late_Z, i + k) for k in range(min(s, t - late_Z))]
            else:
                inverted += [(j + k, i + k) for k in range(s)]
    Q, R = linalg.from_columns(of_D), linalg.from_columns(of_a)
    Q_inverse, one = Q.inv(), linalg.identity(q, field)
    Y = Q * linalg.matrix_of_ones(ones_of_Y, (q, p), field) * R.inv()
    shift = linalg.matrix_of_ones(inverted, (p, q), field) * Q_inverse * (D - one)
    return Y, R * (shift + linalg.matrix_of_ones(ones_of_Z, (p, q), field) * Q_inverse)
