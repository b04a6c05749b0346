"""Signs of algebraic numbers: zero is decided in the field, all others in balls.

An element of a number field is zero iff its polynomial in the generator is zero. Any other one is
enclosed in balls of growing precision until its sign is plain, however small it is. It is real iff
the root of its characteristic polynomial that lies in its ball is real: Arb isolates these roots,
and gives those that are real an imaginary part of exactly zero.
"""

from functools import lru_cache
from typing import Any

from flint import acb, arb, ctx, fmpq_mat, fmpq_poly
from sympy import Rational
from sympy.polys.domains.domain import Domain

from exactflow.exact.balls import ball
from exactflow.exact.numbers import flint_rational, to_element
from exactflow.exact.typing import Element

_FIRST_PRECISION = 64  # bits


def is_positive_number(value: Element, field: Domain) -> bool | None:
    """Whether an element of QQ, or of a number field, is positive; None if it is not real, and for
    other fields.
    """
    if field.is_QQ or field.is_ZZ:
        return bool(value > 0)
    if field.is_QQ_I or field.is_ZZ_I:
        return None if value.y else bool(value.x > 0)
    if not field.is_AlgebraicField:
        return None
    coefficients = value.to_list()
    if len(coefficients) < 2:
        return bool(coefficients and coefficients[0] > 0)
    precision = _FIRST_PRECISION
    while (sign := _sign(value, field, precision)) is None:
        precision *= 2
    return {1: True, -1: False}.get(sign)


def _sign(value: Element, field: Domain, precision: int) -> int | None:
    """Return 1 or -1 for an irrational number, 0 if it is not real; None if the precision is too
    low.
    """
    with ctx.workprec(precision):
        if (root := _generator(field, precision)) is None:
            return None
        x = acb(0)
        for coefficient in value.to_list():
            x = x * root + ball(coefficient)
        is_unclear = not root.imag.is_zero() and x.imag.contains(0)
        found = _isolated(_characteristic(value, field), x) if is_unclear else x
        if found is None:
            return None
        if not found.imag.contains(0):
            return 0
        if not found.imag.is_zero() or found.real.contains(0):
            return None
        return 1 if found.real > 0 else -1


@lru_cache(maxsize=64)
def _generator(field: Domain, precision: int) -> acb | None:
    """Return an enclosure of the generator of a number field, as the root of its polynomial that is
    near its numeric value; None where the precision is too low to tell which one that is.
    """
    digits = precision // 4
    parts = field.to_sympy(field.unit).evalf(digits).as_real_imag()
    radius = arb(0, arb(10) ** -(digits // 2))
    near = acb(*(ball(to_element(Rational(part))) + radius for part in parts))
    return _isolated(fmpq_poly([flint_rational(x) for x in reversed(field.mod.to_list())]), near)


def _isolated(polynomial: fmpq_poly, near: acb) -> acb | None:
    """Return the enclosure of the only root that meets a ball; None if several do."""
    every: Any = polynomial.numer().complex_roots()  # pairs, whatever its types say
    roots = [root for root, _ in every if root.overlaps(near)]
    return roots[0] if len(roots) == 1 else None


def _characteristic(value: Element, field: Domain) -> fmpq_poly:
    """Return the characteristic polynomial of the multiplication by an element."""
    n, power, rows = field.mod.degree(), value, []
    for _ in range(n):
        entries = [flint_rational(x) for x in reversed(power.to_list())]
        rows.append(entries + [0] * (n - len(entries)))
        power = power * field.unit
    return fmpq_mat(rows).charpoly()
