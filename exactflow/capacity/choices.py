"""Where the counting bound of `exactflow.capacity` is largest: a bounded search over Delta and m.

*Numeric*: floating point ranks the candidates, and what it finds is then decided exactly. Ranges of
at most 64 integers are searched through; longer ones on a grid that is refined around its best
point, so the search is deterministic and takes a few thousand evaluations at most.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, inf, lgamma, log, log1p, sqrt

from exactflow.capacity.packings import code_volumes
from exactflow.exact.numbers import to_float
from exactflow.exact.rounding import root

__all__ = ["best_choice"]

_GRID = 32
_TERMS = 64
_BITS = 64


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
    d, k : as in `exactflow.capacity.min_parameters`.
    reach : 2 R Lip.
    lengths : the squared length of the centers, the deviation of the Gaussians, and w.
    Deltas, ms : the integers allowed, in ascending order.
    """
    rho = root(lengths[0])
    reach /= rho
    log_reach = log(reach.numerator) - log(reach.denominator)
    noise, w = to_float(lengths[1] * root(Fraction(d)) / rho), to_float(lengths[2] / rho)
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
    """Return about the logarithms of `packings.code_size` for Delta = 1 .. d."""
    sizes = []
    for _, exponent, volume in code_volumes(d, _BITS):
        small = exponent - volume.bit_length() < 50
        size = -(-(2**exponent) // volume) if small else 0
        sizes.append(log(size) if size else exponent * log(2) - log(volume))
    return sizes


def log_family(log_N: float, k: int, m: int) -> float:
    """Return the logarithm of `exactflow.capacity.packings.SubsetFamily` (N, k, m).size, about."""
    if log_N > 45 + log(k):
        N, j = inf, m + 1
        points = j * log_N
    else:
        N = round(exp(log_N))
        j = max(m + 1, 2 * k - N)
        points = _log_quotient(N, N - k) - _log_quotient(N - k, N - 2 * k + j)
    first = points - lgamma(k + 1) + lgamma(k - j + 1) - _log_binomial(k, j)
    total = term = 1.0
    for i in range(j, min(k, j + _TERMS)):
        term *= (k - i) ** 2 / ((i + 1) * (N - 2 * k + i + 1))
        total += term
        if term < 1e-6 * total:
            break
    return max(0.0, first - log(total))


def _log_binomial(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _log_quotient(a: int, b: int) -> float:
    """Return log(a! / b!) for a >= b, without cancellation where both are large."""
    if b < 2**20:
        return lgamma(a + 1) - lgamma(b + 1)
    x = a - b
    return x * (log(a) - 1) + (b + 0.5) * log1p(x / b) + (1 / a - 1 / b) / 12
