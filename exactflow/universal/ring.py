"""Uniform measures on rings, on arcs and on sectors of rings, and their quantization.

The sector of half angle h between the radii r and R has E|X|^2 = (r^2 + R^2)/2 and a mean of length
(2/3) (R^2 + R r + r^2)/(R + r) sin(h)/h; on an arc, R = r. Its variance is the difference of
E|X|^2 and the square of that, and at most h^2 R^2 / 3 + (R - r)^2 / 12.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, upper_root
from exactflow.exact.numbers import elements, flint_rational, to_float
from exactflow.universal.measures import Cells, check_count, least_root

__all__ = ["Ring"]

_MORE_THAN_TWO_PI = QQ(710, 113)


@dataclass(frozen=True, init=False)
class Ring:
    """The uniform measure on a ring, or on a sector of one, around the origin of the plane.

    Parameters
    ----------
    inner, outer : rational radii, 0 <= inner <= outer and outer > 0; equal radii give an arc.
    start, stop : the sector in turns, start < stop <= start + 1; the whole ring where left out.
    """

    inner: object
    outer: object
    start: object
    stop: object

    def __init__(self, inner, outer, start=0, stop=1):
        inner, outer, start, stop = elements([inner, outer, start, stop])
        if not (0 <= inner <= outer and outer > 0 and start < stop <= start + 1):
            raise InvalidInputError(
                "expected 0 <= inner <= outer, outer > 0 and start < stop <= start + 1, got "
                f"inner = {inner}, outer = {outer}, start = {start}, stop = {stop}"
            )
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "outer", outer)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "stop", stop)

    @property
    def dimension(self) -> int:
        """The plane has two coordinates."""
        return 2

    def cells(self, tolerance, bits: int) -> Cells:
        """Return one atom near the mean of every cell of a polar grid."""
        share = tolerance * tolerance / 2
        rings = least_root((self.outer - self.inner) ** 2 / (12 * share))
        turns = self.stop - self.start

        def sectors(R) -> int:
            return least_root((turns * R * _MORE_THAN_TWO_PI) ** 2 / (12 * share))

        check_count(rings * sectors(self.outer) // 2)
        radii = [self.inner + (self.outer - self.inner) * QQ(k, rings) for k in range(rings + 1)]
        counts = [sectors(R) for R in radii[1:]]
        check_count(sum(counts))
        weights, centers, square = [], [], arb(0)
        for r, R, count in zip(radii, radii[1:], counts, strict=False):
            mass = (R * R - r * r) / (self.outer**2 - self.inner**2) if r < R else QQ.one
            radius, variance = _sector(ball(r), ball(R), arb.pi() * ball(turns / count))
            angles = [self.start + turns * QQ(2 * j + 1, 2 * count) for j in range(count)]
            places = _polar(float(radius.mid()), angles, bits)
            centers.append(places)
            weights.extend([mass / count] * count)
            square += ball(mass) * (variance + _mean_square(radius, angles, places, bits))
        return Cells(weights, np.concatenate(centers), bits, upper_root(square))


def _sector(r: arb, R: arb, h: arb) -> tuple[arb, arb]:
    """Return the length of the mean, and the variance, of the sector of half angle h."""
    radius = (R * R + R * r + r * r) / (R + r) * 2 / 3 * h.sin() / h
    return radius, (r * r + R * R) / 2 - radius * radius


def _polar(radius: float, angles: Sequence, bits: int) -> np.ndarray:
    """Return the points with the given angles, in turns, rounded to the grid."""
    turns = 2 * np.pi * np.array([to_float(angle) for angle in angles])
    scaled = np.round(radius * np.stack([np.cos(turns), np.sin(turns)], axis=1) * 2.0**40)
    grid = np.array([[int(x) for x in row] for row in scaled], dtype=object)
    return grid * 2 ** (bits - 40)


def _mean_square(radius: arb, angles: Sequence, places: np.ndarray, bits: int) -> arb:
    """Return the mean of |place - radius (cos, sin)|^2, rigorously."""
    total, unit = arb(0), arb(2) ** -bits
    for angle, (x, y) in zip(angles, places.tolist(), strict=True):
        sin, cos = arb.sin_cos_pi_fmpq(flint_rational(2 * angle))
        total += (radius * cos - x * unit) ** 2 + (radius * sin - y * unit) ** 2
    return total / len(angles)
