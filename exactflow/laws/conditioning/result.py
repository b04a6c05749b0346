"""Bounds for all smooth bijections near a target, with their evidence, text and explanation.

Steps of an explanation are checked again in mpmath, by formulas of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import accumulate
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, nearest, upper
from exactflow.exact.numbers import format_above, format_below, format_short, to_element, to_mpf
from exactflow.exact.typing import DepthScales, Element, NumberLike, check_option
from exactflow.explanation import Explanation, Step
from exactflow.flows.evidence import Evidence
from exactflow.flows.result import Result
from exactflow.laws.conditioning.frames import AtomsOnLine, Gap, LawOnAxes
from exactflow.laws.conditioning.lipschitz_regression import LipschitzRegression
from exactflow.laws.conditioning.mixture_components import Law, MixtureComponents
from exactflow.laws.conditioning.tuning import TUNING

RARE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class ConditioningBounds(Result):
    """Bounds that a target forces on every smooth bijection near it: the result of `lower_bounds`.

    All numbers are rationals on the safe side. Where a bound says nothing, `lipschitz` is 0 and
    `ratio` is 1.

    Attributes
    ----------
    target, eps : the law, and the distance W2 that counts as near.
    lipschitz : at most sup |J|.
    attained : a number that `lipschitz` cannot exceed, since maps of such slopes come within eps:
        on the line, for laws of independent coordinates and for a Gaussian; else None.
    mean_log_det : at least E log|det J|.
    sigma_min : at least the smallest singular value of J somewhere.
    ratio : at most the root mean square of the singular values, divided by their geometric mean.
    components : the target as a mixture.
    frame : the target along the axes that gave `lipschitz`; None where the covariance did.
    groups : the numbers of the components in each cluster into which the target was cut.
    multiplier : t of `exactflow.laws.conditioning.log_det_bound`, an exact number.
    """

    target: Law
    eps: sympy.Rational
    lipschitz: sympy.Rational
    attained: "sympy.Rational | None"
    mean_log_det: sympy.Rational
    sigma_min: sympy.Rational
    ratio: sympy.Rational
    components: MixtureComponents
    frame: "LawOnAxes | None"
    groups: Sequence[np.ndarray]
    multiplier: arb
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def clusters(self) -> int:
        """Into how many clusters the target was cut for `mean_log_det`."""
        return len(self.groups)

    @cached_property
    def gap(self) -> "Gap | None":
        """The interval on which the nearest maps of slope `lipschitz` lose most, where the laws
        along axes gave `lipschitz`; None where the covariance did.
        """
        return None if self.frame is None else self.frame.widest(to_element(self.lipschitz))

    def explain(self) -> Explanation:
        """Return the bounds as steps, each checked again by other formulas and other arithmetic.

        >>> from exactflow.laws.conditioning import lower_bounds
        >>> from exactflow.laws.universal import Atoms
        >>> all(step.is_valid() for step in lower_bounds(Atoms([[0], [1]]), "1/10").explain().steps)
        True
        """
        slope, volume = format_below(self.lipschitz, 6), format_above(self.mean_log_det, 4)
        near, d = format_below(self.eps, 4), self.components.dimension
        if not self.lipschitz:
            why = "No slope is forced: a constant map is about as near as eps."
        elif (gap := self.gap) is None:
            why = (
                "If |J| <= L everywhere, the image has deviations of at most L along every axis "
                "(Poincare), so that sum (s_i - L)_+^2 <= eps^2, the s_i^2 being the eigenvalues "
                f"of the covariance (Gelbrich). For L = {slope} that is not so."
            )
        else:
            why = (
                "If |J| <= L everywhere, the laws of the image along orthonormal axes are images "
                "of N(0, 1) under increasing maps with slopes of at most L (Gaussian "
                "isoperimetry), and their distances from the target's add up in squares. For L = "
                f"{slope} they come to eps = {near} or more; of the sum of squares a part of "
                f"{format_below(gap.share, 2)} or more is lost on a climb along {gap}."
            )
        mean = (
            "E log|det J| is the entropy of the image less that of N(0, I): at most that of the "
            f"choice among clusters, {self.clusters} here, and the mean of those of Gaussians "
            f"whose covariances are as near as eps to the clusters' (Gelbrich). That is {volume}."
        )
        singular = (
            f"So a singular value is at most exp({volume} / {d}) somewhere, and by Poincare's "
            f"inequality the mean square of all is at least (sqrt(tr Cov) - eps)^2 / {d}."
        )
        told = [
            ("16a", why, self._is_slope_forced),
            ("16b", mean, self._is_volume_bounded),
            ("16b", singular, self._are_singular_values_bounded),
        ]
        home = "of exactflow.laws.conditioning.jacobian_bounds"
        steps = [
            Step(rule, why, "", {}, {}, QQ, f"Theorem {rule} {home}", witness=check)
            for rule, why, check in told
        ]
        claim = (
            f"Every smooth bijection whose image of N(0, I) is within W2 <= {near} of "
            f"{self.target} has a Lipschitz constant of at least {slope}, and E log|det J| is at "
            f"most {volume}."
        )
        return Explanation.verify(claim, steps, self, self.evidence)

    def _is_slope_forced(self) -> bool:
        """Whether maps with slopes of at most `lipschitz` stay eps away from the target."""
        slope, frame = to_element(self.lipschitz), self.frame
        if not slope:
            return True
        with mpmath.workdps(_digits(slope / to_element(self.eps))):
            if frame is None:
                parts = [max(s - to_mpf(slope), 0) ** 2 for s in _deviations(self.components)]
            else:
                parts = [_squared_distance_bound(line, slope) for line in frame.lines]
            return bool(sum(parts) >= self._near(self.components if frame is None else frame) ** 2)

    def _is_volume_bounded(self) -> bool:
        """Whether `mean_log_det` is at least the bound of the volume with the multiplier."""
        components = self.components
        with mpmath.workdps(_digits(1 / to_element(self.eps))):
            t = _midpoint(self.multiplier)
            total = self._near(components) ** 2 / (2 * t)
            for members in self.groups:
                w = mpmath.mpf(sum(components.weights[members].tolist())) / components.total
                total -= w * mpmath.log(w)
                for s in _deviations(components, members):
                    a = (s + mpmath.sqrt(s * s + 4 * t)) / 2
                    total += w * (mpmath.log(a) - (a - s) ** 2 / (2 * t))
            return bool(total <= to_mpf(to_element(self.mean_log_det)))

    def _are_singular_values_bounded(self) -> bool:
        """Whether `sigma_min` and `ratio` follow from `mean_log_det` and the covariance."""
        components, numbers = self.components, (self.mean_log_det, self.sigma_min, self.ratio)
        d = components.dimension
        with mpmath.workdps(_digits(1 / to_element(self.eps))):
            volume, sigma, ratio = (to_mpf(to_element(x)) for x in numbers)
            size = mpmath.sqrt(sum(s * s for s in _deviations(components))) - self._near(components)
            is_ratio = ratio == 1 or ratio * sigma * mpmath.sqrt(d) <= size
            return bool(mpmath.exp(volume / d) <= sigma and is_ratio)

    def _near(self, seen: MixtureComponents | LawOnAxes) -> mpmath.mpf:
        """Return eps plus the distance of a mixture, or its projections, from the target."""
        return to_mpf(to_element(self.eps) + upper(seen.error))

    def least_depth(self, condition: NumberLike, *, scales: DepthScales = "additive") -> int:
        """Least number of couplings, by the bounds, with condition numbers of at most `condition`.

        Parameters
        ----------
        condition : a rational above 1, for all layers everywhere; pads may be as many as you like.
        scales : "additive" layers, or any with "positive" scales.

        Examples
        --------
        >>> from exactflow.laws.conditioning import lower_bounds
        >>> from exactflow.laws.universal import Atoms
        >>> bounds = lower_bounds(Atoms([[-1, -1], [1, 1]]), "1/10")
        >>> bounds.least_depth(5), bounds.least_depth(5, scales="positive")
        (6, 3)
        """
        check_option("scales", scales, ("additive", "positive"))
        kappa, slope = to_element(condition), to_element(self.lipschitz)
        if kappa <= 1:
            raise InvalidInputError(
                f"expected a condition number above 1, got {format_short(kappa)}: a layer of "
                "condition number 1 is an isometry up to scale"
            )
        aim = slope * slope if scales == "additive" else slope
        return _least_power(kappa, aim) if slope > 1 else 0

    def _rows(self) -> list[tuple[str, str]]:
        places = "" if self.gap is None else f" (a climb along {self.gap})"
        attained = "" if not self.attained else f", {format_above(self.attained, 6)} is enough"
        return [
            ("Lipschitz constant", f"at least {format_below(self.lipschitz, 6)}{attained}{places}"),
            ("E log|det J|", f"at most {format_above(self.mean_log_det, 4)}"),
            ("smallest singular value", f"somewhere at most {format_above(self.sigma_min, 4)}"),
            ("singular values", f"rms over geometric mean at least {format_below(self.ratio, 4)}"),
        ]

    def __str__(self) -> str:
        rows = "; ".join(f"{name} {bound}" for name, bound in self._rows())
        return (
            f"every smooth bijection within W2 <= {format_below(self.eps, 4)} of {self.target}: "
            f"{rows}"
        )

    def _repr_html_(self) -> str:
        head = f"Bounds within W2 &le; {format_below(self.eps, 4)} of {escape(str(self.target))}"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(bound)}</td></tr>"
            for name, bound in self._rows()
        )
        return f"<table><caption>{head} [{self.evidence}]</caption>{rows}</table>"

    def _repr_latex_(self) -> str:
        lipschitz, ratio = format_below(self.lipschitz), format_below(self.ratio)
        volume, least_one = format_above(self.mean_log_det), format_above(self.sigma_min)
        return (
            rf"$\sup|J| \ge {lipschitz}, \quad E\log|\det J| \le {volume}, \quad "
            rf"\inf\sigma_{{\min}} \le {least_one}, \quad \mathrm{{rms}}/\mathrm{{gm}} \ge {ratio}$"
        )


def _least_power(base: Element, aim: Element) -> int:
    """Return the least n with base^n >= aim, for numbers above 1.

    n is the logarithm of the aim, rounded up. Where it is near an integer the power itself decides,
    if it is short: base^n = aim is possible only for n up to the length of the aim's numerator.
    """
    bits, longest = TUNING.precision, int(aim.numerator).bit_length()
    while True:
        with ctx.workprec(bits):
            ratio = ball(aim).log() / ball(base).log()
            count = ratio.ceil().unique_fmpz()
            if count is not None:
                return int(count)
            if ratio.rad() < 0.5 and (near := nearest(ratio)) <= longest:
                return near if base**near >= aim else near + 1
        bits *= 2


def _digits(ratio: Element) -> int:
    """Return digits that leave some thirty after cancellation."""
    size = int(ratio.numerator).bit_length() - int(ratio.denominator).bit_length()
    return 40 + max(0, 2 * size)


def _midpoint(x: arb) -> mpmath.mpf:
    return mpmath.ldexp(*map(int, x.mid().man_exp()))


def _deviations(components: MixtureComponents, members: Any = slice(None)) -> list[mpmath.mpf]:
    """Return the roots of the eigenvalues of the covariance of some components."""
    matrix = mpmath.matrix(
        [list(map(to_mpf, row)) for row in components.covariance(members)[1].table()]
    )
    return [mpmath.sqrt(max(value, 0)) for value in mpmath.eigsy(matrix, eigvals_only=True)]


def _quantile(below: int, total: int) -> mpmath.mpf:
    """Return the point of N(0, 1) with the mass below / total before it, from the smaller side."""
    mass = mpmath.mpf(min(below, total - below)) / total
    if mass > RARE:
        found = mpmath.sqrt(2) * mpmath.erfinv(2 * mass - 1)
    else:  # where erfinv has lost its digits
        start, level = -mpmath.sqrt(-2 * mpmath.log(mass)), mpmath.log(mass)
        found = mpmath.findroot(lambda x: mpmath.log(mpmath.ncdf(x)) - level, start)
    return found if 2 * below <= total else -found


def _squared_distance_bound(line: AtomsOnLine, slope: Element) -> mpmath.mpf:
    """Return a number that the squared distance of the atoms on a line from maps of a slope is not
    below: the costs jump by jump, less what the sums R_j take away.
    """
    with ctx.workprec(max(TUNING.precision, int(mpmath.mp.prec))):
        blocks = LipschitzRegression(line.steps(), ball(slope)).blocks()
    L, phi, Phi = to_mpf(slope), mpmath.npdf, mpmath.ncdf
    s = [mpmath.mpf(x) / line.unit for x in line.places]
    cuts = [_quantile(below, sum(line.weights)) for below in accumulate(line.weights[:-1])]
    q = [-mpmath.inf, *cuts, mpmath.inf]

    def both(u: mpmath.mpf, v: mpmath.mpf, k: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Return the integrals of (L z - k)^2 phi and of (L z - k) phi from u to v."""
        mass, edge = Phi(v) - Phi(u), phi(v) - phi(u)
        second = mass - (v * phi(v) - u * phi(u))
        return L * L * second + 2 * L * k * edge + k * k * mass, -L * edge - k * mass

    total = lost = mpmath.mpf(0)
    for first, last, level in blocks:
        c, rest = _midpoint(level), mpmath.mpf(0)
        for j in range(last, first - 1, -1):
            a, b, middle = s[j] + c, s[j + 1] + c, q[j + 1]
            left = both(min(max(a / L, q[j]), middle), middle, a)
            right = both(middle, max(min(b / L, q[j + 2]), middle), b)
            total += left[0] + right[0]
            rest -= left[1] + right[1]
            lost += abs(rest) if j == first else max(-rest, 0)
    heights = [L * z for z in cuts]
    highest = max((h - x for h, x in zip(heights, s, strict=False)), default=0)
    lowest = min((h - x for h, x in zip(heights, s[1:], strict=True)), default=0)
    return total - 2 * (highest - lowest) * lost
