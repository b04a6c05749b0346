"""Halves of the coordinates, given by sizes (p, q) or a mask, and layers applied to halves.

A mask of d entries puts coordinate i into the first half if mask[i] == 1, and into the second half
if mask[i] == 0. It is the mask b of Dinh, Sohl-Dickstein and Bengio (*Real NVP*, 2017): a layer
that moves the second half keeps the coordinates with b = 1. The tuple `order` lists the coordinates
of the first half and then those of the second half, each in ascending order. In this order the mask
is a partition (p, q), and a matrix M is M[order, order].
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_array_if_tensor, is_array
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import HALVES, Half

__all__ = ["mask_order"]

_REMEDY = "pass (p, q) whose sum is the number of coordinates, or a mask with a 0 or 1 for each"


LETTERS: dict[Half, str] = {"first": "U", "second": "L"}
"""Letters of layers: a layer that moves the first half has a block upper triangular matrix, and one
that moves the second half a block lower triangular matrix."""


def opposite(half: Half) -> Half:
    """Return the other half."""
    return HALVES[1 - HALVES.index(half)]


def moved_and_kept(moves: Half, pair: Sequence) -> Sequence:
    """Exchange a pair if the second half moves: (first, second) to (moved, kept), or back.

    >>> moved_and_kept("second", (2, 3)), moved_and_kept("second", (3, 2))
    ((3, 2), (2, 3))
    """
    return pair if moves == "first" else pair[::-1]


def apply_layers_to_halves(
    layers: Iterable, halves: Sequence, image_of_moved_half: Callable[[Any, Any, Any], Any]
) -> Sequence:
    """Apply coupling layers, the first one first, to two halves; return the two new halves.

    ``image_of_moved_half(layer, moved, kept)`` is called for each layer.
    """
    for layer in layers:
        moved, kept = moved_and_kept(layer.moves, halves)
        halves = moved_and_kept(layer.moves, (image_of_moved_half(layer, moved, kept), kept))
    return halves


def to_int_tuple_or_none(values: Any) -> tuple[int, ...] | None:
    """Return integers of any library as a tuple of Python integers; None for other values."""
    try:
        found = tuple(values)
        if any(isinstance(x, bool) or "bool" in str(getattr(x, "dtype", "")) for x in found):
            return None
        return tuple(map(operator.index, found))
    except TypeError:
        return None


def as_partition(partition: Iterable) -> tuple[int, int]:
    """Return `partition` as two positive ints, or raise `InvalidInputError`."""
    sizes = to_int_tuple_or_none(partition)
    if sizes is None or len(sizes) != 2 or min(sizes) < 1:
        raise InvalidInputError(
            f"expected a partition (p, q) of two positive integers, got {partition!r}"
        )
    return sizes[0], sizes[1]


def mask_order(mask: object) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return (order, (p, q)): the coordinates, first half first, and the sizes of the halves.

    Parameters
    ----------
    mask : a list, tuple or one-dimensional array or tensor of zeros and ones, or of booleans; 1
        means the first half.

    Raises
    ------
    InvalidInputError
        A mask that is not one-dimensional, has an entry other than 0 and 1, or has equal entries.

    Examples
    --------
    >>> mask_order([1, 0, 1, 0, 1])
    ((0, 2, 4, 1, 3), (3, 2))
    """
    entries = _list_from_flat_sequence(mask, "a mask, a flat sequence of zeros and ones")
    for i, entry in enumerate(entries):
        if not isinstance(entry, int) or entry not in (0, 1):
            raise InvalidInputError(
                f"expected a mask of zeros and ones, got {entry!r} at index {i}: {_REMEDY}"
            )
    first = [i for i, entry in enumerate(entries) if entry]
    second = [i for i, entry in enumerate(entries) if not entry]
    if not first or not second:
        raise InvalidInputError(
            f"expected a mask with ones (first half) and zeros (second half), got {len(first)} "
            f"ones and {len(second)} zeros: put at least one coordinate into each half"
        )
    return (*first, *second), (len(first), len(second))


def resolve_partition_or_mask(
    partition: object, dimension: int
) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return (order, (p, q)): the coordinates, first half first, and the sizes of the halves.

    `partition` is None for (d // 2, d - d // 2), the sizes (p, q) with p + q = d, or a mask of d
    entries (see `mask_order`). Two positive integers are sizes: on two coordinates (1, 1) are
    sizes, but (0, 1) and (1, 0) are masks. Raises `InvalidInputError` for fewer than two
    coordinates, sizes of another sum, or an invalid mask.
    """
    if dimension < 2:
        raise InvalidInputError(
            f"expected at least two coordinates, got {dimension}: a coupling needs a half to keep "
            "and a half to move, so append a coordinate, as in diag(M, 1)"
        )
    if partition is None:
        partition = dimension // 2, dimension - dimension // 2
    entries = _list_from_flat_sequence(partition, "a partition (p, q) or a mask")
    are_sizes = [isinstance(x, int) and not isinstance(x, bool) and x > 0 for x in entries]
    if len(entries) == 2 and all(are_sizes):
        if sum(entries) != dimension:
            raise InvalidInputError(
                f"expected a partition (p, q) with p + q = {dimension}, got "
                f"{format_short(tuple(entries))} with sum {format_short(sum(entries))}: {_REMEDY}"
            )
        return tuple(range(dimension)), (entries[0], entries[1])
    if len(entries) != dimension:
        shown = f" {tuple(entries)}" if len(entries) <= 4 else ""
        raise InvalidInputError(
            f"expected a partition (p, q) of two positive integers or a mask of {dimension} "
            f"entries, got {len(entries)} entries{shown}: {_REMEDY}"
        )
    return mask_order(entries)


def _list_from_flat_sequence(values: object, expected: str) -> list:
    """Return a flat sequence as a list of Python values; `expected` describes it in errors."""
    values = as_array_if_tensor(values)
    if is_array(values):
        values = values.tolist()
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise InvalidInputError(f"expected {expected}, got {values!r}: {_REMEDY}")
    if any(isinstance(entry, list | tuple) or is_array(entry) for entry in values):
        raise InvalidInputError(
            f"expected {expected}, got a nested sequence: list one value for each coordinate"
        )
    return [entry.item() if hasattr(entry, "dtype") else entry for entry in values]
