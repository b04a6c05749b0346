"""Any partition: 2m + 1 layers for a generic matrix, at most 2m + 4 for every one, m = ceil(q/p).

Main results
------------
Let M = [[A, B], [C, D]] have p + q coordinates, p <= q, and determinant 1; [[a, b], [c, d]] is its
inverse. M is a product of alternating additive couplings, of as many as

- 2m + 1 for a generic M (five for p = q > 1): peel to p < q' <= 2p, and five layers there;
- 2m + 3 if C or B has rank p: peel to q' = p, and the five layers through a commutator;
- 2m + 4 always: a drawn L, split off first, leaves a C of rank p;
- p = 1: 2q + 1 if C or B is not zero, else 2q + 2, which is sharp.

In between, 2m + 2 is tried: a drawn L first or last, and a generic word. For (n, n + 1) no matrix
is known to need more than six. p > q is the mirror image. A determinant goes into one scale entry.

Fewer than 2m + 1 cannot do where 1 is no eigenvalue of D or d: in a word with s factors L,
D - I is a sum of s products through F^p, of s - 1 where the word ends with L, and likewise d - I
where it starts with L; so s p >= q, and (s - 1) p >= q for words that start or end with L.

Sources: Koehler, Mehta, Risteski (ICML 2021), Theorem 1, for p = q and a bounded number; Urschel
(2024) for p = q.

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
from exactflow.factorization.commutator import commutator_shifts
from exactflow.factorization.five_layers import five_layer_shifts
from exactflow.factorization.peeling import peel
from exactflow.flows.flow import LinearCoupling

__all__ = ["partition_layers"]

Word = list[tuple[str, DomainMatrix]]
Form = Callable[[Blocks, Draws], Word | None]
Core = Callable[[Blocks, Blocks, Draws], list[DomainMatrix] | None]

_TRIES = 6
_TRIES_IN_A_FINITE_FIELD = 12
_TRIES_OF_A_SURE_FORM = 32


def partition_layers(blocks: Blocks) -> list[LinearCoupling]:
    """Return layers, in order of application, that compose to the matrix with the given blocks.

    Neighbours move different halves and no layer is the identity. All are additive, but for one
    scale entry, the determinant, in the last layer that moves the smaller half.

    Parameters
    ----------
    blocks : of an invertible matrix over a field, split into any p + q. Where the field is ordered,
        the determinant must be positive.

    Raises
    ------
    FieldTooSmallError
        The field has too few elements for the draws; the message says how many would do.

    Examples
    --------
    >>> from sympy import QQ
    >>> M = linalg.from_entries([[QQ(1), 0, 0], [0, 0, QQ(-1)], [0, QQ(1), 0]], (3, 3), QQ)
    >>> [layer.moves for layer in partition_layers(linalg.split(M, 1))]
    ['first', 'second', 'first', 'second', 'first', 'second']
    """
    p, q = blocks.A.shape[0], blocks.D.shape[0]
    if p > q:
        return [layer.swap_halves() for layer in partition_layers(linalg.swap_halves(blocks))]
    A, B, C, D = blocks
    field = A.domain
    det = linalg.join(blocks).det()
    scale = [field.one / det] + [field.one] * (p - 1)
    word = _word(Blocks(linalg.scale_rows(scale, A), linalg.scale_rows(scale, B), C, D))
    layers = [LinearCoupling((p, q), moves, shift) for moves, shift in reversed(word)]
    return _with_determinant(layers, (p, q), det, field)


def _with_determinant(
    layers: list[LinearCoupling], partition: tuple[int, int], det, field: Domain
) -> list[LinearCoupling]:
    """Append diag(det, 1, .., 1), merged into the last layer that moves the first half."""
    if det == field.one:
        return layers
    p, q = partition
    scale = [det] + [field.one] * (p - 1)
    factor = LinearCoupling(
        partition, "first", linalg.zeros(p, q, field), linalg.column(scale, field)
    )
    after = []
    if layers and layers[-1].moves == "second":
        inverse = linalg.diagonal([field.one / s for s in scale], field)
        *layers, last = layers
        after = [LinearCoupling(partition, "second", last.shift_matrix * inverse)]
    if layers:
        *layers, last = layers
        factor = factor.after(last)
    return [*layers, factor, *after]


def _word(blocks: Blocks) -> Word:
    """Return the factors of a matrix of determinant 1, p <= q, from left to right."""
    field = blocks.A.domain
    for form, tries in _forms(blocks):
        for bound in _bounds(tries):
            word = form(blocks, Draws(field, bound))
            if word is not None:
                return _merged(word)
    q, p = blocks.C.shape
    raise FieldTooSmallError(
        f"expected a field of at least {_sufficient_size(p, q)} elements for the partition "
        f"{(p, q)}, got {field}, in which no draw passed the tests: use a larger field"
    )


def _bounds(tries: int) -> list[int]:
    return [0, *(2**i for i in range(tries - 1))]


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
    sure = _TRIES_OF_A_SURE_FORM
    tries = _TRIES_IN_A_FINITE_FIELD if blocks.C.domain.is_FiniteField else _TRIES
    if p == 1:
        if not blocks.C.is_zero_matrix:
            yield _generic, sure
        if not blocks.B.is_zero_matrix:
            yield _transposed(_generic), sure
        yield _sheared_left(_generic), sure
        return
    yield _generic, tries
    yield _transposed(_generic), tries
    if p == q:
        yield from _reductions(blocks)
    for form in (_sheared_left(_generic), _sheared_right(_generic)):
        yield form, tries
        yield _transposed(form), tries
    if p < q:
        yield from _reductions(blocks)
    yield _sheared_left(_reduction), sure


def _reductions(blocks: Blocks) -> Iterator[tuple[Form, int]]:
    p = blocks.A.shape[0]
    if linalg.rank(blocks.C) == p:
        yield _reduction, _TRIES_OF_A_SURE_FORM
    if linalg.rank(blocks.B) == p:
        yield _transposed(_reduction), _TRIES_OF_A_SURE_FORM


def _generic(blocks: Blocks, draws: Draws) -> Word | None:
    """Return a word U .. U of 2m + 1 factors (five for p = q > 1), or None."""
    q, p = blocks.C.shape
    if p == 1:
        return _peeled(blocks, [1] * (q - 1), _three_layer_shifts, draws)
    return _peeled(blocks, [p] * ((q - 1) // p - 1), five_layer_shifts, draws)


def _reduction(blocks: Blocks, draws: Draws) -> Word | None:
    """Return a word U .. U of 2m + 3 factors, or None; C has rank p."""
    q, p = blocks.C.shape
    steps = [p] * (q // p - 1) + [q % p] * (q % p > 0)
    return _peeled(blocks, steps, _commutator_core, draws)


def _commutator_core(blocks: Blocks, inverse: Blocks, draws: Draws) -> list[DomainMatrix] | None:
    try:
        return commutator_shifts(blocks)
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


def _peeled(blocks: Blocks, steps: Iterable[int], core: Core, draws: Draws) -> Word | None:
    """Return a word U .. U: peel the numbers of coordinates in `steps`, then apply `core`."""
    inverse = linalg.split(linalg.join(blocks).to_dense().inv(), blocks.A.shape[0])
    peels = []
    for k in steps:
        step = peel(inverse, k, draws)
        if step is None:
            return None
        peels.append(step)
        inverse = step.rest_inverse
    if peels:
        blocks = linalg.split(linalg.join(inverse).to_dense().inv(), blocks.A.shape[0])
    shifts = core(blocks, inverse, draws)
    if shifts is None:
        return None
    for step in reversed(peels):
        shifts = step.around(shifts)
    return [("second" if i % 2 else "first", T) for i, T in enumerate(shifts)]


def _transposed(form: Form) -> Form:
    """Return the form that applies `form` to the transpose: words U .. become words .. L."""

    def transposed(blocks: Blocks, draws: Draws) -> Word | None:
        A, B, C, D = (X.transpose() for X in blocks)
        word = form(Blocks(A, C, B, D), draws)
        if word is None:
            return None
        halves = {"first": "second", "second": "first"}
        return [(halves[moves], T.transpose()) for moves, T in reversed(word)]

    return transposed


def _sheared_left(form: Form) -> Form:
    """Return the form that splits a drawn L off on the left: M = L(Y) M', `form` finds M'."""

    def sheared(blocks: Blocks, draws: Draws) -> Word | None:
        A, B, C, D = blocks
        Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        word = form(Blocks(A, B, C - Y * A, D - Y * B), draws)
        return None if word is None else [("second", Y), *word]

    return sheared


def _sheared_right(form: Form) -> Form:
    """Return the form that splits a drawn L off on the right: M = M' L(Y), `form` finds M'."""

    def sheared(blocks: Blocks, draws: Draws) -> Word | None:
        A, B, C, D = blocks
        Y = Draws(draws.field, draws.bound + 1).matrix(*C.shape)
        word = form(Blocks(A - B * Y, B, C - D * Y, D), draws)
        return None if word is None else [*word, ("second", Y)]

    return sheared


def _merged(word: Word) -> Word:
    """Merge neighbours that move the same half, and drop factors that are the identity."""
    result: Word = []
    for moves, T in word:
        if result and result[-1][0] == moves:
            T = result.pop()[1] + T
        if not T.is_zero_matrix:
            result.append((moves, T))
    return result
