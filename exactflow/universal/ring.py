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
from exactflow.exact.balls import ball, nearest, upper_root
from exactflow.exact.numbers import elements, flint_rational, format_short
from exactflow.exact.typing import Element, NumberLike
from exactflow.universal.measures import Cells, check_count, least_root

__all__ = ["Ring"]

_MORE_THAN_TWO_PI = QQ(710, 113)


@dataclass(frozen=True, init=False, repr=False)
class Ring:
    """The uniform measure on a ring, or on a sector of one, around the origin of the plane.

    Parameters
    ----------
    inner, outer : rational radii, 0 <= inner <= outer and outer > 0; equal radii give an arc.
    start, stop : the sector in turns, start < stop <= start + 1; the whole ring where left out.
    """

    inner: Element
    outer: Element
    start: Element
    stop: Element

    def __init__(
        self, inner: NumberLike, outer: NumberLike, start: NumberLike = 0, stop: NumberLike = 1
    ) -> None:
        inner, outer, start, stop = elements([inner, outer, start, stop])
        if not (0 <= inner <= outer and outer > 0 and start < stop <= start + 1):
            raise InvalidInputError(
                "expected 0 <= inner <= outer, outer > 0 and start < stop <= start + 1, got "
                + ", ".join(map(format_short, (inner, outer, start, stop)))
            )
        vars(self).update(inner=inner, outer=outer, start=start, stop=stop)

    @property
    def dimension(self) -> int:
        """The plane has two coordinates."""
        return 2

    def __repr__(self) -> str:
        inner, outer, start, stop = map(
            format_short, (self.inner, self.outer, self.start, self.stop)
        )
        return f"<Ring: radii {inner} to {outer}, turns {start} to {stop}>"

    def cells(self, tolerance: Element, bits: int) -> Cells:
        """Return one atom near the mean of every cell of a polar grid."""
        share = tolerance * tolerance / 2
        rings = least_root((self.outer - self.inner) ** 2 / (12 * share))
        turns = self.stop - self.start

        def sectors(R: Element) -> int:
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
            places, rounding = _polar(radius, angles, bits)
            centers.extend(places)
            weights.extend([mass / count] * count)
            square += ball(mass) * (variance + rounding)
        return Cells(weights, np.array(centers, dtype=object), bits, upper_root(square))


def _sector(r: arb, R: arb, h: arb) -> tuple[arb, arb]:
    """Return the length of the mean, and the variance, of the sector of half angle h."""
    radius = (R * R + R * r + r * r) / (R + r) * 2 / 3 * h.sin() / h
    return radius, (r * r + R * R) / 2 - radius * radius


def _polar(radius: arb, angles: Sequence, bits: int) -> tuple[list[list[int]], arb]:
    """Return grid points near those with the given angles, in turns, and the mean of the squares of
    their distances from these.
    """
    places, total, unit = [], arb(0), arb(2) ** bits
    for angle in angles:
        sin, cos = arb.sin_cos_pi_fmpq(flint_rational(2 * angle))
        point = [radius * cos * unit, radius * sin * unit]
        place = list(map(nearest, point))
        rounding = [x - n for x, n in zip(point, place, strict=True)]
        total += sum((x * x for x in rounding), arb(0))
        places.append(place)
    return places, total / len(angles) / unit**2
