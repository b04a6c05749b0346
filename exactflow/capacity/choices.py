"""Where the counting bound of `exactflow.capacity` is largest: a bounded search over Delta and m.

*Numeric*: floating point ranks the candidates, and what it finds is then decided exactly. Ranges of
at most 64 integers are searched through; longer ones on a grid that is refined around its best
point, so the search is deterministic and takes a few thousand evaluations at most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, exp, inf, lgamma, log, log1p, sqrt

from exactflow.capacity.packings import code_volumes
from exactflow.exact.rounding import root

__all__ = ["Setting", "best_choice", "setting"]

_GRID = 32
_TERMS = 64
_BITS = 64


@dataclass(frozen=True)
class Setting:
    """The constants of the bound, lengths in units of rho: log(2 R Lip), sigma sqrt(d), w."""

    d: int
    k: int
    log_reach: float
    noise: float
    w: float

    def gap(self, Delta: int, m: int) -> float:
        """Return sep - 2 w."""
        delta = 2 * sqrt(Delta / self.d)
        return (1 - m / self.k) * delta - 2 * self.noise - 2 * self.w

    def score(self, Delta: int, m: int) -> float:
        """Return about the number of parameters that the bound asks for."""
        gap = self.gap(Delta, m)
        if gap <= 0:
            return -inf
        log_base = self.log_reach - log(gap)
        if log_base <= 0:
            return inf
        log_base = log(ceil(exp(log_base))) if log_base < 32 else log_base
        return log_family(log_code_sizes(self.d)[Delta - 1], self.k, m) / log_base


def setting(
    d: int, k: int, reach: Fraction, rho_squared: Fraction, sigma: Fraction, w: Fraction
) -> Setting:
    """Return the constants in floating point.

    Parameters
    ----------
    d, k, w : as in `exactflow.capacity.min_parameters`.
    reach : 2 R Lip.
    rho_squared, sigma : of the mixtures: the squared length of the centers, and the deviation.
    """
    rho = root(rho_squared)
    reach /= rho
    log_reach = log(reach.numerator) - log(reach.denominator)
    return Setting(d, k, log_reach, _to_float(sigma * root(Fraction(d)) / rho), _to_float(w / rho))


def _to_float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return inf


def best_choice(setting: Setting, Deltas: range, ms: range) -> tuple[int, int] | None:
    """Return Delta and m with a large score, or None where no Delta has as many as k codewords.

    `Deltas` and `ms` are the integers allowed, in ascending order.
    """
    sizes, enough = log_code_sizes(setting.d), log(setting.k - 0.5)
    Deltas = range(Deltas.start, next((D for D in Deltas if sizes[D - 1] < enough), Deltas.stop))
    if not Deltas:
        return None

    def best_m(Delta: int) -> int:
        return _argmax(lambda m: setting.score(Delta, m), ms)

    Delta = _argmax(lambda Delta: setting.score(Delta, best_m(Delta)), Deltas)
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
