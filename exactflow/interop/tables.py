"""Tables as text of a given width, and as HTML."""

import re
from collections.abc import Sequence
from html import escape
from itertools import zip_longest
from textwrap import wrap

from exactflow.flows.display import TABLE_STYLE

GAP = "  "


def draw_table(head_and_rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return a table as lines of text; its first row has the heads, its first column the names.

    If the table is too wide, names are broken after blanks, and longer words after dots; if this is
    not enough, heads are also broken after blanks. If a name is still too long, each name gets
    lines of its own above its numbers. If the numbers alone are too wide, each row becomes a list
    of heads and numbers.
    """
    heads, *body = head_and_rows
    rows = [[[text] for text in row] for row in body]
    for head in ([[name] for name in heads], [name.split() for name in heads]):
        columns = zip(head[1:], *(row[1:] for row in body), strict=True)
        widths = [max(map(len, (*words, *cells))) for words, *cells in columns]
        room = width - sum(widths) - len(GAP) * len(widths)
        drawn = [head, *([_break_name(name, room), *numbers] for (name,), *numbers in rows)]
        first = max(len(line) for cells in drawn for line in cells[0])
        if first <= room:
            return [line for cells in drawn for line in _draw_row(cells, [first, *widths])]
    if room < len(heads[0]):
        lists = ((row[0], *map(": ".join, zip(heads[1:], row[1:], strict=True))) for row in body)
        return [part for lines in lists for line in lines for part in wrap(line, width)]
    found = _draw_row(head, [room, *widths])
    for (name,), *numbers in rows:
        found += [part for line in _break_name(name, width) for part in wrap(line, width)]
        found += _draw_row([[""], *numbers], [room, *widths])
    return found


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


def _draw_row(cells: list[list[str]], widths: Sequence[int]) -> list[str]:
    """Return lines with the cells side by side: the name aligned left, the other cells right.

    Each cell is a list of lines.
    """
    drawn = []
    for name, *numbers in zip_longest(*cells, fillvalue=""):
        line = name.ljust(widths[0])
        for text, width in zip(numbers, widths[1:], strict=True):
            line += GAP + text.rjust(width)
        drawn.append(line.rstrip())
    return drawn


def format_html_table(head_and_rows: list[list[str]]) -> str:
    """Return a table as HTML, in the colours of the page; cells with "-" are dimmed.

    The first row has the heads of the columns.
    """
    heads, *rest = head_and_rows
    rows = ["".join(f"<th>{escape(head)}</th>" for head in heads)]
    for name, *numbers in rest:
        dashes = (' style="opacity: 0.3"' if text == "-" else "" for text in numbers)
        shown = (f"<td{dim}>{escape(x)}</td>" for dim, x in zip(dashes, numbers, strict=True))
        rows.append(f'<td style="text-align: left">{escape(name)}</td>{"".join(shown)}')
    return f'<table style="{TABLE_STYLE}">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'
