"""A rational piecewise-linear map near the monotone transport of N(0, 1) to a law on the line.

Main results
------------
Let R = Q(Phi(.)) be the transport of N(0, 1) to a law, x_0 < .. < x_n points of the law, and
l_0 < .. < l_n their labels, so that R(l_i) = x_i. Let S interpolate the points (l_i, x_i) linearly,
and T the points (k_i, x_i) with rational k_i; beyond the outer points both continue with the slopes
of the outer pieces. Then W2(T#N(0, 1), law) <= sup|T - S| + (E|S - R|^2)^(1/2), and

- sup|T - S| <= s max|k_i - l_i|, where s is the largest slope of S and T;
- between labels l < l' of points x < x' in one piece of S, of slope s there, |S - R| is at most
  max(|S(l) - x|, |S(l') - x'|) + (l' - l)/2 max|s - R'|, and R' = phi/density(R);
- beyond l_n, with u = l - l_n, |S - R| <= A + B u, since R lies between x_n and the largest of the
  law's bounds a + b l; the same holds before l_0.

*Proof.* Both T - S and S - R are differences of increasing functions. T - S is linear between the
k_i and l_i, and at these the values differ by at most the slope times |k_i - l_i|. S - R has the
derivative s - R' in a piece: integrate from the nearer end. The rest is Minkowski's inequality for
the coupling (T(l), R(l)), l from N(0, 1).

How it is checked
-----------------
*Certified*: labels, slopes and masses are enclosed in ball arithmetic. The points are chosen in
floats.
"""

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import (
    ball,
    normal_cdf,
    normal_density,
    round_midpoint_to_integer,
    sqrt_upper_bound,
)
from exactflow.exact.numbers import to_element, to_float
from exactflow.exact.typing import Element
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.constructions.well_conditioned.line_laws import LineLaw
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = ["Transport", "build_transport"]


class Transport(NamedTuple):
    """An increasing piecewise-linear map, a bound of its W2 distance from the law, and the number
    of points that were interpolated. Points at which the slope does not change are no knots of the
    map.
    """

    map: PiecewiseLinear
    error: arb
    knots: int


def build_transport(law: LineLaw, tolerance: Element) -> Transport:
    """Return a piecewise-linear transport within about `tolerance` of the law in W2.

    The precision is that of the current ``workprec`` block. The range of the labels, in steps of a
    quarter, is as large as the tails require. The number of pieces is the least that suffices,
    since every knot costs accuracy later: it is guessed from the error, which falls with the square
    of the number, and then bisected.

    Raises `InvalidInputError` if more knots or a larger range than in `TUNING` would be needed. The
    last few transports are cached, since flows of several condition numbers share them.
    """
    return _transport(law, tolerance, ctx.prec)


@lru_cache(maxsize=8)
def _transport(law: LineLaw, tolerance: Element, precision: int) -> Transport:
    """Return the transport at the current precision, which is the key of the cache."""
    bits = TUNING.bits + max(0, int(1 / tolerance).bit_length())
    share = ball(tolerance) * ball(tolerance) / 2

    def refusal(needed: str, points: list[Element]) -> InvalidInputError:
        gap, place = max((y - x, x) for x, y in pairwise(points))
        return InvalidInputError(
            f"a piecewise-linear transport with error {to_float(tolerance):.2g} takes {needed}, "
            f"since the law has little mass between {to_float(place):.6g} and "
            f"{to_float(place + gap):.6g}: raise eps, or smooth the law"
        )

    too_few, enough, pieces, best = 0, TUNING.most_knots + 1, 1, None
    while enough - too_few > 1:
        for quarters in range(4, 4 * TUNING.most_reach + 1):
            points = _choose_points(law, quarters / 4, pieces, bits)
            outside = _outer_square(law, points, 0) + _outer_square(law, points, -1)
            if outside <= share:
                break
        else:
            raise refusal(f"labels beyond {TUNING.most_reach}", points)
        labels = [law.label(x) for x in points]
        if not all(a < b for a, b in pairwise(_round_label(label, bits) for label in labels)):
            raise refusal(f"knots closer than 2^-{bits}", points)
        found = _interpolate(law, points, labels, outside, bits)
        if found.error <= ball(tolerance):
            enough, best = pieces, found
        else:
            too_few = pieces
        ratio = float((found.error / ball(tolerance)).sqrt().mid())  # may be NaN
        guess = max(pieces + 1, int(pieces * (ratio if ratio < 8 else 8)))
        pieces = (too_few + enough) // 2 if best else min(guess, TUNING.most_knots)
    if best is None:
        raise refusal(f"more than {TUNING.most_knots} knots", points)
    return best


def _choose_points(law: LineLaw, reach: float, pieces: int, bits: int) -> list[Element]:
    """Return increasing dyadic points of the law, denser where the transport bends. *Numeric*.

    The mean square error of linear interpolation is least if the density of knots is proportional
    to (R''^2 phi)^(1/5). A small constant is added, so that no piece is too long.
    """
    grid = np.linspace(-reach, reach, TUNING.grid)
    values = law.quantiles(grid)
    if not np.isfinite(values).all() or not values[0] < values[-1]:
        raise InvalidInputError(
            "expected a law whose quantiles differ in floats, got quantiles from "
            f"{values[0]:.3g} to {values[-1]:.3g}: scale it to about one"
        )
    bend = np.gradient(np.gradient(values / (values[-1] - values[0]), grid), grid)
    weight = (bend * bend * np.exp(-grid * grid / 2)) ** 0.2
    weight += weight.mean() / 4 or 1
    cumulative = np.concatenate([[0], np.cumsum(weight[1:] + weight[:-1])])
    knots = np.interp(np.linspace(0, cumulative[-1], pieces + 1), cumulative, grid)
    unit = 2 ** max(0, bits - int(np.floor(np.log2(values[-1] - values[0]))))
    exact = map(to_element, np.interp(knots, grid, values).tolist())
    places = {QQ(round_midpoint_to_integer(ball(x * unit)), unit) for x in exact}
    inner = {x for x in law.breaks if min(places) < x < max(places)}
    return sorted(places | inner)


def _interpolate(
    law: LineLaw, points: list[Element], labels: list[arb], outside: arb, bits: int
) -> Transport:
    knots = [_round_label(label, bits) for label in labels]
    slopes = [
        (y - x) / (b - a) for (a, b), (x, y) in zip(pairwise(knots), pairwise(points), strict=True)
    ]
    T = PiecewiseLinear(knots, points, slopes[0], slopes[-1])
    moved = max(
        (abs(ball(k) - label) for k, label in zip(knots, labels, strict=True)), key=arb.upper
    )
    steepest, square = max(map(ball, slopes), key=arb.upper), outside
    for (a, b), (x, y) in zip(pairwise(labels), pairwise(points), strict=True):
        slope = (ball(y) - ball(x)) / (b - a)
        steepest = max(steepest, slope, key=arb.upper)
        square += _inner_square(law, (a, b), (x, y), slope)
    return Transport(T, (steepest * moved).upper() + sqrt_upper_bound(square), len(knots))


def _round_label(x: arb, bits: int) -> Element:
    return QQ(round_midpoint_to_integer(x * arb(2) ** bits), 2**bits)


def _inner_square(law: LineLaw, ends: tuple, places: tuple, slope: arb) -> arb:
    """Return a bound of the integral of |S - R|^2 over one piece of S."""
    (a, b), (x, y) = ends, places
    count = TUNING.cells_per_piece + int(TUNING.cells_per_label * float((b - a).mid()))
    inner = [x + (y - x) * QQ(k, count) for k in range(1, count)]
    cuts = [(a, x), *((law.label(p), p) for p in inner), (b, y)]
    errors = [abs(slope * (u - a) - ball(p - x)) for u, p in cuts[1:-1]]
    total = arb(0)
    for ((u, p), (v, q)), ends in zip(
        pairwise(cuts), pairwise([arb(0), *errors, arb(0)]), strict=True
    ):
        growth = normal_density(u.union(v)) / law.density(ball(p).union(ball(q)), (p + q) / 2)
        most = max(ends, key=arb.upper) + (v - u) / 2 * abs(slope - growth)
        total += (normal_cdf(v) - normal_cdf(u)) * most * most
    return total


def _outer_square(law: LineLaw, points: list[Element], end: int) -> arb:
    """Return a bound of the integral of |S - R|^2 beyond one of the outer labels."""
    sign, near = (-1, 1) if end == 0 else (1, -2)
    label = law.label(points[end])
    slope = (ball(points[near]) - ball(points[end])) / (law.label(points[near]) - label)
    starts = [sign * (ball(a - points[end]) + ball(b) * label) for a, b in law.lines]
    growths = [ball(b) - slope for _, b in law.lines]
    A, B = (max([arb(0), *terms], key=arb.upper).upper() for terms in (starts, [slope, *growths]))
    mass = normal_cdf(-sign * label)
    density = normal_density(label)
    second = (1 + label * label) * mass - sign * label * density
    first = density - sign * label * mass
    return A * A * mass + 2 * A * B * first + B * B * second
