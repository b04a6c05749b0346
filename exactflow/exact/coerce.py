"""From what people have to exact matrices, and from exact numbers to text.

Everything enters the package here and becomes a ``DomainMatrix`` over a field. Nothing is
rounded: a NumPy float is the dyadic rational that it stores, the string ``"0.1"`` is 1/10, and
what has no exact meaning (NaN, a SymPy ``Float``, an object array of floats) is refused.

Decimal text goes through ``decimal.Decimal``, whose constructor is exact at any length: Python's
limit of 4300 digits on ``int(str)`` and ``str(int)`` does not apply to it, and no setting of the
interpreter has to change.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral

import numpy as np
import sympy
from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError

__all__ = [
    "as_matrix",
    "as_rectangle",
    "as_vectors",
    "format_rational",
    "format_short",
    "parse_rational",
]

_RATIONAL = re.compile(r"([+-]?[0-9]+)/([0-9]+)")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]([+-]?[0-9]+))?")
_LARGEST_EXPONENT = 10_000


def parse_rational(text: str) -> Fraction:
    """Return the rational number that `text` writes: ``"-3"``, ``"p/q"``, or a decimal, exactly.

    Raises `InvalidInputError` for anything else, a zero denominator included.

    >>> parse_rational("-6/4"), parse_rational("0.1"), parse_rational("25e-1")
    (Fraction(-3, 2), Fraction(1, 10), Fraction(5, 2))
    """
    text = text.strip(" ")
    if match := _RATIONAL.fullmatch(text):
        numerator, denominator = (int(Decimal(part)) for part in match.groups())
        if denominator == 0:
            raise InvalidInputError(
                f"expected a rational number, got {format_short(text)} with denominator zero"
            )
        return Fraction(numerator, denominator)
    if match := _DECIMAL.fullmatch(text):
        exponent = match[3]
        if exponent and (len(exponent) > 7 or abs(int(exponent)) > _LARGEST_EXPONENT):
            raise InvalidInputError(
                f"expected an exponent between -{_LARGEST_EXPONENT} and {_LARGEST_EXPONENT}, "
                f"got {format_short(text)}"
            )
        return Fraction(*Decimal(text).as_integer_ratio())
    raise InvalidInputError(
        f"expected a number such as '3', '-1/2' or '0.25', got {format_short(text)}"
    )


def format_rational(value) -> str:
    """Return a rational as ``"p"`` or ``"p/q"`` in lowest terms, of any length.

    >>> format_rational(QQ(-6, 4)), format_rational(7)
    ('-3/2', '7')
    """
    numerator, denominator = int(value.numerator), int(value.denominator)
    text = format(Decimal(numerator), "f")
    return text if denominator == 1 else f"{text}/{format(Decimal(denominator), 'f')}"


def format_short(value, width: int = 60) -> str:
    """Return `value` as text for a message, its middle left out where it is longer than `width`.

    >>> format_short(QQ(10)**100, width=20)
    '10000000..(101 characters)..00000000'
    """
    if isinstance(value, str):
        text = repr(value)
    elif hasattr(value, "numerator") and not isinstance(value, sympy.Basic):
        text = format_rational(value)
    else:
        text = str(value)
    if len(text) <= width:
        return text
    keep = max(1, width // 2 - 2)
    return f"{text[:keep]}..({len(text)} characters)..{text[-keep:]}"


def as_matrix(M) -> DomainMatrix:
    """Return the square matrix `M` as a ``DomainMatrix`` over a field, exactly.

    It is sparse where a SymPy matrix or a sparse DomainMatrix came in, and dense otherwise.

    Parameters
    ----------
    M : a d x d SymPy matrix or DomainMatrix, a NumPy array (integers; floats, taken as the exact
        dyadic rationals that they are; objects such as ``Fraction``), or d lists of d numbers or
        strings (``"p/q"``, decimals).

    Raises
    ------
    InvalidInputError
        Empty, ragged or not square, or an entry with no exact value: the entry is named.

    Examples
    --------
    >>> as_matrix([["1/3", 0], [2, 0.5]]).to_Matrix()
    Matrix([
    [1/3,   0],
    [  2, 1/2]])
    """
    matrix = as_rectangle(M)
    rows, columns = matrix.shape
    if rows != columns:
        raise InvalidInputError(
            f"expected a square matrix, got {rows} x {columns}: only square matrices have flows"
        )
    if rows == 0:
        raise InvalidInputError("expected a matrix of at least one row, got an empty one")
    return matrix


def as_vectors(x, dimension: int) -> DomainMatrix:
    """Return `x` as a ``DomainMatrix`` whose columns are vectors with `dimension` entries.

    A flat sequence is one column; a SymPy matrix, a two-dimensional array and a nested list are
    taken column by column.
    """
    if isinstance(x, np.ndarray) and x.ndim == 1:
        x = x.reshape(-1, 1)
    elif isinstance(x, Sequence) and not any(isinstance(entry, list | tuple) for entry in x):
        x = [[entry] for entry in x]
    vectors = as_rectangle(x)
    if vectors.shape[0] != dimension:
        raise InvalidInputError(
            f"expected vectors of {dimension} entries (a list, or the columns of a matrix with "
            f"{dimension} rows), got {vectors.shape[0]}"
        )
    return vectors


def as_rectangle(M) -> DomainMatrix:
    """Return a matrix of any shape as a ``DomainMatrix`` over a field, as `as_matrix` does."""
    if isinstance(M, DomainMatrix):
        return M if M.domain.is_Field else M.to_field()
    if isinstance(M, sympy.MatrixBase):
        return _from_sympy(M)
    if isinstance(M, np.ndarray):
        return _from_numpy(M)
    if isinstance(M, list | tuple):
        return _from_lists(M)
    raise InvalidInputError(
        "expected a SymPy matrix, a DomainMatrix, a NumPy array or nested lists, "
        f"got {type(M).__name__}"
    )


def _from_rows(rows: list[list], field: Domain, columns: int) -> DomainMatrix:
    return DomainMatrix(rows, (len(rows), columns), field).to_dense()


def _from_sympy(M: sympy.MatrixBase) -> DomainMatrix:
    if not M._rep.domain.is_EXRAW:  # SymPy holds rational entries as such: nothing to search
        return M.to_DM(QQ)
    matrix = M.to_DM(field=True, extension=True)
    field = matrix.domain
    if field.is_EXRAW or field.is_EX or not field.is_Exact:
        raise InvalidInputError(
            "expected entries in QQ, an algebraic number field or a field of rational functions, "
            f"got entries that SymPy places in {field}: use Rational for numbers (or a NumPy float "
            "array, if exact binary values are meant)"
        )
    generators = field.symbols if field.is_FractionField else ()
    if strange := [s for s in generators if not isinstance(s, sympy.Symbol)]:
        raise InvalidInputError(
            f"expected rational or algebraic numbers and symbols, got {strange[0]}: write a "
            "transcendental entry as a symbol of its own"
        )
    return matrix


def _from_numpy(M: np.ndarray) -> DomainMatrix:
    if M.ndim != 2:
        raise InvalidInputError(f"expected an array with two axes, got shape {M.shape}")
    if M.dtype.kind == "f":
        wrong = np.argwhere(~np.isfinite(M))
        if len(wrong):
            place = tuple(int(index) for index in wrong[0])
            raise InvalidInputError(f"expected finite entries, got {M[place]} at {place}")
    elif M.dtype.kind not in "iubOU":
        raise InvalidInputError(
            f"expected an array of integers, floats, strings or exact objects, got dtype {M.dtype}"
        )
    if M.dtype.kind == "b":
        M = M.astype(np.int8)
    rows = M.tolist() if M.dtype != np.longdouble else [list(row) for row in M]
    exact_only = M.dtype.kind == "O"
    return _from_rows(
        [
            [_element(entry, (i, j), exact_only) for j, entry in enumerate(row)]
            for i, row in enumerate(rows)
        ],
        QQ,
        M.shape[1],
    )


def _from_lists(M) -> DomainMatrix:
    for i, row in enumerate(M):
        if not isinstance(row, list | tuple):
            raise InvalidInputError(
                f"expected a list of rows, got {type(row).__name__} as row {i}: write each row "
                "as a list of its own"
            )
        if len(row) != len(M[0]):
            raise InvalidInputError(
                f"expected rows of equal length, got {len(M[0])} entries in row 0 "
                f"and {len(row)} in row {i}"
            )
    if any(isinstance(entry, sympy.Expr) for row in M for entry in row):
        return _from_sympy(sympy.Matrix(M))
    rows = [[_element(entry, (i, j)) for j, entry in enumerate(row)] for i, row in enumerate(M)]
    return _from_rows(rows, QQ, len(M[0]) if M else 0)


def _element(entry, place: tuple[int, int], exact_only: bool = False):
    """Return one entry as an element of QQ."""
    match entry:
        case str():
            try:
                value = parse_rational(entry)
            except InvalidInputError as error:
                raise InvalidInputError(f"entry {place}: {error}") from None
        case Integral() if entry is not True and entry is not False:
            return QQ(int(entry))
        case Fraction():
            value = entry
        case float() | np.floating() if not exact_only:
            if not np.isfinite(entry):
                raise InvalidInputError(f"expected finite entries, got {entry} at {place}")
            value = Fraction(*entry.as_integer_ratio())
        case sympy.Rational():
            value = Fraction(int(entry.p), int(entry.q))
        case _ if isinstance(entry, type(QQ(1, 2))):
            return entry
        case _:
            remedy = (
                "; an object array holds exact numbers only: use dtype float64 for floats"
                if exact_only
                else ""
            )
            raise InvalidInputError(
                f"expected an integer, a Fraction or a 'p/q' string, got "
                f"{type(entry).__name__} {format_short(entry)} at {place}{remedy}"
            )
    return QQ(value.numerator, value.denominator)
