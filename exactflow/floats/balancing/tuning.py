"""The numbers with which layers are found, each with its reason.

None of them makes a result right or wrong: what is returned is judged by its account. They decide
how long is searched, and when a closed form takes over. They were chosen on random rotations,
Gaussians, products of triangular factors, permutations, banded Toeplitz matrices and matrices of
condition 10^6 to 10^12, of 2 to 128 coordinates.
"""

from dataclasses import dataclass
from fractions import Fraction

EPS = 2.0**-52
"""The distance from 1 to the next float64."""


@dataclass(frozen=True)
class Attempt:
    """Parameters of one attempt to follow a path: the largest pull towards small layers, or,
    `anchored`, towards the start, away from the singular layers near zero; the relative residual of
    the linear solver; and how freely layers may move against each other
    (`exactflow.floats.balancing.newton`): much for matrices with few extreme singular values,
    little for those with many.
    """

    pull: float
    tol: float
    anchored: bool = False
    spread: float = 100.0


@dataclass(frozen=True)
class BalanceTuning:
    """The numbers, by the act that they belong to; sizes are relative to those of the matrix.

    Attributes
    ----------
    tolerance : an error beyond which no layers are returned; `balance` promises it.
    good : an error up to which six layers that were searched are preferred to eleven.
    rounding : an error that corrections need not lessen, and a scalar's distance from 1 that is
        none: two units in the last place.
    corrections, slowest : how many corrections are tried, while each leaves less than this part.
    grid : shifts are multiples of 2^-grid, so that their exact products stay short.
    near_rotation : how far M^T M may be from a multiple of I for the closed form of rotations.
    small : a part of the largest singular value, below which none is divided by.
    attempts : in the order in which they are made; the first is left out from condition `careful`.
    few : attempts before a closed form takes over; `beyond` this condition there are none.
    deviation : of the entries of random layers, times n^(1/2): norms near one.
    stretched : the ratio of singular values from which the path leads by way of the rotation.
    near_start : a start whose product is the rotation itself, up to rounding.
    stride, least_stride : the first step along a path, and the least, as a part of what is left.
    faster, recovered : factors of a step, and of the pull, after one that went well.
    on_path : a residual with which a point counts as on the path.
    steps, tries : along a path, and to come back to it at each step.
    relaxations, least_relaxation, stalled : steps towards small layers at the end, the least part
        of one, and the part of the distance that says that no more is gained.
    refinements, parts : Newton steps to rounding level, and the parts of a step that are tried.
    settled, converged, rounded : residuals from which one frame serves all further steps; up to
        which layers are handed on; and at which steps end.
    slow : the part of a residual that a step leaves where Newton's method does not converge.
    ridge, least_ridge : of the normal equations, times the residual, where all solutions are
        singular; the latter for corrections, whose residual is rounding.
    tol, fine : the relative residual of the linear solver, in float32 and in float64.
    dense : n, up to which the normal equations are a matrix.
    iterations : of conjugate gradients.
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
    relaxations: int = 12
    least_relaxation: float = 1e-3
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
