"""The arithmetic of an input: exact rationals, mpmath, or float64, vectorised.

A point is the list of its d entries: elements of QQ, mpmath numbers, or rows of floats, one for
each of N points; `convert` maps an element of QQ to a number of that kind, and names the
arithmetic.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import mpmath

from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import is_tensor, transpose_hint
from exactflow.exact.numbers import to_element, to_float, to_mpf
from exactflow.exact.typing import VectorLike


def image(fold: Callable, x: VectorLike, dimension: int) -> Any:
    """Return ``fold(entries, convert)``, the entries of the image of `x`, in the form of `x`.

    Floats are computed in float64, every weight being rounded once, and returned in their own
    dtype; mpmath numbers at the current precision of mpmath.
    """
    entries, convert = inexact_entries(x, dimension)
    if convert is to_mpf:
        return fold(entries, convert)
    import numpy as np

    array = np.asarray(x)
    with np.errstate(all="ignore"):
        return np.stack(fold(entries, convert)).reshape(array.shape).astype(array.dtype)


def is_inexact(x: object) -> bool:
    """Whether `x` is an array of floats, or has an entry that is a float or an ``mpf``.

    Raises `InvalidInputError` for a tensor, which a flow does not return.
    """
    if is_tensor(x):
        raise InvalidInputError(
            "expected an array or a list, got a tensor: exactflow.to_module(flow) maps tensors"
        )
    if (dtype := getattr(x, "dtype", None)) is not None:
        return getattr(dtype, "kind", "") == "f"
    if not isinstance(x, list | tuple | mpmath.matrix):
        return False
    rows = (entry if isinstance(entry, list | tuple) else (entry,) for entry in x)
    return any(isinstance(entry, float | mpmath.mpf) for entry in chain.from_iterable(rows))


def inexact_entries(x: VectorLike, dimension: int) -> tuple[list, Callable]:
    """Return the d entries of an inexact `x`, and the map from elements of QQ to their kind."""
    shape: tuple = getattr(x, "shape", ()) if hasattr(x, "dtype") else _shape(x)
    if shape[:1] != (dimension,) or len(shape) > 2:
        raise InvalidInputError(
            f"expected {dimension} coordinates along the first of at most two axes, "
            f"got shape {tuple(shape)}{transpose_hint(shape, dimension)}"
        )
    if not hasattr(x, "dtype") and any(isinstance(entry, mpmath.mpf) for entry in x):
        mixed = (entry if isinstance(entry, mpmath.mpf) else to_element(entry) for entry in x)
        return [to_mpf(entry) for entry in mixed], to_mpf
    import numpy as np

    array = np.asarray(x, dtype=None if hasattr(x, "dtype") else float)
    if array.dtype.itemsize > 8:
        raise InvalidInputError(
            f"expected floats of at most 64 bits, got {array.dtype}: use mpmath numbers for more"
        )
    return list(array.astype(float).reshape(dimension, -1)), to_float


def _shape(x: Any) -> tuple[int, ...]:
    """Shape of a list of numbers, or of lists."""
    is_nested = len(x) and isinstance(x[0], list | tuple)
    return (len(x), len(x[0])) if is_nested else (len(x),)
