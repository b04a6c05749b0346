"""Sets of integers, and how translates of them, and of their mirror images, fill intervals."""

from functools import cache
from typing import NamedTuple

BEAM = 64


class Window(NamedTuple):
    """Disjoint copies of a set in [0, size): their offsets, and whether each is mirrored. `holes`
    are the intervals of integers that no copy has.
    """

    size: int
    copies: tuple[tuple[int, bool], ...]
    holes: tuple[tuple[int, int], ...]


@cache
def tile_interval(cells: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
    """Return translations T and a number N for which each integer of [0, N) is a sum of a cell and
    of one of T in exactly one way; None where no N up to four times the span of the cells has any.

    The cells increase from 0. The least integer that is not covered can only be the first cell of
    a copy, so there is no choice.
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
    """Return a window of at most twice the span with few holes, and few copies: a beam search.

    From left to right the first place that is not decided becomes the least one of a copy, or of a
    mirror image, or a hole.
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
    return (~mask & (mask + 1)).bit_length() - 1


def _holes(cells: tuple[int, ...], size: int, copies: tuple) -> tuple[tuple[int, int], ...]:
    """Return the longest intervals of [0, size) that no copy meets."""
    span = cells[-1] + 1
    used = {k + (span - 1 - i if mirrored else i) for k, mirrored in copies for i in cells}
    found: list[tuple[int, int]] = []
    for k in sorted(set(range(size)) - used):
        joined = bool(found) and found[-1][1] == k
        found.append((found.pop()[0] if joined else k, k + 1))
    return tuple(found)
