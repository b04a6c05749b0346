"""Matrices from files, exactly, with what a certificate records of where they came from.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
``.mtx``                  Matrix Market; field ``rational`` is our extension, with p/q entries
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
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.coerce import as_matrix
from exactflow.files.market import read_market
from exactflow.files.tensors import read_npy, read_npz, read_safetensors, read_torch
from exactflow.targets import squeezed_kernel

__all__ = ["MatrixFile", "read_matrix"]


@dataclass(frozen=True)
class MatrixFile:
    """A matrix read from a file, the type of its entries there, and the file's SHA-256."""

    matrix: DomainMatrix
    dtype: str
    sha256: str


def read_matrix(path: str | Path, *, key: str | None = None, transpose: bool = False) -> MatrixFile:
    """Read a square matrix, or the weight of a 1x1 convolution, from a file.

    Parameters
    ----------
    path : a file of one of the types above, told by its suffix.
    key : which array, where the file holds several.
    transpose : for weights that act on row vectors.

    Raises
    ------
    InvalidInputError
        A missing or unreadable file, an unknown suffix, or content with no exact square matrix.
    SingularMatrixError
        A Matrix Market file with a row of zeros.
    MissingExtraError
        A type whose library is not installed.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise InvalidInputError(f"expected a file of type {', '.join(_READERS)}, got {path.name!r}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            f"expected a readable file, got {str(path)!r}: {error.strerror or error}"
        ) from None
    try:
        content, dtype = _READERS[suffix](data, key)
        matrix = as_matrix(squeezed_kernel(content))
    except (InvalidInputError, SingularMatrixError) as error:
        raise type(error)(f"{path.name}: {error}") from None
    matrix = matrix.transpose() if transpose else matrix
    return MatrixFile(matrix, dtype, hashlib.sha256(data).hexdigest())


def _without_key(reader: Callable) -> Callable:
    def read(data: bytes, key: str | None) -> tuple[object, str]:
        if key is not None:
            raise InvalidInputError(f"expected no key for a file of one matrix, got {key!r}")
        return reader(data)

    return read


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text, got {error.reason}") from None


def _read_json(data: bytes) -> tuple[object, str]:
    def refuse(constant: str) -> NoReturn:
        raise InvalidInputError(f"expected finite numbers, got {constant}")

    def integer(digits: str) -> int:
        return int(Decimal(digits))

    try:
        return json.loads(_text(data), parse_int=integer, parse_constant=refuse), "json text"
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"expected JSON, got {error}") from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None


def _read_csv(data: bytes) -> tuple[list[list[str]], str]:
    try:
        return [row for row in csv.reader(io.StringIO(_text(data), newline="")) if row], "csv text"
    except csv.Error as error:
        raise InvalidInputError(f"expected fields of numbers, got: {error}") from None


def _read_market(data: bytes) -> tuple[DomainMatrix, str]:
    return read_market(_text(data)), "mtx text"


_READERS: dict[str, Callable[[bytes, str | None], tuple[object, str]]] = {
    ".npy": _without_key(read_npy),
    ".npz": read_npz,
    ".json": _without_key(_read_json),
    ".csv": _without_key(_read_csv),
    ".mtx": _without_key(_read_market),
    ".safetensors": read_safetensors,
    ".pt": read_torch,
    ".pth": read_torch,
}
