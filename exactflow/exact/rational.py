"""Composition of dense layers over QQ in integers: each half of a product over one denominator.

Composing layers needs no entry in lowest terms before the end: over one denominator a product is an
integer product, and a sum has one gcd of its content, where entrywise fractions cost a gcd each.
That is up to twice as fast. FLINT is there whichever ground types SymPy uses.
"""

from collections.abc import Iterable, Sequence

import flint
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.numbers import flint_rational
from exactflow.exact.typing import HALVES, Half

__all__ = ["composed_dense"]

_Integral = tuple[flint.fmpz_mat, flint.fmpz]  # numerators, and their positive denominator


def composed_dense(
    layers: Iterable[tuple[Half, Sequence, DomainMatrix]], p: int, columns: DomainMatrix
) -> DomainMatrix:
    """Return the image of some columns under affine couplings over QQ.

    Parameters
    ----------
    layers : in order of application, which half moves ("first" or "second"), the scale of each
        coordinate that moves, and the shift.
    p : the size of the first half.
    columns : a dense matrix of p + q rows.

    >>> one = DomainMatrix([[QQ(1)], [QQ(1, 2)]], (2, 1), QQ).to_dense()
    >>> third = DomainMatrix([[QQ(1, 3)]], (1, 1), QQ).to_dense()
    >>> composed_dense([("first", [QQ(2)], third)], 1, one).to_Matrix()
    Matrix([
    [13/6],
    [ 1/2]])
    """
    halves = [_integral(columns[:p, :]), _integral(columns[p:, :])]
    for moves, scale, shift in layers:
        i = HALVES.index(moves)
        (moved, a), (kept, b), (T, t) = halves[i], halves[1 - i], _integral(shift)
        if any(s != 1 for s in scale):
            S, s = _integral(DomainMatrix.diag(list(scale), QQ))
            moved, a = S * moved, s * a
        common = a.lcm(t * b)
        halves[i] = _shortened(moved * (common // a) + T * kept * (common // (t * b)), common)
    first, second = map(_field_matrix, halves)
    return first.vstack(second)


def _integral(M: DomainMatrix) -> _Integral:
    rows, columns = M.shape
    return flint.fmpq_mat(rows, columns, [*map(flint_rational, M.to_list_flat())]).numer_denom()


def _shortened(numerators: flint.fmpz_mat, denominator: flint.fmpz) -> _Integral:
    """Return a matrix over its least denominator; powers of two, as of floats, stay as they are."""
    common = denominator
    if not int(common) & (int(common) - 1):
        return numerators, denominator
    for entry in numerators.entries():
        common = common.gcd(entry)
        if common == 1:
            return numerators, denominator
    return numerators / common, denominator // common


def _field_matrix(half: _Integral) -> DomainMatrix:
    numerators, denominator = half
    entries = (flint.fmpq_mat(numerators) / denominator).entries()
    shape = numerators.nrows(), numerators.ncols()
    return DomainMatrix.from_list_flat(
        [QQ(int(x.p), int(x.q)) for x in entries], shape, QQ
    ).to_dense()
