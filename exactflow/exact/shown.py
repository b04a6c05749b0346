"""Matrices and numbers as a person reads them: whole where they are small, else a corner.

A fraction that is too long is written as its first digits, which end in dots.
"""

import math
from html import escape
from typing import Any

import mpmath
import sympy
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.numbers import format_rational

__all__ = [
    "LARGEST",
    "entry_latex",
    "entry_text",
    "is_small",
    "shown_html",
    "shown_latex",
    "shown_text",
    "whole_latex",
]

LARGEST = 8
DIGITS = 20
CORNER = 3
_LEADING = 4


def is_small(matrix: DomainMatrix) -> bool:
    """Return whether a matrix is shown whole: at most 8 x 8, with entries of at most 20 letters."""
    return max(matrix.shape) <= LARGEST and all(
        len(_text(value, matrix.domain)) <= DIGITS for value in matrix.iter_values()
    )


def shown_text(value: Any, field: Domain, width: float = math.inf) -> list[str]:
    """Return the lines of a matrix, or of a number; a corner of what is wider than `width`.

    >>> from sympy import QQ
    >>> M = DomainMatrix([[QQ(1), QQ(-1, 2)], [QQ(0), QQ(10)]], (2, 2), QQ)
    >>> print(*shown_text(M, QQ), sep="\\n")
    [1 -1/2]
    [0   10]
    >>> print(*shown_text(M, QQ, 7), sep="\\n")
    2 x 2, up to 4 bits, begins:
    [1 ..]
    [0 ..]
    """
    if not isinstance(value, DomainMatrix):
        return [_text(value, field)]
    for most in (None, *range(CORNER, 0, -1)):
        rows, head = _rows(value, field, most)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            f"[{' '.join(entry.rjust(w) for entry, w in zip(row, widths, strict=True))}]"
            for row in rows
        ]
        if len(lines[0]) <= width:
            break
    return [f"{head}, begins:", *lines] if head else lines


def shown_latex(value: Any, field: Domain) -> str:
    """Return a matrix, or a number, in LaTeX; of a large one the corner."""
    if not isinstance(value, DomainMatrix):
        return entry_latex(value, field)
    matrix, head = _corner(value)
    if not head:
        return whole_latex(matrix)
    rows = [[*row, "\\cdots"] for row in _latex_rows(matrix)]
    return _matrix_latex([*rows, ["\\vdots"] * matrix.shape[1] + ["\\ddots"]])


def whole_latex(matrix: DomainMatrix) -> str:
    """Return all of a matrix in LaTeX; of 1 x 1 the entry."""
    rows = _latex_rows(matrix)
    return rows[0][0] if matrix.shape == (1, 1) else _matrix_latex(rows)


def _latex_rows(matrix: DomainMatrix) -> list[list[str]]:
    return [[entry_latex(x, matrix.domain) for x in row] for row in matrix.to_dense().to_list()]


def _matrix_latex(rows: list[list[str]]) -> str:
    body = " \\\\ ".join(map(" & ".join, rows))
    return f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"


def shown_html(value: Any, field: Domain) -> str:
    """Return a matrix as an HTML table, or a number."""
    if not isinstance(value, DomainMatrix):
        return escape(_text(value, field))
    rows, head = _rows(value, field)
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(entry)}</td>" for entry in row) + "</tr>" for row in rows
    )
    note = f"<small>{escape(head)}, begins:</small>" if head else ""
    return (
        f'{note}<table style="border-left: 1px solid; border-right: 1px solid; display: '
        f'inline-table; text-align: right; vertical-align: middle">{cells}</table>'
    )


def entry_text(value: Any, field: Domain) -> str:
    """Return a number; of a long one the first digits.

    >>> from sympy import QQ
    >>> entry_text(QQ(1, 3), QQ), entry_text(QQ(10**21, 3), QQ)
    ('1/3', '3.3333..e20')
    """
    text = _text(value, field)
    if len(text) <= DIGITS:
        return text
    if not field.is_QQ:
        return f"{text[: DIGITS - 2]}.."
    digits, exponent = _leading(value)
    return f"{digits}..e{exponent}" if exponent else f"{digits}.."


def entry_latex(value: Any, field: Domain) -> str:
    """Return a number in LaTeX; of a long rational one the first digits."""
    if not field.is_QQ or len(_text(value, field)) <= DIGITS:
        return sympy.latex(field.to_sympy(_element(value, field)))
    digits, exponent = _leading(value)
    return f"{digits}\\ldots" + (f" \\cdot 10^{{{exponent}}}" if exponent else "")


def _leading(value: Any) -> tuple[str, int]:
    """Return the first digits of a rational number, not rounded, and the power of ten."""
    with mpmath.workdps(_LEADING + 6):
        number = mpmath.mpf(int(value.numerator)) / int(value.denominator)
        decimal = mpmath.nstr(number, _LEADING + 4, min_fixed=0, max_fixed=0)
    mantissa, _, exponent = decimal.partition("e")
    whole, _, digits = mantissa.partition(".")
    return f"{whole}.{digits[:_LEADING]}", int(exponent or 0)


def _text(value: Any, field: Domain) -> str:
    element = _element(value, field)
    return format_rational(element) if field.is_QQ else str(field.to_sympy(element))


def _element(value: Any, field: Domain) -> Any:
    """Return an integer as an element of the field; text is never given to SymPy."""
    return field.convert(value) if isinstance(value, int) else value


def _corner(matrix: DomainMatrix, most: int | None = None) -> tuple[DomainMatrix, str]:
    """Return what is shown of a matrix, some columns at `most`, and what is said of a large one."""
    if is_small(matrix) and matrix.shape[1] <= (most or LARGEST):
        return matrix, ""
    rows, columns = matrix.shape
    size = f"{rows} x {columns}"
    if matrix.domain.is_QQ:
        parts = ((v.numerator, v.denominator) for v in matrix.iter_values())
        bits = max((int(part).bit_length() for pair in parts for part in pair), default=1)
        size += f", up to {bits} bits"
    return matrix[: min(rows, CORNER), : min(columns, most or CORNER)], size


def _rows(
    matrix: DomainMatrix, field: Domain, most: int | None = None
) -> tuple[list[list[str]], str]:
    shown, head = _corner(matrix, most)
    rows = [[entry_text(x, field) for x in row] for row in shown.to_dense().to_list()]
    return [[*row, ".."] for row in rows] if head else rows, head
