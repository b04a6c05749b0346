"""The linearized problem: how a product of shears moves when its layers do, and one Newton step.

Main results
------------
Let M = S_1 .. S_K be wanted, S_i = I + E_i X_i F_i^T alternating shears, cut at m = K // 2 into
P = S_1 .. S_m and R = S_(m+1) .. S_K. The *centred residual* and its linearization are

    F(X) = P^-1 M R^-1 - I,        J dX = sum_i A_i dX_i B_i,

where A_i (2n x n), B_i (n x 2n) come from the partial products between layer i and the cut:

    i <= m:  A_i = T^-1 E_i,  B_i = F_i^T T,      T = S_(i+1) .. S_m;
    i >  m:  A_i = Q E_i,     B_i = F_i^T Q^-1,   Q = S_(m+1) .. S_(i-1).

These are far better conditioned than products of all layers. J J^T maps lam to
sum_i (A_i A_i^T) lam (B_i^T B_i) and is singular along the identity, since shears have determinant
one; the trace is projected out.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.balancing.account` judges the layers.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg as scipy_linalg

__all__ = ["Frame", "Word", "rms"]

DENSE = 10
MAX_ITERATIONS = 300


@dataclass(frozen=True)
class Word:
    """An alternating word of `layers` shears on 2n coordinates whose leftmost factor moves `first`
    (0 for the first half, 1 for the second). Its shifts are an array of shape (layers, n, n).
    """

    layers: int
    n: int
    first: int

    @property
    def cut(self) -> int:
        """The number of factors on the left of the cut."""
        return self.layers // 2

    def moved(self, i: int) -> slice:
        """The coordinates that factor i moves."""
        return self._half((i + self.first) % 2)

    def kept(self, i: int) -> slice:
        """The coordinates that factor i keeps."""
        return self._half((i + self.first + 1) % 2)

    def _half(self, half: int) -> slice:
        return slice(half * self.n, (half + 1) * self.n)

    def product(self, X: np.ndarray) -> np.ndarray:
        """Return S_1 .. S_K."""
        P = np.eye(2 * self.n)
        for i, shift in enumerate(X):
            P[:, self.kept(i)] += P[:, self.moved(i)] @ shift
        return P


def rms(F: np.ndarray) -> float:
    """Return |F|_F / sqrt(2n), the size of a 2n x 2n residual where the identity has size one."""
    return float(np.linalg.norm(F)) / len(F) ** 0.5


class Frame:
    """The factors A_i, B_i at layers X, the centred residual's frame, and the solver for J J^T."""

    def __init__(self, word: Word, X: np.ndarray):
        self.word, self.X = word, X
        K, n, m = word.layers, word.n, word.cut
        A, B = np.empty((K, 2 * n, n)), np.empty((K, n, 2 * n))
        left, left_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in reversed(range(m)):
            moved, kept = word.moved(i), word.kept(i)
            A[i], B[i] = left_inverse[:, moved], left[kept]
            left[moved] += X[i] @ left[kept]
            left_inverse[:, kept] -= left_inverse[:, moved] @ X[i]
        right, right_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in range(m, K):
            moved, kept = word.moved(i), word.kept(i)
            A[i], B[i] = right[:, moved], right_inverse[kept]
            right[:, kept] += right[:, moved] @ X[i]
            right_inverse[moved] -= X[i] @ right_inverse[kept]
        self._left_inverse, self._right_inverse = left_inverse, right_inverse
        self._A, self._B = A, B
        self._rows = np.ascontiguousarray(A.transpose(0, 2, 1).reshape(K * n, 2 * n))
        self._columns = np.ascontiguousarray(self._rows.T)
        self._B_transposed = np.ascontiguousarray(B.transpose(0, 2, 1))

    def centred(self, E: np.ndarray) -> np.ndarray:
        """Return P^-1 E R^-1."""
        return self._left_inverse @ E @ self._right_inverse

    def residual(self, M: np.ndarray) -> np.ndarray:
        """Return F = P^-1 M R^-1 - I."""
        F = self.centred(M)
        F.flat[:: len(F) + 1] -= 1
        return F

    def step(self, F: np.ndarray, pull: float, anchor: np.ndarray, tol: float) -> np.ndarray:
        """Return dX with J dX = F, and the closer X + dX to `anchor` the more `pull` nears one.

        dX = J^T lam - pull (X - anchor), J J^T lam = F + pull J (X - anchor): for pull = 0 the
        least dX, for pull = 1 the layers nearest to the anchor that solve the linearized problem.
        Raises ``numpy.linalg.LinAlgError`` where J J^T is numerically singular.
        """
        if not pull:
            return self._adjoint(self._solve(F, tol))
        away = pull * (self.X - anchor)
        return self._adjoint(self._solve(F + self._apply(away), tol)) - away

    def _apply(self, dX: np.ndarray) -> np.ndarray:
        return self._columns @ (dX @ self._B).reshape(self._rows.shape)

    def _adjoint(self, lam: np.ndarray) -> np.ndarray:
        return (self._rows @ lam).reshape(self._B.shape) @ self._B_transposed

    def _solve(self, right_side: np.ndarray, tol: float) -> np.ndarray:
        if self.word.n <= DENSE:
            return self._solve_dense(traceless(right_side))
        return self._solve_iteratively(traceless(right_side), tol)

    @cached_property
    def _cholesky(self) -> tuple[np.ndarray, bool]:
        """The factor of sum_i (A_i A_i^T) kron (B_i^T B_i), the identity's direction filled in."""
        K, d = self.word.layers, 2 * self.word.n
        left = (self._A @ self._A.transpose(0, 2, 1)).reshape(K, -1)
        right = (self._B_transposed @ self._B).reshape(K, -1)
        gram = (left.T @ right).reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
        gram[:: d + 1, :: d + 1] += 1 / d
        return scipy_linalg.cho_factor(gram, overwrite_a=True, check_finite=False)

    def _solve_dense(self, right_side: np.ndarray) -> np.ndarray:
        solution = scipy_linalg.cho_solve(self._cholesky, right_side.ravel())
        return solution.reshape(right_side.shape)

    @cached_property
    def _preconditioner(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(S, R, w): J J^T is close to lam -> S^-T ((S^-1 lam R^-T) / w) R^-1.

        S diagonalizes the sums of A_i A_i^T left and right of the cut together, R the B_i^T B_i.
        """
        n, m, K = self.word.n, self.word.cut, self.word.layers
        B = self._B.reshape(self._rows.shape)
        a, S = _joint_diagonalization(self._rows, m * n)
        b, R = _joint_diagonalization(B, m * n)
        return S, R, 1 / (1 / (K - m) + np.outer(a, b) / m)

    def _precondition(self, r: np.ndarray) -> np.ndarray:
        S, R, weights = self._preconditioner
        return traceless(S @ ((S.T @ r @ R) * weights) @ R.T)

    def _solve_iteratively(self, r: np.ndarray, tol: float) -> np.ndarray:
        """Conjugate gradients to the relative residual `tol`."""
        goal = tol * np.linalg.norm(r)
        solution = np.zeros_like(r)
        z = direction = self._precondition(r)
        size = np.vdot(r, z)
        for _ in range(MAX_ITERATIONS):
            if np.linalg.norm(r) <= goal:
                break
            image = traceless(self._apply(self._adjoint(direction)))
            length = size / np.vdot(direction, image)
            solution = solution + length * direction
            r = r - length * image
            z = self._precondition(r)
            size, previous = np.vdot(r, z), size
            direction = z + (size / previous) * direction
        return solution


def traceless(M: np.ndarray) -> np.ndarray:
    """Return M - (tr M / d) I."""
    result = M.copy()
    result.flat[:: len(M) + 1] -= np.trace(M) / len(M)
    return result


def _joint_diagonalization(rows: np.ndarray, cut: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (e, S) with S^T G S = diag(e), S^T H S = I for the Gram matrices G, H of the rows
    before and after the cut.
    """
    before, after = rows[:cut], rows[cut:]
    return scipy_linalg.eigh(before.T @ before, after.T @ after)
