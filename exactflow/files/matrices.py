"""Read matrices from files exactly, with their type and hash for a certificate's provenance.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
``.txt``                  the same with blanks between the fields, as ``np.savetxt`` writes them
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         tensors or state dicts; needs the extra ``torch``
========================  =====================================================================

A file is data: nothing in it is evaluated, only ``torch.load`` with ``weights_only`` unpickles, and
the sizes in a header are checked before memory is allocated.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_short, parse_rational
from exactflow.files.atomic import prefixing_file_name, read_bytes


@dataclass(frozen=True)
class MatrixFile:
    """A matrix from a file, the type of its entries there, and the file's SHA-256."""

    matrix: DomainMatrix
    dtype: str
    sha256: str


def read_matrix(path: str | Path, *, key: str | None = None, transpose: bool = False) -> MatrixFile:
    """Read a square matrix, or the weight of a 1x1 convolution, from a file.

    The suffix of the file tells its type. For standard input ("-") and pipes the first bytes tell
    .npy, .npz and .json; anything else is .csv. `key` names the array if the file has several;
    `transpose` is for weights that act on row vectors. Raises `InvalidInputError` for a missing or
    unreadable file, an unknown suffix, or content that is no exact square matrix, and
    `MissingExtraError` if the library for this type is not installed.
    """
    data, suffix, name = _read_bytes_suffix_and_name(Path(path))
    with prefixing_file_name(name):
        content, dtype = _parse_values_and_dtype(data, suffix, key)
        matrix = as_square_matrix(content)
    matrix = matrix.transpose() if transpose else matrix
    return MatrixFile(matrix, dtype, hashlib.sha256(data).hexdigest())


def _read_bytes_suffix_and_name(path: Path) -> tuple[bytes, str, str]:
    """Return the content of a file or a stream, its type, and its name."""
    suffix, is_stdin = path.suffix.lower(), str(path) == "-"
    if suffix in (*_ARRAY_SUFFIXES, *_TEXT_PARSERS):
        return read_bytes(path), suffix, path.name
    if not (is_stdin or path.is_fifo() or path.is_char_device()):
        known = ", ".join((*_ARRAY_SUFFIXES, *_TEXT_PARSERS))
        raise InvalidInputError(f"expected a file of type {known}, got {str(path)!r}")
    data = read_bytes(path)
    begins = data.lstrip().startswith
    kind = next((kind for kind, first in _SIGNATURES if begins(first)), ".csv")
    return data, kind, "stdin" if is_stdin else path.name


def _parse_values_and_dtype(data: bytes, suffix: str, key: str | None) -> tuple[Any, str]:
    """Return the value in a file, and the type of its entries."""
    if suffix in _ARRAY_SUFFIXES:
        from exactflow.files.tensors import read_array_and_dtype

        return read_array_and_dtype(data, suffix, key)
    if key is not None:
        raise InvalidInputError(f"expected no key for a file of one matrix, got {key!r}")
    return _TEXT_PARSERS[suffix](_decode(data)), f"{suffix[1:]} text"


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text, got {error.reason}") from None


def _parse_json(text: str) -> object:
    def refuse_constant(constant: str) -> NoReturn:
        raise InvalidInputError(f"expected finite numbers, got {constant}")

    def to_integer(digits: str) -> int:
        return parse_rational(digits).numerator

    try:
        rows = json.loads(text, parse_int=to_integer, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"expected JSON, but at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None
    if isinstance(rows, dict):
        raise InvalidInputError(
            "expected rows of numbers, got an object: exactflow.load reads a certificate, and "
            "exactflow check verifies it"
        )
    return rows


def _parse_csv(text: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""))
    rows = dict[int, list[str]]()
    try:
        for row in lines:
            rows |= {lines.line_num: row} if row else {}
    except csv.Error as error:
        raise InvalidInputError(f"expected fields of numbers, got: {error}") from None
    return _check_lines(rows, ";\t ", "separate fields by commas, and write decimals with a point")


def _parse_text(text: str) -> list[list[str]]:
    """Read fields with blanks between them; # begins a comment, as for ``np.loadtxt``."""
    fields = (line.partition("#")[0].split() for line in text.splitlines())
    rows = {number: row for number, row in enumerate(fields, 1) if row}
    return _check_lines(rows, ",;", "separate fields by blanks, or name a file with commas .csv")


def _check_lines(rows: Mapping[int, list[str]], foreign: str, remedy: str) -> list[list[str]]:
    """Return the rows, given by the numbers of their lines.

    Raises `InvalidInputError` for a foreign separator, and for a header.
    """
    glue = " " if "," in foreign else ", "
    for number, row in rows.items():
        if found := next((sign for sign in foreign if _has_separator(row, sign)), None):
            raise InvalidInputError(f"line {number} has {found!r} in it: {remedy}")
    number, first = next(iter(rows.items()), (1, ["0"]))
    counts = list(map(str, range(len(first))))
    has_names = not first[0].strip() or not any(map(_is_float, first))
    if len(rows) > 1 and (has_names or (first == counts and len(rows) == len(first) + 1)):
        raise InvalidInputError(
            f"line {number} is a header, {format_short(glue.join(first))}: remove it, and a column "
            "of row names if there is one"
        )
    return list(rows.values())


def _has_separator(row: list[str], sign: str) -> bool:
    """Whether some field of a row is several numbers, with a sign between them."""
    parts = ([part for part in field.split(sign) if part.strip()] for field in row)
    return any(len(numbers) > 1 and all(map(_is_float, numbers)) for numbers in parts)


def _is_float(field: str) -> bool:
    """Whether a field is the text of a float, which may be NaN, or p/q."""
    try:
        float(field.replace("/", ""))
    except ValueError:
        return False
    return True


_ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")
_TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    ".json": _parse_json,
    ".csv": _parse_csv,
    ".txt": _parse_text,
}
_SIGNATURES = ((".npy", b"\x93NUMPY"), (".npz", b"PK"), (".json", b"["), (".json", b"{"))
"""The first bytes of a matrix on standard input, by type."""
