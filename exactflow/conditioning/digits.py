"""The digits that the inversion of a flow takes, and what float64 makes of it: *numeric*."""

from collections.abc import Sequence

import mpmath
import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.exact.least import least
from exactflow.exact.numbers import (
    elements,
    format_short,
    to_element,
    to_float,
    to_index,
    to_mpf,
)
from exactflow.exact.typing import Element, NumberLike
from exactflow.flows.base import Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.nonlinear import PiecewiseFlow

__all__ = ["MOST_DIGITS", "digits_to_invert", "float_error"]

MOST_DIGITS = 100_000


def digits_to_invert(
    flow: CouplingFlow | PiecewiseFlow,
    sample: Sequence,
    tol: NumberLike = "1/1000000",
    limit: int = MOST_DIGITS,
) -> int:
    """Return the number of decimal digits of mpmath at which f^-1(f(z)) returns z.

    The answer p was tried and does, and p - 1 was tried and does not (or p = 1): it is found by
    doubling and bisection. The flow and its inverse are run layer by layer.

    Parameters
    ----------
    flow : a flow over QQ.
    sample : points of d rationals each.
    tol : the largest error, in any coordinate of any point, that is accepted.
    limit : the most digits to try.

    Raises
    ------
    PrecisionError
        `limit` digits do not suffice; the message says what the error was.

    Examples
    --------
    >>> from exactflow import LinearCoupling
    >>> steep = LinearCoupling((1, 1), "second", [[10**20]])
    >>> digits_to_invert(CouplingFlow([steep]), [[1, "1/3"]])
    25
    """
    tol, limit = to_element(tol), to_index("limit", limit, 1)
    points = [elements(point) for point in sample]
    if tol <= 0 or not points:
        raise InvalidInputError(
            f"expected tol > 0 and at least one point, got tol = {format_short(tol)}, "
            f"{len(points)} points"
        )
    inverse = flow.inverse()

    def suffices(digits: int) -> bool:
        with mpmath.workdps(digits):
            return all(_error(flow, inverse, point) <= tol for point in points)

    digits = least(suffices, limit)
    if digits is None:
        with mpmath.workdps(limit):
            error = max(_error(flow, inverse, point) for point in points)
        raise PrecisionError(
            f"expected {limit} digits to suffice for an error of {format_short(tol)}, got an "
            f"error of {to_float(error):.1e}: raise the limit by about "
            f"{len(str(int(error / tol)))} digits"
        )
    return digits


def _error(flow: Flow, inverse: Flow, point: Sequence) -> Element:
    """Return the largest error of f^-1(f(point)) at the current precision, as a rational."""
    back = inverse.forward(flow.forward([to_mpf(entry) for entry in point]))
    return max(abs(to_element(b) - entry) for b, entry in zip(back, point, strict=True))


def float_error(flow: CouplingFlow | PiecewiseFlow, sample: Sequence) -> float:
    """Return the largest error of f^-1(f(z)) in float64 over the points of a sample.

    It is infinite where an intermediate number is too large for float64.
    """
    points = np.array([[to_float(x) for x in elements(point)] for point in sample]).T
    back = flow.backward(flow.forward(points))
    error = np.max(np.abs(back - points))
    return float(error) if np.isfinite(error) else np.inf
