"""Sparse integer matrices, each stored as two NumPy arrays.

The layers of a large permutation are composed faster than by SymPy's sparse matrices, and much
faster than by dense ones. Products of 64-bit integers take linear time. A bound shows that no sum
overflows; otherwise `OverflowError` is raised, and the caller uses SymPy's matrices. Methods have
the names of the operations of ``DomainMatrix``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from sympy import QQ
from sympy.polys.domains.rationalfield import RationalField
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import Half

_BOUND = 2**62


@dataclass(frozen=True, eq=False)
class SparseInt64Matrix:
    """The nonzero entries of an integer matrix, row by row.

    Entry (i, j) of a matrix with c columns has the place c i + j. `places` ascend; `values` are
    int64.
    """

    shape: tuple[int, int]
    places: np.ndarray
    values: np.ndarray

    @property
    def domain(self) -> RationalField:
        """The field QQ, as for the matrix that `to_sparse_matrix` returns."""
        return QQ

    @classmethod
    def from_small_integers(cls, matrix: DomainMatrix) -> "SparseInt64Matrix":
        """Convert a matrix of integers; raise `OverflowError` unless all are below 2^62 in absolute
        value.
        """
        rows = matrix.to_sparse().rep
        elements = list(chain.from_iterable(map(dict.values, rows.values())))
        distinct = {
            id(x): x for x in elements
        }  # each object once, because many entries share the same object
        if any(x.denominator != 1 or abs(x) >= _BOUND for x in distinct.values()):
            raise OverflowError("expected integers below 2^62 in absolute value")
        integers = {key: int(x.numerator) for key, x in distinct.items()}
        values = np.fromiter(map(integers.__getitem__, map(id, elements)), np.int64, len(elements))
        lengths = np.fromiter(map(len, rows.values()), np.int64, len(rows))
        row_of = np.repeat(np.fromiter(rows, np.int64, len(rows)), lengths)
        column_of = np.fromiter(chain.from_iterable(rows.values()), np.int64, len(row_of))
        places = matrix.shape[1] * row_of + column_of
        order = np.argsort(places, kind="stable")
        return cls(matrix.shape, places[order], values[order])

    @classmethod
    def from_summed_entries(
        cls, shape: tuple[int, int], flat_places: Sequence[np.ndarray], values: Sequence[np.ndarray]
    ) -> "SparseInt64Matrix":
        """Return the matrix whose entry at a flat place is the sum of all values for this place."""
        unsorted = np.concatenate(flat_places)
        order = np.argsort(unsorted)
        at, sums = unsorted[order], np.concatenate(values)[order]
        if len(at):
            first = np.flatnonzero(np.diff(at, prepend=-1))
            at, sums = at[first], np.add.reduceat(sums, first)
        nonzero = sums.astype(bool)
        return cls(shape, at[nonzero], sums[nonzero])

    def to_sparse_matrix(self) -> DomainMatrix:
        """Return the sparse matrix over QQ."""
        row_of, column_of = np.divmod(self.places, self.shape[1])
        rows: dict[int, dict] = {i: {} for i in row_of[np.diff(row_of, prepend=-1) > 0].tolist()}
        for i, j, x in zip(row_of.tolist(), column_of.tolist(), self.iter_values(), strict=True):
            rows[i][j] = x
        return DomainMatrix(rows, self.shape, QQ)

    def nnz(self) -> int:
        """Return the number of nonzero entries."""
        return len(self.places)

    def iter_values(self) -> Iterator:
        """Yield the nonzero entries, row by row, as elements of QQ."""
        values = self.values.tolist()
        elements = {value: QQ(value) for value in set(values)}
        return map(elements.__getitem__, values)

    def __neg__(self) -> "SparseInt64Matrix":
        return SparseInt64Matrix(self.shape, self.places, -self.values)

    def __add__(self, other: "SparseInt64Matrix") -> "SparseInt64Matrix":
        places, values = (self.places, other.places), (self.values, other.values)
        return SparseInt64Matrix.from_summed_entries(self.shape, places, values)

    def plus_product(self, A: "SparseInt64Matrix", B: "SparseInt64Matrix") -> "SparseInt64Matrix":
        """Return ``self + A B``; raise `OverflowError` if an entry might reach 2^62."""
        row_of, inner = np.divmod(A.places, A.shape[1])
        largest, a, b = (int(abs(M.values).max(initial=0)) for M in (self, A, B))
        if largest + int(np.bincount(row_of).max(initial=0)) * a * b >= _BOUND:
            raise OverflowError("expected a product and sum with entries below 2^62")
        B_row, B_column = np.divmod(B.places, B.shape[1])
        starts = np.searchsorted(B_row, np.arange(B.shape[0] + 1))
        count = starts[inner + 1] - starts[inner]
        ends = np.cumsum(count)
        chosen = np.arange(count.sum()) + np.repeat(starts[inner] - (ends - count), count)
        places = B.shape[1] * np.repeat(row_of, count) + B_column[chosen]
        products = np.repeat(A.values, count) * B.values[chosen]
        return SparseInt64Matrix.from_summed_entries(
            self.shape, (self.places, places), (self.values, products)
        )


def compose_sparse_integer_shears(
    layers: Sequence[tuple[Half, SparseInt64Matrix]],
    partition: tuple[int, int],
    columns: DomainMatrix | None = None,
) -> DomainMatrix:
    """Apply additive couplings to columns of integers, by default to the unit vectors. Each layer
    is a pair: the half that moves, and the shift.

    Raises `OverflowError` for an entry that is no integer or might reach 2^62.
    """
    p, d = partition[0], sum(partition)
    if columns is None:
        whole = SparseInt64Matrix((d, d), (d + 1) * np.arange(d), np.ones(d, dtype=np.int64))
    else:
        whole = SparseInt64Matrix.from_small_integers(columns)
    width, k = whole.shape[1], np.searchsorted(whole.places, p * whole.shape[1])
    first = SparseInt64Matrix((p, width), whole.places[:k], whole.values[:k])
    second = SparseInt64Matrix((d - p, width), whole.places[k:] - p * width, whole.values[k:])
    for moves, shift in layers:
        if moves == "first":
            first = first.plus_product(shift, second)
        else:
            second = second.plus_product(shift, first)
    places = np.concatenate((first.places, second.places + p * width))
    values = np.concatenate((first.values, second.values))
    return SparseInt64Matrix(whole.shape, places, values).to_sparse_matrix()
