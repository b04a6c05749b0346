"""Rational matrices in Rocq's syntax, and the library that theorems require.

A theorem requires a text of the library, or contains it and the texts that it requires.
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
"""Text -> the other texts that it requires; `proofs/rocq` requires some of them, too.

In one file `rationals` comes after `shears`: MathComp defines some of its names again.
"""

_REQUIRE = "From exactflow.certificates Require {} {}.\n"


class TheoremText(NamedTuple):
    """A theorem in Rocq's syntax.

    `about` is a summary, `library` the text that it requires, `definitions` stand before it, and
    `statement` is written as Rocq prints it.
    """

    about: str
    library: str
    name: str
    definitions: str
    statement: str
    proof: str


def read_library(name: str) -> str:
    """Return a text of the library."""
    return resources("exactflow.files.rocq").joinpath(f"{name}.v").read_text("utf-8")


def require_or_include_library(name: str, standalone: bool) -> str:
    """Return the line that requires a text, or the text itself after all texts that it requires."""
    if not standalone:
        return _REQUIRE.format("Import", name)
    return "".join(map(_read_without_require_line, _list_in_compile_order(name)))


def _list_in_compile_order(name: str) -> list[str]:
    """Return the names of all texts that a text requires and its own, in an order that compiles."""
    before = [other for required in LIBRARY[name] for other in _list_in_compile_order(required)]
    return [*dict.fromkeys(before), name]


def _read_without_require_line(name: str) -> str:
    """Return a text without the line that requires others."""
    return read_library(name).replace(_REQUIRE.format("Export", " ".join(LIBRARY[name])), "")


def write_target(M: Sequence[Sequence[Fraction]], written: Sequence[str]) -> str:
    """Return the written rows of a matrix, one a line, with decimals as comments."""
    lines: list[str] = []
    for entries, numbers in zip(M, written, strict=True):
        end = "]" if len(lines) == len(M) - 1 else ";"
        lines.append(f"{numbers}{end}  (* {_write_decimals(entries)} *)")
    return "[:: " + "\n      ".join(lines)


def _write_decimals(entries: Iterable[Fraction]) -> str:
    """Return a row as decimals."""
    return ", ".join(format(Decimal(x.numerator) / Decimal(x.denominator), ".6g") for x in entries)


def write_rows(M: Iterable[Iterable]) -> str:
    """Return a matrix as a list of lists."""
    return write_row(M, write_row)


def write_row(entries: Iterable, write: Callable[[Any], str] | None = None) -> str:
    """Return a list, each entry written by `write`, as rationals if it is left out."""
    return f"[:: {'; '.join(map(write or write_rational, entries))}]"


def write_rational(x: Fraction) -> str:
    """Return a rational as Qmake (-0x1) 0x2; Python limits the digits of decimals only."""
    sign = "-" if x < 0 else ""
    return f"Qmake ({sign}{hex(abs(x.numerator))}) {hex(x.denominator)}"
