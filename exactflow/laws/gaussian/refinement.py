"""Whitening layers in float64, refined against the exact residual.

Main results
------------
With layers l1 = [[d1, x], [0, I]] and l2 = [[I, 0], [t, d2]] and E = Q Sigma Q^T - I, Q = l2 l1, a
Newton step makes K + K^T = -E for K = dQ Q^-1. That is

    K = [[alpha - c t, c], [a + t (alpha - c t), beta + t c]],

alpha = dd1 / d1 and beta = dd2 / d2 diagonal, a and c arbitrary. For t = -V S W^T the equations of
the diagonal blocks fall into pairs, one for each pair of singular values, and those of equal ones
are linear equations for alpha and beta, solved with least norm; a settles the other block.

How it is checked
-----------------
E is computed *exactly*, for the floats that the layers are; the step is *numeric*. So the error
ends at what rounding the layers' entries leaves, even where rounding in the computation of Sigma's
factors has cost digits.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.errors import MethodError
from exactflow.exact.typing import HALVES
from exactflow.flows.float_layers import FloatCoupling
from exactflow.laws.gaussian.covariance import Covariance

FloatLayers = tuple[FloatCoupling, ...]

TRIMMED = 2.0**-100
ACCEPTED = 1e-6  # an error, beyond which no layers count as found
ROUNDINGS = 8  # of an error that another step seldom betters
EQUAL = 1e-9  # relative difference of squares from which singular values count as different


def trim(M: np.ndarray) -> np.ndarray:
    """Return a matrix, what lies 2^-100 below the largest entry of each column rounded away."""
    largest = np.abs(M).max(axis=0)
    grid = np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1)))) * TRIMMED
    return np.round(M / grid) * grid


@dataclass(frozen=True, eq=False)
class Basis:
    """Singular vectors of -t, in which the equations of the diagonal blocks fall into pairs.

    They are alpha - sym(c t) = E1 and beta + sym(t c) = E2, for symmetric alpha and beta.
    """

    V: np.ndarray
    values: np.ndarray
    W: np.ndarray

    @staticmethod
    def of(t: np.ndarray) -> "Basis":
        """Return the basis, V = [V1, V0] and W = [W1, W0], with V0 and W0 for the value 0."""
        V, values, transposed = np.linalg.svd(-t)
        return Basis(V, values, transposed.T)

    def equations(self) -> tuple[np.ndarray, np.ndarray]:
        """Return row vectors l, l': the conditions are l alpha l + l' beta l' = right.

        One for each singular value, and those of the blocks V0^T beta V0 and W0^T alpha W0, as
        quadratic forms.
        """
        m = len(self.values)
        (i, j), (i2, j2) = (np.triu_indices(len(Z) - m) for Z in (self.W, self.V))
        W, W0, V, V0 = self.W.T[:m], self.W.T[m:], self.V.T[:m], self.V.T[m:]
        return (
            np.vstack([W, W0[i] + W0[j], np.zeros((len(i2), len(self.W)))]),
            np.vstack([V, np.zeros((len(i), len(self.V))), V0[i2] + V0[j2]]),
        )

    def right_sides(self, E1: np.ndarray, E2: np.ndarray) -> np.ndarray:
        """Return the right sides of the conditions."""
        l1, l2 = self.equations()
        return np.sum(l1 @ E1 * l1, axis=1) + np.sum(l2 @ E2 * l2, axis=1)

    def shear(self, E1: np.ndarray, E2: np.ndarray) -> np.ndarray:
        """Return c with -sym(c t) = E1 and sym(t c) = E2, where the conditions hold."""
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
def arithmetic_of_floats() -> Iterator[None]:
    """Raise `MethodError` where numbers leave the range of float64, or become singular."""
    try:
        with np.errstate(over="raise", divide="raise", invalid="raise"):
            yield
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        raise MethodError(
            f"expected a covariance within reach of float64, got one that leads beyond ({error}): "
            "scale the coordinates to unit variance"
        ) from None


def after_power(layers: FloatLayers, exponent: int) -> FloatLayers:
    """Return layers that map x exactly as these map 2^exponent x.

    The first of them scales all that it reads, the second the half that is left. Raises
    FloatingPointError where float64 lacks the numbers.
    """
    (first, second, *rest), factor = layers, 2.0**exponent
    with np.errstate(over="raise", under="raise"):
        return (
            FloatCoupling(first.moves, factor * first.shift, factor * first.scale),
            FloatCoupling(second.moves, second.shift, factor * second.scale),
            *rest,
        )


def rounding(layers: FloatLayers, Sigma: Covariance) -> float:
    """Return the error that rounding the layers' entries leaves, in order of magnitude.

    It is that of the largest sum of the sizes of what an entry is added up from; what the last
    layer keeps is white.
    """
    sizes = np.split(np.diag(Sigma.rounded), layers[0].partition[:1])
    for layer in layers:
        i = HALVES.index(layer.moves)
        kept = np.ones(len(sizes[1 - i])) if layer is layers[-1] else sizes[1 - i]
        sizes[i] = layer.scale**2 * sizes[i] + layer.shift**2 @ kept
    return float(np.finfo(float).eps * np.sqrt(max(size.max() for size in sizes)))


def refine(
    layers: FloatLayers,
    Sigma: Covariance,
    corrected: Callable[[FloatLayers, np.ndarray], FloatLayers],
) -> tuple[FloatLayers, Fraction]:
    """Return the best layers that Newton steps lead to, and max |Q Sigma Q^T - I|, exactly;
    `corrected` returns layers after a step that removes a residual.
    """
    E, error = Sigma.residual(layers)
    before, accepted = 2 * error + 1, 1
    while error > accepted * rounding(layers, Sigma) and error < before / 2:
        tried, before, accepted = corrected(layers, E), error, ROUNDINGS
        E, reached = Sigma.residual(tried)
        if reached < error:
            layers, error = tried, reached
    return layers, error
