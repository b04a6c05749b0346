"""How theorems for Rocq write rational matrices, and the texts here that they begin with.

Each text but `rational_lists.v` needs those before it: a theorem is a few of them, and a claim.
"""

from collections.abc import Iterable
from fractions import Fraction
from importlib.resources import files as resources

__all__ = ["rational", "row", "rows", "texts"]


def texts(*names: str) -> str:
    """Return these texts, one after the other."""
    found = (resources("exactflow.files.rocq").joinpath(name) for name in names)
    return "\n".join(text.read_text("utf-8") for text in found)


def rows(M: Iterable[Iterable[Fraction]]) -> str:
    """Return a matrix, as a list of lists."""
    return f"[:: {'; '.join(map(row, M))}]"


def row(entries: Iterable[Fraction]) -> str:
    """Return a list of rationals."""
    return f"[:: {'; '.join(map(rational, entries))}]"


def rational(x: Fraction) -> str:
    """Return a rational: hexadecimal, which has no limit of digits in Python.

    >>> rational(Fraction(-1, 2))
    'Qmake (-0x1) 0x2'
    """
    sign = "-" if x < 0 else ""
    return f"Qmake ({sign}{hex(abs(x.numerator))}) {hex(x.denominator)}"
