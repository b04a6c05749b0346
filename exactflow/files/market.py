"""Matrix Market files (.mtx), dense or sparse, whose entries are read exactly.

The field ``rational``, with entries p/q, is our extension. What a symmetric file leaves out it
must leave out: a coordinate file gives entries on and below the diagonal, a skew-symmetric one
below it. Nothing larger than the file itself is made of it, whatever sizes it claims.

References
----------
Boisvert, Pozo and Remington, *The Matrix Market exchange formats: initial design*, NISTIR 5935,
1996.
"""

from collections.abc import Iterator

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.typing import Element

__all__ = ["read_market"]

_Content = tuple[tuple[int, int], Iterator[tuple[int, int, str]]]  # the shape and the entries

_MIRRORED = {"general": 0, "symmetric": 1, "skew-symmetric": -1}
_FIELDS = ("integer", "real", "rational", "pattern")
_LONGEST_SIZE = 9  # digits


def read_market(text: str) -> DomainMatrix:
    """Return the matrix of a Matrix Market file; it is sparse.

    Raises `InvalidInputError` for what is no such file, and `SingularMatrixError` where there are
    fewer entries than rows.

    >>> read_market("%%MatrixMarket matrix array integer general\\n2 2\\n1 3 2 4").to_Matrix()
    Matrix([
    [1, 2],
    [3, 4]])
    """
    header, *lines = text.splitlines() or [""]
    layout, field, symmetry = _banner(header)
    records = [line.split() for line in lines if line.strip() and not line.startswith("%")]
    if layout == "coordinate":
        shape, entries = _coordinates(records, field, symmetry)
    else:
        shape, entries = _columns(records, symmetry)
    mirrored = _MIRRORED[symmetry]
    rows: dict[int, dict] = {}
    for i, j, word in entries:
        value = _element(word, field, (i, j))
        for row, column, entry in ((i, j, value), (j, i, mirrored * value)):
            if entry:
                rows.setdefault(row, {})[column] = entry
    if len(rows) < shape[0] == shape[1]:
        raise SingularMatrixError(
            f"expected an entry in each of {shape[0]} rows, got none but zeros in "
            f"{shape[0] - len(rows)} of them: the matrix has no inverse"
        )
    return DomainMatrix(rows, shape, QQ)


def _banner(header: str) -> list[str]:
    banner = header.lower().split()
    if len(banner) != 5 or banner[:2] != ["%%matrixmarket", "matrix"]:
        raise InvalidInputError(
            "expected a first line '%%MatrixMarket matrix FORMAT FIELD SYMMETRY', "
            f"got {format_short(header)}"
        )
    layout, field, symmetry = banner[2:]
    if field not in _FIELDS or symmetry not in _MIRRORED:
        raise InvalidInputError(
            "expected a field integer, real, rational (with p/q entries) or pattern, and symmetry "
            "general, symmetric or skew-symmetric, got "
            f"{format_short(field)} and {format_short(symmetry)}"
        )
    if layout not in ("coordinate", "array") or (layout == "array" and field == "pattern"):
        raise InvalidInputError(
            f"expected format coordinate or array, got {format_short(layout)} of {field}"
        )
    return banner[2:]


def _element(word: str, field: str, place: tuple[int, int]) -> Element:
    if "/" in word and field != "rational":
        raise InvalidInputError(
            f"expected {field} entries, got {format_short(word)} at {place}: declare the field "
            "'rational'"
        )
    try:
        return to_element(word)
    except InvalidInputError as error:
        raise InvalidInputError(f"entry {place}: {error}") from None


def _sizes(record: list[str], count: int) -> list[int]:
    if len(record) != count or not all(
        word.isascii() and word.isdigit() and len(word) <= _LONGEST_SIZE for word in record
    ):
        raise InvalidInputError(
            f"expected {count} sizes or indices, got {format_short(' '.join(record))}"
        )
    return [int(word) for word in record]


def _checked_shape(rows: int, columns: int, symmetry: str) -> tuple[int, int]:
    if not rows or not columns:
        raise InvalidInputError(f"expected at least one row and column, got {rows} x {columns}")
    if rows != columns and symmetry != "general":
        raise InvalidInputError(f"expected a square {symmetry} matrix, got {rows} x {columns}")
    return rows, columns


def _coordinates(records: list[list[str]], field: str, symmetry: str) -> _Content:
    """Return the shape and the entries (i, j, word) of a sparse file."""
    rows, columns, count = _sizes(records[0] if records else [], 3)
    if len(records) != count + 1:
        raise InvalidInputError(f"expected {count} entries, got {len(records) - 1}")
    above = {"general": columns, "symmetric": 1, "skew-symmetric": 0}[symmetry]
    entries = {}
    for record in records[1:]:
        i, j = _sizes(record[:2], 2)
        value = record[2:] + ["1"] * (field == "pattern")
        new = 1 <= i <= rows and 1 <= j <= columns and (i, j) not in entries
        if len(value) != 1 or not new:
            raise InvalidInputError(
                f"expected one value at a new place within {rows} x {columns}, "
                f"got {format_short(' '.join(record))}"
            )
        if j - i >= above:
            raise InvalidInputError(
                f"expected places {'on or ' if above else ''}below the diagonal of a {symmetry} "
                f"matrix, got {format_short(' '.join(record))}"
            )
        entries[i, j] = value[0]
    shape = _checked_shape(rows, columns, symmetry)
    return shape, ((i - 1, j - 1, word) for (i, j), word in entries.items())


def _columns(records: list[list[str]], symmetry: str) -> _Content:
    """Return the shape and the entries (i, j, word) of a dense file, column by column."""
    rows, columns = _sizes(records[0] if records else [], 2)
    shape = _checked_shape(rows, columns, symmetry)
    words = [word for record in records[1:] for word in record]
    skipped = {"general": 0, "symmetric": columns - 1, "skew-symmetric": columns + 1}[symmetry]
    count = rows * columns - skipped * columns // 2
    if len(words) != count:
        raise InvalidInputError(f"expected {count} entries, got {len(words)}")

    def places() -> Iterator[tuple[int, int]]:
        for j in range(columns):
            above = {"general": 0, "symmetric": j, "skew-symmetric": j + 1}[symmetry]
            yield from ((i, j) for i in range(above, rows))

    return shape, ((*place, word) for place, word in zip(places(), words, strict=True))
