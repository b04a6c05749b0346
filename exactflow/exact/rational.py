"""Matrices over QQ in integers over one denominator: flows on 32 or 64 coordinates are composed and
verified 1.2 to 1.9 times as fast as entry by entry, on 8 half as fast.

These need no entry in lowest terms before the end: over one denominator a product is an integer
product, and a sum has one gcd of its content, where entrywise fractions cost a gcd each. FLINT is
there whichever ground types SymPy uses.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import flint
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.linalg import scale_rows
from exactflow.exact.numbers import flint_rational
from exactflow.exact.typing import HALVES, Half

_SMALL = 12  # rows: fewer are as fast entry by entry
_ROWS = 40  # from 42 on FLINT multiplies modulo many primes, which takes up to twice as long here

_Step = tuple[Half, Sequence, DomainMatrix]  # which half moves, the scale of each entry, the shift


class Common:
    """A matrix over QQ as integers over one denominator, with operations of a ``DomainMatrix``.

    The other operand may be a ``DomainMatrix``; the right factor of a product an element of QQ. A
    common factor is cancelled; a power of two, as of floats, stays.
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
    def of(cls, M: "Common | DomainMatrix") -> "Common":
        """Return a matrix of either kind over one denominator."""
        if isinstance(M, Common):
            return M
        rows, columns = M.shape
        entries = map(flint_rational, M.to_list_flat())
        return cls(*flint.fmpq_mat(rows, columns, [*entries]).numer_denom())

    def matrix(self) -> DomainMatrix:
        """Return the dense ``DomainMatrix``."""
        entries = (flint.fmpq_mat(self.numerators) / self.denominator).entries()
        if QQ.dtype is not flint.fmpq:
            entries = [QQ(int(x.p), int(x.q)) for x in entries]
        return DomainMatrix.from_list_flat(entries, self.shape, QQ).to_dense()

    def over(self, multiple: flint.fmpz) -> flint.fmpz_mat:
        """Return the numerators over a multiple of the denominator."""
        factor = multiple // self.denominator
        return self.numerators if factor == 1 else self.numerators * factor

    def __add__(self, other: "Common | DomainMatrix") -> "Common":
        other = Common.of(other)
        multiple = self.denominator.lcm(other.denominator)
        return Common(self.over(multiple) + other.over(multiple), multiple)

    def __sub__(self, other: "Common | DomainMatrix") -> "Common":
        return self + Common.of(other) * -QQ.one

    def __mul__(self, other: Any) -> "Common":
        if not isinstance(other, Common | DomainMatrix):
            factor = flint_rational(other)
            return Common(self.numerators * factor.p, self.denominator * factor.q)
        other = Common.of(other)
        product = _product(self.numerators, other.numerators)
        return Common(product, self.denominator * other.denominator)

    def __rmul__(self, other: DomainMatrix) -> "Common":
        return Common.of(other) * self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Common):
            return NotImplemented
        multiple = self.denominator.lcm(other.denominator)
        return bool(self.over(multiple) == other.over(multiple))

    __hash__ = None  # type: ignore[assignment]

    def transpose(self) -> "Common":
        """Return the transpose."""
        return Common(self.numerators.transpose(), self.denominator)

    def vstack(self, *others: "Common | DomainMatrix") -> "Common":
        """Return the matrices one below the other."""
        parts = [self, *map(Common.of, others)]
        multiple = reduce(flint.fmpz.lcm, (part.denominator for part in parts))
        return Common(_below([part.over(multiple) for part in parts]), multiple)


_Parts = list[list[Common]]  # of a matrix: two halves of its rows, in one or more parts


def _below(parts: Sequence[flint.fmpz_mat]) -> flint.fmpz_mat:
    entries = [entry for part in parts for entry in part.entries()]
    return flint.fmpz_mat(sum(part.nrows() for part in parts), parts[0].ncols(), entries)


def _product(left: flint.fmpz_mat, right: flint.fmpz_mat) -> flint.fmpz_mat:
    """Return the product, by strips of few rows."""
    if left.nrows() <= _ROWS:
        return left * right
    rows, count = left.tolist(), -(-left.nrows() // _ROWS)
    cuts = [k * len(rows) // count for k in range(count + 1)]
    return _below([flint.fmpz_mat(rows[a:b]) * right for a, b in pairwise(cuts)])


def shared(M: DomainMatrix) -> Any:
    """Return a matrix over QQ as a `Common`; a small one, or one over another field, as it is."""
    return Common.of(M) if M.domain.is_QQ and M.shape[0] >= _SMALL else M


def plain(M: Any) -> DomainMatrix:
    """Return a matrix, of which `shared` or an operation made a `Common`, as a ``DomainMatrix``."""
    return M.matrix() if isinstance(M, Common) else M


def composed_dense(layers: Iterable[_Step], p: int, columns: DomainMatrix) -> DomainMatrix:
    """Return the image of some columns, a dense matrix of p + q rows, under affine couplings over
    QQ: in order of application, which half moves ("first" or "second"), the scale of each
    coordinate that moves, and the shift.
    """
    (first,), (second,) = _composed(layers, [[Common.of(columns[rows, :])] for rows in _halves(p)])
    return first.matrix().vstack(second.matrix())


def composes_to(layers: Sequence[_Step], p: int, M: DomainMatrix) -> bool:
    """Whether the product of affine couplings over QQ, as of `composed_dense`, is the dense `M`.

    On `M` the last layer is undone from the left, and of the others half, as long as they are
    additive, from the right. That takes the fewest products of long numbers.
    """
    scaled = (k for k, (_, scale, _) in enumerate(layers) if any(s != 1 for s in scale))
    early = min(len(layers) // 2, *scaled, len(layers))
    late = max(early, len(layers) - 1)
    after: list[_Step] = []
    for moves, scale, shift in layers[late:]:
        inverse = [1 / s for s in scale]
        after.append((moves, inverse, scale_rows(inverse, -shift)))
    before: list[_Step]
    before = [(HALVES[x == "first"], (), -shift.transpose()) for x, _, shift in layers[:early]]
    rest = _transposed(_composed(before, _transposed(_composed(after, _quarters(M, p)))))
    one = DomainMatrix.eye(M.shape[0], QQ).to_dense()
    return rest == _composed(layers[early:late], _quarters(one, p))


def _halves(p: int) -> tuple[slice, slice]:
    return slice(p), slice(p, None)


def _quarters(M: DomainMatrix, p: int) -> _Parts:
    return [[Common.of(M[rows, columns]) for columns in _halves(p)] for rows in _halves(p)]


def _transposed(parts: _Parts) -> _Parts:
    return [[part.transpose() for part in column] for column in zip(*parts, strict=True)]


def _composed(layers: Iterable[_Step], parts: _Parts) -> _Parts:
    halves = list(parts)
    for moves, scale, shift in layers:
        i, T = HALVES.index(moves), Common.of(shift)
        if any(s != 1 for s in scale):
            S = Common.of(DomainMatrix.diag(list(scale), QQ))
            halves[i] = [S * part for part in halves[i]]
        halves[i] = [moved + T * kept for moved, kept in zip(*halves[:: 1 - 2 * i], strict=True)]
    return halves
