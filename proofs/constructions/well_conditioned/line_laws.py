"""Laws on the line, with the normal labels of their points.

A point x has the label l with Phi(l) = F(x), where F is the distribution function. The transport of
N(0, 1) is x = Q(Phi(l)). A flow of well-conditioned layers needs a bi-Lipschitz transport: the
quantile function Q has neither jumps (gaps without mass) nor flat parts (atoms).
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb
from scipy.special import ndtr, ndtri
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, normal_cdf, normal_density, normal_quantile
from exactflow.exact.numbers import format_short, to_element, to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal import Boxes, GaussianMixture, TargetMeasure
from proofs.constructions.quantiles import QuantileFunction
from proofs.constructions.well_conditioned.tuning import TUNING

__all__ = ["LineLaw", "MixtureOnLine", "QuantilesOnLine", "as_line_law"]


class LineLaw(ABC):
    """A law in dimension 1 with a bi-Lipschitz quantile function.

    Attributes
    ----------
    measure : the law itself.
    lines : pairs (a, b): Q(Phi(l)) lies between the least and the largest of the numbers a + b l.
    breaks : the points inside the support at which the density may jump.
    """

    measure: TargetMeasure
    lines: tuple[tuple[Element, Element], ...]
    breaks: tuple[Element, ...] = ()

    @abstractmethod
    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return enclosures of F(x) and 1 - F(x), each with a small relative error."""

    @abstractmethod
    def density(self, x: arb, inside: Element) -> arb:
        """Return an enclosure of the density on a ball that lies between two breaks. `inside` is a
        point of the ball that is no break.
        """

    @abstractmethod
    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return the quantiles Q(Phi(l)) at normal labels l in ascending order. *Numeric*."""

    def deviation(self) -> Element:
        """Return the standard deviation. *Numeric*."""
        return to_element(self.quantiles(ndtri((np.arange(TUNING.grid) + 0.5) / TUNING.grid)).std())

    def label(self, x: Element) -> arb:
        """Return an enclosure of the label of x, a point with 0 < F(x) < 1."""
        return normal_quantile(*self.masses(x))

    def __repr__(self) -> str:
        return repr(self.measure)


@dataclass(frozen=True, repr=False)
class MixtureOnLine(LineLaw):
    """A mixture of normal laws in dimension 1."""

    measure: GaussianMixture

    @property
    def lines(self) -> tuple[tuple[Element, Element], ...]:
        """The quantiles of the components; the quantile of the mixture lies between them."""
        pairs = zip(self.measure.means, self.measure.deviations, strict=True)
        return tuple((m, s) for (m,), (s,) in pairs)

    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return enclosures of F(x) and 1 - F(x)."""
        steps = [(w, (ball(x) - a) / s) for a, s, w in self._balls]
        below = sum((w * normal_cdf(step) for w, step in steps), arb(0))
        return below, sum((w * normal_cdf(-step) for w, step in steps), arb(0))

    def density(self, x: arb, inside: Element) -> arb:
        """Return an enclosure of the density on a ball; `inside` is not needed."""
        return sum((w / s * normal_density((x - a) / s) for a, s, w in self._balls), arb(0))

    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return the quantiles at normal labels, interpolated on a grid around the components."""
        return np.interp(labels, *self._grid)

    @cached_property
    def _grid(self) -> tuple[np.ndarray, np.ndarray]:
        """A grid of points and their labels, as (labels, points), in floats."""
        means, deviations, weights = (
            np.array(list(map(to_float, v)))
            for v in (*zip(*self.lines, strict=True), self.measure.weights)
        )
        count = max(9, TUNING.grid // len(means))
        spread = np.linspace(-TUNING.most_reach, TUNING.most_reach, count)
        with np.errstate(all="ignore"):
            around = means + np.outer(spread, deviations)
            grid = np.unique(np.quantile(around, np.linspace(0, 1, 2 * TUNING.grid)))
            steps = (grid[:, None] - means) / deviations
            below, above = ndtr(steps) @ weights, ndtr(-steps) @ weights
            return np.where(below < above, ndtri(below), -ndtri(above)), grid

    @property
    def _balls(self) -> list[tuple[arb, arb, arb]]:
        pairs = zip(self.lines, self.measure.weights, strict=True)
        return [(ball(mean), ball(deviation), ball(weight)) for (mean, deviation), weight in pairs]


@dataclass(frozen=True, repr=False)
class QuantilesOnLine(LineLaw):
    """The law of a piecewise-linear quantile function."""

    measure: QuantileFunction

    @property
    def lines(self) -> tuple[tuple[Element, Element], ...]:
        """The ends of the support."""
        return (self.measure.values[0], QQ.zero), (self.measure.values[-1], QQ.zero)

    @property
    def breaks(self) -> tuple[Element, ...]:
        """The inner values of the quantile function."""
        return self.measure.values[1:-1]

    def masses(self, x: Element) -> tuple[arb, arb]:
        """Return F(x) and 1 - F(x), which are rational."""
        k = self._piece(x)
        level = self.measure.levels[k] + (x - self.measure.values[k]) * self._density(k)
        return ball(level), ball(1 - level)

    def density(self, x: arb, inside: Element) -> arb:
        """Return the density, which is constant between two breaks."""
        return ball(self._density(self._piece(inside)))

    def quantiles(self, labels: np.ndarray) -> np.ndarray:
        """Return the quantiles Q(Phi(l)) at normal labels l."""
        rows = self.measure.levels, self.measure.values
        return np.interp(ndtr(labels), *(list(map(to_float, row)) for row in rows))

    def _piece(self, x: Element) -> int:
        return bisect_right(self.breaks, x)

    def _density(self, k: int) -> Element:
        levels, values = self.measure.levels, self.measure.values
        return (levels[k + 1] - levels[k]) / (values[k + 1] - values[k])


def as_line_law(target: object) -> LineLaw:
    """Convert a law in dimension 1 to a `LineLaw`; `Boxes` are mixtures of uniform laws.

    Raises `InvalidInputError` for other values, for atoms, and for a gap in the support.
    """
    if not isinstance(target, Boxes | GaussianMixture):
        raise InvalidInputError(
            "expected a law on the line: GaussianMixture, QuantileFunction or Boxes in dimension "
            f"1, got {type(target).__name__}"
        )
    if target.dimension != 1:
        raise InvalidInputError(
            f"expected a law in dimension 1, got dimension {target.dimension}: use approximate for "
            "other dimensions (its two layers are ill-conditioned)"
        )
    if isinstance(target, GaussianMixture):
        return MixtureOnLine(target)
    if isinstance(target, QuantileFunction):
        return QuantilesOnLine(target)
    ends = [(a, b) for (a,), (b,) in target.ends]
    for a, b in ends:
        if a == b:
            raise InvalidInputError(
                f"expected boxes with sides > 0, got an atom at {format_short(a)}, where the "
                "quantile function has a flat part: pass a smooth law such as "
                "GaussianMixture(points, deviation)"
            )

    def level(x: Element) -> Element:
        shares = (min(max((x - a) / (b - a), QQ.zero), QQ.one) for a, b in ends)
        return sum((w * t for w, t in zip(target.weights, shares, strict=True)), QQ.zero)

    # QuantileFunction raises for a gap, which is a jump between equal levels, and names its place
    places = sorted({place for pair in ends for place in pair})
    return QuantilesOnLine(QuantileFunction(list(map(level, places)), places))
