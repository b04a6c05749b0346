"""Parts of D' = D - C V and a' = a + V c that no shift V changes, and the blocks they force.

C and D are blocks of a matrix M, a and c are blocks of M^-1, and V is the shift of the rightmost
factor of a product in the pattern ULULU (`exactflow.linear.depth.pattern`).

Main results
------------
M is a product in the pattern ULULU iff for some V the matrix M U(-V) is a product in the pattern
ULUL. This holds iff for some V the matrices D' and a' satisfy Flanders' conditions and, if D' is
singular, certain linear equations have a solution. Let r be the rank of C, Du the quotient of D by
the least D-invariant space that contains im C, and aN the restriction of a to the largest
a-invariant subspace of ker c. For every V, Du is the quotient of D' by a space that r vectors
generate, and aN is similarly the restriction of a' to an invariant subspace.

At an irreducible polynomial f, let lam_k and mu_k be the numbers of blocks of size at least k of Du
and of aN. The invariant factors of completions (R. C. Thompson and E. M. de Sa, 1979) imply that
the number of blocks of D' of size at least k is between lam_k and lam_k + r, and that of a' between
mu_k and mu_k + r. Let e be the size of D minus the size of a. Flanders' conditions then imply:

- If f != x - 1, then |lam_k - mu_k| <= r for all k. The blocks of D' at f, and those of a', have
  the total size sum max(lam_k, mu_k) or more.
- If f = x - 1, then lam_(k+1) - mu_k <= r for all k, and sum max(0, mu_k - lam_(k+1) - r) <= lam_1
  + r - e. The same holds if lam and mu are exchanged, and e is replaced by -e. The blocks of D' at
  f have the total size max(sum max(lam_k, mu_(k+1)), e + sum max(mu_k, lam_(k+1))) or more; for a'
  this bound is less by e.
- These least total sizes, each times deg f and added over all f, are at most the size of D.

With C = 0 these are Flanders' conditions for D and a themselves.

How it is checked
-----------------
*Exact*: `FixedParts.is_valid` confirms the fixed parts by products and proved ranks.
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
CountsOfSizeAtLeast = tuple[int, ...]
"""The numbers of blocks of size at least 1, of size at least 2, and so on."""


@dataclass(frozen=True, eq=False)
class FixedParts:
    """The parts Du of D - C V and aN of a + V c that are the same for every shift V.

    L has as many independent rows as possible with L C = 0 and L D = Du L. N has as many
    independent columns as possible with c N = 0 and a N = N aN. The fields `N` and `aN` have the
    transposed matrices: they are L and Du of the transposed pencil. `r` is the rank of C, `n` the
    size of D, and `e` the size of D minus the size of a.
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
        """Return the parts of D - C V and a + V c that are the same for all shifts V; C, D, a and c
        are the blocks of the pencil.
        """
        r, (n, p) = linalg.rank(pencil.C), pencil.C.shape
        both = (
            *_largest_annihilating_rows_and_quotient(*pencil[:2]),
            *_largest_annihilating_rows_and_quotient(*pencil.transposed_and_exchanged()[:2]),
        )
        return FixedParts(*both, r, n, n - p)

    def is_valid(self, pencil: Pencil) -> bool:
        """Whether products and proved ranks confirm these fixed parts of the pencil."""
        return (
            _is_largest_quotient(self.L, self.Du, *pencil[:2])
            and _is_largest_quotient(self.N, self.aN, *pencil.transposed_and_exchanged()[:2])
            and self.r == proved_rank(pencil.C)
        )

    @cached_property
    def block_sizes_by_factor(self) -> dict[tuple, tuple[Sizes, Sizes]]:
        """A dict from each irreducible factor f to the block sizes of Du, and of aN, at f.

        The polynomial x - 1 is always included if D and a are of different sizes.
        """
        of_Du, of_aN = elementary_divisors(self.Du), elementary_divisors(self.aN)
        one = self.L.domain.one
        at = {**of_Du, **of_aN, **({(one, -one): ()} if self.e else {})}
        return {f: (of_Du.get(f, ()), of_aN.get(f, ())) for f in at}

    def factors_excluding_every_shift(self) -> tuple[tuple, ...] | None:
        """Return irreducible factors at which the block sizes exclude every shift V, or None.

        The result is one factor, if it alone excludes every V. It has all factors if the least
        total size of the blocks at all factors exceeds the size of D.
        """
        for f, sizes in self.block_sizes_by_factor.items():
            if self.least_shifted_block_counts_at_factor(f, *sizes) is None:
                return (f,)
        if self.least_total_block_dimension_of_shifted_D > self.n:
            return tuple(self.block_sizes_by_factor)
        return None

    def least_shifted_block_counts_at_factor(
        self, f: Sequence, sizes_of_Du: Sizes, sizes_of_aN: Sizes
    ) -> tuple[CountsOfSizeAtLeast, CountsOfSizeAtLeast] | None:
        """Return the least possible numbers of blocks of D - C V, and of a + V c, at the factor f.

        `sizes_of_Du` and `sizes_of_aN` are the block sizes of the fixed parts at the irreducible
        factor f. Return None if these sizes exclude every V.
        """
        return least_shifted_block_counts(
            sizes_of_Du, sizes_of_aN, self.r, self.e if is_x_minus_one(f) else None
        )

    @property
    def least_total_block_size_of_shifted_D_by_factor(self) -> dict[tuple, int]:
        """For each factor, the least possible total size of the blocks of D - C V at this factor.

        It is defined only if no single factor excludes every V.
        """
        counts: dict[tuple, Any] = {
            f: self.least_shifted_block_counts_at_factor(f, *ks)
            for f, ks in self.block_sizes_by_factor.items()
        }
        return {f: sum(of_D) for f, (of_D, _) in counts.items()}

    @property
    def least_total_block_dimension_of_shifted_D(self) -> int:
        """The least possible total dimension of the blocks of D - C V at all factors."""
        return sum(
            (len(f) - 1) * size
            for f, size in self.least_total_block_size_of_shifted_D_by_factor.items()
        )

    @property
    def forced_trace_of_D_minus_CV(self) -> Element | None:
        """The trace of D - C V if the fixed parts determine all its eigenvalues, else None.

        The trace of a + V c is this trace minus e.
        """
        are_linear = all(len(f) == 2 for f in self.block_sizes_by_factor)
        if not are_linear or self.least_total_block_dimension_of_shifted_D != self.n:
            return None
        field, sizes = self.L.domain, self.least_total_block_size_of_shifted_D_by_factor
        return sum((-f[1] * field.convert(size) for f, size in sizes.items()), field.zero)


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
    """Return (L, Du) with L C = 0 and L D = Du L, with as many independent rows as possible."""
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
    sizes_of_Du: Sequence[int],
    sizes_of_aN: Sequence[int],
    rank_of_C: int,
    size_of_D_minus_a_at_one: int | None,
) -> tuple[CountsOfSizeAtLeast, CountsOfSizeAtLeast] | None:
    """Return the least possible numbers of blocks of D - C V, and of a + V c, at one factor.

    Each of the two results has the numbers of blocks of size at least 1, 2, ... Return None if
    every V is excluded. `sizes_of_Du` and `sizes_of_aN` are the block sizes of the fixed parts at
    the irreducible factor. `size_of_D_minus_a_at_one` is the size of D minus the size of a if the
    factor is x - 1, and None at every other factor.

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
    if size_of_D_minus_a_at_one is None:
        if any(abs(x - y) > rank_of_C for x, y in zip(lam, mu, strict=True)):
            return None
        counts = tuple(max(x, y) for x, y in zip(lam, mu, strict=True) if max(x, y))
        return counts, counts
    least = [max(x, y) for x, y in zip(lam[:-1], mu[1:], strict=True)]
    other = [max(x, y) for x, y in zip(mu[:-1], lam[1:], strict=True)]
    missing = sum(other) + size_of_D_minus_a_at_one - sum(least)
    of_D = _raise_counts_within_caps(least, missing, other, [x + rank_of_C for x in lam])
    of_a = _raise_counts_within_caps(other, -missing, least, [x + rank_of_C for x in mu])
    return None if of_D is None or of_a is None else (of_D, of_a)


def _raise_counts_within_caps(
    counts: list[int], total_increase: int, caps_of_next_count: list[int], caps: list[int]
) -> CountsOfSizeAtLeast | None:
    """Increase the counts by `total_increase` in total; return the nonzero results.

    Earlier counts are increased first. The k-th result is at most the k-th of `caps`, and the
    (k+1)-th result at most the k-th of `caps_of_next_count`. Return None if this is impossible. A
    negative `total_increase` counts as 0.
    """
    missing = max(total_increase, 0)
    caps_by_next = [counts[0] + missing, *caps_of_next_count[:-1]]
    raised = []
    for x, cap, largest in zip(counts, caps_by_next, caps, strict=False):
        if x > largest:
            return None
        more = max(0, min(missing, cap - x, largest - x))
        missing -= more
        raised.append(x + more)
    return None if missing else tuple(x for x in raised if x)
