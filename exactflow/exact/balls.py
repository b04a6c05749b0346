"""Ball arithmetic: rational numbers in, rigorous enclosures of reals, rational bounds out.

Arb (Johansson, *Arb: efficient arbitrary-precision midpoint-radius interval arithmetic*, IEEE
Transactions on Computers, 2017), through python-flint, which is there whichever ground types SymPy
uses. The precision is set in a ``workprec`` block, never for the program.
"""

from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.errors import ExactFlowError
from exactflow.exact.numbers import flint_rational
from exactflow.exact.typing import Element

_SMALLEST = 1000


class PrecisionError(ExactFlowError, ValueError):
    """The working precision is too small for what is asked."""


def ball(value: Element) -> arb:
    """Return an enclosure of an element of QQ at the current precision."""
    return arb(flint_rational(value))


def upper(x: arb) -> Rational:
    """Return a rational of 53 bits that is at least the ball's numbers, and at least 2^-1000."""
    with ctx.workprec(53):
        mantissa, exponent = map(int, x.upper().man_exp())
    if mantissa > 0 and exponent < -_SMALLEST:
        mantissa, exponent = 1, -_SMALLEST
    return mantissa * Rational(2) ** exponent


def lower(x: arb) -> Element:
    """Return the least number of a ball, a dyadic one, as an element of QQ."""
    mantissa, exponent = map(int, x.lower().man_exp())
    return QQ(mantissa) * QQ(2) ** exponent


def nearest(x: arb) -> int:
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
