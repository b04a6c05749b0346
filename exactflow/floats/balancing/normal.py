"""The normal equations of one Newton step, J D J^T lam = r, without a matrix of size d^2 x d^2.

Main results
------------
With J dX = sum_i A_i dX_i B_i (A_i is 2n x n, B_i n x 2n), a step dX = D J^T lam is the least in
the norm |dX|_D^2 = sum_i tr(dX_i^T G_i dX_i H_i), where D dX_i = G_i^-1 dX_i H_i^-1 and

    G_i = I + A_i^T A_i / spread,    H_i = I + B_i B_i^T / spread.

The second terms keep a step from doing much to single layers that cancels in the sum, which happens
where the A_i, B_i are ill-conditioned; where they are not, |dX|_D is close to |dX|_F. J D J^T maps
lam to sum_i (A_i G_i^-1 A_i^T) lam (B_i^T H_i^-1 B_i). It is singular along the identity, since
shears have determinant one; the trace is projected out. Small systems are solved by Cholesky,
others by conjugate gradients, in float32 where few digits are asked for. Let S diagonalize the sums
of A_i G_i^-1 A_i^T left and right of the cut at once, and R those of B_i^T H_i^-1 B_i. J D J^T is
close to a diagonal map of mu, lam = S mu R^T; so the iteration is for mu, with A_i^T S and B_i R in
the place of A_i^T and B_i, and the preconditioner costs nothing.

How it is checked
-----------------
*Numeric*. Nothing here is trusted; `exactflow.floats.balancing.balanced` judges the layers.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import linalg as scipy_linalg

from exactflow.floats.balancing.tuning import TUNING


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """J, D J^T and the solution of J D J^T lam = r, for 2n x 2n matrices r and lam.

    `left` and `right` are the A_i^T and the B_i, of shape (layers, n, 2n), and with their weights
    G_i^-1 A_i^T and H_i^-1 B_i; `cut` of the layers are left of the cut. Rows are zero but at the
    `active` of the 2n coordinates, which some layer moves or reads.
    """

    left: np.ndarray
    right: np.ndarray
    weighted_left: np.ndarray
    weighted_right: np.ndarray
    cut: int
    active: np.ndarray

    @staticmethod
    def of(
        left: np.ndarray, right: np.ndarray, cut: int, spread: float, active: np.ndarray
    ) -> "NormalEquations":
        """Return the equations of A_i^T and B_i with their weights; `spread` says how freely layers
        may move against each other.
        """
        weighted_left, weighted_right = (_weighted(rows, spread) for rows in (left, right))
        return NormalEquations(left, right, weighted_left, weighted_right, cut, active)

    def apply(self, dX: np.ndarray) -> np.ndarray:
        """Return J dX."""
        return _flat(self.left).T @ _flat(dX @ self.right)

    def adjoint(self, lam: np.ndarray) -> np.ndarray:
        """Return D J^T lam."""
        images = _flat(self.weighted_left) @ lam
        return images.reshape(self.left.shape) @ self.weighted_right.transpose(0, 2, 1)

    def solve(self, r: np.ndarray, tol: float, ridge: float = 0.0) -> np.ndarray:
        """Return lam with (J D J^T + ridge E) lam = r but for the trace, to the relative residual
        `tol` (large systems: in the norm of the preconditioner). E is the identity for small
        systems, for others the map that the preconditioner inverts.
        """
        r = traceless(r, self.active)
        if len(r) <= 2 * TUNING.dense:
            return self._solve_densely(r, ridge)
        if tol < TUNING.tol:
            return self._solve_iteratively(r, tol, ridge)
        size = float(np.linalg.norm(r)) or 1.0  # float32 is slow where products underflow
        single = self._single._solve_iteratively((r / size).astype(np.float32), tol, ridge)
        return size * single.astype(r.dtype)

    @cached_property
    def _single(self) -> "NormalEquations":
        names = ("left", "right", "weighted_left", "weighted_right")
        return replace(self, **{name: getattr(self, name).astype(np.float32) for name in names})

    def _solve_densely(self, r: np.ndarray, ridge: float) -> np.ndarray:
        """Cholesky's method for a sum of Kronecker products, the identity's direction filled in."""
        K, _, d = self.left.shape
        left = (self.left.transpose(0, 2, 1) @ self.weighted_left).reshape(K, -1)
        right = (self.weighted_right.transpose(0, 2, 1) @ self.right).reshape(K, -1)
        gram = (left.T @ right).reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
        gram[:: d + 1, :: d + 1] += np.outer(self.active, self.active) / d
        gram.flat[:: d * d + 1] += ridge + ~np.logical_and.outer(self.active, self.active).ravel()
        factor = scipy_linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        return scipy_linalg.cho_solve(factor, r.ravel(), check_finite=False).reshape(r.shape)

    @cached_property
    def _rotated(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, "NormalEquations"]:
        """S, R, w and the equations for mu: J D J^T is close to mu -> mu / w."""
        K, m = len(self.left), self.cut
        idle = np.diag((~self.active).astype(self.left.dtype))
        a, S = _joint_diagonalization(self.left, self.weighted_left, m, idle)
        b, R = _joint_diagonalization(self.right, self.weighted_right, m, idle)
        bases = {"left": S, "weighted_left": S, "right": R, "weighted_right": R}
        turned = {name: getattr(self, name) @ basis for name, basis in bases.items()}
        return S, R, 1 / (1 / (K - m) + np.outer(a, b) / m), replace(self, **turned)

    def _solve_iteratively(self, r: np.ndarray, tol: float, ridge: float) -> np.ndarray:
        """Conjugate gradients for mu, until the preconditioned residual is `tol` times as large."""
        S, R, weights, turned = self._rotated
        ridges = ridge / weights
        r = S.T @ r @ R
        solution = np.zeros_like(r)
        z = direction = r * weights
        size = np.vdot(r, z)
        goal = tol**2 * size
        for _ in range(TUNING.iterations):
            if size <= goal:
                break
            image = turned.apply(turned.adjoint(direction)) + ridges * direction
            curvature = np.vdot(direction, image)
            if not curvature > 0:  # rounded away: the step so far is as good as it gets
                break
            length = size / curvature
            solution += length * direction
            r = r - length * image
            z = r * weights
            size, previous = np.vdot(r, z), size
            direction = z + (size / previous) * direction
        return S @ solution @ R.T


def traceless(M: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return M - (tr M / d) I, for the identity I of the d active coordinates."""
    result = M.copy()
    result.flat[:: len(M) + 1] -= np.trace(M) / active.sum() * active
    return result


def _flat(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(-1, rows.shape[-1])


def _weighted(rows: np.ndarray, spread: float) -> np.ndarray:
    """Return (I + R R^T / spread)^-1 R for each n x 2n matrix R."""
    if spread == np.inf:
        return rows
    gram = rows @ rows.transpose(0, 2, 1) / spread
    return np.linalg.solve(np.eye(rows.shape[1]) + gram, rows)


def _joint_diagonalization(
    rows: np.ndarray, weighted: np.ndarray, cut: int, idle: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (e, S) with S^T G S = diag(e), S^T H S = I for the sums G, H of R^T W over the pairs
    of n x 2n matrices before and after the cut, each plus the diagonal matrix `idle`.
    """
    before = _flat(rows[:cut]).T @ _flat(weighted[:cut]) + idle
    return scipy_linalg.eigh(before, _flat(rows[cut:]).T @ _flat(weighted[cut:]) + idle)
