"""Exact equality of numbers, matrices and flows from different libraries.

A float counts as the fraction that it equals: ``numpy.int64(2**53 + 1)`` does not equal
``float(2**53)``. NaN and masked entries have no value, and raise `InvalidInputError`. Matrices of
different libraries, nested lists and linear flows compare entry by entry. SymPy expressions are
equal if their values are, for all values of their symbols, however they are written.
"""

import math
from collections.abc import Mapping, Set
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError, UndecidedClaimError
from exactflow.exact.typing import library_of

if TYPE_CHECKING:
    import sympy

__all__ = ["are_equal"]

COMPLEX = object()
"""Marks two rationals that stand for a complex number, which equals no tuple of a user."""


def are_equal(derived: Any, expected: Any) -> bool:
    """Whether two numbers, matrices or flows, or two containers of such values, are exactly equal.

    Other values are compared by ``==``.

    Raises `InvalidInputError` for NaN and for masked entries, and `UndecidedClaimError` for SymPy
    expressions that are neither proved equal nor proved different.
    """
    if _is_matrix_or_coupling_flow(derived) or _is_matrix_or_coupling_flow(expected):
        return _are_equal_as_matrices(derived, expected)
    for kind in (list, tuple):
        if isinstance(derived, kind) and isinstance(expected, kind):
            return len(derived) == len(expected) and all(map(are_equal, derived, expected))
    for keyed in (Mapping, Set):
        if isinstance(derived, keyed) and isinstance(expected, keyed):
            items = [
                {
                    _replace_numbers_by_rationals(key): x[key] if isinstance(x, Mapping) else None
                    for key in x
                }
                for x in (derived, expected)
            ]
            return all(map(_has_equal_items, items, reversed(items)))
    one, other = map(_replace_numbers_by_rationals, (derived, expected))
    if (one == other) is True:
        return True
    return _are_expressions_of_equal_value(one, other)


def _has_equal_items(items: Mapping, others: Mapping) -> bool:
    """Whether each key equals a key of `others`, as it is written or by its value, and so do their
    values.
    """
    return all(
        are_equal(value, others[key]) if key in others else _has_equal_item(key, value, others)
        for key, value in items.items()
    )


def _has_equal_item(key: Any, value: Any, others: Mapping) -> bool:
    """Whether an item of `others` has an equal key and an equal value; raise `UndecidedClaimError`
    if none is known to have both, and some may.
    """
    undecided = None
    for other_key, other_value in others.items():
        try:
            if are_equal(key, other_key) and are_equal(value, other_value):
                return True
        except UndecidedClaimError as error:
            undecided = error
    if undecided is not None:
        raise undecided
    return False


def _are_expressions_of_equal_value(derived: Any, expected: Any) -> bool:
    """Whether two SymPy expressions, or an expression and a number, are equal though they are
    written differently, as ``(1 + sqrt(2))**2`` and ``3 + 2*sqrt(2)``. False for other values.
    """
    sympy = library_of(derived, "sympy") or library_of(expected, "sympy")
    if not sympy:
        return False
    pair = [
        x[1] + sympy.I * x[2] if isinstance(x, tuple) and x[:1] == (COMPLEX,) else x
        for x in (derived, expected)
    ]
    if not all(isinstance(x, sympy.Expr | Rational) and not isinstance(x, bool) for x in pair):
        return False
    if all(isinstance(x, Rational) or x.is_Rational or x.is_infinite for x in pair):
        return False  # the values of two such numbers are equal only if the numbers are
    are_matrices = [isinstance(x, sympy.MatrixExpr) for x in pair]
    if any(are_matrices):
        decided = None if all(are_matrices) else False
    else:
        from exactflow.exact.coerce import as_rectangular_matrix, is_equal

        try:
            return is_equal(*(as_rectangular_matrix([[x]]) for x in pair))
        except InvalidInputError:  # no exact field contains both expressions
            decided = _vanishes_if_decided(sympy.sympify(pair[0]) - sympy.sympify(pair[1]))
    if decided is None:
        raise UndecidedClaimError(f"neither proved nor refuted: {pair[0]} = {pair[1]}")
    return bool(decided)


def _vanishes_if_decided(difference: "sympy.Expr") -> bool | None:
    """Whether an expression vanishes for all values of its symbols; None if SymPy decides neither.

    SymPy also tries random values, which are the same in each call.
    """
    from sympy.core import random

    state = random.rng.getstate()
    random.seed(0)
    try:
        decided: bool | None = difference.equals(0)
    finally:
        random.rng.setstate(state)
    return decided


def _replace_numbers_by_rationals(x: Any) -> Any:
    """Replace a number, or each number in a tuple or set, by the rational that it equals.

    Other values are returned unchanged; a complex number is `COMPLEX` and two rationals.
    """
    if isinstance(x, tuple):
        return tuple(map(_replace_numbers_by_rationals, x))
    if isinstance(x, Set):
        return frozenset(map(_replace_numbers_by_rationals, x))
    is_long = False
    if (numpy := library_of(x, "numpy")) and isinstance(x, numpy.generic):
        x = x.item()
        # item() returns a long double unchanged, because Python has no such type.
        is_long = isinstance(x, numpy.inexact)
    sympy, mpmath, flint = (library_of(x, name) for name in ("sympy", "mpmath", "flint"))
    if sympy and isinstance(x, sympy.Basic):
        return _replace_floats_in_expression(x)
    if flint and isinstance(x, flint.fmpq):
        return Fraction(int(x.numerator), int(x.denominator))
    if mpmath and isinstance(x, mpmath.mpf) and mpmath.isfinite(x):
        return Fraction(*map(int, mpmath.libmp.to_rational(x._mpf_)))
    if isinstance(x, complex) or (mpmath and isinstance(x, mpmath.mpc)) or (is_long and x.imag):
        real, imag = _replace_numbers_by_rationals(x.real), _replace_numbers_by_rationals(x.imag)
        return (COMPLEX, real, imag) if imag else real
    if not (isinstance(x, float | Decimal) or is_long or (mpmath and isinstance(x, mpmath.mpf))):
        return x
    # A Decimal is tested by is_nan(), because x != x raises an error for its signaling NaN.
    if x.is_nan() if isinstance(x, Decimal) else x != x:
        raise InvalidInputError("expected numbers to compare, got NaN, which equals no number")
    return float(x) if abs(x) == math.inf else Fraction(*x.real.as_integer_ratio())


def _replace_floats_in_expression(x: "sympy.Basic") -> "sympy.Basic":
    """Replace each float in a SymPy expression by the fraction that it equals."""
    import mpmath
    import sympy

    if x.is_Rational:
        return x
    if x.has(sympy.nan):
        raise InvalidInputError("expected numbers to compare, got NaN, which equals no number")
    pairs = {number: mpmath.libmp.to_rational(number._mpf_) for number in x.atoms(sympy.Float)}
    exact = {number: sympy.Rational(*map(int, pair)) for number, pair in pairs.items()}
    return x.xreplace(exact)


def _is_matrix_or_coupling_flow(x: Any) -> bool:
    """Whether a value is a linear flow, or a matrix, array or tensor of a known library."""
    names = "numpy", "sympy", "mpmath", "torch"
    numpy, sympy, mpmath, torch = (library_of(x, name) for name in names)
    return (
        _is_coupling_flow(x)
        or bool(numpy and isinstance(x, numpy.ndarray))
        or bool(sympy and isinstance(x, sympy.MatrixBase | sympy.polys.matrices.DomainMatrix))
        or bool(
            sympy
            and isinstance(x, sympy.MatrixExpr)
            and all(sympy.sympify(size).is_Integer for size in x.shape)
        )
        or bool(mpmath and isinstance(x, mpmath.matrix))
        or bool(torch and isinstance(x, torch.Tensor))
    )


def _is_coupling_flow(x: Any) -> bool:
    if library_of(x, "exactflow") is None:
        return False
    from exactflow.flows.flow import CouplingFlow

    return isinstance(x, CouplingFlow)


def _are_equal_as_matrices(derived: Any, expected: Any) -> bool:
    """Whether two values have equal shape and entries; at least one is a matrix or linear flow."""
    sympy = library_of(derived, "sympy")
    is_expression = bool(sympy and isinstance(derived, sympy.MatrixExpr))
    if is_expression and derived == expected and not derived.has(sympy.nan, sympy.Float):
        return True  # equal expressions need not be expanded, which can take long
    if _is_coupling_flow(derived) and _is_coupling_flow(expected):
        return bool(derived == expected)
    pair = [x.domain_matrix() if _is_coupling_flow(x) else x for x in (derived, expected)]
    if len({tuple(x.shape) for x in pair if hasattr(x, "shape")}) > 1:
        return False
    if any(hasattr(x, "domain") for x in pair):
        from exactflow.exact.coerce import as_rectangular_matrix, convert_to_common_field

        # If no exact field contains all entries, they are compared one by one below.
        with suppress(InvalidInputError):
            mine, theirs = map(as_rectangular_matrix, pair)
            fields = mine.domain, theirs.domain
            if all(field.is_FiniteField for field in fields) and fields[0] != fields[1]:
                return False
            # over GF(p), which does not contain QQ, entries in QQ are converted to GF(p)
            for field in [field for field in fields if field.is_FiniteField] or fields:
                mine = convert_to_common_field(mine, field)
                theirs = convert_to_common_field(theirs, field)
            return bool(mine.to_dense() == theirs.to_dense())
    lists = [_as_nested_lists(x) for x in pair]
    if any(map(_is_matrix_or_coupling_flow, lists)):  # an expression without explicit entries
        return bool(lists[0] == lists[1])
    return are_equal(*lists)


def _as_nested_lists(x: Any) -> Any:
    """Return a matrix, list or tuple as nested lists, and other values unchanged."""
    if isinstance(x, list | tuple):
        return list(map(_as_nested_lists, x))
    # Matrix expressions of SymPy have as_explicit, which raises an error for a symbolic size.
    if hasattr(x, "as_explicit"):
        with suppress(TypeError, ValueError):
            x = x.as_explicit()
    if not _is_matrix_or_coupling_flow(x) or not (hasattr(x, "tolist") or hasattr(x, "domain")):
        return x
    if hasattr(x, "mask") and x.mask.any():
        raise InvalidInputError(
            "expected entries to compare, got masked entries: fill them with values"
        )
    try:
        x = x.detach().cpu().to_dense() if hasattr(x, "detach") else x
        return (x.to_Matrix() if hasattr(x, "domain") else x).tolist()
    except RuntimeError as error:  # PyTorch raises this error for a tensor without data.
        raise InvalidInputError(f"the entries of a tensor cannot be read: {error}") from None
