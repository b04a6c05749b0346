"""Piecewise-linear functions of one variable are the ReLU networks with one hidden layer.

Main results
------------
Let f: R -> R^m be continuous and linear between the knots k_0 < .. < k_K, with value v_0 at k_0 and
slopes s_0, .. , s_(K+1) from left to right. Then

    f(x) = v_0 - s_0 relu(k_0 - x) + s_1 relu(x - k_0) + sum_(j >= 1) (s_(j+1) - s_j) relu(x - k_j),

a network with one hidden layer of at most K + 2 units, rational where f is; and every network with
one input and one hidden layer is such a function (Arora, Basu, Mianjy and Mukherjee,
*Understanding deep neural networks with rectified linear units*, ICLR 2018, for m = 1).

How it is checked
-----------------
*Exact*: from function to network and back is the same function, in the tests.
"""

from dataclasses import dataclass
from itertools import pairwise

import sympy
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import elements, to_element
from exactflow.exact.typing import Element, NumberLike
from exactflow.nonlinear.piecewise import PiecewiseLinear, line

__all__ = ["ReluNetwork"]


@dataclass(frozen=True)
class ReluNetwork:
    """``x -> constant + sum_h outputs[h] relu(weights[h] x + biases[h])`` with rational weights.

    Parameters
    ----------
    weights, biases : H rationals each, as elements of QQ, ints or Fractions.
    outputs : H tuples of m rationals.
    constant : m rationals.

    Examples
    --------
    >>> ramp = ReluNetwork((1, 1), (0, -1), ((1,), (-1,)), (0,))
    >>> f = ramp.to_piecewise()
    >>> ramp("1/3"), f.knots == (0, 1), ReluNetwork.from_piecewise(f) == ramp
    ((1/3,), True, True)
    """

    weights: tuple
    biases: tuple
    outputs: tuple[tuple, ...]
    constant: tuple

    def __post_init__(self) -> None:
        sizes = {len(self.weights), len(self.biases), len(self.outputs)}
        if len(sizes) > 1 or any(len(row) != len(self.constant) for row in self.outputs):
            raise InvalidInputError(
                "expected one weight, one bias and one output row (as long as the constant) per "
                f"hidden unit, got {len(self.weights)} weights, {len(self.biases)} biases, "
                f"{len(self.outputs)} output rows"
            )
        vars(self).update(
            weights=elements(self.weights),
            biases=elements(self.biases),
            outputs=tuple(map(elements, self.outputs)),
            constant=elements(self.constant),
        )

    @classmethod
    def from_piecewise(cls, f: PiecewiseLinear) -> "ReluNetwork":
        """Return the network that equals `f`; units without effect are left out."""
        first, slopes, one = f.knots[0], f.slopes, QQ.one
        units = [(-one, first, tuple(-s for s in slopes[0])), (one, -first, slopes[1])]
        for knot, before, after in zip(f.knots[1:], slopes[1:], slopes[2:], strict=False):
            change = tuple(t - s for s, t in zip(before, after, strict=True))
            units.append((one, -knot, change))
        units = [unit for unit in units if any(unit[2])]
        weights, biases, outputs = zip(*units, strict=True) if units else ((), (), ())
        return cls(weights, biases, outputs, f.values[0])

    @property
    def width(self) -> int:
        """The number of hidden units."""
        return len(self.weights)

    def __call__(self, x: NumberLike) -> tuple[sympy.Rational, ...]:
        """Return the value at a rational number, from the weights."""
        return tuple(QQ.to_sympy(value) for value in self._at(to_element(x)))

    def _at(self, x: Element) -> tuple:
        hidden = [max(w * x + b, QQ.zero) for w, b in zip(self.weights, self.biases, strict=True)]
        columns = zip(*self.outputs, strict=True) if self.outputs else ((),) * len(self.constant)
        return tuple(
            c + sum((v * h for v, h in zip(column, hidden, strict=True)), QQ.zero)
            for c, column in zip(self.constant, columns, strict=True)
        )

    def to_piecewise(self) -> PiecewiseLinear:
        """Return the same function as a `PiecewiseLinear`, in time H log H."""
        left = (QQ.zero,) * len(self.constant)
        bends: dict = {}
        for w, b, v in zip(self.weights, self.biases, self.outputs, strict=True):
            if w < 0:
                left = tuple(s + w * entry for s, entry in zip(left, v, strict=True))
            if w:
                bend = bends.setdefault(-b / w, [QQ.zero] * len(v))
                bends[-b / w] = [s + abs(w) * entry for s, entry in zip(bend, v, strict=True)]
        knots = sorted(bends) or [QQ.zero]
        values, slope = [self._at(knots[0])], left
        for a, b in pairwise(knots):
            slope = tuple(s + c for s, c in zip(slope, bends[a], strict=True))
            values.append(line(a, values[-1], slope, b))
        right = (
            tuple(s + c for s, c in zip(slope, bends[knots[-1]], strict=True)) if bends else left
        )
        return PiecewiseLinear(knots, values, left, right)
