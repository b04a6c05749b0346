"""Four and five layers with scales: fewer than six additive ones, where they are found.

Main results
------------
Scales move to the two factors that are applied last, M = P S_1 .. S_K with a positive diagonal P
and alternating shears S_i: for halves (n, n) and K = 4 these are 4 n^2 + 2 n parameters for
4 n^2 - 1 equations. Four layers exist for an open set of matrices, to all appearance most, but not
for all. `exactflow.balancing.four` finds them by scales that give two blocks the same eigenvalues;
a fifth layer is drawn at random. Steps by Levenberg and Marquardt reach rounding level, and steps
along the solutions make layers and scales small.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.balancing.account` judges the layers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np
from scipy import linalg

from exactflow.balancing.factors import layers_of
from exactflow.balancing.four import four_shears
from exactflow.balancing.homotopy import random_start
from exactflow.balancing.newton import Word
from exactflow.balancing.target import Target
from exactflow.exact.typing import HALVES
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["LARGEST_DIMENSION", "Affine", "affine_layers"]

LARGEST_DIMENSION = 12
STARTS, ENOUGH, STEPS = 12, 3, 100
DRAWS, PER_DRAW = 3, 6
PULL, LEAST_PULL, RELAXATIONS, SLOW = 0.5, 0.01, 30, 0.98
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-12, 1e8
CONVERGED, LARGEST, LARGEST_LOG = 1e-12, 1e8, 12.0


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
            FloatCoupling(HALVES[a], halves[a][:, None] * shifts[0] / halves[b], halves[a]),
            FloatCoupling(HALVES[b], halves[b][:, None] * shifts[1], halves[b]),
            *(FloatCoupling(HALVES[(a + i) % 2], shift) for i, shift in enumerate(shifts[2:])),
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

    @property
    def size(self) -> float:
        """|X|_F^2 + |u|^2: how far the layers are from the identity."""
        return float(np.linalg.norm(self.X)) ** 2 + float(np.linalg.norm(self.u)) ** 2

    def stepped(
        self, M: np.ndarray, residual: np.ndarray, damping: float, pull: float = 0.0
    ) -> "Affine":
        """Return layers after a damped step that lessens the residual, and the size along the
        solutions as far as `pull` says: 0 not at all, 1 to the least of the linearized problem.
        """
        J = self._jacobian(M)
        away = pull * np.concatenate([self.X.ravel(), self.u[self.word.active]])
        gram = J @ J.T
        gram.flat[:: len(gram) + 1] += damping
        factor = linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        wanted = residual.ravel() - J @ away
        step = -J.T @ linalg.cho_solve(factor, wanted, check_finite=False) - away
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


@np.errstate(all="ignore")
def affine_layers(target: Target, layers: int, seed: int) -> tuple[Affine | None, float]:
    """Return layers whose product is near the target, the least of a few that are found, and the
    least residual met.
    """
    M = target.unit / target.scale
    found: list[Affine] = []
    least = np.inf
    for at in _starts(target, M, layers, seed):
        N = at.word.embedded(M)
        at, size = _descended(N, at)
        least = min(least, size)
        if size < CONVERGED * np.linalg.norm(N):
            found.append(_relaxed(N, at))
            if len(found) == ENOUGH:
                break
    return min(found, key=lambda at: at.size, default=None), least


def _starts(target: Target, M: np.ndarray, layers: int, seed: int) -> Iterator[Affine]:
    """Yield layers near the target, from both words in turn, then random ones."""
    words = [Word.on(target.halves, layers, first) for first in (0, 1)]
    streams = [_from_four(target, M, word, seed) for word in words]
    for pair in zip_longest(*streams):
        yield from filter(None, pair)
    for i in range(STARTS):
        start = random_start(words[i % 2], np.random.default_rng([seed, layers, i]))
        yield Affine(target, words[i % 2], start, np.zeros(2 * words[i % 2].n))


def _from_four(target: Target, M: np.ndarray, word: Word, seed: int) -> Iterator[Affine]:
    """Yield four layers near the target; of five, the one that is applied first is drawn."""
    first = slice(0, target.halves[0]), slice(target.halves[0], len(M))
    moved, kept = first[word.first], first[1 - word.first]
    generator = np.random.default_rng([seed, word.first])
    for _ in range(1 if word.layers == 4 else DRAWS):
        N, drawn = M.copy(), []
        if word.layers == 5:
            drawn = [generator.normal(scale=1 / len(M) ** 0.5, size=M[moved, kept].shape)]
            N[:, kept] -= N[:, moved] @ drawn[0]
        for shifts, P in islice(four_shears(N, target.halves, word.first, seed), PER_DRAW):
            u = np.zeros(2 * word.n)
            u[word.active] = np.log(P)
            X = word.packed([*shifts, *drawn])
            if np.abs(X).max() < LARGEST:
                yield Affine(target, word, X, u)


def _relaxed(M: np.ndarray, at: Affine) -> Affine:
    """Return smaller layers with the same product."""
    pull, best = PULL, at
    for _ in range(RELAXATIONS):
        closer = _closer(best, M, best.residual(M), LEAST_DAMPING, pull)
        if closer is not None:
            closer, size = _descended(M, closer)
            if size < CONVERGED * np.linalg.norm(M) and closer.size < best.size:
                slow, best = closer.size > SLOW * best.size, closer
                if slow:
                    break
                continue
        pull /= 2
        if pull < LEAST_PULL:
            break
    return best


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


def _closer(
    at: Affine, M: np.ndarray, residual: np.ndarray, damping: float, pull: float = 0.0
) -> Affine | None:
    """Return the layers after a step, or None where there is none or scales leave their bounds."""
    try:
        closer = at.stepped(M, residual, damping, pull)
    except np.linalg.LinAlgError:
        return None
    return closer if np.abs(closer.u).max() < LARGEST_LOG else None
