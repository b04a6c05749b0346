"""Tables of what was found in a model: as text of any width, and as HTML."""

from collections.abc import Sequence
from html import escape
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["html", "lines"]

Rows = Sequence[Sequence[str]]
"""Cells; the heads of the columns come first."""


def lines(rows: Rows, width: int) -> list[str]:
    """Draw a table as lines of text; cells are broken where it is too wide."""
    table, drawn = Table(box=None, pad_edge=False), StringIO()
    for k, name in enumerate(rows[0]):
        table.add_column(name, overflow="fold", justify="right" if k else "left")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    Console(file=drawn, width=width).print(table)
    return [line.rstrip() for line in drawn.getvalue().splitlines()]


def html(rows: Rows, caption: str) -> str:
    """Draw a table as HTML."""
    cells = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in rows)
    drawn = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><caption>{escape(caption)}</caption>{drawn}</table>"
