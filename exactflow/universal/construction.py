"""The three layers for given atoms and parameters."""

from dataclasses import dataclass

import numpy as np
from sympy import QQ

from exactflow.exact.typing import Element, Half
from exactflow.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.nonlinear.piecewise import PiecewiseLinear
from exactflow.universal.cells import Cells

__all__ = ["Construction", "labelled_atoms", "layers", "spread"]


@dataclass(frozen=True, eq=False)
class Construction:
    """Atoms, and the parameters of the three layers; numbers are elements of QQ.

    `atoms` are N x d integers over 2^bits whose first coordinates increase; label i, counted from
    1, is atom i, and its first coordinate is `moved` from the center of its cell. The N - 1 knots
    are the places, near Gaussian quantiles, at which the label grows, on ramps of width `tau`.
    `radius` is the half width of the plateaus around the first coordinates of the atoms, `delta`
    the scale of all three layers.
    """

    atoms: np.ndarray
    moved: np.ndarray
    bits: int
    weights: list
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
    def half(self) -> int:
        """The size n of half a vector."""
        return self.atoms.shape[1] // 2


def layers(construction: Construction) -> PiecewiseFlow:
    """Return the flow of three layers; theorem and notation are those of `exactflow.universal`."""
    n, delta, points = construction.half, construction.delta, construction.points
    rest = [QQ.zero] * (n - 1)
    flat = construction.tau / 2
    steps, labels = [], []
    for i, knot in enumerate(construction.knots, 1):
        steps += [knot - flat, knot + flat]
        labels += [[QQ(i), *rest], [QQ(i + 1), *rest]]
    places, firsts, plateaus, seconds = [], [], [], []
    for i, point in enumerate(points, 1):
        places += [QQ(4 * i - 1, 4), QQ(4 * i + 1, 4)]
        firsts += [point[:n]] * 2
        plateaus += [point[0] - construction.radius, point[0] + construction.radius]
        seconds += [[point[n] - delta * i, *point[n + 1 :]]] * 2
    conditioners: tuple[tuple[Half, PiecewiseLinear], ...] = (
        ("second", PiecewiseLinear(steps or [QQ.zero], labels or [[QQ.one, *rest]])),
        ("first", PiecewiseLinear(places, firsts)),
        ("second", PiecewiseLinear(plateaus, seconds)),
    )
    return PiecewiseFlow(
        PiecewiseCoupling((n, n), moves, shift, delta) for moves, shift in conditioners
    )


def labelled_atoms(cells: Cells) -> tuple[np.ndarray, list]:
    """Return atoms and weights by increasing first coordinate.

    Among equal first coordinates the next one increases and decreases in turn, so that neighbours
    in this order are near each other.
    """
    rows = cells.centers.tolist()
    column = {x: k for k, x in enumerate(sorted({row[0] for row in rows}))}

    def key(i: int) -> list[int]:
        first, *others = rows[i]
        return [first, *(-x if column[first] % 2 else x for x in others)]

    order = sorted(range(len(rows)), key=key)
    return cells.centers[order], [cells.weights[i] for i in order]


def spread(firsts: np.ndarray, gap: int) -> np.ndarray:
    """Return integers near the sorted `firsts` whose neighbours differ by at least `gap`.

    It is the average, rounded down, of the least such sequence above and of the greatest below.

    >>> spread(np.array([0, 0, 10, 11], dtype=object), 3).tolist()
    [-2, 1, 9, 12]
    """
    ramp = gap * np.arange(len(firsts)).astype(object)
    above = np.maximum.accumulate(firsts - ramp)
    below = np.minimum.accumulate((firsts - ramp)[::-1])[::-1]
    return (above + below) // 2 + ramp
