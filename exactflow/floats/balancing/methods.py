"""Methods that find balanced layers: closed forms, and a search by attempts of growing care."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.progress import report_stage
from exactflow.floats.balancing.balanced import Balanced
from exactflow.floats.balancing.closed_form import (
    Shears,
    has_closed_form,
    six_shears_of_rotation,
    yield_closed_forms,
)
from exactflow.floats.balancing.homotopy import StuckError, find_shears, random_start
from exactflow.floats.balancing.newton import ShearPattern
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import TUNING, Attempt
from exactflow.floats.threads import one_thread
from exactflow.flows.float_layers import FloatCoupling


def find_balanced(target: Target, layers: int | None, method: str, seed: int) -> Balanced:
    """Find balanced layers by the named method, on one thread."""
    with one_thread():
        return METHODS[method](target, layers, seed)


def _find_automatically(target: Target, layers: int | None, seed: int) -> Balanced:
    """Return searched layers if their number is given or if they are good, else the closed form."""
    if layers is not None or not has_closed_form(target.halves):
        return _find_by_search(target, layers, seed)
    if target.rotation is None and target.condition <= TUNING.beyond:
        with suppress(MethodError):
            result = _find_by_search(target, 6, seed, TUNING.few)
            if _has_small_error(result, target):
                return result
    return _find_closed_form(target)


def _has_small_error(result: Balanced, target: Target) -> bool:
    return bool(result.error <= TUNING.good * target.max_abs())


def _find_closed_form(target: Target, layers: int | None = None, seed: int = 0) -> Balanced:
    """Return the best closed form; raise `InvalidInputError` if `layers` is another number."""
    if not has_closed_form(target.halves):
        raise MethodError(
            "expected halves that differ by at most one for method='closed', got "
            f"{target.halves}: use method='search'"
        )
    result = None
    for solution in yield_closed_forms(target):
        found = _correct_or_return_error(target, solution)
        if not isinstance(found, Balanced):
            continue
        if result is None or found.error < result.error:
            result = found
        if _has_small_error(result, target):
            break
    if result is None:
        raise MethodError(
            f"the layers in closed form have the relative error {found:.0e}, above "
            f"{float(TUNING.tolerance):.0e}: factor the matrix exactly instead"
        )
    if layers not in (None, len(result.layers)):
        raise InvalidInputError(
            f"expected layers=None or layers={len(result.layers)} with method='closed' (six for a "
            f"multiple of a rotation, eleven otherwise), got {layers}: use method='search'"
        )
    return result


def _find_by_search(
    target: Target, layers: int | None, seed: int, most: int = len(TUNING.attempts)
) -> Balanced:
    """Return the layers of the first attempt that succeeds."""
    if layers is None:
        layers = 4 - 2 * (-max(target.halves) // min(target.halves))  # suffices for every matrix
    M = target.mantissa / target.scale
    begin = int(target.condition > TUNING.careful)
    attempts = [*enumerate(TUNING.attempts)][begin : begin + most]
    reached = np.inf
    for attempt, word, start in _yield_attempts_and_starts(target, layers, seed, attempts):
        try:
            shears = find_shears(word.embed(M), word, attempt, start)
        except StuckError as stuck:
            reached = min(reached, stuck.residual)
            continue
        result = _correct_or_return_error(target, Shears(target, shears))
        if isinstance(result, Balanced):
            return result
        reached = min(reached, result)
    raise MethodError(
        f"a search for {layers} layers reached the relative error {reached:.1e}, above "
        f"{float(TUNING.tolerance):.0e}: omit the argument layers, or try "
        f"layers={2 * (layers // 2) + 2} or another seed"
    )


def _yield_attempts_and_starts(
    target: Target, layers: int, seed: int, attempts: Sequence[tuple[int, Attempt]]
) -> Iterator[tuple[Attempt, ShearPattern, np.ndarray]]:
    """Yield attempts, each with a word and shifts to start from.

    For seed 0 the starts are, in turn, layers of the polar factor in closed form, followed by zero
    shifts, and random layers, since at the former all steps may be singular.
    """
    has_start = seed == 0 and layers >= 6 and has_closed_form(target.halves)
    for i, attempt in attempts:
        if has_start:
            U, _, Vt = target.svd
            six, X = six_shears_of_rotation(U @ Vt, target.halves, inverse=i // 2 % 2 == 0)
            word = ShearPattern.on(target.halves, layers, six.first)
            yield attempt, word, np.concatenate([X, np.zeros((layers - 6, *X.shape[1:]))])
        word = ShearPattern.on(target.halves, layers, i // 2 % 2)
        yield attempt, word, random_start(word, np.random.default_rng([seed, i]))


class Solution(Protocol):
    """Layers near a target that can be corrected."""

    def build_scaled_layers(self) -> tuple[FloatCoupling, ...]:
        """Return the layers, whose product is near the target."""

    def corrected(self, E: np.ndarray) -> "Solution":
        """Return a solution whose product has E, times 2^exponent of the target, added."""


def _correct_or_return_error(target: Target, solution: Solution) -> Balanced | float:
    """Correct a solution; return its layers, or their relative error if that is too large."""
    report_stage("the account", 0.9)
    least, goal = np.inf, TUNING.rounding * np.abs(target.mantissa).max()
    for _ in range(TUNING.corrections + 1):
        layers = solution.build_scaled_layers()
        difference = target.difference(layers)
        E = difference.to_floats(target.exponent)
        error, before = float(np.abs(E).max()), least
        if least == np.inf or error < least:
            best, least = (layers, difference), error
        if not goal < error < TUNING.slowest * before:
            break
        try:
            solution = solution.corrected(E)
        except np.linalg.LinAlgError:
            break
    result = Balanced(target, *best)
    relative = result.error / target.max_abs()
    return result if relative <= TUNING.tolerance else float(relative)


METHODS: dict[str, Callable[[Target, int | None, int], Balanced]] = {
    "auto": _find_automatically,
    "closed": _find_closed_form,
    "search": _find_by_search,
}
"""Functions from a target, a number of layers or None, and a seed to balanced layers."""
