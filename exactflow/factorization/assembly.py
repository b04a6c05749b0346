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

__all__ = [
    "Shears",
    "alternating",
    "merged",
    "mirrored",
    "opposite",
    "scaled",
    "shear",
    "shears",
    "with_determinant",
    "without_determinant",
]

Shears = list[tuple[Half, DomainMatrix]]


def opposite(half: Half) -> Half:
    """Return the other half.

    >>> opposite("first")
    'second'
    """
    return "second" if half == "first" else "first"


def alternating(shifts: Iterable[DomainMatrix], leftmost: Half) -> Shears:
    """Return the word of shifts that move `leftmost`, the other half, `leftmost`, .."""
    halves = leftmost, opposite(leftmost)
    return [(halves[i % 2], T) for i, T in enumerate(shifts)]


def shear(half: Half, T: DomainMatrix) -> LinearCoupling:
    """Return the additive layer with the shift T, of whatever partition its shape says."""
    return LinearCoupling(T.shape if half == "first" else T.shape[::-1], half, T)


def shears(word: Shears) -> list[LinearCoupling]:
    """Return the additive layers of a word."""
    return [shear(half, T) for half, T in reversed(word)]


def merged(layers: Iterable[LinearCoupling]) -> list[LinearCoupling]:
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


def scaled(
    layers: Sequence[LinearCoupling], partition: tuple[int, int], half: Half, scale: DomainMatrix
) -> list[LinearCoupling]:
    """Return layers that compose to the given ones, followed by the diagonal `scale` on one half.

    It goes into the last layer that moves this half, past one that moves the other:
    diag(s) L(T) = L(T diag(s)^-1) diag(s). There is one more layer only where none moves this half.

    Parameters
    ----------
    scale : a column of positive numbers, as many as the half has coordinates.

    >>> from sympy import QQ
    >>> one = linalg.identity(1, QQ)
    >>> layers = scaled(shears([("second", one), ("first", one)]), (1, 1), "first", one * QQ(2))
    >>> [(layer.moves, layer.shift[0], layer.scale[0]) for layer in layers]
    [('first', 2, 2), ('second', 1/2, 1)]
    """
    field, values = scale.domain, scale.to_list_flat()
    if layers and layers[-1].moves != half:
        *rest, last = layers
        shift = linalg.scale_columns(last.shift_matrix, [field.one / s for s in values])
        passed = LinearCoupling(
            partition, last.moves, shift, linalg.column(last.scale_elements, field)
        )
        return [*scaled(rest, partition, half, scale), passed]
    moved, kept = partition if half == "first" else partition[::-1]
    scaling = LinearCoupling(partition, half, linalg.zeros(moved, kept, field), scale)
    return [*layers[:-1], scaling.after(layers[-1]) if layers else scaling]


def without_determinant(blocks: Blocks, det: Element, half: Half) -> Blocks:
    """Return the blocks with the first row of one half divided by the determinant."""
    A, B, C, D = blocks
    if half == "first":
        scale = _determinant_scale(A.domain.one / det, A)
        return Blocks(linalg.scale_rows(scale, A), linalg.scale_rows(scale, B), C, D)
    scale = _determinant_scale(D.domain.one / det, D)
    return Blocks(A, B, linalg.scale_rows(scale, C), linalg.scale_rows(scale, D))


def with_determinant(
    word: Shears, blocks: Blocks, det: Element, half: Half
) -> list[LinearCoupling]:
    """Return the layers of a matrix with the given blocks, from a word for `without_determinant`:
    the determinant is one entry of the scale of the last layer that moves the half.

    Parameters
    ----------
    word, blocks : the word, and the blocks as they were before the determinant was taken out.
    det, half : the determinant, and the half out of which it was taken.
    """
    layers, moved = shears(word), blocks.A if half == "first" else blocks.D
    if det == moved.domain.one:
        return layers
    partition = blocks.A.shape[0], blocks.D.shape[0]
    scale = linalg.column(_determinant_scale(det, moved), moved.domain)
    return scaled(layers, partition, half, scale)


def _determinant_scale(det: Element, moved: DomainMatrix) -> list:
    return [det] + [moved.domain.one] * (moved.shape[0] - 1)
