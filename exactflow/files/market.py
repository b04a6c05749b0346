"""Matrix Market files (.mtx), dense or sparse, whose entries are read exactly.

The field ``rational``, with entries p/q, is our extension. What a symmetric file leaves out it
must leave out: a coordinate file gives entries on and below the diagonal, a skew-symmetric one
below it. Nothing larger than the file itself is made of it, whatever sizes it claims.

References
----------
Boisvert, Pozo and Remington, *The Matrix Market exchange formats: initial design*, NISTIR 5935,
1996.
"""

from collections.abc import Iterable

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.numbers import format_short, to_element
from exactflow.exact.typing import Element

__all__ = ["read_market"]

_Places = Iterable[tuple[int, int]]

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
    sizes, *records = [s.split() for s in lines if s.strip() and not s.startswith("%")] or [[]]
    m, n, *count = _sizes(sizes, 3 if layout == "coordinate" else 2)
    if not m or not n:
        raise InvalidInputError(f"expected at least one row and column, got {m} x {n}")
    if m != n and symmetry != "general":
        raise InvalidInputError(f"expected a square {symmetry} matrix, got {m} x {n}")
    above = {"general": n, "symmetric": 1, "skew-symmetric": 0}[symmetry]  # j - i is less
    places: _Places
    if layout == "coordinate":
        words = [word for *_, word in records] if field != "pattern" else ["1"] * len(records)
        expected = count[0]
        places = _coordinates(records, (m, n), above, 2 if field == "pattern" else 3)
    else:
        words = [word for record in records for word in record]
        expected = m * n if symmetry == "general" else n * (n + 2 * above - 1) // 2
        places = ((i, j) for j in range(n) for i in range(max(0, j - above + 1), m))
    if len(words) != expected:
        raise InvalidInputError(f"expected {expected} entries, got {len(words)}")
    rows: dict[int, dict] = {}
    for (i, j), word in zip(places, words, strict=True):
        value = _element(word, field, (i, j))
        for row, column, entry in ((i, j, value), (j, i, _MIRRORED[symmetry] * value)):
            if entry:
                rows.setdefault(row, {})[column] = entry
    if len(rows) < m == n:
        raise SingularMatrixError(
            f"expected an entry in each of {m} rows, got none but zeros in {m - len(rows)} of "
            "them: the matrix has no inverse"
        )
    return DomainMatrix(rows, (m, n), QQ)


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


def _coordinates(
    records: list[list[str]], shape: tuple[int, int], above: int, length: int
) -> _Places:
    """Return the places of the entries of a sparse file, in their order, each new."""
    places: dict[tuple[int, int], None] = {}
    for record in records:
        i, j = (index - 1 for index in _sizes(record[:2], 2))
        is_inside = 0 <= i < shape[0] and 0 <= j < shape[1] and j - i < above
        if len(record) != length or not is_inside or (i, j) in places:
            where = "" if above == shape[1] else f" {'on or ' if above else ''}below the diagonal"
            raise InvalidInputError(
                f"expected one value at a new place within {shape[0]} x {shape[1]}{where}, "
                f"got {format_short(' '.join(record))}"
            )
        places[i, j] = None
    return places
