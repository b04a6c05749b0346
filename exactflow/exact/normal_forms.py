"""Normal forms of a square matrix under similarity, over any field.

Main results
------------
For an irreducible f the blocks of M at f are counted by ranks: the number of companion blocks of
f^k or a higher power is (rank f(M)^(k-1) - rank f(M)^k) / deg f. Chains that realize these blocks
give a basis in which M is a direct sum of companion matrices of powers of irreducible polynomials,
its elementary divisors. Only the characteristic polynomial is factored, and no field is extended.

A polynomial is its list of coefficients, highest degree first; irreducible ones are monic.
"""

from collections.abc import Callable, Sequence

from sympy import Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.factortools import dup_factor_list
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.typing import DescendingCoefficients


def irreducible_factors(f: DescendingCoefficients, field: Domain) -> list[tuple[tuple, int]]:
    """Return the monic irreducible factors of a nonzero polynomial, each with its multiplicity."""
    if len(f) == 1:
        return []
    _, factors = dup_factor_list(list(f), field)
    return [(tuple(c / factor[0] for c in factor), k) for factor, k in factors]


def format_polynomial(f: DescendingCoefficients, field: Domain) -> str:
    """Return a polynomial as text, such as 'x**2 - 2'. If x is a symbol of the field, the variable
    is x' instead.
    """
    name = "x"
    while name in map(str, getattr(field, "symbols", ())):
        name += "'"
    x, degree = Symbol(name), len(f) - 1
    return str(sum(field.to_sympy(c) * x ** (degree - i) for i, c in enumerate(f)))


def companion_block_exponents(
    M: DomainMatrix, f: DescendingCoefficients, rank: Callable[[DomainMatrix], int] = linalg.rank
) -> tuple[int, ...]:
    """Return the exponents k, largest first, of the companion blocks of f^k in the normal form of
    M; f is irreducible. For f = x - e they are the sizes of the Jordan blocks of M at eigenvalue e.
    """
    n, degree = M.shape[0], len(f) - 1
    if n == 0:
        return ()
    factor = linalg.polynomial_at(f, M)
    product, previous, counts = factor, n, []
    while (current := rank(product)) < previous:
        counts.append((previous - current) // degree)
        previous, product = current, product * factor
    return conjugate_partition(counts)


def conjugate_partition(parts: Sequence[int]) -> tuple[int, ...]:
    """Return the conjugate partition: (2, 1, 1) for (3, 1)."""
    return tuple(sum(part >= k for part in parts) for k in range(1, max(parts, default=0) + 1))


def elementary_divisors(M: DomainMatrix) -> dict[tuple, tuple[int, ...]]:
    """Return a dict from the irreducible factors of the characteristic polynomial of M to the
    `companion_block_exponents` of M at each factor.
    """
    if M.shape[0] == 0:
        return {}
    factors = irreducible_factors(M.charpoly_berk(), M.domain)
    return {f: (1,) if k == 1 else companion_block_exponents(M, f) for f, k in factors}


def fitting_basis_and_last_nilpotent_size(M: DomainMatrix) -> tuple[DomainMatrix, int]:
    """Return (Q, m) such that Q^-1 M Q = diag(M1, M0), where M1 is invertible, and the m x m matrix
    M0 is nilpotent.
    """
    n = M.shape[0]
    high = M**n
    image = linalg.column_basis(high)
    return image.hstack(linalg.kernel(high)), n - image.shape[1]


def cyclic_generators_and_exponents(
    M: DomainMatrix, f: DescendingCoefficients
) -> list[tuple[DomainMatrix, int]]:
    """Return pairs of a vector v and an exponent k with f(M)^k v = 0 and f(M)^(k - 1) v != 0, the
    largest exponents first. For an n x n matrix M, ker f(M)^n is the direct sum of the cyclic
    spaces that the vectors generate.

    A vector v with the exponent k is accepted if f(M)^(k-1) v, the end of its chain, is independent
    of the ends found so far: the ends lie in ker f(M), and chains with independent ends are
    independent.
    """
    sizes = companion_block_exponents(M, f)
    factor = linalg.polynomial_at(f, M)
    found: list[tuple[DomainMatrix, int]] = []
    ends: list[DomainMatrix] = []
    for k in sorted(set(sizes), reverse=True):
        lower = factor ** (k - 1)
        space = linalg.kernel(lower * factor)
        for i in range(space.shape[1]):
            v = space[:, i]
            end = lower * v
            if sum(size == k for _, size in found) == sizes.count(k):
                break
            if linalg.rank(linalg.from_columns([*ends, end])) > len(ends):
                found.append((v, k))
                ends.extend(orbit(M, end, len(f) - 1))
    return found


def orbit(M: DomainMatrix, v: DomainMatrix, length: int) -> list[DomainMatrix]:
    """Return the `length` columns v, M v, M^2 v, .."""
    vectors = [v]
    for _ in range(length - 1):
        vectors.append(M * vectors[-1])
    return vectors


def largest_invariant_left_kernel(D: DomainMatrix, C: DomainMatrix) -> DomainMatrix:
    """Return a matrix L whose rows are a basis of the largest space of rows for which L C = 0 and
    L D = Du L with some matrix Du.

    Du is the map that D induces on the quotient by the least D-invariant space that contains im C.
    For every V the matrix D - C V induces the same map.
    """
    spanned = linalg.column_basis(C)
    while (grown := linalg.column_basis(spanned.hstack(D * spanned))).shape != spanned.shape:
        spanned = grown
    return linalg.left_kernel(spanned)
