"""Halves of n and n + 1 coordinates: five layers where C has rank n, six always.

Main results
------------
Let M = [[A, B], [C, D]] have n + q coordinates, q = n + 1, and determinant 1; [[a, b], [c, d]] is
its inverse. If rank C = n, there is an n x q matrix V such that T = D + C V is similar to
diag(S, 1), S = a - V c: T G = G diag(S, 1). With Y = G[:, :n] and X = (S - 1) G^-1[:n, :], so that
T = 1 + Y X and S = 1 + X Y,

    M = U(-W) L(Y) U(X) L(-(c + Y) S^-1) U(-V),     W = S^-1 (X + b - V d).

If rank B = n, the transpose gives five layers LULUL. Else some L(W0) M has a C of rank n: six
layers. With `commutator`: six in every dimension, over every infinite field. To our knowledge new;
nearest: Urschel (2024) for halves of one size, Sourour (1986) for the spectra, and Jin, Lin and
Xiao (arXiv 2108.00223) for symplectic matrices as five unit triangular factors.

*Proof.* Let u span the rows with u C = 0, and v = u D. Then v c = -u C a = 0, u T = v whatever V
is, and T c = -C S: T maps the hyperplane H = im c = ker v onto E = im C as S says.

- H is not E. Let S have n distinct eigenvalues, neither 0 nor 1, such that no eigenvector of T is
  in H: almost every such S, as S x would have to be parallel to one given vector for some x in
  H and E, a space of dimension n - 1. V = (a - S) c^+ + w v, c^+ a left inverse, w any column. Then
  charpoly(T) is affine in w, with the right determinant whatever w is, and any polynomial with it
  can be had: n linear equations make it (x - 1) charpoly(S), of distinct roots.
- H = E: c = -C K, v = mu u, mu = det K. T C = C R and S = R K, for any invertible R. `spectra` has
  one such that the eigenvalues of R and mu are those of S and 1. With any x0 outside of E, T may be
  [C, x0] diag(R, mu) [C, x0]^-1.

How it is checked
-----------------
*Exact* on every call of `factor`; *for all n* as an identity in symbols, given T G = G diag(S, 1).

Implementation notes
--------------------
Where H is not E the rows v adj(x - T) are an observer basis, which does not depend on w; the left
eigenvectors of T are its combinations by powers of the eigenvalues. For a generic M the step of
`five_layers`, in which S is a plus a matrix of rank two, gives numbers of half the length, so it
is tried first. Over a finite field of 2 n^2 (n + 1) + 2 elements half of all draws for S do, since
the determinant of the observer basis has degree n^2 (n + 1) in them.
"""

from collections.abc import Iterator
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import krylov, linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element
from exactflow.explanation.steps import note, renamed
from exactflow.factorization.assembly import Shears, alternating
from exactflow.factorization.commutator import stable_range_shift
from exactflow.factorization.five_layers import five_layer_shifts
from exactflow.factorization.spectra import paired_spectra

__all__ = ["hyperplane_shifts", "hyperplane_word"]

_TRIES = 32

Similarity = tuple[DomainMatrix, DomainMatrix, DomainMatrix, DomainMatrix]


def hyperplane_word(blocks: Blocks) -> Shears:
    """Return the factors of a matrix of determinant 1, n + (n + 1) coordinates, from left to right:
    five if C or B has rank n, else six.

    Raises `FieldTooSmallError` over a finite field.

    >>> from sympy import QQ
    >>> M = linalg.diagonal([QQ(2), QQ(1, 2), QQ(1)], QQ)
    >>> [half for half, _ in hyperplane_word(linalg.split(M, 1))]
    ['second', 'first', 'second', 'first', 'second', 'first']
    """
    A, B, C, D = blocks
    n = A.shape[0]
    inverse = linalg.split(linalg.join(blocks).inv(), n)
    shifts = hyperplane_shifts(blocks, inverse)
    if shifts is not None:
        return alternating(shifts, "first")
    of_transpose = Blocks(*(X.transpose() for X in (A, C, B, D)))
    if linalg.rank(B) == n:
        names = dict(zip("ABCD", ("A'", "B'", "C'", "D'"), strict=True))
        values = dict(zip(names.values(), of_transpose, strict=True))
        text = "blocks(A', B', C', D') = blocks(A, B, C, D)^T"
        note("hyperplane route", f"`B` has rank {n}: transpose.", text, values)
        a, b, c, d = (X.transpose() for X in inverse)
        with renamed(**names):
            found: Any = hyperplane_shifts(of_transpose, Blocks(a, c, b, d))  # not None: B
        return alternating([T.transpose() for T in reversed(found)], "second")
    W0 = stable_range_shift(blocks)
    with renamed(C="C'", D="D'"):
        rest = Blocks(A, B, C + W0 * A, D + W0 * B)
        found = hyperplane_shifts(rest, linalg.split(linalg.join(rest).inv(), n))  # nor here: W0
    return alternating([-W0, *found], "second")


def hyperplane_shifts(blocks: Blocks, inverse: Blocks) -> list[DomainMatrix] | None:
    """Return [W', Y, X, Y', V'] with M = U(W') L(Y) U(X) L(Y') U(V'), or None if rank C < n.

    Parameters
    ----------
    blocks, inverse : those of a matrix of determinant 1 with n + (n + 1) coordinates, and of its
        inverse.

    Raises
    ------
    FieldTooSmallError
        Over a finite field; the message says how many elements suffice.
    """
    n = blocks.A.shape[0]
    if linalg.rank(blocks.C) < n:
        return None
    tries = (five_layer_shifts(blocks, inverse, Draws(blocks.A.domain, k)) for k in (0, 1))
    shifts = next((found for found in tries if found is not None), None)
    if shifts is None:
        shifts = _read_off(inverse, *_similarity(blocks, inverse))
    _tell(blocks, inverse, shifts)
    return shifts


def _read_off(
    inverse: Blocks, V: DomainMatrix, S: DomainMatrix, G: DomainMatrix, G_inverse: DomainMatrix
) -> list[DomainMatrix]:
    """Return the shifts for T G = G diag(S, 1)."""
    n, S_inverse = S.shape[0], S.inv()
    Y, X = G[:, :n], (S - linalg.identity(n, S.domain)) * G_inverse[:n, :]
    W = S_inverse * (X + inverse.B - V * inverse.D)
    return [-W, Y, X, -(inverse.C + Y) * S_inverse, -V]


def _similarity(blocks: Blocks, inverse: Blocks) -> Similarity:
    """Return V, S, G and G^-1."""
    u = linalg.left_kernel(blocks.C)
    v = u * blocks.D
    if linalg.rank(u.vstack(v)) == 1:
        return _on_one_hyperplane(blocks.C, blocks.D, inverse.C)
    n, field = inverse.A.shape[0], u.domain
    spectrum = _spectrum(n, field)
    for N in _changes_of_basis(n, field):
        found = _on_two_hyperplanes(blocks, inverse, v, spectrum, N)
        if found is not None:
            return found
    raise _too_small(n, field)


def _on_two_hyperplanes(
    blocks: Blocks, inverse: Blocks, v: DomainMatrix, spectrum: list[Element], N: DomainMatrix
) -> Similarity | None:
    """Return the similarity for S = N diag(spectrum) N^-1, None if T has an eigenvector in H."""
    n, field, N_inverse = len(spectrum), v.domain, N.inv()
    S = N * linalg.diagonal(spectrum, field) * N_inverse
    V = (inverse.A - S) * linalg.left_inverse(inverse.C)
    T = blocks.D + blocks.C * V
    f = T.charpoly_berk()
    observer = krylov.controller_basis(T.transpose(), f, v.transpose()).transpose()
    roots = [*spectrum, field.one]
    powers = [[x**k for k in range(n, -1, -1)] for x in roots]
    G_inverse = linalg.from_entries(powers, (n + 1, n + 1), field) * observer
    G = linalg.inverse_or_none(G_inverse)
    if G is None:
        return None
    wanted = [field.one]
    for x in roots:
        pairs = zip([*wanted, field.zero], [field.zero, *wanted], strict=True)
        wanted = [high - x * low for high, low in pairs]
    difference = linalg.column([x - y for x, y in zip(f[1:-1], wanted[1:-1], strict=True)], field)
    w = (observer * blocks.C)[:n, :].lu_solve(difference)
    of_N = linalg.direct_sum(N, linalg.identity(1, field))
    of_N_inverse = linalg.direct_sum(N_inverse, linalg.identity(1, field))
    return V + w * v, S, G * of_N_inverse, of_N * G_inverse


def _on_one_hyperplane(C: DomainMatrix, D: DomainMatrix, c: DomainMatrix) -> Similarity:
    """Return the similarity where im c = im C."""
    q, C_left, one = C.shape[0], linalg.left_inverse(C), linalg.identity(1, C.domain)
    K = -(C_left * c)
    try:
        H, H_inverse, _, lower, r, V_lower, V_upper, places = paired_spectra(K)
    except FieldTooSmallError:
        raise _too_small(q - 1, C.domain) from None
    R = H * lower * H_inverse
    of_T, of_S = (C * H * V_lower).hstack(linalg.complement(C)), R * H * V_upper
    det = K.det()
    T = of_T * linalg.diagonal([*r, det], C.domain) * of_T.inv()
    rest = next(i for i in range(q) if i not in places)  # the place of the eigenvalue 1
    G = of_T.extract(list(range(q)), [*places, rest]) * linalg.direct_sum(of_S, one).inv()
    return C_left * (T - D), R * K, G, G.inv()


def _spectrum(n: int, field: Domain) -> list[Element]:
    """Return -1, 2, -2, 3, ..: n distinct elements, neither 0 nor 1."""
    integers = (sign * k for k in range(1, n + 2) for sign in (1, -1))
    distinct = dict.fromkeys(map(field.convert, integers))
    found = [x for x in distinct if x and x != field.one][:n]
    if len(found) < n:
        raise _too_small(n, field)
    return found


def _changes_of_basis(n: int, field: Domain) -> Iterator[DomainMatrix]:
    """Yield the identity, and products of drawn unit triangular matrices from larger ranges."""
    for k in range(_TRIES):
        draws = Draws(field, 2**k // 2)
        lower, upper = draws.matrix(n, n).to_list(), draws.matrix(n, n).to_list()
        for i in range(n):
            for j in range(i, n):
                lower[i][j] = upper[j][i] = field.one if i == j else field.zero
        factors = (linalg.from_entries(rows, (n, n), field) for rows in (lower, upper))
        yield next(factors) * next(factors)


def _too_small(n: int, field: Domain) -> FieldTooSmallError:
    return FieldTooSmallError(
        f"expected a field of at least {2 * n * n * (n + 1) + 2} elements for halves of {n} and "
        f"{n + 1} coordinates, got {field}: use a larger field"
    )


def _tell(blocks: Blocks, inverse: Blocks, shifts: list[DomainMatrix]) -> None:
    _, _, C, D = blocks
    a, b, c, d = inverse
    W, Y, X, Z, V = shifts

    def values() -> dict[str, DomainMatrix]:
        T, S = D - C * V, a + V * c
        return {"a": a, "b": b, "c": c, "d": d, "V": V, "T": T, "S": S, "Y": Y, "X": X}

    n = C.shape[1]
    note(
        "hyperplane route",
        f"`C` has rank {n}. A shift makes `T` similar to `S` and one eigenvalue 1 more.",
        f"blocks(a, b, c, d) blocks(A, B, C, D) = 1, rank(C) = {n}, T = D - C V, S = a + V c, "
        "T Y = Y S, Y X = T - 1, X Y = S - 1",
        values,
        "to our knowledge new; Sourour 1986 for products with prescribed spectra",
    )
    note(
        "hyperplane route",
        "With that, five shears can be read off.",
        "S W = -X - b - V d, Z S = -c - Y, U(W) L(Y) U(X) L(Z) U(V) = blocks(A, B, C, D)",
        {"W": W, "Z": Z},
        "Koehler, Mehta, Risteski, ICML 2021, for a bounded number of layers",
    )
