"""Matrices and numbers as a person reads them: whole where they are small, else a corner."""

from html import escape
from typing import Any

import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

__all__ = ["shown_html", "shown_latex", "shown_text"]

LARGEST = 8
DIGITS = 20
CORNER = 3


def shown_text(value: Any, field: Domain) -> list[str]:
    """Return the lines of a matrix, or of a number.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(1), QQ(-1, 2)], [QQ(0), QQ(10)]], (2, 2), QQ)
    >>> print(*shown_text(M, QQ), sep="\\n")
    [1 -1/2]
    [0   10]
    """
    if not isinstance(value, DomainMatrix):
        return [_entry(value, field)]
    rows, head = _rows(value, field)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "[" + " ".join(entry.rjust(width) for entry, width in zip(row, widths, strict=True)) + "]"
        for row in rows
    ]
    return [f"{head}, its corner:", *lines] if head else lines


def shown_latex(value: Any, field: Domain) -> str:
    """Return a matrix, or a number, in LaTeX; of a large one the corner."""
    if not isinstance(value, DomainMatrix):
        return _entry_latex(value, field)
    matrix, head = _corner(value)
    rows = [[_entry_latex(x, value.domain) for x in row] for row in matrix.to_dense().to_list()]
    if head:
        rows = [[*row, "\\cdots"] for row in rows] + [["\\vdots"] * matrix.shape[1] + ["\\ddots"]]
    body = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def shown_html(value: Any, field: Domain) -> str:
    """Return a matrix as an HTML table, or a number."""
    if not isinstance(value, DomainMatrix):
        return escape(_entry(value, field))
    rows, head = _rows(value, field)
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(entry)}</td>" for entry in row) + "</tr>" for row in rows
    )
    note = f"<small>{escape(head)}, its corner:</small>" if head else ""
    return (
        f'{note}<table style="border-left: 1px solid; border-right: 1px solid; display: '
        f'inline-table; text-align: right; vertical-align: middle">{cells}</table>'
    )


def _corner(matrix: DomainMatrix) -> tuple[DomainMatrix, str]:
    """Return what is shown of a matrix, and what is said of a large one."""
    rows, columns = matrix.shape
    if max(rows, columns) <= LARGEST and _digits(matrix) <= DIGITS:
        return matrix, ""
    size = f"{rows} x {columns}"
    if matrix.domain.is_QQ:
        parts = ((v.numerator, v.denominator) for v in matrix.iter_values())
        bits = max((int(part).bit_length() for pair in parts for part in pair), default=1)
        size += f", entries of up to {bits} bits"
    return matrix[: min(rows, CORNER), : min(columns, CORNER)], size


def _digits(matrix: DomainMatrix) -> int:
    return max((len(_entry(v, matrix.domain)) for v in matrix.iter_values()), default=1)


def _rows(matrix: DomainMatrix, field: Domain) -> tuple[list[list[str]], str]:
    shown, head = _corner(matrix)
    rows = [[_entry(x, field) for x in row] for row in shown.to_dense().to_list()]
    if head:
        rows = [[*(_short(entry) for entry in row), ".."] for row in rows]
    return rows, head


def _short(entry: str) -> str:
    return entry if len(entry) <= DIGITS else f"{entry[: DIGITS - 2]}.."


def _entry(value: Any, field: Domain) -> str:
    return str(field.to_sympy(field.convert(value)))


def _entry_latex(value: Any, field: Domain) -> str:
    text = _entry(value, field)
    if len(text) > DIGITS and field.is_QQ:
        return f"\\text{{{_short(text)}}}"
    return sympy.latex(field.to_sympy(field.convert(value)))
