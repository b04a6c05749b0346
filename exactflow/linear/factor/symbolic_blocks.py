"""The layers of a block matrix of symbols, explained for blocks of every size.

How it is checked
-----------------
*For all n*: a step shows the text of an identity of `exactflow.explanation.symbolic_identities` in
the names of the blocks, and its check evaluates that text in the free ring.
"""

from collections.abc import Iterable, Mapping, Sequence

from sympy import QQ, BlockMatrix, Inverse, MatrixExpr, MatrixSymbol, ZeroMatrix
from sympy.matrices.exceptions import NonInvertibleMatrixError

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_short
from exactflow.explanation import Explanation, Step
from exactflow.explanation.identity_text import is_unreserved_name, parse_comma_separated_identities
from exactflow.explanation.symbolic_identities import IDENTITIES, Identity
from exactflow.flows.evidence import Evidence


def explain_blocks(M: BlockMatrix) -> Explanation:
    """Explain the layers of [[A, B], [C, D]], or of diag(X, X^-1), for blocks of every size."""
    blocks = list(M.blocks)
    if M.blocks.shape == (2, 2) and M.rowblocksizes == M.colblocksizes:
        A, B, C, D = blocks
        if all(isinstance(block, MatrixSymbol) for block in blocks):
            if len(set(blocks)) == 4 and A.shape == B.shape:
                return _explain_commutator_route(blocks)
        elif (
            B == ZeroMatrix(*B.shape) and C == ZeroMatrix(*C.shape) and _is_simplified_inverse(D, A)
        ):
            return _explain_diagonal_with_inverse(A)
    raise InvalidInputError(
        "expected a block matrix [[A, B], [C, D]] of four different square symbols, or "
        f"diag(X, X^-1), got {format_short(M)}: prove other identities by "
        "exactflow.claims.Check.identity"
    )


def _is_simplified_inverse(candidate: MatrixExpr, A: MatrixExpr) -> bool:
    """Whether `candidate` is the expression to which SymPy simplifies the inverse of A."""
    try:
        return bool(Inverse(A).doit() == candidate)
    except NonInvertibleMatrixError:
        return False


def _explain_commutator_route(blocks: Sequence[MatrixSymbol]) -> Explanation:
    """Explain the layers of a matrix of four blocks by the commutator route."""
    names = [block.name for block in blocks]
    identity = _get_renamed_identity(
        "commutator route", dict(zip("ABCD", names, strict=True)), names
    )
    matrix, C = f"`blocks({', '.join(names)})`", names[2]
    field = "over every field of more than two elements"
    commutator, _, quotient, *_ = parse_comma_separated_identities(identity.text)
    why = (
        f"Let `{C}` be invertible and the determinant of {matrix} be 1. Then the determinant of "
        f"`{quotient}` is 1, too, so this matrix is a commutator, `{commutator}`, "
        f"{field} (Shoda 1936, Thompson 1961)."
    )
    hypothesis = f", {field}, if `{C}` is invertible and the determinant is 1"
    return _explain_by_identity(identity, matrix, hypothesis, why)


def _explain_diagonal_with_inverse(A: MatrixExpr) -> Explanation:
    """Explain the layers of diag(A, A^-1) by Whitehead's lemma; an A that is not a symbol gets a
    name.
    """
    names = [symbol.name for symbol in A.free_symbols]
    if isinstance(A, MatrixSymbol):
        name, where = A.name, ""
    else:
        name = _append_primes_until_unused("A", names)
        where = f" with `{name} = {A}`"
    identity = _get_renamed_identity("diagonal", {"X": name}, names)
    matrix = f"`diag({name}, {name}^-1)`{where}"
    why = f"This is Whitehead's lemma, for an invertible `{name}`{where}."
    return _explain_by_identity(identity, matrix, f", if `{name}` is invertible", why)


def _explain_by_identity(
    identity: Identity, matrix_text: str, hypothesis: str, why: str
) -> Explanation:
    """Explain layers by an identity whose last equation has the product of the shears as its left
    side.
    """
    values, ring = identity.define_names_in_ring()
    *_, last = parse_comma_separated_identities(identity.text)
    layers = "A new letter is defined by the line in which it first occurs, or it is arbitrary."
    source = f"{identity.source}; both sides are expanded in the free group ring"
    steps = [
        Step(identity.name, why, "", {}, {}, QQ),
        Step(identity.name, layers, identity.text, values, {}, ring, source),
    ]
    claim = (
        f"{matrix_text} is the product of {len(last.left) - 1} couplings, for blocks of every "
        f"size{hypothesis}."
    )
    return Explanation.from_steps_after_checking(claim, steps, identity, Evidence.FOR_ALL_N)


def _get_renamed_identity(
    identity_name: str, new_names: Mapping[str, str], taken: Iterable[str]
) -> Identity:
    """Return the identity of this name with its letters renamed by `new_names`; any other letter of
    the identity gets primes if it is one of the names `taken`.
    """
    for given in taken:
        if not is_unreserved_name(given):
            raise InvalidInputError(
                f"the symbol {given} must be renamed: a name consists of letters and digits, and "
                "is neither the name of a function, such as U or diag, nor I, the identity matrix"
            )
    identity, known = IDENTITIES[identity_name], [*taken, *new_names.values()]
    renaming = dict(new_names)
    for letter in identity.define_names_in_ring()[0]:
        if letter not in renaming:
            renaming[letter] = _append_primes_until_unused(letter, known)
            known.append(renaming[letter])
    return identity.rename(renaming)


def _append_primes_until_unused(name: str, taken: Iterable[str]) -> str:
    """Append prime marks (') to the name until it is not in `taken`; return the result."""
    while name in taken:
        name += "'"
    return name
