"""Four layers with positive scales for halves of two coordinates: rational ones, wherever any are.

Main results
------------
Let n = 2. The two equations of `exactflow.depth.spectra` for x = 1 / G and y = E are

    d_1 x_1 + d_2 x_2 = a_1 y_1 + a_2 y_2,    det M x_1 x_2 = y_1 y_2,

d_i and a_i the diagonal entries of D and a. With y_1 = r x_1, y_2 = det M x_2 / r they are one:

    x_1 (d_1 - a_1 r) = x_2 (a_2 det M / r - d_2).

So there are positive solutions iff for some r > 0 both brackets have one sign, and then there are
rational ones. The signs change at r = d_1 / a_1 and r = a_2 det M / d_2 only. There is no such r
iff (D, a) is opposed (`exactflow.depth.spectra`).

How it is checked
-----------------
*Exact*: `four_layers` decides for each choice, and the flow is verified.
"""

from collections.abc import Iterator

from sympy.polys.domains.domain import Domain

from exactflow.depth.word import Word
from exactflow.exact import linalg
from exactflow.exact.typing import Element

__all__ = ["matching_diagonals"]


def matching_diagonals(word: Word) -> Iterator[tuple[list, list]]:
    """Yield E and G such that D G^-1 and E a have one characteristic polynomial and
    det M = det E det G, for n = 2 and four letters.
    """
    field, det = word.matrix.domain, word.matrix.det()
    d, a = word.blocks.D, word.inverse.A
    (d1, d2), (a1, a2) = d.diagonal(), a.diagonal()
    roots = [p / q for p, q in ((d1, a1), (a2 * det, d2)) if q]
    for r in _between([x for x in roots if linalg.is_positive(x, field)], field):
        left, right = d1 - a1 * r, a2 * det / r - d2
        if left and right and linalg.is_positive(left * right, field):
            ratio = right / left
        elif not left and not right:
            ratio = field.one
        else:
            continue
        for s in _scales(ratio * d.det(), field):
            x1, x2 = ratio * s, s
            yield [r * x1, det * x2 / r], [field.one / x1, field.one / x2]


def _between(roots: list[Element], field: Domain) -> list[Element]:
    """Return positive numbers below, between and above positive roots, short ones if there are."""
    two = field.convert(2)
    powers = [field.one, *(_power_of_two(x, field) for x in roots)]
    near = [p * s for p in powers for s in (field.one, two, field.one / two)]
    middle = [sum(roots) / two] if len(roots) == 2 else []
    return list(dict.fromkeys([*near, *middle]))


def _scales(square: Element, field: Domain) -> list[Element]:
    """Return numbers whose squares, times the given one, are near 1 in absolute value."""
    two = field.convert(2)
    if not square or not field.is_QQ:
        return [field.one, two]
    s = field.one / _power_of_two(abs(square), field, root=2)
    return [s, s / two, s * two]


def _power_of_two(x: Element, field: Domain, *, root: int = 1) -> Element:
    """Return a power of two near a positive number, or near a root of it."""
    if not field.is_QQ:
        return x
    exponent = int(x.numerator).bit_length() - int(x.denominator).bit_length()
    return field.convert(2) ** (exponent // root)
