"""Condition numbers of flows, and the digits that their inversion takes.

Main results
------------
- The singular values of a rational matrix J are roots of charpoly(J^T J), a polynomial with integer
  coefficients up to a factor: root isolation encloses them, and with them the condition number.
- `digits_to_invert` finds the precision of mpmath at which f^-1(f(z)) returns z, and `float_error`
  what float64 makes of it.

How it is checked
-----------------
*Certified*: singular values and condition numbers, of exact Jacobians. *Numeric*: digits and
float64 errors, which are results of experiments.
"""

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
from flint import arb, ctx, fmpq_mat

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.balls import PrecisionError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.least import least
from exactflow.exact.numbers import (
    elements,
    flint_rational,
    format_short,
    to_element,
    to_float,
    to_index,
    to_mpf,
)
from exactflow.exact.typing import Element, MatrixLike, NumberLike
from exactflow.flows.base import Flow
from exactflow.flows.flow import CouplingFlow
from exactflow.nonlinear import PiecewiseFlow

__all__ = [
    "condition_number",
    "digits_to_invert",
    "float_error",
    "layer_condition_numbers",
    "singular_values",
]

MOST_DIGITS = 100_000


def singular_values(J: MatrixLike, digits: int = 15) -> list[arb]:
    """Return enclosures of the singular values of a rational matrix, in decreasing order.

    They are the square roots of the roots of the characteristic polynomial of J^T J, which are
    isolated rigorously, with multiplicities. Each enclosure has at least `digits` correct digits.

    Parameters
    ----------
    J : a square rational matrix, in any form that `factor` takes.
    digits : relative accuracy, a positive number of digits.

    Examples
    --------
    >>> [float(value.mid()) for value in singular_values([[3, 0], [0, "1/2"]])]
    [3.0, 0.5]
    """
    digits = to_index("digits", digits, 1, MOST_DIGITS)
    matrix = as_matrix(J).to_dense()
    if not matrix.domain.is_QQ:
        raise InvalidInputError(f"expected rational entries, got entries in {matrix.domain}")
    rows = [[flint_rational(entry) for entry in row] for row in matrix.to_list()]
    exact = fmpq_mat(rows)
    polynomial = (exact.transpose() * exact).charpoly().numer()
    with ctx.workprec(int(digits * 3.33) + 12):
        found: Any = polynomial.complex_roots()  # pairs, which python-flint's own types leave out
        roots = [(root.real, times) for root, times in found]
        values = [root.sqrt() for root, times in roots for _ in range(times)]
        return sorted(values, key=lambda value: value.mid(), reverse=True)


def condition_number(J: MatrixLike, digits: int = 15) -> arb:
    """Return an enclosure of the condition number, in the spectral norm, of a rational matrix.

    Raises `SingularMatrixError` where there is none.

    >>> condition_number([[1, 1], [0, 1]]) > arb("2.618"), condition_number([[2, 0], [0, 2]]) == 1
    (True, True)
    """
    values = singular_values(J, digits)
    if values[-1].contains(0):
        raise SingularMatrixError("expected an invertible matrix, got one with singular value 0")
    with ctx.workprec(int(digits * 3.33) + 12):
        return values[0] / values[-1]


def layer_condition_numbers(flow: CouplingFlow) -> list[arb]:
    """Return the condition number of every layer of a linear flow over QQ."""
    return [condition_number(layer.matrix()) for layer in flow]


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
    back = flow.inverse().forward(flow.forward(points))
    error = np.max(np.abs(back - points))
    return float(error) if np.isfinite(error) else np.inf
