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

from collections.abc import Callable, Iterable, Iterator

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element
from exactflow.explanation.steps import note
from exactflow.factorization.assembly import (
    Shears,
    alternating,
    merged,
    mirrored,
    opposite,
    with_determinant,
    without_determinant,
)
from exactflow.factorization.commutator import commutator_shifts
from exactflow.factorization.five_layers import five_layer_shifts, paired_shifts
from exactflow.factorization.hyperplane import hyperplane_shifts
from exactflow.factorization.peeling import peel
from exactflow.flows.flow import LinearCoupling

__all__ = ["partition_layers"]

Form = Callable[[Blocks, Draws], Shears | None]
Core = Callable[[Blocks, Blocks, Draws], list[DomainMatrix] | None]

_TRIES = 6
_TRIES_IN_A_FINITE_FIELD = 12
_TRIES_OF_A_SURE_FORM = 32
_TRIES_OF_THE_LAST_FORMS = 1000


def partition_layers(blocks: Blocks, det: Element) -> list[LinearCoupling]:
    """Return layers, in order of application, that compose to the matrix with the given blocks.

    Neighbours move different halves and no layer is the identity. All are additive, but for one
    scale entry, the determinant, in the last layer that moves the smaller half.

    Parameters
    ----------
    blocks : of an invertible matrix over a field, split into any p + q. Where the field is ordered,
        the determinant must be positive.
    det : the determinant.

    Raises
    ------
    FieldTooSmallError
        The field has too few elements for the draws; the message says how many would do.

    Examples
    --------
    >>> from sympy import QQ
    >>> M = linalg.from_entries([[QQ(1), 0, 0], [0, 0, QQ(-1)], [0, QQ(1), 0]], (3, 3), QQ)
    >>> [layer.moves for layer in partition_layers(linalg.split(M, 1), QQ(1))]
    ['first', 'second', 'first', 'second', 'first', 'second']
    """
    p, q = blocks.A.shape[0], blocks.D.shape[0]
    if p > q:
        return mirrored(partition_layers(linalg.swap_halves(blocks), det))
    word = _word(without_determinant(blocks, det, "first"))
    return merged(with_determinant(word, blocks, det, "first"))


def _word(blocks: Blocks) -> Shears:
    """Return the factors of a matrix of determinant 1, p <= q, from left to right."""
    field = blocks.A.domain
    for form, tries in _forms(blocks):
        for bound in _bounds(tries, field):
            word = form(blocks, Draws(field, bound))
            if word is not None:
                _tell(word)
                return word
    q, p = blocks.C.shape
    raise FieldTooSmallError(
        f"expected a field of at least {_sufficient_size(p, q)} elements for the partition "
        f"{(p, q)}, got {field}, in which no draw passed the tests: use a larger field"
    )


def _tell(word: Shears) -> None:
    """Tell the word that the draws led to."""
    names = [f"X{k}" for k in range(1, len(word) + 1)]
    letters = {"first": "U", "second": "L"}
    product = " ".join(
        f"{letters[half]}({name})" for name, (half, _) in zip(names, word, strict=True)
    )
    note(
        "partitions",
        f"{len(word)} shears, found from drawn entries: coordinates are peeled off the larger half "
        "until five shears do, or the commutator route.",
        f"{product} = blocks(A, B, C, D)",
        {name: T for name, (_, T) in zip(names, word, strict=True)},
        "after Koehler, Mehta, Risteski, ICML 2021; counts in exactflow.factorization.partition",
    )


def _bounds(tries: int, field: Domain) -> Iterable[int]:
    """Return ever larger ranges for the draws; over a finite field they are but other seeds."""
    return range(tries) if field.is_FiniteField else (2**i // 2 for i in range(tries))


def _sufficient_size(p: int, q: int) -> int:
    """Return four times the degree of the polynomials that the draws of the last form must avoid.

    In one step det(y Z) has degree at most 2p in the drawn entries, det(y Z) det D at most q + 4p;
    the eigenvalues of the commutator exclude at most p^2 / 4 units.
    """
    steps = -(-q // p) + 1
    return 4 * steps * (q + 6 * p) + p * p


def _forms(blocks: Blocks) -> Iterator[tuple[Form, int]]:
    """Yield the ways to find a word, short words first, and how often to try each."""
    q, p = blocks.C.shape
    sure, finite = _TRIES_OF_A_SURE_FORM, blocks.C.domain.is_FiniteField
    tries = _TRIES_IN_A_FINITE_FIELD if finite else _TRIES
    sheared = [_sheared_left(_generic), _sheared_right(_generic)]
    sheared += [_transposed(form) for form in sheared]
    if p == 1:
        if not blocks.C.is_zero_matrix:
            yield _generic, sure
        if not blocks.B.is_zero_matrix:
            yield _transposed(_generic), sure
        yield _sheared_left(_generic), sure
    else:
        yield _generic, tries
        yield _transposed(_generic), tries
        is_short = p == q or (q - 1) % p == 0
        if is_short:
            yield from _reductions(blocks)
        if p == q or not is_short:
            for form in sheared:
                yield form, tries
        if not is_short:
            yield from _reductions(blocks)
        yield _sheared_left(_reduction), sure
    if finite:
        sheared += [_sheared_left(_paired), _transposed(_sheared_left(_paired))]
        yield _any_of(sheared), _TRIES_OF_THE_LAST_FORMS


def _reductions(blocks: Blocks) -> Iterator[tuple[Form, int]]:
    p = blocks.A.shape[0]
    if linalg.rank(blocks.C) == p:
        yield _reduction, _TRIES_OF_A_SURE_FORM
    if linalg.rank(blocks.B) == p:
        yield _transposed(_reduction), _TRIES_OF_A_SURE_FORM


def _generic(blocks: Blocks, draws: Draws) -> Shears | None:
    """Return a word U .. U of 2m + 1 factors (five for p = q > 1), or None."""
    q, p = blocks.C.shape
    if p == 1:
        return _peeled(blocks, [1] * (q - 1), _three_layer_shifts, draws)
    return _peeled(blocks, [p] * ((q - 1) // p - 1), five_layer_shifts, draws)


def _reduction(blocks: Blocks, draws: Draws) -> Shears | None:
    """Return a word U .. U of 2m + 1 or 2m + 3 factors, or None; C has rank p."""
    q, p = blocks.C.shape
    if p == q:
        return _peeled(blocks, [], _commutator_core, draws)
    return _peeled(blocks, _steps(p, q - 1), _hyperplane_core, draws)


def _paired(blocks: Blocks, draws: Draws) -> Shears | None:
    """Return a word as `_reduction` does, by luck in the place of a large field."""
    q, p = blocks.C.shape
    return _peeled(blocks, _steps(p, q), paired_shifts, draws)


def _steps(p: int, q: int) -> list[int]:
    """Return how many coordinates to peel off at a time, from q down to p."""
    return [p] * (q // p - 1) + [q % p] * (q % p > 0)


def _commutator_core(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    try:
        return commutator_shifts(blocks)
    except FieldTooSmallError:
        return None


def _hyperplane_core(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    try:
        return hyperplane_shifts(blocks, inverse)
    except FieldTooSmallError:
        return None


def _three_layer_shifts(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    """Return [X, C, Z] with M = U(X) L(C) U(Z), for p = q = 1 and C != 0."""
    A, _, C, D = blocks
    C_inverse = linalg.inverse_or_none(C)
    if C_inverse is None:
        return None
    one = linalg.identity(1, A.domain)
    return [(A - one) * C_inverse, C, (D - one) * C_inverse]


def _peeled(blocks: Blocks, steps: Iterable[int], core: Core, draws: Draws) -> Shears | None:
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
    shifts = core(blocks, inverse, draws)
    if shifts is None:
        return None
    for step in reversed(peels):
        shifts = step.around(shifts)
    return alternating(shifts, "first")


def _transposed(form: Form) -> Form:
    """Return the form that applies `form` to the transpose: words U .. become words .. L."""

    def transposed(blocks: Blocks, draws: Draws) -> Shears | None:
        A, B, C, D = (X.transpose() for X in blocks)
        word = form(Blocks(A, C, B, D), draws)
        if word is None:
            return None
        return [(opposite(half), T.transpose()) for half, T in reversed(word)]

    return transposed


def _sheared_left(form: Form) -> Form:
    """Return the form that splits a drawn L off on the left: M = L(Y) M', `form` finds M'."""

    def sheared(blocks: Blocks, draws: Draws) -> Shears | None:
        A, B, C, D = blocks
        Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        word = form(Blocks(A, B, C - Y * A, D - Y * B), draws)
        return None if word is None else [("second", Y), *word]

    return sheared


def _sheared_right(form: Form) -> Form:
    """Return the form that splits a drawn L off on the right: M = M' L(Y), `form` finds M'."""

    def sheared(blocks: Blocks, draws: Draws) -> Shears | None:
        A, B, C, D = blocks
        Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        word = form(Blocks(A - B * Y, B, C - D * Y, D), draws)
        return None if word is None else [*word, ("second", Y)]

    return sheared


def _any_of(forms: Iterable[Form]) -> Form:
    """Return the form that takes the first of some forms that succeeds, all with one draw."""

    def any_of(blocks: Blocks, draws: Draws) -> Shears | None:
        words = (form(blocks, draws) for form in forms)
        return next((word for word in words if word is not None), None)

    return any_of
