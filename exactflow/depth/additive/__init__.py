"""The least number of additive layers: words from short to long, and the layers found."""

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive.five import five_layers
from exactflow.depth.additive.words import Shifts, few_layers, four_layers, three_layers
from exactflow.depth.obstruction import Obstruction, Reason
from exactflow.depth.result import MinimalDepth
from exactflow.depth.word import Word, patterns
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.factorization import factor
from exactflow.factorization.assembly import shears
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.verification import verify

__all__ = ["additive_depth", "decide"]

Reasons = tuple[Obstruction, ...]


def additive_depth(matrix: DomainMatrix) -> MinimalDepth:
    """Return the least number of additive layers of a matrix of determinant 1, equal split."""
    flow: CouplingFlow | None
    flow, reasons = _decided(matrix, 2)
    if flow is None:
        flow, reasons = _decided(matrix, 4)
    if flow is None:
        lower, flow, reasons = _five_or_six(matrix, reasons)
    else:
        lower, flow, reasons = _descent(matrix, flow)
    if flow.depth:
        verify(flow, matrix)
    return MinimalDepth(lower, flow.depth, "additive", flow, reasons)


def decide(word: Word) -> Shifts | Reason | None:
    """Return the shifts of the layers of a word, from left to right in the product, its halves
    exchanged if it starts with L; or why there are none; None where five letters are not decided.
    """
    length = len(word.pattern)
    if length < 4:
        return few_layers(word) if length < 3 else three_layers(word)
    if length == 4:
        return four_layers(word.blocks, word.inverse.A)
    return five_layers(word.blocks, word.pencil)


def _decided(matrix: DomainMatrix, length: int) -> tuple[CouplingFlow | None, Reasons]:
    """Decide both words of a length: return a flow, or what excludes words."""
    obstructions, words = [], [Word(pattern, matrix, "additive") for pattern in patterns(length)]
    if length == 5 and linalg.inverse_or_none(words[0].blocks.B) is not None:
        words.reverse()  # L U L U L needs no search
    for word in words:
        found = decide(word)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(word, found))
        elif found is not None:
            return _flow(word, found), ()
    return None, tuple(obstructions)


def _descent(matrix: DomainMatrix, flow: CouplingFlow) -> tuple[int, CouplingFlow, Reasons]:
    """Shorten a flow word by word: return the least depth, a flow, what excludes less."""
    while flow.depth:
        shorter, obstructions = _decided(matrix, flow.depth - 1)
        if shorter is None:
            return flow.depth, flow, obstructions
        flow = shorter
    return 0, flow, ()


def _five_or_six(matrix: DomainMatrix, without_four: Reasons) -> tuple[int, CouplingFlow, Reasons]:
    flow, obstructions = _decided(matrix, 5)
    if flow is not None:
        return 5, flow, without_four
    if len(obstructions) == 2:
        return 6, _six(matrix), obstructions
    return 5, _six(matrix), without_four


def _six(matrix: DomainMatrix) -> CouplingFlow:
    """Return at most six additive layers."""
    try:
        return factor(matrix, method="commutator")
    except FieldTooSmallError:
        return factor(matrix, method="partition")


def _flow(word: Word, shifts: Shifts) -> CouplingFlow:
    """Return the flow of a product of layers, without the layers that change nothing."""
    n = word.matrix.shape[0] // 2
    layers = shears(list(zip(word.moves, shifts, strict=True)))
    kept = [layer for layer in layers if not layer.is_identity]
    return CouplingFlow(kept, (n, n), method="depth", field=word.matrix.domain)
