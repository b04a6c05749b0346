"""Prepare docstrings for Sphinx: sections in NumPy's style, everything else plain text."""

import re

__all__ = ["is_alias", "prepare_docstring"]

# text between a star before a letter and a star after one, within a paragraph
EMPHASIS = re.compile(r"(?<![\w*`])[*](?=[A-Za-z])((?:[^*\n]|\n(?!\n))+?)(?<=[\w.?!)])[*](?![\w*])")
STAR = "\0"
SECTIONS = ("Parameters", "Attributes", "Returns", "Yields", "Raises")


def prepare_docstring(app, what, name, obj, options, lines: list[str]) -> None:
    """Prepare a docstring for napoleon, in place, as ``autodoc-process-docstring`` asks for.

    Outside of sessions and backticks |x|, x* and x_ are plain text. "name : text" describes a
    parameter, not its type. Text indented by four is shown as it is. A session at the end of a
    docstring becomes its section of examples.
    """
    lines[:] = EMPHASIS.sub(f"{STAR}\\1{STAR}", "\n".join(lines)).split("\n")
    done: list[str] = []
    session, sections, margin = False, False, -1  # margin of a literal block, -1 outside of one
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
        line = escape_markup(line)
        if sections and (item := re.fullmatch(r"(\S[^:]*) : (.*)", line)):
            done += [item[1], f"    {item[2]}"]
        else:
            done.append(line)
    lines[:] = [line.replace(STAR, "*") for line in done]


def indent(line: str) -> int:
    """Return the number of blanks before a line."""
    return len(line) - len(line.lstrip())


def escape_markup(line: str) -> str:
    """Escape the markup of reStructuredText, except code and *emphasis*."""
    pieces = re.split(r"(`+[^`]*`+)", line)
    pieces[::2] = [re.sub(r"([|*]|_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
    return "".join(pieces)


def is_alias(app, what, name, obj, skip, options) -> bool | None:
    """Skip the fields of named tuples, which their class describes (`autodoc-skip-member`)."""
    return True if str(getattr(obj, "__doc__", "")).startswith("Alias for field number") else None
