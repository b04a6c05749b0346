"""Methods that find balanced layers: closed forms, and a search by attempts of increasing care."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import sympy

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.progress import report_stage
from exactflow.floats.balancing.balanced import Balanced
from exactflow.floats.balancing.closed_form import (
    CorrectableLayers,
    Shears,
    has_closed_form,
    six_shears_of_rotation,
    yield_closed_forms,
)
from exactflow.floats.balancing.homotopy import (
    StuckError,
    draw_random_padded_shifts,
    find_shears_along_path,
)
from exactflow.floats.balancing.newton import ShearPattern
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import TUNING, Attempt
from exactflow.floats.threads import one_thread


def find_balanced_on_one_thread(
    target: Target, layers: int | None, method: str, seed: int
) -> Balanced:
    """Find balanced layers by the method named `method`, on one thread.

    `layers` is the number of layers, or None for any number.
    """
    with one_thread():
        return METHODS[method](target, layers, seed)


def _search_else_closed_form(target: Target, layers: int | None, seed: int) -> Balanced:
    """Return layers found by a search, or else layers in closed form.

    If `layers` is given or no closed form exists, only the search is tried. Otherwise the layers of
    the search are returned if their error is small, else the layers in closed form; the search is
    not tried for a multiple of a rotation, nor for a very ill-conditioned matrix.
    """
    if layers is not None or not has_closed_form(target.halves):
        return _find_by_first_successful_attempt(target, layers, seed)
    is_rotation = target.normalized_rotation_or_none is not None
    if not is_rotation and target.estimated_condition_number <= TUNING.beyond:
        with suppress(MethodError):
            result = _find_by_first_successful_attempt(target, 6, seed, TUNING.few)
            if _relative_error(result) <= TUNING.good:
                return result
    return _find_closed_form_of_least_error(target)


def _relative_error(result: Balanced) -> sympy.Rational:
    """Return the error of a result, relative to the largest entry of its target."""
    return result.error / result.target.exact_matrix.max_abs()


def _find_closed_form_of_least_error(
    target: Target, required_layers: int | None = None, unused_seed: int = 0
) -> Balanced:
    """Return the closed form whose error is least.

    Raises `InvalidInputError` if the number of its layers differs from `required_layers`, and
    `MethodError` if no closed form exists or the error is too large.
    """
    if not has_closed_form(target.halves):
        raise MethodError(
            "method='closed' needs halves whose sizes differ by at most one, but they are "
            f"{target.halves}: use method='search'"
        )
    result = None
    for solution in yield_closed_forms(target):
        found = _correct_or_return_relative_error(target, solution)
        if not isinstance(found, Balanced):
            continue
        if result is None or found.error < result.error:
            result = found
        if _relative_error(result) <= TUNING.good:
            break
    if result is None:
        raise MethodError(
            f"the layers in closed form have the relative error {found:.0e}, above the tolerance "
            f"{float(TUNING.tolerance):.0e}: factor the matrix exactly, with exactflow.factor"
        )
    if required_layers not in (None, len(result.layers)):
        raise InvalidInputError(
            f"expected layers=None or layers={len(result.layers)} with method='closed' (six for a "
            f"multiple of a rotation, eleven otherwise), got {required_layers}: use method='search'"
        )
    return result


def _find_by_first_successful_attempt(
    target: Target, layers: int | None, seed: int, most_attempts: int = len(TUNING.attempts)
) -> Balanced:
    """Return the layers of the first successful attempt of at most `most_attempts`.

    Raises `MethodError` if all attempts fail.
    """
    if layers is None:  # a number of layers that suffices for every matrix
        layers = 4 - 2 * (-max(target.halves) // min(target.halves))
    M = target.mantissa / target.mantissa_determinant_root
    begin = int(target.estimated_condition_number > TUNING.careful)
    attempts = [*enumerate(TUNING.attempts)][begin : begin + most_attempts]
    reached = np.inf
    for attempt, pattern, start in _yield_attempts_and_starts(target, layers, seed, attempts):
        try:
            shears = find_shears_along_path(
                pattern.extend_by_identity_on_idle_coordinates(M), pattern, attempt, start
            )
        except StuckError as stuck:
            reached = min(reached, stuck.residual)
            continue
        result = _correct_or_return_relative_error(target, Shears(target, shears))
        if isinstance(result, Balanced):
            return result
        reached = min(reached, result)
    raise MethodError(
        f"the search for {layers} layers reached the relative error {reached:.1e}, above the "
        f"tolerance {float(TUNING.tolerance):.0e}: omit the argument layers, or try "
        f"layers={2 * (layers // 2) + 2} or another seed"
    )


def _yield_attempts_and_starts(
    target: Target, layers: int, seed: int, attempts: Sequence[tuple[int, Attempt]]
) -> Iterator[tuple[Attempt, ShearPattern, np.ndarray]]:
    """Yield (attempt, pattern, start): an attempt, its pattern of shears, and the padded shifts at
    which it starts.

    For seed 0 each attempt is yielded twice if a closed form exists. First it starts at the closed
    form of the polar factor, followed by zero shifts, where all steps may be singular. Then it
    starts at random shifts, as for other seeds.
    """
    has_start = seed == 0 and layers >= 6 and has_closed_form(target.halves)
    for i, attempt in attempts:
        if has_start:
            U, _, Vt = target.mantissa_svd_with_det_UVt_one
            six, X = six_shears_of_rotation(
                U @ Vt, target.halves, invert_shears_of_inverse=i // 2 % 2 == 0
            )
            pattern = ShearPattern.for_halves(target.halves, layers, six.first)
            yield attempt, pattern, np.concatenate([X, np.zeros((layers - 6, *X.shape[1:]))])
        pattern = ShearPattern.for_halves(target.halves, layers, i // 2 % 2)
        yield attempt, pattern, draw_random_padded_shifts(pattern, np.random.default_rng([seed, i]))


def _correct_or_return_relative_error(
    target: Target, solution: CorrectableLayers
) -> Balanced | float:
    """Correct a solution until its error is at rounding level or hardly falls.

    Returns the layers with the least error. If this error, relative to the largest entry of the
    target, exceeds the tolerance, the relative error is returned instead.
    """
    report_stage("the account", 0.9)
    least, goal = np.inf, TUNING.rounding * np.abs(target.mantissa).max()
    for _ in range(TUNING.corrections + 1):
        layers = solution.build_scaled_layers()
        difference = target.minus_product(layers)
        E = difference.to_approximate_floats(target.mantissa_exponent)
        error, before = float(np.abs(E).max()), least
        if least == np.inf or error < least:
            best, least = (layers, difference), error
        if not goal < error < TUNING.slowest * before:
            break
        try:
            solution = solution.after_newton_step_for_product_increment(E)
        except np.linalg.LinAlgError:
            break
    result = Balanced(target, *best)
    relative = _relative_error(result)
    return result if relative <= TUNING.tolerance else float(relative)


METHODS: dict[str, Callable[[Target, int | None, int], Balanced]] = {
    "auto": _search_else_closed_form,
    "closed": _find_closed_form_of_least_error,
    "search": _find_by_first_successful_attempt,
}
"""The functions that find balanced layers from a target, a number of layers or None, and a seed."""
