"""The search for balanced layers: attempts of growing care, each judged by the exact account."""

from fractions import Fraction

import numpy as np
import sympy
from threadpoolctl import threadpool_limits

from exactflow.balancing.account import (
    FloatCoupling,
    composed,
    inverse_error_bound,
    snapped,
)
from exactflow.balancing.homotopy import RIDGE, Attempt, StuckError, find_layers
from exactflow.balancing.newton import Frame, Word, rms
from exactflow.balancing.result import Balanced
from exactflow.balancing.target import Target
from exactflow.errors import MethodError
from exactflow.exact.rounding import rounded_up

__all__ = ["search"]

TOLERANCE = Fraction(1, 10**12)
ROUNDING = Fraction(1, 2**52)
CORRECTIONS = 6
CAREFUL_FROM = 1e3
ONE_THREAD = 256
FREE = 1e4
ATTEMPTS = (
    Attempt(pull=0.3, tol=0.1),
    Attempt(pull=0.1, tol=0.01),
    Attempt(pull=0.03, tol=0.01),
    Attempt(pull=0.03, tol=0.01, spread=FREE),
    Attempt(pull=0.3, tol=0.1, anchored=True),
    Attempt(pull=0.03, tol=0.001, spread=FREE),
    Attempt(pull=0.1, tol=0.001, anchored=True),
)


def search(target: Target, layers: int, seed: int) -> Balanced:
    """Return the layers of the first attempt that passes the account, or raise `MethodError`.

    Where products are small, NumPy's and SciPy's pools of threads only wait for each other.
    """
    with threadpool_limits(1 if len(target.rounded) <= ONE_THREAD else None):
        return _search(target, layers, seed)


def _search(target: Target, layers: int, seed: int) -> Balanced:
    M = target.rounded / target.scale
    careful = int(np.linalg.cond(M) > CAREFUL_FROM)
    reached = np.inf
    for i, attempt in enumerate(ATTEMPTS[careful:], careful):
        word = Word(layers, len(M) // 2, first=i // 2 % 2)
        try:
            X = find_layers(M, word, attempt, np.random.default_rng([seed, i]))
        except StuckError as stuck:
            reached = min(reached, stuck.residual)
            continue
        result = _judged(target, word, X)
        if isinstance(result, Balanced):
            return result
        reached = min(reached, result)
    raise MethodError(
        f"expected {layers} layers within {float(TOLERANCE):.0e} of the matrix, relative to its "
        f"largest entry; the search reached a residual of {reached:.1e}: try "
        f"layers={2 * (layers // 2) + 2}, or another seed"
    )


def _judged(target: Target, word: Word, X: np.ndarray) -> Balanced | float:
    """Correct the layers near X by their exact error; return them, or that error if too large."""
    candidates, size = [], target.exact.largest()
    for _ in range(CORRECTIONS):
        layers = _layers(word, X, target.scale)
        E = target.exact - composed(layers)
        candidates.append((E.largest(), layers, E))
        if candidates[-1][0] <= ROUNDING * size:
            break
        try:
            X = X + _correction(target, word, X, E.floats() / target.scale)
        except np.linalg.LinAlgError:
            break
    error, layers, E = min(candidates, key=lambda candidate: candidate[0])
    bound = inverse_error_bound(target.exact, np.linalg.inv(target.rounded), E)
    if error > TOLERANCE * size or bound is None:
        return float(error / size)
    return Balanced(layers, sympy.Rational(error), sympy.Rational(rounded_up(bound)))


def _layers(word: Word, X: np.ndarray, scale: float) -> tuple[FloatCoupling, ...]:
    """Return layers, in order of application, with the product scale S_1 .. S_K, on the grid.

    Each half is scaled in equal parts by all factors that move it. With C the scales of the
    factors to the right, S(X) C = C S(X'), X' = C_moved^-1 X C_kept.
    """
    on_the_right, layers = [1.0, 1.0], []
    for i in reversed(range(word.layers)):
        moved = (i + word.first) % 2
        times = (word.layers + 1 - i % 2) // 2
        part = scale ** (1 / times) if i > 1 else scale / on_the_right[moved]
        ratio = part * on_the_right[moved] / on_the_right[1 - moved]
        shift = snapped(ratio * X[i], ratio)
        layers.append(FloatCoupling(("first", "second")[moved], part, shift))
        on_the_right[moved] *= part
    return tuple(layers)


def _correction(target: Target, word: Word, X: np.ndarray, E: np.ndarray) -> np.ndarray:
    """Return the Newton step that removes the error E of M, but for the part that changes det M.

    Shears cannot change the determinant, whose gradient at M is along M^-T.
    """
    gradient = np.linalg.inv(target.rounded / target.scale).T
    E = E - np.vdot(gradient, E) / np.vdot(gradient, gradient) * gradient
    frame = Frame(word, X)
    F = frame.centred(E)
    return frame.step(F, 0.0, X, 1e-4, RIDGE * rms(F))
