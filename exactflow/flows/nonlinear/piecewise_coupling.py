"""Coupling layers whose shift and scales are piecewise-linear functions of one number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_field, format_short, to_element, to_elements, to_index
from exactflow.exact.typing import HALVES, Half, NumberLike, QQElement, check_option
from exactflow.flows.arithmetic import FromRational
from exactflow.flows.base import Bijection, Coupling, refusing_points
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.partition import as_partition, moved_and_kept

ConstantOrVaryingScale: TypeAlias = Any
"""A rational number, or a function of the kept half: a `PiecewiseLinear` or a tuple of factors."""


class RationalMap(Bijection):
    """A map over QQ, which maps all exact columns at once: a row is an array of elements of QQ."""

    field: Domain = QQ

    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        rows = require_rational(columns).to_dense().to_list()
        image = self._map_entries([np.fromiter(row, object) for row in rows], to_element)
        return linalg.from_entries(image, columns.shape, QQ)


class RationalCoupling(RationalMap, Coupling):
    """A layer whose scales are functions of the kept half, or constant rational numbers."""

    @property
    def scale(self) -> tuple[ConstantOrVaryingScale, ...]:
        """The scales: SymPy numbers if they are constant, else functions or tuples of factors."""
        return tuple(s if _is_varying_scale(s) else QQ.to_sympy(s) for s in self.scale_elements)

    @property
    def has_varying_scales(self) -> bool:
        """Whether some scale depends on the kept half."""
        return any(map(_is_varying_scale, self.scale_elements))

    def require_constant_scales(self) -> tuple:
        """Return the scales as elements of QQ; raise an error if they depend on the point."""
        if self.has_varying_scales:
            raise InvalidInputError(
                "the scales of a layer depend on the point: pass a point x, as in "
                "PiecewiseFlow([layer]).log_abs_det(x) or, for a whole flow, flow.log_abs_det(x)"
            )
        return self.scale_elements


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseCoupling(RationalCoupling):
    """A coupling layer whose shift and scales are piecewise-linear functions of one number.

    The layer replaces ``moved`` by ``scale(r) * moved + conditioner(r)``, where the number r is a
    coordinate of the kept half, or a linear functional ``row @ kept``. If a scale is not constant,
    the inverse is not piecewise linear, because it divides by the scale. Then the inverse stores
    the same functions, and its attribute `inverted` is True.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    conditioner : a `PiecewiseLinear` R -> R^m, where m is the size of the half that moves.
    scale : one scale for all coordinates that move, or a list with one for each: a positive
        rational, or a `PiecewiseLinear` R -> R that is positive everywhere.
    reads : the index, within the kept half, of the coordinate r; or the row of the functional r, a
        list of rationals, not all zero. A row that reads one coordinate with coefficient 1 is
        stored as the index of the coordinate.

    Raises
    ------
    InvalidInputError
        A conditioner of the wrong dimension, an index outside the kept half, a row of the wrong
        length or of zeros, or a scale that is not positive everywhere.

    Attributes
    ----------
    scale_elements : the scales; a constant scale is an element of QQ, any other is a function.
    inverted : whether the layer subtracts ``conditioner(r)`` and divides by the scale functions.

    Examples
    --------
    >>> bump = PiecewiseLinear([-1, 0, 1], [0, 1, 0])
    >>> layer = PiecewiseCoupling((1, 1), "second", bump, scale="1/2")
    >>> layer.scale, layer.inverse().scale
    ((1/2,), (2,))
    >>> layer.inverse().conditioner(0)
    (-2,)
    >>> growth = PiecewiseLinear([-1, 1], ["1/2", 2])
    >>> layer = PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0], [0], 1, 1), growth)
    >>> layer.forward([1, 3]).T, layer.inverse().forward([1, 7]).T
    (Matrix([[1, 7]]), Matrix([[1, 3]]))
    >>> PiecewiseCoupling((2, 1), "second", bump, reads=["1/2", 1]).forward([1, 0, 3]).T
    Matrix([[1, 0, 7/2]])
    """

    partition: tuple[int, int]
    moves: Half
    conditioner: PiecewiseLinear
    scale_elements: tuple
    reads: int | tuple
    inverted: bool

    def __init__(
        self,
        partition: tuple[int, int],
        moves: Half,
        conditioner: PiecewiseLinear,
        scale: "NumberLike | PiecewiseLinear | Sequence" = 1,
        reads: int | Sequence = 0,
    ) -> None:
        partition = as_partition(partition)
        check_option("moves", moves, HALVES)
        moved, kept = moved_and_kept(moves, partition)
        if not isinstance(conditioner, PiecewiseLinear):
            raise InvalidInputError(
                f"expected a PiecewiseLinear conditioner, got {type(conditioner).__name__}"
            )
        if conditioner.output_dimension != moved:
            raise InvalidInputError(
                f"expected a conditioner R -> R^{moved}, since the {moves} half of {partition} "
                f"moves, got R -> R^{conditioner.output_dimension}"
            )
        scales = scale if isinstance(scale, list | tuple) else [scale] * moved
        elements = tuple(map(_as_element_if_constant, scales))
        if len(elements) != moved or not all(map(_is_positive_everywhere, elements)):
            raise InvalidInputError(
                f"expected one positive scale, or {moved} of them, got {format_short(scale)}: "
                "scales must be positive because a coupling layer preserves orientation"
            )
        vars(self).update(
            partition=partition,
            moves=moves,
            conditioner=conditioner,
            scale_elements=elements,
            reads=_as_index_or_nonunit_row(reads, kept),
            inverted=False,
        )

    @refusing_points
    def inverse(self) -> "PiecewiseCoupling":
        """Return the inverse layer, which moves the same half and has type `PiecewiseCoupling`."""
        scale = [s if _is_varying_scale(s) else 1 / s for s in self.scale_elements]
        shift = (
            self.conditioner
            if self.has_varying_scales
            else self.conditioner.scaled([-s for s in scale])
        )
        found = PiecewiseCoupling(self.partition, self.moves, shift, scale, self.reads)
        vars(found).update(inverted=self.has_varying_scales and not self.inverted)
        return found

    @property
    def functional_coefficients(self) -> dict[int, QQElement]:
        """The nonzero coefficients of the functional `reads`, by index in the kept half."""
        if isinstance(self.reads, int):
            return {self.reads: QQ.one}
        return {j: c for j, c in enumerate(self.reads) if c}

    def _functional_value(self, kept: Sequence, from_rational: FromRational) -> Any:
        """Return the value of the functional `reads`; `from_rational` converts its coefficients."""
        if isinstance(self.reads, int):
            return kept[self.reads]
        first, *rest = (from_rational(c) * kept[j] for j, c in self.functional_coefficients.items())
        return sum(rest, start=first)

    def scales_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the scales for a given kept half; `from_rational` converts the constant scales."""
        values, x = [], self._functional_value(kept, from_rational)
        for scale in self.scale_elements:
            value = scale.value_at(x)[0] if _is_varying_scale(scale) else from_rational(scale)
            values.append(1 / value if self.inverted and _is_varying_scale(scale) else value)
        return values

    def shift_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the shift for a given kept half; `from_rational` converts weights."""
        shifts: Any = self.conditioner.value_at(self._functional_value(kept, from_rational))
        if not self.inverted:
            return shifts
        return [-s * t for s, t in zip(self.scales_at(kept, from_rational), shifts, strict=True)]

    def tangent(self, moved: Sequence, kept: Sequence) -> LinearCoupling:
        """Return the derivative at the rational point with the halves `moved` and `kept`."""
        moved, kept = (list(map(to_element, half)) for half in (moved, kept))
        x, scales = self._functional_value(kept, to_element), self.scales_at(kept, to_element)
        slopes = [
            s.slope_right_of(x)[0] if _is_varying_scale(s) else QQ.zero for s in self.scale_elements
        ]
        if self.inverted:
            moved = self.map_moved_half(moved, kept, to_element)
        bends = zip(self.conditioner.slope_right_of(x), slopes, moved, scales, strict=True)
        column = [(u + v * z) * (-s if self.inverted else 1) for u, v, z, s in bends]
        row = [self.functional_coefficients.get(j, QQ.zero) for j in range(len(kept))]
        rows = [[c * r for r in row] for c in column]
        shift = linalg.from_entries(rows, (len(column), len(kept)), QQ)
        return LinearCoupling(self.partition, self.moves, shift, linalg.column(scales, QQ))

    def summary(self) -> str:
        """Return one line: the half that moves, the number of knots, the scales, a row `reads`."""
        scale = ", ".join(format_short(s) for s in dict.fromkeys(self.scale_elements))
        rest = ", inverted" * self.inverted
        if not isinstance(self.reads, int):
            rest += f", reads ({', '.join(map(format_short, self.reads))})"
        return f"moves {self.moves}, knots {len(self.conditioner.knots)}, scale {scale}{rest}"


def _as_index_or_nonunit_row(reads: Any, kept_size: int) -> int | tuple:
    """Check an index, or a row of `kept_size` rationals; return a unit vector as its index."""
    if not isinstance(reads, list | tuple):
        return to_index("reads", reads, 0, kept_size - 1)
    row = to_elements(reads)
    if len(row) != kept_size or not any(row):
        raise InvalidInputError(
            "expected the argument reads=.. to be the index of a kept coordinate, or a row of "
            f"{kept_size} rationals that are not all zero, got {format_short(reads)}"
        )
    (index, first), *others = ((j, c) for j, c in enumerate(row) if c)
    return index if first == 1 and not others else row


def _is_varying_scale(scale: ConstantOrVaryingScale) -> bool:
    """Whether a scale is a function or a tuple of factors, instead of a constant."""
    return isinstance(scale, PiecewiseLinear | tuple)


def _as_element_if_constant(scale: Any) -> Any:
    """Return a number, or a constant function, as an element of QQ; return any other function
    R -> R unchanged.
    """
    if not isinstance(scale, PiecewiseLinear):
        return to_element(scale)
    if scale.output_dimension != 1:
        raise InvalidInputError(
            f"expected each scale to be a number or a function R -> R, got {scale}"
        )
    return scale if any(slope for (slope,) in scale.slopes) else scale.values[0][0]


def _is_positive_everywhere(scale: Any) -> bool:
    """Whether a scale, a number or a function R -> R, is positive at every point."""
    if not isinstance(scale, PiecewiseLinear):
        return bool(scale > 0)
    reaches_zero_outside = scale.slopes[0][0] > 0 or scale.slopes[-1][0] < 0
    return not reaches_zero_outside and min(scale.values)[0] > 0


def require_rational(columns: DomainMatrix) -> DomainMatrix:
    """Return the matrix `columns` if it is over QQ; otherwise raise `InvalidInputError`."""
    if not columns.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers, got elements of {format_field(columns.domain)}"
        )
    return columns
