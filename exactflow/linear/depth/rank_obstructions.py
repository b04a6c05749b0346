"""Obstructions by ranks to patterns of any length, and by eigenvalues for scalar blocks.

A, B, C, D are the blocks of a matrix M, and a, b, c, d those of its inverse
(`exactflow.linear.depth.pattern`).

Main results
------------
*Ranks.* Let the halves have p and q coordinates. A factor L(Y) adds Y times the rows of the first
half to the rows of the second half. So if a product of shears has s factors L, D - I is a sum of s
matrices of rank at most p; of s - 1 matrices if the last factor is an L. The block d - I of the
inverse is a sum of s - 1 such matrices if the first factor is an L. With positive scales, D minus
some positive diagonal replaces D - I. If the halves are exchanged, the same holds for A and a.

*Parity.* If B = C = 0 then M U(X) = U(A X D^-1) M, and similarly for L. So in a product of odd
length the last factor passes through M, and merges into the first factor. Therefore an obstruction
to the pattern without its last letter is also an obstruction to the whole pattern.

*Chain of eigenvalues* (to our knowledge new; the proof is on the page of `partitions`). Let M be
diag(A, beta I) on halves of p < q coordinates, det M = 1, and e = q - p. Let A - alpha I have the
rank k, and let r = 1 / (alpha beta). If M is a product in a pattern of six letters, move the last
factor to the other side. Then for some C, V, Y and Z the p x p matrix N = beta I - V C and the q x
q matrix T = beta I - C V fulfil

    r N + a matrix of rank k = I + Z Y,    T = I + Y Z.

If k = 0, then (x - beta)^e det(x I - N) = (x - 1)^e det(x I - r N), so that beta is one of 1, r,
.., r^(p // e). If k > 0, N has independent eigenvectors: e for the eigenvalue 1, e - k for r and
for beta / r, e - 2 k for r^2 and for beta / r^2, and so on, until a power meets 1 or beta. The
number of all these eigenvectors is at most p.

How it is checked
-----------------
*Exact*: proved ranks, signs of principal minors, and the powers of r, one by one.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice
from math import prod
from typing import Any, Literal, NamedTuple, get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.exceptional import record_nonzero
from exactflow.exact.numbers import format_element_short
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.fixed_parts import proved_rank
from exactflow.linear.depth.minors import LARGEST_HALF
from exactflow.linear.depth.pattern import PatternInstance, PrincipalMinors, Reason, double_braces

DiagonalBlockName = Literal["D", "d", "A", "a"]
_DIAGONAL_BLOCK_NAMES: tuple[DiagonalBlockName, ...] = get_args(DiagonalBlockName)
_BlockNameAndCoordinates = tuple[DiagonalBlockName, tuple[int, ...]]


def _shorten_odd_pattern_if_block_diagonal(instance: PatternInstance) -> str:
    """Return the pattern, without its last letter if the length is odd and M is block diagonal.

    In this case the last factor passes through M, and merges into the first factor.
    """
    _, B, C, _ = instance.blocks_for_pattern
    passes = len(instance.pattern) % 2 and B.is_zero_matrix and C.is_zero_matrix
    return instance.pattern[:-1] if passes else instance.pattern


def _count_changes_and_bound_rank_of_each(
    instance: PatternInstance, block: DiagonalBlockName
) -> tuple[int, int]:
    """Return the number of letters that change a block, and an upper bound of the rank of a change.

    `block` is the name of the block.
    """
    letter, other = ("U", 1) if block in "Aa" else ("L", 0)
    pattern = _shorten_odd_pattern_if_block_diagonal(instance)
    outer = pattern[-1] if block in "AD" else pattern[0]
    return pattern.count(letter) - (outer == letter), instance.split.partition[other]


def _diagonal_block_of_matrix_or_inverse(
    instance: PatternInstance, block: DiagonalBlockName
) -> DomainMatrix:
    """Return the block with the given name: A or D of M, or a or d of M^-1."""
    blocks = instance.split.blocks if block.isupper() else instance.split.inverse_blocks
    return blocks[3 if block in "Dd" else 0]


def find_block_name_of_excessive_rank(instance: PatternInstance) -> _BlockNameAndCoordinates | None:
    """Find a diagonal block of M or M^-1 whose rank excludes the pattern.

    Return its name and coordinates, or None if no such block is found. The coordinates are () for
    additive layers. With positive scales they are coordinates within the block: the submatrix at
    these coordinates has too large a rank for every choice of the scales.
    """
    for block in _DIAGONAL_BLOCK_NAMES:
        M, kept = _diagonal_block_of_matrix_or_inverse(instance, block), tuple[int, ...]()
        most = prod(_count_changes_and_bound_rank_of_each(instance, block))
        if instance.scales == "positive":
            for i in range(M.shape[0]):
                if _is_proved_negated_P0(M.extract([*kept, i], [*kept, i])):
                    kept = *kept, i
        if len(kept) > most or (
            instance.scales == "additive"
            and linalg.rank(linalg.subtract_scalar_matrix(M, M.domain.one)) > most
        ):
            return block, kept
    return None


def rank_or_eigenvalue_reason(instance: PatternInstance) -> Reason | None:
    """Return a reason by the rank of a block, or by eigenvalues; None if neither is found.

    Eigenvalues are tried only for six or seven additive layers.
    """
    if (rank := find_block_name_of_excessive_rank(instance)) is not None:
        return Reason("rank", rank)
    has_chain = instance.scales == "additive" and len(instance.pattern) in (6, 7)
    if has_chain and (eigenvalues := find_eigenvalues_excluding_six_letters(instance)) is not None:
        return Reason("chain of eigenvalues", eigenvalues)
    return None


def is_block_of_excessive_rank(
    instance: PatternInstance, witness: _BlockNameAndCoordinates
) -> bool:
    """Whether the rank of the block that the witness names is too large for the pattern."""
    block, kept = witness
    M = _diagonal_block_of_matrix_or_inverse(instance, block)
    most = prod(_count_changes_and_bound_rank_of_each(instance, block))
    if instance.scales == "additive":
        return proved_rank(linalg.subtract_scalar_matrix(M, M.domain.one)) > most
    return len(set(kept)) > most and _is_proved_negated_P0(M.extract(kept, kept))


def rank_template_values(instance: PatternInstance, block: DiagonalBlockName) -> dict[str, Any]:
    """Return the values for the templates of kind "rank"."""
    count, size = _count_changes_and_bound_rank_of_each(instance, block)
    additive = instance.scales == "additive"
    half, letter = ("first", "U") if block in "Aa" else ("second", "L")
    return {
        "whose": f"`{block} - I`" if additive else f"`{block}` less a positive diagonal",
        "somewhere": "" if additive else " for some such diagonal",
        "most": count * size, "rank": count * size + 1, "count": count, "size": size,
        "half": half, "letter": letter, "passing": _shortened_pattern_sentence(instance),
    }  # fmt: skip


def _shortened_pattern_sentence(instance: PatternInstance) -> str:
    """Return a sentence that says why the last letter is dropped, or "" if it is not dropped."""
    if (shorter := _shorten_odd_pattern_if_block_diagonal(instance)) == instance.pattern:
        return ""
    return (
        f"As `B = 0` and `C = 0`, the last factor passes through to the first: {shorter} remains. "
    )


def _is_proved_negated_P0(M: DomainMatrix) -> bool:
    """Whether -M is proved to be a P0-matrix: all its principal minors are at least 0.

    Then det(G - M) is positive for every positive diagonal G: it is the sum of the principal minors
    of -M, with products of entries of G as weights. A coordinate whose row or column is zero off
    the diagonal is tested alone. If more than 8 coordinates remain, or a sign is not known, the
    answer is False.
    """
    entries, remaining = M.to_list(), list(range(M.shape[0]))
    while (i := _find_coordinate_with_zero_row_or_column(entries, remaining)) is not None:
        if sign(entries[i][i], M.domain) not in (0, -1):
            return False
        remaining.remove(i)
    if len(remaining) > LARGEST_HALF:
        return False
    minors = PrincipalMinors(-M.extract(remaining, remaining)).minors_of_all_sets()
    return all(sign(x, M.domain) in (0, 1) for x in minors)


def _find_coordinate_with_zero_row_or_column(
    entries: Sequence[Sequence[Element]], remaining: Sequence[int]
) -> int | None:
    """Return a remaining coordinate whose row or column is zero off the diagonal, or None.

    Only the entries at remaining coordinates count.
    """
    for i in remaining:
        others = [j for j in remaining if j != i]
        if not (any(entries[i][j] for j in others) and any(entries[j][i] for j in others)):
            return i
    return None


class _BlockScalars(NamedTuple):
    """Scalars of M = diag(A, beta I): A - alpha I has the rank `rank`, and r = 1 / (alpha beta).

    A is the diagonal block on the smaller half, first or second.
    """

    alpha: Element
    beta: Element
    r: Element
    rank: int


def _forced_eigenvalues_with_least_multiplicities(
    scalars: _BlockScalars, smaller_half_size: int, size_difference: int
) -> dict[Element, int]:
    """Return eigenvalues that the scalars force, each with a lower bound of its multiplicity.

    The eigenvalues are those of the matrix N at the top of this module. `size_difference` is the
    difference of the sizes of the halves.
    """
    _, beta, r, rank = scalars
    one, forced = beta / beta, dict[Element, int]()

    def yield_powers_until_one_or_beta(
        x: Element, step: Element, multiplicity: int
    ) -> Iterator[tuple[Element, int]]:
        """Yield x, x step, x step^2, .., each with its multiplicity.

        The multiplicity falls by the rank at each step. Stop before a multiplicity below 1, and
        before a power that is 1 or beta.
        """
        while multiplicity > 0:
            yield x, multiplicity
            x, multiplicity = x * step, multiplicity - rank
            if x in (one, beta):
                return

    powers = yield_powers_until_one_or_beta(one, r, size_difference)
    if not rank:  # then the multiplicity does not fall
        return dict(islice(powers, smaller_half_size // size_difference + 1))
    if beta / r not in (one, beta):
        others = yield_powers_until_one_or_beta(beta / r, one / r, size_difference - rank)
        powers = chain(powers, others)
    for x, count in powers:
        forced[x] = max(count, forced.get(x, 0))
    return forced


def find_scalars_forcing_too_many_eigenvalues(
    instance: PatternInstance,
) -> tuple[_BlockScalars, dict[Element, int]] | None:
    """Return scalars of M that force too many eigenvalues, and the forced eigenvalues.

    Return None if there are no such scalars. They exist only if M = diag(A, beta I), where A is the
    block of the smaller half, first or second, beta != 1 and det M = 1; alpha is a nonzero diagonal
    entry of A. N and r are as at the top of this module. The second result maps eigenvalues of N to
    lower bounds of their multiplicities. There are too many eigenvalues if the sum of these bounds
    exceeds the size of N, or if both blocks of M are scalar and a power of r is 1 again.
    """
    A, B, C, D = halves = instance.split.blocks
    if A.shape == D.shape or not (B.is_zero_matrix and C.is_zero_matrix):
        return None
    if A.shape > D.shape:
        A, _, _, D = linalg.swap_halves(halves)
    p, q, beta, one = A.shape[0], D.shape[0], D[0, 0].element, D.domain.one
    is_scalar = linalg.subtract_scalar_matrix(D, beta).is_zero_matrix
    if beta == one or not is_scalar or A.det() * beta**q != one:
        return None
    for alpha in filter(None, dict.fromkeys(A.diagonal())):
        r, rank = one / (alpha * beta), linalg.rank(linalg.subtract_scalar_matrix(A, alpha))
        found = _BlockScalars(alpha, beta, r, rank)
        forced = _forced_eigenvalues_with_least_multiplicities(found, p, q - p)
        is_circle = not rank and [*forced][-1] * r == one
        if sum(forced.values()) > p or is_circle:
            return found, forced
    return None


def find_eigenvalues_excluding_six_letters(instance: PatternInstance) -> tuple[Element, ...] | None:
    """Return eigenvalues that exclude both patterns of six letters, or None if none are found."""
    found = find_scalars_forcing_too_many_eigenvalues(instance)
    return None if found is None else tuple(found[1])


def are_eigenvalues_excluding_six_letters(
    instance: PatternInstance, eigenvalues: Sequence[Element]
) -> bool:
    """Whether these are the eigenvalues that exclude the pattern.

    The pattern has six letters, or seven letters of which the last is dropped because M is block
    diagonal.
    """
    found = find_scalars_forcing_too_many_eigenvalues(instance)
    if len(_shorten_odd_pattern_if_block_diagonal(instance)) != 6 or found is None:
        return False
    if tuple(found[1]) != tuple(eigenvalues):
        return False
    for x, y in combinations([found[0].beta, *eigenvalues], 2):
        if x != y:
            record_nonzero(x - y, instance.matrix.domain)
    return True


def eigenvalue_template_values(instance: PatternInstance) -> dict[str, Any]:
    """Return the values for the templates of kind "chain of eigenvalues"."""
    (p, q), field = sorted(instance.split.partition), instance.matrix.domain
    found, forced = find_scalars_forcing_too_many_eigenvalues(instance) or (
        _BlockScalars(field.one, field.one, field.one, 0),
        {},
    )
    total = sum(forced.values())

    clash = f"But `N` has {p} eigenvalues, not {total}"
    if total <= p:
        clash = f"The next power is 1 again, which `N` would have {q - p} times more than it has"
    reverse = _shorten_odd_pattern_if_block_diagonal(instance).startswith(
        "U" if instance.split.partition[0] > p else "L"
    )
    inverse = (
        "Take the inverse, a product of the reversed pattern: `alpha^-1` for `alpha`, and so on. "
    )
    values: dict[str, Any] = {"p": p, "e": q - p, "rank": found.rank, "clash": clash}
    scalars = {"alpha": found.alpha, "beta": found.beta, "r": found.r}
    values |= {name: double_braces(format_element_short(x, field)) for name, x in scalars.items()}
    shown = ", ".join(
        f"``{double_braces(format_element_short(x, field))}`` "
        f"({'once' if count == 1 else f'{count} times'})"
        for x, count in forced.items()
    )
    argument = (_OF_RANK if found.rank else _OF_SCALARS).format(**values)
    return {
        "eigenvalues": shown, "argument": argument, "inverse": inverse * reverse,
        "passing": _shortened_pattern_sentence(instance),
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
