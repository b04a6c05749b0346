"""Three layers that whiten a covariance, additive where that is possible, in closed form.

Main results
------------
The theorem, its letters and its proof are in the script gaussian_depth: S is the Schur complement
of Sigma11, with eigenvalues s_i; Sigma11^-1 has the eigenvalues r_i; R and T are sums over levels
z_i = s_i g_i and z_(i+1) = r_i g_i, none of which may be below 1. So the levels are a *walk* z_1,
g_1, z_2, g_2, .., divided by s_i and multiplied by r_i in turn. The first layer is
x2 <- x2 + (S^(1/2) R Sigma11^(-1/2) - Sigma21 Sigma11^-1) x1, the last x2 <- x2 - T x1.

*Walks*, in logarithms: z_i - g_i = sigma_i and z_(i+1) - g_i = rho_i, all z_i and g_i at least 0.

- Halves (n, n): as many sigma as rho, so a cycle; every cycle serves if it begins high enough.
  Entries of equal rank follow each other, in an order in which the levels stay near the first. If
  sigma and rho are equal, all z become equal, and the equations that refine layers are singular.
  Then entries of nearly equal rank follow each other instead.
- Halves (n, n + 1): one more sigma, so a path from z_1 = 0 to g_last = 0. It exists iff min sigma
  <= 0 <= max sigma. From a level g >= 0 with g + max rho >= 0, the rest of the walk exists in the
  order of descending rho and ascending sigma. So a step may go to any such level; the least one is
  taken.
- Halves (n, n + k): all but one of the additional sigma must be 0; they are paths of their own from
  z = 0 to g = 0.

If det Sigma is not 1, or these conditions on the eigenvalues fail, one factor for each half, in the
scales of the first two layers, establishes them.

How it is checked
-----------------
*For all n*: the equations, in the script gaussian_depth. *Exact*: the error of the layers, which
are refined as two layers are. For equal singular values the first layer solves the linear
equations.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import MatrixLike, PartitionLike, VectorLike
from exactflow.flows.float_layers import FloatCoupling
from exactflow.laws.gaussian import Whitening, refinement
from exactflow.laws.gaussian.covariance import Covariance
from exactflow.laws.gaussian.refinement import (
    FloatLayers,
    SingularBasis,
    round_floats_100_bits_below_column_max,
)

__all__ = ["levels", "three_layers", "whiten_by_three"]

NEAR = 0.1  # log det Sigma, below which it is computed exactly
SHIFTS = (11, 7, 5, 4, 3)  # of walks, tried where nearly equal levels hinder refinement
ROUNDED = 1e-9  # an eigenvalue that is to lie on a side of 1 may miss it by as much
MARGIN = 0.02  # of the least level above 0, which is a singular case
BELOW = 1e-8  # a level may lie below 0 by as much


def whiten_by_three(
    Sigma: MatrixLike, *, mean: "VectorLike | None" = None, partition: "PartitionLike | None" = None
) -> Whitening:
    """Return three layers that whiten N(mean, Sigma), additive where that is possible.

    They are additive if det Sigma = 1, up to rounding, and three additive layers are known: on
    equal halves they are; on halves that differ by one they exist where `gaussian_depth` says so.
    Else the first two layers have one scale each, det(Sigma)^(-1/2d) if that does.

    Parameters
    ----------
    Sigma, mean, partition : as for `exactflow.whiten`, on halves that differ by at most two.

    Raises
    ------
    InvalidInputError
        As `exactflow.whiten`, and where no three layers are known for such halves.
    MethodError
        Sigma is singular up to rounding, or float64 is too coarse.

    Examples
    --------
    >>> whiten_by_three([[2, 1], [1, 1]]).is_additive
    True
    """
    return Whitening.construct(three_layers, Sigma, mean=mean, partition=partition)


def three_layers(covariance: Covariance, p: int) -> tuple[FloatLayers, Fraction]:
    """Return three layers that whiten, on halves of p and d - p coordinates, and their error.

    Raises `InvalidInputError` where no three are known for such halves, `MethodError` where float64
    is too coarse.
    """
    q, factor = len(covariance.rounded) - p, _factor(covariance)
    bases = Eigenbases.of(covariance.rounded, p, factor, factor)
    if not bases.is_straddled:
        other = covariance.with_halves_swapped(p)
        of_other = Eigenbases.of(other.rounded, q, factor, factor)
        if of_other.is_straddled:
            layers, error = _least(of_other, other)
            return tuple(layer.swap_halves() for layer in layers), error
        if abs(q - p) > 2:
            raise InvalidInputError(
                f"expected halves that differ by at most two for three layers, got ({p}, {q}): use "
                "exactflow.whiten, or another partition; gaussian_depth says how many layers there "
                "are"
            )
        bases = _straddled(covariance.rounded, p, bases)
    return _least(bases, covariance)


def _least(bases: "Eigenbases", covariance: Covariance) -> tuple[FloatLayers, Fraction]:
    """Return the layers of least error that some walks lead to."""
    best = refinement.refine_by_exact_residuals(bases.layers(1), covariance, _take_newton_step)
    for shifted in SHIFTS if len(bases.s) == len(bases.r) else ():
        if best[1] <= refinement.ROUNDINGS * refinement.estimate_whitening_error_of_rounded_entries(
            best[0], covariance
        ):
            break
        found = refinement.refine_by_exact_residuals(
            bases.layers(shifted), covariance, _take_newton_step
        )
        best = min(best, found, key=lambda pair: pair[1])
    if best[1] > refinement.ACCEPTED:
        raise MethodError(
            "expected a covariance within reach of three layers in float64, got an error of "
            f"{float(best[1]):.1e}: scale the coordinates, or use exactflow.whiten"
        )
    return best


def _layers(
    scale1: float, scale2: float, z: np.ndarray, x: np.ndarray, t: np.ndarray
) -> FloatLayers:
    """Return the layers x2 <- scale2 x2 + z x1, x1 <- scale1 x1 + x x2, x2 <- x2 + t x1."""
    q, p = z.shape
    return (
        FloatCoupling("second", round_floats_100_bits_below_column_max(z), np.full(q, scale2)),
        FloatCoupling("first", round_floats_100_bits_below_column_max(x), np.full(p, scale1)),
        FloatCoupling("second", round_floats_100_bits_below_column_max(t), np.ones(q)),
    )


def _take_newton_step(layers: FloatLayers, E: np.ndarray) -> FloatLayers:
    """Return the layers after a Newton step that removes E = Q Sigma Q^T - I.

    The change w of z / scale1, and factors 1 + r1 and 1 + r2 of the scales, unless these are 1,
    add x w (I + x t) + r1 I to the first diagonal block of dQ Q^-1, and r2 I - (I + t x) w x to
    the last: they take the place of alpha and beta.
    """
    z, x, t = (layer.shift for layer in layers)
    scale2, scale1 = layers[0].scales[0], layers[1].scales[0]
    p, basis = len(x), SingularBasis.decompose_negative(t)
    E1, E2 = -E[:p, :p] / 2, -E[p:, p:] / 2
    one1, one2 = np.eye(len(E1)), np.eye(len(E2))
    out, into = one1 + x @ t, one2 + t @ x
    l1, l2 = basis.solvability_quadratic_form_rows()
    a, b, a2, b2 = l1 @ x, l2 @ into, l1 @ out.T, l2 @ x.T
    by_r = np.array([np.sum(l1**2, axis=1), np.sum(l2**2, axis=1)])
    by_r *= (scale1, scale2) != (1, 1)
    gram = (a @ a.T) * (a2 @ a2.T) - (a @ b.T) * (a2 @ b2.T) + by_r.T @ by_r
    gram += (b @ b.T) * (b2 @ b2.T) - (b @ a.T) * (b2 @ a2.T)
    weights = np.linalg.lstsq(gram, basis.solvability_right_sides(E1, E2), rcond=1e-13)[0]
    w, (r1, r2) = (a.T * weights) @ a2 - (b.T * weights) @ b2, (by_r @ weights).tolist()
    left, right = w @ out, -w @ x
    first, last = x @ left + r1 * one1, into @ right + r2 * one2
    c = basis.solve_consistent_block_equations_for_c(
        E1 - (first + first.T) / 2, E2 - (last + last.T) / 2
    )
    below = -(E[:p, p:] + c + x @ right).T + t @ c @ t - into @ left
    return _layers(
        scale1 * (1 + r1),
        scale2 * (1 + r2),
        z + scale1 * w + r2 * z,
        x + c + (r1 - r2) * x,
        t + below + (r2 - r1) * t,
    )


def _factor(covariance: Covariance) -> float:
    """Return det(Sigma)^(-1/2d), or 1 where it is that up to rounding."""
    d = len(covariance.rounded)
    log_det = np.linalg.slogdet(covariance.rounded)[1]
    if abs(log_det) < NEAR:  # rounding may have cost all its digits
        log_det = np.log1p(to_float(covariance.exact_matrix.det() - 1))
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

    def layers(self, shifted: int) -> FloatLayers:
        """Return the three layers; see `levels` for walks that are shifted."""
        z, g = levels(np.log(self.s), np.log(self.r), shifted)
        s, U, r, V = np.sqrt(self.s)[:, None], self.U, np.sqrt(self.r), self.V
        R, T = np.sqrt(np.expm1(g)), np.sqrt(np.expm1(z))
        inverse = np.exp(-z.sum(axis=1))
        x = V @ ((T - s * R / r).T * inverse) @ U.T
        y = U @ (s * R * r) @ V.T
        z = self.scale1 * (y - self.regression)
        return _layers(self.scale1, self.scale2, z, x, -U @ T @ V.T)


def _straddled(Sigma: np.ndarray, p: int, bases: Eigenbases) -> Eigenbases:
    """Return the bases for factors of the halves that bring a median of the larger one to 1, an
    eigenvalue where one is to be left out.
    """
    q, factor = len(Sigma) - p, bases.scale1
    larger = max(bases.s, bases.r, key=len)
    middle = larger[len(larger) // 2]
    if abs(q - p) == 1:
        middle = np.sqrt(middle * larger[(len(larger) - 1) // 2])
    first, second = middle ** (max(1, q / p) / 2), middle ** (max(1, p / q) / 2)
    return Eigenbases.of(Sigma, p, factor * first, factor / second)


def levels(sigma: np.ndarray, rho: np.ndarray, shifted: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return z and g as matrices, len(sigma) x len(rho): z_(i+1) where sigma_(i+1) and rho_i meet,
    g_i where sigma_i and rho_i do, 0 elsewhere.

    Parameters
    ----------
    sigma, rho : ascending, of equal sums. If the longer one has m entries more, m - 1 of them are
        0, up to rounding, and 0 lies between the others.
    shifted : join entries of a cycle after a shift of the ranks by one within blocks of so many.
    """
    if len(sigma) < len(rho):
        z, g = levels(rho, sigma)
        return z.T, g.T
    z, g = np.zeros((2, len(sigma), len(rho)))
    if len(sigma) == len(rho):
        i, j = _cycle(sigma, rho, shifted)
        walk = np.cumsum([0.0, *(rho[j] - sigma[i])[:-1]])
        start = MARGIN - min(walk.min(), (walk - sigma[i]).min())
        z[i, np.roll(j, 1)] = walk + start
        g[i, j] = walk + start - sigma[i]
        return z, g
    more = len(sigma) - len(rho) - 1
    if more:
        kept = np.sort(np.argsort(np.abs(sigma))[more:])
        z[kept], g[kept] = levels(sigma[kept], rho)
        return z, g
    i, j = _path(sigma, rho)
    walk = np.cumsum(rho[j] - sigma[i][:-1])
    z[i[1:], j] = np.maximum(walk, 0)
    g[i[:-1], j] = np.maximum(walk - rho[j], 0)
    return z, g


def _cycle(sigma: np.ndarray, rho: np.ndarray, shifted: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of the sigma and of the rho."""
    n = len(rho)
    blocks = np.array_split(np.arange(n), max(1, n // shifted))
    ranks = np.concatenate([np.roll(block, 1) for block in blocks])
    steps = rho[ranks] - sigma
    left, order, level = list(np.argsort(steps)), [], 0.0
    for _ in range(n):
        order.append(left.pop(0 if level > 0 else -1))
        level += steps[order[-1]]
    return np.array(order), ranks[order]


def _path(sigma: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of the sigma, the least first and the greatest last, and of the rho."""
    first, *free, last = range(len(sigma))
    left, i, j, level = list(range(len(rho))), [first], [], -sigma[first]
    while free:
        up = level + rho[left][:, None]
        down = up - sigma[free]
        greatest = np.full((len(left), 1), rho[left[-1]])
        greatest[-1] = rho[left[-2]]
        allowed = (np.minimum(up, down) > -BELOW) & (down + greatest > -BELOW)
        best = np.argmin(np.where(allowed, up + down, np.inf))
        a, b = np.unravel_index(best, down.shape)
        level = down[a, b]
        j.append(left.pop(a))
        i.append(free.pop(b))
    return np.array([*i, last]), np.array([*j, left[0]])
