"""Words of any length: what ranks exclude, and for two scalar blocks a chain of eigenvalues.

Main results
------------
*Ranks.* A factor L(Y) adds Y times the rows of the first half to those of the second. So in a
product of shears with s factors L, D - I is a sum of s products through F^p, of s - 1 if the last
factor is an L. For d - I, of the inverse, it is s - 1 if the first factor is an L. With positive
scales D less a positive diagonal takes the place of D - I. Exchanged halves: the same for A, a.

*Parity.* If B = C = 0 then M U(X) = U(A X D^-1) M, and so for L: the last factor of a word of odd
length passes through M into the first. What excludes the word without its last letter excludes it.

*Chain of eigenvalues* (to our knowledge new; the proof is on the page of `partitions`). Let M be
diag(alpha I, beta I) on halves p < q, det M = 1, e = q - p, r = 1 / (alpha beta). M is a word of
six letters only if beta is one of 1, r, .., r^k for k = p // e: with the last letter on the other
side, for some C and V, N = beta I - V C of size p has

    (x - beta)^e det(x I - N) = (x - 1)^e det(x I - r N).

How it is checked
-----------------
*Exact*: ranks, signs of principal minors; the powers of r, one by one.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.fixed_parts import proved_rank
from exactflow.linear.depth.minors import LARGEST_HALF, principal_minors
from exactflow.linear.depth.word import Word

__all__ = [
    "chain_of",
    "excluding_rank",
    "is_excluding_chain",
    "is_excluding_rank",
    "told_chain",
    "told_rank",
]


def _reduced(word: Word) -> str:
    """The pattern, without its last letter where that passes through M."""
    _, B, C, _ = word.blocks
    passes = len(word.pattern) % 2 and B.is_zero_matrix and C.is_zero_matrix
    return word.pattern[:-1] if passes else word.pattern


def _counted(word: Word, block: str) -> tuple[int, int]:
    """The number of letters that change a block, and the largest rank of such a change."""
    letter, other = ("U", 1) if block in "Aa" else ("L", 0)
    pattern = _reduced(word)
    outer = pattern[-1] if block in "AD" else pattern[0]
    return pattern.count(letter) - (outer == letter), word.partition[other]


def _block(word: Word, block: str) -> tuple[DomainMatrix, int]:
    """The block, and the largest rank that a product of the word leaves to it less I."""
    blocks, (count, size) = word.blocks if block.isupper() else word.inverse, _counted(word, block)
    return blocks[3 if (block in "Dd") != word.is_exchanged else 0], count * size


def excluding_rank(word: Word) -> tuple[str, tuple[int, ...]] | None:
    """Find a block, "A" or "D" of M, "a" or "d" of its inverse, of larger rank than the word
    allows, and for positive scales the coordinates that show it; or None.
    """
    for block in "DdAa":
        (M, most), kept = _block(word, block), tuple[int, ...]()
        if word.scales == "positive":
            for i in range(M.shape[0]):
                if _keeps_rank(M.extract([*kept, i], [*kept, i])):
                    kept = *kept, i
        if len(kept) > most or (word.scales == "additive" and linalg.rank(_less_one(M)) > most):
            return block, kept
    return None


def is_excluding_rank(word: Word, witness: tuple[str, tuple[int, ...]]) -> bool:
    """Whether the block is of larger rank than the word allows."""
    block, kept = witness
    M, most = _block(word, block)
    if word.scales == "additive":
        return proved_rank(_less_one(M)) > most
    return len(set(kept)) > most and _keeps_rank(M.extract(kept, kept))


def _less_one(M: DomainMatrix) -> DomainMatrix:
    return M - linalg.identity(M.shape[0], M.domain)


def told_rank(word: Word, block: str) -> dict[str, Any]:
    """The words for a rank in the sentences of an obstruction."""
    (count, size), additive = _counted(word, block), word.scales == "additive"
    half, letter = ("first", "U") if block in "Aa" else ("second", "L")
    return {
        "whose": f"{block} - I" if additive else f"{block} less a positive diagonal",
        "somewhere": "" if additive else " for some such diagonal",
        "most": count * size, "rank": count * size + 1, "count": count, "size": size,
        "half": half, "letter": letter, "passing": _passing(word),
    }  # fmt: skip


def _passing(word: Word) -> str:
    """A sentence on the last letter, where it passes through M."""
    if (shorter := _reduced(word)) == word.pattern:
        return ""
    return f"As B = C = 0, the last factor passes through to the first: {shorter} remains. "


def _keeps_rank(M: DomainMatrix) -> bool:
    """Whether the principal minors of -M are at least 0: then det(G - M), their sum with products
    of entries of G as weights, is positive for every positive diagonal G.

    A row or a column that is zero off the diagonal splits off; what is left has at most 8 rows.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(-1), QQ(5)], [QQ(0), QQ(0)]], (2, 2), QQ).to_dense()
    >>> _keeps_rank(M), _keeps_rank(M + linalg.identity(2, QQ))
    (True, False)
    """
    entries, left = M.to_list(), list(range(M.shape[0]))
    while (i := _alone(entries, left)) is not None:
        if sign(entries[i][i], M.domain) not in (0, -1):
            return False
        left.remove(i)
    if len(left) > LARGEST_HALF:
        return False
    minors = principal_minors(-M.extract(left, left)) if left else []
    return all(sign(x, M.domain) in (0, 1) for x in minors)


def _alone(entries: Sequence[Sequence[Element]], left: Sequence[int]) -> int | None:
    """A coordinate whose row or column, among those that are left, is zero off the diagonal."""
    for i in left:
        others = [j for j in left if j != i]
        if not (any(entries[i][j] for j in others) and any(entries[j][i] for j in others)):
            return i
    return None


def _scalars(word: Word) -> tuple[Element, Element] | None:
    """The scalars of the smaller and of the larger half, if M is diag(alpha I, beta I), det M = 1,
    on halves of two sizes; else None.
    """
    M, (p, q), field = word.matrix, word.partition, word.matrix.domain
    alpha, beta = M[0, 0].element, M[p, p].element
    is_scalar = M == linalg.diagonal([alpha] * p + [beta] * q, field)
    if p == q or not is_scalar or alpha**p * beta**q != field.one:
        return None
    return (alpha, beta) if p < q else (beta, alpha)


def chain_of(word: Word) -> tuple[Element, ...] | None:
    """Find the powers 1, r, .. of a chain of eigenvalues that excludes six letters, or None."""
    if (found := _scalars(word)) is None:
        return None
    (alpha, beta), one = found, word.matrix.domain.one
    powers = [one]
    while not _ends(word, powers, one / (alpha * beta)):
        powers.append(powers[-1] / (alpha * beta))
    return None if beta in powers else tuple(powers)


def is_excluding_chain(word: Word, powers: Sequence[Element]) -> bool:
    """Whether these are the powers of r from 1 on, none of them beta, and too many, or all."""
    if (found := _scalars(word)) is None or not powers or len(_reduced(word)) != 6:
        return False
    (alpha, beta), one = found, word.matrix.domain.one
    are_powers = powers[0] == one and all(x == y * alpha * beta for x, y in pairwise(powers))
    return are_powers and beta not in powers and _ends(word, powers, one / (alpha * beta))


def _ends(word: Word, powers: Sequence[Element], r: Element) -> bool:
    """Whether powers, e times each, are more than p eigenvalues, or the next one is 1."""
    p, q = sorted(word.partition)
    return len(powers) * (q - p) > p or powers[-1] * r == word.matrix.domain.one


def told_chain(word: Word, powers: Sequence[Element]) -> dict[str, Any]:
    """The words for a chain of eigenvalues in the sentences of an obstruction."""
    field, (p, q) = word.matrix.domain, sorted(word.partition)
    alpha, beta = _scalars(word) or (field.one, field.one)
    r, total = field.one / (alpha * beta), len(powers) * (q - p)
    clash = f"But N has {p} eigenvalues, not {total}"
    if total <= p:
        clash = f"The next power is 1 again, which N would have {q - p} times more than it has"
    reverse = _reduced(word).startswith("U" if word.partition[0] > p else "L")
    inverse = "Take the inverse, a product of the reversed word: 1 / alpha for alpha, and so on. "
    alpha, beta, r, *shown = (format_short(field.to_sympy(x)) for x in (alpha, beta, r, *powers))
    found = {"alpha": alpha, "beta": beta, "r": r, "powers": ", ".join(shown), "p": p, "e": q - p}
    return found | {"clash": clash, "inverse": inverse * reverse, "passing": _passing(word)}
