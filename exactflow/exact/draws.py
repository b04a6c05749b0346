"""Small matrices for the choices that a construction leaves free: reproducible, zero at first."""

import random

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.typing import Element


class Draws:
    """A stream of matrices with integer entries from -bound to bound, the same on every run; over a
    finite field, with any entries.

    With bound 0 every matrix is zero: the choice that is written down with the fewest digits. A
    construction adds what it draws to a default, and rejects a draw by an exact test. The seed is
    the bound where it is left out.
    """

    def __init__(self, field: Domain, bound: int, seed: int | None = None) -> None:
        self.field = field
        self.bound = bound
        self._generator = random.Random(bound if seed is None else seed)

    def matrix(self, rows: int, columns: int) -> DomainMatrix:
        """Return the next matrix of the given shape."""
        entries = [[self._entry() for _ in range(columns)] for _ in range(rows)]
        return linalg.from_entries(entries, (rows, columns), self.field)

    def _entry(self) -> Element:
        if self.bound and self.field.is_FiniteField:
            return self.field(self._generator.randrange(self.field.mod))
        return self.field.convert(self._generator.randint(-self.bound, self.bound))
