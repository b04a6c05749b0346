"""Tables of what was found in a model, as text of any width."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

GAP = "  "

Cells = list[list[str]]
"""The cells of a row, each with its lines."""


def lines(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Draw a table, the heads of its columns first, as lines.

    Names are broken after blanks and dots, never in a word; then heads are. Where a name needs more
    room, each stands on a line of its own, and where the numbers do, each row is a list.
    """
    heads, body = rows[0], rows[1:]
    for head in ([[name] for name in heads], [name.split() for name in heads]):
        columns = zip(head[1:], *(row[1:] for row in body), strict=True)
        widths = [max(map(len, (*words, *cells))) for words, *cells in columns]
        room = width - sum(widths) - len(GAP) * len(widths)
        drawn = [head, *(_cells(_broken(row[0], room), row) for row in body)]
        first = max(len(line) for cells in drawn for line in cells[0])
        if first <= room:
            return [line for cells in drawn for line in _block(cells, [first, *widths])]
    if room < len(heads[0]):
        return [line for row in body for line in _listed(heads, row, width)]
    found = _block(head, [room, *widths])
    for row in body:
        found += [part for line in _broken(row[0], width) for part in wrap(line, width)]
        found += _block(_cells([""], row), [room, *widths])
    return found


def _cells(name: list[str], row: Sequence[str]) -> Cells:
    return [name, *([text] for text in row[1:])]


def _listed(heads: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    """List a row, its name first."""
    pairs = (f"{head}: {text}" for head, text in zip(heads[1:], row[1:], strict=True))
    return [part for line in (row[0], *pairs) for part in wrap(line, width)]


def _broken(name: str, room: int) -> list[str]:
    """Break a name after blanks and dots, into lines that fit where its words do."""
    found = [""]
    for word in re.findall(r"[^ .]+[ .]*|[ .]+", name):
        if found[-1] and len((found[-1] + word).rstrip()) > room:
            found.append("")
        found[-1] += word
    return [line.rstrip() for line in found]


def _block(cells: Cells, widths: Sequence[int]) -> list[str]:
    """Draw cells side by side, the first one from the left."""
    drawn = []
    for name, *numbers in zip_longest(*cells, fillvalue=""):
        others = zip(numbers, widths[1:], strict=True)
        padded = (GAP + text.rjust(width) for text, width in others)
        drawn.append((name.ljust(widths[0]) + "".join(padded)).rstrip())
    return drawn
