"""Rational matrices in Rocq's syntax, and the library that theorems require.

A theorem requires a file of the library. A standalone theorem contains the text of this file
instead, after the texts of all files that this file requires.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files as resources
from typing import Any, NamedTuple, TypeAlias

LIBRARY = {
    "rationals": [],
    "flow": ["rationals"],
    "definitions": [],
    "shears": ["definitions"],
    "depth": ["shears", "rationals"],
    "scaled": ["depth"],
    "unequal": ["depth"],
}
"""Library file -> the files that it requires; `proofs/rocq` requires some of them, too.

In a standalone theorem `rationals` comes after `shears`: MathComp, which `shears` imports, defines
some names of `rationals` again.
"""

RocqTerm: TypeAlias = str
"""A term in Rocq's syntax, such as "Linear [::]"; not a statement, and not a proof."""

_REQUIRE = "From exactflow.certificates Require {} {}.\n"


class TheoremText(NamedTuple):
    """The parts of a theorem in Rocq's syntax.

    `about` is a summary, and `library` the name of the file that the theorem requires. The text in
    `definitions` stands before the theorem. `statement` is written as Rocq prints it.
    """

    about: str
    library: str
    name: str
    definitions: str
    statement: str
    proof: str


def read_library_file(name: str) -> str:
    """Return the text of the library file NAME.v beside this file."""
    return resources("exactflow.files.rocq").joinpath(f"{name}.v").read_text("utf-8")


def require_or_include_library(name: str, standalone: bool) -> str:
    """Return the line that requires a library file. If `standalone`, return the text of this file
    instead, after the texts of all files that it requires.
    """
    if not standalone:
        return _REQUIRE.format("Import", name)
    text = ""
    for other in _list_required_files_then_own(name):
        require_line = _REQUIRE.format("Export", " ".join(LIBRARY[other]))
        text += read_library_file(other).replace(require_line, "")
    return text


def _list_required_files_then_own(name: str) -> list[str]:
    """Return the names of all files that a library file requires, and then its own name."""
    before = [
        other for required in LIBRARY[name] for other in _list_required_files_then_own(required)
    ]
    return [*dict.fromkeys(before), name]


def write_rows_with_decimal_comments(
    M: Sequence[Sequence[Fraction]], rocq_rows: Sequence[str]
) -> str:
    """Return the rows of a matrix as a list in Rocq's syntax, one row a line.

    `rocq_rows` are the rows of M in Rocq's syntax. A comment after each row shows the entries of
    M as decimals, rounded to six digits.
    """
    lines: list[str] = []
    for entries, numbers in zip(M, rocq_rows, strict=True):
        end = "]" if len(lines) == len(M) - 1 else ";"
        decimals = (Decimal(x.numerator) / Decimal(x.denominator) for x in entries)
        lines.append(f"{numbers}{end}  (* {', '.join(format(x, '.6g') for x in decimals)} *)")
    return "[:: " + "\n      ".join(lines)


def write_rows(M: Iterable[Iterable]) -> RocqTerm:
    """Return a matrix of rationals as a list of lists in Rocq's syntax."""
    return write_row(M, write_row)


def write_row(entries: Iterable, write_entry: Callable[[Any], RocqTerm] | None = None) -> RocqTerm:
    """Return a list in Rocq's syntax; by default the entries are rationals."""
    return f"[:: {'; '.join(map(write_entry or write_rational, entries))}]"


def write_rational(x: Fraction) -> RocqTerm:
    """Return a rational in Rocq's syntax, for example -1/2 as Qmake (-0x1) 0x2.

    The digits are hexadecimal, since Python limits the number of decimal digits of a long integer.
    """
    sign = "-" if x < 0 else ""
    return f"Qmake ({sign}{hex(abs(x.numerator))}) {hex(x.denominator)}"
