"""Certified lower bounds of the divergence, which the Wasserstein distance does not bound.

Main results
------------
KL(P | f#N(0, I)) is at least that of any two probabilities P(B), f#N(B). Let f be the
two layers of `approximate`, x_i a coordinate that the second layer moves, and B where |z_i| <= R:
there |x_i - t2_i(x')| <= R delta, and x' is no coordinate of that half. So f#N(B) = 1 - eta with
eta <= exp(-R^2 / 2), while P(B) <= m, the largest mass that P gives to a strip of width 2 R delta
around a graph. If m <= 1/2 and R >= 1,

    KL(P | f#N(0, I)) >= m log(m / (1 - eta)) + (1 - m) log((1 - m) / eta) >= (1 - m) R^2/2 - log 2.

As m is about R delta, W2 may be as small as you like with KL of order 1 / delta^2. Of three layers
take a coordinate that moves first and last: |x_i - t3_i(x1')| <= R delta^2 + delta N, since t1 is
at most N. Where P has mass on a set of volume zero, KL is infinite: f#N(0, I) has a density.

How it is checked
-----------------
*Certified*: every number in ball arithmetic, rounded down.
"""

from collections.abc import Iterable
from functools import singledispatch

import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.exact.balls import ball, lower
from exactflow.laws.universal import Boxes, GaussianMixture, Product, TargetMeasure, W2Approximation
from exactflow.laws.universal.quantization import TUNING
from proofs.constructions.spheres import Ring

__all__ = ["kl_lower_bound", "strip"]


def kl_lower_bound(found: W2Approximation) -> sympy.Expr:
    """Return a number that KL(target | flow) is at least, or infinity.

    >>> from exactflow.laws.universal import approximate, uniform
    >>> found = approximate(uniform([0, 0], [1, 1]), "1/10")
    >>> found.bound < 0.1, kl_lower_bound(found) > 10**5
    (True, True)
    """
    measure, construction = found.target, found.parameters
    if measure.is_singular:
        return sympy.oo
    moved, kept = (
        range(measure.dimension)[half] for half in construction.first_layer_moved_and_kept
    )
    with ctx.workprec(TUNING.precision):
        delta, best, reach = ball(construction.delta), QQ.zero, 1
        while True:
            if construction.depth == 2:
                coordinates, radius = kept, reach * delta
            else:
                labels = delta * len(construction.weights)
                coordinates, radius = moved, reach * delta * delta + labels
            off = max(lower(1 - strip(measure, i, radius)) for i in coordinates)
            if off < QQ(1, 2):
                return QQ.to_sympy(best)
            best = max(best, lower(ball(off) * reach * reach / 2 - arb(2).log()))
            reach *= 2


@singledispatch
def strip(measure: TargetMeasure, i: int, radius: arb) -> arb:
    """Return a bound of P(|x_i - g| <= radius), whatever function g of the other coordinates is:
    one, if nothing is known of the density.
    """
    return arb(1)


@strip.register
def _(measure: Boxes, i: int, radius: arb) -> arb:
    """Return the mean of 2 radius / side, where that is less than one."""
    return _average(measure.weights, (2 * radius / ball(b[i] - a[i]) for a, b in measure.ends))


@strip.register
def _(measure: GaussianMixture, i: int, radius: arb) -> arb:
    """Return the mean of 2 radius times the largest density, where that is less than one."""
    root = (2 / arb.pi()).sqrt()
    return _average(measure.weights, (root * radius / ball(s[i]) for s in measure.deviations))


@strip.register
def _(measure: Product, i: int, radius: arb) -> arb:
    """Return the bound of the factor: it holds given the other factors."""
    owners = [(factor, j) for factor in measure.factors for j in range(factor.dimension)]
    return strip(*owners[i], radius)


@strip.register
def _(measure: Ring, i: int, radius: arb) -> arb:
    """Return the part of the area that a strip of this width may have."""
    turns = ball(measure.stop - measure.start)
    area = arb.pi() * turns * ball(measure.outer**2 - measure.inner**2)
    return arb(1).min(2 * radius * 2 * ball(measure.outer) / area)


def _average(weights: Iterable, bounds: Iterable[arb]) -> arb:
    """Return the mean of numbers, one for each weight, where they are less than one."""
    pairs = zip(weights, bounds, strict=True)
    return sum((ball(w) * bound.min(arb(1)) for w, bound in pairs), arb(0))
