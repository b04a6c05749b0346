"""Search in float64 for positive scales that make two characteristic polynomials equal.

Main results
------------
Let D and a be n x n, and d_S and a_S their principal minors at a set S of coordinates. We search
positive x and y with

    sum of d_S x^S  =  sum of a_S y^S    over the sets S of k coordinates, k = 1, .., n,

which means that diag(x) D and a diag(y) have the same eigenvalues. (If D and a are singular, the
coefficients for k = n are replaced by det M and 1.) A start comes from an order of the coordinates
for D, and one for a, in which the leading principal minors of D and a have equal signs. It gives
diag(x) D and a diag(y) the eigenvalues t^(n-1), .., t, 1, up to a common factor and to terms that
vanish as t grows. Damped Newton steps of least norm in the logarithms of x and y (Levenberg,
Marquardt) improve the start. Random starts follow.

How it is checked
-----------------
*Numeric*: `exactflow.linear.depth.scaled.certified` certifies a solution nearby, or rejects it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

from exactflow.exact.numbers import to_float
from exactflow.linear.depth.minors import MinorEquations

SPREADS = (1.5, 3.0, 10.0, 100.0, 1e4)
"""The ratios t of consecutive eigenvalues that are tried."""

SIGNS = 4
"""The greatest number of sequences of signs that are tried."""

STARTS = 40
"""The number of random starts."""

STEPS = 60
"""The greatest number of Newton steps from one start."""

CONVERGED = 1e-11
"""The steps stop if the norm of the relative residuals is below this bound."""

DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-14, 1e6
"""The damping of the first step, the least damping, and the damping at which the steps give up."""

LARGEST_STEP = 2.0
"""The largest change of a logarithm in one step."""

FARTHEST = 30.0
"""The largest change of a logarithm in all steps from one start."""


class NearSolution(NamedTuple):
    """Numbers x and y near a solution, and the indices of the unknowns for Krawczyk's test.

    `numbers` has x and then y. There are as many unknowns as equations, and the derivatives of the
    equations in the unknowns are as independent as possible.
    """

    numbers: np.ndarray
    unknowns: tuple[int, ...]


def yield_near_solutions(equations: MinorEquations) -> Iterator[NearSolution]:
    """Yield float64 solutions, from starts by orders of coordinates, then from random starts.

    For each sequence of signs that leading minors of D and of a have in common, at most one
    solution is yielded. Sequences for which the ratios of consecutive minors are most equal come
    first.
    """
    sides = equations.coefficients_of_x_and_y_by_set
    left, right = (np.array([*map(to_float, side)]) for side in sides)
    if not np.isfinite(left + right).all():
        return
    n = equations.half_size
    bits = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(float)
    system = _FloatEquations(n, left, right, bits, equations.sizes_of_nontrivial_equations)
    if equations.left[-1]:
        # D and a are invertible: the last leading minors are their determinants, not det M and 1.
        sides = equations.left, equations.right
    of_D, of_a = (_best_order_by_leading_signs([*map(to_float, side)]) for side in sides)
    common = sorted(of_D.keys() & of_a.keys(), key=lambda s: of_D[s].excess + of_a[s].excess)
    for signs in common[:SIGNS]:
        for t in SPREADS:
            start = [_start_logs_from_order(orders[signs], t) for orders in (of_D, of_a)]
            if (near := system.solve(np.concatenate(start))) is not None:
                yield near
                break
    rng = np.random.default_rng(0)
    for _ in range(STARTS):
        if (near := system.solve(rng.standard_normal(2 * n))) is not None:
            yield near


@dataclass(frozen=True, eq=False)
class _FloatEquations:
    """The minor equations in float64; `bits[S, i]` is 1 if coordinate i is in the set S."""

    n: int
    left: np.ndarray
    right: np.ndarray
    bits: np.ndarray
    sizes: tuple[int, ...]

    def relative_residuals_and_jacobian(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the relative residuals, and their derivatives in the logarithms of x and y.

        The residual and the derivatives of an equation are divided by the sum of the absolute
        values of the terms of the equation.
        """
        u, v = logs[: self.n], logs[self.n :]
        left, right = self.left * np.exp(self.bits @ u), self.right * np.exp(self.bits @ v)
        rows, values = [], []
        for k in self.sizes:
            of_k = self.bits.sum(axis=1) == k
            terms = np.concatenate([left[of_k], -right[of_k]])
            terms /= np.abs(terms).sum()
            count, bits = int(of_k.sum()), self.bits[of_k]
            values.append(terms.sum())
            rows.append(np.concatenate([terms[:count] @ bits, terms[count:] @ bits]))
        return np.array(values), np.array(rows)

    @np.errstate(all="ignore")
    def solve(self, start_logs: np.ndarray) -> NearSolution | None:
        """Return the solution to which damped Newton steps in logarithms converge, or None.

        `start_logs` are the logarithms of the first x and then y.
        """
        damping, logs = DAMPING, start_logs
        values, slopes = self.relative_residuals_and_jacobian(start_logs)
        one = np.eye(len(values))
        for _ in range(STEPS):
            size = float(np.linalg.norm(values))
            if size < CONVERGED:
                unknowns = linalg.qr(slopes, mode="r", pivoting=True)[-1][: len(values)]
                return NearSolution(np.exp(logs), tuple(sorted(map(int, unknowns))))
            if damping > MOST_DAMPING:
                break
            step = -slopes.T @ np.linalg.solve(slopes @ slopes.T + damping * one, values)
            step *= min(1.0, LARGEST_STEP / float(np.abs(step).max()))
            tried, closer = logs + step, self.relative_residuals_and_jacobian(logs + step)
            if np.linalg.norm(closer[0]) < size and np.abs(tried - start_logs).max() < FARTHEST:
                logs, (values, slopes) = tried, closer
                damping = max(damping / 5, LEAST_DAMPING)
            else:
                damping *= 4
        return None


class _CoordinateOrder(NamedTuple):
    """An order of the coordinates with its leading minors, and how unequal the minors' ratios are.

    `excess` is the sum, over the ratios of consecutive leading minors, of the distance of the
    logarithm of the ratio from the mean of all these logarithms.
    """

    coordinates: tuple[int, ...]
    minors: tuple[float, ...]
    excess: float


def _best_order_by_leading_signs(
    minors_by_set: Sequence[float],
) -> dict[tuple[bool, ...], _CoordinateOrder]:
    """Return a dict from sequences of signs of leading minors to the best orders of coordinates.

    A sign is True for a positive minor. The keys are all sequences that occur for some order. In
    the best order the ratios of consecutive leading minors are most equal.
    """
    n = (len(minors_by_set) - 1).bit_length()
    mean = np.log(abs(minors_by_set[-1])) / n
    best: list[dict[tuple[bool, ...], _CoordinateOrder]] = [{} for _ in minors_by_set]
    best[0][()] = _CoordinateOrder((), (1.0,), 0.0)
    for S, orders in enumerate(best):
        for signs, order in orders.items():
            for i in range(n):
                T = S | 1 << i
                if T == S or not minors_by_set[T]:
                    continue
                ratio = abs(minors_by_set[T] / order.minors[-1])
                excess = order.excess + abs(np.log(ratio) - mean)
                extended = (*signs, minors_by_set[T] > 0)
                if extended not in best[T] or excess < best[T][extended].excess:
                    chosen = (*order.coordinates, i), (*order.minors, minors_by_set[T])
                    best[T][extended] = _CoordinateOrder(*chosen, excess)
    return best[-1]


def _start_logs_from_order(order: _CoordinateOrder, eigenvalue_ratio: float) -> np.ndarray:
    """Return log x such that all |x_k m_k / m_(k-1)| are powers of `eigenvalue_ratio`.

    Here m_k are the leading minors in the given order, and x_k is the number of the k-th coordinate
    in this order. The result is in the original order of the coordinates.
    """
    n = len(order.coordinates)
    logs = np.empty(n)
    for k, i in enumerate(order.coordinates):
        ratio = abs(order.minors[k + 1] / order.minors[k])
        logs[i] = ((n - 1) / 2 - k) * np.log(eigenvalue_ratio) - np.log(ratio)
    return logs
