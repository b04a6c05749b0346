"""The product of float64 layers: whole and exactly, in some columns, or in leading digits.

Main results
------------
Floats are dyadic rationals, which `exactflow.balancing.digits` multiplies exactly. The largest
entry of W - Q, for the product Q of layers, is an exact rational that needs few integers: leading
digits, with a rigorous bound of what they leave out, name the columns in which it may lie, and only
these are composed exactly. If a half of Q is known up to errors with columns of norm at most e_1,
the other up to e_2, then after a layer ``moved = scale * moved + shift @ kept`` the half that moved
is known up to

    max(scale) e_moved + |shift|_2 e_kept + sqrt(rows) (what was left out of an entry),

and |X|_2 is at most the fourth root of |(X^T X)^2|_F.

How it is checked
-----------------
*Exact*: whole matrices and columns. *Certified*: leading digits and their bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import frexp

import numpy as np

from exactflow.balancing.account import HALVES, FloatCoupling
from exactflow.balancing.digits import BITS, Digits, left_out
from exactflow.exact.rounding import rounded_up

__all__ = ["Enclosure", "composed", "enclosed"]

RELATIVE = 1 + 2.0**-20


@dataclass(frozen=True, eq=False)
class Enclosure:
    """A matrix whose columns differ from those of `digits` by vectors of at most this norm."""

    digits: Digits
    slack: Fraction


def composed(layers: Sequence[FloatCoupling], columns: Sequence[int] | None = None) -> Digits:
    """Return the matrix of layers, the first of which is applied first, exactly: all columns or
    some.
    """
    return _composed(layers, columns, None).digits


def enclosed(layers: Sequence[FloatCoupling], bits: int) -> Enclosure:
    """Return the matrix of layers to about so many bits after the leading ones of each product."""
    return _composed(layers, None, bits)


def norm_bound(X: np.ndarray) -> Fraction:
    """Return an upper bound of the spectral norm |X|_2, at most a few times as large."""
    peak = float(np.abs(X).max())
    if not peak:
        return Fraction(0)
    exponent = frexp(peak)[1]
    X = np.ldexp(X, -exponent)
    gram = X @ X.T if len(X) < len(X.T) else X.T @ X
    size = float(np.linalg.norm(gram @ gram)) ** 0.25
    return Fraction(size * RELATIVE) * Fraction(2) ** exponent


def _composed(
    layers: Sequence[FloatCoupling], columns: Sequence[int] | None, bits: int | None
) -> Enclosure:
    p, q = layers[0].partition
    one = np.eye(p + q)[:, slice(None) if columns is None else list(columns)]
    halves = [Enclosure(Digits.of_floats(rows), Fraction(0)) for rows in (one[:p], one[p:])]
    for layer in layers:
        i = HALVES.index(layer.moves)
        halves[i] = _moved(layer, halves[i], halves[1 - i], bits)
    digits = halves[0].digits.stacked(halves[1].digits)
    return Enclosure(digits, halves[0].slack + halves[1].slack)


def _moved(layer: FloatCoupling, moved: Enclosure, kept: Enclosure, bits: int | None) -> Enclosure:
    """Return ``scale * moved + shift @ kept``."""
    shift, digits = Digits.of_floats(layer.shift), moved.digits
    products = [(shift, kept.digits)]
    if np.any(layer.scale != 1):
        products.append((Digits.of_floats(np.array(layer.scales)[:, None]), digits))
    floor = None
    if bits is not None:
        floor = max(A.exponent() + B.exponent() for A, B in products) - bits
    if len(products) > 1:
        digits = digits.scaled(products[1][0], floor)
    digits = digits.plus(shift, kept.digits, floor)
    if floor is None:
        return Enclosure(digits, Fraction(0))
    entry = sum(left_out(A, B, floor) for A, B in products)
    if digits.low < floor:
        digits = digits.above(floor + BITS)
        entry += Fraction(2) ** (floor + BITS)
    largest = Fraction(float(np.max(layer.scale)))
    slack = largest * moved.slack + norm_bound(layer.shift) * kept.slack
    return Enclosure(digits, rounded_up(slack + entry * len(layer.shift)))
