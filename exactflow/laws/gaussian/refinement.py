"""Whitening layers in float64, refined against the exact residual.

Main results
------------
With layers l1 = [[d1, x], [0, I]] and l2 = [[I, 0], [t, d2]] and E = Q Sigma Q^T - I, Q = l2 l1, a
Newton step makes K + K^T = -E for K = dQ Q^-1. That is

    K = [[alpha - c t, c], [a + t (alpha - c t), beta + t c]],

where alpha = dd1 / d1 and beta = dd2 / d2 are diagonal, a and c arbitrary. For the singular value
decomposition t = -V S W^T, the equations of the diagonal blocks fall into pairs, one for each pair
of singular values. For equal singular values they are linear equations for alpha and beta, which
are solved with least norm. Then the equation of the other block gives a.

How it is checked
-----------------
E is computed *exactly* for layers of floats; the step is *numeric*. So the final error is of the
order of the rounding of the layers' entries, even if the factors of Sigma have lost digits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from exactflow.errors import MethodError
from exactflow.exact.typing import HALVES
from exactflow.flows.float_layers import FloatCoupling
from exactflow.laws.gaussian.covariance import Covariance, LargestResidualEntry

FloatLayers = tuple[FloatCoupling, ...]

RELATIVE_GRID = 2.0**-100
ACCEPTED = 1e-6  # layers with a larger error are discarded
# after its first step, Newton's method stops if the residual is at most this multiple of the
# rounding error
ROUNDINGS = 8
EQUAL = 1e-9  # squared singular values with a smaller relative difference count as equal


def round_floats_100_bits_below_column_max(M: np.ndarray) -> np.ndarray:
    """Round the floats of each column to multiples of 2^(e - 100), for the largest power 2^e that
    does not exceed the largest absolute entry of the column.
    """
    largest = np.abs(M).max(axis=0)
    grid = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1)))) * RELATIVE_GRID
    return np.round(M / grid) * grid


@dataclass(frozen=True, eq=False)
class SingularBasis:
    """The singular value decomposition -t = V S W^T, for the shift t of the second layer. In the
    bases V and W the equations of the diagonal blocks fall into pairs.

    These equations for the unknown c are alpha - sym(c t) = E1 and beta + sym(t c) = E2, where
    sym(M) = (M + M^T) / 2, for symmetric alpha and beta. They have a solution c iff alpha and beta
    satisfy linear conditions, the *solvability conditions*.
    """

    V: np.ndarray
    values: np.ndarray
    W: np.ndarray

    @staticmethod
    def decompose_negative(t: np.ndarray) -> "SingularBasis":
        """Return the singular value decomposition of -t.

        V = [V1, V0] and W = [W1, W0] are square. V0 and W0 are the columns that belong to no
        singular value; V0 or W0 is empty.
        """
        V, values, transposed = np.linalg.svd(-t)
        return SingularBasis(V, values, transposed.T)

    def solvability_quadratic_form_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return two matrices with one row for each solvability condition. The condition is
        l alpha l^T + l' beta l'^T = r, for the row l of the first and the row l' of the second
        matrix. `solvability_right_sides` returns the numbers r.

        There is one condition for each singular value, and one for each entry of V0^T beta V0 and
        of W0^T alpha W0, written as a quadratic form.
        """
        m = len(self.values)
        (i, j), (i2, j2) = (np.triu_indices(len(Z) - m) for Z in (self.W, self.V))
        W, W0, V, V0 = self.W.T[:m], self.W.T[m:], self.V.T[:m], self.V.T[m:]
        return (
            np.vstack([W, W0[i] + W0[j], np.zeros((len(i2), len(self.W)))]),
            np.vstack([V, np.zeros((len(i), len(self.V))), V0[i2] + V0[j2]]),
        )

    def solvability_right_sides(self, E1: np.ndarray, E2: np.ndarray) -> np.ndarray:
        """Return the right-hand side of each solvability condition, for the given E1 and E2."""
        l1, l2 = self.solvability_quadratic_form_rows()
        return np.sum(l1 @ E1 * l1, axis=1) + np.sum(l2 @ E2 * l2, axis=1)

    def solve_consistent_block_equations_for_c(self, E1: np.ndarray, E2: np.ndarray) -> np.ndarray:
        """Return the matrix c with -sym(c t) = E1 and sym(t c) = E2. The given E1 and E2 must be
        such that `solvability_right_sides` returns zeros.
        """
        s, m = self.values, len(self.values)
        divisors = np.where(s > EQUAL * s[0], s, np.inf)
        r1, r2 = self.W.T @ E1 @ self.W, self.V.T @ E2 @ self.V
        gaps = s**2 - (s**2)[:, None]
        singular = np.abs(gaps) <= EQUAL * np.maximum.outer(s, s) ** 2
        gaps[singular] = np.inf
        c = np.zeros((len(r1), len(r2)))
        c[:m, :m] = 2 * (r1[:m, :m] * s + s[:, None] * r2[:m, :m]) / gaps
        c[range(m), range(m)] = np.diag(r1)[:m] / divisors
        c[:m, m:] = -2 * r2[:m, m:] / divisors[:, None]
        c[m:, :m] = 2 * r1[m:, :m] / divisors
        return self.W @ c @ self.V.T


@contextmanager
def float_errors_as_method_errors() -> Iterator[None]:
    """Context manager: raise `MethodError` in place of NumPy's errors for overflow and for singular
    matrices.
    """
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            yield
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise MethodError(
            f"whitening failed in float64, by overflow or a singular matrix ({error}): scale the "
            "coordinates to unit variance"
        ) from None


def precompose_layers_with_power_of_two(layers: FloatLayers, exponent: int) -> FloatLayers:
    """Return layers that map x exactly as the given layers map 2^exponent x.

    The shift and the scale of the first layer and the scale of the second are multiplied by
    2^exponent. Raises FloatingPointError if entries leave the range of float64.
    """
    (first, second, *rest), factor = layers, 2.0**exponent
    with np.errstate(over="raise", under="raise"):
        return (
            FloatCoupling(first.moves, factor * first.shift, factor * first.scale),
            FloatCoupling(second.moves, second.shift, factor * second.scale),
            *rest,
        )


def estimate_whitening_error_of_rounded_entries(layers: FloatLayers, Sigma: Covariance) -> float:
    """Estimate the error of whitening that is caused by rounding the layers' entries to float64.

    The estimate is 2^-52 times the largest standard deviation of an output coordinate, computed as
    if the summands of the coordinate were independent. The half that the last layer keeps is white.
    """
    sizes = np.split(np.diag(Sigma.rounded), layers[0].partition[:1])
    for layer in layers:
        i = HALVES.index(layer.moves)
        kept = np.ones(len(sizes[1 - i])) if layer is layers[-1] else sizes[1 - i]
        sizes[i] = layer.scale**2 * sizes[i] + layer.shift**2 @ kept
    return float(np.finfo(float).eps * np.sqrt(max(size.max() for size in sizes)))


def refine_by_exact_residuals(
    layers: FloatLayers,
    Sigma: Covariance,
    take_step: Callable[[FloatLayers, np.ndarray], FloatLayers],
) -> tuple[FloatLayers, LargestResidualEntry]:
    """Improve layers by Newton steps. Return the best layers, and the exact largest absolute entry
    of Q Sigma Q^T - I for their matrix Q.

    `take_step(layers, E)` returns the layers after a step that removes the residual E.
    """
    E, error = Sigma.whitening_residual_and_largest_entry(layers)
    before, accepted = 2 * error + 1, 1
    while (
        error > accepted * estimate_whitening_error_of_rounded_entries(layers, Sigma)
        and error < before / 2
    ):
        tried, before, accepted = take_step(layers, E), error, ROUNDINGS
        E, reached = Sigma.whitening_residual_and_largest_entry(tried)
        if reached < error:
            layers, error = tried, reached
    return layers, error
