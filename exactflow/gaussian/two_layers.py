"""Two affine layers that whiten a covariance: diagonals of equal spectra, and the refinement.

Main results
------------
With A the inverse of the Schur complement Sigma11 - Sigma12 Sigma22^-1 Sigma21, which is a block
of Sigma^-1, and B = Sigma22, two layers F = [[D1, X], [0, I]]
[[I, 0], [T, D2]] generate Sigma iff T T^T = B - D2^2 and I + T^T D2^-2 T = D1 A D1, for
X = (Sigma12 - D1 T^T) B^-1. So with R = D2^-1 T: R R^T and R^T R are D2^-1 B D2^-1 - I and
D1 A D1 - I, which have the same nonzero eigenvalues.

How it is checked
-----------------
*Exact*: the error of the layers, see `exactflow.gaussian.covariance`.
"""

from fractions import Fraction

import numpy as np

from exactflow.errors import MethodError
from exactflow.flows.float_layers import FloatCoupling
from exactflow.gaussian.covariance import Covariance
from exactflow.gaussian.refinement import ACCEPTED, Pair, refined
from exactflow.gaussian.spectra import matched

__all__ = ["two_layers"]

UNCORRELATED = 1e-12


def two_layers(covariance: Covariance, p: int) -> tuple[tuple[FloatCoupling, ...], Fraction]:
    """Return two layers that whiten, on halves of p and d - p coordinates, and their error.

    Raises `MethodError` where none are found.
    """
    d = len(covariance.rounded)
    q = d - p
    natural, exchanged = range(d), (*range(p, d), *range(p))
    for order, size in ((natural, p), (exchanged, q)):
        found = _first_then_second(covariance.ordered(order), size)
        if found is not None and found[1] < ACCEPTED:
            layers = found[0].layers()
            layers = layers if order is natural else [layer.swapped() for layer in layers]
            return tuple(layers), found[1]
    raise _refusal(p, q)


def _refusal(p: int, q: int) -> MethodError:
    k = abs(q - p)
    if k < 2:
        return MethodError(
            "expected a covariance within reach of the search, found no two layers in float64, "
            "though they exist: scale the coordinates, or use another partition"
        )
    return MethodError(
        f"expected a covariance that two layers on halves ({p}, {q}) whiten, found none: one half "
        f"(or the other's precision) less a diagonal must have rank {min(p, q)}, which generic "
        f"matrices allow only where (q - p) (q - p + 1) / 2 = {k * (k + 1) // 2} <= {max(p, q)} "
        "(Ledermann), and not all of them then; halves that differ by at most one always have two, "
        "by two three: use layers=3 or another partition"
    )


def _first_then_second(covariance: Covariance, p: int) -> tuple[Pair, Fraction] | None:
    """Return layers that move the first half, then the second, if found."""
    A, B = covariance.precision(p), covariance.rounded[p:, p:]
    regression = np.linalg.solve(B, covariance.rounded[p:, :p]).T
    if max(_correlation(A), _correlation(B)) < UNCORRELATED:
        pair = _uncorrelated(A, B, regression)
        error = covariance.residual(pair.layers())[1]
        if error < 4 * pair.rounding(covariance):
            return pair, error
    match = matched(A, B) if len(A) <= len(B) else matched(B, A)
    match = match if match is None or len(A) <= len(B) else match.swapped()
    return None if match is None else refined(Pair.of(match, regression), covariance)


def _correlation(M: np.ndarray) -> float:
    """Return the largest correlation in a covariance."""
    deviations = np.sqrt(np.diag(M))
    return np.abs(np.tril(M / np.outer(deviations, deviations), -1)).max()


def _uncorrelated(A: np.ndarray, B: np.ndarray, regression: np.ndarray) -> Pair:
    """Return the layers for diagonal A and B: the shift of the second one is 0."""
    d1 = np.sqrt(np.diag(A))
    return Pair(d1, -d1[:, None] * regression, np.diag(B) ** -0.5, np.zeros(regression.shape[::-1]))
