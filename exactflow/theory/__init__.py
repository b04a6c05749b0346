"""The theorems, in one table: what is stated, under which hypotheses, how it is checked, and where.

    >>> from exactflow import theorems
    >>> theorems["six layers"].check([[0, -1], [1, 0]]).depth
    3

`rows` is the single source of README's tables, of the book's and of ``exactflow theorems``.
"""

from exactflow.theory.rows import ROWS
from exactflow.theory.table import Challenge, Hypothesis, Theorem, Theorems

__all__ = ["Challenge", "Hypothesis", "Theorem", "Theorems", "theorems"]

#: The table of theorems, by name: ``theorems["six layers"].check(M)``, and ``.challenge()``.
theorems = Theorems(ROWS)
