"""Layers with positive scales: the least number, or bounds for it, each with its witness.

Main results
------------
Let M = [[A, B], [C, D]], det M > 0, and M^-1 = [[a, b], [c, d]].

- *Up to three layers* are decided (`exactflow.factorization.short` and
  `exactflow.depth.scaled.proportions`).
- *Four*: n equations for 2 n positive numbers (`exactflow.depth.spectra`), which have solutions for
  typical M. For n = 2 they are solved over the field (`exactflow.depth.scaled.rational`); for n up
  to 8, over QQ, a solution is certified to exist (`exactflow.depth.scaled.certified`).
- *Theorem A.* B = C = 0, (D, a) opposed (`exactflow.depth.spectra`): six layers exactly.
- *Theorem B.* (D, a) opposed and (A, d) opposed: at least five. Where every minor that counts is
  not zero this is an open condition, and for n >= 2 some matrices satisfy it.

- Where D and a are singular, their kernels may exclude four, and beyond Theorems A and B signs of
  minors that clash together do (`exactflow.depth.scaled.signs`).

Upper bounds come from layers: those of `factor`, and those of `additive_depth` for M P^-1, where P
holds the determinant in one entry. P merges into a layer. What is left is an interval.

How it is checked
-----------------
*Exact*: signs over an ordered field; the flow is verified against M. *Certified*: four layers as
balls, rounded to floats whose error is computed exactly.
"""

import sympy
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.equations import misfit
from exactflow.depth.obstruction import Obstruction, Reason
from exactflow.depth.result import CertifiedDepth, MinimalDepth
from exactflow.depth.scaled.flows import flow_of, general_flows, scaled_flow
from exactflow.depth.scaled.proportions import positive_diagonals
from exactflow.depth.scaled.rational import matching_diagonals
from exactflow.depth.scaled.signs import kernels_against, multipliers_against, opposed_against
from exactflow.depth.word import Word, patterns
from exactflow.exact import linalg
from exactflow.factorization.short import short_layers
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.verification import verify

__all__ = ["scaled_depth"]

Reasons = tuple[Obstruction, ...]


def scaled_depth(matrix: DomainMatrix) -> MinimalDepth:
    """Return bounds for the least number of layers with positive scales; det M > 0, equal split."""
    short = short_layers(linalg.split(matrix, matrix.shape[0] // 2))
    if short is not None:
        flow = flow_of(short, matrix)
        return _answer(matrix, flow.depth, _entries(flow.depth - 1, matrix), flow)
    three, without_three = _three_layers(matrix)
    if three is not None:
        return _answer(matrix, 3, _entries(2, matrix), three)
    lower, reasons = _more_than_three(matrix, without_three)
    four = _four_layers(matrix) if lower < 5 else None
    if four is not None:
        return _answer(matrix, lower, reasons, four)
    general = min(general_flows(matrix), key=len)
    if lower == 4 and general.depth > 4:
        certified = _certified(matrix, reasons)
        if certified is not None:
            return certified
        lower, reasons = _more_than_three(matrix, reasons, multipliers=True)
    return _answer(matrix, lower, reasons, general)


def _answer(matrix: DomainMatrix, lower: int, reasons: Reasons, flow: CouplingFlow) -> MinimalDepth:
    """Return the answer with a flow that equals the matrix."""
    if flow.depth:
        verify(flow, matrix)
    return MinimalDepth(lower, flow.depth, "positive", flow, reasons)


def _words(length: int, matrix: DomainMatrix) -> list[Word]:
    return [Word(pattern, matrix, "positive") for pattern in patterns(length)]


def _entries(length: int, matrix: DomainMatrix) -> Reasons:
    """Return what excludes at most two layers."""
    words = _words(length, matrix) if length >= 0 else []
    return tuple(Obstruction.of(word, Reason("linear", misfit(word))) for word in words)


def _three_layers(matrix: DomainMatrix) -> tuple[CouplingFlow | None, Reasons]:
    """Return a flow, or what excludes three layers; nothing where a sign is not known."""
    obstructions, decided = [], True
    for word in _words(3, matrix):
        found = positive_diagonals(word)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(word, found))
        elif found is None:
            decided = False
        else:
            return scaled_flow(word, *found), ()
    return None, tuple(obstructions) if decided else ()


def _more_than_three(
    matrix: DomainMatrix, without_three: Reasons, *, multipliers: bool = False
) -> tuple[int, Reasons]:
    """Return the largest lower bound whose words are all excluded, and by what: by opposed minors,
    by kernels, or by multipliers, too.
    """
    for bound in (6, 5):
        found = []
        for word in _words(bound - 1, matrix):
            reason = opposed_against(word) or kernels_against(word)
            if reason is None and multipliers:
                reason = multipliers_against(word)
            if reason is None:
                break
            found.append(Obstruction.of(word, reason))
        else:
            return bound, tuple(found)
    return (4, without_three) if without_three else (3, _entries(2, matrix))


def _four_layers(matrix: DomainMatrix) -> CouplingFlow | None:
    """Return four layers for halves of two coordinates, None where none are found."""
    found = []
    for word in _words(4, matrix) if matrix.shape[0] == 4 else ():
        for E, G in matching_diagonals(word):
            found.append(scaled_flow(word, E, G))
    flows = [flow for flow in found if flow is not None]
    return min(flows, key=lambda flow: sum(layer.bits or 0 for layer in flow), default=None)


def _certified(matrix: DomainMatrix, reasons: Reasons) -> CertifiedDepth | None:
    """Return four layers that are certified to exist, None where none are found."""
    if not matrix.domain.is_QQ:
        return None
    from exactflow.depth.scaled.certified import (
        four_layers_of,
    )  # and NumPy, which nothing else here needs

    found = four_layers_of(matrix)
    if found is None:
        return None
    flow = CouplingFlow([layer.floats().exact() for layer in found.layers], method="depth")
    difference = (flow.domain_matrix() - matrix).to_list_flat()
    error = sympy.Rational(max(map(abs, difference)))
    return CertifiedDepth(4, 4, "positive", flow, reasons, error, found)
