"""Intervals of integers that are tiled, or nearly filled, by copies of a set of integers.

A copy is a translate of the set, or of its mirror image.
"""

from functools import cache
from typing import NamedTuple

BEAM = 64  # states that the search keeps at each position


class Window(NamedTuple):
    """Disjoint copies of a set in [0, size).

    `copies` are pairs of an offset and whether the copy is mirrored; `holes` are the intervals of
    integers that no copy covers.
    """

    size: int
    copies: tuple[tuple[int, bool], ...]
    holes: tuple[tuple[int, int], ...]


@cache
def tile_interval(cells: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """Return translations T and a number N such that the translates of `cells` tile [0, N).

    The cells increase from 0. The result is None if no N up to four times their span has a tiling.
    There is no choice: the least integer that is not covered must be the first cell of a copy.
    """
    shape, covered, shifts, low = sum(1 << i for i in cells), 0, [], 0
    while low < 4 * (cells[-1] + 1):
        if covered & (shape << low):
            return None
        shifts.append(low)
        covered |= shape << low
        low = _trailing_ones(covered)
        if covered + 1 == 1 << low:
            return tuple(shifts), low
    return None


@cache
def fill_window(cells: tuple[int, ...]) -> Window:
    """Return a window of at most about twice the span with few holes and few copies.

    A beam search goes from left to right: the first undecided place becomes the least integer of a
    copy or of a mirror image, or a hole.
    """
    span = cells[-1] + 1
    shapes = [sum(1 << i for i in cells), sum(1 << (span - 1 - i) for i in cells)]
    levels: dict[int, dict] = {0: {0: (0, ())}}
    best: tuple = (1.0, 0, ())
    for place in range(2 * span + 3):
        states = sorted(levels.pop(place, {}).items(), key=lambda item: item[1][0])[:BEAM]
        for ahead, (holes, copies) in states:
            if not ahead and copies:
                best = min(best, (holes / place + len(copies) / 64, place, copies))
            moves = [
                (holes, ahead | shape, (*copies, (place, bool(k))))
                for k, shape in enumerate(shapes)
                if not ahead & shape
            ]
            for lost, mask, chosen in [*moves, (holes + 1, ahead | 1, copies)]:
                decided = _trailing_ones(mask)
                level = levels.setdefault(place + decided, {})
                if lost < level.get(mask >> decided, (lost + 1,))[0]:
                    level[mask >> decided] = lost, chosen
    _, size, copies = best
    return Window(size, copies, _holes(cells, size, copies))


def _trailing_ones(mask: int) -> int:
    """Return the number of trailing ones in binary."""
    return (~mask & (mask + 1)).bit_length() - 1


def _holes(cells: tuple[int, ...], size: int, copies: tuple) -> tuple[tuple[int, int], ...]:
    """Return the maximal intervals of [0, size) that no copy meets."""
    span = cells[-1] + 1
    used = {k + (span - 1 - i if mirrored else i) for k, mirrored in copies for i in cells}
    found: list[tuple[int, int]] = []
    for k in sorted(set(range(size)) - used):
        joined = bool(found) and found[-1][1] == k
        found.append((found.pop()[0] if joined else k, k + 1))
    return tuple(found)
