"""Why five layers are not enough: what no V can change in D - C V and a + V c.

Main results
------------
M is a product of the pattern ULULU iff some M U(-V) is one of ULUL, so iff D' = D - C V and
a' = a + V c satisfy Flanders' conditions for some V (and, where D' is singular, some linear ones).
Let r = rank C, Du the quotient of D by the space that im C generates, aN the restriction of a to
the largest invariant subspace of ker c. Every D' has Du as a quotient by a space that r vectors
generate, every a' has aN as a subspace in the same way. So (R. C. Thompson and E. M. de Sa, 1979,
on the invariant factors of completions) a block count of D' exceeds that of Du by 0 to r, at every
irreducible f and every block size; likewise for a' and aN. Hence, with lam and mu the sizes of the
blocks of Du and aN at f, and lam_k, mu_k here the number of blocks of size at least k:

- f != x - 1: |lam_k - mu_k| <= r for all k, and D', a' have at least sum max(lam_k, mu_k) at f;
- f  = x - 1: lam_(k+1) - mu_k <= r, sum max(0, mu_k - lam_(k+1) - r) <= lam_1 + r, and the same
  with lam and mu exchanged; D', a' have at least max(sum max(lam_k, mu_(k+1)), sum max(mu_k,
  lam_(k+1))) at f;
- these sizes, times deg f, add up to at most n.

For c = -k C (k a scalar) D maps im C to itself, C a' = k D' C, and
charpoly(Du) g(x) = charpoly(aN) k^r g(x / k) for some monic g of degree r, which is linear in g.

How it is checked
-----------------
*Exact*, on the stored bases of the quotient and the subspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction
from exactflow.exact import linalg
from exactflow.exact.flanders import is_unit_factor
from exactflow.exact.normalforms import (
    block_sizes,
    elementary_divisors,
    format_polynomial,
    largest_invariant_rows,
)
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element

__all__ = [
    "ChainObstruction",
    "FixedParts",
    "ScaledObstruction",
    "chain_obstruction",
    "fixed_parts",
    "forced_trace",
    "scalar_of",
    "scaling_system",
    "sizes_at",
]


@dataclass(frozen=True, eq=False)
class FixedParts:
    """Rows L with L C = 0, L D = Du L, and columns N with c N = 0, a N = N aN, both maximal."""

    L: DomainMatrix
    Du: DomainMatrix
    N: DomainMatrix
    Na: DomainMatrix

    def check(self, D: DomainMatrix, C: DomainMatrix, a: DomainMatrix, c: DomainMatrix) -> bool:
        """Return whether these are the fixed parts of D - C V and a + V c."""
        return _is_quotient(self.L, self.Du, D, C) and _is_quotient(
            self.N.transpose(), self.Na.transpose(), a.transpose(), c.transpose()
        )


def _is_quotient(L: DomainMatrix, Du: DomainMatrix, D: DomainMatrix, C: DomainMatrix) -> bool:
    n, columns = D.shape[0], [C]
    for _ in range(n - 1):
        columns.append(D * columns[-1])
    return (
        (L * C).is_zero_matrix
        and Du * L == L * D
        and linalg.rank(L) == L.shape[0] == n - linalg.rank(linalg.from_columns(columns))
    )


def fixed_parts(D: DomainMatrix, C: DomainMatrix, a: DomainMatrix, c: DomainMatrix) -> FixedParts:
    """Return what no V changes in D - C V and in a + V c."""
    L, Du = _quotient(D, C)
    N, aN = _quotient(a.transpose(), c.transpose())
    return FixedParts(L, Du, N.transpose(), aN.transpose())


def _quotient(D: DomainMatrix, C: DomainMatrix) -> tuple[DomainMatrix, DomainMatrix]:
    L = largest_invariant_rows(D, C)
    if L.shape[0] == 0:
        return L, linalg.zeros(0, 0, D.domain)
    Du, _ = linalg.solve(L.transpose(), (L * D).transpose())
    return L, Du.transpose()


def sizes_at(
    of_Du: Sequence[int], of_aN: Sequence[int], r: int, at_one: bool
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the least block counts that D' and a' can have at an irreducible f, None for none.

    `of_Du` and `of_aN` are block sizes; the result counts the blocks of size at least 1, 2, ..

    >>> sizes_at((2,), (1, 1), 1, at_one=False)
    ((2, 1), (2, 1))
    >>> sizes_at((), (1, 1), 1, at_one=False) is None
    True
    >>> sizes_at((1, 1), (1,), 1, at_one=True)
    ((2,), (2,))
    """
    longest = max([0, *of_Du, *of_aN]) + 1
    lam, mu = (
        [sum(size >= k for size in sizes) for k in range(1, longest + 2)]
        for sizes in (of_Du, of_aN)
    )
    if not at_one:
        if any(abs(x - y) > r for x, y in zip(lam, mu, strict=True)):
            return None
        counts = tuple(max(x, y) for x, y in zip(lam, mu, strict=True) if max(x, y))
        return counts, counts
    if not (_one_sided(lam, mu, r) and _one_sided(mu, lam, r)):
        return None
    least = [max(x, y) for x, y in zip(lam[:-1], mu[1:], strict=True)]
    other = [max(x, y) for x, y in zip(mu[:-1], lam[1:], strict=True)]
    least, other = _raised(least, other, lam, r), _raised(other, least, mu, r)
    return tuple(x for x in least if x), tuple(y for y in other if y)


def _one_sided(lam: list[int], mu: list[int], r: int) -> bool:
    excess = sum(max(0, y - x - r) for y, x in zip(mu, [*lam[1:], 0], strict=True))
    close = all(x - y <= r for x, y in zip(lam[1:], mu, strict=False))
    return close and excess <= lam[0] + r


def _raised(least: list[int], other: list[int], lam: list[int], r: int) -> list[int]:
    """Raise counts, from the left, to the sum of the other ones if that is larger."""
    missing = sum(other) - sum(least)
    caps = [least[0] + max(missing, 0), *other[:-1]]
    raised = []
    for x, cap, fixed in zip(least, caps, lam, strict=False):
        more = max(0, min(missing, min(cap, fixed + r) - x))
        missing -= more
        raised.append(x + more)
    return raised


@dataclass(frozen=True, eq=False, repr=False)
class ChainObstruction(Obstruction):
    """The fixed parts of D and a, whose blocks do not fit into any D' and a' that go together.

    `f` is the irreducible polynomial at which they do not; None if the sizes add up to too much.
    """

    parts: FixedParts
    f: tuple | None

    def check(self) -> bool:
        """Check the fixed parts, recount their blocks and evaluate the inequality."""
        _, _, C, D = self.blocks
        a, _, c, _ = self.inverse_blocks
        if len(self.pattern) != 5 or not self.parts.check(D, C, a, c):
            return False
        if self.f is None:
            return self._least() > D.shape[0]
        of_Du, of_aN = (block_sizes(M, self.f) for M in (self.parts.Du, self.parts.Na))
        return sizes_at(of_Du, of_aN, linalg.rank(C), is_unit_factor(self.f)) is None

    def _least(self) -> int:
        divisors = _common_divisors(self.parts)
        return _least_dimension(divisors, linalg.rank(self.blocks.C))

    def reason(self) -> str:
        """Name the polynomial, or the dimension."""
        parts = self.named("D - C V and a + V c")
        r = f"{self.named('rank C')} = {linalg.rank(self.blocks.C)}"
        if self.f is None:
            return (
                f"{parts} both need dimension {self._least()} to hold what no V changes, "
                f"but have {self.blocks.D.shape[0]} ({r})"
            )
        sizes = [list(block_sizes(M, self.f)) for M in (self.parts.Du, self.parts.Na)]
        return (
            f"{parts} have fixed blocks of sizes {sizes[0]} and {sizes[1]} at "
            f"{format_polynomial(self.f, self.matrix.domain)}, too far apart for {r}"
        )


def chain_obstruction(
    pattern: str, matrix: DomainMatrix, parts: FixedParts, r: int
) -> ChainObstruction | None:
    """Return why the fixed parts exclude the pattern ULULU, or None where they do not."""
    divisors = _common_divisors(parts)
    for f, (of_Du, of_aN) in divisors.items():
        if sizes_at(of_Du, of_aN, r, is_unit_factor(f)) is None:
            return ChainObstruction(pattern, matrix, parts, f)
    if _least_dimension(divisors, r) > matrix.shape[0] // 2:
        return ChainObstruction(pattern, matrix, parts, None)
    return None


def _common_divisors(parts: FixedParts) -> dict[tuple, tuple[tuple, tuple]]:
    of_Du, of_aN = elementary_divisors(parts.Du), elementary_divisors(parts.Na)
    return {f: (of_Du.get(f, ()), of_aN.get(f, ())) for f in {**of_Du, **of_aN}}


def _least_dimension(divisors: dict[tuple, tuple[tuple, tuple]], r: int) -> int:
    total = 0
    for f, (of_Du, of_aN) in divisors.items():
        counts: Any = sizes_at(of_Du, of_aN, r, is_unit_factor(f))  # at every f there are some
        total += (len(f) - 1) * sum(counts[0])
    return total


def forced_trace(parts: FixedParts, n: int, r: int) -> Element | None:
    """Return the trace of D' and a' where eigenvalues that no V changes take all n dimensions."""
    field, total, dimension = parts.L.domain, parts.L.domain.zero, 0
    for f, (of_Du, of_aN) in _common_divisors(parts).items():
        counts: Any = sizes_at(of_Du, of_aN, r, is_unit_factor(f))  # at every f there are some
        dimension += sum(counts[0]) if len(f) == 2 else n + 1
        total -= f[1] * field.convert(sum(counts[0]))
    return total if dimension == n else None


def scalar_of(C: DomainMatrix, c: DomainMatrix) -> Element:
    """Return k with c = -k C, or None; C is not zero.

    >>> from sympy import QQ
    >>> one = linalg.identity(2, QQ)
    >>> scalar_of(one * QQ(-2), one * QQ(3)) == QQ(3, 2)
    True
    """
    pairs = zip(C.to_list_flat(), c.to_list_flat(), strict=True)
    k = next(-y / x for x, y in pairs if x)
    return k if c == C * (-k) else None


def scaling_system(
    chi_u: Sequence, chi_N: Sequence, k: Element, r: int, field: Domain
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return (K, b) such that a monic g = x^r + g_1 x^(r-1) + .. has
    chi_u(x) g(x) = chi_N(x) k^r g(x / k) iff K (g_1, .., g_r)^T = b.
    """
    columns = []
    for i in range(r + 1):
        difference = [x - k**i * y for x, y in zip(chi_u, chi_N, strict=True)]
        shifted = [field.zero] * i + difference + [field.zero] * (r - i)
        columns.append(linalg.column(shifted, field))
    return linalg.from_columns(columns[1:]), -columns[0]


@dataclass(frozen=True, eq=False, repr=False)
class ScaledObstruction(Obstruction):
    """c = -k C, and no monic g of degree r has charpoly(Du) g(x) = charpoly(aN) k^r g(x / k).

    `multiplier` is a row that makes 0 = s, with s not 0, of these linear equations for g.
    """

    parts: FixedParts
    k: Element
    multiplier: DomainMatrix

    def check(self) -> bool:
        """Check the fixed parts, the scalar, and the multiplier."""
        _, _, C, D = self.blocks
        a, _, c, _ = self.inverse_blocks
        r = linalg.rank(C)
        if len(self.pattern) != 5 or not 0 < r < D.shape[0] or c != C * (-self.k):
            return False
        chi_u, chi_N = _charpoly(self.parts.Du), _charpoly(self.parts.Na)
        K, b = scaling_system(chi_u, chi_N, self.k, r, C.domain)
        return (
            self.parts.check(D, C, a, c)
            and (self.multiplier * K).is_zero_matrix
            and not (self.multiplier * b).is_zero_matrix
        )

    def reason(self) -> str:
        """Write the scalar and the equation."""
        k = format_short(self.matrix.domain.to_sympy(self.k))
        return (
            f"{self.named('c = -k C')} with k = {k}, and no monic g of degree "
            f"{linalg.rank(self.blocks.C)} makes the characteristic polynomials of "
            f"{self.named('D - C V and a + V c')} equal, u g(x) and w k^r g(x / k)"
        )


def _charpoly(M: DomainMatrix) -> list:
    return list(M.charpoly())
