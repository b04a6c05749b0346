"""Factors of a product, with one scalar spread over their scales, as float layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import frexp, ldexp, log2

import numpy as np

from exactflow.balancing.account import HALVES, FloatCoupling, snapped

__all__ = ["Factor", "layers_of", "word_factors"]

ADDITIVE = 2.0**-51


@dataclass(frozen=True, eq=False)
class Factor:
    """A factor of a product of couplings, which maps half `moved` (0 or 1)."""

    moved: int
    shift: np.ndarray
    scale: np.ndarray | float = 1.0


def word_factors(first: int, shifts: Sequence[np.ndarray]) -> list[Factor]:
    """Return alternating shears, the leftmost of which moves half `first`."""
    return [Factor((first + i) % 2, shift) for i, shift in enumerate(shifts)]


def layers_of(
    factors: Sequence[Factor], scale: float, exponent: int = 0
) -> tuple[FloatCoupling, ...]:
    """Return layers, in order of application, with the product 2^exponent scale S_1 .. S_K.

    A scalar that is 1 up to rounding is 1.
    Each half is scaled in equal parts by all factors that move it. With C the scales of the
    factors to the right, S(X) C = C S(X'), X' = C_moved^-1 X C_kept.
    """
    times = [sum(factor.moved == half for factor in factors) for half in (0, 1)]
    whole = log2(scale) + exponent
    if abs(whole) < ADDITIVE:
        scale, exponent, whole = 1.0, 0, 0.0
    on_the_right, left, layers = [1.0, 1.0], list(times), []
    for factor in reversed(factors):
        half = factor.moved
        left[half] -= 1
        part = 2.0 ** (whole / times[half])
        if not left[half]:
            mantissa, power = frexp(on_the_right[half])
            part = ldexp(scale / mantissa, exponent - power)
        ratio = part * on_the_right[half] / on_the_right[1 - half]
        shift = ratio * factor.shift
        if np.isscalar(factor.scale):
            shift = snapped(shift, ratio)
        layers.append(FloatCoupling(HALVES[half], factor.scale * part, shift))
        on_the_right[half] *= part
    return tuple(layers)
