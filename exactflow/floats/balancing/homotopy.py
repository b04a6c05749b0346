"""A search for layers with a given product. It follows a path to the matrix, then moves towards
small layers, then corrects the last digits of the product.

Main results
------------
The search starts at layers X with product M0. Let M0^-1 M = Q S be the polar decomposition. The
path M(t) = M0 Q^t S^t leads from M0 to M, where Q^t rotates by t times the angles of the real Schur
form of Q, and S^t is a power of a positive definite matrix. For an ill-conditioned M, with the
polar decomposition M = Q S, the path leads to Q first, then along Q S^t. If the start is a closed
form of Q (`exactflow.floats.balancing.rotation`), the path is Q S^t alone.

Each step along the path extrapolates from the last two points, then corrects by Newton steps with a
pull towards small layers. At the end of the path, steps towards small layers reduce their norm, and
Newton steps without a pull find the solution nearly to rounding level. If all solutions are
singular, as for M = -I, these steps converge only with a ridge that shrinks with the residual, as
in the Levenberg-Marquardt method; without a ridge they stop at the residual 10^-10.

How it is checked
-----------------
*Numeric*: `exactflow.floats.balancing.balanced` certifies the error of the layers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg as scipy_linalg

from exactflow.exact.progress import report_stage
from exactflow.floats.balancing.determinant import determinant_sign
from exactflow.floats.balancing.newton import (
    CentredLinearization,
    CorrectableShears,
    ShearPattern,
    rms_singular_value,
)
from exactflow.floats.balancing.rotation import rotation_axis_pairs_and_angles
from exactflow.floats.balancing.tuning import EPS, TUNING, Attempt

Path = Callable[[float], np.ndarray]


class StuckError(Exception):
    """The search for layers is stuck; `residual` is the last residual."""

    def __init__(self, residual: float):
        super().__init__(f"the search for layers is stuck at the residual {residual:.2g}")
        self.residual = residual


def find_shears_along_path(
    M: np.ndarray, pattern: ShearPattern, attempt: Attempt, start_shifts: np.ndarray
) -> CorrectableShears:
    """Follow a path from the shears with the padded shifts `start_shifts` to shears with product M,
    up to a residual that corrections can remove.

    M must have determinant 1 and be the identity on idle coordinates. Raises `StuckError` if the
    path cannot be followed or the residual stays too large.
    """
    anchor = start_shifts if attempt.anchored else np.zeros_like(start_shifts)
    search = _Search(pattern, attempt, anchor)
    X = start_shifts
    for path in polar_path_segments(pattern.product(start_shifts), M):
        X = search.follow(path, X)
    try:
        return search.polish_to_rounding_level(M, search.pull_towards_anchor(M, X))
    except StuckError:
        return search.polish_to_rounding_level(M, X)


def draw_random_padded_shifts(pattern: ShearPattern, generator: np.random.Generator) -> np.ndarray:
    """Draw random shifts of a pattern, with spectral norms near one, and return them padded."""
    shape = (pattern.layers, pattern.n, pattern.n)
    X = generator.normal(scale=TUNING.deviation / pattern.n**0.5, size=shape)
    return pattern.pad_and_stack(pattern.unpad(X))


def polar_path_segments(M0: np.ndarray, M: np.ndarray) -> list[Path]:
    """Return one or two paths on [0, 1] which lead, one after the other, from M0 to M."""
    Q, V, logarithms = _rotation_stretch_axes_and_log_stretches(M)
    stretch = [lambda t: Q @ ((V.T * np.exp(t * logarithms)) @ V)]
    if np.abs(M0 - Q).max() < TUNING.near_start:
        return stretch
    if np.ptp(logarithms) > np.log(TUNING.stretched):
        return [_polar_path(M0, Q), *stretch]
    return [_polar_path(M0, M)]


def _polar_path(M0: np.ndarray, M: np.ndarray) -> Path:
    """Return the path t -> M0 Q^t S^t from M0 to M, for the polar decomposition M0^-1 M = Q S."""
    Q, V, logarithms = _rotation_stretch_axes_and_log_stretches(np.linalg.solve(M0, M))
    rotation_at = rotation_path(Q)
    return lambda t: M0 @ rotation_at(t) @ ((V.T * np.exp(t * logarithms)) @ V)


def _rotation_stretch_axes_and_log_stretches(
    M: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the polar decomposition M = Q V^T exp(diag(w)) V, up to rounding, as (Q, V, w).

    Q is a rotation. The rows of V are the axes of the stretch, and w the logarithms of its factors.
    """
    U, s, V = np.linalg.svd(M)
    # makes det(U V) one; it is -1 only if the least singular value is a rounding error
    U[:, -1] *= determinant_sign(U @ V)
    return U @ V, V, np.log(np.maximum(s, EPS**2 * s[0]))


def rotation_path(Q: np.ndarray) -> Path:
    """Return the path t -> Q^t for a rotation Q, where Q^t rotates each plane of Q by t times its
    angle in [-pi, pi].
    """
    T, Z = scipy_linalg.schur(Q, output="real")
    pairs, angles = rotation_axis_pairs_and_angles(T)
    i, j = pairs.T

    def rotation_at(t: float) -> np.ndarray:
        D = np.eye(len(Q))
        D[i, i] = D[j, j] = np.cos(t * angles)
        D[j, i] = np.sin(t * angles)
        D[i, j] = -D[j, i]
        return Z @ D @ Z.T

    return rotation_at


@dataclass(frozen=True)
class _Search:
    """A search for shears of a pattern with a given product. A penalty keeps their padded shifts
    near `anchor`.
    """

    pattern: ShearPattern
    attempt: Attempt
    anchor: np.ndarray

    def linearize_at(self, X: np.ndarray) -> CentredLinearization:
        """Return the linearization of the centred residual at the padded shifts X."""
        return CentredLinearization(self.pattern, X, self.attempt.spread)

    def follow(self, path: Path, X: np.ndarray) -> np.ndarray:
        """Follow a path from shifts X, whose product is the start of the path. Return shifts whose
        product is near the end of the path. Raises `StuckError` if the steps become too small.
        """
        t, step, pull = 0.0, TUNING.stride, self.attempt.pull
        previous, previous_step = X, step
        for _ in range(TUNING.steps):
            step = min(step, 1 - t)
            M, guess = path(t + step), X + (X - previous) * (step / previous_step)
            corrected, corrections = self._correct_counting_steps(M, guess, pull)
            if corrected is None:
                corrected, corrections = self._correct_counting_steps(M, X, pull)
            if corrected is None:
                step, pull = step / 2, pull / 2
                if step < TUNING.least_stride * (1 - t):
                    break
                continue
            previous, previous_step, X = X, step, corrected
            if step == 1 - t:
                return X
            t += step
            report_stage("a path to the matrix", 0.4 * t)
            step *= TUNING.faster if corrections == 1 else 1
            pull = min(self.attempt.pull, TUNING.recovered * pull)
        raise StuckError(rms_singular_value(self.linearize_at(X).centred_residual(path(1))))

    def _correct_counting_steps(
        self, M: np.ndarray, X: np.ndarray, pull_to_anchor: float
    ) -> tuple[np.ndarray | None, int]:
        """Correct shifts X by Newton steps until their product is near M. Return the corrected
        shifts and the number of steps; the shifts are None if the steps fail.
        """
        linearization = self.linearize_at(X)
        F = linearization.centred_residual(M)
        if not rms_singular_value(F) < np.inf:
            return None, 0
        for k in range(1, TUNING.tries + 1):
            try:
                X = X + linearization.newton_step(
                    F, self.attempt.tol, wanted_step=pull_to_anchor * (self.anchor - X)
                )
            except np.linalg.LinAlgError:
                return None, k
            linearization, before = self.linearize_at(X), rms_singular_value(F)
            F = linearization.centred_residual(M)
            after = rms_singular_value(F)
            if after < TUNING.on_path:
                return X, k
            if not after < before:
                return None, k
        return None, TUNING.tries

    def pull_towards_anchor(self, M: np.ndarray, X: np.ndarray) -> np.ndarray:
        """Move shifts X towards the anchor, until their distance from it hardly decreases. Their
        product stays near M.
        """
        report_stage("smaller layers", 0.4)
        pull, distance = 1.0, float(np.linalg.norm(X - self.anchor))
        for _ in range(TUNING.pulls):
            linearization = self.linearize_at(X)
            try:
                closer = X + linearization.newton_step(
                    linearization.centred_residual(M), self.attempt.tol
                )
                # the step is linear in both arguments: this is its derivative by the pull
                nearer = linearization.newton_step(
                    np.zeros_like(M), self.attempt.tol, wanted_step=self.anchor - X
                )
            except np.linalg.LinAlgError:
                return X
            while (
                rms_singular_value(self.linearize_at(closer + pull * nearer).centred_residual(M))
                >= TUNING.on_path
            ):
                pull /= 2
                if pull < TUNING.least_pull:
                    return X
            X, before = closer + pull * nearer, distance
            distance = float(np.linalg.norm(X - self.anchor))
            if distance > TUNING.stalled * before:
                break
        return X

    def polish_to_rounding_level(self, M: np.ndarray, X: np.ndarray) -> CorrectableShears:
        """Take Newton steps from X to shears whose product is M, nearly to rounding level.

        Raises `StuckError` if the residual stays too large. The last steps share a linearization.
        If they do not converge, each step has its own, and the solver works in float64.
        """
        report_stage("the last digits", 0.6)
        at = solver = self.linearize_at(X)
        F, tol = at.centred_residual(M), TUNING.tol
        size = rms_singular_value(F)
        for _ in range(TUNING.refinements):
            if size < TUNING.rounded:
                break
            if size > TUNING.settled or tol == TUNING.fine:
                solver = at
            try:
                dX = solver.newton_step(F, tol, TUNING.ridge * size)
            except np.linalg.LinAlgError:
                break
            tried = (self.linearize_at(at.X + part * dX) for part in TUNING.parts)
            closer = next(
                (x for x in tried if rms_singular_value(x.centred_residual(M)) < size), None
            )
            if closer is None and tol == TUNING.fine:
                break
            at, before = closer or at, size
            F = at.centred_residual(M)
            size = rms_singular_value(F)
            if size > TUNING.slow * before and size < TUNING.settled:
                if tol == TUNING.fine:
                    break
                tol = TUNING.fine
        if size < TUNING.converged:
            return CorrectableShears(self.pattern, at.X, self.attempt.spread, solver)
        raise StuckError(size)
