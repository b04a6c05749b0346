"""Packings: many points far apart, many subsets that meet rarely; counted exactly.

Main results
------------
*Codes* (Gilbert 1952, Varshamov 1957). A maximal code in {-1, 1}^d with Hamming distances >= Delta
has at least 2^d / V(d, Delta - 1) words, where V(d, r) = sum_(i <= r) C(d, i): otherwise some word
is farther than Delta - 1 from all of them. For even Delta a parity coordinate makes distances
Delta - 1 in d - 1 coordinates even, so 2^(d-1) / V(d-1, Delta - 2) words exist; that is never less.

*Subsets.* A maximal family of k-subsets of N points that meet pairwise in at most m points has at
least C(N, k) / sum_(j > m) C(k, j) C(N-k, k-j) members, the sum being the number of k-subsets that
meet a given one, itself included, in more than m points.

How it is checked
-----------------
*Exact*: both counts are integers, and maximal families found by search are at least as large, in
the tests. *Certified*: comparisons with powers, by enclosures of logarithms (ball arithmetic) whose
precision grows until they decide, and by the integers themselves where they do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import comb

from flint import arb, ctx

from exactflow.exact.balls import nearest

__all__ = ["SubsetFamily", "code_size", "code_volumes"]

_PRECISIONS = (64, 256, 1024, 4096)


def code_size(d: int, Delta: int) -> int:
    """Return a number of words in {-1, 1}^d, pairwise at Hamming distance >= Delta, that exist.

    >>> [code_size(3, Delta) for Delta in (1, 2, 3)]
    [8, 4, 2]
    """
    exponent, volume = next(bound for D, *bound in code_volumes(d) if D == Delta)
    return -(-(2**exponent) // volume)


def code_volumes(d: int, bits: int | None = None) -> Iterator[tuple[int, int, int]]:
    """Yield Delta, e, V for Delta = 1 .. d, such that `code_size` is 2^e / V rounded up.

    With `bits`, V is rounded to about so many, and e is smaller by as much: 2^e / V is that with a
    relative error of about d / 2^bits, and a step costs the same for every d.

    With v_r = V(d-1, r): e = d, V = v_r + v_(r-1) for odd Delta = r + 1; e = d - 1, V = v_r for
    even Delta = r + 2.
    """
    before, volume, binomial, exponent = 0, 1, 1, d
    for r in range(d):
        if r % 2 == 0:
            yield r + 1, exponent, volume + before
            if r + 2 <= d:
                yield r + 2, exponent - 1, volume
        binomial = binomial * (d - 1 - r) // (r + 1)
        before, volume = volume, volume + binomial
        if bits is not None and (excess := volume.bit_length() - 2 * bits) > 0:
            before, volume, binomial = (x >> excess for x in (before, volume, binomial))
            exponent -= excess


@dataclass(frozen=True)
class SubsetFamily:
    """A family of k-subsets of N points that meet pairwise in at most m, 0 <= m < k <= N.

    It has at least ``ceil(total / excluded)`` members, of which powers are compared without forming
    any of the three integers.

    >>> family = SubsetFamily(7, 3, 1)
    >>> family.total, family.excluded, family.size
    (35, 13, 3)
    >>> family.least_power(2)
    2
    """

    N: int
    k: int
    m: int

    @cached_property
    def total(self) -> int:
        """The number C(N, k) of all k-subsets."""
        return comb(self.N, self.k)

    @cached_property
    def excluded(self) -> int:
        """The number of k-subsets that meet a given one in more than m points."""
        N, k = self.N, self.k
        return sum(comb(k, j) * comb(N - k, k - j) for j in range(self.m + 1, k + 1))

    @property
    def size(self) -> int:
        """The integer ceil(total / excluded)."""
        return -(-self.total // self.excluded)

    def log(self, precision: int) -> arb:
        """Return an enclosure of log(total / excluded) to about `precision` bits.

        The terms of `excluded` are summed from the first, of index j, while they matter; the rest
        is at most a geometric series, for their quotients decrease.
        """
        N, k = self.N, self.k
        j = max(self.m + 1, 2 * k - N)
        with ctx.workprec(precision + N.bit_length() + k.bit_length() + 16):
            log_first = (
                _log_factorial(N)
                - _log_factorial(N - k) * 2
                - _log_factorial(k)
                + _log_factorial(k - j)
                + _log_factorial(N - 2 * k + j)
                - _log_binomial(k, j)
            )
        with ctx.workprec(precision + 16):
            return log_first - self._excluded_over_first(j, precision).log()

    def _excluded_over_first(self, j: int, precision: int) -> arb:
        total, term = arb(1), arb(1)
        negligible = arb(2) ** -precision
        for i in range(j, self.k):
            above, below = (self.k - i) ** 2, (i + 1) * (self.N - 2 * self.k + i + 1)
            if above < below and (rest := term * above / (below - above)) < negligible:
                return total + arb(0, rest.upper())
            term = term * above / below
            total += term
        return total

    def exceeds_power(self, base: int, exponent: int) -> bool:
        """Return whether ``base ** exponent < size``, decided exactly."""
        for precision in _PRECISIONS:
            with ctx.workprec(precision + 16):
                gap = self.log(precision) - arb(base).log() * exponent
            if gap > 0:
                return True
            if gap < 0:
                return False
        return base**exponent * self.excluded < self.total

    def least_power(self, base: int) -> int:
        """Return the least p >= 0 with ``base ** p >= size``, for a base >= 2."""
        with ctx.workprec(_PRECISIONS[0] + 16):
            quotient = self.log(_PRECISIONS[0]) / arb(base).log()
            guess = max(0, nearest(quotient) - 1)
        while self.exceeds_power(base, guess):
            guess += 1
        return guess


def _log_factorial(n: int) -> arb:
    return arb(n + 1).lgamma()


def _log_binomial(n: int, k: int) -> arb:
    return _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)
