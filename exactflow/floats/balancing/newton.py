"""The linearized problem: how a product of shears moves when its layers do, and one Newton step.

Main results
------------
Let M = S_1 .. S_K be wanted, S_i = I + E_i X_i F_i^T alternating shears, cut at m = K // 2 into
P = S_1 .. S_m and R = S_(m+1) .. S_K. The *centred residual* and its linearization are

    F(X) = P^-1 M R^-1 - I,        J dX = sum_i A_i dX_i B_i,

where A_i (2n x n), B_i (n x 2n) come from the partial products between layer i and the cut:

    i <= m:  A_i = T^-1 E_i,  B_i = F_i^T T,      T = S_(i+1) .. S_m;
    i >  m:  A_i = Q E_i,     B_i = F_i^T Q^-1,   Q = S_(m+1) .. S_(i-1).

These are far better conditioned than products of all layers. `exactflow.floats.balancing.normal`
solves the linearized problem.

How it is checked
-----------------
*Numeric*: float64. Nothing here is trusted; `exactflow.floats.balancing.balanced` judges the
layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from exactflow.floats.balancing.normal import NormalEquations
from exactflow.floats.balancing.tuning import TUNING, Attempt


@dataclass(frozen=True)
class ShearWord:
    """An alternating word of `layers` shears on 2n coordinates whose leftmost factor moves `first`
    (0 for the first half, 1 for the second). Its shifts are an array of shape (layers, n, n).

    Where the halves are not equal, the last coordinates of the smaller one are `idle`: n is the
    size of the larger half, and shifts are zero in their rows and columns.
    """

    layers: int
    n: int
    first: int
    idle: tuple[int, int] = (0, 0)

    @staticmethod
    def on(halves: tuple[int, int], layers: int, first: int) -> "ShearWord":
        """Return the word on halves of these sizes."""
        n = max(halves)
        return ShearWord(layers, n, first, (n - halves[0], n - halves[1]))

    @cached_property
    def active(self) -> np.ndarray:
        """Which of the 2n coordinates are not idle."""
        places = np.arange(self.n)
        return np.concatenate([places < self.n - idle for idle in self.idle])

    def embedded(self, M: np.ndarray) -> np.ndarray:
        """Return a matrix on the active coordinates with the identity on the idle ones."""
        if not any(self.idle):
            return M
        E = np.eye(2 * self.n)
        E[np.ix_(self.active, self.active)] = M
        return E

    def packed(self, shifts: Sequence[np.ndarray]) -> np.ndarray:
        """Return rectangular shifts as one array."""
        X = np.zeros((self.layers, self.n, self.n))
        for padded, shift in zip(X, shifts, strict=True):
            padded[: shift.shape[0], : shift.shape[1]] = shift
        return X

    def unpacked(self, X: np.ndarray) -> list[np.ndarray]:
        """Return the rectangular shifts in one array."""
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


def rms(F: np.ndarray) -> float:
    """Return |F|_F / sqrt(2n), the size of a 2n x 2n residual where the identity has size one."""
    return float(np.linalg.norm(F)) / len(F) ** 0.5


class CentredFrame:
    """The centred frame at layers X, and the normal equations of the steps from there."""

    def __init__(self, word: ShearWord, X: np.ndarray, spread: float = Attempt.spread):
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

    def centred(self, E: np.ndarray) -> np.ndarray:
        """Return P^-1 E R^-1."""
        return self._left_inverse @ E @ self._right_inverse

    def residual(self, M: np.ndarray) -> np.ndarray:
        """Return F = P^-1 M R^-1 - I."""
        F = self.centred(M)
        F.flat[:: len(F) + 1] -= 1
        return F

    def step(
        self, F: np.ndarray, pull: float, anchor: np.ndarray, tol: float, ridge: float = 0.0
    ) -> np.ndarray:
        """Return dX with J dX = F, and the closer X + dX to `anchor` the more `pull` nears one.

        dX = D J^T lam - pull (X - anchor), J D J^T lam = F + pull J (X - anchor): for pull = 0 the
        least dX, for pull = 1 the layers nearest to the anchor that solve the linearized problem. D
        has the weights of `NormalEquations`. A ridge is added to J D J^T, and keeps the step short
        where that is nearly singular; ``numpy.linalg.LinAlgError`` where it is so numerically.
        """
        if not pull:
            return self._least(F, tol, ridge)
        away = pull * (self.X - anchor)
        return self._least(F + self.equations.apply(away), tol, ridge) - away

    def nearer(self, anchor: np.ndarray, tol: float) -> np.ndarray:
        """Return the derivative of `step` by the pull."""
        away = self.X - anchor
        return self._least(self.equations.apply(away), tol, 0.0) - away

    def _least(self, F: np.ndarray, tol: float, ridge: float) -> np.ndarray:
        return self.equations.adjoint(self.equations.solve(F, tol, ridge))


@dataclass(frozen=True, eq=False)
class Corrected:
    """The shifts X of a word, and the frame of small corrections to them, with its `spread`."""

    word: ShearWord
    X: np.ndarray
    spread: float = Attempt.spread
    frame: CentredFrame | None = None

    def plus(self, E: np.ndarray) -> "Corrected":
        """Return shifts after the Newton step that adds E to their product."""
        frame = self.frame or CentredFrame(self.word, self.X, self.spread)
        F = frame.centred(self.word.embedded(E) - self.word.embedded(np.zeros_like(E)))
        ridge = max(TUNING.least_ridge, TUNING.ridge * rms(F))
        dX = frame.step(F, 0.0, self.X, TUNING.tol, ridge)
        return Corrected(self.word, self.X + dX, self.spread, frame)

    @property
    def shifts(self) -> list[np.ndarray]:
        """The rectangular shifts."""
        return self.word.unpacked(self.X)
