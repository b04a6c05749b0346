"""Ball arithmetic: rational numbers in, rigorous enclosures of reals, rational bounds out.

Arb (Johansson, *Arb: efficient arbitrary-precision midpoint-radius interval arithmetic*, IEEE
Transactions on Computers, 2017), through python-flint, which is there whichever ground types SymPy
uses. The precision is set in a ``workprec`` block, never for the program.
"""

from flint import arb, ctx
from sympy import QQ

from exactflow.errors import ExactFlowError
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import Element

_BITS = 53
FINEST = 2**14  # smaller numbers are rounded to 0 or 2^-16384: e^(-10^30) has 10^30 bits
_LARGEST = 2**20  # in bits, more than the squares of the longest numbers that are read


class PrecisionError(ExactFlowError, ValueError):
    """The working precision is too small for what is asked."""


def ball(value: Element) -> arb:
    """Return an enclosure of a rational number, SymPy's or of QQ, at the current precision."""
    return arb(to_fmpq(value))


def upper(x: arb) -> Element:
    """Return an element of QQ of 53 bits that is at least the numbers of a ball.

    Between -2^-16384 and 2^-16384 it is one of these ends or zero. Raises `PrecisionError` for a
    ball without bound, or with one that has more than a million bits.

    >>> upper(arb("1e-290")) >= QQ(1, 10**290), upper((-(arb(10) ** 30)).exp()) == QQ(1, 2**16384)
    (True, True)
    """
    with ctx.workprec(_BITS):
        bound = x.upper()
    if not bound.is_finite() or abs(bound) > arb(2) ** _LARGEST:
        raise PrecisionError(
            f"a number is not known to be below 2^{_LARGEST}: bring the input nearer to 1"
        )
    if abs(bound) < arb(2) ** -FINEST:
        return QQ(int(bound > 0), 2**FINEST)
    mantissa, exponent = map(int, bound.man_exp())
    return QQ(mantissa) * QQ(2) ** exponent


def lower(x: arb) -> Element:
    """Return an element of QQ of 53 bits that is at most the numbers of a ball, as in `upper`."""
    return -upper(-x)


def nearest_integer(x: arb) -> int:
    """Return an integer nearest to the midpoint of a ball."""
    mantissa, exponent = map(int, x.mid().man_exp())
    if exponent >= 0:
        return mantissa << exponent
    return ((mantissa << 1) + (1 << -exponent)) >> (1 - exponent)


def upper_root(x: arb) -> arb:
    """Return a bound of the root of a number >= 0, whose ball `x` may reach below zero."""
    return x.abs_upper().sqrt()


def normal_cdf(x: arb) -> arb:
    """Return the mass that N(0, 1) gives to (-oo, x]."""
    return (-x / arb(2).sqrt()).erfc() / 2


def normal_density(x: arb) -> arb:
    """Return the density of N(0, 1) at x."""
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_quantile(below: arb, above: arb) -> arb:
    """Return the point with the mass `below` before it and `above` after it, which add up to one.

    Both are asked for, since the smaller of them has the smaller relative error.
    """
    root = arb(2).sqrt()
    return -root * (2 * below).erfcinv() if below < above else root * (2 * above).erfcinv()
