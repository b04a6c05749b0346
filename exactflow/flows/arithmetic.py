"""Arithmetic in the kind of numbers of an input: exact, mpmath at any precision, or float64.

A point is a list of d entries. Each entry is an element of QQ, an mpmath number, or an array of
floats, one for each of N points. The function `convert` maps an element of QQ to a number of the
same kind, and so names the arithmetic.
"""

from collections.abc import Callable
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any

import mpmath
import sympy
from mpmath.ctx_iv import ivmpf
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import ExactMatrix, is_tensor, transpose_hint
from exactflow.exact.numbers import to_element, to_float, to_mpf
from exactflow.exact.typing import VectorLike

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import TypeIs


def map_inexact(image: Callable, x: VectorLike, dimension: int) -> Any:
    """Apply ``image(entries, convert)`` to inexact numbers; return the image in the form of `x`.

    Floats are mapped in float64, each weight being rounded once, and returned in their own dtype.
    Mpmath numbers are mapped column by column at the current precision of mpmath, and returned as
    an mpmath matrix or as lists.
    """
    if _holds_mpf(x):
        columns = [image(column, to_mpf) for column in _mpf_columns(x, dimension)]
        rows = [list(row) for row in zip(*columns, strict=True)]
        if isinstance(x, mpmath.matrix):
            return mpmath.matrix(rows)
        return rows if isinstance(x[0], list | tuple) else columns[0]
    import numpy as np

    array = as_floats(x, dimension)
    with np.errstate(all="ignore"):
        return (
            np.stack(image(_float_rows(array), to_float)).reshape(array.shape).astype(array.dtype)
        )


def convert_like(matrix: DomainMatrix, x: VectorLike) -> Any:
    """Return a matrix over QQ in the kind of numbers of `x`: a SymPy matrix, an mpmath matrix, or
    an array of the dtype of `x`.
    """
    if not is_inexact(x):
        return ExactMatrix.of(matrix)
    if _holds_mpf(x):
        return mpmath.matrix([[to_mpf(entry) for entry in row] for row in matrix.to_list()])
    import numpy as np

    entries = np.array([to_float(entry) for entry in matrix.to_list_flat()])
    with np.errstate(over="ignore"):
        return entries.reshape(matrix.shape).astype(getattr(x, "dtype", float))


def is_inexact(x: object) -> bool:
    """Whether `x` is an array of floats, or contains a float or an ``mpf``.

    Raises `InvalidInputError` for a tensor, because flows do not return tensors.
    """
    if is_tensor(x):
        raise InvalidInputError(
            "expected an array or a list, got a tensor: use exactflow.to_module(flow) for tensors"
        )
    if (dtype := getattr(x, "dtype", None)) is not None:
        return getattr(dtype, "kind", "") == "f"
    return any(map(_is_float, _entries_of(x)))


def inexact_entries(x: VectorLike, dimension: int) -> tuple[list, Callable]:
    """Return the d entries of an inexact `x`, and the conversion of elements of QQ to their kind.

    Raises `InvalidInputError` for several columns of mpmath numbers.
    """
    if not _holds_mpf(x):
        return _float_rows(as_floats(x, dimension)), to_float
    columns = _mpf_columns(x, dimension)
    if len(columns) != 1:
        raise InvalidInputError(
            f"expected one point of mpmath numbers, got {len(columns)} columns: pass the points "
            "one by one"
        )
    return columns[0], to_mpf


def as_floats(x: VectorLike, dimension: int) -> "np.ndarray":
    """Return an array of floats, or lists that contain a float, as an array of shape (d,) or
    (d, N).
    """
    import numpy as np

    if hasattr(x, "dtype"):
        if np.ma.is_masked(x):
            raise InvalidInputError("expected numbers, got masked entries: fill them with values")
        array = np.asarray(x)
        if array.shape[:1] != (dimension,) or array.ndim > 2:
            raise _wrong_shape(dimension, array.shape)
        _refuse_wide(array)
        return array
    rows = [[_round_to_float64(entry) for entry in row] for row in _as_rows(x, dimension)]
    array = np.array(rows)
    return array if isinstance(x[0], list | tuple) else array[:, 0]


def _float_rows(array: "np.ndarray") -> list:
    return list(array.astype(float).reshape(len(array), -1))


def _is_float(entry: object) -> "TypeIs[Real]":
    """Whether a number is a float of Python or NumPy, or an ``mpf``, but not an interval."""
    return isinstance(entry, Real) and not isinstance(entry, Rational | sympy.Basic | ivmpf)


def _round_to_float64(entry: object) -> float:
    _refuse_wide(entry)
    return float(entry) if _is_float(entry) else to_float(to_element(entry))


def _refuse_wide(numbers: object) -> None:
    """Raise `InvalidInputError` for floats of more than 64 bits."""
    dtype: Any = getattr(numbers, "dtype", None)
    if getattr(dtype, "kind", "") == "f" and dtype.itemsize > 8:
        raise InvalidInputError(
            f"expected floats of at most 64 bits, got {dtype}: use mpmath for higher precision"
        )


def _mpf_columns(x: Any, dimension: int) -> list[list[mpmath.mpf]]:
    """Return the columns of `x`, each entry rounded to the current precision of mpmath."""

    def round_to_mpf(entry: object) -> mpmath.mpf:
        return to_mpf(entry if isinstance(entry, mpmath.mpf) else to_element(entry))

    return [list(map(round_to_mpf, column)) for column in zip(*_as_rows(x, dimension), strict=True)]


def _as_rows(x: Any, dimension: int) -> list:
    """Return the rows of an mpmath matrix, or of nested lists; a flat list is one column."""
    rows = x.tolist() if isinstance(x, mpmath.matrix) else list(x)
    if not any(isinstance(row, list | tuple) for row in rows):
        rows = [[entry] for entry in rows]
    if len({len(row) if isinstance(row, list | tuple) else None for row in rows}) > 1:
        raise InvalidInputError("expected rows of equal length, got rows of different lengths")
    if len(rows) != dimension:
        raise _wrong_shape(dimension, (len(rows), len(rows[0])))
    return rows


def _wrong_shape(dimension: int, shape: tuple[int, ...]) -> InvalidInputError:
    return InvalidInputError(
        f"expected {dimension} coordinates along the first of at most two axes, since vectors are "
        f"columns, got shape {shape}{transpose_hint(shape, dimension)}"
    )


def _entries_of(x: object) -> list:
    """Return the entries of a list, of nested lists, or of an mpmath matrix; [] for other types."""
    if not isinstance(x, list | tuple | mpmath.matrix):
        return []
    rows = (entry if isinstance(entry, list | tuple) else (entry,) for entry in x)
    return [entry for row in rows for entry in row]


def _holds_mpf(x: object) -> bool:
    return any(isinstance(entry, mpmath.mpf) for entry in _entries_of(x))
