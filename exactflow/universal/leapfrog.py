"""The path of additive couplings that carries N(0, 1) along straight lines to its transport.

Notation and theorem are those of `exactflow.universal.well_conditioned`. Everything here is
rational; how the steps are graded is chosen in floats, and only the number of layers depends on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.linear import LinearCoupling
from exactflow.nonlinear import CoordinatewiseCoupling
from exactflow.nonlinear.piecewise import PiecewiseLinear
from exactflow.universal.tuning import TUNING

__all__ = ["Path", "additive_layers", "graded_path", "shear_condition", "shear_norm"]


@dataclass(frozen=True)
class Path:
    """K pairs of steps of a transport T: the half steps h_k, whose sum is 1/2, and the strengths
    alpha_0 .. alpha_K, all positive elements of QQ.
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


def velocity(T: PiecewiseLinear, t: Element) -> PiecewiseLinear:
    """Return v_t, with v_t((1 - t) l + t T(l)) = T(l) - l."""
    places = [(1 - t) * k + t * x for k, (x,) in zip(T.knots, T.values, strict=True)]
    values = [x - k for k, (x,) in zip(T.knots, T.values, strict=True)]
    left, right = ((s - 1) / (1 - t + t * s) for (s,) in (T.slopes[0], T.slopes[-1]))
    return PiecewiseLinear(places, values, left, right)


def _steepness(T: PiecewiseLinear, t: Element) -> Element:
    """Return the Lipschitz constant of v_t."""
    return max(abs(s - 1) / (1 - t + t * s) for (s,) in T.slopes)


def additive_layers(
    paths: Sequence[Path],
) -> list[CoordinatewiseCoupling | LinearCoupling]:
    """Return the 4 K + 3 additive layers of n paths of K pairs each, one path a coordinate.

    The first half of the 2n coordinates is the data, the second are the pads.
    """
    n, pairs = len(paths), len(paths[0].steps)

    def push(factors: list[Element]) -> LinearCoupling:
        return LinearCoupling(
            (n, n), "first", [[f * (i == j) for j in range(n)] for i, f in enumerate(factors)]
        )

    def kick(bends: list[PiecewiseLinear], factors: list[Element]) -> CoordinatewiseCoupling:
        shifts = [bend.scaled([f]) for bend, f in zip(bends, factors, strict=True)]
        return CoordinatewiseCoupling((n, n), "second", shifts)

    layers: list[CoordinatewiseCoupling | LinearCoupling] = []
    layers.append(kick([velocity(p.map, QQ.zero) for p in paths], [p.strengths[0] for p in paths]))
    for k in range(pairs):
        before = [QQ.zero if k == 0 else p.steps[k - 1] for p in paths]
        layers.append(
            push([(g + p.steps[k]) / p.strengths[k] for g, p in zip(before, paths, strict=True)])
        )
        bends = [velocity(p.map, p.times[k] + p.steps[k]) for p in paths]
        layers.append(kick(bends, [-p.strengths[k] for p in paths]))
        layers.append(
            push([-p.steps[k] / p.strengths[k] - p.steps[k] / p.strengths[k + 1] for p in paths])
        )
        layers.append(kick(bends, [p.strengths[k + 1] for p in paths]))
    layers.append(push([p.steps[-1] / p.strengths[-1] for p in paths]))
    ends = [velocity(p.map, QQ.one) for p in paths]
    return [*layers, kick(ends, [-p.strengths[-1] for p in paths])]


def graded_path(T: PiecewiseLinear, pairs: int, norm: Element) -> Path | None:
    """Return a path whose shifts have norms at most `norm`, or None where the pairs are too few.

    The strengths are the largest that the norm of v allows. A step h makes an error of about
    h^3 W(t), with W^2 = sum_i P_i s_i^2 (s_i - 1)^4 / (1 - t + t s_i)^8 / alpha(t)^2 over the
    pieces of T, of slopes s_i and masses P_i: of so many steps the sum of these is least if h is
    proportional to W^(-1/3). No step is longer than a thousand times the shortest, so that W may
    vanish.
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
    strengths = tuple(_rounded_down(norm / max(pair)) for pair in pairwise(bends))
    path_found = Path(T, steps, strengths)
    return path_found if path_found.norm <= norm else None


def _masses(T: PiecewiseLinear) -> np.ndarray:
    from scipy.special import ndtr

    return np.diff(ndtr([-np.inf, *map(to_float, T.knots), np.inf]))


def _rounded_down(x: Element) -> Element:
    """Return a dyadic number of few bits at most, and near, a positive x."""
    numerator, denominator = int(x.numerator), int(x.denominator)
    shift = TUNING.bits - numerator.bit_length() + denominator.bit_length()
    scaled = (numerator << max(0, shift)) // (denominator << max(0, -shift))
    return QQ(scaled) / QQ(2) ** shift


def shear_norm(condition: Element) -> Element:
    """Return a rational number just below the norm s at which a shear has that condition number.

    The condition number of [[1, s], [0, 1]] is ((s + sqrt(s^2 + 4)) / 2)^2, so that of a shift with
    singular values s_i the largest of these: s = sqrt(c) - 1/sqrt(c).
    """
    root = ball(condition).sqrt()
    return _rounded_down(lower(root - 1 / root))


def shear_condition(norm: Element) -> arb:
    """Return the condition number of a shear whose shift has the given norm."""
    root = (ball(norm) + (ball(norm) * ball(norm) + 4).sqrt()) / 2
    return root * root
