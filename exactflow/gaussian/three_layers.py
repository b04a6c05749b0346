"""Three additive layers that whiten a covariance of determinant 1, in closed form.

Main results
------------
For halves (n, n) and det Sigma = 1 three additive layers do, whatever Sigma (to our knowledge new).
Put S = Sigma22 - Sigma21 Sigma11^-1 Sigma12 and choose M with M^-1 S M^-T = I and M^T Sigma11 M =
Theta, diagonal (a generalized eigenvalue problem). As det Theta = det S det Sigma11 = 1, there are
numbers w_i > 0 with w_(i+1) = w_i theta_i along a cycle through all indices; that is
P^T w P = w Theta for its permutation matrix P, P[i + 1, i] = 1. Take w large enough for w >= I and
Z = M w M^T >= I, and

    Y = M (w - I)^(1/2) P Theta^(-1/2) M^T,    x2 <- x2 + (Y - Sigma21 Sigma11^-1) x1.

Then S + Y Sigma11 Y^T = Z and Sigma11^-1 + Y^T S^-1 Y = Z: the second half has covariance Z, the
Schur complement of that is Z^-1, and T T^T = Z - I = T^T T is solved by T = (Z - I)^(1/2).

How it is checked
-----------------
*For all n*: the two equations, in proofs/gaussian_depth.py. *Exact*: the error of the layers, which
are refined as two layers are; the linear equations for equal singular values are solved by Y here.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.errors import InvalidInputError, MethodError
from exactflow.gaussian.account import Covariance, Layer
from exactflow.gaussian.covariance import Target
from exactflow.gaussian.refinement import ACCEPTED, Basis, refined

__all__ = ["three_layers"]

NEAR = 0.1  # log det Sigma, below which it is computed exactly
MARGIN = 0.02  # of the least eigenvalues above 1, which is a singular case


@dataclass(frozen=True, eq=False)
class Triple:
    """The layers x2 <- scale x2 + z x1, x1 <- x1 + x x2, x2 <- x2 + t x1, in float64."""

    scale: np.ndarray
    z: np.ndarray
    x: np.ndarray
    t: np.ndarray

    def layers(self) -> list[Layer]:
        """Return the three layers, in their order."""
        one = np.ones(len(self.scale))
        return [
            Layer("second", self.scale, self.z),
            Layer("first", one, self.x),
            Layer("second", one, self.t),
        ]

    def rounding(self, Sigma: Covariance) -> float:
        """Return the error that rounding the layers' entries leaves, in order of magnitude."""
        first, second = (np.diag(m.floats()) for m in (Sigma.first, Sigma.second))
        size2 = self.scale**2 * second + self.z**2 @ first
        size1 = first + self.x**2 @ size2
        sizes = (size1.max(), (size2 + self.t**2 @ np.ones(len(first))).max())
        return float(np.finfo(float).eps * np.sqrt(max(sizes)))

    def corrected(self, E: Covariance) -> "Triple":
        """Return the layers after a Newton step that removes E = Q Sigma Q^T - I.

        Changes w of z, and by a factor 1 + r of the scale, unless that is 1, add x (w (I + x t) -
        r t) to the first diagonal block of dQ Q^-1, and (I + t x) (r - w x) to the last: they take
        the place of alpha and beta.
        """
        basis, E1, E2 = Basis.of(self.t), -E.first.floats() / 2, -E.second.floats() / 2
        one = np.eye(len(self.scale))
        out, into = one + self.x @ self.t, one + self.t @ self.x
        (l1, m1), (l2, m2) = basis.equations()
        a, b, a2, b2 = l1 @ self.x, l2 @ into, m1 @ out.T, m2 @ self.x.T
        by_r = np.sum(b * m2, axis=1) - np.sum(a @ self.t * m1, axis=1)
        by_r = by_r if (self.scale != 1).any() else 0 * by_r
        gram = (a @ a.T) * (a2 @ a2.T) - (a @ b.T) * (a2 @ b2.T) + np.outer(by_r, by_r)
        gram += (b @ b.T) * (b2 @ b2.T) - (b @ a.T) * (b2 @ a2.T)
        weights = np.linalg.lstsq(gram, basis.right_sides(E1, E2), rcond=1e-13)[0]
        w, r = (a.T * weights) @ a2 - (b.T * weights) @ b2, by_r @ weights
        left, right = w @ out - r * self.t, r * one - w @ self.x
        first, last = self.x @ left, into @ right
        c = basis.shear(E1 - (first + first.T) / 2, E2 - (last + last.T) / 2)
        across = c + self.x @ right
        below = -(E.cross.floats() + across).T + self.t @ c @ self.t - into @ left
        return Triple(self.scale * (1 + r), self.z + w + r * self.z, self.x + c, self.t + below)


def three_layers(target: Target, p: int) -> tuple[tuple[Layer, ...], Fraction]:
    """Return three layers that whiten, on halves of p coordinates, and their error.

    They are additive if det Sigma = 1, up to rounding; else the first one has a scale.
    """
    d = len(target.rounded)
    if d != 2 * p:
        raise InvalidInputError(
            f"expected equal halves for layers=3, got ({p}, {d - p}): use layers=2, or append an "
            "independent coordinate"
        )
    scale = _scale(target)
    triple, error = refined(_closed_form(target.rounded, p, scale), target.blocks(p))
    if error > ACCEPTED:
        raise MethodError(
            "expected a covariance within reach of three layers in float64, got an error of "
            f"{float(error):.1e}: scale the coordinates, or use layers=2"
        )
    return tuple(triple.layers()), error


def _scale(target: Target) -> float:
    """Return det(Sigma)^(-1/d), or 1 where it is that up to rounding."""
    d = len(target.rounded)
    log_det = np.linalg.slogdet(target.rounded)[1]
    if abs(log_det) < NEAR:  # rounding may have cost all its digits
        det = Fraction(int(target.whole.integers.det()), target.whole.denominator**d)
        log_det = np.log1p(float(det - 1))
    return 1.0 if abs(log_det) < d**2 * np.finfo(float).eps else float(np.exp(-log_det / d))


def _closed_form(Sigma: np.ndarray, p: int, scale: float) -> Triple:
    first, cross = Sigma[:p, :p], scale * Sigma[p:, :p]
    regression = np.linalg.solve(first, cross.T).T
    schur = scale**2 * Sigma[p:, p:] - regression @ cross.T
    root = np.linalg.cholesky((schur + schur.T) / 2)
    theta, V = np.linalg.eigh(root.T @ first @ root)
    M = root @ V
    w, P = _cycle(theta)
    w = w * (1 + MARGIN) / min(w.min(), np.linalg.eigvalsh(M * w @ M.T)[0])
    Y = M @ (np.sqrt(w - 1)[:, None] * P / np.sqrt(theta)) @ M.T
    values, V = np.linalg.eigh(M * w @ M.T)
    R = V * np.sqrt(values - 1) @ V.T
    x = V * (np.sqrt(values - 1) / values) @ V.T - first @ Y.T @ (V / values @ V.T)
    return Triple(np.full(p, scale), Y - regression, x, -R)


def _cycle(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return w, and a cycle P with P^T w P = w theta, such that the entries of w differ little."""
    logs, n = np.log(theta), len(theta)
    left, order, level = list(np.argsort(logs)), [], 0.0
    for _ in range(n):
        order.append(left.pop(0 if level > 0 else -1))
        level += logs[order[-1]]
    w, P = np.empty(n), np.zeros((n, n))
    w[order] = np.exp(np.cumsum([0.0, *logs[order][:-1]]))
    P[np.roll(order, -1), order] = 1
    return w, P
