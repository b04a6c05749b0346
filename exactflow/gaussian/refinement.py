"""Two whitening layers from a match of spectra, refined against the exact residual.

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

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.gaussian.account import Covariance, Layer
from exactflow.gaussian.spectra import Match

__all__ = ["Pair", "refined"]

ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Pair:
    """The layers y1 = d1 x1 + x x2 and y2 = d2 x2 + t y1, in float64."""

    d1: np.ndarray
    x: np.ndarray
    d2: np.ndarray
    t: np.ndarray

    @staticmethod
    def of(match: Match, regression: np.ndarray) -> "Pair":
        """Return the layers that a match gives; `regression` is Sigma12 Sigma22^-1."""
        k = match.excess
        d1, d2 = np.exp(-match.u), np.exp(match.v)
        values = (match.a_values + match.b_values[k:]) / 2
        R = (match.b_vectors[:, k:] * np.sqrt(np.maximum(values - 1, 0))) @ match.a_vectors.T
        inverse = match.b_vectors / match.b_values @ match.b_vectors.T
        return Pair(d1, R.T @ inverse * d2 - d1[:, None] * regression, d2, -R)

    def layers(self) -> list[Layer]:
        """Return the two layers, in their order."""
        return [Layer("first", self.d1, self.x), Layer("second", self.d2, self.t)]

    def rounding(self, Sigma: Covariance) -> float:
        """Return the error that rounding the layers' entries leaves, in order of magnitude."""
        first, second = (np.diag(m.floats()) for m in (Sigma.first, Sigma.second))
        size1 = self.d1**2 * first + self.x**2 @ second
        size2 = self.d2**2 * second + self.t**2 @ np.ones(len(self.d1))
        return float(np.finfo(float).eps * np.sqrt(max(size1.max(), size2.max())))

    def corrected(self, E: Covariance) -> "Pair":
        """Return the layers after a Newton step that removes E = Q Sigma Q^T - I."""
        alpha, beta, c = self._step(-E.first.floats() / 2, -E.second.floats() / 2)
        a = -(E.cross.floats() + c).T - self.t @ (np.diag(alpha) - c @ self.t)
        return Pair(
            self.d1 + alpha * self.d1,
            self.x + alpha[:, None] * self.x + c * self.d2,
            self.d2 + beta * self.d2,
            self.t + a + beta[:, None] * self.t,
        )

    def _step(self, E1: np.ndarray, E2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return alpha, beta, c with alpha - sym(c t) = E1 and beta + sym(t c) = E2."""
        p, q = self.x.shape
        V, s, Wt = np.linalg.svd(-self.t)
        W, V0, V1 = Wt.T, V[:, p:], V[:, :p]
        i, j = np.triu_indices(q - p)
        equations = np.vstack(
            [
                np.hstack([W.T**2, V1.T**2]),
                np.hstack([np.zeros((len(i), p)), (V0[:, i] * V0[:, j]).T]),
            ]
        )
        right = np.concatenate(
            [np.diag(W.T @ E1 @ W) + np.diag(V1.T @ E2 @ V1), (V0.T @ E2 @ V0)[i, j]]
        )
        alpha, beta = np.split(np.linalg.lstsq(equations, right)[0], [p])
        r1 = W.T @ (E1 - np.diag(alpha)) @ W
        r2 = V.T @ (E2 - np.diag(beta)) @ V
        gaps = s**2 - (s**2)[:, None]
        np.fill_diagonal(gaps, 1)
        inner = 2 * (r1 * s + s[:, None] * r2[:p, :p]) / gaps
        np.fill_diagonal(inner, np.diag(r1) / s)
        outer = -2 * r2[:p, p:] / s[:, None]
        return alpha, beta, W @ np.hstack([inner, outer]) @ V.T


def refined(pair: Pair, Sigma: Covariance) -> tuple[Pair, Fraction]:
    """Return the pair of least error found by Newton steps, and max |Q Sigma Q^T - I|, exactly."""
    best, error = pair, None
    for _ in range(ROUNDS):
        E = Sigma.after(pair.layers()).less_identity()
        largest = E.largest()
        if error is None or largest < error:
            best, error = pair, largest
        if largest > error or largest < pair.rounding(Sigma):
            break
        pair = pair.corrected(E)
    return best, error
