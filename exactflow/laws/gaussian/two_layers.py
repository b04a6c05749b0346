"""Two affine layers that whiten a covariance, from diagonals that make two spectra equal.

Main results
------------
Let B = Sigma22, and let A be the inverse of the Schur complement Sigma11 - Sigma12 Sigma22^-1
Sigma21, which is a block of Sigma^-1. Two layers F = [[D1, X], [0, I]] [[I, 0], [T, D2]] generate
Sigma iff T T^T = B - D2^2 and I + T^T D2^-2 T = D1 A D1, for X = (Sigma12 - D1 T^T) B^-1. Let
R = D2^-1 T. Then R R^T = D2^-1 B D2^-1 - I and R^T R = D1 A D1 - I, so these two matrices have the
same nonzero eigenvalues.

*Diagonals.* Let A be p x p, B q x q, and k = q - p >= 0.
`find_diagonals_matching_spectra_with_ones` finds positive diagonals a and b such that a A a has
eigenvalues 1 < l_1 <= .. <= l_p, and b B b has these eigenvalues and k times the eigenvalue 1. Such
a and b exist for k <= 1 (the script gaussian_depth). For p = 1 and k >= 2 they exist iff
B = D + l l^T for a diagonal D > 0; then l_i^2 = b_ij b_ik / b_jk.

How it is checked
-----------------
*Numeric*: Newton's method with steps of least norm on the differences of the logarithms of the
eigenvalues, in u = log a and v = log b, where d log l_i = 2 sum_j V_ji^2 du_j for eigenvectors V.
An eigenvalue of multiplicity k adds k (k + 1) / 2 equations, for the block that its eigenvectors
span (Friedland, Nocedal and Overton, *The formulation and analysis of numerical
methods for inverse eigenvalue problems*, SIAM J. Numer. Anal. 24, 1987). *Exact*: the error of the
layers, see `exactflow.laws.gaussian.covariance`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exactflow.errors import MethodError
from exactflow.flows.float_layers import FloatCoupling
from exactflow.laws.gaussian import refinement
from exactflow.laws.gaussian.covariance import Covariance, LargestResidualEntry
from exactflow.laws.gaussian.refinement import (
    FloatLayers,
    SingularBasis,
    round_floats_100_bits_below_column_max,
)

UNCORRELATED = 1e-12  # smaller correlations within a half count as zero
STEPS = 30
LONGEST = 0.7  # in one step, no logarithm of a diagonal entry changes by more
SHORTEST = 2.0**-6  # the least fraction of a full step that is tried
ROUNDED = 1e-4  # a match with a larger residual is discarded; a smaller residual is refined
# if p = q, the least eigenvalue of a A a is set to 1 + LEAST, since the equations are singular at 1
LEAST = 0.02
# the pairs (log_spread, log_decrease_in_b) for `_start_near_unit_diagonals`, in the order of trials
SQUARE_STARTS = ((0.1, 0.0), (0.3, 0.0), (1.0, 0.0), (2.0, 0.0), (4.0, 0.0))
STARTS = tuple((spread, push) for push in (0.5, 1, 2, 3, 4, 5) for spread in (0.1, 0.5, 1.5))


def find_two_whitening_layers(
    covariance: Covariance, p: int
) -> tuple[FloatLayers, LargestResidualEntry]:
    """Return two whitening layers, and the largest absolute entry of Q Sigma Q^T - I for their
    matrix Q. The first half consists of the first `p` coordinates.

    Raises `MethodError` if the search finds no layers.
    """
    q = len(covariance.rounded) - p
    found = _find_layers_moving_first_half_first(covariance, p)
    if found is not None and found[1] < refinement.ACCEPTED:
        return found
    found = _find_layers_moving_first_half_first(covariance.with_halves_swapped(p), q)
    if found is not None and found[1] < refinement.ACCEPTED:
        return tuple(layer.swap_halves() for layer in found[0]), found[1]
    k = abs(q - p)
    if k < 2:
        raise MethodError(
            "two layers exist, but the search in float64 did not find them: scale the coordinates "
            "to unit variance, or pass another partition=.."
        )
    raise MethodError(
        f"no two layers on halves ({p}, {q}) were found. They exist only if the larger half of the "
        f"covariance, or of its inverse, minus a diagonal matrix has rank {min(p, q)}; for a "
        f"generic matrix this requires (q - p) (q - p + 1) / 2 = {k * (k + 1) // 2} <= {max(p, q)} "
        "(Ledermann), a necessary condition. Use halves whose sizes differ by at most one, "
        "for which two layers always exist; for a difference of two the script gaussian_depth "
        "constructs three"
    )


def _find_layers_moving_first_half_first(
    covariance: Covariance, p: int
) -> tuple[FloatLayers, LargestResidualEntry] | None:
    """Return two layers and their error. The first layer moves the first half, which has size p.
    Return None if the search finds no layers.
    """
    A, B = covariance.first_block_of_inverse(p), covariance.rounded[p:, p:]
    regression = np.linalg.solve(B, covariance.rounded[p:, :p]).T
    if max(_largest_absolute_correlation(A), _largest_absolute_correlation(B)) < UNCORRELATED:
        d1, d2 = np.sqrt(np.diag(A)), np.diag(B) ** -0.5
        layers = _build_two_layers_rounding_shifts(
            d1, -d1[:, None] * regression, d2, np.zeros(regression.shape[::-1])
        )
        error = covariance.whitening_residual_and_largest_entry(layers)[1]
        if error < 4 * refinement.estimate_whitening_error_of_rounded_entries(layers, covariance):
            return layers, error
    smaller, larger = (A, B) if len(A) <= len(B) else (B, A)
    match = find_diagonals_matching_spectra_with_ones(smaller, larger)
    if match is None:
        return None
    match = match if len(A) <= len(B) else SpectralMatch(A, B, match.v, match.u)
    return refinement.refine_by_exact_residuals(
        match.build_layers(regression), covariance, _take_newton_step
    )


def _largest_absolute_correlation(covariance: np.ndarray) -> float:
    """Return the largest absolute correlation of two different coordinates."""
    deviations = np.sqrt(np.diag(covariance))
    return np.abs(np.tril(covariance / np.outer(deviations, deviations), -1)).max()


def _build_two_layers_rounding_shifts(
    scale1: np.ndarray, shift1: np.ndarray, scale2: np.ndarray, shift2: np.ndarray
) -> FloatLayers:
    """Return the layers that map (x1, x2) first to y1 = scale1 x1 + shift1 x2, and then to
    y2 = scale2 x2 + shift2 y1. The entries of the shifts are rounded.
    """
    return (
        FloatCoupling("first", round_floats_100_bits_below_column_max(shift1), scale1),
        FloatCoupling("second", round_floats_100_bits_below_column_max(shift2), scale2),
    )


def _take_newton_step(layers: FloatLayers, residual: np.ndarray) -> FloatLayers:
    """Return the layers after a Newton step that removes their residual Q Sigma Q^T - I."""
    (x, d1), (t, d2) = ((layer.shift, layer.scale) for layer in layers)
    p, basis = len(x), SingularBasis.decompose_negative(t)
    E1, E2 = -residual[:p, :p] / 2, -residual[p:, p:] / 2
    left, right = basis.solvability_quadratic_form_rows()
    equations = np.hstack([left**2, right**2])
    steps = np.linalg.lstsq(equations, basis.solvability_right_sides(E1, E2), rcond=None)[0]
    alpha, beta = np.split(steps, [p])
    c = basis.solve_consistent_block_equations_for_c(E1 - np.diag(alpha), E2 - np.diag(beta))
    a = -(residual[:p, p:] + c).T - t @ (np.diag(alpha) - c @ t)
    return _build_two_layers_rounding_shifts(
        d1 + alpha * d1, x + alpha[:, None] * x + c * d2, d2 + beta * d2, t + a + beta[:, None] * t
    )


@dataclass(frozen=True, eq=False)
class SpectralMatch:
    """Positive diagonals a = exp(u) and b = exp(v) for symmetric matrices A and B, with which the
    eigenvalues of a A a and b B b should match.

    In this class, k = len(v) - len(u) is the difference of the sizes of B and A.
    """

    A: np.ndarray
    B: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @cached_property
    def eigh_of_scaled_A(self) -> tuple[np.ndarray, np.ndarray]:
        """The eigenvalues, ascending, and the eigenvectors of a A a."""
        return _eigh_of_scaled(self.A, self.u)

    @cached_property
    def eigh_of_scaled_B(self) -> tuple[np.ndarray, np.ndarray]:
        """The eigenvalues, ascending, and the eigenvectors of b B b."""
        return _eigh_of_scaled(self.B, self.v)

    @property
    def has_positive_eigenvalues(self) -> bool:
        """Whether all rounded eigenvalues of a A a and b B b are positive."""
        return min(self.eigh_of_scaled_A[0][0], self.eigh_of_scaled_B[0][0]) > 0

    def with_logs_moved(self, du: np.ndarray, dv: np.ndarray) -> "SpectralMatch":
        """Return the match with u + du in place of u, and v + dv in place of v."""
        return SpectralMatch(self.A, self.B, self.u + du, self.v + dv)

    def stacked_log_residuals(self) -> np.ndarray:
        """Return the differences of the logarithms of eigenvalues that should be equal. They are
        followed by the upper triangle of the k x k diagonal matrix of the logarithms of the k
        eigenvalues of b B b that should be 1.
        """
        k = len(self.v) - len(self.u)
        logs = np.log(self.eigh_of_scaled_B[0])
        block = np.diag(logs[:k])[np.triu_indices(k)]
        return np.concatenate([np.log(self.eigh_of_scaled_A[0]) - logs[k:], block])

    def approximate_stacked_log_residuals_jacobian(self) -> np.ndarray:
        """Return the derivative of `stacked_log_residuals` with respect to (u, v). It is exact only
        if the k least eigenvalues of b B b are equal.
        """
        k, V, W = len(self.v) - len(self.u), self.eigh_of_scaled_A[1], self.eigh_of_scaled_B[1]
        i, j = np.triu_indices(k)
        matching = np.hstack([2 * V.T**2, -2 * W[:, k:].T ** 2])
        block = 2 * (W[:, i] * W[:, j]).T
        return np.vstack([matching, np.hstack([np.zeros((len(i), len(V))), block])])

    def with_least_eigenvalue_near_one(self) -> "SpectralMatch":
        """Return the match with a and b multiplied by one factor, which makes the least eigenvalue
        of b B b equal to 1. If k = 0, it makes the least eigenvalue of a A a equal to 1 + LEAST.
        """
        if len(self.u) < len(self.v):
            excess = self.eigh_of_scaled_B[0][0]
        else:
            excess = self.eigh_of_scaled_A[0][0] / (1 + LEAST)
        shift = np.log(excess) / 2
        return self.with_logs_moved(-shift, -shift)

    def build_layers(self, first_on_second_regression: np.ndarray) -> FloatLayers:
        """Return two whitening layers. The argument `first_on_second_regression` is
        Sigma12 Sigma22^-1.
        """
        least = min(len(self.u), len(self.v))
        d1, d2 = np.exp(-self.u), np.exp(self.v)
        (a_values, V), (b_values, W) = self.eigh_of_scaled_A, self.eigh_of_scaled_B
        values = (a_values[-least:] + b_values[-least:]) / 2
        R = W[:, -least:] * np.sqrt(values - 1) @ V[:, -least:].T
        inverse = W / b_values @ W.T
        return _build_two_layers_rounding_shifts(
            d1, R.T @ inverse * d2 - d1[:, None] * first_on_second_regression, d2, -R
        )


def _eigh_of_scaled(M: np.ndarray, log_scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues and eigenvectors of D M D for the diagonal D of exp(log_scales)."""
    scale = np.exp(log_scales)
    return np.linalg.eigh(scale[:, None] * M * scale)


def find_diagonals_matching_spectra_with_ones(A: np.ndarray, B: np.ndarray) -> SpectralMatch | None:
    """Find diagonals a and b such that, up to rounding, b B b has the eigenvalues of a A a and
    ones. Return None if the search fails. B is at least as large as A.

    The search begins near the diagonals that make the diagonal entries of a A a and b B b one.
    """
    if len(A) == 1 and len(B) > 2 and (one := _match_diagonal_plus_rank_one_B(A, B)) is not None:
        return one
    for spread, push in SQUARE_STARTS if len(A) == len(B) else STARTS:
        start = _start_near_unit_diagonals(A, B, spread, push)
        if not start.has_positive_eigenvalues:
            continue
        found = _solve_match_by_newton(start.with_least_eigenvalue_near_one())
        if found is None:
            continue
        found = found.with_least_eigenvalue_near_one()
        if found.eigh_of_scaled_A[0][0] > 1 + LEAST / 4:
            return found
    return None


def _match_diagonal_plus_rank_one_B(A_1x1: np.ndarray, B: np.ndarray) -> SpectralMatch | None:
    """Return the match of a 1 x 1 matrix with a matrix B = D + l l^T, where D is diagonal. The
    diagonal b of the match scales B to I + r r^T, for a vector r.

    Returns None if B has no such form with all l_i nonzero, or if rounding errors are too large.
    """
    i, j = np.triu_indices(len(B), 1)
    if not B[i, j].all():
        return None
    pairs = np.zeros((len(i), len(B)))
    pairs[range(len(i)), i] = pairs[range(len(i)), j] = 1
    squares = np.exp(2 * np.linalg.lstsq(pairs, np.log(np.abs(B[i, j])), rcond=None)[0])
    if (squares >= np.diag(B)).any():
        return None
    v = -np.log(np.diag(B) - squares) / 2
    greatest = np.linalg.eigvalsh(np.exp(v)[:, None] * B * np.exp(v))[-1]
    match = SpectralMatch(A_1x1, B, np.log(greatest / A_1x1[0]) / 2, v)
    if match.has_positive_eigenvalues and np.abs(match.stacked_log_residuals()).max() < ROUNDED:
        return match
    return None


def _start_near_unit_diagonals(
    A: np.ndarray, B: np.ndarray, log_spread: float, log_decrease_in_b: float
) -> SpectralMatch:
    """Return the match at which a search starts. The diagonal entries of a A a and b B b are near
    one.

    First a and b are chosen so that these entries are one. Then equally spaced numbers from
    -log_spread to log_spread are subtracted from the logarithms of the entries of a, and added to
    the logarithms of the entries of b; without this spread the equations are singular. At last the
    k entries of b whose rows of B depend most on the other rows are divided by
    exp(log_decrease_in_b), so that the least k eigenvalues are separate from the others: sorted
    eigenvalues have no derivative where they cross.
    """
    u = -log_spread * np.linspace(-1, 1, len(A)) - np.log(np.diag(A)) / 2
    v = log_spread * np.linspace(-1, 1, len(B)) - np.log(np.diag(B)) / 2
    if log_decrease_in_b:
        dependence = np.diag(B) * np.diag(np.linalg.inv(B))
        v[np.argsort(-dependence)[: len(B) - len(A)]] -= log_decrease_in_b
    return SpectralMatch(A, B, u, v)


def _solve_match_by_newton(match: SpectralMatch) -> SpectralMatch | None:
    """Improve a match by damped Newton steps. Return None if the residual remains large."""
    residual = match.stacked_log_residuals()
    for _ in range(STEPS):
        step = np.linalg.lstsq(
            match.approximate_stacked_log_residuals_jacobian(), -residual, rcond=None
        )[0]
        length = min(1.0, LONGEST / max(np.abs(step).max(), LONGEST))
        size, better = np.linalg.norm(residual), None
        while better is None and length > SHORTEST:
            tried = match.with_logs_moved(*np.split(length * step, [len(match.u)]))
            if (
                tried.has_positive_eigenvalues
                and np.linalg.norm(tried.stacked_log_residuals()) < (1 - length / 10) * size
            ):
                better = tried
            length /= 2
        if better is None:
            break
        match, residual = better, better.stacked_log_residuals()
        if np.abs(residual).max() < 1e-12:
            break
    return match if np.abs(residual).max() < ROUNDED else None
