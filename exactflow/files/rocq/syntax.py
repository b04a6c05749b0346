"""Rational matrices in Rocq's syntax, and the library that theorems require.

A theorem requires a file of the library, or contains its text after those of the files that this
file requires.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files as resources
from typing import Any, NamedTuple

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

_REQUIRE = "From exactflow.certificates Require {} {}.\n"


class TheoremText(NamedTuple):
    """The parts of a theorem in Rocq's syntax.

    `about` is a summary, `library` the file that the theorem requires, `definitions` stand before
    the theorem, and `statement` is written as Rocq prints it.
    """

    about: str
    library: str
    name: str
    definitions: str
    statement: str
    proof: str


def read_library(name: str) -> str:
    """Return the text of the library file NAME.v."""
    return resources("exactflow.files.rocq").joinpath(f"{name}.v").read_text("utf-8")


def require_or_include_library(name: str, standalone: bool) -> str:
    """Return the line that requires a library file or, if `standalone`, the text of this file after
    the texts of all files that it requires.
    """
    if not standalone:
        return _REQUIRE.format("Import", name)
    return "".join(map(_read_without_require_line, _list_in_compile_order(name)))


def _list_in_compile_order(name: str) -> list[str]:
    """Return the name of a library file after the names of all files that it requires."""
    before = [other for required in LIBRARY[name] for other in _list_in_compile_order(required)]
    return [*dict.fromkeys(before), name]


def _read_without_require_line(name: str) -> str:
    """Return the text of a library file without the line that requires other files."""
    return read_library(name).replace(_REQUIRE.format("Export", " ".join(LIBRARY[name])), "")


def write_target_with_decimals(M: Sequence[Sequence[Fraction]], written_rows: Sequence[str]) -> str:
    """Return a list of the written rows of a matrix, a row a line, with decimals as comments."""
    lines: list[str] = []
    for entries, numbers in zip(M, written_rows, strict=True):
        end = "]" if len(lines) == len(M) - 1 else ";"
        lines.append(f"{numbers}{end}  (* {_write_rounded_decimals(entries)} *)")
    return "[:: " + "\n      ".join(lines)


def _write_rounded_decimals(entries: Iterable[Fraction]) -> str:
    """Return the entries of a row as decimals of six digits."""
    return ", ".join(format(Decimal(x.numerator) / Decimal(x.denominator), ".6g") for x in entries)


def write_rows(M: Iterable[Iterable]) -> str:
    """Return a matrix of rationals as a list of lists in Rocq's syntax."""
    return write_row(M, write_row)


def write_row(entries: Iterable, write: Callable[[Any], str] | None = None) -> str:
    """Return a list in Rocq's syntax; `write` writes an entry, by default as a rational."""
    return f"[:: {'; '.join(map(write or write_rational, entries))}]"


def write_rational(x: Fraction) -> str:
    """Return a rational as Qmake (-0x1) 0x2, in hexadecimal: Python limits only decimal digits."""
    sign = "-" if x < 0 else ""
    return f"Qmake ({sign}{hex(abs(x.numerator))}) {hex(x.denominator)}"
