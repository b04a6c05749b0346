"""Type names for elements, numbers and matrices in any accepted form; and the check of options.

SymPy has no type hints, so its values are `Any` to a type checker; the names here tell the reader
which values are meant.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    from fractions import Fraction

    import mpmath
    import numpy as np
    import sympy
    from sympy.polys.matrices import DomainMatrix

Element: TypeAlias = Any
"""An element of a SymPy domain."""

QQElement: TypeAlias = Any
"""An element of QQ. SymPy's ground types decide its class."""

NumberLike: TypeAlias = "int | float | str | Fraction | sympy.Expr | mpmath.mpf | np.number"
"""A number with an exact value; `exactflow.exact.numbers.to_element` converts it."""

MatrixLike: TypeAlias = "sympy.MatrixBase | DomainMatrix | np.ndarray | Sequence[Sequence[object]]"
"""A square matrix in any form; `exactflow.exact.coerce.as_square_matrix` converts it."""

VectorLike: TypeAlias = "sympy.MatrixBase | DomainMatrix | np.ndarray | Sequence[object]"
"""A vector or a matrix of columns; `exactflow.exact.coerce.as_vectors` converts it."""

PartitionLike: TypeAlias = "Sequence[int] | np.ndarray"
"""The sizes (p, q) of the halves, or a mask; `exactflow.flows.partition` reads it."""

DescendingCoefficients: TypeAlias = "Sequence[Element]"
"""A polynomial as the sequence of its coefficients, highest degree first."""

Half: TypeAlias = Literal["first", "second"]
"""One of the two halves of the coordinates."""

HALVES: tuple[Half, Half] = ("first", "second")
"""Both halves, in their order."""


def library_of(x: object, library_name: str) -> Any:
    """Return the named library if it defines the class of `x` or a base of this class, else None.

    For other values the library is not imported. ``sys.modules`` would not suffice: another thread
    may be importing the library, and this function waits for it.
    """
    if type(x).__module__ == "builtins":  # most values are numbers and lists
        return None
    # the module is None for the class of an undefined function of SymPy
    names = {str(kind.__module__).partition(".")[0] for kind in type(x).__mro__}
    return import_module(library_name) if library_name in names else None


def check_option(argument_name: str, value: object, options: Sequence[str]) -> None:
    """Raise `InvalidInputError`, which states the `argument_name`, unless `value` is one of the
    `options`.
    """
    if not (isinstance(value, str) and value in options):
        choices = ", ".join(map(repr, options))
        raise InvalidInputError(
            f"expected the argument {argument_name} to be one of {choices}, got {value!r}"
        )
