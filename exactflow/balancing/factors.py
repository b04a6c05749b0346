"""Factors of a product, with one scalar spread over their scales, as float layers."""

from collections.abc import Sequence
from math import frexp, ldexp, log2

import numpy as np

from exactflow.balancing.tuning import TUNING
from exactflow.exact.typing import HALVES
from exactflow.flows.float_layers import FloatCoupling

__all__ = ["layers_of", "snapped", "word_factors"]


def snapped(shift: np.ndarray, size: float = 1.0) -> np.ndarray:
    """Return the nearest matrix of multiples of 2^-57 times the power of two at or below `size`."""
    exponent = TUNING.grid + 1 - frexp(size)[1]
    return np.ldexp(np.rint(np.ldexp(shift, exponent)), -exponent)


def word_factors(first: int, shifts: Sequence[np.ndarray]) -> list[FloatCoupling]:
    """Return alternating shears, the leftmost of which moves half `first` (0 or 1)."""
    return [FloatCoupling(HALVES[(first + i) % 2], shift) for i, shift in enumerate(shifts)]


def layers_of(
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
            shift = snapped(shift, ratio)
        layers.append(FloatCoupling(factor.moves, shift, factor.scale * part))
        on_the_right[half], powers[half] = mantissa, power
    return tuple(layers)
