"""Coupling layers with piecewise-linear shifts and scales: of one coordinate, or coordinatewise."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_short, to_element, to_index
from exactflow.exact.options import check_option
from exactflow.exact.typing import HALVES, Element, Half, NumberLike
from exactflow.flows.base import Coupling, Map
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import checked_partition
from exactflow.nonlinear.piecewise import PiecewiseLinear

__all__ = [
    "CoordinatewiseCoupling",
    "PiecewiseCoupling",
    "Pointwise",
    "RationalCoupling",
    "over_rationals",
]


class Pointwise(Map):
    """A map over the rational numbers that takes exact columns one by one."""

    field: Domain = QQ

    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        points = over_rationals(columns).transpose().to_dense().to_list()
        images = [self._run(point, to_element) for point in points]
        return linalg.from_entries(images, columns.shape[::-1], QQ).transpose()


class RationalCoupling(Pointwise, Coupling):
    """A layer whose scales are rational numbers, or functions of the half that is kept."""

    @property
    def scale(self) -> tuple:
        """The scales as SymPy numbers where they are constant, else as functions."""
        return tuple(s if _varies(s) else QQ.to_sympy(s) for s in self.scale_elements)

    def _scales(self) -> Iterable:
        if any(map(_varies, self.scale_elements)):
            raise InvalidInputError(
                "expected a point, since the scales of a layer depend on it, got none: "
                "flow.log_abs_det(x)"
            )
        return self.scale_elements


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseCoupling(RationalCoupling):
    """One coupling layer with a piecewise-linear shift of one kept coordinate.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    conditioner : a `PiecewiseLinear` R -> R^m, m the size of the half that moves.
    scale : one positive rational for all coordinates that move, or one for each.
    reads : the place, within the kept half, of the coordinate that the conditioner reads.

    Raises
    ------
    InvalidInputError
        A conditioner of the wrong dimension, a place outside the kept half, a scale <= 0.

    Examples
    --------
    >>> bump = PiecewiseLinear([-1, 0, 1], [0, 1, 0])
    >>> layer = PiecewiseCoupling((1, 1), "second", bump, scale="1/2")
    >>> layer.scale, layer.inverse().scale
    ((1/2,), (2,))
    >>> layer.inverse().conditioner(0)
    (-2,)
    """

    partition: tuple[int, int]
    moves: Half
    conditioner: PiecewiseLinear
    scale_elements: tuple
    reads: int

    def __init__(
        self,
        partition: tuple[int, int],
        moves: Half,
        conditioner: PiecewiseLinear,
        scale: "NumberLike | Sequence" = 1,
        reads: int = 0,
    ) -> None:
        partition = checked_partition(partition)
        check_option("moves", moves, HALVES)
        moved, kept = partition if moves == "first" else partition[::-1]
        if not isinstance(conditioner, PiecewiseLinear):
            raise InvalidInputError(
                f"expected a PiecewiseLinear conditioner, got {type(conditioner).__name__}"
            )
        if conditioner.dimension != moved:
            raise InvalidInputError(
                f"expected a conditioner R -> R^{moved} (the {moves} half of {partition} moves), "
                f"got one into R^{conditioner.dimension}"
            )
        reads = to_index("reads", reads, 0, kept - 1)
        scales = scale if isinstance(scale, list | tuple) else [scale] * moved
        elements = tuple(map(to_element, scales))
        if len(elements) != moved or min(elements) <= 0:
            raise InvalidInputError(
                f"expected one positive scale, or {moved} of them, got {format_short(scale)}"
            )
        vars(self).update(
            partition=partition,
            moves=moves,
            conditioner=conditioner,
            scale_elements=elements,
            reads=reads,
        )

    def inverse(self) -> "PiecewiseCoupling":
        """Return the inverse, a layer of the same kind that moves the same half."""
        scale = [QQ.one / s for s in self.scale_elements]
        conditioner = self.conditioner.scaled([-s for s in scale])
        return PiecewiseCoupling(self.partition, self.moves, conditioner, scale, self.reads)

    def tangent(self, kept: Sequence, moved: Sequence) -> LinearCoupling:
        """Return the derivative at a point, given its halves; it depends on what is kept only."""
        slope = self.conditioner.slope_at(to_element(kept[self.reads]))
        rows = [[s if j == self.reads else QQ.zero for j in range(len(kept))] for s in slope]
        shift = linalg.from_entries(rows, (len(slope), len(kept)), QQ)
        scale = linalg.column(self.scale_elements, QQ)
        return LinearCoupling(self.partition, self.moves, shift, scale)

    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""
        return self.conditioner.at(kept[self.reads])

    def summary(self) -> str:
        """Return one line: which half moves, the knots, the scale."""
        scale = ", ".join(format_short(s) for s in dict.fromkeys(self.scale_elements))
        return f"moves {self.moves}, knots {len(self.conditioner.knots)}, scale {scale}"


@dataclass(frozen=True, init=False, repr=False)
class CoordinatewiseCoupling(RationalCoupling):
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
        scales = (
            (PiecewiseLinear([0], [1]),) * p if scales is None else _functions("scales", scales, p)
        )
        for i, scale in enumerate(scales):
            if not _is_positive(scale):
                raise InvalidInputError(
                    f"expected positive scales, got one with values <= 0 for coordinate {i}: a "
                    "coupling layer preserves orientation"
                )
        constants = [_constant(scale) for scale in scales]
        vars(self).update(
            partition=(p, q),
            moves=moves,
            shifts=shifts,
            scales=scales,
            inverted=inverted,
            scale_elements=tuple(
                s if c is None else (1 / c if inverted else c)
                for s, c in zip(scales, constants, strict=True)
            ),
        )

    def inverse(self) -> "CoordinatewiseCoupling":
        """Return the inverse, a layer that moves the same half."""
        return CoordinatewiseCoupling(
            self.partition, self.moves, self.shifts, self.scales, not self.inverted
        )

    def scales_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        values = []
        for scale, x in zip(self.scale_elements, kept, strict=True):
            if _varies(scale):
                value = scale.at(x)[0]
                values.append(1 / value if self.inverted else value)
            else:
                values.append(convert(scale))
        return values

    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""
        shifts = [shift.at(x)[0] for shift, x in zip(self.shifts, kept, strict=True)]
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


def _varies(scale: object) -> bool:
    """Return whether a scale is no number: a function, or a tuple of factors."""
    return isinstance(scale, PiecewiseLinear | tuple)


def over_rationals(columns: DomainMatrix) -> DomainMatrix:
    """Return columns of rational numbers, or raise `InvalidInputError`."""
    if not columns.domain.is_QQ:
        raise InvalidInputError(f"expected rational numbers, got elements of {columns.domain}")
    return columns
