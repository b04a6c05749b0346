"""The certified bound of `exactflow.universal`: every term an enclosure, every rounding outward.

The names of the terms are those of the proof there.
"""

from typing import NamedTuple

import numpy as np
from flint import arb
from sympy import QQ, Rational

from exactflow.exact.balls import ball, normal_cdf, normal_density, upper, upper_root
from exactflow.exact.typing import Element
from exactflow.universal.construction import Construction

__all__ = ["Bound", "certify", "knot_errors", "noise", "ramp_factor", "tails", "weights_error"]


class Bound(NamedTuple):
    """The terms of the bound, each a rational number that is certainly large enough."""

    quantization: Rational
    spread: Rational
    weights: Rational
    noise: Rational
    ramps: Rational
    tails: Rational

    @property
    def total(self) -> Rational:
        """Their sum: at least W2 between target and flow."""
        return sum(self, Rational(0))


def certify(construction: Construction, quantization: arb) -> Bound:
    """Return the bound for the flow of a construction, in time linear in N.

    The precision is that of the current ``workprec`` block; a low one gives a large bound, never a
    wrong one.

    Parameters
    ----------
    construction : any atoms and parameters that satisfy the conditions of the theorem.
    quantization : an enclosure of a bound of W2(target, cell centers).
    """
    return Bound(
        upper(quantization),
        upper(displacement(construction)),
        upper(weights_error(construction)),
        upper(noise(construction)),
        upper(upper_root(ball(construction.tau) * ramp_factor(construction, construction.tau))),
        upper(tails(construction)),
    )


def displacement(construction: Construction) -> arb:
    """Return sqrt(sum_i w_i moved_i^2)."""
    pairs = zip(construction.weights, construction.moved.tolist(), strict=True)
    square = sum((ball(w) * m * m for w, m in pairs if m), arb(0))
    return upper_root(square) / arb(2) ** construction.bits


def knot_errors(construction: Construction) -> arb:
    """Return sum_i |Phi(knot_i) - (w_1 + .. + w_i)|, a bound of the total variation distance."""
    total, cumulative = arb(0), QQ.zero
    for knot, weight in zip(construction.knots, construction.weights, strict=False):
        cumulative += weight
        total += abs(normal_cdf(ball(knot)) - ball(cumulative))
    return total


def weights_error(construction: Construction) -> arb:
    """Return diameter sqrt(knot errors)."""
    return _diameter(construction, slice(None)) * upper_root(knot_errors(construction))


def noise(construction: Construction) -> arb:
    """Return delta sqrt(d), or for three layers sqrt((d - m) delta^2 + m delta^4), where m
    coordinates move twice.
    """
    square, (moved, _) = ball(construction.delta) ** 2, construction.halves
    twice = construction.atoms[0, moved].size if construction.depth == 3 else 0
    return ((construction.atoms.shape[1] - twice) * square + twice * square * square).sqrt()


def ramp_factor(construction: Construction, width: Element) -> arb:
    """Return a bound of sum_i P(z in ramp i) (|c_(i+1) - c_i| + excess)^2 / tau, if tau <= width.

    The density on a ramp is at most that at its point nearest to zero; the excess of three layers
    is delta.
    """
    unit, total = arb(2) ** -construction.bits, arb(0)
    excess = ball(construction.delta) if construction.depth == 3 else arb(0)
    steps = np.diff(construction.atoms, axis=0)
    squares = (steps * steps).sum(axis=1).tolist()
    for knot, square in zip(construction.knots, squares, strict=True):
        nearest = max(abs(knot) - width / 2, QQ.zero)
        total += normal_density(ball(nearest)) * (arb(square).sqrt() * unit + excess) ** 2
    return total


def tails(construction: Construction) -> arb:
    """Return V sqrt(P(T)), T the event that z leaves a plateau of a later layer."""
    delta, (moved, kept) = ball(construction.delta), construction.halves
    mass, labels = 2 * normal_cdf(-ball(construction.radius) / delta), arb(0)
    if construction.depth == 3:
        mass += 2 * normal_cdf(-1 / (4 * delta))
        labels = delta * (len(construction.atoms) - 1)
    farthest = (_diameter(construction, kept), _diameter(construction, moved) + labels)
    return (farthest[0] ** 2 + farthest[1] ** 2).sqrt() * upper_root(mass)


def _diameter(construction: Construction, coordinates: slice) -> arb:
    """Return the diagonal of the box around some coordinates of the atoms."""
    columns = construction.atoms[:, coordinates].T.tolist()
    square = sum((max(column) - min(column)) ** 2 for column in columns)
    return arb(square).sqrt() / arb(2) ** construction.bits
