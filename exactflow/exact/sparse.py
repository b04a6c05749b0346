"""Sparse matrices as two NumPy arrays: exact products of many rows at once, in linear time.

SymPy's sparse matrices are dictionaries of dictionaries, in which a product costs a microsecond or
more for each pair of entries that meet. Flows of permutations have 100,000 entries and are composed
here, ten times as fast. Values are 64-bit integers as long as a bound shows that no sum can
overflow, and objects (rationals, or Python's integers) where it does not: both are exact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import Half

__all__ = ["SparseArray", "composed"]

_BOUND = 2**62


@dataclass(frozen=True, eq=False)
class SparseArray:
    """The nonzero entries of a matrix, row by row.

    `places` ascend, entry (i, j) of a matrix with c columns having place c i + j; `values` are of
    type int64, or objects.

    >>> from sympy import QQ
    >>> shear = SparseArray.from_matrix(DomainMatrix({0: {0: QQ(1), 1: QQ(3)}}, (2, 2), QQ))
    >>> shear.places, shear.plus_product(shear, shear).values
    (array([0, 1]), array([2, 6]))
    """

    shape: tuple[int, int]
    places: np.ndarray
    values: np.ndarray

    @property
    def domain(self) -> Domain:
        """The rational numbers."""
        return QQ

    @classmethod
    def from_matrix(cls, matrix: DomainMatrix) -> "SparseArray":
        """Return the entries of a matrix over QQ; integers below 2^62 become int64."""
        rows = matrix.to_sparse().rep
        lengths = np.fromiter(map(len, rows.values()), np.int64, len(rows))
        row_of = np.repeat(np.fromiter(rows, np.int64, len(rows)), lengths)
        column_of = np.fromiter(chain.from_iterable(rows.values()), np.int64, len(row_of))
        values = _as_values(list(chain.from_iterable(map(dict.values, rows.values()))))
        places = matrix.shape[1] * row_of + column_of
        order = np.argsort(places, kind="stable")
        return cls(matrix.shape, places[order], values[order])

    @classmethod
    def identity(cls, d: int) -> "SparseArray":
        """Return the d x d identity matrix."""
        return cls((d, d), (d + 1) * np.arange(d), np.ones(d, dtype=np.int64))

    @classmethod
    def summed(
        cls, shape: tuple[int, int], places: Sequence[np.ndarray], values: Sequence[np.ndarray]
    ) -> "SparseArray":
        """Return the matrix whose entries are sums of the given ones, in any order of places."""
        unsorted = np.concatenate(places)
        order = np.argsort(unsorted)
        at, sums = unsorted[order], np.concatenate(values)[order]
        if len(at):
            first = np.flatnonzero(np.diff(at, prepend=-1))
            at, sums = at[first], np.add.reduceat(sums, first)
        nonzero = sums.astype(bool)
        return cls(shape, at[nonzero], sums[nonzero])

    def to_matrix(self, field: Domain) -> DomainMatrix:
        """Return the sparse matrix over `field`."""
        row_of, column_of = np.divmod(self.places, self.shape[1])
        rows: dict[int, dict] = {i: {} for i in row_of[np.diff(row_of, prepend=-1) > 0].tolist()}
        values = self.values.tolist()
        elements = {value: field(value) for value in set(values)}
        for i, j, value in zip(row_of.tolist(), column_of.tolist(), values, strict=True):
            rows[i][j] = elements[value]
        return DomainMatrix(rows, self.shape, field)

    def relabelled(self, rows: Sequence[int], columns: Sequence[int]) -> "SparseArray":
        """Return the matrix with entry (i, j) in the place (rows[i], columns[j])."""
        row_of, column_of = np.divmod(self.places, self.shape[1])
        places = self.shape[1] * np.asarray(rows)[row_of] + np.asarray(columns)[column_of]
        order = np.argsort(places)
        return SparseArray(self.shape, places[order], self.values[order])

    def nnz(self) -> int:
        """Return the number of nonzero entries."""
        return len(self.places)

    def iter_values(self) -> Iterator:
        """Return the nonzero values as elements of QQ, each once."""
        return map(QQ, set(self.values.tolist()))

    @property
    def largest(self) -> int:
        """The largest absolute value of integer entries, 0 if there is none."""
        return int(abs(self.values).max(initial=0))

    def __neg__(self) -> "SparseArray":
        return SparseArray(self.shape, self.places, -self.values)

    def __add__(self, other: "SparseArray") -> "SparseArray":
        """Return the sum; integers are below 2^62 in absolute value (see `plus_product`)."""
        places, values = (self.places, other.places), (self.values, other.values)
        return SparseArray.summed(self.shape, places, values)

    def plus_product(self, A: "SparseArray", B: "SparseArray") -> "SparseArray":
        """Return ``self + A B``, in time linear in the pairs of entries that meet."""
        row_of, inner = np.divmod(A.places, A.shape[1])
        B_row, B_column = np.divmod(B.places, B.shape[1])
        starts = np.searchsorted(B_row, np.arange(B.shape[0] + 1))
        count = starts[inner + 1] - starts[inner]
        ends = np.cumsum(count)
        chosen = np.arange(count.sum()) + np.repeat(starts[inner] - (ends - count), count)
        mine, a, b = _safe(self.values, A.values, B.values, np.bincount(row_of).max(initial=0))
        places = B.shape[1] * np.repeat(row_of, count) + B_column[chosen]
        products = np.repeat(a, count) * b[chosen]
        return SparseArray.summed(self.shape, (self.places, places), (mine, products))

    def with_rows_negated(self, rows: Sequence[int]) -> "SparseArray":
        """Return the matrix with the given rows negated."""
        negated = np.zeros(self.shape[0], dtype=bool)
        negated[list(rows)] = True
        values = np.where(negated[self.places // self.shape[1]], -self.values, self.values)
        return SparseArray(self.shape, self.places, values)

    def split(self, p: int) -> tuple["SparseArray", "SparseArray"]:
        """Return the first p rows and the others."""
        rows, columns = self.shape
        k = np.searchsorted(self.places, p * columns)
        return (
            SparseArray((p, columns), self.places[:k], self.values[:k]),
            SparseArray((rows - p, columns), self.places[k:] - p * columns, self.values[k:]),
        )

    def above(self, other: "SparseArray") -> "SparseArray":
        """Return the rows of this matrix followed by those of the other."""
        rows, columns = self.shape
        places = np.concatenate((self.places, other.places + rows * columns))
        values = np.concatenate((self.values, other.values))
        return SparseArray((rows + other.shape[0], columns), places, values)


def composed(
    layers: Sequence[tuple[Half, SparseArray]], p: int, columns: SparseArray
) -> SparseArray:
    """Return the image of some columns under additive couplings over QQ.

    Parameters
    ----------
    layers : in order of application, which half moves ("first" or "second"), and the shift.
    p : the size of the first half.
    columns : a matrix of p + q rows.

    >>> from sympy import QQ
    >>> shift = SparseArray.from_matrix(DomainMatrix({0: {0: QQ(3)}}, (1, 1), QQ))
    >>> image = composed([("first", shift), ("second", shift)], 1, SparseArray.identity(2))
    >>> image.to_matrix(QQ).to_Matrix()
    Matrix([
    [1,  3],
    [3, 10]])
    """
    first, second = columns.split(p)
    for moves, shift in layers:
        if moves == "first":
            first = first.plus_product(shift, second)
        else:
            second = second.plus_product(shift, first)
    return first.above(second)


def _as_values(elements: list) -> np.ndarray:
    """Return int64 if the elements are integers below 2^62, else objects.

    Flows share few objects between many entries, so each object is looked at once.
    """
    distinct = dict(zip(map(id, elements), elements, strict=True))
    if all(v.denominator == 1 and abs(v) < _BOUND for v in distinct.values()):
        integers = {key: int(v.numerator) for key, v in distinct.items()}
        values = map(integers.__getitem__, map(id, elements))
        return np.fromiter(values, np.int64, len(elements))
    result = np.empty(len(elements), dtype=object)
    result[:] = elements
    return result


def _safe(
    sums: np.ndarray, a: np.ndarray, b: np.ndarray, terms: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the operands of ``sums + a b``, as objects if a sum might reach 2^62.

    Each entry of the product is a sum of at most `terms` products.
    """
    operands = sums, a, b
    if all(x.dtype != object for x in operands):
        s, x, y = (int(abs(operand).max(initial=0)) for operand in operands)
        if s + int(terms) * x * y < _BOUND:
            return operands
    return sums.astype(object), a.astype(object), b.astype(object)
