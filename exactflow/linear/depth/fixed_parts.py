"""Parts of D' = D - C V and a' = a + V c that no shift V changes, and the blocks they force.

C and D are blocks of a matrix M, a and c blocks of its inverse, and V is the shift of the last
factor of ULULU (`exactflow.linear.depth.pattern`).

Main results
------------
M is a product of the pattern ULULU iff some M U(-V) is one of ULUL, so iff D' and a' satisfy
Flanders' conditions for some V (and, where D' is singular, some linear ones). Let r = rank C, Du
the quotient of D by the space that im C generates, aN the restriction of a to the largest invariant
subspace of ker c. Every D' has Du as a quotient by a space that r vectors generate, every a' has aN
as a subspace in the same way. So (R. C. Thompson and E. M. de Sa, 1979, on the invariant factors of
completions) a block count of D' exceeds that of Du by 0 to r, at every irreducible f and every
block size; those of a' and aN do, too. Hence, with lam and mu the sizes of the blocks of Du and aN
at f, and lam_k, mu_k here the number of blocks of size at least k:

- f != x - 1: |lam_k - mu_k| <= r for all k, and D', a' have at least sum max(lam_k, mu_k) at f;
- f  = x - 1: lam_(k+1) - mu_k <= r, sum max(0, mu_k - lam_(k+1) - r) <= lam_1 + r - e, and the same
  with lam and mu exchanged, and -e for e, where D is larger than a by e; D' has at least
  max(sum max(lam_k, mu_(k+1)), e + sum max(mu_k, lam_(k+1))) at f, a' has e less;
- the sum of these sizes, times deg f, is at most the size of D.

With C = 0 these are Flanders' conditions for D and a themselves.

How it is checked
-----------------
*Exact*: `FixedParts.is_valid` multiplies the bases out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.flanders import is_x_minus_one
from exactflow.exact.normal_forms import elementary_divisors, largest_invariant_left_kernel, orbit
from exactflow.exact.typing import Element
from exactflow.linear.depth.pattern import Pencil

Sizes = tuple[int, ...]
CountsBySize = tuple[int, ...]
"""The numbers of blocks of size at least 1, 2, .."""


@dataclass(frozen=True, eq=False)
class FixedParts:
    """The parts Du of D - C V and aN of a + V c that are the same for every shift V.

    L C = 0 and L D = Du L for rows L; c N = 0 and a N = N aN for columns N; both are maximal. `N`
    and `aN` are stored transposed, as L and Du of the transposed pencil. `r` is the rank of C, `n`
    the size of D, and `e` the size of D minus that of a.
    """

    L: DomainMatrix
    Du: DomainMatrix
    N: DomainMatrix
    aN: DomainMatrix  # noqa: N815 (this is its name in the theory)
    r: int
    n: int
    e: int

    @staticmethod
    def from_pencil(pencil: Pencil) -> "FixedParts":
        """Return the parts of D - C V and a + V c that no shift V changes."""
        r, (n, p) = linalg.rank(pencil.C), pencil.C.shape
        both = (
            *_largest_annihilating_rows_and_quotient(*pencil[:2]),
            *_largest_annihilating_rows_and_quotient(*pencil.transposed_and_exchanged()[:2]),
        )
        return FixedParts(*both, r, n, n - p)

    def is_valid(self, pencil: Pencil) -> bool:
        """Whether these are the fixed parts of a pencil, confirmed by products and ranks."""
        return (
            _is_largest_quotient(self.L, self.Du, *pencil[:2])
            and _is_largest_quotient(self.N, self.aN, *pencil.transposed_and_exchanged()[:2])
            and self.r == proved_rank(pencil.C)
        )

    @cached_property
    def block_sizes_by_factor(self) -> dict[tuple, tuple[Sizes, Sizes]]:
        """The sizes of the blocks of Du and of aN, by the irreducible factor they belong to.

        The polynomial x - 1 is always included if D and a are of different sizes.
        """
        of_Du, of_aN = elementary_divisors(self.Du), elementary_divisors(self.aN)
        one = self.L.domain.one
        at = {**of_Du, **of_aN, **({(one, -one): ()} if self.e else {})}
        return {f: (of_Du.get(f, ()), of_aN.get(f, ())) for f in at}

    def factors_excluding_every_shift(self) -> tuple[tuple, ...] | None:
        """Return irreducible factors at which the block sizes exclude every shift V, or None.

        The result is one factor that excludes every V, or all factors if the least sizes of the
        blocks at all of them exceed the size of D.
        """
        for f, sizes in self.block_sizes_by_factor.items():
            if self.least_shifted_block_counts_at_factor(f, *sizes) is None:
                return (f,)
        return (
            tuple(self.block_sizes_by_factor)
            if self.least_dimension_of_shifted_D > self.n
            else None
        )

    def least_shifted_block_counts_at_factor(
        self, f: Sequence, sizes_of_Du: Sizes, sizes_of_aN: Sizes
    ) -> tuple[CountsBySize, CountsBySize] | None:
        """Return the least numbers of blocks, over all V, of D - C V and a + V c at the factor f.

        `sizes_of_Du` and `sizes_of_aN` are the block sizes of the fixed parts at f. Return None if
        they exclude every V.
        """
        return least_shifted_block_counts(
            sizes_of_Du, sizes_of_aN, self.r, self.e if is_x_minus_one(f) else None
        )

    @property
    def least_shifted_D_size_by_factor(self) -> dict[tuple, int]:
        """The least total size of the blocks of D - C V, over all shifts V, at each factor.

        It is defined only if no single factor excludes every V.
        """
        counts: dict[tuple, Any] = {
            f: self.least_shifted_block_counts_at_factor(f, *ks)
            for f, ks in self.block_sizes_by_factor.items()
        }
        return {f: sum(of_D) for f, (of_D, _) in counts.items()}

    @property
    def least_dimension_of_shifted_D(self) -> int:
        """The least size that D - C V needs for its blocks at all factors of the fixed parts."""
        return sum((len(f) - 1) * size for f, size in self.least_shifted_D_size_by_factor.items())

    @property
    def forced_trace_of_shifted_D(self) -> Element | None:
        """The trace of D - C V if the fixed parts determine all its eigenvalues, else None.

        The trace of a + V c is less by e.
        """
        if (
            any(len(f) > 2 for f in self.block_sizes_by_factor)
            or self.least_dimension_of_shifted_D != self.n
        ):
            return None
        field = self.L.domain
        return sum(
            (-f[1] * field.convert(k) for f, k in self.least_shifted_D_size_by_factor.items()),
            field.zero,
        )


def _is_largest_quotient(
    L: DomainMatrix, Du: DomainMatrix, C: DomainMatrix, D: DomainMatrix
) -> bool:
    """Whether Du is the quotient of D by the least D-invariant space that contains im C.

    The rows of L represent the quotient map.
    """
    n = D.shape[0]
    spanned = linalg.from_columns(orbit(D, C, n))
    return (
        (L * C).is_zero_matrix
        and Du * L == L * D
        and proved_rank(L) == L.shape[0] == n - proved_rank(spanned)
    )


def _largest_annihilating_rows_and_quotient(
    C: DomainMatrix, D: DomainMatrix
) -> tuple[DomainMatrix, DomainMatrix]:
    """Return L, of as many independent rows as possible, and Du, with L C = 0 and L D = Du L."""
    L = largest_invariant_left_kernel(D, C)
    if L.shape[0] == 0:
        return L, linalg.zeros(0, 0, D.domain)
    Du, _ = linalg.solve(L.transpose(), (L * D).transpose())
    return L, Du.transpose()


def proved_rank(M: DomainMatrix) -> int:
    """Return the rank of M, proved by a nonzero minor and by independent kernel vectors.

    VerificationError is raised if the proof fails.
    """
    rows, columns = (list(linalg.rref(N)[1]) for N in (M.transpose(), M))
    free, kernel = [j for j in range(M.shape[1]) if j not in columns], linalg.kernel(M)
    minors = M.extract(rows, columns), kernel.extract(free, list(range(len(free))))
    if (M * kernel).is_zero_matrix and all(N.det() for N in minors if N.shape[0]):
        return len(columns)
    raise VerificationError(
        f"elimination gives the rank {len(columns)} for a matrix of shape {M.shape}, but a minor "
        "and the kernel do not confirm it"
    )


def least_shifted_block_counts(
    sizes_of_Du: Sequence[int], sizes_of_aN: Sequence[int], rank_of_C: int, excess: int | None
) -> tuple[CountsBySize, CountsBySize] | None:
    """Return the least numbers of blocks, over all V, of D - C V and a + V c at one factor.

    They are the numbers of blocks of size at least 1, 2, ..; None if no V is possible.
    `sizes_of_Du` and `sizes_of_aN` are the block sizes of the fixed parts at an irreducible factor.
    At x - 1, `excess` is the size of D minus the size of a; at every other factor it is None.

    >>> least_shifted_block_counts((2,), (1, 1), 1, None)
    ((2, 1), (2, 1))
    >>> least_shifted_block_counts((1, 1), (1,), 1, 0)
    ((2,), (2,))
    >>> least_shifted_block_counts((), (1, 1), 1, None) is None
    True
    """
    longest = max([0, *sizes_of_Du, *sizes_of_aN]) + 1
    lam, mu = (
        [sum(size >= k for size in sizes) for k in range(1, longest + 2)]
        for sizes in (sizes_of_Du, sizes_of_aN)
    )
    if excess is None:
        if any(abs(x - y) > rank_of_C for x, y in zip(lam, mu, strict=True)):
            return None
        counts = tuple(max(x, y) for x, y in zip(lam, mu, strict=True) if max(x, y))
        return counts, counts
    least = [max(x, y) for x, y in zip(lam[:-1], mu[1:], strict=True)]
    other = [max(x, y) for x, y in zip(mu[:-1], lam[1:], strict=True)]
    missing = sum(other) + excess - sum(least)
    of_D = _raise_counts_within_caps(least, missing, other, [x + rank_of_C for x in lam])
    of_a = _raise_counts_within_caps(other, -missing, least, [x + rank_of_C for x in mu])
    return None if of_D is None or of_a is None else (of_D, of_a)


def _raise_counts_within_caps(
    least: list[int], missing: int, caps_of_next: list[int], most: list[int]
) -> CountsBySize | None:
    """Return the counts `least`, raised by `missing` in total from the first on, without zeros.

    The (k+1)-th count is at most the k-th of `caps_of_next`, and the k-th at most the k-th of
    `most`. Return None if this is impossible.
    """
    missing = max(missing, 0)
    caps = [least[0] + missing, *caps_of_next[:-1]]
    raised = []
    for x, cap, largest in zip(least, caps, most, strict=False):
        if x > largest:
            return None
        more = max(0, min(missing, cap - x, largest - x))
        missing -= more
        raised.append(x + more)
    return None if missing else tuple(x for x in raised if x)
