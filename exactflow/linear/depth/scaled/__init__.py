"""Layers with positive scales: the least number, or bounds for it, each with its witness.

Main results
------------
Let M = [[A, B], [C, D]], det M > 0, and M^-1 = [[a, b], [c, d]], on equal halves but where others
are named.

- *Up to three layers* are decided, on halves of any sizes (`exactflow.linear.factor.assembly` and
  `exactflow.linear.depth.scaled.proportions`).
- *Four*: n equations for 2 n positive numbers (`exactflow.linear.depth.minors`), which have
  solutions for typical M. For n = 2 they are decided over the field (below); for n up
  to 8, over QQ, a solution is certified to exist (`exactflow.linear.depth.scaled.certified`).
- *Theorem A.* B = C = 0, (D, a) opposed (`exactflow.linear.depth.minors`): six layers exactly.
- *Theorem B.* (D, a) opposed and (A, d) opposed: at least five. Where every minor that counts is
  not zero this is an open condition, and for n >= 2 some matrices satisfy it.

- Where D and a are singular, their kernels may exclude four, and beyond Theorems A and B signs of
  minors that clash together do (`exactflow.linear.depth.scaled.signs`).

On halves of two sizes ranks exclude long words (`exactflow.linear.depth.counting`). Upper bounds
come from layers: those of `factor`, and those of `additive_depth` for M P^-1, where P holds the
determinant in one entry. P merges into a layer. What is left is an interval.

*Four layers for n = 2.* The two equations for x = 1 / G and y = E are

    d_1 x_1 + d_2 x_2 = a_1 y_1 + a_2 y_2,    det M x_1 x_2 = y_1 y_2,

d_i and a_i the diagonal entries of D and a. With y_1 = r x_1, y_2 = det M x_2 / r they are one:

    x_1 (d_1 - a_1 r) = x_2 (a_2 det M / r - d_2).

So there are positive solutions iff for some r > 0 both brackets are positive, both negative, or
both zero, and then there are rational ones. The signs change at r = d_1 / a_1 and r = a_2 det M /
d_2 only. There is no such r iff (D, a) is opposed (`exactflow.linear.depth.minors`).

A solution suffices if D G^-1 and E a are both scalar or both not: they are similar, and where they
are singular `exactflow.linear.depth.scaled.certified` has the layers. D = 0 iff a = 0, and then
four layers are three. Otherwise one of them alone is scalar for at most two r, so that two r below
the roots, two above and one between are enough to try, besides the roots.

How it is checked
-----------------
*Exact*: signs over an ordered field; the flow is verified against M. *Certified*: four layers as
balls, rounded to float64, or to more bits where that is not near M. The error is computed exactly.
"""

from collections.abc import Iterable, Iterator, Sequence

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.depth.additive import additive_depth, counted_against
from exactflow.linear.depth.additive.up_to_four import four_layers, three_layers
from exactflow.linear.depth.answer import CertifiedDepth, MinimalDepth, lower_bound
from exactflow.linear.depth.equations import misfit
from exactflow.linear.depth.obstruction import Obstruction, Reason
from exactflow.linear.depth.scaled.proportions import positive_diagonals
from exactflow.linear.depth.scaled.signs import (
    kernels_against,
    multipliers_against,
    opposed_against,
)
from exactflow.linear.depth.word import Word, words
from exactflow.linear.factor import assembly
from exactflow.linear.factor.assembly import Layers
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import factor_by_route

Reasons = tuple[Obstruction, ...]

NEAR = sympy.Rational(1, 2**20)
"""A certified answer has a smaller error, relative to the largest entry of the matrix."""


def scaled_depth(problem: Problem) -> MinimalDepth:
    """Return bounds for the least number of layers with positive scales; det M > 0."""
    matrix, p = problem.matrix.to_dense(), problem.partition[0]

    def answer(layers: Sequence[LinearCoupling], reasons: Reasons) -> MinimalDepth:
        return MinimalDepth.verified(layers, problem, "positive", reasons)

    short = assembly.find_two_layers(problem.blocks())
    if short is not None:
        return answer(short, _entries(len(short) - 1, matrix, p))
    three, without_three = _three_layers(matrix, p)
    if three is not None:
        return answer(three, _entries(2, matrix, p))
    equal = matrix.shape[0] == 2 * p
    reasons = _more_than_three(matrix, without_three) if equal else without_three
    reasons = reasons or _entries(2, matrix, p)
    four = _four_layers(matrix) if equal and lower_bound(reasons) < 5 else None
    if four is not None:
        return answer(four, reasons)
    general = min(_general_layers(problem, matrix), key=len)
    if not equal:
        return answer(
            general, counted_against(range(4, len(general)), matrix, "positive", p) or reasons
        )
    if lower_bound(reasons) == 4 and len(general) > 4:
        certified = _certified(problem, matrix, reasons)
        if certified is not None:
            return certified
        reasons = _more_than_three(matrix, reasons, multipliers=True)
    return answer(general, reasons)


def _entries(most: int, matrix: DomainMatrix, p: int) -> Reasons:
    """Obstructions to as many layers as entries exclude, of two at most."""
    for length in range(most, -1, -1):
        found = [(word, misfit(word)) for word in words(length, matrix, "positive", p)]
        if all(multiplier is not None for _, multiplier in found):
            return tuple(Obstruction.of(word, Reason("linear", W)) for word, W in found)
    return ()


def _three_layers(matrix: DomainMatrix, p: int) -> tuple[Layers | None, Reasons]:
    """Return layers, or what excludes three; nothing where a sign is not known."""
    obstructions, decided = [], True
    for word in words(3, matrix, "positive", p):
        found = positive_diagonals(word)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(word, found))
        elif found is None:
            decided = False
        else:
            return _scaled_layers(word, *found), ()
    return None, tuple(obstructions) if decided else ()


def _more_than_three(
    matrix: DomainMatrix, without_three: Reasons, *, multipliers: bool = False
) -> Reasons:
    """Obstructions to the longest excluded words, by minors, kernels, or multipliers, too."""
    for length in (5, 4):
        found = []
        for word in words(length, matrix, "positive"):
            reason = opposed_against(word) or kernels_against(word)
            if reason is None and multipliers:
                reason = multipliers_against(word)
            if reason is None:
                break
            found.append(Obstruction.of(word, reason))
        else:
            return tuple(found)
    return without_three


def _four_layers(matrix: DomainMatrix) -> Layers | None:
    """Return four layers for halves of two coordinates, None where none are found."""
    both = words(4, matrix, "positive") if matrix.shape[0] == 4 else []
    return _shortest(layers for word in both if (layers := four_layers_for(word)) is not None)


def four_layers_for(word: Word) -> Layers | None:
    """Return layers in a pattern of four letters, for n = 2; None where none are found."""
    found = (_scaled_layers(word, *diagonals) for diagonals in matching_diagonals(word))
    return _shortest(layers for layers in found if layers is not None)


def _shortest(found: Iterable[Layers]) -> Layers | None:
    """Return the layers of fewest digits, None for none."""
    return min(found, key=lambda layers: sum(layer.bits or 0 for layer in layers), default=None)


def _certified(problem: Problem, matrix: DomainMatrix, reasons: Reasons) -> CertifiedDepth | None:
    """Return four layers that are certified to exist and known, None where none are found."""
    if not matrix.domain.is_QQ:
        return None
    from exactflow.linear.depth.scaled.certified import four_layers_of  # which needs NumPy

    found = four_layers_of(matrix)
    if found is None:
        return None
    target = problem.target.to_dense()
    rounded = [layer.floats().exact() for layer in found.layers]
    finer = [layer.midpoints() for layer in found.layers]
    for layers in (rounded, finer):
        flow = problem.flow(layers, "depth")
        error = sympy.Rational(_largest(flow.domain_matrix() - target))
        if error < NEAR * _largest(target):
            return CertifiedDepth(
                4, 4, "positive", flow, reasons, target, problem.layout, error, found
            )
    return None


def _largest(M: DomainMatrix) -> Element:
    """Return the largest absolute value of an entry."""
    return max(map(abs, M.to_list_flat()))


def _scaled_layers(word: Word, E: Sequence, G: Sequence) -> Layers | None:
    """Return M as a product of a word of three or four letters and diag(E, G), both positive, as
    layers; None where it is none. In words that start with L the halves are exchanged.
    """
    one = word.matrix.domain.one
    M = linalg.scale_columns(linalg.join(word.blocks), [one / x for x in (*E, *G)])
    shrunk = Word("ULUL"[: len(word.pattern)], M, "additive", p=len(E))
    if len(word.pattern) == 3:
        found = three_layers(shrunk)
    else:
        found = four_layers(shrunk.blocks, linalg.scale_rows(E, word.inverse.A))
    if isinstance(found, Reason):
        return None
    layers = _layers_after(
        assembly.layers_of_shears(assembly.alternate_shears(found, "first")), E, G
    )
    return assembly.merge(assembly.mirrored(layers) if word.is_exchanged else layers)


def _general_layers(problem: Problem, matrix: DomainMatrix) -> Iterator[Layers]:
    """Yield layers for any matrix of positive determinant, of one size of halves at most six."""
    p, q = problem.partition
    for method in ("auto", "commutator") if p == q else ("auto",):
        yield assembly.merge(factor_by_route(problem, method)[0])
    one, det = matrix.domain.one, problem.det
    for first in (True, False):
        scales = [one] * p, [one] * q
        scales[not first][0] = det
        inverse = [one / x for x in (*scales[0], *scales[1])]
        additive, _ = additive_depth(linalg.scale_columns(matrix, inverse), p)
        if additive:
            yield assembly.merge(_layers_after(additive, *scales))


def _layers_after(
    layers: Sequence[LinearCoupling], first: Sequence, second: Sequence
) -> list[LinearCoupling]:
    """Return the layers of the diagonal matrix diag(first, second), followed by additive ones: the
    inverses of these, followed by the inverse of the diagonal, are its inverse.
    """
    found = [layer.inverse() for layer in reversed(layers)]
    for half, scale in zip(HALVES, (first, second), strict=True):
        found = assembly.append_scale(found, half, [layers[0].field.one / x for x in scale])
    return [layer.inverse() for layer in reversed(found)]


def matching_diagonals(word: Word) -> Iterator[tuple[list, list]]:
    """Yield E and G such that D G^-1 and E a have one characteristic polynomial and
    det M = det E det G, for n = 2 and four letters.
    """
    field, det = word.matrix.domain, word.matrix.det()
    d, a = word.blocks.D, word.inverse.A
    (d1, d2), (a1, a2) = d.diagonal(), a.diagonal()
    roots = [p / q for p, q in ((d1, a1), (a2 * det, d2)) if q]
    for r in _ratios([x for x in roots if linalg.is_positive(x, field)], field):
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


def _ratios(roots: list[Element], field: Domain) -> list[Element]:
    """Return positive numbers below, between and above positive roots, two at least at either end
    and short ones if there are, and the roots.
    """
    two = field.convert(2)
    powers = [field.one, *(_power_of_two(x, field) for x in roots)]
    factors = field.one, two, field.one / two, two**2, field.one / two**2
    middle = [sum(roots) / two] if len(roots) == 2 else []
    return list(dict.fromkeys([*(p * s for p in powers for s in factors), *middle, *roots]))


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
