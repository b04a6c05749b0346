"""Coupling layers whose shift is a piecewise-linear function of one coordinate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_short, to_element, to_index
from exactflow.exact.options import check_option
from exactflow.exact.typing import HALVES, Half, NumberLike
from exactflow.flows.base import Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import checked_partition
from exactflow.nonlinear.piecewise import PiecewiseLinear

__all__ = ["PiecewiseCoupling", "over_rationals", "rowwise"]


@dataclass(frozen=True, init=False, repr=False)
class PiecewiseCoupling(Coupling):
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

    @property
    def field(self) -> Domain:
        """The rational numbers."""
        return QQ

    @property
    def scale(self) -> tuple[sympy.Rational, ...]:
        """The scale, one number for each coordinate that moves."""
        return tuple(map(QQ.to_sympy, self.scale_elements))

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
        value = self.conditioner.at if convert is to_element else self.conditioner
        return value(kept[self.reads])

    def _exact(self, columns: DomainMatrix) -> DomainMatrix:
        return rowwise(self._run, columns)

    def summary(self) -> str:
        """Return one line: which half moves, the knots, the scale."""
        scale = ", ".join(format_short(s) for s in dict.fromkeys(self.scale_elements))
        return f"moves {self.moves}, knots {len(self.conditioner.knots)}, scale {scale}"


def rowwise(run: Callable, columns: DomainMatrix) -> DomainMatrix:
    """Return the image of each column of rational numbers, by ``run(entries, to_element)``."""
    points = over_rationals(columns).transpose().to_dense().to_list()
    images = [run(point, to_element) for point in points]
    return linalg.from_entries(images, columns.shape[::-1], QQ).transpose()


def over_rationals(columns: DomainMatrix) -> DomainMatrix:
    """Return columns of rational numbers, or raise `InvalidInputError`."""
    if not columns.domain.is_QQ:
        raise InvalidInputError(f"expected rational numbers, got elements of {columns.domain}")
    return columns
