"""Couplings composed of several couplings that move the same half."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.numbers import to_element
from exactflow.exact.typing import Half
from exactflow.flows.arithmetic import FromRational
from exactflow.flows.base import Coupling, refusing_points
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.nonlinear.piecewise_coupling import RationalCoupling
from exactflow.flows.partition import moved_and_kept

SignedPlace: TypeAlias = tuple[int, int]
"""The index of a coordinate within a half, and the sign 1 or -1 with which it is read."""
NewPlaces: TypeAlias = Mapping[int, SignedPlace] | Sequence[SignedPlace | None]
"""The new place of each old place; None drops a coordinate."""


@dataclass(frozen=True)
class MaskedPart:
    """A layer that acts on some coordinates of a larger partition, each multiplied by a sign.

    `kept` has an item for each coordinate that the layer keeps: its place and sign in the kept half
    of the larger partition, or None for a coordinate that is zero instead. `moved` has an item for
    each coordinate that the layer moves: its place and sign in the moved half, or None for a
    coordinate that is zero and whose image is dropped.
    """

    layer: Coupling
    kept: tuple[SignedPlace | None, ...]
    moved: tuple[SignedPlace | None, ...]

    def inverse(self) -> "MaskedPart":
        """Return the part of the inverse layer, on the same coordinates of the larger partition."""
        return MaskedPart(self.layer.inverse(), self.kept, self.moved)

    def renumbered(self, kept: NewPlaces, moved: NewPlaces) -> "MaskedPart":
        """Return the part with new places of its coordinates.

        The new place is kept[k] for a kept coordinate at place k, and moved[k] for a moved one.
        The sign of a coordinate is multiplied by the sign of its new place.
        """

        def new_places(places: Any, new: Any) -> tuple[SignedPlace | None, ...]:
            pairs = [(old and new[old[0]], old) for old in places]
            return tuple(found and (found[0], found[1] * old[1]) for found, old in pairs)

        return MaskedPart(self.layer, new_places(self.kept, kept), new_places(self.moved, moved))

    def map_moved_half(self, moved: Sequence, kept: Sequence, from_rational: FromRational) -> list:
        """Return the image of the moved half of a point; `from_rational` converts weights."""
        inside = _signed_entries_or_zeros(self.moved, moved, from_rational)
        read = _signed_entries_or_zeros(self.kept, kept, from_rational)
        values = self.layer.map_moved_half(inside, read, from_rational)
        image = list(moved)
        for place, value in zip(self.moved, values, strict=True):
            if place is not None:
                image[place[0]] = _with_sign(value, place[1])
        return image

    def to_linear(self, partition: tuple[int, int], moves: Half) -> LinearCoupling:
        """Return the part as a layer of the larger partition; `self.layer` must be linear."""
        layer: Any = self.layer
        field, (size, width) = layer.field, moved_and_kept(moves, partition)
        scale = [field.one] * size
        for place, s in zip(self.moved, layer.scale_elements, strict=True):
            if place is not None:
                scale[place[0]] = s
        entries = {}
        for (i, j), t in layer.shift_matrix.iter_items():
            row, column = self.moved[i], self.kept[j]
            if row is not None and column is not None:
                entries[row[0], column[0]] = row[1] * column[1] * t
        shift = DomainMatrix.from_dok(entries, (size, width), field)
        return LinearCoupling.trusted(partition, moves, shift, scale)


@dataclass(frozen=True)
class MergedCoupling(RationalCoupling):
    """The composition of several couplings that move the same half, as one coupling.

    The maps ``z -> s z + t`` and ``z -> s' z + t'``, where s, t, s', t' are functions of the kept
    half, compose to ``z -> s' s z + (s' t + t')``. Each part may act on only some coordinates of a
    half, in its own order and with signs.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    parts : couplings over the rational numbers, in order of application.

    Attributes
    ----------
    scale_elements : the scales; a constant scale is an element of QQ, and any other is the tuple of
        its factors.

    Examples
    --------
    >>> shear = LinearCoupling((1, 1), "first", [[2]])
    >>> layer = MergedCoupling((1, 1), "first", (MaskedPart(shear, ((0, -1),), ((0, 1),)),) * 2)
    >>> layer.forward([1, 3]).T, layer.inverse().forward([-11, 3]).T
    (Matrix([[-11, 3]]), Matrix([[1, 3]]))
    """

    partition: tuple[int, int]
    moves: Half
    parts: tuple[MaskedPart, ...]
    scale_elements: tuple = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        factors: list[list] = [[] for _ in range(self.moved_and_kept_sizes[0])]
        for part in self.parts:
            for place, scale in zip(part.moved, part.layer.scale_elements, strict=True):
                if place is not None:
                    factors[place[0]].append(scale)
        scales = tuple(
            tuple(found)
            if any(isinstance(scale, PiecewiseLinear | tuple) for scale in found)
            else prod(found, start=QQ.one)
            for found in factors
        )
        vars(self).update(scale_elements=scales)

    @refusing_points
    def inverse(self) -> "MergedCoupling":
        """Return the inverse layer, which moves the same half."""
        parts = tuple(part.inverse() for part in reversed(self.parts))
        return MergedCoupling(self.partition, self.moves, parts)

    def scales_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the scales for a given kept half; `from_rational` converts the constant scales."""
        scales = [from_rational(QQ.one)] * self.moved_and_kept_sizes[0]
        for part in self.parts:
            read = _signed_entries_or_zeros(part.kept, kept, from_rational)
            found = part.layer.scales_at(read, from_rational)
            for place, scale in zip(part.moved, found, strict=True):
                if place is not None:
                    scales[place[0]] = scales[place[0]] * scale
        return scales

    def shift_at(self, kept: Sequence, from_rational: FromRational) -> Sequence:
        """Return the shift for a given kept half; `from_rational` converts weights."""
        zeros = [kept[0] * from_rational(QQ.zero)] * self.moved_and_kept_sizes[0]
        return self.map_moved_half(zeros, kept, from_rational)

    def map_moved_half(self, moved: Sequence, kept: Sequence, from_rational: FromRational) -> list:
        """Return the image of the moved half of a point; `from_rational` converts weights."""
        for part in self.parts:
            moved = part.map_moved_half(moved, kept, from_rational)
        return list(moved)

    def tangent(self, moved: Sequence, kept: Sequence) -> LinearCoupling:
        """Return the derivative at the rational point with the halves `moved` and `kept`."""
        moved, kept = (list(map(to_element, half)) for half in (moved, kept))
        size, width = self.moved_and_kept_sizes
        zeros = linalg.zeros(size, width, QQ)
        total = LinearCoupling.trusted(self.partition, self.moves, zeros)
        for part in self.parts:
            layer: Any = part.layer
            if not isinstance(layer, LinearCoupling):
                inside = _signed_entries_or_zeros(part.moved, moved, to_element)
                read = _signed_entries_or_zeros(part.kept, kept, to_element)
                layer = layer.tangent(inside, read)
            tangent = MaskedPart(layer, part.kept, part.moved)
            total = tangent.to_linear(self.partition, self.moves).after(total)
            moved = part.map_moved_half(moved, kept, to_element)
        return total

    def summary(self) -> str:
        """Return one line: the half that moves, the number of couplings, "additive" or "scaled"."""
        kind = "additive" if self.is_additive else "scaled"
        return f"moves {self.moves}, {len(self.parts)} couplings merged, {kind}"


def _with_sign(value: Any, sign: int) -> Any:
    return value if sign == 1 else -value


def _signed_entries_or_zeros(
    places: Sequence[SignedPlace | None], half: Sequence, from_rational: FromRational
) -> list:
    """Return, for each place, its sign times the entry of `half` there; for None, return zero."""
    return [
        half[0] * from_rational(QQ.zero) if place is None else _with_sign(half[place[0]], place[1])
        for place in places
    ]
