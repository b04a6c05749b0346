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

The bound of `proofs.constructions.capacity` depends on the choice of Delta and m. *Numeric*:
floating point ranks the candidates, and what it finds is then decided exactly. Ranges of at most 64
integers are searched through; longer ones on a grid that is refined around its best point, so the
search is deterministic and takes a few thousand evaluations at most.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import ceil, comb, exp, inf, lgamma, log, log1p, sqrt

from flint import arb, ctx

from exactflow.exact.balls import round_midpoint_to_integer
from exactflow.exact.numbers import sqrt_to_128_bits, to_float

__all__ = ["SubsetFamily", "best_choice", "code_size", "code_volumes"]

_PRECISIONS = (64, 256, 1024, 4096)
_GRID = 32
_TERMS = 64
_BITS = 64


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
        """Whether ``base ** exponent < size``, decided exactly."""
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
            guess = max(0, round_midpoint_to_integer(quotient) - 1)
        while self.exceeds_power(base, guess):
            guess += 1
        return guess


def _log_factorial(n: int) -> arb:
    return arb(n + 1).lgamma()


def _log_binomial(n: int, k: int) -> arb:
    return _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)


def best_choice(
    d: int,
    k: int,
    reach: Fraction,
    lengths: tuple[Fraction, Fraction, Fraction],
    Deltas: range,
    ms: range,
) -> tuple[int, int] | None:
    """Return Delta and m for a large bound, or None where no Delta has as many as k codewords.

    Parameters
    ----------
    d, k : as in `proofs.constructions.capacity.min_parameters`.
    reach : 2 R Lip.
    lengths : the squared length of the centers, the deviation of the Gaussians, and w.
    Deltas, ms : the integers allowed, in ascending order.
    """
    rho = sqrt_to_128_bits(lengths[0])
    reach /= rho
    log_reach = log(reach.numerator) - log(reach.denominator)
    noise = to_float(lengths[1] * sqrt_to_128_bits(Fraction(d)) / rho)
    w = to_float(lengths[2] / rho)
    sizes, enough = log_code_sizes(d), log(k - 0.5)

    def score(Delta: int, m: int) -> float:
        """Return about the number of parameters that the bound asks for."""
        gap = (1 - m / k) * 2 * sqrt(Delta / d) - 2 * noise - 2 * w  # sep - 2 w, for rho = 1
        if gap <= 0:
            return -inf
        log_base = log_reach - log(gap)
        if log_base <= 0:
            return inf
        log_base = log(ceil(exp(log_base))) if log_base < 32 else log_base
        return log_family(sizes[Delta - 1], k, m) / log_base

    def best_m(Delta: int) -> int:
        return _argmax(lambda m: score(Delta, m), ms)

    Deltas = range(Deltas.start, next((D for D in Deltas if sizes[D - 1] < enough), Deltas.stop))
    if not Deltas:
        return None
    Delta = _argmax(lambda Delta: score(Delta, best_m(Delta)), Deltas)
    return Delta, best_m(Delta)


def _argmax(score: Callable[[int], float], values: range) -> int:
    """Return an integer of the range at which the score is largest among those visited."""
    low, high = values.start, values.stop - 1
    step = max(1, len(values) // _GRID)
    best = max([*range(low, high, step), high], key=score)
    while step > 1:
        finer = max(1, step // 8)
        best = max(range(max(low, best - step), min(high, best + step) + 1, finer), key=score)
        step = finer
    return best


@lru_cache(maxsize=16)
def log_code_sizes(d: int) -> list[float]:
    """Return about the logarithms of `code_size` for Delta = 1 .. d."""
    sizes = []
    for _, exponent, volume in code_volumes(d, _BITS):
        small = exponent - volume.bit_length() < 50
        size = -(-(2**exponent) // volume) if small else 0
        sizes.append(log(size) if size else exponent * log(2) - log(volume))
    return sizes


def log_family(log_N: float, k: int, m: int) -> float:
    """Return the logarithm of `SubsetFamily` (N, k, m).size, about."""
    if log_N > 45 + log(k):
        N, j = inf, m + 1
        points = j * log_N
    else:
        N = round(exp(log_N))
        j = max(m + 1, 2 * k - N)
        points = _log_quotient(N, N - k) - _log_quotient(N - k, N - 2 * k + j)
    chosen = lgamma(k + 1) - lgamma(j + 1) - lgamma(k - j + 1)
    first = points - lgamma(k + 1) + lgamma(k - j + 1) - chosen
    total = term = 1.0
    for i in range(j, min(k, j + _TERMS)):
        term *= (k - i) ** 2 / ((i + 1) * (N - 2 * k + i + 1))
        total += term
        if term < 1e-6 * total:
            break
    return max(0.0, first - log(total))


def _log_quotient(a: int, b: int) -> float:
    """Return log(a! / b!) for a >= b, without cancellation where both are large."""
    if b < 2**20:
        return lgamma(a + 1) - lgamma(b + 1)
    x = a - b
    return x * (log(a) - 1) + (b + 0.5) * log1p(x / b) + (1 / a - 1 / b) / 12
