"""From given layers to layers of a given matrix: a path, small layers, the last digits.

Main results
------------
Start at layers X with product M0. With M0^-1 M = Q S (polar) the path M(t) = M0 Q^t S^t leads from
M0 to M: Q^t turns by t times the angles of the real Schur form of Q, S^t by logarithms. For
an ill-conditioned M = Q S the path leads to Q first, then along Q S^t. From layers of the polar
factor, which `exactflow.balancing.rotation` has in closed form, it is Q S^t alone. Each step
extrapolates the last two points and corrects by Newton steps that are pulled towards small layers.
At the end the norm is relaxed, and Newton steps without a pull find the solution nearly to rounding
level. Where all solutions are singular, as for M = -I, those converge only with a ridge that
shrinks with the residual, as in Levenberg-Marquardt: Newton's own steps stop at 10^-10.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.balancing.account` judges the layers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg as scipy_linalg

from exactflow.balancing.newton import RIDGE, SPREAD, TOLERANCE, Corrected, Frame, Word, rms
from exactflow.balancing.rotation import planes

__all__ = ["Attempt", "StuckError", "find_layers", "random_start"]

START_DEVIATION = 0.6
LEAST = 2.0**-104
STRETCHED, NEAR = np.log(1e4), 1e-9
FIRST_STEP, LEAST_STEP = 0.15, 5e-3
ON_PATH = 0.15
LOST, SETTLED, CONVERGED, ROUNDED = 1e4, 1e-5, 1e-6, 1e-13
FINE, LEAST_PULL = 1e-3, 1e-3
PARTS = (1.0, 0.5, 0.25)
STEPS, CORRECTIONS, RELAXATIONS, REFINEMENTS = 150, 3, 12, 40

Path = Callable[[float], np.ndarray]


class StuckError(Exception):
    """The path cannot be followed further; `residual` is what was reached."""

    def __init__(self, residual: float):
        super().__init__(f"stuck at residual {residual:.2g}")
        self.residual = residual


@dataclass(frozen=True)
class Attempt:
    """How carefully to follow the path.

    Parameters
    ----------
    pull : the largest pull towards small layers.
    tol : the relative residual of the linear solver.
    anchored : pull towards the start instead, away from the singular layers near zero.
    spread : how freely layers may move against each other, see `exactflow.balancing.normal`; much
        for matrices with few extreme singular values, little for those with many.
    """

    pull: float
    tol: float
    anchored: bool = False
    spread: float = SPREAD


def find_layers(M: np.ndarray, word: Word, attempt: Attempt, start: np.ndarray) -> Corrected:
    """Return shifts whose product is M, but for a residual that corrections remove.

    Parameters
    ----------
    M : 2n x 2n, det M = 1, with the identity on idle coordinates.
    word : which halves the factors move.
    attempt : how carefully to follow the path.
    start : shifts of the word, where the path begins.

    Raises
    ------
    StuckError
        The path cannot be followed, or the residual stays too large.
    """
    anchor = start if attempt.anchored else np.zeros_like(start)
    search = _Search(word, attempt, anchor)
    X = start
    for path in paths(word.product(start), M):
        X = search.follow(path, X)
    try:
        return search.polish(M, search.relax(M, X))
    except StuckError:
        return search.polish(M, X)


def random_start(word: Word, generator: np.random.Generator) -> np.ndarray:
    """Return shifts of a spectral norm near one."""
    shape = (word.layers, word.n, word.n)
    X = generator.normal(scale=START_DEVIATION / word.n**0.5, size=shape)
    return word.packed(word.unpacked(X))


def paths(M0: np.ndarray, M: np.ndarray) -> list[Path]:
    """Return paths, each for t in [0, 1], that lead from M0 to M one after the other."""
    Q, V, logarithms = _polar(M)
    stretch = [lambda t: Q @ ((V.T * np.exp(t * logarithms)) @ V)]
    if np.abs(M0 - Q).max() < NEAR:
        return stretch
    return (
        [_polar_path(M0, Q), *stretch] if np.ptp(logarithms) > STRETCHED else [_polar_path(M0, M)]
    )


def _polar_path(M0: np.ndarray, M: np.ndarray) -> Path:
    """Return t -> M0 Q^t S^t, with M0^-1 M = Q S."""
    Q, V, logarithms = _polar(np.linalg.solve(M0, M))
    turned = rotation_path(Q)
    return lambda t: M0 @ turned(t) @ ((V.T * np.exp(t * logarithms)) @ V)


def _polar(M: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Q, V and w with M = Q V^T exp(diag(w)) V, nearly, and a rotation Q."""
    U, s, V = np.linalg.svd(M)
    U[:, -1] *= np.linalg.slogdet(U @ V)[0]  # the least singular value may be rounding error
    return U @ V, V, np.log(np.maximum(s, LEAST * s[0]))


def rotation_path(Q: np.ndarray) -> Path:
    """Return t -> Q^t for a rotation Q, each plane turning by t times its angle in [-pi, pi].

    >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> half = rotation_path(-np.eye(2))(0.5)
    >>> bool(np.allclose(half, quarter) or np.allclose(half, quarter.T))
    True
    """
    T, Z = scipy_linalg.schur(Q, output="real")
    pairs, angles = planes(T)
    i, j = pairs.T

    def turned(t: float) -> np.ndarray:
        D = np.eye(len(Q))
        D[i, i] = D[j, j] = np.cos(t * angles)
        D[j, i] = np.sin(t * angles)
        D[i, j] = -D[j, i]
        return Z @ D @ Z.T

    return turned


@dataclass(frozen=True)
class _Search:
    word: Word
    attempt: Attempt
    anchor: np.ndarray

    def frame(self, X: np.ndarray) -> Frame:
        """Return the frame at layers X."""
        return Frame(self.word, X, self.attempt.spread)

    def follow(self, path: Path, X: np.ndarray) -> np.ndarray:
        """Return layers at the end of the path, from layers at its start, or raise `StuckError`."""
        t, step, pull = 0.0, FIRST_STEP, self.attempt.pull
        previous, previous_step = X, step
        for _ in range(STEPS):
            step = min(step, 1 - t)
            M, guess = path(t + step), X + (X - previous) * (step / previous_step)
            corrected, corrections = self._correct(M, guess, pull)
            if corrected is None:
                corrected, corrections = self._correct(M, X, pull)
            if corrected is None:
                step, pull = step / 2, pull / 2
                if step < LEAST_STEP * (1 - t):
                    break
                continue
            previous, previous_step, X = X, step, corrected
            if step == 1 - t:
                return X
            t += step
            step *= 1.6 if corrections == 1 else 1
            pull = min(self.attempt.pull, 1.5 * pull)
        raise StuckError(rms(self.frame(X).residual(path(1))))

    def _correct(self, M: np.ndarray, X: np.ndarray, pull: float) -> tuple[np.ndarray | None, int]:
        """Return layers of M with a residual below `ON_PATH`, or None; and the steps taken."""
        frame = self.frame(X)
        F = frame.residual(M)
        if not rms(F) < LOST:
            return None, 0
        for k in range(1, CORRECTIONS + 1):
            try:
                X = X + frame.step(F, pull, self.anchor, self.attempt.tol)
            except np.linalg.LinAlgError:
                return None, k
            frame, before = self.frame(X), rms(F)
            F = frame.residual(M)
            after = rms(F)
            if after < ON_PATH:
                return X, k
            if not after < before:
                return None, k
        return None, CORRECTIONS

    def relax(self, M: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Return layers nearer to the anchor, until their distance falls no more."""
        pull, distance = 1.0, float(np.linalg.norm(X - self.anchor))
        for _ in range(RELAXATIONS):
            frame = self.frame(X)
            try:
                closer = X + frame.step(frame.residual(M), 0.0, X, self.attempt.tol)
                nearer = frame.nearer(self.anchor, self.attempt.tol)
            except np.linalg.LinAlgError:
                return X
            while rms(self.frame(closer + pull * nearer).residual(M)) >= ON_PATH:
                pull /= 2
                if pull < LEAST_PULL:
                    return X
            X, before = closer + pull * nearer, distance
            distance = float(np.linalg.norm(X - self.anchor))
            if distance > 0.995 * before:
                break
        return X

    def polish(self, M: np.ndarray, X: np.ndarray) -> Corrected:
        """Return layers near M, or raise `StuckError`: Newton steps, the last ones in one frame; in
        float64, each in its own frame, where those do not converge.
        """
        at = solver = self.frame(X)
        F, tol = at.residual(M), TOLERANCE
        size = rms(F)
        for _ in range(REFINEMENTS):
            if size < ROUNDED:
                break
            if size > SETTLED or tol == FINE:
                solver = at
            try:
                dX = solver.step(F, 0.0, at.X, tol, RIDGE * size)
            except np.linalg.LinAlgError:
                break
            frames = (self.frame(at.X + part * dX) for part in PARTS)
            closer = next((frame for frame in frames if rms(frame.residual(M)) < size), None)
            if closer is None and tol == FINE:
                break
            at, before = closer or at, size
            F = at.residual(M)
            size = rms(F)
            if size > before / 4 and size < SETTLED:
                if tol == FINE:
                    break
                tol = FINE
        if size < CONVERGED:
            return Corrected(self.word, at.X, self.attempt.spread, solver)
        raise StuckError(size)
