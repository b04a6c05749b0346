"""Layers from lists of shears, and from matrices that are visibly a product of two layers.

A *shear* is a unit block triangular matrix: U(X) = [[I, X], [0, I]] moves the first half of the
coordinates, L(Y) = [[I, 0], [Y, I]] the second; X and Y are their *shifts*. A list of shears names
the factors of a product from left to right: the half that each one moves, and its shift. Layers
stand in their order of application, which is the reverse. All constructions write
M = U(X) L(Y) U(Z) L(W) U(V), or M = L(-W0) U(X) L(Y) U(Z) L(W) U(V) with six shears.

Main results
------------
*Five shears*: let T = D - C V = I + Y Z and S = a + V c = I + Z Y be invertible, where A, B, C, D
are the blocks of M and a, b, c, d those of M^-1. Then M = U(X) L(Y) U(Z) L(W) U(V) with

    X = (B - A V - Z) T^-1 = -S^-1 (Z + b + V d),    W = T^-1 (C - Y) = -(c + Y) S^-1.

*Two layers*: M is a coupling that moves the first half iff C = 0, D = I and A is diagonal with
positive entries. M is a coupling that moves the second half, followed by a coupling that moves the
first, iff D and the Schur complement A - B D^-1 C are diagonal with positive entries. The other
order is the mirror image.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias, get_args

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element, Half
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept, opposite

Scales: TypeAlias = Literal["positive", "nonzero"]
"""The values that a scale of a factorization may have."""

SCALES: tuple[str, ...] = get_args(Scales)

BlocksOfDet1: TypeAlias = Blocks
"""The blocks of a matrix of determinant 1."""

Layers = list[LinearCoupling]
"""Layers in order of application."""

Shift: TypeAlias = DomainMatrix
Shifts = list[Shift]
"""The shifts of the shears of a product, from left to right."""

ShearList = list[tuple[Half, Shift]]
"""The shears of a product from left to right: the half that each one moves, and its shift."""


def alternate_shears(shifts: Iterable[DomainMatrix], leftmost: Half) -> ShearList:
    """Return shears with the given shifts that move the two halves in turn; the leftmost shear of
    their product moves the half `leftmost`.
    """
    halves = leftmost, opposite(leftmost)
    return [(halves[i % 2], T) for i, T in enumerate(shifts)]


def transposed(blocks: Blocks) -> Blocks:
    """Return the blocks of the transposed matrix."""
    A, B, C, D = (block.transpose() for block in blocks)
    return Blocks(A, C, B, D)


def transpose_product_of_shears(shears: ShearList) -> ShearList:
    """Return the shears whose product is the transpose of the product of the given shears."""
    return [(opposite(half), T.transpose()) for half, T in reversed(shears)]


def shear_layer(half: Half, T: Shift) -> LinearCoupling:
    """Return the additive layer with the shift T; the shape of T determines the partition."""
    p, q = moved_and_kept(half, T.shape)
    return LinearCoupling((p, q), half, T)


def layers_in_application_order(shears: ShearList) -> Layers:
    """Return the additive layers of a product of shears; the rightmost shear is applied first."""
    return [shear_layer(half, T) for half, T in reversed(shears)]


def complete_five_shifts(
    blocks: Blocks,
    V: DomainMatrix,
    Y: DomainMatrix,
    Z: DomainMatrix,
    inverse_of_D_minus_CV: DomainMatrix,
) -> Shifts:
    """Return the shifts X, Y, Z, W, V of M = U(X) L(Y) U(Z) L(W) U(V), where V, Y, Z are given.

    `blocks` are the blocks A, B, C, D of M, and D - C V = I + Y Z.
    """
    A, B, C, _ = blocks
    T_inverse = inverse_of_D_minus_CV
    return [(B - A * V - Z) * T_inverse, Y, Z, T_inverse * (C - Y), V]


def complete_five_shifts_from_inverse(
    inverse: Blocks,
    V: DomainMatrix,
    Y: DomainMatrix,
    Z: DomainMatrix,
    inverse_of_a_plus_Vc: DomainMatrix,
) -> Shifts:
    """Compute the result of `complete_five_shifts` from the blocks of M^-1 in place of M.

    `inverse` are the blocks a, b, c, d of M^-1, and a + V c = I + Z Y.
    """
    _, b, c, d = inverse
    S_inverse = inverse_of_a_plus_Vc
    return [-S_inverse * (Z + b + V * d), Y, Z, -(c + Y) * S_inverse, V]


def merge_neighbours_drop_identities(layers: Iterable[LinearCoupling]) -> Layers:
    """Merge neighbouring layers that move the same half, and drop layers that are the identity."""
    result: Layers = []
    for layer in layers:
        if result and result[-1].moves == layer.moves:
            layer = layer.after(result.pop())
        if not layer.is_identity:
            result.append(layer)
    return result


def with_halves_exchanged(layers: Iterable[LinearCoupling]) -> Layers:
    """Return the layers with the first half and the second half exchanged, in the same order."""
    return [layer.swap_halves() for layer in layers]


def merge_scale_into_last_layer_of_half(
    layers: Sequence[LinearCoupling], half: Half, scale: Sequence[Element]
) -> Layers:
    """Return layers that equal the given layers followed by the diagonal `scale` on one half.

    The last layer that moves this half is multiplied by the scale; it must be one of the last two
    layers. If it is not the last one, the shift of the last one changes:
    diag(s) L(T) = L(T diag(s)^-1) diag(s).
    """
    *rest, last = layers
    field = last.field
    if last.moves != half:
        shift = linalg.scale_columns(last.shift_matrix, [field.one / s for s in scale])
        passed = LinearCoupling.trusted(last.partition, last.moves, shift, last.scale_elements)
        return [*merge_scale_into_last_layer_of_half(rest, half, scale), passed]
    nothing = last.shift_matrix * field.zero
    return [*rest, LinearCoupling.trusted(last.partition, half, nothing, scale).after(last)]


def layers_with_determinant_restored(
    shears: ShearList, det: Element, half_with_divided_row: Half
) -> Layers:
    """Return the layers of a matrix of determinant `det`. In the product of the shears, the first
    row of `half_with_divided_row` is divided by `det`; in the layers, a scale entry restores it.
    """
    layers, one = layers_in_application_order(shears), shears[0][1].domain.one
    if det == one:
        return layers
    size, _ = moved_and_kept(half_with_divided_row, layers[0].partition)
    return merge_scale_into_last_layer_of_half(
        layers, half_with_divided_row, [det] + [one] * (size - 1)
    )


def find_at_most_two_layers(blocks: Blocks, scales: Scales = "positive") -> Layers | None:
    """Return at most two layers, in order of application, that compose to the matrix with the given
    blocks; None if there are no such layers.

    They are [[I, 0], [Y, diag(t)]] and then [[diag(s), X], [0, I]], or such layers with the halves
    exchanged. With scales="nonzero", a scale whose sign is unknown is allowed, too.
    """
    for exchanged in (False, True):
        A, B, C, D = linalg.swap_halves(blocks) if exchanged else blocks
        if (t := _diagonal_if_allowed_scales(D, scales)) is None:
            continue
        X = linalg.scale_columns(B, [D.domain.one / entry for entry in t])
        if (s := _diagonal_if_allowed_scales(A - X * C, scales)) is None:
            continue
        partition = A.shape[0], D.shape[0]
        second = LinearCoupling.trusted(partition, "second", C, t)
        layers = [second, LinearCoupling.trusted(partition, "first", X, s)]
        return merge_neighbours_drop_identities(
            with_halves_exchanged(layers) if exchanged else layers
        )
    return None


def _diagonal_if_allowed_scales(M: DomainMatrix, scales: Scales) -> list | None:
    """Return the diagonal of M if M is diagonal and all its entries are allowed scales, else None.

    With scales="nonzero", an entry of unknown sign is allowed, too.
    """
    if not M.is_diagonal:
        return None
    field, entries = M.domain, M.diagonal()
    positive = (bool(x) and (x == field.one or linalg.is_positive(x, field)) for x in entries)
    # for an entry of unknown sign, the item is None
    are_allowed = (scales == "nonzero" if item is None else item for item in positive)
    return entries if all(are_allowed) else None
