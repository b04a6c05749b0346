"""Quantization: a measure is cut into cells of known mass, and each cell is replaced by an atom.

Let X have the law of the measure, and let c be the atom of the cell that contains X. Then
W2(measure, atoms)^2 is at most E|X - c|^2. If each atom c is the mean of its cell, of mass w, this
is E|X|^2 - sum w |c|^2. For independent parts these squares add up; for a mixture they are
averaged with its weights. Atoms are rounded to a grid and masses to rationals. The error includes
the rounding; for masses it is bounded by

    W2(sum m_i at c_i, sum w_i at c_i)^2 <= (diameter of the c_i)^2 sum |m_i - w_i| / 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from flint import arb
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import (
    FINEST,
    PrecisionError,
    ball,
    round_midpoint_to_integer,
    sqrt_upper_bound,
)
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element


@dataclass(frozen=True)
class Tuning:
    """Constants that no theorem prescribes: they change how tight a bound is, never its truth.

    Parameters
    ----------
    precision : bits of the balls: the terms of bounds have about twenty correct digits.
    bits : bits of the grid of atoms, in addition to those for eps and for the number of atoms.
    least_exponent : the least eps is 2^-least_exponent, because parameters are chosen in float64,
        whose smallest positive number is 2^-1074.
    most_atoms : the most atoms; so many take about a minute and a gigabyte.
    """

    precision: int = 96
    bits: int = 24
    least_exponent: int = 900
    most_atoms: int = 2**20


TUNING = Tuning()


class Quantization(NamedTuple):
    """N weighted atoms at multiples of 2^-bits, with a bound of their W2 distance from a measure.

    `weights` are N elements of QQ, `centers` is an N x d array of Python integers, the coordinates
    times 2^bits, and `error` is the bound.
    """

    weights: list
    centers: np.ndarray
    bits: int
    error: arb

    def marginal(self, i: int) -> "Quantization":
        """Return the projection onto coordinate i; several of its atoms may be equal."""
        return Quantization(self.weights, self.centers[:, i : i + 1], self.bits, self.error)


def check_atom_count(count: int) -> None:
    """Raise `InvalidInputError` if a quantization has too many atoms."""
    if count > TUNING.most_atoms:
        raise InvalidInputError(
            f"this eps needs {format_short(count)} atoms, and at most {TUNING.most_atoms} are "
            "made: raise eps; a law on a k-dimensional cube of side s needs about (s/eps)^k atoms"
        )


def round_points_to_grid(
    weights: list, points: Sequence[Sequence], w2_error_before_rounding: arb, grid_bits: int
) -> Quantization:
    """Return a quantization whose atoms are the given points, rounded to multiples of 2^-grid_bits.

    `w2_error_before_rounding` is an upper bound of the W2 error of the given points; the result
    adds the error of rounding.
    """
    check_atom_count(len(weights))
    centers, exact = [], True
    for point in points:
        row = [divmod((int(x.numerator) << (grid_bits + 1)), int(x.denominator)) for x in point]
        exact = exact and not any(rest or twice % 2 for twice, rest in row)
        centers.append([(twice + 1) // 2 for twice, _ in row])
    array = np.array(centers, dtype=object)
    moved = arb(0) if exact else arb(array.shape[1]).sqrt() / arb(2) ** (grid_bits + 1)
    return Quantization(weights, array, grid_bits, w2_error_before_rounding + moved)


def quantize_by_cell_means(
    second_moment: arb, masses_and_means: list[tuple[arb, list[arb]]], grid_bits: int
) -> Quantization:
    """Return the quantization whose atoms are the means of cells, given as pairs (mass, mean).

    Masses and means are rounded; `second_moment` is E|X|^2 of the measure.
    """
    check_atom_count(len(masses_and_means))
    unit, square, moved, off = arb(2) ** grid_bits, second_moment, arb(0), arb(0)
    counts = [max(1, round_midpoint_to_integer(mass * unit * unit)) for mass, _ in masses_and_means]
    counts[counts.index(max(counts))] += 4**grid_bits - sum(counts)
    weights = [QQ(count, 4**grid_bits) for count in counts]
    centers = [[round_midpoint_to_integer(x * unit) for x in mean] for _, mean in masses_and_means]
    for (mass, mean), weight, center in zip(masses_and_means, weights, centers, strict=True):
        square -= mass * sum((x * x for x in mean), arb(0))
        gaps = (x - arb(n) / unit for x, n in zip(mean, center, strict=True))
        moved += mass * sum((x * x for x in gaps), arb(0))
        off += abs(mass - ball(weight))
    array = np.array(centers, dtype=object)
    diameter = arb(sum((max(x) - min(x)) ** 2 for x in array.T.tolist())).sqrt() / unit
    error = (
        sqrt_upper_bound(square) + sqrt_upper_bound(moved) + diameter * sqrt_upper_bound(off / 2)
    )
    return Quantization(weights, array, grid_bits, error)


def map_quantization_by_similarity(
    quantization: Quantization,
    center: Sequence,
    orthogonal_axes: Sequence[Sequence],
    grid_bits: int,
    axes_length_error: Element = QQ.zero,
) -> Quantization:
    """Return a quantization of the law of center + u_1 v_1 + .. + u_m v_m, given a quantization of
    the law of u; the axes v_i are orthogonal and of equal length.

    The atoms are rounded to multiples of 2^-grid_bits. If |u| <= 1, the given axes may be shorter
    than the exact axes by `axes_length_error`, which is added to the error.
    """
    unit, columns = QQ(1, 2**quantization.bits), list(zip(*orthogonal_axes, strict=True))
    points = [
        [
            c + unit * sum((a * x for a, x in zip(column, row, strict=True)), QQ.zero)
            for c, column in zip(center, columns, strict=True)
        ]
        for row in quantization.centers.tolist()
    ]
    length = ball(sum((a * a for a in orthogonal_axes[0]), QQ.zero)).sqrt()
    return round_points_to_grid(
        quantization.weights,
        points,
        quantization.error * length + ball(axes_length_error),
        grid_bits,
    )


def grid_bits_far_below_error(mean_square_error: Element) -> int:
    """Return the number b of bits for which rounding to multiples of 2^-b adds little to a
    quantization error with the given mean square.
    """
    n, d = int(mean_square_error.numerator), int(mean_square_error.denominator)
    lengths = d.bit_length() - n.bit_length()
    return TUNING.bits + TUNING.most_atoms.bit_length() + max(0, lengths) // 2


def mix_products(
    weights: Sequence, factors_by_component: Sequence[Sequence[Quantization]]
) -> Quantization:
    """Return a quantization of a mixture of products, given quantizations of all factors.

    Each row of `factors_by_component` has the quantized factors of one component. If there are too
    many atoms, `InvalidInputError` is raised before any of them is made.
    """
    check_atom_count(
        sum(math.prod(len(part.weights) for part in row) for row in factors_by_component)
    )
    masses: list[Element] = []
    blocks: list[np.ndarray] = []
    square = arb(0)
    for weight, row in zip(weights, factors_by_component, strict=True):
        masses += [math.prod(ws, start=weight) for ws in product(*(part.weights for part in row))]
        sizes = [len(part.weights) for part in row]
        grids = list_index_choices_in_columns(sizes)
        blocks.append(
            np.hstack([part.centers[grid] for part, grid in zip(row, grids, strict=True)])
        )
        square += ball(weight) * sum((part.error * part.error for part in row), arb(0))
    return Quantization(
        masses, np.vstack(blocks), factors_by_component[0][0].bits, sqrt_upper_bound(square)
    )


def list_index_choices_in_columns(sizes: Sequence[int]) -> np.ndarray:
    """Return, in columns, the choices of one index below each size; the last index varies fastest.

    >>> list_index_choices_in_columns([1, 2, 2]).tolist()
    [[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]]
    """
    places, count = np.arange(math.prod(sizes)), 1
    rows = []
    for size in reversed(sizes):
        rows.append(places // count % size)
        count *= size
    return np.array(rows[::-1])


def ceil_sqrt_at_least_one(q: Element) -> int:
    """Return the least positive integer whose square is at least `q`."""
    ceiling = -(-int(q.numerator) // int(q.denominator))
    return math.isqrt(ceiling - 1) + 1 if ceiling > 1 else 1


def floor_power_of_two(value: Element) -> Element:
    """Return the largest power of two, as an element of QQ, that is at most a positive `value`."""
    if value <= 0:
        raise PrecisionError(
            f"the construction needs a width below 2^-{FINEST}, which ball arithmetic does not "
            "resolve: raise eps, or scale the target to a size near 1"
        )
    n, d = int(value.numerator), int(value.denominator)
    power = QQ(2) ** (n.bit_length() - d.bit_length())
    return power if power <= value else power / 2
