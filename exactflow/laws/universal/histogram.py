"""Histograms: laws of constant density on the bins of a box in the plane."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product
from typing import Any

import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import elements, flat, format_short, to_index
from exactflow.exact.typing import Element
from exactflow.laws.universal.boxes import Boxes


@dataclass(frozen=True, init=False, repr=False)
class Histogram(Boxes):
    """A law in the plane that is uniform on each bin of a box.

    Parameters
    ----------
    counts : n x m nonnegative rationals, not all zero: row i is the i-th interval of the first
        coordinate, column j the j-th of the second, as in ``numpy.histogram2d``.
    box : the corners (lower, upper) of the box that n x m equal bins fill.

    Raises
    ------
    InvalidInputError
        Negative counts or no positive one, rows of unequal lengths, a box without area.

    Examples
    --------
    >>> Histogram([[3, 0], [1, 2]], ([0, 0], [1, 1]))
    <Histogram: 3 of 2 x 2 bins>
    """

    shape: tuple[int, int]

    def __init__(self, counts: Sequence | np.ndarray, box: tuple[Sequence, Sequence]) -> None:
        rows = [elements(row) for row in flat(counts)]
        if len({len(row) for row in rows}) != 1 or not rows[0]:
            raise InvalidInputError(
                f"expected rows of counts, all of one length, got {format_short(counts)}"
            )
        least, total = min(map(min, rows)), sum(map(sum, rows))
        if least < 0 or total == 0:
            raise InvalidInputError(
                f"expected counts >= 0, one of them positive, got {format_short(counts)}"
            )
        lower, upper = map(elements, flat(box))
        if len(lower) != 2 or len(upper) != 2 or not all(map(operator.lt, lower, upper)):
            raise InvalidInputError(
                f"expected the corners lower < upper of a box in the plane, got {format_short(box)}"
            )
        shape = len(rows), len(rows[0])
        first, second = map(_edges, lower, upper, shape)
        bins = product(pairwise(first), pairwise(second))
        found = zip(bins, chain.from_iterable(rows), strict=True)
        kept = [(((a, c), (b, d)), count / total) for ((a, b), (c, d)), count in found if count]
        super().__init__(*zip(*kept, strict=True))
        vars(self).update(shape=shape)

    @classmethod
    def of(cls, samples: Any, *, bins: "int | tuple[int, int]" = 32) -> "Histogram":
        """Return the histogram of samples on the least box around them.

        Parameters
        ----------
        samples : an (N, 2) array, or tensor, of finite numbers.
        bins : how many intervals each coordinate has, or a pair of numbers.

        >>> Histogram.of(np.random.default_rng(0).normal(size=(500, 2)), bins=4)
        <Histogram: 13 of 4 x 4 bins>
        """
        points = np.asarray(samples, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise InvalidInputError(
                f"expected an (N, 2) array of finite samples, got shape {points.shape}"
            )
        pair = bins if isinstance(bins, tuple | list) else (bins, bins)
        n, m = (to_index("bins", count, 1) for count in pair)
        lower, upper = points.min(axis=0), points.max(axis=0)
        x, y = points.T
        box = np.array([lower, upper]).T
        counts = np.histogram2d(x, y, bins=[n, m], range=box)[0]
        return cls(counts.astype(int), (lower, upper))

    def __repr__(self) -> str:
        n, m = self.shape
        return f"<Histogram: {len(self.weights)} of {n} x {m} bins>"


def _edges(lower: Element, upper: Element, count: int) -> list[Element]:
    """Return the ends of equal parts of an interval."""
    return [lower + (upper - lower) * QQ(k, count) for k in range(count + 1)]
