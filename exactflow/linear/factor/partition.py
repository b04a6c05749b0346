"""Any partition: 2m + 1 layers for a generic matrix, at most 2m + 4 for every one, m = ceil(q/p).

Main results
------------
Let M = [[A, B], [C, D]] have p + q coordinates, p <= q, and determinant 1; [[a, b], [c, d]] is its
inverse. M is a product of alternating additive couplings, of as many as

- 2m + 1 for a generic M (five for p = q > 1): peel to p < q' <= 2p, and five layers there;
- 2m + 1 if p divides q - 1 and C or B has rank p: peel to q' = p + 1, and the five layers of
  `hyperplane`; else 2m + 3, with one peel of fewer coordinates (q' = p and a commutator for p = q);
- one more, 2m + 2 or 2m + 4, always: a drawn L, split off first, leaves a C of rank p.

2m + 2 is sharp: diag(A, D) needs as many if 1 is no eigenvalue of D. Where p does not divide q - 1,
2m + 2 is tried: a drawn L first or last, and a generic word. p > q is the mirror image. A
determinant goes into one scale entry.

Fewer than 2m + 1 cannot do where 1 is no eigenvalue of D or d: in a word with s factors L,
D - I is a sum of s products through F^p, of s - 1 where the word ends with L, and d - I one of s,
of s - 1 where it starts with L; so s p >= q, and (s - 1) p >= q for words that start or end with L.

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

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.explanation.steps import collect_steps, record_step
from exactflow.linear.factor.assembly import ShearWord, alternating, transposed, transposed_word
from exactflow.linear.factor.commutator import commutator_shifts
from exactflow.linear.factor.five_layers import five_layer_shifts, paired_shifts, peel
from exactflow.linear.factor.hyperplane import hyperplane_shifts

Shifts = list[DomainMatrix]

_TRIES = 6
_TRIES_IN_A_FINITE_FIELD = 12
_TRIES_OF_A_SURE_FORM = 32
_TRIES_OF_THE_LAST_FORMS = 1000


class Form(NamedTuple):
    """A way to find a word, from draws, by the function for the shifts of a word U .. U, or None.

    A drawn L is split off first on the side `sheared`, "left" or "right": M = L(Y) M', or M' L(Y).
    A word `is_transposed` if it is that of the transpose, before all else.
    """

    shifts: Callable[[Blocks, Draws], Shifts | None]
    sheared: str = ""
    is_transposed: bool = False

    def word(self, blocks: Blocks, draws: Draws) -> ShearWord | None:
        """Return the factors of a matrix of determinant 1, p <= q, from left to right, or None."""
        if self.is_transposed:
            blocks = transposed(blocks)
        (A, B, C, D), first, last = blocks, [], []
        if self.sheared:
            Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        if self.sheared == "left":
            first, blocks = [Y], Blocks(A, B, C - Y * A, D - Y * B)
        elif self.sheared == "right":
            last, blocks = [Y], Blocks(A - B * Y, B, C - D * Y, D)
        shifts = self.shifts(blocks, draws)
        if shifts is None:
            return None
        word = alternating([*first, *shifts, *last], "second" if first else "first")
        return transposed_word(word) if self.is_transposed else word


def partition_word(blocks: Blocks) -> ShearWord:
    """Return the factors of a matrix of determinant 1, p <= q, from left to right.

    Raises `FieldTooSmallError` where the field has too few elements for the draws; the message says
    how many would do.
    """
    field, (q, p) = blocks.A.domain, blocks.C.shape
    for forms, tries in _forms(blocks):
        for k in range(tries):  # over a finite field other seeds, otherwise larger numbers, too
            draws = Draws(field, k if field.is_FiniteField else 2**k // 2)
            for form in forms:
                with collect_steps():  # what is told within is of other blocks: peeled, transposed
                    word = form.word(blocks, draws)
                if word is not None:
                    _tell(word)
                    return word
    raise FieldTooSmallError(
        f"expected a field of at least {_sufficient_size(p, q)} elements for the partition "
        f"{(p, q)}, got {field}, in which no draw passed the tests: use a larger field"
    )


def _tell(word: ShearWord) -> None:
    """Tell the word that the draws led to."""
    named = {f"X{k}": shear for k, shear in enumerate(word, 1)}
    letters = {"first": "U", "second": "L"}
    product = " ".join(f"{letters[half]}({name})" for name, (half, _) in named.items())
    record_step(
        "partitions",
        f"{len(word)} shears, found from drawn entries: coordinates are peeled off the larger half "
        "until five shears do, or the commutator route.",
        f"{product} = blocks(A, B, C, D)",
        {name: T for name, (_, T) in named.items()},
        "after Koehler, Mehta, Risteski, ICML 2021; counts in exactflow.linear.factor.partition",
    )


def _sufficient_size(p: int, q: int) -> int:
    """Return four times the degree of the polynomials that the draws of the last form must avoid.

    In one step det(y Z) has degree at most 2p in the drawn entries, det(y Z) det D at most q + 4p;
    the eigenvalues of the commutator exclude at most p^2 / 4 units.
    """
    steps = -(-q // p) + 1
    return 4 * steps * (q + 6 * p) + p * p


def _forms(blocks: Blocks) -> Iterator[tuple[Sequence[Form], int]]:
    """Yield the ways to find a word, short ones first, and how often to try each."""
    (q, p), sure = blocks.C.shape, _TRIES_OF_A_SURE_FORM
    finite = blocks.C.domain.is_FiniteField
    tries = sure if p == 1 else _TRIES_IN_A_FINITE_FIELD if finite else _TRIES
    sheared = [Form(_generic, side, flag) for flag in (False, True) for side in ("left", "right")]
    for block, flag in ((blocks.C, False), (blocks.B, True)):
        if p > 1 or not block.is_zero_matrix:
            yield [Form(_generic, "", flag)], tries
    if p == 1:
        yield sheared[:1], sure
    else:
        full = ((blocks.C, False), (blocks.B, True))
        reductions = [
            ([Form(_reduction, "", flag)], sure) for block, flag in full if linalg.rank(block) == p
        ]
        alone = [([form], tries) for form in sheared]
        is_short = p == q or (q - 1) % p == 0
        yield from reductions if is_short else alone
        if p == q:
            yield from alone
        if not is_short:
            yield from reductions
        yield [Form(_reduction, "left")], sure
    if finite:
        paired = [Form(_paired, "left", flag) for flag in (False, True)]
        yield [*sheared, *paired], _TRIES_OF_THE_LAST_FORMS


def _generic(blocks: Blocks, draws: Draws) -> Shifts | None:
    """Return 2m + 1 shifts (five for p = q > 1), or None."""
    q, p = blocks.C.shape
    if p == 1:
        return _peeled(blocks, [1] * (q - 1), _three_layer_shifts, draws)
    return _peeled(blocks, [p] * ((q - 1) // p - 1), five_layer_shifts, draws)


def _reduction(blocks: Blocks, draws: Draws) -> Shifts | None:
    """Return 2m + 1 or 2m + 3 shifts, or None; C has rank p."""
    q, p = blocks.C.shape
    if p == q:
        return _peeled(blocks, [], lambda rest, *_: commutator_shifts(rest), draws)
    return _peeled(
        blocks, _steps(p, q - 1), lambda rest, inverse, _: hyperplane_shifts(rest, inverse), draws
    )


def _paired(blocks: Blocks, draws: Draws) -> Shifts | None:
    """Return shifts as `_reduction` does, by luck in the place of a large field."""
    q, p = blocks.C.shape
    return _peeled(blocks, _steps(p, q), paired_shifts, draws)


def _steps(p: int, q: int) -> list[int]:
    """Numbers of coordinates to peel off at a time, from q down to p."""
    return [p] * (q // p - 1) + [q % p] * (q % p > 0)


def _three_layer_shifts(blocks: Blocks, inverse: Blocks, draws: Draws) -> Shifts | None:
    """Return [X, C, Z] with M = U(X) L(C) U(Z), for p = q = 1 and C != 0."""
    A, _, C, D = blocks
    C_inverse = linalg.inverse_or_none(C)
    if C_inverse is None:
        return None
    one = linalg.identity(1, A.domain)
    return [(A - one) * C_inverse, C, (D - one) * C_inverse]


def _peeled(
    blocks: Blocks,
    steps: Iterable[int],
    core: Callable[[Blocks, Blocks, Draws], Shifts | None],
    draws: Draws,
) -> Shifts | None:
    """Return a word U .. U: peel the numbers of coordinates in `steps`, then apply `core`."""
    inverse = linalg.split(linalg.join(blocks).inv(), blocks.A.shape[0])
    peels = []
    for k in steps:
        step = peel(inverse, k, draws)
        if step is None:
            return None
        peels.append(step)
        inverse = step.rest_inverse
    if peels:
        blocks = linalg.split(linalg.join(inverse).inv(), blocks.A.shape[0])
    try:
        shifts = core(blocks, inverse, draws)
    except FieldTooSmallError:  # for distinct eigenvalues
        return None
    if shifts is None:
        return None
    for step in reversed(peels):
        shifts = step.around(shifts)
    return shifts
