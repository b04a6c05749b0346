"""Every matrix of positive determinant in closed form: six or eleven layers that never fail.

Main results
------------
*Theorem 11.* Let W = U Sigma V^T with rotations U and V, the small singular values S1 first, the
large ones S2 last. With Theorem 10 (`exactflow.floats.balancing.rotation`) U is a word L U L U L U
of six shears and V^T one of the form U L U L U L, the inverse of V's. Let S1 = a b and S2 = e f,
where a and e are at most 1, b and f at least 1. Between the last L of U and the second U of V^T

    L(R) U(X) diag(S1, S2) U(Y) L(T) U(Z) = [[I, 0], [R, e]] [[a, X e + S1 Y f^-1], [0, I]]
                                            [[I, 0], [f T b^-1, f]] [[b, b Z], [0, I]]:

eleven affine couplings. If det W = 1 each has a condition number bounded by a constant times
max(|W|, |W^-1|) <= kappa(W). For W = s W1, det W1 = 1, each layer has a part of the scalar s: a
layer scales one half only. A multiple of a rotation takes six layers.

Corrections remove the rounding errors: from the exact E = W - Q, with F = U^T E V, the diagonal of
F goes to Sigma, an entry F_ij to U or to V, whichever has the larger singular value beside it
(Ogita and Aishima, *Iterative refinement for singular value decomposition*, 2020, is near), and a
Newton step of `exactflow.floats.balancing.newton` on each word of shears does the rest.

How it is checked
-----------------
*For all n*: the identities. *Certified* and *numeric*: ``proofs/rotations.py``. Of each result:
`exactflow.floats.balancing.balanced`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import frexp, ldexp, log2

import numpy as np

from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing.determinant import determinant_sign
from exactflow.floats.balancing.newton import CorrectableShears, ShearWord
from exactflow.floats.balancing.rotation import orthogonalized, rotation_shears
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import TUNING
from exactflow.flows.float_layers import FloatCoupling, composed


def has_closed_form(halves: tuple[int, int]) -> bool:
    """Whether the sizes of the halves differ by at most one."""
    return abs(halves[0] - halves[1]) <= 1


def closed_form(target: Target) -> Iterator["Shears | ElevenLayers"]:
    """Yield the layers of Theorem 10 for a multiple of a rotation, nearly, then those of Theorem
    11, for halves that differ by at most one.
    """
    if target.rotation is not None:
        yield Shears(target, _shears(target.rotation, target.halves))
    U, s, Vt = target.svd
    order = np.argsort(s)
    if target.halves[0] > target.halves[1]:
        order = np.roll(order, target.halves[0])
    U, V = U[:, order], Vt[order].T
    least = int(np.argmin(s[order]))
    for Q in (U, V):
        Q[:, least] *= determinant_sign(Q)
    of_U, of_V = (_tightened(_shears(Q, target.halves), Q) for Q in (U, V))
    yield ElevenLayers(target, of_U, of_V, U, V, s[order])


def closed_shears(
    Q: np.ndarray, halves: tuple[int, int], inverse: bool = False
) -> tuple[ShearWord, np.ndarray]:
    """Return a word of six shears with product `Q`, a rotation, nearly; there are two words: the
    leftmost factor of one of them moves the larger half (or the second), of the other, which is
    made by way of the inverse, the smaller half.
    """
    p, q = halves
    M, first = Q.T if inverse else Q, int(p <= q)
    if p > q:
        M = np.roll(M, (q, q), axis=(0, 1))
    shifts = rotation_shears(orthogonalized(orthogonalized(M)), min(halves))
    if inverse:
        shifts, first = [-shift for shift in reversed(shifts)], 1 - first
    word = ShearWord.on(halves, 6, first)
    return word, word.packed(shifts)


@dataclass(frozen=True, eq=False)
class Shears:
    """Shears whose product is near the target over its scale."""

    target: Target
    shears: CorrectableShears

    def layers(self) -> tuple[FloatCoupling, ...]:
        """Return the layers, with the target's scale."""
        factors = alternating_shears(self.shears.word.first, self.shears.shifts)
        return scale_layers(factors, self.target.scale, self.target.exponent)

    def corrected(self, E: np.ndarray) -> "Shears":
        """Return the shears after a step that removes the error E of `unit`, but for the part
        that changes the determinant, whose gradient at M is along M^-T: shears cannot.
        """
        E = E / self.target.scale
        gradient = self.target.rotation
        if gradient is None:
            gradient = np.linalg.inv(self.target.unit / self.target.scale).T
        E = E - np.vdot(gradient, E) / np.vdot(gradient, gradient) * gradient
        return Shears(self.target, self.shears.plus(E))


@dataclass(frozen=True, eq=False)
class ElevenLayers:
    """U Sigma V^T near the target's `unit`, with the shears of U and of V."""

    target: Target
    left: CorrectableShears
    right: CorrectableShears
    U: np.ndarray
    V: np.ndarray
    sigma: np.ndarray

    def layers(self) -> tuple[FloatCoupling, ...]:
        """Return the eleven layers, with the target's scale."""
        first, p = self.left.word.first, self.target.halves[0]
        scaled = self.sigma / self.target.scale
        kept, moved = scaled[p:], scaled[:p]
        if first == 0:
            kept, moved = moved, kept
        of_U, of_V = self.left.shifts, [-shift for shift in self.right.shifts]
        low, high = np.minimum(kept, 1), np.maximum(kept, 1)
        a, b = np.minimum(moved, 1), np.maximum(moved, 1)
        one, other = HALVES[first], HALVES[1 - first]
        factors = [
            *alternating_shears(first, of_U[:4]),
            FloatCoupling(one, of_U[4], low),
            FloatCoupling(other, of_U[5] * low + moved[:, None] * of_V[5] / high, a),
            FloatCoupling(one, high[:, None] * of_V[4] / b, high),
            FloatCoupling(other, b[:, None] * of_V[3], b),
            *alternating_shears(first, of_V[2::-1]),
        ]
        return scale_layers(factors, self.target.scale, self.target.exponent)

    def corrected(self, E: np.ndarray) -> "ElevenLayers":
        """Return the layers after a step that removes the error E of `unit`."""
        F = self.U.T @ E @ self.V
        sizes = np.maximum(self.sigma, TUNING.small * self.sigma.max())
        to_U = np.where(sizes >= sizes[:, None], F / sizes, 0)
        to_V = np.where(sizes < sizes[:, None], F / sizes[:, None], 0)
        np.fill_diagonal(to_U, 0)
        sigma = self.sigma + np.diag(F)
        of_U, of_V = self.left.plus(self.U @ to_U), self.right.plus(-self.V @ to_V)
        U, V = self.U + self.U @ to_U, self.V + self.V @ to_V.T
        sigma = np.where(sigma > 0, sigma, self.sigma)
        return ElevenLayers(self.target, of_U, of_V, U, V, sigma)


def _shears(Q: np.ndarray, halves: tuple[int, int]) -> CorrectableShears:
    """Return the shears of a rotation: so well conditioned that no step needs weights."""
    return CorrectableShears(*closed_shears(Q, halves), spread=np.inf)


def _tightened(found: CorrectableShears, Q: np.ndarray) -> CorrectableShears:
    """Return shifts with product Q to rounding level, from shifts near that."""
    layers = scale_layers(alternating_shears(found.word.first, found.shifts), 1.0)
    return found.plus((DyadicMatrix.of_floats(Q) - composed(layers)).floats())


def round_to_grid(shift: np.ndarray, size: float = 1.0) -> np.ndarray:
    """Return the nearest matrix of multiples of 2^-57 times the power of two at or below `size`."""
    exponent = TUNING.grid + 1 - frexp(size)[1]
    return np.ldexp(np.rint(np.ldexp(shift, exponent)), -exponent)


def alternating_shears(first: int, shifts: Sequence[np.ndarray]) -> list[FloatCoupling]:
    """Return alternating shears, the leftmost of which moves half `first` (0 or 1)."""
    return [FloatCoupling(HALVES[(first + i) % 2], shift) for i, shift in enumerate(shifts)]


def scale_layers(
    factors: Sequence[FloatCoupling], scale: float, exponent: int = 0
) -> tuple[FloatCoupling, ...]:
    """Return layers, in order of application, with the product 2^exponent scale S_1 .. S_K.

    A scalar that is 1 up to rounding is 1.
    Each half is scaled in equal parts by all factors that move it. With C the scales of the
    factors to the right, S(X) C = C S(X'), X' = C_moved^-1 X C_kept.
    """
    times = [sum(factor.moves == half for factor in factors) for half in HALVES]
    whole = log2(scale) + exponent
    if abs(whole) < TUNING.rounding:
        scale, exponent, whole = 1.0, 0, 0.0
    on_the_right, powers, left, layers = [1.0, 1.0], [0, 0], list(times), []
    for factor in reversed(factors):
        half = HALVES.index(factor.moves)
        left[half] -= 1
        part = 2.0 ** (whole / times[half])
        if not left[half]:
            part = ldexp(scale / on_the_right[half], exponent - powers[half])
        mantissa, power = frexp(part)
        mantissa, power = mantissa * on_the_right[half], power + powers[half]
        other = 1 - half
        ratio = ldexp(mantissa / on_the_right[other], power - powers[other])
        shift = ratio * factor.shift
        if np.isscalar(factor.scale):
            shift = round_to_grid(shift, ratio)
        layers.append(FloatCoupling(factor.moves, shift, factor.scale * part))
        on_the_right[half], powers[half] = mantissa, power
    return tuple(layers)
