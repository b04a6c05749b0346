"""Continuous piecewise-linear functions R -> R^m with rational knots and values.

At a rational number the value is exact; at an mpmath number it has the precision of mpmath; at a
NumPy array of floats it is computed in float64. Bisection finds the piece that contains a point.

These functions are the ReLU networks with one input and one hidden layer (Arora, Basu, Mianjy and
Mukherjee, *Understanding deep neural networks with rectified linear units*, ICLR 2018, for m = 1).
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
from exactflow.exact.numbers import (
    format_short,
    sequence_to_list,
    to_element,
    to_elements,
    to_float,
    to_mpf,
)
from exactflow.exact.typing import Element, NumberLike

__all__ = ["PiecewiseLinear"]

Elements = tuple
"""A tuple of elements of QQ."""


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseLinear:
    """A continuous function R -> R^m that is linear between, before and after its rational knots.

    Objects are equal if and only if they are equal as functions, because knots at which the slope
    does not change are dropped. At a knot, the slope is the slope to its right.

    Parameters
    ----------
    knots : K >= 1 rationals, strictly increasing.
    values : K values, which are rationals (m = 1) or sequences of m rationals.
    left, right : the slopes before the first knot and after the last knot, by default zero.

    Attributes
    ----------
    slopes : the K + 1 slopes, from left to right.

    Raises
    ------
    InvalidInputError
        No knot, knots that do not increase, values of unequal lengths, or inexact numbers.

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
        knots = to_elements(knots)
        values = tuple(map(_as_tuple_of_elements, sequence_to_list(values)))
        lengths = {len(row) for row in values}
        if not knots or len(values) != len(knots):
            raise InvalidInputError(
                f"expected at least one knot, and one value for each knot, got {len(knots)} knots "
                f"and {len(values)} values"
            )
        if len(lengths) != 1 or 0 in lengths:
            raise InvalidInputError(
                f"expected values of one length m >= 1, got the lengths {sorted(lengths)}"
            )
        for k, (a, b) in enumerate(pairwise(knots)):
            if a >= b:
                raise InvalidInputError(
                    f"expected strictly increasing knots, got {format_short(a)} before "
                    f"{format_short(b)} at index {k}: sort the knots and drop equal ones"
                )
        flat_end = (QQ.zero,) * len(values[0])
        first, last = (
            flat_end if slope is None else _as_tuple_of_elements(slope) for slope in (left, right)
        )
        if {len(first), len(last)} != lengths:
            raise InvalidInputError(
                f"expected the arguments left=.. and right=.. to have {len(flat_end)} entries, as "
                f"many as a value has, got {len(first)} and {len(last)} entries"
            )
        pieces = pairwise(zip(knots, values, strict=True))
        slopes = [first, *(_slope_between(a, b, u, v) for (a, u), (b, v) in pieces), last]
        bends = [k for k, (before, after) in enumerate(pairwise(slopes)) if before != after]
        if not bends:
            knots, values = (QQ.zero,), (evaluate_line(knots[0], values[0], slopes[0], QQ.zero),)
        kept = bends or [0]
        vars(self).update(
            knots=tuple(knots[k] for k in kept),
            values=tuple(values[k] for k in kept),
            slopes=(slopes[0], *(slopes[k + 1] for k in kept)),
        )

    @property
    def output_dimension(self) -> int:
        """The number m of entries of a value."""
        return len(self.values[0])

    def __call__(self, x: "NumberLike | np.ndarray") -> Any:
        """Return the value at `x`, a tuple of m numbers, in the arithmetic of `x`.

        At a rational number, in any form that `factor` takes, the value is exact. At an ``mpf`` it
        has the current precision of mpmath; the piece is found by exact comparison. At a NumPy
        array of floats it is computed in float64, and the m coordinates form a new first axis.
        """
        if isinstance(x, np.ndarray):
            if x.dtype.kind not in "fiu":
                raise InvalidInputError(
                    f"expected an array of numbers, got an array of dtype {x.dtype}"
                )
            return self.value_at(x.astype(float))
        if isinstance(x, mpmath.mpf):
            return self.value_at(x)
        return tuple(map(QQ.to_sympy, self.value_at(to_element(x))))

    def value_at(self, x: "Element | mpmath.mpf | np.ndarray") -> "Elements | np.ndarray":
        """Return the value at `x`; unlike ``self(x)``, it has elements of QQ, not SymPy numbers.

        `x` may also be an array of elements of QQ. At an array of integers the value is computed in
        int64; then knots, values and slopes must be integers.
        """
        if isinstance(x, np.ndarray):
            if x.dtype == object:
                knots, values, slopes = self._rational_knots_values_slopes
                # Rounding to floats preserves the order of numbers; therefore exact numbers need
                # to be compared only if their floats are equal.
                float_knots = self._float_knots_values_slopes[0]
                floats = np.fromiter(map(to_float, x), float)
                ends = (
                    float_knots.searchsorted(floats, side).tolist() for side in ("left", "right")
                )
                pieces = np.fromiter(map(bisect_right, repeat(self.knots), x, *ends), int)
            else:
                knots, values, slopes = (
                    self._integer_knots_values_slopes
                    if x.dtype.kind == "i"
                    else self._float_knots_values_slopes
                )
                pieces = np.searchsorted(knots, x, side="right")
            starts = np.maximum(pieces - 1, 0)
            with np.errstate(all="ignore"):
                rises = slopes[:, pieces] * (x - knots[starts])
                if x.dtype.kind == "f":  # on a flat piece, 0 * inf would be NaN
                    rises[(slopes[:, pieces] == 0) & ~np.isnan(x)] = 0
                return values[:, starts] + rises
        piece = bisect_right(self.knots, to_element(x))
        k = max(piece - 1, 0)
        start = self.knots[k], self.values[k], self.slopes[piece]
        if isinstance(x, mpmath.mpf):
            start = to_mpf(start[0]), *(tuple(map(to_mpf, row)) for row in start[1:])
        return evaluate_line(*start, x)

    def slope_right_of(self, x: Element) -> Elements:
        """Return the slope at an element of QQ; at a knot, return the slope to the right of it."""
        return self.slopes[bisect_right(self.knots, x)]

    @cached_property
    def _rational_knots_values_slopes(self) -> tuple[np.ndarray, ...]:
        return self._convert_knots_values_slopes(lambda x: x, object)

    @cached_property
    def _float_knots_values_slopes(self) -> tuple[np.ndarray, ...]:
        return self._convert_knots_values_slopes(to_float, float)

    @cached_property
    def _integer_knots_values_slopes(self) -> tuple[np.ndarray, ...]:
        return self._convert_knots_values_slopes(_require_integer, np.int64)

    def _convert_knots_values_slopes(
        self, convert: Callable[[Element], Any], dtype: type
    ) -> tuple[np.ndarray, ...]:
        """Return converted arrays of the K knots, the m x K values and the m x (K + 1) slopes."""
        rows = self.knots, chain.from_iterable(self.values), chain.from_iterable(self.slopes)
        arrays: list[np.ndarray] = [np.fromiter(map(convert, row), dtype) for row in rows]
        return arrays[0], *(table.reshape(-1, self.output_dimension).T for table in arrays[1:])

    def scaled(self, factors: Sequence) -> "PiecewiseLinear":
        """Return the function with entry i of each value multiplied by factors[i], in QQ."""

        def multiply_each_by_its_factor(entries: Elements) -> Elements:
            return tuple(c * entry for c, entry in zip(factors, entries, strict=True))

        return PiecewiseLinear(
            self.knots,
            list(map(multiply_each_by_its_factor, self.values)),
            multiply_each_by_its_factor(self.slopes[0]),
            multiply_each_by_its_factor(self.slopes[-1]),
        )

    def __repr__(self) -> str:
        return f"<PiecewiseLinear R -> R^{self.output_dimension}: {len(self.knots)} knots>"


def _require_integer(x: Element) -> int:
    """Return an element of QQ as an int; raise `InvalidInputError` if it is not an integer."""
    if x.denominator != 1:
        raise InvalidInputError(
            "an array of integers can be mapped only if all knots, values and slopes are integers, "
            f"but one of them is {format_short(x)}: pass an array of floats"
        )
    return int(x)


def _as_tuple_of_elements(number_or_sequence: Any) -> Elements:
    """Return a number, or a list, tuple or array of numbers, as a tuple of elements of QQ."""
    x = number_or_sequence
    is_sequence = isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.ndim > 0)
    return tuple(map(to_element, number_or_sequence if is_sequence else (number_or_sequence,)))


def _slope_between(
    left: Element, right: Element, left_value: Elements, right_value: Elements
) -> Elements:
    """Return the slope of the line from `left_value` at `left` to `right_value` at `right`."""
    step = right - left
    return tuple([(end - start) / step for start, end in zip(left_value, right_value, strict=True)])


def evaluate_line(knot: Element, value: Elements, slope: Elements, x: Element) -> Elements:
    """Return the value at `x` of the line through (`knot`, `value`) with the given `slope`.

    `value` and `slope` are tuples of numbers, such as elements of QQ.
    """
    step = x - knot
    return tuple([v + s * step for v, s in zip(value, slope, strict=True)])
