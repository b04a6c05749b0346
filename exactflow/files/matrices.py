"""Matrices from files, exactly, with what a certificate records of where they came from.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         tensors or state dicts; needs the extra ``torch``
========================  =====================================================================

A file is data: none of it is ever evaluated, or unpickled except by ``torch.load`` for
``weights_only``, and nothing is allocated on the word of a header.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import parse_rational
from exactflow.files.atomic import named, read_bytes


@dataclass(frozen=True)
class MatrixFile:
    """A matrix read from a file, the type of its entries there, and the file's SHA-256."""

    matrix: DomainMatrix
    dtype: str
    sha256: str


def read_matrix(path: str | Path, *, key: str | None = None, transpose: bool = False) -> MatrixFile:
    """Read a square matrix, or the weight of a 1x1 convolution, from a file of one of the types
    above, told by its suffix; for "-", standard input, as in a pipe, the first bytes tell .npy,
    .npz and .json, and all else is .csv.

    `key` says which array, where the file holds several; `transpose` is for weights that act on row
    vectors. Raises `InvalidInputError` for a missing or unreadable file, an unknown suffix, or
    content with no exact square matrix, and `MissingExtraError` for a type whose library is not
    installed.
    """
    data, suffix, name = _given(Path(path))
    with named(name):
        content, dtype = _content(data, suffix, key)
        matrix = as_matrix(content)
    matrix = matrix.transpose() if transpose else matrix
    return MatrixFile(matrix, dtype, hashlib.sha256(data).hexdigest())


def _given(path: Path) -> tuple[bytes, str, str]:
    """Content of a file or a stream, its type, and its name."""
    suffix, is_stdin = path.suffix.lower(), str(path) == "-"
    if suffix in (*_ARRAYS, *_TEXTS):
        return read_bytes(path), suffix, path.name
    if not (is_stdin or path.is_fifo() or path.is_char_device()):
        known = ", ".join((*_ARRAYS, *_TEXTS))
        raise InvalidInputError(f"expected a file of type {known}, got {str(path)!r}")
    data = read_bytes(path)
    begins = data.lstrip().startswith
    kind = next((kind for kind, first in _FIRST if begins(first)), ".csv")
    return data, kind, "stdin" if is_stdin else path.name


def _content(data: bytes, suffix: str, key: str | None) -> tuple[Any, str]:
    """The value in a file, and the type of its entries."""
    if suffix in _ARRAYS:
        from exactflow.files.tensors import read_array

        return read_array(data, suffix, key)
    if key is not None:
        raise InvalidInputError(f"expected no key for a file of one matrix, got {key!r}")
    return _TEXTS[suffix](_text(data)), f"{suffix[1:]} text"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text, got {error.reason}") from None


def _json_rows(text: str) -> object:
    def refuse(constant: str) -> NoReturn:
        raise InvalidInputError(f"expected finite numbers, got {constant}")

    def integer(digits: str) -> int:
        return parse_rational(digits).numerator

    try:
        rows = json.loads(text, parse_int=integer, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"expected JSON, got {error}") from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None
    if isinstance(rows, dict):
        raise InvalidInputError("expected rows of numbers, got an object, as a certificate is")
    return rows


def _csv_rows(text: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise InvalidInputError(f"expected fields of numbers, got: {error}") from None


_ARRAYS = (".npy", ".npz", ".safetensors", ".pt", ".pth")
_TEXTS: dict[str, Callable[[str], object]] = {".json": _json_rows, ".csv": _csv_rows}
_FIRST = ((".npy", b"\x93NUMPY"), (".npz", b"PK"), (".json", b"["), (".json", b"{"))
"""What a matrix on standard input begins with."""
