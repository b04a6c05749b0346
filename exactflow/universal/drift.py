"""A certified bound of the error of a path of additive couplings, cell by cell.

The theorem and its proof are in `exactflow.universal.well_conditioned`; here are its cells. A
*range* is an interval of pieces of T, with least slope p and largest slope q. A label l that stays
in a range moves by at most C |z| from the first pair to the last, and never beyond rho |z| in
between, where z is the pad; C and rho depend on p and q only. The cells are products of an interval
of labels and a shell of pads: a cell next to a knot of T has a range of two pieces or more, all
others have one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from flint import arb
from sympy import QQ

from exactflow.exact.balls import ball, normal_cdf, normal_density, upper
from exactflow.exact.numbers import to_element
from exactflow.exact.typing import Element
from exactflow.universal.leapfrog import Path
from exactflow.universal.tuning import TUNING

__all__ = ["Drift", "Region", "cells"]


class Drift(NamedTuple):
    """Rational bounds, for a unit of the pad: of how far a label moves, and of how far it goes."""

    moved: Element
    reach: Element


@dataclass(frozen=True)
class Region:
    """Labels between two numbers, pads of absolute values between two, None where infinite, and
    what they do.

    `mass` encloses the probability of the labels, and `weight` the mean of z^2 over the cell;
    `window` are the least and the largest label on the way, and `slopes` the least and the largest
    one of T there.
    """

    labels: tuple[Element | None, Element | None]
    pads: tuple[Element, Element | None]
    mass: arb
    weight: arb
    window: tuple[Element | None, Element | None]
    slopes: tuple[Element, Element]
    drift: Drift


def cells(path: Path) -> Iterator[Region]:
    """Yield cells that cover all labels and pads, in the precision of the ``workprec`` block."""
    ranges, shells = _Ranges(path), [QQ(k, 2) for k in TUNING.shells]
    pieces = range(len(ranges.slopes))
    moments = [*map(_moment_within, shells), arb(1)]
    for k, (before, radius) in enumerate(pairwise(shells)):
        moment = moments[k + 1] - moments[k]
        for piece in pieces:
            for low, high in ranges.split(piece, radius):
                first, last = ranges.around(piece, low, high, radius)
                slopes, drift = ranges.drift(first, last)
                margin = radius * drift.reach
                window = (
                    None if low is None else low - margin,
                    None if high is None else high + margin,
                )
                mass = _mass(low, high)
                yield Region(
                    (low, high), (before, radius), mass, moment * mass, window, slopes, drift
                )
    slopes, drift = ranges.drift(0, pieces[-1])
    everything, weight = (None, None), moments[-1] - moments[-2]
    yield Region(everything, (shells[-1], None), arb(1), weight, everything, slopes, drift)


class _Ranges:
    """The pieces of a transport, and the drift over every range of them that was asked for."""

    def __init__(self, path: Path) -> None:
        self.slopes = [slope for (slope,) in path.map.slopes]
        self.knots = path.map.knots
        self.ends = [None, *self.knots, None]
        self.found: dict[tuple[Element, Element], Drift] = {}
        self.pairs = [
            tuple(map(ball, (h, a, b, t, t + h, t + 2 * h)))
            for h, (a, b), t in zip(path.steps, pairwise(path.strengths), path.times, strict=False)
        ]

    def drift(self, first: int, last: int) -> tuple[tuple[Element, Element], Drift]:
        """Return least and largest slope, and the drift, of the pieces first .. last."""
        within = self.slopes[first : last + 1]
        key = min(within), max(within)
        if key not in self.found:
            self.found[key] = _drift(self.pairs, *map(ball, dict.fromkeys(key)))
        return key, self.found[key]

    def split(self, piece: int, radius: Element) -> list[tuple]:
        """Return a piece cut where labels inside, with pads up to `radius`, stay in the piece."""
        low, high = self.ends[piece : piece + 2]
        margin = radius * self.drift(piece, piece)[1].reach
        cuts = [low, None if low is None else low + margin]
        cuts += [None if high is None else high - margin, high]
        if low is not None and high is not None and cuts[1] >= cuts[2]:
            return [(low, high)]
        inner = [(cuts[1], cuts[2])]
        edges = [(cuts[0], cuts[1])] if low is not None else []
        return inner + edges + ([(cuts[2], cuts[3])] if high is not None else [])

    def around(self, piece: int, low: Element, high: Element, radius: Element) -> tuple[int, int]:
        """Return the first and last piece of the least range that such labels do not leave: as a
        larger range has no smaller drift, every step here is forced.
        """
        before = -1, -1
        first = last = piece
        while (first, last) != before:
            before = first, last
            margin = radius * self.drift(first, last)[1].reach
            first = 0 if low is None else bisect_right(self.knots, low - margin)
            last = len(self.knots) if high is None else bisect_left(self.knots, high + margin)
        return before


def _drift(pairs: list[tuple], *slopes: arb) -> Drift:
    """Return the drift over a range of pieces, given its least and its largest slope."""
    moved, farthest = arb(0), arb(0)
    for h, a, b, start, middle, end in pairs:
        scales = [tuple(1 - t + t * s for t in (start, middle, end)) for s in slopes]
        pad = 1 / (scales[0][0] * scales[0][1])
        bends = (
            abs((s - 1) / a - (r - 1) * here[0] / (b * there[2])) / here[1]
            for s, here in zip(slopes, scales, strict=True)
            for r, there in zip(slopes, scales, strict=True)
        )
        moved += h * h * pad * max(bend.upper() for bend in bends)
        push = h * pad / a, h / (scales[0][2] * scales[0][1] * b)
        farthest = max(farthest, *(p.upper() for p in push))
    return Drift(to_element(upper(moved)), to_element(upper(moved + farthest)))


def _mass(low: Element | None, high: Element | None) -> arb:
    """Return the probability that a label is between two numbers."""
    below = arb(0) if low is None else normal_cdf(ball(low))
    return (arb(1) if high is None else normal_cdf(ball(high))) - below


def _moment_within(radius: Element) -> arb:
    """Return the mean of z^2 over |z| <= radius."""
    r = ball(radius)
    return 1 - 2 * normal_cdf(-r) - 2 * r * normal_density(r)
