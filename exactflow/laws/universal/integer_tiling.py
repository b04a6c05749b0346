"""Search for intervals of integers that are tiled, or nearly filled, by copies of a set.

A copy is a translate of the set, or of its mirror image. The elements of the set are called cells.
"""

from functools import cache
from typing import NamedTuple

BEAM = 64  # the most states that the beam search keeps at each position


class IntervalTiling(NamedTuple):
    """The shifts of translates of a set that tile the integers in [0, size), and the size."""

    shifts: tuple[int, ...]
    size: int


class Window(NamedTuple):
    """Disjoint copies, within [0, size), of a set of integers.

    `copies` are pairs of the offset of a copy, and whether it is mirrored. `holes` are pairs
    (start, end) for the maximal intervals [start, end) of integers that no copy covers.
    """

    size: int
    copies: tuple[tuple[int, bool], ...]
    holes: tuple[tuple[int, int], ...]


@cache
def find_short_tiling_by_translates(cells: tuple[int, ...]) -> IntervalTiling | None:
    """Return the shortest interval [0, size) that translates of `cells` tile, with their shifts.

    None means that the search found no such interval up to about four times the span of the cells.

    The cells increase from 0. No search is needed, because the least integer that is not covered
    must be the first cell of the next translate.
    """
    shape, covered, shifts, low = sum(1 << i for i in cells), 0, [], 0
    while low < 4 * (cells[-1] + 1):
        if covered & (shape << low):
            return None
        shifts.append(low)
        covered |= shape << low
        low = _count_trailing_ones(covered)
        if covered + 1 == 1 << low:
            return IntervalTiling(tuple(shifts), low)
    return None


@cache
def pack_mirrorable_copies_leaving_few_holes(cells: tuple[int, ...]) -> Window:
    """Return an interval of integers that copies of `cells`, some of them mirrored, fill except for
    few holes.

    The interval is at most about twice as long as the span of the cells, and has few copies. A beam
    search decides the integers from left to right: either a copy starts at the first undecided
    integer, mirrored or not, or this integer is a hole.
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
                decided = _count_trailing_ones(mask)
                level = levels.setdefault(place + decided, {})
                if lost < level.get(mask >> decided, (lost + 1,))[0]:
                    level[mask >> decided] = lost, chosen
    _, size, copies = best
    covered = {k + (span - 1 - i if mirrored else i) for k, mirrored in copies for i in cells}
    uncovered: list[tuple[int, int]] = []
    for k in sorted(set(range(size)) - covered):
        joined = bool(uncovered) and uncovered[-1][1] == k
        uncovered.append((uncovered.pop()[0] if joined else k, k + 1))
    return Window(size, copies, tuple(uncovered))


def _count_trailing_ones(mask: int) -> int:
    """Return the number of trailing ones of an integer in binary."""
    return (~mask & (mask + 1)).bit_length() - 1
