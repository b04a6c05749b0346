"""Flows with positive scales from additive ones: M P^-1 is factored, P goes into two layers."""

from collections.abc import Iterable, Iterator, Sequence

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive import additive_depth
from exactflow.depth.obstructions import Obstruction, halves
from exactflow.depth.patterns import four_layers, three_layers
from exactflow.exact import linalg
from exactflow.factorization import factor
from exactflow.factorization.assembly import alternating, merged, mirrored, opposite, shears
from exactflow.flows.flow import CouplingFlow, LinearCoupling

__all__ = ["flow_of", "general_flows", "scaled_flow"]


def flow_of(layers: Iterable[LinearCoupling], matrix: DomainMatrix) -> CouplingFlow:
    """Return the flow of layers of a 2n x 2n matrix, neighbours merged."""
    n = matrix.shape[0] // 2
    return CouplingFlow(merged(layers), (n, n), method="depth", field=matrix.domain)


def scaled_flow(
    pattern: str, matrix: DomainMatrix, E: Sequence, G: Sequence
) -> CouplingFlow | None:
    """Return M as a product of the pattern, of three or four letters, and diag(E, G), as a flow;
    None where it is none. In patterns that start with L the halves are exchanged.
    """
    field = matrix.domain
    whole = linalg.join(halves(matrix, pattern))
    shrunk = linalg.scale_columns(whole, [field.one / x for x in (*E, *G)])
    found = three_layers("ULU", shrunk) if len(pattern) == 3 else four_layers("ULUL", shrunk)
    if isinstance(found, Obstruction):
        return None
    layers = _layers_after(shears(alternating(found, "first")), E, G)
    return flow_of(mirrored(layers) if pattern.startswith("L") else layers, matrix)


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
