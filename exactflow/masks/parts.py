"""Flows as couplings that fit a partition: each moves a half, or less, and reads the other."""

from collections.abc import Iterator, Sequence
from typing import Any

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.flows.base import Coupling, Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.nonlinear.layer import CoordinatewiseCoupling, PiecewiseCoupling
from exactflow.nonlinear.merged import MaskedPart, MergedCoupling, Place

__all__ = ["fitting_parts"]


def fitting_parts(item: "Flow | DomainMatrix", partition: tuple[int, int]) -> Iterator:
    """Yield a flow as couplings that fit the partition, with its signs; or a matrix, as it is.

    A coupling is a `MaskedPart` whose places are coordinates of the user.
    """
    if isinstance(item, DomainMatrix):
        yield item
        return
    order = item.order or tuple(range(item.dimension))
    if isinstance(item, CouplingFlow) and item.flips:
        signs = [QQ(-1 if i in item.flips else 1) for i in range(item.dimension)]
        yield linalg.diagonal(signs, QQ)
    p = item.partition[0]
    for layer in item.layers:
        halves = order[:p], order[p:]
        moved, kept = halves if layer.moves == "first" else halves[::-1]
        for part in _unmerged(layer, [(i, 1) for i in kept], [(i, 1) for i in moved]):
            yield from _fitting(part, partition)


def _unmerged(
    layer: Coupling, kept: Sequence[Place], moved: Sequence[Place]
) -> Iterator[MaskedPart]:
    """Yield the layer as a part that sees these coordinates; one of parts as its parts."""
    if not isinstance(layer, MergedCoupling):
        yield MaskedPart(layer, tuple(kept), tuple(moved))
        return
    for part in layer.parts:
        yield part.seen_through(kept, moved)


def _fitting(part: MaskedPart, partition: tuple[int, int]) -> Iterator[MaskedPart]:
    """Yield parts that compose to the part and fit the partition, as few as there are."""
    needs = [
        None if place is None else need
        for place, need in zip(part.moved, _dependence(part.layer), strict=True)
    ]
    rows = [i for i, need in enumerate(needs) if need is not None]

    def cut(sizes: tuple[int, int]) -> list[tuple[list[int], list[int], bool]]:
        blocks = []
        for start in range(0, len(rows), sizes[0]):
            some = rows[start : start + sizes[0]]
            read = sorted(set().union(*(needs[i] or () for i in some)))
            for stop in range(0, max(len(read), 1), sizes[1]):
                blocks.append((some, read[stop : stop + sizes[1]], stop == 0))
        return blocks

    for some, read, is_first in min(cut(partition), cut(partition[::-1]), key=len):
        layer = part.layer
        if isinstance(layer, LinearCoupling):
            layer = _columns(layer, read, is_first)
        yield MaskedPart(
            layer,
            tuple(place if j in read else None for j, place in enumerate(part.kept)),
            tuple(place if i in some else None for i, place in enumerate(part.moved)),
        )


def _dependence(layer: Any) -> list[set[int] | None]:
    """Return, for each coordinate that a layer moves, the kept ones that it reads.

    None stands for a coordinate that stays as it is.
    """
    if isinstance(layer, PiecewiseCoupling):
        return [{layer.reads} for _ in layer.scale_elements]
    if isinstance(layer, CoordinatewiseCoupling):
        return [{i} for i in range(len(layer.shifts))]
    rows: list[set[int] | None] = [
        set() if scale != layer.field.one else None for scale in layer.scale_elements
    ]
    for i, j in layer.shift_matrix.to_dok():
        rows[i] = (rows[i] or set()) | {j}
    return rows


def _columns(layer: LinearCoupling, read: Sequence[int], with_scale: bool) -> LinearCoupling:
    """Return the layer with the columns of its shift that are read, the others zero."""
    keep = [
        layer.field.one if j in read else layer.field.zero
        for j in range(layer.shift_matrix.shape[1])
    ]
    shift = linalg.scale_columns(layer.shift_matrix, keep)
    return LinearCoupling.trusted(
        layer.partition, layer.moves, shift, layer.scale_elements if with_scale else ()
    )
