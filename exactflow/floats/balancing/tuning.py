"""Parameters of the search for layers, each with its reason.

None of them makes a result right or wrong, since the errors of each result are certified. They
decide how long the search takes and when a closed form replaces it. They were chosen on random
rotations, Gaussians, products of triangular factors, permutations, banded Toeplitz matrices and
matrices of condition 10^6 to 10^12, of 2 to 128 coordinates.
"""

from dataclasses import dataclass
from fractions import Fraction

EPS = 2.0**-52
"""The distance from 1 to the next float64."""


@dataclass(frozen=True)
class Attempt:
    """Parameters of one attempt to follow a path.

    Attributes
    ----------
    pull : the largest pull towards small layers, from 0 to 1.
    tol : the relative residual of the linear solver.
    anchored : whether the pull is towards the start instead, away from singular layers near zero.
    spread : the larger it is, the more layers may change in opposite directions
        (`exactflow.floats.balancing.newton`); small for few extreme singular values, large for
        many.
    """

    pull: float
    tol: float
    anchored: bool = False
    spread: float = 100.0


@dataclass(frozen=True)
class BalanceTuning:
    """Parameters in the order of use. Errors of layers are relative to the largest entry of
    the matrix.

    Attributes
    ----------
    tolerance : the largest error of layers that `balance` returns.
    good : the largest error with which six layers found by the search are preferred to the eleven
        layers in closed form.
    rounding : the error at which corrections end, and the distance from 1 up to which a scale
        counts as 1: two units in the last place.
    corrections, slowest : the largest number of corrections; they end early if one leaves more than
        the fraction `slowest` of the error.
    grid : shifts are multiples of 2^-grid, so that their exact products stay short.
    near_rotation : the largest distance of M^T M from a multiple of I with which the closed form of
        rotations is used for M.
    small : a divisor is at least this fraction of the largest singular value.
    attempts : the attempts in order; the first is omitted for condition numbers above `careful`.
    few : the number of attempts before the closed form is used; none is made if the condition
        number is above `beyond`.
    deviation : the standard deviation of the entries of random layers, times n^(1/2): with it,
        their norms are near one.
    stretched : if singular values have a larger ratio, the path passes through the polar factor.
    near_start : the distance up to which the product of the start counts as the polar factor.
    stride, least_stride : the first step along a path, and the smallest step as a fraction of the
        remaining path.
    faster, recovered : after a good step, the next step and the pull are multiplied by these.
    on_path : the residual up to which a point counts as on the path.
    steps, tries : the largest numbers of steps along a path and of corrections of each step.
    pulls, least_pull, stalled : the largest number of steps that pull towards small layers, and the
        smallest fraction of such a step that is tried; these steps end if the distance falls by
        less than the factor `stalled`.
    refinements, parts : the largest number of Newton steps to rounding level, and the fractions of
        a step that are tried.
    settled, converged, rounded : below these residuals one linearization serves all further steps,
        the layers are returned, and the steps end, in this order.
    slow : if a step leaves more than this fraction of the residual, Newton's method counts as not
        converging.
    ridge, least_ridge : the ridge of the normal equations as a multiple of the residual, and its
        least value in corrections; a ridge is needed if all solutions are singular.
    tol, fine : the relative residuals of the linear solver in float32 and in float64.
    dense : the largest n for which the normal equations are solved by a matrix.
    iterations : the largest number of iterations of conjugate gradients.
    """

    tolerance: Fraction = Fraction(1, 10**12)
    good: Fraction = Fraction(1, 5 * 10**14)
    rounding: float = 2 * EPS
    corrections: int = 6
    slowest: float = 0.8
    grid: int = 57
    near_rotation: float = 1e-6
    small: float = 0.05
    attempts: tuple[Attempt, ...] = (
        Attempt(pull=0.1, tol=0.1),
        Attempt(pull=0.1, tol=0.01),
        Attempt(pull=0.03, tol=0.01),
        Attempt(pull=0.03, tol=0.01, spread=1e4),
        Attempt(pull=0.3, tol=0.1, anchored=True),
        Attempt(pull=0.03, tol=0.001, spread=1e4),
        Attempt(pull=0.1, tol=0.001, anchored=True),
    )
    careful: float = 1e3
    few: int = 3
    beyond: float = 1e11
    deviation: float = 0.6
    stretched: float = 1e4
    near_start: float = 1e-9
    stride: float = 0.15
    least_stride: float = 5e-3
    faster: float = 1.6
    recovered: float = 1.5
    on_path: float = 0.15
    steps: int = 150
    tries: int = 3
    pulls: int = 12
    least_pull: float = 1e-3
    stalled: float = 0.995
    refinements: int = 40
    parts: tuple[float, ...] = (1.0, 0.5, 0.25)
    settled: float = 1e-5
    converged: float = 1e-6
    rounded: float = 1e-13
    slow: float = 0.25
    ridge: float = 1e-3
    least_ridge: float = 1e-5
    tol: float = 0.01
    fine: float = 1e-3
    dense: int = 10
    iterations: int = 300


TUNING = BalanceTuning()
