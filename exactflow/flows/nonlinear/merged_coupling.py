"""Couplings that move the same half, one after the other, are one coupling."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.numbers import to_element
from exactflow.exact.typing import Half
from exactflow.flows.base import Coupling
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.nonlinear.piecewise_coupling import RationalCoupling
from exactflow.flows.partition import moved_and_kept

SignedPlace: TypeAlias = tuple[int, int]
Names: TypeAlias = Mapping[int, SignedPlace] | Sequence[SignedPlace | None]


@dataclass(frozen=True)
class MaskedPart:
    """A coupling that sees the halves of another partition, with signs.

    For each coordinate that the layer keeps, `kept` has its place in the kept half and its sign,
    and for each one that it moves `moved` has its place in the moved half and its sign; None for
    one that the layer does not read, or that the part leaves alone.
    """

    layer: Coupling
    kept: tuple[SignedPlace | None, ...]
    moved: tuple[SignedPlace | None, ...]

    def inverse(self) -> "MaskedPart":
        """Return the inverse, which sees the same coordinates."""
        return MaskedPart(self.layer.inverse(), self.kept, self.moved)

    def seen_through(self, kept: "Names", moved: "Names") -> "MaskedPart":
        """Return the part with other names of the coordinates: what was k is now kept[k]."""

        def renamed(places: Any, names: Any) -> tuple[SignedPlace | None, ...]:
            seen = [(see and names[see[0]], see) for see in places]
            return tuple(new and (new[0], new[1] * see[1]) for new, see in seen)

        return MaskedPart(self.layer, renamed(self.kept, kept), renamed(self.moved, moved))

    def act(self, moved: Sequence, kept: Sequence, convert: Callable) -> list:
        """Return the half that moves after the part, in the arithmetic of `convert`."""
        inside, read = _seen(self.moved, moved, convert), _seen(self.kept, kept, convert)
        image = list(moved)
        for see, value in zip(self.moved, self.layer.image(inside, read, convert), strict=True):
            if see is not None:
                image[see[0]] = _signed(value, see[1])
        return image

    def linear(self, partition: tuple[int, int], moves: Half) -> LinearCoupling:
        """Return the part as a layer of the partition, where it is linear."""
        layer: Any = self.layer
        field, (size, width) = layer.field, moved_and_kept(moves, partition)
        scale = [field.one] * size
        for see, s in zip(self.moved, layer.scale_elements, strict=True):
            if see is not None:
                scale[see[0]] = s
        entries = {}
        for (i, j), t in layer.shift_matrix.iter_items():
            row, column = self.moved[i], self.kept[j]
            if row is not None and column is not None:
                entries[row[0], column[0]] = row[1] * column[1] * t
        shift = DomainMatrix.from_dok(entries, (size, width), field)
        return LinearCoupling.trusted(partition, moves, shift, scale)


@dataclass(frozen=True)
class MergedCoupling(RationalCoupling):
    """Couplings that move the same half, one after the other: one coupling, and no new network.

    From ``z -> s z + t`` and ``z -> s' z + t'``, where s, t, s', t' are functions of the half that
    is kept, comes ``z -> s' s z + (s' t + t')``. Each part may name the coordinates of a half in an
    order of its own, with signs, and leave some of them alone.

    Parameters
    ----------
    partition : (p, q), the sizes of the two halves.
    moves : "first" or "second", the half that the layer maps.
    parts : the couplings over the rational numbers, in the order in which data meets them.

    Attributes
    ----------
    scale_elements : the scales; an element of QQ where one is constant, else the tuple of its
        factors.

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
        factors: list[list] = [[] for _ in range(self.sizes[0])]
        for part in self.parts:
            for see, scale in zip(part.moved, part.layer.scale_elements, strict=True):
                if see is not None:
                    factors[see[0]].append(scale)
        scales = tuple(map(_product, factors))
        vars(self).update(scale_elements=scales)

    def inverse(self) -> "MergedCoupling":
        """Return the inverse, a layer that moves the same half."""
        parts = tuple(part.inverse() for part in reversed(self.parts))
        return MergedCoupling(self.partition, self.moves, parts)

    def scales_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the scales, given the half that is kept, in the arithmetic of `convert`."""
        scales = [convert(QQ.one)] * self.sizes[0]
        for part in self.parts:
            found = part.layer.scales_at(_seen(part.kept, kept, convert), convert)
            for see, scale in zip(part.moved, found, strict=True):
                if see is not None:
                    scales[see[0]] = scales[see[0]] * scale
        return scales

    def shift_at(self, kept: Sequence, convert: Callable) -> Sequence:
        """Return the shift, given the half that is kept, in the arithmetic of `convert`."""
        return self.image([kept[0] * convert(QQ.zero)] * self.sizes[0], kept, convert)

    def image(self, moved: Sequence, kept: Sequence, convert: Callable) -> list:
        """Return the image of the half that moves, in the arithmetic of `convert`."""
        for part in self.parts:
            moved = part.act(moved, kept, convert)
        return list(moved)

    def tangent(self, moved: Sequence, kept: Sequence) -> LinearCoupling:
        """Return the derivative at a point, given its half that moves and the one that is kept."""
        moved, kept = (list(map(to_element, half)) for half in (moved, kept))
        size, width = self.sizes
        zeros = linalg.zeros(size, width, QQ)
        total = LinearCoupling.trusted(self.partition, self.moves, zeros)
        for part in self.parts:
            layer: Any = part.layer
            if not isinstance(layer, LinearCoupling):
                inside = _seen(part.moved, moved, to_element)
                layer = layer.tangent(inside, _seen(part.kept, kept, to_element))
            linear = MaskedPart(layer, part.kept, part.moved).linear(self.partition, self.moves)
            total = linear.after(total)
            moved = part.act(moved, kept, to_element)
        return total

    def summary(self) -> str:
        """Return one line: which half moves, how many couplings are merged, the kind of scale."""
        kind = "additive" if self.is_additive else "scaled"
        return f"moves {self.moves}, {len(self.parts)} couplings merged, {kind}"


def _signed(value: Any, sign: int) -> Any:
    return value if sign == 1 else -value


def _seen(places: Sequence[SignedPlace | None], half: Sequence, convert: Callable) -> list:
    """Return the entries at some places of a half, with signs; zero for None."""
    return [
        half[0] * convert(QQ.zero) if see is None else _signed(half[see[0]], see[1])
        for see in places
    ]


def _product(scales: list) -> Any:
    """Return the product of constant scales; of others, the tuple of them."""
    if any(isinstance(scale, PiecewiseLinear | tuple) for scale in scales):
        return tuple(scales)
    return prod(scales, start=QQ.one)
