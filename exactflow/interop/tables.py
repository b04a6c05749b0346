"""Tables of what was found in a model, as text of any width."""

from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text


def lines(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Draw a table, the heads of its columns first, as lines; wide cells are broken."""
    table, drawn = Table(box=None, pad_edge=False), StringIO()
    for k, name in enumerate(rows[0]):
        table.add_column(name, overflow="fold", justify="right" if k else "left")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    Console(file=drawn, width=width).print(table)
    return [line.rstrip() for line in drawn.getvalue().splitlines()]
