"""Volume-preserving maps in KL: a lower bound, and four additive couplings within any eps of it.

Main results
------------
Let p be a density on R^2, and p* its symmetric decreasing rearrangement: p* depends on |z| only, it
decreases, and {p* > c} has the area of {p > c} for every c. A volume-preserving f has

    KL(P | f#N(0, I)) >= KL(p* | N(0, I)) = E log p + log(2 pi) + integral of |z|^2 p* / 2,

and four additive couplings come as near to that as one likes, under one partition.

Of the densities with these areas p* has the least second moment: where p has the values p_1 > p_2 >
.. on areas whose partial sums are V_1 < V_2 < .., it is sum p_k (V_k^2 - V_(k-1)^2) / (2 pi). Small
equal cells, taken in the order of p to equal cells of the plane in the order of |z|^2, come near
it: tiles of `exactflow.laws.universal.likelihood` with all scales one.

How it is checked
-----------------
*Certified*: both bounds in ball arithmetic, with pi rounded to the safe side.
"""

from collections import Counter
from itertools import pairwise, product
from math import gcd, lcm

import numpy as np
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.exact.balls import ball, lower
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.laws.universal.cells import TUNING
from exactflow.laws.universal.densities import Staircase
from exactflow.laws.universal.tilings import Interval, Tile, Tiling

ROOM = QQ(1, 2**20)  # what a latent cell is wider, relatively, so that there is place for ramps


def least_kl(density: Staircase) -> Rational:
    """Return a number that KL is at least, for every volume-preserving map."""
    areas: Counter = Counter()
    for (i, (a, b)), (j, (c, d)) in product(*map(enumerate, map(pairwise, density.grid))):
        areas[density.values[i][j]] += (b - a) * (d - c)
    below, moment = QQ.zero, QQ.zero
    for value, area in sorted(areas.items(), reverse=True):
        moment += value * area * (2 * below + area)
        below += area
    with ctx.workprec(TUNING.precision):
        entropy = density.entropy(1.0) + (2 * arb.pi()).log()
        return QQ.to_sympy(lower(entropy + ball(moment) / (4 * arb.pi())))


def translated(density: Staircase, count: int) -> Tiling:
    """Return equal tiles, `count` to a side of the coarsest ones, that are only translated."""
    width, height = (_common(edges) / count for edges in density.grid)
    columns = _parts(density.grid[0], width)
    rows = _parts(density.grid[1], height)
    cells = [
        (density.values[i][j], x, y)
        for (i, x), (j, y) in product(columns, rows)
        if density.values[i][j]
    ]
    order = sorted(range(len(cells)), key=lambda k: -cells[k][0])
    places = _disc(to_float(width), to_float(height), len(cells))
    bands = sorted({j for _, j in places})
    used = sorted({x for _, x, _ in cells})
    tiles: list = [None] * len(cells)
    slots: list = [None] * len(cells)
    for k, (i, j) in zip(order, places, strict=True):
        value, x, (low, high) = cells[k]
        mass = to_float(value * width * height)
        tiles[k] = Tile(used.index(x), low, high, bands.index(j), mass)
        slots[k] = _cell(i, width)
    return Tiling(used, tiles, [_cell(j, height) for j in bands], slots, rigid=True)


def _common(edges: list) -> Element:
    """Return the largest number of which all differences are multiples."""
    steps = [b - a for a, b in pairwise(edges)]
    bottom = lcm(*(int(step.denominator) for step in steps))
    return QQ(gcd(*(int(step * bottom) for step in steps)), bottom)


def _parts(edges: list, step: Element) -> list[tuple[int, Interval]]:
    """Return the parts of this length, each with the place of the interval that it is of."""
    return [
        (i, (a + k * step, a + (k + 1) * step))
        for i, (a, b) in enumerate(pairwise(edges))
        for k in range(int((b - a) / step))
    ]


def _disc(width: float, height: float, count: int) -> list[tuple[int, int]]:
    """Return the cells of a lattice that are nearest to zero, a corner of cell (0, 0)."""
    radius = np.sqrt(count * width * height / np.pi) + width + height
    ranges = [
        np.arange(-np.ceil(radius / side), np.ceil(radius / side)) for side in (width, height)
    ]
    i, j = (x.ravel() for x in np.meshgrid(*ranges))
    square = ((i + 0.5) * width) ** 2 + ((j + 0.5) * height) ** 2
    nearest = np.argsort(square, kind="stable")[:count]
    return list(zip(i[nearest].astype(int).tolist(), j[nearest].astype(int).tolist(), strict=True))


def _cell(i: int, side: Element) -> Interval:
    """Return the interval i of a lattice that is wider than `side` by a little."""
    wide, gap = side * (1 + ROOM), side * ROOM / 4
    return i * wide + gap, (i + 1) * wide - gap
