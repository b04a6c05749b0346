"""Matrices that a flow is often asked to represent, as exact SymPy matrices.

Numbers are read as in `exactflow.factor`: a NumPy float stands for its exact dyadic value, a string
is "p/q" or a decimal.
"""

import random
from collections.abc import Sequence
from typing import Any

import sympy
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_column, as_square_matrix, is_equal
from exactflow.exact.numbers import format_short, sequence_to_list, to_index
from exactflow.exact.typing import MatrixLike, VectorLike
from exactflow.flows.partition import to_int_tuple_or_none

__all__ = [
    "append_swap",
    "cayley_rotation",
    "circulant",
    "conv1x1",
    "permutation",
    "random_matrix",
    "toeplitz",
]


def permutation(perm: Sequence[int]) -> sympy.Matrix:
    """Return the d x d matrix of ``y[i] = x[perm[i]]``: row i has its one in column perm[i].

    The matrix is stored sparsely, with d entries, also for d = 20,000. Raises `InvalidInputError`
    if an index is repeated, missing or out of range.

    >>> permutation([2, 0, 1]) * sympy.Matrix([10, 20, 30])
    Matrix([
    [30],
    [10],
    [20]])
    """
    images = to_int_tuple_or_none(sequence_to_list(perm))
    if images is None:
        raise InvalidInputError(
            f"expected a list of integers as permutation, got {format_short(perm)}"
        )
    d = len(images)
    if d == 0:
        raise InvalidInputError("expected a permutation of at least one index, got an empty one")
    seen: set[int] = set()
    for i, image in enumerate(images):
        if not 0 <= image < d:
            raise InvalidInputError(f"expected indices from 0 to {d - 1}, got perm[{i}] = {image}")
        if image in seen:
            missing = min(set(range(d)) - set(images))
            raise InvalidInputError(
                f"expected every index from 0 to {d - 1} once, got {image} twice (again at place "
                f"{i}) and {missing} not at all"
            )
        seen.add(image)
    rows = {i: {image: QQ.one} for i, image in enumerate(images)}
    return DomainMatrix(rows, (d, d), QQ).to_Matrix()


def conv1x1(W: Any) -> sympy.Matrix:
    """Return the exact matrix by which a 1x1 convolution (Kingma and Dhariwal, *Glow*, 2018)
    multiplies the channels.

    Parameters
    ----------
    W : weight of shape (c, c), (c, c, 1) or (c, c, 1, 1), output channels first: an array, a
        tensor, or any other matrix that `factor` takes.

    >>> import numpy as np
    >>> conv1x1(np.array([[[0.5], [0]], [[0], [2]]], dtype=np.float32))
    Matrix([
    [1/2, 0],
    [  0, 2]])
    """
    return as_square_matrix(W).to_dense().to_Matrix()


def append_swap(M: MatrixLike, *, p: int | None = None) -> sympy.Matrix:
    """Return M extended by one coordinate at the end of each half, where these two are swapped.

    The determinant changes its sign, so that a flow exists if det M < 0. The new coordinates are p
    and d + 1. If both are zero in a vector, they are zero in its image, and M acts on the others.

    Parameters
    ----------
    M : d x d matrix, in any form that `factor` takes.
    p : the size of the first half; d // 2 by default.

    >>> append_swap([[0, 1], [1, 0]])
    Matrix([
    [0, 0, 1, 0],
    [0, 0, 0, 1],
    [1, 0, 0, 0],
    [0, 1, 0, 0]])
    """
    matrix = as_square_matrix(M)
    d = matrix.shape[0]
    size = d // 2 if p is None else to_index("p", p, 0, d)
    return linalg.append_swapped_coordinate_pair(matrix, size).to_Matrix()


def toeplitz(column: VectorLike, row: "VectorLike | None" = None) -> sympy.Matrix:
    """Return the matrix with the given first column and first row, and equal entries along each
    diagonal.

    Without `row` the matrix is lower triangular: a causal convolution with the taps `column`. The
    column and the row must have equal lengths and equal first entries; otherwise
    `InvalidInputError` is raised.

    >>> toeplitz([1, "1/2", 0], [1, 3, 0])
    Matrix([
    [  1,   3, 0],
    [1/2,   1, 3],
    [  0, 1/2, 1]])
    """
    parts = [_read_nonempty_column(values) for values in (column, row) if values is not None]
    down, *others = (part.to_Matrix().flat() for part in parts)
    right = others[0] if others else [down[0]] + [sympy.Integer(0)] * (len(down) - 1)
    if len(right) != len(down) or not is_equal(parts[0][:1, :], parts[-1][:1, :]):
        first, second = (format_short(entries[0]) for entries in (down, right))
        raise InvalidInputError(
            "expected a column and a row of equal length and with equal first entries, got "
            f"{len(down)} and {len(right)} entries, starting with {first} and {second}"
        )
    d = len(down)
    diagonals = [*reversed(down), *right[1:]]
    return sympy.Matrix([diagonals[d - 1 - i : 2 * d - 1 - i] for i in range(d)])


def circulant(column: VectorLike) -> sympy.Matrix:
    """Return the circulant matrix C[i, j] = column[(i - j) mod d], a periodic convolution.

    >>> circulant([1, 2, 3])
    Matrix([
    [1, 3, 2],
    [2, 1, 3],
    [3, 2, 1]])
    """
    sequence = _read_nonempty_column(column)
    taps = sequence.to_list_flat()
    d = len(taps)
    rows = [[taps[(i - j) % d] for j in range(d)] for i in range(d)]
    return linalg.from_entries(rows, (d, d), sequence.domain).to_Matrix()


def cayley_rotation(skew: MatrixLike) -> sympy.Matrix:
    """Return the rotation (I - K)(I + K)^-1 of a skew-symmetric K: the Cayley transform.

    Every rotation without the eigenvalue -1 is of this form, and it is rational if K is. Raises
    `InvalidInputError` if K is not skew-symmetric, or if I + K has no inverse, as for some K over
    GF(p).

    >>> cayley_rotation([[0, "1/3"], ["-1/3", 0]])
    Matrix([
    [4/5, -3/5],
    [3/5,  4/5]])
    """
    K = as_square_matrix(skew).to_dense()
    if K.transpose() != -K:
        raise InvalidInputError("expected a skew-symmetric matrix K, got a matrix with K^T != -K")
    one = linalg.identity(K.shape[0], K.domain)
    plus = linalg.inverse_or_none(one + K)
    if plus is None:
        raise InvalidInputError(
            f"expected a K for which I + K is invertible, got a singular I + K over {K.domain}"
        )
    return ((one - K) * plus).to_Matrix()


def random_matrix(d: int, *, bits: int = 4, seed: int = 0) -> sympy.Matrix:
    """Return a d x d integer matrix of positive determinant, drawn with the given seed.

    Entries are uniform below 2^bits in absolute value. A singular matrix is drawn again; if the
    determinant is negative, row 0 is negated.

    >>> random_matrix(2, bits=3, seed=1)
    Matrix([
    [5, -2],
    [6,  5]])
    """
    d, bits = to_index("d", d, 1), to_index("bits", bits, 1)
    generator = random.Random(to_index("seed", seed))
    bound = 2**bits - 1
    while True:
        rows = [[QQ(generator.randint(-bound, bound)) for _ in range(d)] for _ in range(d)]
        det = linalg.from_entries(rows, (d, d), QQ).det()
        if det:
            rows[0] = rows[0] if det > 0 else [-entry for entry in rows[0]]
            return linalg.from_entries(rows, (d, d), QQ).to_Matrix()


def _read_nonempty_column(values: VectorLike) -> DomainMatrix:
    """Return the values as a matrix of one column; raise `InvalidInputError` if there are none."""
    column = as_column(values)
    if not column.shape[0]:
        raise InvalidInputError("expected at least one entry, got an empty sequence")
    return column
