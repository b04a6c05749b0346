"""The least number of additive layers: words from short to long, and the layers found."""

from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.additive.five import TRIALS, draws, five_layers
from exactflow.depth.additive.words import Shifts, few_layers, four_layers, three_layers
from exactflow.depth.obstruction import Obstruction, Reason
from exactflow.depth.result import MinimalDepth
from exactflow.depth.word import Word, patterns
from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.factorization import factor
from exactflow.factorization.assembly import shears
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.verification import verify

__all__ = ["additive_depth", "decide"]

Reasons = tuple[Obstruction, ...]


def additive_depth(matrix: DomainMatrix, p: int | None = None) -> MinimalDepth:
    """Return the least number of additive layers of a matrix of determinant 1.

    Parameters
    ----------
    p : the size of the first half; half of all coordinates where it is left out.
    """
    of = _Matrix(matrix, p)
    flow: CouplingFlow | None
    flow, reasons = of.decided(2)
    if flow is None:
        flow, reasons = of.decided(4)
    if flow is None:
        lower, flow, reasons = of.five_or_six(reasons)
    else:
        lower, flow, reasons = of.descent(flow)
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
    return five_layers(word.blocks, word.inverse)


class _Matrix(NamedTuple):
    """A matrix and the size of its first half."""

    matrix: DomainMatrix
    p: int | None

    def words(self, length: int) -> list[Word]:
        """Return both words of a length."""
        return [Word(pattern, self.matrix, "additive", p=self.p) for pattern in patterns(length)]

    def decided(self, length: int) -> tuple[CouplingFlow | None, Reasons]:
        """Decide both words of a length: return a flow, or what excludes words."""
        obstructions, words = [], self.words(length)
        if length == 5 and has_full_rank(words[0].blocks.B):
            words.reverse()  # L U L U L needs no search
        for word in words:
            found = decide(word)
            if isinstance(found, Reason):
                obstructions.append(Obstruction.of(word, found))
            elif found is not None:
                return _flow(word, found), ()
        return None, tuple(obstructions)

    def descent(self, flow: CouplingFlow) -> tuple[int, CouplingFlow, Reasons]:
        """Shorten a flow word by word: return the least depth, a flow, what excludes less."""
        while flow.depth:
            shorter, obstructions = self.decided(flow.depth - 1)
            if shorter is None:
                return flow.depth, flow, obstructions
            flow = shorter
        return 0, flow, ()

    def five_or_six(self, without_four: Reasons) -> tuple[int, CouplingFlow, Reasons]:
        """Return the least depth as far as it is decided, a flow, and what excludes less."""
        flow, obstructions = self.decided(5)
        if flow is not None:
            return 5, flow, without_four
        if len(obstructions) == 2:
            return 6, self.six(), obstructions
        return 5, self.six(), without_four

    def six(self) -> CouplingFlow:
        """Return six additive layers, or fewer; over a field of few elements perhaps more."""
        word = self.words(5)[0]
        equal = word.partition[0] == word.partition[1]
        method = "commutator" if equal else "hyperplane"
        with suppress(FieldTooSmallError):
            return factor(self.matrix, method=method, partition=word.partition)
        shifts = None if equal else _drawn_six(word)
        if shifts is None:
            return factor(self.matrix, method="partition", partition=word.partition)
        return _flow(Word("LULULU", word.matrix, "additive", p=word.p), shifts)


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
