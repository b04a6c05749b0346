"""Signed permutation matrices as lists, in linear time and without NumPy."""

from collections.abc import Sequence

from sympy.polys.matrices import DomainMatrix


def find_column_and_sign_of_each_row(matrix: DomainMatrix) -> tuple[list[int], list[int]] | None:
    """Return perm and signs such that ``y[i] = signs[i] * x[perm[i]]`` is the map of the matrix;
    None unless the matrix is a signed permutation.

    >>> from sympy import Matrix
    >>> find_column_and_sign_of_each_row(Matrix([[0, -1], [1, 0]]).to_DM())
    ([1, 0], [-1, 1])
    """
    d, one = matrix.shape[0], matrix.domain.one
    if matrix.nnz() != d:
        return None
    perm, signs = [-1] * d, [0] * d
    for (i, j), value in matrix.iter_items():
        if value not in (one, -one):
            return None
        perm[i], signs[i] = j, 1 if value == one else -1
    return (perm, signs) if len({*perm} - {-1}) == d else None


def cycle_of_last_index_then_others(images: Sequence[int]) -> list[list[int]]:
    """Return the cycles of a permutation i -> images[i], fixed points included. The first cycle
    begins with the last index, and each other cycle with its least index.
    """
    seen = [False] * len(images)
    cycles = []
    for start in (len(images) - 1, *range(len(images) - 1)):
        if not seen[start]:
            cycle, i = [], start
            while not seen[i]:
                seen[i] = True
                cycle.append(i)
                i = images[i]
            cycles.append(cycle)
    return cycles


def signed_permutation_det(perm: Sequence[int], signs: Sequence[int]) -> int:
    """Return the determinant, 1 or -1, of the map ``y[i] = signs[i] * x[perm[i]]``."""
    swaps = len(perm) - len(cycle_of_last_index_then_others(perm))
    return (-1) ** (swaps + sum(sign < 0 for sign in signs))
