"""The result of `bound_conditioning`, with its display and its explanation.

The steps of the explanation check the bounds in mpmath, by other formulas.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from exactflow.exact.balls import ball, round_midpoint_to_integer, upper
from exactflow.exact.numbers import format_down, format_short, format_up, to_element, to_mpf
from exactflow.exact.typing import Element, NumberLike, check_option
from exactflow.explanation import Explanation, Step
from exactflow.flows.evidence import Evidence
from exactflow.flows.result import DepthScales, Result
from exactflow.laws.conditioning.lipschitz_regression import LipschitzRegression
from exactflow.laws.conditioning.mixture_components import Law, MixtureComponents
from exactflow.laws.conditioning.projection import AtomsOnLine, GapBetweenAtoms, ProjectedLaw
from exactflow.laws.conditioning.tuning import TUNING

RARE = 1e-9  # for a smaller mass, the quantile is found as a root of a logarithmic equation


@dataclass(frozen=True, eq=False, repr=False)
class ConditioningBounds(Result):
    """The result of `bound_conditioning`: bounds on the Jacobian J of smooth bijections near a law.

    All numbers are rational and rounded to the safe side. If nothing is proved, `lipschitz` is 0
    and `ratio` is 1.

    Attributes
    ----------
    target, eps : the law, and the largest distance W2 of the image of N(0, I) from it.
    lipschitz : a lower bound of sup |J|.
    attained : a Lipschitz constant with which maps come within eps, so that no lower bound exceeds
        it; None if none is known. It is known on the line, for independent coordinates and for a
        Gaussian.
    mean_log_det : an upper bound of E log|det J|.
    sigma_min : an upper bound of the infimum over z of the smallest singular value of J.
    ratio : a lower bound of the root mean square of the singular values over their geometric mean.
    components : the target as a mixture.
    projection : the target projected onto the axes that gave `lipschitz`; None if the covariance
        gave `lipschitz`.
    groups : for each cluster of the target, the indices of its components.
    multiplier : the Lagrange multiplier t of `exactflow.laws.conditioning.log_det_bound`, an exact
        number.
    """

    target: Law
    eps: sympy.Rational
    lipschitz: sympy.Rational
    attained: "sympy.Rational | None"
    mean_log_det: sympy.Rational
    sigma_min: sympy.Rational
    ratio: sympy.Rational
    components: MixtureComponents
    projection: "ProjectedLaw | None"
    groups: Sequence[np.ndarray]
    multiplier: arb
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @property
    def clusters(self) -> int:
        """The number of clusters in the bound `mean_log_det`."""
        return len(self.groups)

    @cached_property
    def costliest_gap(self) -> "GapBetweenAtoms | None":
        """The interval between atoms that causes the largest part of the squared distance of the
        target from the maps with slopes at most `lipschitz`.

        It is None if `lipschitz` comes from the covariance.
        """
        projection = self.projection
        return None if projection is None else projection.costliest_gap(to_element(self.lipschitz))

    def explain(self) -> Explanation:
        """Return an explanation with one step for each theorem. A step checks its bounds again in
        mpmath, by other formulas.

        >>> from exactflow.laws.conditioning import bound_conditioning
        >>> from exactflow.laws.universal import Atoms
        >>> bounds = bound_conditioning(Atoms([[0], [1]]), "1/10")
        >>> all(step.is_valid() for step in bounds.explain().steps)
        True
        """
        slope, volume = format_down(self.lipschitz, 6), format_up(self.mean_log_det, 4)
        near, d = format_down(self.eps, 4), self.components.dimension
        if not self.lipschitz:
            why = "There is no lower bound: a constant map is about as near as eps."
        elif (gap := self.costliest_gap) is None:
            why = (
                "If |J| <= L everywhere, the image has deviations of at most L along every axis "
                "(Poincare). Then sum (s_i - L)_+^2 <= eps^2, where the s_i^2 are the eigenvalues "
                f"of the covariance (Gelbrich). For L = {slope} this inequality is false."
            )
        else:
            why = (
                "If |J| <= L everywhere, the projections of the image onto orthonormal axes are "
                "images of N(0, 1) under increasing maps with slopes of at most L (Gaussian "
                "isoperimetry), and the squares of their distances from those of the target add "
                f"up. For L = {slope} the root of the sum is at least eps = {near}; at least "
                f"{format_down(gap.share, 2)} of the sum is lost on a climb along {gap}."
            )
        mean = (
            "E log|det J| is the entropy of the image minus that of N(0, I). It is at most the "
            f"entropy of the choice among the {self.clusters} clusters plus the mean entropy of "
            "Gaussians whose covariances are within eps of those of the clusters (Gelbrich), "
            f"minus that of N(0, I). That is {volume}."
        )
        singular = (
            f"So somewhere a singular value is at most exp({volume} / {d}). By Poincare's "
            "inequality the mean square of all singular values is at least "
            f"(sqrt(tr Cov) - eps)^2 / {d}."
        )
        rows = [
            ("16a", why, self._are_all_lipschitz_maps_at_least_eps_away),
            ("16b", mean, self._is_log_det_bound_valid),
            ("16b", singular, self._are_sigma_and_ratio_valid),
        ]
        source = "of exactflow.laws.conditioning.jacobian_bounds"
        steps = [
            Step(rule, why, "", {}, {}, QQ, f"Theorem {rule} {source}", witness=check)
            for rule, why, check in rows
        ]
        claim = (
            f"Every smooth bijection whose image of N(0, I) is within W2 <= {near} of "
            f"{self.target} has a Lipschitz constant of at least {slope}, and E log|det J| is at "
            f"most {volume}."
        )
        return Explanation.from_steps_after_checking(claim, steps, self, self.evidence)

    def _are_all_lipschitz_maps_at_least_eps_away(self) -> bool:
        """Whether all maps with slopes at most `lipschitz` are at least eps away from the target: a
        lower bound of their distance, computed again, is at least eps.
        """
        slope, seen = to_element(self.lipschitz), self.projection
        if not slope:
            return True
        lines = [] if seen is None else seen.lines
        spans = [QQ(line.places[-1] - line.places[0], line.unit) for line in lines]
        size_ratio = max([slope, *spans]) / to_element(self.eps)
        with mpmath.workdps(_working_digits_despite_cancellation(size_ratio)):
            if seen is None:
                deviations = _principal_deviations_of_submixture(self.components)
                parts = [max(s - to_mpf(slope), 0) ** 2 for s in deviations]
            else:
                parts = [_lower_bound_squared_distance(line, slope) for line in seen.lines]
            radius = self._eps_plus_approximation_error_bound(seen or self.components)
            return bool(sum(parts) >= radius**2)

    @property
    def _working_digits_for_deviations(self) -> int:
        """A number of decimal digits that suffices for the principal deviations, whose errors are
        relative to the largest of them.
        """
        size = QQ(2) ** max(0, self.components.rough_log2_largest_coordinate_or_deviation)
        return _working_digits_despite_cancellation(size / to_element(self.eps))

    def __copy__(self) -> "ConditioningBounds":
        """Return the same object: nothing in it changes."""
        return self

    def __deepcopy__(self, memo: object) -> "ConditioningBounds":
        """Return the same object, as `__copy__` does."""
        return self

    def _is_log_det_bound_valid(self) -> bool:
        """Whether the bound of theorem 16b, computed again for `multiplier`, is at most
        `mean_log_det`.
        """
        components = self.components
        with mpmath.workdps(self._working_digits_for_deviations):
            t = _midpoint(self.multiplier)
            total = self._eps_plus_approximation_error_bound(components) ** 2 / (2 * t)
            for members in self.groups:
                w = mpmath.mpf(sum(components.weights[members].tolist())) / components.total_weight
                total -= w * mpmath.log(w)
                for s in _principal_deviations_of_submixture(components, members):
                    a = (s + mpmath.sqrt(s * s + 4 * t)) / 2
                    total += w * (mpmath.log(a) - (a - s) ** 2 / (2 * t))
            return bool(total <= to_mpf(to_element(self.mean_log_det)))

    def _are_sigma_and_ratio_valid(self) -> bool:
        """Whether `sigma_min` and `ratio` follow from `mean_log_det` and the covariance."""
        components, numbers = self.components, (self.mean_log_det, self.sigma_min, self.ratio)
        d = components.dimension
        with mpmath.workdps(self._working_digits_for_deviations):
            volume, sigma, ratio = (to_mpf(to_element(x)) for x in numbers)
            deviations = _principal_deviations_of_submixture(components)
            deviation = mpmath.sqrt(sum(s * s for s in deviations))
            size = deviation - self._eps_plus_approximation_error_bound(components)
            is_ratio = ratio == 1 or ratio * sigma * mpmath.sqrt(d) <= size
            return bool(mpmath.exp(volume / d) <= sigma and is_ratio)

    def _eps_plus_approximation_error_bound(
        self, approximation: MixtureComponents | ProjectedLaw
    ) -> mpmath.mpf:
        """Return eps plus an upper bound of the distance W2 of `approximation` from the target."""
        return to_mpf(to_element(self.eps) + upper(approximation.error))

    def lower_bound_depth(
        self, layer_condition: NumberLike, *, scales: DepthScales = "additive"
    ) -> int:
        """Return a lower bound of the number of couplings in a flow that comes within eps of the
        target, if each coupling has a condition number of at most `layer_condition`.

        The lower bound holds for any number of pads.

        Parameters
        ----------
        layer_condition : a rational above 1. It bounds the condition number of the Jacobian of each
            coupling at every point.
        scales : "additive" for layers without scales, or "positive".

        Examples
        --------
        >>> from exactflow.laws.conditioning import bound_conditioning
        >>> from exactflow.laws.universal import Atoms
        >>> bounds = bound_conditioning(Atoms([[-1, -1], [1, 1]]), "1/10")
        >>> bounds.lower_bound_depth(5), bounds.lower_bound_depth(5, scales="positive")
        (6, 3)
        """
        check_option("scales", scales, ("additive", "positive"))
        kappa, slope = to_element(layer_condition), to_element(self.lipschitz)
        if kappa <= 1:
            raise InvalidInputError(
                f"expected layer_condition > 1, got {format_short(kappa)}: no condition number is "
                "below 1, and layers with condition number 1 only scale all distances by one factor"
            )
        target = slope * slope if scales == "additive" else slope
        return _least_exponent_reaching(kappa, target) if slope > 1 else 0

    def _display_rows(self) -> list[tuple[str, str]]:
        """Return pairs of texts: the name of a quantity, and its bound."""
        gap = self.costliest_gap
        places = "" if gap is None else f" (a climb along {gap})"
        attained = "" if not self.attained else f", {format_up(self.attained, 6)} is enough"
        return [
            ("Lipschitz constant", f"at least {format_down(self.lipschitz, 6)}{attained}{places}"),
            ("E log|det J|", f"at most {format_up(self.mean_log_det, 4)}"),
            ("smallest singular value", f"somewhere at most {format_up(self.sigma_min, 4)}"),
            ("singular values", f"rms over geometric mean at least {format_down(self.ratio, 4)}"),
        ]

    def __str__(self) -> str:
        rows = "; ".join(f"{name} {bound}" for name, bound in self._display_rows())
        return (
            f"every smooth bijection within W2 <= {format_down(self.eps, 4)} of {self.target}: "
            f"{rows}"
        )

    def _repr_html_(self) -> str:
        head = f"Bounds within W2 &le; {format_down(self.eps, 4)} of {escape(str(self.target))}"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(bound)}</td></tr>"
            for name, bound in self._display_rows()
        )
        return f"<table><caption>{head} [{self.evidence}]</caption>{rows}</table>"

    def _repr_latex_(self) -> str:
        lipschitz, ratio = format_down(self.lipschitz), format_down(self.ratio)
        volume, least_one = format_up(self.mean_log_det), format_up(self.sigma_min)
        return (
            rf"$\sup|J| \ge {lipschitz}, \quad E\log|\det J| \le {volume}, \quad "
            rf"\inf\sigma_{{\min}} \le {least_one}, \quad \mathrm{{rms}}/\mathrm{{gm}} \ge {ratio}$"
        )


def _least_exponent_reaching(base: Element, aim: Element) -> int:
    """Return the least n with base^n >= aim, for base > 1 and aim > 1.

    It is log(aim) / log(base), rounded up. If the quotient is near an integer n, base^n is compared
    with the aim. Equality is possible only for n up to the bit length of the aim's numerator.
    """
    bits, longest = TUNING.precision, int(aim.numerator).bit_length()
    while True:
        with ctx.workprec(bits):
            ratio = ball(aim).log() / ball(base).log()
            count = ratio.ceil().unique_fmpz()
            if count is not None:
                return int(count)
            if ratio.rad() < 0.5 and (near := round_midpoint_to_integer(ratio)) <= longest:
                return near if base**near >= aim else near + 1
        bits *= 2


def _working_digits_despite_cancellation(size_ratio: Element) -> int:
    """Return a number of decimal digits with which about thirty digits of a result are correct.
    The result is a difference of numbers that are `size_ratio` times as large.
    """
    size = int(size_ratio.numerator).bit_length() - int(size_ratio.denominator).bit_length()
    return 40 + max(0, 2 * size)


def _midpoint(x: arb) -> mpmath.mpf:
    """Convert the midpoint of a ball to mpmath, exactly."""
    return mpmath.ldexp(*map(int, x.mid().man_exp()))


def _principal_deviations_of_submixture(
    components: MixtureComponents, members: Any = slice(None)
) -> list[mpmath.mpf]:
    """Return the square roots of the eigenvalues of the covariance of the mixture of the components
    with the indices `members`.
    """
    matrix = mpmath.matrix(
        [list(map(to_mpf, row)) for row in components.weight_and_covariance(members)[1].table()]
    )
    return [mpmath.sqrt(max(value, 0)) for value in mpmath.eigsy(matrix, eigvals_only=True)]


def _normal_quantile(below: int, total: int) -> mpmath.mpf:
    """Return the quantile of N(0, 1) at `below` / `total`, computed from the smaller tail."""
    mass = mpmath.mpf(min(below, total - below)) / total
    if mass > RARE:
        found = mpmath.sqrt(2) * mpmath.erfinv(2 * mass - 1)
    else:  # erfinv would lose digits near -1
        start, level = -mpmath.sqrt(-2 * mpmath.log(mass)), mpmath.log(mass)
        found = mpmath.findroot(lambda x: mpmath.log(mpmath.ncdf(x)) - level, start)
    return found if 2 * below <= total else -found


def _lower_bound_squared_distance(line: AtomsOnLine, most_slope: Element) -> mpmath.mpf:
    """Return a lower bound of the squared W2 distance between the atoms on a line and the image of
    the normal law under any map with slopes at most `most_slope`.

    The formula, with the R_j, is in the docstring of
    `exactflow.laws.conditioning.lipschitz_regression`.
    """
    # A translation does not change the distance, but places far from 0 would lose digits.
    line = replace(line, places=[x - line.places[0] for x in line.places])
    with ctx.workprec(max(TUNING.precision, int(mpmath.mp.prec))):
        blocks = LipschitzRegression(
            line.normal_to_atoms_map(), ball(most_slope)
        ).approximate_best_blocks()
    L, phi, Phi = to_mpf(most_slope), mpmath.npdf, mpmath.ncdf
    s = [mpmath.mpf(x) / line.unit for x in line.places]
    cuts = [_normal_quantile(below, sum(line.weights)) for below in accumulate(line.weights[:-1])]
    q = [-mpmath.inf, *cuts, mpmath.inf]

    def integrate_squared_residual_and_residual(
        u: mpmath.mpf, v: mpmath.mpf, atom_plus_c: mpmath.mpf
    ) -> tuple[mpmath.mpf, mpmath.mpf]:
        """Return the integrals from u to v of r(z)^2 phi(z) and of r(z) phi(z), for the residual
        r(z) = L z - `atom_plus_c`.
        """
        mass, edge, k = Phi(v) - Phi(u), phi(v) - phi(u), atom_plus_c
        second = mass - (v * phi(v) - u * phi(u))
        return L * L * second + 2 * L * k * edge + k * k * mass, -L * edge - k * mass

    total = lost = mpmath.mpf(0)
    for first, last, level in blocks:
        c, rest = _midpoint(level), mpmath.mpf(0)
        for j in range(last, first - 1, -1):
            a, b, middle = s[j] + c, s[j + 1] + c, q[j + 1]
            start, stop = min(max(a / L, q[j]), middle), max(min(b / L, q[j + 2]), middle)
            left = integrate_squared_residual_and_residual(start, middle, a)
            right = integrate_squared_residual_and_residual(middle, stop, b)
            total += left[0] + right[0]
            rest -= left[1] + right[1]
            lost += abs(rest) if j == first else max(-rest, 0)
    heights = [L * z for z in cuts]
    highest = max((h - x for h, x in zip(heights, s, strict=False)), default=0)
    lowest = min((h - x for h, x in zip(heights, s[1:], strict=True)), default=0)
    return total - 2 * (highest - lowest) * lost
