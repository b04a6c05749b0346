"""The joinery: words of shears become layers, a determinant becomes one scale, neighbours merge.

A word of *shears* lists the factors of a product from left to right, each as the half that it moves
and its shift. Layers stand in their order of application, which is the reverse.
"""

from collections.abc import Iterable, Sequence

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element, Half
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import moved_and_kept, opposite

ShearWord = list[tuple[Half, DomainMatrix]]


def alternating(shifts: Iterable[DomainMatrix], leftmost: Half) -> ShearWord:
    """Return the word of shifts that move `leftmost`, the other half, `leftmost`, .."""
    halves = leftmost, opposite(leftmost)
    return [(halves[i % 2], T) for i, T in enumerate(shifts)]


def transposed(blocks: Blocks) -> Blocks:
    """Return the blocks of the transpose."""
    A, B, C, D = (block.transpose() for block in blocks)
    return Blocks(A, C, B, D)


def transposed_word(word: ShearWord) -> ShearWord:
    """Return the word of the transpose."""
    return [(opposite(half), T.transpose()) for half, T in reversed(word)]


def shear(half: Half, T: DomainMatrix) -> LinearCoupling:
    """Return the additive layer with the shift T, of whatever partition its shape says."""
    p, q = moved_and_kept(half, T.shape)
    return LinearCoupling((p, q), half, T)


def layers_of_word(word: ShearWord) -> list[LinearCoupling]:
    """Return the additive layers of a word."""
    return [shear(half, T) for half, T in reversed(word)]


def shears_of_pair(
    blocks: Blocks, V: DomainMatrix, Y: DomainMatrix, Z: DomainMatrix, T_inverse: DomainMatrix
) -> list[DomainMatrix]:
    """Return [X, Y, Z, W, V] with M = U(X) L(Y) U(Z) L(W) U(V), n x n blocks.

    T = D - C V = I + Y Z is invertible, and a + V c = I + Z Y, where [[a, b], [c, d]] = M^-1.
    """
    A, B, C, _ = blocks
    return [(B - A * V - Z) * T_inverse, Y, Z, T_inverse * (C - Y), V]


def merge(layers: Iterable[LinearCoupling]) -> list[LinearCoupling]:
    """Merge neighbours that move the same half, and drop layers that change nothing."""
    result: list[LinearCoupling] = []
    for layer in layers:
        if result and result[-1].moves == layer.moves:
            layer = layer.after(result.pop())
        if not layer.is_identity:
            result.append(layer)
    return result


def mirrored(layers: Iterable[LinearCoupling]) -> list[LinearCoupling]:
    """Return the layers with the halves exchanged."""
    return [layer.swap_halves() for layer in layers]


def with_scale(
    layers: Sequence[LinearCoupling], half: Half, scale: Sequence[Element]
) -> list[LinearCoupling]:
    """Return layers that compose to the given ones, followed by the positive diagonal `scale` on
    one half, which one of the last two layers moves.

    It goes into the last layer that moves this half, past one that moves the other: diag(s) L(T) =
    L(T diag(s)^-1) diag(s).
    """
    *rest, last = layers
    field = last.field
    if last.moves != half:
        shift = linalg.scale_columns(last.shift_matrix, [field.one / s for s in scale])
        passed = LinearCoupling.trusted(last.partition, last.moves, shift, last.scale_elements)
        return [*with_scale(rest, half, scale), passed]
    nothing = last.shift_matrix * field.zero
    return [*rest, LinearCoupling.trusted(last.partition, half, nothing, scale).after(last)]


def with_determinant(word: ShearWord, det: Element, half: Half) -> list[LinearCoupling]:
    """Return the layers of a matrix, from a word for the one whose first row of a half is divided
    by the determinant: that is one entry of the scale of the last layer that moves the half.
    """
    layers, one = layers_of_word(word), word[0][1].domain.one
    if det == one:
        return layers
    size, _ = moved_and_kept(half, layers[0].partition)
    return with_scale(layers, half, [det] + [one] * (size - 1))
