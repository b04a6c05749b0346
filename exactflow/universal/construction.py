"""The two or three layers for given atoms and parameters."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sympy import QQ

from exactflow.exact.typing import Element, Half
from exactflow.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.nonlinear.piecewise import PiecewiseLinear

__all__ = ["Construction", "layers"]


@dataclass(frozen=True, eq=False)
class Construction:
    """Atoms, and the parameters of the layers; numbers are elements of QQ.

    Attributes
    ----------
    atoms : N x d integers over 2^bits whose coordinate `carrier` increases.
    moved : how far that coordinate is from the center of its cell, in the same unit.
    weights : of the atoms.
    partition : (p, q), the sizes of the halves.
    depth : 2 or 3 layers.
    knots : N - 1 places, near Gaussian quantiles, at which the first layer goes from one atom, or
        label, to the next, on ramps of width `tau`.
    radius : the half width of the plateaus around the coordinates `carrier` of the atoms.
    delta : the scale of all layers.
    """

    atoms: np.ndarray
    moved: np.ndarray
    bits: int
    weights: list
    partition: tuple[int, int]
    carrier: int
    depth: int
    knots: list
    tau: Element
    radius: Element
    delta: Element

    @property
    def points(self) -> list[list]:
        """The atoms as elements of QQ."""
        unit = 2**self.bits
        return [[QQ(x, unit) for x in row] for row in self.atoms.tolist()]

    @property
    def first(self) -> Half:
        """The half that the first layer moves: the carrier's of two layers, the other of three."""
        return "first" if (self.carrier < self.partition[0]) == (self.depth == 2) else "second"

    @property
    def halves(self) -> tuple[slice, slice]:
        """The coordinates that the first layer moves, and those that it keeps."""
        before, after = slice(0, self.partition[0]), slice(self.partition[0], None)
        return (before, after) if self.first == "first" else (after, before)


def layers(construction: Construction) -> PiecewiseFlow:
    """Return the flow of a construction; theorem and notation are in `exactflow.universal`."""
    moved, kept = construction.halves
    points, delta = construction.points, construction.delta
    owned, others = [row[moved] for row in points], [row[kept] for row in points]
    places = [row[construction.carrier] for row in points]
    if construction.depth == 2:
        read = construction.carrier - (moved.start or 0)
        shifts = [(owned, None, 0), (others, places, read)]
    else:
        rest = [QQ.zero] * (len(owned[0]) - 1)
        labels = [[QQ(i), *rest] for i in range(1, len(points) + 1)]
        less = [
            [b - delta * label for b, label in zip(*pair, strict=True)]
            for pair in zip(owned, labels, strict=True)
        ]
        read = construction.carrier - (kept.start or 0)
        shifts = [(labels, None, 0), (others, [row[0] for row in labels], 0), (less, places, read)]
    second: Half = "second" if construction.first == "first" else "first"
    couplings = []
    for k, (values, centers, reads) in enumerate(shifts):
        half = construction.first if k % 2 == 0 else second
        width = QQ(1, 4) if construction.depth == 3 and k == 1 else construction.radius
        shift = _ramps(construction, values) if centers is None else _steps(centers, width, values)
        couplings.append(PiecewiseCoupling(construction.partition, half, shift, delta, reads))
    return PiecewiseFlow(couplings)


def _ramps(construction: Construction, values: list[list]) -> PiecewiseLinear:
    """Return the function with these values between the knots, and a ramp at each of them."""
    flat = construction.tau / 2
    ends = [x for knot in construction.knots for x in (knot - flat, knot + flat)]
    images = [row for pair in pairwise(values) for row in pair]
    return PiecewiseLinear(ends or [QQ.zero], images or values)


def _steps(centers: list, width: Element, values: list[list]) -> PiecewiseLinear:
    """Return the function with these values within `width` of the centers, linear between."""
    ends = [x for center in centers for x in (center - width, center + width)]
    return PiecewiseLinear(ends, [row for row in values for _ in range(2)])
