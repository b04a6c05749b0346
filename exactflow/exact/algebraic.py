"""Number fields in the complex numbers: enclosures, signs and equality of their elements.

A number field is QQ(a) for a known complex root a of an irreducible polynomial: the element with
coefficients c is the complex number c(a).

How it is checked
-----------------
*Exact.* An element is zero iff its coefficients are zero. Any other element is enclosed in balls of
growing precision until a ball shows its sign. It is real iff the root of its minimal polynomial in
its ball is real: Arb isolates the roots and encloses real ones with an imaginary part of exactly
zero. Elements x and y of two fields are equal iff f(y) = 0 for the minimal polynomial f of x, which
is decided in the field of y, and both lie in the ball of the same root of f.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from flint import acb, arb, ctx, fmpq_mat, fmpq_poly, fmpz_poly
from sympy import QQ_I
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.balls import ball
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import Element

_FIRST_PRECISION = 64
"""The precision of the first enclosure, in bits."""


def complex_embedding(field: Domain) -> Callable[[Element], acb]:
    """Return the function that encloses elements of QQ or of a number field in complex balls, at
    the current precision.
    """
    if field.is_QQ:
        return lambda value: acb(ball(value))
    if field == QQ_I:
        return lambda value: acb(ball(value.x), ball(value.y))
    generator = _enclose_generator(field, ctx.prec)

    def enclose(value: Element) -> acb:
        total = acb(0)
        for coefficient in value.to_list():
            total = total * generator + ball(coefficient)
        return total

    return enclose


def is_positive_if_real_number(value: Element, field: Domain) -> bool | None:
    """Whether an element of ZZ, QQ, ZZ[i], QQ(i) or a number field is positive. Returns None if the
    element is not real, and for every other domain.
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
    while True:
        with ctx.workprec(precision):
            x = complex_embedding(field)(value)
            met = [x]
            if x.imag.contains(0) and not x.imag.is_zero():
                roots = _enclose_distinct_roots(_minimal_polynomial(value, field))
                met = [root for root in roots if root.overlaps(x)]
        if len(met) == 1:
            real, imaginary = met[0].real, met[0].imag
            if not imaginary.contains(0):
                return None
            if imaginary.is_zero() and not real.contains(0):
                return bool(real > 0)
        precision *= 2


def is_equal_across_number_fields(left: DomainMatrix, right: DomainMatrix) -> bool:
    """Whether matrices over two number fields have the same complex entries."""
    fields = one, other = left.domain, right.domain
    entries, others = left.to_dok(), right.to_dok()
    if entries.keys() != others.keys():
        return False
    pairs = ((entry, others[place]) for place, entry in entries.items())
    if one.mod == other.mod and _enclose_generator(one, ctx.prec).overlaps(
        _enclose_generator(other, ctx.prec)
    ):
        return all(x.to_list() == y.to_list() for x, y in pairs)
    return all(_is_same_complex_number(pair, fields) for pair in pairs)


def _is_same_complex_number(numbers: Sequence, fields: Sequence[Domain]) -> bool:
    """Whether two elements of two number fields are the same complex number."""
    minimal = _minimal_polynomial(numbers[0], fields[0])
    value = fields[1].zero
    for coefficient in reversed(minimal.coeffs()):
        value = value * numbers[1] + fields[1].convert(int(coefficient))
    if value:
        return False
    precision = _FIRST_PRECISION
    while True:
        with ctx.workprec(precision):
            enclosures = [complex_embedding(K)(x) for x, K in zip(numbers, fields, strict=True)]
            roots = _enclose_distinct_roots(minimal)
            met = [[k for k, root in enumerate(roots) if root.overlaps(x)] for x in enclosures]
        if all(len(found) == 1 for found in met):
            return met[0] == met[1]
        precision *= 2


def _minimal_polynomial(value: Element, field: Domain) -> fmpz_poly:
    """Return the minimal polynomial of a number: the only irreducible factor of the characteristic
    polynomial of multiplication by this number.
    """
    size, column, columns = field.mod.degree(), field.convert(value), []
    for _ in range(size):
        coefficients = [to_fmpq(c) for c in reversed(column.to_list())]
        columns.append(coefficients + [to_fmpq(field.dom.zero)] * (size - len(coefficients)))
        column = column * field.unit
    return fmpq_mat(columns).charpoly().numer().factor()[1][0][0]


def _enclose_distinct_roots(polynomial: fmpz_poly) -> list[acb]:
    # FLINT returns pairs of a root and its multiplicity; its type hints show only the roots
    pairs: Any = polynomial.complex_roots()
    return [acb(root) for root, _ in pairs]


@lru_cache(maxsize=64)
def _enclose_generator(field: Domain, precision: int) -> acb:
    """Return an enclosure of a number field's generator, computed with the given precision in bits.
    Decimals of the generator are computed until they fit only one root of its minimal polynomial.
    """
    with ctx.workprec(precision):
        minimal = fmpq_poly([to_fmpq(c) for c in reversed(field.mod.to_list())])
        roots = _enclose_distinct_roots(minimal.numer())
        digits = 20
        while True:
            parts = field.ext.as_expr().evalf(digits).as_real_imag()
            real, imaginary = (arb(str(part)) for part in parts)
            radius = (1 + abs(real) + abs(imaginary)) * arb(10) ** (5 - digits)
            near = acb(arb(real, radius), arb(imaginary, radius))
            found = [root for root in roots if root.overlaps(near)]
            if len(found) == 1:
                return found[0]
            digits *= 2
