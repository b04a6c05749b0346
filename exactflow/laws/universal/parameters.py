"""The choice of the rational parameters of two or three layers, for given cells and eps.

Every number is dyadic, so short. A step halves a parameter until its term of the bound is within
its share of eps, or doubles the precision of the knots; it ends because the term tends to zero.
Half of eps is for quantization, since atoms are what costs; five terms share the rest equally, but
for 1/32 of eps, which the last rounding up may take.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from flint import ctx
from sympy import QQ

from exactflow.exact.balls import FINEST, PrecisionError, ball, lower, nearest, normal_quantile
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.construction import Construction
from exactflow.laws.universal.quantization import TUNING, Quantization

QUANTIZATION, SHARE = QQ(1, 2), QQ(3, 32)


def construct(
    cells: Quantization, eps: Element, partition: tuple[int, int], depth: int
) -> tuple[Construction, int]:
    """Return a construction with its terms within shares of `eps`, and the bits of its balls."""
    carrier, share = _carrier(cells.centers, partition[0], depth), SHARE * eps
    centers, weights = _labelled(cells, carrier)
    moved = _separating_moves(centers[:, carrier], weights, cells.bits, share)
    atoms = centers.copy()
    atoms[:, carrier] += moved
    gap = min((b - a for a, b in pairwise(atoms[:, carrier].tolist())), default=2**cells.bits)
    radius = QQ(3 * gap, 8 * 2**cells.bits)  # three quarters of the line are plateaus
    delta = power_below(min(share, radius))
    draft = Construction(
        atoms, moved, cells.bits, weights, partition, carrier, depth, [], QQ.zero, radius, delta
    )
    draft, precision = _with_knots(draft, share)
    with ctx.workprec(precision):
        while not (draft.noise() <= ball(share) and draft.tails() <= ball(share)):
            draft = replace(draft, delta=draft.delta / 2)
        return _with_tau(draft, share), precision


def _carrier(centers: np.ndarray, p: int, depth: int) -> int:
    """Return the coordinate that has most values: there atoms are moved least to be told apart.

    Among equals it is one of the second half for two layers, of the first for three.
    """
    first, second = range(p), range(p, centers.shape[1])
    order = [*second, *first] if depth == 2 else [*first, *second]
    return max(order, key=lambda i: len(set(centers[:, i].tolist())))


def _labelled(cells: Quantization, carrier: int) -> tuple[np.ndarray, list]:
    """Return atoms and weights by increasing coordinate `carrier`.

    Among equal ones the other coordinates increase and decrease in turn, so that neighbours in this
    order are near each other.
    """
    rows = cells.centers.tolist()
    column = {x: k for k, x in enumerate(sorted({row[carrier] for row in rows}))}

    def key(i: int) -> list[int]:
        place = column[rows[i][carrier]]
        others = rows[i][:carrier] + rows[i][carrier + 1 :]
        return [place, *(-x if place % 2 else x for x in others)]

    order = sorted(range(len(rows)), key=key)
    return cells.centers[order], [cells.weights[i] for i in order]


def _separating_moves(places: np.ndarray, weights: list, bits: int, share: Element) -> np.ndarray:
    """Return moves after which neighbours are as far apart as the share allows: mean square."""
    masses, unit = np.array([to_float(w) for w in weights]), max(1, int(share * 2**bits))
    room = QQ(places[-1] - places[0], 2**bits) + share
    gap = max(int(power_below(2 * room / len(places)) * 2**bits), 1)
    while True:
        moved = _spread(places, gap) - places
        distances = np.array([min(abs(x), unit << 20) / unit for x in moved.tolist()])
        if gap == 1 or (distances.max() < 2**20 and masses @ distances**2 <= 1):
            return moved
        gap //= 2


def _spread(places: np.ndarray, gap: int) -> np.ndarray:
    """Return integers near the sorted `places` whose neighbours differ by at least `gap`: the
    average, rounded down, of the least such sequence above and of the greatest below.
    """
    ramp = gap * np.arange(len(places)).astype(object)
    above = np.maximum.accumulate(places - ramp)
    below = np.minimum.accumulate((places - ramp)[::-1])[::-1]
    return (above + below) // 2 + ramp


def _with_knots(draft: Construction, share: Element) -> tuple[Construction, int]:
    """Return the draft with dyadic knots, of half the precision, near Gaussian quantiles."""
    precision = TUNING.precision
    while True:
        with ctx.workprec(precision):
            unit, knots, below = 2 ** (precision // 2), [], QQ.zero
            for weight in draft.weights[:-1]:
                below += weight
                quantile = normal_quantile(ball(below), ball(1 - below))
                knots.append(QQ(nearest(quantile * unit), unit))
            draft = replace(draft, knots=knots)
            apart = all(a < b for a, b in pairwise(knots))
            if apart and draft.weights_error() <= ball(share):
                return draft, precision
        precision *= 2


def _with_tau(draft: Construction, share: Element) -> Construction:
    """Return the draft with the widest ramps, at most half the distance of two knots."""
    if not draft.knots:
        return replace(draft, tau=QQ.one)
    widest = power_below(min((b - a for a, b in pairwise(draft.knots)), default=QQ.one) / 2)
    most = ball(share) ** 2 / draft.ramp_factor(widest)
    return replace(draft, tau=min(widest, power_below(lower(most))))


def power_below(value: Element) -> Element:
    """Return the largest power of two, as an element of QQ, that is at most a positive `value`."""
    if value <= 0:
        raise PrecisionError(
            f"a width comes out below 2^-{FINEST}, so that no power of two is known to be below "
            "it: raise eps, or bring the size of the target nearer to 1"
        )
    n, d = int(value.numerator), int(value.denominator)
    exponent = n.bit_length() - d.bit_length()
    power = QQ(2) ** exponent
    return power if power <= value else power / 2
