"""The search for the rational parameters of the three layers.

Implementation notes
--------------------
Every number is dyadic, so short. A step of the search halves a parameter until its term of the
bound is within its share of eps, or doubles the precision of the knots; it ends because the term
tends to zero. The shares add up to 15/16; quantization has the largest.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from flint import arb, ctx
from sympy import QQ

from exactflow.exact.balls import ball, lower, nearest, normal_quantile
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.universal.bound import noise, ramp_factor, tails, weights_error
from exactflow.universal.cells import Cells
from exactflow.universal.construction import Construction, labelled_atoms, spread

__all__ = ["GUARD_BITS", "SHARES", "construct", "power_below"]

SHARES = {
    "quantization": QQ(1, 2),
    "spread": QQ(1, 8),
    "weights": QQ(1, 32),
    "noise": QQ(1, 8),
    "ramps": QQ(1, 8),
    "tails": QQ(1, 32),
}
GUARD_BITS = 32
_FIRST_PRECISION = 96
_WIDTH_BITS = 6


def power_below(value: Element) -> Element:
    """Return the largest power of two, as an element of QQ, that is at most a positive `value`.

    >>> power_below(QQ(5, 16)) == QQ(1, 4), power_below(QQ(7)) == 4
    (True, True)
    """
    n, d = int(value.numerator), int(value.denominator)
    exponent = n.bit_length() - d.bit_length()
    power = QQ(2) ** exponent
    return power if power <= value else power / 2


def construct(cells: Cells, eps: Element, precision: int | None = None) -> tuple[Construction, int]:
    """Return a construction whose terms are within their shares of `eps`, and its precision.

    The precision, in bits, is that of the ball arithmetic; `GUARD_BITS` less is that of the knots.
    It is the least of 96, 192, .. that does, from `precision` on if that is given.
    """
    centers, weights = labelled_atoms(cells)
    moved = _separating(centers[:, 0], weights, cells.bits, SHARES["spread"] * eps)
    atoms = centers.copy()
    atoms[:, 0] += moved
    gap = min((b - a for a, b in pairwise(atoms[:, 0].tolist())), default=2**cells.bits)
    radius = QQ(3 * gap, 8 * 2**cells.bits)
    delta = power_below(min(QQ(1, 8), radius / 2))
    draft = Construction(atoms, moved, cells.bits, weights, [], QQ.zero, radius, delta)
    draft, precision = _with_knots(draft, SHARES["weights"] * eps, precision or _FIRST_PRECISION)
    with ctx.workprec(precision):
        draft = _with_delta(draft, eps)
        return _with_tau(draft, SHARES["ramps"] * eps), precision


def _separating(firsts: np.ndarray, weights: list, bits: int, share: Element) -> np.ndarray:
    """Return moves after which neighbours are as far apart as the share allows: mean square."""
    masses, unit = np.array([to_float(w) for w in weights]), max(1, int(share * 2**bits))
    extent = max(QQ(firsts[-1] - firsts[0], 2**bits), share)
    gap = max(int(power_below(min(8 * share, 4 * extent / len(firsts))) * 2**bits), 1)
    while True:
        moved = spread(firsts, gap) - firsts
        distances = np.array([x / unit for x in moved.tolist()])
        if masses @ distances**2 <= 1 or gap == 1:
            return moved
        gap //= 2


def _with_knots(draft: Construction, share: Element, precision: int) -> tuple[Construction, int]:
    while True:
        with ctx.workprec(precision):
            bits = precision - GUARD_BITS
            draft = replace(draft, knots=_quantiles(draft.weights, bits))
            width = min((b - a for a, b in pairwise(draft.knots)), default=QQ.one)
            if width >= QQ(2) ** (_WIDTH_BITS - bits) and weights_error(draft) <= ball(share):
                return draft, precision
        precision *= 2


def _quantiles(weights: list, bits: int) -> list:
    """Return dyadic numbers near the Gaussian quantiles of w_1, w_1 + w_2, .."""
    knots, below = [], QQ.zero
    for weight in weights[:-1]:
        below += weight
        quantile = normal_quantile(ball(below), ball(1 - below))
        knots.append(QQ(nearest(quantile * arb(2) ** bits), 2**bits))
    return knots


def _with_delta(draft: Construction, eps: Element) -> Construction:
    shares = ball(SHARES["noise"] * eps), ball(SHARES["tails"] * eps)
    while not (noise(draft) <= shares[0] and tails(draft) <= shares[1]):
        draft = replace(draft, delta=draft.delta / 2)
    return draft


def _with_tau(draft: Construction, share: Element) -> Construction:
    if not draft.knots:
        return replace(draft, tau=QQ.one)
    width = min((b - a for a, b in pairwise(draft.knots)), default=QQ(1, 4))
    widest = power_below(min(width / 2, QQ(1, 4)))
    most = ball(share) ** 2 / ramp_factor(draft, widest)
    return replace(draft, tau=min(widest, power_below(lower(most))))
