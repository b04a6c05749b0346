"""Four layers with positive scales, certified: a solution exists, and balls enclose its layers.

Main results
------------
The n equations of `exactflow.linear.depth.minors` have 2 n unknowns. As many unknowns as there are
equations stay free: they are written as c_i (1 + h_i) with rational c_i. The other unknowns are
fixed at rational numbers. Let f be the residuals at h = 0, J an enclosure of their derivatives in h
over the box |h_i| <= r, and R any matrix. By Krawczyk's test (R. Krawczyk, 1969; R. E. Moore,
1977), if

    K = -R f + (I - R J) [-r, r]^n    lies in the interior of the box,

then R is invertible, and the box contains exactly one solution h, which lies in K.

At the solution D G^-1 and E a have one characteristic polynomial. The additive layers of M P^-1,
with P = diag(E, G), are enclosed as follows.

*Four additive layers.* Let D and a, blocks of a matrix M of determinant 1 and of its inverse, have
one characteristic polynomial f, and let a vector be cyclic for D and for a. If H and K are the
controller bases of D and of a for this vector (see `exactflow.exact.krylov`), Y = q(D) H K^-1
satisfies Y a = D Y for any polynomial q. If W solves

    D W = C - Y    and    W a = -c - Y,

then M L(-W) has the lower left block Y, and (M L(-W))^-1 has the lower left block -Y. So if Y is
invertible, M L(-W) = U(X) L(Y) U(Z) with Z = Y^-1 (D - I) and X = (A - B W - I) Y^-1
(`exactflow.linear.depth.scaled.three_scaled_layers`).

- If D is invertible, W = D^-1 (C - Y) solves both equations.
- If D has rank n - 1, let a row l span its left kernel, and a column r its kernel. Both l Y and l C
  span the rows u with u a = 0, so that l Y = l C for a suitable q(0). Then D W = C - Y has
  solutions, which differ by r s for rows s, and T = c + Y + W a has the form r t for a row t. As
  det (Y - T) = det Y (Jacobi's identity for complementary minors), t B r = 0, so that s a = -t has
  a solution s. Then W + r s solves both equations.

How it is checked
-----------------
*Certified*: ball arithmetic (`exactflow.exact.balls`) from exact minors. The solution in float64 is
only the starting point. If D is singular, the matrices to be inverted are bordered by bases of
their kernels. ArithmeticError is raised if a matrix to be inverted may be singular within its
balls, or if the rank of D is below n - 1.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from flint import arb, arb_mat, ctx
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.balls import ball
from exactflow.exact.krylov import controller_columns
from exactflow.exact.numbers import to_element
from exactflow.exact.typing import Element, Half
from exactflow.flows.evidence import Checkable
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.depth.minors import LARGEST_HALF, MinorEquations
from exactflow.linear.depth.pattern import PatternInstance, SplitMatrix
from exactflow.linear.depth.scaled.float_solver import NearSolution, yield_near_solutions

CANDIDATES = 3
"""The greatest number of certified solutions for each pattern; the smallest layers are chosen."""

PRECISIONS = (192, 384, 768)
"""The precisions of the balls, in bits, which are tried one after the other."""

ROUNDS = 8
"""The greatest number of Newton steps."""


@dataclass(frozen=True, eq=False)
class EnclosedCoupling:
    """A coupling layer ``moved = scale @ moved + shift @ kept`` in balls that enclose its entries.

    `scale`, a diagonal matrix, and `shift` are n x n ``flint.arb_mat``.
    """

    moves: Half
    scale: arb_mat
    shift: arb_mat

    @property
    def is_accurate_relative_to_largest_entry(self) -> bool:
        """Whether every radius is below 2^-53 times the largest absolute value of an entry.

        2^-53 is the relative rounding error of float64. Small entries may have no accurate digit.
        """
        entries = [*self.scale.entries(), *self.shift.entries()]
        return bool(max(x.rad() for x in entries) < max(map(abs, entries)) * arb(2) ** -53)

    def midpoints_as_floats(self) -> FloatCoupling:
        """Return the coupling layer whose entries are the midpoints, rounded to float64."""
        scale, shift = (
            np.array([[float(x.mid()) for x in row] for row in M.tolist()])
            for M in (self.scale, self.shift)
        )
        return FloatCoupling(self.moves, shift, scale.diagonal())

    def midpoints(self) -> LinearCoupling:
        """Return the coupling layer whose entries are the midpoints, which are dyadic rationals."""
        scale, shift = (
            [[_exact_ball_to_rational(x.mid()) for x in row] for row in M.tolist()]
            for M in (self.scale, self.shift)
        )
        n = len(scale)
        return LinearCoupling((n, n), self.moves, shift, [scale[i][i] for i in range(n)])


@dataclass(frozen=True, eq=False, repr=False)
class FourLayers(PatternInstance, Checkable):
    """A proof that a matrix over QQ is a product of four layers in a pattern.

    `centre` has n rational numbers x_i and then n rational numbers y_i, near a solution of the
    equations of `exactflow.linear.depth.minors`. At this solution the numbers at the indices
    `unknowns` are enclosed in balls, the others are those of `centre`. `bits` is the precision of
    the balls.
    """

    centre: tuple[Element, ...]
    unknowns: tuple[int, ...]
    bits: int

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the layers, since balls cannot be pickled."""
        return {name: value for name, value in self.__dict__.items() if name != "layers"}

    def check(self) -> None:
        """Raise `VerificationError` unless fresh arithmetic proves that the four layers exist."""
        try:
            self._compute_layers()
        except ArithmeticError as error:
            raise VerificationError(f"four layers are not proved to exist: {error}") from None

    @cached_property
    def layers(self) -> tuple[EnclosedCoupling, ...]:
        """The layers, in order of application.

        ArithmeticError is raised if the layers are not proved to exist.
        """
        return self._compute_layers()

    @property
    def largest_absolute_midpoint(self) -> float:
        """The largest absolute value of the midpoint of an entry of the layers, as a float."""
        return max(
            largest_absolute_midpoint(M)
            for layer in self.layers
            for M in (layer.scale, layer.shift)
        )

    def _compute_layers(self) -> tuple[EnclosedCoupling, ...]:
        with ctx.workprec(self.bits):
            equations = MinorEquations.from_four_or_five_letter_pattern(self)
            centre = [ball(c) for c in self.centre]
            x, y = _enclose_solution_x_and_y(equations, centre, self.unknowns)
            return _enclose_smallest_layers(self, x, y)


def search_certified_layers(split: SplitMatrix) -> FourLayers | None:
    """Search four layers that are certified to exist, or return None.

    If several products of four layers are found, the one with the smallest entries is returned.
    Return None if none is found, or if the halves have more than `LARGEST_HALF` coordinates.
    """
    if split.matrix.shape[0] > 2 * LARGEST_HALF:
        return None
    found: list[FourLayers] = []
    for instance in split.instances_of_length(4, "positive"):
        equations = MinorEquations.from_four_or_five_letter_pattern(instance)
        starts = yield_near_solutions(equations)
        certified = (_certify_near_solution(instance, equations, near) for near in starts)
        # Minors can exceed the range of float64; such overflows are harmless.
        with np.errstate(all="ignore"):
            found.extend(islice(filter(None, certified), CANDIDATES))
    return min(found, key=lambda four: four.largest_absolute_midpoint, default=None)


def _certify_near_solution(
    instance: PatternInstance, equations: MinorEquations, near: NearSolution
) -> FourLayers | None:
    """Return certified layers near a float64 solution, or None if no precision suffices."""
    for bits in PRECISIONS:
        with ctx.workprec(bits):
            try:
                centre = _improve_by_newton(equations, near)
            except ArithmeticError:
                return None
        exact = tuple(map(_exact_ball_to_rational, centre))
        found = FourLayers(
            instance.pattern, instance.split, instance.scales, exact, near.unknowns, bits
        )
        with suppress(ArithmeticError):
            if all(layer.is_accurate_relative_to_largest_entry for layer in found.layers):
                return found
    return None


def _improve_by_newton(equations: MinorEquations, near: NearSolution) -> list[arb]:
    """Improve the unknowns of a float64 solution by Newton steps; return all numbers, x and then y.

    The results are balls of radius 0.
    """
    n, x_then_y = equations.half_size, [arb(x) for x in near.numbers]
    for _ in range(ROUNDS):
        f, J = equations.enclose_residuals_and_log_jacobian(x_then_y[:n], x_then_y[n:])
        step = _select_columns(J, near.unknowns).mid().solve(f.mid()).mid().entries()
        for i, h in zip(near.unknowns, step, strict=True):
            x_then_y[i] = (x_then_y[i] * (1 - h)).mid()
        if max(abs(h) for h in step) < arb(2) ** (8 - ctx.prec):
            break
    return x_then_y


def _enclose_solution_x_and_y(
    equations: MinorEquations, centre: list[arb], unknown_indices: Sequence[int]
) -> tuple[list[arb], list[arb]]:
    """Enclose a solution in balls for x and balls for y, by Krawczyk's test.

    `centre` has the approximate x and then y. Only the numbers at `unknown_indices` differ from the
    centre. ArithmeticError is raised if the test fails.
    """
    n, count = equations.half_size, len(set(unknown_indices))
    if count != len(equations.sizes_of_nontrivial_equations):
        raise ArithmeticError(
            f"Krawczyk's test needs {len(equations.sizes_of_nontrivial_equations)} unknowns, one "
            f"for each equation, but {count} were given"
        )
    f, J = equations.enclose_residuals_and_log_jacobian(centre[:n], centre[n:])
    R = _select_columns(J, unknown_indices).mid().inv().mid()
    radius = arb(2) ** -(ctx.prec // 2)
    sides = [arb(0, radius) for _ in unknown_indices]
    box = list(centre)
    for i, h in zip(unknown_indices, sides, strict=True):
        box[i] = centre[i] * (1 + h)
    _, J = equations.enclose_residuals_and_log_jacobian(box[:n], box[n:])
    J = _select_columns(J, unknown_indices) * _diagonal_matrix([1 / (1 + h) for h in sides])
    K = (arb_mat(count, count, 1) - R * J) * arb_mat([[h] for h in sides]) - R * f
    if not all(abs(h) < radius for h in K.entries()) or not all(x > 0 for x in box):
        raise ArithmeticError("Krawczyk's test does not prove that a solution lies near the centre")
    for i, h in zip(unknown_indices, K.entries(), strict=True):
        box[i] = centre[i] * (1 + h)
    return box[:n], box[n:]


def _enclose_smallest_layers(
    instance: PatternInstance, x: list[arb], y: list[arb]
) -> tuple[EnclosedCoupling, ...]:
    """Enclose the layers for each of a few shifts Y; return the layers with the smallest entries.

    ArithmeticError is raised if no enclosure is computed.
    """
    n = len(x)
    E, F, G, H = map(_diagonal_matrix, (y, [1 / v for v in y], [1 / v for v in x], x))
    A, B, C, D = map(_matrix_to_balls, instance.blocks_for_pattern)
    a, _, c, _ = map(_matrix_to_balls, instance.inverse_blocks_for_pattern)
    exact_D = instance.blocks_for_pattern.D
    left, right = map(_matrix_to_balls, (linalg.left_kernel(exact_D), linalg.kernel(exact_D)))
    shrunk = _EnclosedBlocks(A * F, B * H, C * F, D * H, E * a, G * c, left, G * right)
    one = arb_mat(n, n, 1)
    found = [((G, W * E), (E, Z), (one, Y), (one, X)) for X, Y, Z, W in shrunk.yield_four_shifts()]
    if not found:
        raise ArithmeticError(
            "no enclosure of the layers was computed: the balls around the solution are too wide"
        )
    parts = min(found, key=lambda four: max(largest_absolute_midpoint(shift) for _, shift in four))
    return tuple(
        EnclosedCoupling(moves, *part)
        for moves, part in zip(reversed(instance.moved_halves), parts, strict=True)
    )


def largest_absolute_midpoint(M: arb_mat) -> float:
    """Return the largest of the absolute values of the midpoints of the entries, as a float."""
    return max(abs(float(x.mid())) for x in M.entries())


def _exact_ball_to_rational(x: arb) -> Element:
    """Return the midpoint of a ball of radius 0 as an element of QQ."""
    return to_element(x.fmpq())


def _select_columns(J: arb_mat, column_indices: Sequence[int]) -> arb_mat:
    return arb_mat([[row[i] for i in column_indices] for row in J.tolist()])


def _matrix_to_balls(M: DomainMatrix) -> arb_mat:
    return arb_mat(linalg.to_fmpq_matrix(M))


class _EnclosedBlocks(NamedTuple):
    """Blocks A, B, C, D of M and a, c of M^-1 in balls, and bases of both kernels of D."""

    A: arb_mat
    B: arb_mat
    C: arb_mat
    D: arb_mat
    a: arb_mat
    c: arb_mat
    left_kernel: arb_mat
    kernel: arb_mat

    @property
    def is_D_singular(self) -> bool:
        """Whether D is singular."""
        return self.left_kernel.nrows() > 0

    def yield_four_shifts(self) -> Iterator[tuple[arb_mat, arb_mat, arb_mat, arb_mat]]:
        """Yield the shifts X, Y, Z, W of U L U L, for up to three choices of an invertible Y.

        The first choice is a matrix Y0 with Y0 a = D Y0. The two others are products q(D) Y0, near
        0 and near I, for which W is small. A choice for which a matrix may be singular is skipped.
        """
        n = self.D.nrows()
        one = arb_mat(n, n, 1)
        D_inverse = _inverse_or_generalized_inverse(self.D, self.left_kernel, self.kernel)
        first = self._intertwiner_from_a_to_D()
        for goal in (None, arb_mat(n, n), one):
            with suppress(ArithmeticError):
                Y = first
                if goal is not None:
                    Y = self._intertwiner_near_goal_with_small_W(goal, first, D_inverse)
                W = D_inverse * (self.C - Y)
                if self.is_D_singular:
                    # Add r s to W, where the column r spans the kernel of D, and the row s solves
                    # s a = -t, so that W a = -c - Y.
                    r, T = self.kernel, self.c + Y + W * self.a
                    t = r.transpose() * T * (1 / (r.transpose() * r)[0, 0])
                    kernels = self.left_kernel * self.C, self.B * r
                    W -= r * (t * _inverse_or_generalized_inverse(self.a, *kernels))
                Y_inverse = Y.inv()
                yield (self.A - self.B * W - one) * Y_inverse, Y, Y_inverse * (self.D - one), W

    def _intertwiner_from_a_to_D(self) -> arb_mat:
        """Return an invertible Y with Y a = D Y.

        If D is singular, and a row l spans its left kernel, then also l Y = l C.
        """
        f, n = self.D.charpoly().coeffs()[::-1], self.D.nrows()
        u = arb_mat([[arb(i + 1)] for i in range(n)])
        H, K = (
            arb_mat([column.entries() for column in controller_columns(M, f, u)]).transpose()
            for M in (self.D, self.a)
        )
        Y = H * K.inv()
        if self.is_D_singular:
            # The rows l C and l Y are proportional.
            lC, lY = ((self.left_kernel * M).entries() for M in (self.C, Y))
            x, y = max(zip(lC, lY, strict=True), key=lambda pair: float(abs(pair[1].mid())))
            return Y * (x / y)
        return Y * (1 / arb(largest_absolute_midpoint(Y)))

    def _intertwiner_near_goal_with_small_W(
        self, goal: arb_mat, Y: arb_mat, D_inverse: arb_mat
    ) -> arb_mat:
        """Return a product q(D) Y near `goal` for which W = D^-1 (C - q(D) Y) is small.

        The polynomial q nearly minimizes |W|^2 + |goal - q(D) Y|^2. If D is singular, D^-1 stands
        for the generalized inverse `D_inverse`, and q(0) = 1, so that l q(D) Y = l Y for every row
        l with l D = 0.
        """
        n, powers = Y.nrows(), [Y]
        for _ in range(n - 1):
            powers.append(self.D * powers[-1])
        total = powers.pop(0) if self.is_D_singular else arb_mat(n, n)
        entries = [x for M in powers for x in _flat_midpoints(D_inverse * M, M)]
        basis = arb_mat(len(powers), 2 * n * n, entries)
        wanted = arb_mat([_flat_midpoints(D_inverse * (self.C - total), goal - total)]).transpose()
        q = (basis * basis.transpose()).mid().solve((basis * wanted).mid()).mid().entries()
        for coefficient, M in zip(q, powers, strict=True):
            total += M * coefficient
        return total


def _inverse_or_generalized_inverse(M: arb_mat, left_kernel: arb_mat, kernel: arb_mat) -> arb_mat:
    """Return the inverse of M, or a generalized inverse N if M is singular.

    The rows of `left_kernel` and the columns of `kernel` are bases of the kernels of M; there are
    no such rows and columns if M is invertible. If M x = v has solutions, N v is one of them. If
    y M = u has solutions, u N is one of them.
    """
    n, m = kernel.nrows(), left_kernel.nrows()
    bordered = [*zip(M.tolist(), left_kernel.transpose().tolist(), strict=True)]
    bordered += [(row, [arb(0)] * m) for row in kernel.transpose().tolist()]
    inverse = arb_mat([[*left, *right] for left, right in bordered]).inv()
    return arb_mat([row[:n] for row in inverse.tolist()[:n]])


def _flat_midpoints(*matrices: arb_mat) -> list[arb]:
    return [x for M in matrices for x in M.mid().entries()]


def _diagonal_matrix(entries: Sequence[arb]) -> arb_mat:
    """Return the diagonal matrix with the given entries."""
    n = len(entries)
    return arb_mat([[x if i == j else arb(0) for j in range(n)] for i, x in enumerate(entries)])
