"""Bounds on the forward error of a flow as a module in float64, before the module is built.

Main results
------------
A module stores the numbers of the layers rounded to float64, and computes in float64. Let M be the
matrix of the flow, A_1, .., A_K its layers, B_1, .., B_K the stored layers, and y the vector that
the module returns. For |x_1| + .. + |x_d| <= 1

    max |y - M x| <= max  sum over k of  |A_K .. A_(k+1)| g_k (|B_k| |computed B_(k-1) .. B_1| + t),

with u = 2^-53, t = 2^-969, and g_k = n_k u / (1 - n_k u) on the rows that layer k moves, 0 on the
rows that it keeps; n_k is two more than the largest number of nonzero entries in a row of the shift
of layer k. Proof: y - M x is the sum of the errors of the layers, each multiplied by the layers
after it. Each term of a sum in layer k is rounded at most n_k times, including its storage, in any
order of summation (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, sections 3.1 and
3.5).

Underflow: a product that becomes subnormal or zero has an error below u t, the least normal number.
So the error of any product is at most u times the sum of its absolute value and t. Likewise the
error of a stored number is at most u times the larger of its absolute value and t.

The largest |M x| over these x is the largest entry of M.

How it is checked
-----------------
*Certified*: the products of the stored layers are computed in float64, and bounds on the errors of
these products, by the same inequality, are added. The other operations are sums and products of
nonnegative floats; the result is enlarged by the factor 1 + 2^-20, and by the largest possible
underflow. If a sum of absolute values is beyond the range, the bound is infinite. For modules in
float32, u is 2^-24 and t is 2^-102; the bound is still computed in float64.
"""

from collections.abc import Sequence
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_field, to_float
from exactflow.exact.typing import Element
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept
from exactflow.flows.result import FlowResult

UNIT = 2.0**-53
"""The unit roundoff u of float64."""
NORMAL = 2.0**-1022
"""The least normal number of float64."""
ENLARGED = 1 + 2.0**-20
"""The factor by which the computed bound is enlarged, to cover the rounding errors in it."""
SMALL = Fraction(1, 10**9)
"""The largest coarse bound that is returned, as a multiple of the largest entry of the matrix."""
ACCEPTED = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-2}
"""The default of `accept_error` by dtype."""


def rounding_error_bound(flow: CouplingFlow, *, dtype: Any = np.float64) -> Fraction | float:
    """Bound the forward error of a float64 module, of any library, that applies a flow over QQ.

    The bound holds for |x_1| + .. + |x_d| <= 1, and is a multiple of the largest entry of the
    matrix of the flow; it is infinite if a number may overflow. `dtype` may also be float32. Raises
    `InvalidInputError` for numbers beyond the range of the dtype, for another dtype, and for what
    is no linear flow over QQ.

    >>> from exactflow import LinearCoupling
    >>> bound = rounding_error_bound(CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]])]))
    >>> Fraction(1, 3) - Fraction(1 / 3) < bound < 1e-15
    True
    """
    given: Any = flow
    if not isinstance(given, CouplingFlow):
        remedy = ": pass its .flow" if isinstance(given, FlowResult) else ""
        raise InvalidInputError(f"expected a linear flow, got {type(given).__name__}{remedy}")
    try:
        name = "" if dtype is None else np.dtype(dtype).name
    except (TypeError, ValueError):  # a dtype of PyTorch
        name = str(dtype).removeprefix("torch.")
    if name not in map(str, ACCEPTED):
        raise InvalidInputError(f"expected float64 or float32 as dtype=.., got {dtype!r:.80}")
    dtype = np.dtype(name).type
    if not flow.field.is_QQ:
        raise InvalidInputError(
            f"expected a flow over QQ, got a flow over {format_field(flow.field)}: "
            "modules hold floats"
        )
    layers = [round_layer_to_floats(layer, dtype) for layer in flow.layers]
    counts = [int((layer.shift != 0).sum(axis=1).max()) + 2 for layer in layers]
    entry = max(map(abs, flow.domain_matrix().iter_values()))
    largest = Fraction(int(entry.numerator), int(entry.denominator))
    info = np.finfo(dtype)
    unit = float(info.eps) / 2
    least, most = float(info.tiny) / unit, float(info.max)
    with np.errstate(over="ignore", invalid="ignore"):
        # a coarse bound from |A_K| .. |A_1|, computed in linear time, suffices if it is small
        sizes, peak = np.ones(flow.dimension), 1.0
        for layer in layers:
            sizes = _absolute_layer_with_nonzeros_at_least(layer, least).forward(sizes) + least
            peak = max(peak, sizes.max())
        gamma = _higham_gamma(sum(counts) + len(counts), unit)
        bound = float(ENLARGED * gamma * sizes.max())
        if not (bound <= SMALL * largest and ENLARGED * peak <= most):
            pairs = list(zip(layers, counts, strict=True))
            bound = float(
                ENLARGED * _tight_absolute_error_bound(pairs, flow.dimension, unit, least, most)
            )
    return Fraction(bound) / largest if np.isfinite(bound) else np.inf


def check_rounding_error(
    flow: CouplingFlow, largest_accepted: Any = None, dtype: Any = np.float64
) -> None:
    """Raise `InvalidInputError` if `rounding_error_bound` exceeds the accepted error.

    If `largest_accepted` is None, errors up to 1e-6 in float64, and 1e-2 in float32, are accepted.
    """
    kind = np.dtype(dtype)
    accepted = ACCEPTED[kind] if largest_accepted is None else largest_accepted
    is_number = isinstance(accepted, Real)
    if not (is_number and accepted >= 0):
        raise InvalidInputError(
            "expected a nonnegative number as accept_error=.. (math.inf accepts any error), "
            f"got {accepted!r}"
        )
    bound = rounding_error_bound(flow, dtype=dtype)
    if bound > accepted:
        values = {x for layer in flow.layers for x in layer.scales_and_nonzero_shift_entries()}
        remedy = ""
        if kind == np.float32:
            remedy = 'run JAX in float64 (jax.config.update("jax_enable_x64", True)), '
        elif any(QQ(*_round_to_dtype(x, kind.type).as_integer_ratio()) != x for x in values):
            # a flow of floats may come from balance already, which is then no remedy
            remedy = "use exactflow.balance, whose layers are floats with small entries, "
        raise InvalidInputError(
            f"the rounding error in {kind} may reach {float(bound):.2g} of the largest entry, "
            f"above {float(accepted):.2g}: {remedy}or pass a larger accept_error=.."
        )


def round_layer_to_floats(layer: LinearCoupling, dtype: Any = np.float64) -> FloatCoupling:
    """Round a layer over QQ to a dtype; raise `InvalidInputError` for numbers beyond its range."""
    for value in set(layer.scales_and_nonzero_shift_entries()):
        if not 0 < abs(_round_to_dtype(value, dtype)) < np.inf:
            size = int(value.numerator).bit_length() - int(value.denominator).bit_length()
            raise InvalidInputError(
                f"the layers have a number of about 2^{size}, beyond the range of {np.dtype(dtype)}"
                ": use exactflow.balance, whose layers are floats with small entries"
            )
    found = FloatCoupling.from_rational(layer)
    shift, scale = (x.astype(dtype).astype(float) for x in (found.shift, found.scales))
    return FloatCoupling(layer.moves, shift, scale)


def _round_to_dtype(value: Element, dtype: Any) -> float:
    with np.errstate(over="ignore"):
        return float(dtype(to_float(value)))


def _absolute_layer_with_nonzeros_at_least(layer: FloatCoupling, least: float) -> FloatCoupling:
    """Return a layer with max(|x|, least) in place of each nonzero number x."""
    shift = abs(layer.shift)
    if isinstance(shift, np.ndarray):
        shift = np.where(shift, np.maximum(shift, least), 0)
    else:
        shift.data = np.maximum(shift.data, least)
    return FloatCoupling(layer.moves, shift, np.maximum(layer.scale, least))


def _tight_absolute_error_bound(
    layers_and_roundings: Sequence[tuple[FloatCoupling, int]],
    dimension: int,
    unit: float,
    least: float,
    most: float,
) -> float:
    """Return the bound of the module docstring on the error; infinity if a number may overflow.

    Each layer k comes with its number n_k of roundings; `unit` is u, `least` is t, and `most` is
    the largest number of the dtype. `slack` bounds the relative errors of all products: of the
    products of the module in its dtype, and of this function in float64.
    """
    layers, d, roundings = layers_and_roundings, dimension, sum(n for _, n in layers_and_roundings)
    slack = _higham_gamma(d * len(layers) + roundings) + _higham_gamma(roundings, unit)
    slack += slack**2
    befores, P, size = [], np.eye(d), np.eye(d)
    for layer, _ in layers:
        befores.append(np.abs(P) + slack * size)
        P = layer.forward(np.eye(d)) @ P
        size = _absolute_layer_with_nonzeros_at_least(layer, least).forward(size) + least
    B, S, size = np.zeros((d, d)), np.eye(d), np.eye(d)
    for (layer, n), before in zip(reversed(layers), reversed(befores), strict=True):
        A = _absolute_layer_with_nonzeros_at_least(layer, least).forward(np.eye(d))
        p = layer.partition[0]
        moved, _ = moved_and_kept(layer.moves, (slice(p), slice(p, None)))
        after = np.abs(S) + slack * size
        sums = A[moved] @ before + 2 * least
        if not ENLARGED * sums.max() <= most:
            return np.inf
        B += after[:, moved] @ (_higham_gamma(n, unit) * sums)
        S, size = S @ layer.forward(np.eye(d)), size @ A + least
    return float(B.max()) + len(layers) * d * NORMAL


def _higham_gamma(roundings: int, unit_roundoff: float = UNIT) -> float:
    return roundings * unit_roundoff / (1 - roundings * unit_roundoff)
