"""Docstrings as they are written: sections of NumPy's style, everything else plain text."""

import re

__all__ = ["process"]

SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """Prepare a docstring for napoleon, in place, as ``autodoc-process-docstring`` asks for.

    Outside of sessions and backticks |x|, x* and x_ mean what they say. "name : text" describes a
    parameter and names no type. What is indented by four is shown as it is. A session that ends a
    docstring is its example.
    """
    done: list[str] = []
    session, sections, literal = False, False, False
    for line in lines:
        opens = line.lstrip().startswith(">>>")
        indented = line.startswith("    ") and not sections and not opens
        if done and re.fullmatch(r"-{4,}", line):
            sections = done[-1] in SECTIONS
        literal = (literal and not line.strip()) or indented
        if indented and (not done or not done[-1].strip()) and not in_literal(done):
            done += ["::", ""]
        if opens and sections:
            done += ["Examples", "--------"]
            sections = False
        session = opens or (session and bool(line.strip()))
        if session or literal:
            done.append(line)
            continue
        line = plain(line)
        if sections and (item := re.fullmatch(r"(\S[^:]*) : (.*)", line)):
            done += [item[1], f"    {item[2]}"]
        else:
            done.append(line)
    lines[:] = done


def in_literal(done: list[str]) -> bool:
    """Return whether the lines so far end in an indented block, which blank lines do not end."""
    last = next((line for line in reversed(done) if line.strip()), "")
    return last.startswith("    ")


def plain(line: str) -> str:
    """Escape what reStructuredText would read as markup, but for code between backticks."""
    pieces = re.split(r"(`+[^`]*`+)", line)
    pieces[::2] = [re.sub(r"([|*]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)
