"""The name that a certificate gives to the root which generates a number field.

A certificate names a real root by two rationals that have no other root between them. The format
has no name for a root that is not real: for `exactflow.load` its decimals are in the provenance.
The claim does not depend on the decimals, since it is an identity that holds at every root.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import flint
import sympy
from sympy.polys.domains.domain import Domain

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_rational, parse_rational, to_fmpq

# The generator is computed to 60 decimal digits, and to more if several roots are near the result.
_DIGITS = 60, 240, 960
_LONGEST = 1000  # decimals with more characters are not read


def root_member_or_decimals(
    field: Domain, modulus: sympy.Poly
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the JSON member {"root": [low, high]} and the decimals of the generator of a number
    field. They tell which root of `modulus`, the minimal polynomial, is the generator: the root
    between the rationals low and high, or the root with this real and imaginary part.

    At least one of them is empty: a real generator has the member, a generator that is not real has
    the decimals, and a rational generator has neither.
    """
    generator, digits = _isolate_generator_and_digit_count(field)
    if generator.imag != 0:
        parts = generator.real, generator.imag
        return {}, [part.mid().str(digits, radius=False) for part in parts]
    for (low, high), _ in modulus.intervals():
        below, above = (flint.arb(to_fmpq(end)) for end in (low, high))
        if below < generator.real < above:
            return {"root": [format_rational(end) for end in (low, high)]}, []
    return {}, []  # the generator is rational, so that its minimal polynomial has no other root


def _isolate_generator_and_digit_count(field: Domain) -> tuple[flint.acb, int]:
    """Return a ball around the generator of a number field, which contains no other root of its
    minimal polynomial; and a number of decimal digits that tells the generator from these roots.

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
        f"the roots of the minimal polynomial of {generator} lie too close together to be "
        "distinguished: write the entries with another generator"
    )


def find_root_index_or_largest_real(
    modulus: sympy.Poly, between: Sequence[str], decimal_approximation: Any
) -> int:
    """Return the index of the root that a certificate names, in SymPy's order of the roots.

    In this order the real roots come first and ascend. If `between` has two rationals, the root is
    between them. Otherwise it is the root nearest to `decimal_approximation`, a real and an
    imaginary part, among the roots that are not real. Without an approximation, or if all roots are
    real, it is the largest real root; if there is no real root, it is the first root.
    """
    if between:
        return modulus.count_roots(sup=sympy.Rational(parse_rational(between[0])))
    reals, degree = modulus.count_roots(), modulus.degree()
    parts = _read_decimal_pair_or_empty(decimal_approximation)
    if not parts or reals == degree:
        return max(reals - 1, 0)
    real, imaginary = (sympy.Rational(part) for part in parts)
    digits = _DIGITS[0] if max(map(len, decimal_approximation)) < _DIGITS[0] else _LONGEST

    def distance_from_decimals(root_index: int) -> sympy.Expr:
        root = sympy.rootof(modulus, root_index, radicals=False)
        return abs(root.eval_approx(digits) - real - sympy.I * imaginary)

    return min(range(reals, degree), key=distance_from_decimals)


def _read_decimal_pair_or_empty(found: object) -> list[Fraction]:
    """Return the two numbers of a list of two decimal texts; return [] for any other object."""
    if not isinstance(found, list) or len(found) != 2:
        return []
    if not all(isinstance(text, str) and len(text) <= _LONGEST for text in found):
        return []
    try:
        return [parse_rational(text) for text in found]
    except InvalidInputError:
        return []
