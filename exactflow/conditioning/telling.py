"""What is forced, told: each bound as a step, checked again in mpmath by formulas of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import mpmath
import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.conditioning.frames import Gap, LawOnAxes, Line
from exactflow.conditioning.pieces import Pieces
from exactflow.conditioning.ramps import Ramps
from exactflow.conditioning.tuning import TUNING
from exactflow.exact.balls import ball, upper
from exactflow.exact.numbers import format_above, format_below, to_element, to_mpf
from exactflow.exact.typing import Element
from exactflow.explanation import Step

__all__ = ["Bounds", "forced_steps"]


@dataclass(frozen=True, eq=False, repr=False)
class Bounds:
    """The bounds within `eps` of a target, and what they rest on.

    Attributes
    ----------
    eps, lipschitz, mean_log_det, sigma_min, ratio : see `exactflow.conditioning.forced.Forced`.
    pieces : the target as a mixture.
    frame : the target along the axes that gave `lipschitz`; None where the covariance did.
    groups : the numbers of the pieces in each cluster.
    multiplier : t of `exactflow.conditioning.volume`, an exact number.
    """

    eps: sympy.Rational
    lipschitz: sympy.Rational
    mean_log_det: sympy.Rational
    sigma_min: sympy.Rational
    ratio: sympy.Rational
    pieces: Pieces
    frame: "LawOnAxes | None"
    groups: Sequence[np.ndarray]
    multiplier: arb

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return self.pieces.dimension

    @property
    def clusters(self) -> int:
        """Into how many clusters the target was cut for `mean_log_det`."""
        return len(self.groups)

    @cached_property
    def gap(self) -> "Gap | None":
        """The axis and the two places between which a map has to climb, where the laws along axes
        gave `lipschitz`; None where the covariance did.
        """
        if self.frame is None:
            return None
        with ctx.workprec(TUNING.precision):
            return self.frame.widest(ball(to_element(self.lipschitz)))


def forced_steps(found: Bounds) -> list[Step]:
    """Return three steps: the Lipschitz constant, the volume, and the singular values."""
    slope, eps = format_below(found.lipschitz, 6), format_below(found.eps, 4)
    if not found.lipschitz:
        why = "No slope is forced: a constant map is about as near as eps."
    elif found.frame is None:
        why = (
            "If |J| <= L everywhere, the image has deviations of at most L along every axis "
            "(Poincare), so that sum (s_i - L)_+^2 <= eps^2, the s_i^2 being the eigenvalues of "
            f"the covariance (Gelbrich). For L = {slope} that is not so."
        )
    else:
        why = (
            "If |J| <= L everywhere, the laws of the image along orthonormal axes are images of "
            "N(0, 1) under increasing maps with slopes of at most L (Gaussian isoperimetry), and "
            f"their distances from the target's add up in squares. For L = {slope} they come to "
            f"eps = {eps} or more; most of it is a gap along {found.gap}."
        )
    volume, count = format_above(found.mean_log_det, 4), found.clusters
    return [
        _step("16a", why, lambda: _is_slope_forced(found)),
        _step(
            "16b",
            "E log|det J| is the entropy of the image less that of N(0, I): at most that of the "
            f"choice among clusters, {count} here, and the mean of those of Gaussians whose "
            f"covariances are as near as eps to the clusters' (Gelbrich). That is {volume}.",
            lambda: _is_volume_bounded(found),
        ),
        _step(
            "16b",
            f"So a singular value is at most exp({volume} / {found.dimension}) somewhere, and by "
            "Poincare's inequality the mean square of all is at least (sqrt(tr Cov) - eps)^2 / "
            f"{found.dimension}.",
            lambda: _are_singular_values_bounded(found),
        ),
    ]


def _step(rule: str, why: str, witness: Callable[[], bool]) -> Step:
    reference = f"Theorem {rule} of exactflow.conditioning.forced"
    return Step(rule, why, "", {}, {}, QQ, reference, witness=witness)


def _is_slope_forced(found: Bounds) -> bool:
    """Return whether maps with slopes of at most `lipschitz` stay eps away from the target."""
    slope, frame = to_element(found.lipschitz), found.frame
    if not slope:
        return True
    error = found.pieces.error if frame is None else frame.error
    with mpmath.workdps(_digits(slope / to_element(found.eps))):
        near = to_mpf(to_element(found.eps + upper(error)))
        if frame is None:
            parts = [max(s - to_mpf(slope), 0) ** 2 for s in _deviations(found.pieces)]
        else:
            parts = [_squared_distance(line, slope) for line in frame.lines]
        return bool(sum(parts) >= near**2)


def _is_volume_bounded(found: Bounds) -> bool:
    """Return whether `mean_log_det` is at least the bound of the volume with the multiplier t."""
    pieces = found.pieces
    with mpmath.workdps(_digits(1 / to_element(found.eps))):
        near = to_mpf(to_element(found.eps + upper(pieces.error)))
        mantissa, exponent = map(int, found.multiplier.man_exp())
        t = mpmath.ldexp(mantissa, exponent)
        total = near**2 / (2 * t)
        for members in found.groups:
            w = mpmath.mpf(sum(pieces.weights[members].tolist())) / pieces.total
            total -= w * mpmath.log(w)
            for s in _deviations(pieces, members):
                a = (s + mpmath.sqrt(s * s + 4 * t)) / 2
                total += w * (mpmath.log(a) - (a - s) ** 2 / (2 * t))
        return bool(total <= to_mpf(to_element(found.mean_log_det)))


def _are_singular_values_bounded(found: Bounds) -> bool:
    """Return whether `sigma_min` and `ratio` follow from `mean_log_det` and the covariance."""
    pieces, d = found.pieces, found.dimension
    with mpmath.workdps(_digits(1 / to_element(found.eps))):
        near = to_mpf(to_element(found.eps + upper(pieces.error)))
        volume, least, ratio = (
            to_mpf(to_element(x)) for x in (found.mean_log_det, found.sigma_min, found.ratio)
        )
        size = mpmath.sqrt(sum(s * s for s in _deviations(pieces))) - near
        enough = ratio == 1 or ratio * least * mpmath.sqrt(d) <= size
        return bool(mpmath.exp(volume / d) <= least and enough)


def _digits(ratio: Element) -> int:
    """Return digits that leave some thirty after cancellation."""
    size = int(ratio.numerator).bit_length() - int(ratio.denominator).bit_length()
    return 40 + max(0, 2 * size)


def _deviations(pieces: Pieces, members: Any = slice(None)) -> list[mpmath.mpf]:
    """Return the roots of the eigenvalues of the covariance of some pieces."""
    w, x = pieces.weights[members].tolist(), pieces.centers[members]
    mass, d = sum(w), pieces.dimension
    means = [mpmath.mpf(m) / mass for m in (pieces.weights[members] @ x).tolist()]
    matrix = mpmath.zeros(d)
    for weight, row in zip(w, x.tolist(), strict=True):
        off = [a - m for a, m in zip(row, means, strict=True)]
        for i in range(d):
            for j in range(d):
                matrix[i, j] += off[i] * off[j] * weight / mass / pieces.unit**2
    for i, weight in zip(np.arange(len(pieces.weights))[members].tolist(), w, strict=True):
        for place, entry in enumerate(pieces.spread(i).entries()) if pieces.spreads else ():
            matrix[divmod(place, d)] += to_mpf(entry) * weight / mass
    return [mpmath.sqrt(max(value, 0)) for value in mpmath.eigsy(matrix, eigvals_only=True)]


def _squared_distance(line: Line, slope: Element) -> mpmath.mpf:
    """Return a number that the squared distance of the atoms on a line from maps of a slope is not
    below: the costs jump by jump, less what the sums R_j take away.
    """
    with ctx.workprec(max(TUNING.precision, int(mpmath.mp.prec))):
        blocks = Ramps(line.steps(), ball(slope)).blocks()
        levels = [(b.first, b.last, b.c.man_exp()) for b in blocks]
    L, phi, Phi = to_mpf(slope), mpmath.npdf, mpmath.ncdf
    s = [mpmath.mpf(x) / line.unit for x in line.places]
    q = [-mpmath.inf, *_quantiles(line.weights), mpmath.inf]

    def both(u: mpmath.mpf, v: mpmath.mpf, k: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Return the integrals of (L z - k)^2 phi and of (L z - k) phi from u to v."""
        mass, edge = Phi(v) - Phi(u), phi(v) - phi(u)
        second = mass - (v * phi(v) - u * phi(u))
        return L * L * second + 2 * L * k * edge + k * k * mass, -L * edge - k * mass

    total = lost = mpmath.mpf(0)
    for first, last, (mantissa, exponent) in levels:
        c, rest = mpmath.ldexp(int(mantissa), int(exponent)), mpmath.mpf(0)
        for j in range(last, first - 1, -1):
            a, b, middle = s[j] + c, s[j + 1] + c, q[j + 1]
            left = both(min(max(a / L, q[j]), middle), middle, a)
            right = both(middle, max(min(b / L, q[j + 2]), middle), b)
            total += left[0] + right[0]
            rest -= left[1] + right[1]
            lost += abs(rest) if j == first else max(-rest, 0)
    heights = [L * z for z in q[1:-1]]
    highest = max((h - x for h, x in zip(heights, s, strict=False)), default=0)
    lowest = min((h - x for h, x in zip(heights, s[1:], strict=True)), default=0)
    return total - 2 * (highest - lowest) * lost


def _quantiles(weights: Sequence[int]) -> list[mpmath.mpf]:
    """Return where N(0, 1) has the cumulated weights, by Newton's method from floats."""
    below, total, found = 0, sum(weights), []
    for weight in weights[:-1]:
        below += weight
        p, z = mpmath.mpf(below) / total, mpmath.mpf(NormalDist().inv_cdf(below / total))
        for _ in range(mpmath.mp.prec.bit_length()):
            z -= (mpmath.ncdf(z) - p) / mpmath.npdf(z)
        found.append(z)
    return found
