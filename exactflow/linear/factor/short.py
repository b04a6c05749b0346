"""Matrices that are trivially short: the identity, one coupling, or a product of two.

Main results
------------
M = [[A, B], [C, D]] is a coupling that moves the first half iff C = 0, D = I and A is a positive
diagonal; it is such a coupling after one that moves the second half, scales and all, iff D and the
Schur complement A - B D^-1 C are positive diagonals. The other order is the mirror image.
"""

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor.assembly import merge, mirrored
from exactflow.linear.factor.problem import Scales


def short_layers(blocks: Blocks, scales: Scales = "positive") -> list[LinearCoupling] | None:
    """Return at most two layers, in order of application, whose product has the given p + q blocks;
    None where there are none. With scales="nonzero", a scale that is not known to be positive will
    do if it is not known to be negative.
    """
    found = _two_layers(blocks, scales)
    if found is None and (found := _two_layers(linalg.swap_halves(blocks), scales)) is not None:
        found = mirrored(found)
    return None if found is None else merge(found)


def _two_layers(blocks: Blocks, scales: Scales) -> list[LinearCoupling] | None:
    """Solve M = [[diag(s), X], [0, I]] [[I, 0], [Y, diag(t)]]: Y = C, t = D, X = B / t."""
    A, B, C, D = blocks
    partition = A.shape[0], D.shape[0]
    if (t := _scales(D, scales)) is None:
        return None
    X = linalg.scale_columns(B, [D.domain.one / entry for entry in t])
    if (s := _scales(A - X * C, scales)) is None:
        return None
    return [
        LinearCoupling.trusted(partition, "second", C, t),
        LinearCoupling.trusted(partition, "first", X, s),
    ]


def _scales(M: DomainMatrix, scales: Scales) -> list | None:
    """Return the diagonal of M if M is diagonal and every entry may be a scale."""
    if not M.is_diagonal:
        return None
    field, entries = M.domain, M.diagonal()

    def may_be_scale(x: Element) -> bool:
        positive = x == field.one or linalg.is_positive(x, field)
        return bool(x) and (scales == "nonzero" if positive is None else positive)

    return entries if all(map(may_be_scale, entries)) else None
