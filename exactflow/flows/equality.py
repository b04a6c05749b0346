"""Exact equality of numbers, matrices and flows, of every library.

Floats compare as the fractions that they are: ``numpy.int64(2**53 + 1)`` does not equal
``float(2**53)``. NaN and masked entries have no value, and raise `InvalidInputError`. Matrices of
different libraries, nested lists and linear flows compare entry by entry.
"""

import math
from collections.abc import Mapping, Set
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import library_of

__all__ = ["are_equal"]


def are_equal(derived: Any, expected: Any) -> bool:
    """Whether two values are equal as numbers, matrices or containers of these, or else by ``==``.

    Raises `InvalidInputError` for NaN and for masked entries.
    """
    if _is_matrix_or_flow(derived) or _is_matrix_or_flow(expected):
        return _are_equal_matrices(derived, expected)
    for kind in (list, tuple):
        if isinstance(derived, kind) and isinstance(expected, kind):
            return len(derived) == len(expected) and all(map(are_equal, derived, expected))
    if isinstance(derived, Mapping) and isinstance(expected, Mapping):
        pairs = {_exact_value(key): value for key, value in derived.items()}
        wanted = {_exact_value(key): value for key, value in expected.items()}
        same_keys = pairs.keys() == wanted.keys()
        return same_keys and all(are_equal(pairs[key], wanted[key]) for key in pairs)
    return (_exact_value(derived) == _exact_value(expected)) is True


def _exact_value(x: Any) -> Any:
    """Return a number as a rational, tuples and sets of numbers likewise, and other values as they
    are.
    """
    if isinstance(x, tuple):
        return tuple(map(_exact_value, x))
    if isinstance(x, Set):
        return frozenset(map(_exact_value, x))
    is_long = False
    if (numpy := library_of(x, "numpy")) and isinstance(x, numpy.generic):
        x = x.item()
        is_long = isinstance(x, numpy.inexact)  # item() keeps a long double, which Python lacks
    sympy, mpmath, flint = (library_of(x, name) for name in ("sympy", "mpmath", "flint"))
    if sympy and isinstance(x, sympy.Basic):
        return _exact_expression(x)
    if flint and isinstance(x, flint.fmpq):
        return Fraction(int(x.numerator), int(x.denominator))
    if mpmath and isinstance(x, mpmath.mpf) and mpmath.isfinite(x):
        return Fraction(*map(int, mpmath.libmp.to_rational(x._mpf_)))
    if isinstance(x, complex) or (mpmath and isinstance(x, mpmath.mpc)) or (is_long and x.imag):
        return (_exact_value(x.real), _exact_value(x.imag)) if x.imag != 0 else _exact_value(x.real)
    if not (isinstance(x, float | Decimal) or is_long or (mpmath and isinstance(x, mpmath.mpf))):
        return x
    if x.is_nan() if isinstance(x, Decimal) else x != x:  # a signaling NaN compares with nothing
        raise InvalidInputError("expected numbers to compare, got NaN, which equals nothing")
    return float(x) if abs(x) == math.inf else Fraction(*x.real.as_integer_ratio())


def _exact_expression(x: Any) -> Any:
    """Return a SymPy expression with its floats replaced by the fractions that they are."""
    import mpmath
    import sympy

    if x.is_Rational:
        return x
    if x.has(sympy.nan):
        raise InvalidInputError("expected numbers to compare, got NaN, which equals nothing")
    pairs = {number: mpmath.libmp.to_rational(number._mpf_) for number in x.atoms(sympy.Float)}
    exact = {number: sympy.Rational(*map(int, pair)) for number, pair in pairs.items()}
    return x.xreplace(exact)


def _is_matrix_or_flow(x: Any) -> bool:
    """Whether a value is a linear flow, or a matrix, array or tensor of a known library."""
    names = "numpy", "sympy", "mpmath", "torch"
    numpy, sympy, mpmath, torch = (library_of(x, name) for name in names)
    return (
        _is_flow(x)
        or bool(numpy and isinstance(x, numpy.ndarray))
        or bool(sympy and isinstance(x, sympy.MatrixBase | sympy.polys.matrices.DomainMatrix))
        or bool(mpmath and isinstance(x, mpmath.matrix))
        or bool(torch and isinstance(x, torch.Tensor))
    )


def _is_flow(x: Any) -> bool:
    if library_of(x, "exactflow") is None:
        return False
    from exactflow.flows.flow import CouplingFlow

    return isinstance(x, CouplingFlow)


def _are_equal_matrices(derived: Any, expected: Any) -> bool:
    """Whether two values have the same shape and entries; at least one is a matrix or a flow."""
    if _is_flow(derived) and _is_flow(expected):
        return bool(derived == expected)
    pair = [x.domain_matrix() if _is_flow(x) else x for x in (derived, expected)]
    if len({tuple(x.shape) for x in pair if hasattr(x, "shape")}) > 1:
        return False
    if any(hasattr(x, "domain") for x in pair):
        from exactflow.exact.coerce import as_rectangular_matrix

        try:
            return _are_equal_over_common_field(*map(as_rectangular_matrix, pair))
        except InvalidInputError:  # no exact field contains the entries: compare them one by one
            pass
    return are_equal(*map(_as_nested_lists, pair))


def _are_equal_over_common_field(derived: Any, expected: Any) -> bool:
    """Whether two sparse or dense matrices are equal over a field that contains both fields."""
    from exactflow.exact.coerce import over_common_field

    fields = derived.domain, expected.domain
    if all(field.is_FiniteField for field in fields) and fields[0] != fields[1]:
        return False
    for field in fields:
        derived, expected = over_common_field(derived, field), over_common_field(expected, field)
    return bool(derived.to_dense() == expected.to_dense())


def _as_nested_lists(x: Any) -> Any:
    """Return matrices and nested tuples as nested lists, and other values as they are."""
    if isinstance(x, list | tuple):
        return list(map(_as_nested_lists, x))
    if hasattr(x, "as_explicit"):  # a matrix expression of SymPy, such as PermutationMatrix
        with suppress(TypeError, ValueError):  # its size may be symbolic
            x = x.as_explicit()
    if not _is_matrix_or_flow(x):
        return x
    if hasattr(x, "mask") and x.mask.any():
        raise InvalidInputError("expected entries to compare, got masked entries, without a value")
    try:
        x = x.detach().cpu().to_dense() if hasattr(x, "detach") else x
        return (x.to_Matrix() if hasattr(x, "domain") else x).tolist()
    except RuntimeError as error:  # PyTorch raises it for a tensor without data
        raise InvalidInputError(f"the entries of a tensor cannot be read: {error}") from None
