"""Layers with positive scales: bounds for the least number, each with its witness.

Main results
------------
Up to three layers are decided (`exactflow.factorization.short`, `exactflow.depth.proportions`).
Beyond, let M = [[A, B], [C, D]] and M^-1 = [[a, b], [c, d]], and *opposed* be as in
`exactflow.depth.opposed`.

- *Theorem A.* B = C = 0, det M > 0, (D, a) opposed: six layers exactly, even with scales.
- *Theorem B.* (D, a) opposed and (A, d) opposed: at least five. Where every minor that counts is
  not zero this is an open condition, and for n >= 2 some matrices satisfy it.

Upper bounds come from layers: those of `factor`, and those of `additive_depth` for M P^-1, where P
holds the determinant in one entry. P merges into a layer.

How it is checked
-----------------
*Exact*: signs over an ordered field; the flow is verified against M.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive import additive_depth, patterns
from exactflow.depth.obstructions import Obstruction, halves
from exactflow.depth.opposed import ScaledEntryObstruction, opposed
from exactflow.depth.patterns import three_layers
from exactflow.depth.proportions import positive_diagonals
from exactflow.depth.result import MinimalDepth
from exactflow.exact import linalg
from exactflow.factorization import factor
from exactflow.factorization.assembly import alternating, merged, mirrored, opposite, shears
from exactflow.factorization.short import short_layers
from exactflow.flows.flow import CouplingFlow, LinearCoupling, LinearFlow
from exactflow.flows.verification import verify

__all__ = ["scaled_depth"]

Reasons = tuple[Obstruction, ...]


def scaled_depth(matrix: DomainMatrix) -> MinimalDepth:
    """Return bounds for the least number of layers with positive scales; det M > 0, equal split."""
    short = short_layers(linalg.split(matrix, matrix.shape[0] // 2))
    flow: LinearFlow
    if short is not None:
        flow = _flow(short, matrix)
        lower, reasons = flow.depth, _entries(flow.depth - 1, matrix)
    else:
        three, reasons = _three_layers(matrix)
        if three is not None:
            lower, flow = 3, three
        else:
            lower, reasons = _more_than_three(matrix, reasons)
            flow = min(_flows(matrix), key=len)
    if flow.depth:
        verify(flow, matrix)
    return MinimalDepth(lower, flow.depth, flow, reasons, "positive")


def _flow(layers: Iterable[LinearCoupling], matrix: DomainMatrix) -> CouplingFlow:
    n = matrix.shape[0] // 2
    return CouplingFlow(merged(layers), (n, n), method="depth", field=matrix.domain)


def _entries(length: int, matrix: DomainMatrix) -> Reasons:
    words = patterns(length) if length >= 0 else ()
    return tuple(ScaledEntryObstruction(word, matrix) for word in words)


def _three_layers(matrix: DomainMatrix) -> tuple[CouplingFlow | None, Reasons]:
    """Return a flow and what excludes two layers, or what excludes three; two are impossible.

    Where a sign is not known, nothing excludes three.
    """
    obstructions, decided = [], True
    for pattern in patterns(3):
        found = positive_diagonals(pattern, matrix)
        if isinstance(found, Obstruction):
            obstructions.append(found)
        elif found is None:
            decided = False
        else:
            return _three_scaled(pattern, matrix, *found), _entries(2, matrix)
    return None, tuple(obstructions) if decided else ()


def _three_scaled(pattern: str, matrix: DomainMatrix, F: list, G: list) -> CouplingFlow:
    """Return the layers of M as additive ones and diag(F^-1, G); the halves are the pattern's."""
    field = matrix.domain
    E, inverse = ([field.one / x for x in entries] for entries in (F, G))
    whole = linalg.scale_columns(linalg.join(halves(matrix, pattern)), [*F, *inverse])
    shifts: Any = three_layers("ULU", whole)  # to which there is no obstruction
    layers = _layers_after(shears(alternating(shifts, "first")), E, G)
    return _flow(mirrored(layers) if pattern.startswith("L") else layers, matrix)


def _layers_after(
    shears: Sequence[LinearCoupling], first: Sequence, second: Sequence
) -> list[LinearCoupling]:
    """Return the layers of the diagonal matrix diag(first, second), followed by additive ones.

    diag(S) moves past the shear that comes first, and into the next one: U(X) diag(I, S) is
    diag(I, S) U(X S).
    """
    shear, *others = shears
    n, field = len(first), shear.field
    moved, kept = (first, second) if shear.moves == "first" else (second, first)
    shift = linalg.scale_columns(shear.shift_matrix, kept)
    scaling = linalg.zeros(n, n, field), linalg.column(kept, field)
    return merged(
        [
            LinearCoupling((n, n), shear.moves, shift, linalg.column(moved, field)),
            LinearCoupling((n, n), opposite(shear.moves), *scaling),
            *others,
        ]
    )


def _more_than_three(matrix: DomainMatrix, without_three: Reasons) -> tuple[int, Reasons]:
    """Return the largest lower bound whose patterns are all excluded, and by what."""
    for bound in (6, 5):
        found = [opposed(word, matrix) for word in patterns(bound - 1)]
        if None not in found:
            return bound, tuple(filter(None, found))
    return (4, without_three) if without_three else (3, _entries(2, matrix))


def _flows(matrix: DomainMatrix) -> Iterator[LinearFlow]:
    yield factor(matrix)
    yield factor(matrix, method="commutator")
    n, field = matrix.shape[0] // 2, matrix.domain
    det, ones = matrix.det(), [field.one] * n
    inverse, whole = ([x, *ones[1:]] for x in (field.one / det, det))
    for shrunk, scales in (([*inverse, *ones], (whole, ones)), ([*ones, *inverse], (ones, whole))):
        shears = additive_depth(linalg.scale_columns(matrix, shrunk)).flow.layers
        if shears:
            yield _flow(_layers_after(shears, *scales), matrix)
