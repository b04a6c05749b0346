"""Four and five layers with scales: fewer than six additive ones, where they are found.

Main results
------------
Scales move to the two factors that are applied last, M = P S_1 .. S_K with a positive diagonal P
and alternating shears S_i: for halves (n, n) and K = 4 these are 4 n^2 + 2 n parameters for
4 n^2 - 1 equations. Four layers exist for an open set of matrices, to all appearance most, but not
for all. Levenberg's and Marquardt's method from random layers finds them for moderate sizes.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.balancing.account` judges the layers.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from exactflow.balancing.account import FloatCoupling
from exactflow.balancing.factors import Factor, layers_of
from exactflow.balancing.homotopy import random_start
from exactflow.balancing.newton import Word
from exactflow.balancing.target import Target

__all__ = ["LARGEST_DIMENSION", "Affine", "affine_layers"]

LARGEST_DIMENSION = 12
STARTS, STEPS = 12, 150
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-12, 1e8
CONVERGED, LARGEST_LOG = 1e-12, 12.0


@dataclass(frozen=True, eq=False)
class Affine:
    """diag(exp(u)) times shears X, near the target over its scale; coordinates may be idle."""

    target: Target
    word: Word
    X: np.ndarray
    u: np.ndarray

    def layers(self) -> tuple[FloatCoupling, ...]:
        """Return the layers, with the target's scale."""
        p, shifts = self.target.halves[0], self.word.unpacked(self.X)
        scales = np.exp(self.u[self.word.active])
        halves = [scales[:p], scales[p:]]
        a, b = self.word.first, 1 - self.word.first
        factors = [
            Factor(a, halves[a][:, None] * shifts[0] / halves[b], halves[a]),
            Factor(b, halves[b][:, None] * shifts[1], halves[b]),
            *(Factor((a + i) % 2, shift) for i, shift in enumerate(shifts[2:])),
        ]
        return layers_of(factors, self.target.scale, self.target.exponent)

    def corrected(self, E: np.ndarray) -> "Affine":
        """Return the layers after a step that removes the error E of `unit`."""
        M = self.word.embedded(self.target.unit / self.target.scale)
        E = self.word.embedded(E / self.target.scale) - self.word.embedded(np.zeros_like(E))
        return self.stepped(M, -np.exp(-self.u)[:, None] * E, LEAST_DAMPING)

    def residual(self, M: np.ndarray) -> np.ndarray:
        """Return S_1 .. S_K - diag(exp(-u)) M."""
        return self.word.product(self.X) - np.exp(-self.u)[:, None] * M

    def stepped(self, M: np.ndarray, residual: np.ndarray, damping: float) -> "Affine":
        """Return layers after a damped step that lessens the residual."""
        J = self._jacobian(M)
        gram = J @ J.T
        gram.flat[:: len(gram) + 1] += damping
        factor = linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        step = -J.T @ linalg.cho_solve(factor, residual.ravel(), check_finite=False)
        dX = step[: self.X.size].reshape(self.X.shape)
        du = np.zeros(len(self.u))
        du[self.word.active] = step[self.X.size :]
        return Affine(self.target, self.word, self.X + dX, self.u + du)

    def _jacobian(self, M: np.ndarray) -> np.ndarray:
        word, d = self.word, 2 * self.word.n
        rights, R = [], np.eye(d)
        for i in reversed(range(word.layers)):
            rights.append(R[word.kept(i)].copy())
            R[word.moved(i)] += self.X[i] @ R[word.kept(i)]
        blocks, L = [], np.eye(d)
        for i, right in enumerate(reversed(rights)):
            used = word.active[word.moved(i)][:, None] & word.active[word.kept(i)]
            blocks.append(np.kron(L[:, word.moved(i)], right.T) * used.ravel())
            L[:, word.kept(i)] += L[:, word.moved(i)] @ self.X[i]
        shrunk = np.exp(-self.u)[:, None] * M
        scales = np.zeros((d, d, d))
        scales[np.arange(d), :, np.arange(d)] = shrunk
        return np.hstack([*blocks, scales.reshape(d * d, d)[:, word.active]])


def affine_layers(target: Target, layers: int, seed: int) -> tuple[Affine | None, float]:
    """Return layers whose product is near the target, and the least residual met."""
    least = np.inf
    for i in range(STARTS):
        word = Word.on(target.halves, layers, i % 2)
        start = random_start(word, np.random.default_rng([seed, layers, i]))
        M = word.embedded(target.unit / target.scale)
        found, size = _descended(M, Affine(target, word, start, np.zeros(2 * word.n)))
        least = min(least, size)
        if size < CONVERGED * np.linalg.norm(M):
            return found, size
    return None, least


def _descended(M: np.ndarray, at: Affine) -> tuple[Affine, float]:
    """Return layers after steps by Levenberg and Marquardt, and the norm of their residual."""
    damping, residual = DAMPING, at.residual(M)
    size = float(np.linalg.norm(residual))
    for _ in range(STEPS):
        if size < CONVERGED * np.linalg.norm(M) or damping > MOST_DAMPING:
            break
        closer = _closer(at, M, residual, damping)
        closer_residual = residual if closer is None else closer.residual(M)
        closer_size = float(np.linalg.norm(closer_residual))
        if closer is not None and closer_size < size:
            at, residual, size = closer, closer_residual, closer_size
            damping = max(damping / 5, LEAST_DAMPING)
        else:
            damping *= 4
    return at, size


def _closer(at: Affine, M: np.ndarray, residual: np.ndarray, damping: float) -> Affine | None:
    """Return the layers after a step, or None where there is none or scales leave their bounds."""
    try:
        closer = at.stepped(M, residual, damping)
    except np.linalg.LinAlgError:
        return None
    return closer if np.abs(closer.u).max() < LARGEST_LOG else None
