"""Ball arithmetic: rigorous enclosures of real numbers, from rationals and to rational bounds.

Arb (Johansson, *Arb: efficient arbitrary-precision midpoint-radius interval arithmetic*, IEEE
Transactions on Computers, 2017), through python-flint, which is available whichever ground types
SymPy uses. Callers set the precision in a ``workprec`` block, never globally.
"""

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import ExactFlowError
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import Element

_BITS = 53
FINEST = 2**14
"""Bounds of size below 2^-FINEST are rounded outwards to it or 0: e^(-10^30) has 10^30 bits."""

_LARGEST = 2**20
"""The most bits of a bound: more than the squares of the longest numbers that are read have."""


class PrecisionError(ExactFlowError, ValueError):
    """The working precision does not suffice."""


def ball(value: Element) -> arb:
    """Return an enclosure of a rational number, SymPy's or of QQ, at the current precision."""
    return arb(to_fmpq(value))


def upper(x: arb) -> Element:
    """Return an upper bound of a ball: an element of QQ of 53 bits.

    A bound between -2^-16384 and 2^-16384 is rounded up to 0 or to 2^-16384. Raises
    `PrecisionError` for an unbounded ball, and for a bound of more than a million bits.

    >>> upper(arb("1e-290")) >= QQ(1, 10**290), upper((-(arb(10) ** 30)).exp()) == QQ(1, 2**16384)
    (True, True)
    """
    with ctx.workprec(_BITS):
        bound = x.upper()
    if not bound.is_finite() or abs(bound) > arb(2) ** _LARGEST:
        raise PrecisionError(f"an enclosure exceeds 2^{_LARGEST}: scale the input nearer to 1")
    if abs(bound) < arb(2) ** -FINEST:
        return QQ(int(bound > 0), 2**FINEST)
    mantissa, exponent = map(int, bound.man_exp())
    return QQ(mantissa) * QQ(2) ** exponent


def lower(x: arb) -> Element:
    """Return a lower bound of a ball: an element of QQ of 53 bits, as `upper` does."""
    return -upper(-x)


def nearest_integer(x: arb) -> int:
    """Return the integer nearest to the midpoint of a ball."""
    mantissa, exponent = map(int, x.mid().man_exp())
    if exponent >= 0:
        return mantissa << exponent
    return ((mantissa << 1) + (1 << -exponent)) >> (1 - exponent)


def sqrt_upper_bound(x: arb) -> arb:
    """Return an upper bound of the square root of a number >= 0, whose ball may contain negative
    numbers.
    """
    return x.abs_upper().sqrt()


def normal_cdf(x: arb) -> arb:
    """Return the mass that N(0, 1) gives to (-oo, x]."""
    return (-x / arb(2).sqrt()).erfc() / 2


def normal_density(x: arb) -> arb:
    """Return the density of N(0, 1) at x."""
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_quantile(below: arb, above: arb) -> arb:
    """Return the quantile of N(0, 1) with the mass `below` before it and `above` = 1 - `below`
    after it. The smaller one is used, since it has the smaller relative error.
    """
    root = arb(2).sqrt()
    return -root * (2 * below).erfcinv() if below < above else root * (2 * above).erfcinv()
