"""Rounding of a flow's layers to float64: a bound on the module's forward error before it is built.

Main results
------------
A module holds the numbers of the layers rounded to float64, and computes in float64. Let M be the
matrix of the flow, A_1, .., A_K its layers, B_1, .., B_K the same as they are stored, and y the
vector that the module returns. For |x_1| + .. + |x_d| <= 1

    max |y - M x| <= max  sum over k of  |A_K .. A_(k+1)| g_k (|B_k| |computed B_(k-1) .. B_1| + t),

with g_k = n_k u / (1 - n_k u), u = 2^-53, on the rows that layer k moves, and 0 on those that it
keeps. For y - M x is the sum of the errors of the layers, each carried on by those that follow; and
each number that layer k adds up goes through at most n_k roundings, that of its storage among them,
in whatever order it does (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, sections
3.1 and 3.5). n_k is two more than the largest number of nonzero entries in a row of the shift.

A product that underflows, to a subnormal number or to zero, is wrong by less than the least normal
number u t, t = 2^-969; so it is wrong by at most u times the sum of its size and t. Likewise a
stored number has a relative error of at most u once its size counts as at least t.

The largest |M x| over these x is the largest entry of M.

How it is checked
-----------------
*Certified*: the products are computed in float64 themselves, of the stored layers, and their own
errors, by the same theorem, are added; what is left are sums and products of nonnegative floats,
enlarged by 2^-20 and by what underflows. Where a sum of absolute values is beyond the range, the
bound is infinite. For float32 u is 2^-24, t is 2^-102, and the bound is computed in float64 as
before.
"""

from collections.abc import Sequence
from fractions import Fraction
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_field, to_float
from exactflow.exact.typing import Element
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept

UNIT = 2.0**-53
NORMAL = 2.0**-1022
ENLARGED = 1 + 2.0**-20
SMALL = Fraction(1, 10**9)
ACCEPTED = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-2}
"""The largest relative error that is accepted, unless another one is given."""


def rounding_error_bound(flow: CouplingFlow, *, dtype: Any = np.float64) -> Fraction | float:
    """Bound the forward error of a flow over QQ as a float64 module of any library, for
    |x_1| + .. + |x_d| <= 1, as a multiple of the largest entry of M; infinite where the theorem
    gives no bound.

    `dtype` may be float32 instead. Raises `InvalidInputError` where a number is beyond its range,
    and for a flow over another field.

    >>> from exactflow import LinearCoupling
    >>> bound = rounding_error_bound(CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]])]))
    >>> Fraction(1, 3) - Fraction(1 / 3) < bound < 1e-15
    True
    """
    if not flow.field.is_QQ:
        raise InvalidInputError(
            f"expected a flow over QQ, got one over {format_field(flow.field)}: modules hold floats"
        )
    layers = [float_layer(layer, dtype) for layer in flow.layers]
    entry = max(map(abs, flow.domain_matrix().iter_values()))
    largest = Fraction(int(entry.numerator), int(entry.denominator))
    limits = np.finfo(dtype)
    unit = float(limits.eps) / 2
    floats = _Floats(unit, float(limits.tiny) / unit, float(limits.max))
    with np.errstate(over="ignore", invalid="ignore"):
        bound = _bound(layers, flow.dimension, largest, floats)
    return Fraction(bound) / largest if np.isfinite(bound) else np.inf


def check_error(flow: CouplingFlow, accepted: Any = None, dtype: Any = np.float64) -> None:
    """Raise `InvalidInputError` if the error may exceed a bound: 1e-6 if None, 1e-2 in float32."""
    kind = np.dtype(dtype)
    accepted = ACCEPTED[kind] if accepted is None else accepted
    is_number = isinstance(accepted, Real)
    if not (is_number and accepted >= 0):
        raise InvalidInputError(
            "expected accept_error to be a number, zero or larger (math.inf accepts any error), "
            f"got {accepted!r}"
        )
    bound = rounding_error_bound(flow, dtype=dtype)
    if bound > accepted:
        remedy = ""
        if kind == np.float32:
            remedy = 'run JAX in float64 (jax.config.update("jax_enable_x64", True)), '
        elif not _is_held(flow, kind.type):  # layers that are no floats, so not those of balance
            remedy = "use exactflow.balance, whose layers are floats with small entries, "
        raise InvalidInputError(
            f"expected layers whose error in {kind} is within {float(accepted):.2g} of the largest "
            f"entry, got a bound of {float(bound):.2g}: {remedy}or give accept_error=.."
        )


def float_layer(layer: LinearCoupling, dtype: Any = np.float64) -> FloatCoupling:
    """Return a layer over QQ in a type of floats; raises `InvalidInputError` beyond its range."""
    for value in set(layer.values()):
        if not 0 < abs(_held(value, dtype)) < np.inf:
            size = int(value.numerator).bit_length() - int(value.denominator).bit_length()
            raise InvalidInputError(
                f"expected numbers within the range of {np.dtype(dtype)}, got one of about "
                f"2^{size}: use exactflow.balance, whose layers are floats with small entries"
            )
    found = FloatCoupling.of(layer)
    shift, scale = (x.astype(dtype).astype(float) for x in (found.shift, found.scales))
    return FloatCoupling(layer.moves, shift, scale)


def _is_held(flow: CouplingFlow, dtype: Any) -> bool:
    """Whether all numbers of a flow are floats of a type."""
    values = {value for layer in flow.layers for value in layer.values()}
    return all(QQ(*_held(value, dtype).as_integer_ratio()) == value for value in values)


def _held(value: Element, dtype: Any) -> float:
    with np.errstate(over="ignore"):
        return float(dtype(to_float(value)))


class _Floats(NamedTuple):
    """A type of floats: the u and the t of the theorem, and the largest number."""

    unit: float
    least: float
    most: float


def _bound(layers: Sequence[FloatCoupling], d: int, largest: Fraction, floats: _Floats) -> float:
    """Return a bound of the error, infinite where a number may overflow: that of |A_K| .. |A_1|, in
    linear time, where it is small.
    """
    counts = [int((layer.shift != 0).sum(axis=1).max()) + 2 for layer in layers]
    sizes, peak = np.ones(d), 1.0
    for layer in layers:
        sizes = _absolute(layer, floats.least).forward(sizes) + floats.least
        peak = max(peak, sizes.max())
    bound = float(ENLARGED * _gamma(sum(counts) + len(counts), floats.unit) * sizes.max())
    if bound <= SMALL * largest and ENLARGED * peak <= floats.most:
        return bound
    return float(ENLARGED * _sharp(list(zip(layers, counts, strict=True)), d, floats))


def _absolute(layer: FloatCoupling, least: float) -> FloatCoupling:
    """Return the layer of the sizes of its numbers, none below `least`."""
    shift = abs(layer.shift)
    if isinstance(shift, np.ndarray):
        shift = np.where(shift, np.maximum(shift, least), 0)
    else:
        shift.data = np.maximum(shift.data, least)
    return FloatCoupling(layer.moves, shift, np.maximum(layer.scale, least))


def _sharp(layers: Sequence[tuple[FloatCoupling, int]], d: int, floats: _Floats) -> float:
    """Return the largest entry of the sum, infinite where a number may overflow; `slack` bounds the
    errors of the products in it: those of the module, and those of this function, in float64.
    """
    unit, least, most = floats
    slack = _gamma(sum(d + n for _, n in layers)) + _gamma(sum(n for _, n in layers), unit)
    slack += slack**2
    befores, P, size = [], np.eye(d), np.eye(d)
    for layer, _ in layers:
        befores.append(np.abs(P) + slack * size)
        P = layer.forward(np.eye(d)) @ P
        size = _absolute(layer, least).forward(size) + least
    B, S, size = np.zeros((d, d)), np.eye(d), np.eye(d)
    for (layer, n), before in zip(reversed(layers), reversed(befores), strict=True):
        A, p = _absolute(layer, least).forward(np.eye(d)), layer.partition[0]
        moved, _ = moved_and_kept(layer.moves, (slice(p), slice(p, None)))
        after = np.abs(S) + slack * size
        sums = A[moved] @ before + 2 * least
        if not ENLARGED * sums.max() <= most:
            return np.inf
        B += after[:, moved] @ (_gamma(n, unit) * sums)
        S, size = S @ layer.forward(np.eye(d)), size @ A + least
    return float(B.max()) + len(layers) * d * NORMAL


def _gamma(n: int, unit: float = UNIT) -> float:
    return n * unit / (1 - n * unit)
