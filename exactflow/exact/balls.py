"""Ball arithmetic: rigorous enclosures of real numbers, and their rational bounds.

It is computed by Arb (Johansson, *Arb: efficient arbitrary-precision midpoint-radius interval
arithmetic*, IEEE Transactions on Computers, 2017), through python-flint, which is available
whichever ground types SymPy uses. Callers set the precision in a ``workprec`` block, never
globally.
"""

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import ExactFlowError
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import QQElement

_BITS = 53


FINEST = 2**14
"""Bounds of absolute value below 2^-FINEST are rounded outwards, to 0 or to 2^-FINEST with a sign:
a bound near e^(-10^30) would have 10^30 bits.
"""

_LARGEST = 2**20
"""The largest bound is 2^_LARGEST, above the squares of the longest numbers that are read."""


class PrecisionError(ExactFlowError, ValueError):
    """The working precision does not suffice."""


def ball(value: QQElement) -> arb:
    """Return a ball around an element of QQ or a SymPy Rational, at the current precision."""
    return arb(to_fmpq(value))


def upper(x: arb) -> QQElement:
    """Return an upper bound of a ball: an element of QQ with a mantissa of 53 bits.

    A bound between -2^-16384 and 2^-16384 is rounded up to 0 or to 2^-16384. Raises
    `PrecisionError` for an unbounded ball, and for a bound above 2^(2^20).

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


def lower(x: arb) -> QQElement:
    """Return a lower bound of a ball: an element of QQ with a mantissa of 53 bits."""
    return -upper(-x)


def round_midpoint_to_integer(x: arb) -> int:
    """Return the integer nearest to the midpoint of a ball."""
    mantissa, exponent = map(int, x.mid().man_exp())
    if exponent >= 0:
        return mantissa << exponent
    return ((mantissa << 1) + (1 << -exponent)) >> (1 - exponent)


def sqrt_upper_bound(x: arb) -> arb:
    """Return an upper bound of the square roots of all nonnegative numbers in the ball `x`.

    The ball can also contain negative numbers.
    """
    return x.abs_upper().sqrt()


def normal_cdf(x: arb) -> arb:
    """Return the mass that N(0, 1) gives to (-oo, x]."""
    return (-x / arb(2).sqrt()).erfc() / 2


def normal_density(x: arb) -> arb:
    """Return the density of N(0, 1) at x."""
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_quantile(mass_below: arb, mass_above: arb) -> arb:
    """Return x such that N(0, 1) gives `mass_below` to (-oo, x] and `mass_above` to [x, oo).

    It is computed from the smaller mass, which has the smaller relative error.
    """
    root = arb(2).sqrt()
    if mass_below < mass_above:
        return -root * (2 * mass_below).erfcinv()
    return root * (2 * mass_above).erfcinv()
