"""Coupling layers that act coordinate by coordinate, with piecewise-linear shifts and scales."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.options import check_option
from exactflow.exact.typing import HALVES, Element, Half
from exactflow.flows.base import Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import checked_partition
from exactflow.nonlinear.layer import rowwise
from exactflow.nonlinear.piecewise import PiecewiseLinear

__all__ = ["CoordinatewiseCoupling"]

ONE = PiecewiseLinear([0], [1])


@dataclass(frozen=True, init=False, repr=False)
class CoordinatewiseCoupling(Coupling):
    """One affine coupling layer on equal halves in which coordinate i reads coordinate i only.

    ``moved[i] = scales[i](kept[i]) * moved[i] + shifts[i](kept[i])``. The inverse divides by the
    scales, which are then not piecewise linear: it is the same layer with `inverted` set.

    Parameters
    ----------
    partition : (n, n), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    shifts : n `PiecewiseLinear` functions R -> R.
    scales : n `PiecewiseLinear` functions R -> R with positive values everywhere; all one (an
        *additive* layer) where left out.
    inverted : whether this is the inverse of the layer described.

    Raises
    ------
    InvalidInputError
        Unequal halves, a number of functions other than n, functions into R^m with m > 1, a scale
        that is not positive everywhere.

    Attributes
    ----------
    scale_elements : the scales; an element of QQ where one is constant, else the function.

    Examples
    --------
    >>> r = PiecewiseLinear([-1, 1], ["1/2", 2])
    >>> layer = CoordinatewiseCoupling((1, 1), "second", [PiecewiseLinear([0], [0], 1, 1)], [r])
    >>> layer.forward([1, 3]).T, layer.inverse().forward([1, 7]).T
    (Matrix([[1, 7]]), Matrix([[1, 3]]))
    """

    partition: tuple[int, int]
    moves: Half
    shifts: tuple[PiecewiseLinear, ...]
    scales: tuple[PiecewiseLinear, ...]
    inverted: bool
    scale_elements: tuple

    def __init__(
        self,
        partition: tuple[int, int],
        moves: Half,
        shifts: Sequence[PiecewiseLinear],
        scales: Sequence[PiecewiseLinear] | None = None,
        inverted: bool = False,
    ) -> None:
        p, q = checked_partition(partition)
        if p != q:
            raise InvalidInputError(
                f"expected equal halves (n, n), got {(p, q)}: coordinate i of one half is moved by "
                "coordinate i of the other"
            )
        check_option("moves", moves, HALVES)
        if not isinstance(inverted, bool):
            raise InvalidInputError(f"expected inverted=True or False, got {inverted!r}")
        shifts = _functions("shifts", shifts, p)
        scales = (ONE,) * p if scales is None else _functions("scales", scales, p)
        for i, scale in enumerate(scales):
            if not _is_positive(scale):
                raise InvalidInputError(
                    f"expected positive scales, got one with values <= 0 for coordinate {i}: a "
                    "coupling layer preserves orientation"
                )
        constants = [_constant(scale) for scale in scales]
        if inverted:
            constants = [c if c is None else 1 / c for c in constants]
        vars(self).update(
            partition=(p, q),
            moves=moves,
            shifts=shifts,
            scales=scales,
            inverted=inverted,
            scale_elements=tuple(
                s if c is None else c for s, c in zip(scales, constants, strict=True)
            ),
        )

    @property
    def field(self) -> Domain:
        """The rational numbers."""
        return QQ

    @property
    def scale(self) -> tuple:
        """The scales as SymPy numbers where they are constant, else as functions."""
        return tuple(
            s if isinstance(s, PiecewiseLinear) else QQ.to_sympy(s) for s in self.scale_elements
        )

    @property
    def is_additive(self) -> bool:
        """Whether the scale is one everywhere."""
        return all(scale == ONE for scale in self.scales)

    def _scales(self) -> Iterable:
        elements = self.scale_elements
        if any(isinstance(s, PiecewiseLinear) for s in elements):
            raise InvalidInputError(
                "expected a point, since the scales of a layer depend on it, got none: "
                "flow.log_abs_det(x)"
            )
        return elements

    def inverse(self) -> "CoordinatewiseCoupling":
        """Return the inverse, a layer that moves the same half."""
        return CoordinatewiseCoupling(
            self.partition, self.moves, self.shifts, self.scales, not self.inverted
        )

    def scales_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        if self.is_additive:
            return [convert(QQ.one)] * len(kept)
        values = _values(self.scales, kept, convert)
        return [1 / value for value in values] if self.inverted else values

    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""
        shifts = _values(self.shifts, kept, convert)
        if not self.inverted:
            return shifts
        scales = self.scales_at(kept, convert)
        return [-s * t for s, t in zip(scales, shifts, strict=True)]

    def tangent(self, kept: Sequence, moved: Sequence) -> LinearCoupling:
        """Return the derivative at a point, given the half that is kept, and the one that moves."""
        kept, moved = (list(map(to_element, half)) for half in (kept, moved))
        scales, shifts = self.scales_at(kept, to_element), self.shift_at(kept, to_element)
        slopes = []
        for i, (x, z) in enumerate(zip(kept, moved, strict=True)):
            bend, growth = self.shifts[i].slope_at(x)[0], self.scales[i].slope_at(x)[0]
            if self.inverted:
                image = scales[i] * z + shifts[i]
                slopes.append(-scales[i] * (bend + growth * image))
            else:
                slopes.append(bend + growth * z)
        shift = linalg.diagonal(slopes, QQ)
        return LinearCoupling(self.partition, self.moves, shift, linalg.column(scales, QQ))

    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        return rowwise(self._run, columns)

    def summary(self) -> str:
        """Return one line: which half moves, the knots of shifts and scales."""
        knots = sum(len(shift.knots) for shift in self.shifts)
        scaled = sum(len(s.knots) for s in self.scales)
        rest = "additive" if self.is_additive else f"knots of scales {scaled}"
        return f"moves {self.moves}, knots {knots}, {rest}{', inverted' * self.inverted}"


def _functions(name: str, functions: object, count: int) -> tuple[PiecewiseLinear, ...]:
    """Return the functions, or raise `InvalidInputError` where they do not fit."""
    listed = tuple(functions) if isinstance(functions, list | tuple) else (functions,)
    for function in listed:
        if not isinstance(function, PiecewiseLinear) or function.dimension != 1:
            raise InvalidInputError(
                f"expected {name} that are PiecewiseLinear functions R -> R, got "
                f"{format_short(function)}"
            )
    if len(listed) != count:
        raise InvalidInputError(
            f"expected {count} {name}, one for each coordinate that moves, got {len(listed)}"
        )
    return listed


def _is_positive(function: PiecewiseLinear) -> bool:
    """Return whether a function R -> R is positive everywhere."""
    falls_to_zero = function.slopes[0][0] > 0 or function.slopes[-1][0] < 0
    return not falls_to_zero and min(function.values)[0] > 0


def _constant(function: PiecewiseLinear) -> Element | None:
    """Return the value of a constant function, or None."""
    return None if any(slope for (slope,) in function.slopes) else function.values[0][0]


def _values(functions: Sequence[PiecewiseLinear], kept: Sequence, convert: Callable) -> list:
    return [
        (function.at if convert is to_element else function)(x)[0]
        for function, x in zip(functions, kept, strict=True)
    ]
