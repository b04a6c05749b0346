"""Rounding of a flow's layers to float64: a bound on the module's forward error before it is built.

Main results
------------
A module holds the numbers of the layers rounded to float64, and computes in float64. Let M be the
matrix of the flow, Q the exact product of the layers A_1, .., A_K as they are stored, and y the
vector that the module returns. For |x_1| + .. + |x_d| <= 1

    max |y - M x| <= max |M - Q| + max B,
    B = sum over k of  |A_K .. A_(k+1)| g_k |A_k| |computed A_(k-1) .. A_1|,

with g_k = n_k u / (1 - n_k u), u = 2^-53, on the rows that layer k moves, and 0 on those that it
keeps. For y - Q x is the sum of the errors of the layers, each carried on by those that follow; and
each number that layer k adds up goes through at most n_k roundings, in whatever order it does
(Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, sections 3.1 and 3.5). n_k is one
more than the largest number of nonzero entries in a row of the shift.

The largest |M x| over these x is the largest entry of M, so that the quotient of the two is the
relative error.

How it is checked
-----------------
*Exact*: M - Q, in rationals; it is zero where all numbers are floats. *Certified*: B. Its products
are computed in float64 themselves, and their own errors, by the same theorem, are added; what is
left are sums and products of nonnegative floats, enlarged by 2^-20. One assumption: no number
underflows. For float32 u is 2^-24, and the bound is computed in float64 as before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_float
from exactflow.exact.typing import Element
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling

__all__ = ["Rounding", "check_error", "float_layer", "most_in_a_row", "rounding"]

UNIT = 2.0**-53
ENLARGED = 1 + 2.0**-20
SMALL = Fraction(1, 10**9)
ACCEPTED = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-2}
"""The largest relative error that is accepted, unless another one is given."""


@dataclass(frozen=True)
class Rounding:
    """The forward error of a flow's module in float64, for |x_1| + .. + |x_d| <= 1.

    Attributes
    ----------
    stored : the largest absolute entry of M - Q, an exact rational; Q is the product of the layers
        as they are stored.
    computed : a certified bound of what arithmetic adds; infinite where the theorem gives none.
    largest : the largest absolute entry of M.
    """

    stored: Fraction
    computed: float
    largest: Fraction

    @property
    def error(self) -> Fraction | float:
        """The bound of the forward error."""
        exact = np.isfinite(self.computed)
        return self.stored + Fraction(self.computed) if exact else self.computed

    @property
    def relative(self) -> Fraction | float:
        """The bound, as a multiple of the largest entry."""
        return self.error / self.largest


def rounding(flow: CouplingFlow, *, dtype: Any = np.float64) -> Rounding:
    """Bound the forward error of a flow over QQ as a float64 module of any library.

    `dtype` may be float32 instead. Raises `InvalidInputError` where a number is beyond its range.

    >>> from exactflow import LinearCoupling
    >>> account = rounding(CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]])]))
    >>> account.stored == Fraction(1, 3) - Fraction(1 / 3), account.relative < 1e-15
    (True, True)
    """
    layers = [float_layer(layer, dtype) for layer in flow.layers]
    M, stored = flow.domain_matrix(), Fraction(0)
    values = {value for layer in flow.layers for value in layer.values()}
    if any(QQ(*_held(value, dtype).as_integer_ratio()) != value for value in values):
        exact = [layer.exact() for layer in layers]
        held = CouplingFlow(exact, flow.partition, flips=flow.flips, order=flow.order)
        stored = _largest(M - held.domain_matrix())
    largest = _largest(M)
    with np.errstate(over="ignore", invalid="ignore"):
        computed = _computed(layers, flow.dimension, largest, float(np.finfo(dtype).eps) / 2)
    return Rounding(stored, computed, largest)


def check_error(flow: CouplingFlow, accepted: Any = None, dtype: Any = np.float64) -> None:
    """Raise `InvalidInputError` where `rounding` exceeds a bound, relative to the largest entry;
    None is 1e-6 in float64 and 1e-2 in float32.
    """
    kind = np.dtype(dtype)
    accepted = ACCEPTED[kind] if accepted is None else accepted
    is_number = isinstance(accepted, Real)
    if not (is_number and accepted >= 0):
        raise InvalidInputError(
            "expected accept_error to be a number, zero or larger (math.inf accepts any error), "
            f"got {accepted!r}"
        )
    account = rounding(flow, dtype=dtype)
    if account.relative > accepted:
        remedy = ""
        if kind == np.float32:
            remedy = 'run JAX in float64 (jax.config.update("jax_enable_x64", True)), '
        elif account.stored:  # layers that are no floats, so not those of balance
            remedy = "use exactflow.balance, whose layers are floats with small entries, "
        raise InvalidInputError(
            f"expected layers whose error in {kind} is within {float(accepted):.2g} of the largest "
            f"entry, got a bound of {float(account.relative):.2g}: {remedy}or give accept_error=.."
        )


def float_layer(layer: LinearCoupling, dtype: Any = np.float64) -> FloatCoupling:
    """Return a layer over QQ in a type of floats; raises `InvalidInputError` beyond its range."""
    for value in set(layer.values()):
        if not 0 < abs(_held(value, dtype)) < np.inf:
            size = int(value.numerator).bit_length() - int(value.denominator).bit_length()
            raise InvalidInputError(
                f"expected numbers within the range of {np.dtype(dtype)}, got one of about "
                f"2^{size}: use exactflow.balance, whose layers are floats with small "
                "entries"
            )
    found = FloatCoupling.of(layer)
    shift, scale = (x.astype(dtype).astype(float) for x in (found.shift, found.scales))
    return FloatCoupling(layer.moves, shift, scale)


def most_in_a_row(layer: FloatCoupling) -> int:
    """Return the largest number of nonzero entries in a row of the shift."""
    return int((layer.shift != 0).sum(axis=1).max())


def _held(value: Element, dtype: Any) -> float:
    with np.errstate(over="ignore"):
        return float(dtype(to_float(value)))


def _largest(M: DomainMatrix) -> Fraction:
    value = max(map(abs, M.iter_values()), default=QQ.zero)
    return Fraction(int(value.numerator), int(value.denominator))


def _computed(layers: Sequence[FloatCoupling], d: int, largest: Fraction, unit: float) -> float:
    """Return a bound of B: that of |A_K| .. |A_1|, in linear time, where it is small enough."""
    counts = [most_in_a_row(layer) + 1 for layer in layers]
    sizes = np.ones(d)
    for layer in layers:
        sizes = FloatCoupling(layer.moves, abs(layer.shift), layer.scale).forward(sizes)
    bound = float(ENLARGED * _gamma(sum(counts), unit) * sizes.max())
    if not bound <= SMALL * largest:
        bound = ENLARGED * _sharp(list(zip(layers, counts, strict=True)), d, unit)
    return float(bound) if np.isfinite(bound) else np.inf


def _sharp(layers: Sequence[tuple[FloatCoupling, int]], d: int, unit: float) -> float:
    """Return the largest entry of B; `slack` bounds the errors of the products in it."""
    slack = _gamma(sum(d + n for _, n in layers))
    befores, P, size = [], np.eye(d), np.eye(d)
    for layer, _ in layers:
        befores.append(np.abs(P) + 2 * slack * size)
        A = layer.forward(np.eye(d))
        P, size = A @ P, np.abs(A) @ size
    B, S, size = np.zeros((d, d)), np.eye(d), np.eye(d)
    for (layer, n), before in zip(reversed(layers), reversed(befores), strict=True):
        A, p = layer.forward(np.eye(d)), layer.partition[0]
        moved = slice(p) if layer.moves == "first" else slice(p, None)
        after = np.abs(S) + slack * size
        B += after[:, moved] @ (_gamma(n, unit) * np.abs(A[moved]) @ before)
        S, size = S @ A, size @ np.abs(A)
    return B.max()


def _gamma(n: int, unit: float = UNIT) -> float:
    return n * unit / (1 - n * unit)
