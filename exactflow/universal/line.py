"""Laws on the line that `exactflow.universal.well_conditioned.approximate_well` takes.

A law is seen through its *labels*: x has the label l with Phi(l) = F(x), F the distribution
function, so that the transport x = Q(Phi(l)) of N(0, 1) is read off where l is enclosed. What a
flow of well-conditioned layers can follow is bi-Lipschitz: the quantile function Q has neither
jumps (gaps, where there is no mass) nor flat parts (atoms).
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, normal_cdf, normal_density, normal_quantile
from exactflow.exact.numbers import elements, format_short, to_element, to_float
from exactflow.exact.typing import Element, NumberLike
from exactflow.universal.measures import Boxes, checked_weights
from exactflow.universal.tuning import TUNING

__all__ = ["GaussianMixture", "LineLaw", "QuantileFunction", "as_line_law", "smoothed"]


class LineLaw(ABC):
    """A law on the line with a bi-Lipschitz quantile function."""

    @property
    @abstractmethod
    def lines(self) -> tuple[tuple[Element, Element], ...]:
        """Pairs (a, b): the quantile Q(Phi(l)) lies between the least and largest a + b l."""

    @property
    @abstractmethod
    def breaks(self) -> tuple[Element, ...]:
        """The points inside of the support where the density may jump."""

    @abstractmethod
    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return enclosures of F(x) and 1 - F(x), each of small relative error."""

    @abstractmethod
    def density(self, x: arb, inside: Element) -> arb:
        """Return an enclosure of the density on a ball; `inside` is a point of it that is no break,
        and between breaks the ball belongs to the side of `inside`.
        """

    @abstractmethod
    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return Q(Phi(l)) for labels in ascending order, in floats: numeric."""

    def deviation(self) -> Element:
        """Return the standard deviation, in floats: numeric."""
        from scipy.special import ndtri

        return to_element(self.quantiles(ndtri((np.arange(TUNING.grid) + 0.5) / TUNING.grid)).std())

    def label(self, x: Element) -> arb:
        """Return an enclosure of the label of x, a point with 0 < F(x) < 1."""
        return normal_quantile(*self.masses(x))


@dataclass(frozen=True, init=False, repr=False)
class GaussianMixture(LineLaw):
    """A mixture of normal laws on the line.

    Parameters
    ----------
    means : rationals.
    deviations : one positive rational for all, or one for each mean.
    weights : one positive rational for each, of sum exactly one; equal where left out.

    Raises
    ------
    InvalidInputError
        No mean, a deviation that is not positive, lists of unequal lengths, weights whose sum is
        not one.

    Examples
    --------
    >>> GaussianMixture([-1, "3/2"], "3/5")
    <GaussianMixture: 2 from -1 to 3/2>
    """

    means: tuple
    deviations: tuple
    weights: tuple

    def __init__(
        self,
        means: Sequence,
        deviations: "NumberLike | Sequence" = 1,
        weights: Sequence | None = None,
    ) -> None:
        means = elements(means)
        if isinstance(deviations, list | tuple | np.ndarray):
            deviations = elements(deviations)
        else:
            deviations = (to_element(deviations),) * len(means)
        if not means or len(deviations) != len(means):
            raise InvalidInputError(
                "expected at least one mean and one deviation for each, got "
                f"{len(means)} and {len(deviations)}"
            )
        for mean, deviation in zip(means, deviations, strict=True):
            if deviation <= 0:
                raise InvalidInputError(
                    f"expected positive deviations, got {format_short(deviation)} at "
                    f"{format_short(mean)}: an atom has a quantile function with a flat part there"
                )
        weights = checked_weights(weights, len(means))
        vars(self).update(means=means, deviations=deviations, weights=weights)

    @property
    def lines(self) -> tuple[tuple[Element, Element], ...]:
        """The quantiles of the components: that of the mixture is between them."""
        return tuple(zip(self.means, self.deviations, strict=True))

    @property
    def breaks(self) -> tuple[Element, ...]:
        """The density is smooth."""
        return ()

    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return enclosures of F(x) and 1 - F(x)."""
        below, above = arb(0), arb(0)
        for mean, deviation, weight in self._balls:
            step = (ball(x) - mean) / deviation
            below += weight * normal_cdf(step)
            above += weight * normal_cdf(-step)
        return below, above

    def density(self, x: arb, inside: Element) -> arb:
        """Return an enclosure of the density on a ball."""
        return sum((w / s * normal_density((x - a) / s) for a, s, w in self._balls), arb(0))

    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return Q(Phi(l)), interpolated on a grid that is fine around each component."""
        from scipy.special import ndtr, ndtri

        means, deviations, weights = (
            np.array(list(map(to_float, v))) for v in (self.means, self.deviations, self.weights)
        )
        count = max(9, TUNING.grid // len(means))
        spread = np.linspace(-TUNING.most_reach, TUNING.most_reach, count)
        with np.errstate(all="ignore"):
            around = means + np.outer(spread, deviations)
            grid = np.unique(np.quantile(around, np.linspace(0, 1, 2 * TUNING.grid)))
            steps = (grid[:, None] - means) / deviations
            below, above = ndtr(steps) @ weights, ndtr(-steps) @ weights
            places = np.where(below < above, ndtri(below), -ndtri(above))
        return np.interp(labels, places, grid)

    @property
    def _balls(self) -> list[tuple[arb, arb, arb]]:
        rows = zip(self.means, self.deviations, self.weights, strict=True)
        return [(ball(mean), ball(deviation), ball(weight)) for mean, deviation, weight in rows]

    def __repr__(self) -> str:
        ends = format_short(min(self.means)), format_short(max(self.means))
        return f"<GaussianMixture: {len(self.means)} from {ends[0]} to {ends[1]}>"


@dataclass(frozen=True, init=False, repr=False)
class QuantileFunction(LineLaw):
    """The law of Q(U), U uniform on [0, 1], for a piecewise-linear quantile function Q.

    Its density is constant between neighbouring values.

    Parameters
    ----------
    levels : at least two strictly increasing rationals, the first 0 and the last 1.
    values : one rational for each, strictly increasing.

    Raises
    ------
    InvalidInputError
        Levels that do not increase from 0 to 1, values that do not increase.

    Examples
    --------
    >>> QuantileFunction([0, "1/2", 1], [-1, 0, 3])
    <QuantileFunction: 2 pieces from -1 to 3>
    """

    levels: tuple
    values: tuple

    def __init__(self, levels: Sequence, values: Sequence) -> None:
        levels, values = elements(levels), elements(values)
        if len(levels) < 2 or len(values) != len(levels) or levels[0] != 0 or levels[-1] != 1:
            raise InvalidInputError(
                "expected levels from 0 to 1 and one value for each, got "
                f"{len(levels)} levels and {len(values)} values"
            )
        for p, q, a, b in zip(levels, levels[1:], values, values[1:], strict=False):
            between = f"between the levels {format_short(p)} and {format_short(q)}"
            if a == b:
                raise InvalidInputError(
                    f"expected a bi-Lipschitz quantile function, got the value {format_short(a)} "
                    f"constant {between}, an atom: smooth it, as smoothed(points, deviation) does"
                )
            if p == q:
                raise InvalidInputError(
                    f"expected a bi-Lipschitz quantile function, got a jump from {format_short(a)} "
                    f"to {format_short(b)} at the level {format_short(p)}, a gap without mass: "
                    "give it some mass, or smooth the law, as smoothed(points, deviation) does"
                )
            if p > q or a > b:
                raise InvalidInputError(
                    f"expected increasing levels and values, got {format_short(p)}, "
                    f"{format_short(a)} before {format_short(q)}, {format_short(b)}"
                )
        vars(self).update(levels=levels, values=values)

    @property
    def lines(self) -> tuple[tuple[Element, Element], ...]:
        """The ends of the support."""
        return (self.values[0], QQ.zero), (self.values[-1], QQ.zero)

    @property
    def breaks(self) -> tuple[Element, ...]:
        """The inner values."""
        return self.values[1:-1]

    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return enclosures of F(x) and 1 - F(x), which are rational."""
        k = self._piece(x)
        level = self.levels[k] + (x - self.values[k]) * self._density(k)
        return ball(level), ball(1 - level)

    def density(self, x: arb, inside: Element) -> arb:
        """Return the density, the same everywhere between two values."""
        return ball(self._density(self._piece(inside)))

    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return Q(Phi(l))."""
        from scipy.special import ndtr

        levels, values = (list(map(to_float, v)) for v in (self.levels, self.values))
        return np.interp(ndtr(labels), levels, values)

    def _piece(self, x: Element) -> int:
        return bisect_right(self.values[1:-1], x)

    def _density(self, k: int) -> Element:
        return (self.levels[k + 1] - self.levels[k]) / (self.values[k + 1] - self.values[k])

    def __repr__(self) -> str:
        ends = format_short(self.values[0]), format_short(self.values[-1])
        return f"<QuantileFunction: {len(self.values) - 1} pieces from {ends[0]} to {ends[1]}>"


def smoothed(sample: Sequence, deviation: NumberLike) -> GaussianMixture:
    """Return the law of a uniformly drawn point of a sample plus normal noise.

    Parameters
    ----------
    sample : N rationals, or floats, which are dyadic; repeated ones have more weight.
    deviation : that of the noise, a positive rational.

    Examples
    --------
    >>> smoothed([0, 0, 1], "1/4").weights == (QQ(2, 3), QQ(1, 3))
    True
    """
    counts = sorted(Counter(elements(sample)).items())
    total = sum(count for _, count in counts)
    weights = [QQ(count, total) for _, count in counts]
    return GaussianMixture([point for point, _ in counts], deviation, weights)


def as_line_law(target: object) -> LineLaw:
    """Return a law on the line, of a law or of `Boxes` in dimension 1: a mixture of uniform laws.

    Raises `InvalidInputError` for anything else, for atoms, and for a gap in the support.
    """
    if isinstance(target, LineLaw):
        return target
    if not isinstance(target, Boxes):
        raise InvalidInputError(
            "expected a law on the line: GaussianMixture, QuantileFunction, smoothed(points, "
            f"deviation) or Boxes in dimension 1, got {type(target).__name__}"
        )
    if target.dimension != 1:
        raise InvalidInputError(
            f"expected boxes in dimension 1, got dimension {target.dimension}: gaussianize takes "
            "samples of any dimension"
        )
    ends = [(a, b) for (a,), (b,) in target.boxes]
    places = sorted({place for pair in ends for place in pair})
    densities = [
        w / (b - a) if a < b else _atom(a) for w, (a, b) in zip(target.weights, ends, strict=True)
    ]
    levels = [QQ.zero]
    for a, b in pairwise(places):
        height = sum(
            (d for d, (u, v) in zip(densities, ends, strict=True) if u <= a and b <= v), QQ.zero
        )
        levels.append(levels[-1] + height * (b - a))
    # a gap is a jump between equal levels, which QuantileFunction refuses by its place
    return QuantileFunction(levels, places)


def _atom(place: Element) -> Element:
    raise InvalidInputError(
        f"expected boxes with sides > 0, got an atom at {format_short(place)}, where the quantile "
        "function has a flat part: smooth it, as smoothed(points, deviation) does"
    )
