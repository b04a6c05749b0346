"""Targets as mixtures whose components have a rational weight, mean and covariance.

Mixtures of atoms, of uniform laws and of normal laws, and products of these, are represented
exactly; other targets by the atoms of a quantization, up to an error.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm, prod
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpq_mat
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.exact.numbers import format_short, to_element, to_fmpq
from exactflow.exact.singular_values import to_square_fmpq_matrix
from exactflow.exact.typing import Element, MatrixLike
from exactflow.laws.conditioning.tuning import TUNING
from exactflow.laws.universal.boxes import Boxes, UniformMixture
from exactflow.laws.universal.gaussian_mixture import GaussianMixture
from exactflow.laws.universal.measures import (
    Atoms,
    Product,
    TargetMeasure,
    empirical_measure,
    is_array_tensor_or_sequence,
)
from exactflow.laws.universal.quantization import (
    Quantization,
    ceil_sqrt_at_least_one,
    list_index_choices_in_columns,
)


@dataclass(frozen=True, init=False, repr=False)
class Gaussian:
    """The normal law N(0, covariance), possibly degenerate.

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
        exact = to_square_fmpq_matrix(covariance)
        if exact != exact.transpose():
            raise InvalidInputError(
                "expected a symmetric covariance, got a matrix that differs from its transpose: "
                "pass (Sigma + Sigma.T) / 2 if rounding causes the difference"
            )
        # coefficient k of the characteristic polynomial is (-1)^k e_k, for the elementary symmetric
        # function e_k of the eigenvalues; no eigenvalue is negative iff all e_k >= 0
        coefficients = exact.charpoly().coeffs()[::-1]
        if any(x * (-1) ** k < 0 for k, x in enumerate(coefficients)):
            raise InvalidInputError(
                "expected a positive semidefinite covariance, got a matrix with a negative "
                "eigenvalue: pass a covariance matrix, such as numpy.cov(data.T)"
            )
        vars(self).update(covariance=exact)

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return self.covariance.nrows()

    def __hash__(self) -> int:
        return hash(tuple(self.covariance.entries()))

    def __reduce__(self) -> tuple:
        """Pickle and copy the covariance as rationals, since FLINT cannot pickle its matrices."""
        rows = self.covariance.tolist()
        return Gaussian, ([[QQ.to_sympy(to_element(x)) for x in row] for row in rows],)

    def __repr__(self) -> str:
        return f"<Gaussian in dimension {self.dimension}>"


Law = TargetMeasure | Gaussian


def as_law_up_to_translation(law_or_points: Any) -> Law:
    """Return a law unchanged, and points (an array, tensor or list) as their empirical measure.

    A mixture of one Gaussian is returned as this `Gaussian` with mean 0, since no bound depends on
    the mean. Raises `InvalidInputError` for an array that could be points or a covariance.
    """
    if isinstance(law_or_points, GaussianMixture) and len(law_or_points.means) == 1:
        return Gaussian(np.diag([s * s for s in law_or_points.deviations[0]]).tolist())
    if isinstance(law_or_points, TargetMeasure | Gaussian):
        return law_or_points
    if not is_array_tensor_or_sequence(law_or_points):
        raise InvalidInputError(
            "expected a measure that exactflow.approximate takes, or Gaussian(covariance), or "
            "points (an (N, d) array, tensor or list), got "
            f"{type(law_or_points).__name__} {format_short(law_or_points)}"
        )
    points = as_rectangular_matrix(law_or_points).to_dense()
    d, width = points.shape
    if 1 < d == width and points == points.transpose():
        raise InvalidInputError(
            f"the target is a symmetric {d} x {d} array, which could be either a covariance or "
            "points: write Gaussian(array) for a covariance, or empirical_measure(array) for points"
        )
    return empirical_measure(points)


def is_known_product(law: Law) -> bool:
    """Whether the coordinates of a law are known to be independent."""
    if isinstance(law, Product):
        return all(map(is_known_product, law.factors))
    if isinstance(law, Atoms):
        masses = [defaultdict[Element, Element](lambda: QQ.zero) for _ in range(law.dimension)]
        for point, weight in zip(law.points, law.weights, strict=True):
            for place, mass in zip(point, masses, strict=True):
                mass[place] += weight
        return prod(map(len, masses)) == len(law.points) and all(
            prod(mass[x] for mass, x in zip(masses, point, strict=True)) == weight
            for point, weight in zip(law.points, law.weights, strict=True)
        )
    return law.dimension == 1 or (isinstance(law, Boxes) and len(law.ends) == 1)


@dataclass(frozen=True, eq=False)
class MixtureComponents:
    """The N components of a mixture on R^d that is the target or approximates it.

    Attributes
    ----------
    weights : N positive integers, which are proportional to the weights of the components.
    centers, unit : the means are the N x d integers `centers`, divided by the integer `unit`.
    covariances : the covariances, N x d x d rationals; None if all components are atoms.
    error : an enclosure of an upper bound of W2(target, mixture).
    """

    weights: np.ndarray
    centers: np.ndarray
    unit: int
    covariances: "np.ndarray | None"
    error: arb

    @staticmethod
    def from_exact_rationals(
        weights: Sequence, centers: Any, covariances: "Sequence | None" = None
    ) -> "MixtureComponents":
        """Return the mixture with these rational weights, means and covariances, with `error` 0."""
        held = None if covariances is None else np.vectorize(to_fmpq, [object])(covariances)
        return MixtureComponents(
            _to_integers_and_denominator(weights)[0],
            *_to_integers_and_denominator(centers),
            held,
            arb(0),
        )

    @property
    def dimension(self) -> int:
        """The number d of coordinates."""
        return self.centers.shape[1]

    @cached_property
    def total_weight(self) -> int:
        """The sum of the integers `weights`."""
        return sum(self.weights.tolist())

    @cached_property
    def total_covariance(self) -> fmpq_mat:
        """The covariance of the whole mixture."""
        return self.weight_and_covariance()[1]

    def enclose_deviation(self) -> arb:
        """Return an enclosure, at the current precision, of sqrt(tr Cov) for the covariance of the
        whole mixture.
        """
        diagonal = (self.total_covariance[i, i] for i in range(self.dimension))
        return arb(sum(diagonal, fmpq(0))).sqrt()

    @cached_property
    def rough_log2_largest_coordinate_or_deviation(self) -> int:
        """An integer near the binary logarithm of the largest coordinate or deviation."""
        largest = fmpq(abs(self.centers).max(), self.unit) ** 2
        if self.covariances is not None:
            largest = max(largest, abs(self.covariances).max())
        return (int(largest.p).bit_length() - int(largest.q).bit_length()) // 2

    def mean(self, members: Any = slice(None)) -> list[Element]:
        """Return the mean of the mixture of the components with the indices `members`."""
        w = self.weights[members]
        return [QQ(x, sum(w.tolist()) * self.unit) for x in (w @ self.centers[members]).tolist()]

    def weight_and_covariance(self, members: Any = slice(None)) -> tuple[fmpq, fmpq_mat]:
        """Return the weight and the covariance of the mixture of the components with the indices
        `members`. All components together have the weight 1.
        """
        w, x = self.weights[members], self.centers[members]
        mass, first = sum(w.tolist()), w @ x
        matrix = (mass * (x.T * w) @ x - np.outer(first, first)) * fmpq(1, (mass * self.unit) ** 2)
        if self.covariances is not None:
            matrix = matrix + np.tensordot(w, self.covariances[members], 1) * fmpq(1, mass)
        return fmpq(mass, self.total_weight), fmpq_mat(matrix.tolist())


def as_exact_or_quantized_components(law: Law, eps: Element) -> MixtureComponents:
    """Return a law as a mixture: exactly, or as the atoms of a quantization.

    The distance of the quantization from the law is less than `eps` if the permitted number of
    atoms suffices. For the difference s of the two ends, a segment has the covariance s s^T / 12,
    and a box has the diagonal of this matrix.
    """
    match law:
        case Gaussian():
            mean = [QQ.zero] * law.dimension
            return MixtureComponents.from_exact_rationals(
                [QQ.one], [mean], [law.covariance.tolist()]
            )
        case Atoms():
            return MixtureComponents.from_exact_rationals(law.weights, law.points)
        case UniformMixture():
            start, stop = np.array(law.ends, dtype=object).swapaxes(0, 1)
            squares = [np.outer(s, s) / 12 for s in stop - start]
            covariances = (
                [np.diag(np.diag(x)) for x in squares] if isinstance(law, Boxes) else squares
            )
            return MixtureComponents.from_exact_rationals(
                law.weights, (start + stop) / 2, covariances
            )
        case GaussianMixture():
            covariances = [np.diag(s * s) for s in np.array(law.deviations, dtype=object)]
            return MixtureComponents.from_exact_rationals(law.weights, law.means, covariances)
        case Product():
            share = eps / ceil_sqrt_at_least_one(QQ(len(law.factors)))
            factors = [as_exact_or_quantized_components(factor, share) for factor in law.factors]
            if prod(len(factor.weights) for factor in factors) > TUNING.most_components:
                factors = [_merge_into_one_component(factor) for factor in factors]
            return _product_mixture(factors)
    return quantize_within_tolerance_or_atom_limit(law, eps / TUNING.cells_per_eps)


def quantize_within_tolerance_or_atom_limit(
    law: TargetMeasure, tolerance: Element, coordinate: "int | None" = None
) -> MixtureComponents:
    """Return the atoms of a quantization of a law, or of its marginal of one `coordinate`.

    The atoms are within W2 <= `tolerance` of the law, or as near as the largest number of atoms
    allows. For one `coordinate` this number is divided by the dimension. Tolerances are tried from
    coarse to fine, so that a quantization with too many atoms is never built.
    """
    share = 1 if coordinate is None else law.dimension
    most = max(TUNING.least_atoms, TUNING.most_components // share)
    tolerances = [tolerance]
    while tolerances[-1] <= 2**TUNING.bits:
        tolerances.append(4 * tolerances[-1])

    def quantize_within(error: Element) -> Quantization:
        bits = TUNING.bits + max(0, int(1 / error).bit_length())
        if coordinate is None:
            return law.quantize(error, bits)
        return law.quantize_coordinate(coordinate, error, bits)

    found = quantize_within(tolerances.pop())
    while tolerances and len(found.weights) < most:
        try:
            found = quantize_within(tolerances.pop())
        except InvalidInputError:
            break
    weights, _ = _to_integers_and_denominator(found.weights)
    return MixtureComponents(weights, found.centers, 2**found.bits, None, found.error)


def _product_mixture(parts: Sequence[MixtureComponents]) -> MixtureComponents:
    """Return the product of mixtures, the law of independent vectors, as a mixture."""
    grid = list_index_choices_in_columns([len(part.weights) for part in parts])
    unit, d = lcm(*(part.unit for part in parts)), sum(part.dimension for part in parts)
    rows, start, covariances = list(zip(parts, grid, strict=True)), 0, None
    if any(part.covariances is not None for part in parts):
        covariances = np.zeros((grid.shape[1], d, d), dtype=object)
        for part, row in rows:
            block = slice(start, start := start + part.dimension)
            covariances[:, block, block] = 0 if part.covariances is None else part.covariances[row]
    return MixtureComponents(
        np.prod([part.weights[row] for part, row in rows], axis=0),
        np.hstack([part.centers[row] * (unit // part.unit) for part, row in rows]),
        unit,
        covariances,
        sum((part.error**2 for part in parts), arb(0)).sqrt(),
    )


def _merge_into_one_component(components: MixtureComponents) -> MixtureComponents:
    """Return one component with the mean, the covariance and the `error` of a mixture."""
    one = MixtureComponents.from_exact_rationals(
        [QQ.one], [components.mean()], [components.total_covariance.tolist()]
    )
    return replace(one, error=components.error)


def _to_integers_and_denominator(numbers: Any) -> tuple[np.ndarray, int]:
    """Return rationals as an array of integer numerators and one common denominator."""
    rationals = np.array(numbers, dtype=object)
    unit = lcm(*(int(x.denominator) for x in rationals.flat))
    integers = [int(x.numerator) * (unit // int(x.denominator)) for x in rationals.flat]
    return np.array(integers, dtype=object).reshape(rationals.shape), unit
