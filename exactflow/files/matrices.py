"""Read matrices from files exactly, with their type and hash for a certificate's provenance.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import parse_rational
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
        matrix = as_matrix(content)
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
        raise InvalidInputError(f"expected JSON, got {error}") from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None
    if isinstance(rows, dict):
        raise InvalidInputError("expected rows of numbers, got an object (as in a certificate)")
    return rows


def _parse_csv(text: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise InvalidInputError(f"expected fields of numbers, got: {error}") from None


_ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")
_TEXT_PARSERS: dict[str, Callable[[str], object]] = {".json": _parse_json, ".csv": _parse_csv}
_SIGNATURES = ((".npy", b"\x93NUMPY"), (".npz", b"PK"), (".json", b"["), (".json", b"{"))
"""The first bytes of a matrix on standard input, by type."""
