"""Block matrices of symbols: the layers for blocks of every size, with the relations they need."""

from sympy import QQ, BlockMatrix, Inverse, MatrixSymbol, ZeroMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short
from exactflow.explanation import Explanation, Step
from exactflow.flows.result import Evidence
from exactflow.identities import IDENTITIES

__all__ = ["explain_blocks"]

_SENTENCES = {
    "commutator route": (
        "Let `{C}` be invertible, and let P and G be such that K = G^-1 P^-1 G P for "
        "K = {C} ({A} {C}^-1 {D} - {B}): there are, where det M = 1 (Shoda 1936, Thompson 1961).",
        "With Y = G {C}, W = P^-1 ({C} - Y), Z = Y^-1 (P - I), V = {C}^-1 ({D} - P) and "
        "X = ({A} - Y^-1 ({C} - W)) {C}^-1, M = U(X) L(Y) U(Z) L(W) U(V).",
    ),
    "diagonal": (
        "Let `{A}` be invertible.",
        "M = U({A} - I) L(I) U({A}^-1 - I) L(-{A}): Whitehead's lemma.",
    ),
}


def explain_blocks(M: BlockMatrix) -> Explanation:
    """Return the layers of a block matrix in its symbols, *for all n*.

    Parameters
    ----------
    M : [[A, B], [C, D]] of four different symbols (``MatrixSymbol``), or diag(X, X^-1).

    Raises
    ------
    InvalidInputError
        Other blocks, for which there is no identity in the table.

    Examples
    --------
    >>> X = MatrixSymbol("X", 3, 3)
    >>> explanation = explain_blocks(BlockMatrix([[X, ZeroMatrix(3, 3)], [ZeroMatrix(3, 3), X.I]]))
    >>> print(explanation.evidence, [step.check() for step in explanation.steps])
    for all n [True, True]
    """
    name, blocks = None, list(M.blocks)
    if M.blocks.shape == (2, 2) and M.rowblocksizes == M.colblocksizes:
        A, B, C, D = blocks
        if all(isinstance(block, MatrixSymbol) for block in blocks):
            if len(set(blocks)) == 4 and A.shape == B.shape:
                name = "commutator route"
        elif B == ZeroMatrix(*B.shape) and C == ZeroMatrix(*C.shape) and Inverse(A).doit() == D:
            name = "diagonal"
    if name is None:
        raise InvalidInputError(
            "expected a block matrix [[A, B], [C, D]] of four different square symbols, or "
            f"diag(X, X^-1), got {format_short(M)}: exactflow.identities proves others"
        )
    identity, names = IDENTITIES[name], dict(zip("ABCD", map(str, blocks), strict=True))
    hypothesis, layers = (sentence.format(**names) for sentence in _SENTENCES[name])
    reference = f"{identity.source}; both sides are expanded in the free group ring"
    steps = [
        Step(name, hypothesis, "", {}, {}, QQ),
        Step(name, layers, "", {}, {}, QQ, reference, witness=lambda: bool(identity.prove().words)),
    ]
    count = 5 if name == "commutator route" else 4
    claim = f"M is the product of {count} couplings, for blocks of every size."
    return Explanation.checked(claim, steps, identity, Evidence.FOR_ALL_N)
