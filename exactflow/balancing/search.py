"""Layers for a target: in closed form, or searched, by attempts of growing care."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from exactflow.balancing.affine import LARGEST_DIMENSION, affine_layers
from exactflow.balancing.closed import (
    Shears,
    closed_form,
    closed_shears,
    has_closed_form,
)
from exactflow.balancing.homotopy import Attempt, StuckError, find_layers, random_start
from exactflow.balancing.judge import TOLERANCE, judged
from exactflow.balancing.newton import Word
from exactflow.balancing.result import Balanced
from exactflow.balancing.target import Target
from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.threads import one_thread
from exactflow.exact.typing import BalanceMethod

__all__ = ["solve"]

CAREFUL_FROM, BEYOND = 1e3, 1e11
FREE = 1e4
ATTEMPTS = (
    Attempt(pull=0.1, tol=0.1),
    Attempt(pull=0.1, tol=0.01),
    Attempt(pull=0.03, tol=0.01),
    Attempt(pull=0.03, tol=0.01, spread=FREE),
    Attempt(pull=0.3, tol=0.1, anchored=True),
    Attempt(pull=0.03, tol=0.001, spread=FREE),
    Attempt(pull=0.1, tol=0.001, anchored=True),
)
FEW = 3
GOOD = Fraction(1, 5 * 10**14)


def solve(target: Target, layers: int | None, method: BalanceMethod, seed: int) -> Balanced:
    """Return the layers that `exactflow.balancing.balance` promises.

    On one thread: see `one_thread`.
    """
    with one_thread():
        closed = has_closed_form(target.halves)
        if method == "closed":
            return _closed(target, layers)
        if layers == 4:
            return _affine(target, layers, seed)
        if layers == 5:
            return _five(target, seed)
        if method == "search" or layers is not None or not closed:
            return _search(target, layers or _default(target.halves), seed, len(ATTEMPTS))
        if target.rotation is not None or target.condition > BEYOND:
            return _closed(target, None)
        try:
            result = _search(target, 6, seed, FEW)
        except MethodError:
            return _closed(target, None)
        return result if _is_good(result, target) else _closed(target, None)


def _is_good(result: Balanced, target: Target) -> bool:
    return bool(result.error <= GOOD * target.largest())


def _default(halves: tuple[int, int]) -> int:
    """Return 2 m + 4, m = q / p rounded up: enough always."""
    return 4 - 2 * (-max(halves) // min(halves))


def _closed(target: Target, layers: int | None) -> Balanced:
    if not has_closed_form(target.halves):
        raise MethodError(
            "expected halves that differ by at most one for method='closed', got "
            f"{target.halves}: use method='search'"
        )
    result = None
    for solution in closed_form(target):
        found = judged(target, solution)
        if isinstance(found, Balanced) and (result is None or found.error < result.error):
            result = found
        if result is not None and _is_good(result, target):
            break
    if result is None:
        raise MethodError(
            f"expected layers within {float(TOLERANCE):.0e} of the matrix, relative to its largest "
            f"entry, got {found:.0e}: factor the matrix exactly instead"
        )
    if layers not in (None, len(result.layers)):
        raise InvalidInputError(
            f"expected layers=None with method='closed' (here {len(result.layers)} layers: six for "
            f"a multiple of a rotation, eleven else), got {layers}: use method='search'"
        )
    return result


def _five(target: Target, seed: int) -> Balanced:
    """Return layers that are additive but for the scalar, else layers with scales."""
    try:
        return _search(target, 5, seed, len(ATTEMPTS))
    except MethodError:
        if sum(target.halves) > LARGEST_DIMENSION:
            raise
    return _affine(target, 5, seed)


def _affine(target: Target, layers: int, seed: int) -> Balanced:
    d = sum(target.halves)
    if d > LARGEST_DIMENSION:
        raise MethodError(
            f"expected at most {LARGEST_DIMENSION} coordinates with layers={layers}, got {d}: "
            "leave layers out, or take 6"
        )
    found, residual = affine_layers(target, layers, seed)
    result = residual if found is None else judged(target, found)
    if isinstance(result, Balanced):
        return result
    raise MethodError(
        f"expected {layers} layers with scales, found none; the search reached a residual of "
        f"{result:.1e}: not every matrix has them, see minimal_depth(W, scales='positive'); leave "
        "layers out, or try another seed"
    )


def _search(target: Target, layers: int, seed: int, attempts: int) -> Balanced:
    M = target.unit / target.scale
    careful = int(target.condition > CAREFUL_FROM)
    reached = np.inf
    for attempt, word, start in _starts(target, layers, seed, careful, careful + attempts):
        try:
            shears = find_layers(word.embedded(M), word, attempt, start)
        except StuckError as stuck:
            reached = min(reached, stuck.residual)
            continue
        result = judged(target, Shears(target, shears))
        if isinstance(result, Balanced):
            return result
        reached = min(reached, result)
    raise MethodError(
        f"expected {layers} layers within {float(TOLERANCE):.0e} of the matrix, relative to its "
        f"largest entry; the search reached a residual of {reached:.1e}: leave layers out, or try "
        f"layers={2 * (layers // 2) + 2}, or another seed"
    )


def _starts(
    target: Target, layers: int, seed: int, begin: int, end: int
) -> Iterator[tuple[Attempt, Word, np.ndarray]]:
    """Yield attempts with words and starts: layers of the polar factor in closed form for seed 0,
    with idle layers behind them, then random ones.
    """
    if seed == 0 and layers >= 6 and has_closed_form(target.halves):
        U, _, Vt = target.svd
        for i in range(begin, min(end, len(ATTEMPTS))):
            six, X = closed_shears(U @ Vt, target.halves, inverse=i // 2 % 2 == 0)
            word = Word.on(target.halves, layers, six.first)
            yield ATTEMPTS[i], word, np.concatenate([X, np.zeros((layers - 6, *X.shape[1:]))])
    for i in range(begin, min(end, len(ATTEMPTS))):
        word = Word.on(target.halves, layers, i // 2 % 2)
        yield ATTEMPTS[i], word, random_start(word, np.random.default_rng([seed, i]))
