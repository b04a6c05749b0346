"""Three coupling layers for a law of two levels whose places lie far apart.

x1 is uniform on [0, 1]; x2 given x1 is in [0, 1/2] with probability r, the *spike*, else in
[1/2, 1], the *body*, and uniform on either. A zone has a place o + [0, u] of the spike and one of
the body, at distance D = q u on the side away from 0. A block is q lanes of J groups, one lane
above the other in b; group j of lane e is the slot (J - 1 - j) q + e of x1, or j q + e where D < 0.
So at the l-th cell of a lane the groups l and l - 1, whose spike and body are there, are q slots
apart, and the map of the strip that takes one to the place of the spike takes the other to the
place of the body. The scale at the data is one. The spike has [2 k |D|, (2 k + 1) |D|] of both half
lines, the body the rest.

How it is checked
-----------------
*Certified*: KL, by `exactflow.laws.universal.zones`. *Exact*: the layers.
"""

from flint import arb
from sympy import QQ

from exactflow.exact.balls import ball
from exactflow.exact.typing import Element
from exactflow.laws.universal.densities import DensityRun
from exactflow.laws.universal.zones import (
    Arrangement,
    Cell,
    Column,
    ColumnProfile,
    GroupBlock,
    Zone,
)

__all__ = ["entropy", "place_remotely"]

HALF = QQ(1, 2)


def entropy(share: Element) -> arb:
    """Return E log p of the law with this mass of the spike."""
    return sum((ball(x) * (2 * ball(x)).log() for x in (share, 1 - share)), arb(0))


def place_remotely(
    share: Element,
    distance: Element,
    *,
    lanes: int,
    blocks: int,
    groups: int,
    radius: Element,
    repeats: int = 3,
) -> Arrangement:
    """Return the zones of the law with this mass of the spike: places at `distance` from each
    other, `repeats` times on both half lines, and blocks of equal lengths on [-radius, radius].
    """
    runs = DensityRun(QQ.zero, HALF, share), DensityRun(HALF, QQ.one, 1 - share)
    column = Column((QQ.zero, QQ.one), QQ.one, ColumnProfile(runs))
    length, width = lanes * (groups + 1), distance / lanes
    scale, center = blocks * length * HALF / (2 * radius), blocks * length * HALF / 2
    outward = tuple(
        lane * (groups + 1) + group for group in reversed(range(groups)) for lane in range(lanes)
    )
    inward = tuple(lane * (groups + 1) + group for group in range(groups) for lane in range(lanes))
    zones = []
    for place in range(repeats * lanes):
        low = 2 * (place // lanes) * distance + (place % lanes) * width
        for sign, shifts in ((1, outward), (-1, inward)):
            ends = [sorted((sign * x, sign * (x + width))) for x in (low, low + distance)]
            cells = [
                Cell(k, k * HALF, HALF, run.share, (a, b), scale, center)
                for k, (run, (a, b)) in enumerate(zip(runs, ends, strict=True))
            ]
            steps = tuple(GroupBlock(k * length, shifts) for k in range(blocks))
            zones.append(Zone(column, HALF, tuple(cells), steps))
    return Arrangement([column], zones)
