"""Diagonals that give two positive definite matrices the same eigenvalues.

Main results
------------
For A, p x p, and B, q x q, k = q - p >= 0, `matched` finds positive diagonals a and b such that
a A a and b B b have the eigenvalues 1 < l_1 <= .. <= l_p and 1 (k times), l_1, .., l_p. They exist
for k <= 1: for logarithms u of a spread widely, log l_i(a A a) = 2 u_i + c_i + o(1), continuously,
and by Brouwer's theorem every widely spread list of eigenvalues is attained by both. For p = 1 and
k >= 2 they exist iff B is D + l l^T, D > 0 diagonal; then l_i^2 = b_ij b_ik / b_jk.

How it is checked
-----------------
*Numeric*: Newton's method with steps of least norm on the differences of the logarithms of the
eigenvalues, in u = log a and v = log b, where d log l_i = 2 sum_j V_ji^2 du_j for eigenvectors V.
An eigenvalue that is to be k-fold brings k (k + 1) / 2 equations, those of the block that its
eigenvectors span (Friedland, Nocedal and Overton, *The formulation and analysis of numerical
methods for inverse eigenvalue problems*, SIAM J. Numer. Anal. 24, 1987).
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["SpectralMatch", "matched"]

STEPS = 30
LONGEST = 0.7  # of a step, in the logarithm of a diagonal entry
SHORTEST = 2.0**-6  # of a full step: then the residual is rounding, or the search has failed
ROUNDED = 1e-4  # a residual from which the refinement in exact arithmetic goes on
LEAST = 0.02  # the least eigenvalue is 1 + LEAST where that is free: eigenvalue 1 is singular
SQUARE_STARTS = ((0.1, 0.0), (0.3, 0.0), (1.0, 0.0), (2.0, 0.0), (4.0, 0.0))  # spread, push
STARTS = tuple((spread, push) for push in (0.5, 1, 2, 3, 4, 5) for spread in (0.1, 0.5, 1.5))


@dataclass(frozen=True, eq=False)
class SpectralMatch:
    """Logarithms u, v of the diagonals, with the eigenvalues and eigenvectors that they give."""

    u: np.ndarray
    v: np.ndarray
    a_values: np.ndarray
    a_vectors: np.ndarray
    b_values: np.ndarray
    b_vectors: np.ndarray

    @staticmethod
    def at(A: np.ndarray, B: np.ndarray, u: np.ndarray, v: np.ndarray) -> "SpectralMatch | None":
        """Return what u and v give, or None where an eigenvalue is not positive, rounded.

        Parameters
        ----------
        A, B : positive definite, p x p and q x q.
        u, v : logarithms of the diagonals, of p and of q entries.
        """
        a, b = np.exp(u), np.exp(v)
        a_values, a_vectors = np.linalg.eigh(a[:, None] * A * a)
        b_values, b_vectors = np.linalg.eigh(b[:, None] * B * b)
        return (
            SpectralMatch(u, v, a_values, a_vectors, b_values, b_vectors)
            if min(a_values[0], b_values[0]) > 0
            else None
        )

    @property
    def excess(self) -> int:
        """k, the difference of the sizes."""
        return len(self.v) - len(self.u)

    def swapped(self) -> "SpectralMatch":
        """Return the match with A and B exchanged."""
        return SpectralMatch(
            self.v, self.u, self.b_values, self.b_vectors, self.a_values, self.a_vectors
        )

    def residual(self) -> np.ndarray:
        """Return the differences of logarithms, and the block that is to be the identity."""
        k = self.excess
        block = np.diag(np.log(self.b_values[:k]))[np.triu_indices(k)]
        return np.concatenate([np.log(self.a_values) - np.log(self.b_values[k:]), block])

    def jacobian(self) -> np.ndarray:
        """Return the derivative of the residual by (u, v), where k-fold eigenvalues agree."""
        k = self.excess
        i, j = np.triu_indices(k)
        matching = np.hstack([2 * self.a_vectors.T**2, -2 * self.b_vectors[:, k:].T ** 2])
        block = 2 * (self.b_vectors[:, i] * self.b_vectors[:, j]).T
        return np.vstack([matching, np.hstack([np.zeros((len(i), len(self.u))), block])])


def matched(A: np.ndarray, B: np.ndarray) -> SpectralMatch | None:
    """Return diagonals as above, up to rounding, near those that give unit diagonals; or None."""
    if len(A) == 1 and len(B) > 2 and (one := _one_factor(A, B)) is not None:
        return one
    is_square = len(A) == len(B)
    for spread, push in SQUARE_STARTS if is_square else STARTS:
        start = _start(A, B, spread, push)
        found = None if start is None else _newton(A, B, start)
        found = _scaled(A, B, found)
        if found is not None and found.a_values[0] > 1 + LEAST / 4:
            return found
    return None


def _one_factor(A: np.ndarray, B: np.ndarray) -> SpectralMatch | None:
    """Return what makes B = D + l l^T, all l_i nonzero, a matrix I + r r^T."""
    i, j = np.triu_indices(len(B), 1)
    if not B[i, j].all():
        return None
    pairs = np.zeros((len(i), len(B)))
    pairs[range(len(i)), i] = pairs[range(len(i)), j] = 1
    squares = np.exp(2 * np.linalg.lstsq(pairs, np.log(np.abs(B[i, j])), rcond=None)[0])
    if (squares >= np.diag(B)).any():
        return None
    v = -np.log(np.diag(B) - squares) / 2
    greatest = np.linalg.eigvalsh(np.exp(v)[:, None] * B * np.exp(v))[-1]
    match = SpectralMatch.at(A, B, np.log(greatest / A[0]) / 2, v)
    return match if match is not None and np.abs(match.residual()).max() < ROUNDED else None


def _start(A: np.ndarray, B: np.ndarray, spread: float, push: float) -> SpectralMatch | None:
    """Return unit diagonals, spread in opposite directions: unit ones are a singular start.

    The k entries of b where rows of B depend most on the others are pushed down, for the least k
    eigenvalues to stand apart: where eigenvalues cross, sorted ones have no derivative.
    """
    u = -spread * np.linspace(-1, 1, len(A)) - np.log(np.diag(A)) / 2
    v = spread * np.linspace(-1, 1, len(B)) - np.log(np.diag(B)) / 2
    if push:
        dependence = np.diag(B) * np.diag(np.linalg.inv(B))
        v[np.argsort(-dependence)[: len(B) - len(A)]] -= push
    return _scaled(A, B, SpectralMatch.at(A, B, u, v))


def _scaled(A: np.ndarray, B: np.ndarray, match: SpectralMatch | None) -> SpectralMatch | None:
    """Return the match with a common factor such that the least eigenvalue is as it should be."""
    if match is None:
        return None
    least = match.b_values[0] if match.excess else match.a_values[0] / (1 + LEAST)
    shift = np.log(least) / 2
    return SpectralMatch.at(A, B, match.u - shift, match.v - shift)


def _newton(A: np.ndarray, B: np.ndarray, match: SpectralMatch) -> SpectralMatch | None:
    """Return where damped Newton steps lead, if the residual there is rounding."""
    residual = match.residual()
    for _ in range(STEPS):
        step = np.linalg.lstsq(match.jacobian(), -residual, rcond=None)[0]
        length = min(1.0, LONGEST / max(np.abs(step).max(), LONGEST))
        size, better = np.linalg.norm(residual), None
        while better is None and length > SHORTEST:
            du, dv = np.split(length * step, [len(match.u)])
            tried = SpectralMatch.at(A, B, match.u + du, match.v + dv)
            if tried is not None and np.linalg.norm(tried.residual()) < (1 - length / 10) * size:
                better = tried
            length /= 2
        if better is None:
            break
        match, residual = better, better.residual()
        if np.abs(residual).max() < 1e-12:
            break
    return match if np.abs(residual).max() < ROUNDED else None
