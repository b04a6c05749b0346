"""Tables as text of a given width, and as HTML."""

import re
from collections.abc import Sequence
from html import escape
from itertools import zip_longest
from textwrap import wrap

from exactflow.flows.display import TABLE_STYLE

GAP = "  "

Cells = list[list[str]]
"""The cells of a row, each as a list of lines."""


def draw_table(head_and_rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return a table as lines of text; its first row has the heads, its first column the names.

    If the table is too wide, names are broken after blanks, and longer words after dots; if this is
    not enough, heads are also broken after blanks. If a name is still too long, each name gets
    lines of its own above its numbers. If the numbers alone are too wide, each row becomes a list
    of heads and numbers.
    """
    heads, body = head_and_rows[0], head_and_rows[1:]
    for head in ([[name] for name in heads], [name.split() for name in heads]):
        columns = zip(head[1:], *(row[1:] for row in body), strict=True)
        widths = [max(map(len, (*words, *cells))) for words, *cells in columns]
        room = width - sum(widths) - len(GAP) * len(widths)
        drawn = [head, *(_cells_with_name_lines(row, _break_name(row[0], room)) for row in body)]
        first = max(len(line) for cells in drawn for line in cells[0])
        if first <= room:
            return [line for cells in drawn for line in _draw_row(cells, [first, *widths])]
    if room < len(heads[0]):
        return [line for row in body for line in _draw_row_as_list(heads, row, width)]
    found = _draw_row(head, [room, *widths])
    for row in body:
        found += [part for line in _break_name(row[0], width) for part in wrap(line, width)]
        found += _draw_row(_cells_with_name_lines(row, [""]), [room, *widths])
    return found


def _cells_with_name_lines(row: Sequence[str], name_lines: list[str]) -> Cells:
    return [name_lines, *([text] for text in row[1:])]


def _draw_row_as_list(heads: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """Return a row as lines: the name, then "head: text" for each other cell, within the width."""
    pairs = (f"{head}: {text}" for head, text in zip(heads[1:], row[1:], strict=True))
    return [part for line in (row[0], *pairs) for part in wrap(line, width)]


def _break_name(name: str, most_characters: int) -> list[str]:
    """Break a name into lines of at most `most_characters`, after blanks, and within a longer word
    after dots.

    A part without blanks and dots that is still longer is a line of its own.
    """
    found = [""]
    for word in re.findall(r"\S+ *| +", name):
        is_long = len(word.rstrip()) > most_characters
        for part in re.findall(r"[^.]+\.*|\.+", word) if is_long else [word]:
            if found[-1] and len((found[-1] + part).rstrip()) > most_characters:
                found.append("")
            found[-1] += part
    return [line.rstrip() for line in found]


def _draw_row(cells: Cells, widths: Sequence[int]) -> list[str]:
    """Return lines with the cells side by side: the name aligned left, the other cells right."""
    drawn = []
    for name, *numbers in zip_longest(*cells, fillvalue=""):
        others = zip(numbers, widths[1:], strict=True)
        padded = (GAP + text.rjust(width) for text, width in others)
        drawn.append((name.ljust(widths[0]) + "".join(padded)).rstrip())
    return drawn


def format_html_table(head_and_rows: list[list[str]]) -> str:
    """Return a table as HTML, in the colours of the page; cells with "-" are dimmed.

    The first row has the heads of the columns.
    """
    heads, *rest = head_and_rows
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(map(_format_html_row, rest))
    return f'<table style="{TABLE_STYLE}"><tr>{head}</tr>{body}</table>'


def _format_html_row(cells: list[str]) -> str:
    name, *numbers = cells
    dashes = (' style="opacity: 0.3"' if text == "-" else "" for text in numbers)
    shown = (f"<td{dim}>{escape(x)}</td>" for dim, x in zip(dashes, numbers, strict=True))
    return f'<tr><td style="text-align: left">{escape(name)}</td>{"".join(shown)}</tr>'
