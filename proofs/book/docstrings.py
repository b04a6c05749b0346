"""Docstrings as they are written: sections of NumPy's style, everything else plain text."""

import re

__all__ = ["process"]


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """Prepare a docstring for napoleon, in place, as ``autodoc-process-docstring`` asks for.

    Outside of sessions and backticks |x|, x* and x_ mean what they say. "name : text" describes a
    parameter and names no type. A session that ends a docstring is its example.
    """
    done: list[str] = []
    session, sections = False, False
    for line in lines:
        opens = line.lstrip().startswith(">>>")
        sections = sections or re.fullmatch(r"-{4,}", line) is not None
        if opens and sections:
            done += ["Examples", "--------"]
            sections = False
        session = opens or (session and bool(line.strip()))
        if session:
            done.append(line)
            continue
        line = plain(line)
        if sections and (item := re.fullmatch(r"(\S[^:]*) : (.*)", line)):
            done += [item[1], f"    {item[2]}"]
        else:
            done.append(line)
    lines[:] = done


def plain(line: str) -> str:
    """Escape what reStructuredText would read as markup, but for code between backticks."""
    pieces = re.split(r"(`+[^`]*`+)", line)
    pieces[::2] = [re.sub(r"([|*]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)
