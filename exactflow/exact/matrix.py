"""SymPy's matrix, with an exact ``==`` that refuses what it cannot compare."""

import sympy
from sympy.polys.matrices import DomainMatrix


class ExactMatrix(sympy.Matrix):
    """A `sympy.Matrix` that compares with arrays and nested lists by their exact values.

    SymPy's own ``matrix == array`` is False whatever the array holds. Here it is the truth in both
    directions, and an array with an entry that has no exact value is refused.
    """

    @classmethod
    def of(cls, matrix: DomainMatrix) -> "ExactMatrix":
        """Return the matrix in SymPy's form."""
        return cls._fromrep(matrix.to_Matrix()._rep)

    def __eq__(self, other: object) -> bool:
        if hasattr(other, "dtype") or isinstance(other, list | tuple):
            from exactflow.exact.coerce import as_rectangle

            other = as_rectangle(other).to_Matrix()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other
