"""Read matrices from files exactly, with the type and hash that a certificate's provenance needs.

========================  =====================================================================
``.npy``, ``.npz``        integers and floats, floats as the dyadic rationals that they are
``.json``                 rows of integers, "p/q" or decimal strings, and floats (read as float64)
``.csv``                  every field exactly as written: integers, p/q, decimals
``.txt``                  the same with blanks between the fields, as ``np.savetxt`` writes them
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         tensors or state dicts; needs the extra ``torch``
========================  =====================================================================

No content of a file is evaluated. Only ``torch.load`` with ``weights_only`` unpickles. The sizes in
a header are checked before memory is allocated.
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
from exactflow.files.atomic import prefixing_content_errors_with_file_name, read_file_or_stdin


@dataclass(frozen=True)
class MatrixFile:
    """A matrix from a file, the type of its entries in the file, and the file's SHA-256."""

    matrix: DomainMatrix
    dtype: str
    sha256: str


def read_square_matrix(
    path: str | Path, *, key: str | None = None, transpose: bool = False, **options: str
) -> MatrixFile:
    """Read a square matrix, or the weight of a 1x1 convolution, exactly from a file.

    The suffix of the file tells its type. Standard input ("-") and pipes are .npy, .npz, .pt or
    .json if their first bytes say so, and .csv otherwise. `key` names the array if the file has
    several. `transpose` transposes the matrix, for weights that act on row vectors. The other
    `options` are those of `as_square_matrix`.

    Raises `InvalidInputError` for a missing or unreadable file, an unknown suffix, or content that
    is no exact square matrix, and `MissingExtraError` if the library for this type is not
    installed.
    """
    data, suffix, name = _read_bytes_suffix_and_name(Path(path))
    return parse_square_matrix(data, suffix, name, key=key, transpose=transpose, **options)


def parse_square_matrix(
    data: bytes,
    suffix: str,
    name: str,
    *,
    key: str | None = None,
    transpose: bool = False,
    **options: str,
) -> MatrixFile:
    """Return the matrix in the content of a file of a type that `suffix` tells, as
    `read_square_matrix` does; `name` is the file's name in messages.
    """
    with prefixing_content_errors_with_file_name(name):
        content, dtype = _parse_values_and_type_name(data, suffix, key)
        matrix = as_square_matrix(content, **options)
    matrix = matrix.transpose() if transpose else matrix
    return MatrixFile(matrix, dtype, hashlib.sha256(data).hexdigest())


def _read_bytes_suffix_and_name(path: Path) -> tuple[bytes, str, str]:
    """Return the content of a file, pipe or standard input; the suffix of its type; its name."""
    suffix, is_stdin = path.suffix.lower(), str(path) == "-"
    if suffix in (*_ARRAY_SUFFIXES, *_TEXT_PARSERS):
        return read_file_or_stdin(path), suffix, path.name
    if not (is_stdin or path.is_fifo() or path.is_char_device()):
        if path.is_dir():
            raise InvalidInputError(f"expected the file of a matrix, got the folder {str(path)!r}")
        known = ", ".join((*_ARRAY_SUFFIXES, *_TEXT_PARSERS))
        raise InvalidInputError(f"expected a file of type {known}, got {str(path)!r}")
    data = read_file_or_stdin(path)
    begins = data.lstrip().startswith
    kind = next((kind for kind, first in _SIGNATURES if begins(first)), ".csv")
    if kind == ".npz" and b"/data.pkl" in data[:600]:  # the first member of an archive of PyTorch
        kind = ".pt"
    return data, kind, "stdin" if is_stdin else path.name


def _parse_values_and_type_name(data: bytes, suffix: str, key: str | None) -> tuple[Any, str]:
    """Return the rows of a matrix in a file, and the name of the type of the entries."""
    if suffix in _ARRAY_SUFFIXES:
        from exactflow.files.tensors import read_array_and_dtype

        return read_array_and_dtype(data, suffix, key)
    if key is not None:
        raise InvalidInputError(
            f"expected no key for a {suffix} file, since it has only one matrix, got {key!r}"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"expected UTF-8 text, got {error.reason}") from None
    return _TEXT_PARSERS[suffix](text), f"{suffix[1:]} text"


def _parse_json_rows_decimals_to_floats(text: str) -> object:
    """Return the rows in a JSON text: integers and strings as written, decimals as floats.

    Raises `InvalidInputError` for a JSON object, for NaN and for infinity.
    """

    def refuse_nan_or_infinity(constant: str) -> NoReturn:
        raise InvalidInputError(f"expected finite numbers, got {constant}")

    try:
        rows = json.loads(
            text,
            parse_int=lambda digits: parse_rational(digits).numerator,  # of any length
            parse_constant=refuse_nan_or_infinity,
        )
    except json.JSONDecodeError as error:
        raise InvalidInputError(
            f"the text is not JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise InvalidInputError("expected rows of numbers, got lists nested too deeply") from None
    if isinstance(rows, dict):
        raise InvalidInputError(
            "expected rows of numbers, got a JSON object: if it is a certificate, exactflow.load "
            "reads it, and exactflow check verifies it"
        )
    return rows


def _parse_headerless_csv_rows(text: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""))
    rows = dict[int, list[str]]()
    try:
        for row in lines:
            rows |= {lines.line_num: row} if row else {}
    except csv.Error as error:
        raise InvalidInputError(f"the text cannot be read as CSV: {error}") from None
    return _require_split_headerless_rows(
        rows, ";\t ", "separate fields by commas, and write decimals with a point"
    )


def _parse_headerless_blank_separated_rows(text: str) -> list[list[str]]:
    """Return rows of fields that blanks separate; # begins a comment, as in ``np.loadtxt``."""
    fields = (line.partition("#")[0].split() for line in text.splitlines())
    rows = {number: row for number, row in enumerate(fields, 1) if row}
    return _require_split_headerless_rows(
        rows, ",;", "separate fields by blanks, or name a file with commas .csv"
    )


def _require_split_headerless_rows(
    rows_by_line: Mapping[int, list[str]], foreign_separators: str, remedy_for_separators: str
) -> list[list[str]]:
    """Return the rows; raise `InvalidInputError` if the first row is a header, or if a foreign
    separator stands between two numbers. The message about a separator ends with the remedy.
    """
    glue = " " if "," in foreign_separators else ", "
    for number, row in rows_by_line.items():
        for sign in foreign_separators:
            parts = ([part for part in field.split(sign) if part.strip()] for field in row)
            if any(len(each) > 1 and all(map(_is_float_or_fraction, each)) for each in parts):
                raise InvalidInputError(
                    f"line {number} has {sign!r} between numbers: {remedy_for_separators}"
                )
    number, first = next(iter(rows_by_line.items()), (1, ["0"]))
    counts = list(map(str, range(len(first))))
    has_names = not first[0].strip() or not any(map(_is_float_or_fraction, first))
    is_counting = first == counts and len(rows_by_line) == len(first) + 1
    if len(rows_by_line) > 1 and (has_names or is_counting):
        raise InvalidInputError(
            f"line {number} is a header, {format_short(glue.join(first))}: remove it, and a column "
            "of row names if there is one"
        )
    return list(rows_by_line.values())


def _is_float_or_fraction(text: str) -> bool:
    """Whether a text is a float, NaN or a fraction p/q."""
    try:
        float(text.replace("/", ""))
    except ValueError:
        return False
    return True


_ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors", ".pt", ".pth")
_TEXT_PARSERS: dict[str, Callable[[str], object]] = {
    ".json": _parse_json_rows_decimals_to_floats,
    ".csv": _parse_headerless_csv_rows,
    ".txt": _parse_headerless_blank_separated_rows,
}
_SIGNATURES = ((".npy", b"\x93NUMPY"), (".npz", b"PK"), (".json", b"["), (".json", b"{"))
"""The first bytes of a matrix on standard input, by which its type is recognized."""
