"""The derivative of a product of shears with respect to its layers, and one Newton step.

Main results
------------
We look for alternating shears S_i = I + E_i X_i F_i^T with M = S_1 .. S_K. The product is cut at m
= K // 2 into P = S_1 .. S_m and R = S_(m+1) .. S_K. The *centred residual* and its linearization
are

    F(X) = P^-1 M R^-1 - I,        J dX = sum_i A_i dX_i B_i,

where A_i (2n x n), B_i (n x 2n) come from the partial products between layer i and the cut:

    i <= m:  A_i = T^-1 E_i,  B_i = F_i^T T,      T = S_(i+1) .. S_m;
    i >  m:  A_i = Q E_i,     B_i = F_i^T Q^-1,   Q = S_(m+1) .. S_(i-1).

These are far better conditioned than the products of all layers.

*Normal equations*, J D J^T lam = r, without a matrix of size d^2 x d^2. The step dX = D J^T lam has
the least norm |dX|_D^2 = sum_i tr(dX_i^T G_i dX_i H_i); D dX_i = G_i^-1 dX_i H_i^-1, and

    G_i = I + A_i^T A_i / spread,    H_i = I + B_i B_i^T / spread.

The second terms prevent large changes of single layers that cancel in the sum, which occur if the
A_i, B_i are ill-conditioned. Otherwise |dX|_D is close to |dX|_F. J D J^T maps lam to sum_i (A_i
G_i^-1 A_i^T) lam (B_i^T H_i^-1 B_i). It is singular along the identity, since shears have
determinant one; the trace is projected out. Small systems are solved by Cholesky's method, others
by conjugate gradients, in float32 if few digits are required. Let S diagonalize the sums of A_i
G_i^-1 A_i^T left and right of the cut at once, and R the sums of B_i^T H_i^-1 B_i. In terms of mu,
lam = S mu R^T, J D J^T is close to a diagonal map, the preconditioner. So the iteration is for mu,
with A_i^T S and B_i R instead of A_i^T and B_i.

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
    """The shape of a product of `layers` alternating shears on 2n coordinates. The leftmost factor
    moves half `first` (0 or 1). The shifts are an array of shape (layers, n, n).

    If the halves have different sizes, n is the larger one, and the last coordinates of the smaller
    half are `idle`: shifts are zero in their rows and columns.
    """

    layers: int
    n: int
    first: int
    idle: tuple[int, int] = (0, 0)

    @staticmethod
    def on(halves: tuple[int, int], layers: int, first: int) -> "ShearPattern":
        """Return the shape for halves of these sizes."""
        n = max(halves)
        return ShearPattern(layers, n, first, (n - halves[0], n - halves[1]))

    @cached_property
    def active(self) -> np.ndarray:
        """A mask of the coordinates that are not idle."""
        places = np.arange(self.n)
        return np.concatenate([places < self.n - idle for idle in self.idle])

    def embed(self, M: np.ndarray) -> np.ndarray:
        """Extend a matrix on the active coordinates by the identity on the idle coordinates."""
        if not any(self.idle):
            return M
        E = np.eye(2 * self.n)
        E[np.ix_(self.active, self.active)] = M
        return E

    def pack(self, shifts: Sequence[np.ndarray]) -> np.ndarray:
        """Return rectangular shifts as one array, padded by zeros."""
        X = np.zeros((self.layers, self.n, self.n))
        for padded, shift in zip(X, shifts, strict=True):
            padded[: shift.shape[0], : shift.shape[1]] = shift
        return X

    def unpack(self, X: np.ndarray) -> list[np.ndarray]:
        """Return the rectangular shifts without the padding."""
        return [
            X[i][self.active[self.moved(i)]][:, self.active[self.kept(i)]] for i in range(len(X))
        ]

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


def rms_singular_value(F: np.ndarray) -> float:
    """Return |F|_F / sqrt(2n) for a 2n x 2n matrix F: the identity has size one."""
    return float(np.linalg.norm(F)) / len(F) ** 0.5


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """J, D J^T and the solution of J D J^T lam = r, for 2n x 2n matrices r and lam.

    `left` and `right` are the A_i^T and the B_i, of shape (layers, n, 2n); `weighted_left` and
    `weighted_right` are G_i^-1 A_i^T and H_i^-1 B_i. The first `cut` layers are left of the cut.
    `active` is a mask of the coordinates that are not idle.
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
        """Return the equations with the weights G_i and H_i of a `spread`."""
        weighted_left, weighted_right = (
            _apply_inverse_weights(rows, spread) for rows in (left, right)
        )
        return NormalEquations(left, right, weighted_left, weighted_right, cut, active)

    def apply_jacobian(self, dX: np.ndarray) -> np.ndarray:
        """Return J dX."""
        return _stack_layers(self.left).T @ _stack_layers(dX @ self.right)

    def apply_weighted_adjoint(self, lam: np.ndarray) -> np.ndarray:
        """Return D J^T lam."""
        images = _stack_layers(self.weighted_left) @ lam
        return images.reshape(self.left.shape) @ self.weighted_right.transpose(0, 2, 1)

    def solve(self, r: np.ndarray, tol: float, ridge: float = 0.0) -> np.ndarray:
        """Solve (J D J^T + ridge E) lam = r, up to the trace, to the relative residual `tol` (for
        large systems, in the norm of the preconditioner). E is the identity for small systems, and
        the inverse of the preconditioner for large ones.
        """
        r = remove_trace(r, self.active)
        if len(r) <= 2 * TUNING.dense:
            return self._solve_densely(r, ridge)
        if tol < TUNING.tol:
            return self._solve_iteratively(r, tol, ridge)
        # r is scaled to norm 1, since float32 is slow if products underflow
        size = float(np.linalg.norm(r)) or 1.0
        single = self._in_float32._solve_iteratively((r / size).astype(np.float32), tol, ridge)
        return size * single.astype(r.dtype)

    @cached_property
    def _in_float32(self) -> "NormalEquations":
        names = ("left", "right", "weighted_left", "weighted_right")
        return replace(self, **{name: getattr(self, name).astype(np.float32) for name in names})

    def _solve_densely(self, r: np.ndarray, ridge: float) -> np.ndarray:
        """Solve by Cholesky's method for a sum of Kronecker products, made regular along the
        identity.
        """
        K, _, d = self.left.shape
        left = (self.left.transpose(0, 2, 1) @ self.weighted_left).reshape(K, -1)
        right = (self.weighted_right.transpose(0, 2, 1) @ self.right).reshape(K, -1)
        gram = (left.T @ right).reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
        gram[:: d + 1, :: d + 1] += np.outer(self.active, self.active) / d
        gram.flat[:: d * d + 1] += ridge + ~np.logical_and.outer(self.active, self.active).ravel()
        factor = scipy_linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
        return scipy_linalg.cho_solve(factor, r.ravel(), check_finite=False).reshape(r.shape)

    @cached_property
    def _preconditioner(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, "NormalEquations"]:
        """S, R, w and the equations for mu, in which J D J^T is close to mu -> mu / w."""
        K, m = len(self.left), self.cut
        idle = np.diag((~self.active).astype(self.left.dtype))
        a, S = _diagonalize_jointly(self.left, self.weighted_left, m, idle)
        b, R = _diagonalize_jointly(self.right, self.weighted_right, m, idle)
        bases = {"left": S, "weighted_left": S, "right": R, "weighted_right": R}
        turned = {name: getattr(self, name) @ basis for name, basis in bases.items()}
        return S, R, 1 / (1 / (K - m) + np.outer(a, b) / m), replace(self, **turned)

    def _solve_iteratively(self, r: np.ndarray, tol: float, ridge: float) -> np.ndarray:
        """Solve for mu by conjugate gradients, to the relative preconditioned residual `tol`."""
        S, R, weights, turned = self._preconditioner
        ridges = ridge / weights
        r = S.T @ r @ R
        solution = np.zeros_like(r)
        z = direction = r * weights
        size = np.vdot(r, z)
        goal = tol**2 * size
        for _ in range(TUNING.iterations):
            if size <= goal:
                break
            image = (
                turned.apply_jacobian(turned.apply_weighted_adjoint(direction)) + ridges * direction
            )
            curvature = np.vdot(direction, image)
            if not curvature > 0:  # rounding errors exceed it: further iterations gain nothing
                break
            length = size / curvature
            solution += length * direction
            r = r - length * image
            z = r * weights
            size, previous = np.vdot(r, z), size
            direction = z + (size / previous) * direction
        return S @ solution @ R.T


class CentredLinearization:
    """The matrices P^-1 and R^-1 at layers X, and the normal equations of steps from X."""

    def __init__(self, word: ShearPattern, X: np.ndarray, spread: float = Attempt.spread):
        self.X, self.word, self.spread = X, word, spread
        left_inverse, right_inverse = np.eye(2 * word.n), np.eye(2 * word.n)
        for i in reversed(range(word.cut)):
            left_inverse[:, word.kept(i)] -= left_inverse[:, word.moved(i)] @ X[i]
        for i in range(word.cut, word.layers):
            right_inverse[word.moved(i)] -= X[i] @ right_inverse[word.kept(i)]
        self._left_inverse, self._right_inverse = left_inverse, right_inverse

    @cached_property
    def equations(self) -> NormalEquations:
        """The normal equations."""
        word, X = self.word, self.X
        K, n, m = word.layers, word.n, word.cut
        A, B = np.empty((K, n, 2 * n)), np.empty((K, n, 2 * n))
        one, one_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in reversed(range(m)):
            moved, kept = word.moved(i), word.kept(i)
            A[i], B[i] = one_inverse[:, moved].T, one[kept]
            one[moved] += X[i] @ one[kept]
            one_inverse[:, kept] -= one_inverse[:, moved] @ X[i]
        one, one_inverse = np.eye(2 * n), np.eye(2 * n)
        for i in range(m, K):
            moved, kept = word.moved(i), word.kept(i)
            A[i], B[i] = one[:, moved].T, one_inverse[kept]
            one[:, kept] += one[:, moved] @ X[i]
            one_inverse[moved] -= X[i] @ one_inverse[kept]
        for i in range(K):
            A[i, ~word.active[word.moved(i)]] = 0
            B[i, ~word.active[word.kept(i)]] = 0
        return NormalEquations.of(A, B, m, self.spread, word.active)

    def center(self, E: np.ndarray) -> np.ndarray:
        """Return P^-1 E R^-1."""
        return self._left_inverse @ E @ self._right_inverse

    def residual(self, M: np.ndarray) -> np.ndarray:
        """Return F = P^-1 M R^-1 - I."""
        F = self.center(M)
        F.flat[:: len(F) + 1] -= 1
        return F

    def step(
        self, F: np.ndarray, pull: float, anchor: np.ndarray, tol: float, ridge: float = 0.0
    ) -> np.ndarray:
        """Return dX with J dX = F; the larger `pull`, from 0 to 1, the nearer X + dX to `anchor`.

        dX = D J^T lam - pull (X - anchor) with J D J^T lam = F + pull J (X - anchor). For pull = 0
        this is the least dX; for pull = 1 the result is nearest to the anchor, both in the norm of
        `NormalEquations`. The ridge is added to J D J^T and shortens the step if that is nearly
        singular. If it is numerically singular, ``numpy.linalg.LinAlgError`` is raised.
        """
        if not pull:
            return self._least_newton_step(F, tol, ridge)
        away = pull * (self.X - anchor)
        return self._least_newton_step(F + self.equations.apply_jacobian(away), tol, ridge) - away

    def step_derivative_by_pull(self, anchor: np.ndarray, tol: float) -> np.ndarray:
        """Return the derivative of `step` with respect to the pull."""
        away = self.X - anchor
        return self._least_newton_step(self.equations.apply_jacobian(away), tol, 0.0) - away

    def _least_newton_step(self, F: np.ndarray, tol: float, ridge: float) -> np.ndarray:
        return self.equations.apply_weighted_adjoint(self.equations.solve(F, tol, ridge))


@dataclass(frozen=True, eq=False)
class CorrectableShears:
    """The shifts X of a word, and the frame in which they are corrected, with its `spread`."""

    word: ShearPattern
    X: np.ndarray
    spread: float = Attempt.spread
    frame: CentredLinearization | None = None

    def add_to_product(self, E: np.ndarray) -> "CorrectableShears":
        """Return the shifts after a Newton step that adds E to their product."""
        frame = self.frame or CentredLinearization(self.word, self.X, self.spread)
        F = frame.center(self.word.embed(E) - self.word.embed(np.zeros_like(E)))
        ridge = max(TUNING.least_ridge, TUNING.ridge * rms_singular_value(F))
        dX = frame.step(F, 0.0, self.X, TUNING.tol, ridge)
        return CorrectableShears(self.word, self.X + dX, self.spread, frame)

    @property
    def shifts(self) -> list[np.ndarray]:
        """The rectangular shifts."""
        return self.word.unpack(self.X)


def remove_trace(M: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Return M - (tr M / d) I, where I is the identity on the d active coordinates."""
    result = M.copy()
    result.flat[:: len(M) + 1] -= np.trace(M) / active.sum() * active
    return result


def _stack_layers(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(-1, rows.shape[-1])


def _apply_inverse_weights(rows: np.ndarray, spread: float) -> np.ndarray:
    """Return (I + R R^T / spread)^-1 R for each n x 2n matrix R."""
    if spread == np.inf:
        return rows
    gram = rows @ rows.transpose(0, 2, 1) / spread
    return np.linalg.solve(np.eye(rows.shape[1]) + gram, rows)


def _diagonalize_jointly(
    rows: np.ndarray, weighted: np.ndarray, cut: int, idle: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return (e, S) with S^T G S = diag(e) and S^T H S = I.

    G is the sum of R^T W over the pairs (R, W) of n x 2n matrices before the cut, plus the diagonal
    matrix `idle`; H is the same sum after the cut, plus `idle`.
    """
    before = _stack_layers(rows[:cut]).T @ _stack_layers(weighted[:cut]) + idle
    return scipy_linalg.eigh(
        before, _stack_layers(rows[cut:]).T @ _stack_layers(weighted[cut:]) + idle
    )
