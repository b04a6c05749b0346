"""Targets as mixtures of pieces: what bounds need to know of a law.

A piece has a weight, a mean and a covariance matrix, all rational. Mixtures of atoms, segments,
boxes and normal laws, and products of these, are such mixtures themselves; of other targets their
cells are, up to an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import lcm, prod
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpq_mat
from sympy import QQ

from exactflow.conditioning.tuning import TUNING
from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix, is_array
from exactflow.exact.numbers import flint_rational, format_short
from exactflow.exact.typing import Element, MatrixLike
from exactflow.universal.boxes import Boxes, Segments
from exactflow.universal.cells import least_root
from exactflow.universal.gaussians import GaussianMixture
from exactflow.universal.line import QuantileFunction
from exactflow.universal.measures import Atoms, Product, TargetMeasure, empirical

__all__ = ["Gaussian", "Law", "Pieces", "as_law", "is_product", "pieces_of", "pieces_of_cells"]


@dataclass(frozen=True, init=False, repr=False)
class Gaussian:
    """The normal law N(0, covariance), which may be degenerate.

    Parameters
    ----------
    covariance : d x d rationals or floats, symmetric and positive semidefinite.

    Raises
    ------
    InvalidInputError
        The matrix is not symmetric, not over QQ, or has a negative eigenvalue.

    Examples
    --------
    >>> Gaussian([[1, 0], [0, 0]])
    <Gaussian in dimension 2>
    """

    covariance: fmpq_mat

    def __init__(self, covariance: MatrixLike) -> None:
        matrix = as_matrix(covariance).to_dense()
        if not matrix.domain.is_QQ:
            raise InvalidInputError(
                f"expected rational numbers or floats, got entries in {matrix.domain}"
            )
        if matrix != matrix.transpose():
            raise InvalidInputError(
                "expected a symmetric matrix, got one that differs from its transpose: pass "
                "(Sigma + Sigma.T) / 2 if that is rounding"
            )
        exact = fmpq_mat([[flint_rational(x) for x in row] for row in matrix.to_list()])
        signs = exact.charpoly().coeffs()[::-1]  # those of the elementary symmetric functions
        if any(x * (-1) ** k < 0 for k, x in enumerate(signs)):
            raise InvalidInputError(
                "expected a positive semidefinite matrix, got one with a negative eigenvalue: "
                "a covariance has none"
            )
        vars(self).update(covariance=exact)

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return self.covariance.nrows()

    def __repr__(self) -> str:
        return f"<Gaussian in dimension {self.dimension}>"


Law = TargetMeasure | Gaussian


def as_law(target: Any) -> Law:
    """Return the law that a target stands for: an array of points for their empirical measure.

    Raises `InvalidInputError` for what is no target, and for an array that may be a covariance.
    """
    if isinstance(target, GaussianMixture) and len(target.means) == 1:
        return Gaussian(np.diag([s * s for s in target.deviations[0]]).tolist())
    if isinstance(target, TargetMeasure | Gaussian):
        return target
    if not is_array(target):
        raise InvalidInputError(
            "expected a measure, as exactflow.universal has them, an (N, d) array of points or "
            f"Gaussian(covariance), got {type(target).__name__} {format_short(target)}"
        )
    square = target.ndim == 2 and 1 < target.shape[0] == target.shape[1]
    if square and (target == target.T).all():
        d = len(target)
        raise InvalidInputError(
            f"expected points or a covariance, got a symmetric {d} x {d} array, which may be "
            "either: write Gaussian(array), or Atoms(array.tolist()) for points"
        )
    return empirical(target)


def is_product(law: Law) -> bool:
    """Return whether the coordinates of a law are known to be independent."""
    if isinstance(law, Product):
        return all(map(is_product, law.factors))
    if isinstance(law, Atoms):
        points = dict(zip(law.points, law.weights, strict=True))
        marginals: list[dict[Element, Element]] = [{} for _ in range(law.dimension)]
        for point, weight in points.items():
            for place, marginal in zip(point, marginals, strict=True):
                marginal[place] = marginal.get(place, QQ.zero) + weight
        return prod(map(len, marginals)) == len(points) and all(
            prod(m[x] for m, x in zip(marginals, point, strict=True)) == weight
            for point, weight in points.items()
        )
    return law.dimension == 1 or (isinstance(law, Boxes) and len(law.boxes) == 1)


@dataclass(frozen=True, eq=False)
class Pieces:
    """A mixture of pieces.

    Attributes
    ----------
    weights : N positive integers, the weights in units of their sum.
    centers : the means, N x d integers over `unit`.
    spreads : the covariance of each piece; none where all are atoms.
    error : an enclosure of a bound of the distance W2 of the target from the mixture.
    """

    weights: np.ndarray
    centers: np.ndarray
    unit: int
    spreads: Sequence[fmpq_mat]
    error: arb

    @staticmethod
    def of(weights: Sequence, centers: Sequence, spreads: Sequence[fmpq_mat]) -> "Pieces":
        """Return the mixture of pieces whose weights and means are elements of QQ."""
        unit = lcm(*(int(x.denominator) for row in centers for x in row))
        places = np.array([_numerators(row, unit) for row in centers], dtype=object)
        return Pieces(_integers(weights), places, unit, spreads, arb(0))

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return self.centers.shape[1]

    @cached_property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(self.weights.tolist())

    @cached_property
    def exponent(self) -> int:
        """The binary logarithm of about the largest coordinate or deviation."""
        sizes = [fmpq(max(map(abs, self.centers.ravel().tolist())), self.unit) ** 2]
        sizes += [abs(x) for spread in self.spreads for x in spread.entries()]
        largest = max(sizes)
        return (int(largest.p).bit_length() - int(largest.q).bit_length()) // 2

    def spread(self, i: int) -> fmpq_mat:
        """Return the covariance of a piece."""
        return self.spreads[i] if self.spreads else fmpq_mat(self.dimension, self.dimension)

    def whole(self) -> "Pieces":
        """Return one piece with mean and covariance of the mixture."""
        one = Pieces.of([QQ.one], [self.mean()], [self.covariance()[1]])
        return replace(one, error=self.error)

    def mean(self, members: Any = slice(None)) -> list[Element]:
        """Return the mean of the mixture of some of the pieces."""
        w = self.weights[members]
        return [QQ(x, sum(w.tolist()) * self.unit) for x in (w @ self.centers[members]).tolist()]

    def covariance(self, members: Any = slice(None)) -> tuple[fmpq, fmpq_mat]:
        """Return weight and covariance matrix of the mixture of some of the pieces."""
        w, x = self.weights[members], self.centers[members]
        mass = sum(w.tolist())
        first = w @ x
        second = (x * w[:, None]).T @ x
        matrix = fmpq_mat(
            [
                [fmpq(x, mass * mass * self.unit**2) for x in row]
                for row in (mass * second - np.outer(first, first)).tolist()
            ]
        )
        if self.spreads:
            for i in np.arange(len(self.weights))[members].tolist():
                matrix += self.spread(i) * fmpq(self.weights[i], mass)
        return fmpq(mass, self.total), matrix


def pieces_of(law: Law, eps: Element) -> Pieces:
    """Return a law as a mixture of pieces; what is none is cut into cells, as finely as eps asks.

    Uniform laws on segments and boxes have the covariance s s^T / 12, s the differences of ends.
    """
    match law:
        case Gaussian():
            return Pieces.of([QQ.one], [[QQ.zero] * law.dimension], [law.covariance])
        case Atoms():
            return Pieces.of(law.weights, law.points, [])
        case Boxes():
            sides = [[b - a for a, b in zip(*box, strict=True)] for box in law.boxes]
            spreads = [_diagonal([s * s / 12 for s in row]) for row in sides]
            return Pieces.of(law.weights, [*map(_middle, law.boxes)], spreads)
        case Segments():
            steps = [[b - a for a, b in zip(*ends, strict=True)] for ends in law.segments]
            spreads = [
                fmpq_mat([[flint_rational(s * t / 12) for t in row] for s in row]) for row in steps
            ]
            return Pieces.of(law.weights, [*map(_middle, law.segments)], spreads)
        case GaussianMixture():
            spreads = [_diagonal([s * s for s in row]) for row in law.deviations]
            return Pieces.of(law.weights, law.means, spreads)
        case QuantileFunction():
            masses = [q - p for p, q in pairwise(law.levels)]
            return pieces_of(Boxes([([a], [b]) for a, b in pairwise(law.values)], masses), eps)
        case Product():
            share = eps / least_root(QQ(len(law.factors)))
            return _beside([pieces_of(factor, share) for factor in law.factors])
    return pieces_of_cells(law, eps / TUNING.cells_per_eps)


def pieces_of_cells(
    law: TargetMeasure, tolerance: Element, coordinate: "int | None" = None
) -> Pieces:
    """Return the atoms of cells of a law, or of the law of a coordinate, within a tolerance, or as
    fine as their number allows.
    """
    while True:
        bits = TUNING.bits + max(0, int(1 / tolerance).bit_length())
        try:
            if coordinate is None:
                cells = law.cells(tolerance, bits)
            else:
                cells = law.coordinate(coordinate, tolerance, bits)
        except InvalidInputError:
            if tolerance > 2**TUNING.bits:
                raise
            tolerance *= 2
        else:
            return Pieces(_integers(cells.weights), cells.centers, 2**cells.bits, [], cells.error)


def _beside(parts: Sequence[Pieces]) -> Pieces:
    """Return the products of pieces, or one piece of all where they would be too many."""
    if prod(len(part.weights) for part in parts) > TUNING.most_pieces:
        parts = [part.whole() for part in parts]
    grid = np.indices([len(part.weights) for part in parts]).reshape(len(parts), -1)
    unit = lcm(*(part.unit for part in parts))
    rows = list(zip(parts, grid, strict=True))
    spreads = []
    if any(part.spreads for part in parts):
        for place in grid.T.tolist():
            blocks = [part.spread(i) for part, i in zip(parts, place, strict=True)]
            spreads.append(_block_diagonal(blocks))
    return Pieces(
        np.prod([part.weights[row] for part, row in rows], axis=0),
        np.hstack([part.centers[row] * (unit // part.unit) for part, row in rows]),
        unit,
        spreads,
        sum((part.error**2 for part in parts), arb(0)).sqrt(),
    )


def _block_diagonal(blocks: Sequence[fmpq_mat]) -> fmpq_mat:
    """Return the matrix with the given blocks on its diagonal."""
    size = sum(block.nrows() for block in blocks)
    matrix, start = fmpq_mat(size, size), 0
    for block in blocks:
        for i, row in enumerate(block.table()):
            for j, x in enumerate(row):
                matrix[start + i, start + j] = x
        start += block.nrows()
    return matrix


def _diagonal(entries: Sequence[Element]) -> fmpq_mat:
    """Return a diagonal matrix."""
    return _block_diagonal([fmpq_mat([[flint_rational(x)]]) for x in entries])


def _middle(ends: tuple[tuple, tuple]) -> list[Element]:
    return [(a + b) / 2 for a, b in zip(*ends, strict=True)]


def _integers(weights: Sequence) -> np.ndarray:
    """Return weights as integers in units of a common denominator."""
    return np.array(_numerators(weights, lcm(*(int(w.denominator) for w in weights))), object)


def _numerators(numbers: Sequence, unit: int) -> list[int]:
    return [int(x.numerator) * (unit // int(x.denominator)) for x in numbers]
