"""The covariance matrix to be whitened: its exact entries, its floats, and its validation.

A float is a dyadic rational, so a layer of floats maps a rational covariance to a rational one.
*Exact*: the image of a covariance under layers, and the distance of this image from I.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import isfinite
from typing import TypeAlias

import mpmath
import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.coerce import as_square_matrix, as_vectors
from exactflow.exact.dyadic_matrix import DyadicMatrix, DyadicQuotient, as_exact_floats_or_fractions
from exactflow.exact.numbers import format_short, to_float, to_mpf
from exactflow.exact.typing import Element, MatrixLike, VectorLike
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly

MOST_MINORS = 64  # above this dimension, error messages name an eigenvalue instead of a minor
_REMEDY = (
    ": drop coordinates that other coordinates determine, or take more samples than there are "
    "coordinates"
)
ILL_CONDITIONED = 1e6  # an inverse is refined if the condition number is larger

LargestResidualEntry: TypeAlias = Fraction
"""The exact largest absolute entry of Q Sigma Q^T - I, for the matrix Q of whitening layers."""


@dataclass(frozen=True, eq=False)
class Covariance:
    """A covariance matrix: its exact entries in `exact`, and the float64 matrix `rounded`."""

    exact: DyadicQuotient
    rounded: np.ndarray

    @staticmethod
    def from_matrix_checking_definiteness(Sigma: MatrixLike) -> "Covariance":
        """Read a covariance matrix, and check that it is symmetric and positive definite.

        Raises `InvalidInputError` if it is not symmetric or not positive definite, and
        `MethodError` if it is singular up to rounding.
        """
        source = Sigma
        if not (
            isinstance(Sigma, np.ndarray) and Sigma.size > 1 and np.array_equal(Sigma, Sigma.T)
        ):
            source = as_square_matrix(Sigma, remedy_if_not_square=COVARIANCE_OF_DATA).to_dense()
            check_covariance_except_definiteness(source)
        entries = as_exact_floats_or_fractions(source)
        covariance = Covariance(DyadicQuotient.from_array(entries), entries.astype(float))
        deviations, values = covariance._deviations_and_correlation_eigenvalues
        if deviations.all() and values[0] > 4 * len(values) * np.finfo(float).eps:
            return covariance
        check_positive_definite(covariance.exact_matrix, covariance.rounded)
        if not deviations.all():
            raise InvalidInputError(
                "expected variances in the range of float64, got one below 10^-323 at coordinate "
                f"{int(deviations.argmin())}: scale the coordinates to unit variance"
            )
        raise MethodError(f"the correlation matrix is singular up to rounding to float64{_REMEDY}")

    @cached_property
    def _deviations_and_correlation_eigenvalues(self) -> tuple[np.ndarray, np.ndarray]:
        """The standard deviations, and the eigenvalues of the correlation matrix, ascending."""
        deviations = np.sqrt(np.abs(np.diag(self.rounded)))
        units = np.where(deviations > 0, deviations, 1)
        with np.errstate(over="ignore"):
            correlations = np.clip(self.rounded / units[:, None] / units, -2, 2)
        return deviations, np.linalg.eigvalsh(correlations)

    def with_det_near_one_and_log4_divisor(self) -> tuple["Covariance", int]:
        """Return the covariance divided by 4^k, and k: the integer for which the determinant of the
        quotient is nearest to 1.

        The division is exact. Raises `MethodError` if a number leaves the range of float64.
        """
        deviations, values = self._deviations_and_correlation_eigenvalues
        log_det = np.log2(values).sum() + 2 * np.log2(deviations).sum()
        k = round(float(log_det) / (2 * len(values)))
        exact = replace(self.exact, numerator=self.exact.numerator.times_power_of_two(-2 * k))
        with np.errstate(over="ignore"):
            rounded = np.ldexp(self.rounded, -2 * k)
        if not (np.isfinite(rounded).all() and np.diag(rounded).min() >= np.finfo(float).tiny):
            raise MethodError(
                "the ratios of the variances leave the range of float64, for standard deviations "
                f"from {deviations.min():.3g} to {deviations.max():.3g}: scale the coordinates to "
                "unit variance"
            )
        return Covariance(exact, rounded), k

    def ordered(self, order: Sequence[int]) -> "Covariance":
        """Return the covariance of the coordinates in the order order[0], order[1], .."""
        if list(order) == sorted(order):
            return self
        places = np.ix_(order, order)
        digits = self.exact.numerator[list(order), :][:, list(order)]
        return Covariance(replace(self.exact, numerator=digits), self.rounded[places])

    def with_halves_swapped(self, p: int) -> "Covariance":
        """Return the covariance with the first p coordinates moved to the end."""
        d = len(self.rounded)
        return self.ordered((*range(p, d), *range(p)))

    @property
    def exact_matrix(self) -> DomainMatrix:
        """The exact entries as a matrix over QQ."""
        entries = [
            [QQ(*x.as_integer_ratio()) for x in row] for row in self.exact.numerator.to_fractions()
        ]
        d = len(entries)
        return DomainMatrix(entries, (d, d), QQ).to_dense() / QQ(self.exact.denominator)

    def whitening_residual_and_largest_entry(
        self, layers: Sequence[FloatCoupling]
    ) -> tuple[np.ndarray, LargestResidualEntry]:
        """Return the residual Q Sigma Q^T - I, rounded to floats, and the exact largest absolute
        entry of the residual. Q is the matrix of the layers, and Sigma this covariance.
        """
        image = replace(self.exact, numerator=transform_covariance(layers, self.exact.numerator))
        E = image.minus(DyadicMatrix.from_floats(np.eye(len(self.rounded))))
        return E.to_approximate_floats(), E.max_abs()

    def first_block_of_inverse(self, p: int) -> np.ndarray:
        """Return the first p x p block of the inverse covariance, in floats.

        A Newton step with an exact residual refines the block if the covariance is ill-conditioned.
        """
        inverse = np.linalg.inv(self.rounded)
        columns = inverse[:, :p]
        if np.linalg.norm(inverse) * np.linalg.norm(self.rounded) > ILL_CONDITIONED:
            product = replace(
                self.exact, numerator=self.exact.numerator * DyadicMatrix.from_floats(columns)
            )
            residual = product.minus(DyadicMatrix.from_floats(np.eye(len(inverse), p)))
            columns = columns - inverse @ residual.to_approximate_floats()
        return (columns[:p] + columns[:p].T) / 2


COVARIANCE_OF_DATA = "the covariance of data x, one sample in each row, is numpy.cov(x.T)"
"""What to do with a matrix that is not square, since it may contain data."""


def transform_covariance(layers: Sequence[FloatCoupling], M: DyadicMatrix) -> DyadicMatrix:
    """Return Q M Q^T, exactly, for the matrix Q of the layers and a symmetric matrix M."""
    return apply_float_layers_exactly(layers, apply_float_layers_exactly(layers, M).transpose())


def as_mean_column(mean: VectorLike, dimension: int) -> DomainMatrix:
    """Return a mean as a column over QQ, and check that its entries are in the range of float64."""
    try:
        column = as_vectors(mean, dimension).to_dense()
    except InvalidInputError as error:
        raise InvalidInputError(f"in the argument mean: {error}") from None
    if column.shape[1] != 1:
        raise InvalidInputError(
            f"expected the mean as a vector or one column of {dimension} numbers, got "
            f"{column.shape[1]} columns"
        )
    if not column.domain.is_QQ:
        raise InvalidInputError(
            f"expected a mean of rational numbers or floats, got entries in {column.domain}: "
            "convert the entries to floats"
        )
    if not all(isfinite(to_float(x)) for x in column.to_list_flat()):
        raise InvalidInputError(
            "expected a mean in the range of float64, got an entry above 10^308: scale the data"
        )
    return column


def check_covariance_except_definiteness(M: DomainMatrix) -> None:
    """Raise `InvalidInputError` unless the square matrix M is symmetric, has rational entries, and
    has at least two rows.
    """
    if not M.domain.is_QQ:
        raise InvalidInputError(
            f"expected a covariance of rational numbers or floats, got entries in {M.domain}: "
            "convert the entries to floats"
        )
    if M.shape[0] < 2:
        raise InvalidInputError(
            "expected a covariance of at least two coordinates, got a 1 x 1 matrix: "
            "divide a single coordinate by its standard deviation"
        )
    rows = M.to_list()
    pairs = ((i, j) for i in range(len(rows)) for j in range(i))
    gap, i, j = max((abs(rows[i][j] - rows[j][i]), i, j) for i, j in pairs)
    if gap:
        shown = format_short(gap) if gap.denominator < 10**6 else _format_two_digits(gap)
        raise InvalidInputError(
            f"expected a symmetric matrix, got one whose entries ({j}, {i}) and ({i}, {j}) differ "
            f"by {shown}: pass (Sigma + Sigma.T) / 2 if rounding causes the difference"
        )


def _format_two_digits(value: Element) -> str:
    """Format a rational number of any size as a decimal with two significant digits."""
    rounded = to_float(value)
    return f"{rounded:.2g}" if np.isfinite(rounded) else mpmath.nstr(to_mpf(value), 2)


def check_positive_definite(
    M: DomainMatrix, floats_if_over_64_rows: np.ndarray | None = None
) -> None:
    """Raise `InvalidInputError` unless M is positive definite. The message names the first leading
    minor that is not positive.

    If M has more than 64 rows and is also given in floats, the error is raised only if an
    eigenvalue of the floats is negative by more than rounding errors.
    """
    d = M.shape[0]
    if floats_if_over_64_rows is not None and d > MOST_MINORS:
        values = np.linalg.eigvalsh(floats_if_over_64_rows)
        if values[0] < -d * np.finfo(float).eps * values[-1]:
            raise InvalidInputError(
                "expected a positive definite matrix, got one with an eigenvalue of about "
                f"{values[0]:.3g}{_REMEDY}"
            )
        return
    for k in range(1, d + 1):
        value = M[:k, :k].det()
        if value <= 0:
            shown = (
                str(value) if value.denominator < 10**6 else f"about {_format_two_digits(value)}"
            )
            raise InvalidInputError(
                "expected a positive definite matrix, got one whose leading "
                f"{k} x {k} minor is {shown}{_REMEDY}"
            )
