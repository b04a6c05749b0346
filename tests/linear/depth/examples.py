"""Matrices from blocks, over any field, for the tests of this folder."""

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.linear.depth.additive import decide
from exactflow.linear.depth.obstruction import Obstruction, Reason
from exactflow.linear.depth.word import Word


def diagonal(*entries, field=QQ):
    return linalg.diagonal([field.convert(x) for x in entries], field)


def matrix(rows, field=QQ):
    entries = [[field.convert(x) for x in row] for row in rows]
    return linalg.from_entries(entries, (len(rows), len(rows[0])), field)


def blocks(A, B, C, D):
    return linalg.join(Blocks(A, B, C, D)).to_dense()


def decided(pattern, M):
    """Return the shifts of additive layers, an obstruction, or None where it is not decided."""
    word = Word(pattern, M, "additive")
    answer = decide(word)
    return Obstruction.of(word, answer) if isinstance(answer, Reason) else answer


def excluded(search, pattern, M):
    """Return the obstruction that a search finds for positive scales, None where it finds none."""
    word = Word(pattern, M, "positive")
    answer = search(word)
    return Obstruction.of(word, answer) if isinstance(answer, Reason) else None


def word(pattern, shifts, scales):
    """Return the product of layers with scales."""
    M = None
    for letter, X, s in zip(pattern, shifts, scales, strict=True):
        S, one = diagonal(*s), linalg.identity(X.shape[1], QQ)
        zero = linalg.zeros(*X.shape[::-1], QQ)
        layer = blocks(S, X, zero, one) if letter == "U" else blocks(one, zero, X, S)
        M = layer if M is None else M * layer
    return M
