"""Rational matrices as text for Rocq, and the library with which its theorems begin.

A theorem requires one of the texts here, or begins with it and with those that it needs.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files as resources
from math import lcm
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
"""The texts, and of each the others that it requires; `proofs/rocq` stands on some of them, too.

In one file `rationals` comes after `shears`: what MathComp has again may not hide its names.
"""

_REQUIRE = "From exactflow.certificates Require {} {}.\n"


class Stated(NamedTuple):
    """A theorem: what it is about, in brief; the text that it requires; its name, what is defined
    before it, its statement as Rocq prints it, and what proves it.
    """

    about: str
    library: str
    name: str
    definitions: str
    statement: str
    proof: str


def text(name: str) -> str:
    """Return a text of the library."""
    return resources("exactflow.files.rocq").joinpath(f"{name}.v").read_text("utf-8")


def opening(name: str, standalone: bool) -> str:
    """Return the line that requires a text; or that text, after all that it requires."""
    if not standalone:
        return _REQUIRE.format("Import", name)
    return "".join(map(_alone, _needed(name)))


def _needed(name: str) -> list[str]:
    """Return a text and all that it requires, each once, in an order that compiles."""
    before = [other for one in LIBRARY[name] for other in _needed(one)]
    return [*dict.fromkeys(before), name]


def _alone(name: str) -> str:
    """Return a text without the line that requires others."""
    return text(name).replace(_REQUIRE.format("Export", " ".join(LIBRARY[name])), "")


def over(M: Sequence[Sequence[Fraction]]) -> tuple[int, list[list[int]]]:
    """Return the least common denominator of a matrix, and its numerators over it."""
    den = lcm(*(x.denominator for entries in M for x in entries))
    return den, [[x.numerator * (den // x.denominator) for x in entries] for entries in M]


def target_rows(M: Sequence[Sequence[Fraction]], written: Sequence[str]) -> str:
    """Return the rows of a matrix as they are written, one a line, with decimals beside them."""
    lines: list[str] = []
    for entries, numbers in zip(M, written, strict=True):
        end = "]" if len(lines) == len(M) - 1 else ";"
        lines.append(f"{numbers}{end}  (* {decimals(entries)} *)")
    return "[:: " + "\n      ".join(lines)


def decimals(entries: Iterable[Fraction]) -> str:
    """A row as decimals, for its comment."""
    return ", ".join(format(Decimal(x.numerator) / Decimal(x.denominator), ".6g") for x in entries)


def rows(M: Iterable[Iterable]) -> str:
    """Return a matrix, as a list of lists."""
    return row(M, row)


def row(entries: Iterable, write: Callable[[Any], str] | None = None) -> str:
    """Return a list of rationals, or of what `write` writes."""
    return f"[:: {'; '.join(map(write or rational, entries))}]"


def rational(x: Fraction) -> str:
    """Return a rational as Qmake (-0x1) 0x2: hexadecimal has no limit of digits in Python."""
    sign = "-" if x < 0 else ""
    return f"Qmake ({sign}{hex(abs(x.numerator))}) {hex(x.denominator)}"
