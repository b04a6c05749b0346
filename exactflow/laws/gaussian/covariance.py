"""The covariance matrix to be whitened: its exact entries, its floats, and its validation.

A float is a dyadic rational, so that a layer of floats maps a rational covariance to a rational
one. *Exact*: what layers make of a covariance, and how far that is from white.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import isfinite

import mpmath
import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.coerce import as_matrix, as_vectors
from exactflow.exact.dyadic_matrix import DyadicMatrix, DyadicQuotient, as_exact_array
from exactflow.exact.numbers import format_short, to_float, to_mpf
from exactflow.exact.typing import Element, MatrixLike, VectorLike
from exactflow.flows.float_layers import FloatCoupling, composed

MINORS = 64  # coordinates to which minors name what is wrong; beyond, an eigenvalue does
_REMEDY = (
    ": drop coordinates that others determine, or take more samples than there are coordinates"
)
ILL_CONDITIONED = 1e6  # from where the inverse is refined


@dataclass(frozen=True, eq=False)
class Covariance:
    """A positive definite matrix, exactly, and in float64."""

    exact: DyadicQuotient
    rounded: np.ndarray

    @staticmethod
    def of(Sigma: MatrixLike) -> "Covariance":
        """Return a matrix that is checked.

        Raises `InvalidInputError` where it is not symmetric or not positive definite, `MethodError`
        where it is singular up to rounding.
        """
        covariance = _read(Sigma)
        deviations, values = covariance._correlations
        if deviations.all() and values[0] > 4 * len(values) * np.finfo(float).eps:
            return covariance
        check_positive_definite(covariance.whole, covariance.rounded)
        if not deviations.all():
            raise InvalidInputError(
                "expected variances in the range of float64, got one below 10^-323, of coordinate "
                f"{int(deviations.argmin())}: scale the coordinates to unit variance"
            )
        raise MethodError(
            "expected a covariance within reach of float64, got one whose correlations are "
            f"singular up to rounding{_REMEDY}"
        )

    @cached_property
    def _correlations(self) -> tuple[np.ndarray, np.ndarray]:
        """The deviations, and the eigenvalues of the correlations, none above 1, ascending."""
        deviations = np.sqrt(np.abs(np.diag(self.rounded)))
        units = np.where(deviations > 0, deviations, 1)
        with np.errstate(over="ignore"):
            correlations = np.clip(self.rounded / units[:, None] / units, -2, 2)
        return deviations, np.linalg.eigvalsh(correlations)

    def normalized(self) -> tuple["Covariance", int]:
        """Return the covariance over the power 4^k that brings its determinant nearest to 1, and k.

        No digit is lost. Raises `MethodError` where a number leaves the range of float64.
        """
        deviations, values = self._correlations
        log_det = np.log2(values).sum() + 2 * np.log2(deviations).sum()
        k = round(float(log_det) / (2 * len(values)))
        exact = replace(self.exact, digits=self.exact.digits.times_power(-2 * k))
        with np.errstate(over="ignore"):
            rounded = np.ldexp(self.rounded, -2 * k)
        if not (np.isfinite(rounded).all() and np.diag(rounded).min() >= np.finfo(float).tiny):
            raise MethodError(
                "expected variances whose ratios are in the range of float64, got deviations from "
                f"{deviations.min():.3g} to {deviations.max():.3g}: scale the coordinates to unit "
                "variance"
            )
        return Covariance(exact, rounded), k

    def ordered(self, order: Sequence[int]) -> "Covariance":
        """Return the covariance of x[order[0]], x[order[1]], .."""
        if list(order) == sorted(order):
            return self
        places = np.ix_(order, order)
        digits = self.exact.digits[list(order), :][:, list(order)]
        return Covariance(replace(self.exact, digits=digits), self.rounded[places])

    def exchanged(self, p: int) -> "Covariance":
        """Return the covariance with the first p coordinates behind the others."""
        d = len(self.rounded)
        return self.ordered((*range(p, d), *range(p)))

    @property
    def whole(self) -> DomainMatrix:
        """The exact matrix."""
        entries = [[QQ(*x.as_integer_ratio()) for x in row] for row in self.exact.digits.entries()]
        d = len(entries)
        return DomainMatrix(entries, (d, d), QQ).to_dense() / QQ(self.exact.denominator)

    def residual(self, layers: Sequence[FloatCoupling]) -> tuple[np.ndarray, Fraction]:
        """Return E = Q Sigma Q^T - I for the matrix Q of some layers, its entries rounded, and the
        largest absolute value of one, exactly.
        """
        image = replace(self.exact, digits=congruent(layers, self.exact.digits))
        E = image.minus(DyadicMatrix.of_floats(np.eye(len(self.rounded))))
        return E.floats(), E.largest()

    def precision(self, p: int) -> np.ndarray:
        """Return the first p x p block of the inverse, by an exact residual if digits are lost."""
        inverse = np.linalg.inv(self.rounded)
        columns = inverse[:, :p]
        if np.linalg.norm(inverse) * np.linalg.norm(self.rounded) > ILL_CONDITIONED:
            product = replace(
                self.exact, digits=self.exact.digits * DyadicMatrix.of_floats(columns)
            )
            residual = product.minus(DyadicMatrix.of_floats(np.eye(len(inverse), p)))
            columns = columns - inverse @ residual.floats()
        return (columns[:p] + columns[:p].T) / 2


def congruent(layers: Sequence[FloatCoupling], M: DyadicMatrix) -> DyadicMatrix:
    """Return Q M Q^T for the matrix Q of some layers and a symmetric M."""
    return composed(layers, composed(layers, M).transpose())


def _read(Sigma: MatrixLike) -> Covariance:
    """Return a matrix that is symmetric; an array that equals its transpose is seen to be so."""
    source = Sigma
    if not (isinstance(Sigma, np.ndarray) and Sigma.size > 1 and np.array_equal(Sigma, Sigma.T)):
        source = as_matrix(Sigma).to_dense()
        check_symmetric(source)
    entries = as_exact_array(source)
    return Covariance(DyadicQuotient.of(entries), entries.astype(float))


def column_of_mean(mean: VectorLike, dimension: int) -> DomainMatrix:
    """Return the mean of a Gaussian as a column over QQ, whose entries float64 can hold."""
    try:
        column = as_vectors(mean, dimension).to_dense()
    except InvalidInputError as error:
        raise InvalidInputError(f"mean: {error}") from None
    if column.shape[1] != 1:
        raise InvalidInputError(
            f"expected one mean of {dimension} numbers, got {column.shape[1]} columns"
        )
    if not column.domain.is_QQ:
        raise InvalidInputError(
            f"expected a mean of rational numbers or floats, got entries in {column.domain}: "
            "evaluate them to floats first"
        )
    if not all(isfinite(to_float(x)) for x in column.to_list_flat()):
        raise InvalidInputError(
            "expected a mean in the range of float64, got an entry beyond 10^308"
        )
    return column


def check_symmetric(M: DomainMatrix) -> None:
    """Raise `InvalidInputError` unless a matrix is over QQ, symmetric, of two rows or more."""
    if not M.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers or floats, got entries in {M.domain}: "
            "evaluate them to floats first"
        )
    if M.shape[0] < 2:
        raise InvalidInputError("expected a covariance of at least two coordinates, got one")
    rows = M.to_list()
    pairs = ((i, j) for i in range(len(rows)) for j in range(i))
    gap, i, j = max((abs(rows[i][j] - rows[j][i]), i, j) for i, j in pairs)
    if gap:
        shown = format_short(gap) if gap.denominator < 10**6 else _rounded(gap)
        raise InvalidInputError(
            f"expected a symmetric matrix, got one whose entries ({j}, {i}) and ({i}, {j}) differ "
            f"by {shown}: pass (Sigma + Sigma.T) / 2 if that is rounding"
        )


def _rounded(value: Element) -> str:
    """Return two digits of a rational number of any size."""
    rounded = to_float(value)
    return f"{rounded:.2g}" if np.isfinite(rounded) else mpmath.nstr(to_mpf(value), 2)


def check_positive_definite(whole: DomainMatrix, rounded: np.ndarray | None = None) -> None:
    """Raise `InvalidInputError` unless all leading minors are positive: the first one is named.

    Beyond 64 coordinates, where floats are given, only a negative eigenvalue is looked for.
    """
    d = whole.shape[0]
    if rounded is not None and d > MINORS:
        values = np.linalg.eigvalsh(rounded)
        if values[0] < -d * np.finfo(float).eps * values[-1]:
            raise InvalidInputError(
                "expected a positive definite matrix, got one with the eigenvalue "
                f"{values[0]:.3g}, rounded{_REMEDY}"
            )
        return
    for k in range(1, d + 1):
        value = whole[:k, :k].det()
        if value <= 0:
            shown = str(value) if value.denominator < 10**6 else f"about {_rounded(value)}"
            raise InvalidInputError(
                "expected a positive definite matrix, got one whose leading minor of "
                f"{k} rows is {shown}{_REMEDY}"
            )
