"""Laws on the line that `exactflow.universal.well_conditioned.approximate_well` takes.

A law is seen through its *labels*: x has the label l with Phi(l) = F(x), F the distribution
function, so that the transport x = Q(Phi(l)) of N(0, 1) is read off where l is enclosed. What a
flow of well-conditioned layers can follow is bi-Lipschitz: the quantile function Q has neither
jumps (gaps, where there is no mass) nor flat parts (atoms).
"""

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, normal_quantile
from exactflow.exact.numbers import elements, format_short, to_element, to_float
from exactflow.exact.typing import Element
from exactflow.universal.boxes import Boxes
from exactflow.universal.cells import Cells
from exactflow.universal.measures import TargetMeasure
from exactflow.universal.tuning import TUNING

__all__ = ["LineLaw", "QuantileFunction", "as_line_law"]


class LineLaw(TargetMeasure):
    """A law with, in dimension 1, a bi-Lipschitz quantile function."""

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
                    f"constant {between}, an atom: take a smooth law, as GaussianMixture(points, "
                    "deviation)"
                )
            if p == q:
                raise InvalidInputError(
                    f"expected a bi-Lipschitz quantile function, got a jump from {format_short(a)} "
                    f"to {format_short(b)} at the level {format_short(p)}, a gap without mass: "
                    "give it some mass, or take a smooth law, as GaussianMixture(points, deviation)"
                )
            if p > q or a > b:
                raise InvalidInputError(
                    f"expected increasing levels and values, got {format_short(p)}, "
                    f"{format_short(a)} before {format_short(q)}, {format_short(b)}"
                )
        vars(self).update(levels=levels, values=values)

    @property
    def dimension(self) -> int:
        """The line has one coordinate."""
        return 1

    @property
    def _boxes(self) -> Boxes:
        """The law as a mixture of uniform laws on intervals."""
        levels, values = (list(pairwise(row)) for row in (self.levels, self.values))
        return Boxes([([a], [b]) for a, b in values], [q - p for p, q in levels])

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return the centers of equal parts of the intervals between values."""
        return self._boxes.cells(tolerance, bits)

    def slab(self, i: int, radius: arb) -> arb:
        """Return the mean, over intervals, of 2 radius / length, where that is less than one."""
        return self._boxes.slab(i, radius)

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


def as_line_law(target: object) -> LineLaw:
    """Return a law on the line, of a law or of `Boxes` in dimension 1: a mixture of uniform laws.

    Raises `InvalidInputError` for anything else, for atoms, and for a gap in the support.
    """
    if isinstance(target, LineLaw) and target.dimension == 1:
        return target
    if not isinstance(target, Boxes | LineLaw):
        raise InvalidInputError(
            "expected a law on the line: GaussianMixture, QuantileFunction or Boxes in dimension "
            f"1, got {type(target).__name__}"
        )
    if not isinstance(target, Boxes) or target.dimension != 1:
        raise InvalidInputError(
            f"expected a law in dimension 1, got dimension {target.dimension}: approximate takes "
            "laws in any dimension, by two layers of which ramps are ill-conditioned"
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
        "function has a flat part: take a smooth law, as GaussianMixture(points, deviation)"
    )
