"""Roots of polynomials in certificates: decimals choose the root that generates a number field.

A certificate names a real root by two rationals with no other root between them. The format has no
name for a root that is not real: the provenance has its decimals, for `exactflow.load`. The claim
does not depend on them: it is an identity that holds at every root.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import sympy
from sympy.polys.domains.domain import Domain

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_rational, parse_rational, to_fmpq

_DIGITS = 60, 240, 960  # decimal digits of the generator, raised until only one root is near it
_LONGEST = 1000  # the largest number of characters of a decimal to read


def root_member_or_decimals(
    field: Domain, modulus: sympy.Poly
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the member {"root": ..} for a real generator, and decimals for one that is not real.

    The other result is empty; for a rational generator both are. The modulus is the minimal
    polynomial of the generator; the decimals are its real and imaginary part.
    """
    generator, digits = _isolate_generator_and_digits(field)
    if generator.imag != 0:
        parts = generator.real, generator.imag
        return {}, [part.mid().str(digits, radius=False) for part in parts]
    for (low, high), _ in modulus.intervals():
        below, above = (flint.arb(to_fmpq(end)) for end in (low, high))
        if below < generator.real < above:
            return {"root": [format_rational(end) for end in (low, high)]}, []
    return {}, []  # the generator is rational: its modulus has no other root


def _isolate_generator_and_digits(field: Domain) -> tuple[flint.acb, int]:
    """Return a ball with the generator of a number field and no other root of its minimal
    polynomial, and the number of digits that tells the generator from the other roots.
    Raises `InvalidInputError` if this takes too many digits.
    """
    generator = field.to_sympy(field.unit)
    polynomial: Any = flint.fmpq_poly([to_fmpq(c) for c in reversed(field.mod.to_list())])
    for digits in _DIGITS:
        value = sympy.N(generator, digits, maxn=10 * digits)
        with flint.ctx.workdps(2 * digits):
            parts = (flint.arb(to_fmpq(sympy.Rational(x))) for x in value.as_real_imag())
            point = flint.acb(*parts)
            bound = flint.arb(10) ** (-digits // 2) * (1 + abs(point))
            near = [root for root, _ in polynomial.complex_roots() if abs(root - point) < bound]
        if len(near) == 1:
            return near[0], digits // 2 + 10
    raise InvalidInputError(
        f"the roots of the minimal polynomial of {generator} lie too close together to say which "
        "one is meant: write the entries with another generator"
    )


def find_root_index_or_default(modulus: sympy.Poly, between: Sequence[str], decimals: Any) -> int:
    """Return the index of the root that a certificate names, in SymPy's order of the roots.

    In this order the real roots come first and ascend. The root lies between the rationals
    `between`, or is nearest to `decimals` among the roots that are not real; without either, it is
    the largest real root, or the first root if none is real.
    """
    if between:
        return modulus.count_roots(sup=sympy.Rational(parse_rational(between[0])))
    reals, degree = modulus.count_roots(), modulus.degree()
    parts = _read_decimal_pair_or_empty(decimals)
    if not parts or reals == degree:
        return max(reals - 1, 0)
    real, imaginary = (sympy.Rational(part) for part in parts)
    digits = _DIGITS[0] if max(map(len, decimals)) < _DIGITS[0] else _LONGEST

    def distance_from_decimals(root_index: int) -> sympy.Expr:
        root = sympy.rootof(modulus, root_index, radicals=False)
        return abs(root.eval_approx(digits) - real - sympy.I * imaginary)

    return min(range(reals, degree), key=distance_from_decimals)


def _read_decimal_pair_or_empty(found: object) -> list[Fraction]:
    """Return the two numbers of a list of two decimals; an empty list for anything else."""
    if not isinstance(found, list) or len(found) != 2:
        return []
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in found):
        return []
    try:
        return [parse_rational(text) for text in found]
    except InvalidInputError:
        return []
