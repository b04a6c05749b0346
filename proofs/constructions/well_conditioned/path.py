"""Additive couplings that move N(0, 1) along straight lines to a transport, and a certified bound
of their error, region by region.

Notation, theorem and proof are in `proofs.constructions.well_conditioned`. The path is rational.
The lengths of its steps are chosen in floats; only the number of layers depends on them.

A *range* is an interval of pieces of T, with least slope p and largest slope q. A label l that
stays in a range moves by at most C |z| from the first pair to the last, and by at most rho |z| in
between, where z is the pad; C and rho depend only on p and q. A region is the product of an
interval of labels and a shell of pads. Regions next to a knot of T have a range of two or more
pieces, all others of one piece.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, lower, normal_cdf, normal_density, upper
from exactflow.exact.numbers import format_short, to_element, to_float
from exactflow.exact.typing import Element, NumberLike
from exactflow.flows.base import Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = [
    "Path",
    "Region",
    "as_bound_above_one",
    "cover_by_regions",
    "graded_path",
    "shear_condition",
    "shear_norm",
    "velocity",
]

Slopes = tuple[Element, Element]


@dataclass(frozen=True)
class Path:
    """K pairs of steps to a transport T (`map`): the half `steps` h_k, whose sum is 1/2, and the
    `strengths` alpha_0 .. alpha_K, all positive elements of QQ.
    """

    map: PiecewiseLinear
    steps: tuple
    strengths: tuple

    @cached_property
    def times(self) -> list[Element]:
        """The times 0 = t_0 < .. < t_K = 1 between the pairs."""
        times = [QQ.zero]
        for h in self.steps:
            times.append(times[-1] + 2 * h)
        return times

    @cached_property
    def norm(self) -> Element:
        """The largest norm of the shift of an additive layer."""
        middles = [t + h for t, h in zip(self.times, self.steps, strict=False)]
        bends = [_steepness(self.map, t) for t in (QQ.zero, *middles, QQ.one)]
        strengths, steps = self.strengths, self.steps
        norms = [a * max(pair) for a, pair in zip(strengths, pairwise(bends), strict=True)]
        norms += [
            (h + g) / a for a, (h, g) in zip(strengths, pairwise((0, *steps, 0)), strict=True)
        ]
        norms += [h / a + h / b for h, (a, b) in zip(steps, pairwise(strengths), strict=True)]
        return max(norms)

    def layers(self) -> list[Coupling]:
        """Return the 4 K + 3 additive layers. The first coordinate is the data, the second the pad;
        the last layer serves the pad only.
        """

        def push(factor: Element) -> Coupling:
            return LinearCoupling((1, 1), "first", [[factor]])

        def kick(bend: PiecewiseLinear, factor: Element) -> Coupling:
            return PiecewiseCoupling((1, 1), "second", bend.scaled([factor]))

        layers, before = [kick(velocity(self.map, QQ.zero), self.strengths[0])], QQ.zero
        for t, h, (a, b) in zip(self.times, self.steps, pairwise(self.strengths), strict=False):
            bend = velocity(self.map, t + h)
            layers += [push((before + h) / a), kick(bend, -a)]
            layers += [push(-h / a - h / b), kick(bend, b)]
            before = h
        return [*layers, push(before / b), kick(velocity(self.map, QQ.one), -b)]


def velocity(T: PiecewiseLinear, t: Element) -> PiecewiseLinear:
    """Return v_t, with v_t((1 - t) l + t T(l)) = T(l) - l."""
    places = [(1 - t) * k + t * x for k, (x,) in zip(T.knots, T.values, strict=True)]
    values = [x - k for k, (x,) in zip(T.knots, T.values, strict=True)]
    left, right = ((s - 1) / (1 - t + t * s) for (s,) in (T.slopes[0], T.slopes[-1]))
    return PiecewiseLinear(places, values, left, right)


def _steepness(T: PiecewiseLinear, t: Element) -> Element:
    """Return the Lipschitz constant of v_t."""
    return max(abs(s - 1) / (1 - t + t * s) for (s,) in T.slopes)


def graded_path(T: PiecewiseLinear, pairs: int, norm: Element) -> Path | None:
    """Return a path whose shifts have norms at most `norm`, or None if the pairs are too few.

    The strengths are the largest that the norm of v allows. A step h makes an error of about h^3
    W(t), with W^2 = sum_i P_i s_i^2 (s_i - 1)^4 / (1 - t + t s_i)^8 / alpha(t)^2 over the pieces of
    T with slopes s_i and masses P_i. For a given number of steps the sum of the errors is least if
    h is proportional to W^(-1/3). No step is longer than a thousand times the shortest one, since W
    may vanish.
    """
    grid = np.linspace(0, 1, TUNING.grid)
    slopes = np.array([to_float(s) for (s,) in T.slopes])[:, None]
    path = 1 - grid + grid * slopes
    least = QQ(1, TUNING.steepest_strength)
    steepness = np.maximum((np.abs(slopes - 1) / path).max(axis=0), to_float(least))
    local = (_masses(T)[:, None] * slopes**2 * (slopes - 1) ** 4 / path**8).sum(axis=0)
    density = np.cbrt(np.sqrt(local) * steepness)
    density = np.maximum(density, density.max() / 1000) if density.any() else density + 1
    cumulative = np.concatenate([[0], np.cumsum(density[1:] + density[:-1])])
    unit = 2**TUNING.bits
    halves = np.interp(np.linspace(0, cumulative[-1], pairs + 1), cumulative, grid) * (unit / 2)
    counts = np.diff(np.rint(halves).astype(int)).tolist()
    if min(counts) < 1:
        return None
    steps = tuple(QQ(count, unit) for count in counts)
    times = np.concatenate([[0], np.cumsum(counts)])
    middles = [QQ.zero, *(QQ(int(a + b), unit) for a, b in pairwise(times.tolist())), QQ.one]
    bends = [max(_steepness(T, t), least) for t in middles]
    strengths = tuple(_round_down(norm / max(pair)) for pair in pairwise(bends))
    path_found = Path(T, steps, strengths)
    return path_found if path_found.norm <= norm else None


def _masses(T: PiecewiseLinear) -> np.ndarray:
    from scipy.special import ndtr

    return np.diff(ndtr([-np.inf, *map(to_float, T.knots), np.inf]))


def _round_down(x: Element) -> Element:
    """Round a positive x down to a dyadic number of few bits."""
    numerator, denominator = int(x.numerator), int(x.denominator)
    shift = TUNING.bits - numerator.bit_length() + denominator.bit_length()
    scaled = (numerator << max(0, shift)) // (denominator << max(0, -shift))
    return QQ(scaled) / QQ(2) ** shift


def as_bound_above_one(condition: NumberLike) -> Element:
    """Return a bound of condition numbers as an element of QQ.

    Raises `InvalidInputError` if it is not above 1.
    """
    bound = to_element(condition)
    if bound <= 1:
        raise InvalidInputError(
            f"expected a condition number above 1, got {format_short(bound)}: a layer of "
            "condition number 1 is an isometry up to scale"
        )
    return bound


def shear_norm(condition: Element) -> Element:
    """Return a rational number just below the norm s of a shift whose shear has the condition
    number c = `condition`: s = sqrt(c) - 1/sqrt(c).

    The condition number of [[1, s], [0, 1]] is ((s + sqrt(s^2 + 4)) / 2)^2; a shift of several
    singular values has the largest of these numbers.
    """
    root = ball(condition).sqrt()
    return _round_down(lower(root - 1 / root))


def shear_condition(norm: Element) -> arb:
    """Return the condition number of a shear whose shift has the given norm."""
    root = (ball(norm) + (ball(norm) * ball(norm) + 4).sqrt()) / 2
    return root * root


class Region(NamedTuple):
    """Labels between two numbers, and pads with absolute values between two; None is infinite.

    `mass` encloses the probability of the labels, and `weight` the integral of z^2 over the region.
    `window` bounds the labels on the way, and `slopes` the slopes of T there. No label moves by
    more than `moved` |z|.
    """

    labels: tuple[Element | None, Element | None]
    pads: tuple[Element, Element | None]
    mass: arb
    weight: arb
    window: tuple[Element | None, Element | None]
    slopes: Slopes
    moved: Element


def cover_by_regions(path: Path) -> Iterator[Region]:
    """Yield regions that cover all labels and pads, at the current precision."""
    ranges, shells = _Ranges(path), [QQ(k, 2) for k in TUNING.shells]
    pieces = range(len(ranges.ranks))
    moments = [*map(_moment_within, shells), arb(1)]
    for pads, (less, more) in zip(pairwise(shells), pairwise(moments), strict=False):
        moment, radius, below = more - less, pads[1], arb(0)
        for piece in pieces:
            for low, high in ranges.split(piece, radius):
                slopes, moved, reach = ranges.enclosing_drift(piece, low, high, radius)
                margin = radius * reach
                window = (
                    None if low is None else low - margin,
                    None if high is None else high + margin,
                )
                above = arb(1) if high is None else normal_cdf(ball(high))
                mass, below = above - below, above
                yield Region((low, high), pads, mass, moment * mass, window, slopes, moved)
    slopes, moved, _ = ranges.drift(0, pieces[-1])
    everything, weight = (None, None), moments[-1] - moments[-2]
    yield Region(everything, (shells[-1], None), arb(1), weight, everything, slopes, moved)


class _DriftTerms(NamedTuple):
    """Terms of the drift for one pair of steps and one slope s.

    In the theorem's notation, `bend` is V/a, and the product of `after` for V and `back` for V'' is
    V'' (1 - h V) / (b (1 + h V'')). For |z_0| = 1, `pad` is h^2 |z| / (1 - m + m p), and `push`
    bounds the distance of a label from l_0 within the pair.
    """

    bend: arb
    after: arb
    back: arb
    pad: arb
    push: arb


class _Ranges:
    """The pieces of a transport, with a cache of the drift over ranges of them.

    `slopes` are the distinct slopes in ascending order; `ranks` has for each piece the place of its
    slope.
    """

    def __init__(self, path: Path) -> None:
        all_slopes = [slope for (slope,) in path.map.slopes]
        self.slopes = sorted(set(all_slopes))
        self.ranks = [bisect_left(self.slopes, slope) for slope in all_slopes]
        self.knots = path.map.knots
        self.ends = [None, *self.knots, None]
        self.steps: dict[int, list[_DriftTerms]] = {}
        self.found: dict[tuple[int, int], tuple[Slopes, Element, Element]] = {}
        self.pairs = [
            tuple(map(ball, (h, a, b, t, t + h, t + 2 * h)))
            for h, (a, b), t in zip(path.steps, pairwise(path.strengths), path.times, strict=False)
        ]

    def drift(self, first: int, last: int) -> tuple[Slopes, Element, Element]:
        """Return for the pieces first .. last: the least and the largest slope; and, for a unit of
        the pad, bounds of the distance between the first and the last label, and between the first
        and any label.
        """
        within = self.ranks[first : last + 1]
        key = min(within), max(within)
        if key not in self.found:
            slopes = self.slopes[key[0]], self.slopes[key[1]]
            self.found[key] = slopes, *_drift(*map(self._steps, key))
        return self.found[key]

    def _steps(self, rank: int) -> list[_DriftTerms]:
        if rank not in self.steps:
            slope = ball(self.slopes[rank])
            self.steps[rank] = [_drift_terms(slope, *pair) for pair in self.pairs]
        return self.steps[rank]

    def split(self, piece: int, radius: Element) -> list[tuple]:
        """Cut a piece such that labels of its inner part, with pads up to `radius`, stay in it."""
        low, high = self.ends[piece : piece + 2]
        margin = radius * self.drift(piece, piece)[2]
        inner = [] if low is None else [low + margin]
        inner += [] if high is None else [high - margin]
        if len(inner) == 2 and inner[0] >= inner[1]:
            return [(low, high)]
        return list(pairwise([low, *inner, high]))

    def enclosing_drift(
        self, piece: int, low: Element | None, high: Element | None, radius: Element
    ) -> tuple[Slopes, Element, Element]:
        """Return the drift over the least range that labels between `low` and `high` do not leave.
        It is found by growing the range, since a larger range has at least the same drift.
        """
        pieces, wider = None, (piece, piece)
        while pieces != wider:
            pieces = wider
            found = self.drift(*pieces)
            margin = radius * found[2]
            wider = (
                0 if low is None else bisect_right(self.knots, low - margin),
                len(self.knots) if high is None else bisect_left(self.knots, high + margin),
            )
        return found


def _drift_terms(s: arb, h: arb, a: arb, b: arb, start: arb, middle: arb, end: arb) -> _DriftTerms:
    before, here, after = (1 - t + t * s for t in (start, middle, end))
    push = (h / (before * here * a)).max(h / (after * here * b))
    pad = h * h / (before * here)
    return _DriftTerms((s - 1) / (a * here), before / (b * here), (s - 1) / after, pad, push)


def _drift(least: list[_DriftTerms], largest: list[_DriftTerms]) -> tuple[Element, Element]:
    """Return the drift over a range of pieces, given the steps of its least and largest slope."""
    moved, farthest = arb(0), arb(0)
    for pair in zip(least, largest, strict=True):
        bends = [abs(s.bend - s.after * r.back).upper() for s in pair for r in pair]
        moved += pair[0].pad * max(bends)
        farthest = max(farthest, pair[0].push.upper())
    return upper(moved), upper(moved + farthest)


def _moment_within(radius: Element) -> arb:
    """Return the mean of z^2 over |z| <= radius."""
    r = ball(radius)
    return 1 - 2 * normal_cdf(-r) - 2 * r * normal_density(r)
