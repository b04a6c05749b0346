"""Halves of any sizes p <= q: 2m + 1 layers if M is generic, else at most 2m + 4, m = ceil(q/p).

Main results
------------
Let M = [[A, B], [C, D]] have p + q coordinates, p <= q, and determinant 1; [[a, b], [c, d]] is its
inverse. M is a product of alternating additive couplings. Their number is

- 2m + 1 for a generic M (five for p = q > 1): peel to p < q' <= 2p, then five layers. To *peel* is
  to reduce the larger half to fewer coordinates, at the cost of two layers (`five_layers`);
- 2m + 1 if p divides q - 1 and C or B has rank p: peel to q' = p + 1, and the five layers of
  `hyperplane`; otherwise 2m + 3, with one peel of fewer coordinates (q' = p and a commutator for
  p = q);
- one more, 2m + 2 or 2m + 4, always: a drawn L, split off first, leaves a C of rank p.

2m + 2 is sharp: diag(A, D) needs as many if 1 is no eigenvalue of D. Where p does not divide q - 1,
2m + 2 is tried: a drawn L first or last, and generic shears. p > q is the mirror image. A
determinant goes into one scale entry.

Fewer than 2m + 1 do not suffice if 1 is no eigenvalue of D or d. In a product with s factors L,
D - I is a sum of s matrices of rank at most p, or of s - 1 if the last factor is an L; d - I is
such a sum, too, of s matrices, or of s - 1 if the first factor is an L. So s p >= q, and
(s - 1) p >= q if the first or the last factor is an L.

Sources: Koehler, Mehta, Risteski (ICML 2021), for p = q and a bounded number; Urschel
(2024) for p = q. The counts where p divides q - 1 are to our knowledge new.

How it is checked
-----------------
*Exact* on every call of `factor`: each draw is tested, and the layers compose to M. That 2m + 3 and
2m + 4 are always reached is an observation about the draws, not a proof: over an infinite field
they come from ever larger ranges, and over a finite one they can run out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.explanation.steps import collect_steps, record_step
from exactflow.flows.partition import LETTERS
from exactflow.linear.factor.assembly import (
    BlocksOfDet1,
    ShearList,
    Shifts,
    alternate_shears,
    transpose_product_of_shears,
    transposed,
)
from exactflow.linear.factor.commutator import find_five_shifts_by_commutator
from exactflow.linear.factor.five_layers import (
    draw_five_shifts_for_q_up_to_2p,
    five_shifts_from_one_drawn_V,
    peel_coordinates_off_second_half,
)
from exactflow.linear.factor.hyperplane import five_shifts_for_second_half_one_larger

_TRIES = 6
"""The tries, over an infinite field, of a search that succeeds only for generic matrices."""
_TRIES_IN_A_FINITE_FIELD = 12
"""The tries, over a finite field, of a search that succeeds only for generic matrices."""
_TRIES_OF_A_SURE_SEARCH = 32
"""The tries of a search that succeeds for most draws over a large field."""
_TRIES_OF_THE_LAST_SEARCHES = 1000
"""The tries of the final searches over a finite field."""


class ShearSearch(NamedTuple):
    """A randomized search for shears whose product is M.

    `find_shifts` returns the shifts of alternating shears U .. U, or None if the draws are unlucky.
    A drawn L(Y) is split off first on the side `split_off`, "left" or "right": M = L(Y) M', or
    M' L(Y). If `is_transposed`, the search is for the transpose of M.
    """

    find_shifts: Callable[[Blocks, Draws], Shifts | None]
    split_off: str = ""
    is_transposed: bool = False

    def find_shears_for_first_half_not_larger(
        self, blocks: BlocksOfDet1, draws: Draws
    ) -> ShearList | None:
        """Return shears whose product has the given blocks; None if the draws are unlucky.

        The matrix has determinant 1, and p <= q.
        """
        if self.is_transposed:
            blocks = transposed(blocks)
        (A, B, C, D), first, last = blocks, [], []
        if self.split_off:
            Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        if self.split_off == "left":
            first, blocks = [Y], Blocks(A, B, C - Y * A, D - Y * B)
        elif self.split_off == "right":
            last, blocks = [Y], Blocks(A - B * Y, B, C - D * Y, D)
        shifts = self.find_shifts(blocks, draws)
        if shifts is None:
            return None
        shears = alternate_shears([*first, *shifts, *last], "second" if first else "first")
        return transpose_product_of_shears(shears) if self.is_transposed else shears


def shears_for_first_half_not_larger(blocks: BlocksOfDet1) -> ShearList:
    """Return shears whose product is the matrix with the given blocks. The matrix has determinant
    1, and its first half is not larger than its second half.

    Raises `FieldTooSmallError` if the field has too few elements for the draws; the message says
    how many suffice.
    """
    field, (q, p) = blocks.A.domain, blocks.C.shape
    for searches, tries in _plan_searches(blocks):
        # each try draws with another seed (finite field) or from a larger range (infinite field)
        for k in range(tries):
            draws = Draws(field, k if field.is_FiniteField else 2**k // 2)
            for search in searches:
                # steps that a search records are dropped: they show reduced or transposed blocks
                with collect_steps():
                    shears = search.find_shears_for_first_half_not_larger(blocks, draws)
                if shears is not None:
                    _record_step_of_drawn_shears(shears)
                    return shears
    # Most draws of the final searches succeed over a field of four times as many elements as the
    # degree of the polynomials whose zeros the draws must avoid. In one peel, let N be the matrix
    # [R; I], with R drawn, from which the right inverse of y is formed: det(y N) has degree at most
    # 2p in the drawn entries, and det(y N) det D at most q + 4p. The eigenvalues of the commutator
    # exclude at most p^2 / 4 units.
    size = 4 * (-(-q // p) + 1) * (q + 6 * p) + p * p
    raise FieldTooSmallError(
        f"no draw over {field} led to layers for the partition {(p, q)}: use a field of at least "
        f"{size} elements"
    )


def _record_step_of_drawn_shears(shears: ShearList) -> None:
    """Record a step of the explanation: the shears that a search found."""
    named = {f"X{k}": shear for k, shear in enumerate(shears, 1)}
    product = " ".join(f"{LETTERS[half]}({name})" for name, (half, _) in named.items())
    record_step(
        "partitions",
        f"{len(shears)} shears, found from drawn entries: coordinates are peeled off the larger "
        "half until a direct construction applies.",
        f"{product} = blocks(A, B, C, D)",
        {name: T for name, (_, T) in named.items()},
        "after Koehler, Mehta, Risteski, ICML 2021; counts in exactflow.linear.factor.partition",
    )


def _plan_searches(blocks: Blocks) -> Iterator[tuple[Sequence[ShearSearch], int]]:
    """Yield searches and the number of their tries; searches for fewer shears come first.

    Each try runs the searches one after the other, with draws of one seed or of one range.
    """
    (q, p), sure = blocks.C.shape, _TRIES_OF_A_SURE_SEARCH
    finite = blocks.C.domain.is_FiniteField
    tries = sure if p == 1 else _TRIES_IN_A_FINITE_FIELD if finite else _TRIES
    after_split = [
        ShearSearch(_fewest_shifts_if_generic, side, flag)
        for flag in (False, True)
        for side in ("left", "right")
    ]
    blocks_and_flags = (blocks.C, False), (blocks.B, True)
    for block, flag in blocks_and_flags:
        if p > 1 or not block.is_zero_matrix:
            yield [ShearSearch(_fewest_shifts_if_generic, "", flag)], tries
    if p == 1:
        yield after_split[:1], sure
    else:
        reductions = [
            ([ShearSearch(_shifts_given_full_rank_C, "", flag)], sure)
            for block, flag in blocks_and_flags
            if linalg.rank(block) == p
        ]
        alone = [([search], tries) for search in after_split]
        if p == q:
            yield from [*reductions, *alone]
        elif (q - 1) % p == 0:
            yield from reductions
        else:
            yield from [*alone, *reductions]
        yield [ShearSearch(_shifts_given_full_rank_C, "left")], sure
    if finite:
        paired = [ShearSearch(_shifts_via_equal_halves, "left", flag) for flag in (False, True)]
        yield [*after_split, *paired], _TRIES_OF_THE_LAST_SEARCHES


def _fewest_shifts_if_generic(blocks: BlocksOfDet1, draws: Draws) -> Shifts | None:
    """Return 2m + 1 shifts, m = ceil(q / p), or five if p = q > 1; None if the matrix is not
    generic or the draws are unlucky.
    """
    q, p = blocks.C.shape
    if p == 1:
        counts, find_core_shifts = [1] * (q - 1), _three_shifts_of_2x2_matrix_if_C_is_nonzero
    else:
        counts, find_core_shifts = [p] * ((q - 1) // p - 1), draw_five_shifts_for_q_up_to_2p
    return _shifts_by_peeling(blocks, counts, find_core_shifts, draws)


def _shifts_given_full_rank_C(blocks: BlocksOfDet1, draws: Draws) -> Shifts | None:
    """Return 2m + 1 shifts, m = ceil(q / p), if p divides q - 1, else 2m + 3; None if the draws are
    unlucky. The block C must have rank p > 1.
    """
    q, p = blocks.C.shape

    def find_core_shifts(rest: Blocks, rest_inverse: Blocks, _: Draws) -> Shifts | None:
        if p == q:
            return find_five_shifts_by_commutator(rest)
        return five_shifts_for_second_half_one_larger(rest, rest_inverse)

    counts = [] if p == q else _counts_removed_by_successive_peels(p, q - 1)
    return _shifts_by_peeling(blocks, counts, find_core_shifts, draws)


def _shifts_via_equal_halves(blocks: BlocksOfDet1, draws: Draws) -> Shifts | None:
    """Return 2m + 3 shifts, m = ceil(q / p): two for each of m - 1 peels to equal halves, and five
    for the equal halves; None if the draws are unlucky.

    Over fields of few elements many draws are lucky, too.
    """
    q, p = blocks.C.shape
    counts = _counts_removed_by_successive_peels(p, q)
    return _shifts_by_peeling(blocks, counts, five_shifts_from_one_drawn_V, draws)


def _counts_removed_by_successive_peels(final_size: int, initial_size: int) -> list[int]:
    """Return the numbers of coordinates that successive peels remove, at most `final_size` each, to
    reduce a half from `initial_size` to `final_size` coordinates.
    """
    whole, rest = divmod(initial_size, final_size)
    return [final_size] * (whole - 1) + [rest] * (rest > 0)


def _three_shifts_of_2x2_matrix_if_C_is_nonzero(
    blocks: BlocksOfDet1, inverse: BlocksOfDet1, draws: Draws
) -> Shifts | None:
    """Return [X, C, Z] with M = U(X) L(C) U(Z) for a 2 x 2 matrix M; None if its entry C is 0."""
    A, _, C, D = blocks
    C_inverse = linalg.inverse_or_none(C)
    if C_inverse is None:
        return None
    one = linalg.identity(1, A.domain)
    return [(A - one) * C_inverse, C, (D - one) * C_inverse]


def _shifts_by_peeling(
    blocks: BlocksOfDet1,
    counts_removed_by_successive_peels: Iterable[int],
    find_core_shifts: Callable[[Blocks, Blocks, Draws], Shifts | None],
    draws: Draws,
) -> Shifts | None:
    """Return the shifts of alternating shears U .. U for the given blocks; None if the draws are
    unlucky.

    Each peel removes as many coordinates as its entry of `counts_removed_by_successive_peels` says.
    `find_core_shifts` finds the shifts of the matrix that remains.
    """
    inverse = linalg.inverse_blocks(blocks)
    peels = []
    for k in counts_removed_by_successive_peels:
        step = peel_coordinates_off_second_half(inverse, k, draws)
        if step is None:
            return None
        peels.append(step)
        inverse = step.rest_inverse
    if peels:
        blocks = linalg.inverse_blocks(inverse)
    try:
        shifts = find_core_shifts(blocks, inverse, draws)
    except FieldTooSmallError:  # the field has too few elements for distinct eigenvalues
        return None
    if shifts is None:
        return None
    for step in reversed(peels):
        shifts = step.lift_shifts(shifts)
    return shifts
