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

import sympy
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower
from exactflow.flows.partition import as_partition
from exactflow.laws.universal.construction import Construction
from exactflow.laws.universal.measures import TargetMeasure


def halves_of(measure: TargetMeasure, partition: tuple[int, int] | None) -> tuple[int, int]:
    """Return the sizes of the halves, or raise `InvalidInputError` where they do not fit."""
    d = measure.dimension
    halves = as_partition((d // 2, d - d // 2) if partition is None else partition)
    if sum(halves) != d:
        raise InvalidInputError(f"expected halves of {d} coordinates in all, got {halves}")
    return halves


def kl_lower_bound(measure: TargetMeasure, construction: Construction) -> sympy.Expr:
    """Return a lower bound of KL(P | f#N(0, I)), f the flow of a construction, or infinity."""
    if measure.is_singular:
        return sympy.oo
    moved, kept = (range(measure.dimension)[half] for half in construction.halves)
    delta, best, reach = ball(construction.delta), QQ.zero, 1
    while True:
        if construction.depth == 2:
            coordinates, radius = kept, reach * delta
        else:
            labels = delta * len(construction.weights)
            coordinates, radius = moved, reach * delta * delta + labels
        off = max(lower(1 - measure.slab(i, radius)) for i in coordinates)
        if off < QQ(1, 2):
            return QQ.to_sympy(best)
        best = max(best, lower(ball(off) * reach * reach / 2 - arb(2).log()))
        reach *= 2
