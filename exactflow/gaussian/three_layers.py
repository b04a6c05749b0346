"""Three layers that whiten a covariance, additive where that is possible, in closed form.

Main results
------------
Let det Sigma = 1, S = Sigma22 - Sigma21 Sigma11^-1 Sigma12 and G = Sigma11^-1, so that
det S = det G. Three additive layers that move the second half, the first, the second whiten Sigma
iff some R and T, q x p, give

    S^(1/2) (I + R R^T) S^(1/2) = I + T T^T,    G^(1/2) (I + R^T R) G^(1/2) = I + T^T T;

the first layer is x2 <- x2 + (S^(1/2) R G^(1/2) - Sigma21 G) x1, and the last x2 <- x2 - T x1
(to our knowledge new). In eigenbases u_i of S and v_i of G, with eigenvalues s_i and r_i,

    R = sum (g_i - 1)^(1/2) u_i v_i^T,    T = sum (z_i - 1)^(1/2) u_i v_(i-1)^T

solve them iff z_i = s_i g_i and z_(i+1) = r_i g_i: the levels z_1, g_1, z_2, g_2, .. are a walk,
divided by s_i and multiplied by r_i in turn, none below 1.

- *Halves (n, n)*: the walk is a cycle, which closes since det S = det G, and any cycle serves if it
  begins high enough. Three additive layers always do.
- *Halves (n, n + 1)*: the walk begins with z_1 = 1 and ends with g_(n+1) = 1. It exists iff S has
  an eigenvalue <= 1 and one >= 1: with s ascending and r descending the logarithms of the z_i, and
  those of the g_i, are concave sequences whose ends are not negative. By Weyl's inequalities no
  other R and T do more. Layers that move the first half first need the same of Sigma22^-1.
- *Halves (n, n + 2)*: if S has the eigenvalue 1 besides, which neither R nor T touches.

Where det Sigma is not 1, or the eigenvalues do not lie so, one factor for each half, in the scales
of the first two layers, makes it so.

How it is checked
-----------------
*For all n*: the equations, in proofs/gaussian_depth.py. *Exact*: the error of the layers, which are
refined as two layers are; the linear equations for equal singular values are solved by the first
layer here.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.numbers import to_float
from exactflow.flows.float_layers import FloatCoupling
from exactflow.gaussian.covariance import Covariance
from exactflow.gaussian.refinement import ACCEPTED, ROUNDINGS, Basis, refined, trimmed
from exactflow.gaussian.walks import levels

__all__ = ["three_layers"]

NEAR = 0.1  # log det Sigma, below which it is computed exactly
SHIFTS = (11, 7, 5, 4, 3)  # of walks, tried where nearly equal levels hinder refinement
ROUNDED = 1e-9  # an eigenvalue that is to lie on a side of 1 may miss it by as much


@dataclass(frozen=True, eq=False)
class Triple:
    """The layers x2 <- scale2 x2 + z x1, x1 <- scale1 x1 + x x2, x2 <- x2 + t x1, in float64."""

    scale1: float
    scale2: float
    z: np.ndarray
    x: np.ndarray
    t: np.ndarray

    def layers(self) -> list[FloatCoupling]:
        """Return the three layers, in their order."""
        q, p = self.z.shape
        return [
            FloatCoupling("second", trimmed(self.z), np.full(q, self.scale2)),
            FloatCoupling("first", trimmed(self.x), np.full(p, self.scale1)),
            FloatCoupling("second", trimmed(self.t), np.ones(q)),
        ]

    def rounding(self, Sigma: Covariance) -> float:
        """Return the error that rounding the layers' entries leaves, in order of magnitude."""
        first, second = np.split(np.diag(Sigma.rounded), [len(self.x)])
        size2 = self.scale2**2 * second + self.z**2 @ first
        size1 = self.scale1**2 * first + self.x**2 @ size2
        sizes = (size1.max(), (size2 + self.t**2 @ np.ones(len(first))).max())
        return float(np.finfo(float).eps * np.sqrt(max(sizes)))

    def corrected(self, E: np.ndarray) -> "Triple":
        """Return the layers after a Newton step that removes E = Q Sigma Q^T - I.

        The change w of z / scale1, and factors 1 + r1 and 1 + r2 of the scales, unless these are 1,
        add x w (I + x t) + r1 I to the first diagonal block of dQ Q^-1, and r2 I - (I + t x) w x to
        the last: they take the place of alpha and beta.
        """
        p = len(self.x)
        basis, E1, E2 = Basis.of(self.t), -E[:p, :p] / 2, -E[p:, p:] / 2
        one1, one2 = np.eye(len(E1)), np.eye(len(E2))
        out, into = one1 + self.x @ self.t, one2 + self.t @ self.x
        l1, l2 = basis.equations()
        a, b, a2, b2 = l1 @ self.x, l2 @ into, l1 @ out.T, l2 @ self.x.T
        by_r = np.array([np.sum(l1**2, axis=1), np.sum(l2**2, axis=1)])
        by_r *= (self.scale1, self.scale2) != (1, 1)
        gram = (a @ a.T) * (a2 @ a2.T) - (a @ b.T) * (a2 @ b2.T) + by_r.T @ by_r
        gram += (b @ b.T) * (b2 @ b2.T) - (b @ a.T) * (b2 @ a2.T)
        weights = np.linalg.lstsq(gram, basis.right_sides(E1, E2), rcond=1e-13)[0]
        w, (r1, r2) = (a.T * weights) @ a2 - (b.T * weights) @ b2, (by_r @ weights).tolist()
        left, right = w @ out, -w @ self.x
        first, last = self.x @ left + r1 * one1, into @ right + r2 * one2
        c = basis.shear(E1 - (first + first.T) / 2, E2 - (last + last.T) / 2)
        across = c + self.x @ right
        below = -(E[:p, p:] + across).T + self.t @ c @ self.t - into @ left
        return Triple(
            self.scale1 * (1 + r1),
            self.scale2 * (1 + r2),
            self.z + self.scale1 * w + r2 * self.z,
            self.x + c + (r1 - r2) * self.x,
            self.t + below + (r2 - r1) * self.t,
        )


def three_layers(covariance: Covariance, p: int) -> tuple[tuple[FloatCoupling, ...], Fraction]:
    """Return three layers that whiten, on halves of p and d - p coordinates, and their error.

    Raises `InvalidInputError` where no three are known for such halves, `MethodError` where float64
    is too coarse.
    """
    d = len(covariance.rounded)
    q = d - p
    factor = _factor(covariance)
    natural, exchanged = (covariance, p), (covariance.ordered((*range(p, d), *range(p))), q)
    words = [Eigenbases.of(t.rounded, size, factor, factor) for t, size in (natural, exchanged)]
    is_exchanged = not words[0].is_straddled and words[1].is_straddled
    bases = words[is_exchanged]
    if not bases.is_straddled:
        if abs(q - p) > 2:
            raise InvalidInputError(
                f"expected halves that differ by at most two for layers=3, got ({p}, {q}): use "
                "layers=2, or another partition; gaussian_depth says how many layers there are"
            )
        bases = _straddled(covariance.rounded, p, bases)
    covariance = exchanged[0] if is_exchanged else covariance
    triple, error = refined(bases.triple(1), covariance)
    for shifted in SHIFTS if p == q else ():
        if error <= ROUNDINGS * triple.rounding(covariance):
            break
        triple, error = min((triple, error), refined(bases.triple(shifted), covariance), key=_error)
    if error > ACCEPTED:
        raise MethodError(
            "expected a covariance within reach of three layers in float64, got an error of "
            f"{float(error):.1e}: scale the coordinates, or use layers=2"
        )
    layers = triple.layers()
    return tuple(layer.swapped() for layer in layers) if is_exchanged else tuple(layers), error


def _error(found: tuple[Triple, Fraction]) -> Fraction:
    return found[1]


def _factor(covariance: Covariance) -> float:
    """Return det(Sigma)^(-1/2d), or 1 where it is that up to rounding."""
    d = len(covariance.rounded)
    log_det = np.linalg.slogdet(covariance.rounded)[1]
    if abs(log_det) < NEAR:  # rounding may have cost all its digits
        log_det = np.log1p(to_float(covariance.whole.det() - 1))
    return 1.0 if abs(log_det) < d**2 * np.finfo(float).eps else float(np.exp(-log_det / (2 * d)))


@dataclass(frozen=True, eq=False)
class Eigenbases:
    """S and G in eigenbases, s and r ascending, of a covariance whose halves have been scaled."""

    scale1: float
    scale2: float
    regression: np.ndarray
    s: np.ndarray
    U: np.ndarray
    r: np.ndarray
    V: np.ndarray

    @staticmethod
    def of(Sigma: np.ndarray, p: int, scale1: float, scale2: float) -> "Eigenbases":
        """Return the bases of a covariance whose halves are scaled.

        Parameters
        ----------
        Sigma : d x d, positive definite.
        p : the size of the first half.
        scale1, scale2 : the factors of the halves.
        """
        first = scale1**2 * Sigma[:p, :p]
        cross, second = scale1 * scale2 * Sigma[p:, :p], scale2**2 * Sigma[p:, p:]
        regression = np.linalg.solve(first, cross.T).T
        schur = second - regression @ cross.T
        s, U = np.linalg.eigh((schur + schur.T) / 2)
        variances, V = np.linalg.eigh(first)
        return Eigenbases(scale1, scale2, regression, s, U, 1 / variances[::-1], V[:, ::-1])

    @property
    def is_straddled(self) -> bool:
        """Whether 1 lies between the eigenvalues of the larger matrix, or none is larger; those
        that the walk leaves out must be 1.
        """
        larger, more = max(self.s, self.r, key=len), abs(len(self.s) - len(self.r)) - 1
        if more < 0:
            return True
        rest = np.argsort(np.abs(np.log(larger)))
        left_out, others = larger[rest[:more]], larger[rest[more:]]
        is_one = bool((np.abs(left_out - 1) < ROUNDED).all())
        return is_one and bool(others.min() < 1 + ROUNDED and others.max() > 1 - ROUNDED)

    def triple(self, shifted: int) -> Triple:
        """Return the three layers; see `levels` for walks that are shifted."""
        z, g = levels(np.log(self.s), np.log(self.r), shifted)
        s, U, r, V = np.sqrt(self.s)[:, None], self.U, np.sqrt(self.r), self.V
        R, T = np.sqrt(np.expm1(g)), np.sqrt(np.expm1(z))
        inverse = np.exp(-z.sum(axis=1))
        x = V @ ((T - s * R / r).T * inverse) @ U.T
        y = U @ (s * R * r) @ V.T
        return Triple(
            self.scale1, self.scale2, self.scale1 * (y - self.regression), x, -U @ T @ V.T
        )


def _straddled(Sigma: np.ndarray, p: int, bases: Eigenbases) -> Eigenbases:
    """Return the bases for factors of the halves that bring a median of the larger one to 1, an
    eigenvalue where one is to be left out.
    """
    q, factor = len(Sigma) - p, bases.scale1
    larger = max(bases.s, bases.r, key=len)
    middle = larger[len(larger) // 2]
    if abs(q - p) == 1:
        middle = np.sqrt(middle * larger[(len(larger) - 1) // 2])
    if q > p:
        return Eigenbases.of(Sigma, p, factor * middle ** (q / (2 * p)), factor / middle**0.5)
    return Eigenbases.of(Sigma, p, factor * middle**0.5, factor / middle ** (p / (2 * q)))
