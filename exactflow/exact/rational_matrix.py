"""Rational matrices as integers over one denominator.

A product is then a product of integer matrices, and a sum takes one gcd instead of one for each
entry. Large flows are composed and verified faster than by ``DomainMatrix``; small matrices, few
columns and dyadic entries are slower (see `is_dense_composition_likely_faster`). FLINT is available
whichever ground types SymPy uses.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import flint
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.linalg import identity, scale_rows, split, to_fmpq_matrix
from exactflow.exact.numbers import to_fmpq
from exactflow.exact.typing import HALVES, Half

_LEAST_ROWS = 12  # for fewer rows, a common denominator saves no time
_LEAST_COLUMNS = 16  # for fewer columns, the conversion of the shifts costs more time than it saves
# a longer left factor is cut: from 42 rows on, FLINT multiplies modulo many primes, in up to
# twice the time
_MOST_ROWS = 40

_Layer = tuple[Half, Sequence, DomainMatrix]  # the half that moves, its scales, the shift


class RationalMatrix:
    """A matrix over QQ as integers over one denominator, with the operations of ``DomainMatrix``.

    In sums and products the other operand can be a ``DomainMatrix``; the right factor of a product
    can also be an element of QQ.
    Common factors are cancelled, unless the denominator is a power of two, as for floats.
    """

    domain = QQ

    def __init__(self, numerators: flint.fmpz_mat, denominator: flint.fmpz) -> None:
        common = denominator if int(denominator) & (int(denominator) - 1) else flint.fmpz(1)
        for entry in numerators.entries():
            if common == 1:
                break
            common = common.gcd(entry)
        if common != 1:
            numerators, denominator = numerators / common, denominator // common
        self.numerators, self.denominator = numerators, denominator
        self.shape = numerators.nrows(), numerators.ncols()

    @classmethod
    def from_matrix(cls, M: "RationalMatrix | DomainMatrix") -> "RationalMatrix":
        """Convert a ``DomainMatrix``; return a `RationalMatrix` unchanged."""
        if isinstance(M, RationalMatrix):
            return M
        return cls(*to_fmpq_matrix(M).numer_denom())

    def to_dense_matrix(self) -> DomainMatrix:
        """Return the dense ``DomainMatrix``."""
        entries = (flint.fmpq_mat(self.numerators) / self.denominator).entries()
        if QQ.dtype is not flint.fmpq:
            entries = [QQ(int(x.p), int(x.q)) for x in entries]
        return DomainMatrix.from_list_flat(entries, self.shape, QQ).to_dense()

    def numerators_over_denominator(self, denominator: flint.fmpz) -> flint.fmpz_mat:
        """Return the numerators over `denominator`, a multiple of this matrix's own denominator."""
        factor = denominator // self.denominator
        return self.numerators if factor == 1 else self.numerators * factor

    def __add__(self, other: "RationalMatrix | DomainMatrix") -> "RationalMatrix":
        other = RationalMatrix.from_matrix(other)
        multiple = self.denominator.lcm(other.denominator)
        return RationalMatrix(
            self.numerators_over_denominator(multiple)
            + other.numerators_over_denominator(multiple),
            multiple,
        )

    def __sub__(self, other: "RationalMatrix | DomainMatrix") -> "RationalMatrix":
        return self + RationalMatrix.from_matrix(other) * -QQ.one

    def __mul__(self, other: Any) -> "RationalMatrix":
        if not isinstance(other, RationalMatrix | DomainMatrix):
            factor = to_fmpq(other)
            return RationalMatrix(self.numerators * factor.p, self.denominator * factor.q)
        other = RationalMatrix.from_matrix(other)
        left, right = self.numerators, other.numerators
        count = -(-left.nrows() // _MOST_ROWS)
        if count > 1:
            rows, cuts = left.tolist(), [k * left.nrows() // count for k in range(count + 1)]
            strips = (flint.fmpz_mat(rows[a:b]) for a, b in pairwise(cuts))
            product = _stack_rows([strip * right for strip in strips])
        else:
            product = left * right
        return RationalMatrix(product, self.denominator * other.denominator)

    def __rmul__(self, other: DomainMatrix) -> "RationalMatrix":
        return RationalMatrix.from_matrix(other) * self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RationalMatrix):
            return NotImplemented
        multiple = self.denominator.lcm(other.denominator)
        return bool(
            self.numerators_over_denominator(multiple)
            == other.numerators_over_denominator(multiple)
        )

    __hash__ = None  # type: ignore[assignment]

    def transpose(self) -> "RationalMatrix":
        """Return the transpose."""
        return RationalMatrix(self.numerators.transpose(), self.denominator)

    def vstack(self, *others: "RationalMatrix | DomainMatrix") -> "RationalMatrix":
        """Return the matrix with the `others` below this matrix, in order."""
        parts = [self, *map(RationalMatrix.from_matrix, others)]
        multiple = reduce(flint.fmpz.lcm, (part.denominator for part in parts))
        return RationalMatrix(
            _stack_rows([part.numerators_over_denominator(multiple) for part in parts]), multiple
        )


_RationalBlocks = list[list[RationalMatrix]]  # a list of blocks for each half of the rows


def _stack_rows(parts: Sequence[flint.fmpz_mat]) -> flint.fmpz_mat:
    entries = [entry for part in parts for entry in part.entries()]
    return flint.fmpz_mat(sum(part.nrows() for part in parts), parts[0].ncols(), entries)


def to_rational_matrix_if_large_over_QQ(M: DomainMatrix) -> Any:
    """Return a matrix over QQ of at least 12 rows as a `RationalMatrix`, others unchanged."""
    return RationalMatrix.from_matrix(M) if M.domain.is_QQ and M.shape[0] >= _LEAST_ROWS else M


def to_dense_if_rational_matrix(M: DomainMatrix | RationalMatrix) -> DomainMatrix:
    """Return a `RationalMatrix` as a dense ``DomainMatrix``, any other value unchanged."""
    return M.to_dense_matrix() if isinstance(M, RationalMatrix) else M


def is_dense_composition_likely_faster(layers: Sequence[_Layer], columns: DomainMatrix) -> bool:
    """Whether `compose_dense_over_QQ` is likely to be faster than products of ``DomainMatrix``.

    It was faster in trials if there were at least 16 columns, and the first row of some shift had
    an entry that is not dyadic.
    """
    first_rows = (shift[0, :].to_list_flat() for _, _, shift in layers)
    denominators = (int(x.denominator) for row in first_rows for x in row)
    return columns.shape[1] >= _LEAST_COLUMNS and any(n & (n - 1) for n in denominators)


def compose_dense_over_QQ(
    layers: Iterable[_Layer], first_half_size: int, columns: DomainMatrix
) -> DomainMatrix:
    """Apply affine couplings over QQ to the columns of a dense matrix. A layer is a triple: the
    half that moves, the scales of this half, the shift.
    """
    halves = columns[:first_half_size, :], columns[first_half_size:, :]
    parts = [[RationalMatrix.from_matrix(half)] for half in halves]
    (first,), (second,) = _apply_layers_to_row_halves(layers, parts)
    return first.to_dense_matrix().vstack(second.to_dense_matrix())


def is_composition_over_QQ(layers: Sequence[_Layer], first_half_size: int, M: DomainMatrix) -> bool:
    """Whether affine couplings over QQ, as `compose_dense_over_QQ` takes them, compose to `M`.

    The inverse of the last layer is multiplied to `M` from the left. The inverses of the first half
    of the layers, up to the first layer with scales, are multiplied to `M` from the right. This
    takes the fewest products of long numbers.
    """
    scaled = (k for k, (_, scale, _) in enumerate(layers) if any(s != 1 for s in scale))
    early = min(len(layers) // 2, *scaled, len(layers))
    late = max(early, len(layers) - 1)
    after: list[_Layer] = []
    for moves, scale, shift in layers[late:]:
        inverse = [1 / s for s in scale]
        after.append((moves, inverse, scale_rows(inverse, -shift)))
    before: list[_Layer]
    before = [(HALVES[x == "first"], (), -shift.transpose()) for x, _, shift in layers[:early]]
    rest = _apply_layers_to_row_halves(after, _split_into_rational_blocks(M, first_half_size))
    rest = _apply_layers_to_row_halves(before, _transpose_blocks(rest))
    one = _split_into_rational_blocks(identity(M.shape[0], QQ), first_half_size)
    return _transpose_blocks(rest) == _apply_layers_to_row_halves(layers[early:late], one)


def _split_into_rational_blocks(M: DomainMatrix, first_half_size: int) -> _RationalBlocks:
    A, B, C, D = map(RationalMatrix.from_matrix, split(M, first_half_size))
    return [[A, B], [C, D]]


def _transpose_blocks(parts: _RationalBlocks) -> _RationalBlocks:
    return [[part.transpose() for part in column] for column in zip(*parts, strict=True)]


def _apply_layers_to_row_halves(
    layers: Iterable[_Layer], parts: _RationalBlocks
) -> _RationalBlocks:
    halves = list(parts)
    for moves, scale, shift in layers:
        i, T = HALVES.index(moves), RationalMatrix.from_matrix(shift)
        if any(s != 1 for s in scale):
            S = RationalMatrix.from_matrix(DomainMatrix.diag(list(scale), QQ))
            halves[i] = [S * part for part in halves[i]]
        halves[i] = [moved + T * kept for moved, kept in zip(*halves[:: 1 - 2 * i], strict=True)]
    return halves
