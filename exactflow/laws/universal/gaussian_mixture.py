"""Mixtures of normal laws with independent coordinates, and their quantization.

The line is cut at sqrt(3) Phi^-1(k / n), the quantiles of N(0, 3). Of all cuts into n cells this
one gives N(0, 1) nearly the least mean square error, about (sqrt(3) pi / 2) / n^2 (Panter and Dite
1951). A cell from a to b has the mass Phi(b) - Phi(a) and the mean (phi(a) - phi(b)) / mass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod

import numpy as np
from flint import arb, ctx
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import normal_cdf, normal_density, normal_quantile
from exactflow.exact.numbers import format_short, sequence_to_list, to_element, to_elements
from exactflow.exact.typing import Element, NumberLike
from exactflow.laws.universal.measures import Mixture, as_valid_weights
from exactflow.laws.universal.quantization import (
    Quantization,
    ceil_sqrt_at_least_one,
    check_atom_count,
    grid_bits_far_below_error,
    map_quantization_by_similarity,
    mix_products,
    quantize_by_cell_means,
)

# The least mean square error of `count` atoms for N(0, 1) is about sqrt(3) pi / (2 count^2). This
# constant is an upper bound of sqrt(3) pi / 2.
_PANTER_DITE = QQ(11, 4)


@dataclass(frozen=True, init=False, repr=False)
class GaussianMixture(Mixture):
    """A mixture of normal laws with independent coordinates.

    With one deviation for all means, it is the law of a random mean plus normal noise.

    Parameters
    ----------
    means : N rationals, or N rows of d rationals; they may be equal.
    deviations : a positive rational for all means; or a list with one for each mean, or with a row
        of d of them.
    weights : a positive rational for each mean, of sum exactly one; by default all equal.

    Raises
    ------
    InvalidInputError
        No mean, a deviation that is not positive, lists of unequal lengths, or weights whose sum is
        not one.

    Examples
    --------
    >>> GaussianMixture([-1, "3/2"], "3/5")
    <GaussianMixture: 2 in dimension 1>
    >>> GaussianMixture([[0, 0], [1, 2]], [1, ["1/2", "1/4"]], ["1/3", "2/3"])
    <GaussianMixture: 2 in dimension 2>
    """

    means: tuple[tuple, ...]
    deviations: tuple[tuple, ...]
    weights: tuple

    def __init__(
        self,
        means: Sequence,
        deviations: "NumberLike | Sequence" = 1,
        weights: Sequence | None = None,
    ) -> None:
        points = _as_points(means)
        d = len(points[0]) if points else 0
        if isinstance(deviations, list | tuple | np.ndarray):
            sizes = [row * d if len(row) == 1 else row for row in _as_points(deviations)]
        else:
            sizes = [(to_element(deviations),) * d] * len(points)
        if not d or len(sizes) != len(points) or {len(row) for row in (*points, *sizes)} != {d}:
            raise InvalidInputError(
                "expected means of equal dimension and, for each mean, one deviation or one per "
                f"coordinate, got {format_short(means)} and {format_short(deviations)}"
            )
        for mean, row in zip(points, sizes, strict=True):
            if min(row) <= 0:
                raise InvalidInputError(
                    f"expected positive deviations, got {format_short(min(row))} at "
                    f"the mean ({', '.join(map(format_short, mean))}): for a coordinate that is "
                    "constant take a Product with Atoms"
                )
        weights = as_valid_weights(weights, len(points))
        vars(self).update(
            means=tuple(points), deviations=tuple(sizes), weights=weights, dimension=d
        )

    def quantize(self, about_w2_error: Element, grid_bits: int) -> Quantization:
        """Return the mixture of quantized components: products of quantizations of coordinates.

        The W2 error is about `about_w2_error`; the `error` of the result is a proved upper bound.
        """
        share = about_w2_error * about_w2_error / self.dimension
        counts = [
            [
                1 if s * s <= share else ceil_sqrt_at_least_one(_PANTER_DITE * s * s / share)
                for s in row
            ]
            for row in self.deviations
        ]
        check_atom_count(sum(map(prod, counts)))
        rows = [
            [
                map_quantization_by_similarity(
                    _quantize_standard_normal(count), [mean], [[s]], grid_bits
                )
                for mean, s, count in zip(*triple, strict=True)
            ]
            for triple in zip(self.means, self.deviations, counts, strict=True)
        ]
        return mix_products(self.weights, rows)

    def quantize_coordinate(
        self, coordinate: int, about_w2_error: Element, grid_bits: int
    ) -> Quantization:
        """Return a quantization of one coordinate, whose law is a mixture with the same weights."""
        means, deviations = (
            [row[coordinate] for row in rows] for rows in (self.means, self.deviations)
        )
        return GaussianMixture(means, deviations, self.weights).quantize(about_w2_error, grid_bits)


def _as_points(points: Sequence | np.ndarray) -> list[tuple]:
    """Return points as tuples of elements of QQ; a number becomes a tuple of length one."""
    return [
        to_elements(point if isinstance(point, list | tuple | np.ndarray) else [point])
        for point in sequence_to_list(points)
    ]


@cache
def _quantize_standard_normal(atom_count: int) -> Quantization:
    """Return the quantization of N(0, 1) by cells whose ends are quantiles of N(0, 3)."""
    n, grid_bits = atom_count, grid_bits_far_below_error(QQ(1, atom_count**2))
    with ctx.workprec(2 * grid_bits):
        root = arb(3).sqrt()
        cuts = [root * normal_quantile(arb(k) / n, 1 - arb(k) / n) for k in range(1, n)]
        below = [arb(0), *map(normal_cdf, cuts), arb(1)]
        densities = [arb(0), *map(normal_density, cuts), arb(0)]
        masses = [q - p for p, q in pairwise(below)]
        gains = [p - q for p, q in pairwise(densities)]
        found = [(mass, [gain / mass]) for mass, gain in zip(masses, gains, strict=True)]
        return quantize_by_cell_means(arb(1), found, grid_bits)
