"""The least number of additive layers: patterns from short to long, and the layers found."""

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.five import five_layers
from exactflow.depth.obstructions import Obstruction, halves
from exactflow.depth.patterns import Shifts, few_layers, four_layers, patterns, three_layers
from exactflow.depth.result import MinimalDepth
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.typing import Half
from exactflow.factorization import factor
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.flows.verification import verify

__all__ = ["additive_depth"]

_DECIDERS = (few_layers, few_layers, few_layers, three_layers, four_layers)

Reasons = tuple[Obstruction, ...]


def additive_depth(matrix: DomainMatrix) -> MinimalDepth:
    """Return the least number of additive layers of a matrix of determinant 1, equal split."""
    short, reasons = _decided(matrix, 2)
    if short is None:
        short, reasons = _decided(matrix, 4)
    flow: CouplingFlow
    if short is not None:
        lower, flow, reasons = _descent(matrix, short)
    else:
        lower, flow, reasons = _five_or_six(matrix, reasons)
    if flow.depth:
        verify(flow, matrix)
    return MinimalDepth(lower, flow.depth, flow, reasons, "additive")


def _decided(matrix: DomainMatrix, length: int) -> tuple[CouplingFlow | None, Reasons]:
    """Decide both patterns of at most four letters: return a flow, or the two obstructions."""
    obstructions = []
    for pattern in patterns(length):
        found = _DECIDERS[length](pattern, matrix)
        if not isinstance(found, Obstruction):
            return _flow(pattern, found, matrix), ()
        obstructions.append(found)
    return None, tuple(obstructions)


def _descent(matrix: DomainMatrix, flow: CouplingFlow) -> tuple[int, CouplingFlow, Reasons]:
    """Shorten a flow pattern by pattern: return the least depth, a flow, what excludes less."""
    while flow.depth:
        shorter, obstructions = _decided(matrix, flow.depth - 1)
        if shorter is None:
            return flow.depth, flow, obstructions
        flow = shorter
    return 0, flow, ()


def _five_or_six(matrix: DomainMatrix, without_four: Reasons) -> tuple[int, CouplingFlow, Reasons]:
    obstructions = []
    for pattern in _regular_first(matrix):
        found = five_layers(pattern, matrix)
        if isinstance(found, Obstruction):
            obstructions.append(found)
        elif found is not None:
            return 5, _flow(pattern, found, matrix), without_four
    if len(obstructions) == 2:
        return 6, _six(matrix), tuple(obstructions)
    return 5, _six(matrix), without_four


def _regular_first(matrix: DomainMatrix) -> tuple[str, ...]:
    """Return the patterns of five letters, first the one that needs no search if there is one."""
    B = halves(matrix, "U").B
    return patterns(5) if linalg.inverse_or_none(B) is None else patterns(5)[::-1]


def _six(matrix: DomainMatrix) -> CouplingFlow:
    """Return at most six additive layers."""
    try:
        return factor(matrix, method="commutator")
    except FieldTooSmallError:
        return factor(matrix, method="partition")


def _flow(pattern: str, shifts: Shifts, matrix: DomainMatrix) -> CouplingFlow:
    """Return the flow of a product of layers, without the layers that change nothing."""
    n = matrix.shape[0] // 2
    moves: dict[str, Half] = {"U": "first", "L": "second"}
    layers = [
        LinearCoupling((n, n), moves[letter], shift)
        for letter, shift in zip(pattern, shifts, strict=True)
    ]
    kept = [layer for layer in reversed(layers) if not layer.is_identity]
    return CouplingFlow(kept, (n, n), method="depth", field=matrix.domain)
