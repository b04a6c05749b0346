"""Map points in the arithmetic of their numbers: exact, mpmath at any precision, or float64.

A point is a list of d entries. Each entry is an element of QQ, an mpmath number, or an array of
floats, one for each of N points. The function `from_rational` converts an element of QQ, such as a
weight, to a number of the same kind; it thereby chooses the arithmetic.
"""

from collections.abc import Callable
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any, TypeAlias

import mpmath
import sympy
from mpmath.ctx_iv import ivmpf
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import ExactMatrix, is_torch_tensor, transpose_hint_or_empty
from exactflow.exact.numbers import to_element, to_float, to_mpf
from exactflow.exact.typing import Element, VectorLike

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import TypeIs

FromRational: TypeAlias = Callable[[Element], Any]
"""A conversion of elements of QQ to floats, to mpmath numbers, or to themselves."""


def map_floats_or_mpfs(
    image: Callable[[list, FromRational], list], x: VectorLike, dimension: int
) -> Any:
    """Return the image of `x`, which has floats or mpmath numbers, in the form of `x`.

    ``image(entries, from_rational)`` must return the entries of the image. Floats are mapped in
    float64 and returned in their own dtype; `from_rational` rounds each weight once. Mpmath numbers
    are mapped column by column at the current precision of mpmath, and returned as an mpmath matrix
    or as lists.
    """
    if _has_mpf_entry(x):
        columns = [image(column, to_mpf) for column in _mpf_columns(x, dimension)]
        rows = [list(row) for row in zip(*columns, strict=True)]
        if isinstance(x, mpmath.matrix):
            return mpmath.matrix(rows)
        return rows if isinstance(x[0], list | tuple) else columns[0]
    import numpy as np

    array = as_float_array_keeping_dtype(x, dimension)
    with np.errstate(all="ignore"):
        rows_of_image = np.stack(image(_float64_rows(array), to_float))
        return rows_of_image.reshape(array.shape).astype(array.dtype)


def convert_rationals_like(
    matrix: DomainMatrix, x: VectorLike
) -> "ExactMatrix | mpmath.matrix | np.ndarray":
    """Convert a matrix over QQ to the kind of numbers that `x` has.

    The result is a SymPy matrix if `x` is exact, an mpmath matrix if `x` has an ``mpf``, and
    otherwise an array of floats. If `x` has a dtype, the array has the same dtype.
    """
    if not is_inexact(x):
        return ExactMatrix.from_domain_matrix(matrix)
    if _has_mpf_entry(x):
        return mpmath.matrix([[to_mpf(entry) for entry in row] for row in matrix.to_list()])
    import numpy as np

    entries = np.array([to_float(entry) for entry in matrix.to_list_flat()])
    with np.errstate(over="ignore"):
        return entries.reshape(matrix.shape).astype(getattr(x, "dtype", float))


def refuse_tensor(x: object) -> None:
    """Raise `InvalidInputError` for a tensor of PyTorch, which flows do not map."""
    if is_torch_tensor(x):
        raise InvalidInputError(
            "expected vectors as an array or a list, got a tensor: "
            "map it by exactflow.to_module(flow)"
        )


def is_inexact(x: object) -> bool:
    """Whether `x` is an array of floats, or a list or mpmath matrix with a float or an ``mpf``."""
    if (dtype := getattr(x, "dtype", None)) is not None:
        return getattr(dtype, "kind", "") == "f"
    return any(map(_is_float_or_mpf, _flat_entries_if_list_or_mpmath(x)))


def inexact_entries_and_conversion(x: VectorLike, dimension: int) -> tuple[list, FromRational]:
    """Return the entries of `x`, which has floats or mpmath numbers, and a function that converts
    elements of QQ to numbers of the same kind.

    There are `dimension` entries; an entry of an array of floats is a row. Raises
    `InvalidInputError` for several columns of mpmath numbers.
    """
    if not _has_mpf_entry(x):
        return _float64_rows(as_float_array_keeping_dtype(x, dimension)), to_float
    columns = _mpf_columns(x, dimension)
    if len(columns) != 1:
        raise InvalidInputError(
            f"expected one point of mpmath numbers, got {len(columns)} columns: pass the points "
            "one by one"
        )
    return columns[0], to_mpf


def as_float_array_keeping_dtype(x: VectorLike, dimension: int) -> "np.ndarray":
    """Check that `x` has shape (d,) or (d, N), where d is `dimension`; return an array of floats.

    `x` is an array of floats of at most 64 bits, whose dtype remains, or a list, which is converted
    to float64.
    """
    import numpy as np

    if hasattr(x, "dtype"):
        if np.ma.is_masked(x):
            raise InvalidInputError(
                "expected a number in each entry, got masked entries: fill them with values"
            )
        array = np.asarray(x)
        if array.shape[:1] != (dimension,) or array.ndim > 2:
            raise _shape_error(dimension, array.shape)
        _refuse_floats_above_64_bits(array)
        return array
    rows = [[_round_to_float64(entry) for entry in row] for row in _as_rows(x, dimension)]
    array = np.array(rows)
    return array if isinstance(x[0], list | tuple) else array[:, 0]


def _float64_rows(array: "np.ndarray") -> "list[np.ndarray]":
    """Return the rows in float64; each entry of a vector is a row of one number."""
    return list(array.astype(float).reshape(len(array), -1))


def _is_float_or_mpf(entry: object) -> "TypeIs[Real]":
    """Whether a number is a float of Python or NumPy, or an ``mpf``, but not an interval."""
    return isinstance(entry, Real) and not isinstance(entry, Rational | sympy.Basic | ivmpf)


def _round_to_float64(entry: object) -> float:
    _refuse_floats_above_64_bits(entry)
    return float(entry) if _is_float_or_mpf(entry) else to_float(to_element(entry))


def _refuse_floats_above_64_bits(numbers: object) -> None:
    """Raise `InvalidInputError` for floats of more than 64 bits."""
    dtype: Any = getattr(numbers, "dtype", None)
    if getattr(dtype, "kind", "") == "f" and dtype.itemsize > 8:
        raise InvalidInputError(
            f"expected floats of at most 64 bits, got {dtype}: use mpmath for higher precision"
        )


def _mpf_columns(x: Any, dimension: int) -> list[list[mpmath.mpf]]:
    """Return the columns of `x` with each entry rounded to the current precision of mpmath."""
    return [
        [to_mpf(entry if isinstance(entry, mpmath.mpf) else to_element(entry)) for entry in column]
        for column in zip(*_as_rows(x, dimension), strict=True)
    ]


def _as_rows(mpmath_matrix_or_lists: Any, dimension: int) -> list[list]:
    """Return the rows of an mpmath matrix or of nested lists; a flat list is one column.

    Raises `InvalidInputError` unless there are `dimension` rows, and their lengths are equal.
    """
    values = mpmath_matrix_or_lists
    rows = values.tolist() if isinstance(values, mpmath.matrix) else list(values)
    if not any(isinstance(row, list | tuple) for row in rows):
        rows = [[entry] for entry in rows]
    if len({len(row) if isinstance(row, list | tuple) else None for row in rows}) > 1:
        raise InvalidInputError(
            "expected a matrix with rows of equal length, got rows of different lengths"
        )
    if len(rows) != dimension:
        raise _shape_error(dimension, (len(rows), len(rows[0])))
    return rows


def _shape_error(dimension: int, shape: tuple[int, ...]) -> InvalidInputError:
    hint = transpose_hint_or_empty(shape, dimension)
    return InvalidInputError(
        f"expected vectors of {dimension} entries (a list, or the columns of a matrix with "
        f"{dimension} rows), got an array or list of shape {shape}{hint}"
    )


def _flat_entries_if_list_or_mpmath(x: object) -> list:
    """Return the entries of a list, of nested lists, or of an mpmath matrix; [] for other types."""
    if not isinstance(x, list | tuple | mpmath.matrix):
        return []
    rows = (entry if isinstance(entry, list | tuple) else (entry,) for entry in x)
    return [entry for row in rows for entry in row]


def _has_mpf_entry(x: object) -> bool:
    return any(isinstance(entry, mpmath.mpf) for entry in _flat_entries_if_list_or_mpmath(x))
