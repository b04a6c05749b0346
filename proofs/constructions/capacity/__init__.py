"""Lower bounds by counting on the parameters and layers of a flow.

Main results
------------
*Theorem 3* (after Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning
in normalizing flows*, ICML 2021, whose statement is asymptotic; this one is finite). Let maps
f_theta: R^d -> R^d, theta in [-R, R]^p, have E|f_theta(z) - f_theta'(z)| <= Lip
|theta - theta'|_inf for z ~ N(0, I). Let 0 <= m < k <= N = `code_size` (d, Delta),
delta = 2 rho sqrt(Delta / d) and sep = (1 - m/k) delta - 2 sigma sqrt(d) > 2 w. If

    ceil(2 R Lip / (sep - 2 w)) ** p < C(N, k) / sum_(j > m) C(k, j) C(N-k, k-j),

then some uniform mixture of k Gaussians N(c, sigma^2 I), |c| = rho, has a W1 distance of at least w
from f_theta#N(0, I) for every theta. With l layers of p1 parameters, p = l p1. If each layer is
Lambda-Lipschitz in its input and lambda-Lipschitz in its own parameters, then
Lip <= lambda (1 + Lambda + .. + Lambda^(l-1)).

The proof, in these letters, is in the script depth_lower_bound. For additive couplings whose
conditioners are ReLU networks with weights in [-R, R], Lip is *certified*:
`proofs.constructions.capacity.couplings`.

How it is checked
-----------------
*Exact*: `rules_out` decides the inequality between integers; square roots are rounded to the safe
side. The powers, with millions of digits, are compared by *certified* enclosures of logarithms.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import Any

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import (
    format_down,
    format_short,
    format_up,
    round_up_if_over_256_bits,
    sqrt_to_128_bits,
    to_fraction,
    to_index,
)
from exactflow.exact.typing import NumberLike
from proofs.constructions.bisection import least_sufficient
from proofs.constructions.capacity.couplings import AdditiveCouplings
from proofs.constructions.capacity.packings import SubsetFamily, best_choice, code_size

__all__ = [
    "AdditiveCouplings",
    "CapacityBound",
    "DepthBound",
    "depth_bound",
    "geometric_sum",
    "min_parameters",
]

MOST_COORDINATES = 10**5
MOST_GAUSSIANS = 10**12


@dataclass(frozen=True)
class CapacityBound:
    """The inequality of the theorem with its constants, which `rules_out` decides exactly."""

    d: int
    k: int
    lipschitz: Fraction
    radius: Fraction
    w: Fraction
    rho_squared: Fraction
    sigma: Fraction
    Delta: int
    m: int

    @cached_property
    def family(self) -> SubsetFamily:
        """The k-subsets of the codewords."""
        return SubsetFamily(code_size(self.d, self.Delta), self.k, self.m)

    @cached_property
    def separation(self) -> Fraction:
        """A rational number slightly below sep, with about 128 correct bits."""
        delta = sqrt_to_128_bits(4 * self.rho_squared * self.Delta / self.d)
        noise = self.sigma * sqrt_to_128_bits(Fraction(self.d), up=True)
        return Fraction(self.k - self.m, self.k) * delta - 2 * noise

    @cached_property
    def base(self) -> int:
        """The number of intervals, ceil(2 R Lip / (sep - 2 w))."""
        return ceil(2 * self.radius * self.lipschitz / (self.separation - 2 * self.w))

    @cached_property
    def parameters(self) -> int | None:
        """The least number of parameters that is not ruled out; None if all numbers are."""
        return None if self.base == 1 else self.family.least_power(self.base)

    def rules_out(self, parameters: int) -> bool:
        """Whether this number of parameters is too small: ``base ** parameters < family.size``."""
        return self.family.exceeds_power(self.base, parameters)


def min_parameters(
    d: int,
    k: int,
    *,
    lipschitz: NumberLike,
    radius: NumberLike,
    w: NumberLike,
    rho: "NumberLike | None" = None,
    sigma: "NumberLike | None" = None,
    Delta: int | None = None,
    m: int | None = None,
) -> CapacityBound:
    """Return a lower bound on the number p of parameters that the maps need to come within w, in
    W1, of every mixture of k Gaussians.

    Its `parameters` is the least integer p that the theorem does not rule out.

    Parameters
    ----------
    d, k : the dimension, 2 to 10^5, and the number of Gaussians, 1 to 10^12. (For larger numbers
        counting takes minutes, as the integers have d bits.)
    lipschitz, radius, w : Lip, R and w, positive: integers, Fractions, floats (taken exactly) or
        strings such as "1/10".
    rho, sigma : the length of the centers and the deviation of the Gaussians. The bound increases
        with rho and decreases with sigma. By default rho is such that the second moment of the
        mixtures is that of N(0, I), rho^2 + sigma^2 d = d, and sigma is a power of two so small
        that it changes sep - 2 w by less than the factor 2^-40.
    Delta, m : the Hamming distance of codewords, 1 .. d, and the number of centers that two
        mixtures may share, 0 .. k - 1; by default the choice with the largest bound that a bounded
        search finds.

    Raises
    ------
    InvalidInputError
        A constant that is not positive, d = 1, fewer than k codewords, or sep <= 2 w.

    Examples
    --------
    >>> bound = min_parameters(64, 1000, lipschitz=100, radius=1, w="1/10")
    >>> bound.parameters, bound.Delta, bound.m
    (4672, 2, 812)
    >>> bound.rules_out(4671), bound.rules_out(4672)
    (True, False)
    """
    d, k = to_index("d", d, 2, MOST_COORDINATES), to_index("k", k, 1, MOST_GAUSSIANS)
    Deltas, ms = _allowed("Delta", Delta, 1, d), _allowed("m", m, 0, k - 1)
    lipschitz, radius = _positive("lipschitz", lipschitz), _positive("radius", radius)
    w, deviation = _positive("w", w), Fraction(0) if sigma is None else _positive("sigma", sigma)
    rho_squared = _rho_squared(rho, deviation, d)
    choice = best_choice(d, k, 2 * radius * lipschitz, (rho_squared, deviation, w), Deltas, ms)
    if choice is None:
        raise InvalidInputError(
            f"expected at most {format_short(code_size(d, Deltas.start))} Gaussians, the number of "
            f"codewords at distance Delta = {Deltas.start} in R^{d}, got k = {k}: increase d, or "
            "decrease k" + ("" if Delta is None else " or Delta")
        )
    bound = CapacityBound(d, k, lipschitz, radius, w, rho_squared, deviation, *choice)
    gap = bound.separation - 2 * w
    if gap <= 0:
        raise InvalidInputError(
            f"expected sep > 2 w, got sep = {format_down(bound.separation, 4)} and w = "
            f"{format_up(w, 4)} (Delta = {bound.Delta}, m = {bound.m}), for which the theorem "
            "says nothing: decrease w, sigma or m, or increase rho or Delta"
        )
    if sigma is None:
        tiny = _small_sigma(gap, d)
        bound = replace(bound, sigma=tiny, rho_squared=_rho_squared(rho, tiny, d))
    return bound


def _rho_squared(rho: object, sigma: Fraction, d: int) -> Fraction:
    """Return rho^2, by default d - sigma^2 d, rounded so that the centers have rational entries."""
    if rho is not None:
        return _positive("rho", rho) ** 2
    if sigma >= 1:
        raise InvalidInputError(
            f"expected sigma < 1 without rho, as the second moment of the mixtures is d, got "
            f"{format_short(sigma)}: give rho"
        )
    return d * sqrt_to_128_bits(1 - sigma**2) ** 2


def _small_sigma(gap: Fraction, d: int) -> Fraction:
    """Return a power of two for sigma, at most 2^-41 gap / sqrt(d) and 2^-41."""
    quotient = gap / sqrt_to_128_bits(Fraction(d), up=True)
    bits = quotient.denominator.bit_length() - quotient.numerator.bit_length() + 1
    return Fraction(1, 2 ** (41 + max(0, bits)))


@dataclass(frozen=True)
class DepthBound:
    """A lower bound on the number of layers.

    Attributes
    ----------
    depth : the least number of layers that is not ruled out; None if all numbers are.
    params_per_layer : the number of parameters of each layer.
    ruled_out : the bound that rules out depth - 1 layers; None if `depth` is 1 or None.
    """

    depth: int | None
    params_per_layer: int
    ruled_out: CapacityBound | None


def depth_bound(
    d: int,
    k: int,
    params_per_layer: int | None = None,
    *,
    neurons: int | None = None,
    width: int | None = None,
    layer_lipschitz: "NumberLike | None" = None,
    parameter_lipschitz: "NumberLike | None" = None,
    **constants: Any,
) -> DepthBound:
    """Return the least number of layers that is not ruled out, for layers of a given size.

    This is a bound on depth, not on size: the network that generates the mixtures (in the script
    depth_lower_bound) has more neurons and parameters than the bound requires of the flows.

    Parameters
    ----------
    d, k : as in `min_parameters`.
    params_per_layer, layer_lipschitz, parameter_lipschitz : the number of parameters of each layer,
        and Lambda and lambda of every layer; or else
    neurons, width : the number of ReLU units of the conditioner of each layer, and the width of its
        hidden layers, by default all units in one. The constants of additive couplings with
        weights in [-radius, radius] are certified, see `proofs.constructions.capacity.couplings`.
    constants : radius, w and the choices rho, sigma, Delta, m of `min_parameters`.

    Raises
    ------
    InvalidInputError
        Both or none of the two sets of constants, or a part of one; and as `min_parameters`.

    Examples
    --------
    >>> depth_bound(256, 10**6, neurons=4, radius=1, w="1/10").depth
    144
    >>> bound = depth_bound(
    ...     64, 1000, 50, layer_lipschitz=2, parameter_lipschitz=1, radius=1, w="1/10"
    ... )
    >>> bound.depth, bound.ruled_out.rules_out(50 * (bound.depth - 1))
    (29, True)
    """
    layer = params_per_layer, layer_lipschitz, parameter_lipschitz
    given = [name is not None for name in (*layer, neurons)]
    if given not in ([True, True, True, False], [False, False, False, True]) or (
        width is not None and neurons is None
    ):
        raise InvalidInputError(
            "expected either all of params_per_layer, layer_lipschitz and parameter_lipschitz, or "
            f"neurons (and width), got {format_short((*layer, neurons, width))}"
        )
    limit: Fraction | None = None
    if neurons is None:
        p1 = to_index("params_per_layer", params_per_layer, 1)
        ratio = _positive("layer_lipschitz", layer_lipschitz)
        factor = _positive("parameter_lipschitz", parameter_lipschitz)
        limit = factor / (1 - ratio) if ratio < 1 else None
    else:
        size, radius = to_index("d", d, 2, MOST_COORDINATES), constants.get("radius")
        couplings = AdditiveCouplings.of(size, neurons, width, _positive("radius", radius))
        p1 = couplings.parameters

    def total(depth: int) -> Fraction:
        if neurons is None:
            return factor * geometric_sum(ratio, depth)
        return couplings.lipschitz(depth)

    def bound(constant: Fraction) -> CapacityBound:
        return min_parameters(d, k, lipschitz=constant, **constants)

    def enough(depth: int) -> bool:
        parameters = bound(total(depth)).parameters
        return parameters is not None and parameters <= depth * p1

    if limit is not None and bound(limit).parameters is None:
        return DepthBound(None, p1, None)
    depth = least_sufficient(enough)
    return DepthBound(depth, p1, bound(total(depth - 1)) if depth > 1 else None)


def _allowed(name: str, value: object, least: int, most: int) -> range:
    """Return the range of a choice: only the given value, or all from `least` to `most`."""
    if value is None:
        return range(least, most + 1)
    index = to_index(name, value, least, most)
    return range(index, index + 1)


def _positive(name: str, value: object) -> Fraction:
    """Return a positive number exactly."""
    try:
        number = to_fraction(value)
    except InvalidInputError:
        number = None
    if number is None or number <= 0:
        raise InvalidInputError(
            f"expected a positive number {name} (an integer, Fraction, float or 'p/q'), "
            f"got {format_short(value)}"
        )
    return number


def geometric_sum(ratio: Fraction, terms: int) -> Fraction:
    """Return 1 + ratio + .. + ratio^(terms - 1) for a positive ratio, or a number just above.

    >>> geometric_sum(Fraction(1, 2), 3)
    Fraction(7, 4)
    """
    total, power = Fraction(0), Fraction(1)
    for bit in f"{terms:b}":
        total, power = total * (1 + power), power * power
        if bit == "1":
            total, power = total * ratio + 1, power * ratio
        total, power = round_up_if_over_256_bits(total), round_up_if_over_256_bits(power)
    return total
