"""Spectra of R and of K R that differ in one place only: the lemma behind two routes.

Main results
------------
For every invertible K there is an invertible R such that R and K R are diagonalizable and, with
mu = det K, the eigenvalues of R and mu are those of K R and 1. If mu = 1, R and K R have the same
eigenvalues, and K is a commutator (Shoda 1936, Thompson 1961). A constructive case of Sourour's
theorem on products with prescribed spectra (A factorization theorem for matrices, Linear and
Multilinear Algebra 19, 1986), scalar K included.

How it is checked
-----------------
*Exact* on every call of `factor`.

Implementation notes
--------------------
In a Krylov flag of K - I (controller bases, run after run) K = U1 L1: L1 unit lower bidiagonal, U1
upper triangular with diagonal u_1 .. u_m at the m run starts, whose product is mu, and ones
elsewhere. R = L1^-1 diag(r) and K R = U1 diag(r) are triangular. The r at the starts are the
partial products 1, u_1, u_1 u_2, .., so that the u_i r_i are the next ones, and mu the last. A
stretch of factors that multiply to 1 is taken out, times a constant of its own, and so is every
place where the factor is 1: all r are distinct, and none is mu unless mu = 1. The constants
1, 1/2, 1/3, .. make the eigenvectors of L1^-1 diag(r) the Pascal matrix.
"""

from typing import NamedTuple

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import krylov, linalg
from exactflow.exact.typing import Element

__all__ = ["PairedSpectra", "paired_spectra"]


class PairedSpectra(NamedTuple):
    """R = H lower H^-1, with lower = L1^-1 diag(r), and the unit triangular eigenvectors of it and
    of H^-1 K R H.

    Column i of V_upper has the eigenvalue of column places[i] of V_lower; n stands for det K, and
    there is one such i if det K is not 1.
    """

    H: DomainMatrix
    H_inverse: DomainMatrix
    L1: DomainMatrix
    lower: DomainMatrix
    r: list[Element]
    V_lower: DomainMatrix
    V_upper: DomainMatrix
    places: list[int]


def paired_spectra(K: DomainMatrix) -> PairedSpectra:
    """Return an R for an invertible n x n matrix K.

    Raises `FieldTooSmallError` over a finite field that has not enough elements.

    >>> from sympy import QQ
    >>> spectra = paired_spectra(linalg.diagonal([QQ(2), QQ(3)], QQ))
    >>> print(*spectra.r)  # the eigenvalues of R; those of K R are det K = 6 and 1/2
    1 1/2
    >>> spectra.places
    [2, 1]
    """
    n, field = K.shape[0], K.domain
    H, H_inverse, runs = krylov.krylov_flag(K - linalg.identity(n, field))
    starts = [sum(runs[:k]) for k in range(len(runs))]
    L1 = _unit_bidiagonal(n, starts, field)
    L1_inverse = L1.inv()
    U1 = H_inverse * K * H * L1_inverse
    u = {i: U1[i, i].element for i in starts}
    r, det = _matched_diagonal(n, u, field)
    upper, lower = U1 * linalg.diagonal(r, field), L1_inverse * linalg.diagonal(r, field)
    V_lower = _reverse(krylov.triangular_eigenvectors(_reverse(lower)))
    V_upper = krylov.triangular_eigenvectors(upper)
    places = [[*r, det].index(x * u.get(i, field.one)) for i, x in enumerate(r)]
    return PairedSpectra(H, H_inverse, L1, lower, r, V_lower, V_upper, places)


def _unit_bidiagonal(n: int, starts: list[int], field: Domain) -> DomainMatrix:
    """Return I with ones below the diagonal, except above the start of each run."""
    ones = {(i, i) for i in range(n)} | {(i, i - 1) for i in range(1, n) if i not in starts}
    rows = [[field.one if (i, j) in ones else field.zero for j in range(n)] for i in range(n)]
    return linalg.from_entries(rows, (n, n), field)


def _reverse(M: DomainMatrix) -> DomainMatrix:
    """Return M with rows and columns in reverse order: lower becomes upper triangular."""
    order = list(range(M.shape[0] - 1, -1, -1))
    return M.extract(order, order)


def _matched_diagonal(n: int, u: dict, field: Domain) -> tuple[list, Element]:
    """Return distinct nonzero r_0 .. r_(n-1), which with the product of all u_i are the u_i r_i and
    1, up to order; and that product.

    `u` maps some places to factors; elsewhere the factor is 1. Along a stretch of places the r are
    the partial products, times a constant where the factors multiply to 1.
    """
    stretches, r, det = _stretches(u, field)
    used = {*r.values(), det} if r else set()
    for stretch in [*stretches, *({i: field.one} for i in range(n) if i not in u)]:
        for c in linalg.distinct_units(field):
            values = {i: c * partial for i, partial in stretch.items()}
            if used.isdisjoint(values.values()):
                break
        r.update(values)
        used.update(values.values())
    return [r[i] for i in range(n)], det


def _stretches(u: dict, field: Domain) -> tuple[list[dict], dict, Element]:
    """Cut the places into stretches of product 1, each with its distinct partial products, and a
    rest whose partial products are distinct; return them and the product of all.
    """
    stretches, open_places = [], []
    partial = field.one
    for i, factor in u.items():
        open_places.append((i, partial))
        partial *= factor
        start = next((k for k, (_, p) in enumerate(open_places) if p == partial), None)
        if start is not None:
            stretches.append({j: p / partial for j, p in open_places[start:]})
            del open_places[start:]
    return stretches, dict(open_places), partial
