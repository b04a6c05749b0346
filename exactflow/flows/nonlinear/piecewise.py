"""Continuous piecewise-linear functions R -> R^m with rational knots and values, exactly.

They are evaluated exactly on rational numbers, at any precision on mpmath numbers, and vectorised
in float64 on NumPy arrays; bisection finds the piece.

They are the ReLU networks with one input and one hidden layer (Arora, Basu, Mianjy and Mukherjee,
*Understanding deep neural networks with rectified linear units*, ICLR 2018, for m = 1).
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise, repeat
from typing import Any

import mpmath
import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short, to_element, to_elements, to_float, to_list, to_mpf
from exactflow.exact.typing import Element, NumberLike

__all__ = ["PiecewiseLinear"]

Elements = tuple  # of elements of QQ


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseLinear:
    """A continuous function R -> R^m, linear between rational knots and beyond the outer ones.

    Two of them are equal exactly if they are equal as functions: knots where the slope does not
    change are dropped. At a knot the slope is the one on the right.

    Parameters
    ----------
    knots : K >= 1 rationals, strictly increasing.
    values : K values: rationals (m = 1), or sequences of m rationals.
    left, right : the slopes before the first and after the last knot; zero where left out. They
        are ends of `slopes`, which has one more entry than there are knots.

    Raises
    ------
    InvalidInputError
        No knot, knots that do not increase, values of unequal lengths, numbers that are not exact.

    Examples
    --------
    >>> f = PiecewiseLinear([0, "1/2", 2], [1, 2, -1])
    >>> f(1), f(10), f(np.array([0.25, 7])), f(mpmath.mpf(1))
    ((1,), (-1,), array([[ 1.5, -1. ]]), (mpf('1.0'),))
    """

    knots: Elements
    values: tuple[Elements, ...]
    slopes: tuple[Elements, ...]

    def __init__(
        self, knots: Sequence, values: Sequence, left: object = None, right: object = None
    ) -> None:
        knots, values = to_elements(knots), tuple(map(_row, to_list(values)))
        lengths = {len(row) for row in values}
        if not knots or len(values) != len(knots):
            raise InvalidInputError(
                f"expected at least one knot and one value for each, got {len(knots)} knots and "
                f"{len(values)} values"
            )
        if len(lengths) != 1 or 0 in lengths:
            raise InvalidInputError(
                f"expected values of one length m >= 1, got lengths {sorted(lengths)}"
            )
        for k, (a, b) in enumerate(pairwise(knots)):
            if a >= b:
                raise InvalidInputError(
                    f"expected strictly increasing knots, got {format_short(a)} before "
                    f"{format_short(b)} at place {k}: sort them and merge equal ones"
                )
        flat_end = (QQ.zero,) * len(values[0])
        first, last = (flat_end if slope is None else _row(slope) for slope in (left, right))
        if {len(first), len(last)} != lengths:
            raise InvalidInputError(
                f"expected outer slopes of {len(flat_end)} entries, as the values have, got "
                f"{len(first)} and {len(last)}"
            )
        pieces = pairwise(zip(knots, values, strict=True))
        slopes = [first, *(_slope(a, b, u, v) for (a, u), (b, v) in pieces), last]
        bends = [k for k, (before, after) in enumerate(pairwise(slopes)) if before != after]
        if not bends:
            knots, values = (QQ.zero,), (line(knots[0], values[0], slopes[0], QQ.zero),)
        kept = bends or [0]
        vars(self).update(
            knots=tuple(knots[k] for k in kept),
            values=tuple(values[k] for k in kept),
            slopes=(slopes[0], *(slopes[k + 1] for k in kept)),
        )

    @property
    def dimension(self) -> int:
        """The number m of coordinates of a value."""
        return len(self.values[0])

    def __call__(self, x: "NumberLike | np.ndarray") -> Any:
        """Return the value at `x`, a tuple of m numbers, in the arithmetic of `x`.

        A rational number (in any form that `factor` takes) is evaluated exactly, an ``mpf`` at
        the current precision of mpmath, and a NumPy array of floats in float64: the m arrays of
        the values' coordinates are then stacked along a new first axis. The piece is found by
        bisection, and for an ``mpf`` by exact comparison.
        """
        if isinstance(x, np.ndarray):
            if x.dtype.kind not in "fiu":
                raise InvalidInputError(f"expected an array of numbers, got dtype {x.dtype}")
            return self.at(x.astype(float))
        if isinstance(x, mpmath.mpf):
            return self.at(x)
        return tuple(map(QQ.to_sympy, self.at(to_element(x))))

    def at(self, x: Any) -> Any:
        """Return the value as a call does; at an element of QQ, or an array of such, as elements of
        QQ, and at an array of integers in int64, where knots, values and slopes are integers.
        """
        if isinstance(x, np.ndarray):
            if x.dtype == object:
                (knots, values, slopes), pieces = self._objects, self._pieces(x)
            else:
                knots, values, slopes = self._integers if x.dtype.kind == "i" else self._floats
                pieces = np.searchsorted(knots, x, side="right")
            starts = np.maximum(pieces - 1, 0)
            with np.errstate(all="ignore"):
                return values[:, starts] + slopes[:, pieces] * (x - knots[starts])
        piece = bisect_right(self.knots, to_element(x))
        k = max(piece - 1, 0)
        start = self.knots[k], self.values[k], self.slopes[piece]
        if isinstance(x, mpmath.mpf):
            start = to_mpf(start[0]), *(tuple(map(to_mpf, row)) for row in start[1:])
        return line(*start, x)

    def slope_at(self, x: Element) -> Elements:
        """Return the slope at an element of QQ; at a knot, the one on its right."""
        return self.slopes[bisect_right(self.knots, x)]

    def _pieces(self, x: np.ndarray) -> np.ndarray:
        """Return the pieces that hold x. Floats find them, since rounding keeps the order; exact
        numbers are compared only where floats are equal.
        """
        knots, image = self._floats[0], np.fromiter(map(to_float, x), float)
        ends = (knots.searchsorted(image, side).tolist() for side in ("left", "right"))
        return np.fromiter(map(bisect_right, repeat(self.knots), x, *ends), int)

    @cached_property
    def _objects(self) -> tuple[np.ndarray, ...]:
        return self._arrays(lambda x: x, object)

    @cached_property
    def _floats(self) -> tuple[np.ndarray, ...]:
        return self._arrays(to_float, float)

    @cached_property
    def _integers(self) -> tuple[np.ndarray, ...]:
        return self._arrays(_whole, np.int64)

    def _arrays(self, convert: Callable, dtype: type) -> tuple[np.ndarray, ...]:
        """Return knots, and values and slopes coordinate by coordinate."""
        rows = self.knots, chain.from_iterable(self.values), chain.from_iterable(self.slopes)
        arrays: list[np.ndarray] = [np.fromiter(map(convert, row), dtype) for row in rows]
        return arrays[0], *(table.reshape(-1, self.dimension).T for table in arrays[1:])

    def scaled(self, factors: Sequence) -> "PiecewiseLinear":
        """Return ``factors * f``, coordinate by coordinate; the factors are elements of QQ."""

        def times(entries: Elements) -> Elements:
            return tuple(c * entry for c, entry in zip(factors, entries, strict=True))

        return PiecewiseLinear(
            self.knots, list(map(times, self.values)), times(self.slopes[0]), times(self.slopes[-1])
        )

    def __repr__(self) -> str:
        return f"<PiecewiseLinear R -> R^{self.dimension}: {len(self.knots)} knots>"


def _whole(x: Element) -> int:
    """Return an element of QQ that is an integer as one."""
    if x.denominator != 1:
        raise InvalidInputError(f"expected a function of integers, got {format_short(x)} in it")
    return int(x)


def _row(entries: Any) -> Elements:
    """Return a number, or a sequence of them, as a tuple of elements of QQ."""
    return tuple(map(to_element, entries if isinstance(entries, list | tuple) else (entries,)))


def _slope(a: Element, b: Element, u: Elements, v: Elements) -> Elements:
    """Return the slope of the piece from `u` at `a` to `v` at `b`."""
    step = b - a
    return tuple([(end - start) / step for start, end in zip(u, v, strict=True)])


def line(knot: Element, value: Elements, slope: Elements, x: Element) -> Elements:
    """Return the value at `x` of the line through the point (`knot`, `value`) with a `slope`, all
    of them elements of QQ, or tuples of such.
    """
    step = x - knot
    return tuple([v + s * step for v, s in zip(value, slope, strict=True)])
