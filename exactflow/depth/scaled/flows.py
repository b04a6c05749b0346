"""Flows with positive scales from additive ones: M P^-1 is factored, P goes into two layers."""

from collections.abc import Iterable, Iterator, Sequence

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive import additive_depth
from exactflow.depth.additive.words import four_layers, three_layers
from exactflow.depth.obstruction import Reason
from exactflow.depth.word import Word
from exactflow.exact import linalg
from exactflow.factorization import factor
from exactflow.factorization.assembly import alternating, merged, mirrored, opposite, shears
from exactflow.flows.flow import CouplingFlow, LinearCoupling

__all__ = ["flow_of", "general_flows", "scaled_flow"]


def flow_of(layers: Iterable[LinearCoupling], matrix: DomainMatrix) -> CouplingFlow:
    """Return the flow of layers of a 2n x 2n matrix, neighbours merged."""
    n = matrix.shape[0] // 2
    return CouplingFlow(merged(layers), (n, n), method="depth", field=matrix.domain)


def scaled_flow(word: Word, E: Sequence, G: Sequence) -> CouplingFlow | None:
    """Return M as a product of a word of three or four letters and diag(E, G), as a flow; None
    where it is none. In words that start with L the halves are exchanged.

    Parameters
    ----------
    E, G : positive elements of the field, as many as each half has coordinates.
    """
    field = word.matrix.domain
    inverses = [field.one / x for x in (*E, *G)]
    M = linalg.scale_columns(linalg.join(word.blocks), inverses)
    shrunk = Word("ULUL"[: len(word.pattern)], M, "additive")
    if len(word.pattern) == 3:
        found = three_layers(shrunk)
    else:
        found = four_layers(shrunk.blocks, linalg.scale_rows(E, word.inverse.A))
    if isinstance(found, Reason):
        return None
    layers = _layers_after(shears(alternating(found, "first")), E, G)
    return flow_of(mirrored(layers) if word.is_exchanged else layers, word.matrix)


def general_flows(matrix: DomainMatrix) -> Iterator[CouplingFlow]:
    """Yield flows of at most six layers, for any matrix of positive determinant."""
    yield factor(matrix)
    yield factor(matrix, method="commutator")
    n, field = matrix.shape[0] // 2, matrix.domain
    det, ones = matrix.det(), [field.one] * n
    inverse, whole = ([x, *ones[1:]] for x in (field.one / det, det))
    for shrunk, scales in (([*inverse, *ones], (whole, ones)), ([*ones, *inverse], (ones, whole))):
        additive = additive_depth(linalg.scale_columns(matrix, shrunk)).flow.layers
        if additive:
            yield flow_of(_layers_after(additive, *scales), matrix)


def _layers_after(
    layers: Sequence[LinearCoupling], first: Sequence, second: Sequence
) -> list[LinearCoupling]:
    """Return the layers of the diagonal matrix diag(first, second), followed by additive ones.

    Its part on the half that the first of these keeps moves past it, and goes into the next one:
    U(X) diag(I, S) = diag(I, S) U(X S).
    """
    shear, *others = layers
    n, field = len(first), shear.field
    moved, kept = (first, second) if shear.moves == "first" else (second, first)
    shift = linalg.scale_columns(shear.shift_matrix, kept)
    zero = linalg.zeros(n, n, field)
    return merged(
        [
            LinearCoupling((n, n), shear.moves, shift, linalg.column(moved, field)),
            LinearCoupling((n, n), opposite(shear.moves), zero, linalg.column(kept, field)),
            *others,
        ]
    )
