"""Why D = I + Y Z, a = I + Z Y has no solution: coefficients and ranks that differ.

The theorem is Flanders' (see `exactflow.depth.flanders`). These obstructions exclude the pattern
ULUL and, where C = 0, ULULU; see `exactflow.depth.obstructions`.
"""

from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction
from exactflow.exact import linalg
from exactflow.exact.linalg import trace
from exactflow.exact.normalforms import format_polynomial
from exactflow.exact.typing import Element

__all__ = [
    "CoefficientObstruction",
    "DivisorObstruction",
    "RankWitness",
    "SimilarityObstruction",
    "UnitBlocksObstruction",
    "rank_witness",
]


class SimilarityObstruction(Obstruction):
    """A reason why D = I + Y Z, a = I + Z Y has no solution, for ULUL, or ULULU with C = 0."""

    def pair(self) -> tuple[DomainMatrix, DomainMatrix]:
        """Return D and a."""
        return self.blocks.D, self.inverse_blocks.A

    def applies(self) -> bool:
        """Return whether the pattern is one for which D and a decide."""
        return len(self.pattern) == 4 or (len(self.pattern) == 5 and self.blocks.C.is_zero_matrix)

    def where(self) -> str:
        """Return the names of D and a, with the condition on C where there is one."""
        return self.named("C = 0, and D and a" if len(self.pattern) == 5 else "D and a")


@dataclass(frozen=True, eq=False, repr=False)
class CoefficientObstruction(SimilarityObstruction):
    """The characteristic polynomials of D and a differ in the coefficient of x^(n - k)."""

    k: int

    def check(self) -> bool:
        """Compare traces for k = 1, otherwise Hessenberg forms (which the search does not use)."""
        D, a = self.pair()
        if self.k == 1:
            return self.applies() and trace(D) != trace(a)
        return self.applies() and _coefficient(D, self.k) != _coefficient(a, self.k)

    def reason(self) -> str:
        """Name the coefficient."""
        what = "traces" if self.k == 1 else f"characteristic coefficients of index {self.k}"
        return f"{self.where()} have different {what}"


def _coefficient(M: DomainMatrix, k: int) -> Element:
    """Return the coefficient of x^(n - k) in det(x I - M), by the Hessenberg form H of M.

    The leading minors p_j of x I - H satisfy p_(j+1) = x p_j - sum_i h_ij (h_(i+1,i) ..
    h_(j,j-1)) p_i.
    """
    H, field = _hessenberg(M), M.domain
    minors = [[field.one]]
    for j in range(len(H)):
        minor, weight = [*minors[j], field.zero], field.one
        for i in range(j, -1, -1):
            for place, value in enumerate(minors[i]):
                minor[place + j + 1 - i] -= H[i][j] * weight * value
            weight *= H[i][i - 1] if i else field.one
        minors.append(minor)
    return minors[-1][k]


def _hessenberg(M: DomainMatrix) -> list[list]:
    """Return the rows of a matrix similar to M with zeros below the subdiagonal."""
    H = [list(row) for row in M.to_list()]
    n = len(H)
    for j in range(n - 2):
        pivot = next((i for i in range(j + 1, n) if H[i][j]), None)
        if pivot is None:
            continue
        H[j + 1], H[pivot] = H[pivot], H[j + 1]
        for row in H:
            row[j + 1], row[pivot] = row[pivot], row[j + 1]
        for i in range(j + 2, n):
            ratio = H[i][j] / H[j + 1][j]
            if ratio:
                H[i] = [x - ratio * y for x, y in zip(H[i], H[j + 1], strict=True)]
                for row in H:
                    row[j + 1] += ratio * row[i]
    return H


@dataclass(frozen=True, eq=False)
class RankWitness:
    """The rank of a matrix: a minor that does not vanish, and a kernel that leaves no more."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    kernel: DomainMatrix

    @property
    def rank(self) -> int:
        """The rank that is claimed."""
        return len(self.rows)

    def check(self, M: DomainMatrix) -> bool:
        """Return whether `M` has this rank."""
        free = [j for j in range(M.shape[1]) if j not in self.columns]
        minor = M.extract(list(self.rows), list(self.columns))
        identifying = self.kernel.extract(free, list(range(len(free))))
        return (
            len(self.rows) == len(set(self.columns))
            and self.kernel.shape == (M.shape[1], len(free))
            and (not self.rows or bool(minor.det()))
            and (not free or bool(identifying.det()))
            and (M * self.kernel).is_zero_matrix
        )


def rank_witness(M: DomainMatrix) -> RankWitness:
    """Return the rank of a matrix with its witness.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(1), QQ(2)], [QQ(2), QQ(4)]], (2, 2), QQ).to_dense()
    >>> witness = rank_witness(M)
    >>> witness.rank, witness.check(M), witness.check(M + linalg.identity(2, QQ))
    (1, True, False)
    """
    columns = linalg.rref(M)[1]
    chosen = M.extract(list(range(M.shape[0])), list(columns))
    rows = linalg.rref(chosen.transpose())[1] if columns else ()
    return RankWitness(tuple(rows), tuple(columns), linalg.kernel(M))


@dataclass(frozen=True, eq=False, repr=False)
class DivisorObstruction(SimilarityObstruction):
    """f(D)^k and f(a)^k have different `ranks`, for a polynomial f with f(1) != 0."""

    f: tuple
    k: int
    ranks: tuple[RankWitness, ...]

    def check(self) -> bool:
        """Evaluate the powers, and check the ranks by their minors and kernels."""
        if self.k < 1:
            return False
        powers = [M.eval_poly(list(self.f)) ** self.k for M in self.pair()]
        return (
            self.applies()
            and bool(sum(self.f, self.matrix.domain.zero))
            and self.ranks[0].rank != self.ranks[1].rank
            and all(w.check(M) for w, M in zip(self.ranks, powers, strict=True))
        )

    def reason(self) -> str:
        """Name the polynomial and both ranks."""
        f = format_polynomial(self.f, self.matrix.domain)
        shown = f"({f})^{self.k}" if self.k > 1 else f
        return (
            f"{self.where()} have different elementary divisors, as {shown} has rank "
            f"{self.ranks[0].rank} at one and {self.ranks[1].rank} at the other"
        )


@dataclass(frozen=True, eq=False, repr=False)
class UnitBlocksObstruction(SimilarityObstruction):
    """At eigenvalue 1 one of D, a has more blocks of size > k than the other of size >= k.

    With (S, T) = (D, a), or (a, D) if `exchanged`, `ranks` are those of (S - I)^k, (S - I)^(k + 1),
    (T - I)^(k - 1), (T - I)^k. S - I = Y Z and T - I = Z Y allow S no more such blocks.
    """

    k: int
    exchanged: bool
    ranks: tuple[RankWitness, ...]

    def check(self) -> bool:
        """Evaluate the four powers, check their ranks and count blocks."""
        if self.k < 1:
            return False
        S, T = self.pair()[:: -1 if self.exchanged else 1]
        field = S.domain
        f = [field.one, -field.one]
        exponents = self.k, self.k + 1, self.k - 1, self.k
        powers = [M.eval_poly(f) ** e for e, M in zip(exponents, (S, S, T, T), strict=True)]
        more, fewer = self._counts()
        return (
            self.applies()
            and more > fewer
            and all(w.check(M) for w, M in zip(self.ranks, powers, strict=True))
        )

    def _counts(self) -> tuple[int, int]:
        s, s_next, t_last, t = (witness.rank for witness in self.ranks)
        return s - s_next, t_last - t

    def reason(self) -> str:
        """Count the blocks."""
        more, fewer = self._counts()
        S, T = map(self.named, "aD" if self.exchanged else "Da")
        return (
            f"{self.where()} differ by more than one in a block size at eigenvalue 1: {S} has "
            f"{more} of size > {self.k}, {T} has {fewer} of size >= {self.k}"
        )
