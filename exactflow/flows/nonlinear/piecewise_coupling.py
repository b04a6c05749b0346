"""Coupling layers whose shift and scale are piecewise-linear functions of one number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_short, to_element, to_elements, to_index
from exactflow.exact.typing import HALVES, Half, NumberLike, check_option
from exactflow.flows.base import Bijection, Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.partition import as_partition, moved_and_kept


class RationalMap(Bijection):
    """A map over QQ that maps all exact columns at once, as arrays of objects."""

    field: Domain = QQ

    def _map_exact(self, columns: DomainMatrix) -> DomainMatrix:
        rows = require_rational(columns).to_dense().to_list()
        image = self._map_entries([np.fromiter(row, object) for row in rows], to_element)
        return linalg.from_entries(image, columns.shape, QQ)


class RationalCoupling(RationalMap, Coupling):
    """A layer whose scales are rational numbers, or functions of the kept half."""

    @property
    def scale(self) -> tuple:
        """The scales, as SymPy numbers if they are constant, or else as functions."""
        return tuple(s if _is_varying(s) else QQ.to_sympy(s) for s in self.scale_elements)

    @property
    def has_varying_scales(self) -> bool:
        """Whether a scale is not constant."""
        return any(map(_is_varying, self.scale_elements))

    def constant_scales(self) -> tuple:
        """Return the scales as elements of QQ; raise an error if they depend on a point."""
        if self.has_varying_scales:
            raise InvalidInputError(
                "the scales of a layer depend on the point: pass it, as in flow.log_abs_det(x)"
            )
        return self.scale_elements


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseCoupling(RationalCoupling):
    """One coupling layer with a piecewise-linear shift and scale of one number.

    ``moved = scale(r) * moved + conditioner(r)``, where r is a coordinate of the kept half, or a
    linear functional ``row @ kept``. If a scale is not constant, then the inverse divides by it and
    is not piecewise linear: it has the same functions, and is `inverted`.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    conditioner : a `PiecewiseLinear` R -> R^m, where m is the size of the half that moves.
    scale : one scale for all coordinates that move, or a list with one for each: a positive
        rational, or a `PiecewiseLinear` R -> R that is positive everywhere.
    reads : the place, within the kept half, of the coordinate r; or the row of the functional r, a
        list of rationals, not all zero. A unit row is stored as a place.

    Raises
    ------
    InvalidInputError
        A conditioner of the wrong dimension, a place outside the kept half, a row of the wrong
        length or of zeros, or a scale that is not positive everywhere.

    Attributes
    ----------
    scale_elements : the scales; each is an element of QQ if it is constant, or else a function.
    inverted : whether the layer divides by its scales.

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
                f"expected a conditioner R -> R^{moved} (the {moves} half of {partition} moves), "
                f"got one into R^{conditioner.output_dimension}"
            )
        scales = scale if isinstance(scale, list | tuple) else [scale] * moved
        elements = tuple(map(_as_scale, scales))
        if len(elements) != moved or not all(map(_is_positive, elements)):
            raise InvalidInputError(
                f"expected one positive scale, or {moved} of them, got {format_short(scale)}: a "
                "coupling layer preserves orientation"
            )
        vars(self).update(
            partition=partition,
            moves=moves,
            conditioner=conditioner,
            scale_elements=elements,
            reads=_place_or_row(reads, kept),
            inverted=False,
        )

    def inverse(self) -> "PiecewiseCoupling":
        """Return the inverse, a layer of the same kind that moves the same half."""
        scale = [s if _is_varying(s) else 1 / s for s in self.scale_elements]
        shift = (
            self.conditioner
            if self.has_varying_scales
            else self.conditioner.scaled([-s for s in scale])
        )
        found = PiecewiseCoupling(self.partition, self.moves, shift, scale, self.reads)
        vars(found).update(inverted=self.has_varying_scales and not self.inverted)
        return found

    @property
    def coefficients(self) -> dict[int, Any]:
        """The coefficients of the functional r, by the places of the coordinates that it reads."""
        if isinstance(self.reads, int):
            return {self.reads: QQ.one}
        return {j: c for j, c in enumerate(self.reads) if c}

    def _read_number(self, kept: Sequence, convert: Callable) -> Any:
        """Return the number r, in the arithmetic of `convert`."""
        if isinstance(self.reads, int):
            return kept[self.reads]
        first, *rest = (convert(c) * kept[j] for j, c in self.coefficients.items())
        return sum(rest, start=first)

    def scales_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        values, x = [], self._read_number(kept, convert)
        for scale in self.scale_elements:
            value = scale.at(x)[0] if _is_varying(scale) else convert(scale)
            values.append(1 / value if self.inverted and _is_varying(scale) else value)
        return values

    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""
        shifts = self.conditioner.at(self._read_number(kept, convert))
        if not self.inverted:
            return shifts
        return [-s * t for s, t in zip(self.scales_at(kept, convert), shifts, strict=True)]

    def tangent(self, moved: Sequence, kept: Sequence) -> LinearCoupling:
        """Return the derivative at a point, given its moved half and its kept half."""
        moved, kept = (list(map(to_element, half)) for half in (moved, kept))
        x, scales = self._read_number(kept, to_element), self.scales_at(kept, to_element)
        slopes = [s.slope_at(x)[0] if _is_varying(s) else QQ.zero for s in self.scale_elements]
        if self.inverted:
            moved = self.image(moved, kept, to_element)
        bends = zip(self.conditioner.slope_at(x), slopes, moved, scales, strict=True)
        column = [(u + v * z) * (-s if self.inverted else 1) for u, v, z, s in bends]
        row = [self.coefficients.get(j, QQ.zero) for j in range(len(kept))]
        rows = [[c * r for r in row] for c in column]
        shift = linalg.from_entries(rows, (len(column), len(kept)), QQ)
        return LinearCoupling(self.partition, self.moves, shift, linalg.column(scales, QQ))

    def summary(self) -> str:
        """Return one line: the half that moves, the knots, the scale, the row that is read."""
        scale = ", ".join(format_short(s) for s in dict.fromkeys(self.scale_elements))
        rest = ", inverted" * self.inverted
        if not isinstance(self.reads, int):
            rest += f", reads ({', '.join(map(format_short, self.reads))})"
        return f"moves {self.moves}, knots {len(self.conditioner.knots)}, scale {scale}{rest}"


def _place_or_row(reads: Any, kept: int) -> int | tuple:
    """Return a place or a unit row as a place in the kept half, another row as elements of QQ."""
    if not isinstance(reads, list | tuple):
        return to_index("reads", reads, 0, kept - 1)
    row = to_elements(reads)
    if len(row) != kept or not any(row):
        raise InvalidInputError(
            f"expected as reads a place, or a row of {kept} rationals that are not all zero, got "
            f"{format_short(reads)}"
        )
    (place, first), *others = ((j, c) for j, c in enumerate(row) if c)
    return place if first == 1 and not others else row


def _is_varying(scale: object) -> bool:
    """Whether a scale is a function, or a tuple of factors, and not a number."""
    return isinstance(scale, PiecewiseLinear | tuple)


def _as_scale(scale: Any) -> Any:
    """Return a scale as an element of QQ if it is constant, or else the function."""
    if not isinstance(scale, PiecewiseLinear):
        return to_element(scale)
    if scale.output_dimension != 1:
        raise InvalidInputError(f"expected scales that are functions R -> R, got {scale}")
    return scale if any(slope for (slope,) in scale.slopes) else scale.values[0][0]


def _is_positive(scale: Any) -> bool:
    """Whether a number is positive, or a function R -> R is positive everywhere."""
    if not isinstance(scale, PiecewiseLinear):
        return bool(scale > 0)
    reaches_zero_outside = scale.slopes[0][0] > 0 or scale.slopes[-1][0] < 0
    return not reaches_zero_outside and min(scale.values)[0] > 0


def require_rational(columns: DomainMatrix) -> DomainMatrix:
    """Check that columns have rational entries, and return them."""
    if not columns.domain.is_QQ:
        raise InvalidInputError(f"expected rational numbers, got elements of {columns.domain}")
    return columns
