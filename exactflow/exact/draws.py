"""Reproducible random matrices for the free choices of a construction."""

import random

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg


class Draws:
    """A reproducible stream of matrices with random integer entries from -bound to bound; over a
    finite field the entries are random elements.

    A construction adds such a matrix to its default choice, and tests the sum exactly. With bound 0
    the matrix is zero, and the default choice, which has the shortest numbers, is tested. The
    default seed is the bound.
    """

    def __init__(self, field: Domain, bound: int, seed: int | None = None) -> None:
        self.field = field
        self.bound = bound
        self._generator = random.Random(bound if seed is None else seed)

    def matrix(self, rows: int, columns: int) -> DomainMatrix:
        """Return the next random matrix, of the given shape."""
        least, most = -self.bound, self.bound
        if self.bound and self.field.is_FiniteField:
            least, most = 0, self.field.mod - 1
        draw, convert = self._generator.randint, self.field.convert
        entries = [[convert(draw(least, most)) for _ in range(columns)] for _ in range(rows)]
        return linalg.from_entries(entries, (rows, columns), self.field)
