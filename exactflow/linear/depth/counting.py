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
diag(A, beta I) on halves p < q, det M = 1, e = q - p, and A - alpha I of rank k; r = 1 / (alpha
beta). M is a word of six letters only if, with the last one on the other side, for some C and V,
N = beta I - V C of size p and T = beta I - C V fulfil

    r N + a matrix of rank k = I + Z Y,    T = I + Y Z.

For k = 0, (x - beta)^e det(x I - N) = (x - 1)^e det(x I - r N), so that beta is one of 1, r, ..,
r^(p // e). For k > 0 count independent eigenvectors of N: e for the eigenvalue 1, e - k for r and
for beta / r, e - 2 k for r^2 and beta / r^2, .., each chain until it meets 1 or beta. Together they
are at most p.

How it is checked
-----------------
*Exact*: ranks, signs of principal minors; the powers of r, one by one.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice
from typing import Any, NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.exceptional import record_nonzero
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.fixed_parts import proved_rank
from exactflow.linear.depth.minors import LARGEST_HALF, principal_minors
from exactflow.linear.depth.word import Word


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
    """Find a block of M, or of its inverse, of too large a rank, and its coordinates; or None."""
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
        "whose": f"`{block} - I`" if additive else f"`{block}` less a positive diagonal",
        "somewhere": "" if additive else " for some such diagonal",
        "most": count * size, "rank": count * size + 1, "count": count, "size": size,
        "half": half, "letter": letter, "passing": _passing(word),
    }  # fmt: skip


def _passing(word: Word) -> str:
    """A sentence on the last letter, where it passes through M."""
    if (shorter := _reduced(word)) == word.pattern:
        return ""
    return (
        f"As `B = 0` and `C = 0`, the last factor passes through to the first: {shorter} remains. "
    )


def _keeps_rank(M: DomainMatrix) -> bool:
    """Whether the principal minors of -M are at least 0: then det(G - M), their sum with products
    of entries of G as weights, is positive for every positive diagonal G.

    A row or a column that is zero off the diagonal splits off; what is left has at most 8 rows.
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


class _Scalars(NamedTuple):
    """M = diag(A, beta I), A on the smaller half, A - alpha I of a rank, r = 1 / (alpha beta)."""

    alpha: Element
    beta: Element
    r: Element
    rank: int


def _scalars(word: Word) -> Iterator[_Scalars]:
    """The scalars, if M has them on halves of two sizes, beta != 1 and det M = 1."""
    A, B, C, D = halves = linalg.split(word.matrix, word.partition[0])
    if A.shape == D.shape or not (B.is_zero_matrix and C.is_zero_matrix):
        return
    if A.shape > D.shape:
        A, _, _, D = linalg.swap_halves(halves)
    beta, one = D[0, 0].element, D.domain.one
    if beta == one or D != _scalar(beta, D) or A.det() * beta ** D.shape[0] != one:
        return
    for alpha in filter(None, dict.fromkeys(A.diagonal())):
        yield _Scalars(alpha, beta, one / (alpha * beta), linalg.rank(A - _scalar(alpha, A)))


def _scalar(x: Element, M: DomainMatrix) -> DomainMatrix:
    """x I, of the size of M."""
    return linalg.diagonal([x] * M.shape[0], M.domain)


def _forced(found: _Scalars, p: int, e: int) -> dict[Element, int]:
    """Eigenvalues of N, p x p, and how often each is one at least."""
    _, beta, r, rank = found
    one, forced = beta / beta, dict[Element, int]()

    def follow(x: Element, step: Element, count: int) -> Iterator[tuple[Element, int]]:
        while count > 0:
            yield x, count
            x, count = x * step, 0 if x * step in (one, beta) else count - rank

    steps = chain(islice(follow(one, r, e), e if rank else p // e + 1))
    if rank and beta / r not in (one, beta):
        steps = chain(steps, follow(beta / r, one / r, e - rank))
    for x, count in steps:
        forced[x] = max(count, forced.get(x, 0))
    return forced


def _excluding(word: Word) -> tuple[_Scalars, dict[Element, int]] | None:
    """Scalars that force too many eigenvalues, or, of scalar blocks, a circle; with these."""
    p, q = sorted(word.partition)
    for found in _scalars(word):
        forced = _forced(found, p, q - p)
        is_circle = not found.rank and [*forced][-1] * found.r == word.matrix.domain.one
        if sum(forced.values()) > p or is_circle:
            return found, forced
    return None


def chain_of(word: Word) -> tuple[Element, ...] | None:
    """Find the eigenvalues 1, r, .. that exclude six letters, or None."""
    return None if (found := _excluding(word)) is None else tuple(found[1])


def is_excluding_chain(word: Word, eigenvalues: Sequence[Element]) -> bool:
    """Whether these are the eigenvalues that exclude six letters, or seven."""
    found = _excluding(word)
    if len(_reduced(word)) != 6 or found is None or tuple(found[1]) != tuple(eigenvalues):
        return False
    for x, y in combinations([found[0].beta, *eigenvalues], 2):
        if x != y:
            record_nonzero(x - y, word.matrix.domain)
    return True


def told_chain(word: Word) -> dict[str, Any]:
    """The words for a chain of eigenvalues in the sentences of an obstruction."""
    (p, q), field = sorted(word.partition), word.matrix.domain
    found, forced = _excluding(word) or (_Scalars(field.one, field.one, field.one, 0), {})
    total = sum(forced.values())

    def short(x: Element) -> str:
        return format_short(field.to_sympy(x))

    clash = f"But `N` has {p} eigenvalues, not {total}"
    if total <= p:
        clash = f"The next power is 1 again, which `N` would have {q - p} times more than it has"
    reverse = _reduced(word).startswith("U" if word.partition[0] > p else "L")
    inverse = (
        "Take the inverse, a product of the reversed word: `alpha^-1` for `alpha`, and so on. "
    )
    values: dict[str, Any] = {"p": p, "e": q - p, "rank": found.rank, "clash": clash}
    values |= {"alpha": short(found.alpha), "beta": short(found.beta), "r": short(found.r)}
    times = {1: "once"} | {count: f"{count} times" for count in range(2, q - p + 1)}
    shown = ", ".join(f"``{short(x)}`` ({times[count]})" for x, count in forced.items())
    argument = (_OF_RANK if found.rank else _OF_SCALARS).format(**values)
    return {
        "eigenvalues": shown, "argument": argument, "inverse": inverse * reverse,
        "passing": _passing(word),
    } | values  # fmt: skip


_OF_SCALARS = (
    "The blocks are `alpha I` and `beta I`, `alpha` = ``{alpha}`` on the smaller half and `beta` = "
    "``{beta}`` on the larger; let `r = (alpha beta)^-1`, which is ``{r}``. With the last factor "
    "on the other side five remain: for some `T` and `V`, `N = beta I - V T` has "
    "`(x - beta)^{e} det(x I - N) = (x - 1)^{e} det(x I - r N)`. As `beta` is not 1, `N` has the "
    "eigenvalue 1, {e} times at least, and with each power of `r` except `beta` the next one as "
    "often; `beta` is none of them"
)
_OF_RANK = (
    "The block on the smaller half is `alpha I` plus a matrix of rank {rank}, `alpha` = "
    "``{alpha}``, and the block on the larger is `beta I`, `beta` = ``{beta}``; let "
    "`r = (alpha beta)^-1`, which is ``{r}``. With the last factor on the other side five remain: "
    "for some `R` and `V`, let `N = beta I - V R` and `T = beta I - R V`; then `S = I + Z Y` is "
    "`r N` plus a matrix of rank {rank}, and `T = I + Y Z`. Count independent eigenvectors. `T` "
    "has {e} at least for 1 and for `beta`. `S` has as many as `T` for all eigenvalues except 1, "
    "and `N` for all except `beta`; `S` has at most {rank} fewer for `r x` than `N` for `x`, and "
    "`N` for `x` than `S` for `r x`. So `N` has {e} for 1, and {rank} fewer for each step from "
    "there by `r`, and from `beta` by `r^-1`, until 1 or `beta` is met"
)
