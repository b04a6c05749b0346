"""The derivative of a product of shears with respect to the shifts, and one Newton step.

Main results
------------
We look for alternating shears S_i = I + E_i X_i F_i^T with M = S_1 .. S_K. The product is cut at m
= K // 2 into P = S_1 .. S_m and R = S_(m+1) .. S_K. The *centred residual* and its linearization
are

    F(X) = P^-1 M R^-1 - I,        J dX = sum_i A_i dX_i B_i,

where A_i (2n x n), B_i (n x 2n) come from the partial products between layer i and the cut:

    i <= m:  A_i = T^-1 E_i,  B_i = F_i^T T,      T = S_(i+1) .. S_m;
    i >  m:  A_i = Q E_i,     B_i = F_i^T Q^-1,   Q = S_(m+1) .. S_(i-1).

A_i and B_i are far better conditioned than products of all layers.

*Normal equations*, J D J^T lam = r, without a matrix of size d^2 x d^2. The step dX = D J^T lam has
the least norm |dX|_D^2 = sum_i tr(dX_i^T G_i dX_i H_i); D dX_i = G_i^-1 dX_i H_i^-1, and

    G_i = I + A_i^T A_i / spread,    H_i = I + B_i B_i^T / spread.

The second terms prevent large changes of single layers that cancel in the sum; these would occur if
A_i and B_i are ill-conditioned. If they are well conditioned, |dX|_D is close to |dX|_F. J D J^T
maps lam to sum_i (A_i G_i^-1 A_i^T) lam (B_i^T H_i^-1 B_i). It is singular along the identity,
since shears have determinant one; so the trace is projected out. Small systems are solved by
Cholesky's method, large systems by conjugate gradients, in float32 if few digits are required.

*Preconditioner.* Let S diagonalize two sums of A_i G_i^-1 A_i^T at once: over the layers left of
the cut, and over those right of it. Let R do the same for B_i^T H_i^-1 B_i. For the unknown mu with
lam = S mu R^T, J D J^T is close to a diagonal map mu -> mu / w. So the iteration is for mu, with
A_i^T S and B_i R instead of A_i^T and B_i.

How it is checked
-----------------
*Numeric*: `exactflow.floats.balancing.balanced` certifies the error of the layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg as scipy_linalg

from exactflow.floats.balancing.tuning import TUNING, Attempt


@dataclass(frozen=True)
class ShearPattern:
    """The shape of a product S_1 .. S_K of alternating shears on 2n coordinates.

    K is `layers`. The leftmost factor S_1 moves half `first` (0 or 1). The shifts are an array X of
    shape (K, n, n), the *padded shifts*. If the halves have different sizes, n is the larger size,
    and the last coordinates of the smaller half are idle: all shifts are zero in the rows and
    columns of idle coordinates. `idle` has the number of idle coordinates in each half.
    """

    layers: int
    n: int
    first: int
    idle: tuple[int, int] = (0, 0)

    @staticmethod
    def for_halves(halves: tuple[int, int], layers: int, leftmost_half: int) -> "ShearPattern":
        """Return the pattern of `layers` shears on halves of these sizes."""
        n = max(halves)
        return ShearPattern(layers, n, leftmost_half, (n - halves[0], n - halves[1]))

    @cached_property
    def mask_of_coordinates_not_idle(self) -> np.ndarray:
        """The boolean mask of the coordinates that are not idle."""
        places = np.arange(self.n)
        return np.concatenate([places < self.n - idle for idle in self.idle])

    def extend_by_identity_on_idle_coordinates(self, active_matrix: np.ndarray) -> np.ndarray:
        """Extend a matrix on the coordinates that are not idle to all 2n coordinates, by the
        identity on the idle coordinates.
        """
        if not any(self.idle):
            return active_matrix
        E = np.eye(2 * self.n)
        active = self.mask_of_coordinates_not_idle
        E[np.ix_(active, active)] = active_matrix
        return E

    def pad_and_stack(self, shifts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the padded shifts X: rectangular shifts, padded by zeros, as one array."""
        X = np.zeros((self.layers, self.n, self.n))
        for padded, shift in zip(X, shifts, strict=True):
            padded[: shift.shape[0], : shift.shape[1]] = shift
        return X

    def unpad(self, X: np.ndarray) -> list[np.ndarray]:
        """Return the rectangular shifts of padded shifts X, without the padding."""
        active = self.mask_of_coordinates_not_idle
        return [
            X[i][active[self.moved_slice(i)]][:, active[self.kept_slice(i)]] for i in range(len(X))
        ]

    @property
    def factors_left_of_cut(self) -> int:
        """The number of factors to the left of the cut: m in the module docstring."""
        return self.layers // 2

    def moved_slice(self, i: int) -> slice:
        """Return the slice of coordinates that factor i moves; the leftmost factor has i = 0."""
        half = (i + self.first) % 2
        return slice(half * self.n, (half + 1) * self.n)

    def kept_slice(self, i: int) -> slice:
        """Return the slice of coordinates that factor i keeps; factor i + 1 moves them."""
        return self.moved_slice(i + 1)

    def product(self, X: np.ndarray) -> np.ndarray:
        """Return the product S_1 .. S_K of the shears with the padded shifts X."""
        P = np.eye(2 * self.n)
        for i, shift in enumerate(X):
            P[:, self.kept_slice(i)] += P[:, self.moved_slice(i)] @ shift
        return P


def rms_singular_value(F: np.ndarray) -> float:
    """Return the root mean square of the singular values of F; it is 1 if F is the identity."""
    return float(np.linalg.norm(F)) / len(F) ** 0.5


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """The normal equations J D J^T lam = r of a Newton step, with the letters of the module
    docstring; r and lam are 2n x 2n matrices.

    `left` and `right` are the A_i^T and the B_i, of shape (layers, n, 2n); `weighted_left` and
    `weighted_right` are G_i^-1 A_i^T and H_i^-1 B_i. The first `cut` layers are left of the cut.
    `active_mask` marks the coordinates that are not idle.
    """

    left: np.ndarray
    right: np.ndarray
    weighted_left: np.ndarray
    weighted_right: np.ndarray
    cut: int
    active_mask: np.ndarray

    def apply_centred_jacobian(self, dX: np.ndarray) -> np.ndarray:
        """Return J dX, by which a small change dX of the shifts lowers the centred residual."""
        return _stack_layers(self.left).T @ _stack_layers(dX @ self.right)

    def apply_adjoint_then_inverse_weights(self, lam: np.ndarray) -> np.ndarray:
        """Return D J^T lam: apply the adjoint of J to lam, then the inverse weights D."""
        images = _stack_layers(self.weighted_left) @ lam
        return images.reshape(self.left.shape) @ self.weighted_right.transpose(0, 2, 1)

    def solve_up_to_trace(
        self, r: np.ndarray, relative_tol: float, ridge: float = 0.0
    ) -> np.ndarray:
        """Remove the trace of r, and return lam with (J D J^T + ridge * E) lam = r, up to the
        relative residual `relative_tol`. The matrix E regularizes the normal equations.

        For small systems E is the identity. For large systems E is diagonal in mu, with entries
        1 / w, and the residual is measured in the norm of the preconditioner.
        """
        r = remove_trace(r, self.active_mask)
        if len(r) <= 2 * TUNING.dense:
            return self._solve_densely(r, ridge)
        if relative_tol < TUNING.tol:
            return self._solve_iteratively(r, relative_tol, ridge)
        # r is scaled to norm 1, since float32 is slow if products underflow
        size = float(np.linalg.norm(r)) or 1.0
        single = self._in_float32._solve_iteratively(
            (r / size).astype(np.float32), relative_tol, ridge
        )
        return size * single.astype(r.dtype)

    @cached_property
    def _in_float32(self) -> "NormalEquations":
        """These normal equations, rounded to float32."""
        names = ("left", "right", "weighted_left", "weighted_right")
        return replace(self, **{name: getattr(self, name).astype(np.float32) for name in names})

    def _solve_densely(self, r: np.ndarray, ridge: float) -> np.ndarray:
        """Solve the normal equations by Cholesky's method, with J D J^T as a dense matrix.

        A multiple of the projection onto the identity is added, so that this matrix is regular.
        """
        K, _, d = self.left.shape
        left = (self.left.transpose(0, 2, 1) @ self.weighted_left).reshape(K, -1)
        right = (self.weighted_right.transpose(0, 2, 1) @ self.right).reshape(K, -1)
        gram = (left.T @ right).reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
        gram[:: d + 1, :: d + 1] += np.outer(self.active_mask, self.active_mask) / d
        is_active_pair = np.logical_and.outer(self.active_mask, self.active_mask)
        gram.flat[:: d * d + 1] += ridge + ~is_active_pair.ravel()
        factor = scipy_linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        return scipy_linalg.cho_solve(factor, r.ravel(), check_finite=False).reshape(r.shape)

    @cached_property
    def _preconditioner(self) -> "tuple[np.ndarray, np.ndarray, np.ndarray, NormalEquations]":
        """The matrices S, R and w, and the normal equations for the unknown mu with
        lam = S mu R^T: they are nearly diagonal, close to mu -> mu / w, entry by entry.
        """
        K, m = len(self.left), self.cut
        idle = np.diag((~self.active_mask).astype(self.left.dtype))
        found = []
        for rows, weighted in ((self.left, self.weighted_left), (self.right, self.weighted_right)):
            of_left, of_right = (
                _stack_layers(rows[side]).T @ _stack_layers(weighted[side]) + idle
                for side in (slice(m), slice(m, None))
            )
            # the basis turns the sum right of the cut into I, and that left of it into eigenvalues
            found.append(scipy_linalg.eigh(of_left, of_right))
        (a, S), (b, R) = found
        bases = {"left": S, "weighted_left": S, "right": R, "weighted_right": R}
        turned = {name: getattr(self, name) @ basis for name, basis in bases.items()}
        weights = 1 / (1 / (K - m) + np.outer(a, b) / m)
        return S, R, weights, replace(self, **turned)

    def _solve_iteratively(self, r: np.ndarray, relative_tol: float, ridge: float) -> np.ndarray:
        """Solve the normal equations by preconditioned conjugate gradients, until the relative
        residual is at most `relative_tol`.
        """
        S, R, weights, turned = self._preconditioner
        ridges = ridge / weights
        r = S.T @ r @ R
        solution = np.zeros_like(r)
        z = direction = r * weights
        size = np.vdot(r, z)
        goal = relative_tol**2 * size
        for _ in range(TUNING.iterations):
            if size <= goal:
                break
            image = (
                turned.apply_centred_jacobian(turned.apply_adjoint_then_inverse_weights(direction))
                + ridges * direction
            )
            curvature = np.vdot(direction, image)
            if not curvature > 0:  # only rounding errors remain
                break
            length = size / curvature
            solution += length * direction
            r = r - length * image
            z = r * weights
            size, previous = np.vdot(r, z), size
            direction = z + (size / previous) * direction
        return S @ solution @ R.T


class CentredLinearization:
    """The linearization of the centred residual at the padded shifts X, with the normal equations
    of Newton steps from X.
    """

    def __init__(self, pattern: ShearPattern, X: np.ndarray, spread: float = Attempt.spread):
        self.X, self.pattern, self.spread = X, pattern, spread
        left_inverse, right_inverse = np.eye(2 * pattern.n), np.eye(2 * pattern.n)
        for i in reversed(range(pattern.factors_left_of_cut)):
            left_inverse[:, pattern.kept_slice(i)] -= left_inverse[:, pattern.moved_slice(i)] @ X[i]
        for i in range(pattern.factors_left_of_cut, pattern.layers):
            right_inverse[pattern.moved_slice(i)] -= X[i] @ right_inverse[pattern.kept_slice(i)]
        self._left_inverse, self._right_inverse = left_inverse, right_inverse

    @cached_property
    def normal_equations(self) -> NormalEquations:
        """The normal equations of Newton steps from X."""
        pattern, X = self.pattern, self.X
        K, n, m = pattern.layers, pattern.n, pattern.factors_left_of_cut
        A, B = np.empty((K, n, 2 * n)), np.empty((K, n, 2 * n))
        one, one_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in reversed(range(m)):
            moved, kept = pattern.moved_slice(i), pattern.kept_slice(i)
            A[i], B[i] = one_inverse[:, moved].T, one[kept]
            one[moved] += X[i] @ one[kept]
            one_inverse[:, kept] -= one_inverse[:, moved] @ X[i]
        one, one_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in range(m, K):
            moved, kept = pattern.moved_slice(i), pattern.kept_slice(i)
            A[i], B[i] = one[:, moved].T, one_inverse[kept]
            one[:, kept] += one[:, moved] @ X[i]
            one_inverse[moved] -= X[i] @ one_inverse[kept]
        active = pattern.mask_of_coordinates_not_idle
        for i in range(K):
            A[i, ~active[pattern.moved_slice(i)]] = 0
            B[i, ~active[pattern.kept_slice(i)]] = 0
        weighted_A, weighted_B = (
            rows
            if self.spread == np.inf
            else np.linalg.solve(np.eye(n) + rows @ rows.transpose(0, 2, 1) / self.spread, rows)
            for rows in (A, B)
        )
        return NormalEquations(A, B, weighted_A, weighted_B, m, active)

    def multiply_by_both_part_inverses(self, E: np.ndarray) -> np.ndarray:
        """Return P^-1 E R^-1, for the products P and R of the shears left and right of the cut."""
        return self._left_inverse @ E @ self._right_inverse

    def centred_residual(self, M: np.ndarray) -> np.ndarray:
        """Return the centred residual P^-1 M R^-1 - I, for the products P and R of the shears left
        and right of the cut. It is 0 if M is the product of the shears.
        """
        F = self.multiply_by_both_part_inverses(M)
        F.flat[:: len(F) + 1] -= 1
        return F

    def newton_step(
        self,
        F: np.ndarray,
        relative_tol: float,
        ridge: float = 0.0,
        wanted_step: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return a Newton step dX of the shifts: the solution of J dX = F, for the centred residual
        F, that is nearest to `wanted_step`, by default to 0, in the norm |.|_D of the module
        docstring.

        For w = wanted_step, dX = w + D J^T lam with J D J^T lam = F - J w. The ridge is added to
        J D J^T and shortens the step if J D J^T is nearly singular. If the sum is numerically
        singular, ``numpy.linalg.LinAlgError`` is raised.
        """
        equations = self.normal_equations
        if wanted_step is not None:
            F = F - equations.apply_centred_jacobian(wanted_step)
        lam = equations.solve_up_to_trace(F, relative_tol, ridge)
        least = equations.apply_adjoint_then_inverse_weights(lam)
        return least if wanted_step is None else least + wanted_step


@dataclass(frozen=True, eq=False)
class CorrectableShears:
    """The padded shifts X of a pattern of shears, with a linearization for their corrections.

    `spread` is the spread of the norm |.|_D. `linearization` is a linearization near X, or None
    until the first correction.
    """

    pattern: ShearPattern
    X: np.ndarray
    spread: float = Attempt.spread
    linearization: CentredLinearization | None = None

    def add_to_product_by_newton_step(self, E: np.ndarray) -> "CorrectableShears":
        """Return the shears after a Newton step that adds E to their product, approximately."""
        linearization = self.linearization or CentredLinearization(
            self.pattern, self.X, self.spread
        )
        F = linearization.multiply_by_both_part_inverses(
            self.pattern.extend_by_identity_on_idle_coordinates(E)
            - self.pattern.extend_by_identity_on_idle_coordinates(np.zeros_like(E))
        )
        ridge = max(TUNING.least_ridge, TUNING.ridge * rms_singular_value(F))
        dX = linearization.newton_step(F, TUNING.tol, ridge)
        return CorrectableShears(self.pattern, self.X + dX, self.spread, linearization)

    @property
    def shifts(self) -> list[np.ndarray]:
        """The rectangular shifts of the shears, from the leftmost factor to the rightmost."""
        return self.pattern.unpad(self.X)


def remove_trace(M: np.ndarray, active_mask: np.ndarray) -> np.ndarray:
    """Return M minus a multiple of I, with trace 0. Here I is the identity on the coordinates that
    `active_mask` marks, and 0 elsewhere.
    """
    result = M.copy()
    result.flat[:: len(M) + 1] -= np.trace(M) / active_mask.sum() * active_mask
    return result


def _stack_layers(rows: np.ndarray) -> np.ndarray:
    """Return the n x 2n matrices of all layers, stacked vertically, as one matrix."""
    return rows.reshape(-1, rows.shape[-1])
