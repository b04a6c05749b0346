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
    session, sections, margin = False, False, -1  # -1: in no block that stands as it is
    for line in lines:
        opens = line.lstrip().startswith(">>>")
        if done and re.fullmatch(r"-{4,}", line):
            sections = done[-1] in SECTIONS
        if line.strip() and indent(line) <= margin:
            margin = -1
        if margin < 0 and not sections and not opens and done and not done[-1].strip():
            above = next((indent(text) for text in reversed(done) if text.strip()), 0)
            if indent(line) >= above + 4:
                done += [" " * above + "::", ""]
                margin = above
        if opens and sections:
            done += ["Examples", "--------"]
            sections = False
        session = opens or (session and bool(line.strip()))
        if session or margin >= 0:
            done.append(line)
            continue
        line = plain(line)
        if sections and (item := re.fullmatch(r"(\S[^:]*) : (.*)", line)):
            done += [item[1], f"    {item[2]}"]
        else:
            done.append(line)
    lines[:] = done


def indent(line: str) -> int:
    """Return by how many blanks a line is indented."""
    return len(line) - len(line.lstrip())


def plain(line: str) -> str:
    """Escape what reStructuredText would read as markup, but for code between backticks."""
    pieces = re.split(r"(`+[^`]*`+)", line)
    pieces[::2] = [re.sub(r"([|*]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)
