"""Laws on the line that are given by their quantile functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short, to_elements
from exactflow.laws.universal import Boxes

__all__ = ["QuantileFunction"]


@dataclass(frozen=True, init=False, repr=False)
class QuantileFunction(Boxes):
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
        levels, values = to_elements(levels), to_elements(values)
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
        intervals = [([a], [b]) for a, b in pairwise(values)]
        super().__init__(intervals, [q - p for p, q in pairwise(levels)])
        vars(self).update(levels=levels, values=values)

    def __repr__(self) -> str:
        ends = format_short(self.values[0]), format_short(self.values[-1])
        return f"<QuantileFunction: {len(self.values) - 1} pieces from {ends[0]} to {ends[1]}>"
