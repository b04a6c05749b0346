"""The least number of additive layers: words from short to long, and the layers found."""

from contextlib import suppress
from dataclasses import replace
from itertools import islice

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive.five import TRIALS, draws, five_layers
from exactflow.depth.additive.words import Shifts, few_layers, four_layers, three_layers
from exactflow.depth.obstruction import Obstruction, Reason
from exactflow.depth.result import MinimalDepth
from exactflow.depth.word import Word, words
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.factorization import factor
from exactflow.factorization.assembly import shears
from exactflow.flows.flow import CouplingFlow

__all__ = ["additive_depth", "decide"]

Reasons = tuple[Obstruction, ...]


def additive_depth(matrix: DomainMatrix, p: int | None = None) -> MinimalDepth:
    """Return the least number of additive layers of a matrix of determinant 1.

    Parameters
    ----------
    p : the size of the first half; half of all coordinates where it is left out.
    """
    for length in (2, 4):
        flow, reasons = _decided(words(length, matrix, "additive", p))
        if flow is not None:
            break
    if flow is None:
        flow, without_five = _decided(words(5, matrix, "additive", p))
        if flow is None:
            flow = _six(Word("ULULU", matrix, "additive", p=p))
            reasons = without_five if len(without_five) == 2 else reasons
        return MinimalDepth.verified(flow, matrix, "additive", reasons)
    reasons = ()
    while flow.depth:
        shorter, reasons = _decided(words(flow.depth - 1, matrix, "additive", p))
        if shorter is None:
            break
        flow = shorter
    return MinimalDepth.verified(flow, matrix, "additive", reasons)


def decide(word: Word) -> Shifts | Reason | None:
    """Return the shifts of the layers of a word, from left to right in the product, its halves
    exchanged if it starts with L; or why there are none; None where five letters are not decided.
    """
    length = len(word.pattern)
    if length < 4:
        return few_layers(word) if length < 3 else three_layers(word)
    if length == 4:
        return four_layers(word.blocks, word.inverse.A)
    return five_layers(word.blocks, word.inverse)


def _decided(both: list[Word]) -> tuple[CouplingFlow | None, Reasons]:
    """Decide the words of a length: return a flow, or what excludes words."""
    obstructions = []
    if len(both[0].pattern) == 5 and has_full_rank(both[0].blocks.B):
        both = both[::-1]  # L U L U L needs no search
    for word in both:
        found = decide(word)
        if isinstance(found, Reason):
            obstructions.append(Obstruction.of(word, found))
        elif found is not None:
            return _flow(word, found), ()
    return None, tuple(obstructions)


def _six(word: Word) -> CouplingFlow:
    """Return six additive layers, or fewer; over a field of few elements perhaps more."""
    equal = word.partition[0] == word.partition[1]
    method = "commutator" if equal else "hyperplane"
    with suppress(FieldTooSmallError):
        return factor(word.matrix, method=method, partition=word.partition)
    shifts = None if equal else _drawn_six(word)
    if shifts is None:
        return factor(word.matrix, method="partition", partition=word.partition)
    return _flow(replace(word, pattern="LULULU"), shifts)


def has_full_rank(M: DomainMatrix) -> bool:
    """Return whether the rank is as large as the shape permits."""
    return linalg.rank(M) == min(M.shape)


def _drawn_six(word: Word) -> Shifts | None:
    """Return the shifts of L U L U L U over a field of few elements: a first layer that gives C
    full rank, and five; None where no draw does.
    """
    A, B, C, D = word.blocks
    a, b, c, d = word.inverse
    for draw in islice(draws(C.domain), TRIALS):
        W = draw.matrix(*C.shape)
        blocks, inverse = Blocks(A, B, C + W * A, D + W * B), Blocks(a - b * W, b, c - d * W, d)
        found = five_layers(blocks, inverse) if has_full_rank(blocks.C) else None
        if isinstance(found, list):
            return [-W, *found]
    return None


def _flow(word: Word, shifts: Shifts) -> CouplingFlow:
    """Return the flow of a product of layers, without the layers that change nothing."""
    layers = shears(list(zip(word.moves, shifts, strict=True)))
    kept = [layer for layer in layers if not layer.is_identity]
    return CouplingFlow(kept, word.partition, method="depth", field=word.matrix.domain)
