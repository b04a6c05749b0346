"""Layers in closed form: six layers for a multiple of a rotation, and eleven layers for any matrix
of positive determinant.

Main results
------------
*Theorem 11.* Let W = U Sigma V^T with rotations U and V, the small singular values S1 first, the
large ones S2 last. By Theorem 10 (`exactflow.floats.balancing.rotation`) U is a product L U L U L U
of six shears, and so is V; the inverse of the product for V, U L U L U L, is V^T. Let S1 = a b and
S2 = e f, where a and e are at most 1, b and f at least 1. Then the factors from the last L of the
product for U to the second U of the product for V^T are

    L(R) U(X) diag(S1, S2) U(Y) L(T) U(Z) = [[I, 0], [R, e]] [[a, X e + S1 Y f^-1], [0, I]]
                                            [[I, 0], [f T b^-1, f]] [[b, b Z], [0, I]]:

four couplings, and all factors are eleven. If det W = 1, each has a condition number of at most 18
max(|W|, |W^-1|) <= 18 kappa(W). For W = s W1 with det W1 = 1, the layers that move a half share the
scalar s. A multiple of a rotation takes six layers.

Corrections remove the rounding errors. Let E = W - Q, exactly, and F = U^T E V. The diagonal of F
is added to Sigma; an entry F_ij corrects U or V, whichever has the larger singular value there
(similar to Ogita and Aishima, *Iterative refinement for singular value decomposition*, 2020). A
Newton step of `exactflow.floats.balancing.newton` then adapts the shears of U and of V.

How it is checked
-----------------
*For all n*: the identities. *Certified* and *numeric*: ``proofs/rotations.py``.
`exactflow.floats.balancing.balanced` certifies each result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import frexp, ldexp, log2
from typing import TypeAlias

import numpy as np

from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing.determinant import determinant_sign
from exactflow.floats.balancing.newton import CorrectableShears, ShearPattern
from exactflow.floats.balancing.rotation import newton_schulz_step, six_shifts_of_rotation
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import TUNING
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly


def has_closed_form(halves: tuple[int, int]) -> bool:
    """Whether the sizes of the halves differ by at most one, which Theorems 10 and 11 assume."""
    return abs(halves[0] - halves[1]) <= 1


def yield_closed_forms(target: Target) -> Iterator["CorrectableLayers"]:
    """Yield the six layers of Theorem 10 if the target is nearly a multiple of a rotation, then the
    eleven layers of Theorem 11. The sizes of the halves must differ by at most one.
    """
    rotation = target.normalized_rotation_or_none
    if rotation is not None:
        yield Shears(target, _correctable_rotation_shears(rotation, target.halves))
    U, s, Vt = target.mantissa_svd_with_det_UVt_one
    order = np.argsort(s)
    if target.halves[0] > target.halves[1]:
        order = np.roll(order, target.halves[0])
    U, V = U[:, order], Vt[order].T
    least = int(np.argmin(s[order]))
    corrected = []
    for Q in (U, V):
        Q[:, least] *= determinant_sign(Q)
        found = _correctable_rotation_shears(Q, target.halves)
        factors = alternating_shears(found.pattern.first, found.shifts)
        product = apply_float_layers_exactly(reverse_and_distribute_scale(factors, 1.0))
        # one Newton step brings the product to Q up to rounding
        difference = DyadicMatrix.from_floats(Q) - product
        corrected.append(found.add_to_product_by_newton_step(difference.to_approximate_floats()))
    of_U, of_V = corrected
    yield ElevenLayers(target, of_U, of_V, U, V, s[order])


def six_shears_of_rotation(
    Q: np.ndarray, halves: tuple[int, int], invert_shears_of_inverse: bool = False
) -> tuple[ShearPattern, np.ndarray]:
    """Return the pattern and the padded shifts of six shears whose product is nearly Q.

    Q is a rotation. The leftmost factor moves the larger half, or the second of two equal halves.
    With `invert_shears_of_inverse` the shears of Q^-1 are inverted, so that the leftmost factor
    moves the other half.
    """
    p, q = halves
    M, first = Q.T if invert_shears_of_inverse else Q, int(p <= q)
    if p > q:
        M = np.roll(M, (q, q), axis=(0, 1))
    shifts = six_shifts_of_rotation(newton_schulz_step(newton_schulz_step(M)), min(halves))
    if invert_shears_of_inverse:
        shifts, first = [-shift for shift in reversed(shifts)], 1 - first
    pattern = ShearPattern.for_halves(halves, 6, first)
    return pattern, pattern.pad_and_stack(shifts)


@dataclass(frozen=True, eq=False)
class Shears:
    """Shears whose product is near `target.mantissa` / `target.mantissa_determinant_root`."""

    target: Target
    shears: CorrectableShears

    def build_scaled_layers(self) -> tuple[FloatCoupling, ...]:
        """Return layers whose product is near the target: the shears, with scales distributed among
        them.
        """
        factors = alternating_shears(self.shears.pattern.first, self.shears.shifts)
        return reverse_and_distribute_scale(
            factors, self.target.mantissa_determinant_root, self.target.mantissa_exponent
        )

    def after_newton_step_for_product_increment(self, mantissa_increment: np.ndarray) -> "Shears":
        """Return shears after a Newton step that adds, to first order, 2^`target.mantissa_exponent`
        times `mantissa_increment` to the product of the layers.

        The component along the gradient of the determinant is omitted, since shears cannot change
        the determinant.
        """
        E = mantissa_increment / self.target.mantissa_determinant_root
        gradient = self.target.normalized_rotation_or_none
        if gradient is None:
            gradient = np.linalg.inv(self.target.mantissa / self.target.mantissa_determinant_root).T
        E = E - np.vdot(gradient, E) / np.vdot(gradient, gradient) * gradient
        return Shears(self.target, self.shears.add_to_product_by_newton_step(E))


@dataclass(frozen=True, eq=False)
class ElevenLayers:
    """Eleven layers from the singular value decomposition U Sigma V^T of `target.mantissa`.

    `left` has the shears of U, `right` the shears of V; `sigma` is the diagonal of Sigma.
    """

    target: Target
    left: CorrectableShears
    right: CorrectableShears
    U: np.ndarray
    V: np.ndarray
    sigma: np.ndarray

    def build_scaled_layers(self) -> tuple[FloatCoupling, ...]:
        """Return the eleven layers, whose product is near the target."""
        first, p = self.left.pattern.first, self.target.halves[0]
        scaled = self.sigma / self.target.mantissa_determinant_root
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
        return reverse_and_distribute_scale(
            factors, self.target.mantissa_determinant_root, self.target.mantissa_exponent
        )

    def after_newton_step_for_product_increment(
        self, mantissa_increment: np.ndarray
    ) -> "ElevenLayers":
        """Return the layers after a Newton step that adds `mantissa_increment` to U Sigma V^T, to
        first order.
        """
        F = self.U.T @ mantissa_increment @ self.V
        sizes = np.maximum(self.sigma, TUNING.small * self.sigma.max())
        to_U = np.where(sizes >= sizes[:, None], F / sizes, 0)
        to_V = np.where(sizes < sizes[:, None], F / sizes[:, None], 0)
        np.fill_diagonal(to_U, 0)
        sigma = self.sigma + np.diag(F)
        of_U = self.left.add_to_product_by_newton_step(self.U @ to_U)
        of_V = self.right.add_to_product_by_newton_step(-self.V @ to_V)
        U, V = self.U + self.U @ to_U, self.V + self.V @ to_V.T
        sigma = np.where(sigma > 0, sigma, self.sigma)
        return ElevenLayers(self.target, of_U, of_V, U, V, sigma)


CorrectableLayers: TypeAlias = Shears | ElevenLayers
"""Layers with a product near a target, and Newton steps that bring the product nearer."""


def _correctable_rotation_shears(Q: np.ndarray, halves: tuple[int, int]) -> CorrectableShears:
    """Return six shears whose product is nearly the rotation Q. They are well conditioned, so that
    their corrections need no weights.
    """
    return CorrectableShears(*six_shears_of_rotation(Q, halves), spread=np.inf)


def round_to_grid_relative_to(shift: np.ndarray, reference_size: float = 1.0) -> np.ndarray:
    """Round the entries of a shift to multiples of 2^-`TUNING.grid` times the largest power of two
    that is at most `reference_size`.
    """
    exponent = TUNING.grid + 1 - frexp(reference_size)[1]
    return np.ldexp(np.rint(np.ldexp(shift, exponent)), -exponent)


def alternating_shears(leftmost_half: int, shifts: Sequence[np.ndarray]) -> list[FloatCoupling]:
    """Return the alternating shears with these shifts, from left to right. The leftmost shear moves
    the half 0 or 1, given by `leftmost_half`.
    """
    return [FloatCoupling(HALVES[(leftmost_half + i) % 2], shift) for i, shift in enumerate(shifts)]


def reverse_and_distribute_scale(
    factors: Sequence[FloatCoupling], scale: float, binary_exponent: int = 0
) -> tuple[FloatCoupling, ...]:
    """Return layers in order of application. Their product is 2^binary_exponent * scale times the
    product of the factors, which are listed from left to right.

    The scale of each half is distributed in equal parts among all factors that move this half. A
    scale that is 1 up to rounding is omitted. Let C be the product of the scales to the right of a
    factor with the shift X. This shift is replaced by X' = C_moved^-1 X C_kept, since
    S(X) C = C S(X').
    """
    logarithm = log2(scale) + binary_exponent
    if abs(logarithm) < TUNING.rounding:
        scale, binary_exponent, logarithm = 1.0, 0, 0.0
    counts = [sum(factor.moves == half for factor in factors) for half in HALVES]
    remaining = list(counts)
    on_the_right = [(1.0, 0), (1.0, 0)]  # the scale of each half in C, as (mantissa, exponent)
    layers = []
    for factor in reversed(factors):
        half = HALVES.index(factor.moves)
        remaining[half] -= 1
        mantissa, power = on_the_right[half]
        if remaining[half]:
            part = 2.0 ** (logarithm / counts[half])
        else:  # the last part absorbs the rounding errors of the other parts
            part = ldexp(scale / mantissa, binary_exponent - power)
        part_mantissa, part_power = frexp(part)
        mantissa, power = part_mantissa * mantissa, part_power + power
        on_the_right[half] = mantissa, power
        kept_mantissa, kept_power = on_the_right[1 - half]
        ratio = ldexp(mantissa / kept_mantissa, power - kept_power)
        shift = ratio * factor.shift
        if np.isscalar(factor.scale):
            shift = round_to_grid_relative_to(shift, ratio)
        layers.append(FloatCoupling(factor.moves, shift, factor.scale * part))
    return tuple(layers)
