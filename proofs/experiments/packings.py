"""Maximal packings, found by search: codes, and families of subsets with small intersections.

They have at least as many members as `proofs.constructions.capacity.packings` guarantees.
"""

from collections.abc import Iterator
from itertools import combinations

__all__ = ["greedy_code", "greedy_subsets"]


def greedy_code(d: int, Delta: int) -> Iterator[int]:
    """Yield the words of a maximal code, as integers of d bits: the first word that is far enough
    from all before it, again and again. The search visits all 2^d words.

    >>> [f"{word:03b}" for word in greedy_code(3, 2)]
    ['000', '011', '101', '110']
    """
    code: list[int] = []
    for word in range(2**d):
        if all((word ^ other).bit_count() >= Delta for other in code):
            code.append(word)
            yield word


def greedy_subsets(N: int, k: int, m: int) -> Iterator[tuple[int, ...]]:
    """Yield a maximal family of k-subsets of range(N) that meet pairwise in at most m points. The
    search visits all C(N, k) subsets.

    >>> list(greedy_subsets(5, 2, 0))
    [(0, 1), (2, 3)]
    """
    family: list[set[int]] = []
    for subset in combinations(range(N), k):
        if all(len(other.intersection(subset)) <= m for other in family):
            family.append(set(subset))
            yield subset
