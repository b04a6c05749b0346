"""Matrices from files, exactly, with what a certificate records of where they came from.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
``.mtx``                  Matrix Market; field ``rational`` is our extension, with p/q entries
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         tensors or state dicts; needs the extra ``torch``
========================  =====================================================================

Nothing is ever unpickled, except by ``torch.load(weights_only=True)``, which admits tensors only.
"""

import csv
import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, MissingExtraError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import format_rational, format_short, parse_rational
from exactflow.targets import squeezed_kernel

__all__ = ["MatrixFile", "read_matrix"]


@dataclass(frozen=True)
class MatrixFile:
    """A matrix read from a file, the type of its entries there, and the file's SHA-256."""

    matrix: DomainMatrix
    dtype: str
    sha256: str


def read_matrix(path: str | Path, key: str | None = None, transpose: bool = False) -> MatrixFile:
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
        content = _READERS[suffix](data, key)
        dtype = str(content.dtype) if isinstance(content, np.ndarray) else f"{suffix[1:]} text"
        matrix = as_matrix(squeezed_kernel(content))
    except InvalidInputError as error:
        raise type(error)(f"{path.name}: {error}") from None
    matrix = matrix.transpose() if transpose else matrix
    return MatrixFile(matrix, dtype, hashlib.sha256(data).hexdigest())


def _without_key(reader: Callable) -> Callable:
    def read(data: bytes, key: str | None):
        if key is not None:
            raise InvalidInputError(f"expected no key for a file of one matrix, got {key!r}")
        return reader(data)

    return read


def _chosen(arrays, key: str | None):
    """Return the array under `key`, or the only one."""
    names = sorted(arrays)
    if key is None and len(names) == 1:
        key = names[0]
    if key not in names:
        raise InvalidInputError(
            f"expected one of the keys {', '.join(map(repr, names))} (--key), got {key!r}"
        )
    return arrays[key]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text, got {error.reason}") from None


def _read_json(data: bytes):
    def refuse(constant: str):
        raise InvalidInputError(f"expected finite numbers, got {constant}")

    def integer(digits: str) -> int:
        return int(Decimal(digits))

    try:
        return json.loads(_text(data), parse_int=integer, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"expected JSON, got {error}") from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None


def _read_csv(data: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(_text(data))) if row]


def _read_npy(data: bytes) -> np.ndarray:
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InvalidInputError(
            f"expected a .npy file of numbers, which is never unpickled, got: {error}"
        ) from None


def _read_npz(data: bytes, key: str | None) -> np.ndarray:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            return _read_npy(archive.read(_chosen(members, key)))
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise InvalidInputError(f"expected a .npz archive, got: {error}") from None


def _read_safetensors(data: bytes, key: str | None) -> np.ndarray:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ImportError:
        raise MissingExtraError("safetensors", "a .safetensors file") from None
    try:
        return _chosen(load(data), key)
    except (SafetensorError, KeyError) as error:
        raise InvalidInputError(f"expected a .safetensors file, got: {error}") from None


def _read_torch(data: bytes, key: str | None) -> np.ndarray:
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "a .pt file") from None
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InvalidInputError(
            f"expected a .pt file of tensors only, got: {str(error).splitlines()[0]}"
        ) from None
    tensors = content if isinstance(content, dict) else {"": content}
    tensor = _chosen(tensors, "" if key is None and "" in tensors else key)
    if not isinstance(tensor, torch.Tensor):
        raise InvalidInputError(f"expected a tensor, got {type(tensor).__name__}")
    tensor = tensor.detach()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _read_matrix_market(data: bytes) -> list[list[str]]:
    header, *lines = _text(data).splitlines() or [""]
    banner = header.lower().split()
    if len(banner) != 5 or banner[:2] != ["%%matrixmarket", "matrix"]:
        raise InvalidInputError(
            "expected a first line '%%MatrixMarket matrix FORMAT FIELD SYMMETRY', "
            f"got {format_short(header)}"
        )
    layout, field, symmetry = banner[2:]
    if field not in ("integer", "real", "rational", "pattern") or symmetry not in _MIRRORED:
        raise InvalidInputError(
            "expected a field integer, real, rational (with p/q entries) or pattern, and symmetry "
            f"general, symmetric or skew-symmetric, got {field} and {symmetry}"
        )
    records = [line.split() for line in lines if line.strip() and not line.startswith("%")]
    if layout == "coordinate":
        size, entries = _coordinate_entries(records, field)
    elif layout == "array" and field != "pattern":
        size, entries = _array_entries(records, symmetry)
    else:
        raise InvalidInputError(f"expected format coordinate or array, got {layout} of {field}")
    rows = [["0"] * size[1] for _ in range(size[0])]
    for (i, j), value in entries:
        if "/" in value and field != "rational":
            raise InvalidInputError(
                f"expected {field} entries, got {value} at {(i, j)}: declare the field 'rational'"
            )
        rows[i][j] = value
        if i != j and (mirror := _MIRRORED[symmetry]) is not None:
            rows[j][i] = value if mirror > 0 else format_rational(-parse_rational(value))
    return rows


_MIRRORED = {"general": None, "symmetric": 1, "skew-symmetric": -1}


def _sizes(record: list[str], count: int) -> list[int]:
    if len(record) != count or not all(word.isascii() and word.isdigit() for word in record):
        raise InvalidInputError(
            f"expected {count} sizes or indices, got {format_short(' '.join(record))}"
        )
    return [int(word) for word in record]


def _coordinate_entries(records: list[list[str]], field: str):
    rows, columns, count = _sizes(records[0] if records else [], 3)
    if len(records) != count + 1:
        raise InvalidInputError(f"expected {count} entries, got {len(records) - 1}")
    entries = {}
    for record in records[1:]:
        i, j = _sizes(record[:2], 2)
        value = ["1"] if field == "pattern" else record[2:]
        if (
            len(value) != 1
            or not (1 <= i <= rows and 1 <= j <= columns)
            or (i - 1, j - 1) in entries
        ):
            raise InvalidInputError(
                f"expected one value at a new place within {rows} x {columns}, "
                f"got {format_short(' '.join(record))}"
            )
        entries[i - 1, j - 1] = value[0]
    return (rows, columns), entries.items()


def _array_entries(records: list[list[str]], symmetry: str):
    rows, columns = _sizes(records[0] if records else [], 2)
    offset = {"general": None, "symmetric": 0, "skew-symmetric": 1}[symmetry]
    places = [
        (i, j) for j in range(columns) for i in range(0 if offset is None else j + offset, rows)
    ]
    values = [word for record in records[1:] for word in record]
    if len(values) != len(places):
        raise InvalidInputError(f"expected {len(places)} entries, got {len(values)}")
    return (rows, columns), list(zip(places, values, strict=True))


_READERS = {
    ".npy": _without_key(_read_npy),
    ".npz": _read_npz,
    ".json": _without_key(_read_json),
    ".csv": _without_key(_read_csv),
    ".mtx": _without_key(_read_matrix_market),
    ".safetensors": _read_safetensors,
    ".pt": _read_torch,
    ".pth": _read_torch,
}
